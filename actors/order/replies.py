"""How effects end: by number, each handed to the thing that it was for.

An effect that is not open any more may still report a consequence: it was skipped or given up, and
a partner did it all the same. Its thing adopts it.
"""

from __future__ import annotations

from collections.abc import Callable

from actors.capture import replies as capture
from actors.capture.thing import CAPTURED
from actors.documents import replies as documents
from actors.documents.thing import POSTED
from actors.fulfilment import replies as fulfilment
from actors.fulfilment.table import TABLE as FULFILMENT
from actors.label import replies as label
from actors.messages import replies as messages
from actors.order.decision import Context
from actors.order.differs import CHANGED, leave
from actors.order.evolve import BY_ITSELF
from actors.order.reading import shipped
from actors.order.state import Lost, State
from actors.order.table import TABLE
from actors.order.wanted import CANCEL
from actors.order.work import Work
from actors.parcel import replies as parcel
from actors.refund import replies as refund
from actors.refund.thing import REFUNDED
from actors.returns import replies as returns
from schemas.messages import effects as f
from schemas.messages import events as e
from schemas.messages import inputs as i
from schemas.messages.base import Intent
from schemas.messages.words import effect_words
from schemas.order.things import LABEL, ORDER, PARCEL, kind_of

CAPTURE, MAIL = f.tag_of(f.CapturePayment), f.tag_of(f.SendMail)
BUY, VOID = f.tag_of(f.BuyLabel), f.tag_of(f.VoidLabel)
POST, AMEND = f.tag_of(f.PostSalesOrder), f.tag_of(f.AmendSalesOrder)
REFUND = f.tag_of(f.RefundPayment)
EARLIER = {
    MAIL: "An earlier attempt may have been sent: if it is retried, the customer may get it twice, "
    "and if it is skipped, not at all. The last attempt failed:",
    REFUND: "An earlier call may have given the money back: look at the channel. Retried, it is "
    "the same refund, which is looked for first; skip it only when it was given back, or will be "
    "by other means. The last call failed:",
}
"""Before the reason why another attempt of something of unknown fate failed, by its kind: what a
partner says to the later one tells nothing of the earlier, and a new one would be another."""


def _order_done(work: Work, intent: Intent, result: f.Result, settles: int) -> None:
    match result:
        case f.OrderFetched(digest=digest):
            work.say(e.Fetched(rule="fetched", settles=settles, digest=digest))
        case f.ChannelCancelled(told=told) if TABLE.allows(work.state.stage, e.ChannelTold):
            work.say(e.ChannelTold(rule="channel-told", settles=settles, told=told))
        case f.StandingTold(told=told) if intent.note in work.state.requests:
            name = intent.note
            work.say(
                e.RequestAnswered(
                    rule="request-answered", settles=settles, outside_id=name, told=told
                )
            )
        case f.StandingTold(told=told) if _is_asked(work.state, intent.note):
            work.say(
                e.StopAnswered(
                    rule="stop-answered", settles=settles, outside_id=intent.note, told=told
                )
            )


def _is_asked(state: State, outside_id: str) -> bool:
    """Whether the channel waits to be told what became of what it asked (not) to be sent."""
    asked = any(one.outside_id == outside_id and not one.told for one in state.stops)
    return asked or outside_id in state.requests


_DONE: dict[str, Callable[[Work, Intent, f.Result, int], None]] = {
    "O": _order_done,
    "F": fulfilment.done,
    "K": parcel.done,
    "L": label.done,
    "D": documents.done,
    "M": messages.done,
    "C": capture.done,
    "R": refund.done,
    "T": returns.done,
}


def done(work: Work, command: i.EffectDone) -> None:
    """A partner did it. An effect of which nothing is known any more has been settled before."""
    intent, _ = _find(work, command.number)
    if intent is None:
        return
    work.settled = ((command.number, "done"),)
    # A late answer settles nothing that is open; its number says that it is awaited no more.
    _DONE[kind_of(intent.key)](work, intent, command.result, command.number)
    waits: tuple[Intent | Lost, ...] = (*work.state.open, *work.state.lost)
    if any(one.number == command.number for one in waits):
        work.say(e.AnswerNoted(rule="noted", key=intent.key, settles=command.number))


def _find(work: Work, number: int) -> tuple[Intent | None, int]:
    """Return what an effect was for, and its number while it is open."""
    for intent in work.state.open:
        if intent.number == number:
            return intent, number
    for one in work.state.lost:
        if one.number == number:
            return intent_of(one), 0
    return None, 0


def intent_of(lost: Lost) -> Intent:
    """Return what a lost effect was for."""
    return Intent(lost.number, lost.key, lost.kind, lost.lane, lost.note)


def refused(work: Work, command: i.EffectRefused) -> None:
    """A partner refused for a reason that repeating won't correct: a person must look."""
    intent, settles = _find(work, command.number)
    if intent is None or not settles:
        return
    work.settled = ((settles, "refused"),)
    if intent.kind == fulfilment.CANCEL and intent.key in work.state.fulfilments:
        fulfilment.cancel_refused(work, intent.key, command.reason, settles)
    elif not (
        _is_moot(work, intent, settles)
        or _is_outdated(work, intent, settles)
        or _is_one_with_task(work, intent, settles, command.reason)
    ):
        _elevate(work, intent, command.reason, refused=True)


def _may_have_gone(state: State, intent: Intent) -> bool:
    """Whether an earlier attempt may have been carried out that a new one would double: what a mail
    server or a gateway says to this one tells nothing of that."""
    return intent.kind in EARLIER and any(
        one.key == intent.key and one.kind == intent.kind and not one.known for one in state.lost
    )


def given_up(work: Work, command: i.EffectGivenUp) -> None:
    """Only a person can tell or correct it."""
    intent, settles = _find(work, command.number)
    if intent is not None and not settles and command.sought:
        _end_search(work, intent, command.reason)
        return
    if intent is None or not settles:
        return
    work.settled = ((settles, "person"),)
    known = command.outcome_known
    if not known or not (
        _is_moot(work, intent, settles) or _is_one_with_task(work, intent, settles, command.reason)
    ):
        _elevate(work, intent, command.reason, known=known)


def _end_search(work: Work, intent: Intent, reason: str) -> None:
    """What a person went on without may have been done all the same, and no one could tell."""
    work.settled = ((intent.number, "person"),)
    what = effect_words(intent.kind, intent.key)
    leave(
        work,
        f"{what} was skipped while no one knew whether {intent.lane} had done it, and it can't be "
        f"looked up ({reason[:300].rstrip('.')}): look at {intent.lane} yourself, and undo there "
        "what is too many",
    )
    work.say(e.AnswerNoted(rule="noted", key=intent.key, settles=intent.number))


def _is_moot(work: Work, intent: Intent, settles: int) -> bool:
    """Take over that what was not done is not wanted any more either; no one has to look."""
    if intent.kind == CAPTURE:
        return capture.not_captured(work, intent, settles)
    if intent.kind == BUY:
        return label.not_bought(work, intent, settles)
    return intent.kind == VOID and label.not_voided(work, intent, settles)


def _is_one_with_task(work: Work, intent: Intent, settles: int, reason: str) -> bool:
    """Add a change that the ERP does not take to the task about goods that left before the order
    changed, and what a channel does not show to that of an order that it cancelled: it is one
    matter, and one person settles both."""
    state, key = work.state, intent.key
    if intent.kind == fulfilment.PUBLISH:
        return fulfilment.not_shown(work, intent, settles, reason)
    thing = state.documents.get(key)
    if intent.kind != AMEND or thing is None or thing.stage != POSTED or not shipped(state):
        return False
    if not any(one.task_id == CHANGED for one in state.tasks):
        return False
    work.say(
        e.DocumentAmended(rule="amend", key=key, settles=settles, digest=intent.note, by=BY_ITSELF)
    )
    leave(
        work,
        f"{intent.lane} does not take the change of {thing.number or thing.erp_id} "
        f"({reason[:200].rstrip('.')}): correct it there, or credit what is too much",
    )
    return True


def _is_outdated(work: Work, intent: Intent, settles: int) -> bool:
    """Take over that what was refused is not what the order says by now, and have that asked for
    instead: the order changed while the partner was asked."""
    state, key = work.state, intent.key
    if intent.kind == AMEND and key in state.documents and intent.note != f"r{state.book}":
        work.say(e.AnswerNoted(rule="noted", key=key, settles=settles))
        return True
    if intent.kind == fulfilment.TASK and key in state.fulfilments:
        thing = state.fulfilments[key]
        told, now = thing.told, state.task
        renews = FULFILMENT.allows(thing.stage, e.Renewed) and not thing.stop
    elif intent.kind == BUY and key in state.labels:
        told, now = state.labels[key].told, state.address
        renews = state.labels[key].stage == "wanted"
    elif intent.kind == POST and key in state.documents:
        told, now = state.documents[key].told, state.book
        renews = state.documents[key].stage == "wanted"
    else:
        return False
    if not renews or told == now:
        return False
    why = "it was refused, and the order has changed since it was asked for"
    work.say(
        e.Renewed(
            rule="renew", key=key, settles=settles, effect=settles, person=BY_ITSELF, reason=why
        )
    )
    return True


def _is_reached(state: State, intent: Intent) -> bool:
    """Whether what an effect asked for is known to be so: by the late answer of an earlier call, by
    a report, or because its parcel has ended."""
    key, kind = intent.key, intent.kind
    if key == ORDER and kind == fulfilment.TELL:
        return not _is_asked(state, intent.note)
    fulfilment_ = state.fulfilments.get(key)
    if fulfilment_ is not None and kind == fulfilment.PUBLISH:
        asked = intent.note.split(",")
        return all(x.shown for k, x in state.parcels.items() if k in asked)
    if fulfilment_ is not None:
        return {
            fulfilment.RESERVE: fulfilment_.stock,
            fulfilment.TASK: bool(fulfilment_.task),
            fulfilment.CANCEL: fulfilment_.stage == "recalled" or fulfilment_.ceased,
            # Goods that the customer has, or that are taken back, wait for no one.
            fulfilment.TELL: fulfilment_.ready or fulfilment_.stage != "packed",
        }.get(kind, False)
    if key in state.labels:
        label_ = state.labels[key]
        return bool(label_.shipment) if kind == BUY else label_.stage == "voided"
    if key in state.documents:
        document = state.documents[key]
        return bool(document.erp_id) if kind == POST else document.stage == "cancelled"
    if key in state.captures:
        return state.captures[key].stage == CAPTURED
    if key in state.refunds:
        return state.refunds[key].stage == REFUNDED
    if key in state.returns:
        return bool(state.returns[key].stock)
    if key in state.messages:
        return state.messages[key].stage == "sent"
    return kind_of(key) in (PARCEL, LABEL) and key in state.ended


def _elevate(
    work: Work, intent: Intent, reason: str, *, known: bool = True, refused: bool = False
) -> None:
    if _is_reached(work.state, intent):
        work.say(e.AnswerNoted(rule="noted", key=intent.key, settles=intent.number))
        return
    if known and _may_have_gone(work.state, intent):
        known = refused = False
        reason = f"{EARLIER[intent.kind]} {reason}"
    work.say(
        e.GivenToPerson(
            rule="elevate",
            key=intent.key,
            settles=intent.number,
            effect=intent.number,
            kind=intent.kind,
            reason=reason[:500],
            outcome_known=known,
            refused=refused,
        )
    )


__all__ = ["CANCEL", "Context", "done", "given_up", "refused"]
