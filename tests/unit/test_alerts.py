"""Alerts: which message is due when, how severe what is, and what a message says."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
from msgspec.structs import replace

from adapters.alerts.message import Told, body_of, lines_of, subject_of
from adapters.alerts.settings import AlertRoute, Alerts
from adapters.kit.secret import Secret
from adapters.postgres.alerts import Alert, Sending
from schemas.contracts.incidents import CATEGORIES
from schemas.contracts.severities import RANKS, STATED, drawn, severity_of
from service.alerts.deciding import (
    FIRST_PAUSE_SECONDS,
    LONGEST_PAUSE_SECONDS,
    due,
    is_quiet,
    pause_seconds,
)
from service.alerts.words import told_of
from service.settings import NO_FILE, ConfigurationRefused, load

NOON = datetime(2026, 11, 27, 12, 0, tzinfo=UTC)
MIDNIGHT = datetime(2026, 11, 27, 23, 30, tzinfo=UTC)
ROUTE = AlertRoute(kind="log", severity="warning")
NIGHTS = Alerts(quiet="22:00-07:00", time_zone="Europe/Berlin", repeat_minutes=30)
ALERT = Alert(
    id=7, cause="partner_not_called:bc", category="partner_not_called", subject="bc",
    severity="error", words="The connection is refused.", opened_at=NOON,
)  # fmt: skip


def sent(count: int = 1, at: datetime = NOON, **more: Any) -> Sending:
    """What was sent of the alert."""
    return Sending(alert_id=7, route="log", sent=count, sent_at=at, **more)


@pytest.mark.parametrize(
    ("hour", "quiet"), [("20:59", False), ("21:00", True), ("05:59", True), ("06:00", False)]
)
def test_quiet_hours_go_by_the_clock_on_the_wall(hour: str, quiet: bool) -> None:
    """Berlin is an hour before UTC in November; quiet hours go over midnight."""
    at = datetime.fromisoformat(f"2026-11-27T{hour}:00+00:00")
    assert is_quiet(NIGHTS, at) is quiet
    assert not is_quiet(Alerts(), at)


def test_quiet_hours_follow_summer_time() -> None:
    """In July the same hours are two hours before UTC."""
    assert is_quiet(NIGHTS, datetime(2026, 7, 1, 20, 0, tzinfo=UTC))
    assert not is_quiet(NIGHTS, datetime(2026, 11, 1, 20, 0, tzinfo=UTC))


def test_an_alert_is_sent_and_repeated_until_someone_knows() -> None:
    """At once, then every thirty minutes, then no more; its end is said all the same."""
    assert due(ALERT, ROUTE, None, NIGHTS, NOON) == "opened"
    assert due(ALERT, ROUTE, sent(), NIGHTS, NOON + timedelta(minutes=29)) is None
    assert due(ALERT, ROUTE, sent(), NIGHTS, NOON + timedelta(minutes=30)) == "again"
    known = replace(ALERT, acknowledged_at=NOON)
    assert due(known, ROUTE, sent(), NIGHTS, NOON + timedelta(hours=5)) is None
    over = replace(known, resolved_at=NOON)
    assert due(over, ROUTE, sent(), NIGHTS, NOON) == "resolved"
    assert due(over, ROUTE, sent(resolved_said=True), NIGHTS, NOON) is None
    once = replace(NIGHTS, repeat_minutes=0)
    assert due(ALERT, ROUTE, sent(), once, NOON + timedelta(days=1)) is None


def test_quiet_hours_hold_all_back_but_what_is_critical() -> None:
    """An error waits for the morning, its end too; what came and went at night is not said."""
    morning = MIDNIGHT + timedelta(hours=7)
    critical = replace(ALERT, severity="critical")
    assert due(ALERT, ROUTE, None, NIGHTS, MIDNIGHT) is None
    assert due(critical, ROUTE, None, NIGHTS, MIDNIGHT) == "opened"
    assert due(ALERT, ROUTE, None, NIGHTS, morning) == "opened"
    over = replace(ALERT, resolved_at=MIDNIGHT)
    assert due(over, ROUTE, sent(), NIGHTS, MIDNIGHT) is None
    assert due(over, ROUTE, sent(), NIGHTS, morning) == "resolved"
    assert due(over, ROUTE, None, NIGHTS, morning) is None


def test_a_route_takes_its_severity_and_what_is_worse() -> None:
    """A route for critical alerts is not told of errors; one for everything is."""
    assert due(ALERT, replace(ROUTE, severity="critical"), None, Alerts(), NOON) is None
    assert due(ALERT, replace(ROUTE, severity="info"), None, Alerts(), NOON) == "opened"


def test_a_message_that_failed_waits_and_is_given_up() -> None:
    """Pauses double up to five minutes, and nothing is due before."""
    waits = sent(0, tries=3, next_at=NOON + timedelta(seconds=20))
    assert due(ALERT, ROUTE, waits, Alerts(), NOON) is None
    assert due(ALERT, ROUTE, waits, Alerts(), NOON + timedelta(seconds=20)) == "opened"
    pauses = [pause_seconds(tries) for tries in range(1, 11)]
    assert pauses[0] == FIRST_PAUSE_SECONDS
    assert pauses == sorted(pauses)
    assert pauses[-1] == LONGEST_PAUSE_SECONDS


def test_every_category_has_a_severity() -> None:
    """What is stated is a category; what a sender must correct wakes no one."""
    assert set(STATED) <= set(CATEGORIES)
    assert {severity_of(code) for code in CATEGORIES} == set(RANKS)
    assert severity_of("json_malformed") == "info"
    assert severity_of("disk_full") == "critical"
    assert severity_of("erp_refused") == "warning"


def test_what_an_alert_says() -> None:
    """Cause, since when, who acts and how, in the configured zone; and its end."""
    told = told_of(ALERT, "opened", 0, "Europe/Berlin", "https://ow.example")
    assert subject_of(told) == "[error] bc is not called"
    lines = lines_of(told)
    assert lines[:2] == ["The connection is refused.", "Since 2026-11-27T13:00:00+01:00."]
    assert "Who acts: the operator of Orderwright." in lines[2]
    assert "https://ow.example/incidents/partner_not_called" in lines
    assert lines[-1] == "No more of it: orderwright alerts ack 7 --reason '…'"
    over = told_of(replace(ALERT, resolved_at=MIDNIGHT), "resolved", 2, "UTC", "")
    assert subject_of(over) == "[error] resolved: bc is not called"
    assert lines_of(over)[-1] == "It is over since 2026-11-27T23:30:00+00:00."


def test_the_shapes_of_webhooks() -> None:
    """Plain JSON has our own fields; Slack gets text and a section, Teams an Adaptive Card."""
    told = told_of(replace(ALERT, words="<down> & out"), "again", 1, "UTC", "")
    plain = msgspec.json.decode(msgspec.json.encode(body_of(told, "json")), type=Told)
    assert plain == told
    assert (plain.id, plain.number, plain.state, plain.partner) == (7, 1, "repeated", "bc")
    slack = body_of(told, "slack")
    assert slack["text"] == "[error] still: bc is not called"
    assert "&lt;down&gt; &amp; out" in slack["blocks"][0]["text"]["text"]
    card = body_of(told, "teams")["attachments"][0]
    assert card["contentType"] == "application/vnd.microsoft.card.adaptive"
    assert card["content"]["body"][0]["text"] == "[error] still: bc is not called"


@pytest.mark.parametrize(
    ("overlay", "words"),
    [
        ({"alerts": {"time_zone": "Mars/Olympus"}}, "'Mars/Olympus' is not a time zone"),
        ({"alerts": {"critical": ["nonsense"]}}, "nonsense is not a category of incidents"),
        ({"alerts": {"quiet": "25:00-07:00"}}, "alerts.quiet does not have the form"),
        ({"alerts": {"quiet": "07:00-07:00"}}, "begins and ends at the same time"),
        ({"alert_routes": {"x": {"kind": "webhook"}}}, "needs a url that begins with https://"),
        ({"alert_routes": {"x": {"kind": "mail", "host": "mx"}}}, "needs to, from_address and"),
        ({"alert_routes": {"x": {"kind": "fax"}}}, "must be one of webhook, mail, log"),
    ],
)
def test_wrong_settings_are_said(overlay: dict[str, Any], words: str) -> None:
    """Each fault is a sentence that names its key or table."""
    with pytest.raises(ConfigurationRefused, match=r".") as refused:
        load(environ={}, path=NO_FILE, overlay=overlay)
    assert words in str(refused.value)


def test_a_route_may_be_set_by_variables(tmp_path: Path) -> None:
    """A variable goes before the file's key, as for every named table, and its secret is masked."""
    file = tmp_path / "orderwright.toml"
    file.write_text('[alert_routes.oncall]\nkind = "webhook"\nurl = "https://old.example"\n')
    environ = {"ORDERWRIGHT_ALERT_ROUTES_ONCALL_URL": "https://hooks.example/T0"}
    found = load(environ=environ, path=file).alert_routes["oncall"]
    assert found.url == Secret("https://hooks.example/T0")
    assert "T0" not in repr(found)


def test_the_page_shows_the_severities() -> None:
    """docs/alerts.md shows every category under its severity."""
    page = (Path(__file__).resolve().parents[2] / "docs" / "alerts.md").read_text("utf-8")
    between = page.partition("<!-- drawn -->\n")[2].partition("\n<!-- end -->")[0]
    assert between == drawn(), "put schemas.contracts.severities.drawn() between the marks"
