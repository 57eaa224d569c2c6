"""What a shop of Shopify sends and answers that is unusual, through the whole service."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator

import pytest

from schemas.order.ids import order_id_for
from tests.e2e.world import SHOP, World
from tests.integration.channels import BOOK, cli, comparing, deliver, incident
from tests.large_orders import LINES, SMALL, a_large_webhook
from tests.waiting import eventually


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    """One service that compares every second, and its partners."""
    with comparing() as made:
        yield made


@pytest.mark.parametrize("refunded", [False, True])
async def test_the_largest_orders_are_taken(world: World, *, refunded: bool) -> None:
    """500 lines with all their fulfilments, and with refunds that repeat them: between 1.2 and 3 MB
    come in, are one order with 500 lines, and end as the shop has them: fulfilled elsewhere."""
    number = 8_800_001 + refunded
    body = a_large_webhook(SHOP, number, refunded=refunded)
    assert SMALL < len(body) < 3_000_000
    assert await deliver(world, "orders/create", body, f"large-{number}") == 200
    ref = str(json.loads(body)["id"])

    async def closed() -> bool:
        rows = await world.rows("SELECT stage FROM orders WHERE ref = $1", ref)
        return [row["stage"] for row in rows] == ["closed"]

    await eventually(closed, 30.0)
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
