"""A day of one shop of Shopify's: what is sold, and what its people do with the orders."""

from __future__ import annotations

import copy
import json
import time
from collections.abc import Iterator
from decimal import Decimal
from random import Random
from typing import Any

from msgspec import Struct

from ops.simulators.shop_statement import SECOND_LOCATION, stamp
from ops.simulators.shop_totals import SIDES, bag, retotal, written
from ops.simulators.storefront import Moment, Recipe, payload

# Any: a shop's order is free-form JSON.
Json = dict[str, Any]

EUROS, CANADIAN = "paid in euros", "paid in Canadian dollars"
CANADIAN_PER_DOLLAR = Decimal("1.37")
_AMOUNTS = ("subtotal_price", "total_discounts", "total_tax", "total_price")
_LONGEST_AGO = 60

MIX: dict[str, int] = {
    "web": 12,
    "draft order": 2,
    "counter": 4,
    "pickup": 3,
    "local delivery": 2,
    "gift card alone": 2,
    "gift card beside goods": 3,
    "tip": 2,
    "wrapping": 2,
    "print on demand": 3,
    "another location": 3,
    "all at another location": 2,
    "moved": 2,
    "line added": 3,
    "line removed": 2,
    "money back": 2,
    "refund that puts nothing back": 1,
    "held and released": 2,
    "scheduled and due": 1,
    "cancelled": 2,
    "exchange after the end": 2,
    "paid in euros": 4,
    "paid in Canadian dollars": 4,
    "paid in euros, line removed": 2,
}
"""How many orders of each sort come in a day."""


class Sale(Struct, frozen=True, kw_only=True):
    """One order of a sort; `locations` says by line what is assigned elsewhere than usual."""

    sort: str
    order: Json
    locations: dict[str, int] = {}

    @property
    def number(self) -> int:
        """The shop's id of the order."""
        found: int = self.order["id"]
        return found


def day(seed: int, shop: str) -> list[Sale]:
    """Return the orders of a day, in the order in which they come."""
    rng = Random(seed)
    sorts = [sort for sort, count in MIX.items() for _ in range(count)]
    rng.shuffle(sorts)
    drawn = _drawn(Recipe(seed=seed, shop=shop))
    return [_sale(sort, next(one for one in drawn if _suits(sort, one))) for sort in sorts]


def _drawn(recipe: Recipe) -> Iterator[Json]:
    """Yield paid orders of two lines or more."""
    at = stamp(time.time() - _LONGEST_AGO)
    number = 0
    while True:
        number += 1
        order: Json = json.loads(payload(recipe, number, Moment(created_at=at, updated_at=at)))
        if len(order["line_items"]) > 1:
            yield order


def _suits(sort: str, order: Json) -> bool:
    if sort.startswith(EUROS):
        return bool(order["presentment_currency"] == "EUR")
    if sort == CANADIAN:
        return bool(order["shipping_address"]["country_code"] == "CA")
    return bool(order["presentment_currency"] == order["currency"])


def shown_in(order: Json, currency: str, rate: Decimal) -> None:
    """Have the customer see and pay every amount of an order in a currency of his own."""

    def turn(value: object) -> None:
        if isinstance(value, dict) and SIDES[0] in value:
            amount = Decimal(value[SIDES[0]]["amount"]) * rate
            value[SIDES[1]] = {
                "amount": written(amount, value[SIDES[0]]["amount"]), "currency_code": currency
            }  # fmt: skip
        for one in value.values() if isinstance(value, dict) else ():
            turn(one)
        for one in value if isinstance(value, list) else ():
            turn(one)

    turn(order)
    order["presentment_currency"] = currency


def _sale(sort: str, order: Json) -> Sale:
    lines = order["line_items"]
    match sort:
        case "draft order":
            order["source_name"] = "shopify_draft_order"
        case "counter":
            order |= {"source_name": "pos", "shipping_address": None, "shipping_lines": []}
            order["fulfillment_status"] = "fulfilled"
            for line in lines:
                line |= {"fulfillable_quantity": 0, "fulfillment_status": "fulfilled"}
        case "pickup":
            order["shipping_address"] = None
            _named(order, "Acme downtown")
        case "local delivery":
            _named(order, "Local Delivery")
        case "gift card alone":
            _nothing_travels(order)
        case "gift card beside goods":
            lines.append(_gift_card(order))
        case "tip":
            lines.append(_beside(order, "Tip", "5.00"))
        case "wrapping":
            lines.append(_beside(order, "Gift wrapping", "3.50"))
        case "paid in Canadian dollars":
            shown_in(order, "CAD", CANADIAN_PER_DOLLAR)
        case "print on demand":
            lines[1]["fulfillment_service"] = "printful"
    total(order)
    elsewhere = {"another location": lines[1:2], "all at another location": lines}.get(sort, [])
    locations = {str(line["id"]): SECOND_LOCATION for line in elsewhere}
    return Sale(sort=sort, order=order, locations=locations)


def total(order: Json) -> None:
    """Have a new order's amounts follow its lines and ways of shipping, and all of it be paid."""
    retotal(order)
    for name in _AMOUNTS:
        order[name], order[f"{name}_set"] = order[f"current_{name}"], order[f"current_{name}_set"]
    order["total_outstanding"] = "0.00"


def _nothing_travels(order: Json) -> None:
    order["line_items"] = [_gift_card(order)]
    order |= {"shipping_address": None, "shipping_lines": []}
    order |= {"discount_codes": [], "discount_applications": []}


def _named(order: Json, title: str) -> None:
    for way in order["shipping_lines"]:
        way |= {"title": title, "code": title}


def _gift_card(order: Json) -> Json:
    return _beside(order, "Gift card", "25.00") | {"gift_card": True, "variant_id": 7, "sku": None}


def _beside(order: Json, title: str, price: str) -> Json:
    """A line that is not goods: no article, no tax, no discount, nothing to ship."""
    found: Json = copy.deepcopy(order["line_items"][0])
    number = order["id"] * 100 + 99
    amount = bag(dict.fromkeys(SIDES, Decimal(price)), found["price_set"])
    return found | {
        "id": number,
        "admin_graphql_api_id": f"gid://shopify/LineItem/{number}",
        "title": title, "name": title, "sku": None, "variant_id": None, "product_id": None,
        "quantity": 1, "current_quantity": 1, "fulfillable_quantity": 0,
        "requires_shipping": False, "grams": 0, "price": price, "price_set": amount,
        "total_discount": "0.00", "discount_allocations": [], "tax_lines": [],
    }  # fmt: skip


def refunded(order: Json, *, restocks: bool) -> tuple[Json, Json]:
    """Return the order after a refund, and the refund: a dollar of good will; or a piece of the
    first line, which Shopify leaves to be fulfilled (`restock_type` no_restock)."""
    order = copy.deepcopy(order)
    refund: Json = {
        "id": order["id"] + 7,
        "admin_graphql_api_id": f"gid://shopify/Refund/{order['id'] + 7}",
        "order_id": order["id"],
        "created_at": stamp(time.time()),
        "note": None,
        "refund_line_items": [],
        "order_adjustments": [],
        "transactions": [],
    }
    if restocks:
        refund["order_adjustments"] = [{"amount": "-1.00", "kind": "refund_discrepancy"}]
    else:
        line = order["line_items"][0]
        line["current_quantity"] -= 1
        refund["refund_line_items"] = [
            {"line_item_id": line["id"], "quantity": 1, "restock_type": "no_restock",
             "line_item": {"id": line["id"], "fulfillable_quantity": line["fulfillable_quantity"]}}
        ]  # fmt: skip
        retotal(order)
    order["refunds"] = [refund]
    order["financial_status"] = "partially_refunded"
    order["updated_at"] = refund["created_at"]
    return order, refund
