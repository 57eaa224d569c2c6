"""Reads an order's webhook also where an app or a form of the shop left Shopify's usual shape."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import cast

import msgspec

from adapters.channels.shopify.shapes import ShopifyOrder
from schemas.contracts.validation import read_foreign

_GID = "admin_graphql_api_id"
_NAMED: Mapping[str, str] = MappingProxyType(
    {"line_items": "LineItem", "fulfillments": "Fulfillment", "customer": "Customer"}
)
"""What has a global id, by the field that it stands in."""


def read_order(tree: object) -> ShopifyOrder:
    """Return the order as its shape has it. Raises Refused(schema_mismatch)."""
    try:
        found = msgspec.convert(tree, ShopifyOrder)
    except msgspec.ValidationError:
        # Looked at again only on a fault: it costs as much as all the rest.
        found = read_foreign(_usual(tree, "Order"), ShopifyOrder)
    at = found.shipping_address
    if at is not None and not at.address1 and not any(msgspec.structs.astuple(at)):
        found.shipping_address = None  # an empty one is none
    return found


def number_of(tree: object) -> str:
    """Return the digits of the number that something has as its `id`; "" where it has none."""
    found = tree.get("id") if isinstance(tree, dict) else None
    digits = str(found) if isinstance(found, int | str) and not isinstance(found, bool) else ""
    return digits if digits.isascii() and digits.isdigit() and len(digits) <= 20 else ""


def _usual(value: object, kind: str = "") -> object:
    """Return a payload in the usual shape: `properties` a list of names and texts, tags one text,
    and a global id for whatever of a `kind` has its number alone."""
    if isinstance(value, list):
        return [_usual(one, kind) for one in value]
    if not isinstance(value, dict):
        return value
    found: dict[str, object] = {}
    for name, one in value.items():
        if name == "tags" and isinstance(one, list):
            found[name] = ", ".join(map(str, one))
        elif name in ("properties", "note_attributes"):
            found[name] = _attributes(one)
        else:
            found[name] = _usual(one, _NAMED.get(name, ""))
    if kind and not found.get(_GID) and (number := number_of(value)):
        found[_GID] = f"gid://shopify/{kind}/{number}"
    return found


def _attributes(value: object) -> object:
    if value is None:
        return []
    if isinstance(value, dict):
        if value and all(name.isdecimal() and _is_attribute(one) for name, one in value.items()):
            return [_attribute(one) for one in value.values()]
        value = [{"name": name, "value": one} for name, one in value.items()]
    if not isinstance(value, list):
        return [_attribute(value)]
    return [_attribute(one) for one in value if one is not None]


def _is_attribute(one: object) -> bool:
    return isinstance(one, dict) and set(one) == {"name", "value"}


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
