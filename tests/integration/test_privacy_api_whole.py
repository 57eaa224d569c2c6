"""Customers' data over HTTP: only with the scope, only of the key's channels, and once for each
request; at a running service."""

from __future__ import annotations

import asyncio
from typing import Any

import msgspec
import pytest

from adapters.postgres.pool import Pool
from tests.e2e.world import SHOP
from tests.integration.whole import CHANNEL, Answer, Whole

PATH = "/api/v1/privacy"


async def key_for(whole: Whole, channel: str, *scopes: str) -> str:
    """A new API key's token."""
    words = [word for scope in scopes for word in ("--scope", scope)]
    said = await asyncio.to_thread(
        whole.cli, "keys", "create", "service", *words, "--channel", channel
    )
    return said.strip()


async def call(
    whole: Whole,
    token: str,
    method: str,
    path: str,
    given: dict[str, Any] | None = None,
    key: str = "",
) -> Answer:
    """Ask with a key."""
    headers = {"Authorization": f"Bearer {token}"}
    if key:
        headers["Idempotency_Key"] = key
    body = msgspec.json.encode(given) if given is not None else None
    return await whole.ask(method, path, body=body, **headers)


def asking(email: str, **changes: Any) -> dict[str, Any]:
    """What a person may be shown of a customer."""
    told = {"asks": "export", "channel": CHANNEL, "subject": {"email": email}, "reason": "he asked"}
    return {**told, **changes}


@pytest.fixture
async def order(whole: Whole) -> str:
    """An order of the channel, so that something of it is kept."""
    placed = whole.order()
    await whole.place(placed, X_Orderwright_Channel=CHANNEL)
    await whole.until(placed.number, "closed")
    return placed.number


async def test_a_request_over_http_is_kept_once_and_handed_over(whole: Whole, order: str) -> None:
    """A repeat is the same request. A day later the same key is another one's, and does not get
    the first one's answer for it."""
    token = await key_for(whole, CHANNEL, "privacy:act", "privacy:read")
    first = await call(whole, token, "POST", PATH, asking("a@example.com"), key="k-1")
    again = await call(whole, token, "POST", PATH, asking("a@example.com"), key="k-1")
    assert (first.status, first.body) == (200, again.body)
    pool = Pool(whole.world.runtime().postgres_dsn, by_key=False, deadline_seconds=10)
    await pool.fetch("DELETE FROM idempotency WHERE idempotency_key = 'k-1'")
    assert (await call(whole, token, "POST", PATH, asking("a@example.com"), key="k-1")).body == (
        first.body
    )
    await pool.fetch("DELETE FROM idempotency WHERE idempotency_key = 'k-1'")
    await pool.close()
    other = await call(whole, token, "POST", PATH, asking("b@example.com"), key="k-1")
    assert other.json()["id"] != first.json()["id"]
    one = f"{PATH}/{first.json()['id']}"
    shown = (await call(whole, token, "GET", one)).json()
    assert shown["subject"] == {"email": "a@example.com"}
    exported = await call(whole, token, "GET", f"{one}/export")
    assert exported.json()["orders"] == []
    done = await call(whole, token, "POST", f"{one}/done", {"reason": "mailed"}, key="k-2")
    assert done.status == 200
    assert (await call(whole, token, "GET", one)).json()["subject"] is None
    assert (await call(whole, token, "GET", f"{one}/export")).status == 409


async def test_no_one_without_the_scope_or_the_channel_gets_in(whole: Whole, order: str) -> None:
    """A key without the scope is refused; requests of another channel are not there for it."""
    token = await key_for(whole, CHANNEL, "privacy:act", "privacy:read")
    asked = await call(whole, token, "POST", PATH, asking("c@example.com"), key="k-3")
    one = f"{PATH}/{asked.json()['id']}"
    reading = await key_for(whole, CHANNEL, "privacy:read")
    stranger = await key_for(whole, SHOP, "privacy:act", "privacy:read")
    clerk = await key_for(whole, CHANNEL, "orders:act", "orders:read")
    why = {"reason": "curiosity"}
    routes = (
        ("GET", PATH, None), ("POST", PATH, asking("c@example.com")), ("GET", one, None),
        ("GET", f"{one}/export", None), ("POST", f"{one}/force", why),
        ("POST", f"{one}/done", why), ("POST", f"{one}/now", why), ("POST", f"{one}/stop", why),
    )  # fmt: skip
    for method, path, given in routes:
        assert (await whole.ask(method, path)).status == 401, path
        assert (await call(whole, clerk, method, path, given, key="k-4")).status == 403, path
        acts = method == "POST" or path.endswith("export")
        answer = await call(whole, reading, method, path, given, key="k-5")
        assert answer.status == (403 if acts else 200), path
        if path == PATH:
            continue
        assert (await call(whole, stranger, method, path, given, key="k-6")).status == 404, path
    listed = (await call(whole, stranger, "GET", PATH)).json()["requests"]
    assert all(row["channel"] == SHOP for row in msgspec.convert(listed, list[dict[str, Any]]))
    given = asking("c@example.com")
    assert (await call(whole, stranger, "POST", PATH, given, key="k-7")).status == 403


async def test_what_a_slip_would_ask_is_refused(whole: Whole, order: str) -> None:
    """A channel of which nothing is kept, no one named, everybody beside somebody, no reason."""
    token = await key_for(whole, "*", "privacy:act")
    for given in (
        asking("d@example.com", channel="shopp"),
        asking("", subject={}),
        asking("d@example.com", asks="redact_shop"),
        asking("d@example.com", reason=" "),
    ):
        answer = await call(whole, token, "POST", PATH, given, key="k-8")
        assert answer.status == 422, answer.body
    preview = await call(whole, token, "POST", PATH, asking("d@example.com", preview=True))
    assert preview.json()["final"] == 0
