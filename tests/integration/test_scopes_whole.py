"""A credential of one channel reaches nothing of another: every route, verb and message kind with
every scope and channel, single and in bulk, at a running service."""

from __future__ import annotations

import asyncio
import json
import re
import secrets
from pathlib import Path
from typing import Any

import aiohttp
import nats
from msgspec import Struct

from adapters.postgres.keys import SCOPES, ApiKeys
from adapters.postgres.pool import Pool
from schemas.messages.inputs import KINDS
from service.app.clock import SystemClock
from service.orders.deciding import VERBS
from tests.conftest import Say
from tests.e2e.hooks import RECIPE, Hooks
from tests.e2e.world import SHOP
from tests.integration.whole import CHANNEL, Whole
from tests.waiting import eventually

SERVICE = Path(__file__).resolve().parents[2] / "service"
WHY = {"reason": "to see what happens"}


class Route(Struct, frozen=True):
    """A route, the scope it needs, and a body that would do something. `listing`: it answers 200
    to whoever has the scope, with what is theirs."""

    method: str
    path: str
    scope: str
    body: Any = None
    listing: bool = False


READS, ACTS, WRITES = "orders:read", "orders:act", "orders:write"
HELD, JUDGE = "quarantine:read", "quarantine:act"
ASKING = {"asks": "redact_shop", "channel": CHANNEL, **WHY}
COUNT = {"sku": "SKU-777", "place": "east", "on_hand": 1}
RECEIPT = {"kind": "received", "sku": "SKU-777", "place": "east", "units": 1}
NO_WINDOW = {
    "since": "2026-01-02T00:00:00Z",
    "until": "2026-01-01T00:00:00Z",
    "channels": [CHANNEL],
}
NO_RULES = {"toml": ""}
ROUTES = (
    Route("GET", "/orders", READS, listing=True),
    Route("GET", "/orders/{order}", READS),
    Route("GET", "/orders/{order}/timeline", READS),
    Route("GET", "/orders/{order}/files/label-K1", "labels:read"),
    Route("POST", "/orders", WRITES, {}),
    Route("POST", "/orders/import", WRITES, b"ref\nX-1\n"),
    Route("POST", "/orders/{order}/edit", ACTS, {"set": {"note": "x"}, **WHY}),
    *(Route("POST", f"/orders/{{order}}/actions/{verb}", ACTS, WHY) for verb in VERBS),
    Route("POST", "/orders/{order}/returns/receive", "returns:act", {"lines": [], **WHY}),
    Route("GET", "/incidents", READS, listing=True),
    Route("GET", f"/incidents/schema_mismatch?channel={CHANNEL}", READS),
    Route("GET", f"/facts?channel={CHANNEL}", READS),
    Route("GET", "/channels", READS, listing=True),
    Route("GET", f"/channels/{CHANNEL}", READS),
    Route("POST", f"/channels/{CHANNEL}/backfill", WRITES, WHY),
    Route("POST", f"/channels/{CHANNEL}/orders/X-1/reimport", WRITES, WHY),
    Route("GET", "/quarantine", HELD, listing=True),
    Route("GET", "/quarantine/groups", HELD, listing=True),
    Route("GET", "/quarantine/{item}", HELD),
    Route("POST", "/quarantine/{item}/check", HELD, {}),
    Route("POST", "/quarantine/{item}/fix", JUDGE, {"content": "{}", **WHY}),
    Route("POST", "/quarantine/{item}/release", JUDGE, WHY),
    Route("POST", "/quarantine/{item}/discard", JUDGE, WHY),
    Route("POST", "/quarantine/release", JUDGE, {"filter": {"channel": CHANNEL}, **WHY}),
    Route("GET", "/mappings", "mappings:read"),
    Route("GET", "/mappings/history", "mappings:read"),
    Route("PUT", "/mappings", "mappings:write", {"mappings": {}, **WHY}),
    Route("GET", "/rules", "rules:read"),
    Route("GET", "/rules/history", "rules:read"),
    Route("POST", "/rules/lint", "rules:read", NO_RULES),
    Route("POST", "/rules/diff", "rules:read", NO_RULES),
    Route("POST", "/rules/test", "rules:read", NO_RULES),
    Route("POST", "/rules/publish", "rules:write", {**NO_RULES, **WHY}),
    Route("POST", "/rules/versions/1/approve", "rules:approve", WHY),
    Route("POST", "/rules/versions/1/rollback", "rules:write", WHY),
    Route("POST", "/rules/backtests", "rules:read", NO_RULES),
    Route("GET", "/rules/backtests/1", "rules:read"),
    Route("GET", "/stock", "stock:read"),
    Route("GET", "/stock/SKU-001", "stock:read"),
    Route("POST", "/stock/counts", "stock:write", {"counts": [COUNT], **WHY}),
    Route("POST", "/stock/movements", "stock:write", {**RECEIPT, **WHY}),
    Route("GET", "/reviews", READS, listing=True),
    Route("GET", "/reviews/absences", READS),
    Route("POST", "/reviews/away", ACTS, {"deputy": "x", "until": "2030-01-01T00:00:00Z", **WHY}),
    Route("POST", "/reviews/back", ACTS, WHY),
    Route("GET", "/reviews/999999", READS),
    Route("POST", "/reviews/999999/claim", ACTS, WHY),
    Route("POST", "/reviews/999999/ask", ACTS, WHY),
    Route("POST", "/reviews/999999/approve", ACTS, WHY),
    Route("POST", "/reviews/999999/reject", ACTS, WHY),
    Route("GET", "/batches", READS, listing=True),
    Route("GET", "/batches/preview?filter=is:final", READS, listing=True),
    Route("POST", "/batches", ACTS, {"verb": "hold", "failures_of": 999_999, **WHY}),
    Route("GET", "/batches/999999", READS),
    Route("GET", "/batches/999999/failures", READS),
    Route("POST", "/batches/999999/stop", ACTS, WHY),
    Route("GET", f"/books/export?from=2026-11-01&to=2026-11-30&channel={CHANNEL}", "books:read"),
    Route("GET", "/recon/runs", "recon:read", listing=True),
    Route("POST", "/recon/runs", "recon:act", NO_WINDOW),
    Route("GET", "/recon/runs/999999", "recon:read"),
    Route("POST", "/recon/runs/999999/stop", "recon:act", WHY),
    Route("GET", "/recon/differences", "recon:read", listing=True),
    Route("GET", "/recon/differences/999999", "recon:read"),
    Route("POST", "/recon/differences/999999/accept", "recon:act", WHY),
    Route("POST", "/recon/differences/999999/correct", "recon:act", WHY),
    Route("GET", "/alerts", READS),
    Route("POST", "/alerts/1/acknowledge", "alerts:act", WHY),
    Route("GET", "/privacy", "privacy:read", listing=True),
    Route("POST", "/privacy", "privacy:act", ASKING),
    Route("GET", "/privacy/{request}", "privacy:read"),
    Route("GET", "/privacy/{request}/export", "privacy:act"),
    Route("POST", "/privacy/{request}/force", "privacy:act", WHY),
    Route("POST", "/privacy/{request}/now", "privacy:act", WHY),
    Route("POST", "/privacy/{request}/stop", "privacy:act", WHY),
    Route("POST", "/privacy/{request}/done", "privacy:act", WHY),
)


OF_ALL = (
    *("/mappings", "/rules", "/stock", "/alerts"),
    *("/reviews/absences", "/reviews/away", "/reviews/back"),
)
"""Mappings, rules, stock, alerts and who stands in for whom are of all channels."""


class Client:
    """Asks the service with any key."""

    def __init__(self, whole: Whole, session: aiohttp.ClientSession, keys: ApiKeys) -> None:
        self.whole, self.session, self.keys = whole, session, keys

    async def key(self, channel: str, *scopes: str) -> str:
        """A new key's token."""
        return (await self.keys.create("crossing", scopes, [channel], now=SystemClock().now()))[1]

    async def ask(self, token: str, method: str, path: str, body: Any = None) -> tuple[int, Any]:
        """Ask for CHANNEL; the status and the answer."""
        raw = body if isinstance(body, bytes | None) else json.dumps(body).encode()
        headers = {
            "Authorization": f"Bearer {token}",
            "Idempotency-Key": secrets.token_hex(8),
            "X-Orderwright-Channel": CHANNEL,
            "Content-Type": "text/csv" if isinstance(body, bytes) else "application/json",
        }
        url = f"{self.whole.world.url}/api/v1{path}"
        async with self.session.request(method, url, data=raw, headers=headers) as answer:
            return answer.status, await answer.read()


async def held(whole: Whole, channel: str, reason: str) -> dict[str, Any]:
    """The newest open item of the channel with that reason."""

    async def found() -> list[dict[str, Any]]:
        words = ("--channel", channel, "--reason", reason, "--json")
        told: list[dict[str, Any]] = json.loads(
            await asyncio.to_thread(whole.cli, "quarantine", "list", *words)
        )
        return told

    newest: dict[str, Any] = (await eventually(found, 20.0))[0]
    return newest


def test_no_route_is_left_out() -> None:
    """The table has as many routes as the service's sources name under /api/v1."""
    named = 0
    for path in SERVICE.glob("*/*.py"):
        text = path.read_text("utf-8")
        if "/api/v1/" in text and "routes(self)" in text:
            found = re.findall(r"web\.(?:get|post|put)\(\s*f?\"?([^,\")]+)", text)
            named += sum(not one.startswith("/schemas") for one in found)
    assert len(ROUTES) - len(VERBS) + 1 == named


async def test_every_route_with_every_scope_and_channel(whole: Whole, say: Say) -> None:
    """Only the key with the route's own scope gets in, and only to its own channel. Nothing that a
    stranger asks for changes anything. The count is printed."""
    order = whole.order()
    placed = await whole.place(order, X_Orderwright_Channel=CHANNEL)
    await whole.until(order.number, "closed")
    await whole.publish("place", "SCOPES-1", b'{"type": "order.place.v2"}')
    item = await held(whole, CHANNEL, "schema_mismatch")
    pool = Pool(whole.world.runtime().postgres_dsn, by_key=False, deadline_seconds=10)
    count = 0
    try:
        async with aiohttp.ClientSession() as session:
            keys = ApiKeys(pool, monotonic=asyncio.get_running_loop().time)
            client = Client(whole, session, keys)
            asking = {"asks": "export", "channel": CHANNEL, "subject": {"email": "x@example.com"}}
            master = await client.key(CHANNEL, *SCOPES)
            _, made = await client.ask(master, "POST", "/privacy", {**asking, **WHY})
            ids = {
                "order": placed["order_id"],
                "item": item["id"],
                "request": json.loads(made)["id"],
            }

            async def decided() -> list[Any]:
                """What was decided of the order: calls are noted some seconds after them."""
                path = f"/orders/{placed['order_id']}/timeline"
                status, raw = await client.ask(master, "GET", path)
                assert status == 200
                return [one for one in json.loads(raw)["entries"] if one["kind"] == "event"]

            before = await decided()
            assert before
            for scope in sorted(SCOPES):
                others = await client.key(CHANNEL, *(SCOPES - {scope}))
                stranger = await client.key(SHOP, scope)
                owner = await client.key(CHANNEL, scope)
                for route in ROUTES:
                    path = route.path.format(**ids)
                    told = f"{route.method} {path} with {scope}"
                    status, body = await client.ask(stranger, route.method, path, route.body)
                    count += 1
                    if scope != route.scope:
                        assert status == 403, told
                        continue
                    if route.listing:
                        assert status == 200, told
                        assert f'"{CHANNEL}"'.encode() not in body, told
                    else:
                        assert status in (403, 404), (told, status, body)
                    # Whoever has every scope but this one, and of the right channel, is refused.
                    status, _ = await client.ask(others, route.method, path, route.body)
                    assert status == 403, told
                    # Its owner gets in: a body that says nothing is refused for that alone.
                    harmless: Any = None if route.body is None else {}
                    status, _ = await client.ask(owner, route.method, path, harmless)
                    # What is of all channels: no key of one gets in.
                    allowed = not route.path.startswith(OF_ALL)
                    assert (status not in (401, 403)) == allowed, (told, status)
                    count += 2
            assert await decided() == before
            _, now = await client.ask(master, "GET", f"/quarantine/{item['id']}")
            assert (json.loads(now)["state"], json.loads(now)["edited"]) == ("open", None)
            _, now = await client.ask(master, "GET", f"/privacy/{ids['request']}")
            assert json.loads(now)["state"] == "open"
            await client.ask(master, "POST", f"/quarantine/{item['id']}/discard", WHY)
            await client.ask(master, "POST", f"/privacy/{ids['request']}/stop", WHY)
    finally:
        await pool.close()
    say(f"Scopes, channels and routes crossed: {count} requests.")


async def test_a_privacy_message_is_released_with_the_privacy_scope_alone(whole: Whole) -> None:
    """Alone or in bulk, a key that may release but not erase does not get it out."""
    no_one = {"shop_domain": RECIPE.shop, "customer": {}, "orders_to_redact": []}
    some_one = {**no_one, "customer": {"id": 4_711}}
    pool = Pool(whole.world.runtime().postgres_dsn, by_key=False, deadline_seconds=10)
    try:
        async with aiohttp.ClientSession() as session:
            shop = Hooks(whole.world, session)
            assert await shop.send("customers/redact", json.dumps(no_one).encode()) == 200
            item = f"/quarantine/{(await held(whole, SHOP, 'privacy_request'))['id']}"
            keys = ApiKeys(pool, monotonic=asyncio.get_running_loop().time)
            client = Client(whole, session, keys)
            clerk = await client.key(SHOP, HELD, JUDGE)
            officer = await client.key(SHOP, HELD, JUDGE, "privacy:act")
            edit = {"content": json.dumps(some_one), **WHY}
            assert (await client.ask(clerk, "POST", f"{item}/fix", edit))[0] == 200
            status, said = await client.ask(clerk, "POST", f"{item}/release", WHY)
            assert (status, b"privacy:act" in said) == (403, True)
            for preview in (True, False):
                bulk = {"filter": {"reason": "privacy_request"}, "preview": preview, **WHY}
                _, said = await client.ask(clerk, "POST", "/quarantine/release", bulk)
                told = json.loads(said)
                assert (told["released"], told["failed"]) == (0, told["matched"])
                assert told["failures"][0]["reason"] == "not_allowed"
            assert (await client.ask(officer, "POST", f"{item}/release", WHY))[0] == 200
    finally:
        await pool.close()


async def test_no_order_of_ours_is_posted_into_a_storefront_s_channel(whole: Whole) -> None:
    """Neither over HTTP, with any key, nor over NATS, nor in the name of another kind."""
    order = whole.order()
    body = json.dumps({"ref": order.ref}).encode()
    key = {"Idempotency_Key": secrets.token_hex(8), "X_Orderwright_Channel": SHOP}
    assert (await whole.api("POST", "/api/v1/orders", body=body, **key)).status == 403
    client = await nats.connect(whole.nats_url(SHOP))
    try:
        stream = client.jetstream()
        await stream.publish(f"orders.in.{SHOP}.place.{order.ref}", body, timeout=5)
        item = await held(whole, SHOP, "source_refused")
        assert "come from shopify itself" in item["sentences"][0]
        headers = {"Orderwright-Source": "http", "Orderwright-Seal": f"1.{'0' * 32}"}
        subject = f"orders.in.{SHOP}.packed.{order.ref}"
        await stream.publish(subject, body, headers=headers, timeout=5)

        async def both() -> bool:
            found = await held(whole, SHOP, "source_refused")
            return bool(found["id"] != item["id"] and "in the name of" in found["sentences"][0])

        await eventually(both, 20.0)
    finally:
        await client.close()


async def test_a_publisher_reaches_its_own_channel_and_no_person_s_kind(
    whole: Whole, say: Say
) -> None:
    """Each message kind is published to each channel with each channel's user: only its own are
    taken, and of those none that names a person or erases. The count is printed."""
    refused: list[str] = []
    wanted: list[str] = []

    async def note(error: Exception) -> None:
        refused.append(str(error).lower())

    for user in (CHANNEL, SHOP):
        client = await nats.connect(whole.nats_url(user), error_cb=note)
        try:
            for kind in (*KINDS, "privacy"):
                for channel in (CHANNEL, SHOP):
                    own = channel == user and kind not in {"act", "edit", "return", "privacy"}
                    if not own:
                        subject = f"orders.in.{channel}.{kind}.W-1"
                        await client.publish(subject, b"{}")
                        wanted.append(subject)
            await client.flush()
            await eventually(lambda: len(refused) >= len(wanted))
        finally:
            await client.close()
    assert all("permissions violation" in text for text in refused)
    assert len(refused) == len(wanted)
    say(f"Messages that a channel's user may not publish: {len(wanted)} refused.")
