"""The journal's twin in memory: the same contract (tests/contract/test_journal.py), no server.

Everything is lost with the process, so it serves tests and trials only.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from msgspec.structs import replace

from actors.runtime.errors import AppendRefused, JournalUnavailable, LeaseLost
from actors.runtime.local import done_inside
from actors.runtime.ports import (
    BODY,
    STATED,
    Append,
    Document,
    DueTimer,
    EffectName,
    EffectNote,
    Loaded,
    OpenEffect,
    Outcome,
    Row,
    TimerName,
)
from adapters.memory.claims import MemoryClaims
from adapters.memory.kept import KeptEffect, KeptOrder, KeptTimer
from adapters.memory.leases import MemoryLeases
from adapters.memory.stock import MemoryStock
from schemas.messages.codec import encode
from schemas.order.ids import OrderId

_COMMITTED = Outcome(kind="committed")
_DUPLICATE = Outcome(kind="duplicate")
_CONFLICT = Outcome(kind="conflict")
_SHORT = Outcome(kind="short")
_SEEN_LIMIT = 500  # as the port promises
_HOW = ("done", "refused", "person", "sought")
_CALLED = ("open", "sought")


class MemoryJournal:
    """Implements Journal, Outbox, Timers and Suspensions of actors.runtime.ports over dictionaries.

    Tests may take it away: with `available = False` every call raises JournalUnavailable. `now` is
    what ages are counted to.
    """

    def __init__(self, leases: MemoryLeases | None = None) -> None:
        self.available = True
        self.leases = leases or MemoryLeases()
        self.stock = MemoryStock()
        self.now = datetime.min.replace(tzinfo=UTC)
        self._orders: dict[str, KeptOrder] = {}
        self._inbox: dict[str, dict[str, None]] = {}
        self._effects: dict[EffectName, KeptEffect] = {}
        self._timers: dict[TimerName, KeptTimer] = {}
        self._documents: dict[str, dict[str, Document]] = {}
        self._claims = MemoryClaims()

    def seen_by(self, leases: MemoryLeases) -> MemoryJournal:
        """Return the same store as another process sees it, with leases of its own."""
        other = MemoryJournal(leases)
        other.now = self.now
        other._orders, other._inbox, other._effects = self._orders, self._inbox, self._effects
        other._timers, other._documents = self._timers, self._documents
        other._claims = self._claims
        other.stock = self.stock
        return other

    async def append(self, append: Append) -> Outcome:
        """Write one order's append; see the port."""
        await self._turn()
        epoch = self._fenced(append.partition)
        order_id = append.order_id
        seen = self._inbox.setdefault(order_id, {})
        if any(input_id in seen for input_id in append.input_ids):
            return _DUPLICATE
        order = self._orders.get(order_id)
        if append.expected_version != (order.version if order else 0):
            return _CONFLICT
        self._check(append)
        claimed = self._claims.of_another(append, self._orders)
        if claimed is not None:
            return Outcome(kind="claimed", claimed=claimed)
        inside = done_inside(append)
        if inside and not self.stock.reserve(order_id, inside):
            return _SHORT
        self.now = max(self.now, append.at)
        seen.update(dict.fromkeys([*append.input_ids, *(one for _, one in append.inside)]))
        if order is None and append.events:
            order = self._orders[order_id] = KeptOrder(
                reference=append.reference,
                partition=append.partition,
                version=0,
                row=append.row,
                state=append.state,
                bodies={},
                events=[],
                progress_since=append.at,
            )
        if order is not None:
            order.version += len(append.events)
            order.events.extend(append.events)
            if order.row.progress != append.row.progress:
                order.progress_since = append.at
            order.row, order.state = append.row, append.state
            order.bodies.update((body.name, body.content) for body in append.bodies)
        self._write_rest(append, epoch)
        for name in self._claims.take(append):
            self._timers[name] = KeptTimer(due_at=append.at)
        return _COMMITTED

    async def load(self, order_id: OrderId) -> Loaded | None:
        """Return what is stored; see the port."""
        await self._turn()
        order = self._orders.get(order_id)
        if order is None:
            return None
        return Loaded(
            order_id=order_id,
            reference=order.reference,
            partition=order.partition,
            channel=order.row.channel,
            ref=order.row.ref,
            progress=order.row.progress,
            progress_since=order.progress_since,
            version=order.version,
            state=order.state,
            body=order.bodies.get(BODY),
            stated=order.bodies.get(STATED),
            seen=frozenset(list(self._inbox.get(order_id, {}))[-_SEEN_LIMIT:]),
        )

    async def history(self, order_id: OrderId, version: int) -> Sequence[Any]:
        """Return the order's events up to a version; see the port."""
        await self._turn()
        return self.events(order_id)[:version]

    async def documents(self, order_id: OrderId) -> list[Document]:
        """Return the order's files by name."""
        await self._turn()
        return [document for _, document in sorted(self._documents.get(order_id, {}).items())]

    def events(self, order_id: OrderId) -> tuple[Any, ...]:
        """Return the order's whole stream."""
        order = self._orders.get(order_id)
        return tuple(order.events) if order else ()

    def row(self, order_id: OrderId) -> Row | None:
        """Return the order's row in the read model; what is suspended stands before all else."""
        order = self._orders.get(order_id)
        if order is None:
            return None
        why = self._suspended(order_id)
        return replace(order.row, attention=True, waiting_for=why) if why else order.row

    def stored_state(self, order_id: OrderId) -> bytes | None:
        """Return the encoded state as last stored."""
        order = self._orders.get(order_id)
        return order.state if order else None

    def attempts_of(self, lane: str) -> list[int]:
        """Return the attempts counted for each effect of a lane."""
        return [x.attempts for x in self._effects.values() if x.recorded.lane == lane]

    def effects_as_recorded(self, lane: str) -> list[OpenEffect]:
        """Return a lane's effects as a reader saw them before any of them was called."""
        return [
            replace(self._open_effect(*name), attempts=0)
            for name, kept in self._effects.items()
            if kept.recorded.lane == lane
        ]

    async def open_effects(
        self,
        lane: str,
        *,
        partitions: Sequence[int],
        due_before: datetime,
        limit: int,
        exclude: Sequence[EffectName],
        sought_after_seconds: float | None = None,
    ) -> list[OpenEffect]:
        """Return open effects of one lane, the channels in turn; see the port."""
        await self._turn()
        left_out, ours = set(exclude), set(partitions)
        sought_before = datetime.min.replace(tzinfo=UTC)
        if sought_after_seconds is not None:
            sought_before = due_before - timedelta(seconds=sought_after_seconds)
        due = sorted(
            (kept.due_at, name)
            for name, kept in self._effects.items()
            if kept.status in _CALLED
            and kept.recorded.lane == lane
            and kept.due_at <= due_before
            and (kept.status == "open" or (kept.settled_at or due_before) <= sought_before)
            and name not in left_out
            and self._orders[name[0]].partition in ours
        )
        taken: Counter[str] = Counter()
        turns: list[tuple[int, EffectName]] = []
        for _, name in due:
            taken[channel := self._orders[name[0]].row.channel] += 1
            turns.append((taken[channel], name))
        turns.sort(key=lambda one: one[0])  # which keeps what is due first in front
        return [self._open_effect(*name) for _, name in turns[:limit]]

    async def note(self, note: EffectNote) -> None:
        """Remember an attempt; see the port."""
        await self._turn()
        self._fenced(self._orders[note.order_id].partition)
        kept = self._effects.get((note.order_id, note.number))
        if kept is not None and kept.status in _CALLED:
            kept.attempts, kept.due_at, kept.error = note.attempts, note.due_at, note.error
            kept.declined = note.declined
            if note.is_over and kept.status == "sought":
                kept.status = "person"

    async def effect_counts(self, partitions: Sequence[int]) -> dict[str, tuple[int, float]]:
        """Return for each lane the open effects and the oldest one's age; see the port."""
        await self._turn()
        ages: dict[str, list[timedelta]] = {}
        for (order_id, _), kept in self._effects.items():
            if kept.status in _CALLED and self._orders[order_id].partition in partitions:
                old = ages.setdefault(kept.recorded.lane, [])
                old += [self.now - kept.at] if kept.status == "open" else []
        none = timedelta()
        return {x: (len(old), max(old, default=none).total_seconds()) for x, old in ages.items()}

    async def due_timers(
        self,
        *,
        partitions: Sequence[int],
        due_before: datetime,
        limit: int,
        exclude: Sequence[TimerName],
    ) -> list[DueTimer]:
        """Return due timers, the longest overdue first; see the port."""
        await self._turn()
        left_out, ours = set(exclude), set(partitions)
        due = sorted(
            (timer.due_at, name)
            for name, timer in self._timers.items()
            if timer.due_at <= due_before
            and not timer.error
            and name not in left_out
            and self._orders[name[0]].partition in ours
        )
        return [
            DueTimer(order_id=OrderId(order_id), key=key, name=called, due_at=due_at)  # type: ignore[arg-type]  # a name's parts are plain texts
            for due_at, (order_id, key, called) in due[:limit]
        ]

    async def suspend_timer(self, timer: DueTimer, why: str) -> None:
        """Let a timer fire no more; see the port."""
        await self._turn()
        kept = self._timers.get((timer.order_id, timer.key, timer.name))
        if kept is not None and kept.due_at == timer.due_at:
            kept.error = why

    async def suspend_effect(self, order_id: OrderId, number: int, why: str) -> None:
        """Call for an effect no more; see the port."""
        await self._turn()
        self._fenced(self._orders[order_id].partition)
        kept = self._effects[order_id, number]
        if kept.status == "open":
            kept.status, kept.error = "suspended", why

    async def resume(self, partitions: Sequence[int]) -> int:
        """Try all that is suspended once more; see the port."""
        await self._turn()
        resumed = 0
        for name, timer in self._timers.items():
            if timer.error and self._orders[name[0]].partition in partitions:
                timer.error, resumed = "", resumed + 1
        for (order_id, _), kept in self._effects.items():
            if kept.status == "suspended" and self._orders[order_id].partition in partitions:
                kept.status, kept.attempts, resumed = "open", max(1, kept.attempts), resumed + 1
        return resumed

    async def _turn(self) -> None:
        # A real journal always lets others run in between; a twin which didn't would hide races.
        await asyncio.sleep(0)
        if not self.available:
            raise JournalUnavailable("The journal was taken away.")

    def _fenced(self, partition: int) -> int:
        epoch = self.leases.epochs.get(partition)
        if epoch is None:
            raise LeaseLost(f"Another process owns partition {partition} now.")
        return epoch

    def _check(self, append: Append) -> None:
        """Refuse what Postgres refuses, so that a test finds it without a server."""
        row = append.row
        texts = [*append.input_ids, row.channel, row.ref, row.number]
        texts += [row.stage, row.progress, row.waiting_for]
        if any("\x00" in text for text in texts):
            raise AppendRefused(f"A text in the change of order {append.order_id} holds a NUL.")
        try:
            for event in append.events:
                encode(event)
        except ValueError as error:  # such as half of a surrogate pair in a text
            raise AppendRefused(
                f"An event of order {append.order_id} can't be stored: {error}"
            ) from error
        for intent in append.effects:
            kept = self._effects.get((append.order_id, intent.number))
            if kept is not None:
                raise AppendRefused(
                    f"Effect {intent.number} of order {append.order_id} is {kept.status} already."
                )
        for number, how in append.settled:
            if how not in _HOW:
                raise AppendRefused(f"Effect {number} can't end as {how!r}.")

    def _write_rest(self, append: Append, epoch: int) -> None:
        order_id = append.order_id
        for recorded in append.effects:
            self._effects[order_id, recorded.number] = KeptEffect(
                recorded=recorded,
                due_at=append.at,
                at=append.at,
                attempts=recorded.attempts,
                trace=append.trace,
                written_by=epoch,
            )
        for number, how in append.settled:
            kept = self._effects.get((order_id, number))
            if kept is not None:
                kept.status, kept.settled_at = how, append.at
        for key, called in append.clear_timers:
            self._timers.pop((order_id, key, called), None)
        for key, called, due_at in append.set_timers:
            self._timers[order_id, key, called] = KeptTimer(due_at=due_at)
        files = self._documents.setdefault(order_id, {})
        files.update((document.name, document) for document in append.documents)

    def _suspended(self, order_id: str) -> str:
        for (owner, key, called), timer in self._timers.items():
            if owner == order_id and timer.error:
                return f"a person: the timer {called} of {key} can't be decided: {timer.error}"
        for (owner, number), kept in self._effects.items():
            if owner == order_id and kept.status == "suspended":
                return f"a person: what effect {number} led to can't be recorded: {kept.error}"
        return ""

    def _open_effect(self, order_id: str, number: int) -> OpenEffect:
        kept, order = self._effects[order_id, number], self._orders[order_id]
        return OpenEffect(
            order_id=OrderId(order_id),
            number=number,
            key=kept.recorded.key,
            lane=kept.recorded.lane,
            channel=order.row.channel,
            ref=order.row.ref,
            partition=order.partition,
            reference=order.reference,
            effect=kept.recorded.effect,
            attempts=kept.attempts,
            due_at=kept.due_at,
            written_by=kept.written_by,
            body=order.bodies.get(BODY, b""),
            trace=kept.trace,
            sought_since=kept.settled_at if kept.status == "sought" else None,
            declined=kept.declined,
        )
