"""Amazon: fetching, confirming and cancelling, against the simulated API and its descriptions."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from aiohttp import web
from jsonschema import Draft4Validator
from msgspec.structs import replace

from actors.runtime.errors import Rejected, Retryable, Unauthorised, Unknown
from adapters.channels.amazon.order import input_of
from adapters.channels.amazon.shapes import Fetched
from adapters.channels.amazon.storefront import INCLUDED
from adapters.kit.http_client import HttpClient
from schemas.contracts.strict_json import parse
from schemas.contracts.validation import read_foreign
from schemas.messages.effects import (
    CancelAtChannel,
    ChannelCancelled,
    FulfilmentPublished,
    LineCodes,
    StandingTold,
    TellStanding,
    Units,
)
from schemas.messages.inputs import CancelOrder, OutsideShipment, UpdateOrder
from schemas.order.canonical import Line
from tests.amazon_payloads import REF, Json, an_order, description
from tests.contract.amazon_calls import (
    a_ref,
    amazon,
    items_of,
    known,
    parcel,
    publication,
    put,
)
from tests.contract.partner_calls import a_call, stubbed
from tests.contract.simulated import Client, Running, started
from tests.orders import an_order as ours

NUMBER = "1ZA1B2C30300000012"
CANCEL = CancelAtChannel(reason="inventory", restock=True)
FEEDS = "/amazon/feeds/2021-06-30/feeds"


@pytest.fixture(scope="module")
def running() -> Iterator[Running]:
    """The simulators, for all tests of this file."""
    with started() as found:
        yield found


def a_line(line_id: str, **changes: object) -> Line:
    """Return a line of one piece."""
    told = {"sku": "SKU-1", "title": "Thing", "quantity": 1, "unit_price_minor": 100}
    return Line(line_id=line_id, total_minor=100, **{**told, **changes})  # type: ignore[arg-type]  # one dict of fields, for tests to change


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


async def test_more_than_was_ordered_is_confirmed_as_far_as_it_was_ordered(
    client: HttpClient, simulators: Client, running: Running
) -> None:
    """A warehouse shipped 3 of 2, or one more in a second parcel: Amazon would refuse the package
    for it. The rest is a person's task on the order."""
    theirs = an_order(orderId=a_ref(8))
    await put(simulators, theirs)
    (one, two), order = items_of(theirs), known(theirs)
    quantity = next(line.quantity for line in order.lines if line.line_id == one)
    shop = amazon(client, running.http)
    first = parcel("K1", "1Z1", (one, quantity + 1), (two, 1))
    call = a_call(publication(first), order)
    assert await shop.perform(call) == FulfilmentPublished(outside_ids=("100001",))
    assert await shop.look_up(call) == FulfilmentPublished(outside_ids=("100001",))
    more = a_call(publication(parcel("K2", "1Z2", (one, 1)), earlier=(first,)), order)
    assert await shop.perform(more) == FulfilmentPublished(outside_ids=())
    packages = (await simulators.call("GET", "/_sim/amazon/packages")).json[order.ref]
    told = [{x["orderItemId"]: x["quantity"] for x in one["orderItems"]} for one in packages]
    assert told == [{one: quantity, two: 1}]


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


def coded(theirs: Json, *items: int) -> Json:
    """Give items of an order to the Transparency programme."""
    for at in items:
        theirs["orderItems"][at]["programs"] = ["TRANSPARENCY"]
    return theirs


async def test_the_codes_of_the_pieces_travel_with_the_package(
    running: Running, simulators: Client, client: HttpClient
) -> None:
    """Of a line that needs Transparency codes each piece's code is confirmed with its package; with
    too few nothing is confirmed, and a person is told how many there are and what to do."""
    theirs = coded(an_order(orderId=a_ref(70)), 0)
    await put(simulators, theirs)
    first, second = items_of(theirs)
    shop, order = amazon(client, running.http), known(theirs)
    assert [line.unit_codes for line in order.lines[:2]] == ["transparency", ""]
    box = parcel("P1", NUMBER, (first, 2), (second, 1))
    few = replace(box, codes=(LineCodes(first, ("AZ:1",)),))
    for told, count in ((box, 0), (few, 1)):
        with pytest.raises(
            Rejected, match=f"warehouse told {count} for 2. Enter those on the pieces"
        ):
            await shop.perform(a_call(publication(told), order))
    assert a_ref(70) not in (await simulators.call("GET", "/_sim/amazon/packages")).json
    whole = replace(box, codes=(LineCodes(first, ("AZ:1", "AZ:2")),))
    await shop.perform(a_call(publication(whole), order))
    (package,) = (await simulators.call("GET", "/_sim/amazon/packages")).json[a_ref(70)]
    assert package["orderItems"] == [
        {"orderItemId": first, "quantity": 2, "transparencyCodes": ["AZ:1", "AZ:2"]},
        {"orderItemId": second, "quantity": 1},
    ]
    schema = description("ordersV0.json")
    validator = Draft4Validator({"$ref": "#/definitions/PackageDetail", **schema})
    assert list(validator.iter_errors(package)) == []


async def test_what_the_buyer_collects_is_told_as_collected(
    running: Running, simulators: Client, client: HttpClient
) -> None:
    """An order for the seller's own shop has no package: its items are told as ready, then as
    picked up, and a repeat changes nothing."""
    theirs = an_order(orderId=a_ref(71), programs=["IN_STORE_PICK_UP"])
    await put(simulators, theirs)
    order, (first, second) = known(theirs), items_of(theirs)
    assert {line.delivery for line in order.lines if line.kind == "goods"} == {"pickup"}
    shop = amazon(client, running.http)
    waits = TellStanding(what="ready", units=(Units(first, "", 2), Units(second, "", 1)))
    await simulators.fault("amazon", "update_shipment_status", rubbish_rate=1.0, times=1)
    with pytest.raises(Unknown):
        await shop.perform(a_call(waits, order))
    for _ in range(2):
        call = a_call(waits, order)
        assert await shop.look_up(call) is None
        assert await shop.perform(call) == StandingTold()
    pickups = (await simulators.call("GET", "/_sim/amazon/pickups")).json
    assert pickups[a_ref(71)] == "ReadyForPickup"
    told = publication(replace(parcel("P1", "", (first, 2), (second, 1)), carrier=""))
    for _ in range(2):
        done = await shop.perform(a_call(told, order))
        assert done == FulfilmentPublished(outside_ids=("100001",))
    assert (await simulators.call("GET", "/_sim/amazon/pickups")).json[a_ref(71)] == "PickedUp"
    assert a_ref(71) not in (await simulators.call("GET", "/_sim/amazon/packages")).json
