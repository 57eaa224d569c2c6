"""The stories' orders in the shape in which a simulated shop keeps and sends them."""

from __future__ import annotations

import copy
import json
import time
from decimal import Decimal
from functools import lru_cache
from typing import Any

from ops.simulators.shop_statement import stamp
from ops.simulators.shop_totals import SIDES, bag, retotal
from ops.simulators.storefront import Moment, Recipe, payload
from schemas.order.canonical import Address, Line, Order
from tests.stories.orders import OAK, PINE

# Any: a shop's order is free-form JSON.
Json = dict[str, Any]

POSTAL_CODES = {OAK: "40502", PINE: "40511"}
"""Ledgers keep no street, so each of the stories' has a postal code of its own."""

_AMOUNTS = ("subtotal_price", "total_discounts", "total_tax", "total_price")


def line_number(order_id: int, line_id: str) -> int:
    """The shop's number of a story's line."""
    return order_id * 100 + int(line_id)


def sku_of(number: int, sku: str) -> str:
    """An order's own SKU, so that no story takes another one's stock."""
    return f"SKU-{number}-{sku.rpartition('-')[2]}"


def address_of(address: Address) -> Json:
    """An address as the shop has it."""
    first, _, last = address.name.partition(" ")
    (street,) = address.lines
    return {
        "first_name": first, "last_name": last, "name": address.name, "address1": street,
        "address2": None, "company": None, "city": address.city, "zip": POSTAL_CODES[street],
        "province": "Kentucky", "province_code": address.region, "country": "United States",
        "country_code": address.country, "phone": "5025550123", "latitude": None,
        "longitude": None,
    }  # fmt: skip


@lru_cache
def _plain(recipe: Recipe) -> int:
    """The number of an order in dollars that has no discount, to write others like it."""
    for number in range(1, 256):
        order = json.loads(payload(recipe, number, Moment()))
        if order["presentment_currency"] == "USD" and not order["discount_codes"]:
            return number
    raise AssertionError("no order of this recipe is plain")


def order_json(recipe: Recipe, number: int, order: Order) -> Json:
    """What the shop says of a new order."""
    payment = "cod" if order.payment_method == "cod" else "card"
    at = stamp(time.time() - 2)
    moment = Moment(
        created_at=at,
        updated_at=at,
        paid=order.payment == "paid",
        reserved=order.payment == "authorized",
        payment=payment,
    )
    made: Json = json.loads(payload(recipe, _plain(recipe), moment))
    order_id = recipe.order_id(number)
    made["id"] = order_id
    made["admin_graphql_api_id"] = recipe.gid(number)
    made["name"], made["number"], made["order_number"] = f"#{number}", number, number
    template = made["line_items"][0]
    made["line_items"] = [_line(template, order_id, number, one) for one in order.lines]
    made["taxes_included"], made["tax_lines"] = False, []
    assert order.ship_to is not None
    made["shipping_address"] = made["billing_address"] = address_of(order.ship_to)
    made["test"] = order.test
    zero = bag(dict.fromkeys(SIDES, Decimal(0)), made["current_total_price_set"])
    for way in made["shipping_lines"]:
        for name in ("price", "discounted_price"):
            way[name], way[f"{name}_set"] = "0.00", zero
        way["current_discounted_price_set"], way["tax_lines"] = zero, []
    made["total_shipping_price_set"] = zero
    retotal(made)
    for name in _AMOUNTS:
        made[name], made[f"{name}_set"] = made[f"current_{name}"], made[f"current_{name}_set"]
    made["total_line_items_price"] = made["subtotal_price"]
    made["total_line_items_price_set"] = made["subtotal_price_set"]
    made["total_outstanding"] = "0.00" if order.payment == "paid" else made["total_price"]
    return made


def _line(template: Json, order_id: int, number: int, line: Line) -> Json:
    minor = Decimal(line.unit_price_minor) / 100
    like = template["price_set"]
    price = bag(dict.fromkeys(SIDES, minor), like)
    found = line_number(order_id, line.line_id)
    return copy.deepcopy(template) | {
        "id": found,
        "admin_graphql_api_id": f"gid://shopify/LineItem/{found}",
        "sku": sku_of(number, line.sku),
        "title": line.title,
        "name": line.title,
        "variant_title": None,
        "quantity": line.quantity,
        "current_quantity": line.quantity,
        "fulfillable_quantity": line.quantity,
        "price": price["shop_money"]["amount"],
        "price_set": price,
        "tax_lines": [],
        "discount_allocations": [],
    }
