"""Who did what to what, when and why: written once, never changed or deleted.

A statement that changes something people may change writes its row here itself, in the same
transaction (see `quarantine_workflow.sql`); `record` is for changes that have no such statement.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from functools import cache
from pathlib import Path

import msgspec
from msgspec import Struct

from adapters.postgres.pool import Pool
from adapters.postgres.statements import parse

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
