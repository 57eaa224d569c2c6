"""What all HTTP partners have in common: knowing, doing, and failing in one's own shape."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from email.utils import formatdate
from typing import Protocol

from ops.simulators.credentials import Credentials
from ops.simulators.faults import Fate, FaultBook, Knobs, Plan
from ops.simulators.ledger import Ledger
from ops.simulators.shapes import JsonValue, NotUnderstood, dump
from ops.simulators.wire import Reply, Request

RUBBISH_PAGE = (
    b"<!DOCTYPE html><html><head><title>Just a moment...</title></head>"
    b"<body>Checking your browser</body></html>"
)


@dataclass(slots=True, frozen=True)
class World:
    """What the partners share.

    `run` differs from start to start: ids made from it never come twice, so that a system which
    outlives its simulators doesn't take a new task's reports for an old one's.
    """

    ledger: Ledger
    faults: FaultBook
    clock: Callable[[], float]
    run: int
    credentials: Credentials = field(default_factory=Credentials)


@dataclass(slots=True, frozen=True)
class Call:
    """One recognised request: the knobs' operation, and how to do it."""

    operation: str
    act: Callable[[Plan], Reply]


class Partner(Protocol):
    """One simulated company."""

    name: str

    def recognise(self, request: Request) -> Call | None:
        """Which operation this is; None if the partner has no such thing (404)."""

    def failure(self, status: int, code: str, message: str) -> Reply:
        """An error answer in the partner's own shape."""

    def refusal(self, operation: str) -> Reply:
        """A business refusal in the partner's own shape."""

    def throttled(self) -> Reply:
        """The partner's way to say: too many requests. `Retry-After` is added by the caller."""


def json_reply(status: int, value: JsonValue) -> Reply:
    """An answer of JSON."""
    return Reply(status, dump(value))


def _retry_after(knobs: Knobs | None) -> str:
    seconds = 1 if knobs is None else knobs.retry_after_seconds
    if knobs is not None and knobs.retry_after == "date":
        return formatdate(time.time() + seconds, usegmt=True)
    return str(seconds)


def _act(partner: Partner, call: Call, plan: Plan) -> Reply:
    try:
        return call.act(plan)
    except NotUnderstood as error:
        return partner.failure(400, "BadRequest", str(error))


def serve(partner: Partner, request: Request, faults: FaultBook) -> Reply:
    """Answers one request as the partner's knobs want it."""
    call = partner.recognise(request)
    if call is None:
        return partner.failure(
            404, "NotFound", f"There is nothing at {request.method} {request.path}."
        )
    plan = faults.plan(partner.name, call.operation)
    do = _act if plan.fate is Fate.NORMAL else _suffer
    reply = do(partner, call, plan)
    if reply.delay_seconds == 0.0:
        reply.delay_seconds = plan.delay_seconds
    return reply


def _suffer(partner: Partner, call: Call, plan: Plan) -> Reply:
    match plan.fate:
        case Fate.DOWN:
            return Reply(close=True)
        case Fate.UNAVAILABLE:
            return partner.failure(
                503, "ServiceUnavailable", "The service is temporarily unavailable."
            )
        case Fate.UNAUTHORIZED:
            return partner.failure(401, "Unauthorized", "The credential has expired.")
        case Fate.RATE_LIMITED:
            reply = partner.throttled()
            if reply.status == 429:  # Shopify throttles with a 200, and with no such header.
                reply.headers["Retry-After"] = _retry_after(plan.knobs)
            return reply
        case Fate.ERROR:
            return partner.failure(500, "InternalServerError", "An internal error occurred.")
        case Fate.REFUSED:
            return partner.refusal(call.operation)
        case Fate.RUBBISH_PAGE:
            return Reply(200, RUBBISH_PAGE, "text/html; charset=utf-8")
        case Fate.RUBBISH_TORN:
            reply = _act(partner, call, plan)
            reply.status, reply.body = 200, reply.body[: max(1, len(reply.body) // 2)]
            return reply
        case Fate.ACT_NO_ANSWER:
            _act(partner, call, plan)
            return Reply(hold=True)
        case _:
            _act(partner, call, plan)
            return partner.failure(500, "InternalServerError", "An internal error occurred.")
