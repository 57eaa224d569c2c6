"""The API and NATS of a whole running service, as another service uses them."""

from __future__ import annotations

import asyncio
import json
import re
from typing import Any

import msgspec
import nats
from msgspec.structs import replace
from nats.aio.msg import Msg

from adapters.nats.streams import EVENTS
from schemas.order.canonical import Order
from schemas.order.ids import order_id_for
from service.telemetry.metrics import Metrics
from tests.e2e.audit import ORDER_LENGTH
from tests.integration.whole import CHANNEL, Answer, Whole
from tests.waiting import eventually

ON_CHANNEL = {"X_Orderwright_Channel": CHANNEL}


def problem(answer: Answer, status: int) -> dict[str, Any]:
    """Return the problem details (RFC 9457) of a refusal."""
    assert answer.status == status, answer.body
    assert answer.headers["content-type"].startswith("application/problem+json")
    told = answer.json()
    assert told["status"] == status
    assert str(told["title"])
    assert str(told["detail"])
    return told


def written(order: Order) -> bytes:
    """The order as JSON."""
    return msgspec.json.encode(order)


async def test_an_order_goes_all_the_way_over_the_api(whole: Whole) -> None:
    """Placed over the API it closes; list, order, timeline and label say the same story."""
    order = whole.order()
    placed = await whole.place(order, **ON_CHANNEL)
    assert placed["order_id"] == order_id_for(CHANNEL, order.ref)
    links = placed["links"]
    assert isinstance(links, dict)
    await whole.until(order.number, "closed")

    shown = await whole.api("GET", str(links["self"]))
    view = msgspec.json.decode(shown.body)
    assert view["row"]["stage"] == "closed"
    assert view["row"]["reference"] == placed["reference"]
    assert view["lines"][0]["accounts"] == {"ordered": 2, "delivered": 2}
    assert {one["key"]: one["stage"] for one in view["ended"]}["F1"] == "done"
    assert shown.headers["etag"] == f'"{placed["order_id"]}-{view["row"]["version"]}"'

    told = msgspec.json.decode((await whole.api("GET", str(links["timeline"]))).body)["entries"]
    assert [entry["text"] for entry in told][-1] == "Closed: nothing is left to do."

    listed = await whole.api("GET", f"/api/v1/orders?channel={CHANNEL}&q={order.number}")
    (row,) = msgspec.json.decode(listed.body)["orders"]
    assert row == view["row"]

    (label,) = view["files"]
    file = await whole.api("GET", f"{links['self']}/files/{label['name']}")
    assert file.status == 200
    assert file.headers["content-type"] == label["content_type"]
    assert len(file.body) > 40
    assert problem(await whole.api("GET", f"{links['self']}/files/none"), 404)


async def test_a_list_is_paged(whole: Whole) -> None:
    """`next` leads to the page after; together the pages are the list."""
    for _ in range(2):
        order = whole.order(payment="pending")
        await whole.place(order, **ON_CHANNEL)
        await whole.until(order.number, "placed")
    first = msgspec.json.decode((await whole.api("GET", "/api/v1/orders?limit=1")).body)
    second = msgspec.json.decode((await whole.api("GET", first["next"])).body)
    both = msgspec.json.decode((await whole.api("GET", "/api/v1/orders?limit=2")).body)
    assert first["orders"] + second["orders"] == both["orders"]
    problem(await whole.api("GET", "/api/v1/orders?limit=0"), 400)


async def test_idempotency_keys(whole: Whole) -> None:
    """A repeat gets the same answer and no second order; another body 422; no key 400."""
    order = whole.order()
    first = await whole.place(order, **ON_CHANNEL)
    key = {"Idempotency_Key": f"place-{order.ref}", **ON_CHANNEL}
    again = await whole.api("POST", "/api/v1/orders", body=written(order), **key)
    assert (again.status, again.json()) == (202, first)
    assert again.headers["idempotency-replayed"] == "true"
    other = written(replace(order, number="another"))
    problem(await whole.api("POST", "/api/v1/orders", body=other, **key), 422)
    problem(await whole.api("POST", "/api/v1/orders", body=other, **ON_CHANNEL), 400)
    await whole.until(order.number, "closed")
    tasks = [
        entry
        for entry in await whole.world.ledger()
        if entry["kind"] == "warehouse_task"
        and entry["reference"].startswith(str(first["reference"])[:ORDER_LENGTH])
    ]
    assert len(tasks) == 1


async def test_simultaneous_repeats_do_it_once(whole: Whole) -> None:
    """Of several equal requests at once each is answered 202 or 409, and one order comes of it."""
    order = whole.order(payment="pending")
    key = {"Idempotency_Key": f"place-{order.ref}", **ON_CHANNEL}
    answers = await asyncio.gather(
        *(whole.api("POST", "/api/v1/orders", body=written(order), **key) for _ in range(8))
    )
    assert {answer.status for answer in answers} <= {202, 409}
    assert 202 in {answer.status for answer in answers}
    await whole.until(order.number, "placed")
    listed = await whole.api("GET", f"/api/v1/orders?q={order.number}&channel={CHANNEL}")
    assert len(msgspec.json.decode(listed.body)["orders"]) == 1


async def test_refusals_are_problem_details(whole: Whole) -> None:
    """Each refusal is application/problem+json with whole sentences that say how to go on."""
    order = whole.order()
    put = {"Idempotency_Key": "refused", **ON_CHANNEL}
    problem(await whole.ask("GET", "/api/v1/orders"), 401)
    problem(await whole.ask("GET", "/api/v1/orders", Authorization="Bearer ow_no"), 401)
    words = ("--scope", "orders:read", "--channel", "acme-us")
    reader = whole.cli("keys", "create", "reader", *words).strip()
    bearer = {"Authorization": f"Bearer {reader}", **put}
    answer = await whole.ask("POST", "/api/v1/orders", body=written(order), **bearer)
    told = problem(answer, 403)
    assert "orders:write" in told["detail"]
    await whole.place(order, **ON_CHANNEL)
    await whole.until(order.number, "closed")
    hidden = f"/api/v1/orders/{order.number}"
    problem(await whole.ask("GET", hidden, Authorization=f"Bearer {reader}"), 404)
    problem(await whole.api("GET", "/api/v1/orders/nobody"), 404)
    problem(await whole.api("GET", "/api/v1/nothing"), 404)
    broken = await whole.api("POST", "/api/v1/orders", body=b'{"ref": ', **put)
    problem(broken, 400)
    totals = replace(order.totals, total_minor=1)
    wrong = written(replace(whole.order(), totals=totals))
    told = problem(await whole.api("POST", "/api/v1/orders", body=wrong, **put), 422)
    assert told["type"].endswith("total_mismatch")
    elsewhere = {**put, "X_Orderwright_Channel": "nowhere"}
    problem(await whole.api("POST", "/api/v1/orders", body=written(order), **elsewhere), 403)
    problem(
        await whole.api("POST", "/api/v1/orders", body=written(order), Idempotency_Key="n"), 400
    )
    large = b'"' + b"x" * 4_300_000 + b'"'
    problem(await whole.api("POST", "/api/v1/orders", body=large, **put), 413)


async def test_actions(whole: Whole) -> None:
    """A cancel needs a reason and the version it was decided on; then the order is cancelled, and
    the timeline names the key that did it."""
    order = whole.order(payment="pending")
    await whole.place(order, **ON_CHANNEL)
    await whole.until(order.number, "placed")
    path = f"/api/v1/orders/{order.number}/actions/cancel"
    key = {"Idempotency_Key": f"cancel-{order.ref}"}
    problem(await whole.api("POST", path, body=b'{"reason": " "}', **key), 422)
    stale = {**key, "If_Match": '"another-version"'}
    problem(await whole.api("POST", path, body=b'{"reason": "mistaken"}', **stale), 412)
    tag = (await whole.api("GET", f"/api/v1/orders/{order.number}")).headers["etag"]
    fresh = {"Idempotency_Key": f"cancel-again-{order.ref}", "If_Match": tag}
    done = await whole.api("POST", path, body=b'{"reason": "mistaken"}', **fresh)
    assert done.status == 202, done.body
    await whole.until(order.number, "cancelled")
    told = (await whole.api("GET", f"/api/v1/orders/{order.number}/timeline")).body.decode()
    assert "API key tests" in told
    assert "mistaken" in told
    problem(await whole.api("POST", path.replace("cancel", "eat"), body=b"{}", **key), 404)


async def test_schemas_are_served(whole: Whole) -> None:
    """Every published contract is there by its name, without a key, and says its own id."""
    names = msgspec.json.decode((await whole.ask("GET", "/schemas")).body)["schemas"]
    assert {"order.v1", "order.place.v2", "order.fulfilled.v2"} <= set(names)
    for name in names:
        answer = await whole.ask("GET", f"/schemas/{name}")
        assert answer.json()["$id"] == f"urn:orderwright:schemas:{name}"
    problem(await whole.ask("GET", "/schemas/order.v9"), 404)


async def test_readiness_and_metrics(whole: Whole) -> None:
    """Each check is named; every metric of the documents is there; no label holds an order."""
    order = whole.order()
    placed = await whole.place(order, **ON_CHANNEL)
    await whole.until(order.number, "closed")
    ready = (await whole.ask("GET", "/readyz?verbose")).json()
    assert ready["ready"] is True
    checks = ready["checks"]
    assert isinstance(checks, dict)
    assert set(checks) == {"process", "postgres", "nats", "leases", "disk", "stream"}
    assert (await whole.ask("GET", "/livez")).status == 200
    text = (await whole.ask("GET", "/metrics")).body.decode()
    families = set(re.findall(r"^# TYPE (\w+) ", text, re.MULTILINE))
    documented = set(re.findall(r"^# TYPE (\w+) ", Metrics().render().decode(), re.MULTILINE))
    assert documented <= families
    assert 'orderwright_orders_total{outcome="closed"}' in text
    for name in (order.ref, order.number, placed["order_id"], placed["reference"]):
        assert str(name) not in text


async def test_another_service_publishes_and_hears(whole: Whole) -> None:
    """With its channel's own user a service places an order over NATS, hears that it is fulfilled
    as a CloudEvent, and finds the same fact in the stream once."""
    order = whole.order()
    heard: list[Msg] = []

    async def hear(message: Msg) -> None:
        heard.append(message)

    client = await nats.connect(whole.nats_url(CHANNEL))
    try:
        await client.subscribe(f"orders.out.{CHANNEL}.order.>", cb=hear)
        body = json.dumps({"type": "order.place.v2", "order": msgspec.to_builtins(order)})
        subject = f"orders.in.{CHANNEL}.place.{order.ref}"
        sent = {"Nats-Msg-Id": f"mine-{order.ref}"}
        await client.jetstream().publish(subject, body.encode(), headers=sent, timeout=5)
        ack = await client.jetstream().publish(subject, body.encode(), headers=sent, timeout=5)
        assert ack.stream == f"ORDERS-{CHANNEL}"
        await whole.until(order.number, "closed")

        def told() -> list[dict[str, Any]]:
            events = [msgspec.json.decode(message.data) for message in heard]
            return [event for event in events if event["subject"] == order.ref]

        (event,) = await eventually(told, 10.0)
    finally:
        await client.close()
    assert heard[0].subject == f"orders.out.{CHANNEL}.order.fulfilled"
    assert (event["specversion"], event["type"]) == ("1.0", "order.fulfilled.v2")
    assert event["source"] == f"/orderwright/channels/{CHANNEL}"
    assert event["dataschema"] == f"{whole.world.url}/schemas/order.fulfilled.v2"
    assert event["data"]["ref"] == order.ref
    (parcel,) = event["data"]["parcels"]
    assert parcel["tracking_number"].startswith("1Z")
    assert [line["quantity"] for line in parcel["lines"]] == [line.quantity for line in order.lines]
    assert event["data"]["fulfilment"] == "F1"
    assert event["id"].startswith("publish-")
    service = await nats.connect(whole.world.runtime().nats_url)
    try:
        info = await service.jetstream().stream_info(EVENTS)
        assert info.config.max_bytes
        assert info.config.max_age
    finally:
        await service.close()


async def test_a_publisher_is_kept_to_its_subjects(whole: Whole) -> None:
    """A channel's user may not act as a person, nor send or hear other channels' messages."""
    refused: list[str] = []

    async def note(error: Exception) -> None:
        refused.append(str(error).lower())

    client = await nats.connect(whole.nats_url(CHANNEL), error_cb=note)
    try:
        for subject in (f"orders.in.{CHANNEL}.act.W-1", "orders.in.acme-us.place.1", "$JS.API.>"):
            await client.publish(subject, b"{}")
            await client.flush()
        await client.subscribe("orders.out.acme-us.>")
        await client.flush()
        await eventually(lambda: len(refused) >= 4)
    finally:
        await client.close()
    assert all("permissions violation" in text for text in refused)


async def test_a_contract_is_checked_at_the_edge_for_nats_too(whole: Whole) -> None:
    """What a service publishes wrongly is in quarantine with every fault in words."""
    body = b'{"type": "order.place.v2", "order": {"ref": "BAD-1", "number": 7}}'
    await whole.publish("place", "BAD-1", body)

    def kept() -> list[Any]:
        items = json.loads(whole.cli("quarantine", "list", "--json"))
        return [item for item in items if "number" in " ".join(item["sentences"])]

    item, *_ = await eventually(kept, 20.0)
    assert item["reason"] == "schema_mismatch"


async def test_events_have_a_published_contract(whole: Whole) -> None:
    """The fact's schema is served, and bears fields that later versions add."""
    schema = (await whole.ask("GET", "/schemas/order.fulfilled.v2")).json()
    assert schema.get("additionalProperties") is not False
