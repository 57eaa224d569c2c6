"""Categories of failures of the service's own surroundings, rather than of an order or a message:
what each is, and how the operator fixes it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import MappingProxyType

DISK_LOW, DISK_FULL, STREAM_SILENT = "disk_low", "disk_full", "stream_silent"
PARTNER_NOT_CALLED = "partner_not_called"
CONFIGURATION_REFUSED = "configuration_refused"
REVIEW_OVERDUE = "review_overdue"
QUARANTINE_FILLING, QUARANTINE_FULL = "quarantine_filling", "quarantine_full"

OF_THE_SERVICE: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        CONFIGURATION_REFUSED: (
            "A changed configuration was not taken over: it is wrong, or a server refused it.",
            "The log says what is wrong: correct it, then `orderwright reload`.",
        ),
        DISK_LOW: (
            "The disk of the data directory is nearly full.",
            "Make room or enlarge the disk: when it is full nothing is taken in.",
        ),
        DISK_FULL: (
            "The disk of the data directory is full: webhooks and orders are answered 503.",
            "Make room or enlarge the disk; intake goes on by itself. What was accepted is kept.",
        ),
        PARTNER_NOT_CALLED: (
            "A partner can't be reached, fails, or refuses our credential: it is not called.",
            "`orderwright doctor` says why and whose turn it is; what waits goes on by itself.",
        ),
        QUARANTINE_FILLING: (
            "A channel's quarantine is nearly full, or something in it soon expires undecided.",
            "`quarantine groups` shows the faults: release or discard what waits.",
        ),
        QUARANTINE_FULL: (
            "A channel's quarantine is full: its refused messages wait in the stream instead.",
            "`quarantine groups` shows the faults: release or discard what waits, soon.",
        ),
        REVIEW_OVERDUE: (
            "An order waits for a reviewer longer than it may.",
            "`orderwright reviews list --overdue` shows them: approve, reject, or take one over.",
        ),
        STREAM_SILENT: (
            "The message stream acknowledged nothing, so that nothing was taken in.",
            "The embedded server is restarted by itself; an external one is its operator's.",
        ),
    }
)
"""For each: what it is, and how to fix it."""

WHO: Mapping[str, str] = MappingProxyType({REVIEW_OVERDUE: "customer service"})
"""Who acts, where that is not the operator."""


def told_of_the_service(operator: str) -> Iterator[tuple[str, str, str, str]]:
    """Yield each category: its code, what it is, who acts, and how to fix it."""
    for code, (words, fix) in OF_THE_SERVICE.items():
        yield code, words, WHO.get(code, operator), fix
