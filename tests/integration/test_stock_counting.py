"""What an ERP counts, entered as counts at a real Postgres from a simulated Business Central: in
pages, when it is due, and nothing of a figure that can't be."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from datetime import timedelta

import pytest
from prometheus_client import CollectorRegistry

from adapters.kit.http_client import HttpClient
from adapters.postgres.pool import Pool
from adapters.postgres.stock import StockPartner
from adapters.postgres.stock_ledger import Balance, Figure, StockLedger
from adapters.postgres.stock_reports import Report, StockReports
from service.settings.places import Place
from service.stock.counting import CountMetrics, PlaceCount
from tests.contract.partner_calls import TestClock, business_central, http_client
from tests.contract.simulated import Client, Running, calling, started
from tests.integration.test_stock import call
from tests.integration.test_stock_offers import clock, pool

__all__ = ["clock", "pool"]


@pytest.fixture(scope="module")
def running() -> Iterator[Running]:
    """The simulators, for all tests of this file."""
    with started() as found:
        yield found


@pytest.fixture
async def simulators(running: Running) -> AsyncIterator[Client]:
    """What asks the running simulators."""
    async with calling(running) as client:
        yield client


@pytest.fixture
async def client(clock: TestClock) -> AsyncIterator[HttpClient]:
    """The client of the adapter."""
    async with http_client(clock) as found:
        yield found


@pytest.fixture
def counting(pool: Pool, client: HttpClient, clock: TestClock, running: Running) -> PlaceCount:
    """The place `main`, which the ERP counts every quarter of an hour."""
    settings = Place(counted_by="erp", counted_every_minutes=15, counted_lag_hours=0)
    counter = business_central(client, running.http).counts
    return PlaceCount("main", settings, counter, pool, clock, CountMetrics(CollectorRegistry()))


async def has(simulators: Client, **units: object) -> None:
    """The ERP has so much of each item, and a service that is not kept in stock."""
    items = [{"number": number, "inventory": n} for number, n in units.items()]
    items.append({"number": "WRAP", "type": "Service", "inventory": 7})
    answer = await simulators.call("POST", "/_sim/erp/inventory", {"items": items})
    assert answer.status == 200, answer.text


async def balances(pool: Pool) -> dict[str, Balance]:
    """Every balance of the place."""
    return {one.sku: one for one in await StockLedger(pool).page(place="main", limit=200)}


async def report(pool: Pool) -> Report:
    """The last report of the place."""
    (one,) = await StockReports(pool).all()
    return one


async def test_what_it_has_is_entered_when_it_is_due(
    pool: Pool, counting: PlaceCount, clock: TestClock, simulators: Client
) -> None:
    """Every item of the stock, once in the period; what is promised stays, and what a count does
    not cover is told."""
    await has(simulators, A=10, B=4)
    await counting.round()
    found = await balances(pool)
    assert {sku: one.on_hand for sku, one in found.items()} == {"A": 10, "B": 4}
    await StockPartner(pool).perform(call("r1", {"B": 3}))
    await has(simulators, A=12, B=2)
    await counting.round()
    assert (await balances(pool))["A"].on_hand == 10
    clock.ahead += 15 * 60
    await counting.round()
    found = await balances(pool)
    assert (found["A"].on_hand, found["B"].on_hand, found["B"].missing) == (12, 2, 1)
    told = await report(pool)
    assert (told.figures, told.changed, told.missing, told.fault) == (2, 2, 1, "")
    (movement, *_) = await StockLedger(pool).movements("A", ["main"])
    assert (movement.kind, movement.person) == ("counted", "partner erp")


async def test_figures_that_cannot_be_are_told_and_the_others_entered(
    pool: Pool, counting: PlaceCount, simulators: Client
) -> None:
    """A fraction and 10¹² are named and change nothing; below nothing is nothing."""
    await has(simulators, HALF=1.5, HUGE=10**12, NEGATIVE=-3, GOOD=6)
    await counting.round()
    found = await balances(pool)
    assert {sku: one.on_hand for sku, one in found.items()} == {"GOOD": 6, "NEGATIVE": 0}
    fault = (await report(pool)).fault
    assert "Business Central has 1.5 of HALF: not a whole number." in fault
    assert "Business Central has 1000000000000 of HUGE: taken for a slip." in fault


async def test_it_comes_in_pages_and_keeps_how_we_write_skus(
    pool: Pool, counting: PlaceCount, clock: TestClock, simulators: Client
) -> None:
    """More items than a page has all come; the ERP's capitals are our SKU."""
    figure = Figure(place="main", sku="item-7x", units=1)
    before = clock.now() - timedelta(days=1)
    await StockLedger(pool).put(
        [figure], kind="counted", at=before, person="someone", reason="a test"
    )
    await has(simulators, **{f"ITEM-{n}": n for n in range(2_100)}, **{"ITEM-7X": 42})
    await counting.round()
    (row,) = await pool.fetch("SELECT count(*) AS n, sum(on_hand) AS units FROM stock")
    assert (row["n"], row["units"]) == (2_101, sum(range(2_100)) + 42)
    assert (await balances(pool)).keys().isdisjoint({"ITEM-7X"})
    (spelled,) = await StockLedger(pool).balances("item-7x")
    assert spelled.on_hand == 42


async def test_an_erp_that_is_away_changes_nothing(
    pool: Pool, counting: PlaceCount, clock: TestClock, simulators: Client
) -> None:
    """The report says why, and the next one is asked for in its time."""
    await has(simulators, LATER=5)
    await simulators.fault("erp", "find_items", error_rate=1.0)
    await counting.round()
    assert await balances(pool) == {}
    assert (await report(pool)).fault
    await simulators.fault("erp", "find_items", error_rate=0)
    clock.ahead += 15 * 60
    await counting.round()
    assert (await balances(pool))["LATER"].on_hand == 5
    assert (await report(pool)).fault == ""


async def test_what_came_within_the_lag_is_not_counted_twice(
    pool: Pool, client: HttpClient, clock: TestClock, running: Running, simulators: Client
) -> None:
    """The ERP may have a delivery as soon as we: what left within the lag is taken off its figure,
    and what came is not added to it."""
    settings = Place(counted_by="erp", counted_every_minutes=15, counted_lag_hours=4)
    counter = business_central(client, running.http).counts
    one = PlaceCount("main", settings, counter, pool, clock, CountMetrics(CollectorRegistry()))
    await has(simulators, A=10)
    await one.round()
    for units in (12, -3):
        figure = Figure(place="main", sku="A", units=units)
        await StockLedger(pool).put(
            [figure], kind="adjusted", at=clock.now(), person="someone", reason="a test"
        )
    await has(simulators, A=22)
    clock.ahead += 15 * 60
    await one.round()
    assert (await balances(pool))["A"].on_hand == 22 - 3
    clock.ahead += 4 * 3600
    await has(simulators, A=19)
    await one.round()
    assert (await balances(pool))["A"].on_hand == 19
