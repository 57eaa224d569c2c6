"""Batches in Postgres: one decision for many orders, which are fixed when it begins, and how far
each of them is. What changes a batch writes its row of the audit in the same transaction."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import asyncpg
import msgspec
from msgspec import Struct

from adapters.postgres.audit import text_of
from adapters.postgres.filtered import GATHERED, Statement, all_of
from adapters.postgres.order_filter import Filter
from adapters.postgres.pool import Pool
from adapters.postgres.sealing import Sealing
from adapters.postgres.statements import parse

if TYPE_CHECKING:
    from adapters.postgres.pool import Connection

MAX_ORDERS = 100_000
"""Orders of one batch: what a person can answer for, and a second of the database to fix."""

MAX_PAGE = 200
"""Rows of a page, batches or failures."""

REPEATED = timedelta(days=1)
"""A request is told from another one of the same name for so long, as its answer is kept."""

MAX_UNDER_WAY = 20
"""Batches that send at the same time; later ones wait for their turn."""

_EMAIL = re.compile(r"""(?i)(-?email:)(?:"[^"]*"|[^\s"])*""")
_ADDRESS = re.compile(r"""[^\s":,]*@[^\s",]*""")

State = Literal["running", "stopped", "ended"]


class BatchRefused(Exception):
    """A batch that can't be begun; the text says why, and what can be done."""


class Wanted(Struct, frozen=True, kw_only=True):
    """What a batch is to do: `verb` with its `target` for every order, at most `per_second` (1 to
    500) a second. `filter_words` say how the orders are found, `failures_of` is the batch whose
    failures they are (None: a filter finds them). `channels` bounds who may see it (None: all).
    `request` names what asked for it ("": nothing that is repeated): within a day it begins one."""

    verb: str
    target: str
    filter_words: str
    reason: str
    person: str
    per_second: int
    failures_of: int | None = None
    channels: Sequence[str] | None = None
    request: str = ""


class Batch(Struct, frozen=True, kw_only=True):
    """A batch and how far it is: of its `orders`, `waiting` were not told yet, `sent` have not
    decided, `done` carried it out, `failed` refused. `filter` holds no e-mail address."""

    id: int
    verb: str
    target: str
    filter: str
    failures_of: int | None
    reason: str
    person: str
    channels: tuple[str, ...] | None
    per_second: int
    orders: int
    state: State
    created_at: datetime
    ended_at: datetime | None
    waiting: int
    sent: int
    done: int
    failed: int


class BatchFailure(Struct, frozen=True, kw_only=True):
    """An order that did not do what a batch asked, and its sentence why. `place` counts the
    batch's orders, newest first."""

    place: int
    order_id: str
    number: str
    ref: str
    channel: str
    why: str


class Preview(Struct, frozen=True, kw_only=True):
    """What a filter finds now: how many orders, by channel and by how far they are."""

    orders: int
    channels: dict[str, int]
    progress: dict[str, int]


class UnderWay(Struct, frozen=True, kw_only=True):
    """A batch that is not at its end; `sent` orders have been told and have not decided."""

    id: int
    verb: str
    target: str
    person: str
    reason: str
    per_second: int
    state: State
    sent: int


class Next(Struct, frozen=True, kw_only=True):
    """An order whose turn it is; `state` is what is stored of it, None where it is not needed."""

    order_id: str
    channel: str
    ref: str
    state: bytes | None


class Told(Struct, frozen=True, kw_only=True):
    """An order that was told, once for each target, last at `sent_at`, and `tries` times."""

    order_id: str
    channel: str
    ref: str
    targets: tuple[str, ...]
    sent_at: datetime
    tries: int = 1


_targets = msgspec.json.Decoder(tuple[str, ...]).decode


class Batches:
    """Every call raises JournalUnavailable."""

    def __init__(self, pool: Pool, sealing: Sealing) -> None:
        self._pool = pool
        self._sealing = sealing

    # --- what people ask --------------------------------------------------------------------------

    async def preview(
        self,
        which: Filter,
        *,
        now: datetime,
        known: Collection[str],
        only: Collection[str] | None,
    ) -> Preview:
        """Return what a filter finds; `known` and `only` as in `filtered.statement`. Raises
        BatchRefused."""
        asked = self._asked(which, now, known, only)
        rows = await self._pool.fetch(
            "SELECT o.channel, o.progress, count(*)::int AS count, bool_or(f.beyond) AS beyond"  # noqa: S608 - see all_of
            f" FROM ({asked.sql}) AS f JOIN orders o ON o.order_id = f.order_id GROUP BY 1, 2",
            *asked.arguments,
        )
        orders = sum(row["count"] for row in rows)
        _refuse(orders, beyond=any(row["beyond"] for row in rows))
        channels: dict[str, int] = {}
        progress: dict[str, int] = {}
        for row in sorted(rows, key=lambda one: -one["count"]):
            for counts, name in ((channels, row["channel"]), (progress, row["progress"])):
                counts[name] = counts.get(name, 0) + row["count"]
        return Preview(orders=orders, channels=channels, progress=progress)

    async def begin(
        self,
        wanted: Wanted,
        which: Filter,
        *,
        now: datetime,
        known: Collection[str],
        only: Collection[str] | None,
    ) -> int:
        """Fix the orders and begin; return the batch's id, or that of the one which the same
        request began. Raises BatchRefused when there are none, or too many."""
        asked = self._asked(which, now, known, only)
        columns = [
            *map(text_of, (wanted.verb, wanted.target, masked(wanted.filter_words))),
            wanted.failures_of,
            *map(text_of, (wanted.reason, wanted.person)),
            None if wanted.channels is None else sorted(wanted.channels),
            wanted.per_second,
            now,
        ]

        async def work(connection: Connection) -> int:
            async with connection.transaction():
                if wanted.request:
                    since = now - REPEATED
                    earlier = await connection.fetchval(
                        _sql()["earlier"], text_of(wanted.person), since, wanted.request
                    )
                    if earlier is not None:
                        return int(earlier)
                batch_id: int = await connection.fetchval(_sql()["begin"], *columns)
                beyond = False
                if wanted.failures_of is not None:
                    await connection.execute(_sql()["of_failures"], batch_id, wanted.failures_of)
                else:
                    beyond = await connection.fetchval(
                        _gathering(asked), *asked.arguments, batch_id
                    )
                orders = await connection.fetchval(_sql()["counted"], batch_id)
                _refuse(orders, beyond=beyond)
                if not orders:
                    raise BatchRefused("No order matches, so there is nothing to do.")
                after = {"verb": wanted.verb, "filter": masked(wanted.filter_words)}
                if wanted.request:
                    after["request"] = wanted.request
                told = msgspec.json.encode({**after, "orders": orders}).decode()
                who = wanted.person, wanted.reason
                await _audited(connection, now, who, "batch.start", batch_id, told)
            return batch_id

        return await self._pool.run(work)

    async def stop(self, batch_id: int, person: str, reason: str, now: datetime) -> bool:
        """Send nothing more of a batch; False when it does not run."""

        async def work(connection: Connection) -> bool:
            async with connection.transaction():
                if not await connection.fetch(_sql()["stop"], batch_id):
                    return False
                await _audited(connection, now, (person, reason), "batch.stop", batch_id, "{}")
            return True

        return await self._pool.run(work)

    async def find(self, batch_id: int) -> Batch | None:
        """Return one; None when there is none of this id."""
        rows = await self._pool.fetch(_sql()["one"], batch_id)
        return _batch(rows[0]) if rows else None

    async def page(
        self, channels: Collection[str] | None, *, before: int | None = None, limit: int = 50
    ) -> list[Batch]:
        """Return at most `limit` (200) batches, newest first, that touch these channels alone
        (None: all). `before` is the last id of the page before."""
        given = None if channels is None else sorted(channels)
        most = max(1, min(limit, MAX_PAGE))
        rows = await self._pool.fetch(_sql()["list"], given, before or 2**62, most)
        return [_batch(row) for row in rows]

    async def failures(
        self, batch_id: int, *, after: int = 0, limit: int = 50
    ) -> list[BatchFailure]:
        """Return at most `limit` (200) of a batch's failures after a place."""
        most = max(1, min(limit, MAX_PAGE))
        rows = await self._pool.fetch(_sql()["failures"], batch_id, after, most)
        return [BatchFailure(**dict(row)) for row in rows]

    # --- what the job asks ------------------------------------------------------------------------

    async def under_way(self) -> list[UnderWay]:
        """Return the batches that are not at their end, oldest first."""
        rows = await self._pool.fetch(_sql()["under_way"], MAX_UNDER_WAY)
        return [UnderWay(**dict(row)) for row in rows]

    async def next(self, batch_id: int, limit: int, *, with_state: bool) -> list[Next]:
        """Return the orders whose turn it is."""
        name = "next" if with_state else "next_plain"
        return [Next(**dict(row)) for row in await self._pool.fetch(_sql()[name], batch_id, limit)]

    async def note(
        self, batch_id: int, targets: Mapping[str, Sequence[str]], now: datetime
    ) -> None:
        """Note what orders are about to be told: before it is sent, so that a restart sends the
        same."""
        texts = [msgspec.json.encode(one).decode() for one in targets.values()]
        await self._pool.fetch(_sql()["note"], batch_id, list(targets), texts, now)

    async def sent(self, batch_id: int, limit: int, *, after: int = 0) -> list[Told]:
        """Return orders that were told and are not known to have decided."""
        rows = await self._pool.fetch(_sql()["sent"], batch_id, after, limit)
        return [Told(**{**dict(row), "targets": _targets(row["targets"])}) for row in rows]

    async def sent_again(self, batch_id: int, order_ids: Sequence[str], now: datetime) -> None:
        """Note that orders are told again."""
        await self._pool.fetch(_sql()["again"], batch_id, list(order_ids), now)

    async def taken(self, inputs: Mapping[str, str]) -> dict[str, int]:
        """Return the order's version after each input that its order has taken. `inputs` are the
        orders by the inputs' ids."""
        rows = await self._pool.fetch(_sql()["taken"], list(inputs.values()), list(inputs))
        return {row["input_id"]: row["version"] for row in rows}

    async def refusals(
        self, versions: Mapping[str, int], kinds: Sequence[str]
    ) -> list[tuple[str, bytes]]:
        """Return events of these kinds, up to a version of each order: order id and body."""
        given = list(versions), list(versions.values()), list(kinds)
        rows = await self._pool.fetch(_sql()["refusals"], *given)
        return [(row["order_id"], row["body"]) for row in rows]

    async def settle(self, batch_id: int, ends: Mapping[str, str]) -> None:
        """Note how orders ended: "" for done, else why not."""
        texts = [text_of(one) for one in ends.values()]
        await self._pool.fetch(_sql()["settle"], batch_id, list(ends), texts)

    async def end(self, batch_id: int, now: datetime) -> None:
        """End a batch if nothing of it is left."""
        await self._pool.fetch(_sql()["end"], batch_id, now)

    async def prune(self, before: datetime) -> None:
        """Forget a part of those that ended before then; the audit keeps that they were."""
        await self._pool.fetch(_sql()["prune"], before)

    def _asked(
        self,
        which: Filter,
        now: datetime,
        known: Collection[str],
        only: Collection[str] | None,
    ) -> Statement:
        return all_of(
            which, sealing=self._sealing, known=known, only=only, now=now, most=MAX_ORDERS + 1
        )


async def _audited(
    connection: Connection,
    now: datetime,
    who: tuple[str, str],
    action: str,
    target: int,
    after: str,
) -> None:
    """Write the row of the audit; `who` is a person and the reason."""
    person, reason = map(text_of, who)
    await connection.execute(_sql()["audit"], now, person, action, target, reason, after)


def masked(words: str) -> str:
    """Return a filter without the e-mail addresses in it."""
    return _ADDRESS.sub("…", _EMAIL.sub(r"\1…", words))


def _gathering(asked: Statement) -> str:
    """Return the statement that puts what was asked for into a batch, whose id is the last
    argument; its answer is whether too much would have to be compared."""
    batch = f"${len(asked.arguments) + 1}"
    return (
        f"WITH found AS MATERIALIZED ({asked.sql}),"  # noqa: S608 - see all_of
        " put AS (INSERT INTO batch_orders (batch_id, order_id, place)"
        f" SELECT {batch}::bigint, order_id, place FROM found WHERE NOT beyond)"
        " SELECT coalesce(bool_or(beyond), false) FROM found"
    )


def _refuse(orders: int, *, beyond: bool) -> None:
    if beyond:
        raise BatchRefused(
            f"More than {GATHERED:,} orders would have to be compared. Narrow it with a term that"
            " an index answers: is:open, is:attention, age:, email: or number:."
        )
    if orders > MAX_ORDERS:
        raise BatchRefused(f"More than {MAX_ORDERS:,} orders match; narrow the filter.")


def _batch(row: asyncpg.Record) -> Batch:
    channels = row["channels"]
    return Batch(**{**dict(row), "channels": None if channels is None else tuple(channels)})


@cache
def _sql() -> Mapping[str, str]:
    named = parse(Path(__file__).with_name("batches.sql").read_text("utf-8"))
    return {
        name: text.replace("{columns}", named["columns"]).replace("{counts}", named["counts"])
        for name, text in named.items()
    }
