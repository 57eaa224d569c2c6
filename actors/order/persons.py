"""What people decide. What can't be done is answered by an event that says why."""

from __future__ import annotations

from collections.abc import Callable

from actors.capture.wanted import take
from actors.documents.wanted import post
from actors.fulfilment import reports
from actors.fulfilment.answers import ANSWERS
from actors.fulfilment.leaving import leaves, unpacked
from actors.fulfilment.short import VERBS, settle
from actors.fulfilment.table import TABLE as FULFILMENT_TABLE
from actors.fulfilment.thing import CONTENTS
from actors.fulfilment.wanted import task
from actors.label.wanted import buy
from actors.order import by_hand, change, claiming, codes, joint_refunds, place
from actors.order.approving import release
from actors.order.evolve import FETCH
from actors.order.reading import (
    MONEY_IS_THERE,
    is_held,
    is_kept_from_picking,
    is_labelled_by_us,
    is_open,
    units,
)
from actors.order.skipping import skip, stuck_of
from actors.order.state import Stuck
from actors.order.table import ACCEPTED, CANCELLED, EXPECTED, FINAL, NEW, PLACED, TABLE
from actors.order.work import Ask, Work
from actors.refund.wanted import give
from schemas.messages import effects as f
from schemas.messages import events as e
from schemas.messages import inputs as i
from schemas.order.things import ORDER, PARCEL, kind_of

RESERVE, TASK = f.tag_of(f.ReserveStock), f.tag_of(f.CreateTask)
LABEL, POST, MAIL = f.tag_of(f.BuyLabel), f.tag_of(f.PostSalesOrder), f.tag_of(f.SendMail)
CAPTURE, REFUND = f.tag_of(f.CapturePayment), f.tag_of(f.RefundPayment)
TRACK, UNPOST = f.tag_of(f.TrackParcel), f.tag_of(f.CancelSalesOrder)

MAKING = frozenset({RESERVE, TASK, LABEL, POST, MAIL, CAPTURE, REFUND})
"""What a partner that refused it is asked for as a new attempt, under a new reference."""

THE_SERVICE = "the service"


def act(work: Work, command: i.ActOnOrder) -> None:
    """A person's decision."""
    if work.state.stage == NEW:
        return  # no one has heard of the order
    handler = _VERBS.get(command.verb)
    why = f"{command.verb} is nothing that a person can decide about an order."
    if handler is not None:
        why = handler(work, command)
    if why:
        refuse(work, command.verb, command.person, why)


def edit(work: Work, command: i.EditOrder) -> None:
    """A person changes the order here."""
    if work.state.stage == NEW:
        return
    verb, handler = ("codes", codes.enter) if command.codes else ("edit", change.edit)
    if command.refund is not None:
        verb, handler = "refund", joint_refunds.start
    why = handler(work, command)
    if why:
        refuse(work, verb, command.person, why)


def refuse(work: Work, verb: str, person: str, why: str) -> None:
    """Say why something can't be done."""
    if TABLE.allows(work.state.stage, e.ActionRefused):
        work.say(e.ActionRefused(rule="refuse", verb=verb, person=person, reason=why))


def _cancel(work: Work, command: i.ActOnOrder) -> str:
    state = work.state
    if state.stage in FINAL:
        return f"cancel can't be done while it is {state.stage}."
    if state.cancel is not None:
        return "The order is being cancelled already."
    place.request_cancel(work, command.reason, command.person)
    if state.stage == EXPECTED and any(x.kind == FETCH for x in state.stuck):
        # The channel does not know it, so nothing will come that could be cancelled later.
        work.say(e.Cancelled(rule="nothing-there"))
    return ""


def _accept(work: Work, command: i.ActOnOrder) -> str:
    state = work.state
    if state.stage == PLACED or (state.stage == ACCEPTED and state.payment not in MONEY_IS_THERE):
        if state.accepted_by:
            return f"{state.accepted_by} has accepted it already; a hold keeps it waiting."
        if state.cancel is not None:
            return "An order that is being cancelled can't be accepted."
        if state.stage == PLACED and any(x.key == ORDER for x in state.holds):
            return "A hold keeps it waiting: release that first."
        rule = "accept" if state.stage == PLACED else "accept-more"
        basis, person = "a person accepted it", command.person
        if state.stage == PLACED:
            work.say(claiming.accepting(work, basis, rule=rule, person=person))
        else:
            work.say(e.Accepted(rule=rule, basis=basis, person=person))
        return ""
    return f"It is {state.stage}, and its payment is {state.payment}: nothing is to be accepted."


def _claim(work: Work, command: i.ActOnOrder) -> str:
    """Have the order worked on that came through another channel, too."""
    why = claiming.refusal(work)
    twin = work.state.twin
    if why or twin is None:
        return why
    work.say(
        e.TakenOver(
            rule="take-over", claim=twin.claim, person=command.person, reason=command.reason
        )
    )
    claiming.settle(work)
    change.remap(work)
    return ""


def _short(work: Work, command: i.ActOnOrder) -> str:
    state = work.state
    for key, thing in state.fulfilments.items():
        if command.target in ("", key):
            answer = ANSWERS.of(thing.stage, i.ActOnOrder)
            if thing.missing and answer.kind == "handled":
                settle(work, key, command.verb, command.person)
                return ""
            rest = unpacked(state, key, thing)
            if command.target == key and thing.stage == "packed" and rest and not thing.stop:
                # The warehouse sent a part and says no more of the rest.
                event = e.ShortPicked(rule="short-pick", key=key, missing=rest)
                work.say(event)
                settle(work, key, command.verb, command.person)
                return ""
    return "No fulfilment of it has a short pick to decide about."


def _done(work: Work, command: i.ActOnOrder) -> str:
    """A task that was left to a person is done; a packing task reports what was packed, and one
    about parcels that left says that they hold what was asked."""
    state = work.state
    task_ = next((x for x in state.tasks if command.target in ("", x.task_id)), None)
    if task_ is None:
        return "No such task is open."
    work.say(
        e.TaskClosed(
            rule="task-done", task_id=task_.task_id, person=command.person, reason=command.reason
        )
    )
    if task_.task_id.startswith(CONTENTS) and task_.key in work.state.fulfilments:
        reports.contents_as_asked(work, task_.key, command.person)
    if task_.task_id.startswith("pack-") and task_.key in work.state.fulfilments:
        thing = work.state.fulfilments[task_.key]
        one = e.NewParcel(key=work.next(PARCEL), units=unpacked(work.state, task_.key, thing))
        if is_labelled_by_us(thing, work.context.setup):
            work.say(e.Packed(rule="pack", key=task_.key, parcels=(one,)))
        else:
            leaves(work, task_.key, (), (one,))
    return ""


def _retry(work: Work, command: i.ActOnOrder) -> str:
    stuck = stuck_of(work, command)
    if stuck is None:
        return "No effect of this order waits for a person."
    key, person, reason = stuck.key, command.person, command.reason
    if stuck.refused and stuck.kind in MAKING and _may_renew(work, stuck):
        why = joint_refunds.refusal(work, key) if stuck.kind == REFUND else ""
        if why:
            return why
        work.say(
            e.Renewed(rule="renew", key=key, effect=stuck.number, person=person, reason=reason)
        )
        return ""
    if not stuck.outcome_known and _is_held_up(work, stuck):
        return "A hold keeps it waiting: release that first."
    if stuck.kind == REFUND and any(one.kind == REFUND for one in work.state.open):
        return "Another refund of the order is under way: try this one again when that has ended."
    attempts = 0 if stuck.outcome_known or stuck.kind == MAIL else 1
    work.say(e.Retried(rule="retry", key=key, effect=stuck.number, person=person, reason=reason))
    work.attempts[key] = attempts
    ask = _again(work, stuck)
    if ask is not None:
        work.ask(ask)
    return ""


def _is_held_up(work: Work, stuck: Stuck) -> bool:
    """Whether trying it again might buy, send or capture what a hold keeps back."""
    if stuck.kind == CAPTURE:
        return is_held(work.state)
    label = work.state.labels.get(stuck.key)
    thing = work.state.fulfilments.get(stuck.key if label is None else label.fulfilment)
    if stuck.kind not in (TASK, LABEL) or thing is None or thing.stop:
        return False
    if label is None:
        return is_kept_from_picking(work.state, stuck.key, work.context.setup)
    return is_held(work.state, label.fulfilment)


def _may_renew(work: Work, stuck: Stuck) -> bool:
    thing = work.state.fulfilments.get(stuck.key)
    if thing is not None:
        return FULFILMENT_TABLE.allows(thing.stage, e.Renewed) and not thing.stop
    return stuck.key not in work.state.ended and kind_of(stuck.key) != "F"


def _again(work: Work, stuck: Stuck) -> Ask | None:
    """Rebuild an effect that would not be asked for by itself: what may have been done is looked up
    by trying it again, wanted or not, and undone where it is not; a question is asked again."""
    state, context, order = work.state, work.context, work.order
    key = stuck.key
    if stuck.kind in MAKING and stuck.outcome_known:
        return None
    ask: Ask | None = None
    if stuck.kind == FETCH and is_open(state, ORDER):
        place.refetch(work, "orderwright", "retry")
    elif stuck.kind == FETCH:
        ask = Ask(ORDER, context.setup.storefront, f.FetchOrder())
    elif stuck.kind == TRACK and key in state.parcels:
        return track(work, key)
    elif stuck.kind == RESERVE and key in state.fulfilments:
        thing = state.fulfilments[key]
        effect = f.ReserveStock(place=thing.place, units=units(state, thing.left))
        ask = Ask(key, "stock", effect)
    elif stuck.kind == TASK and key in state.fulfilments:
        ask = task(state, key, state.fulfilments[key], context, order)
    elif stuck.kind == LABEL and key in state.labels:
        ask = buy(state, key, state.labels[key], context, order)
    elif stuck.kind == POST and key in state.documents:
        ask = post(state, key, state.documents[key], order)
    elif stuck.kind == CAPTURE and key in state.captures:
        ask = take(state, key, state.captures[key], context)
    elif stuck.kind == REFUND and key in state.refunds:
        ask = give(state, key, state.refunds[key], context)
    elif stuck.kind == UNPOST and key in state.documents and not stuck.outcome_known:
        # Whether the ERP has it is not known, and has to be before another is posted.
        document = state.documents[key]
        ask = Ask(key, document.lane, f.CancelSalesOrder(erp_id=document.erp_id))
    return ask


def track(work: Work, key: str) -> Ask | None:
    """Return the question where a parcel is."""
    from actors.order.reading import tracking_lane

    parcel = work.state.parcels[key]  # type: ignore[index]  # a key is a text
    lane = tracking_lane(work.state, parcel, work.context.setup)
    if not lane:
        return None
    return Ask(key, lane, f.TrackParcel(tracking_number=parcel.number))  # type: ignore[arg-type]  # as above


_VERBS: dict[str, Callable[[Work, i.ActOnOrder], str]] = {
    "cancel": _cancel,
    "accept": _accept,
    "claim": _claim,
    "release": release,
    "retry": _retry,
    "skip": skip,
    "hold": by_hand.hold,
    "refetch": by_hand.refetch,
    "redecide": by_hand.redecide,
    "correct": by_hand.correct,
    "done": _done,
    **dict.fromkeys(VERBS, _short),
}
"""What a person may decide. Each returns why it can't be done, "" when it was."""

__all__ = ["CANCELLED", "act", "edit", "track"]
