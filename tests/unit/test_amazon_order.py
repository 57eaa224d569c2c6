"""Amazon's orders become ours to the cent; pending ones wait, and strangers' are never shipped."""

from __future__ import annotations

from collections import Counter

import pytest

from actors.order.decision import moment
from adapters.channels.amazon.order import canonical_order, input_of
from adapters.channels.amazon.shapes import AmazonOrder, Fetched
from adapters.kit.translation import Translation
from schemas.contracts import refusals
from schemas.contracts.refusals import Refused
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


def test_an_order_of_a_subscription_says_so() -> None:
    """Rules send it its own way; one line is enough."""
    order = an_order()
    assert stated(order).subscription_ref == ""
    order["orderItems"][0]["programs"] = ["SUBSCRIBE_AND_SAVE"]
    assert stated(order).subscription_ref == "SUBSCRIBE_AND_SAVE"


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
    assert found == CancelOrder(
        ref=REF, reason="BUYER: Changed mind", whole=True, at="2026-11-27T10:30:00Z"
    )
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


def test_only_a_part_of_an_address_is_none() -> None:
    """The city comes first and the street later: until then nothing is spent on the order."""
    order = an_order()
    order["recipient"]["deliveryAddress"] = {"city": "FREMONT", "countryCode": "US"}
    assert reason_of(order) == refusals.SHIP_TO_MISSING
    order["recipient"]["deliveryAddress"]["addressLine2"] = "Unit 4"
    assert stated(order).ship_to is not None


def a_package(number: str, *items: tuple[int, int], tracking: str = "1Z1", **more: object) -> Json:
    """Return a confirmed package with so many pieces of these items."""
    held = [{"orderItemId": item_id(item), "quantity": quantity} for item, quantity in items]
    return {
        "packageReferenceId": number, "trackingNumber": tracking, "packageItems": held, **more,
    }  # fmt: skip


def item_id(number: int) -> str:
    """Return Amazon's id of an item of the usual order."""
    found: str = an_order()["orderItems"][number - 1]["orderItemId"]
    return found


def shipped(status: str, *quantities: int, packages: tuple[Json, ...] = ()) -> Json:
    """Return the usual order after so much of each item was shipped."""
    order = an_order(status, packages=list(packages))
    for item, quantity in zip(order["orderItems"], quantities, strict=True):
        left = item["quantityOrdered"] - quantity
        item["fulfillment"] = {"quantityFulfilled": quantity, "quantityUnfulfilled": left}
    return order


def fulfilled(order: Json) -> list[tuple[str, dict[str, int], tuple[str, ...]]]:
    """Return the shipments that an order states."""
    found = read(order)
    assert isinstance(found, UpdateOrder)
    return [
        (one.outside_id, {unit.line_id: unit.quantity for unit in one.units}, one.tracking_numbers)
        for one in found.fulfilled
    ]


def test_each_package_is_stated_under_its_number() -> None:
    """By whomever; one that was cancelled has left nothing. The order reads as before."""
    dead = a_package("2", (1, 1), packageStatus={"status": "CANCELLED"})
    packages = (a_package("100001", (1, 1)), a_package("7", (1, 1), (2, 1), tracking=""), dead)
    order = shipped("SHIPPED", 2, 1, packages=packages)
    assert fulfilled(order) == [
        ("100001", {item_id(1): 1}, ("1Z1",)),
        ("7", {item_id(1): 1, item_id(2): 1}, ()),
    ]
    assert stated(order) == stated(an_order())


def test_pieces_that_no_package_holds_are_one_without_a_number() -> None:
    """Amazon's own count is believed, and an order that is shipped whole counts whole."""
    part = shipped("PARTIALLY_SHIPPED", 1, 1, packages=(a_package("100001", (1, 1)),))
    assert fulfilled(part)[1:] == [("", {item_id(2): 1}, ())]
    whole = shipped("SHIPPED", 1, 1, packages=(a_package("100001", (1, 1)),))
    whole["orderItems"][0]["fulfillment"] = {"quantityFulfilled": 2, "quantityUnfulfilled": 0}
    assert fulfilled(whole)[1:] == [("", {item_id(1): 2, item_id(2): 1}, ())]
    assert fulfilled(an_order("SHIPPED")) == [("", {item_id(1): 2, item_id(2): 1}, ())]
    assert fulfilled(an_order()) == []


def test_a_part_that_was_shipped_and_is_not_shown_is_a_persons_to_find() -> None:
    """All of it would be sent, and that part twice."""
    found = read(shipped("PARTIALLY_SHIPPED", 0, 0))
    assert isinstance(found, NoteReport)
    assert (found.hold, found.waits) == ("before_hand_over", False)
    assert "look in Seller Central" in found.words
    shown = read(shipped("PARTIALLY_SHIPPED", 0, 0, packages=(a_package("100001", (1, 1)),)))
    assert isinstance(shown, UpdateOrder)
    assert found.unread, "a statement as new that is understood ends its hold"
    assert found.at is not None
    assert moment(shown.order.updated_at) == moment(found.at)


def test_a_shipped_order_whose_address_is_gone_is_noted() -> None:
    """Amazon takes addresses back after thirty days; that is not a fault of the order's."""
    order = an_order("SHIPPED")
    del order["recipient"]
    found = read(order)
    assert isinstance(found, NoteReport)
    assert (found.hold, found.waits) == ("", False)


def test_how_it_is_paid_and_what_is_due_on_delivery_is_told() -> None:
    """Cash on delivery is due, as far as Amazon says how much; its name may be mapped to ours."""
    cash = {"paymentMethod": "CashOnDelivery", "paymentAmount": money("30.00")}
    card = {"paymentMethod": "CreditCard", "paymentAmount": money("2.20")}
    order = stated(an_order(payment={"paymentExecutions": [cash, card]}))
    assert (order.payment_method, order.amount_due_minor) == ("CashOnDelivery, CreditCard", 3000)
    bare = stated(an_order(payment={"paymentExecutions": [{"paymentMethod": "CashOnDelivery"}]}))
    assert (bare.payment, bare.amount_due_minor) == ("authorized", None)
    own = Translation(payment_methods={"CashOnDelivery": "cod"})
    source = read_foreign(an_order(payment={"paymentExecutions": [cash]}), AmazonOrder)
    assert canonical_order(source, settings=own).payment_method == "cod"


def test_a_negative_charge_is_a_discount() -> None:
    """So that what a partner is told still sums to what was paid."""
    items = [an_item(1, "10.00", 1, part("ITEM", "10.00"), part("OTHER", "-1.50"))]
    proceeds = {"grandTotal": money("8.50"), "breakdowns": []}
    order = stated(an_order(orderItems=items, proceeds=proceeds))
    assert (order.totals.discount_minor, order.totals.total_minor) == (150, 850)
    assert len(order.lines) == 1


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
    """Each merchant's order of the description comes in and adds up, with what has left of it; what
    Amazon ships is refused. Counts are printed."""
    counts: Counter[str] = Counter()
    for order in sample_orders():
        try:
            found = read(order)
        except Refused as refused:
            assert order["fulfillment"]["fulfilledBy"] == "AMAZON"
            counts[refused.reason] += 1
            continue
        shipped = order["fulfillment"]["fulfillmentStatus"] == "SHIPPED"
        assert isinstance(found, UpdateOrder)
        assert bool(found.fulfilled) == shipped
        counts["shipped" if shipped else "order"] += 1
        whole = canonical_order(read_foreign({"order": order}, Fetched).order)
        assert whole.ref == order["orderId"]
    assert sum(counts.values()) == 8
    told = ", ".join(f"{name}: {number}" for name, number in counts.most_common())
    say(f"Amazon's {sum(counts.values())} official orders: {told}.")
