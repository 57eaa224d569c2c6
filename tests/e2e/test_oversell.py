"""Several processes reserve the same stock at once: no unit is promised twice, and none is lost."""

from __future__ import annotations

import asyncio
import json
import os
import random
import sys
import time
from typing import Any

import pytest

from adapters.postgres.migrate import migrate
from adapters.postgres.pool import Pool
from adapters.postgres.stock import StockPartner
from adapters.postgres.stock_ledger import Figure, StockLedger
from schemas.order.ids import order_id_for
from tests.conftest import Say
from tests.e2e.processes import ROOT
from tests.integration.servers import database, servers
from tests.integration.test_stock import undo

__all__ = ["database", "servers"]

RETURNS = 100
"""Returns that are entered while others reserve."""
AT_ONCE = 1_000
"""Orders that are cancelled at the same time at the end."""


async def reserved_by(dsn: str, processes: int, each: int, skus: int, hot: int) -> list[Any]:
    """Let so many processes reserve; return what each tells."""
    seed = random.randrange(10**6)

    async def one(number: int) -> Any:
        words = (dsn, f"p{number}", str(each), str(skus), str(hot), str(seed + number))
        child = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "tests.e2e.reserving", *words,
            cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)}, stdout=asyncio.subprocess.PIPE,
        )  # fmt: skip
        told, _ = await child.communicate()
        assert child.returncode == 0
        return json.loads(told)

    return await asyncio.gather(*(one(number) for number in range(processes)))


async def oversell(
    dsn: str, say: Say, *, processes: int, reservations: int, skus: int, hot: int
) -> None:
    """Reserve more than there is of the hot SKUs while returns come in, and compare every balance
    with what was answered; then cancel everything, and nothing is left reserved."""
    await migrate(dsn)
    pool = Pool(dsn, deadline_seconds=60.0, by_key=False)
    ledger = StockLedger(pool)
    on_hand = {
        f"SKU-{n}": reservations // (4 * hot) if n < hot else reservations for n in range(skus)
    }
    await ledger.put(
        [Figure(place="main", sku=sku, units=units) for sku, units in on_hand.items()],
        kind="counted",
        person="someone",
        reason="a test",
    )
    began = time.perf_counter()
    each = reservations // processes
    told, returned = await asyncio.gather(
        reserved_by(dsn, processes, each, skus, hot), returns(ledger, hot)
    )
    wall = time.perf_counter() - began
    held: dict[str, int] = {}
    for one in told:
        for sku, units in one["held"].items():
            held[sku] = held.get(sku, 0) + units
    rows = await pool.fetch("SELECT sku, reserved, on_hand FROM stock")
    assert {row["sku"]: row["reserved"] for row in rows if row["reserved"]} == held
    over = [row["sku"] for row in rows if row["reserved"] > row["on_hand"]]
    assert over == []
    assert {row["sku"]: row["on_hand"] for row in rows} == {
        sku: units + returned.get(sku, 0) for sku, units in on_hand.items()
    }
    verified = await ledger.verify()
    assert verified.faults == 0, verified.differences
    cancelled = await cancel_all(pool, processes, each)
    rows = await pool.fetch("SELECT sku FROM stock WHERE reserved <> 0 OR missing <> 0")
    assert rows == []
    verified = await ledger.verify()
    assert verified.faults == 0, verified.differences
    await pool.close()
    served = sum(one["served"] for one in told)
    seconds = max(one["seconds"] for one in told)
    expired, gone = (sum(one[name] for one in told) for name in ("expired", "gone"))
    say(
        f"Oversell: {processes} processes, {reservations:,} reservations of {skus:,} SKUs, {hot} "
        f"hot: {reservations / seconds:,.0f}/s ({wall:.1f} s in all), {served:,} served, "
        f"{reservations - served:,} short, {expired:,} expired ({gone:,} of them to others), "
        f"{sum(returned.values())} units returned meanwhile; "
        f"0 oversold; after {cancelled:,} cancellations 0 left."
    )


async def returns(ledger: StockLedger, hot: int) -> dict[str, int]:
    """Enter returns of the hot SKUs while others reserve; return how many units of each."""
    returned: dict[str, int] = {}
    for number in range(RETURNS):
        sku = f"SKU-{number % hot}"
        figure = Figure(place="main", sku=sku, units=1 + number % 3)
        await ledger.put([figure], kind="returned", person="someone", reason="a test")
        returned[sku] = returned.get(sku, 0) + figure.units
    return returned


async def cancel_all(pool: Pool, processes: int, each: int) -> int:
    """Cancel every order that still holds something; return how many."""
    refs = (f"p{number}-{order}" for number in range(processes) for order in range(each))
    known = {order_id_for("shop", ref): ref for ref in refs}
    rows = await pool.fetch("SELECT order_id FROM reservations WHERE quantity > 0")
    holding = [known[row["order_id"]] for row in rows]
    stock = StockPartner(pool)
    for start in range(0, len(holding), AT_ONCE):
        some = holding[start : start + AT_ONCE]
        await asyncio.gather(*(stock.perform(undo(ref, number=4)) for ref in some))
    return len(holding)


async def test_no_unit_is_promised_twice(database: str, say: Say) -> None:
    """Two processes, a hundred SKUs of which two are hot and sell out."""
    await oversell(database, say, processes=2, reservations=4_000, skus=100, hot=2)


@pytest.mark.soak
async def test_no_unit_is_promised_twice_by_many(database: str, say: Say) -> None:
    """Eight processes, 200,000 reservations, a thousand SKUs of which five are hot."""
    await oversell(database, say, processes=8, reservations=200_000, skus=1_000, hot=5)


@pytest.mark.soak
async def test_one_sku_alone(database: str, say: Say) -> None:
    """One process and one SKU, of which there is enough: the rate of the hottest row."""
    await migrate(database)
    pool = Pool(database, deadline_seconds=60.0)
    figure = Figure(place="main", sku="SKU-0", units=10**8)
    await StockLedger(pool).put([figure], kind="counted", person="someone", reason="a test")
    (told,) = await reserved_by(database, 1, 20_000, 1, 1)
    assert told["served"] == 20_000
    await pool.close()
    say(f"One SKU: {20_000 / told['seconds']:,.0f} reservations/s, a fifth of them given back.")
