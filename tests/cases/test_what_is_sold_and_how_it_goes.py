"""What shops sell beside parcels of goods, and what no partner could carry out."""

from __future__ import annotations

import itertools

import pytest
from msgspec import convert, to_builtins
from msgspec.structs import replace

from adapters.kit.kind import Limits
from schemas.contracts.checks import refuse_order
from schemas.contracts.refusals import SHIP_TO_MISSING, Refused
from schemas.messages import effects as f
from schemas.messages import inputs as i
from schemas.order.canonical import Address, Order
from tests.cases import field
from tests.given import F1, REF, a_line, later
from tests.given import an_order as canonical
from tests.shopify_payloads import Json, a_payload, an_item, money

OAK = Address(
    name="Steve Shipper", lines=("12 Oak Street",), city="Lexington", country="US", region="KY",
    postal_code="40502",
)  # fmt: skip


_TOLD: Json = {"ref": REF, "fulfilment": F1, "task_id": "t-F1"}
_BOX = i.ReportedParcel(parcel_id="a", units=(f.Units("1", "SKU-1", 1),))
_REPORTS: dict[str, i.Input] = {
    "packed": i.ReportPacked(**_TOLD, sequence=1, parcels=(_BOX,)),
    "left": i.ReportHandedOver(**_TOLD, sequence=2),
    "collected": i.ReportCollected(**_TOLD, sequence=3),
}


def sale(*items: Json, total: str, **changes: object) -> i.Input:
    """A paid sale without shipping and tax."""
    told = {
        "line_items": list(items), "current_total_price": total,
        "current_total_price_set": money(total), "current_shipping_price_set": money("0.00"),
        "current_total_tax": "0.00", "current_total_tax_set": money("0.00"), "source_name": "web",
    }  # fmt: skip
    return field.shopify(field.encoded(a_payload(**told | changes)))


def test_a_sale_over_the_counter_is_recorded_and_closed() -> None:
    """It has no address, and nothing of it is for us to bring."""
    item = an_item(1, "15.00", fulfillable_quantity=0)
    given = sale(
        item, total="15.00", source_name="pos", shipping_address=None, shipping_lines=[]
    )  # fmt: skip
    story = field.placed(given)
    assert story.stage() == "closed"
    assert field.spent(story) == set()


def test_a_pickup_and_a_local_delivery_get_no_label() -> None:
    """A checkout asks for no address of what is collected; local delivery says so by its name."""
    store, bike = {"title": "Main Street Store"}, {"title": "Local Delivery"}
    for changes, delivery in (
        ({"shipping_address": None, "shipping_lines": [store]}, "pickup"),
        ({"shipping_lines": [bike]}, "local_delivery"),
    ):
        story = field.released(field.placed(sale(an_item(1, "15.00"), total="15.00", **changes)))
        (task,) = field.asked(story, f.CreateTask)
        assert (task.delivery, task.labels) == (delivery, "none")


@pytest.mark.parametrize("way", ["Local Delivery", "Main Street Store"])
@pytest.mark.parametrize("order", list(itertools.permutations(("packed", "left", "collected"))))
def test_what_the_customer_has_is_at_its_end_however_its_reports_arrive(
    way: str, order: tuple[str, ...]
) -> None:
    """A report that the customer has it may overtake the one of what was packed; nothing is
    awaited after that."""
    changes: Json = {"shipping_lines": [{"title": way}]}
    if way != "Local Delivery":
        changes["shipping_address"] = None
    story = field.released(field.placed(sale(an_item(1, "15.00"), total="15.00", **changes)))
    for name in order:
        story.when(_REPORTS[name])
    while story.state.open:
        kind = story.state.open[0].kind
        if kind == f.tag_of(f.SendMail):
            story.done(f.SendMail, f.MailSent(message_id="m-1"))
        elif kind == f.tag_of(f.TellStanding):
            story.done(f.TellStanding, f.StandingTold(told=True))
        else:
            story.done(f.PublishFulfilment, f.FulfilmentPublished(outside_ids=("f-1",)), F1)
    assert (story.stage(), story.state.tasks) == ("closed", ())


@pytest.mark.parametrize("source", ["web", "pos", "subscription_contract_checkout_one"])
def test_a_subscription_s_renewal_is_collected_as_its_checkout_was(source: str) -> None:
    """It names the shop's counter as its way of shipping, and has no address; a draft without one
    is refused, for someone may have forgotten it."""
    changes = {"shipping_address": None, "shipping_lines": [{"title": "Main Street Store"}]}
    told = sale(an_item(1, "15.00"), total="15.00", source_name=source, **changes)
    assert [line.delivery for line in field.order_of(told).lines] == ["pickup"]
    with pytest.raises(Refused) as refused:
        sale(an_item(1, "15.00"), total="15.00", source_name="shopify_draft_order", **changes)
    assert refused.value.reason == SHIP_TO_MISSING


@pytest.mark.parametrize(
    ("source", "subscription"),
    [
        ("subscription_contract", "subscription_contract"), ("web", ""), (None, ""),
        ("subscription_contract_checkout_one", "subscription_contract_checkout_one"),
    ],
)  # fmt: skip
def test_a_subscription_s_renewal_is_told_from_an_order_of_a_person(
    source: str | None, subscription: str
) -> None:
    """Rules send it its own way."""
    told = sale(an_item(1, "15.00"), total="15.00", source_name=source)
    assert field.order_of(told).subscription_ref == subscription


def test_goods_of_another_service_are_never_told_to_our_warehouse() -> None:
    """Print on demand sends its line by itself."""
    theirs = an_item(2, "25.00", fulfillment_service="printful")
    story = field.released(field.placed(sale(an_item(1, "20.00"), theirs, total="45.00")))
    (task,) = field.asked(story, f.CreateTask)
    assert [unit.sku for unit in task.units] == ["SKU-1"]
    assert story.state.lines[1].counts.get("e") == 1


def test_gift_cards_tips_and_services_are_booked_and_are_no_goods() -> None:
    """The ERP has an account for each, customs hears of the goods alone."""
    none = {"sku": None, "variant_id": None, "product_id": None, "requires_shipping": False}
    order = field.order_of(
        sale(
            an_item(1, "20.00"), an_item(2, "50.00", gift_card=True, requires_shipping=False),
            an_item(3, "4.00", **none, name="Gift wrapping"), total="79.00",
            total_tip_received="5.00",
        )
    )  # fmt: skip
    assert [line.kind for line in order.lines] == ["goods", "gift_card", "service", "tip"]
    document = field.booked(order)
    sold = [(x.lineType, x.lineObjectNumber) for x in document.lines if x.lineType != "Comment"]
    assert sold == [
        ("Item", "SKU-1"), ("Account", "22300"), ("Account", "40500"), ("Account", "40300"),
    ]  # fmt: skip
    assert field.total_of(document) == "79.00"
    there = replace(OAK, region="PR", postal_code="00901", phone="7875550123")
    told = field.shipment(replace(order, ship_to=there))
    assert told["InvoiceLineTotal"]["MonetaryValue"] == "20.00"


def test_money_without_an_account_is_held_before_stock() -> None:
    """The reason names the setting; where there is no such money, nothing is held."""
    poor = field.seller(Limits(unbooked=frozenset({"tip", "shipping"})))
    tipped = sale(an_item(1, "20.00"), total="25.00", total_tip_received="5.00")
    story = field.placed(tipped, setup=poor)
    assert field.holds(story) == {"unmapped-account"}
    assert "tip_account" in story.state.holds[0].reason
    assert field.spent(story) == set()
    assert field.holds(field.placed(sale(an_item(1, "20.00"), total="20.00"), setup=poor)) == set()


def test_a_custom_line_of_goods_without_sku_is_held_before_stock() -> None:
    """Its title says what it is; a table, or a person, says which article."""
    none = {"sku": None, "variant_id": None, "product_id": None}
    story = field.placed(sale(an_item(1, "20.00", **none, name="Oak table"), total="20.00"))
    assert field.holds(story) == {"unmapped-sku"}
    assert "Oak table" in story.state.holds[0].reason
    assert field.spent(story) == set()


@pytest.mark.parametrize(
    "wrong",
    [
        {"lines": ("P.O. Box 12",)}, {"lines": ("PSC 1 Box 2",), "city": "APO", "region": "AE"},
        {"city": ""}, {"lines": ("",)}, {"region": "Utopia"}, {"postal_code": "4050"},
        {"country": "SG", "region": "", "city": "", "postal_code": "238823"},
    ],
)  # fmt: skip
def test_an_address_no_label_can_have_is_held_until_it_is_corrected(
    wrong: dict[str, object],
) -> None:
    """Nothing is spent before; the channel's correction, or a person's, frees it by itself."""
    order = canonical(ship_to=replace(OAK, **wrong))
    for correction in (
        i.UpdateOrder(order=later(1, order, ship_to=OAK)),
        i.EditOrder(ref=REF, person="ann", ship_to=OAK),
    ):
        story = field.placed(i.PlaceOrder(order=order))
        assert field.holds(story) == {"unmapped-address"}
        assert field.spent(story) == set()
        story.when(correction)
        assert (field.holds(story), story.stage()) == (set(), "accepted")
        assert f.tag_of(f.ReserveStock) in field.spent(story)


def test_a_person_may_release_an_address_and_the_order_goes_as_it_is() -> None:
    """Someone knows better; the same address does not stop it twice."""
    order: Order = canonical(ship_to=replace(OAK, lines=("P.O. Box 12",)))
    story = field.placed(i.PlaceOrder(order=order)).act("release", "unmapped-address")
    assert (field.holds(story), story.stage()) == (set(), "accepted")
    story.when(i.UpdateOrder(order=later(2, order)))
    assert field.holds(story) == set()


def test_a_sku_too_long_for_the_erp_is_held_before_stock() -> None:
    """Twenty characters are Business Central's most."""
    line = a_line("1", 1, 1750, sku="X" * 21)
    story = field.placed(i.PlaceOrder(order=canonical(lines=(line,))))
    assert field.holds(story) == {"unmapped-item-number"}
    assert field.spent(story) == set()
    short = replace(line, sku="X" * 20)
    assert field.holds(field.placed(i.PlaceOrder(order=canonical(lines=(short,))))) == set()


def test_an_article_number_as_long_as_a_shop_s_is_taken_and_held() -> None:
    """Shopify's have up to 255 characters: the order is kept, and waits for an alias."""
    given = sale(an_item(1, "15.00", sku="X" * 255), total="15.00")
    assert field.order_of(given).lines[0].sku == "X" * 255
    refuse_order(field.order_of(given))
    story = field.placed(given)
    assert field.holds(story) == {"unmapped-item-number"}
    assert field.spent(story) == set()


def test_the_most_lines_of_goods_leave_room_for_what_is_not_goods() -> None:
    """Five hundred articles and a tip are taken; one more article is refused in words."""
    goods = [an_item(at, "1.00") for at in range(1, 501)]
    beside = an_item(501, "1.00", sku=None, requires_shipping=False, title="Tip", variant_id=None,
                     product_id=None)  # fmt: skip
    order = field.order_of(sale(*goods, beside, total="501.00"))
    assert (len(order.lines), order.lines[-1].kind) == (501, "tip")
    refuse_order(order)
    assert convert(to_builtins(order), Order) == order
    with pytest.raises(Refused, match="501 lines of goods; 500 are the most"):
        sale(*goods, an_item(501, "1.00"), total="501.00")
