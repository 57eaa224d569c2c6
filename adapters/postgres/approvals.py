"""Approvals given so far, and who stands in for whom while an approver is away. Each is audited in
its own statement."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from functools import cache
from pathlib import Path

from msgspec import Struct

from adapters.postgres.audit import text_of
from adapters.postgres.pool import Pool
from adapters.postgres.statements import parse
from schemas.messages.codec import decode_event
from schemas.messages.effects import tag_of
from schemas.messages.order_events import Changed


class Approval(Struct, frozen=True, kw_only=True):
    """One that counts. `instead_of` is the approver for whom the person stood in, "" for none."""

    person: str
    instead_of: str
    reason: str
    at: datetime


class Absence(Struct, frozen=True, kw_only=True):
    """An approver who is away, and who decides meanwhile."""

    person: str
    deputy: str
    until_at: datetime
    reason: str


class Approvals:
    """Every call raises JournalUnavailable."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def add(
        self,
        review_id: int,
        person: str,
        instead_of: str,
        reason: str,
        now: datetime,
        *,
        amount: tuple[int, str],
        claimed_as: str,
    ) -> bool:
        """Note an approval of what an order comes to (minor units and currency). False when the
        review is decided, claimed by another one than `claimed_as`, or the order comes to something
        else by now."""
        words = [text_of(one) for one in (person, instead_of, reason)]
        args = (review_id, *words, now, *amount, text_of(claimed_as))
        return bool(await self._pool.fetch(_sql()["add"], *args))

    async def given(self, review_id: int) -> list[Approval]:
        """Return the approvals of what the order comes to now, the oldest first."""
        return [Approval(**dict(row)) for row in await self._pool.fetch(_sql()["given"], review_id)]

    async def changes(self, order_id: str) -> list[tuple[datetime, Changed]]:
        """Return the changes of an order by people here, its channel and the service itself, each
        with its time, the oldest first."""
        rows = await self._pool.fetch(_sql()["changes"], order_id, tag_of(Changed))
        events = ((row["at"], decode_event(bytes(row["body"]))) for row in rows)
        return [(at, one) for at, one in events if isinstance(one, Changed)]

    async def absences(self, now: datetime) -> list[Absence]:
        """Return who is away now, at most 1,000."""
        return [Absence(**dict(row)) for row in await self._pool.fetch(_sql()["absences"], now)]

    async def leave(
        self, person: str, deputy: str, until_at: datetime, reason: str, now: datetime
    ) -> None:
        """Note that an approver is away, in place of what was noted before."""
        names = [text_of(one) for one in (person, deputy)]
        await self._pool.fetch(_sql()["leave"], *names, until_at, text_of(reason), now)

    async def back(self, person: str, reason: str, now: datetime) -> bool:
        """End an absence. False when there is none."""
        args = (text_of(person), text_of(reason), now)
        return bool(await self._pool.fetch(_sql()["back"], *args))


@cache
def _sql() -> Mapping[str, str]:
    return parse(Path(__file__).with_name("approvals.sql").read_text("utf-8"))
