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
    with comparing(translation=translation, place_locations=PLACES) as made:
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
    """The warehouse gives it back, the request is accepted, and the order waits for what the shop
    makes of it: it is cancelled there, and here."""
    order = of_service(2)
    pause = {"warehouse": "*", "order": str(order["id"]), "pause": True}
    await world.ask("POST", "/_sim/warehouse/habits", pause)
    await place(world, order)
    await staff(world, order, "request", taken=True)

    async def tasked() -> bool:
        return await tasks(world, order) > 0

    await eventually(tasked, 60.0)
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
