"""Edits of a BigCommerce order by the store's people, as its control panel does them.

Totals move by what the changed lines move; a changed line loses its discounts, as BigCommerce says
of its own PUT. https://developer.bigcommerce.com/docs/rest-management/orders#update-an-order
"""

from __future__ import annotations

import copy
from decimal import Decimal
from typing import Any, Final

from ops.simulators.shapes import JsonObject, NotUnderstood, number, text

# Any: an order is free-form JSON.
Json = dict[str, Any]
MAX_LINES: Final = 500
TAX_RATE: Final = Decimal("0.1")
KNOWN: Final = {
    "ship_to", "add_lines", "remove", "quantities", "note", "shipping_method", "payment_method",
    "payment_status", "status_id",
}  # fmt: skip
_PLACES: Final = Decimal("0.0001")


class NotEditable(ValueError):
    """The store would not do this edit; the message says why."""


def edit(order: Json, parts: dict[str, list[JsonObject]], wanted: Json, first_id: int) -> None:
    """Change an order and its parts in place. New lines are numbered from `first_id` on. Raises
    NotEditable before anything was changed, and NotUnderstood."""
    if unknown := set(wanted) - KNOWN:
        raise NotUnderstood(f"An edit has no part {', '.join(sorted(unknown))}.")
    products: list[Json] = [copy.deepcopy(dict(one)) for one in parts["products"]]
    addresses: list[Json] = [dict(one) for one in parts["shipping_addresses"]]
    before = _sums(products)
    for name in wanted.get("remove") or []:
        _resize(products, str(name), 0)
    for name, quantity in (wanted.get("quantities") or {}).items():
        _resize(products, str(name), int(quantity))
    for place, line in enumerate(wanted.get("add_lines") or []):
        products.append(_line(order, addresses, line, first_id + place))
    if len(products) > MAX_LINES:
        raise NotEditable(f"An order has at most {MAX_LINES} lines.")
    products = [one for one in products if one["quantity"]]
    for name, value in {**(wanted.get("ship_to") or {}), **_method(wanted)}.items():
        if addresses:
            addresses[0][name] = value
    _move_totals(order, before, _sums(products))
    order["items_total"] = sum(int(one["quantity"]) for one in products)
    for ours, theirs in (("note", "customer_message"), ("payment_method",) * 2,
                         ("payment_status",) * 2):  # fmt: skip
        if ours in wanted:
            order[theirs] = wanted[ours]
    parts["products"], parts["shipping_addresses"] = list(products), list(addresses)


def _method(wanted: Json) -> Json:
    method = wanted.get("shipping_method")
    return {"shipping_method": method} if method else {}


def _sums(products: list[Json]) -> dict[str, Decimal]:
    return {
        name: sum((Decimal(text(one, name) or "0") for one in products), Decimal(0))
        for name in ("total_ex_tax", "total_inc_tax", "total_tax")
    }


def _move_totals(order: Json, before: dict[str, Decimal], after: dict[str, Decimal]) -> None:
    for name, amount in after.items():
        for total in (name, name.replace("total", "subtotal")):
            if total in order:
                moved = Decimal(text(order, total) or "0") + amount - before[name]
                order[total] = f"{moved.quantize(_PLACES):f}"


def _resize(products: list[Json], name: str, quantity: int) -> None:
    for line in products:
        if name in (text(line, "id"), text(line, "sku")):
            shipped = int(number(line, "quantity_shipped"))
            if quantity < shipped:
                raise NotEditable(f"{shipped} of line {name} are shipped already.")
            line["quantity"] = quantity
            line["applied_discounts"] = []
            _amounts(line)
            return
    raise NotEditable(f"The order has no line {name}.")


def _amounts(line: Json) -> None:
    net = Decimal(text(line, "price_ex_tax")) * line["quantity"]
    gross = Decimal(text(line, "price_inc_tax")) * line["quantity"]
    line["total_ex_tax"] = f"{net.quantize(_PLACES):f}"
    line["total_inc_tax"] = f"{gross.quantize(_PLACES):f}"
    line["total_tax"] = f"{(gross - net).quantize(_PLACES):f}"


def _line(order: Json, addresses: list[Json], wanted: Json, number_of_it: int) -> Json:
    quantity, sku = int(wanted.get("quantity", 1)), str(wanted.get("sku") or "")
    if quantity < 1 or "price" not in wanted:
        raise NotEditable("A line needs a price without tax, and a quantity of at least 1.")
    price = Decimal(str(wanted["price"]))
    line: Json = {
        "id": number_of_it,
        "order_id": order["id"],
        "product_id": 0,
        "variant_id": 0,
        "order_pickup_method_id": 0,
        "order_address_id": addresses[0]["id"] if addresses else 0,
        "name": str(wanted.get("name") or sku),
        "sku": sku,
        "upc": "",
        "type": "physical",
        "price_ex_tax": f"{price.quantize(_PLACES):f}",
        "price_inc_tax": f"{(price * (1 + TAX_RATE)).quantize(_PLACES):f}",
        "weight": "1.0000",
        "quantity": quantity,
        "quantity_refunded": 0,
        "quantity_shipped": 0,
        "wrapping_name": "",
        "wrapping_message": "",
        "event_name": None,
        "event_date": None,
        "bin_picking_number": "",
        "applied_discounts": [],
        "product_options": [],
        "configurable_fields": [],
    }
    _amounts(line)
    return line
