"""Turns a batch of appends into the columns of the statement `append`.

Written for speed: whole columns by comprehension, no object per row. The order is that of the
parameters in `queries.sql`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import accumulate

from msgspec import Struct

from actors.runtime.local import done_inside
from actors.runtime.ports import BODY, STATED, Append, Body
from adapters.postgres.reserving import reservation_columns, wanted_of
from adapters.postgres.sealing import Sealing
from schemas.messages.codec import encode
from schemas.messages.effects import tag_of
from schemas.order.claims import MAX_COPIES

Column = Sequence[object]


class _Tags(dict[type[Struct], str]):
    """The versioned name of each type of event and effect, looked up once."""

    def __missing__(self, kind: type[Struct]) -> str:
        tag = self[kind] = tag_of(kind)
        return tag


_TAGS = _Tags()


def append_columns(
    batch: Sequence[Append], epochs: Mapping[int, int], sealing: Sealing
) -> tuple[Column | int, ...]:
    """Return the 78 parameters, bodies and documents sealed. New orders must come first, and every
    partition in the batch must be in `epochs`."""
    at = [a.at.timestamp() for a in batch]
    versions = [a.expected_version + len(a.events) for a in batch]
    partitions = sorted({a.partition for a in batch})
    inside = [(a, when) for a, when in zip(batch, at, strict=True) if a.inside]
    return (
        partitions,
        [epochs[partition] for partition in partitions],
        *_orders(batch, versions, at),
        *_inputs(batch, versions, [a for a, _ in inside]),
        *_events(batch, at),
        *_effects(batch, at, epochs),
        *_settled(batch, at),
        *_timers(batch),
        *_files(batch, at, sealing),
        *_inside(batch, inside),
        [a.row.channel for a in batch for _ in a.effects],
        [a.row.in_house for a in batch],
    )


def claim_columns(batch: Sequence[Append]) -> tuple[Column | int, ...]:
    """Return the parameters that `append_claiming` has after those of `append`."""
    claims = [(a, a.claim) for a in batch if a.claim is not None]
    return (
        [claim.name for _, claim in claims],
        [a.order_id for a, _ in claims],
        [claim.person for _, claim in claims],
        [claim.wants for _, claim in claims],
        [claim.copy for _, claim in claims],
        [claim.ended for _, claim in claims],
        [a.partition for a, _ in claims],
        [a.at.timestamp() for a, _ in claims],
        MAX_COPIES,
    )


def _orders(
    batch: Sequence[Append], versions: Sequence[int], at: Sequence[float]
) -> tuple[Column, ...]:
    rows = [a.row for a in batch]
    new = [a for a in batch if a.expected_version == 0]
    return (
        [a.order_id for a in batch],
        [a.partition for a in batch],
        [a.expected_version for a in batch],
        versions,
        [a.row.channel for a in new],
        [a.row.ref for a in new],
        [a.reference for a in new],
        [r.number for r in rows],
        [r.stage for r in rows],
        [r.progress for r in rows],
        [r.waiting_for for r in rows],
        [r.currency for r in rows],
        [r.total_minor for r in rows],
        [r.final for r in rows],
        [r.attention for r in rows],
        [a.state for a in batch],
        at,
    )


def _inputs(
    batch: Sequence[Append], versions: Sequence[int], inside: Sequence[Append]
) -> tuple[Column, ...]:
    """The inputs that were brought, and after them the replies to what is done inside."""
    orders: list[object] = [a.order_id for a in batch for _ in a.input_ids]
    ids: list[object] = [input_id for a in batch for input_id in a.input_ids]
    after: list[object] = [
        version
        for a, one in zip(batch, versions, strict=True)
        for version in _versions(a, one)[: len(a.input_ids)]
    ]
    for a in inside:
        orders += [a.order_id for _ in a.inside]
        ids += [input_id for _, input_id in a.inside]
        after += _versions(a, a.expected_version + len(a.events))[len(a.input_ids) :]
    return orders, ids, after


def _inside(
    batch: Sequence[Append], inside: Sequence[tuple[Append, float]]
) -> tuple[Column | int, ...]:
    """How many inputs were brought, when each effect has ended (nothing where none has), and the
    reservations."""
    brought = sum([len(a.input_ids) for a in batch])
    if not inside:
        return (brought, [], *reservation_columns(()))
    ended = {(a.order_id, number): when for a, when in inside for number, _ in a.inside}
    return (
        brought,
        [ended.get((a.order_id, f.number)) for a in batch for f in a.effects],
        *reservation_columns(
            [
                wanted_of(a.order_id, f.key, f.number, f.effect)
                for a, _ in inside
                for f in done_inside(a)
            ]
        ),
    )


def _versions(append: Append, version: int) -> Sequence[int]:
    """Return the order's version after each input, and after each reply to what is done inside; 0
    for one that changed nothing."""
    count = len(append.input_ids) + len(append.inside)
    if not append.events:
        return [0] * count
    if not append.events_of:
        return [version] * count
    after = accumulate(append.events_of, initial=append.expected_version)
    next(after)
    return [one if count else 0 for one, count in zip(after, append.events_of, strict=True)]


def _events(batch: Sequence[Append], at: Sequence[float]) -> tuple[Column, ...]:
    events = [event for a in batch for event in a.events]
    return (
        [a.order_id for a in batch for _ in a.events],
        [n for a in batch for n, _ in enumerate(a.events, a.expected_version + 1)],
        [_TAGS[type(event)] for event in events],
        [encode(event) for event in events],
        [when for a, when in zip(batch, at, strict=True) for _ in a.events],
    )


def _effects(
    batch: Sequence[Append], at: Sequence[float], epochs: Mapping[int, int]
) -> tuple[Column, ...]:
    found = [(a, f, when) for a, when in zip(batch, at, strict=True) for f in a.effects]
    return (
        [a.order_id for a, _, _ in found],
        [f.number for _, f, _ in found],
        [a.partition for a, _, _ in found],
        [f.key for _, f, _ in found],
        [f.lane for _, f, _ in found],
        [_TAGS[type(f.effect)] for _, f, _ in found],
        [encode(f.effect) for _, f, _ in found],
        [when for _, _, when in found],
        [epochs[a.partition] for a, _, _ in found],
        [a.trace for a, _, _ in found],
        [f.attempts for _, f, _ in found],
    )


def _settled(batch: Sequence[Append], at: Sequence[float]) -> tuple[Column, ...]:
    return (
        [a.order_id for a in batch for _ in a.settled],
        [number for a in batch for number, _ in a.settled],
        [how for a in batch for _, how in a.settled],
        [when for a, when in zip(batch, at, strict=True) for _ in a.settled],
    )


def _timers(batch: Sequence[Append]) -> tuple[Column, ...]:
    # One row a name: a timer set twice keeps the last time; one set and cleared is set.
    wanted = [(a, {(key, name): due for key, name, due in a.set_timers}) for a in batch]
    cleared = [(a, timer) for a, one in wanted for timer in a.clear_timers if timer not in one]
    return (
        [a.order_id for a, one in wanted for _ in one],
        [key for _, one in wanted for key, _ in one],
        [name for _, one in wanted for _, name in one],
        [a.partition for a, one in wanted for _ in one],
        [due_at.timestamp() for _, one in wanted for due_at in one.values()],
        [a.order_id for a, _ in cleared],
        [key for _, (key, _) in cleared],
        [name for _, (_, name) in cleared],
    )


def _files(batch: Sequence[Append], at: Sequence[float], sealing: Sealing) -> tuple[Column, ...]:
    bodies = [
        (a, b, when, sealing.seal(a.order_id, b.name, b.content))
        for a, when in zip(batch, at, strict=True)
        for b in a.bodies
    ]
    found = [
        (a, d, when, sealing.seal(a.order_id, _document_name(d.name), d.content))
        for a, when in zip(batch, at, strict=True)
        for d in a.documents
    ]
    none = [None] * len(found)
    sealed = [one for _, _, _, one in bodies] + [one for _, _, _, one in found]
    return (
        [a.order_id for a, _, _, _ in bodies],
        [b.name for _, b, _, _ in bodies],
        [one.value for _, _, _, one in bodies],
        [when for _, _, when, _ in bodies],
        [a.order_id for a, _, _, _ in found],
        [d.name for _, d, _, _ in found],
        [d.key for _, d, _, _ in found],
        [d.content_type for _, d, _, _ in found],
        [one.value for _, _, _, one in found],
        [when for _, _, when, _ in found],
        [a.order_id for a, _, _, _ in bodies] + [a.order_id for a, _, _, _ in found],
        [b.name for _, b, _, _ in bodies] + [d.name for _, d, _, _ in found],
        [_customer_of(sealing, a, b) for a, b, _, _ in bodies] + none,
        [_name_of(sealing, a, b.email) for a, b, _, _ in bodies] + none,
        [_name_of(sealing, a, b.phone) for a, b, _, _ in bodies] + none,
        [one.master for one in sealed],
        [one.wrapped for one in sealed],
    )


def _document_name(name: str) -> str:
    assert name not in {BODY, STATED}, "a document must not take a body's key"
    return name


def _customer_of(sealing: Sealing, append: Append, body: Body) -> bytes:
    # Of an order that names no one: its own.
    return sealing.name_of(append.row.channel, body.customer or f"order:{append.order_id}")


def _name_of(sealing: Sealing, append: Append, identity: str) -> bytes | None:
    return sealing.name_of(append.row.channel, identity) if identity else None
