"""normalise(order, tables) -> the order in our own terms, and what no table has. Pure.

Tables are made once for each version of the mappings; an order of a channel without tables costs
one look-up. What came out goes in again unchanged.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Sequence

from msgspec import Struct
from msgspec.structs import replace

from schemas.contracts.mappings import (
    EVERY_CHANNEL,
    Bundle,
    ChannelTables,
    Codes,
    Component,
    Mappings,
    aliases_of,
    tables_of,
)
from schemas.order.canonical import Line, Order
from schemas.order.money import share_out
from schemas.order.shares import taxes_within

SKU, TAX_CODE, SHIPPING_METHOD = "sku", "tax_code", "shipping_method"
ITEM_NUMBER, ACCOUNT, ADDRESS = "item_number", "account", "address"
SERVICE, LABELS, PAYMENT = "service", "labels", "payment"
KINDS = (SKU, TAX_CODE, SHIPPING_METHOD, ITEM_NUMBER, ACCOUNT, ADDRESS, SERVICE, LABELS, PAYMENT)
SENTENCES = frozenset({ITEM_NUMBER, ACCOUNT, ADDRESS, SERVICE, LABELS, PAYMENT})
"""Kinds of which a value is a sentence: what partners could not carry out (`unfit`)."""
UNMAPPED = "unmapped-"
"""How the ids of holds for a missing mapping begin: the kind follows, with dashes."""

_FACETS = {
    SKU: ("lines",),
    TAX_CODE: ("lines",),
    ITEM_NUMBER: ("lines",),
    ACCOUNT: ("lines", "money"),
    SHIPPING_METHOD: ("method",),
    ADDRESS: ("address", "contact"),
    SERVICE: ("address", "method"),
    LABELS: ("method",),
    PAYMENT: ("lines", "money", "contact"),
}
"""Of what each kind is found missing."""

MAX_GOODS, MAX_LINES = 500, 600
"""Lines of goods, and all lines, of an order after its bundles were opened: as those of a stated
order are bound."""
MAX_QUANTITY = 1_000_000
"""Pieces of a line, as `Line.quantity` bounds them."""
MAX_REF, MAX_CODE = 128, 256
"""Characters of a line's id and of a tax code, as `Line` bounds them."""


class Unmapped(Struct, frozen=True):
    """A value of the channel that no table has. `kind` is one of KINDS."""

    kind: str
    value: str


def hold_id_of(kind: str) -> str:
    """Return the id of the hold for a kind of what is missing."""
    return f"{UNMAPPED}{kind.replace('_', '-')}"


def surviving(waived: Sequence[str], facets: Collection[str]) -> tuple[str, ...]:
    """Return which holds stay released when these facets of an order change: a person released them
    for what the order said."""
    ended = {hold_id_of(kind) for kind in KINDS if not set(_FACETS[kind]).isdisjoint(facets)}
    return tuple(one for one in waived if one not in ended)


class Normalised(Struct, frozen=True):
    """The order in our terms, and what is missing. With `unmapped` it is only half-way there."""

    order: Order
    unmapped: tuple[Unmapped, ...] = ()


class _Names:
    """One closed or open table: ours for each name of the channel's."""

    __slots__ = ("closed", "known", "named")

    def __init__(self, named: dict[str, str], known: Sequence[str], *, closed: bool) -> None:
        self.named = named
        self.known = frozenset((*known, *named.values()))
        self.closed = closed

    def ours(self, theirs: str) -> str | None:
        """Return our name, None when there must be one and isn't."""
        found = self.named.get(theirs)
        if found is None and (not self.closed or theirs in self.known):
            return theirs
        return found


class _Ready:
    """A channel's tables, ready to look things up in, at one stock-keeping place."""

    __slots__ = ("bundles", "methods", "skus", "taxes")

    def __init__(self, tables: ChannelTables, place: str) -> None:
        self.bundles = {
            sku: one for sku, one in (tables.bundles or {}).items() if place not in one.whole_at
        }
        skus = tables.skus
        self.skus: _Names | None = None
        if skus is not None:
            parts = (x.sku for one in (tables.bundles or {}).values() for x in one.components)
            known = (*skus.known, *(tables.bundles or {}), *parts)
            self.skus = _Names(aliases_of(skus), known, closed=skus.others == "hold")
        self.taxes = _names(tables.tax_codes)
        self.methods = _names(tables.shipping_methods)


class Tables:
    """One version of the mappings, ready for use. `version` 0 has no tables at all."""

    __slots__ = ("_by_channel", "_common", "mappings", "version")

    def __init__(self, mappings: Mappings, version: int = 0, *, place: str = "main") -> None:
        self.mappings = mappings
        self.version = version
        self._by_channel: dict[str, _Ready] = {}
        for name in mappings.channels:
            tables = tables_of(mappings, name)
            assert tables is not None, "the channel is in the document"
            self._by_channel[name] = _Ready(tables, place)
        self._common = self._by_channel.pop(EVERY_CHANNEL, None)

    def of(self, channel: str) -> _Ready | None:
        """Return the channel's tables; None: everything is taken as it is."""
        return self._by_channel.get(channel, self._common)


NO_TABLES = Tables(Mappings())


def normalise(order: Order, tables: Tables, channel: str, waived: Sequence[str] = ()) -> Normalised:
    """Return the order in our terms. Kinds in `waived` keep what is missing as it is stated.

    The very same order comes back when nothing differs.
    """
    ready = tables.of(channel)
    if ready is None:
        return Normalised(order)
    missing: dict[Unmapped, None] = {}
    lines = _lines(order, ready, missing)
    changes: dict[str, object] = {}
    if lines is not None:
        changes["lines"] = lines
    if ready.methods is not None and order.shipping_method:
        ours = ready.methods.ours(order.shipping_method)
        if ours is None:
            missing[Unmapped(SHIPPING_METHOD, order.shipping_method)] = None
        elif ours != order.shipping_method:
            changes["shipping_method"] = ours
            changes["channel_shipping_method"] = (
                order.channel_shipping_method or order.shipping_method
            )
    if ready.taxes is not None and order.shipping_tax_code:
        code = _tax(order.shipping_tax_code, ready.taxes, missing)
        if code != order.shipping_tax_code:
            changes["shipping_tax_code"] = code
    unmapped = tuple(one for one in missing if one.kind not in waived)
    return Normalised(replace(order, **changes) if changes else order, unmapped)


def _names(codes: Codes | None) -> _Names | None:
    return (
        None if codes is None else _Names(codes.codes, codes.known, closed=codes.others == "hold")
    )


def _lines(order: Order, ready: _Ready, missing: dict[Unmapped, None]) -> tuple[Line, ...] | None:
    """Return the lines in our terms, None when none of them differs."""
    taken = {line.line_id for line in order.lines}
    found: list[Line] = []
    differs = False
    for line in order.lines:
        one = _line(line, ready, missing)
        bundle = ready.bundles.get(one.sku) if not one.bundle_line_id else None
        if bundle is None:
            found.append(one)
            differs = differs or one is not line
            continue
        found += _parts(one, bundle, taken)
        differs = True
        if _is_too_large(found):
            missing[Unmapped(SKU, f"{line.sku} (the order is too large to open this bundle)")] = (
                None
            )
            return None
    return tuple(found) if differs else None


def _is_too_large(lines: Sequence[Line]) -> bool:
    goods = sum(line.kind == "goods" for line in lines) if len(lines) > MAX_GOODS else 0
    return (
        len(lines) > MAX_LINES
        or goods > MAX_GOODS
        or any(line.quantity > MAX_QUANTITY for line in lines)
    )


def _line(line: Line, ready: _Ready, missing: dict[Unmapped, None]) -> Line:
    changes: dict[str, object] = {}
    if ready.skus is not None:
        ours = ready.skus.ours(line.sku)
        if ours is None:
            missing[Unmapped(SKU, line.sku)] = None
        elif ours != line.sku:
            changes["sku"] = ours
            changes["channel_sku"] = line.channel_sku or line.sku
    if ready.taxes is not None and line.tax_code:
        code = _tax(line.tax_code, ready.taxes, missing)
        if code != line.tax_code:
            changes["tax_code"] = code
    return replace(line, **changes) if changes else line


def _tax(stated: str, taxes: _Names, missing: dict[Unmapped, None]) -> str:
    """Map a tax code: as a whole where the table has it, else each of those joined with `+`."""
    whole = taxes.named.get(stated)
    if whole is not None:
        return whole
    ours: list[str] = []
    complete = True
    for one in stated.split("+"):
        code = taxes.ours(one)
        if code is None:
            missing[Unmapped(TAX_CODE, one)] = None
            complete = False
        else:
            ours.append(code)
    if not complete:
        return stated
    joined = "+".join(ours)
    joined = taxes.named.get(joined, joined)
    if len(joined) > MAX_CODE:
        missing[Unmapped(TAX_CODE, stated[:128])] = None
        return stated
    return joined


def _parts(line: Line, bundle: Bundle, taken: set[str]) -> list[Line]:
    """Open a bundle: its money is divided by the largest remainder, so nothing is lost or made."""
    weights = _weights(bundle.components)
    count = len(weights)
    totals = share_out(line.total_minor, weights)
    discounts = share_out(line.discount_minor, weights)
    taxes = share_out(line.tax_minor, weights)
    seen: Sequence[int | None] = [None] * count
    if line.presentment_total_minor is not None:
        seen = share_out(line.presentment_total_minor, weights)
    # The bundle's weight is stated for one piece of it, and shipped whole.
    grams = share_out(line.weight_grams, [x.quantity for x in bundle.components])
    parts = []
    for index, component in enumerate(bundle.components):
        quantity = component.quantity * line.quantity
        parts.append(
            replace(
                line,
                line_id=_part_id(line.line_id, index + 1, taken),
                sku=component.sku,
                quantity=quantity,
                unit_price_minor=(totals[index] + discounts[index]) // quantity,
                total_minor=totals[index],
                discount_minor=discounts[index],
                tax_minor=taxes[index],
                taxes=taxes_within(line.taxes, taxes[index]),
                gift_message="" if index else line.gift_message,
                presentment_total_minor=seen[index],
                weight_grams=-(-grams[index] // component.quantity),
                channel_sku=line.channel_sku or line.sku,
                bundle_line_id=line.line_id,
                bundle_sku=line.channel_sku or line.sku,
            )
        )
    return parts


def _weights(components: Sequence[Component]) -> list[int]:
    if all(one.share is None for one in components):
        return [one.quantity for one in components]
    return [one.share or 0 for one in components]


def _part_id(line_id: str, number: int, taken: set[str]) -> str:
    """Return an id for a component that no other line has, the same every time."""
    wanted = f"{line_id}:{number}"
    while len(wanted) > MAX_REF or wanted in taken:
        wanted = f"b{hashlib.sha256(wanted.encode()).hexdigest()[:24]}:{number}"
    taken.add(wanted)
    return wanted
