"""The journal's twin in memory: the same contract (tests/contract/test_journal.py), no server.

Everything is lost with the process, so it serves tests and trials only.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from msgspec import Struct
from msgspec.structs import replace

from actors.runtime.errors import AppendRefused, JournalUnavailable, LeaseLost
from actors.runtime.ports import (
    Append,
    Document,
    DueTimer,
    EffectNote,
    Loaded,
    OpenEffect,
    Outcome,
    Row,
)
from schemas.messages.effects import Effect, lane_of
from schemas.messages.events import OrderEvent
from schemas.order.ids import CorrelationId, OrderId

_COMMITTED = Outcome(kind="committed")
_DUPLICATE = Outcome(kind="duplicate")
_CONFLICT = Outcome(kind="conflict")
_SEEN_LIMIT = 500  # as the port promises
_HOW = ("done", "refused", "person")


class _Order(Struct, kw_only=True):
    version: int
    row: Row
    state: bytes
    body: bytes | None = None
    events: list[OrderEvent]
    stage_since: datetime


class _Effect(Struct, kw_only=True):
    effect: Effect
    partner: str
    due_at: datetime
    at: datetime
    trace: str
    written_by: int
    attempts: int = 0
    status: str = "open"
    error: str = ""


class MemoryJournal:
    """Implements Journal, Outbox and Timers of actors.runtime.ports over dictionaries.

    Tests may take it away: with `available = False` every call raises JournalUnavailable; a
    partition in `lost` belongs to somebody else. `epoch` is written into effects; `now` is what
    ages are counted to.
    """

    def __init__(self, *, epoch: int = 1) -> None:
        self.available = True
        self.lost: set[int] = set()
        self.epoch = epoch
        self.now = datetime.min.replace(tzinfo=UTC)
        self._orders: dict[str, _Order] = {}
        self._partitions: dict[str, int] = {}
        self._inbox: dict[str, dict[str, None]] = {}
        self._effects: dict[tuple[str, int], _Effect] = {}
        self._timers: dict[tuple[str, str], datetime] = {}
        self._documents: dict[str, dict[str, Document]] = {}

    async def append(self, append: Append) -> Outcome:
        """Write one order's append; see the port."""
        await self._turn()
        if append.partition in self.lost:
            raise LeaseLost(f"Another process owns partition {append.partition} now.")
        order_id = append.order_id
        seen = self._inbox.setdefault(order_id, {})
        if any(input_id in seen for input_id in append.input_ids):
            return _DUPLICATE
        order = self._orders.get(order_id)
        if append.expected_version != (order.version if order else 0):
            return _CONFLICT
        self._check(append)
        self.now = max(self.now, append.at)
        self._partitions[order_id] = append.partition
        seen.update(dict.fromkeys(append.input_ids))
        if order is None and append.events:
            order = self._orders[order_id] = _Order(
                version=0, row=append.row, state=append.state, events=[], stage_since=append.at
            )
        if order is not None:
            order.version += len(append.events)
            order.events.extend(append.events)
            if order.row.stage != append.row.stage:
                order.stage_since = append.at
            order.row, order.state = append.row, append.state
            order.body = append.body if append.body is not None else order.body
        self._write_rest(append)
        return _COMMITTED

    async def load(self, order_id: OrderId) -> Loaded | None:
        """Return what is stored; see the port."""
        await self._turn()
        order = self._orders.get(order_id)
        if order is None:
            return None
        return Loaded(
            order_id=order_id,
            version=order.version,
            state=order.state,
            body=order.body,
            seen=frozenset(list(self._inbox.get(order_id, {}))[-_SEEN_LIMIT:]),
            stage_since=order.stage_since,
        )

    async def documents(self, order_id: OrderId) -> list[Document]:
        """Return the order's files by name."""
        await self._turn()
        return [document for _, document in sorted(self._documents.get(order_id, {}).items())]

    def events(self, order_id: OrderId) -> tuple[OrderEvent, ...]:
        """Return the order's whole stream."""
        order = self._orders.get(order_id)
        return tuple(order.events) if order else ()

    def row(self, order_id: OrderId) -> Row | None:
        """Return the order's row in the read model."""
        order = self._orders.get(order_id)
        return order.row if order else None

    def stored_state(self, order_id: OrderId) -> bytes | None:
        """Return the encoded state as last stored."""
        order = self._orders.get(order_id)
        return order.state if order else None

    def attempts_of(self, partner: str) -> list[int]:
        """Return the attempts counted for each effect of a partner."""
        return [kept.attempts for kept in self._effects.values() if kept.partner == partner]

    def effects_as_recorded(self, partner: str) -> list[OpenEffect]:
        """Return a partner's effects as a reader saw them before any of them was called."""
        return [
            replace(self._open_effect(*name), attempts=0)
            for name, kept in self._effects.items()
            if kept.partner == partner
        ]

    async def open_effects(
        self, partner: str, *, due_before: datetime, limit: int, exclude: Sequence[tuple[str, int]]
    ) -> list[OpenEffect]:
        """Return open effects of one partner, oldest due first; see the port."""
        await self._turn()
        left_out = set(exclude)
        due = sorted(
            (kept.due_at, name)
            for name, kept in self._effects.items()
            if kept.status == "open"
            and kept.partner == partner
            and kept.due_at <= due_before
            and name not in left_out
        )
        return [self._open_effect(*name) for _, name in due[:limit]]

    async def note(self, note: EffectNote) -> None:
        """Remember an attempt; see the port."""
        await self._turn()
        if self._partitions.get(note.order_id) in self.lost:
            raise LeaseLost(f"Another process owns order {note.order_id} now.")
        kept = self._effects.get((note.order_id, note.number))
        if kept is not None and kept.status == "open":
            kept.attempts, kept.due_at, kept.error = note.attempts, note.due_at, note.error

    async def effect_counts(self) -> dict[str, tuple[int, float]]:
        """Return for each partner the open effects and the oldest one's age in seconds."""
        await self._turn()
        ages: dict[str, list[timedelta]] = {}
        for kept in self._effects.values():
            if kept.status == "open":
                ages.setdefault(kept.partner, []).append(self.now - kept.at)
        return {name: (len(old), max(old).total_seconds()) for name, old in ages.items()}

    async def due_timers(
        self, *, due_before: datetime, limit: int, exclude: Sequence[tuple[str, str]]
    ) -> list[DueTimer]:
        """Return due timers, the longest overdue first; see the port."""
        await self._turn()
        left_out = set(exclude)
        due = sorted(
            (due_at, name)
            for name, due_at in self._timers.items()
            if due_at <= due_before and name not in left_out
        )
        return [
            DueTimer(order_id=OrderId(order_id), name=name, due_at=due_at)
            for due_at, (order_id, name) in due[:limit]
        ]

    async def _turn(self) -> None:
        # A real journal always lets others run in between; a twin which didn't would hide races.
        await asyncio.sleep(0)
        if not self.available:
            raise JournalUnavailable("The journal was taken away.")

    def _check(self, append: Append) -> None:
        """Refuse what Postgres refuses, so that a test finds it without a server."""
        row = append.row
        texts = [*append.input_ids, row.channel, row.ref, row.number, row.stage, row.waiting_for]
        if any("\x00" in text for text in texts):
            raise AppendRefused(f"A text in the change of order {append.order_id} holds a NUL.")
        for intent in append.effects:
            kept = self._effects.get((append.order_id, intent.number))
            if kept is not None:
                raise AppendRefused(
                    f"Effect {intent.number} of order {append.order_id} is {kept.status} already."
                )
        for number, how in append.settled:
            if how not in _HOW:
                raise AppendRefused(f"Effect {number} can't end as {how!r}.")

    def _write_rest(self, append: Append) -> None:
        order_id = append.order_id
        for intent in append.effects:
            self._effects[order_id, intent.number] = _Effect(
                effect=intent.effect,
                partner=lane_of(intent.effect, append.row.channel),
                due_at=append.at,
                at=append.at,
                attempts=intent.attempts,
                trace=append.trace,
                written_by=self.epoch,
            )
        for number, how in append.settled:
            kept = self._effects.get((order_id, number))
            if kept is not None:
                kept.status = how
        for timer in append.clear_timers:
            self._timers.pop((order_id, timer), None)
        for timer, due_at in append.set_timers:
            self._timers[order_id, timer] = due_at
        files = self._documents.setdefault(order_id, {})
        files.update((document.name, document) for document in append.documents)

    def _open_effect(self, order_id: str, number: int) -> OpenEffect:
        kept, order = self._effects[order_id, number], self._orders[order_id]
        return OpenEffect(
            order_id=OrderId(order_id),
            number=number,
            channel=order.row.channel,
            ref=order.row.ref,
            correlation_id=CorrelationId(order.row.correlation_id),
            partner=kept.partner,
            effect=kept.effect,
            attempts=kept.attempts,
            due_at=kept.due_at,
            written_by=kept.written_by,
            body=order.body or b"",
            trace=kept.trace,
        )
