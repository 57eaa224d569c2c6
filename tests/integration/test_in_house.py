"""Orders whose goods are in the house, found in a real journal."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from actors.order.stream import encode_state, progress
from adapters.postgres import in_house
from adapters.postgres.in_house import PostgresInHouse
from adapters.postgres.journal import PostgresJournal
from adapters.postgres.views import Views
from service.warehouse.tasks import tasks_of
from tests.appends import CHANNEL, SEALING, append, minutes
from tests.given import Story, given_placed, given_released
from tests.integration.test_filtered import Shop, shop

__all__ = ["shop"]


async def found(shop: Shop, *channels: str) -> list[str]:
    """The references of the orders in the house, the oldest first."""
    pool = shop.views._pool
    house = PostgresInHouse(pool, Views(pool, SEALING))
    return [one.ref for one in await house.oldest(channels or None)]


async def kept(journal: PostgresJournal, ref: str, minute: float, story: Story, far: str) -> None:
    """Keep an order as a story left it; so far are the least of its goods."""
    one = append(ref, state=encode_state(story.state), at=minutes(minute))
    one = replace(one, row=replace(one.row, progress=far, stage="open"))
    assert (await journal.append(one)).kind == "committed"


async def test_what_waits_for_stock_hides_nothing_that_is_to_be_packed(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of orders that wait only those are shown of which something is in the house already, however
    many older ones wait for all of their goods."""
    monkeypatch.setattr(in_house, "MAX_ORDERS", 2)
    waiting, released = given_placed(), given_released()
    for number in range(3):
        await kept(shop.journal, f"W{number}", number, waiting, "backordered")
    await kept(shop.journal, "PARTLY", 10, released, "backordered")
    await kept(shop.journal, "HERE", 20, released, "released")
    assert await found(shop) == ["PARTLY", "HERE"]
    assert await found(shop, CHANNEL) == ["PARTLY", "HERE"]
    assert await found(shop, "other") == []
    await kept(shop.journal, "OLDER", 5, released, "picked")
    assert await found(shop) == ["OLDER", "PARTLY"]


async def test_what_is_being_cancelled_is_shown_while_its_goods_are_in_the_house(
    shop: Shop,
) -> None:
    """Whoever packs it sees that it is not wanted any more; one of which nothing was released is
    not shown."""
    await kept(shop.journal, "WAITS", 10, given_placed().act("cancel"), "cancelling")
    story = given_released().act("cancel")
    assert progress(story.state) == "cancelling"
    await kept(shop.journal, "STOPPED", 20, story, "cancelling")
    assert await found(shop) == ["STOPPED"]
    pool = shop.views._pool
    (one,) = await PostgresInHouse(pool, Views(pool, SEALING)).oldest(None)
    (task,) = tasks_of(
        one.parts, order_id=one.order_id, number=one.number, channel=one.channel,
        placed_at=one.placed_at, now=one.placed_at, ours=(),
    )  # fmt: skip
    assert task.stop
    assert not task.reports.any
