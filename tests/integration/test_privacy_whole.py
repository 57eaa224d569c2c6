"""A shop's own requests, a person's, and new keys: at a running service."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import aiohttp
import msgspec

from adapters.postgres.pool import Pool
from adapters.postgres.rewrapping import SealingKeys
from service.app.sealing_keys import sealing_in
from service.settings import Settings
from tests.e2e.hooks import RECIPE, Hooks, ref_of
from tests.e2e.world import SHOP
from tests.integration.whole import CHANNEL, Whole
from tests.waiting import eventually


async def cli(whole: Whole, *words: str, code: int = 0) -> str:
    """Run a command beside the loop."""
    return await asyncio.to_thread(whole.cli, *words, code=code)


async def requests(whole: Whole, *words: str) -> list[dict[str, Any]]:
    """The requests, newest first."""
    found: list[dict[str, Any]] = json.loads(await cli(whole, "privacy", "list", "--json", *words))
    return found


def asking(number: int, named: str) -> bytes:
    """The payload of a privacy topic about an order's customer."""
    told = {
        "shop_id": 954889,
        "shop_domain": RECIPE.shop,
        "customer": {"id": 7_700_000 + number, "email": "", "phone": None},
        named: [int(ref_of(number))],
    }
    return json.dumps(told).encode()


async def test_a_shop_s_requests_are_carried_out(whole: Whole) -> None:
    """`customers/redact` waits for its time of grace, however often it comes under whatever id;
    `customers/data_request` waits for a person; `shop/redact` can be stopped."""
    number = 601
    others = {one["id"] for one in await requests(whole, "--channel", SHOP)}

    async def ours() -> list[dict[str, Any]]:
        return [x for x in await requests(whole, "--channel", SHOP) if x["id"] not in others]

    async with aiohttp.ClientSession() as session:
        shop = Hooks(whole.world, session)
        assert await shop.create(number) == 200
        await whole.until(ref_of(number), "closed")
        redact = asking(number, "orders_to_redact")
        for _ in range(3):
            assert await shop.send("customers/redact", redact) == 200
        body = asking(number, "orders_requested")
        assert await shop.send("customers/data_request", body) == 200
        whole_shop = json.dumps({"shop_id": 954889, "shop_domain": RECIPE.shop}).encode()
        assert await shop.send("shop/redact", whole_shop) == 200
        # Signed bytes under other topics ask nothing.
        for topic in ("shop/redact", "customers/data_request"):
            assert await shop.send(topic, redact) == 200

    async def waiting() -> dict[str, str]:
        found = await ours()
        ids = {one["kind"]: one["id"] for one in found if one["waits_for"]}
        return ids if len(ids) == len(found) == 3 else {}

    ids = await eventually(waiting, 20.0)
    answer = await whole.api("GET", f"/api/v1/orders/{ref_of(number)}")
    assert not answer.json()["erased_at"]
    shown = await cli(whole, "privacy", "show", str(ids["redact_shop"]))
    assert "waits    for its grace period" in shown
    stop, now = str(ids["redact_shop"]), str(ids["redact"])
    await cli(whole, "privacy", "stop", stop, "--reason", "the shop is still ours")
    assert "is not open" in await cli(whole, "privacy", "stop", stop, "--reason", "again", code=1)
    await cli(whole, "privacy", "now", now, "--reason", "the customer waits")

    async def both() -> list[dict[str, Any]]:
        found = await ours()
        done = [one["state"] for one in found if one["kind"] == "redact"]
        return found if done == ["done"] else []

    by_kind = {one["kind"]: one for one in await eventually(both, 20.0)}
    assert len(by_kind) == 3
    exported, erased = by_kind["export"], by_kind["redact"]
    assert by_kind["redact_shop"]["state"] == "stopped"
    assert (erased["orders"], erased["asked_by"]) == (1, f"the channel {SHOP}")
    assert exported["waits_for"].startswith("a person to hand it over")
    answer = await whole.api("GET", f"/api/v1/orders/{ref_of(number)}")
    assert answer.json()["erased_at"]


async def test_a_person_asks_at_the_command_line(whole: Whole) -> None:
    """A preview changes nothing; an order under way is waited for until somebody says not to."""
    await whole.world.fault("warehouse-east", "create_task", down=True)
    try:
        order = whole.order()
        await whole.place(order, X_Orderwright_Channel=CHANNEL)
        await whole.until(order.number, "reserved")
        named = ("--order", order.number)
        preview = await cli(whole, "privacy", "redact", *named, "--preview")
        assert "0 orders and 0 messages" in preview
        assert f"1 orders are under way ({order.number})" in preview
        slip = ("--email", "jane@example.com", "--channel", "shopp", "--reason", "she asked")
        assert "Nothing is kept of a channel 'shopp'" in await cli(
            whole, "privacy", "redact", *slip, code=1
        )
        assert "Name the customer" in await cli(whole, "privacy", "redact", "--reason", "x", code=1)
        why = ("--reason", "a mistake of ours")
        said = await cli(whole, "privacy", "redact", *named, *why, "--now")
        asked = said.split()[1]

        async def waits() -> bool:
            return f"under way: {order.number}" in await cli(whole, "privacy", "show", asked)

        await eventually(waits, 20.0)
        await cli(whole, "privacy", "force", asked, "--reason", "she insists")

        async def done() -> bool:
            (newest, *_) = await requests(whole, "--channel", CHANNEL)
            return (newest["id"], newest["state"]) == (int(asked), "done")

        await eventually(done, 20.0)
    finally:
        await whole.world.ask("DELETE", "/_sim/faults")
    await cli(whole, "orders", "cancel", order.number, "--reason", "its address is gone")
    assert "forced" not in await cli(whole, "privacy", "list", "--state", "done", "--limit", "1")


async def test_a_new_master_key_takes_over_and_the_old_one_goes(whole: Whole) -> None:
    """Every key is wrapped again in the background; then nothing needs the old master key, it can
    be forgotten, and what it sealed still opens."""
    order = whole.order()
    placed = await whole.place(order, X_Orderwright_Channel=CHANNEL)
    await whole.until(order.number, "closed")
    said = await cli(whole, "privacy", "rotate-key", "--reason", "once a year")
    fresh = said.split()[0]
    pool = Pool(whole.world.runtime().postgres_dsn, by_key=False, deadline_seconds=10)
    keys = SealingKeys(pool, sealing_in(Settings(), whole.world.data))

    async def through() -> list[str]:
        used = await keys.used()
        old = [one.id for one in used if one.id != fresh and not one.needed]
        return old if len(old) == len(used) - 1 else []

    old, *_ = await eventually(through, 30.0)
    await pool.close()
    told = await cli(whole, "privacy", "rotate-key", "--retire", fresh, "--reason", "x", code=1)
    assert "is in use" in told
    assert "no longer needed" in await cli(whole, "privacy", "keys")
    await cli(whole, "privacy", "rotate-key", "--retire", old, "--reason", "nothing needs it")
    assert not (whole.world.data / "secrets" / f"sealing-key-{old}").exists()
    view = (await whole.api("GET", f"/api/v1/orders/{placed['order_id']}")).json()
    (label,) = msgspec.convert(view["files"], list[dict[str, object]])
    path = f"/api/v1/orders/{placed['order_id']}/files/{label['name']}"
    answer = await whole.api("GET", path)
    assert answer.status == 200
