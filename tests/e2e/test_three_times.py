"""A storefront that sends everything three times, shuffled, with broken and forged webhooks among
it: exactly the right orders, exactly the right quarantine, 401 for each forged one."""

from __future__ import annotations

import json
import random
from collections import Counter, defaultdict
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import pytest

from ops.simulators.judge import Books, doubled
from ops.simulators.ledger import order_of
from service.demo.world import PLACES
from tests.conftest import Say
from tests.e2e.flood import BROKEN, FORGED, GOOD, MALFORMED, Delivery, drawn, send_all
from tests.e2e.hooks import RECIPE, ref_of
from tests.e2e.world import World, seed_of_run, world_in
from tests.integration.servers import temporary_home

TIMES = 3


async def flood(count: int, seed: int, say: Say) -> None:
    """The whole test: send, wait until every order is final, and count from outside."""
    with temporary_home() as home:
        async with world_in(home) as world:
            await world.start_partners(seed=seed)
            world.start_service()
            await world.ready()
            await world.seed_stock()
            secret = world.partners.webhook_secret
            different = drawn(count, seed, secret)
            deliveries = different * TIMES
            random.Random(seed).shuffle(deliveries)
            created = {d.number: d.body for d in different if d.what == GOOD}
            orders = [(RECIPE.order_id(number), body) for number, body in created.items()]
            await world.book(RECIPE.shop, orders)
            sent = await send_all(world.url, secret, deliveries)
            await world.until_final()
            by_kind = {what: [d for d in different if d.what == what] for what in sent.answers}
            placed = await right_orders(world, by_kind[GOOD])
            kept = await right_quarantine(world, by_kind[BROKEN])
            consequences = await right_consequences(world, by_kind[GOOD])
            say(
                f"{count:,} webhooks {TIMES} times, shuffled (ORDERWRIGHT_TEST_SEED={seed}): "
                f"answered {_told(sent.answers)}; sent again after a 503: {sent.come_again}; "
                f"{placed:,} orders, all final, each once; {kept} in quarantine, each once and "
                f"whole; {consequences:,} consequences, none twice."
            )
            assert {what: dict(found) for what, found in sent.answers.items()} == {
                GOOD: {200: TIMES * len(by_kind[GOOD])},
                BROKEN: {200: TIMES * len(by_kind[BROKEN])},
                FORGED: {401: TIMES * len(by_kind[FORGED])},
            }
            assert await world.service.terminated() == 0


def _told(answers: dict[str, Counter[int]]) -> str:
    return ", ".join(
        f"{what} {status} × {times:,}"
        for what, found in answers.items()
        for status, times in sorted(found.items())
    )


async def right_orders(world: World, good: Sequence[Delivery]) -> int:
    """The orders that were sent, each placed once with its own total, and none beside them; every
    genuine webhook is in its order's inbox once. Return how many orders."""
    wanted = {ref_of(one.number): _total(one.body) for one in good}
    rows = await world.rows("SELECT ref, total_minor, stage, waiting_for FROM orders")
    assert {row["ref"]: row["total_minor"] for row in rows} == wanted
    assert len(rows) == len(wanted)
    assert [row for row in rows if row["stage"] != "closed"] == []
    doubled = await world.rows(
        "SELECT order_id, count(*) FROM events WHERE type = 'order.placed.v2'"
        " GROUP BY order_id HAVING count(*) <> 1"
    )
    placed = await world.rows("SELECT FROM events WHERE type = 'order.placed.v2'")
    assert (doubled, len(placed)) == ([], len(wanted))
    taken = await world.rows(
        "SELECT o.ref, i.input_id FROM inbox i JOIN orders o ON o.order_id = i.order_id"
    )
    hooks = Counter(
        (row["ref"], row["input_id"].rpartition(":")[2])
        for row in taken
        if row["input_id"].rpartition(":")[2].partition("-")[0] in {"create", "paid", "updated"}
    )
    assert hooks == Counter((ref_of(one.number), one.hook_id) for one in good)
    return len(rows)


def _total(body: bytes) -> int:
    """What the shop says the order costs, in cents: all shops of the test count in dollars."""
    order: dict[str, Any] = json.loads(body)
    assert order["currency"] == "USD"
    return int(Decimal(order["current_total_price"]) * 100)


async def right_quarantine(world: World, broken: Sequence[Delivery]) -> int:
    """Each broken webhook once, with its own bytes and the reason that fits; and nothing else.
    Return how many."""
    items = await world.quarantined()
    found = {x.delivery_id.rpartition(":")[2]: (x.original, x.reason) for x in items}
    assert len(found) == len(items)
    assert found == {one.hook_id: (one.body, MALFORMED[one.why][1]) for one in broken}
    return len(items)


async def right_consequences(world: World, good: Sequence[Delivery]) -> int:
    """The partners did each thing once for each order, and nothing for anything else: what was done
    for a task that a change stopped is undone. Return how much they did."""
    entries = await world.ledger()
    assert doubled(entries) == []
    by_order: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for entry in entries:
        by_order[order_of(entry["reference"])].append(entry)
    rows = await world.rows("SELECT ref, reference FROM orders")
    for row in rows:
        own = by_order.pop(order_of(row["reference"]))
        books = Books([*own, *by_order.pop(f"gid://shopify/Order/{row['ref']}")])
        assert len(books.live("erp_order")) == len(books.all("mail")) == 1, row
        parts = books.live("warehouse_task")
        assert 1 <= len(parts) <= len(PLACES), row
        left = {entry["id"] for entry in books.all("parcel_handed_over")}
        assert len(left) == len(books.live("label")) == len(books.live("fulfilment")), row
        assert len(left) == len(parts), row
    assert len(rows) == len({one.number for one in good})
    assert list(by_order) == []
    return len(entries)


async def test_everything_three_times_is_every_order_once(say: Say) -> None:
    """600 webhooks three times, shuffled, some broken, some forged: all as it should be."""
    await flood(600, seed_of_run(), say)


@pytest.mark.soak
async def test_ten_thousand_three_times_is_every_order_once(say: Say) -> None:
    """The same with 10,000 webhooks; every order goes all its way, so that nothing is done twice
    at the partners either."""
    await flood(10_000, seed_of_run(), say)
