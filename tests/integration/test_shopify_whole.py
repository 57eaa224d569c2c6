"""What a shop of Shopify sends and answers that is unusual, through the whole service."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from adapters.channels.shopify.sync import WANTED
from adapters.channels.shopify.topics import KIND_OF_TOPIC
from ops.simulators.shop_book import FULFILMENT_ORDER_OFFSET
from ops.simulators.storefront import Moment, Recipe, payload
from schemas.order.ids import order_id_for
from tests.conftest import Say
from tests.e2e.world import SHOP, World
from tests.integration.channels import BOOK, cli, comparing, deliver, incident
from tests.large_orders import LINES, SMALL, a_large_webhook
from tests.waiting import eventually


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    """One service that compares every second, and its partners."""
    with comparing() as made:
        yield made


async def staff(world: World, number: int, doing: str, **told: object) -> None:
    """What somebody does to the order in the shop, and the webhooks that tell of it."""
    path = f"{BOOK}/orders/{number}/{doing}"
    found = await world.ask("POST", path, {**told, "tell": False})
    for at, (topic, body) in enumerate((x["topic"], x["body"]) for x in found["webhooks"]):
        raw = json.dumps(body).encode()
        assert await deliver(world, topic, raw, f"{number}-{doing}-{at}") == 200


@pytest.mark.parametrize(
    ("put", "took", "number", "said_so"),
    [("hold", "release", 41, "order.held"), ("schedule", "due", 42, "order.units_scheduled")],
)
async def test_a_hold_or_a_date_of_the_shop_s_ends_here_with_it(
    world: World, put: str, took: str, number: int, said_so: str
) -> None:
    """The order waits while it waits there, then goes on without a person; nothing of what told so
    is left in quarantine."""
    recipe = Recipe(seed=91, shop=f"{SHOP}.myshopify.com")
    body = payload(recipe, number, Moment())
    order = json.loads(body)
    await world.book(f"{SHOP}.myshopify.com", [(order["id"], body)])
    await staff(world, order["id"], put, fulfill_at="2026-12-31T19:00:00-05:00")
    ref = str(order["id"])

    async def said(kind: str) -> int:
        rows = await world.rows(
            "SELECT count(*)::int AS found FROM events e JOIN orders o USING (order_id)"
            " WHERE o.ref = $1 AND e.type LIKE $2", ref, f"{kind}.v%",
        )  # fmt: skip
        count = rows[0]["found"]
        assert isinstance(count, int)
        return count

    async def held() -> bool:
        return await said(said_so) == 1

    await eventually(held, 30.0)
    assert await deliver(world, "orders/create", body, f"create-{number}") == 200
    await staff(world, order["id"], took)

    async def shipped() -> bool:
        return any(one["reference"].endswith(ref) for one in await world.ledger())

    await eventually(shipped, 60.0)
    if put == "hold":
        assert (await said("order.held"), await said("order.hold_released")) == (1, 1)
    else:
        assert (await said("order.held"), await said("order.units_scheduled")) == (0, 2)
    assert await world.quarantined() == []


SAMPLES = Path(__file__).resolve().parents[3] / "shared" / "specs" / "shopify" / "webhooks"
SPEAKS_OF_NO_ORDER = {"app/uninstalled", "returns/process"}
"""The alarm of a channel that is gone; and a sample that shows nothing at all."""


def of_order(sample: object, order: int) -> object:
    """An official sample with the ids of this order: its own, its first fulfilment order's."""
    if isinstance(sample, list):
        return [of_order(one, order) for one in sample]
    if isinstance(sample, dict):
        found = {name: of_order(value, order) for name, value in sample.items()}
        return found | {name: order for name in ("order_id",) if name in found}
    if isinstance(sample, str):
        text = re.sub(r"gid://shopify/Order/[0-9]+", f"gid://shopify/Order/{order}", sample)
        mine = f"gid://shopify/FulfillmentOrder/{FULFILMENT_ORDER_OFFSET + order}"
        return re.sub(r"gid://shopify/FulfillmentOrder/[0-9]+", mine, text)
    return sample


async def test_nothing_that_an_ordinary_order_sends_is_left_in_quarantine(
    world: World, say: Say
) -> None:
    """Each topic that is subscribed to comes with Shopify's own sample of it, under the ids of an
    order that has been delivered: it is taken, noted or answered, and a person has none of it to
    look at."""
    if not SAMPLES.is_dir():
        pytest.skip("The folder ../shared/specs with Shopify's samples is not here.")
    body = payload(Recipe(seed=93, shop=f"{SHOP}.myshopify.com"), 61, Moment())
    order: int = json.loads(body)["id"]
    await world.book(f"{SHOP}.myshopify.com", [(order, body)])
    await world.ask("POST", f"{BOOK}/returns", {"id": 123134564567890, "order": order})
    assert await deliver(world, "orders/create", body, "ordinary-0") == 200
    await until_closed(world, str(order))
    sent = 0
    for topic in WANTED:
        path = SAMPLES / f"{topic.replace('/', '.', 1)}.meta.json"
        if topic in SPEAKS_OF_NO_ORDER or topic == "orders/cancelled" or not path.exists():
            continue
        raw = body
        if topic not in KIND_OF_TOPIC:
            told = json.loads(path.read_text())["response"]
            told = {"id": order} if topic == "orders/delete" else of_order(told, order)
            raw = json.dumps(told).encode()
        assert await deliver(world, topic, raw, f"ordinary-{topic}") == 200, topic
        sent += 1
    assert sent >= 44
    await world.until_final()
    found = [(item.delivery_id, item.reason) for item in await world.quarantined()]
    assert found == []
    say(f"Shopify's samples of {sent} topics about one order: nothing in quarantine.")


LONG = "+1 512 555 0123, and if no one answers ask for Maria at the reception next to it"
FORMS: dict[str, dict[str, object]] = {
    "a province in French, an extension glued to the number": {
        "country_code": "CA", "province_code": None, "province": "Colombie-Britannique",
        "city": "Victoria", "zip": "V8W\u00a01A1", "phone": "1-250-555-0142x45678",
    },
    "a country that is written as a state": {
        "country_code": "US", "province_code": "MH", "city": "Majuro", "zip": "96960",
        "phone": "+692 625 1234",
    },
    "a department overseas": {
        "country_code": "FR", "province_code": None, "city": "Saint-Denis", "zip": "97400",
        "phone": "+262 (0) 262 55 01 23",
    },
    "a long telephone number": {
        "country_code": "US", "province_code": "KY", "city": "Lexington", "zip": "40502 – 1234",
        "name": " ", "first_name": None, "last_name": None, "company": "Acme", "phone": LONG,
    },
    "a military post office": {
        "country_code": "GB", "province_code": "BFP", "city": "BFPO 58", "zip": "BF1 2AX",
        "phone": "+44 20 7946 0958",
    },
    "a box in French": {
        "country_code": "CA", "province_code": "QC", "address1": "Case postale 12", "city": "Laval",
        "zip": "H7A 1Y4", "phone": "450 555 0123",
    },
}  # fmt: skip
"""Addresses by what is unusual of them; the last two no carrier delivers to."""


async def test_addresses_of_many_forms_are_delivered_or_held(world: World) -> None:
    """Each is written to the label as its carrier wants it, or held before anything is spent; the
    payloads have nulls where programs write them, and none is refused."""
    refs = {}
    for number, (form, change) in enumerate(FORMS.items(), 71):
        order = json.loads(payload(Recipe(seed=95, shop=f"{SHOP}.myshopify.com"), number, Moment()))
        order["shipping_address"] |= change
        refs[form] = str(order["id"])
        await world.book(f"{SHOP}.myshopify.com", [(order["id"], json.dumps(order).encode())])
        order |= {"discount_codes": None, "refunds": [None], "note_attributes": {"Floor": 2}}
        body = json.dumps(order).encode()
        assert await deliver(world, "orders/create", body, f"form-{number}") == 200
    *delivered, army, box = refs.values()
    for ref in delivered:
        await until_closed(world, ref)
    for ref in (army, box):
        shown = json.loads(cli(world, "orders", "show", order_id_for(SHOP, ref), "--json"))
        assert [hold["hold_id"] for hold in shown["holds"]] == ["unmapped-address"]
    assert {one.ref for one in await world.quarantined()}.isdisjoint(refs.values())


async def until_closed(world: World, ref: str) -> None:
    """Wait for the order's end."""

    async def closed() -> bool:
        rows = await world.rows("SELECT stage FROM orders WHERE ref = $1", ref)
        return [row["stage"] for row in rows] == ["closed"]

    await eventually(closed, 60.0)


@pytest.mark.parametrize("refunded", [False, True])
async def test_the_largest_orders_are_taken(world: World, *, refunded: bool) -> None:
    """500 lines with all their fulfilments, and with refunds that repeat them: between 1.2 and 3 MB
    come in, are one order with 500 lines, and end as the shop has them: fulfilled elsewhere."""
    number = 8_800_001 + refunded
    body = a_large_webhook(SHOP, number, refunded=refunded)
    assert SMALL < len(body) < 3_000_000
    assert await deliver(world, "orders/create", body, f"large-{number}") == 200
    ref = str(json.loads(body)["id"])
    await until_closed(world, ref)
    shown = json.loads(cli(world, "orders", "show", order_id_for(SHOP, ref), "--json"))
    assert [line["accounts"] for line in shown["lines"]] == [{"ordered": 1, "elsewhere": 1}] * LINES
    assert ref not in {row["ref"] for row in await world.rows("SELECT ref FROM quarantine")}


async def test_a_message_that_is_too_large_is_an_incident_at_once(world: World) -> None:
    """Repeated for hours it would cost the subscription: the operator hears of the first one."""
    body = b" " * (4 * 1_048_576 + 1)
    assert await deliver(world, "orders/updated", body, "too-large") == 413

    async def opened() -> bool:
        return bool((await incident(world, "too_large")).get("is_open"))

    await eventually(opened, 10.0)


async def test_an_answer_in_another_api_version_is_an_incident(world: World) -> None:
    """Shopify answers in its oldest version when the one asked for has ended: the comparison works
    on, the incident opens, and the channel's page tells."""
    await world.ask("POST", f"{BOOK}/app", {"version": "2027-04"})

    async def opened() -> bool:
        return bool((await incident(world, "api_version_drift")).get("is_open"))

    await eventually(opened, 30.0)
    shown = await asyncio.to_thread(cli, world, "channels", "show", SHOP)
    assert "another API version than 2026-10" in shown
    await world.ask("POST", f"{BOOK}/app", {"version": ""})
