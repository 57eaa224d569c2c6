"""What the channel answers a refund."""

from __future__ import annotations

from actors.order.work import Work
from actors.refund.table import TABLE
from actors.refund.thing import DECLINED, EXCESS, WANTED, Refund
from schemas.messages import effects as f
from schemas.messages import events as e
from schemas.messages.base import Intent
from schemas.order.money import decimal_text


def done(work: Work, intent: Intent, result: f.Result, settles: int) -> None:
    """The channel gave the money back, however late that is known, or found that somebody else had
    before. What was given back beyond what was taken, or twice, is a person's, and so is what was
    not paid of it."""
    key = intent.key
    thing = work.state.refunds.get(key)
    if thing is None or not isinstance(result, f.PaymentRefunded):
        return
    if not TABLE.allows(thing.stage, e.RefundMade):
        return
    work.say(
        e.RefundMade(
            rule="refund" if thing.stage == WANTED else "late-refund",
            key=key,
            settles=settles,
            amount_minor=result.amount_minor,
            currency=thing.currency,
            outside_id=result.outside_id,
            by_others=result.by_others,
        )
    )
    words = _excess(thing, result)
    if words:
        work.say(e.TaskOpened(rule="task", key=key, task_id=f"{EXCESS}{key}", words=words))
    if result.declined_minor > 0:
        words = (
            f"{_text(result.declined_minor, thing)} of a refund were declined by the gateway of the"
            " payment that they go back to: pay them back by other means"
        )
        work.say(e.TaskOpened(rule="task", key=key, task_id=f"{DECLINED}{key}", words=words))


def _excess(thing: Refund, result: f.PaymentRefunded) -> str:
    """Return what a person has to settle with the customer, "" for nothing."""
    if result.excess_minor > 0:
        return (
            f"{_text(result.excess_minor, thing)} more were given back to the customer than were "
            "taken from him: compare the refunds in the channel, and settle the difference with the"
            " customer"
        )
    if thing.stage != WANTED and result.amount_minor > 0:
        return (
            f"{_text(result.amount_minor, thing)} were given back after all, when it had been gone "
            "on without them: if the customer has got them by other means, too, settle that with "
            "him"
        )
    return ""


def _text(amount: int, thing: Refund) -> str:
    return f"{decimal_text(amount, thing.currency)} {thing.currency}"


RULES = ("refund", "late-refund")
"""How the rows of the tables are called that these answers decide."""
