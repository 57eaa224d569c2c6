"""What channels and people ask for."""

from __future__ import annotations

from datetime import timedelta

from actors.order import mapping
from actors.order.decision import Answer, Context, moment
from actors.order.lifecycle import BEFORE_HAND_OVER, FINAL, UNBORN, Stage, allows
from actors.order.mapping import digest, lines_of
from actors.order.state import State
from actors.order.steps import (
    CONFIRMED,
    FETCH,
    FULFILLED_NEWS,
    LABEL,
    MAIL,
    MONEY_IS_THERE,
    PARTLY_DONE,
    POST,
    RESERVE,
    TASK,
    TEST_ORDER,
    TRACK,
    is_unborn,
)
from schemas.contracts.refusals import REASONS
from schemas.messages import effects as f
from schemas.messages import events as e
from schemas.messages import inputs as i
from schemas.order.canonical import DOUBT, Order

S = Stage
AMENDABLE = frozenset({S.PLACED, S.BACKORDERED})
MONEY_IS_GONE = frozenset({"voided", "refunded"})
NO_WAY_ROUND = frozenset({(S.ACCEPTED, RESERVE), (S.PACKED, LABEL)})
"""Effects that no one can do for us beside the machine, in the stage that ends with them."""

_PARTLY_DONE = (
    "the channel shows a part of it as fulfilled, and not by us: cancel it here, or release it to "
    "ship all of it"
)
_DONE_MEANWHILE = (
    "the channel shows it as fulfilled, at least in part, and not by us: cancel it here, or "
    "release it to ship all of it"
)
BY_ITSELF = "the service"
"""Who released a hold when it was not a person."""

MAX_HOLDS = 16
"""How many holds one order may carry; a further change of the same kind adds no new hold."""


def place(state: State, command: i.PlaceOrder, context: Context, answer: Answer) -> None:
    """A new order is placed; one we know already is compared with what we know."""
    if is_unborn(state):
        _place(state, command.order, context, answer, fulfilled=command.fulfilled)
    else:
        _take_over(state, command.order, context, answer)
        _hold_what_left(state, command.order, command.fulfilled, answer)


def confirm_payment(
    state: State, command: i.ConfirmPayment, context: Context, answer: Answer
) -> None:
    """Payment may come before the order: then it is kept, or brings the order along itself."""
    if is_unborn(state) and command.order is not None:
        _place(state, command.order, context, answer, paid=True, fulfilled=command.fulfilled)
        return
    paid = allows(state.stage, e.PaymentConfirmed) and state.payment not in MONEY_IS_THERE
    if paid:
        answer.events.append(_payment(state, context, command.paid_minor))
    if command.order is not None:
        # It may tell of a change whose own message is still on its way, or lost.
        _take_over(state, command.order, context, answer, paid=paid)
        _hold_what_left(state, command.order, command.fulfilled, answer)


def update(state: State, command: i.UpdateOrder, context: Context, answer: Answer) -> None:
    """An update says how the order looks now, so it may also be the first we hear of it."""
    if is_unborn(state):
        _place(state, command.order, context, answer, fulfilled=command.fulfilled)
    else:
        _take_over(state, command.order, context, answer)
        _hold_what_left(state, command.order, command.fulfilled, answer)


def cancel(state: State, command: i.CancelOrder, context: Context, answer: Answer) -> None:
    """Cancel before hand-over; afterwards it is refused, because a return is needed. What was
    cancelled as a whole before it came is not waited for."""
    _cancel(state, command.reason, command.requested_by, context, answer)
    if command.whole and state.stage in UNBORN:
        answer.events.append(e.Cancelled(rule="nothing-there"))


def act(state: State, command: i.ActOnOrder, context: Context, answer: Answer) -> None:
    """A person's decision. What can't be done is answered by an event that says why."""
    match command.verb:
        case "cancel" if state.stage == S.EXPECTED and state.is_stuck(FETCH):
            # The channel does not know it, so nothing will come that could be cancelled later.
            _cancel(state, command.reason, command.person, context, answer)
            answer.events.append(e.Cancelled(rule="nothing-there"))
        case "cancel" if state.cancel is None and state.stage not in FINAL:
            _cancel(state, command.reason, command.person, context, answer)
        case "release" if state.stage not in FINAL:
            hold = next((h for h in state.holds if command.target in ("", h.hold_id)), None)
            if hold is not None:
                who, why = command.person, command.reason
                answer.events.append(
                    e.HoldReleased(rule="free", hold_id=hold.hold_id, person=who, reason=why)
                )
                mapping.released(state, hold.hold_id, context, answer)
                return
            _refuse(state, command, "No such hold is open.", answer)
        case "retry" | "skip":
            _retry_or_skip(state, command, context, answer)
        case _:
            why = f"{command.verb} can't be done while it is {state.stage}."
            _refuse(state, command, why, answer)


def _retry_or_skip(state: State, command: i.ActOnOrder, context: Context, answer: Answer) -> None:
    stuck = next((s for s in state.stuck if command.target in ("", str(s.number))), None)
    if stuck is None:
        _refuse(state, command, "No effect of this order waits for a person.", answer)
        return
    if command.verb == "retry":
        answer.events.append(
            e.Retried(
                rule="retry", effect=stuck.number, person=command.person, reason=command.reason
            )
        )
        effect = _again(state, stuck.kind)
        if effect is not None:
            answer.effects.append(effect)
        answer.attempts = 0 if stuck.outcome_known or stuck.kind == MAIL else 1
    elif (state.stage, stuck.kind) in NO_WAY_ROUND:
        why = f"An order can't go on from {state.stage} without it: retry it, or cancel the order."
        _refuse(state, command, why, answer)
    else:
        answer.events.append(
            e.Skipped(
                rule="skip",
                effect=stuck.number,
                kind=stuck.kind,
                person=command.person,
                reason=command.reason,
            )
        )
        if stuck.kind == TRACK and allows(state.stage, e.Asked):
            # Only this question is skipped: nothing but tracking can tell of the delivery.
            answer.set_timers["track"] = context.policy.track_every_seconds


def _again(state: State, kind: str) -> f.Effect | None:
    """Rebuild an effect that `wanted_effects` would not ask for by itself, or None.

    While an order is being cancelled nothing new is wanted; what may have been done is looked up
    by trying it again, and then undone.
    """
    if kind == FETCH:
        return f.FetchOrder()
    if kind == TRACK:
        return f.TrackShipment(tracking_number=state.tracking_number)
    if kind == MAIL and state.stage == S.CLOSED and CONFIRMED not in state.told:
        return f.SendMail(template=CONFIRMED)
    if state.stage != S.CANCELLING:
        return None
    doing: dict[str, f.Effect] = {
        LABEL: f.BuyLabel(parcels=state.parcels),
        POST: f.PostSalesOrder(),
        TASK: f.CreateWarehouseTask(),
        RESERVE: f.ReserveStock(),
    }
    return doing.get(kind)


def _refuse(state: State, command: i.ActOnOrder, why: str, answer: Answer) -> None:
    if allows(state.stage, e.ActionRefused):
        answer.events.append(
            e.ActionRefused(rule="refuse", verb=command.verb, person=command.person, reason=why)
        )


def _place(
    state: State,
    order: Order,
    context: Context,
    answer: Answer,
    *,
    paid: bool = False,
    fulfilled: i.Fulfilled = "",
) -> None:
    made = mapping.made_of(order, context)
    answer.body = made.body
    answer.events.append(
        e.Placed(
            rule="place-after-all" if state.stage == S.CANCELLED else "place",
            channel=context.channel,
            ref=order.ref,
            number=order.number,
            correlation_id=context.correlation_id,
            currency=order.currency,
            total_minor=order.totals.total_minor,
            payment="paid" if paid else order.payment,
            source_updated_at=order.updated_at,
            lines=lines_of(made.body),
            body_digest=digest(made.body),
            mappings=context.mappings.version,
            stated_digest=made.stated_digest,
            country=order.ship_to.country if order.ship_to else "",
            notify=bool(order.customer.email),
            received_at=context.received_at,
            doubts=_doubts(order),
        )
    )
    if fulfilled == "wholly" and state.cancel is None:
        answer.events.append(e.Closed(rule="done-elsewhere"))
        return
    if fulfilled == "partly":
        answer.events.append(e.Held(rule="hold", hold_id=PARTLY_DONE, reason=_PARTLY_DONE))
    if order.test and not context.policy.accept_test_orders:
        answer.events.append(
            e.Held(
                rule="hold",
                hold_id=TEST_ORDER,
                reason="the channel marks it as a test: release it to treat it as a real one",
            )
        )
    mapping.hold(made.unmapped, context, answer)


def _doubts(order: Order) -> tuple[str, ...]:
    """Return the known reasons alone: anybody may send an attribute, with anything in its name."""
    named = {x[len(DOUBT) :] for x in order.attributes if x.startswith(DOUBT)}
    return tuple(sorted(named & REASONS.keys())) if named else ()


def _payment(state: State, context: Context, paid_minor: int | None) -> e.PaymentConfirmed:
    return e.PaymentConfirmed(
        rule="pay" if state.stage == S.PLACED else "pay-first",
        channel=context.channel,
        ref=context.ref,
        correlation_id=context.correlation_id,
        paid_minor=-1 if paid_minor is None else paid_minor,
    )


def _take_over(
    state: State, order: Order, context: Context, answer: Answer, *, paid: bool = False
) -> None:
    """Compare the channel's statement with ours: stale, echo, payment (`paid`: it is confirmed
    already), change, or too late."""
    age = moment(order.updated_at) - moment(state.source_updated_at)
    if age < timedelta(0):
        return
    if state.stage == S.PLACED and order.payment in MONEY_IS_THERE and not paid:
        answer.events.append(_payment(state, context, None))
    known = context.order
    is_same = known is not None and mapping.is_same(order, state, known)
    if not age:
        # Channels count in seconds: of two statements for one second no one can tell the later.
        if known is not None and not is_same:
            _hold_for_doubt(state, answer)
    elif (
        is_same
        and known is not None
        # While nothing was done yet, partners are told what the channel said last.
        and (state.stage not in AMENDABLE or mapping.says_no_more(order, state, known))
    ):
        _note_update(state, order, answer)
    elif state.stage in AMENDABLE:
        made = mapping.made_of(order, context)
        answer.body = made.body
        answer.events.append(
            e.Amended(
                rule="amend",
                source_updated_at=order.updated_at,
                total_minor=order.totals.total_minor,
                payment=_paid_or(order.payment, state, paid=paid),
                lines=lines_of(made.body),
                body_digest=digest(made.body),
                mappings=context.mappings.version,
                stated_digest=made.stated_digest,
                country=order.ship_to.country if order.ship_to else "",
                notify=bool(order.customer.email),
            )
        )
        mapping.hold(made.unmapped, context, answer)
    else:
        answer.events.append(e.UpdateNoted(rule="note", source_updated_at=order.updated_at))
        if allows(state.stage, e.Held) and state.stage != S.CANCELLING:
            hold_id = f"changed-{state.version + 2}"
            if len(state.holds) < MAX_HOLDS:
                reason = "the channel changed lines or address after work had begun"
                answer.events.append(e.Held(rule="hold", hold_id=hold_id, reason=reason))
    _hold_without_money(state, order, answer)
    _free_compared(state, order, answer)


def _note_update(state: State, order: Order, answer: Answer) -> None:
    """Nothing that fulfilment depends on differs. Should the total, the ERP has another one: a
    person compares them, unless news of the same change has the order held already."""
    total = order.totals.total_minor
    differs = total != state.total_minor and state.stage not in AMENDABLE
    answer.events.append(
        e.UpdateNoted(
            rule="note",
            source_updated_at=order.updated_at,
            total_minor=total if differs else -1,
        )
    )
    if differs and not state.holds and state.stage in BEFORE_HAND_OVER:
        hold_id = f"changed-total-{state.version + len(answer.events) + 1}"
        reason = "the channel changed the total after work had begun: compare the ERP's order"
        answer.events.append(e.Held(rule="hold", hold_id=hold_id, reason=reason))


def _paid_or(stated: str, state: State, *, paid: bool) -> str:
    """Money that came stays: an amendment does not take it back."""
    if state.payment in MONEY_IS_THERE:
        return state.payment
    return "paid" if paid else stated


def _free_compared(state: State, order: Order, answer: Answer) -> None:
    """News said that something changed, and not what. This statement is as new, so it is known:
    what differs has a hold of its own."""
    if not allows(state.stage, e.HoldReleased):
        return
    held = {hold.hold_id for hold in state.holds}
    for hold_id, since in state.compared:
        if hold_id in held and moment(order.updated_at) >= moment(since):
            reason = "the channel has stated the order since; what differs is held by itself"
            answer.events.append(
                e.HoldReleased(rule="free", hold_id=hold_id, person=BY_ITSELF, reason=reason)
            )


def _hold_for_doubt(state: State, answer: Answer) -> None:
    if (
        not allows(state.stage, e.Held)
        or state.stage == S.CANCELLING
        or len(state.holds) >= MAX_HOLDS
        or any(hold.hold_id.startswith("said-twice-") for hold in state.holds)
    ):
        return
    hold_id = f"said-twice-{state.version + len(answer.events) + 1}"
    reason = "the channel stated lines or address twice for the same second, and differently"
    answer.events.append(e.Held(rule="hold", hold_id=hold_id, reason=reason))


def _hold_what_left(state: State, order: Order, fulfilled: i.Fulfilled, answer: Answer) -> None:
    """We tell the channel of a shipment after hand-over alone, so before it somebody else shipped.
    Its own news may have got lost; where it came, or a person has looked, one hold is enough."""
    if (
        not fulfilled
        or state.stage not in BEFORE_HAND_OVER
        or state.cancel is not None
        or moment(order.updated_at) < moment(state.source_updated_at)
        or PARTLY_DONE in state.waived
        or any(one.hold_id.startswith((PARTLY_DONE, FULFILLED_NEWS)) for one in state.holds)
    ):
        return
    answer.events.append(e.Held(rule="hold", hold_id=PARTLY_DONE, reason=_DONE_MEANWHILE))


def _hold_without_money(state: State, order: Order, answer: Answer) -> None:
    """An order was accepted for its money, and the channel says it went back: nothing leaves the
    house until a person has looked."""
    if (
        order.payment not in MONEY_IS_GONE
        or state.payment not in MONEY_IS_THERE
        or state.stage not in BEFORE_HAND_OVER
        or len(state.holds) >= MAX_HOLDS
        or any(hold.hold_id.startswith("money-gone-") for hold in state.holds)
    ):
        return
    hold_id = f"money-gone-{state.version + len(answer.events) + 1}"
    reason = f"the channel says the payment is {order.payment}: cancel, or ship all the same"
    answer.events.append(e.Held(rule="hold", hold_id=hold_id, reason=reason))


def _cancel(state: State, reason: str, by: str, context: Context, answer: Answer) -> None:
    if state.stage in (*UNBORN, *BEFORE_HAND_OVER):
        if state.cancel is None:
            answer.events.append(
                e.CancelRequested(
                    rule="cancel-first" if state.stage in UNBORN else "cancel",
                    channel=context.channel,
                    ref=context.ref,
                    correlation_id=context.correlation_id,
                    reason=reason,
                    requested_by=by,
                )
            )
    elif allows(state.stage, e.CancelRefused):
        why = "The parcel has left; a return is needed instead of a cancellation."
        answer.events.append(e.CancelRefused(rule="too-late", reason=why, requested_by=by))
