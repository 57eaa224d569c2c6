"""Which values of the channels no table has, and how many orders wait for each: what a decision
would find missing now, found by applying the tables to the orders that wait."""

from __future__ import annotations

from msgspec import Struct

from actors.order.normalise import (
    KINDS,
    SENTENCES,
    SKU,
    Tables,
    Unmapped,
    hold_id_of,
    normalise,
)
from actors.order.stream import INITIAL, StateOutdated, decode_state
from actors.runtime.ports import Journal
from adapters.postgres.mappings import PostgresMappings, Waiting
from schemas.messages.codec import decode_order
from service.mappings.adding import Kind

KIND_OF: dict[str, Kind] = {
    "sku": "sku",
    "tax_code": "tax-code",
    "shipping_method": "shipping-method",
}
"""The kinds that a table frees, as they are added."""

MAX_EXAMPLES = 3
"""Orders that are named for a value."""


class Missing(Struct, frozen=True, kw_only=True):
    """A value that no table has: how many orders wait for it, and the first few."""

    channel: str
    kind: Kind
    value: str
    orders: int
    examples: tuple[Waiting, ...]


class Found(Struct, frozen=True, kw_only=True):
    """What is missing, most wanted first. `waiting` counts all orders that wait, `looked` those
    that were looked at (at most 200); `others` are those that no table frees, and `ready` those
    that miss nothing any more and go on in a moment."""

    missing: tuple[Missing, ...]
    waiting: int
    looked: int
    others: tuple[Waiting, ...]
    ready: int


async def found(store: PostgresMappings, journal: Journal, tables: Tables) -> Found:
    """Look at the orders that wait. What a person released is not asked for again."""
    waiting, count = await store.waiting()
    by_value: dict[tuple[str, str, str], list[Waiting]] = {}
    others: list[Waiting] = []
    ready = 0
    for one in waiting:
        loaded = await journal.load(one.order_id)
        if loaded is None or loaded.body is None:
            continue  # erased meanwhile
        told, is_elsewhere = _lacks(loaded.body, loaded.state, one.channel, tables)
        for lacking in told:
            by_value.setdefault((one.channel, lacking.kind, lacking.value), []).append(one)
        if is_elsewhere and not told:
            others.append(one)
        ready += not told and not is_elsewhere
    missing = [_missing(*named, orders) for named, orders in by_value.items()]
    return Found(
        missing=tuple(sorted(missing, key=lambda x: (-x.orders, x.channel, x.value))),
        waiting=count,
        looked=len(waiting),
        others=tuple(others),
        ready=ready,
    )


def _missing(channel: str, kind: str, value: str, orders: list[Waiting]) -> Missing:
    return Missing(
        channel=channel,
        kind=KIND_OF[kind],
        value=value,
        orders=len(orders),
        examples=tuple(orders[:MAX_EXAMPLES]),
    )


def _lacks(body: bytes, stored: bytes, channel: str, tables: Tables) -> tuple[list[Unmapped], bool]:
    """Return what tables could free, and whether the order lacks something else, too."""
    order = decode_order(body)
    try:
        state = decode_state(stored)
    except StateOutdated:
        state = INITIAL  # its holds are known again with its next decision
    released = [kind for kind in KINDS if hold_id_of(kind) in state.waived]
    lacks = normalise(order, tables, channel, released).unmapped
    skus = {line.sku for line in order.lines}
    told = [x for x in lacks if x.kind in KIND_OF and (x.kind != SKU or x.value in skus)]
    holds = {one.hold_id for one in state.holds}
    is_elsewhere = len(told) < len(lacks) or any(hold_id_of(x) in holds for x in SENTENCES)
    return told, is_elsewhere
