"""Goods that come back go into the stock once, and only where someone counts them."""

from __future__ import annotations

from msgspec.structs import replace

from adapters.postgres.pool import Pool
from adapters.postgres.stock import StockPartner
from adapters.postgres.stock_ledger import StockLedger
from schemas.messages.effects import RestockReturn, StockReturned, Units
from schemas.order.things import Key
from tests.integration.test_stock import call
from tests.integration.test_stock_ledger import NOON, counted, figure, holds, ledger, pool

__all__ = ["ledger", "pool"]

T1, T2 = Key("T1"), Key("T2")


async def test_a_return_is_entered_once(pool: Pool, ledger: StockLedger) -> None:
    """Repeated, under another number too, and after a lost answer it is found; another return of
    the order is another movement."""
    await counted(ledger, figure(10), figure(4, "B", place="north"))
    stock = StockPartner(pool)
    units = (Units("1", "A", 1), Units("2", "A", 1), Units("3", "B", 3))
    back = RestockReturn(place="main", units=units)
    one = replace(call("order-1", {}), key=T1, effect=back)
    assert await stock.look_up(one) is None
    for number in (7, 7, 9):
        assert await stock.perform(replace(one, number=number)) == StockReturned(place="main")
    assert await stock.look_up(one) == StockReturned(place="main")
    await stock.perform(replace(one, key=T2))
    (main,) = await ledger.balances("A")
    assert main.on_hand == 14
    here, north = await ledger.balances("B")
    assert (here.place, here.on_hand, north.on_hand) == ("main", 6, 4)
    told = await ledger.movements("A", ["main"])
    assert [(x.kind, x.on_hand, x.key) for x in told][:2] == [
        ("returned", 2, "T2"), ("returned", 2, "T1"),
    ]  # fmt: skip
    await holds(ledger)


async def test_what_no_one_counts_stays_uncounted(pool: Pool, ledger: StockLedger) -> None:
    """A return must not make the first balance of a SKU: orders would wait for it from then on."""
    await counted(ledger, figure(10))
    await ledger.declare("main", "C", at=NOON, person="someone", reason="made to order")
    await counted(ledger, figure(1, "C", place="north"))
    stock = StockPartner(pool)
    back = RestockReturn(place="main", units=(Units("1", "X", 1), Units("2", "C", 1)))
    await stock.perform(replace(call("order-2", {}), key=T1, effect=back))
    assert await ledger.balances("X") == []
    assert [one.place for one in await ledger.balances("C")] == ["north"]
    await holds(ledger)


async def test_returned_goods_make_up_for_missing_ones(pool: Pool, ledger: StockLedger) -> None:
    """Promised units that a count did not find are there again once others came back."""
    await counted(ledger, figure(5))
    stock = StockPartner(pool)
    await stock.perform(call("order-3", {"A": 4}))
    await counted(ledger, figure(2))
    assert (await ledger.balances("A"))[0].missing == 2
    back = RestockReturn(place="main", units=(Units("1", "A", 3),))
    await stock.perform(replace(call("order-4", {}), key=T1, effect=back))
    (main,) = await ledger.balances("A")
    assert (main.on_hand, main.missing, main.available) == (5, 0, 1)
    await holds(ledger)
