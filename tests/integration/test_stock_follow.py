"""What follows from orders' events for the stock, on a real Postgres: goods that left, and who gets
what arrives."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest
from msgspec.structs import replace

from adapters.postgres.leases import Leases
from adapters.postgres.pool import Pool
from adapters.postgres.stock_follow import StockFollower
from adapters.postgres.stock_ledger import Balance, Figure, StockLedger
from schemas.messages import inputs as i
from schemas.order.canonical import Order, Totals
from schemas.order.ids import order_id_for
from schemas.order.things import Key
from tests.given import CHANNEL, a_line, an_order, handed_over, packed
from tests.integration.test_reserved_inside import Live, leases, orders, pool
from tests.waiting import eventually

__all__ = ["leases", "pool"]

SKU, PLACE = "SKU-1", "WH1"
WHO, WHY = "someone", "a test"


@pytest.fixture
async def live(pool: Pool, leases: Leases) -> AsyncIterator[Live]:
    """Orders at work whose partners answer, and a follower that has begun."""
    async with orders(pool, leases, local=True) as live:
        for one in live.others.values():
            one.gate.set()
        yield live


@pytest.fixture
async def follower(pool: Pool) -> StockFollower:
    """A follower that has begun."""
    follower = StockFollower(pool)
    await follower.begin()
    return follower


async def on_the_shelf(pool: Pool, units: int, *, at: datetime | None = None) -> None:
    """Count the SKU that orders ask for, four each."""
    figure = Figure(place=PLACE, sku=SKU, units=units)
    await StockLedger(pool).put([figure], kind="counted", at=at, person=WHO, reason=WHY)


async def balance(pool: Pool) -> Balance:
    """Its balance, after every balance was compared with its movements."""
    ledger = StockLedger(pool)
    assert (await ledger.verify()).differences == ()
    (found,) = await ledger.balances(SKU)
    return found


def four(ref: str, **changes: object) -> Order:
    """An order of four units of one line."""
    totals = Totals(
        subtotal_minor=2000, discount_minor=0, shipping_minor=500, tax_minor=0, total_minor=2500
    )
    return replace(an_order(lines=(a_line("1", 4),), totals=totals, **changes), ref=ref)


async def sent(live: Live, ref: str) -> None:
    """Place an order and have its goods leave."""
    live.post(ref, i.PlaceOrder(order=four(ref)), f"{ref}-1")
    await stands(live, ref, "reserved", "released")
    live.post(ref, replace(packed(), ref=ref), f"{ref}-2")
    live.post(ref, replace(handed_over(), ref=ref), f"{ref}-3")
    await stands(live, ref, "shipped")


async def stands(live: Live, ref: str, *progress: str) -> None:
    """Wait until an order has got so far."""

    async def there() -> bool:
        return await live.progress(ref) in progress

    await eventually(there)


async def test_goods_that_left_are_neither_reserved_nor_on_hand(
    live: Live, follower: StockFollower, pool: Pool
) -> None:
    """Once, also when the same events are followed again from the beginning."""
    await on_the_shelf(pool, 10)
    await sent(live, "r1")
    before = await balance(pool)
    assert (before.on_hand, before.reserved, before.available) == (10, 4, 6)
    for _ in range(3):
        assert await follower.follow() > 0
        now = await balance(pool)
        assert (now.on_hand, now.reserved, now.available) == (6, 0, 6)
        await pool.fetch("UPDATE stock_progress SET xid = '0', position = 0")
    kinds = [one.kind for one in await StockLedger(pool).movements(SKU, [PLACE])]
    assert kinds == ["consumed", "counted"]


async def test_a_later_count_knows_already_that_they_left(
    live: Live, follower: StockFollower, pool: Pool
) -> None:
    """A count of after the hand-over, entered before it is followed, is not lowered by it; one of
    before it that comes later is."""
    await on_the_shelf(pool, 10)
    await sent(live, "r1")
    await on_the_shelf(pool, 6)
    await follower.follow()
    now = await balance(pool)
    assert (now.on_hand, now.reserved) == (6, 0)
    (noted,) = await pool.fetch("SELECT now() AS at")
    await sent(live, "r2")
    await follower.follow()
    await on_the_shelf(pool, 20, at=noted["at"])
    now = await balance(pool)
    assert (now.on_hand, now.reserved) == (16, 0)


async def test_states_of_another_version_are_rebuilt(
    live: Live, follower: StockFollower, pool: Pool
) -> None:
    """After an upgrade the stored states are of the version before: the events tell what left."""
    await on_the_shelf(pool, 10)
    await sent(live, "r1")
    await pool.fetch("UPDATE orders SET state = convert_to('{\"family\":\"X9\"}', 'UTF8')")
    await follower.follow()
    assert (await balance(pool)).on_hand == 6


async def test_after_a_restore_nothing_is_taken_off_twice(
    live: Live, follower: StockFollower, pool: Pool
) -> None:
    """A cluster that was restored from a dump counts transactions from the beginning: what left
    since the dump's last round is followed, the rest is not again."""
    await on_the_shelf(pool, 20)
    await sent(live, "r1")
    await follower.follow()
    await sent(live, "r2")
    younger = "SET xid = (xid::text::bigint + 1000000)::text::xid8"
    await pool.fetch("ALTER TABLE events DISABLE TRIGGER events_are_facts")
    for table in ("stock_progress", "events"):
        await pool.fetch(f"UPDATE {table} {younger}")
    await follower.begin()
    await all_of(follower)
    now = await balance(pool)
    assert (now.on_hand, now.reserved) == (12, 0)
    await sent(live, "r3")
    await all_of(follower)
    now = await balance(pool)
    assert (now.on_hand, now.reserved) == (8, 0)


async def all_of(follower: StockFollower) -> None:
    """Follow everything; the first empty page of a dump ends the dump."""
    while await follower.follow() or await follower.follow():
        pass


async def test_whom_what_arrives_suffices_for_is_tried_oldest_promise_first(
    live: Live, follower: StockFollower, pool: Pool
) -> None:
    """Three orders wait; what arrives for one is tried by the one that was promised first, once,
    and the others are left alone until more arrives."""
    await on_the_shelf(pool, 0)
    promises = {"r1": "2026-12-05", "r2": "2026-12-01", "r3": ""}
    for ref, day in promises.items():
        order = four(ref, ship_by=f"{day}T12:00:00Z" if day else None)
        live.post(ref, i.PlaceOrder(order=order), f"{ref}-1")
        await stands(live, ref, "backordered")
    await follower.follow()
    now = datetime.now(UTC)
    assert await follower.wake(now) == 0
    assert await due(pool, now) == []
    received = [Figure(place=PLACE, sku=SKU, units=4)]
    await StockLedger(pool).put(received, kind="received", person=WHO, reason=WHY)
    assert await follower.wake(now) == 1
    oldest = "r3"  # it has no date of its own, so it counts by when it was placed
    assert await due(pool, now) == [order_id_for(CHANNEL, oldest)]
    assert await follower.wake(now) == 0, "tried once, until more arrives"
    live.post(oldest, i.TimerFired(key=Key("F1"), name="stock"), "fired-1")
    await stands(live, oldest, "reserved", "released")
    await follower.follow()
    assert await follower.wake(now) == 0
    await StockLedger(pool).put(received, kind="received", person=WHO, reason=WHY)
    assert await follower.wake(now) == 1
    assert (await balance(pool)).available == 4


async def test_half_of_what_is_needed_is_tried_as_well(
    live: Live, follower: StockFollower, pool: Pool
) -> None:
    """What the first who waits can be sent in part is not kept from it; what is given back by
    another order arrives, too."""
    await on_the_shelf(pool, 4)
    live.post("r1", i.PlaceOrder(order=four("r1")), "r1-1")
    await stands(live, "r1", "reserved", "released")
    live.post("r2", i.PlaceOrder(order=four("r2")), "r2-1")
    await stands(live, "r2", "backordered")
    await follower.follow()
    now = datetime.now(UTC)
    assert await follower.wake(now) == 0
    await StockLedger(pool).put(
        [Figure(place=PLACE, sku=SKU, units=1)], kind="received", person=WHO, reason=WHY
    )
    assert await follower.wake(now) == 1
    assert await due(pool, now) == [order_id_for(CHANNEL, "r2")]


async def due(pool: Pool, now: datetime) -> list[str]:
    """The orders whose stock is tried now, in that order."""
    rows = await pool.fetch(
        "SELECT order_id FROM timers WHERE name = 'stock' AND due_at <= $1 ORDER BY due_at",
        now + timedelta(seconds=1),
    )
    return [row["order_id"] for row in rows]
