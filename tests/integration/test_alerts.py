"""Alerts on a real Postgres, sent to a real HTTP receiver and a real mail server."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from contextlib import aclosing
from typing import Any

import msgspec
import pytest
from prometheus_client import CollectorRegistry

from adapters.alerts.settings import AlertRoute
from adapters.alerts.settings import Alerts as Policy
from adapters.kit.secret import Secret
from adapters.postgres.alerts import Alerts
from adapters.postgres.incidents import Incidents, Told
from adapters.postgres.troubles import Troubles
from schemas.contracts.incidents import CATEGORIES
from service.alerts.deciding import MAX_TRIES
from service.alerts.run import AlertMetrics, AlertWork
from tests.appends import NOON, RESERVE, append
from tests.contract.http_server import EMPTY, Server, serving, told
from tests.contract.test_adapter_mail import scripted
from tests.fakes import JumpingClock
from tests.integration.journals import Bench

FULL = "disk_full"
DOWN = b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 4\r\n\r\nbusy"
POLICY = Policy(repeat_minutes=30, settle_seconds=60.0)


class Alerting:
    """The work of one process, and what a test moves."""

    def __init__(self, bench: Bench, routes: Mapping[str, AlertRoute]) -> None:
        self.bench = bench
        self.clock = JumpingClock()
        self.alerts = Alerts(bench.pool)
        self.may = True
        self.registry = CollectorRegistry()
        self.work = AlertWork(
            self.alerts,
            self.clock,
            AlertMetrics(self.registry),
            POLICY,
            routes,
            url="",
            may=lambda: self.may,
        )

    async def round(self, seconds: float = 0.0) -> None:
        """Let time pass, and do what is due."""
        self.clock.seconds += seconds
        await self.work.round()
        await self.work.settled()

    async def happen(self, category: str) -> None:
        """An incident begins or goes on."""
        one = Told(category, "acme-us", 1, self.clock.now())
        await Incidents(self.bench.pool).count_told([one])

    async def end(self) -> None:
        """Every incident has been quiet for long enough."""
        await Incidents(self.bench.pool, quiet_seconds=0.0).resolve(self.clock.now())


def webhook(server: Server, **more: Any) -> dict[str, AlertRoute]:
    """One route to this receiver."""
    return {"oncall": AlertRoute(kind="webhook", url=Secret(f"{server.url}/T0KEN"), **more)}


def states(server: Server) -> list[tuple[str, str]]:
    """What the receiver was told, in its order."""
    decoded = [msgspec.json.decode(body) for body in server.bodies]
    return [(one["category"], one["state"]) for one in decoded]


async def test_one_incident_is_one_alert_until_it_is_resolved(bench: Bench) -> None:
    """However often it occurs it is sent once, repeated until someone knows, and its end is said
    once; then it may begin again as another alert."""
    async with serving(told(EMPTY)) as server:
        at = Alerting(bench, webhook(server, bearer=Secret("b34rer")))
        for _ in range(5):
            await at.happen(FULL)
            await at.round(1.0)
        assert states(server) == [(FULL, "open")]
        assert b"Authorization: Bearer b34rer" in server.heads[0]
        await at.round(30 * 60.0)
        assert states(server) == [(FULL, "open"), (FULL, "repeated")]
        (alert,) = await at.alerts.page(resolved=False)
        assert await at.alerts.acknowledge(alert.id, "ann", "on it", at.clock.now())
        assert not await at.alerts.acknowledge(alert.id, "bob", "me too", at.clock.now())
        await at.round(60 * 60.0)
        assert len(server.bodies) == 2
        await at.end()
        await at.round()
        assert len(server.bodies) == 2  # it may come back at once
        await at.round(61.0)
        await at.round(61.0)
        assert states(server)[2:] == [(FULL, "resolved")]
        await at.happen(FULL)
        await at.round(1.0)
        assert states(server)[3:] == [(FULL, "open")]
    audited = await bench.pool.fetch("SELECT person, action, reason FROM audit")
    assert [tuple(row) for row in audited] == [("ann", "alert.acknowledge", "on it")]


async def test_what_flickers_is_one_alert(bench: Bench) -> None:
    """A cause that is gone for less than a minute, ten times, is said once and never as over."""
    async with serving(told(EMPTY)) as server:
        at = Alerting(bench, webhook(server))
        for _ in range(10):
            await at.happen(FULL)
            await at.round(10.0)
            await at.end()
            await at.round(10.0)
        assert states(server) == [(FULL, "open")]


async def test_partners_in_trouble_are_one_alert_each(bench: Bench) -> None:
    """With the cause in words, at once; three orders that wait make no more of it, and it is
    resolved when the partner is called again."""
    for ref in ("1", "2", "3"):
        await bench.journal.append(append(ref, record={1: RESERVE}))
    rows = await bench.pool.fetch("SELECT DISTINCT lane FROM effects")
    (lane,) = (row["lane"] for row in rows)
    troubles = Troubles(bench.pool)
    async with serving(told(EMPTY)) as server:
        at = Alerting(bench, webhook(server))
        await at.happen("partner_not_called")
        await troubles.replace({lane: "The connection is refused.", "idle": "Down."}, NOON)
        await at.round(1.0)
        await at.round(1.0)
        (body,) = server.bodies
        found = msgspec.json.decode(body)
        assert (found["partner"], found["text"]) == (lane, "The connection is refused.")
        await troubles.replace({}, NOON)
        await at.round()
        await at.round(60.0)
        assert [state for _, state in states(server)] == ["open", "resolved"]


async def test_a_restart_repeats_nothing(bench: Bench) -> None:
    """Another process that takes the jobs over sends what was not sent, and nothing twice; one that
    has lost the lease sends nothing."""
    async with serving(told(EMPTY)) as server:
        first, second = (Alerting(bench, webhook(server)) for _ in range(2))
        await first.happen(FULL)
        await first.round()
        await second.round()
        await asyncio.gather(first.round(1.0), second.round(1.0))
        assert states(server) == [(FULL, "open")]
        await first.happen("said_twice")
        first.may = False
        await first.round(1.0)
        assert len(server.bodies) == 1
        await second.round(1.0)
        assert states(server)[1:] == [("said_twice", "open")]


async def test_two_processes_send_a_message_once(bench: Bench) -> None:
    """Both believe for a moment that the jobs are theirs: one of them claims the message."""
    async with serving(told(EMPTY)) as server:
        both = [Alerting(bench, webhook(server)) for _ in range(2)]
        await both[0].happen(FULL)
        await asyncio.gather(*(one.round() for one in both))
        assert states(server) == [(FULL, "open")]


async def test_a_receiver_that_is_down_is_tried_again_with_bounds(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    """It is tried ten times with growing pauses and holds no other way up; its address is in no
    log, and when it is back the next repetition arrives."""
    async with serving(told(DOWN)) as broken, serving(told(EMPTY)) as good:
        broken_route = webhook(broken)["oncall"]
        at = Alerting(bench, {"broken": broken_route, "good": webhook(good)["oncall"]})
        await at.happen(FULL)
        for _ in range(28):
            await at.round(60.0)
        assert len(broken.bodies) == MAX_TRIES
        assert states(good) == [(FULL, "open")]
        rows = await bench.pool.fetch("SELECT error FROM alert_sendings WHERE route = 'broken'")
        assert rows[0]["error"] == "The alert route broken answered 503: busy"
        assert "T0KEN" not in caplog.text
        failed = at.registry.get_sample_value(
            "orderwright_alert_failures_total", {"route": "broken"}
        )
        assert failed == MAX_TRIES
        at.work.use(POLICY, {"broken": webhook(good)["oncall"]})
        await at.round(60 * 60.0)
        assert states(good)[1:] == [(FULL, "open")]


async def test_a_receiver_that_hangs_holds_nothing_up(bench: Bench) -> None:
    """Rounds go on while a call waits for its answer, and the other way is told."""

    async def never(
        reader: asyncio.StreamReader, writer: asyncio.StreamWriter, head: bytes
    ) -> None:
        await reader.read()

    async with serving(never) as hanging, serving(told(EMPTY)) as good:
        at = Alerting(bench, {"hangs": webhook(hanging)["oncall"], "good": webhook(good)["oncall"]})
        async with aclosing(at.work):
            for category in (FULL, "said_twice"):
                await at.happen(category)
                await at.work.round()
                await at.work.settled("good")
                at.clock.seconds += 1.0
            assert states(good) == [(FULL, "open"), ("said_twice", "open")]
            assert len(hanging.bodies) <= 1


async def test_a_mail_is_sent(bench: Bench) -> None:
    """One mail to all who get it, named by the alert, in plain words."""
    replies = ("250 ok", "250 ok", "250 ok", "354 go", "250 taken", "221 bye")
    async with scripted(*replies) as (port, heard):
        route = AlertRoute(
            kind="mail",
            host="127.0.0.1",
            port=port,
            security="none",
            to=("ops@acme.example", "boss@acme.example"),
            from_address="alerts@acme.example",
        )
        at = Alerting(bench, {"ops": route})
        await at.happen(FULL)
        await at.round()
        await at.round(1.0)
    assert heard[1:5] == [
        "MAIL FROM:<alerts@acme.example>",
        "RCPT TO:<ops@acme.example>",
        "RCPT TO:<boss@acme.example>",
        "DATA",
    ]
    assert "Subject: [critical] The disk of the data directory is full" in heard[5]
    assert "Message-ID: <alert-" in heard[5]
    assert CATEGORIES[FULL].fix.split(";")[0] in heard[5]


async def test_without_a_route_alerts_are_logged(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    """Whoever configured nothing still finds them, once."""
    at = Alerting(bench, {})
    await at.happen(FULL)
    await at.happen("held")  # info: a person looks at it anyway
    await at.round()
    await at.round(1.0)
    said = [one for one in caplog.messages if one.startswith("Alert ")]
    assert len(said) == 1
    assert "[critical] The disk of the data directory is full" in said[0]
