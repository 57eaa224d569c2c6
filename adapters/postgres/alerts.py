"""Alerts in Postgres: what is the matter, who knows, and what was sent."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec import Struct

from adapters.postgres.audit import text_of
from adapters.postgres.pool import Pool
from adapters.postgres.statements import parse
from schemas.contracts.service_incidents import PARTNER_NOT_CALLED

if TYPE_CHECKING:
    from adapters.postgres.pool import Connection

MAX_CAUSES = 500
"""Causes at a time: every category, and several hundred partners in trouble."""

MAX_LISTED = 200
"""Rows of a page."""

_NEWEST = 2**62


class Cause(Struct, frozen=True, kw_only=True):
    """What is the matter now. `subject` is the partner, "" for a category's incident; `words` say
    why, "" where the category says it."""

    cause: str
    category: str
    subject: str
    words: str
    opened_at: datetime


class Alert(Struct, frozen=True, kw_only=True):
    """What people are told of one cause, from its beginning to its end."""

    id: int
    cause: str
    category: str
    subject: str
    severity: str
    words: str
    opened_at: datetime
    resolved_at: datetime | None = None
    acknowledged_at: datetime | None = None
    acknowledged_by: str = ""
    acknowledged_why: str = ""


class Sending(Struct, frozen=True, kw_only=True):
    """What was sent of an alert one way. `sent` counts messages that it is the matter, `tries`
    those of the message that is due and could not be sent; `next_at` is when it may be tried."""

    alert_id: int
    route: str
    sent: int = 0
    sent_at: datetime | None = None
    resolved_said: bool = False
    tries: int = 0
    next_at: datetime | None = None
    error: str = ""


class Alerts:
    """Every call raises JournalUnavailable."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def causes(self) -> list[Cause]:
        """Return what is the matter, the oldest MAX_CAUSES."""
        rows = await self._pool.fetch(_sql()["causes"], PARTNER_NOT_CALLED, MAX_CAUSES)
        return [Cause(**dict(row)) for row in rows]

    async def follow(
        self, causes: Sequence[tuple[Cause, str]], now: datetime, *, gone_before: datetime
    ) -> None:
        """Keep an alert for each of these causes, with its severity and words, and resolve those
        whose cause has been gone since `gone_before`."""
        columns = (
            [one.cause for one, _ in causes],
            [one.category for one, _ in causes],
            [one.subject for one, _ in causes],
            [severity for _, severity in causes],
            [one.words for one, _ in causes],
            [one.opened_at for one, _ in causes],
        )

        async def work(connection: Connection) -> None:
            async with connection.transaction():
                await connection.execute(_sql()["open"], *columns)
                await connection.execute(_sql()["gone"], columns[0], now)
                await connection.execute(_sql()["resolve"], gone_before)

        await self._pool.run(work)

    async def standing(self, since: datetime) -> list[tuple[Alert, dict[str, Sending]]]:
        """Return what may have to be sent, oldest first, with what was sent by route: open alerts,
        and those resolved after `since` whose end was not said; at most twice MAX_CAUSES."""
        rows = await self._pool.fetch(_sql()["standing"], since, 2 * MAX_CAUSES)
        found = [Alert(**dict(row)) for row in rows]
        sent: dict[int, dict[str, Sending]] = {}
        for row in await self._pool.fetch(_sql()["sendings"], [one.id for one in found]):
            one = Sending(**dict(row))
            sent.setdefault(one.alert_id, {})[one.route] = one
        return [(one, sent.get(one.id, {})) for one in found]

    async def claim(
        self, alert: Alert, route: str, sent: int, now: datetime, until: datetime
    ) -> int:
        """Take a message on, of an alert of which `sent` were sent: return which try this is, 0
        when another process or an earlier try has it."""
        rows = await self._pool.fetch(_sql()["claim"], alert.id, route, sent, until, now)
        return int(rows[0]["tries"]) if rows else 0

    async def sent(self, alert: Alert, route: str, now: datetime, *, resolved: bool) -> None:
        """A message was taken there; `resolved`: that it is over."""
        await self._pool.fetch(_sql()["sent"], alert.id, route, resolved, now)

    async def failed(
        self,
        alert: Alert,
        route: str,
        error: str,
        next_at: datetime,
        *,
        given_up: bool,
        resolved: bool,
    ) -> None:
        """A message was not taken. `given_up`: this one is not tried again."""
        await self._pool.fetch(
            _sql()["failed"], alert.id, route, next_at, text_of(error)[:500], given_up, resolved
        )

    async def acknowledge(self, alert_id: int, person: str, reason: str, now: datetime) -> bool:
        """Note, in the audit too, that a person knows: it is not repeated. False when it is over,
        someone knows already, or there is none."""
        args = (alert_id, now, text_of(person), text_of(reason))
        return bool(await self._pool.fetch(_sql()["acknowledge"], *args))

    async def page(
        self, *, resolved: bool, before: int | None = None, limit: int = 50
    ) -> list[Alert]:
        """Return at most `limit` (200) alerts, newest first, those that are over too if `resolved`.
        `before` is the last id of the page before."""
        most = max(1, min(limit, MAX_LISTED))
        newest = _NEWEST if before is None else before
        rows = await self._pool.fetch(_sql()["list"], newest, resolved, most)
        return [Alert(**dict(row)) for row in rows]

    async def find(self, alert_id: int) -> Alert | None:
        """Return one alert, None when there is none of this id."""
        rows = await self._pool.fetch(_sql()["one"], alert_id)
        return Alert(**dict(rows[0])) if rows else None

    async def prune(self, before: datetime) -> None:
        """Forget a thousand of the alerts that were resolved before then."""
        await self._pool.fetch(_sql()["prune"], before)


@cache
def _sql() -> Mapping[str, str]:
    return parse(Path(__file__).with_name("alerts.sql").read_text("utf-8"))
