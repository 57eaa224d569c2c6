"""Amazon's orders that an app imports into the Shopify shop as well, with the whole service: each
is shipped once, whichever channel brings it first."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from ops.simulators.storefront import Moment, Recipe, payload
from schemas.order.ids import order_id_for
from service.app.sessions import open_reports
from service.demo.run import shelves
from service.wiring.store import seed_stock
from tests.e2e.world import SHOP
from tests.integration.channels import deliver
from tests.integration.test_amazon_whole import (
    an_id,
    consequences,
    forward,
    known,
    order_of,
    put,
)
from tests.integration.whole import AMAZON, Whole
from tests.waiting import eventually

RECIPE = Recipe(seed=77, shop=f"{SHOP}.myshopify.com")
SEEN_FIRST = pytest.mark.parametrize("first", ["amazon", "shopify"])


class Imported:
    """One order of Amazon's, as both channels have it."""

    def __init__(self, whole: Whole, number: int) -> None:
        self.whole, self.ref = whole, an_id()
        order: dict[str, Any] = json.loads(payload(RECIPE, number, Moment()))
        self.shop_id = int(order["id"])
        changes = {"source_name": "580111", "source_identifier": self.ref, "landing_site": None}
        self.body = json.dumps(order | changes).encode()
        self.shopify, self.amazon = order_id_for(SHOP, str(self.shop_id)), known(self.ref)

    async def exists(self) -> None:
        """Both have it, and neither has told of it."""
        await put(self.whole, order_of(self.ref))
        await self.whole.world.book(f"{SHOP}.myshopify.com", [(self.shop_id, self.body)])

    async def told_by(self, channel: str) -> str:
        """Let a channel bring it; return its id here."""
        if channel == "amazon":
            assert await forward(self.whole, self.ref) == 200
            return self.amazon
        status = await deliver(self.whole.world, "orders/create", self.body, f"c-{self.shop_id}")
        assert status == 200
        return self.shopify

    async def shipped(self) -> int:
        """How many packages Amazon and the shop know of."""
        packages = (await self.whole.world.ask("GET", "/_sim/amazon/packages")).get(self.ref, [])
        refs = {f"{SHOP}/{self.shop_id}", str(self.shop_id)}
        told = [
            one
            for one in await self.whole.world.ledger()
            if one["kind"] == "fulfilment" and one["reference"].rpartition("/")[2] in refs
        ]
        return len(packages) + len(told)


async def without_stock(one: Imported, sku: str) -> None:
    """It is of goods that no place has."""
    order = json.loads(one.body)
    for line in order["line_items"]:
        line["sku"] = sku
    one.body = json.dumps(order).encode()
    await one.exists()


def shown(whole: Whole, order_id: str) -> str:
    """The order as a command shows it, on one line."""
    return " ".join(whole.cli("orders", "show", order_id).split())


@SEEN_FIRST
async def test_the_second_one_is_recorded_and_shipped_nowhere(whole: Whole, first: str) -> None:
    """The first one goes its whole way. The other one asks no partner for anything, and says by
    command, API and timeline which order is worked on."""
    one = Imported(whole, 1 if first == "amazon" else 2)
    await one.exists()
    winner = await one.told_by(first)
    await whole.until(winner, "released", "picked", "packed", "shipped", "delivered", "closed")
    loser = await one.told_by("shopify" if first == "amazon" else "amazon")
    await whole.until(loser, "duplicate")
    await whole.until(winner, "closed", seconds=60.0)
    there = one.ref if first == "amazon" else str(one.shop_id)
    named = f"the same order came as {there} of"
    assert named in shown(whole, loser)
    assert winner in shown(whole, loser)
    timeline = " ".join(whole.cli("orders", "timeline", loser).split())
    assert f"Only recorded: the same order (amazon:{one.ref}) came as {there} of" in timeline
    view = (await whole.api("GET", f"/api/v1/orders/{loser}")).json()
    twin = view["duplicate_of"]
    assert isinstance(twin, dict)
    assert (twin["order_id"], twin["ref"]) == (winner, there)
    rows = await whole.world.rows("SELECT DISTINCT kind FROM effects WHERE order_id = $1", loser)
    assert {row["kind"] for row in rows} <= {"storefront.fetch_order.v1"}
    assert loser not in whole.cli("orders", "list", "--attention", "--json")
    assert loser in whole.cli("orders", "list", "--stage", "duplicate", "--json")
    assert await one.shipped() == 1


async def test_of_both_at_the_same_moment_one_is_shipped(whole: Whole) -> None:
    """Twelve orders, each brought by both channels at once: twelve are accepted, twelve recorded,
    and each leaves once."""
    orders = [Imported(whole, 10 + n) for n in range(12)]
    for one in orders:
        await one.exists()
    await asyncio.gather(*(one.told_by(by) for one in orders for by in ("amazon", "shopify")))

    async def stages(one: Imported) -> list[str]:
        rows = await whole.world.rows(
            "SELECT stage FROM orders WHERE order_id = ANY ($1)", [one.amazon, one.shopify]
        )
        return sorted(row["stage"] for row in rows)

    async def settled() -> bool:
        return all([await stages(one) == ["closed", "duplicate"] for one in orders])

    await eventually(settled, 90.0)
    assert [await one.shipped() for one in orders] == [1] * len(orders)
    owners = await whole.world.rows(
        "SELECT c.order_id, o.stage FROM claims c JOIN orders o USING (order_id)"
        " WHERE c.claim = ANY ($1)", [f"amazon:{one.ref}" for one in orders],
    )  # fmt: skip
    assert [row["stage"] for row in owners] == ["closed"] * len(orders)
    assert "differ" not in whole.cli("orders", "replay", "--verify")


async def test_a_person_hears_that_only_the_one_worked_on_is_cancelled(whole: Whole) -> None:
    """The shop's order is cancelled there while nothing has left; Amazon's, which was only
    recorded, is not. An hour later a person is asked, by name of both; nothing goes by itself."""
    one = Imported(whole, 40)
    sku = f"EMPTY-{one.shop_id}"
    async with open_reports(whole.world.runtime().postgres_dsn) as pool:
        for place in shelves():
            await seed_stock(pool, [sku], 0, place=place)
    await without_stock(one, sku)
    await one.told_by("shopify")
    await whole.until(one.shopify, "backordered")
    await one.told_by("amazon")
    await whole.until(one.amazon, "duplicate")
    cancelled = json.loads(one.body) | {
        "cancelled_at": "2026-11-28T09:00:00Z", "cancel_reason": "customer",
        "updated_at": "2026-11-28T09:00:00Z",
    }  # fmt: skip
    body = json.dumps(cancelled).encode()
    await whole.world.book(f"{SHOP}.myshopify.com", [(one.shop_id, body)])
    assert await deliver(whole.world, "orders/cancelled", body, f"x-{one.shop_id}") == 200
    await whole.until(one.shopify, "cancelled", seconds=60.0)
    await eventually(lambda: "its channel to cancel it, too" in shown(whole, one.amazon), 60.0)
    await whole.world.rows(
        "UPDATE timers SET due_at = now() WHERE order_id = $1 AND name = 'due'", one.amazon
    )
    await eventually(lambda: "task imported-twice" in shown(whole, one.amazon), 60.0)
    said = shown(whole, one.amazon)
    assert f"{one.shop_id} of {SHOP} (order {one.shopify}), which was worked on" in said
    assert f"{one.ref} of {AMAZON} is not cancelled" in said
    assert one.amazon in whole.cli("orders", "list", "--attention", "--json")
    assert await one.shipped() == 0
    whole.cli("orders", "done", one.amazon, "--reason", "The customer bought it elsewhere.")

    def attended() -> str:
        return whole.cli("orders", "list", "--attention", "--json")

    await eventually(lambda: one.amazon not in attended(), 60.0)
    assert await one.shipped() == 0
    assert "differ" not in whole.cli("orders", "replay", "--verify")


async def test_a_person_hears_that_only_the_copy_is_cancelled(whole: Whole) -> None:
    """Amazon's order is worked on, and the shop cancels its copy of it: a person is told at once,
    by name of both, and nothing goes by itself."""
    one = Imported(whole, 41)
    await one.exists()
    await one.told_by("amazon")
    await whole.until(one.amazon, "released", "picked", "packed", "shipped", "delivered", "closed")
    await one.told_by("shopify")
    await whole.until(one.shopify, "duplicate")
    cancelled = json.loads(one.body) | {
        "cancelled_at": "2026-11-28T09:00:00Z", "cancel_reason": "customer",
        "updated_at": "2026-11-28T09:00:00Z",
    }  # fmt: skip
    body = json.dumps(cancelled).encode()
    assert await deliver(whole.world, "orders/cancelled", body, f"x-{one.shop_id}") == 200
    await eventually(lambda: "task copy-cancelled" in shown(whole, one.shopify), 60.0)
    said = shown(whole, one.shopify)
    assert f"its channel cancelled {one.shop_id} of {SHOP}" in said
    assert f"came as {one.ref} of {AMAZON} (order {one.amazon}), which is worked on" in said
    assert one.shopify in whole.cli("orders", "list", "--attention", "--json")
    whole.cli("orders", "done", one.shopify, "--reason", "The customer keeps it.")
    await whole.until(one.amazon, "closed", seconds=60.0)
    assert await one.shipped() == 1


async def test_a_person_takes_over_what_was_cancelled_before_it_left(whole: Whole) -> None:
    """While the other one is worked on it is refused, with what to do; once that one is cancelled
    it is worked on here, and shipped once."""
    one = Imported(whole, 30)
    sku = f"EMPTY-{one.shop_id}"
    async with open_reports(whole.world.runtime().postgres_dsn) as pool:
        for place in shelves():
            await seed_stock(pool, [sku], 0, place=place)
    await without_stock(one, sku)
    await one.told_by("shopify")
    await whole.until(one.shopify, "backordered")
    await one.told_by("amazon")
    await whole.until(one.amazon, "duplicate")
    words = ("--reason", "The copy in the shop was deleted.")
    said = " ".join(whole.cli("orders", "claim", one.amazon, "--wait", *words, code=1).split())
    assert f"The same order, {one.shop_id} of {SHOP} (order {one.shopify}), is open" in said
    said = " ".join(whole.cli("orders", "claim", one.shopify, *words, code=1).split())
    assert "no other one was accepted instead of it" in said
    assert await consequences(whole, one.ref) == ["storefront.fetch_order.v1"]
    whole.cli("orders", "cancel", one.shopify, *words)
    await eventually(lambda: "task money" in shown(whole, one.shopify), 60.0)
    whole.cli("orders", "done", one.shopify, *words)
    await whole.until(one.shopify, "cancelled", seconds=60.0)
    whole.cli("orders", "claim", one.amazon, "--wait", *words)
    await whole.until(one.amazon, "closed", seconds=60.0)
    assert await one.shipped() == 1
    timeline = " ".join(whole.cli("orders", "timeline", one.amazon).split())
    assert f"has it worked on instead of the other order of amazon:{one.ref}" in timeline
    assert (await whole.progress(one.shopify)) == "cancelled"
