"""What a document of mappings would change, found by applying it to stored orders."""

from __future__ import annotations

from msgspec import Struct
from msgspec.structs import replace

from actors.order.normalise import Tables, normalise
from actors.runtime.ports import Journal
from adapters.postgres.mappings import PostgresMappings
from schemas.messages.codec import decode_order
from schemas.order.canonical import Line, Order
from schemas.order.ids import OrderId

MAX_LATEST = 100
"""Newest orders that are tried: each costs one query by key."""


class Preview(Struct, frozen=True, kw_only=True):
    """Order numbers, at most 200 and 100: waiting orders that would continue, and recent orders
    that would come out differently. `waiting` counts all waiting orders, `tried` the recent
    ones."""

    frees: tuple[str, ...]
    differ: tuple[str, ...]
    waiting: int
    tried: int


async def preview(
    store: PostgresMappings, journal: Journal, now: Tables, proposed: Tables
) -> Preview:
    """Apply a document to stored orders. Tax codes of mapped orders can't be traced back, so they
    are not compared."""
    waiting, count = await store.waiting()
    frees = []
    for one in waiting:
        order = await _body(journal, one.order_id)
        if order is not None and not normalise(order, proposed, one.channel).unmapped:
            frees.append(one.number)
    latest = await store.latest(MAX_LATEST)
    held = {one.order_id for one in waiting}
    differ = []
    for one in latest:
        order = await _body(journal, one.order_id) if one.order_id not in held else None
        if order is not None:
            stated = _as_stated(order)
            if _lines(stated, now, one.channel) != _lines(stated, proposed, one.channel):
                differ.append(one.number)
    return Preview(frees=tuple(frees), differ=tuple(differ), waiting=count, tried=len(latest))


async def _body(journal: Journal, order_id: OrderId) -> Order | None:
    loaded = await journal.load(order_id)
    return decode_order(loaded.body) if loaded is not None and loaded.body is not None else None


def _as_stated(order: Order) -> Order:
    """Return the order with the channel's own names; a bundle becomes one line again."""
    lines: dict[str, Line] = {}
    for line in order.lines:
        plain = replace(line, sku=line.channel_sku or line.sku, channel_sku="", tax_code="")
        if line.bundle_line_id:
            whole = replace(plain, line_id=line.bundle_line_id, sku=line.bundle_sku, quantity=1)
            plain = replace(whole, bundle_line_id="", bundle_sku="")
        lines.setdefault(plain.line_id, plain)
    method = order.channel_shipping_method or order.shipping_method
    return replace(
        order,
        lines=tuple(lines.values()),
        shipping_method=method,
        channel_shipping_method="",
        shipping_tax_code="",
    )


def _lines(order: Order, tables: Tables, channel: str) -> object:
    found = normalise(order, tables, channel)
    skus = [(line.line_id, line.sku, line.quantity) for line in found.order.lines]
    return skus, found.order.shipping_method, found.unmapped
