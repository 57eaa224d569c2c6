"""Which message of an alert is due one way: pure."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Literal
from zoneinfo import ZoneInfo

from adapters.alerts.settings import AlertRoute, Alerts
from adapters.postgres.alerts import Alert, Sending
from schemas.contracts.severities import RANKS, Severity, severity_of

Message = Literal["opened", "again", "resolved"]

MAX_TRIES = 10
"""Of one message one way: about half an hour."""

FIRST_PAUSE_SECONDS = 5.0
LONGEST_PAUSE_SECONDS = 300.0


def severity_in(settings: Alerts, category: str) -> Severity:
    """Return the severity of a category's incidents in this installation."""
    return "critical" if category in settings.critical else severity_of(category)


def is_quiet(settings: Alerts, now: datetime) -> bool:
    """Whether only critical alerts are sent now. Hours may go over midnight; on a day when clocks
    change they are those that the clock on the wall shows."""
    hours = settings.quiet_hours
    if hours is None:
        return False
    here, (begin, end) = now.astimezone(ZoneInfo(settings.time_zone)).time(), hours
    return begin <= here < end if begin < end else here >= begin or here < end


def due(
    alert: Alert, route: AlertRoute, sent: Sending | None, settings: Alerts, now: datetime
) -> Message | None:
    """Return the message that is due one way, None when there is none now.

    What was never sent there has no end to be said of either; what a person knows is not repeated,
    and not begun where quiet hours held it back.
    """
    if sent is not None and sent.next_at is not None and sent.next_at > now:
        return None
    if alert.severity != "critical" and is_quiet(settings, now):
        return None
    count = 0 if sent is None else sent.sent
    if alert.resolved_at is not None:
        return "resolved" if count and sent is not None and not sent.resolved_said else None
    if alert.acknowledged_at is not None or RANKS[alert.severity] < RANKS[route.severity]:
        return None
    if sent is None or not count or sent.sent_at is None:
        return "opened"
    is_over = now - sent.sent_at >= timedelta(minutes=settings.repeat_minutes)
    return "again" if settings.repeat_minutes and is_over else None


def pause_seconds(tries: int) -> float:
    """Return how long to wait after so many failed tries of a message."""
    pause: float = FIRST_PAUSE_SECONDS * 2 ** min(max(tries, 1) - 1, 20)
    return min(pause, LONGEST_PAUSE_SECONDS)
