"""BigCommerce's quota of calls: learned from its answers, kept, and told in its own header."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from aiohttp import web

from actors.runtime.errors import Retryable
from adapters.channels.bigcommerce.api import Quota
from adapters.channels.bigcommerce.storefront import BUNDLE_CALLS
from adapters.kit.http_client import Answer, HttpClient
from schemas.messages.effects import CancelAtChannel, FetchOrder
from tests.bigcommerce_payloads import STORE, a_bundle, an_order
from tests.contract.partner_calls import TestClock, a_call, stubbed
from tests.contract.simulated import Client, Running, started
from tests.contract.storefront_calls import bigcommerce

BOOK = f"/_sim/bigcommerce/{STORE}"
PATH = f"/bigcommerce/stores/{STORE}/v2"
TOKEN = {"X-Auth-Token": "another app's"}
CANCEL = CancelAtChannel(reason="customer", restock=True)


@pytest.fixture(scope="module")
def running() -> Iterator[Running]:
    """The simulators, for all tests of this file."""
    with started() as found:
        yield found


async def test_the_quota_is_kept(client: HttpClient, simulators: Client, running: Running) -> None:
    """A fetch is not begun that the store's calls don't suffice for; the wait is the window's."""
    bundles = [a_bundle(an_order(id=310))]
    await simulators.call("POST", f"{BOOK}/orders", {"orders": bundles})
    await simulators.call("POST", f"{BOOK}/habits", {"quota": BUNDLE_CALLS + 3})
    try:
        shop = bigcommerce(client, running.http)
        await shop.bundle("310", a_call(FetchOrder()))
        with pytest.raises(Retryable) as waits:
            await shop.bundle("310", a_call(FetchOrder()))
        assert waits.value.throttled
        assert 20 < (waits.value.retry_after_seconds or 0) <= 30
        # One who does not know what is left hears it from BigCommerce, in its own header.
        await simulators.call("GET", f"{PATH}/store", headers=TOKEN)
        await simulators.call("GET", f"{PATH}/store", headers=TOKEN)
        with pytest.raises(Retryable) as told:
            await bigcommerce(client, running.http).look_up(a_call(CANCEL))
        assert told.value.throttled
    finally:
        await simulators.call("POST", f"{BOOK}/habits", {"quota": 20_000})


async def test_a_429_waits_as_long_as_bigcommerce_says(client: HttpClient) -> None:
    """The milliseconds of its own header; without one, as anywhere."""
    told = {"X-Rate-Limit-Time-Reset-Ms": "15000", "Retry-After": "1"}
    async with stubbed(
        web.Response(status=429, headers=told),
        web.Response(status=429, headers={"Retry-After": "7"}),
    ) as stub:
        shop = bigcommerce(client, stub.url)
        for seconds in (15.0, 7.0):
            with pytest.raises(Retryable) as waits:
                await bigcommerce(client, stub.url).look_up(a_call(CANCEL))
            assert waits.value.retry_after_seconds == seconds
        assert shop.can_look_up


def test_a_quota_is_learned_and_forgotten_with_its_window() -> None:
    """Nothing is held back before an answer came; then what is left counts down; nonsense is not
    learned; the share of others is left."""

    def answer(left: str, reset: str = "10000", status: int = 200) -> Answer:
        headers = {
            "X-Rate-Limit-Requests-Left": left,
            "X-Rate-Limit-Time-Reset-Ms": reset,
            "X-Rate-Limit-Requests-Quota": "100",
        }
        return Answer(status, headers, b"")

    clock = TestClock()
    quota, modest = Quota(clock), Quota(clock, keep=0.25)
    quota.want(1_000)
    for one in (quota, modest):
        one.learn(answer("30"))
    quota.want(20)
    quota.learn(answer("29"))  # of a call made before the twenty
    with pytest.raises(Retryable):
        quota.want(11)
    modest.want(5)
    with pytest.raises(Retryable):
        modest.want(1)
    clock.ahead += 11
    quota.want(500)
    for odd in (answer("many"), answer("0", "-5"), answer("0", "86400000"), Answer(200, {}, b"")):
        quota.learn(odd)
    quota.want(500)
    quota.learn(Answer(429, {"X-Rate-Limit-Time-Reset-Ms": "1000"}, b""))
    with pytest.raises(Retryable):
        quota.want(1)
