"""The facts that conditions are about, with their types: read off the structs of the order, so that
a field that is added there can be asked for here.

Amounts are whole minor units, weights grams. What a struct may lack (`T | None`) has to be asked
for with has(…) first; every other field is always there.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Literal

import msgspec.inspect as mi
from msgspec import Struct

from schemas.order.canonical import Order
from schemas.order.regions import is_domestic, postal_country
from schemas.order.world import World

Kind = Literal["bool", "int", "float", "text", "list", "map", "struct"]

INT64 = 2**63
MAX_TEXT = 2**31
"""Characters of a text without a bound of its own: far below 64 bits, so that sizes add up."""


WORLD = frozenset(World.__struct_fields__) - {"asked"}
"""The facts that have to be asked for outside, which is done where a rule reads them."""


class Type(Struct, frozen=True):
    """What a term gives. `low` and `high` bound a whole number; `of` is what a list or a map holds;
    `fields` are a struct's; `values` are all that a text can be (none: any text); `maybe`: it may
    be missing. `size` is how many a list, map or text can have at most."""

    kind: Kind
    low: int = -INT64
    high: int = INT64 - 1
    of: Type | None = None
    fields: dict[str, Type] = {}
    values: tuple[str, ...] = ()
    maybe: bool = False
    size: int = 0
    name: str = ""


BOOL = Type("bool")
TEXT = Type("text", size=MAX_TEXT)


def count(high: int, low: int = 0) -> Type:
    """Return a whole number with these bounds."""
    return Type("int", low, high)


def _type(found: mi.Type, maybe: bool = False) -> Type:
    if isinstance(found, mi.Metadata):
        return _type(found.type, maybe)
    if isinstance(found, mi.UnionType):
        (one,) = (x for x in found.types if not isinstance(x, mi.NoneType))
        return _type(one, True)
    if isinstance(found, mi.BoolType):
        return Type("bool", maybe=maybe)
    if isinstance(found, mi.IntType):
        assert found.ge is not None, "every number of an order is bounded"
        assert found.le is not None, "every number of an order is bounded"
        return Type("int", found.ge, found.le, maybe=maybe)
    if isinstance(found, mi.LiteralType):
        return Type("text", values=tuple(map(str, found.values)), maybe=maybe, size=64)
    if isinstance(found, mi.StrType):
        return Type("text", maybe=maybe, size=found.max_length or MAX_TEXT)
    if isinstance(found, mi.VarTupleType):
        return Type("list", of=_type(found.item_type), maybe=maybe, size=found.max_length or 0)
    if isinstance(found, mi.DictType):
        return Type("map", of=_type(found.value_type), maybe=maybe, size=found.max_length or 0)
    assert isinstance(found, mi.StructType), found
    fields = {one.name: _type(one.type) for one in found.fields}
    return Type("struct", fields=fields, maybe=maybe, name=found.cls.__name__)


@cache
def facts() -> dict[str, Type]:
    """Return every fact by its name."""
    units = 500 * 1_000_000
    return {
        "order": _type(mi.type_info(Order)),
        "channel": TEXT,
        "away": Type("text", values=("home", "abroad", "unknown"), size=8),
        "units": count(units),
        "placed_day": Type("text", size=10),
        "placed_weekday": count(7, 1),
        "placed_hour": count(23),
        "to_post_box": BOOL,
        "to_military": BOOL,
        **{name: one for name, one in _type(mi.type_info(World)).fields.items() if name in WORLD},
    }


WHAT: dict[str, str] = {
    "order": "the order, in our own terms (after mappings)",
    "channel": "the name of the channel that it came from",
    "away": "where it goes, seen from the first place: home, abroad, or unknown",
    "units": "the units of all lines together",
    "placed_day": "the day on which it was placed, such as 2026-11-27, in the time zone stated",
    "placed_weekday": "the day of the week of that, 1 (Monday) to 7",
    "placed_hour": "the hour of that, 0 to 23",
    "to_post_box": "whether it goes to a post office box, a locker or a counter of the post",
    "to_military": "whether it goes to a military post office (APO, FPO, DPO, BFPO, CFPO)",
    "customer": "what else the customer has with the shop, beside this order",
    "account": "how a customer on terms stands in the books of the ERP",
    "address": "what an address service says of the shipping address",
}
"""What each fact is."""

NAMED_OPENLY = frozenset(
    (
        *("country", "currency", "payment", "payment_method", "shipping_method", "kind"),
        *("delivery", "locale", "labels_from", "sku", "tax_code", "code", "ship_by"),
        *("channel", "away", "placed_day", "channel_shipping_method", "shipping_tax_code"),
        *("verdict", "why"),
    )
)
"""Texts whose values an event may repeat: they tell nothing about a person. Numbers always may."""


def is_open(path: str, found: Type) -> bool:
    """Whether the value of a fact may stand in an event, which is kept longer than personal data
    is."""
    if found.kind in ("int", "bool"):
        return True
    return found.kind == "text" and path.rpartition(".")[2] in NAMED_OPENLY


@cache
def flat() -> dict[str, Type]:
    """Return every field of a fact by its path; `[]` stands for an element of a list."""
    return {path: one for name, found in facts().items() for path, one in _flat(name, found)}


def _flat(prefix: str, of: Type) -> Iterator[tuple[str, Type]]:
    for name, one in of.fields.items():
        path = f"{prefix}.{name}"
        yield path, one
        inner = one if one.kind == "struct" else one.of
        if inner is not None and inner.kind == "struct":
            yield from _flat(path if one.kind == "struct" else f"{path}[]", inner)


def away_of(order: Order, home: str) -> str:
    """Return where an order goes, seen from a country ("": not known)."""
    if not home or order.ship_to is None:
        return "unknown"
    return "home" if is_domestic(home, postal_country(order.ship_to)) else "abroad"
