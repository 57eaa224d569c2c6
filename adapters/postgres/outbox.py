"""The dispatcher's view of recorded effects."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime, timedelta

import asyncpg
from msgspec import MsgspecError

from actors.runtime.errors import LeaseLost
from actors.runtime.ports import BODY, EffectName, EffectNote, OpenEffect
from adapters.postgres.group import Group
from adapters.postgres.leases import Leases
from adapters.postgres.pool import Pool
from adapters.postgres.sealing import Damaged, Sealing
from adapters.postgres.statements import statements
from adapters.postgres.suspensions import PostgresSuspensions
from schemas.messages.codec import decode_effect
from schemas.order.ids import OrderId

log = logging.getLogger(__name__)

# Mails are noted before they are sent, a few at a time: this makes one sync of four.
_LINGER_SECONDS = 0.005

UNREADABLE_PAUSE = timedelta(days=1)
"""How long what is looked up rests that this version can't read."""


class PostgresOutbox:
    """Implements actors.runtime.ports.Outbox. A note is fenced like an append: it raises LeaseLost
    when another process owns the order, so a dispatcher that notes its attempt before it calls
    never calls in vain."""

    def __init__(self, pool: Pool, leases: Leases, sealing: Sealing) -> None:
        self._pool = pool
        self._leases = leases
        self._sealing = sealing
        self._suspensions = PostgresSuspensions(pool, leases)
        self._notes: Group[EffectNote, None] = Group(
            self._write,
            key=_name,
            deadline_seconds=pool.deadline_seconds,
            linger_seconds=_LINGER_SECONDS,
        )

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
        """Return open effects, the channels in turn; see the port. Raises JournalUnavailable."""
        rows = await self._pool.fetch(
            statements()["open_effects"],
            lane,
            due_before,
            partitions,
            limit,
            [order_id for order_id, _ in exclude],
            [number for _, number in exclude],
            sought_after_seconds,
        )
        found = []
        for row in rows:
            try:
                found.append(self._open_effect(row))
            except MsgspecError as error:
                await self._set_aside(row, error, due_before)
        return found

    async def _set_aside(self, row: asyncpg.Record, error: MsgspecError, now: datetime) -> None:
        """Let an effect that this version can't read keep no others of its lane from their calls:
        the next start tries it once more."""
        order_id, number = OrderId(row["order_id"]), row["number"]
        log.error("Effect %d of %s can't be read and is set aside: %s", number, order_id, error)
        why = f"this version can't read it ({error})"
        with suppress(LeaseLost):
            if row["sought_since"] is None:
                await self._suspensions.suspend_effect(order_id, number, why)
            else:  # what is only looked up waits for a version that can
                later = now + UNREADABLE_PAUSE
                await self.note(
                    EffectNote(
                        order_id=order_id,
                        number=number,
                        attempts=row["attempts"],
                        due_at=later,
                        error=why[:500],
                        declined=row["declined"],
                    )
                )

    async def note(self, note: EffectNote) -> None:
        """Remember an attempt; see the port. An effect that has ended meanwhile is left as it is.
        Raises LeaseLost and JournalUnavailable."""
        await self._notes.submit(note)

    async def effect_counts(self, partitions: Sequence[int]) -> dict[str, tuple[int, float]]:
        """Return for each lane the open effects and the oldest one's age in seconds."""
        rows = await self._pool.fetch(statements()["effect_counts"], partitions)
        return {row["lane"]: (row["open"], row["oldest_seconds"]) for row in rows}

    def _open_effect(self, row: asyncpg.Record) -> OpenEffect:
        order_id, number, key, lane, channel, ref, partition, reference, effect, *rest = row
        attempts, due_at, written_by, body, trace, sought_since, declined, master, wrapped = rest
        try:
            body = self._sealing.stored(order_id, BODY, body, (master, wrapped))
        except Damaged:
            # The call can't be made, and that ends at a person; others of the lane go on.
            log.error("The body of order %s does not open; it was altered.", order_id)
            body = None
        return OpenEffect(
            order_id=OrderId(order_id),
            number=number,
            key=key,
            lane=lane,
            channel=channel,
            ref=ref,
            partition=partition,
            reference=reference,
            effect=decode_effect(effect),
            attempts=attempts,
            due_at=due_at,
            written_by=written_by,
            body=body or b"",
            trace=trace,
            sought_since=sought_since,
            declined=declined,
        )

    async def _write(self, notes: Sequence[EffectNote]) -> Sequence[Exception | None]:
        epochs = self._leases.epochs
        held = sorted(epochs)
        rows = await self._pool.fetch(
            statements()["note_effects"],
            held,
            [epochs[partition] for partition in held],
            [note.order_id for note in notes],
            [note.number for note in notes],
            [note.attempts for note in notes],
            [note.due_at.timestamp() for note in notes],
            # Partners' error texts may hold what Postgres can't store.
            [storable(note.error) for note in notes],
            [note.is_over for note in notes],
            [note.declined for note in notes],
        )
        answers: list[Exception | None] = [None] * len(notes)
        if rows:
            self._leases.report_lost(sorted({row["partition"] for row in rows}))
        for place, _ in rows:
            answers[place] = LeaseLost(
                f"Another process owns order {notes[place].order_id} now; this one must stop "
                f"calling partners for it."
            )
        return answers


def _name(note: EffectNote) -> tuple[str, int]:
    return (note.order_id, note.number)


def storable(text: str) -> str:
    """Return a text as Postgres can store it."""
    return text.replace("\x00", "�").encode("utf-8", "replace").decode("utf-8")
