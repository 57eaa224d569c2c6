"""Edits of an order at the shop: what a person there does in its admin, and what the order states
afterwards. https://shopify.dev/docs/apps/build/orders-fulfillment/order-management-apps/edit-orders
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Final

from ops.simulators.shop_data import Product, product
from ops.simulators.shop_goods import Goods
from ops.simulators.shop_orders import PRODUCTS, money
from ops.simulators.shop_statement import Json, current, has_begun, line_id, open_quantity
from ops.simulators.shop_totals import (
    SIDES,
    bag,
    discount,
    received,
    retotal,
    settle,
    taxes,
    total_of,
)

MAX_LINES: Final = 500
KNOWN: Final = {
    "ship_to", "add_lines", "remove", "quantities", "note", "shipping_method", "tags", "paid",
    "tell",
}  # fmt: skip


class NotEditable(ValueError):
    """Shopify would not do this edit; the message says why."""


@dataclass(slots=True)
class Edited:
    """What an edit did. `additions` and `removals`: lines and how many pieces; `ways`: shipping."""

    order: Json
    additions: list[tuple[int, int]] = field(default_factory=list)
    removals: list[tuple[int, int]] = field(default_factory=list)
    ways: tuple[list[int], list[int]] = field(default_factory=lambda: ([], []))
    told: list[str] = field(default_factory=list)

    @property
    def is_order_edit(self) -> bool:
        """Whether Shopify calls it an order edit: an address or a note is only an update."""
        return bool(self.additions or self.removals or any(self.ways))


def edit(order: Json, wanted: Json, goods: Goods, number: Callable[[], int]) -> Edited:
    """The order after an edit; the given one stays as it is. Raises NotEditable."""
    if unknown := set(wanted) - KNOWN:
        raise NotEditable(f"An edit has no part {', '.join(sorted(unknown))}.")
    if order.get("cancelled_at"):
        raise NotEditable("A cancelled order can't be edited.")
    done = Edited(copy.deepcopy(order))
    _change_lines(done, wanted, goods, number)
    if wanted.get("shipping_method"):
        _change_way(done, wanted["shipping_method"], number())
    if wanted.get("ship_to"):
        _change_address(done, wanted["ship_to"])
    for name in ("note", "tags"):
        if name in wanted:
            done.order[name] = wanted[name]
            done.told.append(name)
    if not done.told:
        raise NotEditable("The edit changes nothing.")
    if done.is_order_edit:
        paid = received(order)
        retotal(done.order)
        if paid and wanted.get("paid", True):
            # The customer pays the difference in the same moment; no one gives money back yet.
            paid = max(paid, Decimal(done.order["current_total_price"]))
        settle(done.order, paid)
    return done


def _change_lines(done: Edited, wanted: Json, goods: Goods, number: Callable[[], int]) -> None:
    for name in wanted.get("remove") or []:
        _set_quantity(done, str(name), 0, goods)
    for name, quantity in (wanted.get("quantities") or {}).items():
        _set_quantity(done, str(name), int(quantity), goods)
    for line in wanted.get("add_lines") or []:
        _add(done, line, number())


def _find(order: Json, name: str) -> Json:
    name = name.rpartition("/")[2]
    for line in order["line_items"]:
        if name in (line_id(line), line.get("sku")):
            found: Json = line
            return found
    raise NotEditable(f"The order has no line {name}.")


def _set_quantity(done: Edited, name: str, quantity: int, goods: Goods) -> None:
    line = _find(done.order, name)
    now, gone = current(line), current(line) - open_quantity(line)
    gone += goods.fulfilled(line_id(line))
    if quantity < gone:
        raise NotEditable(f"{gone} of line {name} are fulfilled already.")
    if quantity == now:
        return
    if quantity > now:
        more = quantity - now
        line["quantity"] += more
        line["tax_lines"] = _line_taxes(done.order, line, line.get("tax_lines") or [])
        done.additions.append((line["id"], more))
    else:
        done.removals.append((line["id"], now - quantity))
    line["fulfillable_quantity"] = open_quantity(line) + quantity - now
    line["current_quantity"] = quantity
    done.told.append("quantities" if quantity else "remove")


def _line_taxes(order: Json, line: Json, rates: list[Json]) -> list[Json]:
    net = {
        side: Decimal(line["price_set"][side]["amount"]) * line["quantity"] - discount(line, side)
        for side in SIDES
    }
    return taxes(net, rates, included=order["taxes_included"], like=line["price_set"])


def _product(sku: str) -> Product | None:
    digits = sku.removeprefix("SKU-")
    if digits.isdigit() and 1 <= int(digits) <= PRODUCTS:
        return product(int(digits))
    return None


def _price(order: Json, minor: int) -> Json:
    """The price in both currencies; the shop's own rate stands between them."""
    like = order["current_total_price_set"]
    both = money(minor, like["presentment_money"]["currency_code"])
    amounts = {
        "shop_money": Decimal(both.shop) / 100,
        "presentment_money": Decimal(both.shown) / 100,
    }
    return bag(amounts, like)


def _minor(value: Any) -> int:  # Any: free-form JSON
    try:
        return int(Decimal(str(value)) * 100)
    except ArithmeticError as error:
        raise NotEditable(f"{value!r} is not an amount.") from error


def _add(done: Edited, wanted: Json, number: int) -> None:
    order, sku = done.order, str(wanted.get("sku") or "")
    if len(order["line_items"]) >= MAX_LINES:
        raise NotEditable(f"An order has at most {MAX_LINES} lines.")
    known, quantity = _product(sku), int(wanted.get("quantity", 1))
    if quantity < 1 or (known is None and "price" not in wanted):
        raise NotEditable("A line needs a quantity of at least 1, and a price if its SKU is new.")
    minor = _minor(wanted["price"]) if "price" in wanted else known.price_minor if known else 0
    title = str(wanted.get("title") or (known.title if known else sku))
    price = _price(order, minor)
    zero = bag(dict.fromkeys(SIDES, Decimal(0)), price)
    line = copy.deepcopy(order["line_items"][0])
    line |= {
        "id": number,
        "admin_graphql_api_id": f"gid://shopify/LineItem/{number}",
        "sku": sku,
        "title": title,
        "name": title,
        "variant_title": None,
        "quantity": quantity,
        "current_quantity": quantity,
        "fulfillable_quantity": quantity,
        "fulfillment_status": None,
        "fulfillment_service": wanted.get("fulfillment_service", "manual"),
        "requires_shipping": wanted.get("requires_shipping", True),
        "gift_card": False,
        "grams": wanted.get("grams", known.grams if known else 100),
        "price": price["shop_money"]["amount"],
        "price_set": price,
        "properties": [],
        "discount_allocations": [],
        "total_discount": zero["shop_money"]["amount"],
        "total_discount_set": zero,
        "variant_id": 4_480_000_000_000 + known.number if known else None,
        "product_id": 7_880_000_000_000 + known.number if known else None,
    }
    line["tax_lines"] = _line_taxes(order, line, order.get("tax_lines") or [])
    order["line_items"].append(line)
    done.additions.append((number, quantity))
    done.told.append("add_lines")


def _change_way(done: Edited, wanted: Any, number: int) -> None:  # Any: a title or an object
    order = done.order
    told: Json = wanted if isinstance(wanted, dict) else {"title": str(wanted)}
    ways = order["shipping_lines"]
    old = [way for way in ways if not way.get("is_removed")]
    like = order["current_total_price_set"]
    before = old[0]["discounted_price_set"] if old else bag(dict.fromkeys(SIDES, Decimal(0)), like)
    price = _price(order, _minor(told["price"])) if "price" in told else before
    rates = [tax for way in old for tax in way.get("tax_lines") or []][:5]
    net = {side: Decimal(price[side]["amount"]) for side in SIDES}
    for way in old:
        way["is_removed"] = True
        way["current_discounted_price_set"] = bag(dict.fromkeys(SIDES, Decimal(0)), like)
        done.ways[1].append(way["id"])
    blank = copy.deepcopy(ways[0]) if ways else _bare_way()
    ways.append(
        blank
        | {
            "id": number,
            "title": told["title"],
            "code": told.get("code", told["title"]),
            "is_removed": False,
            "price": price["shop_money"]["amount"],
            "price_set": price,
            "discounted_price": price["shop_money"]["amount"],
            "discounted_price_set": price,
            "current_discounted_price_set": price,
            "tax_lines": taxes(net, rates, included=order["taxes_included"], like=price),
            "discount_allocations": [],
        }
    )
    done.ways[0].append(number)
    done.told.append("shipping_method")


def _bare_way() -> Json:
    return dict.fromkeys(("carrier_identifier", "phone", "requested_fulfillment_service_id")) | {
        "source": "shopify"
    }


def _change_address(done: Edited, wanted: Json) -> None:
    before = done.order.get("shipping_address") or {}
    after = {**before, **wanted}
    if "name" not in wanted and ("first_name" in wanted or "last_name" in wanted):
        after["name"] = f"{after.get('first_name') or ''} {after.get('last_name') or ''}".strip()
    done.order["shipping_address"] = after
    done.told.append("ship_to")


def order_edit_json(done: Edited, number: int, at: str) -> Json:
    """The payload of orders/edited: the change alone."""

    def changes(found: list[tuple[int, int]]) -> list[Json]:
        return [{"id": line, "delta": delta} for line, delta in found]

    return {
        "order_edit": {
            "id": number,
            "app_id": None,
            "created_at": at,
            "notify_customer": False,
            "order_id": done.order["id"],
            "staff_note": "",
            "committed_at": at,
            "user_id": None,
            "line_items": {
                "additions": changes(done.additions),
                "removals": changes(done.removals),
            },
            "discounts": {"line_item": {"additions": [], "removals": []}},
            "shipping_lines": {
                "additions": [{"id": one} for one in done.ways[0]],
                "removals": [{"id": one} for one in done.ways[1]],
            },
        }
    }


def pay(order: Json) -> Json:
    """The order after all of it was paid."""
    return {**order, "financial_status": "paid", "total_outstanding": "0.00"}


def cancel(order: Json, goods: Goods, reason: str, at: str, refund: int) -> Json:
    """The order after its cancellation; `refund` is the number of the refund of what was paid, 0
    for none. Raises NotEditable once anything of it was fulfilled."""
    if order.get("cancelled_at"):
        raise NotEditable("Order has already been cancelled.")
    if has_begun(order, goods):
        raise NotEditable("Cannot cancel an order that has fulfillments.")
    done = copy.deepcopy(order)
    paid = received(order)
    for line in done["line_items"]:
        line["current_quantity"] = line["fulfillable_quantity"] = 0
    retotal(done)
    zero = bag(dict.fromkeys(SIDES, Decimal(0)), done["current_total_price_set"])
    for name in ("subtotal_price", "total_discounts", "total_tax", "total_price"):
        done[f"current_{name}"], done[f"current_{name}_set"] = zero["shop_money"]["amount"], zero
    done["current_shipping_price_set"] = zero
    done["cancelled_at"], done["cancel_reason"] = at, reason
    done["total_outstanding"] = zero["shop_money"]["amount"]
    if not paid:
        done["financial_status"] = "voided"
    elif refund:
        done["financial_status"] = "refunded"
        done["refunds"] = [*(order.get("refunds") or []), _refund(order, refund, at)]
    return done


def _refund(order: Json, number: int, at: str) -> Json:
    """The refund of all that was left, as an order and refunds/create carry it."""
    zero = bag(dict.fromkeys(SIDES, Decimal(0)), order["current_total_price_set"])
    lines = []
    for place, line in enumerate(order["line_items"]):
        if not (quantity := current(line)):
            continue
        net = {
            side: Decimal(line["price_set"][side]["amount"]) * quantity - discount(line, side)
            for side in SIDES
        }
        subtotal = bag(net, line["price_set"])
        tax = bag(
            {
                side: total_of(
                    Decimal(one["price_set"][side]["amount"]) for one in line["tax_lines"]
                )
                for side in SIDES
            },
            line["price_set"],
        )
        told = {"id": number + 1 + place, "quantity": quantity, "line_item_id": line["id"]}
        told |= {"location_id": None, "restock_type": "cancel", "line_item": line}
        told |= {"subtotal": float(subtotal["shop_money"]["amount"]), "subtotal_set": subtotal}
        told |= {"total_tax": float(tax["shop_money"]["amount"]), "total_tax_set": tax}
        lines.append(told)
    return {
        "id": number,
        "admin_graphql_api_id": f"gid://shopify/Refund/{number}",
        "order_id": order["id"],
        "created_at": at,
        "processed_at": at,
        "note": None,
        "user_id": None,
        "return": None,
        "restock": True,
        "duties": [],
        "total_duties_set": zero,
        "order_adjustments": [],
        "refund_shipping_lines": [],
        "refund_line_items": lines,
    }
