"""Orders whose stock is reserved in their own commit, on a real Postgres."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg
import pytest
from msgspec.structs import replace

from actors.order.policy import Policy
from actors.runtime.alarm import Alarm
from actors.runtime.call_policy import CallPolicy
from actors.runtime.dispatcher import Dispatcher
from actors.runtime.lanes import Lanes
from actors.runtime.mailbox import Envelope
from actors.runtime.observer import BLIND
from actors.runtime.partner import Call, Partner
from actors.runtime.references import References
from actors.runtime.registry import Registry
from actors.runtime.runtime import Runtime
from adapters.postgres.journal import PostgresJournal
from adapters.postgres.leases import Leases
from adapters.postgres.migrate import migrate
from adapters.postgres.outbox import PostgresOutbox
from adapters.postgres.pool import Pool
from adapters.postgres.stock import StockPartner, StockRow
from adapters.postgres.suspensions import PostgresSuspensions
from schemas.messages import inputs as i
from schemas.messages.effects import StockReserved, Undone
from schemas.order.ids import order_id_for
from schemas.order.things import Key
from service.app.clock import SystemClock
from service.wiring.order_stream import OrderStream
from tests.appends import SEALING
from tests.contract.test_reserved_inside import call, reserving
from tests.fakes import ScriptedPartner
from tests.given import CHANNEL, SETUP, an_order
from tests.house import KEYS
from tests.integration.journals import lock_is_waited_for
from tests.integration.test_stock import undo
from tests.waiting import eventually

POLICY = CallPolicy(rate_per_second=1_000.0, settle_seconds=0.01)
DEADLINE_SECONDS = 10.0


class Live:
    """Orders over a real journal and stock; the other partners answer once they are let. `commits`
    counts the appends that were written."""

    def __init__(self, pool: Pool, leases: Leases, *, local: bool) -> None:
        self.pool, self.commits, self.ends = pool, 0, list[str]()
        self.stock = StockPartner(pool)
        journal = PostgresJournal(pool, leases, SEALING, self.stock, on_commit=self._count)
        self.others = {name: ScriptedPartner(name) for name in (SETUP.erp, SETUP.mail, "wms")}
        for one in self.others.values():
            one.gate.clear()
        lanes: dict[str, tuple[Partner, CallPolicy]] = {"stock": (self.stock, POLICY)}
        lanes |= {name: (one, POLICY) for name, one in self.others.items()}
        clock = SystemClock()
        runtime = Runtime(
            journal=journal,
            leases=leases,
            clock=clock,
            observer=BLIND,
            references=References(KEYS, "1"),
            lanes=Lanes(lanes),
            alarm=Alarm(clock),
            local=self.stock if local else None,
        )
        self.registry = Registry(runtime, OrderStream(policy=Policy(), setups={CHANNEL: SETUP}))
        self.dispatcher = Dispatcher(
            runtime,
            self.registry,
            PostgresOutbox(pool, leases, SEALING),
            PostgresSuspensions(pool, leases),
        )

    def _count(self, orders: int, seconds: float) -> None:
        self.commits += orders

    def post(self, ref: str, command: i.Input, input_id: str) -> None:
        """Put an input into an order's mailbox."""

        def told(outcome: str, reason: str) -> None:
            self.ends.append(f"{outcome} {reason}".strip())

        envelope = Envelope(command, input_id, told, channel=CHANNEL, ref=ref, fresh=True)
        self.registry.post(order_id_for(CHANNEL, ref), envelope)

    async def progress(self, ref: str) -> str:
        """How far an order is."""
        sql = "SELECT progress FROM orders WHERE order_id = $1"
        rows = await self.pool.fetch(sql, order_id_for(CHANNEL, ref))
        return str(rows[0][0]) if rows else ""

    async def rows(self, ref: str) -> dict[str, list[tuple[object, ...]]]:
        """What is stored of an order that does not name it."""
        found = {}
        for table, columns, order in (
            (
                "effects",
                "number, key, lane, kind, body, status, attempts, error, settled_at IS NULL",
                "number",
            ),
            ("inbox", "input_id", "input_id"),
            ("events", "version, type", "version"),
            ("timers", "key, name", "key, name"),
            (
                "reservations",
                "key, line_id, sku, place, quantity, change, number, tracked",
                "line_id",
            ),
            ("orders", "version, stage, progress, waiting_for, state", "version"),
        ):
            sql = f"SELECT {columns} FROM {table} WHERE order_id = $1 ORDER BY {order}"
            rows = await self.pool.fetch(sql, order_id_for(CHANNEL, ref))
            found[table] = [tuple(row) for row in rows]
        return found


@pytest.fixture
async def pool(database: str) -> AsyncIterator[Pool]:
    """A database with our tables."""
    await migrate(database)
    pool = Pool(database, deadline_seconds=DEADLINE_SECONDS)
    yield pool
    await pool.close()


@pytest.fixture
async def leases(pool: Pool) -> AsyncIterator[Leases]:
    """All partitions are ours."""
    held = Leases(pool, "test")
    await held.acquire()
    yield held
    await held.release()


@asynccontextmanager
async def orders(pool: Pool, leases: Leases, *, local: bool) -> AsyncIterator[Live]:
    """Orders at work."""
    live = Live(pool, leases, local=local)
    live.dispatcher.start()
    yield live
    for one in live.others.values():
        one.gate.set()
    await live.dispatcher.drain(DEADLINE_SECONDS)
    await live.registry.drain(DEADLINE_SECONDS)


async def test_an_ordinary_order_needs_one_commit_less(pool: Pool, leases: Leases) -> None:
    """And leaves the same rows as when its partner was called: effects, inbox, events, timers,
    reservations and state."""
    stored, commits = [], []
    await StockPartner(pool).seed([StockRow(place="WH1", sku="SKU-1", on_hand=10)])
    for local in (False, True):
        ref = f"order-{local}"
        async with orders(pool, leases, local=local) as live:
            live.post(ref, i.PlaceOrder(order=replace(an_order(), ref=ref)), "w-1")

            async def is_reserved(live: Live = live, ref: str = ref) -> bool:
                return await live.progress(ref) == "reserved"

            await eventually(is_reserved)
            commits.append(live.commits)
            stored.append(await live.rows(ref))
    before, now = stored
    for rows in stored:  # the state says when and what it is about; the machines' tests hold it
        rows["orders"] = [row[:-1] for row in rows["orders"]]
    assert now == before
    assert [row[0] for row in now["inbox"]] == ["done:1", "w-1"]
    assert commits == [2, 1]
    assert [row.reserved for row in await StockPartner(pool).levels()] == [4]


async def test_what_waits_already_is_decided_before_stock_is_reserved(
    pool: Pool, leases: Leases
) -> None:
    """An order that comes together with its cancellation goes the ordinary way: no warehouse hears
    of it, and it holds nothing in the end."""
    stock = StockPartner(pool)
    await stock.seed([StockRow(place="WH1", sku="SKU-1", on_hand=10)])
    async with orders(pool, leases, local=True) as live:
        live.post("r1", i.PlaceOrder(order=replace(an_order(), ref="r1")), "w-1")
        live.post("r1", i.CancelOrder(ref="r1"), "w-2")
        await eventually(lambda: live.ends == ["committed"] * 2)

        async def is_back() -> bool:
            rows = await live.rows("r1")
            return {row[4] for row in rows["reservations"]} == {0}

        await eventually(is_back)
        assert live.others["wms"].did == []
        assert "warehouse.create_task.v2" not in [x[3] for x in (await live.rows("r1"))["effects"]]
    assert [row.reserved for row in await stock.levels()] == [0]


async def test_no_one_oversells_whichever_way_is_taken(pool: Pool, leases: Leases) -> None:
    """Orders that reserve in their commits, and others whose partner reserves and gives back at the
    same time, lock the same rows in the same order: none waits for another in a circle, nothing
    exceeds what is there, and what is held is what was answered."""
    rng = random.Random(14)
    stock = StockPartner(pool, max_batch=7)
    journal = PostgresJournal(pool, leases, SEALING, stock, max_batch=9)
    skus = ["A", "B", "C", "D"]
    await stock.seed([StockRow(place="main", sku=sku, on_hand=60) for sku in skus])

    def wanted() -> dict[str, int]:
        return {sku: rng.randint(1, 3) for sku in rng.sample(skus, rng.randint(1, 4))}

    async def commit(number: int) -> None:
        outcome = await journal.append(reserving(f"c{number}", wanted()))
        assert outcome.kind in {"committed", "short"}

    async def ask(number: int) -> None:
        one = call(f"p{number}", wanted())
        await stock.perform(one)
        if number % 2:
            assert await stock.perform(undo_of(f"p{number}")) == Undone()

    await asyncio.gather(*(work(n) for n in range(100) for work in (commit, ask)))
    rows = await pool.fetch(
        "SELECT s.sku, s.reserved, s.on_hand, coalesce(sum(r.quantity), 0)::int AS held"
        " FROM stock s LEFT JOIN reservations r ON r.sku = s.sku"
        " GROUP BY s.sku, s.reserved, s.on_hand"
    )
    for sku, reserved, on_hand, held in rows:
        assert 0 < reserved <= on_hand, f"{sku}: oversold, or nothing was served"
        assert reserved == held
    left = {sku: on_hand - reserved for sku, reserved, on_hand, _ in rows if on_hand > reserved}
    if left:  # who gave back last left it to no one
        last = await journal.append(reserving("last", left))
        assert last.kind == "committed", "what is left can be had"
    assert [row.on_hand - row.reserved for row in await stock.levels()] == [0] * len(skus)
    unwritten = await pool.fetch(
        "SELECT order_id FROM reservations r WHERE key = 'F1' AND order_id = ANY ($1::text[])"
        " AND NOT EXISTS (SELECT FROM orders o WHERE o.order_id = r.order_id)",
        [reserving(f"c{n}", {}).order_id for n in range(100)],
    )
    assert unwritten == [], "an order holds stock and does not exist"


def undo_of(ref: str) -> Call:
    """What gives back all that `call` asks for."""
    return replace(undo(ref), order_id=call(ref, {}).order_id, key=Key("F1"))


async def test_what_is_sold_out_is_hoped_for_once(pool: Pool, leases: Leases) -> None:
    """After a refusal, by the commit's check or by the partner, the SKU's orders go the ordinary
    way for a while, and those of others do not."""
    stock = StockPartner(pool)
    journal = PostgresJournal(pool, leases, SEALING, stock)
    await stock.seed([StockRow(place="main", sku=sku, on_hand=1) for sku in ("A", "B", "C")])
    outcome = await journal.append(reserving("1", {"A": 2, "B": 1}))
    assert outcome.kind == "short"
    assert stock.expected(call("2", {"A": 1}).effect) is None
    assert stock.expected(call("2", {"B": 1}).effect) is not None
    await stock.perform(call("3", {"B": 2, "C": 1}))
    assert stock.expected(call("4", {"B": 1, "C": 1}).effect) is None
    assert stock.expected(call("4", {"C": 1}).effect) is not None


async def test_whoever_holds_the_stock_holds_up_no_other_order(
    pool: Pool, leases: Leases, database: str
) -> None:
    """A transaction that loads stock may take long: orders that need what it holds leave it to the
    partner, which waits, and all others are written at once."""
    stock = StockPartner(pool)
    journal = PostgresJournal(pool, leases, SEALING, stock)
    await stock.seed([StockRow(place="main", sku="A", on_hand=9)])
    loading = await asyncpg.connect(database)
    transaction = loading.transaction()
    await transaction.start()
    await loading.execute("UPDATE stock SET on_hand = 10")
    began = asyncio.get_running_loop().time()
    changes = [reserving("1", {"A": 1}), reserving("2", {"A": 1}, inside=False)]
    outcomes = await asyncio.gather(*map(journal.append, changes))
    assert [outcome.kind for outcome in outcomes] == ["short", "committed"]
    assert asyncio.get_running_loop().time() - began < DEADLINE_SECONDS / 2
    assert stock.expected(call("3", {"B": 1}).effect) is None
    waiting = asyncio.create_task(stock.perform(call("2", {"A": 1})))
    await eventually(lambda: lock_is_waited_for(database))
    await transaction.commit()
    await loading.close()
    assert await waiting == StockReserved(place="main")


async def test_units_that_cannot_be_stored_keep_no_order_from_being_accepted(
    pool: Pool, leases: Leases
) -> None:
    """The order is told to leave it to its partner, which says what is wrong; others are not
    disturbed."""
    journal = PostgresJournal(pool, leases, SEALING)
    outcomes = await asyncio.gather(
        *(journal.append(reserving(f"r{n}", {"A": 1})) for n in range(9)),
        journal.append(reserving("bad", {"A\x00": 1})),
        journal.append(reserving("far", {"A": 2**40})),
    )
    assert [outcome.kind for outcome in outcomes] == [*["committed"] * 9, "short", "short"]
