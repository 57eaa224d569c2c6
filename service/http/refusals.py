"""What the edge refuses, as answers over HTTP and as categories of incidents."""

from __future__ import annotations

from schemas.contracts import incidents, refusals
from schemas.contracts.refusals import Refused
from service.http import problems
from service.http.problems import Problem

COUNTED_AS = {
    "key-refused": incidents.KEY_REFUSED,
    "scope-missing": incidents.KEY_NOT_ALLOWED,
    "channel-refused": incidents.KEY_NOT_ALLOWED,
    "channel-missing": incidents.REQUEST_INCOMPLETE,
    "idempotency-key-missing": incidents.REQUEST_INCOMPLETE,
    "idempotency-key-reused": incidents.REQUEST_INCOMPLETE,
    "too-large": refusals.TOO_LARGE,
}
"""The category of an order that is refused before its sender is known, by the problem's slug."""


def refusal(error: Refused) -> Problem:
    """Return the answer for a message that the edge refuses: 413 when it is too large, 400 when it
    is not JSON, else 422."""
    if error.reason == refusals.TOO_LARGE:
        return problems.too_large(" ".join(error.sentences))
    return Problem(
        400 if error.reason.startswith("json_") else 422,
        error.reason,
        refusals.REASONS[error.reason].removesuffix("."),
        " ".join(error.sentences),
        sentences=error.sentences,
    )
