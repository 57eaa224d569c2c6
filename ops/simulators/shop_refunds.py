"""What a simulated shop gives back to its customers: its own calculation, and what an order states
afterwards. https://shopify.dev/docs/api/admin-graphql/2026-10/mutations/refundCreate
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from decimal import Decimal, InvalidOperation
from typing import Final

from ops.simulators.graphql import Json
from ops.simulators.shop_goods import Refusal
from ops.simulators.shop_money import MAX_TRANSACTIONS, REFUND, Till, Transaction, bag_of, gid_of
from ops.simulators.shop_statement import MAIN_LOCATION, current, stamp
from ops.simulators.shop_totals import SIDES, bag, discount, retotal, total_of, written

MAX_REFUNDS: Final = 200
OVER: Final = "Refund amount exceeds the refundable amount."
_ZERO: Final = Decimal(0)
_SHOWN: Final = "presentment_money"


def suggested(order: Json, till: Till, given: Json) -> Json:
    """The SuggestedRefund for lines and shipping, or for all that is left."""
    wanted = given.get("refundLineItems") or []
    full = given.get("suggestFullRefund") is True
    if full:
        wanted = [
            {"lineItemId": line["admin_graphql_api_id"], "quantity": current(line)}
            for line in order["line_items"]
            if current(line)
        ]
    parts, amount = [], _ZERO
    for one in wanted:
        line, quantity = _line(order, one), int(one.get("quantity") or 0)
        if quantity > current(line):
            raise Refusal("Quantity cannot refund more items than were purchased.", ["quantity"])
        amount += _worth(order, line, quantity, _SHOWN)
        kind = str(one.get("restockType") or "NO_RESTOCK")
        place: Json | None = None
        if kind == "CANCEL":
            place = {"__typename": "Location", "id": f"gid://shopify/Location/{MAIN_LOCATION}"}
        parts.append(
            {
                "__typename": "RefundLineItem",
                "lineItem": {"__typename": "LineItem", "id": line["admin_graphql_api_id"]},
                "quantity": quantity,
                "restockType": kind,
                "location": place,
            }
        )
    if full or given.get("refundShipping") is True:
        amount += _shipping(order, _SHOWN)
    most = till.refundable()
    amount = min(amount, most)
    return {
        "__typename": "SuggestedRefund",
        "amountSet": bag_of(amount, till.currency, order),
        "maximumRefundableSet": bag_of(most, till.currency, order),
        "refundLineItems": parts,
        "suggestedTransactions": _offers(order, till, amount),
    }


def _offers(order: Json, till: Till, amount: Decimal) -> list[Json]:
    found = []
    for one in till.payments():
        can = till.refundable_of(one)
        part = min(amount, can)
        amount -= part
        if can > 0:
            found.append(
                {
                    "__typename": "SuggestedOrderTransaction",
                    "gateway": "shopify_payments",
                    "kind": "SUGGESTED_REFUND",
                    "amountSet": bag_of(part, till.currency, order),
                    "maximumRefundableSet": bag_of(can, till.currency, order),
                    "parentTransaction": {
                        "__typename": "OrderTransaction",
                        "id": gid_of(one.number),
                        "manualPaymentGateway": till.manual,
                    },
                }
            )
    return found


def give_back(
    order: Json, till: Till, wish: Json, number: Callable[[], int], at: float
) -> tuple[Json, Json, Decimal]:
    """Give money back as `refundCreate` does. Returns the order afterwards, the refund as an order
    and refunds/create carry it, and the amount. Raises Refusal where Shopify says no; then nothing
    was done. A gateway that declines makes a refund whose transaction failed."""
    lines = [(_line(order, x), x) for x in wish.get("refundLineItems") or []]
    for line, one in lines:
        quantity = int(one.get("quantity") or 0)
        if not 0 < quantity <= current(line):
            raise Refusal("Quantity cannot refund more items than were purchased.", ["quantity"])
        kind = one.get("restockType")
        if kind == "CANCEL" and quantity > line["fulfillable_quantity"]:
            raise Refusal("Quantity to cancel exceeds what is unfulfilled.", ["restockType"])
    paid = _payments(till, wish)
    if not lines and not paid and not wish.get("shipping"):
        raise Refusal("A refund needs line items, shipping or a transaction.", ["input"])
    if len(till.transactions) + len(paid) > MAX_TRANSACTIONS:
        raise Refusal("The order has too many transactions.", ["orderId"])
    for parent, amount in paid:
        made = Transaction(number(), REFUND, amount, at, parent=parent.number)
        if till.is_declined(parent):
            made.status, made.error = "FAILURE", "GENERIC_ERROR"
        till.transactions.append(made)
    amount = total_of(amount for parent, amount in paid if not till.is_declined(parent))
    after = copy.deepcopy(order)
    worth = _take_off(after, lines, wish)
    till.adjusted += amount - worth
    _adjust(after, till)
    done = till.refunded() >= till.received()
    after["financial_status"] = "refunded" if done else "partially_refunded"
    made_now = till.transactions[len(till.transactions) - len(paid) :] if paid else []
    refund = _refund_json(order, wish, lines, number(), at, made_now)
    after["refunds"] = [*(order.get("refunds") or []), refund][-MAX_REFUNDS:]
    return after, refund, amount


def _payments(till: Till, wish: Json) -> list[tuple[Transaction, Decimal]]:
    found: list[tuple[Transaction, Decimal]] = []
    for one in wish.get("transactions") or []:
        if one.get("kind") != "REFUND":
            raise Refusal("Kind must be REFUND.", ["transactions", "kind"])
        parent = next((x for x in till.payments() if gid_of(x.number) == one.get("parentId")), None)
        if parent is None:
            raise Refusal("Parent transaction does not exist.", ["transactions", "parentId"])
        try:
            amount = Decimal(str(one.get("amount")))
        except InvalidOperation as error:
            raise Refusal("Amount is not a number.", ["transactions", "amount"]) from error
        before = total_of(x for other, x in found if other is parent)
        if amount <= 0 or amount + before > till.refundable_of(parent):
            raise Refusal(OVER, ["transactions", "amount"])
        found.append((parent, amount))
    return found


def _line(order: Json, one: Json) -> Json:
    name = str(one.get("lineItemId")).rpartition("/")[2]
    for line in order["line_items"]:
        if name in (str(line["id"]), line["admin_graphql_api_id"].rpartition("/")[2]):
            found: Json = line
            return found
    raise Refusal("Line item does not exist.", ["lineItemId"])


def _worth(order: Json, line: Json, quantity: int, side: str) -> Decimal:
    """What so many pieces come to, each with its share of the line's discount and tax; the last one
    takes what is left of them."""
    now = current(line)
    net = Decimal(line["price_set"][side]["amount"]) * quantity
    shared = -discount(line, side)
    if not order["taxes_included"]:
        shared += total_of(
            Decimal(one["price_set"][side]["amount"]) for one in line.get("tax_lines") or []
        )
    like = line["price_set"][side]["amount"]
    return net + _upto(shared, now, line, like) - _upto(shared, now - quantity, line, like)


def _upto(amount: Decimal, pieces: int, line: Json, like: str) -> Decimal:
    part = amount * pieces / line["quantity"] if line["quantity"] else _ZERO
    return Decimal(written(part, like))


def _shipping(order: Json, side: str) -> Decimal:
    ways = [way for way in order.get("shipping_lines") or [] if not way.get("is_removed")]
    found = total_of(Decimal(way["current_discounted_price_set"][side]["amount"]) for way in ways)
    if not order["taxes_included"]:
        found += total_of(
            Decimal(one["price_set"][side]["amount"])
            for way in ways
            for one in way.get("tax_lines") or []
        )
    return found


def _take_off(order: Json, lines: list[tuple[Json, Json]], wish: Json) -> Decimal:
    """Take refunded pieces and shipping off the order; return what they came to."""
    worth = _ZERO
    known = {line["id"]: line for line in order["line_items"]}
    for before, one in lines:
        line, quantity = known[before["id"]], int(one["quantity"])
        worth += _worth(order, line, quantity, _SHOWN)
        line["current_quantity"] = current(line) - quantity
        if one.get("restockType") == "CANCEL":
            line["fulfillable_quantity"] -= quantity
    shipping = wish.get("shipping") or {}
    if shipping.get("fullRefund"):
        worth += _shipping(order, _SHOWN)
        for way in order.get("shipping_lines") or []:
            like = way["current_discounted_price_set"]
            way["current_discounted_price_set"] = bag(dict.fromkeys(SIDES, _ZERO), like)
            way["tax_lines"] = []
    return worth


def _adjust(order: Json, till: Till) -> None:
    """State the totals without what was given back for nothing in particular."""
    retotal(order)
    totals = order["current_total_price_set"]
    whole, flat = (Decimal(order["total_price_set"][side]["amount"]) for side in reversed(SIDES))
    rate = flat / whole if whole else Decimal(1)
    shown = Decimal(totals[_SHOWN]["amount"]) - till.adjusted
    shop = Decimal(totals["shop_money"]["amount"]) - till.adjusted * rate
    amounts = {"shop_money": max(shop, _ZERO), _SHOWN: max(shown, _ZERO)}
    order["current_total_price_set"] = bag(amounts, totals)
    order["current_total_price"] = order["current_total_price_set"]["shop_money"]["amount"]
    order["total_outstanding"] = written(_ZERO, order["current_total_price"])


def _refund_json(
    order: Json,
    wish: Json,
    lines: list[tuple[Json, Json]],
    number: int,
    at: float,
    made: list[Transaction],
) -> Json:
    zero = bag(dict.fromkeys(SIDES, _ZERO), order["current_total_price_set"])
    told = [
        {
            "id": number * 1000 + place,
            "quantity": int(one["quantity"]),
            "line_item_id": line["id"],
            "location_id": None,
            "restock_type": str(one.get("restockType") or "NO_RESTOCK").lower(),
            "line_item": line,
        }
        for place, (line, one) in enumerate(lines)
    ]
    return {
        "id": number,
        "admin_graphql_api_id": f"gid://shopify/Refund/{number}",
        "order_id": order["id"],
        "created_at": stamp(at),
        "processed_at": stamp(at),
        "note": wish.get("note"),
        "user_id": None,
        "return": None,
        "restock": any(one["restock_type"] != "no_restock" for one in told),
        "duties": [],
        "total_duties_set": zero,
        "order_adjustments": [],
        "refund_shipping_lines": [],
        "refund_line_items": told,
        "transactions": [
            {
                "id": one.number,
                "admin_graphql_api_id": gid_of(one.number),
                "kind": "refund",
                "status": one.status.lower(),
                "amount": f"{one.amount:f}",
                "currency": order["presentment_currency"],
                "parent_id": one.parent,
                "gateway": "shopify_payments",
            }
            for one in made
        ],
    }
