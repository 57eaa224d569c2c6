"""Amazon: fetching, confirming and channel sync, against the simulated API and its descriptions."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta

import pytest
from aiohttp import web
from jsonschema import Draft4Validator

from actors.runtime.errors import Rejected, Retryable, Unauthorised, Unknown
from adapters.channels.amazon.api import AmazonAccount, AmazonApi, Bucket, Plan
from adapters.channels.amazon.order import package_reference
from adapters.channels.amazon.shapes import Fetched
from adapters.channels.amazon.storefront import INCLUDED, AmazonStorefront
from adapters.channels.amazon.sync import AmazonSync
from adapters.kit.http_client import Answer, HttpClient
from schemas.contracts.strict_json import parse
from schemas.contracts.validation import read_foreign
from schemas.messages.effects import FulfilmentPublished, PublishFulfilment
from schemas.order.canonical import Line
from tests.amazon_payloads import REF, Json, an_order, description
from tests.contract.partner_calls import NOON, TestClock, a_call, stubbed
from tests.contract.simulated import Client, Running, started
from tests.given import an_order as ours

NUMBER = "1ZA1B2C30300000012"
PUBLISH = PublishFulfilment(tracking_number=NUMBER, carrier="UPS")
QUEUE = "arn:aws:sqs:eu-west-1:444455556666:orders"
ADDRESS = "https://orders.example.com/hooks/amazon-de"


@pytest.fixture(scope="module")
def running() -> Iterator[Running]:
    """The simulators, for all tests of this file."""
    with started() as found:
        yield found


def account(base: str, **changes: object) -> AmazonAccount:
    """The seller's authorisation."""
    settings = {
        "base_url": f"{base}/amazon",
        "token_url": f"{base}/amazon/auth/o2/token",
        "client_id": "amzn1.application-oa2-client.1",
        "client_secret": "secret",
        "refresh_token": "Atzr|1",
        "timeout_seconds": 2.0,
        **changes,
    }
    return AmazonAccount(**settings)  # type: ignore[arg-type]  # one dict of settings, for tests to change


def amazon(client: HttpClient, base: str, **changes: object) -> AmazonStorefront:
    """The storefront at `base`."""
    api = AmazonApi(client, account(base, **changes))
    return AmazonStorefront(api, TestClock(), marketplace_id="A1PA6795UKMFR9")


def channel_sync(client: HttpClient, base: str, queue: str = QUEUE) -> AmazonSync:
    """The same account's channel sync."""
    seller, own = (AmazonApi(client, account(base), grantless=own) for own in (False, True))
    return AmazonSync(seller, own, TestClock(), queue_arn=queue)


async def put(simulators: Client, *orders: Json) -> None:
    """Put orders into the account."""
    answer = await simulators.call("POST", "/_sim/amazon/orders", {"orders": list(orders)})
    assert answer.status == 200, answer.text


def a_line(line_id: str, **changes: object) -> Line:
    """Return a line of one piece."""
    told = {"sku": "SKU-1", "title": "Thing", "quantity": 1, "unit_price_minor": 100}
    return Line(line_id=line_id, total_minor=100, **{**told, **changes})  # type: ignore[arg-type]  # one dict of fields, for tests to change


def a_ref(number: int) -> str:
    """Return an order id of Amazon's."""
    return f"902-0000000-{number:07}"


def test_what_we_ask_for_is_documented() -> None:
    """Every dataset of an order that we ask for is in the official list."""
    paths = description("orders_2026-01-01.json")["paths"]
    get = paths["/orders/2026-01-01/orders/{orderId}"]["get"]
    known = next(one for one in get["parameters"] if one["name"] == "includedData")
    assert set(INCLUDED.split(",")) <= set(known["items"]["enum"])


async def test_an_order_is_fetched_whole(
    client: HttpClient, simulators: Client, running: Running
) -> None:
    """The bundle is the order alone, the same each time; one that is not there is told."""
    await put(simulators, an_order(orderId=a_ref(1)))
    shop = amazon(client, running.http)
    raw = await shop.bundle(a_ref(1))
    assert raw == await shop.bundle(a_ref(1))
    assert read_foreign(parse(raw), Fetched).order.order_id == a_ref(1)
    with pytest.raises(Rejected, match="has no order"):
        await shop.bundle(a_ref(9_999_999))
    with pytest.raises(Rejected, match="not an order id"):
        await shop.bundle("../../x")


async def test_an_old_token_is_renewed_once(
    client: HttpClient, simulators: Client, running: Running
) -> None:
    """Amazon answers 403 to a token that ended; a new one is had, and the call repeated."""
    await put(simulators, an_order(orderId=a_ref(2)))
    shop = amazon(client, running.http)
    await shop.bundle(a_ref(2))
    await simulators.call("DELETE", "/_sim/amazon/tokens")
    assert await shop.bundle(a_ref(2))


async def test_a_refused_refresh_token_rests_the_lane(
    client: HttpClient, simulators: Client, running: Running
) -> None:
    """An authorisation that ended is the operator's to fix: no try is burnt for it."""
    await put(simulators, an_order(orderId=a_ref(7)))
    await simulators.fault("amazon", "token", {"refuse_rate": 1})
    try:
        with pytest.raises(Unauthorised, match="refresh token"):
            await amazon(client, running.http).bundle(a_ref(7))
    finally:
        await simulators.call("DELETE", "/_sim/faults")


async def test_the_confirmation_fits_the_official_description(client: HttpClient) -> None:
    """What is sent is a ConfirmShipmentRequest, with the token in Amazon's own header."""
    order = ours(ref=REF, lines=(a_line("1"), a_line("2")))
    async with stubbed(web.Response(status=204)) as stub:
        result = await amazon(client, stub.url).perform(a_call(PUBLISH, order))
        method, path, headers, body = stub.sent("shipmentConfirmation")
        grant = stub.sent("/token")[3]
    sent: Json = json.loads(body)
    document = description("ordersV0.json")
    schema = {**document["definitions"]["ConfirmShipmentRequest"], **document}
    assert list(Draft4Validator(schema).iter_errors(sent)) == []
    assert (method, path) == ("POST", f"/amazon/orders/v0/orders/{REF}/shipmentConfirmation")
    assert headers["x-amz-access-token"] == "t"
    assert "authorization" not in headers
    assert b"grant_type=refresh_token" in grant
    assert b"refresh_token=Atzr%7C1" in grant
    package = sent["packageDetail"]
    assert (package["carrierCode"], package["trackingNumber"]) == ("UPS", NUMBER)
    assert [one["orderItemId"] for one in package["orderItems"]] == ["1", "2"]
    assert result == FulfilmentPublished(fulfilment_id=package["packageReferenceId"])


async def test_a_package_confirmed_twice_is_one_package(
    client: HttpClient, simulators: Client, running: Running
) -> None:
    """Amazon acts and never answers: the look-up finds it, and another call edits it."""
    await simulators.reset()
    ref = a_ref(3)
    await put(simulators, an_order(orderId=ref))
    call = a_call(PUBLISH, ours(ref=ref))
    shop = amazon(client, running.http, timeout_seconds=0.5)
    assert await shop.look_up(call) is None
    await simulators.fault("amazon", "confirm_shipment", {"act_no_answer_rate": 1})
    with pytest.raises(Unknown):
        await shop.perform(call)
    await simulators.call("DELETE", "/_sim/faults")
    wanted = FulfilmentPublished(fulfilment_id=package_reference(ref, NUMBER))
    assert await shop.look_up(call) == wanted
    assert await shop.perform(call) == wanted
    packages = (await simulators.call("GET", "/_sim/amazon/packages")).json
    assert len(packages[ref]) == 1
    assert len(await simulators.ledger("fulfilment")) == 1


async def test_a_bundle_is_confirmed_as_amazon_sold_it(client: HttpClient) -> None:
    """Components go under the item they were taken from, in the quantity that was ordered."""
    theirs = an_order()
    item = theirs["orderItems"][0]
    parts = (
        a_line("c1", bundle_line_id=item["orderItemId"]),
        a_line("c2", bundle_line_id=item["orderItemId"]),
        a_line("amazon-gift-wrap", requires_shipping=False),
    )
    answers = [web.json_response({"order": theirs}), web.Response(status=204)]
    async with stubbed(*answers) as stub:
        await amazon(client, stub.url).perform(a_call(PUBLISH, ours(ref=REF, lines=parts)))
        sent: Json = json.loads(stub.sent("shipmentConfirmation")[3])
    wanted = [{"orderItemId": item["orderItemId"], "quantity": 2}]
    assert sent["packageDetail"]["orderItems"] == wanted


async def test_refusals_are_told(client: HttpClient) -> None:
    """A business refusal goes to a person, a refused credential rests the lane."""
    errors = {"errors": [{"code": "InvalidInput", "message": "The order is cancelled"}]}
    call = a_call(PUBLISH, ours(ref=REF))
    denied = [web.json_response(errors, status=403) for _ in range(2)]
    async with stubbed(web.json_response(errors, status=400), *denied) as stub:
        shop = amazon(client, stub.url)
        with pytest.raises(Rejected, match="The order is cancelled"):
            await shop.perform(call)
        with pytest.raises(Unauthorised):
            await shop.perform(call)
    bare = a_call(PublishFulfilment(tracking_number="", carrier=""), ours(ref=REF))
    with pytest.raises(Rejected, match="tracking number"):
        await shop.perform(bare)


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
