"""Shopify's webhooks: authentic or 401, read to the cent or refused in words, never a crash."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from msgspec.structs import replace

from adapters.channels.shopify.source import Shopify
from adapters.channels.shopify.topics import KIND_OF_TOPIC
from adapters.kit.inbound import SignatureRefused
from schemas.contracts import refusals
from schemas.contracts.refusals import Refused
from schemas.messages.inputs import CancelOrder, ConfirmPayment, PlaceOrder, UpdateOrder
from schemas.order.canonical import Discount, Order
from tests.shopify_payloads import NOW, SHOP, Json, a_payload, an_item, headers, money

SAMPLES = Path(__file__).resolve().parents[3] / "shared" / "specs" / "shopify" / "webhooks"


def placed(payload: Json) -> Order:
    """Translate a payload of orders/create."""
    found = SHOP.translate("place", "orders/create", json.dumps(payload).encode())
    assert isinstance(found, PlaceOrder)
    return found.order


def refusal(payload: Json) -> Refused:
    """Return how a payload is refused."""
    with pytest.raises(Refused) as caught:
        placed(payload)
    return caught.value


def test_an_authentic_delivery_is_named_without_reading_it() -> None:
    """Channel, kind, order, topic and delivery id are known at the edge, with either secret."""
    raw = json.dumps(a_payload()).encode()
    for secret in ("new secret", "old secret"):
        receipt = SHOP.receive(headers(raw, secret=secret), raw, NOW)
        assert (receipt.channel, receipt.kind) == ("acme-us", "place")
        assert receipt.ref == "820982911946154508"
        assert receipt.delivery_id == "acme-us:b54557e4-bdd9-4b37-8a5f-bf7d70bcd043"
        assert receipt.notes == ()
        assert receipt.headers == {
            "x-shopify-webhook-id": "b54557e4-bdd9-4b37-8a5f-bf7d70bcd043",
            "x-shopify-api-version": "2026-10",
            "x-shopify-shop-domain": "acme-us.myshopify.com",
        }
    lower = {name.lower(): value for name, value in headers(raw).items()}
    assert SHOP.receive(lower, raw, NOW).kind == "place"


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"X_Shopify_Hmac_SHA256": ""}, "missing"),
        ({"X_Shopify_Hmac_SHA256": "bm90IHRoZSBkaWdlc3Q="}, "does not fit"),
        ({"X_Shopify_Hmac_SHA256": "§ no base64 §"}, "does not fit"),
        ({"X_Shopify_Shop_Domain": "other.myshopify.com"}, "other.myshopify.com"),
    ],
)
def test_what_is_not_authentic_is_refused_in_words(change: dict[str, str], words: str) -> None:
    """A missing or wrong signature and another shop's webhook are refused with a sentence."""
    raw = json.dumps(a_payload()).encode()
    with pytest.raises(SignatureRefused, match=words):
        SHOP.receive(headers(raw, **change), raw, NOW)


def test_a_changed_byte_or_a_foreign_secret_is_refused() -> None:
    """The signature holds over the raw bytes only; without any secret no one is believed."""
    raw = json.dumps(a_payload()).encode()
    with pytest.raises(SignatureRefused):
        SHOP.receive(headers(raw), raw + b" ", NOW)
    with pytest.raises(SignatureRefused):
        SHOP.receive(headers(raw, secret="another"), raw, NOW)
    no_one = Shopify("a", shop_domain="acme-us.myshopify.com", secrets=("",), api_version="")
    with pytest.raises(SignatureRefused):
        no_one.receive(headers(raw, secret=""), raw, NOW)


def test_authentic_rubbish_is_kept_by_its_digest() -> None:
    """Broken bytes and unknown topics get a kind and a ref of their own, and are refused later."""
    receipt = SHOP.receive(headers(b"{broken"), b"{broken", NOW)
    assert receipt.kind == "unreadable"
    assert receipt.ref.startswith("sha256-")
    with pytest.raises(Refused) as caught:
        SHOP.translate(receipt.kind, receipt.topic, b"{broken")
    assert caught.value.reason == refusals.JSON_MALFORMED
    other = SHOP.receive(headers(b"{}", X_Shopify_Topic="orders/levitated"), b"{}", NOW)
    assert other.kind == "unknown"
    with pytest.raises(Refused, match="orders/levitated") as unknown:
        SHOP.translate(other.kind, other.topic, b"{}")
    assert unknown.value.reason == refusals.TOPIC_UNKNOWN


def test_a_delivery_without_id_is_named_by_its_bytes_and_drift_is_noted() -> None:
    """A repeat without an id is the same delivery; a newer API version is noted, not refused."""
    raw = json.dumps(a_payload()).encode()
    change = {"X_Shopify_Webhook_Id": "", "X_Shopify_API_Version": "2027-01"}
    first, second = (SHOP.receive(headers(raw, **change), raw, NOW) for _ in range(2))
    assert first.delivery_id == second.delivery_id
    assert "2027-01" in first.notes[0]
    assert first.drift == "2027-01"


def test_an_order_is_translated_to_the_cent() -> None:
    """Amounts, quantities, taxes, discount, address and times are the canonical ones."""
    order = placed(a_payload())
    assert (order.ref, order.number) == ("820982911946154508", "#1042")
    assert order.placed_at == "2026-11-27T11:59:00Z"
    assert [line.total_minor for line in order.lines] == [1000, 1000]
    assert order.lines[1].discount_minor == 100
    assert order.lines[0].tax_minor == 200
    totals = order.totals
    assert (totals.subtotal_minor, totals.discount_minor, totals.total_minor) == (2100, 100, 2600)
    assert order.ship_to is not None
    assert order.ship_to.lines == ("123 Shipping Street",)
    assert order.customer.reference == "115310627314723954"
    assert order.shipping_method == "Standard"


@pytest.mark.parametrize(
    ("kind", "shape"), [("place", PlaceOrder), ("pay", ConfirmPayment), ("update", UpdateOrder)]
)
def test_each_topic_becomes_its_input(kind: str, shape: type) -> None:
    """Create, paid and updated carry the whole order."""
    found = SHOP.translate(kind, "", json.dumps(a_payload()).encode())
    assert isinstance(found, shape)


def test_what_is_cancelled_is_a_cancel_whatever_the_topic() -> None:
    """A cancelled order is never placed; one of which nothing is left is cancelled, too."""
    gone = a_payload(cancelled_at="2026-11-27T07:00:00-05:00", cancel_reason="customer")
    for kind in KIND_OF_TOPIC.values():
        found = SHOP.translate(kind, "", json.dumps(gone).encode())
        assert found == CancelOrder(
            ref="820982911946154508", reason="customer", whole=True, at="2026-11-27T12:00:01Z"
        )
    empty = a_payload(line_items=[an_item(1, "1.00", current_quantity=0)])
    found = SHOP.translate("update", "", json.dumps(empty).encode())
    assert isinstance(found, CancelOrder)
    assert "removed" in found.reason
    assert found.at == "2026-11-27T12:00:01Z"
    assert refusal(a_payload(line_items=[])).reason == refusals.NOTHING_TO_FULFIL


def test_removed_lines_are_left_out_and_partly_removed_ones_share_their_discount() -> None:
    """A line of quantity 0 is gone; of a discounted line half removed, half the discount stays."""
    allocation = {"amount": "1.01", "amount_set": money("1.01")}
    items = [
        an_item(1, "10.00", current_quantity=0),
        an_item(2, "5.50", quantity=2, current_quantity=1, discount_allocations=[allocation]),
    ]
    for total in ("5.00", "4.99"):
        order = placed(
            a_payload(
                line_items=items,
                current_total_price_set=money(total),
                current_total_tax_set=money("0.00"),
                current_shipping_price_set=money("0.00"),
            )
        )
        assert [line.line_id for line in order.lines] == ["2"]
        assert order.totals.total_minor == int(total.replace(".", ""))


def test_fees_tips_duties_and_goodwill_are_told_apart() -> None:
    """Fees and tips become lines, duties their own field, money back without a line a discount."""
    fees = a_payload(
        current_total_additional_fees_set=money("1.50"),
        current_total_duties_set=money("2.50"),
        total_tip_received="3.00",
        current_total_price_set=money("33.00"),
    )
    order = placed(fees)
    assert [line.sku for line in order.lines] == ["SKU-1", "SKU-2", "fees", "tip"]
    assert order.totals.duty_minor == 250
    goodwill = a_payload(current_total_price_set=money("21.00"), refunds=[{"id": 1}])
    assert placed(goodwill).totals.discount_minor == 600
    assert refusal(a_payload(current_total_price_set=money("21.00"))).reason == (
        refusals.TOTAL_MISMATCH
    )


def test_included_taxes_are_not_added_again() -> None:
    """With taxes_included the total is prices plus shipping."""
    order = placed(a_payload(taxes_included=True, current_total_price_set=money("24.00")))
    assert order.totals.taxes_included
    assert order.totals.total_minor == 2400


def test_currencies_have_their_own_exponent() -> None:
    """Yen have no places; an amount in another currency than the order's is refused."""
    item = an_item(1, "1200", price_set=money("1200", "JPY"))
    yen = a_payload(
        currency="JPY",
        line_items=[item],
        current_total_price_set=money("1200", "JPY"),
        current_total_tax_set=money("0", "JPY"),
        current_shipping_price_set=money("0", "JPY"),
    )
    assert placed(yen).totals.total_minor == 1200
    assert refusal(a_payload(currency="EUR")).reason == refusals.MONEY_UNREADABLE


def test_lines_without_sku_fall_back_in_a_stated_order() -> None:
    """Variant, then product, then `unlisted` for what isn't shipped, else with the title; without
    one it is sku_missing."""
    none = {"sku": None, "variant_id": None, "product_id": None}
    for change, sku in (
        ({"sku": ""}, "variant:11"),
        ({**none, "product_id": 7}, "product:7"),
        ({**none, "requires_shipping": False}, "unlisted"),
        (none, "unlisted:Thing 1"),
    ):
        items = [an_item(1, "20.00", **change)]
        assert placed(a_payload(line_items=items)).lines[0].sku == sku
    nameless = an_item(1, "20.00", **none, name=None)
    assert refusal(a_payload(line_items=[nameless])).reason == refusals.SKU_MISSING


def test_notes_attributes_and_gift_messages_travel_on() -> None:
    """Nothing a buyer or seller wrote is dropped."""
    item = an_item(1, "20.00", properties=[{"name": "Engraving", "value": "For M."}])
    order = placed(
        a_payload(
            line_items=[item],
            note_attributes=[
                {"name": "Gift Message", "value": "Happy birthday"},
                {"name": "delivery slot", "value": 3},
            ],
            discount_codes=[{"code": "WELCOME10"}],
            po_number="PO-7",
        )
    )
    assert order.gift_message == "Happy birthday"
    assert order.note == "Ring twice"
    assert order.attributes == {
        "delivery slot": "3",
        "line 1: Engraving": "For M.",
        "shopify.po_number": "PO-7",
    }
    assert order.discounts == (Discount(code="WELCOME10", amount_minor=0),)


@pytest.mark.parametrize(
    ("change", "reason", "words"),
    [
        ({"line_items": "none"}, refusals.SCHEMA_MISMATCH, "a list was expected"),
        ({"currency": None}, refusals.SCHEMA_MISMATCH, 'lacks "currency"'),
        ({"shipping_address": None}, refusals.SHIP_TO_MISSING, "ship_to"),
        ({"financial_status": "perhaps"}, refusals.SCHEMA_MISMATCH, "payment"),
        ({"admin_graphql_api_id": "gid://shopify/Cart/1"}, refusals.REF_MISSING, "Cart"),
        ({"created_at": "soon"}, refusals.SCHEMA_MISMATCH, "placed at"),
        ({"current_shipping_price_set": money("4.001")}, refusals.MONEY_UNREADABLE, "4.001"),
        ({"note": "\ud800"}, refusals.JSON_LONE_SURROGATE, "ud800"),
        ({"note": "a\0b"}, refusals.JSON_NUL, "NUL"),
    ],
)
def test_bad_orders_are_refused_by_name(change: Json, reason: str, words: str) -> None:
    """Each fault has its reason and a sentence a clerk understands."""
    found = refusal(a_payload(**change))
    assert found.reason == reason
    assert words in str(found)


def test_official_samples_of_whole_orders_are_translated() -> None:
    """Shopify's samples of orders/*: cancelled as they are; uncancelled they are whole orders."""
    if not SAMPLES.is_dir():
        pytest.skip("The folder ../shared/specs with Shopify's samples is not here.")
    for topic in KIND_OF_TOPIC:
        told = json.loads((SAMPLES / f"{topic.replace('/', '.')}.meta.json").read_text())
        raw = json.dumps(payload := told["response"]).encode()
        receipt = SHOP.receive(headers(raw, X_Shopify_Topic=topic), raw, NOW)
        assert isinstance(SHOP.translate(receipt.kind, topic, raw), CancelOrder)
        order = placed({**payload, "cancelled_at": None})
        assert order.ref == receipt.ref == "820982911946154508"
        assert order.totals.total_minor == 41495
        assert len(order.lines) == 5


def test_discounts_are_named_with_what_they_took_off_goods_and_shipping() -> None:
    """A code over two lines, a free shipping, and a half of a reduced line's discount."""

    def part(index: int, amount: str) -> Json:
        return {"discount_application_index": index, "amount": amount, "amount_set": money(amount)}

    items = [
        an_item(1, "10.00", discount_allocations=[part(0, "1.00")]),
        an_item(2, "5.50", quantity=2, current_quantity=1, discount_allocations=[part(0, "1.00")]),
    ]
    way = {"title": "Standard", "discount_allocations": [part(1, "4.00")],
           "tax_lines": [{"title": "GST"}, {"title": "QST"}]}  # fmt: skip
    order = placed(
        a_payload(
            line_items=items,
            shipping_lines=[way],
            current_shipping_price_set=money("0.00"),
            current_total_price_set=money("16.00"),
            discount_applications=[{"code": "GREEN"}, {"title": "Free shipping"}],
            discount_codes=[{"code": "GREEN", "amount": "2.00"}],
        )
    )
    assert order.discounts == (
        Discount(code="GREEN", amount_minor=150),
        Discount(title="Free shipping", amount_minor=400, applies_to="shipping"),
    )
    assert order.totals.discount_minor == 150
    assert order.shipping_tax_code == "GST+QST"


def test_the_echo_of_our_own_fulfilment_states_the_same_order() -> None:
    """`orders/fulfilled` after we shipped says nothing new but its time: the order stays as it
    is."""
    before = a_payload()
    lines = [
        {**line, "fulfillment_status": "fulfilled", "fulfillable_quantity": 0}
        for line in before["line_items"]
    ]
    shipped = {
        "admin_graphql_api_id": "gid://shopify/Fulfillment/1",
        "status": "success",
        "tracking_number": "1ZA1B2C30300000012",
    }
    after = a_payload(
        updated_at="2026-12-24T10:00:00-05:00",
        fulfillment_status="fulfilled",
        fulfillments=[shipped],
        line_items=lines,
    )
    echoed, known = placed(after), placed(before)
    assert echoed.updated_at > known.updated_at
    assert replace(echoed, updated_at=known.updated_at) == known
