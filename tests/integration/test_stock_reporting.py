"""What a warehouse reports of its stock, from a simulated warehouse over HTTP into a real Postgres:
all of a report or nothing, and a refusal says what to do."""

from __future__ import annotations

import base64
import hmac
import json
import time
import tomllib
from collections.abc import AsyncIterator, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from prometheus_client import CollectorRegistry

from adapters.kit.instance import Instance
from adapters.kit.standard_webhooks import key_of
from adapters.postgres.pool import Pool
from adapters.postgres.stock import StockPartner
from adapters.postgres.stock_ledger import EVERY, Balance, Figure, StockLedger
from adapters.postgres.stock_reports import Report, StockReports
from adapters.warehouses.http.kind import KIND
from service.app.clock import SystemClock
from service.settings import Settings, load
from service.stock.reporting import StockReceiver
from tests.contract.simulated import Client, Running, calling, started
from tests.integration.http import running_edge
from tests.integration.test_edge import http, problem
from tests.integration.test_edge_faults import BrokenStream
from tests.integration.test_stock import call
from tests.integration.test_stock_offers import pool
from tests.integration.whole import Whole
from tests.waiting import eventually

__all__ = ["http", "pool"]

SECRET = "whsec_" + base64.b64encode(b"a secret of this test").decode()
CONFIGURATION = f"""
[channels.web]
kind = "canonical"
[partners.north]
kind = "warehouse"
base_url = "http://north.invalid"
token = "t"
callback_secrets = ["{SECRET}"]
[partners.south]
kind = "warehouse"
base_url = "http://south.invalid"
token = "t"
callback_secrets = ["{SECRET}"]
new_skus = "enter"
[places.main]
warehouse = "north"
counted_by = "north"
[places.east]
warehouse = "south"
"""
# Any: a body as JSON, to be changed in every way.
Json = dict[str, Any]


@pytest.fixture(scope="module")
def running() -> Iterator[Running]:
    """The simulators, whose warehouses sign with the secret of this test."""
    with started("--callback-secret", SECRET) as found:
        yield found


@pytest.fixture
async def simulators(running: Running) -> AsyncIterator[Client]:
    """What asks the running simulators."""
    async with calling(running) as client:
        yield client


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """One warehouse counts the place `main`; no one counts `east`."""
    return configured(tmp_path, CONFIGURATION)


def configured(folder: Path, text: str) -> Settings:
    """Read settings as a file of them is read."""
    path = folder / "orderwright.toml"
    path.write_text(text)
    return load({}, path)


class House:
    """Where warehouses report to, and what a person knows of it."""

    def __init__(self, pool: Pool, settings: Settings) -> None:
        self.pool = pool
        self.receiver = StockReceiver(settings, pool, SystemClock(), CollectorRegistry())
        self.url = ""

    async def knows(self, **units: int) -> None:
        """So many of each SKU were counted yesterday."""
        figures = [Figure(place="main", sku=sku, units=n) for sku, n in units.items()]
        at = SystemClock().now() - timedelta(days=1)
        await StockLedger(self.pool).put(figures, kind="counted", at=at, person="p", reason="r")

    async def balances(self, place: str = "main") -> dict[str, Balance]:
        """Every balance of a place."""
        return {x.sku: x for x in await StockLedger(self.pool).page(place=place, limit=200)}

    async def on_hand(self) -> dict[str, int]:
        """What lies at `main`."""
        return {sku: one.on_hand for sku, one in (await self.balances()).items()}

    async def reports(self) -> list[Report]:
        """What `orderwright stock reports` lists."""
        return await StockReports(self.pool).all()


@pytest.fixture
async def house(pool: Pool, settings: Settings) -> AsyncIterator[House]:
    """The edge, at which two warehouses may report."""
    found = House(pool, settings)
    senders = {}
    for name in ("north", "south"):
        assert KIND.reports is not None
        partner: Any = settings.partners[name]  # Any: settings of this kind
        senders[name] = KIND.reports(partner, Instance(name=name, keys={}))
    async with running_edge(BrokenStream(), sources=senders, at_once=found.receiver.take) as edge:
        found.url = edge.base
        yield found


def a_report(**changes: object) -> Json:
    """A report of one SKU, counted just now."""
    return {
        "type": "stock.counted",
        "counted_at": SystemClock().now().isoformat(),
        "counts": [{"sku": "A", "on_hand": 12}],
        **changes,
    }


async def sent(
    http: aiohttp.ClientSession,
    house: House,
    body: Json,
    *,
    name: str = "north",
    key: bytes = b"a secret of this test",
) -> aiohttp.ClientResponse:
    """Send a report as a warehouse does."""
    raw, stamp = json.dumps(body).encode(), str(int(time.time()))
    digest = hmac.digest(key, f"msg_1.{stamp}.".encode() + raw, "sha256")
    headers = {
        "webhook-id": "msg_1",
        "webhook-timestamp": stamp,
        "webhook-signature": "v1," + base64.b64encode(digest).decode(),
    }
    async with http.post(f"{house.url}/hooks/{name}", data=raw, headers=headers) as answer:
        await answer.read()
        return answer


async def refusal(http: aiohttp.ClientSession, house: House, body: Json, **more: Any) -> str:
    """Send a report that is refused, and return why."""
    answer = await sent(http, house, body, **more)
    assert answer.status == 422
    return str((await problem(answer))["detail"])


async def test_a_simulated_warehouse_reports_what_lies_in_it(
    house: House, simulators: Client
) -> None:
    """Its figures are counts of the place: what is promised stays, a gap is told, and who counted
    is in the movements."""
    await house.knows(A=10, B=5)
    await StockPartner(house.pool).perform(call("r1", {"B": 4}))
    told: Json = {"callback_url": f"{house.url}/hooks/north", "place": "main"}
    told |= {"counts": [{"sku": "A", "on_hand": 12}, {"sku": "B", "on_hand": 3}]}
    answer = await simulators.call("POST", "/_sim/warehouse/stock", told)
    assert answer.status == 200, answer.text
    await eventually(house.reports)
    found = await house.balances()
    assert (found["A"].on_hand, found["B"].on_hand, found["B"].missing) == (12, 3, 1)
    (report,) = await house.reports()
    assert (report.place, report.partner, report.fault) == ("main", "north", "")
    assert (report.figures, report.changed, report.missing) == (2, 2, 1)
    (movement, *_) = await StockLedger(house.pool).movements("A", ["main"])
    assert (movement.kind, movement.person) == ("counted", "partner north")


async def test_a_report_that_comes_twice_or_late_changes_nothing(
    house: House, http: aiohttp.ClientSession
) -> None:
    """A repeat is answered like the first, and figures of before the last count are left out."""
    await house.knows(A=10)
    body = a_report()
    assert (await sent(http, house, body)).status == 200
    assert (await sent(http, house, body)).status == 200
    assert await house.on_hand() == {"A": 12}
    assert len(await StockLedger(house.pool).movements("A", ["main"])) == 2
    before = (SystemClock().now() - timedelta(hours=1)).isoformat()
    late = a_report(counted_at=before, counts=[{"sku": "A", "on_hand": 99}])
    assert (await sent(http, house, late)).status == 200
    assert await house.on_hand() == {"A": 12}
    assert [one.stale for one in await house.reports()] == [1]


async def test_what_left_since_it_was_counted_is_taken_off_and_what_came_is_not_added(
    house: House, http: aiohttp.ClientSession
) -> None:
    """A report of ten minutes ago does not undo what left since; a delivery may be in it."""
    await house.knows(A=10)
    ledger, one = StockLedger(house.pool), Figure(place="main", sku="A", units=-2)
    await ledger.put([one], kind="adjusted", person="p", reason="broken")
    came = Figure(place="main", sku="A", units=7)
    await ledger.put([came], kind="received", person="p", reason="delivery")
    at = (SystemClock().now() - timedelta(minutes=10)).isoformat()
    assert (await sent(http, house, a_report(counted_at=at))).status == 200
    assert await house.on_hand() == {"A": 10}


@pytest.mark.parametrize(
    ("count", "sentence"),
    [
        ({"sku": "B", "on_hand": -1}, "-1"),
        ({"sku": "B", "on_hand": 10**12}, "1000000000000"),
        ({"sku": "B", "on_hand": 1.5}, "1.5"),
        ({"sku": "", "on_hand": 1}, "sku"),
        ({"sku": "A", "on_hand": 1}, "A"),
        ({"sku": "B"}, "on_hand"),
    ],
)
async def test_a_figure_that_cannot_be_refuses_the_whole_report(
    house: House, http: aiohttp.ClientSession, count: Json, sentence: str
) -> None:
    """Below 0, 10¹², a fraction, no SKU, one that is there twice: a sentence names it, and nothing
    of the report is entered."""
    await house.knows(A=10, B=5)
    body = a_report(counts=[{"sku": "A", "on_hand": 12}, count])
    assert sentence in await refusal(http, house, body)
    assert await house.on_hand() == {"A": 10, "B": 5}
    (report,) = await house.reports()
    assert report.fault
    assert report.figures == 0


async def test_an_unknown_sku_refuses_the_report_until_the_warehouse_may_name_new_ones(
    house: House, http: aiohttp.ClientSession, tmp_path: Path
) -> None:
    """The refusal says what to do; a SKU that is declared is known; with new_skus = "enter" the
    unknown one is counted from then on."""
    await house.knows(A=10)
    counts = [{"sku": sku, "on_hand": 3} for sku in ("A", "NEW", "DECLARED")]
    ledger, now = StockLedger(house.pool), SystemClock().now()
    await ledger.declare(EVERY, "DECLARED", at=now, person="p", reason="made to order")
    why = await refusal(http, house, a_report(counts=counts))
    assert 'No SKU is known here as "NEW"' in why
    assert "partners.north.new_skus" in why
    assert "DECLARED" not in why
    assert await house.on_hand() == {"A": 10}
    theirs = CONFIGURATION.replace('counted_by = "north"', 'counted_by = "south"')
    house.receiver.use(configured(tmp_path, theirs))
    answer = await sent(http, house, a_report(counts=counts), name="south")
    assert answer.status == 200
    assert await house.on_hand() == {"A": 3, "NEW": 3, "DECLARED": 3}


async def test_only_the_places_that_it_counts_are_counted_by_it(
    house: House, http: aiohttp.ClientSession
) -> None:
    """A place that another one counts, one that is not there, and a warehouse that counts none."""
    await house.knows(A=10)
    for place in ("east", "nowhere"):
        why = await refusal(http, house, a_report(place=place))
        assert f'"{place}" is not one that this warehouse counts; it counts main.' in why
    why = await refusal(http, house, a_report(), name="south")
    assert "No place is counted by south" in why
    assert await house.on_hand() == {"A": 10}
    assert await house.balances("east") == {}


@pytest.mark.parametrize(
    "at", ["2026-02-31T12:00:00Z", "2199-01-01T00:00:00Z", "2020-01-01T00:00:00Z", "noon"]
)
async def test_a_report_of_no_time_or_of_one_that_cannot_be_is_refused(
    house: House, http: aiohttp.ClientSession, at: str
) -> None:
    """A count belongs to a moment that has been, and not long ago."""
    await house.knows(A=10)
    assert "counted" in await refusal(http, house, a_report(counted_at=at))
    assert await house.on_hand() == {"A": 10}


async def test_who_does_not_sign_with_the_secret_counts_nothing(
    house: House, http: aiohttp.ClientSession
) -> None:
    """A made-up secret is refused before anything is read, as for every report."""
    await house.knows(A=10)
    answer = await sent(http, house, a_report(), key=b"x")
    assert answer.status == 401
    assert await house.on_hand() == {"A": 10}
    assert await house.reports() == []


async def test_more_figures_than_a_report_may_have_are_refused(
    house: House, http: aiohttp.ClientSession
) -> None:
    """5,001 SKUs: the limit is said, and nothing is entered."""
    await house.knows(A=10)
    counts = [{"sku": f"SKU-{n}", "on_hand": n} for n in range(5_001)]
    assert "5000" in (await refusal(http, house, a_report(counts=counts))).replace(",", "")
    assert await house.on_hand() == {"A": 10}


async def test_a_running_service_answers_a_warehouse_at_once(whole: Whole) -> None:
    """The report takes the whole way into the service, which says that no place is counted so."""
    raw = json.dumps(a_report()).encode()
    stamp = str(int(time.time()))
    warehouses = {x: one for x, one in partners(whole).items() if one["kind"] == "warehouse"}
    name, settings = next(iter(warehouses.items()))
    key = key_of(settings["callback_secrets"][0], "A warehouse's")
    digest = hmac.digest(key, f"msg_1.{stamp}.".encode() + raw, "sha256")
    answer = await whole.ask(
        "POST",
        f"/hooks/{name}",
        body=raw,
        webhook_id="msg_1",
        webhook_timestamp=stamp,
        webhook_signature="v1," + base64.b64encode(digest).decode(),
    )
    assert answer.status == 422
    assert f"No place is counted by {name}" in str(answer.json()["detail"])


def partners(whole: Whole) -> Json:
    """The partners of the running service, as its file names them."""
    found: Json = tomllib.loads(whole.world.config.read_text())["partners"]
    return found
