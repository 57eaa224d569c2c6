"""What a channel is told of the stock, at a real Postgres and a simulated shop: what moved, once in
its period, and nothing of what is not counted."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Mapping, Sequence

import pytest
from prometheus_client import CollectorRegistry

from actors.runtime.errors import Unknown
from adapters.channels.shopify.graphql import ShopifyGraphql
from adapters.channels.shopify.offering import ShopifyOffering
from adapters.kit.http_client import HttpClient
from adapters.kit.offering import Heard, Offered, Offers
from adapters.postgres.migrate import migrate
from adapters.postgres.pool import Pool
from adapters.postgres.stock import StockPartner
from adapters.postgres.stock_ledger import Figure, StockLedger
from adapters.postgres.stock_offers import StockOffers, Told
from schemas.contracts.mappings import ChannelTables, Mappings, Skus
from service.stock.offering import ChannelOffer, OfferMetrics, names_of
from tests.contract.partner_calls import TestClock, http_client
from tests.contract.simulated import Client, Running, calling, started
from tests.contract.storefront_calls import shop_settings
from tests.integration.test_stock import call, undo

SHOP = "/_sim/shops/acme-us.myshopify.com"
CHANNEL = "acme-us"
OFFERS = Offers(places=("main",), buffer=2, every_seconds=60.0)


@pytest.fixture(scope="module")
def running() -> Iterator[Running]:
    """The simulators, for all tests of this file."""
    with started() as found:
        yield found


@pytest.fixture
async def simulators(running: Running) -> AsyncIterator[Client]:
    """What asks the running simulators."""
    async with calling(running) as client:
        yield client


@pytest.fixture
async def pool(database: str) -> AsyncIterator[Pool]:
    """A pool of a migrated database."""
    await migrate(database)
    opened = Pool(database, deadline_seconds=10, by_key=False)
    yield opened
    await opened.close()


@pytest.fixture
def clock() -> TestClock:
    """What time it is."""
    return TestClock()


@pytest.fixture
async def client(clock: TestClock) -> AsyncIterator[HttpClient]:
    """The client of the adapter."""
    async with http_client(clock) as found:
        yield found


def offer(
    pool: Pool,
    client: HttpClient,
    clock: TestClock,
    running: Running,
    names: Mapping[str, tuple[str, ...]] | None = None,
) -> ChannelOffer:
    """The channel's shop is told."""
    graphql = ShopifyGraphql(client, shop_settings(running.http))
    teller = ShopifyOffering(graphql, clock, {"main": "1001"})
    metrics = OfferMetrics(CollectorRegistry())
    return ChannelOffer(
        CHANNEL, OFFERS, teller, StockOffers(pool), clock, metrics, names=lambda: names or {}
    )


async def count(pool: Pool, **units: int) -> None:
    """So much lies at the place."""
    figures = [Figure(place="main", sku=sku, units=n) for sku, n in units.items()]
    await StockLedger(pool).put(figures, kind="counted", person="someone", reason="a test")


async def has(simulators: Client, *skus: str) -> None:
    """The shop has these articles, and shows one of each."""
    items = [{"sku": sku, "levels": {"1001": 1}} for sku in skus]
    await simulators.call("POST", f"{SHOP}/inventory", {"items": items})


async def shown(simulators: Client, *skus: str) -> dict[str, tuple[int, int]]:
    """What the shop shows of each, and how often it was told."""
    answer = await simulators.call("GET", f"{SHOP}/inventory")
    told = {one["sku"]: (one["levels"]["1001"], one["sets"]) for one in answer.json["items"]}
    return {sku: told[sku] for sku in skus}


async def listed(pool: Pool, *, only_faults: bool = False) -> list[Told]:
    """Everything that was told."""
    return await StockOffers(pool).page(after=("", "", ""), only_faults=only_faults, limit=200)


async def test_what_moved_is_one_change_in_a_period(
    pool: Pool, client: HttpClient, clock: TestClock, running: Running, simulators: Client
) -> None:
    """Twenty orders are one change of their SKU, less the buffer, and none of another; within the
    period nothing is asked at all, and what did not move is not told again before the next day."""
    await has(simulators, "HOT", "COLD", "UNCOUNTED")
    await count(pool, HOT=50, COLD=9)
    one, stock = offer(pool, client, clock, running), StockPartner(pool)
    await one.round()
    assert await shown(simulators, "HOT", "COLD", "UNCOUNTED") == {
        "HOT": (48, 1), "COLD": (7, 1), "UNCOUNTED": (1, 0),
    }  # fmt: skip
    for number in range(20):
        await stock.perform(call(f"r{number}", {"HOT": 1}))
    await stock.perform(undo("r3"))
    await one.round()
    assert await shown(simulators, "HOT") == {"HOT": (48, 1)}
    clock.ahead += 61
    await one.round()
    assert await shown(simulators, "HOT", "COLD") == {"HOT": (29, 2), "COLD": (7, 1)}
    assert [(x.sku, x.units, x.outcome) for x in await listed(pool)] == [
        ("COLD", 7, "told"), ("HOT", 29, "told"),
    ]  # fmt: skip
    # A person changed it in the shop: it is right again the next day.
    await has(simulators, "COLD")
    clock.ahead += 61
    await one.round()
    assert await shown(simulators, "COLD") == {"COLD": (1, 0)}
    clock.ahead += 86_400
    await one.round()
    assert await shown(simulators, "COLD") == {"COLD": (7, 1)}


async def test_units_that_are_missing_are_never_sold(
    pool: Pool, client: HttpClient, clock: TestClock, running: Running, simulators: Client
) -> None:
    """Where more is promised than was counted, or less is free than the buffer, the shop shows
    none."""
    await has(simulators, "SHORT", "FEW")
    await count(pool, SHORT=5, FEW=1)
    await StockPartner(pool).perform(call("r1", {"SHORT": 4}))
    await count(pool, SHORT=3)
    await offer(pool, client, clock, running).round()
    assert await shown(simulators, "SHORT", "FEW") == {"SHORT": (0, 1), "FEW": (0, 1)}


async def test_a_purchase_in_between_is_told_in_the_next_period(
    pool: Pool, client: HttpClient, clock: TestClock, running: Running, simulators: Client
) -> None:
    """The shop's newer figure is not overwritten unseen; nothing is kept of that try."""
    item = {"sku": "SOLD", "levels": {"1001": 8}, "sells_after_look": 1}
    await simulators.call("POST", f"{SHOP}/inventory", {"items": [item]})
    await count(pool, SOLD=20)
    one = offer(pool, client, clock, running)
    await one.round()
    assert await shown(simulators, "SOLD") == {"SOLD": (7, 0)}
    assert await listed(pool) == []
    clock.ahead += 61
    await one.round()
    assert await shown(simulators, "SOLD") == {"SOLD": (18, 1)}


async def test_names_of_the_channel_are_told(
    pool: Pool, client: HttpClient, clock: TestClock, running: Running, simulators: Client
) -> None:
    """A SKU with aliases is told under each name that the shop has; one that it has under none is
    named to a person, and asked for again when it moves or a day later."""
    skus = Skus(aliases={"THEIR-MUG": "MUG-1"}, variants={"MUG-1": ("MUG-RED",)})
    names = names_of(Mappings(channels={CHANNEL: ChannelTables(skus=skus)}), CHANNEL)
    assert names == {"MUG-1": ("MUG-1", "MUG-RED", "THEIR-MUG"), "MUG-RED": (), "THEIR-MUG": ()}
    await has(simulators, "THEIR-MUG", "MUG-RED")
    await count(pool, **{"MUG-1": 12, "NOT-THERE": 3})
    await offer(pool, client, clock, running, names).round()
    assert await shown(simulators, "THEIR-MUG", "MUG-RED") == {
        "THEIR-MUG": (10, 1), "MUG-RED": (10, 1),
    }  # fmt: skip
    (fault,) = await listed(pool, only_faults=True)
    assert (fault.sku, fault.outcome) == ("NOT-THERE", "unknown")
    assert fault.why == "Shopify has no variant with the SKU NOT-THERE."


async def test_a_name_that_is_another_sku_there_is_told_that_one_alone(
    pool: Pool, client: HttpClient, clock: TestClock, running: Running, simulators: Client
) -> None:
    """Two shops name different goods alike: what this one calls CUP is our CUP-9, and our CUP,
    which another one sells, is none of its articles."""
    skus = Skus(aliases={"CUP": "CUP-9"})
    names = names_of(Mappings(channels={CHANNEL: ChannelTables(skus=skus)}), CHANNEL)
    await has(simulators, "CUP")
    await count(pool, **{"CUP": 90, "CUP-9": 12})
    await offer(pool, client, clock, running, names).round()
    assert await shown(simulators, "CUP") == {"CUP": (10, 1)}
    (fault,) = await listed(pool, only_faults=True)
    assert (fault.sku, fault.outcome) == ("CUP", "unknown")
    assert "that of another SKU" in fault.why


async def test_a_shop_that_is_away_is_told_later(
    pool: Pool, client: HttpClient, clock: TestClock, running: Running, simulators: Client
) -> None:
    """Its failure ends the round, is not kept as told, and the next period makes up for it."""
    await has(simulators, "LATER")
    await count(pool, LATER=7)
    one = offer(pool, client, clock, running)
    await simulators.fault("storefront", "graphql_inventory", error_rate=1.0)
    await one.round()
    await simulators.fault("storefront", "graphql_inventory", error_rate=0)
    assert await listed(pool) == []
    clock.ahead += 61
    await one.round()
    assert await shown(simulators, "LATER") == {"LATER": (5, 1)}


class Choosy:
    """A shop that answers a question about one of its articles with an error, whatever else is
    asked."""

    def __init__(self, sku: str) -> None:
        self.sku = sku
        self.told: list[str] = []

    async def tell(self, figures: Sequence[Offered]) -> list[Heard]:
        """Take all of them, or none."""
        if any(one.sku == self.sku for one in figures):
            raise Unknown("It answers with an error.")
        self.told += [one.sku for one in figures]
        return [Heard(outcome="told") for _ in figures]


async def test_figures_that_can_not_be_told_keep_no_others_from_it(
    pool: Pool, clock: TestClock
) -> None:
    """The next hundred go on in the next period, and those that failed are told again after
    them."""
    await count(pool, **{f"SKU-{n:03}": n for n in range(250)})
    shop, metrics = Choosy("SKU-007"), OfferMetrics(CollectorRegistry())
    one = ChannelOffer(CHANNEL, OFFERS, shop, StockOffers(pool), clock, metrics, names=dict)
    for _ in range(2):
        await one.round()
        clock.ahead += 61
    assert shop.told == [f"SKU-{n:03}" for n in range(100, 250)]
    shop.sku = ""
    await one.round()
    assert sorted(shop.told) == [f"SKU-{n:03}" for n in range(250)]
