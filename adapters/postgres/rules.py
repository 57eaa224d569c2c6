"""Every version of the rules, and which one is in use."""

from __future__ import annotations

from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Literal

from msgspec import Struct

from adapters.postgres.audit import text_of
from adapters.postgres.pool import Pool
from adapters.postgres.statements import parse
from schemas.contracts.rules import Rules, read_rules, write_rules

How = Literal["published", "approved", "rolled back"]

MAX_LISTED = 200
"""Rows in one list."""


class InUse(Struct, frozen=True):
    """What decides now. `position` rises with every publication and return; 0: there are no rules
    yet."""

    position: int = 0
    version: int = 0
    rules: Rules = Rules()


class Version(Struct, frozen=True, kw_only=True):
    """A version: who stored it, when and why. `used` says how it came into use last ("": never)."""

    version: int
    at: datetime
    person: str
    reason: str
    bytes: int
    used: str
    in_use: bool


class Stored(Struct, frozen=True):
    """A version's rules, and who stored it."""

    version: int
    person: str
    rules: Rules


class PostgresRules:
    """Raises JournalUnavailable within the pool's deadline when Postgres does not answer."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def position(self) -> int:
        """Return the position in use; another one means that other rules are to be used."""
        (row,) = await self._pool.fetch(statements_of_rules()["position"])
        return int(row["position"])

    async def in_use(self) -> InUse:
        """Return what decides now. Raises RulesRefused for what this release can't read."""
        rows = await self._pool.fetch(statements_of_rules()["in_use"])
        if not rows:
            return InUse()
        row = rows[0]
        return InUse(row["position"], row["version"], read_rules(bytes(row["document"])))

    async def one(self, version: int) -> Stored | None:
        """Return a version, None for one that isn't there. Raises RulesRefused."""
        rows = await self._pool.fetch(statements_of_rules()["one"], version)
        if not rows:
            return None
        return Stored(version, rows[0]["person"], read_rules(bytes(rows[0]["document"])))

    async def versions(self, limit: int = 50) -> list[Version]:
        """Return the newest versions (at most 200), newest first."""
        rows = await self._pool.fetch(
            statements_of_rules()["versions"], max(1, min(limit, MAX_LISTED))
        )
        return [Version(**{**dict(row), "in_use": bool(row["in_use"])}) for row in rows]

    async def newest(self) -> int:
        """Return the newest version, whether it is in use or not; 0 before the first."""
        (last,) = await self._pool.fetch(statements_of_rules()["last"])
        return int(last["version"])

    async def save(
        self, rules: Rules, *, at: datetime, person: str, reason: str, after: int | None = None
    ) -> int | None:
        """Keep a version that is not in use yet, and audit it; return its number, or None when
        somebody else was first: since now, or since the newest version was `after`. Raises
        RulesRefused for one that is too large."""
        document = write_rules(rules)
        last = await self.newest() if after is None else after
        words = [text_of(one) for one in (person, reason)]
        rows = await self._pool.fetch(statements_of_rules()["save"], last, at, *words, document)
        return int(rows[0]["version"]) if rows else None

    async def use(
        self, version: int, how: How, *, seen: int, at: datetime, person: str, reason: str
    ) -> bool:
        """Have a version decide from now on, after the position that was `seen`, and audit it;
        return whether no one else was first."""
        words = [text_of(one) for one in (person, reason)]
        rows = await self._pool.fetch(statements_of_rules()["use"], seen, version, at, *words, how)
        return bool(rows)


@cache
def statements_of_rules() -> dict[str, str]:
    """Return every statement of the rules by its name."""
    return parse(Path(__file__).with_name("rules.sql").read_text("utf-8"))
