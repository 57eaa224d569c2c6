"""A partner that lets us in no more: said at the partner, at every order that waits for it and in
the log, in the same words."""

from __future__ import annotations

import asyncio
import json
from contextlib import suppress

from service.demo.world import ERP
from tests.integration.whole import CHANNEL, Whole
from tests.waiting import eventually

WORDS = "refuses even a new token (HTTP 401). Check what the client"


async def test_a_refused_credential_is_said_everywhere_once(whole: Whole) -> None:
    """`orders show` of an order that was tried and of one that was not, `doctor`, the incidents and
    the log say why the ERP is not called; afterwards all goes on, and nothing is left of it."""
    whole.erp.locked = True
    try:
        orders = [whole.order() for _ in range(3)]
        for order in orders:
            await whole.place(order, X_Orderwright_Channel=CHANNEL)

        async def all_say_so() -> bool:
            shown = [(await whole.api("GET", f"/api/v1/orders/{o.number}")).body for o in orders]
            return all(WORDS.encode() in one for one in shown)

        await eventually(all_say_so, 30.0)
        assert WORDS in whole.cli("orders", "show", orders[-1].number)

        def said_by_doctor() -> str:  # the service writes it down every two seconds
            said = whole.cli("doctor", code=1)
            return said if f"{ERP}, not called: since " in said else ""

        told = await eventually(said_by_doctor, 20.0)
        assert WORDS in told
        assert "Whose turn: yours" in told

        def is_open() -> bool:
            rows = json.loads(whole.cli("incidents", "list", "--open", "--json"))
            return any(row["category"] == "partner_not_called" for row in rows)

        await eventually(is_open, 20.0)
        await _is_told_and_known(whole)
    finally:
        whole.erp.locked = False
    for order in orders:
        await whole.until(order.number, "closed", seconds=60.0)
    log = whole.world.service.log.read_text()
    assert log.count("refuses our credential; its effects wait") == 1
    assert "is called again; what waits is released" in log

    def is_gone() -> bool:
        with suppress(AssertionError):  # the code while it is still said
            return "not called" not in whole.cli("doctor")
        return False

    await eventually(is_gone, 20.0)

    def is_over() -> bool:
        rows = json.loads(whole.cli("alerts", "list", "--all", "--json"))
        return all(row["resolved_at"] for row in rows if row["subject"] == ERP)

    await eventually(is_over, 20.0)
    log = await asyncio.to_thread(whole.world.service.log.read_text)
    assert log.count(f"[error] {ERP} is not called") == 1
    await eventually(lambda: f"resolved: {ERP}" in whole.world.service.log.read_text(), 20.0)


async def _is_told_and_known(whole: Whole) -> None:
    """The outage is one alert with its cause, which someone acknowledges."""
    rows = json.loads(whole.cli("alerts", "list", "--json"))
    (alert,) = (row for row in rows if row["subject"] == ERP)
    assert WORDS in alert["words"]
    assert f"{ERP} is not called" in whole.cli("alerts", "list")
    path = f"/api/v1/alerts/{alert['id']}/acknowledge"
    refused = await whole.api("POST", path, body=b'{"reason": ""}')
    assert refused.status == 403  # the key has another scope
    said = whole.cli("alerts", "ack", str(alert["id"]), "--reason", "asked them")
    assert "is acknowledged" in said
    told = whole.cli("alerts", "ack", str(alert["id"]), "--reason", "again", code=11)
    assert "has acknowledged alert" in told
    whole.cli("alerts", "ack", "999999", "--reason", "again", code=11)


def test_a_route_is_tried(whole: Whole) -> None:
    """By every route, or the one named; a name that no route has is refused."""
    assert "ops: the test message was taken." in whole.cli("alerts", "test")
    assert "No alert route is named 'nope': ops." in whole.cli("alerts", "test", "nope", code=11)


async def test_the_alerts_api(whole: Whole) -> None:
    """It lists and acknowledges, with its own scope and for every channel."""
    words = ("--scope", "alerts:act", "--scope", "orders:read", "--channel", "*")
    token = whole.cli("keys", "create", "oncall", *words).strip()
    whose = f"Bearer {token}"
    path = "/api/v1/alerts?all=true&limit=1"
    listed = await whole.ask("GET", path, Authorization=whose)
    assert listed.status == 200
    assert set(listed.json()) == {"alerts", "next", "next_cursor"}
    body = b'{"reason": "asked them"}'
    path = "/api/v1/alerts/999999/acknowledge"
    missing = await whole.ask("POST", path, body=body, Authorization=whose)
    assert missing.status == 404
