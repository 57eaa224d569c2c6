"""What may be sold, told to the simulated Amazon account: compared first, only what the seller
fulfils, and by the requests that Amazon describes."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import pytest
from jsonschema import Draft4Validator

from actors.runtime.errors import Unauthorised
from adapters.channels.amazon.api import AmazonApi
from adapters.channels.amazon.kind import KIND
from adapters.channels.amazon.offering import AmazonOffering
from adapters.kit.http_client import HttpClient
from adapters.kit.offering import Offered, Offers
from tests.amazon_payloads import description
from tests.contract.amazon_calls import account
from tests.contract.partner_calls import TestClock, http_client
from tests.contract.simulated import Client, Json, Running, started

SELLER = "A3TH9S8BH6GOGM"
BOOK = "/_sim/amazon/listings"
LISTINGS = "listingsItems_2021-08-01.json"


@pytest.fixture(scope="module")
def running() -> Iterator[Running]:
    """The simulators, for all tests of this file."""
    with started() as found:
        yield found


@pytest.fixture
async def limits(simulators: Client) -> None:
    """Nothing is slowed down on Amazon's side, so that our own bucket alone is seen."""
    wide = {"rate": 1_000, "burst": 1_000}
    await simulators.call(
        "POST", "/_sim/amazon/limits", {"get_listing": wide, "patch_listing": wide}
    )


class Waits:
    """Time that passes when it is waited for."""

    def __init__(self, clock: TestClock) -> None:
        self._clock = clock
        self.seconds = 0.0

    async def sleep(self, seconds: float) -> None:
        """Let so much time pass at once."""
        self.seconds += seconds
        self._clock.ahead += seconds


@pytest.fixture
def clock() -> TestClock:
    """What time it is."""
    return TestClock()


@pytest.fixture
async def client(clock: TestClock) -> AsyncIterator[HttpClient]:
    """The client of the adapter."""
    async with http_client(clock) as found:
        yield found


@pytest.fixture
def waits(clock: TestClock) -> Waits:
    """The adapter's waiting."""
    return Waits(clock)


@pytest.fixture
def offering(client: HttpClient, running: Running, waits: Waits) -> AmazonOffering:
    """The seller's listings at the simulators."""
    return AmazonOffering(
        AmazonApi(client, account(running.http)),
        seller_id=SELLER,
        marketplace_ids=("A1PA6795UKMFR9", "A1RKKUPIHCS9HS"),
        sleep=waits.sleep,
    )


def own(units: int, **more: object) -> list[Json]:
    """What a listing says that the seller fulfils."""
    return [{"fulfillment_channel_code": "DEFAULT", "quantity": units, **more}]


async def given(simulators: Client, *items: Json) -> None:
    """The seller has these listings."""
    answer = await simulators.call("POST", BOOK, {"seller": SELLER, "items": list(items)})
    assert answer.status == 200, answer.text


async def shown(simulators: Client, sku: str) -> Json:
    """A listing as it is."""
    found: Json = (await simulators.call("GET", BOOK)).json[sku]
    return found


def offered(sku: str, units: int) -> Offered:
    """A figure of the place."""
    return Offered(place="main", sku=sku, units=units)


def test_the_patch_is_one_that_amazon_describes() -> None:
    """Its operation, path and value are of Amazon's own types."""
    whole = description(LISTINGS)
    kinds = whole["definitions"]
    schema = {**kinds["ListingsItemPatchRequest"], "definitions": kinds}
    value = [{"fulfillment_channel_code": "DEFAULT", "quantity": 10}]
    patch = {"op": "merge", "path": "/attributes/fulfillment_availability", "value": value}
    body = {"productType": "LUGGAGE", "patches": [patch]}
    assert list(Draft4Validator(schema).iter_errors(body)) == []


@pytest.mark.usefixtures("limits")
async def test_only_what_differs_is_patched_and_what_stands_beside_it_stays(
    simulators: Client, offering: AmazonOffering
) -> None:
    """The handling time of a listing is not dropped with the old quantity."""
    await given(
        simulators,
        {"sku": "MUG", "availability": own(5, lead_time_to_ship_max_days=3)},
        {"sku": "CUP/1 ü", "availability": own(5)},
        {"sku": "SAME", "availability": own(9)},
    )
    figures = [offered("MUG", 7), offered("CUP/1 ü", 0), offered("SAME", 9)]
    heard = await offering.tell(figures)
    assert [one.outcome for one in heard] == ["told", "told", "same"]
    assert (await shown(simulators, "MUG"))["availability"] == own(7, lead_time_to_ship_max_days=3)
    assert (await shown(simulators, "CUP/1 ü"))["availability"] == own(0)
    assert (await shown(simulators, "SAME"))["patches"] == 0
    assert [one.outcome for one in await offering.tell(figures)] == ["same"] * 3


@pytest.mark.usefixtures("limits")
async def test_what_amazon_fulfils_or_does_not_have_is_left_alone(
    simulators: Client, offering: AmazonOffering
) -> None:
    """A quantity of our own would take goods out of Amazon's warehouse programme."""
    fba = [{"fulfillment_channel_code": "AMAZON_EU", "quantity": 3}]
    await given(
        simulators,
        {"sku": "FBA", "availability": fba},
        {"sku": "BARE", "availability": []},
        {"sku": "WRONG", "availability": own(1), "issue": "The listing is suppressed."},
    )
    heard = await offering.tell([offered(sku, 7) for sku in ("FBA", "BARE", "NONE", "WRONG")])
    assert [(one.outcome, one.why) for one in heard] == [
        ("unknown", "Amazon has FBA fulfilled by AMAZON_EU, and not by the seller."),
        ("unknown", "Amazon has BARE fulfilled in no way yet, and not by the seller."),
        ("unknown", "Amazon has no listing with the SKU NONE."),
        ("refused", "Amazon says The listing is suppressed."),
    ]
    assert (await shown(simulators, "FBA"))["availability"] == fba


@pytest.mark.usefixtures("limits")
async def test_a_hundred_figures_keep_to_amazon_s_pace(
    simulators: Client, offering: AmazonOffering, waits: Waits
) -> None:
    """Ten at once and five a second: what must wait is waited for, and nothing is refused."""
    skus = [f"BULK-{n}" for n in range(100)]
    await given(simulators, *({"sku": sku, "availability": own(5)} for sku in skus))
    heard = await offering.tell([offered(sku, 5) for sku in skus])
    assert [one.outcome for one in heard] == ["same"] * 100
    assert waits.seconds <= 18.5
    assert (await simulators.call("GET", "/_sim/amazon/calls")).json["throttled"] == {}


@pytest.mark.usefixtures("limits")
async def test_what_can_t_be_waited_for_is_told_later(
    simulators: Client, offering: AmazonOffering, waits: Waits
) -> None:
    """Beyond a minute the rest is asked again in the next period."""
    skus = [f"SLOW-{n}" for n in range(12)]
    await given(simulators, *({"sku": sku, "availability": own(5)} for sku in skus))
    wide, slow = {"rate": 1_000, "burst": 1_000}, {"rate": 0.02, "burst": 10}
    told = {"get_listing": slow, "patch_listing": wide}
    await simulators.call("POST", "/_sim/amazon/limits", told)
    heard = await offering.tell([offered(sku, 7) for sku in skus])
    assert {one.outcome for one in heard[:5]} == {"told"}
    assert heard[-1].outcome == "stale"
    assert waits.seconds <= 60


async def test_a_made_up_authorisation_tells_nothing(
    client: HttpClient, simulators: Client, running: Running
) -> None:
    """Amazon refuses the refresh token, and nothing is changed."""
    await given(simulators, {"sku": "KEPT", "availability": own(5)})
    api = AmazonApi(client, account(running.http, refresh_token="wrong"))
    shop = AmazonOffering(api, seller_id=SELLER, marketplace_ids=("A1PA6795UKMFR9",))
    with pytest.raises(Unauthorised):
        await shop.tell([offered("KEPT", 1)])
    assert (await shown(simulators, "KEPT"))["patches"] == 0


def test_it_is_off_unless_a_place_is_named() -> None:
    """The channel's settings say what is told."""
    channel = KIND.channel
    assert channel is not None
    assert channel.offers is not None
    settings = account("http://x", seller_id=SELLER, stock_place="main", stock_buffer=1)
    assert channel.offers(settings) == Offers(places=("main",), buffer=1, every_seconds=60.0)
    assert channel.offers(account("http://x")) is None
    with pytest.raises(ValueError, match="seller_id is missing"):
        account("http://x", stock_place="main")
