"""What a payload of Shopify's names: an order, a fulfilment order, a return."""

from __future__ import annotations

import re
from collections.abc import Sequence

from adapters.kit.moments import moment_of
from schemas.messages.effects import Units
from schemas.messages.inputs import AskedToStop, Later

REMAINING, FULFILL_AT, STILL = "remaining_line_items", "remaining_fulfill_at", "remaining_others"
REQUESTED_OF_US = "requested_of_us"
"""What a message is given before it comes in again: how many pieces of its fulfilment order's
lines are left, their date, whether others of the order are still as it was, and whether a service
of ours is asked to take it on."""
_ORDER = "gid://shopify/Order/"
_FULFILMENT_ORDER_ID = re.compile(r"gid://shopify/FulfillmentOrder/[0-9]{1,20}")
_RETURN_ID = re.compile(r"gid://shopify/Return/[0-9]{1,20}")

_GLOBAL_IDS = (("admin_graphql_api_order_id",), ("order", "admin_graphql_api_id"))
_NUMBERS = (
    ("order_id",),
    ("order", "id"),
    ("order_edit", "order_id"),
    ("fulfillment_order", "order_id"),
)
"""Where a payload may name its order, as paths."""


def at(tree: object, path: str) -> object:
    """Return what a dotted path leads to; None where there is nothing."""
    return _down(tree, path.split("."))


def _down(tree: object, names: Sequence[str]) -> object:
    for name in names:
        if not isinstance(tree, dict):
            return None
        tree = tree.get(name)
    return tree


def named_order(topic: str, tree: object) -> str:
    """Return the digits of the order that a piece of news is about; "" when it names none.

    A GraphQL id goes before a number, of which some senders lose the last digits.
    """
    for names in _GLOBAL_IDS:
        found = _down(tree, names)
        if isinstance(found, str) and found.startswith(_ORDER) and _is_id(found[len(_ORDER) :]):
            return found[len(_ORDER) :]
    for names in (*_NUMBERS, ("id",)) if topic == "orders/delete" else _NUMBERS:
        found = _down(tree, names)
        if isinstance(found, int) and not isinstance(found, bool) and _is_id(str(found)):
            return str(found)
    return ""


def fulfilment_order_in(tree: object) -> str:
    """Return the global id of the fulfilment order that a payload is about; "" for none."""
    names = ("fulfillment_order", "moved_fulfillment_order", "submitted_fulfillment_order")
    for path in (f"{name}.id" for name in names):
        found = at(tree, path)
        if isinstance(found, str) and _FULFILMENT_ORDER_ID.fullmatch(found):
            return found
    return ""


def stop_in(tree: object) -> AskedToStop | None:
    """Return what a shop asks not to send: all that the fulfilment order has left, where Shopify
    was asked for it (`adapters.channels.shopify.resolving`). None for nothing."""
    gid, units = fulfilment_order_in(tree), _remaining_in(tree)
    return AskedToStop(outside_id=gid, units=units) if gid and units else None


def request_in(tree: object) -> str:
    """Return the fulfilment order that a shop asks us to take on, where Shopify says that it is a
    service's of ours (`adapters.channels.shopify.resolving`); "" for none."""
    return fulfilment_order_in(tree) if at(tree, REQUESTED_OF_US) is True else ""


def later_in(tree: object, *, due: bool) -> Later | None:
    """Return what a shop wants sent not before its date, or what is `due`; None where the date or
    the lines are not known."""
    gid, units, day = fulfilment_order_in(tree), _remaining_in(tree), at(tree, FULFILL_AT)
    if due:
        return Later(outside_id=gid) if gid else None
    day = moment_of(day)
    return Later(outside_id=gid, at=day, units=units) if gid and units and day else None


def _remaining_in(tree: object) -> tuple[Units, ...]:
    told = at(tree, REMAINING)
    return tuple(
        Units(line, "", quantity)
        for line, quantity in (told.items() if isinstance(told, dict) else ())
        if isinstance(quantity, int) and quantity > 0 and _is_id(line)
    )


def return_in(tree: object) -> str:
    """Return the global id of the return that a payload is; "" for none."""
    found = at(tree, "admin_graphql_api_id")
    return found if isinstance(found, str) and _RETURN_ID.fullmatch(found) else ""


def has_fulfilment_order(tree: object) -> bool:
    """Say whether a fulfilment order's global id stands anywhere in a payload."""
    if isinstance(tree, dict):
        tree = list(tree.values())
    if isinstance(tree, list):
        return any(map(has_fulfilment_order, tree))
    return isinstance(tree, str) and _FULFILMENT_ORDER_ID.fullmatch(tree) is not None


def _is_id(digits: str) -> bool:
    return digits.isascii() and digits.isdigit() and len(digits) <= 20
