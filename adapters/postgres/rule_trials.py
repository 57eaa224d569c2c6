"""Trials of rules on the stored past: how far each is, and what it found."""

from __future__ import annotations

from datetime import datetime
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from msgspec import Struct

from adapters.postgres.audit import text_of
from adapters.postgres.pool import Pool
from adapters.postgres.statements import parse

if TYPE_CHECKING:
    from adapters.postgres.pool import Connection

State = Literal["running", "done", "failed"]
Kind = Literal["backtest", "coverage"]

MAX_KEPT = 50
"""Trials whose results are kept; each is at most some ten kilobytes."""

ALIVE_SECONDS = 60.0
"""A trial that said nothing for so long has ended with its process; it speaks every few seconds."""

ENDED = "The process that ran it has ended before it was done; begin another one."


class Trial(Struct, frozen=True, kw_only=True):
    """A trial: since when orders are looked at, against which version, and how many of `total` are
    done. A `coverage` counts how often the rules of that version match, a `backtest` compares
    others with them. `told` says why it failed; `result` is JSON once it is done."""

    id: int
    kind: Kind
    at: datetime
    person: str
    since: datetime
    version: int
    total: int
    done: int
    state: State
    told: str
    result: bytes | None


class RuleTrials:
    """Raises JournalUnavailable within the pool's deadline when Postgres does not answer."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def begin(
        self,
        *,
        at: datetime,
        person: str,
        since: datetime,
        version: int,
        total: int,
        kind: Kind = "backtest",
    ) -> int | None:
        """Note that a trial runs, and return its id; None while another one does. The oldest
        beyond MAX_KEPT are forgotten."""

        async def work(connection: Connection) -> int | None:
            async with connection.transaction():
                await connection.execute(_sql()["ended"], ENDED, ALIVE_SECONDS)
                await connection.execute(_sql()["forget"], MAX_KEPT - 1)
                given = at, text_of(person), since, version, total, kind
                rows = await connection.fetch(_sql()["begin"], *given)
            return int(rows[0]["id"]) if rows else None

        return await self._pool.run(work)

    async def beat(self, trial: int, done: int) -> bool:
        """Note how many orders are done; return whether the trial is still to be run."""
        return bool(await self._pool.fetch(_sql()["beat"], trial, done))

    async def end(
        self, trial: int, state: State, done: int, *, told: str = "", result: bytes | None = None
    ) -> None:
        """Note how it ended."""
        await self._pool.fetch(_sql()["end"], trial, state, text_of(told), result, done)

    async def one(self, trial: int) -> Trial | None:
        """Return a trial, None for one that isn't there (any more)."""
        rows = await self._pool.fetch(_sql()["one"], trial, ALIVE_SECONDS)
        if not rows:
            return None
        found = dict(rows[0])
        if found["state"] == "failed" and not found["told"]:
            found["told"] = ENDED
        return Trial(**found)

    async def latest(self, kind: Kind, state: State | None = None) -> Trial | None:
        """Return the newest trial of a kind, or the newest that ended so; None where there is
        none."""
        rows = await self._pool.fetch(_sql()["latest"], kind, state or "")
        return await self.one(int(rows[0]["id"])) if rows else None


@cache
def _sql() -> dict[str, str]:
    return parse(Path(__file__).with_name("rule_trials.sql").read_text("utf-8"))
