"""What an alert says."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

from adapters.alerts.message import Told
from adapters.postgres.alerts import Alert
from schemas.contracts.incidents import CATEGORIES, UNCATEGORISED
from service.alerts.deciding import Message

_STATES = {"opened": "open", "again": "repeated", "resolved": "resolved"}


def title_of(alert: Alert) -> str:
    """Return what is the matter in one line."""
    told = CATEGORIES.get(alert.category, CATEGORIES[UNCATEGORISED])
    return f"{alert.subject} is not called" if alert.subject else told.words


def told_of(alert: Alert, message: Message, sent: int, time_zone: str, url: str) -> Told:
    """Return a message of an alert of which `sent` messages went the same way before. `url` is
    where the console is, "" for no link."""
    told = CATEGORIES.get(alert.category, CATEGORIES[UNCATEGORISED])
    zone = ZoneInfo(time_zone)
    return Told(
        id=alert.id,
        number=sent,
        state=_STATES[message],
        severity=alert.severity,
        category=alert.category,
        partner=alert.subject,
        title=title_of(alert),
        text=alert.words or told.words,
        who=told.who,
        fix=told.fix.replace("`", ""),
        runbook=f"docs/incidents.md#{alert.category}",
        opened_at=_moment(alert.opened_at, zone),
        resolved_at="" if alert.resolved_at is None else _moment(alert.resolved_at, zone),
        url=f"{url}/incidents/{alert.category}" if url else "",
    )


def trial(now: datetime, time_zone: str) -> Told:
    """Return what `alerts test` sends."""
    return Told(
        id=0,
        number=0,
        state="test",
        severity="info",
        category="",
        partner="",
        title="Orderwright can reach you",
        text="This is a test; nothing is the matter.",
        who="",
        fix="",
        runbook="docs/alerts.md",
        opened_at=_moment(now, ZoneInfo(time_zone)),
        resolved_at="",
        url="",
    )


def _moment(at: datetime, zone: ZoneInfo) -> str:
    return at.astimezone(zone).isoformat(timespec="seconds")
