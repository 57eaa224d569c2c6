"""The journal: every order's events in Postgres, many orders in one commit.

How long things are kept. `inbox` rows are what makes a repeat harmless, so they must outlive every
possible repeat: JetStream's duplicate window only covers minutes, a stream keeps unacknowledged
messages for days, and a storefront repeats a webhook for up to two days. An inbox row may go when
its order is final *and* the row is older than the stream's longest retention (ours: keep 90 days);
events are never deleted.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

import asyncpg
from msgspec import MsgspecError

from actors.runtime.errors import AppendRefused, JournalUnavailable, LeaseLost
from actors.runtime.local import done_inside
from actors.runtime.ports import BODY, STATED, Append, Document, Loaded, Outcome
from adapters.postgres.claims import CLAIMED, apart, owners_of, refused_of, wants
from adapters.postgres.columns import append_columns, claim_columns
from adapters.postgres.group import MAX_BATCH, MAX_WAITING, Group
from adapters.postgres.leases import Leases
from adapters.postgres.pool import Pool, Reads
from adapters.postgres.reserving import wanted_of
from adapters.postgres.sealing import Damaged, KeyMissing, Sealing
from adapters.postgres.statements import statements
from adapters.postgres.stock import StockPartner
from schemas.messages.codec import decode_event
from schemas.order.ids import OrderId

COMMITTED = Outcome(kind="committed")
DUPLICATE = Outcome(kind="duplicate")
CONFLICT = Outcome(kind="conflict")
SHORT = Outcome(kind="short")

# Labels, invoices and a few customs papers; an order with more has them in the documents' own view.
MAX_DOCUMENTS = 100

# Of one round trip, some megabytes; an order's whole history is read in as many as it needs.
HISTORY_PAGE = 5_000

_DUPLICATE, _CONFLICT, _LEASE_LOST = 1, 2, 3

# What one append's own data can do to a whole statement.
_POISON = (
    asyncpg.DataError,
    asyncpg.IntegrityConstraintViolationError,
    asyncpg.ProgramLimitExceededError,
)

_OVERSOLD = "stock_is_never_oversold"
"""The check of `stock` that refuses an append which reserves more than is there."""

_LINGER_SECONDS = 0.008
"""How long a batch stays open for more appends. At half of a full machine's load Postgres then
spends two thirds of the CPU, and all steps of an order together wait a tenth of a second longer;
above that load batches are full anyway."""


class PostgresJournal:
    """Implements actors.runtime.ports.Journal. A call ends within its deadline: what waits longer
    than the pool's deadline is given up unwritten, and a commit has the same time again.
    `stock` says which appends of a batch ask for more than is there (None: one of its own).
    `on_commit` is told after each commit of how many orders it was, and how many seconds it took.
    """

    def __init__(
        self,
        pool: Pool,
        leases: Leases,
        sealing: Sealing,
        stock: StockPartner | None = None,
        *,
        max_batch: int = MAX_BATCH,
        max_waiting: int = MAX_WAITING,
        on_commit: Callable[[int, float], None] = lambda orders, seconds: None,
    ) -> None:
        self._pool = pool
        self._leases = leases
        self._sealing = sealing
        self._stock = stock or StockPartner(pool)
        self._on_commit = on_commit
        self._append_sql = statements()["append"]
        self._claiming_sql = statements()["append_claiming"]
        self._load_sql = statements()["load"]
        self._appends: Group[Append, Outcome] = Group(
            self._write,
            key=lambda append: append.order_id,
            deadline_seconds=pool.deadline_seconds,
            max_batch=max_batch,
            max_waiting=max_waiting,
            # One commit at a time: a second one brought nothing when measured, and two that lock
            # the same lease rows make the server keep lists of lockers (multixacts).
            lanes=1,
            linger_seconds=_LINGER_SECONDS,
        )
        self._loads: Group[OrderId, Loaded | None] = Group(
            self._read,
            key=lambda order_id: order_id,
            deadline_seconds=pool.deadline_seconds,
            max_batch=200,
            max_waiting=max_waiting,
            lanes=2,
        )

    async def append(self, append: Append) -> Outcome:
        """Write one order's append; see the port. Raises AppendRefused when this append's own data
        can't be stored (others in its batch are not affected), LeaseLost, and
        JournalUnavailable."""
        return await self._appends.submit(append)

    async def load(self, order_id: OrderId) -> Loaded | None:
        """Return what is stored; see the port."""
        return await self._loads.submit(order_id)

    async def history(self, order_id: OrderId, version: int) -> Sequence[Any]:
        """Return the order's events; see the port. Raises msgspec.MsgspecError for one that this
        version can't read, and JournalUnavailable."""
        return await stored_events(self._pool, order_id, version)

    async def documents(self, order_id: OrderId) -> list[Document]:
        """Return the order's files by name, at most MAX_DOCUMENTS, without those erased."""
        return await stored_documents(self._pool, self._sealing, order_id)

    async def _write(self, batch: Sequence[Append]) -> Sequence[Outcome | Exception]:
        """Write new orders before the others, as the statement wants it."""
        new = [place for place, append in enumerate(batch) if append.expected_version == 0]
        if not new or len(new) == len(batch):
            return await self._write_sorted(batch)
        old = [place for place, append in enumerate(batch) if append.expected_version != 0]
        places = new + old
        written = await self._write_sorted([batch[place] for place in places])
        answers = dict(zip(places, written, strict=True))
        return [answers[place] for place in range(len(batch))]

    async def _write_sorted(
        self, batch: Sequence[Append], *, again: bool = False
    ) -> Sequence[Outcome | Exception]:
        epochs = self._leases.epochs
        if any(append.partition not in epochs for append in batch):
            return await self._write_held(batch, epochs)
        claims = any(append.claim is not None for append in batch)
        if claims and (later := apart(batch)):
            return await self._write_apart(batch, later)
        time = asyncio.get_running_loop().time
        try:
            sql, columns = self._statement(batch, epochs, claims=claims)
        except (ValueError, MsgspecError) as error:  # such as half of a surrogate pair in a text
            return await self._write_halves(batch, error)
        started = time()
        try:
            rows = await self._pool.fetch(sql, *columns)
        except asyncpg.UniqueViolationError as error:
            # Perhaps an earlier attempt of ours, given up in time, landed in between: now it shows.
            return await (
                self._write_halves(batch, error) if again else self._write_sorted(batch, again=True)
            )
        except asyncpg.CheckViolationError as error:
            return await self._write_checked(batch, error, again=again)
        except _POISON as error:
            return await self._write_halves(batch, error)
        except JournalUnavailable as error:
            asking = {place for place, append in enumerate(batch) if append.inside}
            if not asking or not isinstance(error.__cause__, asyncpg.LockNotAvailableError):
                raise
            self._stock.stand_back()
            return await self._write_but(batch, asking)
        self._on_commit(len(batch), time() - started)
        outcomes: list[Outcome | Exception] = [COMMITTED] * len(batch)
        if rows:
            await self._explain(batch, outcomes, rows)
        return outcomes

    async def _write_checked(
        self, batch: Sequence[Append], error: asyncpg.CheckViolationError, *, again: bool
    ) -> Sequence[Outcome | Exception]:
        if error.constraint_name == CLAIMED:
            return await self._write_unclaimed(batch)
        if error.constraint_name != _OVERSOLD:
            return await self._write_halves(batch, error)
        return await self._write_served(batch, again=again)

    def _statement(
        self, batch: Sequence[Append], epochs: Mapping[int, int], *, claims: bool
    ) -> tuple[str, Sequence[object]]:
        columns = append_columns(batch, epochs, self._sealing)
        if not claims:
            return self._append_sql, columns
        return self._claiming_sql, (*columns, *claim_columns(batch))

    async def _explain(
        self,
        batch: Sequence[Append],
        outcomes: list[Outcome | Exception],
        rows: Sequence[asyncpg.Record],
    ) -> None:
        """Put what became of the appends that were not written into `outcomes`."""
        lost = set()
        conflicts = []
        for place, why in rows:
            if why == _LEASE_LOST:
                partition = batch[place].partition
                lost.add(partition)
                outcomes[place] = _lease_lost(partition)
            elif why == _DUPLICATE:
                outcomes[place] = DUPLICATE
            else:
                outcomes[place] = CONFLICT
                conflicts.append(place)
        if lost:
            self._leases.report_lost(sorted(lost))
        if conflicts:
            known = await self._known([batch[place] for place in conflicts])
            for place in conflicts:
                if batch[place].order_id in known:
                    outcomes[place] = DUPLICATE

    async def _known(self, appends: Sequence[Append]) -> set[str]:
        """Return the orders that have taken an input of these after all: the writer who was first
        may have been our own earlier attempt, which committed while this one waited for it."""
        inputs = [(append.order_id, one) for append in appends for one in append.input_ids]
        try:
            rows = await self._pool.fetch(
                statements()["known_inputs"],
                [order_id for order_id, _ in inputs],
                [input_id for _, input_id in inputs],
            )
        except JournalUnavailable:
            # What was committed must be told all the same; a conflict only costs its order a
            # reload.
            return set()
        return {row["order_id"] for row in rows}

    async def _write_held(
        self, batch: Sequence[Append], epochs: Mapping[int, int]
    ) -> Sequence[Outcome | Exception]:
        """Write those whose partition we hold; the others are refused without asking the server."""
        held = [append for append in batch if append.partition in epochs]
        answers = iter(await self._write_sorted(held) if held else ())
        return [
            next(answers) if append.partition in epochs else _lease_lost(append.partition)
            for append in batch
        ]

    async def _write_apart(
        self, batch: Sequence[Append], later: Collection[int]
    ) -> Sequence[Outcome | Exception]:
        """Write those first of which no other one speaks of the same claim."""
        first = [place for place in range(len(batch)) if place not in later]
        answers: list[Outcome | Exception] = [CONFLICT] * len(batch)
        for places in (first, sorted(later)):
            written = await self._write_sorted([batch[place] for place in places])
            for place, answer in zip(places, written, strict=True):
                answers[place] = answer
        return answers

    async def _write_unclaimed(self, batch: Sequence[Append]) -> Sequence[Outcome | Exception]:
        """Write the others, and tell these whose it is what they claim. Where that can't be told,
        because it changed meanwhile, they decide again."""
        owners = await owners_of(self._pool, batch)
        refused = refused_of(batch, owners)
        places = refused or [place for place, a in enumerate(batch) if wants(a)]
        rest = [append for place, append in enumerate(batch) if place not in places]
        answers = iter(await self._write_sorted(rest) if rest else ())
        return [
            refused.get(place, CONFLICT) if place in places else next(answers)
            for place in range(len(batch))
        ]

    async def _write_served(
        self, batch: Sequence[Append], *, again: bool
    ) -> Sequence[Outcome | Exception]:
        """Write those for whom there is stock, and those who ask for none. Refused again, because
        others reserved meanwhile, none that asks is written: its partner takes them one by one."""
        asking = [place for place, append in enumerate(batch) if append.inside]
        short = set(asking)
        if not again:
            wanted = [
                [wanted_of(a.order_id, x.key, x.number, x.effect) for x in done_inside(a)]
                for a in [batch[place] for place in asking]
            ]
            found = await self._stock.short_among(wanted)
            # None of them: more came in meanwhile, or they ask of what they hold already.
            short = {p for p, is_short in zip(asking, found, strict=True) if is_short} or short
        return await self._write_but(batch, short)

    async def _write_but(
        self, batch: Sequence[Append], short: Collection[int]
    ) -> Sequence[Outcome | Exception]:
        """Write the others, and tell these that what they ask for can't be done inside."""
        rest = [append for place, append in enumerate(batch) if place not in short]
        answers = iter(await self._write_sorted(rest, again=True) if rest else ())
        return [SHORT if place in short else next(answers) for place in range(len(batch))]

    async def _write_halves(
        self, batch: Sequence[Append], error: Exception
    ) -> Sequence[Outcome | Exception]:
        """Find the guilty one by halving: nothing of the failed statement was kept."""
        if len(batch) == 1 and batch[0].inside:
            return [SHORT]  # perhaps it is only what it asks of the stock; its partner will tell
        if len(batch) == 1:
            return [
                AppendRefused(
                    f"Postgres can't store this change of order {batch[0].order_id} "
                    f"({type(error).__name__}: {error}); repeating it won't help."
                )
            ]
        middle = len(batch) // 2
        first = await self._write_sorted(batch[:middle])
        return [*first, *await self._write_sorted(batch[middle:])]

    async def _read(self, order_ids: Sequence[OrderId]) -> Sequence[Loaded | Exception | None]:
        rows = await self._pool.fetch(self._load_sql, order_ids)
        found = {row["order_id"]: self._loaded(row) for row in rows}
        return [found.get(order_id) for order_id in order_ids]

    def _loaded(self, row: asyncpg.Record) -> Loaded | Exception:
        """One order that can't be opened must not keep those from being read that can."""
        order_id = row["order_id"]
        key = row["master"], row["wrapped"]
        stated_key = row["stated_master"], row["stated_wrapped"]
        try:
            body = self._sealing.stored(order_id, BODY, row["body"], key)
            stated = self._sealing.stored(order_id, STATED, row["stated"], stated_key)
        except (Damaged, KeyMissing) as error:
            return error
        return Loaded(
            order_id=order_id,
            reference=row["reference"],
            partition=row["partition"],
            channel=row["channel"],
            ref=row["ref"],
            progress=row["progress"],
            progress_since=row["progress_since"],
            version=row["version"],
            state=row["state"],
            body=body,
            stated=stated,
            seen=frozenset(row["seen"]),
        )


async def stored_events(reads: Reads, order_id: OrderId, version: int) -> list[Any]:
    """Return an order's events up to a version, oldest first. Raises msgspec.MsgspecError for one
    that this version can't read, and JournalUnavailable."""
    events: list[Any] = []
    while len(events) < version:
        rows = await reads.fetch(
            statements()["history"], order_id, len(events), version, HISTORY_PAGE
        )
        events += [decode_event(row["body"]) for row in rows]
        if not rows:
            break
    return events


async def stored_documents(
    pool: Pool, sealing: Sealing, order_id: str, name: str | None = None
) -> list[Document]:
    """Return an order's files by name (one: the one of that name), without those erased. Raises
    Damaged, KeyMissing and JournalUnavailable."""
    rows = await pool.fetch(statements()["documents"], order_id, MAX_DOCUMENTS, name)
    found = []
    for called, key, content_type, sealed, master, wrapped, erased in rows:
        content = sealing.stored(order_id, called, sealed, (master, wrapped), erased=erased)
        if content is not None:
            document = Document(name=called, key=key, content_type=content_type, content=content)
            found.append(document)
    return found


def _lease_lost(partition: int) -> LeaseLost:
    return LeaseLost(
        f"Another process owns partition {partition} now; this one must stop writing its orders."
    )
