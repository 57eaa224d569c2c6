"""Stock on a real Postgres: no one oversells, nothing is reserved twice, everything comes back."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator

import asyncpg
import pytest

from actors.runtime.errors import Rejected, Unknown
from actors.runtime.ports import Call
from adapters.postgres.migrate import migrate
from adapters.postgres.pool import Pool
from adapters.postgres.stock import StockPartner, StockRefused, StockRow
from schemas.messages.effects import (
    BuyLabel,
    Effect,
    ReleaseStock,
    ReserveStock,
    StockReserved,
    StockShort,
    Undone,
)
from schemas.order.canonical import Line, Order, Totals
from schemas.order.ids import CorrelationId, order_id_for

RESERVED = StockReserved(place="main")


@pytest.fixture
async def pool(database: str) -> AsyncIterator[Pool]:
    await migrate(database)
    pool = Pool(database, deadline_seconds=10)
    yield pool
    await pool.close()


@pytest.fixture
def stock(pool: Pool) -> StockPartner:
    return StockPartner(pool)


def call(
    ref: str,
    wanted: dict[str, int],
    *,
    number: int = 1,
    effect: Effect | None = None,
    requires_shipping: bool = True,
) -> Call:
    order = Order(
        ref=ref,
        number=ref,
        placed_at="2026-11-22T10:00:00Z",
        updated_at="2026-11-22T10:00:00Z",
        currency="USD",
        payment="paid",
        lines=tuple(
            Line(
                line_id=str(place),
                sku=sku,
                title=sku,
                quantity=quantity,
                unit_price_minor=1,
                total_minor=1,
                requires_shipping=requires_shipping,
            )
            for place, (sku, quantity) in enumerate(wanted.items())
        ),
        totals=Totals(
            subtotal_minor=1, discount_minor=0, shipping_minor=0, tax_minor=0, total_minor=1
        ),
    )
    return Call(
        order_id=order_id_for("shop", ref),
        channel="shop",
        ref=ref,
        correlation_id=CorrelationId("k1" + ref),
        number=number,
        effect=effect or ReserveStock(),
        order=order,
        idempotency_key=f"k1{ref}-{number}",
        attempt=1,
    )


def undo(ref: str, wanted: dict[str, int], *, number: int = 2) -> Call:
    return call(ref, wanted, number=number, effect=ReleaseStock())


async def levels(stock: StockPartner) -> dict[str, int]:
    return {row.sku: row.reserved for row in await stock.levels()}


async def test_no_one_oversells_under_contention(pool: Pool, database: str) -> None:
    """Fifty orders at a time from two processes' worth of partners never exceed what is there, at
    any moment, and what could be served is served."""
    rng = random.Random(7)
    here, there_pool = StockPartner(pool, max_batch=7), Pool(database, deadline_seconds=10)
    there = StockPartner(there_pool)
    skus = ["A", "B", "C"]
    await here.seed([StockRow(place="main", sku=sku, on_hand=60, safety=10) for sku in skus])
    wanted = [
        {sku: rng.randint(1, 4) for sku in rng.sample(skus, rng.randint(1, 3))} for _ in range(100)
    ]
    watching = asyncio.create_task(_watch(database))
    answers = await asyncio.gather(
        *(
            (here if place % 2 else there).perform(call(f"r{place}", one))
            for place, one in enumerate(wanted)
        )
    )
    watching.cancel()
    worst = await asyncio.gather(watching, return_exceptions=True)
    assert not isinstance(worst[0], AssertionError)
    used = dict.fromkeys(skus, 0)
    for one, answer in zip(wanted, answers, strict=True):
        if answer == RESERVED:
            for sku, quantity in one.items():
                used[sku] += quantity
        else:
            assert isinstance(answer, StockShort)
            assert set(answer.skus) <= set(one)
    assert await levels(here) == used
    assert all(46 < count <= 50 for count in used.values()), used
    await there_pool.close()


async def _watch(database: str) -> None:
    connection = await asyncpg.connect(database)
    try:
        while True:
            over = await connection.fetchval(
                "SELECT count(*) FROM stock WHERE reserved > on_hand - safety"
            )
            assert over == 0, "some SKU was oversold for a moment"
    finally:
        connection.terminate()


async def test_a_short_order_reserves_nothing_and_says_what_is_short(stock: StockPartner) -> None:
    """All or nothing: the line that would have sufficed is left to others."""
    await stock.seed(
        [StockRow(place="main", sku="A", on_hand=5), StockRow(place="main", sku="B", on_hand=1)]
    )
    short, served = await asyncio.gather(
        stock.perform(call("big", {"A": 2, "B": 2})), stock.perform(call("small", {"A": 5}))
    )
    assert short == StockShort(skus=("B",))
    assert served == RESERVED
    assert await levels(stock) == {"A": 5, "B": 0}
    assert await stock.look_up(call("big", {"A": 2, "B": 2})) is None


async def test_a_repeat_finds_what_the_first_call_did(stock: StockPartner) -> None:
    """The same effect twenty times over reserves once; a look-up finds it."""
    await stock.seed([StockRow(place="main", sku="A", on_hand=3)])
    one = call("r1", {"A": 3})
    assert await stock.look_up(one) is None
    answers = await asyncio.gather(*(stock.perform(one) for _ in range(20)))
    assert set(answers) == {RESERVED}
    # Also on the way that others' shortage forces everybody onto.
    short, again = await asyncio.gather(stock.perform(call("r2", {"A": 1})), stock.perform(one))
    assert (short, again) == (StockShort(skus=("A",)), RESERVED)
    assert await stock.look_up(one) == RESERVED
    assert await levels(stock) == {"A": 3}


async def test_releasing_gives_back_once(stock: StockPartner) -> None:
    """Repeated releases, a release of nothing and a late repeat of the reservation are harmless."""
    await stock.seed([StockRow(place="main", sku="A", on_hand=4)])
    wanted = {"A": 4}
    await stock.perform(call("r1", wanted))
    assert await stock.look_up(undo("r1", wanted)) is None
    for _ in range(3):
        assert await stock.perform(undo("r1", wanted)) == Undone()
    assert await stock.perform(undo("never", wanted)) == Undone()
    assert await stock.look_up(undo("r1", wanted)) == Undone()
    assert await levels(stock) == {"A": 0}
    await stock.perform(call("r1", wanted))
    assert await levels(stock) == {"A": 0}, "an effect older than the release changed something"
    assert await stock.perform(call("r1", wanted, number=3)) == RESERVED
    assert await levels(stock) == {"A": 4}
    await stock.perform(undo("r1", wanted, number=2))
    assert await levels(stock) == {"A": 4}, "a release older than the reservation undid it"


async def test_untracked_skus_and_what_is_not_shipped_hold_nothing_up(stock: StockPartner) -> None:
    """Without a figure nothing is refused, and a gift card needs no shelf."""
    assert await stock.perform(call("r1", {"NEW": 1_000})) == RESERVED
    await stock.seed(
        [StockRow(place="main", sku="NEW", on_hand=1), StockRow(place="main", sku="G", on_hand=0)]
    )
    await stock.perform(undo("r1", {"NEW": 1_000}))
    assert await levels(stock) == {"G": 0, "NEW": 0}
    assert await stock.perform(call("r2", {"G": 5}, requires_shipping=False)) == RESERVED
    assert await stock.look_up(call("r2", {"G": 5}, requires_shipping=False)) == RESERVED


async def test_figures_below_what_is_reserved_are_refused(stock: StockPartner) -> None:
    """On hand can't fall below the promises already made; the safety stock counts."""
    await stock.seed([StockRow(place="main", sku="A", on_hand=5)])
    await stock.perform(call("r1", {"A": 4}))
    for row in (
        StockRow(place="main", sku="A", on_hand=3),
        StockRow(place="main", sku="A", on_hand=5, safety=2),
    ):
        with pytest.raises(StockRefused):
            await stock.seed([row])
    await stock.seed([StockRow(place="main", sku="A", on_hand=5, safety=1)])


async def test_one_order_that_cannot_be_stored_harms_no_other(stock: StockPartner) -> None:
    """A text the server refuses comes back to its own order alone."""
    await stock.seed([StockRow(place="main", sku="A", on_hand=100)])
    answers = await asyncio.gather(
        *(stock.perform(call(f"r{n}", {"A": 1})) for n in range(9)),
        stock.perform(call("bad", {"A\x00": 1})),
        return_exceptions=True,
    )
    assert answers[:9] == [RESERVED] * 9
    assert isinstance(answers[9], Rejected)
    assert await levels(stock) == {"A": 9}


async def test_other_effects_and_a_closed_database_are_told(
    stock: StockPartner, pool: Pool
) -> None:
    """What stock can't do is refused; without Postgres the outcome is unknown, never guessed."""
    with pytest.raises(Rejected, match="isn't for it"):
        await stock.perform(call("r1", {"A": 1}, effect=BuyLabel(parcels=())))
    await pool.close()
    with pytest.raises(Unknown):
        await stock.perform(call("r1", {"A": 1}))
    with pytest.raises(Unknown):
        await stock.look_up(call("r1", {"A": 1}))
