"""How a refused message becomes a problem, and how a refused post of an order is counted."""

from __future__ import annotations

from schemas.contracts import incidents, refusals
from schemas.contracts.refusals import Refused
from service.http import problems
from service.http.problems import Problem

REFUSED = {
    "key-refused": incidents.KEY_REFUSED,
    "scope-missing": incidents.KEY_NOT_ALLOWED,
    "channel-refused": incidents.KEY_NOT_ALLOWED,
    "channel-missing": incidents.REQUEST_INCOMPLETE,
    "idempotency-key-missing": incidents.REQUEST_INCOMPLETE,
    "idempotency-key-reused": incidents.REQUEST_INCOMPLETE,
    "too-large": refusals.TOO_LARGE,
}
"""The category of an order's post that is refused before anybody knows whose it is."""


def refusal(error: Refused) -> Problem:
    """Word what the edge refuses: 413, 400 for what is no JSON, else 422."""
    if error.reason == refusals.TOO_LARGE:
        return problems.too_large(" ".join(error.sentences))
    return Problem(
        400 if error.reason.startswith("json_") else 422,
        error.reason,
        refusals.REASONS[error.reason].removesuffix("."),
        " ".join(error.sentences),
        sentences=error.sentences,
    )
