"""The simulated shop's run edits, splits and cancels orders, and its report says what should come
of each of them."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace

import pytest

from ops.simulators.shop_fates import TAGS, draw
from ops.simulators.storefront import Plan, Recipe, ShopRun
from tests.contract.shop_words import FULFIL, ORDER, SHOP_NAME, SIM, ask
from tests.contract.simulated import (
    ROOT,
    Client,
    Json,
    Listener,
    Running,
    calling,
    listening,
    started,
)

LIVE = Plan(
    recipe=Recipe(seed=11, shop=SHOP_NAME),
    orders=80,
    paid_later=0.2,
    cancel=0.05,
    update=0.1,
    edit_address=0.3,
    edit_add_line=0.3,
    edit_remove_line=0.3,
    edit_after=(0.0, 0.4),
    cancel_late=0.1,
    cancel_after=(0.1, 0.6),
    cod=0.1,
    terms=0.1,
    split=0.4,
    multi_parcel=0.3,
    give_up_seconds=20,
)


@pytest.fixture(scope="module")
def running() -> Iterator[Running]:
    with started() as found:
        yield found


@pytest.fixture
async def sim(running: Running) -> AsyncIterator[Client]:
    async with calling(running) as client:
        yield client


async def ran(plan: Plan, listener: Listener, book: str) -> list[Json]:
    """What a run's report says of each order."""
    run = ShopRun(plan, listener.url, "s", book)
    try:
        await run.run()
    finally:
        run.close()
    report = json.loads(json.dumps(run.report()))
    assert (report["sent"], report["accepted"], report["given_up"]) == (plan.orders,) * 2 + (0,)
    refs: list[Json] = report["refs"]
    return refs


async def test_the_report_says_what_should_come_of_each_order(
    sim: Client, running: Running
) -> None:
    """Lines, quantities, total, address and cancellation in the report are those that the shop's
    API states in the end, and those of the newest webhook."""
    async with listening() as listener:
        refs = await ran(LIVE, listener, running.http)
        newest: dict[str, Json] = {}
        for headers, body in listener.got:
            order = json.loads(body)
            if headers["x-shopify-topic"] == "orders/edited":
                continue
            known = newest.get(order["admin_graphql_api_id"])
            if known is None or known["updated_at"] <= order["updated_at"]:
                newest[order["admin_graphql_api_id"]] = order
    done: Counter[str] = Counter()
    for ref in refs:
        stated = await ask(sim, ORDER, id=ref["ref"])
        wanted = ref["expected"]
        lines = {
            line["id"].rpartition("/")[2]: line["currentQuantity"]
            for line in stated["lineItems"]["nodes"]
            if line["currentQuantity"]
        }
        assert {x["line_item_id"]: x["quantity"] for x in wanted["lines"]} == lines
        total = stated["currentTotalPriceSet"]["shopMoney"]["amount"]
        assert float(total) == float(wanted["total"])
        assert wanted["cancelled"] == ref["cancelled"] == (stated["cancelledAt"] is not None)
        assert wanted["ship_to"]["address1"] == stated["shippingAddress"]["address1"]
        assert newest[ref["ref"]]["current_total_price"] == wanted["total"]
        done += Counter(one["what"] for one in ref["changes"] if one["applied"])
        done[wanted["payment"]] += 1
        done["split"] += len({x["location"] for x in wanted["lines"]}) > 1
        if wanted["payment"] == "cod" and not wanted["cancelled"]:
            assert wanted["to_collect"] == wanted["presentment_total"]
        assert stated["tags"] == wanted["tags"]
        done["two-parcels"] += "two-parcels" in wanted["tags"]
    for name in ("edit_address", "edit_add_line", "edit_remove_line", "cancel_late", "pay", "cod"):
        assert done[name], name
    assert min(done["terms"], done["split"], done["two-parcels"]) > 0


async def test_a_split_order_has_two_fulfilment_orders(sim: Client, running: Running) -> None:
    """Each line is open at the location that the report names."""
    plan = Plan(recipe=Recipe(3, SHOP_NAME, (2, 4)), orders=4, split=1.0, cancel=0, first_number=51)
    async with listening() as listener:
        for ref in await ran(plan, listener, running.http):
            nodes = (await ask(sim, ORDER, id=ref["ref"]))["fulfillmentOrders"]["nodes"]
            assert len(nodes) == 2
            found = {
                piece["lineItem"]["id"].rpartition("/")[2]: node["assignedLocation"]["location"]
                for node in nodes
                for piece in node["lineItems"]["nodes"]
            }
            for line in ref["expected"]["lines"]:
                gid = f"gid://shopify/Location/{line['location']}"
                assert found[line["line_item_id"]]["id"] == gid


async def test_what_has_left_is_neither_removed_nor_cancelled(
    sim: Client, running: Running
) -> None:
    """An edit and a cancellation that come after the fulfilment are refused by the shop, and the
    report says so; our fulfilment came back as a webhook."""
    plan = Plan(
        recipe=Recipe(4, SHOP_NAME, (2, 2)),
        orders=1,
        paid_later=0,
        cancel=0,
        update=0,
        duplicate=0,
        edit_remove_line=1.0,
        edit_after=(1.0, 1.0),
        cancel_late=1.0,
        cancel_after=(1.1, 1.1),
        echo_ms=(0, 0),
        first_number=71,
    )
    try:
        async with listening() as listener:
            run = asyncio.create_task(ran(plan, listener, running.http))
            await listener.wait_for(1)
            gid = plan.recipe.gid(71)
            (one,) = (await ask(sim, ORDER, id=gid))["fulfillmentOrders"]["nodes"]
            wish = {"lineItemsByFulfillmentOrder": [{"fulfillmentOrderId": one["id"]}]}
            await ask(sim, FULFIL, fulfillment=wish)
            (ref,) = await run
            await listener.wait_for(4)
        topics = Counter(headers["x-shopify-topic"] for headers, _ in listener.got)
        assert topics["orders/fulfilled"] == topics["fulfillments/create"] == 1
        assert [one["applied"] for one in ref["changes"]] == [False, False]
        assert "fulfil" in ref["changes"][0]["why"]
        assert ref["cancelled"] is False
        assert len(ref["expected"]["lines"]) == 2
    finally:
        await sim.call("DELETE", f"{SIM}/webhooks")


def test_new_shares_leave_the_old_draws_as_they_were() -> None:
    """The same seed places the same orders with the same fates, whichever new shares are given."""
    plain = Plan(recipe=Recipe(seed=11), paid_later=0.3, cancel=0.2, update=0.2)
    shaped = replace(plain, edit_address=1.0, split=1.0, short_pick=1.0, cancel_late=1.0)
    for number in range(500):
        old, new = draw(plain, number), draw(shaped, number)
        for name in ("cancelled", "paid_later", "paid_first", "updated", "duplicated", "bad"):
            assert getattr(old, name) == getattr(new, name)
        assert new.tags == (TAGS[2],)
        assert (old.edits, old.tags, old.split, old.payment) == ((), (), False, "card")


async def test_edits_without_a_book_are_refused() -> None:
    """The command says that it needs the shop's book: else its API would contradict it."""
    command = ["-m", "ops.simulators.storefront", "--url", "http://127.0.0.1:9/x", "--secret", "s"]
    command += ["--edit-address", "0.5", "--parent-pid", str(os.getpid())]
    process = await asyncio.create_subprocess_exec(
        sys.executable, *command, cwd=ROOT, stderr=asyncio.subprocess.PIPE
    )
    _, error = await asyncio.wait_for(process.communicate(), 20)
    assert process.returncode == 2
    assert b"--book" in error
