"""Exchanges with partners, at a real Postgres: sealed, bounded, erased with their order."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from msgspec.structs import replace

from actors.runtime.errors import JournalUnavailable
from adapters.kit.exchanges import Exchange, ExchangePolicy
from adapters.postgres.erasing import Erasing
from adapters.postgres.exchanges import BATCH, MAX_WAITING, PostgresExchanges
from adapters.postgres.migrate import migrate
from adapters.postgres.pool import Pool
from adapters.postgres.rewrapping import SealingKeys
from adapters.postgres.sealing import Masters, Sealing
from adapters.postgres.sealing_keys import agree
from schemas.order.ids import OrderId, order_id_for
from schemas.order.things import Key
from service.embedded.supervisor import EmbeddedServers
from tests.integration.servers import fresh_database
from tests.waiting import eventually

NOON = datetime(2026, 11, 27, 12, 0, tzinfo=UTC)
POLICY = ExchangePolicy(per_order=3, days=30)
ORDER_ID = order_id_for("acme-us", "1")


def an_exchange(number: int = 1, order_id: OrderId = ORDER_ID) -> Exchange:
    """An exchange that went well."""
    return Exchange(
        order_id=order_id, key=Key("F1"), effect=number, partner="wh-north", method="POST",
        url="http://north.example/v2/tasks", at=NOON, duration_ms=12, status=201,
        request=b'{"name":"Jane"}', response=b'{"task_id":"WT-1"}',
    )  # fmt: skip


class Secrets:
    """The data directory's secrets, as processes find them."""

    def __init__(self) -> None:
        self.active, self.keys = "01", {"01": b"the first master key"}

    def read(self) -> Masters:
        """The present ones."""
        return Masters(self.active, dict(self.keys), b"names")


@pytest.fixture
async def pool(servers: EmbeddedServers) -> AsyncIterator[Pool]:
    """Connections to a new database."""
    dsn = await fresh_database(servers)
    await migrate(dsn)
    made = Pool(dsn)
    yield made
    await made.close()


async def test_what_was_said_is_sealed_and_read_again(pool: Pool) -> None:
    """Nothing of it is legible in the table; it opens as it was, oldest first."""
    sealing = Sealing(Secrets().read)
    exchanges = PostgresExchanges(pool, sealing, POLICY)
    first, second = an_exchange(1), replace(an_exchange(2), status=0, error="It hung up.")
    exchanges.record(first)
    exchanges.record(second)
    assert await exchanges.flush() == 2
    found = await exchanges.of_order(ORDER_ID)
    assert [one.exchange for one in found] == [first, second]
    page = await exchanges.of_order(ORDER_ID, before=found[1].id)
    assert [one.exchange.effect for one in page] == [1]
    (row, _) = await pool.fetch("SELECT said FROM exchanges ORDER BY id")
    assert b"Jane" not in row["said"]
    await pool.fetch("UPDATE exchanges SET said = said || 'x'")
    assert not any(one.readable for one in await exchanges.of_order(ORDER_ID))


async def test_each_order_keeps_its_latest(pool: Pool) -> None:
    """Above the bound the oldest go, of that order alone."""
    exchanges = PostgresExchanges(pool, Sealing(Secrets().read), POLICY)
    other = order_id_for("acme-us", "2")
    exchanges.record(an_exchange(1, other))
    for number in range(1, 7):
        exchanges.record(an_exchange(number))
        await exchanges.flush()
    assert [one.exchange.effect for one in await exchanges.of_order(ORDER_ID)] == [4, 5, 6]
    assert len(await exchanges.of_order(other)) == 1


async def test_the_bound_holds_of_many_orders_at_once(
    pool: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also of orders that are counted no more because others came, and of those with many calls."""
    monkeypatch.setattr("adapters.postgres.exchanges.MAX_COUNTED", 2)
    policy = ExchangePolicy(per_order=20)
    exchanges = PostgresExchanges(pool, Sealing(Secrets().read), policy)
    orders = [order_id_for("acme-us", f"{number}") for number in range(5)]
    for number in range(1, 41):
        for order in orders:
            exchanges.record(an_exchange(number, order))
        await exchanges.flush()
    for order in orders:
        kept = [one.exchange.effect for one in await exchanges.of_order(order)]
        assert kept == list(range(41 - len(kept), 41))
        assert 20 <= len(kept) < 25


async def test_what_was_written_is_not_written_again(
    pool: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Postgres goes away between the writing and the look for old ones: those go the next time."""
    fetch, away = pool.fetch, ["once"]

    async def failing(sql: str, *arguments: object) -> list[Any]:
        if "row_number()" in sql and away:
            away.clear()
            raise JournalUnavailable("Postgres is away.")
        return await fetch(sql, *arguments)

    monkeypatch.setattr(pool, "fetch", failing)
    exchanges = PostgresExchanges(pool, Sealing(Secrets().read), POLICY)
    for number in range(1, 5):
        exchanges.record(an_exchange(number))
    assert await exchanges.flush() == 4
    assert not away
    assert [one.exchange.effect for one in await exchanges.of_order(ORDER_ID)] == [1, 2, 3, 4]
    exchanges.record(an_exchange(5))
    await exchanges.flush()
    assert [one.exchange.effect for one in await exchanges.of_order(ORDER_ID)] == [3, 4, 5]


async def test_old_ones_expire(pool: Pool) -> None:
    """After the policy's days a row goes, and no sooner."""
    exchanges = PostgresExchanges(pool, Sealing(Secrets().read), POLICY)
    exchanges.record(an_exchange(1))
    exchanges.record(replace(an_exchange(2), at=NOON + timedelta(days=1)))
    await exchanges.flush()
    assert await exchanges.expire(now=NOON + timedelta(days=30)) == 0
    assert await exchanges.expire(now=NOON + timedelta(days=30, seconds=1)) == 1
    assert [one.exchange.effect for one in await exchanges.of_order(ORDER_ID)] == [2]


async def test_they_go_with_the_customer_s_data(pool: Pool) -> None:
    """Erasing an order erases its exchanges, and what was under way to the table stays away."""
    exchanges = PostgresExchanges(pool, Sealing(Secrets().read), POLICY)
    exchanges.record(an_exchange(1))
    await exchanges.flush()
    late = an_exchange(2)
    exchanges.record(late)
    columns = await pool.fetch(
        "SELECT column_name AS name FROM information_schema.columns WHERE table_name = 'orders'"
        " AND is_nullable = 'NO' AND column_default IS NULL AND is_generated = 'NEVER'"
    )
    known = {
        "order_id": ORDER_ID, "channel": "acme-us", "final": True, "placed_at": NOON,
        "updated_at": NOON, "state": b"", "version": 1, "partition": 0, "total_minor": 0,
        "needs_person": False, "progress_since": NOON,
    }  # fmt: skip
    names = [row["name"] for row in columns]
    values = [known.get(name, "") for name in names]
    marks = ", ".join(f"${index}" for index in range(1, len(names) + 1))
    await pool.fetch(f"INSERT INTO orders ({', '.join(names)}) VALUES ({marks})", *values)
    erased = await Erasing(pool).erase_orders(
        [ORDER_ID], person="clerk", target="x", reason="asked", at=NOON
    )
    assert erased == (ORDER_ID,)
    assert await exchanges.of_order(ORDER_ID) == ()
    assert await exchanges.flush() == 0
    assert await exchanges.of_order(ORDER_ID) == ()


async def test_a_new_master_key_wraps_them_again(pool: Pool) -> None:
    """After that the old one is needed no more."""
    secrets = Secrets()
    sealing = Sealing(secrets.read)
    await agree(pool, sealing)
    exchanges = PostgresExchanges(pool, sealing, POLICY)
    exchanges.record(an_exchange(1))
    await exchanges.flush()
    secrets.keys["02"], secrets.active = b"the second one", "02"
    sealing.refresh()
    await agree(pool, sealing)
    keys = SealingKeys(pool, sealing)
    used = {one.id: one.parts for one in await keys.used()}
    assert used["01"] == 1
    assert await keys.rewrap_exchanges(0) == (1, None)
    assert await keys.rewrap_exchanges(0) == (0, None)
    used = {one.id: one.parts for one in await keys.used()}
    assert (used["01"], used["02"]) == (0, 1)
    (found,) = await exchanges.of_order(ORDER_ID)
    assert found.exchange == an_exchange(1)


async def test_there_is_room_for_so_many(pool: Pool) -> None:
    """What there is no room for is dropped and counted; the writer empties the queue by itself."""
    exchanges = PostgresExchanges(pool, Sealing(Secrets().read), ExchangePolicy())
    for number in range(MAX_WAITING + 5):
        exchanges.record(an_exchange(number, order_id_for("acme-us", str(number))))
    assert exchanges.dropped == 5
    assert not exchanges.wants(ORDER_ID, 500)
    writer = asyncio.create_task(exchanges.run())
    await eventually(lambda: not exchanges._waiting)
    exchanges.record(an_exchange(MAX_WAITING))
    writer.cancel()
    with suppress(asyncio.CancelledError):
        await writer
    (row,) = await pool.fetch("SELECT count(*) AS n FROM exchanges")
    assert row["n"] == MAX_WAITING + 1
    assert MAX_WAITING % BATCH == 0
