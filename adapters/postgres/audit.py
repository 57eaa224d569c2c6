"""Who did what to what, when and why: written once, never changed or deleted.

A statement that changes something people may change writes its row here itself, in the same
transaction (see `quarantine_workflow.sql`); `record` is for changes that have no such statement.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
from msgspec import Struct

from adapters.postgres.pool import Pool
from adapters.postgres.statements import parse

if TYPE_CHECKING:
    from asyncpg import Record

MAX_LISTED = 200
"""Rows in one page."""

_decode = msgspec.json.Decoder(dict[str, object]).decode


class AuditEntry(Struct, frozen=True, kw_only=True):
    """One decision of a person, or what became of it. `target` is a kind and an id, such as
    `quarantine:17`; `before` and `after` hold states and digests, never personal data."""

    id: int
    at: datetime
    person: str
    action: str
    target: str
    channel: str
    reason: str
    before: dict[str, object]
    after: dict[str, object]


class AuditFilter(Struct, frozen=True, kw_only=True):
    """Which rows are looked for; what is empty is not asked. `people` are whole names, of which a
    row has one; `until` is the first moment that is too late; `channels` None: of every channel,
    and of none."""

    people: tuple[str, ...] = ()
    action: str = ""
    target: str = ""
    since: datetime | None = None
    until: datetime | None = None
    channels: tuple[str, ...] | None = None


class Audit:
    """Raises JournalUnavailable within the pool's deadline when Postgres does not answer."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def record(
        self,
        *,
        at: datetime,
        person: str,
        action: str,
        target: str,
        reason: str,
        channel: str = "",
        before: Mapping[str, object] | None = None,
        after: Mapping[str, object] | None = None,
    ) -> None:
        """Write one row."""
        told = [msgspec.json.encode(dict(one or {})).decode() for one in (before, after)]
        words = [text_of(one) for one in (person, action, target, channel, reason)]
        await self._pool.fetch(_sql()["record"], at, *words, *told)

    async def entries(
        self, *, target: str | None = None, before: int | None = None, limit: int = 50
    ) -> tuple[AuditEntry, ...]:
        """Return at most `limit` (200) rows, newest first; `before` is the last id of the page
        before."""
        newest = 2**62 if before is None else before
        most = max(1, min(limit, MAX_LISTED))
        rows = await self._pool.fetch(_sql()["entries"], newest, target, most)
        return _entries(rows)

    async def page(
        self, wanted: AuditFilter, *, before: int | None = None, limit: int = 50
    ) -> tuple[AuditEntry, ...]:
        """Return at most `limit` (200) rows that a filter wants, newest first; `before` is the last
        id of the page before."""
        arguments: list[object] = [2**62 if before is None else before]
        conditions = ["id < $1"]
        for condition, value in _conditions(wanted):
            arguments.append(value)
            conditions.append(condition.format(f"${len(arguments)}"))
        arguments.append(max(1, min(limit, MAX_LISTED)))
        sql = f"{_sql()['columns']} WHERE {' AND '.join(conditions)}"
        rows = await self._pool.fetch(f"{sql} ORDER BY id DESC LIMIT ${len(arguments)}", *arguments)
        return _entries(rows)

    async def actions(self) -> tuple[str, ...]:
        """Return every verb that was audited, in their order (at most 200)."""
        return tuple(row["action"] for row in await self._pool.fetch(_sql()["actions"]))


def _conditions(wanted: AuditFilter) -> Iterator[tuple[str, object]]:
    """Yield what is asked, each as SQL with a place for its value; an index answers all but the
    last."""
    if wanted.target:
        yield "target = {}", text_of(wanted.target)
    if wanted.people:
        yield 'person COLLATE "C" = ANY({}::text[])', [text_of(one) for one in wanted.people]
    if wanted.action:
        yield 'action COLLATE "C" = {}', text_of(wanted.action)
    if wanted.since is not None:
        yield "at >= {}", wanted.since
    if wanted.until is not None:
        yield "at < {}", wanted.until
    if wanted.channels is not None:
        yield "channel = ANY({}::text[])", list(wanted.channels)


def _entries(rows: Iterable[Record]) -> tuple[AuditEntry, ...]:
    return tuple(
        AuditEntry(
            **{**dict(row), "before": _decode(row["before"]), "after": _decode(row["after"])}
        )
        for row in rows
    )


def text_of(text: str) -> str:
    """Replace what a text column refuses: NUL and lone surrogates."""
    return text.replace("\x00", "�").encode("utf-8", "replace").decode("utf-8")


@cache
def _sql() -> dict[str, str]:
    return parse(Path(__file__).with_name("audit.sql").read_text("utf-8"))
