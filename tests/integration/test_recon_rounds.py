"""Runs of reconciliation round by round on a real Postgres, with a shop whose books the test holds:
when one begins by itself, what becomes of a page that can't be read, and what is kept how long."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from datetime import datetime, timedelta
from typing import Any

import msgspec
import pytest
from msgspec.structs import replace
from prometheus_client import CollectorRegistry

from actors.kernel.setup import Setup
from actors.order.stream import encode_state
from actors.runtime.errors import Retryable
from adapters.kit.books import Amounts, Booked, BooksPage, Settled, ShopOrder
from adapters.postgres.migrate import migrate
from adapters.postgres.pool import Pool
from adapters.postgres.recon import FoundDifference, Recon, ReconRefused, Run, Which
from adapters.postgres.recon_work import ReconWork
from adapters.postgres.sealing import Masters, Sealing
from adapters.postgres.views import Views
from service.recon.cli import ReconNotDone, require_ended
from service.recon.reading import Layout, Plan, Reading
from service.recon.run import (
    ITSELF,
    MAX_TRIES,
    PAUSE_SECONDS,
    Part,
    ReconMetrics,
    ReconRounds,
    without,
)
from service.recon.service import Asked, ReconService
from service.settings.reconciliation import Reconciliation
from tests.fakes import NOON, JumpingClock
from tests.stories.orders import an_order
from tests.stories.pure import Pure

DAY = timedelta(days=1)
MASTERS = Masters("01", {"01": b"the first master key"}, b"names")
ORDER = ShopOrder(
    ref="1",
    number="#1",
    placed_at=NOON - timedelta(hours=20),
    updated_at=NOON - timedelta(hours=20),
    currency="USD",
    amounts=Amounts(goods_minor=1_000),
)
CHARGE = Settled(
    id="s", kind="payment", at=NOON - timedelta(hours=20), currency="USD", amount_minor=1_000
)
BOOKED = Booked(
    id="x",
    kind="order",
    number="S1",
    external="ACME #9",
    currency="USD",
    amounts=Amounts(),
    day="2026-11-27",
)
PLAN = Plan(
    {"acme": {"orders": "shop", "balance": "gateway"}, "bc": {"a": "erp", "b": "erp"}},
    {"acme": Setup(channel="acme", erp="bc")},
)
PLAN_OF_SHOP = Plan({"acme": {"orders": "shop"}}, PLAN.setups)

INSERT_BODY = """
WITH k AS (INSERT INTO body_keys (order_id, name, master, wrapped) VALUES ($1, $2, $3, $4))
INSERT INTO order_bodies (order_id, name, body, updated_at) VALUES ($1, $2, $5, $6)
"""
INSERT_ORDER = """
INSERT INTO orders (order_id, version, partition, channel, ref, number, reference, stage, progress,
    waiting_for, currency, total_minor, final, needs_person, state, placed_at, updated_at,
    progress_since)
VALUES ($1, 1, 0, 'acme', $1, $1, '', 'accepted', '', '', 'USD', 1, false, false, $4, $2, $3, $2)
"""

Shown = Callable[[], BooksPage]


class Shelf:
    """Books whose lists show what they are told to."""

    def __init__(self) -> None:
        self.lists: dict[str, Shown] = {}

    async def page(self, source: str, since: datetime, until: datetime, cursor: str) -> BooksPage:
        """Show a list; one of which nothing is told is empty."""
        return self.lists.get(source, lambda: BooksPage(entries=()))()

    def show(self, source: str, *entries: ShopOrder | Settled | Booked, absent: str = "") -> None:
        """Let a list show this from now on."""
        self.lists[source] = lambda: BooksPage(entries=entries, absent=absent)

    def fail(self, source: str, error: Exception) -> None:
        """Let a list fail from now on."""

        def raises() -> BooksPage:
            raise error

        self.lists[source] = raises


class Rounds:
    """Everything that works on runs, with a clock that stands still until it is moved."""

    def __init__(self, pool: Pool, plan: Plan = PLAN, **settings: Any) -> None:
        self.clock, self.shelf, self.pool = JumpingClock(), Shelf(), pool
        self.work = ReconWork(pool, sealing := Sealing(lambda: MASTERS))
        self.recon = Recon(pool)
        self.service = ReconService(self.recon, plan)
        self.rounds = ReconRounds(
            self.work,
            Reading(self.work, Views(pool, sealing), lambda text: ""),
            self.service,
            Layout(plan, dict.fromkeys(plan.sources, self.shelf), {}),
            settings=Reconciliation(**{"grace_hours": 0, **settings}),
            clock=self.clock,
            metrics=ReconMetrics(CollectorRegistry()),
        )

    async def go(self, rounds: int = 8, seconds: float = 1.0) -> None:
        """Do some rounds."""
        for _ in range(rounds):
            await self.rounds.round()
            self.clock.seconds += seconds

    async def begin(self, person: str = "ann", *, since: datetime = NOON - DAY) -> Run:
        """Begin a run until now."""
        now = self.clock.now()
        asked = Asked(channels=(), since=since, until=now, person=person)
        return await self.service.start(asked, now)

    async def states(self) -> list[str]:
        """Return how far the runs are, the newest first."""
        return [one.state for one in await self.recon.runs(None)]

    async def found(self, **which: Any) -> list[tuple[str, str]]:
        """Return the root causes of differences and their states."""
        rows = await self.recon.differences(Which(**which))
        return sorted((one.cause, one.state) for one in rows)

    async def count(self, table: str) -> int:
        """Return how many rows a table has."""
        (row,) = await self.pool.fetch(f"SELECT count(*) AS count FROM {table}")
        return int(row["count"])


@pytest.fixture
async def pool(database: str) -> AsyncIterator[Pool]:
    """A database of its own."""
    await migrate(database)
    pool = Pool(database, deadline_seconds=10)
    yield pool
    await pool.close()


async def test_a_run_begins_by_itself_when_its_time_has_come(pool: Pool) -> None:
    """Each goes over the last days; none begins beside another or before its time. What an earlier
    one found of no order is resolved by a later one, whose window begins later."""
    local = Rounds(pool, every_minutes=60, days=2)
    local.shelf.show("balance", CHARGE)
    local.shelf.show("a", BOOKED)
    await local.go()
    (first,) = await local.recon.runs(None)
    assert (first.person, first.until - first.since) == (ITSELF, 2 * DAY)
    both = "booking_of_no_order", "payment_of_no_order"
    assert await local.found() == [(one, "open") for one in both]
    local.clock.seconds = 3_000.0
    await local.go()
    assert await local.states() == ["ended"]
    local.clock.seconds = 3_601.0
    local.shelf.show("balance")
    local.shelf.show("a")
    await local.go()
    assert await local.states() == ["ended", "ended"]
    assert await local.found() == [(one, "resolved") for one in both]
    local.clock.seconds = 7_300.0
    local.shelf.show("balance", CHARGE)
    await local.go()
    (again,) = await local.recon.differences(Which(cause="payment_of_no_order"))
    assert (again.state, again.decided_by, again.decided_why) == ("open", "", "")


async def test_without_books_no_run_begins_by_itself(
    pool: Pool, caplog: pytest.LogCaptureFixture
) -> None:
    """That is said every ten minutes and not every second."""
    local = Rounds(pool, Plan({}, PLAN.setups), every_minutes=1)
    await local.go(rounds=30)
    said = [one for one in caplog.messages if "No partner of these channels" in one]
    assert len(said) == 1
    await local.go(rounds=2, seconds=600)
    assert len([one for one in caplog.messages if "No partner of these channels" in one]) > 1
    assert await local.states() == []


@pytest.mark.parametrize("error", [Retryable("It is busy."), ValueError("a strange thing")])
async def test_a_page_that_cannot_be_read_fails_its_run_alone(pool: Pool, error: Exception) -> None:
    """It is tried again, ever less often, whatever kept it from being read; then the run has
    failed and says why, and the next one is worked on. A page that is read begins again."""
    local = Rounds(pool)
    run = await local.begin()
    local.shelf.fail("balance", error)
    await local.go(rounds=6)
    waiting = await local.recon.find(run.id)
    assert waiting is not None
    assert (waiting.state, waiting.step) == ("reading", 2)
    assert 1 < waiting.tries < 6
    assert ("It is busy" in waiting.fault) is isinstance(error, Retryable)
    local.shelf.show("balance")
    local.shelf.fail("b", error)
    await local.go(rounds=2, seconds=PAUSE_SECONDS)
    going = await local.recon.find(run.id)
    assert going is not None
    assert going.step == len(going.steps) - 1
    assert going.tries < waiting.tries
    other = await local.begin("bob")
    await local.go(rounds=MAX_TRIES, seconds=PAUSE_SECONDS)
    failed = await local.recon.find(run.id)
    assert failed is not None
    assert (failed.state, failed.tries) == ("failed", MAX_TRIES)
    assert failed.ended_at is not None
    with pytest.raises(ReconNotDone, match=f"Run {run.id} has failed, so what it shows is not all"):
        require_ended(failed)
    local.shelf.show("b")
    await local.go(rounds=4, seconds=PAUSE_SECONDS)
    ended = await local.recon.find(other.id)
    assert ended is not None
    assert ended.state == "ended"
    require_ended(ended)


async def test_a_list_that_is_absent_keeps_its_side_from_being_compared(pool: Pool) -> None:
    """An ERP whose invoices can't be read misses every order that became one."""
    local = Rounds(pool)
    local.shelf.show("a", BOOKED)
    local.shelf.show("b", absent="It has no salesInvoices.")
    run = await local.begin()
    await local.go()
    assert await local.found(run=run.id) == []
    local.shelf.show("b")
    run = await local.begin()
    await local.go()
    assert await local.found(run=run.id) == [("booking_of_no_order", "open")]


async def test_tests_and_orders_beside_the_window_are_not_counted(pool: Pool) -> None:
    """What orders come to is that of the window's orders, without tests."""
    local = Rounds(pool)
    before = replace(ORDER, ref="2", number="#2", placed_at=NOON - DAY - timedelta(minutes=1))
    local.shelf.show("orders", ORDER, before, replace(ORDER, ref="3", number="#3", test=True))
    run = await local.begin()
    await local.go()
    (total,) = await local.recon.totals(run.id)
    assert (total.orders, total.gross_minor) == (1, 1_000)
    assert await local.found() == [("order_not_received", "open")]


async def test_what_was_not_compared_is_not_resolved(pool: Pool) -> None:
    """An order of which something is under way keeps what is open of it between these sides."""
    local = Rounds(pool)
    run = await local.begin()
    await local.go(rounds=1)
    run = await _matching(local, run)
    await local.work.keep(
        run, "a", [_found("O", "journal-erp"), _found("O", "journal-shop")], [], [], NOON
    )
    await local.work.end(await _matching(local, run), [], NOON)
    later = await local.begin()
    await local.go(rounds=1)
    later = await _matching(local, later)
    await local.work.keep(later, "a", [], [], [("O", "journal-erp")], NOON)
    sides = ["acme journal-erp", "acme journal-shop"]
    await local.work.end(await _matching(local, later), sides, NOON)
    rows = await local.recon.differences(Which())
    assert {one.sides: one.state for one in rows} == {
        "journal-erp": "open",
        "journal-shop": "resolved",
    }


async def test_the_shop_is_compared_with_its_latest_statement(pool: Pool) -> None:
    """Which is kept beside the order once a person edited it, or mappings changed its SKUs."""
    local = Rounds(pool, PLAN_OF_SHOP)
    told = Pure("full").given("an order").places(an_order()).edits(l1=1)
    stated = told.world.stated
    assert stated is not None
    acted_on = replace(stated, totals=replace(stated.totals, subtotal_minor=1, total_minor=1))
    state = encode_state(replace(told.world.state, channel="acme"))
    placed = datetime.fromisoformat(stated.placed_at)
    await pool.fetch(INSERT_ORDER, "1", placed, placed, state)
    for name, body in (("", acted_on), ("stated", stated)):
        sealed = Sealing(lambda: MASTERS).seal("1", name, msgspec.json.encode(body))
        columns = sealed.master, sealed.wrapped, sealed.value, placed
        await pool.fetch(INSERT_BODY, "1", name, *columns)
    amounts = Amounts(goods_minor=stated.totals.total_minor)
    shop = replace(ORDER, placed_at=placed, updated_at=placed, amounts=amounts)
    local.shelf.show("orders", shop)
    run = await local.begin()
    await local.go()
    assert await local.found(run=run.id) == []
    local.shelf.show("orders", replace(shop, amounts=Amounts(goods_minor=1)))
    run = await local.begin()
    await local.go()
    assert await local.found(run=run.id) == [("goods_changed_in_shop", "open")]


async def test_an_order_that_changed_while_the_lists_were_read_waits(pool: Pool) -> None:
    """The journal is read before the ERP: an order that changed here in between would be compared
    with what became of it. The gateway is compared with the shop all the same."""
    local = Rounds(pool)
    for order_id, at in (("A", NOON - DAY), ("B", NOON + timedelta(seconds=1))):
        await pool.fetch(INSERT_ORDER, order_id, NOON - DAY, at, b"")
    changed = await local.work.changed(["A", "B", "C"], NOON)
    assert changed == {"B"}
    stays = [_found("A", "journal-erp"), _found("B", "shop-gateway")]
    waits = [_found("B", "journal-erp"), _found("B", "journal-shop")]
    part = without(Part([*stays, *waits], [], [("C", "journal-erp")]), changed)
    assert part.found == stays
    assert part.waiting == [("C", "journal-erp"), ("B", "journal-erp"), ("B", "journal-shop")]


async def test_what_ended_long_ago_is_forgotten_and_what_is_open_stays(pool: Pool) -> None:
    """Entries go soon after a run's end; runs, and what is accepted, after the days of the
    settings."""
    local = Rounds(pool, kept_days=7)
    local.shelf.show("orders", ORDER, replace(ORDER, ref="2", number="#2"))
    await local.begin()
    await local.go()
    one, _ = await local.recon.differences(Which())
    await local.service.decide(one, "accepted", "ann", "known", local.clock.now())
    assert await local.count("recon_entries") == 2
    local.clock.seconds += 600
    await local.go(rounds=1)
    assert await local.count("recon_entries") == 0
    assert (await local.count("recon_runs"), await local.count("recon_totals")) == (1, 1)
    local.clock.seconds += 8 * 86_400
    await local.go(rounds=1)
    assert (await local.count("recon_runs"), await local.count("recon_totals")) == (0, 0)
    assert await local.found() == [("order_not_received", "open")]


async def test_more_entries_than_one_clean_up_takes_go_with_the_next_rounds(pool: Pool) -> None:
    """Runs one after another enter more in ten minutes than one clean-up forgets."""
    local = Rounds(pool)
    run = await local.begin()
    await local.go()
    await pool.fetch(
        "INSERT INTO recon_entries (run_id, key, channel, body)"
        " SELECT $1, n::text, 'acme', '' FROM generate_series(1, 105000) AS n",
        run.id,
    )
    local.clock.seconds += 600
    await local.go(rounds=1)
    assert await local.count("recon_entries") == 5_000
    await local.go(rounds=1)
    assert await local.count("recon_entries") == 0


async def test_a_window_and_a_queue_have_an_end(pool: Pool) -> None:
    """Five runs wait at most; a quarter is the longest window."""
    local = Rounds(pool)
    for _ in range(5):
        await local.begin()
    with pytest.raises(ReconRefused, match="wait, or stop one"):
        await local.begin()
    with pytest.raises(ReconRefused, match="92 days at most"):
        await local.begin(since=NOON - 93 * DAY)


async def _matching(local: Rounds, run: Run) -> Run:
    found = await local.recon.find(run.id)
    assert found is not None
    assert found.state == "matching"
    return found


def _found(order_id: str, sides: str) -> FoundDifference:
    return FoundDifference(
        identity=f"{order_id} {sides}",
        channel="acme",
        order_id=order_id,
        ref="1",
        number="#1",
        placed_at=NOON - timedelta(hours=20),
        type="amount",
        cause="goods_changed_in_shop",
        sides=sides,
        currency="USD",
        expected_minor=1,
        found_minor=2,
        expected="",
        found="",
        about="1",
    )
