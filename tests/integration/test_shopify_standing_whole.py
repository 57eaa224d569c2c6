"""A shop is told how far something is that it waits for, through the whole service: pickups, what
it asks a fulfilment service of ours not to send, and from where goods left."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from ops.simulators.shop_statement import MAIN_LOCATION, SECOND_LOCATION
from ops.simulators.storefront import Moment, Recipe, payload
from service.app.sessions import open_reports
from service.wiring.store import seed_stock
from tests.e2e.world import SHOP, World
from tests.integration.channels import BOOK, comparing, deliver
from tests.waiting import eventually

PLACES = {"east": str(MAIN_LOCATION), "west": str(SECOND_LOCATION)}
SERVICE = "our-3pl"

# Any: a shop's order, and an entry of the ledger, are free-form JSON.
Json = dict[str, Any]


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    """One service whose places are locations of its shop, and a fulfilment service of it."""
    translation = {"fulfillment_services": [SERVICE]}
    told = {"stock_locations": PLACES, "stock_every_seconds": 1.0, "stock_buffer": 2}
    with comparing(translation=translation, place_locations=PLACES, **told) as made:
        yield made


def an_order(number: int) -> Json:
    """An order of the shop."""
    recipe = Recipe(seed=97, shop=f"{SHOP}.myshopify.com")
    found: Json = json.loads(payload(recipe, number, Moment()))
    return found


async def place(world: World, order: Json) -> None:
    """The shop has the order, and sends it."""
    raw = json.dumps(order).encode()
    await world.book(f"{SHOP}.myshopify.com", [(order["id"], raw)])
    assert await deliver(world, "orders/create", raw, f"create-{order['id']}") == 200


async def staff(world: World, order: Json, doing: str, **told: object) -> None:
    """What somebody does to the order in the shop, and the webhooks that tell of it."""
    found = await world.ask("POST", f"{BOOK}/orders/{order['id']}/{doing}", {**told, "tell": False})
    for at, (topic, body) in enumerate((x["topic"], x["body"]) for x in found["webhooks"]):
        name = f"{order['id']}-{doing}-{at}"
        assert await deliver(world, topic, json.dumps(body).encode(), name) == 200


async def done_in(world: World, order: Json, *kinds: str) -> list[Json]:
    """What was done in the shop for the order."""
    gid = order["admin_graphql_api_id"]
    entries = [one for one in await world.ledger() if one["reference"] == gid]
    return [one for one in entries if one["kind"] in kinds]


async def until(world: World, order: Json, stage: str) -> None:
    """Wait for the order's end."""

    async def there() -> bool:
        rows = await world.rows("SELECT stage FROM orders WHERE ref = $1", str(order["id"]))
        return [row["stage"] for row in rows] == [stage]

    await eventually(there, 60.0)


async def until_done(world: World, order: Json, kind: str) -> Json:
    """Wait until something was done in the shop for the order, once."""

    async def there() -> bool:
        return bool(await done_in(world, order, kind))

    await eventually(there, 60.0)
    (found,) = await done_in(world, order, kind)
    return found


async def test_a_pickup_is_ready_before_it_is_collected(world: World) -> None:
    """The warehouse packs it, the shop is told once that it waits, and then that it was handed
    out; no label is bought."""
    order = an_order(1)
    order |= {"shipping_address": None, "shipping_lines": [
        {**one, "title": "Acme downtown"} for one in order["shipping_lines"]
    ]}  # fmt: skip
    await place(world, order)
    await until(world, order, "closed")
    done = [one["kind"] for one in await done_in(world, order, "pickup_ready", "fulfilment")]
    assert done[0] == "pickup_ready"
    assert done.count("pickup_ready") == 1
    shown = await world.ask("GET", f"{BOOK}/orders/{order['id']}")
    assert {one["prepared"] for one in shown["fulfilment_orders"]} == {True}
    assert {one["status"] for one in shown["fulfilment_orders"]} == {"CLOSED"}


def of_service(number: int) -> Json:
    """An order whose goods a fulfilment service sends, which is ours."""
    order = an_order(number)
    for line in order["line_items"]:
        line["fulfillment_service"] = SERVICE
    return order


async def tasks(world: World, order: Json) -> int:
    """How many tasks of warehouses there are for the order."""
    rows = await world.rows(
        "SELECT count(*)::int AS found FROM events e JOIN orders o USING (order_id)"
        " WHERE o.ref = $1 AND e.type = 'fulfilment.task_taken.v1'", str(order["id"]),
    )  # fmt: skip
    found = rows[0]["found"]
    assert isinstance(found, int)
    return found


async def test_what_the_shop_asks_not_to_send_is_stopped_and_it_hears_so(world: World) -> None:
    """What the shop asks for is taken on without a person. The warehouse gives it back, the request
    to cancel is accepted, and the order waits for what the shop makes of it: it is cancelled there,
    and here."""
    order = of_service(2)
    pause = {"warehouse": "*", "order": str(order["id"]), "pause": True}
    await world.ask("POST", "/_sim/warehouse/habits", pause)
    await place(world, order)
    await staff(world, order, "request")

    async def tasked() -> bool:
        return await tasks(world, order) > 0

    await eventually(tasked, 60.0)
    taken = await until_done(world, order, "request_answer")
    assert taken["detail"] == {"how": "accepted", "message": ""}
    await staff(world, order, "stop")
    answer = await until_done(world, order, "stop_answer")
    assert answer["detail"]["how"] == "accepted"
    shown = await world.ask("GET", f"{BOOK}/orders/{order['id']}")
    assert {x["request"] for x in shown["fulfilment_orders"]} == {
        "CANCELLATION_ACCEPTED",
        "UNSUBMITTED",
    }
    await staff(world, order, "cancel", reason="customer", refund=True)
    await until(world, order, "cancelled")
    assert await done_in(world, order, "fulfilment") == []
    assert await world.quarantined() == []


async def test_goods_of_a_service_are_sent_once_the_shop_asks_for_them(world: World) -> None:
    """Before the seller has submitted his request they wait; the shop's own goods of the same order
    leave. Then they leave as well, once, without a person."""
    mixed = next(one for one in map(an_order, range(60, 90)) if len(one["line_items"]) == 2)
    ours, theirs = mixed["line_items"]
    theirs["fulfillment_service"] = SERVICE
    whole = of_service(95)
    for order in (mixed, whole):
        await place(world, order)
    sent = await until_done(world, mixed, "fulfilment")
    assert {one["line_item_id"] for one in sent["detail"]["lines"]} == {str(ours["id"])}
    await until(world, whole, "accepted")
    assert (await tasks(world, mixed), await tasks(world, whole)) == (1, 0)
    for order in (mixed, whole):
        await staff(world, order, "request")
    for order in (mixed, whole):
        await until(world, order, "closed")
        left = [one["detail"]["lines"] for one in await done_in(world, order, "fulfilment")]
        found = [(x["line_item_id"], x["quantity"]) for lines in left for x in lines]
        assert sorted(found) == sorted((str(x["id"]), x["quantity"]) for x in order["line_items"])
        answers = await done_in(world, order, "request_answer")
        assert [one["detail"]["how"] for one in answers] == ["accepted"]
    assert await world.quarantined() == []


async def test_what_has_left_is_not_stopped_and_the_shop_hears_so(world: World) -> None:
    """It asks before it heard that the goods left: the request is rejected with the reason, and
    then the goods are shown as shipped."""
    order = of_service(3)
    await world.fault("storefront", "fulfillment_create", error_rate=1)
    await place(world, order)
    await staff(world, order, "request", taken=True)

    async def left() -> bool:
        rows = await world.rows(
            "SELECT 1 FROM events e JOIN orders o USING (order_id)"
            " WHERE o.ref = $1 AND e.type = 'fulfilment.handed_over.v1'", str(order["id"]),
        )  # fmt: skip
        return bool(rows)

    await eventually(left, 60.0)
    await staff(world, order, "stop")
    answer = await until_done(world, order, "stop_answer")
    assert answer["detail"]["how"] == "rejected"
    assert "left before" in answer["detail"]["message"]
    await world.fault("storefront", "fulfillment_create", error_rate=0)
    await until(world, order, "closed")
    assert await done_in(world, order, "fulfilment")


async def test_what_is_due_goes_on_and_the_rest_waits_for_its_day(world: World) -> None:
    """One line of two is scheduled for some seconds later: the other one ships at once, and it
    ships on its day by itself, although no webhook says that it is due; nothing is held."""
    order = next(one for one in map(an_order, range(30, 60)) if len(one["line_items"]) == 2)
    late, now = order["line_items"]
    day = datetime.now(UTC) + timedelta(seconds=8)
    await world.book(f"{SHOP}.myshopify.com", [(order["id"], json.dumps(order).encode())])
    pieces = {str(late["id"]): late["quantity"]}
    await staff(world, order, "schedule", fulfill_at=day.isoformat(), lines=pieces)
    await place(world, order)
    await until(world, order, "closed")
    left = [
        ({x["line_item_id"] for x in one["detail"]["lines"]}, one["at"])
        for one in await done_in(world, order, "fulfilment")
    ]
    first = [at for lines, at in left if str(now["id"]) in lines]
    last = [at for lines, at in left if str(late["id"]) in lines]
    assert max(first) < min(last)
    assert datetime.fromisoformat(min(last)) >= day
    rows = await world.rows(
        "SELECT 1 FROM events e JOIN orders o USING (order_id)"
        " WHERE o.ref = $1 AND e.type LIKE 'order.held.v%'", str(order["id"]),
    )  # fmt: skip
    assert rows == []


async def test_goods_are_shown_as_sent_from_where_they_left(world: World) -> None:
    """Shopify assigned all of them to one location; what leaves from the other place, because the
    first one lacks it, is split off and moved there before it is shown."""
    orders = [an_order(number) for number in range(10, 16)]
    lacking = [order["line_items"][0]["sku"] for order in orders[::2]]
    async with open_reports(world.runtime().postgres_dsn) as pool:
        await seed_stock(pool, lacking, 0, place="east")
    for order in orders:
        await place(world, order)
    from_place: Counter[int] = Counter()
    for order in orders:
        await until(world, order, "closed")
        rows = await world.rows(
            "SELECT convert_from(e.body, 'UTF8') AS said FROM events e"
            " JOIN orders o USING (order_id)"
            " WHERE o.ref = $1 AND e.type = 'fulfilment.stock_reserved.v2'", str(order["id"]),
        )  # fmt: skip
        wanted = Counter(int(PLACES[json.loads(row["said"])["place"]]) for row in rows)
        shown = await done_in(world, order, "fulfilment")
        assert Counter(one["detail"]["location"] for one in shown) == wanted
        from_place += wanted
    assert set(from_place) == {MAIN_LOCATION, SECOND_LOCATION}
    assert await world.quarantined() == []


async def test_the_shop_is_told_what_may_be_sold(world: World) -> None:
    """An order takes its units from what the shop shows, less the buffer; a count raises it."""
    order = an_order(70)
    line = order["line_items"][0]
    levels = {str(MAIN_LOCATION): 1}
    items = [{"sku": line["sku"], "levels": levels}]
    async with open_reports(world.runtime().postgres_dsn) as pool:
        await seed_stock(pool, [line["sku"]], 5_000, place="east")
    await world.ask("POST", f"{BOOK}/inventory", {"items": items})

    async def shows() -> int:
        found = await world.ask("GET", f"{BOOK}/inventory")
        return int(found["items"][0]["levels"][str(MAIN_LOCATION)])

    async def free() -> int:
        (row,) = await world.rows(
            "SELECT on_hand - safety - reserved AS free FROM stock"
            " WHERE place = 'east' AND sku = $1", line["sku"],
        )  # fmt: skip
        return int(row["free"])

    before = await free()
    await place(world, order)
    await until(world, order, "closed")
    assert await free() < before

    async def is_told() -> bool:
        return await shows() == await free() - 2

    await eventually(is_told, 30.0)


async def test_a_change_that_is_not_understood_keeps_the_goods_here(world: World) -> None:
    """The shop's update does not add up: it is kept for a person, and the order waits instead of
    leaving for the former address. With the next update that is understood it goes on."""
    order = an_order(120)
    pause = {"warehouse": "*", "order": str(order["id"]), "pause": True}
    await world.ask("POST", "/_sim/warehouse/habits", pause)
    await place(world, order)

    async def tasked() -> bool:
        return await tasks(world, order) > 0

    await eventually(tasked, 60.0)

    async def changed(at: str, **changes: object) -> None:
        body = {**order, "updated_at": at, **changes}
        name = f"{order['id']}-{at}"
        assert await deliver(world, "orders/updated", json.dumps(body).encode(), name) == 200

    async def said(kind: str) -> int:
        rows = await world.rows(
            "SELECT 1 FROM events e JOIN orders o USING (order_id)"
            " WHERE o.ref = $1 AND e.type LIKE $2", str(order["id"]), f"{kind}.v%",
        )  # fmt: skip
        return len(rows)

    async def is_held() -> bool:
        return await said("order.held") == 1

    there = {**order["shipping_address"], "address1": "99 Pine Road"}
    wrong = {"shop_money": {"amount": "0.01", "currency_code": "USD"}}
    await changed(
        "2027-01-01T10:00:00-05:00",
        shipping_address=there,
        current_total_price="0.01",
        current_total_price_set=wrong,
    )
    await eventually(is_held, 60.0)
    assert [one.reason for one in await world.quarantined()] == ["total_mismatch"]
    await world.ask("POST", "/_sim/warehouse/habits", {**pause, "pause": False})
    await changed("2027-01-01T11:00:00-05:00", shipping_address=there)
    await until(world, order, "closed")
    assert (await said("order.held"), await said("order.hold_released")) == (1, 1)
    assert len(await done_in(world, order, "fulfilment")) == 1
