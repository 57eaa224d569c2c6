"""Turns a batch of appends into the columns of the statement `append`.

Written for speed: whole columns by comprehension, no object per row. The order is that of the
parameters in `queries.sql`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import get_args

from actors.runtime.ports import Append
from adapters.postgres.sealing import BODY, Sealing
from schemas.messages.codec import encode
from schemas.messages.effects import Effect, lane_of, tag_of
from schemas.messages.events import OrderEvent

Column = Sequence[object]

_EVENT_TAGS: dict[type, str] = {kind: tag_of(kind) for kind in get_args(OrderEvent)}
_EFFECT_TAGS: dict[type, str] = {kind: tag_of(kind) for kind in get_args(Effect)}


def append_columns(
    batch: Sequence[Append], epochs: Mapping[int, int], sealing: Sealing
) -> tuple[Column, ...]:
    """Return the 61 columns, bodies and documents sealed. Every partition in the batch must be in
    `epochs`."""
    at = [a.at.timestamp() for a in batch]
    versions = [a.expected_version + len(a.events) for a in batch]
    partitions = sorted({a.partition for a in batch})
    return (
        partitions,
        [epochs[partition] for partition in partitions],
        *_orders(batch, versions, at),
        *_inputs(batch, versions, at),
        *_events(batch, at),
        *_effects(batch, at, epochs),
        *_settled(batch, at),
        *_timers(batch),
        *_files(batch, at, sealing),
    )


def _orders(
    batch: Sequence[Append], versions: Sequence[int], at: Sequence[float]
) -> tuple[Column, ...]:
    rows = [a.row for a in batch]
    return (
        [a.order_id for a in batch],
        [a.partition for a in batch],
        [a.expected_version for a in batch],
        versions,
        [r.channel for r in rows],
        [r.ref for r in rows],
        [r.number for r in rows],
        [r.correlation_id for r in rows],
        [r.stage for r in rows],
        [r.waiting_for for r in rows],
        [r.currency for r in rows],
        [r.total_minor for r in rows],
        [r.final for r in rows],
        [r.attention for r in rows],
        [a.state for a in batch],
        at,
    )


def _inputs(
    batch: Sequence[Append], versions: Sequence[int], at: Sequence[float]
) -> tuple[Column, ...]:
    return (
        [a.order_id for a in batch for _ in a.input_ids],
        [input_id for a in batch for input_id in a.input_ids],
        [version for a, version in zip(batch, versions, strict=True) for _ in a.input_ids],
        [when for a, when in zip(batch, at, strict=True) for _ in a.input_ids],
    )


def _events(batch: Sequence[Append], at: Sequence[float]) -> tuple[Column, ...]:
    events = [event for a in batch for event in a.events]
    return (
        [a.order_id for a in batch for _ in a.events],
        [n for a in batch for n, _ in enumerate(a.events, a.expected_version + 1)],
        [_EVENT_TAGS[type(event)] for event in events],
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
        [lane_of(f.effect, a.row.channel) for a, f, _ in found],
        [_EFFECT_TAGS[type(f.effect)] for _, f, _ in found],
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
    wanted = [(a, dict(a.set_timers)) for a in batch if a.set_timers]
    cleared = [
        (a.order_id, name)
        for a in batch
        for name in a.clear_timers
        if not any(name == other for other, _ in a.set_timers)
    ]
    return (
        [a.order_id for a, timers in wanted for _ in timers],
        [name for _, timers in wanted for name in timers],
        [due_at.timestamp() for _, timers in wanted for due_at in timers.values()],
        [order_id for order_id, _ in cleared],
        [name for _, name in cleared],
    )


def _files(batch: Sequence[Append], at: Sequence[float], sealing: Sealing) -> tuple[Column, ...]:
    bodies = [
        (a, when, sealing.seal(a.order_id, BODY, a.body))
        for a, when in zip(batch, at, strict=True)
        if a.body is not None
    ]
    found = [
        (a, d, when, sealing.seal(a.order_id, d.name, d.content))
        for a, when in zip(batch, at, strict=True)
        for d in a.documents
    ]
    none = [None] * len(found)
    sealed = [one for _, _, one in bodies] + [one for _, _, _, one in found]
    return (
        [a.order_id for a, _, _ in bodies],
        [one.value for _, _, one in bodies],
        [when for _, when, _ in bodies],
        [a.order_id for a, _, _, _ in found],
        [d.name for _, d, _, _ in found],
        [d.content_type for _, d, _, _ in found],
        [one.value for _, _, _, one in found],
        [when for _, _, when, _ in found],
        [a.order_id for a, _, _ in bodies] + [a.order_id for a, _, _, _ in found],
        [BODY for _ in bodies] + [d.name for _, d, _, _ in found],
        [_customer_of(sealing, a) for a, _, _ in bodies] + none,
        [_name_of(sealing, a, a.email) for a, _, _ in bodies] + none,
        [_name_of(sealing, a, a.phone) for a, _, _ in bodies] + none,
        [one.master for one in sealed],
        [one.wrapped for one in sealed],
    )


def _customer_of(sealing: Sealing, append: Append) -> bytes:
    # Of an order that names no one: its own.
    return sealing.name_of(append.row.channel, append.customer or f"order:{append.order_id}")


def _name_of(sealing: Sealing, append: Append, identity: str) -> bytes | None:
    return sealing.name_of(append.row.channel, identity) if identity else None
