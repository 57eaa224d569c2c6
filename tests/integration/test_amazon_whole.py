"""Amazon with the whole service: a notification is forwarded, the order is fetched, waits while it
is pending, is shipped when it may be, and is confirmed once."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any

import nats
import pytest

from adapters.postgres.sync import SyncStore
from schemas.order.ids import order_id_for
from service.app.sessions import open_reports
from service.channels.backfill import moment
from tests.amazon_payloads import Json, a_notification, an_order, signed
from tests.e2e.processes import ROOT
from tests.integration.test_mappings_whole import in_use as mappings_in_use
from tests.integration.whole import AMAZON, FORWARDER, Whole
from tests.waiting import eventually

_numbers = count(1)
READY = {"OrderStatus": "Unshipped", "FulfillmentType": "MFN"}
BEGAN = datetime.now(UTC) - timedelta(minutes=30)


def an_id() -> str:
    """Return an order id of Amazon's that no other test has."""
    return f"903-0000000-{next(_numbers):07}"


def order_of(ref: str, status: str = "UNSHIPPED", *, bare: bool = False) -> Json:
    """Return an order as Amazon tells it now, of SKUs that are on the shelf, to a place UPS knows.

    Each call is a later statement than the one before, by a second."""
    at = BEGAN + timedelta(seconds=next(_numbers))
    order = an_order(status, orderId=ref)
    order |= {"createdTime": f"{BEGAN:%Y-%m-%dT%H:%M:%SZ}"}
    order |= {"lastUpdatedTime": f"{at:%Y-%m-%dT%H:%M:%SZ}"}
    for number, item in enumerate(order["orderItems"], 1):
        item["product"]["sellerSku"] = f"SKU-{number:03d}"
    order["recipient"]["deliveryAddress"] |= {
        "city": "Louisville", "stateOrRegion": "KY", "postalCode": "40202", "countryCode": "US",
    }  # fmt: skip
    if bare:
        # What Amazon keeps back before a payment is confirmed, and after a cancellation.
        del order["recipient"], order["buyer"], order["proceeds"]
    return order


async def put(whole: Whole, *orders: Json) -> None:
    """Have the simulated Amazon tell the orders so from now on."""
    await whole.world.ask("POST", "/_sim/amazon/orders", {"orders": list(orders)})


async def forward(whole: Whole, ref: str, **changes: object) -> int:
    """Post a notification as the queue's forwarder does; return the answer's status."""
    number = next(_numbers)
    told = a_notification(AmazonOrderId=ref, **changes)
    told["NotificationMetadata"]["NotificationId"] = f"notification-{number}"
    raw = json.dumps({"MessageId": f"sqs-{number}", "Body": json.dumps(told)}).encode()
    headers = signed(raw, secret=FORWARDER, at=datetime.now(UTC), message_id=f"sqs-{number}")
    named = {name.replace("-", "_"): value for name, value in headers.items()}
    return (await whole.ask("POST", f"/hooks/{AMAZON}", body=raw, **named)).status


async def calls(whole: Whole) -> Mapping[str, Any]:
    """How often Amazon was asked for each order, and how often it refused to be asked."""
    return await whole.world.ask("GET", "/_sim/amazon/calls")


async def asked(whole: Whole, ref: str, times: int) -> None:
    """Wait until an order was asked for so often."""

    async def there() -> bool:
        return bool((await calls(whole))["get_order"].get(ref, 0) >= times)

    await eventually(there, 20.0)


def known(ref: str) -> str:
    """Return the order's id here."""
    return order_id_for(AMAZON, ref)


async def consequences(whole: Whole, ref: str) -> list[str]:
    """Return the kinds of everything that was done in the world for an order."""
    rows = await whole.world.rows("SELECT kind FROM effects WHERE order_id = $1", known(ref))
    return sorted({row["kind"] for row in rows})


async def test_a_pending_order_waits_and_a_ready_one_is_shipped_and_confirmed_once(
    whole: Whole,
) -> None:
    """No one hears of it while it is pending; then it goes the whole way, each package is confirmed
    once, and Amazon's echo of that changes nothing."""
    ref = an_id()
    await put(whole, order_of(ref, "PENDING", bare=True))
    assert await forward(whole, ref) == 200
    await asked(whole, ref, 1)

    async def noted() -> bool:
        rows = await whole.world.rows(
            "SELECT waiting_for FROM orders WHERE order_id = $1", known(ref)
        )
        return "has not confirmed the payment" in rows[0]["waiting_for"]

    await whole.until(known(ref), "expected")
    await eventually(noted, 20.0)
    assert await consequences(whole, ref) == ["storefront.fetch_order.v1"]

    await put(whole, order_of(ref))
    assert await forward(whole, ref) == 200
    await whole.until(known(ref), "shipped", "delivered", "closed", seconds=60.0)
    await forward(whole, ref)
    await whole.until(known(ref), "closed", seconds=60.0)
    (package,) = (await whole.world.ask("GET", "/_sim/amazon/packages"))[ref]
    assert [one["quantity"] for one in package["orderItems"]] == [2, 1]
    confirmed = [one for one in await whole.world.ledger() if one["reference"] == ref]
    assert [one["kind"] for one in confirmed] == ["fulfilment"]
    assert package["trackingNumber"] in whole.cli("orders", "timeline", known(ref))
    events = await whole.world.rows("SELECT type FROM events WHERE order_id = $1", known(ref))
    assert "order.held.v2" not in {row["type"] for row in events}
    # Amazon confirms to its buyers itself.
    assert "mail.send.v2" not in await consequences(whole, ref)


async def test_an_order_waits_for_mappings_and_is_confirmed_as_amazon_knows_it(
    whole: Whole, tmp_path: Path
) -> None:
    """A set and a tax that no table has hold the order, extra costs that a table has don't; it goes
    on by itself, and Amazon is told of its own items."""
    ref = an_id()
    order = order_of(ref)
    order["orderItems"][0]["product"]["sellerSku"] = "AMZ-SET"
    order["orderItems"][1]["tax"] = {"taxCalculationBreakdowns": [{"reportingScheme": "UNION_OSS"}]}
    listed = ["SKU-002", "amazon-gift-wrap", "amazon-delivery-tip"]
    tables: dict[str, Json] = {"skus": {"known": listed}, "tax_codes": {"known": []}}
    await load_mappings(whole, tmp_path, tables)
    try:
        await put(whole, order)
        assert await forward(whole, ref) == 200
        await whole.until(known(ref), "placed")
        told = whole.cli("orders", "show", known(ref))
        assert f"the tables of {AMAZON} lack the SKU 'AMZ-SET'; " in told
        assert f"the tables of {AMAZON} lack the tax code 'UNION_OSS'" in told
        parts = [{"sku": "SKU-001"}, {"sku": "SKU-003"}]
        tables |= {"bundles": {"AMZ-SET": {"components": parts}}}
        tables["tax_codes"]["codes"] = {"UNION_OSS": "EU"}
        await load_mappings(whole, tmp_path, tables)
        await whole.until(known(ref), "closed", seconds=60.0)
    finally:
        await load_mappings(whole, tmp_path, {})
    (package,) = (await whole.world.ask("GET", "/_sim/amazon/packages"))[ref]
    told_items = {one["orderItemId"]: one["quantity"] for one in package["orderItems"]}
    assert told_items == {one["orderItemId"]: one["quantityOrdered"] for one in order["orderItems"]}


async def load_mappings(whole: Whole, folder: Path, tables: Json) -> None:
    """Put tables in place for the channel (none at all where there are none), and wait until the
    service has them."""
    file = folder / "mappings.json"
    file.write_text(json.dumps({"channels": {AMAZON: tables} if tables else {}}))
    whole.cli("mappings", "load", str(file), "--reason", "a test")
    await mappings_in_use(whole)


async def test_what_amazon_demands_of_a_parcel_is_done_or_held(whole: Whole) -> None:
    """The codes that the warehouse scans are confirmed with the package; an order whose label only
    Amazon sells reaches no one, and says who must do what."""
    coded, prime = an_id(), an_id()
    order = order_of(coded)
    order["orderItems"][0]["programs"] = ["TRANSPARENCY"]
    await put(whole, order, {**order_of(prime), "programs": ["PRIME"]})
    for ref in (coded, prime):
        await forward(whole, ref, Summary=READY)
    await whole.until(known(coded), "closed", seconds=60.0)
    (package,) = (await whole.world.ask("GET", "/_sim/amazon/packages"))[coded]
    first, second = package["orderItems"]
    assert len(set(first["transparencyCodes"])) == first["quantity"] == 2
    assert "transparencyCodes" not in second
    await whole.until(known(prime), "placed")
    shown = whole.cli("orders", "show", known(prime))
    assert "the channel takes only labels that are bought from it (such as Prime's of Amazon)" in (
        " ".join(shown.split())
    )
    assert await consequences(whole, prime) == ["storefront.fetch_order.v1"]


async def test_a_person_enters_the_codes_that_the_warehouse_did_not_scan(whole: Whole) -> None:
    """Nothing is confirmed without them, and it says what to do. By command and over the API they
    are taken, what can't be is refused, and the shipment is confirmed with them, once."""
    by_command, by_api = an_id(), an_id()
    for ref in (by_command, by_api):
        order = order_of(ref)
        order["orderItems"][0]["programs"] = ["TRANSPARENCY"]
        await put(whole, order)
        habit = {"warehouse": "*", "order": ref, "no_codes": True}
        await whole.world.ask("POST", "/_sim/warehouse/habits", habit)
        await forward(whole, ref, Summary=READY)

    async def refused(ref: str) -> str:
        async def there() -> str:
            told = " ".join(whole.cli("orders", "show", known(ref)).split())
            found = re.search(r"with `orders codes` for (K[0-9]+);", told)
            return found[1] if found else ""

        return await eventually(there, 60.0)

    parcel = await refused(by_command)
    line = order_of(by_command)["orderItems"][0]["orderItemId"]
    words = ["orders", "codes", known(by_command), "--parcel", parcel.lower()]
    words += ["--line", line, "--wait"]
    reason = ["--reason", "read off the box"]
    said = whole.cli(*words, "--code", "AZ:1", *reason, code=1)
    assert f"{parcel} holds 2 pieces of line {line}: enter one code for each." in " ".join(
        said.split()
    )
    whole.cli(*words, "--code", "AZ:1", "--code", "AZ:2", *reason)
    one = {"parcel": await refused(by_api), "line_id": line, "codes": ["AZ:3", "AZ:4"]}
    answer = await whole.api(
        "POST",
        f"/api/v1/orders/{known(by_api)}/edit",
        body=json.dumps({"reason": "read off the box", "codes": [one]}).encode(),
        Idempotency_Key=f"codes-{by_api}",
    )
    assert answer.status == 202, answer.body
    for ref, codes in ((by_command, ["AZ:1", "AZ:2"]), (by_api, ["AZ:3", "AZ:4"])):
        await whole.until(known(ref), "closed", seconds=60.0)
        (package,) = (await whole.world.ask("GET", "/_sim/amazon/packages"))[ref]
        assert package["orderItems"][0]["transparencyCodes"] == codes
    assert "entered 2 codes of pieces in" in whole.cli("orders", "timeline", known(by_command))


async def test_what_amazon_cancels_is_cancelled(whole: Whole) -> None:
    """Whether Amazon told what was ordered while its payment was pending, or nothing at all."""
    unseen, waiting = an_id(), an_id()
    await put(whole, order_of(unseen, "PENDING", bare=True), order_of(waiting, "PENDING"))
    for ref in (unseen, waiting):
        await forward(whole, ref)
    await whole.until(known(waiting), "placed")
    await asked(whole, unseen, 1)
    await put(whole, order_of(unseen, "CANCELLED", bare=True), order_of(waiting, "CANCELLED"))
    for ref in (unseen, waiting):
        await forward(whole, ref)
        await whole.until(known(ref), "cancelled")
        assert await consequences(whole, ref) == ["storefront.fetch_order.v1"]
    told = [one for one in await whole.world.ledger() if one["reference"] in {unseen, waiting}]
    assert told == []


async def test_other_services_may_forward_over_nats(whole: Whole) -> None:
    """A raw notification with the header that says whose it is, or the contract's own look."""
    raw, own = an_id(), an_id()
    await put(whole, order_of(raw, "PENDING", bare=True), order_of(own, "PENDING", bare=True))
    client = await nats.connect(whole.nats_url(AMAZON))
    try:
        body = json.dumps(a_notification(AmazonOrderId=raw)).encode()
        headers = {"Orderwright-Source": "amazon", "Nats-Msg-Id": f"{AMAZON}/look/n-1"}
        stream = client.jetstream()
        await stream.publish(f"orders.in.{AMAZON}.refetch.{raw}", body, headers=headers)
    finally:
        await client.close()
    look = {"type": "order.refetch.v1", "ref": own, "source": "our-queue-reader"}
    await whole.publish("refetch", own, json.dumps(look).encode(), channel=AMAZON)
    for ref in (raw, own):
        await asked(whole, ref, 1)
        await whole.until(known(ref), "expected")


async def test_a_queue_is_read_without_a_forwarder(whole: Whole) -> None:
    """What Amazon writes into the queue is fetched, and the queue is empty once it is here."""
    ref = an_id()
    await put(whole, order_of(ref))
    told = a_notification(AmazonOrderId=ref)
    told["NotificationMetadata"]["NotificationId"] = f"notification-{next(_numbers)}"
    await whole.world.ask("POST", "/_sim/sqs/messages", {"bodies": [json.dumps(told)]})
    await asked(whole, ref, 1)
    await whole.until(known(ref), "shipped", "delivered", "closed", seconds=60.0)

    async def empty() -> bool:
        return bool((await whole.world.ask("GET", "/_sim/sqs/messages"))["messages"] == 0)

    await eventually(empty, 20.0)


async def test_a_burst_of_notifications_asks_for_each_order_once(whole: Whole) -> None:
    """Sixty orders at once are fetched within the token bucket; ten looks of one order that come
    while it is asked for make one more question."""
    limits = {"get_order": {"rate": 20.0, "burst": 30}}
    await whole.world.ask("POST", "/_sim/amazon/limits", limits)
    first = an_id()
    await put(whole, order_of(first, "PENDING", bare=True))
    await forward(whole, first)  # its answer tells the new rate
    await asked(whole, first, 1)
    before = (await calls(whole))["throttled"].get("get_order", 0)
    refs = [an_id() for _ in range(60)]
    await put(whole, *(order_of(ref, "PENDING", bare=True) for ref in refs))
    assert set(await asyncio.gather(*(forward(whole, ref) for ref in refs))) == {200}
    for ref in refs:
        await asked(whole, ref, 1)
    seen = await calls(whole)
    assert {seen["get_order"][ref] for ref in refs} == {1}
    assert seen["throttled"].get("get_order", 0) - before <= 3

    await whole.world.ask("POST", "/_sim/amazon/limits", limits)
    await whole.world.fault("amazon", "get_order", latency_ms=700)
    try:
        ref = an_id()
        await put(whole, order_of(ref, "PENDING", bare=True))
        await forward(whole, ref)
        await asked(whole, ref, 1)
        await asyncio.gather(*(forward(whole, ref) for _ in range(10)))
        await asked(whole, ref, 2)
    finally:
        await whole.world.fault("amazon", "get_order", latency_ms=5)

    async def quiet() -> bool:
        rows = await whole.world.rows(
            "SELECT 1 FROM effects WHERE order_id = $1 AND status = 'open'", known(ref)
        )
        return not rows

    await eventually(quiet, 20.0)
    assert (await calls(whole))["get_order"][ref] == 2


async def test_what_is_not_ours_is_answered_and_kept_nowhere(whole: Whole) -> None:
    """Amazon's own shipments are counted and left to it; a forged notification is refused."""
    ref = an_id()
    summary = {"OrderStatus": "Unshipped", "FulfillmentType": "AFN"}
    assert await forward(whole, ref, Summary=summary) == 200
    metrics = (await whole.ask("GET", "/metrics")).body.decode()
    assert f'orderwright_webhook_notes_total{{source="{AMAZON}"}}' in metrics
    assert await whole.progress(known(ref)) == ""
    forged = signed(b"{}", secret="guessed", at=datetime.now(UTC))
    named = {name.replace("-", "_"): value for name, value in forged.items()}
    assert (await whole.ask("POST", f"/hooks/{AMAZON}", body=b"{}", **named)).status == 401


async def test_the_channel_s_service_asks_amazon(whole: Whole) -> None:
    """The channel is shown with the versions that are spoken, compared with Amazon's own list, and
    one order of it is fetched again by its reference."""
    ref, began = an_id(), datetime.now(UTC)
    await put(whole, order_of(ref, "PENDING", bare=True))
    shown = (await whole.api("GET", f"/api/v1/channels/{AMAZON}")).json()
    assert shown["can_be_asked"]
    assert shown["api_version"] == "Orders 2026-01-01, notifications 1.0"
    found = json.loads(whole.cli("channels", "check", AMAZON, "--json"))
    assert ref in found["refs"]
    path = f"/api/v1/channels/{AMAZON}/orders/{ref}/reimport"
    assert (await whole.api("POST", path, body=b'{"reason": "a test"}')).status == 202
    await asked(whole, ref, 1)
    await whole.until(known(ref), "expected")
    # What changes from now on, and no one tells of, is found although nothing was stated yet.
    async with open_reports(whole.world.runtime().postgres_dsn) as pool:
        ours = (await SyncStore(pool).ours(AMAZON, [ref]))[ref]
    heard = moment(ours.updated_at)
    assert heard is not None
    assert began <= heard <= datetime.now(UTC)


async def test_the_documented_forwarder_is_understood(
    whole: Whole, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The program of docs/channels.md passes on what a queue hands it, and gives back to the queue
    what was not taken."""
    page = (ROOT / "docs" / "channels.md").read_text()
    (program,) = re.findall(r"```python\n(.*?)```", page, re.S)
    names: dict[str, Any] = {}
    exec(compile(program, "docs/channels.md", "exec"), names)  # our own page
    monkeypatch.setenv("FORWARD_TO", f"{whole.world.url}/hooks/{AMAZON}")
    ref = an_id()
    await put(whole, order_of(ref, "PENDING", bare=True))
    told = a_notification(AmazonOrderId=ref)
    told["NotificationMetadata"]["NotificationId"] = f"notification-{next(_numbers)}"
    event = {"Records": [{"messageId": "sqs-1", "body": json.dumps(told)}]}
    monkeypatch.setenv("FORWARDER_SECRET", "guessed")
    refused = await asyncio.to_thread(names["handler"], event, None)
    assert refused == {"batchItemFailures": [{"itemIdentifier": "sqs-1"}]}
    monkeypatch.setenv("FORWARDER_SECRET", FORWARDER)
    taken = await asyncio.to_thread(names["handler"], event, None)
    assert taken == {"batchItemFailures": []}
    await asked(whole, ref, 1)
