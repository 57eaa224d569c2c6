"""Orders as shops really send them: each was refused, or read wrongly, in the field."""

from __future__ import annotations

import json

import pytest

from adapters.channels.shopify.settings import ShopifyTranslation
from adapters.channels.shopify.source import Shopify
from adapters.kit.translation import Translation
from schemas.contracts import refusals
from schemas.contracts.refusals import Refused
from schemas.messages.inputs import CancelOrder, Input, NoteReport, PlaceOrder, UpdateOrder
from schemas.messages.privacy import AskPrivacy
from schemas.order.canonical import Order
from tests.shopify_payloads import SHOP, Json, a_payload, an_item, money


def read(topic: str, payload: Json, *, kind: str = "place", shop: Shopify = SHOP) -> Input:
    """Return what a webhook becomes."""
    found = shop.translate(kind, topic, json.dumps(payload).encode())
    assert not isinstance(found, AskPrivacy)
    return found


def placed(payload: Json, shop: Shopify = SHOP) -> Order:
    """Return a new order."""
    found = read("orders/create", payload, shop=shop)
    assert isinstance(found, PlaceOrder)
    return found.order


def updated(payload: Json) -> UpdateOrder:
    """Return how an order looks now."""
    found = read("orders/updated", payload, kind="update")
    assert isinstance(found, UpdateOrder)
    return found


def priced(*items: Json, total: str, **changes: object) -> Json:
    """A paid order of these lines without shipping and tax."""
    told = {
        "line_items": list(items),
        "current_total_price": total,
        "current_total_price_set": money(total),
        "current_shipping_price_set": money("0.00"),
        "current_total_tax": "0.00",
        "current_total_tax_set": money("0.00"),
        **changes,
    }
    return a_payload(**told)


def test_a_list_may_be_null() -> None:
    """Apps that make orders write null for what they have none of."""
    item = an_item(1, "15.00", discount_allocations=None, tax_lines=None, properties=None)
    order = placed(
        priced(
            item, total="15.00", note_attributes=None, discount_codes=None,
            discount_applications=None, refunds=None, fulfillments=None, shipping_lines=None,
            payment_gateway_names=None,
        )
    )  # fmt: skip
    assert (order.lines[0].total_minor, order.attributes, order.payment_method) == (1500, {}, "")


def test_a_line_s_properties_may_be_an_object() -> None:
    """Names become attributes of the line; what is not text is shown as JSON."""
    properties = {"Engraving": "For M.", "_options": {"size": "S"}, "none": None}
    order = placed(priced(an_item(1, "15.00", properties=properties), total="15.00"))
    assert order.attributes == {
        "line 1: Engraving": "For M.",
        "line 1: _options": '{"size":"S"}',
        "line 1: none": "",
    }


def test_an_attribute_may_have_no_name() -> None:
    """It is kept under none; one without a value is empty."""
    named = [{"name": None, "value": "x"}, {"name": "gift", "value": None}]
    order = placed(priced(an_item(1, "15.00"), total="15.00", note_attributes=named))
    assert order.attributes == {"": "x", "gift": ""}


def test_a_price_may_be_a_number_that_is_exact() -> None:
    """20.0 is twenty; half a cent is refused as in a text."""
    item = an_item(1, "20.00")
    item["price"], item["price_set"] = 20.0, None
    order = placed(priced(item, total="20.00", current_total_price=20))
    assert order.totals.total_minor == 2000
    item["price"] = 20.005
    with pytest.raises(Refused) as refused:
        placed(priced(item, total="20.00"))
    assert refused.value.reason == refusals.MONEY_UNREADABLE


def test_a_part_that_was_refunded_before_we_heard_is_wanted_no_more() -> None:
    """Two of three pieces are left, with their share of discount and tax: 24.49 is still paid."""
    allocation = {"amount": "3.00", "amount_set": money("3.00"), "discount_application_index": 0}
    item = an_item(
        1, "10.00", quantity=3, current_quantity=2, fulfillable_quantity=2,
        discount_allocations=[allocation],
        tax_lines=[{"title": "State", "price": "2.23", "price_set": money("2.23")}],
    )  # fmt: skip
    order = placed(
        priced(
            item, total="24.49", financial_status="partially_refunded", total_price="34.23",
            current_shipping_price_set=money("5.00"), current_total_tax="1.49",
            current_total_tax_set=money("1.49"),
            refunds=[{"created_at": "2026-11-27T12:00:00Z"}],
        )
    )  # fmt: skip
    assert (order.payment, order.totals.total_minor) == ("partially_refunded", 2449)
    assert [(line.quantity, line.total_minor) for line in order.lines] == [(2, 1800)]


def test_money_given_back_alone_leaves_the_goods_as_they_are() -> None:
    """Goodwill holds nothing; the current order is fetched, for it is worth less now."""
    refund = {"order_id": 7, "created_at": "2026-11-27T12:00:00Z", "refund_line_items": []}
    note = read("refunds/create", refund, kind="note")
    assert isinstance(note, NoteReport)
    assert (note.hold, note.refetch) == ("", True)
    goods = read("refunds/create", {**refund, "refund_line_items": [{"id": 1}]}, kind="note")
    assert isinstance(goods, NoteReport)
    assert (goods.hold, goods.at) == ("once_begun", "2026-11-27T12:00:00Z")


def test_an_edited_order_states_what_is_wanted_now() -> None:
    """A line that was added is there, one that was taken away is not, and the total is today's."""
    lines = [an_item(1, "20.00", quantity=2, current_quantity=2), an_item(2, "5.00")]
    lines[1]["current_quantity"] = 0
    added = an_item(991, "9.00", sku="ADDED")
    order = updated(priced(*lines, added, total="49.00", total_price="45.00")).order
    assert [(line.line_id, line.quantity) for line in order.lines] == [("1", 2), ("991", 1)]
    assert order.totals.total_minor == 4900


def test_an_order_of_which_every_line_was_taken_away_is_cancelled() -> None:
    """Nothing of it is wanted, whatever its topic says."""
    gone = an_item(1, "20.00", current_quantity=0)
    found = read("orders/updated", priced(gone, total="0.00"), kind="update")
    assert isinstance(found, CancelOrder)
    assert found.whole


def test_an_exchange_adds_a_line_to_an_order_that_has_left() -> None:
    """One of two came back and another article is owed: only that is open."""
    left = an_item(1, "20.00", quantity=2, current_quantity=1, fulfillable_quantity=0)
    swap = an_item(2, "20.00", sku="SWAP-BLUE", fulfillable_quantity=1)
    found = updated(priced(left, swap, total="40.00", fulfillment_status="partial"))
    assert [(line.sku, line.quantity) for line in found.order.lines] == [
        ("SKU-1", 1),
        ("SWAP-BLUE", 1),
    ]
    (sent,) = found.fulfilled
    assert [(unit.line_id, unit.quantity) for unit in sent.units] == [("1", 1)]


def test_cash_on_delivery_names_its_method_and_what_is_due() -> None:
    """The method is as the shop names it, or as its settings call it; the sum is what is owed."""
    payload = priced(
        an_item(1, "15.00"), total="15.00", financial_status="pending",
        payment_gateway_names=["Cash on Delivery (COD)"], total_outstanding="15.00",
    )  # fmt: skip
    order = placed(payload)
    assert (order.payment, order.payment_method) == ("pending", "Cash on Delivery (COD)")
    assert order.amount_due_minor == 1500
    own = Shopify(
        "x", shop_domain="", secrets=(), api_version="",
        translation=ShopifyTranslation(payment_methods={"Cash on Delivery (COD)": "cod"}),
    )  # fmt: skip
    assert placed(payload, own).payment_method == "cod"
    del payload["total_outstanding"]
    assert placed(payload).amount_due_minor is None


@pytest.mark.parametrize(
    ("gateways", "name", "method"),
    [
        ([], "Net 30", "Net 30"), ([], "NET_30", "NET 30"),
        (["manual"], "Net 60", "manual, Net 60"), (["card", "COD"], None, "card, COD"),
    ],
)  # fmt: skip
def test_an_order_on_terms_is_paid_by_its_terms(
    gateways: list[str], name: str | None, method: str
) -> None:
    """Whether or not a gateway is named beside them, and however a version writes them."""
    terms = {"id": 1, "payment_terms_name": name, "payment_terms_type": "net"}
    order = placed(
        priced(
            an_item(1, "15.00"), total="15.00", financial_status="pending",
            payment_gateway_names=gateways, payment_terms=terms,
        )
    )  # fmt: skip
    assert (order.payment, order.payment_method) == ("pending", method)


def test_what_the_shop_owes_back_is_not_due() -> None:
    """Below zero nothing is to be collected; what cash is rounded up by neither."""
    for told, due in (("-3.00", 0), ("15.02", 1500)):
        payload = priced(an_item(1, "15.00"), total="15.00", total_outstanding=told)
        assert placed(payload).amount_due_minor == due


def test_a_gift_message_may_have_another_name_in_a_shop() -> None:
    """A form asks for it in its own words; the settings say which."""
    own = Shopify(
        "x", shop_domain="", secrets=(), api_version="",
        translation=ShopifyTranslation(gift_message_attributes=("Message cadeau",)),
    )  # fmt: skip
    told = [{"name": "message-cadeau", "value": "Bon anniversaire"}]
    order = placed(priced(an_item(1, "15.00"), total="15.00", note_attributes=told), own)
    assert (order.gift_message, order.attributes) == ("Bon anniversaire", {})


def test_prices_say_whether_tax_is_in_them() -> None:
    """Net and gross shops meet in one ERP."""
    item = an_item(1, "119.00", tax_lines=[{"title": "VAT", "price": "19.00"}])
    changes = {"current_total_tax": "19.00", "current_total_tax_set": money("19.00")}
    gross = placed(priced(item, total="119.00", taxes_included=True, **changes))
    net = placed(priced(item, total="138.00", taxes_included=False, **changes))
    assert (gross.totals.taxes_included, net.totals.taxes_included) == (True, False)
    assert gross.totals.tax_minor == net.totals.tax_minor == 1900


def test_several_ways_to_pay_are_named_once_each() -> None:
    """A gift card and a card; each by its own name in the settings."""
    own = Translation(payment_methods={"gift_card": "voucher"})
    assert own.payment_method("gift_card", "card", "gift_card", "") == "voucher, card"
    assert Translation().payment_method() == ""


def test_what_does_not_travel_needs_no_whole_address() -> None:
    """A country alone is kept as words, and the order is taken; goods that travel are refused."""
    part = {"country_code": "US", "city": "Austin", "address1": None}
    download = an_item(1, "15.00", requires_shipping=False)
    order = placed(priced(download, total="15.00", shipping_address=part, customer=None))
    assert order.ship_to is None
    assert order.attributes == {"shopify.shipping_address": "Austin, US"}
    with pytest.raises(Refused):
        placed(priced(an_item(1, "15.00"), total="15.00", shipping_address=part, customer=None))
