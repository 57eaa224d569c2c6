"""How severe an incident is, by its category."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Literal

from schemas.contracts import incidents as c
from schemas.contracts import money_incidents as m
from schemas.contracts import refusals as r
from schemas.contracts import service_incidents as s

Severity = Literal["info", "warning", "error", "critical"]

RANKS: Mapping[str, int] = MappingProxyType({"info": 0, "warning": 1, "error": 2, "critical": 3})
"""A higher one is more severe."""

STATED: Mapping[str, Severity] = MappingProxyType(
    {
        # Nothing is taken in, or soon will not be.
        s.DISK_FULL: "critical",
        s.STREAM_SILENT: "critical",
        s.QUARANTINE_FULL: "critical",
        c.DELIVERIES_REFUSED: "critical",
        # Orders of a channel or at a partner wait, or will be missed.
        s.PARTNER_NOT_CALLED: "error",
        s.DISK_LOW: "error",
        s.QUARANTINE_FILLING: "error",
        s.CONFIGURATION_REFUSED: "error",
        c.CHANNEL_UNREACHABLE: "error",
        r.CHANNEL_DISCONNECTED: "error",
        c.SUBSCRIPTION_MISSING: "error",
        c.ORDERS_MISSED: "error",
        c.API_VERSION_DRIFT: "error",
        c.PRIVACY_LATE: "error",
        s.REVIEW_OVERDUE: "error",
        c.SAID_TWICE: "error",
        m.PAYMENT_WITHDRAWN: "error",
        m.AUTHORISATION_EXPIRES: "error",
        m.CAPTURE_OUTCOME_UNKNOWN: "error",
        r.UNDECIDABLE: "error",
        r.UNREADABLE: "error",
        r.TOO_LARGE: "error",
        c.UNCATEGORISED: "error",
        # Someone decided it so, or someone looks at it anyway.
        c.HELD: "info",
        c.ACTION_REFUSED: "info",
    }
)


def severity_of(category: str) -> Severity:
    """Return the severity of a category's incidents. What is for a sender to correct is `info`,
    and what is not stated here a `warning`."""
    stated = STATED.get(category)
    if stated is not None:
        return stated
    known = c.CATEGORIES.get(category)
    return "info" if known is not None and known.who == "the sender" else "warning"


def drawn() -> str:
    """Return the table of docs/alerts.md: the most severe first."""
    lines = ["| severity | categories |", "| --- | --- |"]
    for severity in sorted(RANKS, key=RANKS.__getitem__, reverse=True):
        codes = sorted(code for code in c.CATEGORIES if severity_of(code) == severity)
        links = ", ".join(f"[{code}](incidents.md#{code})" for code in codes)
        lines.append(f"| {severity} | {links} |")
    return "\n".join(lines)
