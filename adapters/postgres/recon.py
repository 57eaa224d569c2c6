"""Reconciliation in Postgres: runs that read the books and compare them, and the differences that
they found. A person's decision writes its row of the audit in the same transaction."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import asyncpg
import msgspec
from msgspec import Struct

from adapters.postgres.audit import text_of
from adapters.postgres.pool import Pool
from adapters.postgres.statements import parse

if TYPE_CHECKING:
    from adapters.postgres.pool import Connection

MAX_PAGE = 200
"""Rows of a page, runs or differences."""

MAX_WAITING = 5
"""Runs that are not at their end; they are worked on one after another."""

REPEATED = timedelta(days=1)
"""A request of the same name begins one run within this time."""

RunState = Literal["reading", "matching", "ended", "failed", "stopped"]
State = Literal["open", "accepted", "corrected", "resolved"]


class ReconRefused(Exception):
    """What can't be begun, stopped or decided; the text says why, and what can be done."""


class Wanted(Struct, frozen=True, kw_only=True):
    """A run: over orders of these channels that were placed in `since <= time < until`, by reading
    these lists. `request` names what asked for it ("": nothing that is repeated)."""

    channels: Sequence[str]
    since: datetime
    until: datetime
    person: str
    reason: str
    steps: Sequence[str]
    request: str = ""


class Run(Struct, frozen=True, kw_only=True):
    """A run and how far it is: `step` of its `steps` are read, `entries` in all. `absent` says
    which of them a partner does not have. `fault` is why the next page could not be read `tries`
    times, or why the run failed."""

    id: int
    channels: tuple[str, ...]
    since: datetime
    until: datetime
    person: str
    reason: str
    state: RunState
    steps: tuple[str, ...]
    step: int
    cursor: str
    matched: str
    absent: dict[str, str]
    tries: int
    fault: str
    entries: int
    created_at: datetime
    ended_at: datetime | None


class Total(Struct, frozen=True, kw_only=True):
    """What a run compared of one channel and currency: orders, what they come to, the differences
    that are not accepted, and by how much they are off together."""

    channel: str
    currency: str
    orders: int
    gross_minor: int
    differences: int
    off_minor: int


class Count(Struct, frozen=True, kw_only=True):
    """Differences of a run by channel and root cause, without those that are accepted."""

    channel: str
    type: str
    cause: str
    count: int


class Cell(Struct, frozen=True, kw_only=True):
    """Differences of a run by channel, currency and root cause: how many count, by how much they
    are off together, and how many more are accepted."""

    channel: str
    currency: str
    type: str
    cause: str
    count: int
    accepted: int
    off_minor: int


class Stated(Struct, frozen=True, kw_only=True):
    """What a difference says. Amounts are in minor units of `currency`; `expected` and `found` say
    in words what no amount says. `order_id` is "" where it belongs to no order of ours."""

    channel: str
    order_id: str
    ref: str
    number: str
    placed_at: datetime
    type: str
    cause: str
    sides: str
    currency: str
    expected_minor: int
    found_minor: int
    expected: str
    found: str
    about: str


class FoundDifference(Stated, frozen=True, kw_only=True):
    """A difference as a run finds it. `identity` is the same in every run."""

    identity: str


class KeptDifference(Stated, frozen=True, kw_only=True):
    """A difference as it is kept, with what runs and people made of it."""

    id: int
    state: State
    first_run: int
    last_run: int
    first_seen_at: datetime
    last_seen_at: datetime
    decided_by: str
    decided_why: str
    decided_at: datetime | None


class Entered(Struct, frozen=True):
    """What a side says of the order with this key."""

    key: str
    channel: str
    body: bytes


class Gross(Struct, frozen=True):
    """What some orders of one channel and currency come to."""

    channel: str
    currency: str
    orders: int
    gross_minor: int


class Which(Struct, frozen=True, kw_only=True):
    """Which differences are listed; "" and None are any. `channels` bounds who may see them."""

    channels: Collection[str] | None = None
    state: str = ""
    type: str = ""
    cause: str = ""
    run: int | None = None
    order_id: str = ""


class Recon:
    """What people ask and decide. Every call raises JournalUnavailable."""

    def __init__(self, pool: Pool) -> None:
        self.pool = pool

    async def begin(self, wanted: Wanted, now: datetime) -> int:
        """Begin a run; return its id, or that of the one which the same request began. Raises
        ReconRefused while too many wait."""
        columns = [
            wanted.request,
            sorted(wanted.channels),
            wanted.since,
            wanted.until,
            *map(text_of, (wanted.person, wanted.reason)),
            list(wanted.steps),
            now,
        ]

        async def work(connection: Connection) -> int:
            async with connection.transaction():
                if wanted.request:
                    earlier = await connection.fetchval(
                        _sql()["earlier"], wanted.request, now - REPEATED
                    )
                    if earlier is not None:
                        return int(earlier)
                if await connection.fetchval(_sql()["waiting"]) >= MAX_WAITING:
                    raise ReconRefused(
                        f"{MAX_WAITING} runs are not at their end: wait, or stop one of them."
                    )
                run_id: int = await connection.fetchval(_sql()["begin"], *columns)
                after = {
                    "channels": sorted(wanted.channels),
                    "since": wanted.since.isoformat(),
                    "until": wanted.until.isoformat(),
                }
                who = wanted.person, wanted.reason
                await _audited(connection, now, who, "recon.start", f"recon:{run_id}", after=after)
            return run_id

        return await self.pool.run(work)

    async def stop(self, run_id: int, person: str, reason: str, now: datetime) -> bool:
        """End a run before its end; False when it does not run."""

        async def work(connection: Connection) -> bool:
            async with connection.transaction():
                if await connection.fetchval(_sql()["stop"], run_id, now) is None:
                    return False
                await _audited(connection, now, (person, reason), "recon.stop", f"recon:{run_id}")
            return True

        return await self.pool.run(work)

    async def find(self, run_id: int) -> Run | None:
        """Return one run."""
        rows = await self.pool.fetch(_sql()["one"], run_id)
        return run_of(rows[0]) if rows else None

    async def runs(
        self, only: Collection[str] | None, *, before: int | None = None, limit: int = 50
    ) -> list[Run]:
        """Return runs of these channels alone (None: all), the newest first."""
        seen = None if only is None else sorted(only)
        most = max(1, min(limit, MAX_PAGE))
        rows = await self.pool.fetch(_sql()["runs"], seen, before or 2**62, most)
        return [run_of(row) for row in rows]

    async def newest(self, person: str) -> datetime | None:
        """Return when the newest run of this person began."""
        rows = await self.pool.fetch(_sql()["newest"], person)
        at: datetime | None = rows[0]["at"]
        return at

    async def totals(self, run_id: int) -> list[Total]:
        """Return what a run compared."""
        rows = await self.pool.fetch(_sql()["totals"], run_id)
        return [Total(**dict(row)) for row in rows]

    async def counts(self, run_id: int) -> list[Count]:
        """Return the differences of a run by root cause."""
        rows = await self.pool.fetch(_sql()["counts"], run_id)
        return [Count(**dict(row)) for row in rows]

    async def cells(self, run_id: int, only: Collection[str] | None) -> list[Cell]:
        """Return the differences of a run by channel (None: all), currency and root cause."""
        seen = None if only is None else sorted(only)
        rows = await self.pool.fetch(_sql()["cells"], run_id, seen)
        return [Cell(**dict(row)) for row in rows]

    async def differences(
        self, which: Which, *, before: int | None = None, limit: int = 50
    ) -> list[KeptDifference]:
        """Return differences, the newest first."""
        channels = None if which.channels is None else sorted(which.channels)
        asked = which.state, which.type, which.cause, which.run, which.order_id
        most = max(1, min(limit, MAX_PAGE))
        rows = await self.pool.fetch(_sql()["differences"], channels, *asked, before or 2**62, most)
        return [KeptDifference(**dict(row)) for row in rows]

    async def difference(self, difference_id: int) -> KeptDifference | None:
        """Return one difference."""
        rows = await self.pool.fetch(_sql()["difference"], difference_id)
        return KeptDifference(**dict(rows[0])) if rows else None

    async def decide(
        self, one: KeptDifference, state: State, person: str, reason: str, now: datetime
    ) -> bool:
        """Note a person's decision; False when the difference is so already, or resolved."""

        async def work(connection: Connection) -> bool:
            async with connection.transaction():
                told = one.id, state, text_of(person), text_of(reason), now
                if await connection.fetchval(_sql()["decide"], *told) is None:
                    return False
                action = "recon.accept" if state == "accepted" else "recon.correct"
                await _audited(
                    connection,
                    now,
                    (person, reason),
                    action,
                    f"recon-difference:{one.id}",
                    channel=one.channel,
                    before={"state": one.state},
                    after={
                        "state": state,
                        "cause": one.cause,
                        "expected_minor": one.expected_minor,
                        "found_minor": one.found_minor,
                    },
                )
            return True

        return await self.pool.run(work)


def run_of(row: asyncpg.Record) -> Run:
    """Return a row as a run."""
    return Run(
        **{
            **dict(row),
            "channels": tuple(row["channels"]),
            "steps": tuple(row["steps"]),
            "absent": msgspec.json.decode(row["absent"], type=dict[str, str]),
        }
    )


async def _audited(
    connection: Connection,
    now: datetime,
    who: tuple[str, str],
    action: str,
    target: str,
    *,
    channel: str = "",
    before: Mapping[str, object] | None = None,
    after: Mapping[str, object] | None = None,
) -> None:
    """Write the row of the audit; `who` is a person and the reason."""
    person, reason = map(text_of, who)
    told = (msgspec.json.encode(one or {}).decode() for one in (before, after))
    await connection.execute(_sql()["audit"], now, person, action, target, channel, reason, *told)


@cache
def _sql() -> Mapping[str, str]:
    named = parse(Path(__file__).with_name("recon.sql").read_text("utf-8"))
    columns = {f"{{{name}}}": named[name] for name in ("run_columns", "difference_columns")}
    for mark, text in columns.items():
        named = {name: sql.replace(mark, text) for name, sql in named.items()}
    return named


sql_of_recon = _sql
"""Statements by name, for the part that works on runs."""
