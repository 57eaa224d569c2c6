"""Amazon: where dozens of orders wait to be asked for, a list answers most of them at once."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from actors.runtime.errors import Retryable
from adapters.channels.amazon.api import AmazonApi
from adapters.channels.amazon.storefront import AmazonStorefront
from adapters.channels.amazon.waiting import LEAST, LONGEST_WAIT_SECONDS
from adapters.kit.http_client import HttpClient
from tests.amazon_payloads import an_order
from tests.contract.amazon_calls import a_ref, account, put
from tests.contract.partner_calls import TestClock
from tests.contract.simulated import Client, Running, started

BURST = 30
"""What `getOrder` gives at once."""


@pytest.fixture(scope="module")
def running() -> Iterator[Running]:
    """The simulators, for all tests of this file."""
    with started() as found:
        yield found


class Shop:
    """A storefront whose time a test moves."""

    def __init__(self, client: HttpClient, base: str) -> None:
        self.clock = TestClock()
        api = AmazonApi(client, account(base))
        api.clock = self.clock
        self.storefront = AmazonStorefront(
            api, self.clock, marketplace_ids=("A1PA6795UKMFR9",), seller_id="A3TH9S8BH6GOGM"
        )

    async def asks(self, *refs: str) -> dict[str, float]:
        """Ask for orders; return how long those have to wait that were not told."""
        waits = {}
        for ref in refs:
            try:
                raw = await self.storefront.bundle(ref)
            except Retryable as error:
                waits[ref] = error.retry_after_seconds or 0.0 if error.alone else -1.0
            else:
                assert json.loads(raw)["order"]["orderId"] == ref
        return waits


async def begin(simulators: Client) -> None:
    """Empty simulators that allow as many calls as a test may make."""
    await simulators.reset()
    limits = {"get_order": {"rate": 0.5, "burst": 1_000}}
    assert (await simulators.call("POST", "/_sim/amazon/limits", limits)).status == 200


async def stated(simulators: Client, first: int, count: int) -> list[str]:
    """Put so many orders there that changed before noon; return their ids."""
    refs = [a_ref(first + number) for number in range(count)]
    changed = {"lastUpdatedTime": "2026-11-27T11:59:30Z"}
    await put(simulators, *(an_order(orderId=ref, **changed) for ref in refs))
    return refs


async def calls(simulators: Client) -> tuple[int, int]:
    """How often an order was asked for, and a list."""
    told = (await simulators.call("GET", "/_sim/amazon/calls")).json
    return sum(told["get_order"].values()), told["search_orders"]


async def test_many_that_wait_are_found_by_one_list(
    client: HttpClient, simulators: Client, running: Running
) -> None:
    """A hundred orders wait; two minutes later a list of two pages (130 changed) tells of all that
    changed long enough ago, and what changed since is asked for by itself."""
    await begin(simulators)
    refs = await stated(simulators, 1_000, BURST + 100)
    late = refs[-1]
    await put(simulators, an_order(orderId=late, lastUpdatedTime="2026-11-27T12:01:30Z"))
    shop = Shop(client, running.http)
    waits = await shop.asks(*refs)
    assert list(waits) == refs[BURST:]
    assert 0 < min(waits.values()) < max(waits.values()) == LONGEST_WAIT_SECONDS
    assert await calls(simulators) == (BURST, 0)
    shop.clock.ahead = 130.0
    assert (await shop.asks(*waits)).keys() == {late}
    assert await calls(simulators) == (2 * BURST, 2)
    shop.clock.ahead = 200.0
    assert await shop.asks(late) == {}
    # Asked for again, each is asked for once more: a list serves those who waited for it.
    assert await shop.asks(refs[0], refs[BURST + 50]) == {}
    assert await calls(simulators) == (2 * BURST + 3, 2)


async def test_few_that_wait_are_asked_for_one_by_one(
    client: HttpClient, simulators: Client, running: Running
) -> None:
    """A list is dear: fewer than would take a minute are not worth it, nor are those who wait for
    less time than Amazon's list lags."""
    await begin(simulators)
    _, before = await calls(simulators)
    refs = await stated(simulators, 3_000, 2 * BURST + LEAST + 10)
    shop = Shop(client, running.http)
    few = refs[BURST : BURST + LEAST - 1]
    assert list(await shop.asks(*refs[: BURST + LEAST - 1])) == few
    shop.clock.ahead = 60.0
    others = refs[-BURST - 11 :]
    assert len(await shop.asks(*others, *few)) == len(others) - BURST + len(few)
    shop.clock.ahead = 60.1
    assert len(await shop.asks(*few)) == len(few)
    assert (await calls(simulators))[1] == before


async def test_a_list_that_fails_is_no_fault_of_the_order(
    client: HttpClient, simulators: Client, running: Running
) -> None:
    """Who waits goes on waiting as before, and is asked for in its turn."""
    await begin(simulators)
    refs = await stated(simulators, 5_000, 2 * BURST + LEAST + 5)
    shop = Shop(client, running.http)
    waits = await shop.asks(*refs)
    await simulators.fault("amazon", "search_orders", {"error_rate": 1})
    shop.clock.ahead = 130.0
    assert len(await shop.asks(*waits)) == len(waits) - BURST
    await simulators.call("DELETE", "/_sim/faults")


async def test_who_asks_no_more_is_forgotten(
    client: HttpClient, simulators: Client, running: Running
) -> None:
    """Orders that a person went on without bring about no list."""
    await begin(simulators)
    _, before = await calls(simulators)
    refs = await stated(simulators, 7_000, 3 * BURST + LEAST)
    shop = Shop(client, running.http)
    await shop.asks(*refs[: BURST + LEAST])
    shop.clock.ahead = 700.0
    assert len(await shop.asks(*refs[BURST + LEAST :])) == BURST
    assert (await calls(simulators))[1] == before
