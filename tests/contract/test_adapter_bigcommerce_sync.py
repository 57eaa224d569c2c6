"""BigCommerce's channel sync: listing what changed, and webhooks, against the simulated store."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from aiohttp import web
from jsonschema import Draft4Validator

from actors.runtime.errors import Retryable, Unauthorised
from adapters.channels.bigcommerce.api import BigCommerceApi
from adapters.channels.bigcommerce.source import SECRET_HEADER
from adapters.channels.bigcommerce.sync import KEEP, WANTED, BigCommerceSync
from adapters.kit.http_client import HttpClient
from adapters.kit.sync import MAX_LISTED
from tests.bigcommerce_payloads import (
    SECRET,
    STORE,
    Json,
    a_bundle,
    an_order,
    description,
    scopes,
)
from tests.contract.partner_calls import stubbed
from tests.contract.simulated import Client, Running, started
from tests.contract.storefront_calls import store_settings

BOOK = f"/_sim/bigcommerce/{STORE}"
ADDRESS = "https://orders.example.com/hooks/acme-bc"
NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
SECOND = timedelta(seconds=1)


@pytest.fixture(scope="module")
def running() -> Iterator[Running]:
    """The simulators, for all tests of this file."""
    with started() as found:
        yield found


def channel_sync(
    client: HttpClient, base: str, *, token: str = "the token", secret: str = SECRET
) -> BigCommerceSync:
    """The store's channel sync."""
    return BigCommerceSync(
        BigCommerceApi(client, store_settings(base, token=token), keep=KEEP), secret=secret
    )


def changed(ref: int, at: datetime, status_id: int = 11) -> Json:
    """Return an order that changed then."""
    told = at.strftime("%a, %d %b %Y %H:%M:%S +0000")
    return a_bundle(an_order(id=ref, date_modified=told, status_id=status_id))


async def put(simulators: Client, *bundles: Json) -> None:
    """Put orders into the store, without their parts."""
    bare = [{"order": one["order"]} for one in bundles]
    for start in range(0, len(bare), 200):
        told = {"orders": bare[start : start + 200], "tell": False}
        assert (await simulators.call("POST", f"{BOOK}/orders", told)).status == 200


async def listed(shop: BigCommerceSync, since: datetime, until: datetime) -> list[str]:
    """Return the references of a window, page by page."""
    found: list[str] = []
    cursor, pages = "", 0
    while pages < 20:
        page = await shop.changed_orders(since, until, cursor)
        assert len(page.orders) <= MAX_LISTED
        assert list(page.orders) == sorted(page.orders, key=lambda one: one.updated_at)
        found += [one.ref for one in page.orders]
        cursor, pages = page.cursor, pages + 1
        if not cursor:
            return found
    raise AssertionError("The list does not end.")


async def test_what_changed_comes_in_pages(
    client: HttpClient, simulators: Client, running: Running
) -> None:
    """Every order of the window once, oldest first; the window's end is left out; a checkout that
    is not completed is not an order."""
    count = 2 * MAX_LISTED + 10
    await put(simulators, *(changed(5000 + n, NOON + n * SECOND) for n in range(count)))
    await put(simulators, changed(4000, NOON + 3 * SECOND, status_id=0))
    shop = channel_sync(client, running.http)
    until = NOON + (count - 5) * SECOND
    assert await listed(shop, NOON, until) == [str(5000 + n) for n in range(count - 5)]
    page = await shop.changed_orders(NOON + SECOND, NOON + 2 * SECOND, "")
    assert [(one.ref, one.updated_at) for one in page.orders] == [("5001", "2026-11-24T12:00:01Z")]
    assert await listed(shop, NOON - HOUR, NOON) == []


async def test_many_orders_of_one_second_are_all_listed(
    client: HttpClient, simulators: Client, running: Running
) -> None:
    """An import changes hundreds at once: more than a page of one second, and of the next."""
    at = NOON + 2 * HOUR
    many = [changed(9000 + n, at) for n in range(MAX_LISTED + 40)]
    many += [changed(9500 + n, at + SECOND) for n in range(MAX_LISTED)]
    await put(simulators, *many, changed(9900, at + 9 * SECOND))
    found = await listed(channel_sync(client, running.http), at, at + 10 * SECOND)
    assert len(found) == len(set(found)) == 2 * MAX_LISTED + 41


async def test_orders_that_change_meanwhile_shift_no_page(
    client: HttpClient, simulators: Client, running: Running
) -> None:
    """Between two pages some of the first page's change and so leave the window: with numbered
    pages as many of the next would be skipped."""
    at = NOON + 5 * HOUR
    count = MAX_LISTED + 30
    await put(simulators, *(changed(20_000 + n, at + n * SECOND) for n in range(count)))
    shop, until = channel_sync(client, running.http), at + HOUR
    first = await shop.changed_orders(at, until, "")
    await put(simulators, *(changed(20_000 + n, until + n * SECOND) for n in range(20)))
    rest = await shop.changed_orders(at, until, first.cursor)
    refs = {one.ref for page in (first, rest) for one in page.orders}
    assert refs == {str(20_000 + n) for n in range(count)}


async def test_what_is_asked_is_documented(client: HttpClient) -> None:
    """The list's parameters are the description's; the order of sorting is in its words."""
    async with stubbed(web.Response(status=204)) as stub:
        page = await channel_sync(client, stub.url).changed_orders(NOON, NOON + HOUR, "")
        sent = stub.requests[0][1]
    assert (page.orders, page.cursor) == ((), "")
    parameters = description("orders.v2.oas2.yml")["components"]["parameters"]
    for name in ("min_date_modified", "max_date_modified", "page", "limit", "sort"):
        assert f"{name}=" in sent
    assert "date_modified" in parameters["sort"]["schema"]["enum"]
    assert "`:asc`" in parameters["sort"]["description"]
    assert "ISO-8601" in parameters["min_date_modified"]["description"]


@pytest.mark.parametrize("dates", [("12:00:05", "12:00:01"), ("soon", "soon")])
async def test_a_list_that_is_not_sorted_is_not_believed(
    client: HttpClient, dates: tuple[str, str]
) -> None:
    """Else orders would be skipped between two pages."""
    rows = [
        {"id": n, "status_id": 11, "date_modified": f"Tue, 24 Nov 2026 {at} +0000"}
        for n, at in enumerate(dates)
    ]
    async with stubbed(web.json_response(rows)) as stub:
        with pytest.raises(Retryable):
            await channel_sync(client, stub.url).changed_orders(NOON, NOON + HOUR, "")


async def hooks(simulators: Client) -> list[Json]:
    """Return the store's webhooks."""
    found: list[Json] = (await simulators.call("GET", f"{BOOK}/hooks")).json["hooks"]
    return found


async def test_webhooks_are_created_once_and_fixed(
    client: HttpClient, simulators: Client, running: Running
) -> None:
    """What is missing is created; the next look finds all in order; one that was switched off is
    switched on again, and told; a deleted one is created again; a rotated secret is given on."""
    await simulators.call("DELETE", f"{BOOK}/hooks")
    shop = channel_sync(client, running.http)
    first = await shop.keep_subscriptions(ADDRESS)
    assert (len(first.fixed), first.faults) == (len(WANTED), ())
    assert (await shop.keep_subscriptions(ADDRESS)).fixed == ()
    assert {one["scope"] for one in await hooks(simulators)} == set(WANTED)

    dead = {"scope": "store/order/created", "times": 12}
    await simulators.call("POST", f"{BOOK}/failed", dead)
    assert [one["scope"] for one in await hooks(simulators) if not one["is_active"]] == [
        "store/order/created"
    ]
    again = await shop.keep_subscriptions(ADDRESS)
    assert again.fixed == ("The webhook of store/order/created was switched off and is on again.",)
    assert all(one["is_active"] for one in await hooks(simulators))

    rotated = await channel_sync(
        client, running.http, secret="another secret, a new one"
    ).keep_subscriptions(ADDRESS)
    assert len(rotated.fixed) == len(WANTED)
    assert {one["headers"][SECRET_HEADER] for one in await hooks(simulators)} == {
        "another secret, a new one"
    }
    assert len(await hooks(simulators)) == len(WANTED)

    stranger = channel_sync(client, running.http, token="another app's token")
    assert len((await stranger.keep_subscriptions(ADDRESS)).fixed) == len(WANTED)
    assert len(await hooks(simulators)) == 2 * len(WANTED)
    await simulators.call("DELETE", f"{BOOK}/hooks")
    assert len((await shop.keep_subscriptions(ADDRESS)).fixed) == len(WANTED)


async def test_a_webhook_that_can_t_be_created_is_a_fault(
    client: HttpClient, simulators: Client, running: Running
) -> None:
    """BigCommerce delivers to port 443 alone; each fault is a sentence with its words."""
    shop = channel_sync(client, running.http)
    found = await shop.keep_subscriptions("https://orders.example.com:8443/hooks/acme-bc")
    assert len(found.faults) == len(WANTED)
    assert "store/order/created is missing: BigCommerce refused" in found.faults[0]
    assert "destination" in found.faults[0]
    await simulators.fault("bigcommerce", "hooks", {"unauthorized": True})
    with pytest.raises(Unauthorised):
        await shop.keep_subscriptions(ADDRESS)
    await simulators.call("DELETE", "/_sim/faults")


async def test_a_webhook_is_as_described(client: HttpClient) -> None:
    """What is sent fits webhook_Base and webhook_Put, and every scope is one of BigCommerce's."""
    assert set(WANTED) <= set(scopes())
    data = [
        {"id": n, "scope": scope, "destination": ADDRESS, "is_active": True,
         "headers": {SECRET_HEADER.lower(): SECRET}}
        for n, scope in enumerate(WANTED)
    ]  # fmt: skip
    data[1]["is_active"] = False
    del data[0]
    answers = [web.json_response({"data": data, "meta": {}})]
    answers += [web.json_response({"data": data[0]}) for _ in range(2)]
    async with stubbed(*answers) as stub:
        found = await channel_sync(client, stub.url).keep_subscriptions(ADDRESS)
        requests = [(method, path, body) for method, path, _, body in stub.requests]
    assert len(found.fixed) == 2
    assert [method for method, _, _ in requests] == ["GET", "POST", "PUT"]
    document = description("webhooks.v3.yml")
    for (_, _, body), name in zip(requests[1:], ("webhook_Base", "webhook_Put"), strict=True):
        wanted = {**document["components"]["schemas"][name], "components": document["components"]}
        assert list(Draft4Validator(wanted).iter_errors(json.loads(body))) == []
    listed_by = {
        one["$ref"].rpartition("/")[2] for one in document["paths"]["/hooks"]["get"]["parameters"]
    }
    assert {"FilterPageParam", "FilterLimitParam"} <= listed_by
    assert requests[2][1].endswith("/v3/hooks/1")
