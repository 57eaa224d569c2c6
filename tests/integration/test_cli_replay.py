"""Orders as they were: replayed at the command line of a running service."""

from __future__ import annotations

import json
import re

import pytest

from schemas.order.canonical import Order
from tests.integration.whole import CHANNEL, Whole

ON_CHANNEL = {"X_Orderwright_Channel": CHANNEL}


@pytest.fixture
async def closed(whole: Whole) -> Order:
    """An order that went all the way."""
    order = whole.order()
    await whole.place(order, **ON_CHANNEL)
    await whole.until(order.number, "closed")
    return order


async def test_orders_replay_verify(whole: Whole, closed: Order) -> None:
    """Every stream replays to its stored state; asked for neither or both it says what it can."""
    said = whole.cli("orders", "replay", "--verify")
    assert re.match(r"\d+ orders, \d+ events replayed; every one gives its stored state\.", said)
    assert "--verify" in whole.cli("orders", "replay", code=1)
    assert "--verify" in whole.cli("orders", "replay", closed.number, "--verify", code=1)


async def test_orders_replay_until(whole: Whole, closed: Order) -> None:
    """An order is shown as it was: whole, after a version, and at a time; the latest is what is
    stored. A time before it, and what is not a time, are sentences."""
    ask = ("orders", "replay", closed.number)
    latest = json.loads(whole.cli(*ask, "--json"))
    assert latest["stage"] == "closed"
    assert latest["version"] == latest["state"]["version"]
    first = json.loads(whole.cli(*ask, "--until", "1", "--json"))
    assert (first["version"], first["stage"], first["last"]) == (1, "placed", "order.placed.v2")
    assert first["state"].get("fulfilments", {}) == {}
    versions = range(2, latest["version"] + 1, 5)
    seen = [first, *(json.loads(whole.cli(*ask, "--until", str(v), "--json")) for v in versions)]
    assert [one["at"] for one in seen] == sorted(one["at"] for one in seen)
    then = json.loads(whole.cli(*ask, "--until", first["at"], "--json"))
    assert then["at"] == first["at"]
    said = whole.cli(*ask)
    assert f"After event {latest['version']} (order.closed" in said
    assert "F1" in said
    assert "Nothing was known" in whole.cli(*ask, "--until", "2001-01-01", code=1)
    for wrong in ("yesterday", "0", "99999999999"):
        assert "is not a version" in whole.cli(*ask, "--until", wrong, code=1)
