"""The public feed, over HTTP and out of a real Postgres."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from msgspec import Struct

from adapters.postgres.availability import Availability
from adapters.postgres.journal import PostgresJournal
from adapters.postgres.leases import Leases
from adapters.postgres.migrate import migrate
from adapters.postgres.pool import Pool
from adapters.postgres.stock import StockPartner, StockRow
from schemas.messages import events as e
from service.app.web import HttpServer, application
from service.availability.api import AvailabilityApi
from service.availability.feed import Feed
from service.availability.measuring import LEAST
from service.demo.world import toml
from service.settings import Settings, load
from tests.appends import SEALING
from tests.contract.partner_calls import TestClock
from tests.order_streams import F1, K1, Stream, left, packed, planned

CHANNEL = "wholesale"


def settings(home: Path, **changes: object) -> Settings:
    """A public channel that sends from two of three places, and one that tells nothing."""
    channel = {"kind": "canonical", "public_availability": True, "places": ["east", "west"]}
    table = {
        "channels": {CHANNEL: {**channel, **changes}, "outlet": {"kind": "canonical"}},
        "places": {"east": {}, "west": {}, "north": {}},
    }
    path = home / "orderwright.toml"
    path.write_text(toml(table))
    return load({}, path)


class World(Struct):
    """A database with a feed of it, and where it is."""

    pool: Pool
    journal: PostgresJournal
    feed: Feed
    clock: TestClock
    url: str = ""


@pytest.fixture
async def world(database: str, tmp_path: Path) -> AsyncIterator[World]:
    await migrate(database)
    pool = Pool(database, deadline_seconds=10, by_key=False)
    leases = Leases(pool, "test")
    await leases.acquire()
    clock = TestClock()
    feed = Feed(Availability(pool), clock, settings(tmp_path))
    server = HttpServer(application([AvailabilityApi(feed).routes()]))
    await server.start("127.0.0.1", 0)
    url = f"http://127.0.0.1:{server.port}/availability"
    yield World(pool, PostgresJournal(pool, leases, SEALING), feed, clock, url)
    await server.stop()
    await leases.release()
    await pool.close()


async def asked(world: World, path: str = CHANNEL, status: int = 200) -> dict[str, Any]:
    """Return what anybody is told, without a key."""
    async with aiohttp.ClientSession() as session, session.get(f"{world.url}/{path}") as answer:
        assert answer.status == status, await answer.text()
        if status == 200:
            assert answer.headers["Cache-Control"] == "public, max-age=60"
        found: dict[str, Any] = await answer.json(content_type=None)
        return found


async def stocked(world: World, *rows: tuple[str, str, int]) -> None:
    """Have so many units of an SKU lie at a place."""
    await StockPartner(world.pool).seed(
        [StockRow(place=place, sku=sku, on_hand=on_hand) for place, sku, on_hand in rows]
    )


async def test_it_says_what_is_in_stock_and_not_how_many(world: World, tmp_path: Path) -> None:
    """At the channel's own places, beyond its buffer at each; what no one counts is not there."""
    await stocked(
        world, ("east", "CUP", 3), ("west", "CUP", 0), ("east", "JAR", 2), ("west", "JAR", 2),
        ("north", "LAMP", 9), ("west", "MUG", 0),
    )  # fmt: skip
    world.feed.use(settings(tmp_path, availability_buffer=2))
    found = await asked(world)
    assert found["@context"] == "https://schema.org"
    assert found["offers"] == [
        {"@type": "Offer", "sku": "CUP", "availability": "https://schema.org/InStock"},
        {"@type": "Offer", "sku": "JAR", "availability": "https://schema.org/OutOfStock"},
        {"@type": "Offer", "sku": "MUG", "availability": "https://schema.org/OutOfStock"},
    ]
    assert found["next_cursor"] is None
    assert found["shippingDetails"] == []


async def test_it_comes_in_pages_and_from_memory(world: World) -> None:
    """Whoever asks often asks no database; a minute later it is asked again."""
    await stocked(world, ("east", "CUP", 1), ("east", "JAR", 1))
    first = await asked(world, f"{CHANNEL}?limit=1")
    assert first["next_cursor"] == "CUP"
    second = await asked(world, f"{CHANNEL}?limit=1&cursor=CUP")
    assert [one["sku"] for one in second["offers"]] == ["JAR"]
    await stocked(world, ("east", "CUP", 0))
    assert await asked(world, f"{CHANNEL}?limit=1") == first
    world.clock.ahead = 61.0
    assert await asked(world, f"{CHANNEL}?limit=1") != first


async def test_a_channel_that_publishes_nothing_is_not_there(world: World) -> None:
    """Neither one that is not public nor one that there is none of; and nothing else is answered
    for a wrong question."""
    await asked(world, "outlet", 404)
    await asked(world, "nowhere", 404)
    await asked(world, f"{CHANNEL}?limit=0", 400)
    await asked(world, f"{CHANNEL}?cursor={'x' * 300}", 400)


async def test_delivery_times_are_those_that_were_measured(world: World) -> None:
    """Of parcels that left and arrived, in schema.org's words; one order fewer, and nothing is
    stated."""
    for number in range(LEAST):
        if number == LEAST - 1:
            assert (await asked(world))["shippingDetails"] == []
            world.clock.ahead = 4_000.0
        await delivered(world, f"D{number}", hours_to_leave=20.0, hours_on_its_way=50.0)
    (one,) = (await asked(world))["shippingDetails"]
    assert one["@type"] == "OfferShippingDetails"
    assert one["shippingDestination"] == {"@type": "DefinedRegion", "addressCountry": "US"}
    times = one["deliveryTime"]
    assert times["@type"] == "ShippingDeliveryTime"
    assert len(times["businessDays"]["dayOfWeek"]) == 7
    quantity = {"@type": "QuantitativeValue", "unitCode": "DAY"}
    assert times["handlingTime"] == {**quantity, "minValue": 0, "maxValue": 1}
    assert times["transitTime"] == {**quantity, "minValue": 2, "maxValue": 3}


async def delivered(
    world: World, ref: str, *, hours_to_leave: float, hours_on_its_way: float
) -> None:
    """Keep an order whose one parcel left and arrived, each so many hours later."""
    stream = Stream(ref, channel=CHANNEL)
    began = world.clock.now() - timedelta(days=9)
    gone = began + timedelta(hours=hours_to_leave)
    there = gone + timedelta(hours=hours_on_its_way)
    events: tuple[e.OrderEvent, ...] = (
        stream.placed(country="US"),
        e.Accepted(rule="accept", basis="paid"),
        planned(F1, "main", (0, 2), (1, 1)),
        e.StockReserved(rule="reserve", key=F1, place="main"),
        e.TaskTaken(rule="release", key=F1, task_id="WT-1"),
        packed(F1, K1, (0, 2), (1, 1)),
    )
    for append in (
        stream.tell(*events, at=began),
        stream.tell(left(F1, K1, (0, 2), (1, 1)), at=gone),
        stream.tell(e.Delivered(rule="deliver", key=K1), at=there),
    ):
        assert (await world.journal.append(append)).kind == "committed"
