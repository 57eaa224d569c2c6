"""Stock on a real Postgres: no one oversells, nothing is reserved twice, everything comes back."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator
from datetime import UTC, datetime

import asyncpg
import pytest

from actors.runtime.errors import Rejected, Unknown
from actors.runtime.partner import Call
from adapters.postgres.migrate import migrate
from adapters.postgres.pool import Pool
from adapters.postgres.stock import StockPartner, StockRefused, StockRow
from adapters.postgres.stock_ledger import StockLedger
from schemas.messages.effects import (
    BuyLabel,
    Effect,
    ReleaseStock,
    ReserveStock,
    Seen,
    StockReserved,
    StockShort,
    Undone,
    Units,
)
from schemas.order.ids import Reference, order_id_for
from schemas.order.things import Key

RESERVED = StockReserved(place="main")
FIRST = Key("F1")


@pytest.fixture
async def pool(database: str) -> AsyncIterator[Pool]:
    await migrate(database)
    pool = Pool(database, deadline_seconds=10)
    yield pool
    await pool.close()


@pytest.fixture
def stock(pool: Pool) -> StockPartner:
    return StockPartner(pool)


def units_of(wanted: dict[str, int]) -> tuple[Units, ...]:
    """Each SKU as a line of its own."""
    return tuple(Units(f"line {sku}", sku, quantity) for sku, quantity in wanted.items())


def call(
    ref: str,
    wanted: dict[str, int],
    *,
    number: int = 1,
    key: Key = FIRST,
    place: str = "main",
    places: tuple[str, ...] = (),
    effect: Effect | None = None,
) -> Call:
    """A call to reserve for a fulfilment, or what else is told."""
    return Call(
        order_id=order_id_for("shop", ref),
        channel="shop",
        ref=ref,
        key=key,
        reference=Reference(f"1{ref}{key}"),
        order_reference=Reference(f"1{ref}O"),
        number=number,
        effect=effect or ReserveStock(place=place, units=units_of(wanted), places=places),
        order=None,
        idempotency_key=f"reserve-1{ref}{key}",
        attempt=1,
    )


def undo(
    ref: str, wanted: dict[str, int] | None = None, *, number: int = 2, key: Key = FIRST
) -> Call:
    """A call to give these units back, or all of the fulfilment's."""
    effect = ReleaseStock(place="main", units=units_of(wanted or {}))
    return call(ref, {}, number=number, key=key, effect=effect)


async def levels(stock: StockPartner, place: str = "main") -> dict[str, int]:
    """What is reserved at a place."""
    return {row.sku: row.reserved for row in await stock.levels() if row.place == place}


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
    assert isinstance(short, StockShort)
    assert short.skus == ("B",)
    assert served == RESERVED
    assert await levels(stock) == {"A": 5, "B": 0}
    assert await stock.look_up(call("big", {"A": 2, "B": 2})) is None


async def test_a_refusal_says_what_each_place_could_promise(stock: StockPartner) -> None:
    """So that the order can be planned again: places in the order of preference, what no
    place counts as -1, what only another one counts as nothing, what others hold taken off."""
    await stock.seed(
        [
            StockRow(place="main", sku="A", on_hand=5, safety=1),
            StockRow(place="north", sku="A", on_hand=9),
            StockRow(place="north", sku="B", on_hand=1, safety=3),
        ]
    )
    await stock.perform(call("other", {"A": 2}))
    asked = call("r1", {"A": 3, "B": 1, "C": 1}, places=("north", "main"))
    assert await stock.perform(asked) == StockShort(
        skus=("A", "B"),
        seen=(
            Seen("north", "A", 9),
            Seen("north", "B", 0),
            Seen("north", "C", -1),
            Seen("main", "A", 2),
            Seen("main", "B", 0),
            Seen("main", "C", -1),
        ),
    )
    assert await stock.perform(call("r2", {"A": 3})) == StockShort(
        skus=("A",), seen=(Seen("main", "A", 2),)
    )


async def test_a_repeat_finds_what_the_first_call_did(stock: StockPartner) -> None:
    """The same effect twenty times over reserves once; a look-up finds it."""
    await stock.seed([StockRow(place="main", sku="A", on_hand=3)])
    one = call("r1", {"A": 3})
    assert await stock.look_up(one) is None
    answers = await asyncio.gather(*(stock.perform(one) for _ in range(20)))
    assert answers == [RESERVED] * 20
    # Also on the way that others' shortage forces everybody onto.
    short, again = await asyncio.gather(stock.perform(call("r2", {"A": 1})), stock.perform(one))
    assert isinstance(short, StockShort)
    assert again == RESERVED
    assert await stock.look_up(one) == RESERVED
    # A person tries it again: another effect, which asks for the same.
    assert await stock.perform(call("r1", {"A": 3}, number=4)) == RESERVED
    assert await levels(stock) == {"A": 3}


async def test_each_fulfilment_and_place_has_its_own(stock: StockPartner) -> None:
    """Two fulfilments of one line at two places hold what each asked for, and give back their
    own."""
    for place in ("main", "north"):
        await stock.seed([StockRow(place=place, sku="A", on_hand=5)])
    second = Key("F2")
    await asyncio.gather(
        stock.perform(call("r1", {"A": 2})),
        stock.perform(call("r1", {"A": 3}, key=second, number=2, place="north")),
    )
    assert (await levels(stock), await levels(stock, "north")) == ({"A": 2}, {"A": 3})
    assert await stock.perform(undo("r1", number=3, key=second)) == Undone()
    assert (await levels(stock), await levels(stock, "north")) == ({"A": 2}, {"A": 0})


async def test_releasing_gives_back_once(stock: StockPartner) -> None:
    """Repeated releases, a release of nothing and a late repeat of the reservation are harmless."""
    await stock.seed([StockRow(place="main", sku="A", on_hand=4)])
    wanted = {"A": 4}
    await stock.perform(call("r1", wanted))
    assert await stock.look_up(undo("r1")) is None
    for _ in range(3):
        assert await stock.perform(undo("r1")) == Undone()
    assert await stock.perform(undo("never")) == Undone()
    assert await stock.look_up(undo("r1")) == Undone()
    assert await levels(stock) == {"A": 0}
    await stock.perform(call("r1", wanted))
    assert await levels(stock) == {"A": 0}, "an effect older than the release changed something"
    assert await stock.perform(call("r1", wanted, number=3)) == RESERVED
    assert await levels(stock) == {"A": 4}
    await stock.perform(undo("r1", number=2))
    assert await levels(stock) == {"A": 4}, "a release older than the reservation undid it"


async def test_what_expired_is_reserved_again_where_it_still_is(stock: StockPartner) -> None:
    """Given back, the last units are whoever's comes next; the same fulfilment takes them again
    when that one gives them back."""
    await stock.seed([StockRow(place="main", sku="A", on_hand=4)])
    await stock.perform(call("waits", {"A": 4}))
    await stock.perform(undo("waits"))
    assert await stock.perform(call("comes", {"A": 4})) == RESERVED
    again = await stock.perform(call("waits", {"A": 4}, number=3))
    assert isinstance(again, StockShort)
    await stock.perform(undo("comes"))
    assert await stock.perform(call("waits", {"A": 4}, number=4)) == RESERVED
    assert await stock.perform(call("late", {"A": 1})) != RESERVED


async def test_a_part_is_given_back_once(stock: StockPartner) -> None:
    """Named units go back, the rest stays held; a repeat changes nothing, and what a person tries
    again is found to be done."""
    await stock.seed(
        [StockRow(place="main", sku="A", on_hand=9), StockRow(place="main", sku="B", on_hand=9)]
    )
    await stock.perform(call("r1", {"A": 5, "B": 2}))
    part = undo("r1", {"A": 2})
    assert await stock.look_up(part) is None
    for _ in range(3):
        assert await stock.perform(part) == Undone()
    assert await levels(stock) == {"A": 3, "B": 2}
    assert await stock.look_up(part) == Undone()
    assert await stock.look_up(undo("r1", {"A": 2}, number=7)) == Undone()
    assert await stock.look_up(undo("r1", {"A": 1}, number=7)) is None
    assert await stock.perform(undo("r1", {"A": 9}, number=8)) == Undone()
    assert await levels(stock) == {"A": 0, "B": 2}, "no more goes back than was held"
    assert await stock.perform(call("r1", {"A": 4, "B": 3}, number=9)) == RESERVED
    assert await levels(stock) == {"A": 4, "B": 3}
    assert await stock.perform(undo("r1", number=10)) == Undone()
    assert await levels(stock) == {"A": 0, "B": 0}


async def test_what_is_held_is_filled_up_to_what_is_asked(stock: StockPartner) -> None:
    """A later effect for the same fulfilment takes the difference alone, or is short of it."""
    await stock.seed([StockRow(place="main", sku="A", on_hand=5)])
    await stock.perform(call("r1", {"A": 2}))
    assert await stock.perform(call("r1", {"A": 5}, number=2)) == RESERVED
    assert await levels(stock) == {"A": 5}
    assert isinstance(await stock.perform(call("r1", {"A": 6}, number=3)), StockShort)
    assert await stock.perform(call("r1", {"A": 1}, number=4)) == RESERVED
    assert await levels(stock) == {"A": 5}, "only a release gives back"


async def test_parts_of_one_line_are_summed(stock: StockPartner) -> None:
    """A line that comes to the same SKU twice, as bundles do, needs both."""
    await stock.seed([StockRow(place="main", sku="A", on_hand=3)])
    twice = ReserveStock(place="main", units=(Units("1", "A", 1), Units("1", "A", 2)))
    assert await stock.perform(call("r1", {}, effect=twice)) == RESERVED
    assert await levels(stock) == {"A": 3}


async def test_untracked_skus_hold_nothing_up(stock: StockPartner) -> None:
    """Without a figure nothing is refused, and nothing is held back once there is one."""
    assert await stock.perform(call("r1", {"NEW": 1_000})) == RESERVED
    await stock.seed([StockRow(place="main", sku="NEW", on_hand=1)])
    assert await stock.perform(call("r1", {"NEW": 1_001}, number=2)) == RESERVED
    await stock.perform(undo("r1", number=3))
    assert await levels(stock) == {"NEW": 0}
    assert await stock.perform(call("r1", {"NEW": 1}, number=4)) == RESERVED
    assert await levels(stock) == {"NEW": 1}
    assert await stock.perform(call("r2", {})) == RESERVED, "nothing is always there"


async def test_what_was_held_before_it_was_counted_elsewhere_stays(
    pool: Pool, stock: StockPartner
) -> None:
    """A repeat of an untracked reservation is taken for one, alone and beside others that are
    short, and it is given back; what is declared untracked at a place is promised there."""
    assert await stock.perform(call("r1", {"NEW": 3})) == RESERVED
    await stock.seed([StockRow(place="west", sku="NEW", on_hand=1)])
    assert await stock.perform(call("r1", {"NEW": 3})) == RESERVED
    answers = await asyncio.gather(
        stock.perform(call("r1", {"NEW": 3}, number=3)), stock.perform(call("r2", {"NEW": 1}))
    )
    assert answers[0] == RESERVED
    assert isinstance(answers[1], StockShort)
    assert await stock.perform(undo("r1", number=4)) == Undone()
    assert isinstance(await stock.perform(call("r1", {"NEW": 3}, number=5)), StockShort)
    declared = StockLedger(pool).declare
    await declared("main", "NEW", at=datetime.now(UTC), person="someone", reason="a test")
    assert await stock.perform(call("r1", {"NEW": 3}, number=6)) == RESERVED
    assert (await levels(stock), await levels(stock, "west")) == ({}, {"NEW": 0})


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
    label = BuyLabel(fulfilment=FIRST, place="main", parcels=())
    with pytest.raises(Rejected, match="isn't for it"):
        await stock.perform(call("r1", {"A": 1}, effect=label))
    await pool.close()
    with pytest.raises(Unknown):
        await stock.perform(call("r1", {"A": 1}))
    with pytest.raises(Unknown):
        await stock.look_up(call("r1", {"A": 1}))
