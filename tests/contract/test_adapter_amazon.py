"""Amazon: fetching, confirming and upkeep, against the simulated API and its descriptions."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta

import pytest
from aiohttp import web
from jsonschema import Draft4Validator

from actors.runtime.call_policy import CallPolicy
from actors.runtime.errors import Rejected, Retryable, Unauthorised, Unknown
from adapters.channels.amazon.api import AmazonApi, Bucket, Plan
from adapters.channels.amazon.order import input_of
from adapters.channels.amazon.settings import AmazonSettings
from adapters.channels.amazon.shapes import Fetched
from adapters.channels.amazon.storefront import INCLUDED, AmazonStorefront
from adapters.channels.amazon.sync import AmazonUpkeep
from adapters.kit.http_client import Answer, HttpClient
from adapters.kit.secret import Secret
from schemas.contracts.strict_json import parse
from schemas.contracts.validation import read_foreign
from schemas.messages.effects import (
    CancelAtChannel,
    ChannelCancelled,
    FulfilmentPublished,
    PublishFulfilment,
    SentParcel,
    Units,
)
from schemas.messages.inputs import CancelOrder, OutsideShipment, UpdateOrder
from schemas.order.canonical import Line, Order
from schemas.order.things import Key
from tests.amazon_payloads import REF, Json, an_order, description
from tests.contract.partner_calls import NOON, TestClock, a_call, stubbed
from tests.contract.simulated import Client, Running, started
from tests.orders import an_order as ours

NUMBER = "1ZA1B2C30300000012"
CANCEL = CancelAtChannel(reason="inventory", restock=True)
QUEUE = "arn:aws:sqs:eu-west-1:444455556666:orders"
FEEDS = "/amazon/feeds/2021-06-30/feeds"
ADDRESS = "https://orders.example.com/hooks/amazon-de"


@pytest.fixture(scope="module")
def running() -> Iterator[Running]:
    """The simulators, for all tests of this file."""
    with started() as found:
        yield found


def account(base: str, *, timeout_seconds: float = 2.0) -> AmazonSettings:
    """The seller's authorisation."""
    return AmazonSettings(
        kind="amazon",
        api_base_url=f"{base}/amazon",
        token_url=f"{base}/amazon/auth/o2/token",
        client_id="amzn1.application-oa2-client.1",
        client_secret=Secret("secret"),
        refresh_token=Secret("Atzr|1"),
        region="eu",
        marketplace_ids=("A1PA6795UKMFR9",),
        webhook_secrets=(Secret("x"),),
        calls=CallPolicy(timeout_seconds=timeout_seconds),
    )


def amazon(client: HttpClient, base: str, *, timeout_seconds: float = 2.0) -> AmazonStorefront:
    """The storefront at `base`."""
    api = AmazonApi(client, account(base, timeout_seconds=timeout_seconds))
    return AmazonStorefront(
        api, TestClock(), marketplace_id="A1PA6795UKMFR9", seller_id="A3TH9S8BH6GOGM"
    )


def parcel(key: str, number: str, *units: tuple[str, int]) -> SentParcel:
    """A parcel with so many pieces of these items."""
    held = tuple(Units(item, "", quantity) for item, quantity in units)
    return SentParcel(parcel=Key(key), units=held, carrier="UPS", tracking_number=number)


def publication(*parcels: SentParcel, earlier: tuple[SentParcel, ...] = ()) -> PublishFulfilment:
    """What is told of them."""
    return PublishFulfilment(fulfilment=Key("F1"), parcels=parcels, earlier=earlier)


def known(theirs: Json) -> Order:
    """Amazon's order as it stands here."""
    found = input_of(read_foreign({"order": theirs}, Fetched).order)
    assert isinstance(found, UpdateOrder)
    return found.order


def items_of(theirs: Json) -> list[str]:
    """The ids of its items."""
    return [one["orderItemId"] for one in theirs["orderItems"]]


def upkeep(client: HttpClient, base: str, queue: str = QUEUE) -> AmazonUpkeep:
    """The same account's upkeep."""
    seller, own = (AmazonApi(client, account(base), grantless=own) for own in (False, True))
    return AmazonUpkeep(seller, own, TestClock(), queue_arn=queue)


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
    with pytest.raises(Rejected, match="no order id"):
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
    """An authorisation that ended is the operator's to mend: no try is burnt for it."""
    await put(simulators, an_order(orderId=a_ref(7)))
    await simulators.fault("amazon", "token", {"refuse_rate": 1})
    try:
        with pytest.raises(Unauthorised, match="refresh token"):
            await amazon(client, running.http).bundle(a_ref(7))
    finally:
        await simulators.call("DELETE", "/_sim/faults")


async def test_the_confirmation_fits_the_official_description(client: HttpClient) -> None:
    """What is sent is a ConfirmShipmentRequest, with the token in Amazon's own header."""
    theirs = an_order()
    one, two = items_of(theirs)
    call = a_call(publication(parcel("K1", NUMBER, (one, 1), (two, 1))), known(theirs))
    async with stubbed(web.Response(status=204)) as stub:
        result = await amazon(client, stub.url).perform(call)
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
    assert package["orderItems"] == [
        {"orderItemId": one, "quantity": 1},
        {"orderItemId": two, "quantity": 1},
    ]
    assert package["packageReferenceId"] == "100001"
    assert result == FulfilmentPublished(outside_ids=("100001",))


async def test_each_parcel_is_a_package_and_a_repeat_edits_it(
    client: HttpClient, simulators: Client, running: Running
) -> None:
    """Amazon acts and never answers the second call: the look-up says no until both are there, and
    the repeat makes no third. The rest is a package of its own."""
    await simulators.reset()
    theirs = an_order(orderId=a_ref(3))
    await put(simulators, theirs)
    (one, two), order = items_of(theirs), known(theirs)
    first = (parcel("K1", "1Z1", (one, 1)), parcel("K2", "1Z2", (two, 1)))
    call = a_call(publication(*first), order)
    shop = amazon(client, running.http, timeout_seconds=0.5)
    assert await shop.look_up(call) is None
    await simulators.fault("amazon", "confirm_shipment", {"act_no_answer_rate": 1})
    with pytest.raises(Unknown):
        await shop.perform(call)
    await simulators.call("DELETE", "/_sim/faults")
    assert await shop.look_up(call) is None
    wanted = FulfilmentPublished(outside_ids=("100001", "100002"))
    assert await shop.perform(call) == wanted == await shop.look_up(call)
    assert await shop.perform(call) == wanted
    rest = a_call(publication(parcel("K3", "1Z3", (one, 1)), earlier=first), order)
    await shop.perform(rest)
    packages = (await simulators.call("GET", "/_sim/amazon/packages")).json[order.ref]
    told = {
        package["trackingNumber"]: {x["orderItemId"]: x["quantity"] for x in package["orderItems"]}
        for package in packages
    }
    assert told == {"1Z1": {one: 1}, "1Z2": {two: 1}, "1Z3": {one: 1}}


async def test_our_own_write_back_comes_back_under_the_same_number(
    client: HttpClient, simulators: Client, running: Running
) -> None:
    """The fetched order states our package with the number that publishing returned."""
    theirs = an_order(orderId=a_ref(4))
    await put(simulators, theirs)
    one, _ = items_of(theirs)
    shop = amazon(client, running.http)
    made = await shop.perform(a_call(publication(parcel("K1", "1Z1", (one, 1))), known(theirs)))
    assert isinstance(made, FulfilmentPublished)
    stated = input_of(read_foreign(parse(await shop.bundle(a_ref(4))), Fetched).order)
    assert isinstance(stated, UpdateOrder)
    assert stated.fulfilled == (
        OutsideShipment(
            outside_id=made.outside_ids[0],
            units=(Units(one, theirs["orderItems"][0]["product"]["sellerSku"], 1),),
            tracking_numbers=("1Z1",),
        ),
    )


async def test_a_bundle_is_confirmed_as_amazon_sold_it(client: HttpClient) -> None:
    """A kit goes under the item it was taken from, once it is complete."""
    theirs = an_order()
    item = items_of(theirs)[0]
    parts = (
        a_line("c1", quantity=2, bundle_line_id=item),
        a_line("c2", quantity=4, bundle_line_id=item),
        a_line("amazon-gift-wrap", requires_shipping=False),
    )
    order = ours(ref=REF, lines=parts)
    held = parcel("K1", NUMBER, ("c1", 2), ("c2", 2), ("amazon-gift-wrap", 1))
    answers = [web.json_response({"order": theirs}), web.Response(status=204)]
    async with stubbed(*answers) as stub:
        await amazon(client, stub.url).perform(a_call(publication(held), order))
        sent: Json = json.loads(stub.sent("shipmentConfirmation")[3])
    assert sent["packageDetail"]["orderItems"] == [{"orderItemId": item, "quantity": 1}]


async def test_an_order_is_cancelled_with_a_reason(
    client: HttpClient, simulators: Client, running: Running
) -> None:
    """A feed acknowledges that the order fails, item by item; a repeat finds it cancelled."""
    await simulators.reset()
    theirs = an_order(orderId=a_ref(5))
    await put(simulators, theirs)
    shop, call = amazon(client, running.http), a_call(CANCEL, known(theirs))
    assert await shop.look_up(call) is None
    assert await shop.perform(call) == ChannelCancelled()
    assert await shop.perform(call) == ChannelCancelled(told=False)
    assert await shop.look_up(call) == ChannelCancelled()
    (entry,) = await simulators.ledger("order_cancel")
    assert entry["reference"] == a_ref(5)
    assert entry["detail"] == {"reason": "NoInventory", "items": items_of(theirs)}
    stated = input_of(read_foreign(parse(await shop.bundle(a_ref(5))), Fetched).order)
    assert isinstance(stated, CancelOrder)


async def test_a_cancellation_waits_for_amazon_and_sends_no_second_feed(client: HttpClient) -> None:
    """While the feed is in progress the call comes again later; what Amazon says then counts."""
    order = web.json_response({"order": an_order()})

    def feed(status: str) -> web.Response:
        told = {"feedId": "1", "processingStatus": status, "resultFeedDocumentId": "r"}
        return web.json_response(told)

    report = "<Result><ResultDescription>The order has shipped.</ResultDescription></Result>"
    call = a_call(CANCEL, known(an_order()))
    async with stubbed() as stub:
        document = {"feedDocumentId": "d", "url": f"{stub.url}/upload?signature=1"}
        stub.answers += [
            order, web.json_response(document, status=201), web.Response(),
            web.json_response({"feedId": "1"}, status=202), feed("IN_PROGRESS"),
            web.json_response({"order": an_order()}), feed("DONE"), web.json_response(document),
            web.Response(text=report),
        ]  # fmt: skip
        shop = amazon(client, stub.url)
        with pytest.raises(Retryable) as waits:
            await shop.perform(call)
        assert (waits.value.sick, waits.value.retry_after_seconds) == (False, 60)
        _, _, headers, sent = next(one for one in stub.requests if one[0] == "PUT")
        with pytest.raises(Rejected, match="The order has shipped"):
            await shop.perform(call)
        asked = [(one[0], one[1].partition("?")[0].rpartition("/")[2]) for one in stub.requests]
    assert asked.count(("POST", "feeds")) == 1
    assert "x-amz-access-token" not in headers
    assert sent.startswith(b"<?xml")
    assert b"<MerchantIdentifier>A3TH9S8BH6GOGM</MerchantIdentifier>" in sent
    document_of_feeds = description("feeds_2021-06-30.json")
    body = next(one[3] for one in stub.requests if one[:2] == ("POST", FEEDS))
    schema = {**document_of_feeds["definitions"]["CreateFeedSpecification"], **document_of_feeds}
    assert list(Draft4Validator(schema).iter_errors(json.loads(body))) == []


async def test_what_has_left_is_not_cancelled(
    client: HttpClient, simulators: Client, running: Running
) -> None:
    """One piece was confirmed, so Amazon is not asked to cancel."""
    theirs = an_order(orderId=a_ref(6))
    await put(simulators, theirs)
    one, _ = items_of(theirs)
    shop, order = amazon(client, running.http), known(theirs)
    await shop.perform(a_call(publication(parcel("K1", "1Z1", (one, 1))), order))
    with pytest.raises(Rejected, match="a part of the order as shipped"):
        await shop.perform(a_call(CANCEL, order))


async def test_refusals_are_told(client: HttpClient) -> None:
    """A business refusal goes to a person, a refused credential rests the lane."""
    errors = {"errors": [{"code": "InvalidInput", "message": "The order is cancelled"}]}
    theirs = an_order()
    one, _ = items_of(theirs)
    call = a_call(publication(parcel("K1", NUMBER, (one, 1))), known(theirs))
    denied = [web.json_response(errors, status=403) for _ in range(2)]
    async with stubbed(web.json_response(errors, status=400), *denied) as stub:
        shop = amazon(client, stub.url)
        with pytest.raises(Rejected, match="The order is cancelled"):
            await shop.perform(call)
        with pytest.raises(Unauthorised):
            await shop.perform(call)
        asked = len(stub.requests)
        bare = a_call(publication(parcel("K1", "", (one, 1))), known(theirs))
        with pytest.raises(Rejected, match="tracking number"):
            await shop.perform(bare)
        assert len(stub.requests) == asked


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
    keeper, cursor, found = upkeep(client, running.http), "", []
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
    """Queue and subscription are made once; one that was deleted is made anew; a wrong one told."""
    keeper = upkeep(client, running.http)
    assert len((await keeper.keep_subscriptions(ADDRESS)).mended) == 1
    assert (await keeper.keep_subscriptions(ADDRESS)).mended == ()
    await simulators.call("DELETE", "/_sim/amazon/subscriptions")
    again = await keeper.keep_subscriptions(ADDRESS)
    assert (len(again.mended), again.faults) == (1, ())
    other = await upkeep(client, running.http, f"{QUEUE}2").keep_subscriptions(ADDRESS)
    assert "another queue" in other.faults[0]
    none = await upkeep(client, running.http, "").keep_subscriptions(ADDRESS)
    assert "queue_arn" in none.faults[0]
