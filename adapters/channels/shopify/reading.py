"""Reads an order's webhook also where an app or a form of the shop left Shopify's usual shape."""

from __future__ import annotations

import re
from typing import cast

import msgspec

from adapters.channels.shopify.shapes import ShopifyOrder
from schemas.contracts.validation import read_foreign

_TEXTS = frozenset(
    {
        "amount", "price", "discounted_price", "total_price", "current_total_price", "total_tax",
        "current_total_tax", "total_tip_received", "total_outstanding", "sku", "zip", "phone",
        "note", "title", "code", "address1", "address2", "city", "company", "po_number",
        "source_identifier", "source_name", "tracking_number",
    }
)  # fmt: skip
"""Amounts, and what consists of digits by chance, are texts; some apps write numbers."""
_COUNTS = frozenset({"quantity", "current_quantity", "fulfillable_quantity", "grams"})
"""What some apps write as a text, and is a whole number."""
_DIGITS = re.compile(r"[0-9]{1,9}(?:\.0{1,9})?", re.ASCII)
_TELLING = "tip_payment_gateway"
"""It says something by being there, also with nothing in it."""


def read_order(tree: object) -> ShopifyOrder:
    """Return the order as its shape has it. Raises Refused(schema_mismatch)."""
    try:
        return msgspec.convert(tree, ShopifyOrder)
    except msgspec.ValidationError:
        # Looked at again only on a fault: it costs as much as all the rest.
        return read_foreign(_usual(tree), ShopifyOrder)


def _usual(value: object) -> object:
    """Return a payload in the usual shape: a null is what is left out, an amount and the like a
    text, a quantity a number, and `properties` a list of names and texts."""
    if isinstance(value, list):
        return [_usual(one) for one in value if one is not None]
    if not isinstance(value, dict):
        return value
    found: dict[str, object] = {}
    for name, one in value.items():
        if one is None and name != _TELLING:
            continue
        if name in _TEXTS and isinstance(one, int | float) and not isinstance(one, bool):
            found[name] = str(one)
        elif name in _COUNTS and isinstance(one, str) and _DIGITS.fullmatch(one.strip()):
            found[name] = int(one.strip().partition(".")[0])
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
        return [_attribute(value)]
    return [_attribute(one) for one in value if one is not None]


def _attribute(one: object) -> object:
    if not isinstance(one, dict):
        return {"value": _text(one)}
    told = cast(dict[str, object], one)
    found = {name: told[name] for name in ("name", "value") if told.get(name) is not None}
    if isinstance(found.get("value"), dict | list):
        found["value"] = _text(found["value"])
    if not isinstance(found.get("name", ""), str):
        found["name"] = _text(found["name"])
    return found


def _text(value: object) -> str:
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()
