"""An address service beside real orders, on a running service: an address that is none is held, one
that is there goes on, and a service that is away stops no one."""

from __future__ import annotations

import asyncio
import json
import tomllib
from collections.abc import AsyncIterator

import aiohttp
import pytest
from msgspec.structs import replace

from schemas.order.canonical import Address
from service.demo.world import toml
from tests.integration.test_reviews_whole import placed
from tests.integration.whole import CHANNEL, Whole
from tests.waiting import eventually

TOWER = Address(
    name="Ada Archer", lines=("9 Tower Avenue",), city="Austin", region="TX",
    postal_code="78701", country="US",
)  # fmt: skip
HOLD = "unmapped-address"


@pytest.fixture
async def checked(whole: Whole) -> AsyncIterator[Whole]:
    """The service with USPS beside its partners; afterwards without."""
    config = whole.world.config
    before = config.read_text()
    table = tomllib.loads(before)
    table["partners"]["usps"] = {
        "kind": "usps",
        "base_url": f"{whole.world.partners.http}/usps",
        "client_id": "id",
        "client_secret": "secret",
        "hourly": 10_000,
        "calls": {"timeout_seconds": 10.0, "breaker_open_seconds": 0.05},
    }
    config.write_text(toml(table))
    await asyncio.to_thread(whole.cli, "reload")
    yield whole
    await partners(whole, "DELETE", "/_sim/faults")
    config.write_text(before)
    await asyncio.to_thread(whole.cli, "reload")


async def partners(whole: Whole, method: str, path: str, body: object = None) -> None:
    """Tell the simulated partners something."""
    url = f"{whole.world.partners.http}{path}"
    async with (
        aiohttp.ClientSession() as session,
        session.request(method, url, json=body) as answer,
    ):
        assert answer.status == 200, await answer.text()


async def plant(whole: Whole, *addresses: object) -> None:
    """Have USPS know these buildings."""
    await partners(whole, "POST", "/_sim/usps/addresses", {"addresses": list(addresses)})


async def held(whole: Whole, number: str) -> str:
    """Return what the order's timeline says, once a hold for its address is in it."""

    async def said() -> str:
        text = await asyncio.to_thread(whole.cli, "orders", "timeline", number)
        return text if "in the shipping address" in text or "usps knows no" in text else ""

    return await eventually(said, 20.0)


async def test_a_missing_unit_waits_for_a_person(checked: Whole) -> None:
    """It is held in words that quote nothing of the address; a person's release sends it on, and
    another order to a house that is there is never held."""
    await plant(checked, {"street": "9 Tower Ave", "units": ["4"]})
    order = checked.order(ship_to=TOWER)
    await placed(checked, order)
    said = await held(checked, order.number)
    assert "the number of the flat or suite is missing" in said
    words = ("--hold", HOLD, "--reason", "the customer says it is a house")
    await asyncio.to_thread(checked.cli, "orders", "release", order.number, *words)
    await checked.until(order.number, "closed", seconds=60.0)
    house = checked.order(ship_to=replace(TOWER, lines=("11 Tower Avenue",)))
    await placed(checked, house)
    await checked.until(house.number, "closed", seconds=60.0)


async def test_a_service_that_is_away_stops_no_order(checked: Whole) -> None:
    """Down, it says nothing, and the order is shipped; `doctor` says whose turn it is."""
    await plant(checked, {"street": "9 Tower Ave", "units": ["4"]})
    knobs = {"partner": "usps", "operation": "*", "down": True}
    await partners(checked, "POST", "/_sim/faults", knobs)
    order = checked.order(ship_to=replace(TOWER, lines=("13 Tower Avenue",)))
    await placed(checked, order)
    await checked.until(order.number, "closed", seconds=60.0)
    told = await asyncio.to_thread(
        checked.cli, "doctor", "--config", str(checked.world.config), code=1
    )
    assert "usps" in told


async def settled(whole: Whole, **settings: object) -> None:
    """Change the channel's settings; the fixture sets them back."""
    table = tomllib.loads(whole.world.config.read_text())
    table["channels"][CHANNEL].update(settings)
    whole.world.config.write_text(toml(table))
    await asyncio.to_thread(whole.cli, "reload")


async def told(whole: Whole, number: str) -> dict[str, str]:
    """Return what each partner was sent about an order, all its exchanges in one text."""
    shown = json.loads(await asyncio.to_thread(whole.cli, "orders", "timeline", number, "--json"))
    found: dict[str, str] = {}
    for one in shown:
        if one["kind"] == "exchange":
            words = ("orders", "exchange", number, str(one["exchange"]))
            text = await asyncio.to_thread(whole.cli, *words)
            partner = text.split(" at ")[1].split(",")[0]
            found[partner] = found.get(partner, "") + text
    return found


async def test_a_person_takes_a_corrected_address_over(checked: Whole) -> None:
    """It is held, `orders show` has how USPS writes it, and `orders correct` sends it there."""
    await plant(checked, {"asked": "17 Towr Avenue", "street": "17 Tower Ave"})
    await settled(checked, held_addresses=["corrected"])
    order = checked.order(ship_to=replace(TOWER, lines=("17 Towr Avenue",)))
    await placed(checked, order)
    assert "the street is not as usps has it: take that over" in await held(checked, order.number)
    shown = await asyncio.to_thread(checked.cli, "orders", "show", order.number)
    assert "by usps      Ada Archer, 17 TOWER AVE, Austin TX 78701, US" in shown
    words = ("orders", "correct", order.number, "--reason", "a slip of the pen")
    await asyncio.to_thread(checked.cli, *words)
    await checked.until(order.number, "closed", seconds=60.0)
    timeline = await asyncio.to_thread(checked.cli, "orders", "timeline", order.number)
    assert "a slip of the pen" in timeline
    assert "TOWER AVE" not in timeline


async def test_a_correction_is_taken_over_by_setting(checked: Whole) -> None:
    """ERP, label and warehouse get the corrected address, the timeline says which part and by
    whom, and the channel's own statement stays beside the order."""
    await plant(checked, {"asked": "19 Towr Avenue", "street": "19 Tower Ave"})
    await settled(checked, corrected_addresses="take")
    order = checked.order(ship_to=replace(TOWER, lines=("19 Towr Avenue",)))
    await placed(checked, order)
    await checked.until(order.number, "closed", seconds=60.0)
    timeline = await asyncio.to_thread(checked.cli, "orders", "timeline", order.number)
    assert "the street is now as usps has it, as the settings ask" in timeline
    sent = await told(checked, order.number)
    where = {name for name, text in sent.items() if "19 TOWER AVE" in text}
    assert where == {"bc", "ups", "warehouse-east"}, sorted(sent)
    assert not [name for name, text in sent.items() if "19 Towr" in text]


async def test_a_late_answer_is_used_when_it_comes(checked: Whole) -> None:
    """The decision did not wait for it; when it comes the order is held before it is packed."""
    await plant(checked, {"street": "15 Tower Ave", "confirmed": False})
    knobs = {"partner": "usps", "operation": "address", "latency_ms": 3_000}
    await partners(checked, "POST", "/_sim/faults", knobs)
    order = checked.order(ship_to=replace(TOWER, lines=("15 Tower Avenue",)), payment="pending")
    await placed(checked, order)
    await checked.until(order.number, "placed", seconds=30.0)
    assert "usps knows no such shipping address" in await held(checked, order.number)
