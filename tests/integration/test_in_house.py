"""Orders whose goods are in the house, found in a real journal."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from actors.order.stream import encode_state, row_of
from adapters.postgres import in_house
from adapters.postgres.in_house import PostgresInHouse
from adapters.postgres.migrate import migrations
from adapters.postgres.views import Views
from service.warehouse.tasks import tasks_of
from tests.appends import CHANNEL, SEALING, append, minutes
from tests.given import Story, given_placed, given_released
from tests.integration.journals import rows_read
from tests.integration.test_filtered import Shop, shop

__all__ = ["shop"]


async def found(shop: Shop, *channels: str) -> list[str]:
    """The references of the orders in the house, the oldest first."""
    pool = shop.views._pool
    house = PostgresInHouse(pool, Views(pool, SEALING))
    return [one.ref for one in await house.oldest(channels or None)]


async def kept(shop: Shop, ref: str, minute: float, story: Story, far: str = "") -> None:
    """Keep an order as a story left it, which is said to be so far ("": as it is)."""
    told = row_of(story.state)
    one = append(ref, state=encode_state(story.state), at=minutes(minute))
    row = replace(one.row, progress=far or told.progress, stage="open", in_house=told.in_house)
    assert (await shop.journal.append(replace(one, row=row))).kind == "committed"


async def test_what_waits_for_stock_hides_nothing_that_is_to_be_packed(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of orders that wait only those are shown of which something is in the house already, however
    many older ones wait for all of their goods."""
    monkeypatch.setattr(in_house, "MAX_ORDERS", 2)
    waiting, released = given_placed(), given_released()
    for number in range(3):
        await kept(shop, f"W{number}", number, waiting)
    await kept(shop, "PARTLY", 10, released, "backordered")
    await kept(shop, "HERE", 20, released)
    assert await found(shop) == ["PARTLY", "HERE"]
    assert await found(shop, CHANNEL) == ["PARTLY", "HERE"]
    assert await found(shop, "other") == []
    await kept(shop, "OLDER", 5, released)
    assert await found(shop) == ["OLDER", "PARTLY"]


async def test_what_is_being_cancelled_is_shown_while_its_goods_are_in_the_house(
    shop: Shop,
) -> None:
    """Whoever packs it sees that it is not wanted any more; one of which nothing was released is
    not shown."""
    await kept(shop, "WAITS", 10, given_placed().act("cancel"))
    story = given_released().act("cancel")
    assert row_of(story.state).progress == "cancelling"
    await kept(shop, "STOPPED", 20, story)
    assert await found(shop) == ["STOPPED"]
    pool = shop.views._pool
    (one,) = await PostgresInHouse(pool, Views(pool, SEALING)).oldest(None)
    (task,) = tasks_of(
        one.parts, order_id=one.order_id, number=one.number, channel=one.channel,
        placed_at=one.placed_at, now=one.placed_at, ours=(),
    )  # fmt: skip
    assert task.stop
    assert not task.reports.any


async def test_orders_that_wait_are_not_read(shop: Shop, database: str) -> None:
    """Whoever looks at tasks reads the orders of which there are some, and none of those that are
    open for another reason."""
    for number in range(60):
        await kept(shop, f"W{number}", number, given_placed())
    await kept(shop, "HERE", 70, given_released())
    await kept(shop, "THERE", 80, given_released())
    assert await rows_read(database, "orders", in_house._sql()["oldest"], None, 200) == 2


async def test_an_order_leaves_the_house_with_its_goods(shop: Shop) -> None:
    """What has left is not shown any more."""
    story = given_released()
    one = append("1", state=encode_state(story.state))
    await shop.journal.append(replace(one, row=replace(one.row, in_house=True)))
    assert await found(shop) == ["1"]
    then = append("1", 1, state=encode_state(story.state))
    await shop.journal.append(replace(then, row=replace(then.row, in_house=False)))
    assert await found(shop) == []


async def test_what_was_in_the_house_before_the_index_is_found(shop: Shop) -> None:
    """The migration marks the orders whose states name what is in the house, and no others."""
    await kept(shop, "WAITS", 0, given_placed())
    await kept(shop, "PARTLY", 10, given_released(), "backordered")
    await kept(shop, "HERE", 20, given_released())
    await kept(shop, "STOPPED", 25, given_released().act("cancel"))
    await kept(shop, "GONE", 30, given_released(), "shipped")
    pool = shop.views._pool
    await pool.fetch("UPDATE orders SET in_house = false")
    sql = next(one.sql for one in migrations() if one.name.startswith("0240"))
    await pool.fetch(sql[sql.index("UPDATE orders") : sql.index("CREATE INDEX")])
    assert await found(shop) == ["PARTLY", "HERE", "STOPPED"]
