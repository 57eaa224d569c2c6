"""What works on a run of reconciliation: pages are entered once, keys are compared once, whoever
is killed in between."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import msgspec
from msgspec import Struct

from actors.runtime.ports import BODY, STATED
from adapters.postgres.pool import Pool
from adapters.postgres.recon import (
    Entered,
    FoundDifference,
    Gross,
    Run,
    Stated,
    run_of,
    sql_of_recon,
)
from adapters.postgres.sealing import Sealing
from schemas.messages.codec import decode_order
from schemas.order.canonical import Order

if TYPE_CHECKING:
    from adapters.postgres.pool import Connection

MAX_STATEMENTS = 20
"""Statements of one clean-up: a hundred thousand entries."""


class Placed(Struct, frozen=True, kw_only=True):
    """An order of the journal: what is stored of it, the order that is acted on (None: erased), and
    the channel's latest statement where it differs."""

    order_id: str
    channel: str
    placed_at: datetime
    state: bytes
    order: Order | None
    stated: Order | None = None


class Gone(Exception):
    """The run went on, or ended, without us: another process works on it, or it was stopped."""


class ReconWork:
    """Every call raises JournalUnavailable."""

    def __init__(self, pool: Pool, sealing: Sealing) -> None:
        self._pool = pool
        self._sealing = sealing

    async def under_way(self) -> Run | None:
        """Return the oldest run that is not at its end."""
        rows = await self._pool.fetch(sql_of_recon()["under_way"])
        return run_of(rows[0]) if rows else None

    async def enter(
        self,
        run: Run,
        *,
        step: int,
        cursor: str,
        entered: Sequence[Entered],
        absent: Mapping[str, str],
    ) -> None:
        """Enter a page and go on to the next one. Raises Gone."""
        told = msgspec.json.encode(absent).decode()

        async def work(connection: Connection) -> None:
            async with connection.transaction():
                at = run.id, run.step, run.cursor, step, cursor, len(entered), told
                if await connection.fetchval(sql_of_recon()["step"], *at) is None:
                    raise Gone
                if entered:
                    await connection.execute(
                        sql_of_recon()["enter"],
                        run.id,
                        [one.key for one in entered],
                        [one.channel for one in entered],
                        [one.body for one in entered],
                    )

        await self._pool.run(work)

    async def failed(self, run_id: int, fault: str, most: int, now: datetime) -> None:
        """Note that a page could not be read; after `most` times in a row the run has failed."""
        await self._pool.fetch(sql_of_recon()["failed"], run_id, fault[:2_000], most, now)

    async def keys(self, run: Run, most: int) -> list[str]:
        """Return the next keys to compare."""
        rows = await self._pool.fetch(sql_of_recon()["keys"], run.id, run.matched, most)
        return [row["key"] for row in rows]

    async def entries(self, run_id: int, keys: Sequence[str]) -> list[Entered]:
        """Return what the sides say of these keys, by key."""
        rows = await self._pool.fetch(sql_of_recon()["entries"], run_id, list(keys))
        return [Entered(row["key"], row["channel"], row["body"]) for row in rows]

    async def changed(self, order_ids: Sequence[str], since: datetime) -> set[str]:
        """Return those of these orders that changed here since then."""
        rows = await self._pool.fetch(sql_of_recon()["changed"], list(order_ids), since)
        return {row["order_id"] for row in rows}

    async def keep(
        self,
        run: Run,
        last: str,
        found: Sequence[FoundDifference],
        gross: Sequence[Gross],
        waiting: Sequence[tuple[str, str]],
        now: datetime,
    ) -> None:
        """Keep what was found up to a key. What is open of `waiting`, by order id and sides, was
        not compared, and stays open. Raises Gone."""

        async def work(connection: Connection) -> None:
            async with connection.transaction():
                at = run.id, run.matched, last
                if await connection.fetchval(sql_of_recon()["matched"], *at) is None:
                    raise Gone
                columns = [[getattr(one, name) for one in found] for name in _COLUMNS]
                await connection.execute(sql_of_recon()["found"], run.id, now, *columns)
                totals = [[getattr(one, name) for one in gross] for name in _GROSS]
                await connection.execute(sql_of_recon()["add_totals"], run.id, *totals)
                if waiting:
                    names = [list(x) for x in zip(*waiting, strict=True)]
                    await connection.execute(sql_of_recon()["still"], run.id, *names)

        await self._pool.run(work)

    async def end(self, run: Run, sides: Sequence[str], now: datetime) -> None:
        """End a run: what it did not find again is resolved. `sides` are those that it read, each
        as a channel, a space and the two sides."""

        async def work(connection: Connection) -> None:
            async with connection.transaction():
                if await connection.fetchval(sql_of_recon()["end"], run.id, now) is None:
                    raise Gone
                window = run.since, run.until
                await connection.execute(
                    sql_of_recon()["resolve"], run.id, now, list(sides), *window
                )
                await connection.execute(sql_of_recon()["off"], run.id)

        await self._pool.run(work)

    async def by_ref(self, channel: str, refs: Sequence[str]) -> dict[str, str]:
        """Return the order ids of a channel's orders, by the channel's references."""
        rows = await self._pool.fetch(sql_of_recon()["orders_by_ref"], channel, list(refs))
        return {row["ref"]: row["order_id"] for row in rows}

    async def by_number(self, named: Sequence[tuple[str, str]]) -> dict[tuple[str, str], str]:
        """Return order ids by channel and number."""
        channels, numbers = [one for one, _ in named], [one for _, one in named]
        rows = await self._pool.fetch(sql_of_recon()["orders_by_number"], channels, numbers)
        return {(row["channel"], row["number"]): row["order_id"] for row in rows}

    async def there(self, order_ids: Sequence[str]) -> set[str]:
        """Return those of these orders that there are."""
        rows = await self._pool.fetch(sql_of_recon()["orders_by_id"], list(order_ids))
        return {row["order_id"] for row in rows}

    async def journal(
        self, channel: str, since: datetime, until: datetime, cursor: str, most: int
    ) -> tuple[list[Placed], str]:
        """Return a page of orders that were placed in the window, and the cursor of the next one.
        Raises KeyMissing and Damaged."""
        at, _, last = cursor.partition(" ")
        after = datetime.fromisoformat(at) if at else datetime(1, 1, 1, tzinfo=UTC)
        asked = channel, since, until, after, last, most
        rows = await self._pool.fetch(sql_of_recon()["journal"], *asked)
        found = [
            Placed(
                order_id=row["order_id"],
                channel=row["channel"],
                placed_at=row["placed_at"],
                state=row["state"],
                order=self._opened(
                    row["order_id"], BODY, row["body"], (row["master"], row["wrapped"])
                ),
                stated=self._opened(
                    row["order_id"],
                    STATED,
                    row["stated"],
                    (row["stated_master"], row["stated_wrapped"]),
                ),
            )
            for row in rows
        ]
        if len(found) < most:
            return found, ""
        return found, f"{found[-1].placed_at.isoformat()} {found[-1].order_id}"

    def _opened(
        self, order_id: str, name: str, sealed: bytes | None, key: tuple[str, bytes | None]
    ) -> Order | None:
        body = self._sealing.stored(order_id, name, sealed, key)
        return decode_order(body) if body else None

    async def prune(self, before: datetime) -> bool:
        """Forget entries of runs that ended, and what ended before then. Return whether that was
        all of it."""
        is_all = True
        for name, arguments in (
            ("prune_entries", ()),
            ("prune_differences", (before,)),
            ("prune_runs", (before,)),
        ):
            for _ in range(MAX_STATEMENTS):
                if not await self._pool.fetch(sql_of_recon()[name], *arguments):
                    break
            else:
                is_all = False
        return is_all


_COLUMNS = ("identity", *Stated.__struct_fields__)
_GROSS = Gross.__struct_fields__
