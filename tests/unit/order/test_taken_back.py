"""What a channel showed as sent and shows no more: others' units are ours again, and of our own a
person is told."""

from __future__ import annotations

import json

from msgspec.structs import replace

from actors.order.stream import waiting_for
from schemas.messages import effects as f
from schemas.messages import events as e
from schemas.messages import inputs as i
from schemas.order.canonical import Order
from tests.amazon_payloads import an_order as amazon_order
from tests.bigcommerce_payloads import a_bundle, a_product, read
from tests.bigcommerce_payloads import an_order as bc_order
from tests.given import (
    F1,
    K1,
    POSTED,
    REF,
    RESERVED,
    SENT,
    Story,
    a_line,
    a_parcel,
    given_closed,
    given_released,
    given_shipped,
    handed_over,
    later,
    order_of,
    packed,
    published,
    sold,
)
from tests.shopify_payloads import SHOP, a_payload
from tests.unit.order.test_channel import shown
from tests.unit.test_amazon_order import read as read_amazon
from tests.unit.test_bigcommerce_order import a_shipment
from tests.unit.test_shopify_fulfilled import a_fulfilment, lines

ORDER = order_of(a_line("1", 2), a_line("2", 1))


def all_of(minute: int, *shipments: i.OutsideShipment, order: Order = ORDER) -> i.UpdateOrder:
    """A statement of all that is fulfilled."""
    return i.UpdateOrder(order=later(minute, order), fulfilled=shipments, fulfilled_is_all=True)


def given_shipped_of(order: Order, theirs: i.OutsideShipment) -> Story:
    """Others sent a part of an order, and ours has left."""
    story = Story().when(i.PlaceOrder(order=order, fulfilled=(theirs,), fulfilled_is_all=True))
    story.done(f.ReserveStock, RESERVED).done(f.PostSalesOrder, POSTED).done(f.SendMail, SENT)
    story.done(f.CreateTask, f.TaskCreated(task_id="t-F1")).when(packed(a_parcel("a", l1=2)))
    story.done(f.BuyLabel, sold(K1)).when(handed_over())
    return published(story, outside_id="f-1")


def given_sent_by_others() -> Story:
    """The warehouse has the order, and the channel shows line 1 as sent by others."""
    story = given_released(lines=ORDER.lines, totals=ORDER.totals)
    story.when(all_of(10, shown("x", l1=2), shown("y", l2=1)))
    story.done(f.CancelTask, f.Undone()).done(f.ReleaseStock, f.Undone()).then_stage("closed")
    return story


def test_what_others_were_to_have_sent_is_ours_again() -> None:
    """Marked as sent by mistake, and taken back: a closed order is open again and planned."""
    story = given_sent_by_others()
    story.when(all_of(11, shown("y", l2=1)))
    story.then_events(e.UpdateNoted, e.NotElsewhere, e.Reopened, e.FulfilmentPlanned)
    story.then_stage("accepted").then_effects(f.ReserveStock)
    assert (story.counts(), story.counts(1)) == ({"q": 2, "a": 2}, {"q": 1, "e": 1})
    assert [name for name, _ in story.state.outside] == ["y"]
    story.when(all_of(12, shown("y", l2=1))).then_events(e.UpdateNoted)


def test_a_message_that_does_not_say_what_is_fulfilled_takes_nothing_back() -> None:
    """Nor does an older statement, or another one of the same second."""
    story = given_sent_by_others()
    story.when(i.UpdateOrder(order=later(11, ORDER))).then_events(e.UpdateNoted)
    story.when(all_of(11)).then_events()
    story.when(all_of(5)).then_events()
    assert (story.stage(), story.counts()) == ("closed", {"q": 2, "e": 2})


def test_what_is_being_stopped_for_others_is_kept_once_it_is_ours() -> None:
    """The wish ends; units that come back from the warehouse are planned once more."""
    story = given_released(lines=ORDER.lines, totals=ORDER.totals)
    story.when(all_of(10, shown("x", l1=2)))
    assert story.counts() == {"q": 2, "a": 2, "E": 2}
    story.when(all_of(11)).then_events(e.UpdateNoted, e.NotElsewhere)
    assert story.counts() == {"q": 2, "a": 2}
    story.done(f.CancelTask, f.Undone()).done(f.ReleaseStock, f.Undone())
    assert story.counts() == {"q": 2, "a": 2}
    assert F1 not in story.state.fulfilments


def test_a_shipment_that_takes_the_place_of_another_moves_nothing() -> None:
    """Deleted and made once more under another id: nothing is ours."""
    story = given_sent_by_others()
    story.when(all_of(11, shown("z", l1=2), shown("y", l2=1)))
    assert (story.stage(), story.counts()) == ("closed", {"q": 2, "e": 2})
    assert [name for name, _ in story.state.outside] == ["y", "z"]
    story.when(all_of(12, shown("y", l2=1))).then_stage("accepted")
    assert story.counts() == {"q": 2, "a": 2}


def test_units_that_are_added_to_a_known_shipment_are_sent_by_others_too() -> None:
    """What we would have sent of them is stopped, once; the same statement changes nothing more."""
    story = given_released(lines=ORDER.lines, totals=ORDER.totals)
    story.when(all_of(10, shown("x", l1=1)))
    story.when(all_of(11, shown("x", l1=2)))
    assert story.counts() == {"q": 2, "a": 2, "E": 2}
    assert story.state.outside == (("x", ((0, 2),)),)
    story.when(all_of(12, shown("x", l1=2))).then_events(e.UpdateNoted)
    story.when(all_of(13, shown("x", l1=2, l2=1)))
    assert story.counts(1) == {"q": 1, "a": 1, "E": 1}


def test_units_that_are_taken_out_of_a_known_shipment_are_ours_again() -> None:
    """By a newer statement of all that is fulfilled alone; the shipment goes on with the rest."""
    story = given_sent_by_others()
    half = (shown("x", l1=1), shown("y", l2=1))
    story.when(i.UpdateOrder(order=later(11, ORDER), fulfilled=half)).then_events(e.UpdateNoted)
    story.when(all_of(11, *half)).then_events().when(all_of(9, *half)).then_events()
    story.when(all_of(12, *half))
    story.then_events(e.UpdateNoted, e.NotElsewhere, e.Reopened, e.FulfilmentPlanned)
    assert story.counts() == {"q": 2, "e": 1, "a": 1}
    assert story.state.outside == (("x", ((0, 1),)), ("y", ((1, 1),)))
    story.when(all_of(13, *half)).then_events(e.UpdateNoted)
    story.when(all_of(14, shown("y", l2=1)))
    assert story.counts() == {"q": 2, "a": 2}


def test_units_that_go_from_one_shipment_to_another_are_not_ours() -> None:
    """Whether the other one is new or known."""
    story = given_sent_by_others()
    story.when(all_of(11, shown("x", l1=1), shown("y", l2=1), shown("z", l1=1)))
    assert (story.stage(), story.counts()) == ("closed", {"q": 2, "e": 2})
    story.when(all_of(12, shown("x", l2=1), shown("y", l1=1), shown("z", l1=1)))
    assert (story.counts(), story.counts(1)) == ({"q": 2, "e": 2}, {"q": 1, "e": 1})
    story.when(all_of(13, shown("x", l2=1), shown("y", l1=1)))
    assert (story.counts(), story.counts(1)) == ({"q": 2, "e": 1, "a": 1}, {"q": 1, "e": 1})


def test_units_that_a_shipment_lacks_stay_sent_while_the_sum_has_them() -> None:
    """A channel may count before it names: ours again once it does not count them any more."""
    story = given_sent_by_others()
    story.when(all_of(11, shown("x", l1=1), shown("y", l2=1), shown("", l1=2)))
    assert story.counts() == {"q": 2, "e": 2}
    story.when(all_of(12, shown("x", l1=1), shown("y", l2=1)))
    assert story.counts() == {"q": 2, "e": 1, "a": 1}


def test_a_line_under_another_name_leaves_a_known_shipment_as_it_is() -> None:
    """What was sent of it under its former SKU counts as sent, and what is left is ours."""
    story = given_released(lines=ORDER.lines, totals=ORDER.totals)
    story.when(all_of(10, shown("x", l1=1)))
    story.done(f.CancelTask, f.Undone()).done(f.ReleaseStock, f.Undone())
    named = replace(ORDER, lines=(replace(ORDER.lines[0], sku="SKU-9"), ORDER.lines[1]))
    told = i.UpdateOrder(
        order=later(11, named), fulfilled=(shown("x", l1=1),), fulfilled_is_all=True
    )
    story.when(told)
    before = [line.counts for line in story.state.lines]
    story.when(replace(told, order=later(12, named))).then_events(e.UpdateNoted)
    assert [line.counts for line in story.state.lines] == before
    assert story.state.outside == (("x", ((0, 1),)),)


def test_what_is_not_wanted_any_more_is_not_sent_either() -> None:
    """Taken off the order together with its shipment."""
    story = given_sent_by_others()
    fewer = order_of(a_line("2", 1))
    told = i.UpdateOrder(
        order=later(11, fewer), fulfilled=(shown("y", l2=1),), fulfilled_is_all=True
    )
    story.when(told)
    assert story.counts() == {"q": 2, "e": 2}
    assert not story.state.fulfilments


def test_of_what_we_sent_ourselves_a_person_is_told() -> None:
    """Our fulfilment was cancelled in the shop, and the goods have left: once, until it is so
    again. A statement from before it was shown says nothing."""
    story = published(given_shipped(lines=ORDER.lines, totals=ORDER.totals), outside_id="f-1")
    story.when(all_of(9)).then_events(e.UpdateNoted)
    story.when(all_of(10, shown("f-1", l1=2, l2=1))).then_events(e.UpdateNoted)
    story.when(all_of(11)).then_events(e.UpdateNoted, e.NotElsewhere, e.TaskOpened)
    told = waiting_for(story.state)
    assert "does not show 2 × SKU-1 of line 1, 1 × SKU-2 of line 2 as sent any more" in told
    assert "(shipment f-1)" in told
    story.when(all_of(12)).then_events(e.UpdateNoted)
    assert story.counts() == {"q": 2, "t": 2}


def test_our_shipment_under_another_id_is_no_ones_task() -> None:
    """Cancelled in the shop and made once more with our number."""
    story = published(given_shipped(lines=ORDER.lines, totals=ORDER.totals), outside_id="f-1")
    story.when(all_of(10, shown("f-1", l1=2, l2=1)))
    story.when(all_of(11, shown("f-2", "1Z-K1", l1=2, l2=1)))
    assert not story.state.tasks


def test_a_shipment_that_stands_for_ours_is_not_sent_by_others() -> None:
    """Made once more with a corrected number, also of an order that is closed: ours from then on,
    so that a person hears when it is gone as well."""
    for story in (
        published(given_shipped(lines=ORDER.lines, totals=ORDER.totals), outside_id="f-1"),
        given_closed(lines=ORDER.lines, totals=ORDER.totals),
    ):
        story.when(all_of(30, shown("f-1", l1=2, l2=1)))
        story.when(all_of(31, shown("f-2", "NEW", l1=2, l2=1)))
        story.then_events(e.UpdateNoted, e.NotElsewhere)
        assert (story.state.tasks, story.state.outside, story.state.shown) == ((), (), ("f-2",))
        story.when(all_of(32, shown("f-2", "NEW", l1=2, l2=1))).then_events(e.UpdateNoted)
        story.when(all_of(33))
        assert "(shipment f-2)" in waiting_for(story.state)


def test_a_shipment_with_more_than_ours_does_not_stand_for_it() -> None:
    """Nor does one beside ours: a person finds out which is true."""
    for theirs in (
        (shown("f-2", l1=3),),
        (shown("f-1", l1=2, l2=1), shown("f-2", l1=1)),
    ):
        story = published(given_shipped(lines=ORDER.lines, totals=ORDER.totals), outside_id="f-1")
        story.when(all_of(10, shown("f-1", l1=2, l2=1))).when(all_of(11, *theirs))
        assert "as sent by others, and ours have left, too" in waiting_for(story.state)


def test_what_stands_for_ours_does_not_keep_what_others_gave_back() -> None:
    """Of three pieces we sent one and others one: theirs is ours, and the next one goes on."""
    order = order_of(a_line("1", 3))
    story = given_shipped_of(order, shown("x", l1=1))
    assert story.counts() == {"q": 3, "e": 1, "t": 2}
    story.when(all_of(30, shown("f-1", l1=2), shown("x", l1=1), order=order))
    story.when(all_of(31, shown("f-2", "NEW", l1=2), order=order))
    assert story.counts() == {"q": 3, "a": 1, "t": 2}
    assert not story.state.tasks


def test_our_shipment_that_comes_with_a_change_is_known_when_it_is_gone() -> None:
    """The first statement with it may say something else, too."""
    story = published(given_shipped(lines=ORDER.lines, totals=ORDER.totals), outside_id="f-1")
    noted = replace(ORDER, note="ring twice")
    story.when(all_of(10, shown("f-1", l1=2, l2=1), order=noted))
    story.then_events(e.Changed, e.UpdateNoted)
    assert story.state.shown == ("f-1",)
    story.when(all_of(11, order=noted))
    assert "(shipment f-1)" in waiting_for(story.state)


def in_shopify(minute: int, left: int, status: str) -> i.UpdateOrder:
    """How a shop states two pieces, of which someone fulfilled both or took that back."""
    payload = a_payload(
        line_items=lines((2, left), (1, 1)),
        updated_at=f"2026-11-27T12:{minute}:00Z",
        fulfillments=[a_fulfilment(1, (1, 2), status=status)],
    )
    found = SHOP.translate("update", "", json.dumps(payload).encode())
    assert isinstance(found, i.UpdateOrder)
    return replace(found, order=replace(found.order, ref=REF))


def test_a_fulfilment_that_was_cancelled_in_shopify_is_sent_by_us() -> None:
    """The webhook has the fulfilment with its status, and the pieces are to be fulfilled again."""
    story = Story().when(in_shopify(10, 0, "success"))
    assert story.counts() == {"q": 2, "e": 2}
    story.when(in_shopify(11, 2, "cancelled"))
    assert story.counts() == {"q": 2, "a": 2}


def test_a_shopify_payload_without_fulfilments_does_not_say() -> None:
    """Fields may be left out of a subscription."""
    payload = a_payload(line_items=lines((2, 2)))
    for says in (True, False):
        told = {k: v for k, v in payload.items() if k != "fulfillments"}
        if says:
            told["fulfillments"] = []
        found = SHOP.translate("update", "", json.dumps(told).encode())
        assert isinstance(found, i.UpdateOrder)
        assert found.fulfilled_is_all is says
    unknown = a_payload(line_items=lines((2, None)), fulfillments=[])
    found = SHOP.translate("update", "", json.dumps(unknown).encode())
    assert isinstance(found, i.UpdateOrder)
    assert not found.fulfilled_is_all


def in_bigcommerce(hour: int, status: int, *shipments: object) -> i.UpdateOrder:
    """How the shop states two cups and a plate."""
    products = [
        a_product(1, "10.0000", 2, quantity_shipped=len(shipments)),
        a_product(2, "5.5000"),
    ]
    order = bc_order(
        status_id=status,
        items_shipped=len(shipments),
        date_modified=f"Sat, 28 Nov 2026 {hour:02}:00:00 +0000",
    )
    found = read(a_bundle(order, products=products, shipments=list(shipments)))
    assert isinstance(found, i.UpdateOrder)
    return replace(found, order=replace(found.order, ref=REF))


def test_a_bigcommerce_order_that_was_set_to_shipped_by_mistake_is_sent() -> None:
    """Back to Awaiting Fulfillment: everything is ours again."""
    story = Story().when(in_bigcommerce(9, 2)).then_stage("closed")
    story.when(in_bigcommerce(10, 11)).then_stage("accepted")
    assert story.counts() == {"q": 2, "a": 2}


def in_amazon(minute: int, quantity: int) -> i.UpdateOrder:
    """How Amazon states two pieces of one item and one of another, and a package of so many
    of the first that another program of the seller confirmed."""
    mug, *others = amazon_order()["orderItems"]
    counted = {"quantityFulfilled": quantity, "quantityUnfulfilled": 2 - quantity}
    mug = {**mug, "fulfillment": counted}
    package = {
        "packageReferenceId": "1",
        "trackingNumber": "T1",
        "packageStatus": {"status": "SHIPPED"},
        "packageItems": [{"orderItemId": mug["orderItemId"], "quantity": quantity}],
    }
    found = read_amazon(
        amazon_order(
            lastUpdatedTime=f"2026-11-29T12:{minute}:00Z",
            fulfillment={"fulfillmentStatus": "PARTIALLY_SHIPPED", "fulfilledBy": "MERCHANT"},
            orderItems=[mug, *others],
            packages=[package],
        )
    )
    assert isinstance(found, i.UpdateOrder)
    return replace(found, order=replace(found.order, ref=REF))


def test_an_amazon_package_that_is_confirmed_again_is_followed_in_what_it_holds() -> None:
    """Another confirmation under the same reference edits it."""
    story = Story().when(in_amazon(10, 1))
    assert (story.counts()["e"], story.counts()["a"]) == (1, 1)
    story.when(in_amazon(11, 2))
    assert (story.counts()["e"], story.counts()["E"]) == (1, 1)
    story.when(in_amazon(12, 1))
    assert story.counts() == {"q": 2, "e": 1, "a": 1}


def test_a_bigcommerce_shipment_is_followed_in_what_it_holds() -> None:
    """Someone corrects how many of the cups it has."""
    story = Story().when(in_bigcommerce(9, 3, a_shipment(5, (1, 1), tracking="")))
    story.when(in_bigcommerce(10, 3, a_shipment(5, (1, 2), tracking="")))
    assert story.counts() == {"q": 2, "e": 1, "a": 1, "E": 1}
    story.when(in_bigcommerce(11, 3, a_shipment(5, (1, 1), tracking="")))
    assert story.counts() == {"q": 2, "e": 1, "a": 1}


def test_a_bigcommerce_shipment_that_was_deleted_is_sent() -> None:
    """Someone else's shipment held one of the cups."""
    story = Story().when(in_bigcommerce(9, 3, a_shipment(5, (1, 1), tracking="")))
    assert story.counts() == {"q": 2, "e": 1, "a": 1}
    story.when(in_bigcommerce(10, 11))
    assert story.counts() == {"q": 2, "a": 2}


def test_a_bigcommerce_order_that_was_called_complete_by_hand_is_sent_by_no_one() -> None:
    """One cup is in someone else's shipment. The order counts whole, as sums beside it."""
    shipment = a_shipment(5, (1, 1), tracking="")
    complete = in_bigcommerce(10, 10, shipment)
    assert [(x.outside_id, [u.quantity for u in x.units]) for x in complete.fulfilled] == [
        ("5", [1]),
        ("", [2, 1]),
    ]
    story = Story().when(in_bigcommerce(9, 3, shipment)).when(complete)
    assert (story.counts(), story.counts(1)) == (
        {"q": 2, "e": 1, "a": 1, "E": 1},
        {"q": 1, "a": 1, "E": 1},
    )


def test_a_shipment_of_ours_that_is_entered_again_later_is_ours() -> None:
    """Given our shipment that was deleted in the shop, and that a person enters there again, as the
    task asks, without our number and in two parts: nothing is to be sent back, and no units count
    as sent by others. What is beyond ours does."""
    story = published(given_shipped(lines=ORDER.lines, totals=ORDER.totals))
    story.when(all_of(10, shown("f-1", l1=2, l2=1))).when(all_of(11))
    known = [one.words for one in story.state.tasks]
    assert "have them entered there again" in known[0]
    story.act("done", "changed")
    story.when(all_of(12, shown("again", l1=2)))
    story.when(all_of(13, shown("again", l1=2), shown("rest", l2=1)))
    assert (list(story.state.tasks), story.state.outside) == ([], ())
    story.when(all_of(14, shown("again", l1=2), shown("rest", l2=1), shown("x", l2=1)))
    assert [name for name, _ in story.state.outside] == ["x"]
