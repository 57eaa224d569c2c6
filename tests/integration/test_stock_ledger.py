"""The stock's ledger on a real Postgres: every balance is the sum of its movements."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest

from adapters.postgres.migrate import migrate
from adapters.postgres.pool import Pool
from adapters.postgres.stock import StockPartner
from adapters.postgres.stock_ledger import EVERY, Figure, Kind, LedgerRefused, StockLedger
from schemas.messages.effects import StockReserved, StockShort
from tests.conftest import Say
from tests.integration.test_stock import call, undo

NOON = datetime(2026, 11, 29, 12, tzinfo=UTC)
WHO, WHY = "someone", "a test"


@pytest.fixture
async def pool(database: str) -> AsyncIterator[Pool]:
    """A database with our tables."""
    await migrate(database)
    pool = Pool(database, deadline_seconds=10, by_key=False)
    yield pool
    await pool.close()


@pytest.fixture
async def ledger(pool: Pool) -> StockLedger:
    """The ledger under test."""
    return StockLedger(pool)


def figure(units: int, sku: str = "A", place: str = "main", safety: int | None = None) -> Figure:
    """So many units at a place."""
    return Figure(place=place, sku=sku, units=units, safety=safety)


async def counted(ledger: StockLedger, *figures: Figure, at: datetime | None = None) -> None:
    """Count these."""
    await ledger.put(figures, kind="counted", at=at, person=WHO, reason=WHY)


async def holds(ledger: StockLedger) -> None:
    """Every balance is the sum of its movements."""
    verified = await ledger.verify()
    assert verified.differences == ()
    assert verified.faults == 0


async def test_each_kind_of_movement_changes_its_balance(ledger: StockLedger) -> None:
    """Counted, received, adjusted, moved and returned: what is on hand, and who said why."""
    await counted(ledger, figure(10, safety=2), figure(5, place="north"))
    await ledger.put([figure(4)], kind="received", person=WHO, reason=WHY)
    await ledger.put([figure(-1)], kind="adjusted", person=WHO, reason=WHY)
    moves = [figure(-3), figure(3, place="north")]
    await ledger.put(moves, kind="moved", keep_promises=True, person=WHO, reason=WHY)
    await ledger.put([figure(2, place="north")], kind="returned", person=WHO, reason=WHY)
    main, north = await ledger.balances("A")
    assert (main.on_hand, main.safety, main.available) == (10, 2, 8)
    assert (north.on_hand, north.available) == (10, 10)
    told = await ledger.movements("A", ["main"])
    assert [(one.kind, one.on_hand) for one in told] == [
        ("moved", -3), ("adjusted", -1), ("received", 4), ("counted", 10),
    ]  # fmt: skip
    assert {(one.person, one.reason) for one in told} == {("someone", "a test")}
    await holds(ledger)


async def test_figures_that_cannot_be_change_nothing(ledger: StockLedger) -> None:
    """Less than none, a bar code in the wrong column, a SKU named twice, more taken off than there
    is: each is a sentence, and the rows beside it are not entered."""
    await counted(ledger, figure(10))
    wrong: tuple[tuple[Kind, Figure, str], ...] = (
        ("counted", figure(-1, "B"), "-1 of B on hand at main: there can't be less than none"),
        ("counted", figure(10**12, "B"), "1000000000000 of B at main: more than 1,000,000,000"),
        ("counted", figure(7), "A is there twice for main"),
        ("counted", figure(1, "B", safety=-2), "it is at least 0"),
        ("adjusted", figure(-11, "C"), "Only 0 of C are at main"),
        ("adjusted", figure(1, "B\x00"), "can't be stored"),
    )
    for kind, one, said in wrong:
        with pytest.raises(LedgerRefused, match=said):
            await ledger.put([figure(3), one], kind=kind, person=WHO, reason=WHY)
    assert [(x.sku, x.on_hand) for x in await ledger.page()] == [("A", 10)]
    await holds(ledger)


async def test_a_count_below_what_is_promised_is_believed(pool: Pool, ledger: StockLedger) -> None:
    """The units that are missing are named, nothing more is promised, and whatever is given back
    fills that gap before anybody gets it."""
    stock = StockPartner(pool)
    await counted(ledger, figure(10))
    await stock.perform(call("r1", {"A": 5}))
    await stock.perform(call("r2", {"A": 3}))
    changed = await ledger.put([figure(6)], kind="counted", person=WHO, reason=WHY)
    assert changed.missing == (("main", "A", 2),)
    (balance,) = await ledger.page(only_missing=True)
    assert (balance.on_hand, balance.reserved, balance.missing, balance.available) == (6, 8, 2, -2)
    assert isinstance(await stock.perform(call("r3", {"A": 1})), StockShort)
    await stock.perform(undo("r2", {"A": 1}))
    (balance,) = await ledger.page(only_missing=True)
    assert (balance.reserved, balance.missing) == (7, 1)
    assert isinstance(await stock.perform(call("r3", {"A": 1})), StockShort)
    await stock.perform(undo("r2", number=3))
    assert await ledger.page(only_missing=True) == []
    assert await stock.perform(call("r3", {"A": 1}, number=9)) == StockReserved(place="main")
    assert isinstance(await stock.perform(call("r4", {"A": 1})), StockShort)
    await holds(ledger)


async def test_what_is_promised_is_not_moved_away(pool: Pool, ledger: StockLedger) -> None:
    """Another place gets what is free here, and no more."""
    await counted(ledger, figure(10, safety=1))
    await StockPartner(pool).perform(call("r1", {"A": 4}))
    for units in (6, 11):
        moves = [figure(-units), figure(units, place="north")]
        with pytest.raises(LedgerRefused):
            await ledger.put(moves, kind="moved", keep_promises=True, person=WHO, reason=WHY)
    moves = [figure(-5), figure(5, place="north")]
    await ledger.put(moves, kind="moved", keep_promises=True, person=WHO, reason=WHY)
    assert [one.on_hand for one in await ledger.balances("A")] == [5, 5]
    await holds(ledger)


async def test_a_count_of_an_earlier_moment_keeps_what_moved_since(ledger: StockLedger) -> None:
    """A report of noon that comes at one knows nothing of what was received in between; one that is
    older than the last count is left out."""
    await counted(ledger, figure(10), at=NOON - timedelta(hours=2))
    await ledger.put(
        [figure(4)], kind="received", at=NOON + timedelta(minutes=30), person=WHO, reason=WHY
    )
    await counted(ledger, figure(9), at=NOON)
    assert [one.on_hand for one in await ledger.balances("A")] == [13]
    late = await ledger.put(
        [figure(2)], kind="counted", at=NOON - timedelta(hours=1), person=WHO, reason=WHY
    )
    assert (late.stale, late.changed) == (1, 0)
    assert [one.on_hand for one in await ledger.balances("A")] == [13]
    await holds(ledger)


async def test_what_is_not_counted_is_declared(pool: Pool, ledger: StockLedger) -> None:
    """A SKU, or all of a place; what is counted there is refused."""
    await counted(ledger, figure(1))
    at = NOON
    with pytest.raises(LedgerRefused, match="A is counted at main"):
        await ledger.declare(EVERY, "A", at=at, person=WHO, reason=WHY)
    await ledger.declare("main", "GIFT", at=at, person=WHO, reason=WHY)
    await ledger.declare("pop-up", EVERY, at=at, person=WHO, reason=WHY)
    await ledger.declare("pop-up", EVERY, at=at, person="another", reason="again")
    told = [(one.place, one.sku, one.person) for one in await ledger.untracked()]
    assert told == [("main", "GIFT", "someone"), ("pop-up", EVERY, "another")]
    assert (await ledger.summary()).untracked == 2
    rows = await pool.fetch("SELECT action, target FROM audit WHERE action = 'stock.untracked'")
    assert len(rows) == 3


async def test_balances_are_the_sum_of_their_movements_whatever_happens(
    pool: Pool, ledger: StockLedger, say: Say
) -> None:
    """A walk at random over orders, counts, receipts and moves; compared at every tenth step, and
    a balance that someone wrote by hand is found."""
    seed = random.randrange(10**6)
    rng, stock = random.Random(seed), StockPartner(pool)
    say(f"The walk over the stock's ledger was of seed {seed}.")
    await counted(ledger, *(figure(20, sku, place) for sku in "ABC" for place in ("main", "north")))
    live: list[tuple[str, int]] = []
    for step in range(120):
        sku, place = rng.choice("ABC"), rng.choice(("main", "north"))
        match rng.randrange(6):
            case 0 | 1:
                wanted = {sku: rng.randint(1, 4)}
                await stock.perform(call(f"r{step}", wanted, place=place))
                live.append((f"r{step}", 2))
            case 2 if live:
                ref, number = live.pop(rng.randrange(len(live)))
                await stock.perform(undo(ref, number=number))
            case 3:
                await counted(ledger, figure(rng.randint(0, 25), sku, place))
            case 4:
                await ledger.put(
                    [figure(rng.randint(0, 5), sku, place)], kind="received", person=WHO, reason=WHY
                )
            case _:
                await stock.perform(call(f"r{step}", {"NEW": 1}, place=place))
        if step % 10 == 0:
            await holds(ledger)
    await holds(ledger)
    await pool.fetch("UPDATE stock SET on_hand = on_hand + 1 WHERE sku = 'A' AND place = 'main'")
    verified = await ledger.verify()
    assert [(one.place, one.sku) for one in verified.differences] == [("main", "A")]
    assert verified.faults == 1
