"""What did not pass the edge is shown, fixed, checked, released and put aside, and all of it told
permanently: at a running service, over its API and command line."""

from __future__ import annotations

import json
import re
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import asyncpg
import msgspec
import pytest
from msgspec.structs import replace

from actors.runtime.ports import Quarantined
from adapters.postgres.audit import Audit
from adapters.postgres.pool import Pool
from adapters.postgres.quarantine import PostgresQuarantine
from schemas.order.canonical import Order
from service.app.clock import SystemClock
from service.app.sealing_keys import sealing_in
from service.settings import Settings
from tests.e2e.hooks import RECIPE, Hooks, body_of, ref_of
from tests.integration.whole import CHANNEL, Answer, Whole
from tests.waiting import eventually

MANY = 1_050
"""More than one call releases."""


class Quarantine:
    """The API of the quarantine with a key for it."""

    def __init__(self, whole: Whole, pool: Pool) -> None:
        words = ("--scope", "quarantine:read", "--scope", "quarantine:act", "--channel", "*")
        self.token = whole.cli("keys", "create", "clerk", *words).strip()
        self.whole = whole
        self.pool = pool
        self._asked = 0

    async def ask(self, method: str, path: str, body: object = None, **headers: str) -> Answer:
        self._asked += 1
        named = {"Idempotency_Key": f"{self.token[-9:]}-{self._asked}", **headers}
        raw = msgspec.json.encode(body) if body is not None else None
        address = f"/api/v1/quarantine{path}"
        bearer = f"Bearer {self.token}"
        return await self.whole.ask(method, address, body=raw, Authorization=bearer, **named)

    async def good(self, method: str, path: str, body: object = None) -> Any:
        answer = await self.ask(method, path, body)
        assert answer.status == 200, answer.body
        return answer.json()

    async def arrived(self, original: bytes) -> int:
        """Wait for the item with these bytes; its id."""

        async def there() -> int:
            rows = await self.pool.fetch(
                "SELECT id FROM quarantine WHERE digest = sha256($1)", original
            )
            return rows[0]["id"] if rows else 0

        return await eventually(there, 20.0)

    async def state(self, item: int) -> str:
        return str((await self.good("GET", f"/{item}"))["state"])

    async def audit(self, item: int) -> list[tuple[str, str, str]]:
        """What was done to an item: person, action, reason; oldest first."""
        entries = await Audit(self.pool).entries(target=f"quarantine:{item}")
        return [(one.person, one.action, one.reason) for one in reversed(entries)]


@pytest.fixture
async def quarantine(whole: Whole) -> AsyncIterator[Quarantine]:
    pool = Pool(whole.world.runtime().postgres_dsn, by_key=False, deadline_seconds=10)
    yield Quarantine(whole, pool)
    await pool.close()


def wrong_total(order: Order) -> bytes:
    """The order as JSON, with a total that is a cent too high."""
    totals = replace(order.totals, total_minor=order.totals.total_minor + 1)
    return msgspec.json.encode(replace(order, totals=totals))


async def test_a_broken_webhook_is_fixed_and_its_order_closes(
    whole: Whole, quarantine: Quarantine
) -> None:
    """Shown whole, edited, checked, released: the order runs as if it had been right at once, and
    the original stays as it came."""
    right = body_of(94_001)
    broken = right.replace(b'"line_items"', b'"line_itemz"', 1)
    await whole.world.book(RECIPE.shop, [(RECIPE.order_id(94_001), right)])
    async with aiohttp.ClientSession() as session:
        assert await Hooks(whole.world, session).send("orders/create", broken) == 200
    item = await quarantine.arrived(broken)
    shown = await quarantine.good("GET", f"/{item}")
    assert (shown["state"], shown["original"]) == ("open", broken.decode())
    assert all(one.endswith(".") for one in shown["sentences"])
    assert shown["headers"]["orderwright-topic"] == "orders/create"
    assert "x-shopify-hmac-sha256" not in shown["headers"]
    assert shown["headers"]["x-shopify-api-version"] == "2026-10"
    assert shown["ref"] == ref_of(94_001)

    before = await quarantine.good("POST", f"/{item}/check")
    assert (before["ready"], before["sentences"]) == (False, shown["sentences"])
    refused = await quarantine.ask("POST", f"/{item}/release", {"reason": "too early"})
    assert (refused.status, refused.json()["errors"]) == (422, shown["sentences"])
    tried = await quarantine.good("POST", f"/{item}/check", {"content": right.decode()})
    assert (tried["ready"], tried["ref"]) == (True, ref_of(94_001))
    fixed = {"content": right.decode(), "reason": "the shop misspelt a key"}
    assert (await quarantine.good("POST", f"/{item}/fix", fixed))["ready"]
    shown = await quarantine.good("GET", f"/{item}")
    assert (shown["original"], shown["edited"]) == (broken.decode(), right.decode())
    assert shown["edited_by"] == "API key clerk"

    await quarantine.good("POST", f"/{item}/release", {"reason": "fixed"})
    await whole.until(ref_of(94_001), "closed")
    shown = await quarantine.good("GET", f"/{item}")
    assert shown["state"] == "released"
    assert [one["reason"] for one in shown["history"]] == ["fixed", "the shop misspelt a key"]
    assert await quarantine.audit(item) == [
        ("API key clerk", "quarantine.fix", "the shop misspelt a key"),
        ("API key clerk", "quarantine.release", "fixed"),
    ]


async def test_many_of_one_fault_are_released_at_once(whole: Whole, quarantine: Quarantine) -> None:
    """One fault is one group; a preview counts and names who would fail; what is fixed closes,
    what isn't stays open with its sentences."""
    orders = [whole.order() for _ in range(3)]
    items = []
    for order in orders:
        await whole.publish("place", order.ref, wrong_total(order))
        items.append(await quarantine.arrived(wrong_total(order)))
    groups = (await quarantine.good("GET", f"/groups?channel={CHANNEL}"))["groups"]
    (group,) = [one for one in groups if one["newest_id"] == items[-1]]
    assert (group["reason"], group["items"]) == ("total_mismatch", 3)
    for item, order in zip(items[:2], orders, strict=False):
        content = msgspec.json.encode(order).decode()
        edit = {"content": content, "reason": "the cent was wrong"}
        assert (await quarantine.good("POST", f"/{item}/fix", edit))["ready"]

    asked: dict[str, object] = {"filter": {"group": group["group"], "channel": CHANNEL}}
    preview = await quarantine.good("POST", "/release", {**asked, "preview": True})
    assert (preview["matched"], preview["released"], preview["failed"]) == (3, 2, 1)
    assert await quarantine.state(items[0]) == "open"
    done = await quarantine.good("POST", "/release", {**asked, "reason": "totals are fixed"})
    assert (done["released"], done["failed"], done["next_after"]) == (2, 1, None)
    (failure,) = done["failures"]
    assert (failure["id"], failure["reason"]) == (items[2], "total_mismatch")
    for order in orders[:2]:
        await whole.until(order.ref, "closed")
    states = [await quarantine.state(item) for item in items]
    assert states == ["released", "released", "open"]
    no_filter = await quarantine.ask("POST", "/release", {"filter": {}, "reason": "all"})
    assert no_filter.status == 422


async def test_a_discard_is_audited_permanently(whole: Whole, quarantine: Quarantine) -> None:
    """It needs a reason and is final; its audit row can be neither changed nor deleted."""
    original = wrong_total(whole.order())
    await whole.publish("place", json.loads(original)["ref"], original)
    item = await quarantine.arrived(original)
    assert (await quarantine.ask("POST", f"/{item}/discard", {"reason": " "})).status == 422
    await quarantine.good("POST", f"/{item}/discard", {"reason": "a test of the shop"})
    assert await quarantine.state(item) == "discarded"
    for verb in ("discard", "release", "fix"):
        body = {"reason": "again", **({"content": "{}"} if verb == "fix" else {})}
        answer = await quarantine.ask("POST", f"/{item}/{verb}", body)
        assert answer.status in {409, 422}, (verb, answer.body)
    assert await quarantine.audit(item) == [
        ("API key clerk", "quarantine.discard", "a test of the shop")
    ]
    for sql in ("UPDATE audit SET reason = ''", "DELETE FROM audit", "TRUNCATE audit"):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await quarantine.pool.fetch(sql)


async def test_releasing_twice_is_one_order(whole: Whole, quarantine: Quarantine) -> None:
    """A repeated request gets the first answer, another one is told; and when a crash hid that the
    stream has it, releasing again is the same delivery."""
    order = whole.order()
    right = msgspec.json.encode(order).decode()
    await whole.publish("place", order.ref, wrong_total(order))
    item = await quarantine.arrived(wrong_total(order))
    await quarantine.good("POST", f"/{item}/fix", {"content": right, "reason": "fixed"})
    why = {"reason": "go"}
    first = await quarantine.ask("POST", f"/{item}/release", why, Idempotency_Key="twice")
    again = await quarantine.ask("POST", f"/{item}/release", why, Idempotency_Key="twice")
    assert (first.status, again.status, first.body) == (200, 200, again.body)
    other = await quarantine.ask("POST", f"/{item}/release", why)
    assert (other.status, other.json()["type"]) == (409, "urn:orderwright:problem:not-open")
    await whole.until(order.ref, "closed")

    await quarantine.pool.fetch("UPDATE quarantine SET state = 'open' WHERE id = $1", item)
    await quarantine.good("POST", f"/{item}/release", {"reason": "was it sent?"})

    async def ended() -> bool:
        rows = await whole.world.rows(
            "SELECT FROM quarantine WHERE state = 'open' AND id = $1", item
        )
        text = (await whole.ask("GET", "/metrics")).body.decode()
        seen = [x for x in text.splitlines() if x.startswith("orderwright_duplicates_total ")]
        return not rows and float(seen[0].split()[1]) >= 1

    await eventually(ended, 20.0)
    rows = await whole.world.rows(
        "SELECT e.version FROM events e JOIN orders o USING (order_id)"
        " WHERE o.ref = $1 AND e.type = 'order.placed.v2'",
        order.ref,
    )
    assert len(rows) == 1


async def test_what_is_refused_again_is_open_again(whole: Whole, quarantine: Quarantine) -> None:
    """An item whose order was unknown comes back as itself until the order is there."""
    order = whole.order(payment="pending")
    picked = {
        "type": "warehouse.picked.v2",
        "ref": order.ref,
        "fulfilment": "F1",
        "task_id": "WT-1",
    }
    raw = json.dumps(picked).encode()
    await whole.publish("picked", order.ref, raw)
    item = await quarantine.arrived(raw)
    await quarantine.good("POST", f"/{item}/release", {"reason": "try"})

    async def back() -> bool:
        shown = await quarantine.good("GET", f"/{item}")
        return bool(shown["state"] == "open" and shown["attempt"] == 2)

    await eventually(back, 20.0)
    rows = await whole.world.rows("SELECT FROM quarantine WHERE digest = sha256($1)", raw)
    assert len(rows) == 1
    actions = [action for _, action, _ in await quarantine.audit(item)]
    assert sorted(actions) == ["quarantine.release", "quarantine.reopened"]

    await whole.place(order, X_Orderwright_Channel=CHANNEL)
    await whole.until(order.ref, "placed")
    await quarantine.good("POST", f"/{item}/release", {"reason": "now it is there"})

    async def taken() -> bool:
        sql = "SELECT FROM inbox WHERE input_id LIKE '%/released-2'"
        return bool(await whole.world.rows(sql)) and await quarantine.state(item) == "released"

    await eventually(taken, 20.0)


async def test_a_thousand_are_released_in_bounded_calls(
    whole: Whole, quarantine: Quarantine
) -> None:
    """One call takes a thousand, oldest first, and says where to go on."""
    store = PostgresQuarantine(quarantine.pool, sealing_in(Settings(), whole.world.data))
    now = SystemClock().now()
    for number in range(MANY):
        order = whole.order(payment="pending")
        await store.keep(
            Quarantined(
                delivery_id=f"{CHANNEL}/place/many-{number}",
                channel=CHANNEL,
                kind="place",
                ref="",
                source="canonical",
                reason="unreadable",
                sentences=(f"Reading it failed on our side: Bug{number}.",),
                headers={},
                original=msgspec.json.encode(order),
                at=now,
            )
        )
    asked = {"filter": {"reason": "unreadable"}, "reason": "the bug is fixed"}
    began = time.perf_counter()
    first = await quarantine.good("POST", "/release", asked)
    seconds = time.perf_counter() - began
    assert (first["matched"], first["released"], first["failed"]) == (MANY, 1_000, 0)
    assert seconds < 20.0
    sys.stdout.write(f"1,000 items were released in {seconds:.2f} s.\n")
    rest = await quarantine.good("POST", "/release", {**asked, "after": first["next_after"]})
    assert (rest["matched"], rest["released"], rest["next_after"]) == (MANY - 1_000, 50, None)

    async def placed() -> bool:
        rows = await whole.world.rows(
            "SELECT count(*) AS n FROM inbox WHERE input_id LIKE '%many-%/released-1'"
        )
        return bool(rows[0]["n"] == MANY)

    await eventually(placed, 30.0)


async def test_the_command_line_fixes_and_releases(
    whole: Whole, quarantine: Quarantine, empty: Path
) -> None:
    """Groups, check, fix, preview, release and discard, as a clerk at the same machine types
    them."""
    orders = [whole.order() for _ in range(3)]
    items = []
    for order in orders:
        await whole.publish("place", order.ref, wrong_total(order))
        items.append(str(await quarantine.arrived(wrong_total(order))))
    file = empty / "order.json"
    file.write_bytes(msgspec.json.encode(orders[0]))
    said = whole.cli("quarantine", "check", items[0], code=1)
    assert f"{items[0]} would be refused as total_mismatch:" in said
    said = whole.cli("quarantine", "check", items[0], "--file", str(file))
    assert f"would be taken: place of the order {orders[0].ref}, {CHANNEL}." in said
    fix = ("quarantine", "fix", items[0], "--file", str(file))
    assert "would be taken" in whole.cli(*fix, "--reason", "a cent")
    shown = whole.cli("quarantine", "show", items[0])
    assert "edited   by " in shown
    assert re.search(r"\d\d:\d\d:\d\d fix by \S+: a cent\n", shown)
    assert whole.cli("quarantine", "show", items[0], "--edited") == file.read_text()

    held = json.loads(whole.cli("quarantine", "list", "--channel", CHANNEL, "--json"))
    (group,) = {one["group"] for one in held if str(one["id"]) in items}
    groups = whole.cli("quarantine", "groups")
    assert f"{group}  {CHANNEL}" in groups
    since = ("--group", group, "--since", "2026-01-01")
    said = whole.cli("quarantine", "release", *since, "--preview")
    assert " 1 would be released, " in said
    said = whole.cli("quarantine", "release", *since, "--reason", "fixed", code=1)
    assert " 1 were released, " in said
    assert "they stay open" in said
    await whole.until(orders[0].ref, "closed")
    said = whole.cli("quarantine", "release", items[0], "--reason", "again", code=1)
    assert f"{items[0]} is already released" in said

    file.write_bytes(msgspec.json.encode(orders[1]))
    whole.cli("quarantine", "fix", items[1], "--file", str(file), "--reason", "a cent")
    said = whole.cli("quarantine", "release", items[1], "--reason", "one by one")
    assert f"orderwright orders timeline {orders[1].ref}" in said
    await whole.until(orders[1].ref, "closed")
    said = whole.cli("quarantine", "discard", items[2], "--reason", "a test")
    assert said == f"{items[2]} is discarded.\n"
    assert "is already discarded" in whole.cli(
        "quarantine", "discard", items[2], "--reason", "x", code=1
    )
    gone = json.loads(whole.cli("quarantine", "list", "--state", "discarded", "--json"))
    assert items[2] in {str(one["id"]) for one in gone}
    assert (await quarantine.audit(int(items[2])))[0][1:] == ("quarantine.discard", "a test")


async def test_what_is_open_is_a_metric(whole: Whole, quarantine: Quarantine) -> None:
    """The page that Prometheus reads tells what is open, by reason."""
    raw = b"no JSON at all"
    await whole.publish("place", "M-1", raw)
    await quarantine.arrived(raw)

    async def counted() -> bool:
        text = (await whole.ask("GET", "/metrics")).body.decode()
        return 'orderwright_quarantine_open_items{reason="json_malformed"} ' in text

    await eventually(counted, 45.0)


async def test_who_may_see_and_decide(whole: Whole, quarantine: Quarantine) -> None:
    """A key needs the scope and the channel; a change needs an Idempotency-Key."""
    original = wrong_total(whole.order())
    await whole.publish("place", json.loads(original)["ref"], original)
    item = await quarantine.arrived(original)
    reader = whole.cli("keys", "create", "r", "--scope", "quarantine:read", "--channel", "acme-us")
    path = f"/api/v1/quarantine/{item}"
    bearer: dict[str, Any] = {"Authorization": f"Bearer {reader.strip()}"}
    assert (await whole.ask("GET", path, **bearer)).status == 404
    assert (await whole.ask("POST", f"{path}/discard", **bearer)).status == 403
    of_another = f"/api/v1/quarantine?channel={CHANNEL}"
    assert (await whole.ask("GET", of_another, **bearer)).status == 403
    listed = (await whole.ask("GET", "/api/v1/quarantine?state=all", **bearer)).json()["items"]
    assert isinstance(listed, list)
    assert {one["channel"] for one in listed} <= {"acme-us"}
    assert (await whole.api("GET", path)).status == 403
    bearer = {"Authorization": f"Bearer {quarantine.token}"}
    answer = await whole.ask("POST", f"{path}/discard", body=b'{"reason": "x"}', **bearer)
    assert answer.status == 400
    page = await quarantine.good("GET", f"?channel={CHANNEL}&limit=1&since=2026-01-01T00:00:00Z")
    assert page["items"][0]["id"] == item
    following = await whole.ask("GET", page["next"], **bearer)
    assert all(one["id"] < item for one in msgspec.json.decode(following.body)["items"])
    stale = await quarantine.ask("POST", f"/{item}/discard", {"reason": "x"}, If_Match='"other"')
    assert stale.status == 412
