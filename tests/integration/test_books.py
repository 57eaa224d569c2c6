"""Documents of the accounting export on a real Postgres: entered once, in the journal's order."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import date, datetime, timedelta
from typing import Any

import asyncpg
import msgspec
import pytest
from msgspec.structs import replace

from actors.order.state import State
from actors.order.stream import encode_state
from adapters.postgres.accounting import Accounting, Document
from adapters.postgres.migrate import migrate
from adapters.postgres.pool import Pool
from adapters.postgres.sealing import Masters, Sealing
from service.books.entering import MOVES, TYPES, in_zones
from tests.given import NOON, an_order
from tests.integration.test_recon_rounds import INSERT_BODY, INSERT_ORDER
from tests.stories.pure import Pure

SEALING = Sealing(lambda: Masters("01", {"01": b"the first master key"}, b"names"))
EVENT = "INSERT INTO events (order_id, version, type, body, at) VALUES ($1, $2, $3, '{}', $4)"
FIRST = date(1, 1, 1), 0


@pytest.fixture
async def pool(database: str) -> AsyncIterator[Pool]:
    """A database of its own."""
    await migrate(database)
    pool = Pool(database, deadline_seconds=10)
    yield pool
    await pool.close()


async def keep(pool: Pool, name: str) -> None:
    """Keep an accepted order that is paid."""
    order = an_order(number=name)
    state: State = Pure("full").given("an order").places(order).world.state
    placed = datetime.fromisoformat(order.placed_at)
    await pool.fetch(INSERT_ORDER, name, placed, placed, encode_state(state))
    sealed = SEALING.seal(name, "", msgspec.json.encode(order))
    await pool.fetch(INSERT_BODY, name, "", sealed.master, sealed.wrapped, sealed.value, placed)
    await pool.fetch(EVENT, name, 1, "order.placed.v2", placed)


async def state_again(pool: Pool, name: str, at: datetime) -> None:
    """Let the channel state less of an order, at that moment."""
    order = an_order(number=name)
    totals = replace(order.totals, shipping_minor=0, total_minor=1_750)
    body = msgspec.json.encode(replace(order, totals=totals))
    sealed = SEALING.seal(name, "", body)
    await pool.fetch("DELETE FROM order_bodies WHERE order_id = $1", name)
    await pool.fetch("DELETE FROM body_keys WHERE order_id = $1", name)
    await pool.fetch(INSERT_BODY, name, "", sealed.master, sealed.wrapped, sealed.value, at)
    await pool.fetch(EVENT, name, 2, "order.changed.v1", at)


async def enter(pool: Pool) -> bool:
    """Read on in the journal."""
    return await Accounting(pool, SEALING).enter(TYPES, MOVES, in_zones({}), NOON)


async def entered(pool: Pool, **asked: Any) -> list[Document]:
    """The documents of all days."""
    channels = asked.get("channels")
    days = date(2000, 1, 1), date(2100, 1, 1)
    return await Accounting(pool, SEALING).documents(channels, *days, asked.get("after", FIRST))


async def test_each_document_is_entered_once(pool: Pool) -> None:
    """However many read on at the same time, and however often; pages go on where one ended."""
    for number in range(5):
        await keep(pool, f"O{number}")
    await asyncio.gather(*(enter(pool) for _ in range(4)))
    found = await entered(pool)
    names = [(one.order_id, one.part, one.number) for one in found]
    assert len(names) == len(set(names)) == 10
    assert not await enter(pool)
    assert await entered(pool) == found
    assert await entered(pool, after=(found[3].day, found[3].id)) == found[4:]
    assert await entered(pool, channels=["another"]) == []


async def test_a_change_is_entered_on_its_day_and_what_was_entered_stays(pool: Pool) -> None:
    """The first documents are not touched, and no one can touch them."""
    await keep(pool, "O1")
    await enter(pool)
    before = await entered(pool)
    assert [one.kind for one in before] == ["sale", "payment"]
    await state_again(pool, "O1", NOON + timedelta(days=9))
    await enter(pool)
    found = await entered(pool)
    assert found[:2] == before
    assert [(one.kind, one.day) for one in found[2:]] == [
        ("change", date(2026, 12, 6)),
        ("payback", date(2026, 12, 6)),
    ]
    with pytest.raises(asyncpg.PostgresError):
        await pool.fetch("UPDATE book_documents SET currency = 'EUR'")


async def test_a_place_of_another_cluster_is_left(pool: Pool) -> None:
    """After a dump was restored what is written from then on is entered."""
    await pool.fetch("UPDATE book_progress SET xid = '9000000000', position = 5")
    await enter(pool)
    await pool.fetch("UPDATE book_progress SET xid = pg_snapshot_xmin(pg_current_snapshot())")
    await keep(pool, "O1")
    await enter(pool)
    assert [one.kind for one in await entered(pool)] == ["sale", "payment"]


async def test_an_erased_order_keeps_its_documents(pool: Pool) -> None:
    """They hold ids and amounts; nothing of the order is entered any more."""
    await keep(pool, "O1")
    await enter(pool)
    before = await entered(pool)
    await pool.fetch("UPDATE body_keys SET wrapped = NULL")
    await pool.fetch(EVENT, "O1", 2, "order.changed.v1", NOON)
    await enter(pool)
    assert await entered(pool) == before
