"""What the channel answers a capture."""

from __future__ import annotations

from actors.capture.table import TABLE
from actors.capture.thing import WANTED
from actors.order.work import Work
from actors.payment.thing import AUTHORISED
from schemas.messages import effects as f
from schemas.messages import events as e
from schemas.messages.base import Intent


def done(work: Work, intent: Intent, result: f.Result, settles: int) -> None:
    """The channel took the money, however late. What is left may be less than it was: a gateway
    that captures an authorisation only once frees the rest of it."""
    key = intent.key
    thing = work.state.captures.get(key)
    if thing is None or not isinstance(result, f.PaymentCaptured):
        return
    late = "" if thing.stage == WANTED else "late-"
    kind = e.PartCaptured if result.left_minor > 0 else e.Captured
    if TABLE.allows(thing.stage, kind):
        rule = f"{late}part-capture" if result.left_minor > 0 else f"{late}capture"
        work.say(
            kind(
                rule=rule,
                key=key,
                settles=settles,
                payment=thing.payment,
                amount_minor=result.amount_minor,
                outside_id=result.outside_id,
            )
        )


def not_captured(work: Work, intent: Intent, settles: int) -> bool:
    """Drop a capture that was refused and is not wanted any more. Returns whether it was
    dropped."""
    thing = work.state.captures.get(intent.key)
    if thing is None or thing.stage != WANTED:
        return False
    payment = work.state.payments[thing.payment]
    if work.state.cancel is None and payment.stage == AUTHORISED:
        return False
    work.say(e.CaptureDropped(rule="drop", key=intent.key, settles=settles))
    return True


RULES = ("capture", "part-capture", "late-capture", "late-part-capture")
"""How the rows of the tables are called that these answers decide."""
