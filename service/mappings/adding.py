"""Adds one entry to the document: a name of a channel, and what we call it."""

from __future__ import annotations

from typing import Any, Literal

import msgspec

from schemas.contracts.mappings import EVERY_CHANNEL, Mappings, from_table, tables_of

Kind = Literal["sku", "tax-code", "shipping-method"]

_FIELDS: dict[Kind, tuple[str, str]] = {
    "sku": ("skus", "aliases"),
    "tax-code": ("tax_codes", "codes"),
    "shipping-method": ("shipping_methods", "codes"),
}


def added(mappings: Mappings, kind: Kind, channel: str, theirs: str, ours: str) -> Mappings:
    """Return the document with one more entry; a name that is ours already is `known`. If this
    starts a table, the table inherits `others` from the common table, or else keeps names that it
    does not list, so that no other order begins to wait. Raises MappingsRefused."""
    table: dict[str, Any] = msgspec.to_builtins(mappings)
    field, entries = _FIELDS[kind]
    tables = table.setdefault("channels", {}).setdefault(channel, {})
    if field not in tables:
        common = tables_of(mappings, EVERY_CHANNEL)
        beneath = getattr(common, field) if common is not None else None
        tables[field] = {"others": beneath.others if beneath is not None else "keep"}
    if theirs == ours:
        known = tables[field].get("known", ())
        tables[field]["known"] = (*known, ours) if ours not in known else known
        tables[field].get(entries, {}).pop(theirs, None)
    else:
        tables[field].setdefault(entries, {})[theirs] = ours
    return from_table(table)
