"""One of several processes that reserve stock as fast as they can, and give some of it back:
`python -m tests.e2e.reserving DSN NAME RESERVATIONS SKUS HOT SEED` writes what it holds as JSON."""

from __future__ import annotations

import asyncio
import json
import random
import sys
import time

from adapters.postgres.pool import Pool
from adapters.postgres.stock import StockPartner
from schemas.messages.effects import StockReserved
from tests.integration.test_stock import call, undo

AT_ONCE = 400
"""Orders under way in one process."""

HOT_SHARE = 0.5
"""How many of the orders ask for one of the few hot SKUs."""

GIVEN_BACK = 0.2
"""How many of the orders that got stock are cancelled."""

EXPIRED = 0.1
"""How many of them give it back because they wait too long, and ask for it again."""


async def reserve(dsn: str, name: str, reservations: int, skus: int, hot: int, seed: int) -> None:
    """Reserve, then tell what is held by SKU, how many got stock, of how many it expired, how many
    of these did not get it again, and the seconds it took."""
    rng = random.Random(seed)
    pool = Pool(dsn, deadline_seconds=60.0)
    stock, room = StockPartner(pool), asyncio.Semaphore(AT_ONCE)
    held: dict[str, int] = {}
    served, expired, gone = 0, 0, 0

    async def one(ref: str, sku: str, quantity: int, fate: float) -> None:
        nonlocal served, expired, gone
        async with room:
            answer = await stock.perform(call(ref, {sku: quantity}))
            if not isinstance(answer, StockReserved):
                return
            served += 1
            if fate < GIVEN_BACK + EXPIRED:
                await stock.perform(undo(ref))
            if fate < GIVEN_BACK:
                return
            if fate < GIVEN_BACK + EXPIRED:
                expired += 1
                again = await stock.perform(call(ref, {sku: quantity}, number=3))
                if not isinstance(again, StockReserved):
                    gone += 1
                    return
            held[sku] = held.get(sku, 0) + quantity

    began = time.perf_counter()
    async with asyncio.TaskGroup() as group:
        for number in range(reservations):
            is_hot = skus <= hot or rng.random() < HOT_SHARE
            sku = f"SKU-{rng.randrange(hot) if is_hot else rng.randrange(hot, max(skus, hot + 1))}"
            fate = rng.random()
            group.create_task(one(f"{name}-{number}", sku, rng.randint(1, 3), fate))
            if number % AT_ONCE == 0:
                await asyncio.sleep(0)
    seconds = time.perf_counter() - began
    await pool.close()
    told = {"held": held, "served": served, "expired": expired, "gone": gone, "seconds": seconds}
    sys.stdout.write(json.dumps(told))


if __name__ == "__main__":
    asyncio.run(reserve(sys.argv[1], sys.argv[2], *(int(word) for word in sys.argv[3:7])))
