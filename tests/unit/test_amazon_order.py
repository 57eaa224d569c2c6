"""Amazon's orders become ours to the cent; pending ones wait, and strangers' are never shipped."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.channels.amazon.order import canonical_order, input_of, package_reference
from adapters.channels.amazon.shapes import Fetched
from schemas.contracts import refusals
from schemas.contracts.refusals import Refused
from schemas.contracts.strict_json import parse
from schemas.contracts.validation import read_foreign
from schemas.messages.inputs import CancelOrder, Input, NoteReport, UpdateOrder
from schemas.order.canonical import Order
from tests.amazon_payloads import REF, Json, an_item, an_order, money, part, sample_orders
from tests.conftest import Say


def read(order: object) -> Input:
    """Return what a fetched order becomes."""
    return input_of(read_foreign({"order": order}, Fetched).order)


def stated(order: Json) -> Order:
    """Return the canonical order."""
    found = read(order)
    assert isinstance(found, UpdateOrder)
    return found.order


def reason_of(order: object) -> str:
    """Return why an order is refused."""
    with pytest.raises(Refused) as refused:
        read(order)
    assert all(one.endswith(".") for one in refused.value.sentences)
    return refused.value.reason


def test_proceeds_add_up_to_the_cent() -> None:
    """Items, discounts by what they are on, shipping, wrapping, tax and tip make the total."""
    order = stated(an_order())
    first, second, wrap, tip = order.lines
    assert (first.quantity, first.unit_price_minor, first.discount_minor) == (2, 1000, 300)
    assert (first.total_minor, first.tax_minor, second.total_minor) == (1700, 300, 550)
    assert (wrap.total_minor, wrap.requires_shipping, tip.total_minor) == (200, False, 150)
    totals = order.totals
    assert (totals.subtotal_minor, totals.discount_minor) == (2900, 300)
    assert (totals.shipping_minor, totals.tax_minor, totals.total_minor) == (300, 320, 3220)
    assert (order.payment, order.ref, order.shipping_method) == ("paid", REF, "STANDARD")
    # Amazon writes to its buyers itself: the address that it forwards from is kept, not used.
    assert order.customer.email == ""
    assert order.attributes["amazon.buyer_email"] == "x@marketplace.amazon.de"


def test_a_wrong_total_is_refused() -> None:
    """An order whose parts don't make its total does not come in."""
    order = an_order()
    order["proceeds"]["grandTotal"] = money("32.21")
    assert reason_of(order) == refusals.TOTAL_MISMATCH


def test_an_unknown_part_is_refused() -> None:
    """Money of a new type is not left out silently."""
    order = an_order()
    order["orderItems"][1]["proceeds"]["breakdowns"].append(part("SURCHARGE", "1.00"))
    assert reason_of(order) == refusals.TOTAL_MISMATCH


def test_another_currency_is_refused() -> None:
    """An amount in another currency than the total's is not money of this order."""
    order = an_order()
    order["orderItems"][1]["proceeds"]["breakdowns"][0]["subtotal"] = money("5.50", "USD")
    assert reason_of(order) == refusals.MONEY_UNREADABLE


@pytest.mark.parametrize("status", ["PENDING", "PENDING_AVAILABILITY"])
def test_a_pending_order_waits(status: str) -> None:
    """With all its data it is stated as unpaid; without them it is only noted, and waits."""
    assert stated(an_order(status)).payment == "pending"
    bare = an_order(status)
    del bare["recipient"], bare["proceeds"]
    found = read(bare)
    assert isinstance(found, NoteReport)
    assert (found.ref, found.hold) == (REF, "")


def test_cash_on_delivery_is_promised() -> None:
    """It may be shipped, and is not paid yet."""
    paid = {"paymentExecutions": [{"paymentMethod": "CashOnDelivery"}]}
    assert stated(an_order(payment=paid)).payment == "authorized"


def test_a_cancelled_order_is_cancelled_with_its_reason() -> None:
    """Also when only all of its items are."""
    item = an_item(1, "1.00", 1)
    item["cancellation"] = {
        "cancellationExecution": {"cancelledBy": "BUYER", "cancelReason": "Changed mind"}
    }
    found = read(an_order("CANCELLED", orderItems=[item]))
    assert found == CancelOrder(ref=REF, reason="BUYER: Changed mind", whole=True)
    item["fulfillment"] = {"quantityFulfilled": 0, "quantityUnfulfilled": 0}
    assert isinstance(read(an_order(orderItems=[item])), CancelOrder)


def test_what_amazon_ships_is_not_ours() -> None:
    """An order from Amazon's own warehouse is refused on purpose."""
    order = an_order()
    order["fulfillment"]["fulfilledBy"] = "AMAZON"
    assert reason_of(order) == refusals.TOPIC_NOT_OURS


def test_an_order_that_is_ready_needs_an_address() -> None:
    """Without the role for addresses the operator is told what to do."""
    order = an_order()
    del order["recipient"]
    assert reason_of(order) == refusals.SHIP_TO_MISSING


def test_our_own_package_is_an_echo_and_a_stranger_s_is_for_a_person() -> None:
    """Shipped by us, the order reads as before; by somebody else, it is held back."""
    before = stated(an_order())
    after = an_order("SHIPPED")
    for item in after["orderItems"]:
        amount = item["quantityOrdered"]
        item["fulfillment"] = {"quantityFulfilled": amount, "quantityUnfulfilled": 0}
    package = {"packageReferenceId": package_reference(REF, "1Z1"), "trackingNumber": "1Z1"}
    after["packages"] = [package]
    assert stated(after) == before
    for packages in ([], [package | {"trackingNumber": "1Z2"}]):
        found = read(after | {"packages": packages})
        assert isinstance(found, NoteReport)
        assert found.hold == "before_hand_over"


def test_a_package_keeps_its_number() -> None:
    """It is a positive number, the same for the same parcel and another for another."""
    one = package_reference(REF, "1Z1")
    assert one == package_reference(REF, "1Z1")
    assert one.isdigit()
    assert one[0] != "0"
    assert one != package_reference(REF, "1Z2")


def test_nothing_is_dropped() -> None:
    """Gifts, notes, customs numbers, tax collection and promotions travel on."""
    order = an_order(associatedOrders=[{"orderId": "1", "associationType": "REPLACEMENT"}])
    order["recipient"]["deliveryPreference"] = {"dropOffLocation": "Porch"}
    item = order["orderItems"][0]
    item["promotion"] = {"breakdowns": [{"promotionId": "PROMO-1"}]}
    item["tax"] = {
        "taxCalculationBreakdowns": [{"reportingScheme": "IOSS"}],
        "taxCollections": [{"model": "MARKETPLACE_FACILITATOR", "responsibleParty": "Amazon EU"}],
    }
    item["fulfillment"] |= {
        "packing": {"giftOption": {"giftMessage": "For you", "giftWrapLevel": "GOLD"}},
        "shipping": {
            "shippingConstraints": {"signatureConfirmation": "MANDATORY"},
            "internationalShipping": {"iossNumber": "IM1234567890"},
        },
    }
    found = stated(order)
    assert (found.gift_message, found.note, found.lines[0].tax_code) == ("For you", "Porch", "IOSS")
    assert found.attributes["amazon.associated_orders"] == "REPLACEMENT 1"
    told = found.attributes["amazon.line 68828573160001"]
    for text in ("GOLD", "IM1234567890", "MARKETPLACE_FACILITATOR by Amazon EU", "PROMO-1"):
        assert text in told


def test_every_official_order_comes_in_or_is_refused_on_purpose(
    say: Say,
) -> None:
    """Each order of the description is read; unshipped ones come in whole, and those shipped by
    strangers are noted; as if unshipped, every merchant's order adds up. Counts are printed."""
    counts: Counter[str] = Counter()
    for order in sample_orders():
        try:
            found = read(order)
        except Refused as refused:
            assert order["fulfillment"]["fulfilledBy"] == "AMAZON"
            counts[refused.reason] += 1
            continue
        shipped = order["fulfillment"]["fulfillmentStatus"] == "SHIPPED"
        assert isinstance(found, NoteReport if shipped else UpdateOrder)
        counts["shipped, noted" if shipped else "order"] += 1
        whole = canonical_order(read_foreign({"order": order}, Fetched).order)
        assert whole.ref == order["orderId"]
    assert sum(counts.values()) == 8
    told = ", ".join(f"{name}: {number}" for name, number in counts.most_common())
    say(f"Amazon's {sum(counts.values())} official orders: {told}.")


_values = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=30), st.just([]),
    st.just({}), st.sampled_from(["-0", "1e999", "NaN", "9" * 70, "1.001", "2026-02-30T00:00:00Z"]),
)  # fmt: skip


@given(st.data())
def test_a_malformed_order_is_refused_and_nothing_else(data: st.DataObject) -> None:
    """Any one value replaced by any other: an input or a Refused, never a crash."""
    order = json.loads(json.dumps(an_order(data.draw(st.sampled_from(["UNSHIPPED", "PENDING"])))))
    spots: list[tuple[Any, object]] = []
    left: list[object] = [order]
    while left:
        one = left.pop()
        keys = one if isinstance(one, dict) else range(len(one)) if isinstance(one, list) else ()
        for key in keys:
            spots.append((one, key))
            left.append(one[key])  # type: ignore[index]  # a dict or a list
    box, key = spots[data.draw(st.integers(0, len(spots) - 1))]
    box[key] = data.draw(_values)
    try:
        tree = parse(json.dumps({"order": order}).encode())
        assert isinstance(tree, dict)
        read(tree["order"])
    except Refused:
        return
