"""Amazon: channel sync and the plan of calls, against the simulated API."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest

from actors.runtime.errors import Retryable
from adapters.channels.amazon.api import AmazonApi, Bucket, Plan
from adapters.channels.amazon.sync import AmazonSync
from adapters.kit.http_client import Answer, HttpClient
from tests.amazon_payloads import an_order
from tests.contract.amazon_calls import (
    a_ref,
    account,
    put,
)
from tests.contract.partner_calls import NOON, TestClock
from tests.contract.simulated import Client, Running, started

QUEUE = "arn:aws:sqs:eu-west-1:444455556666:orders"
ADDRESS = "https://orders.example.com/hooks/amazon-de"


@pytest.fixture(scope="module")
def running() -> Iterator[Running]:
    """The simulators, for all tests of this file."""
    with started() as found:
        yield found


def channel_sync(client: HttpClient, base: str, queue: str = QUEUE) -> AmazonSync:
    """The same account's channel sync."""
    seller, own = (AmazonApi(client, account(base), grantless=own) for own in (False, True))
    return AmazonSync(seller, own, TestClock(), queue_arn=queue)


def test_the_bucket_says_when_to_come_again() -> None:
    """It gives its burst, then waits; a header corrects its rate, and a 429 empties it."""
    clock = TestClock()
    bucket = Bucket(Plan(0.5, 2), clock)
    bucket.take()
    bucket.take()
    with pytest.raises(Retryable) as waits:
        bucket.take()
    assert waits.value.throttled
    assert 1.5 < (waits.value.retry_after_seconds or 0) <= 2
    clock.ahead += 4
    bucket.learn(Answer(429, {"x-amzn-RateLimit-Limit": "0.1"}, b""))
    with pytest.raises(Retryable) as waits:
        bucket.take()
    assert 9 < (waits.value.retry_after_seconds or 0) <= 10
    bucket.learn(Answer(200, {"x-amzn-RateLimit-Limit": "nonsense"}, b""))
    clock.ahead += 11
    bucket.take()


def test_a_bucket_gives_each_who_waits_a_moment_of_his_own() -> None:
    """A hundred who come at once are spread over the time that a hundred calls take, and each finds
    a token at his moment; a better rate is used at once."""
    clock = TestClock()
    bucket = Bucket(Plan(0.5, 1), clock)
    bucket.take()
    waits = []
    for _ in range(100):
        with pytest.raises(Retryable) as refused:
            bucket.take()
        assert refused.value.alone
        waits.append(refused.value.retry_after_seconds or 0.0)
    assert waits == pytest.approx([2.0 * number for number in range(1, 101)], abs=0.1)
    for _ in range(100):
        clock.ahead += 2.001
        bucket.take()
    with pytest.raises(Retryable):
        bucket.take()
    bucket.learn(Answer(200, {"x-amzn-RateLimit-Limit": "20"}, b""))
    with pytest.raises(Retryable) as soon:
        bucket.take()
    assert (soon.value.retry_after_seconds or 1.0) <= 0.1


async def test_what_changed_comes_in_pages(
    client: HttpClient, simulators: Client, running: Running
) -> None:
    """Every order of the window once; what is younger than two minutes is left for later."""
    base = NOON - timedelta(hours=1)
    times = [(base + timedelta(seconds=n)).strftime("%Y-%m-%dT%H:%M:%SZ") for n in range(230)]
    fresh = NOON.strftime("%Y-%m-%dT%H:%M:%SZ")
    orders = [an_order(orderId=a_ref(1000 + n), lastUpdatedTime=at) for n, at in enumerate(times)]
    await put(simulators, *orders, an_order(orderId=a_ref(2000), lastUpdatedTime=fresh))
    keeper, cursor, found = channel_sync(client, running.http), "", []
    for _ in range(3):
        page = await keeper.changed_orders(base, NOON, cursor)
        found += [one.ref for one in page.orders]
        cursor = page.cursor
    assert cursor == ""
    assert found == [a_ref(1000 + n) for n in range(230)]
    assert (await keeper.changed_orders(NOON, NOON, "")).orders == ()


async def test_the_subscription_is_made_and_made_again(
    client: HttpClient, simulators: Client, running: Running
) -> None:
    """Queue and subscription are made once; one that was deleted is made again; a wrong one
    told."""
    keeper = channel_sync(client, running.http)
    assert len((await keeper.keep_subscriptions(ADDRESS)).fixed) == 1
    assert (await keeper.keep_subscriptions(ADDRESS)).fixed == ()
    await simulators.call("DELETE", "/_sim/amazon/subscriptions")
    again = await keeper.keep_subscriptions(ADDRESS)
    assert (len(again.fixed), again.faults) == (1, ())
    other = await channel_sync(client, running.http, f"{QUEUE}2").keep_subscriptions(ADDRESS)
    assert "another queue" in other.faults[0]
    none = await channel_sync(client, running.http, "").keep_subscriptions(ADDRESS)
    assert "queue_arn" in none.faults[0]
