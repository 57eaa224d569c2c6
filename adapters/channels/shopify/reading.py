"""Reads an order's webhook also where an app or a form of the shop left Shopify's usual shape."""

from __future__ import annotations

from typing import cast

import msgspec

from adapters.channels.shopify.shapes import ShopifyOrder
from schemas.contracts.validation import read_foreign

_AMOUNTS = frozenset(
    {
        "amount", "price", "discounted_price", "total_price", "current_total_price", "total_tax",
        "current_total_tax", "total_tip_received", "total_outstanding",
    }
)  # fmt: skip
"""Amounts are texts, and numbers in what some apps write."""
_NUMBERS = _AMOUNTS | {"source_identifier"}


def read_order(tree: object) -> ShopifyOrder:
    """Return the order as its shape has it. Raises Refused(schema_mismatch)."""
    try:
        return msgspec.convert(tree, ShopifyOrder)
    except msgspec.ValidationError:
        # Looked at again only on a fault: it costs as much as all the rest.
        return read_foreign(_usual(tree), ShopifyOrder)


def _usual(value: object) -> object:
    """Return a payload in the usual shape: a null is what is left out, an amount is a text, and
    `properties` a list of names and texts."""
    if isinstance(value, list):
        return [_usual(one) for one in value]
    if not isinstance(value, dict):
        return value
    found: dict[str, object] = {}
    for name, one in value.items():
        if one is None:
            continue
        if name in _NUMBERS and isinstance(one, int | float) and not isinstance(one, bool):
            found[name] = str(one)
        elif name == "tags" and isinstance(one, list):
            found[name] = ", ".join(map(str, one))
        elif name in ("properties", "note_attributes"):
            found[name] = _attributes(one)
        else:
            found[name] = _usual(one)
    return found


def _attributes(value: object) -> object:
    if isinstance(value, dict):
        value = [{"name": name, "value": one} for name, one in value.items()]
    if not isinstance(value, list):
        return value
    return [_attribute(one) for one in value]


def _attribute(one: object) -> object:
    if not isinstance(one, dict):
        return one
    told = cast(dict[str, object], one)
    found = {name: told[name] for name in ("name", "value") if told.get(name) is not None}
    if isinstance(found.get("value"), dict | list):
        found["value"] = msgspec.json.encode(found["value"]).decode()
    return found
