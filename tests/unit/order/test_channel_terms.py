"""What a channel demands of a parcel is decided before stock: labels, codes, pickup points."""

from __future__ import annotations

from msgspec.structs import replace

from actors.order.stream import waiting_for
from schemas.messages import effects as f
from schemas.messages import inputs as i
from schemas.order.canonical import Order
from tests.given import F1, MAIN, REF, SETUP, Story, an_order, given_placed, given_released

HOME = an_order().ship_to
assert HOME is not None
LOCKER = replace(HOME, pickup_point=True)
SHUT = replace(SETUP, places=(replace(MAIN, refuses=frozenset({"pickup_point"})),))
OPEN = replace(SETUP, places=(replace(MAIN, refuses=frozenset()),))


def asks_for_stock(story: Story) -> bool:
    """Whether stock has been asked for."""
    return any(one.endswith(" stock.reserve.v2") for one in story.open_kinds())


def test_labels_that_only_the_channel_sells_hold_the_order_before_stock() -> None:
    """The reason says who must act and how; a person who releases it has it shipped with ours."""
    story = given_placed(Story(setup=OPEN), labels_from="channel")
    assert not asks_for_stock(story)
    told = waiting_for(story.state)
    assert "takes only labels that are bought from it" in told
    assert "buy the label and confirm the shipment there" in told
    story.act("release", "unmapped-labels")
    assert asks_for_stock(story)


def test_a_pickup_point_that_the_carrier_may_not_serve_holds_the_order_before_stock() -> None:
    """Where it may, it goes there by itself; an ordinary address is never asked about."""
    story = given_placed(Story(setup=SHUT), ship_to=LOCKER)
    assert not asks_for_stock(story)
    assert "collects it at a pickup point" in waiting_for(story.state)
    story.act("release", "unmapped-address")
    assert asks_for_stock(story)
    assert asks_for_stock(given_placed(Story(setup=OPEN), ship_to=LOCKER))
    assert asks_for_stock(given_placed(Story(setup=SHUT)))


def coded() -> Order:
    """An order whose first line needs the code of each piece."""
    order = an_order()
    first, *rest = order.lines
    return replace(order, lines=(replace(first, unit_codes="transparency"), *rest))


def test_the_codes_that_the_warehouse_tells_go_to_the_channel() -> None:
    """Each once, at most one for each piece, with the parcel that holds them; what is told of a
    line that is not in the parcel is dropped."""
    order = coded()
    story = given_released(Story(setup=SETUP), lines=order.lines)
    first, second = order.lines[:2]
    codes = (
        f.LineCodes(first.line_id, ("AZ:1", "AZ:1", "AZ:2", "AZ:3")),
        f.LineCodes("nothing of ours", ("AZ:9",)),
    )
    box = i.ReportedParcel(
        parcel_id="box-1",
        units=(
            f.Units(first.line_id, first.sku, first.quantity),
            f.Units(second.line_id, second.sku, second.quantity),
        ),
        carrier="UPS",
        tracking_number="1Z1",
        codes=codes,
    )
    story.when(i.ReportPacked(ref=REF, fulfilment=F1, task_id="t-F1", parcels=(box,)))
    story.when(i.ReportHandedOver(ref=REF, fulfilment=F1, task_id="t-F1"))
    told = story.effect(f.PublishFulfilment)
    assert isinstance(told, f.PublishFulfilment)
    assert [one.codes for one in told.parcels] == [(f.LineCodes(first.line_id, ("AZ:1", "AZ:2")),)]
