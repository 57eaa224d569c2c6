"""Orders whose goods are in the house, found in a real journal."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from actors.order.stream import encode_state
from adapters.postgres import in_house
from adapters.postgres.in_house import PostgresInHouse
from adapters.postgres.journal import PostgresJournal
from adapters.postgres.views import Views
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
