"""One running service, and what shops send it: repeats, wrong order, races, and rubbish."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack

import aiohttp
import nats
import pytest

from tests.e2e import hooks
from tests.e2e.audit import ORDER_LENGTH
from tests.e2e.hooks import Hooks, body_of, ref_of
from tests.e2e.world import SHOP, World
from tests.integration.servers import temporary_home
from tests.waiting import eventually


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    """One service for all tests of this file; each uses orders of its own."""
    with temporary_home() as home, ExitStack() as stack:
        made = World(home, stack)

        async def start() -> None:
            await made.start_partners()
            made.start_service()
            await made.ready()

        try:
            asyncio.run(start())
            yield made
        finally:
            asyncio.run(made.kill_all())


@pytest.fixture
async def shop(world: World) -> AsyncIterator[Hooks]:
    """A shop that sends what the test wants."""
    timeout = aiohttp.ClientTimeout(total=20.0)
    async with aiohttp.ClientSession(timeout=timeout) as session:
        yield Hooks(world, session)


async def stage_of(world: World, number: int) -> str:
    """The order's stage; "" when there is none."""
    rows = await world.rows("SELECT stage FROM orders WHERE ref = $1", ref_of(number))
    return rows[0]["stage"] if rows else ""


async def until(world: World, number: int, stage: str) -> None:
    """Wait until the order is there and nothing of it is under way."""

    async def arrived() -> bool:
        rows = await world.rows(
            "SELECT final OR stage <> ALL('{closed,cancelled}') AS quiet FROM orders"
            " WHERE ref = $1 AND stage = $2",
            ref_of(number), stage,
        )  # fmt: skip
        return bool(rows) and rows[0]["quiet"]

    await eventually(arrived, 20)


async def consequences(world: World, number: int) -> Counter[str]:
    """What the partners did for the order, by kind."""
    rows = await world.rows("SELECT reference FROM orders WHERE ref = $1", ref_of(number))
    ours = (rows[0]["reference"][:ORDER_LENGTH], f"/{ref_of(number)}")
    return Counter(
        entry["kind"]
        for entry in await world.ledger()
        if entry["reference"].startswith(ours[0]) or entry["reference"].endswith(ours[1])
    )


async def events(world: World, number: int) -> list[str]:
    """The types of the order's events."""
    rows = await world.rows(
        "SELECT e.type FROM events e JOIN orders o ON o.order_id = e.order_id WHERE o.ref = $1"
        " ORDER BY e.version",
        ref_of(number),
    )
    return [row["type"] for row in rows]


ONE_OF_EACH = {
    "erp_order": 1, "warehouse_task": 1, "parcel": 1, "label": 1, "parcel_handed_over": 1,
    "mail": 1, "fulfilment": 1,
}  # fmt: skip


async def test_a_thousand_repeats_make_one_order(world: World, shop: Hooks) -> None:
    """The same webhook 1,000 times is answered 2xx each time, and is one order, done once."""
    await world.book(hooks.RECIPE.shop, [(hooks.RECIPE.order_id(1), body_of(1))])
    at_once = asyncio.Semaphore(64)

    async def repeat() -> int:
        async with at_once:
            return await shop.send("orders/create", body_of(1), hook_id="the-same")

    answers = await asyncio.gather(*(repeat() for _ in range(1_000)))
    assert Counter(answers) == {200: 1_000}
    await until(world, 1, "closed")
    assert await consequences(world, 1) == ONE_OF_EACH
    assert (await events(world, 1)).count("order.placed.v2") == 1


async def test_paid_may_come_before_create(world: World, shop: Hooks) -> None:
    """A payment that overtakes its order is kept with it; the late create changes nothing."""
    await world.book(hooks.RECIPE.shop, [(hooks.RECIPE.order_id(2), body_of(2, paid=True))])
    assert await shop.send("orders/paid", body_of(2, paid=True)) == 200
    await until(world, 2, "closed")
    assert await shop.create(2, paid=False) == 200

    async def taken() -> bool:
        rows = await world.rows(
            "SELECT FROM inbox i JOIN orders o ON o.order_id = i.order_id"
            " WHERE o.ref = $1 AND i.input_id LIKE '%/place/%'",
            ref_of(2),
        )
        return bool(rows)

    await eventually(taken)
    assert await consequences(world, 2) == ONE_OF_EACH
    assert await stage_of(world, 2) == "closed"


async def test_a_cancel_that_races_the_label_has_it_voided(world: World, shop: Hooks) -> None:
    """The carrier has sold the label and not answered yet when the cancel comes: it is voided."""
    await world.fault("carrier", "ship", latency_ms=900)
    try:
        assert await shop.create(3) == 200

        async def sold() -> bool:
            known = await world.rows("SELECT FROM orders WHERE ref = $1", ref_of(3))
            return bool(known) and "label" in await consequences(world, 3)

        await eventually(sold)
        assert "label.bought.v2" not in await events(world, 3)
        assert await shop.send("orders/cancelled", hooks.cancelled(3)) == 200
        await until(world, 3, "cancelled")
    finally:
        await world.fault("carrier", "ship")
    found = await consequences(world, 3)
    for done, undone in (
        ("label", "label_void"),
        ("erp_order", "erp_order_delete"),
        ("warehouse_task", "warehouse_task_cancel"),
    ):
        assert (found[done], found[undone]) == (1, 1)
    assert found["fulfilment"] == 0
    assert "label.bought.v2" in await events(world, 3)


async def test_the_echo_of_an_order_changes_nothing(world: World, shop: Hooks) -> None:
    """`orders/updated` with nothing that matters is noted once; a stale one not even that."""
    assert await shop.create(4) == 200
    await until(world, 4, "closed")
    for updated_at in (hooks.EARLY, hooks.LATE, hooks.LATE):
        body = body_of(4, updated_at=updated_at, note="Leave it at the back door.")
        assert await shop.send("orders/updated", body) == 200

    async def all_taken() -> bool:
        rows = await world.rows(
            "SELECT count(*) AS n FROM inbox i JOIN orders o ON o.order_id = i.order_id"
            " WHERE o.ref = $1 AND i.input_id LIKE '%/update/%'",
            ref_of(4),
        )
        return int(rows[0]["n"]) == 3

    await eventually(all_taken)
    assert (await events(world, 4)).count("order.update_noted.v2") == 1
    assert await stage_of(world, 4) == "closed"
    assert await consequences(world, 4) == ONE_OF_EACH


async def test_replays_of_old_signed_requests_change_nothing(world: World, shop: Hooks) -> None:
    """What a shop once signed is sent again under new ids and under every topic, of an order that
    is closed and of one that is cancelled: neither moves, and no partner is called again."""
    old = [body_of(n, paid=paid) for n in (36, 37) for paid in (False, True)]
    assert await shop.create(36) == 200
    await until(world, 36, "closed")
    assert await shop.send("orders/create", body_of(37, paid=False)) == 200
    assert await shop.send("orders/cancelled", hooks.cancelled(37)) == 200
    await until(world, 37, "cancelled")
    before = [await events(world, number) for number in (36, 37)]
    topics = ("create", "paid", "updated", "fulfilled", "cancelled", "delete", "edited")
    sent = len(topics) * len(old)
    for body in old:
        for topic in topics:
            assert await shop.send(f"orders/{topic}", body) == 200
    assert await shop.send("orders/cancelled", hooks.cancelled(37)) == 200

    async def all_ended() -> bool:
        rows = await world.rows(
            "SELECT (SELECT count(*) FROM inbox i JOIN orders o USING (order_id)"
            "  WHERE o.ref = ANY($1)) + (SELECT count(*) FROM quarantine WHERE ref = ANY($1)"
            "  OR reason IN ('topic_mismatch', 'order_unnamed')) AS n",
            [ref_of(36), ref_of(37)],
        )
        return int(rows[0]["n"]) >= sent

    await eventually(all_ended)
    assert [await events(world, number) for number in (36, 37)] == before
    assert await consequences(world, 36) == ONE_OF_EACH
    assert (await stage_of(world, 36), await stage_of(world, 37)) == ("closed", "cancelled")


async def kept(world: World, original: bytes) -> tuple[str, str]:
    """The reason and the words with which these bytes are in quarantine, whole."""

    async def found() -> list[tuple[str, str]]:
        items = await world.quarantined()
        return [(x.reason, json.dumps(x.sentences)) for x in items if x.original == original]

    (one,) = await eventually(found)
    return one


async def metric(shop: Hooks, reason: str) -> bool:
    """Whether the service's own figures count a quarantined payload with that reason."""
    async with shop.session.get(f"{shop.world.url}/metrics") as answer:
        text = await answer.text()
    return f'quarantined_total{{reason="{reason}"}}' in text


def with_note(number: int, note: bytes) -> bytes:
    """A good order but for its note, which is written as given."""
    body = body_of(number, note="@@")
    assert body.count(b'"@@"') == 1
    return body.replace(b'"@@"', note)


BROKEN = {
    "torn": (body_of(11)[:2_000], "json_malformed"),
    "nul-escaped": (with_note(12, rb'"a\u0000b"'), "json_nul"),
    "nul-raw": (with_note(13, b'"a\x00b"'), "json_nul"),
    "lone-surrogate": (with_note(14, rb'"\ud800"'), "json_lone_surrogate"),
    "not-utf8": (with_note(15, b'"\xff\xfe"'), "json_not_utf8"),
    "deep": (with_note(16, b"[" * 10_000 + b"]" * 10_000), "json_too_deep"),
    "same-key-twice": (with_note(17, b'null, "currency": "EUR"'), "json_duplicate_key"),
    "huge-number": (with_note(18, b"1e400000"), "json_number_out_of_range"),
}


@pytest.mark.parametrize("name", BROKEN)
async def test_broken_bytes_are_taken_and_kept_as_they_came(
    world: World, shop: Hooks, name: str
) -> None:
    """An authentic payload that can't be read is answered 2xx and kept whole, with the reason."""
    body, reason = BROKEN[name]
    assert await shop.send("orders/create", body) == 200
    found, words = await kept(world, body)
    assert found == reason
    assert words.endswith('."]')
    assert await metric(shop, reason)


async def test_news_of_a_refund_keeps_the_goods_in_the_house(world: World, shop: Hooks) -> None:
    """A refund heard of before its order: the order comes, is held, and can be cancelled."""
    refund = json.dumps({"id": 1, "order_id": int(ref_of(35)), "refund_line_items": [{}]}).encode()
    for hook_id in ("refund-35", "refund-35", "a-replay"):
        assert await shop.send("refunds/create", refund, hook_id=hook_id) == 200
    await until(world, 35, "expected")
    assert await shop.create(35) == 200
    await until(world, 35, "open")

    async def known_to_the_erp() -> bool:
        return "document.posted.v2" in await events(world, 35)

    await eventually(known_to_the_erp)
    found = await events(world, 35)
    assert (found.count("order.report_noted.v2"), found.count("order.held.v2")) == (1, 1)
    assert "fulfilment.task_taken.v1" not in found
    assert await shop.send("orders/cancelled", hooks.cancelled(35)) == 200
    await until(world, 35, "cancelled")


@pytest.mark.parametrize(
    ("topic", "told", "reason"),
    [
        ("app/uninstalled", {"myshopify_domain": hooks.RECIPE.shop}, "channel_disconnected"),
        ("app/uninstalled", {"myshopify_domain": "other.example"}, "topic_mismatch"),
        ("customers/redact", {"shop_domain": hooks.RECIPE.shop}, "topic_mismatch"),
        ("products/update", {}, "topic_not_ours"),
        (
            "fulfillment_orders/placed_on_hold",
            {"fulfillment_order": {"status": "on_hold"}},
            "order_unnamed",
        ),
    ],
)
async def test_what_concerns_no_order_of_ours_is_kept_by_its_own_name(
    world: World, shop: Hooks, topic: str, told: dict[str, object], reason: str
) -> None:
    """Each is answered 2xx, kept whole with words, and counted."""
    body = json.dumps({"id": 22, "topic": topic, **told}).encode()
    assert await shop.send(topic, body) == 200
    found, words = await kept(world, body)
    assert found == reason
    assert words.endswith('."]')
    assert await metric(shop, reason)


async def test_an_unknown_topic_is_kept_and_visible(world: World, shop: Hooks) -> None:
    """A topic no one here reads is answered 2xx and waits in quarantine."""
    body = body_of(20)
    assert await shop.send("orders/levitated", body) == 200
    reason, words = await kept(world, body)
    assert reason == "topic_unknown"
    assert "orders/levitated" in words
    assert await metric(shop, reason)


async def test_a_forged_signature_leaves_no_trace(world: World, shop: Hooks) -> None:
    """What was signed with another secret is refused, and is neither order nor quarantined."""
    assert await shop.send("orders/create", body_of(21), secret="another") == 401
    assert await shop.create(22) == 200
    await until(world, 22, "closed")  # the same way, later: so the forged one will not come
    assert await stage_of(world, 21) == ""
    rows = await world.rows("SELECT FROM quarantine WHERE digest = sha256($1)", body_of(21))
    assert rows == []


STRANGE = {
    "kind": (f"orders.in.{SHOP}.explode.r-1", b'{"explode": 1}'),
    "version": (f"orders.in.{SHOP}.packed.r-2", b'{"type": "warehouse.packed.v99"}'),
    "subject-too-short": (f"orders.in.{SHOP}", b'{"too": "few"}'),
    "subject-too-long": (f"orders.in.{SHOP}.place.r-3.more", b'{"too": "many"}'),
}


@pytest.mark.parametrize("name", STRANGE)
async def test_what_no_one_knows_on_nats_is_kept_and_visible(
    world: World, shop: Hooks, name: str
) -> None:
    """An unknown subject, kind or version is neither lost nor in the way of others."""
    subject, body = STRANGE[name]
    client = await nats.connect(world.runtime().nats_url)
    try:
        await client.jetstream().publish(subject, body)
    finally:
        await client.close()
    reason, words = await kept(world, body)
    assert reason == "kind_unknown"
    assert words.endswith('."]')
    assert await metric(shop, reason)
