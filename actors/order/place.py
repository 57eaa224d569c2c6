"""What channels state: a new order, its payment, how it looks now, and that it is cancelled."""

from __future__ import annotations

from actors.kernel import ledger
from actors.order import change, claiming, correcting, holding, later, mapping, outside, ruling
from actors.order.cancelled_late import left_before_cancel
from actors.order.decision import moment
from actors.order.evolve import CHANNEL
from actors.order.reading import MONEY_IS_GONE, MONEY_IS_THERE, TEST_ORDER, shipped
from actors.order.state import State
from actors.order.table import (
    ACCEPTED,
    CANCELLED,
    CLOSED,
    DUPLICATE,
    EXPECTED,
    NEW,
    PLACED,
    UNBORN,
)
from actors.order.work import Work
from schemas.contracts.doubts import TOO_MANY_ATTRIBUTES
from schemas.contracts.refusals import REASONS
from schemas.messages import events as e
from schemas.messages import inputs as i
from schemas.order.canonical import DOUBT, Order
from schemas.order.things import Key


def is_unborn(state: State) -> bool:
    """Whether the order itself has not come: not yet, or not before a person gave it up."""
    return state.stage in UNBORN or (state.stage == CANCELLED and not state.lines)


def place(work: Work, command: i.PlaceOrder | i.UpdateOrder) -> None:
    """A new order is placed; one we know already is compared with what we know. An update says how
    the order looks now, so it may also be the first we hear of it."""
    fetched = command.fetched if isinstance(command, i.UpdateOrder) else 0
    if is_unborn(work.state):
        _place(work, command.order, command.fulfilled, fetched=fetched)
    else:
        change.statement(work, command, command.order, fetched)
    if command.unasked is not None:
        later.unasked(work, command.unasked, command.order)


def confirm_payment(work: Work, command: i.ConfirmPayment) -> None:
    """Payment may come before the order: then it is kept, or brings the order along itself. It may
    tell of a change whose own message is still on its way, or lost."""
    state = work.state
    # Before the order comes, its total is not known: what is told last may be more.
    is_part = is_unborn(state) and state.prepaid >= 0
    is_open = state.stage not in (CLOSED, CANCELLED) and (
        is_part or state.payment not in MONEY_IS_THERE
    )
    if command.order is None:
        if is_open:
            change.paid_alone(work, command.paid_minor)
        return
    order, how = command.order, "paid"
    if order.payment not in (*MONEY_IS_THERE, *MONEY_IS_GONE):
        order = change.paid(order, command.paid_minor)
        how = order.payment
    if is_unborn(state):
        _place(work, order, command.fulfilled, how=how)
    else:
        if is_open and state.payment != how:
            work.say(change.payment(work, command.paid_minor, how))
        change.statement(work, command, order)
    if command.unasked is not None:
        later.unasked(work, command.unasked, command.order)


def cancel(work: Work, command: i.CancelOrder) -> None:
    """Cancel what has not left; when everything has, it is refused, because a return is needed.
    What was cancelled as a whole before it came is not waited for."""
    state = work.state
    stated = state.source_updated_at if command.requested_by == CHANNEL else ""
    if stated and command.at and moment(command.at) < moment(stated):
        return  # the channel has stated the order since, and not as cancelled
    unborn = state.stage in UNBORN
    request_cancel(work, command.reason, command.requested_by, _news(work.state, command))
    if command.whole and unborn:
        work.say(e.Cancelled(rule="nothing-there"))


def _news(state: State, command: i.CancelOrder) -> str:
    """Return the order's time of change in a channel's message that it is cancelled, "" for one
    that is not newer than what the channel said before. Comparisons with the channel must not find
    a change in it; the statement that later ones are compared with stays the same."""
    if command.requested_by != CHANNEL or not command.at:
        return ""
    known = [moment(at) for at in (state.source_updated_at, state.heard_at) if at]
    return "" if any(at >= moment(command.at) for at in known) else command.at


def request_cancel(work: Work, reason: str, by: str, heard_at: str = "") -> None:
    """Say that the order is to be cancelled, or why it can't be. `heard_at` as the events have
    it."""
    state = work.state
    if state.stage in (*UNBORN, PLACED, ACCEPTED, DUPLICATE):
        if state.cancel is not None:
            if by == CHANNEL and not state.cancel.told and state.stage in (PLACED, ACCEPTED):
                work.say(e.ChannelTold(rule="channel-told", told=False, heard_at=heard_at))
            elif heard_at and state.stage in (PLACED, ACCEPTED):
                at = state.source_updated_at
                work.say(e.UpdateNoted(rule="note", source_updated_at=at, heard_at=heard_at))
            return
        if state.stage == ACCEPTED and _has_left(state):
            _refuse_cancel(work, by, heard_at)
            return
        unborn = state.stage in UNBORN
        context = work.context
        work.say(
            e.CancelRequested(
                rule="cancel-first" if unborn else "cancel",
                channel=context.channel,
                ref=context.ref,
                reference=context.reference,
                reason=reason,
                requested_by=by,
                left=_left(state),
                # Of one that is only recorded nothing has to be undone.
                wishes=() if state.stage == DUPLICATE else _everything(state),
                heard_at=heard_at,
            )
        )
        if state.stage == DUPLICATE:
            claiming.settle(work)
            if by == CHANNEL:
                claiming.cancelled_by_channel(work)
        if by == CHANNEL:
            left_before_cancel(work, _left(state))
    elif state.stage == CLOSED:
        _refuse_cancel(work, by, heard_at)


def _refuse_cancel(work: Work, by: str, heard_at: str) -> None:
    why = "Everything has left; a return is needed instead of a cancellation."
    first = by == CHANNEL and not work.state.late_cancel
    work.say(e.CancelRefused(rule="too-late", reason=why, requested_by=by, heard_at=heard_at))
    if first:
        left_before_cancel(work, _left(work.state))


def _has_left(state: State) -> bool:
    """Whether something has left and nothing is here any more."""
    return shipped(state) > 0 and not (state.sums.get("o") or state.sums.get("a"))


def _left(state: State) -> tuple[Key, ...]:
    gone = {x.fulfilment for x in state.parcels.values() if x.stage not in ("packed", "unpacked")}
    done = {key for key, x in state.ended.items() if key[0] == "F" and x.stage == "done"}
    return tuple(sorted(gone | done, key=lambda key: int(key[1:])))


def _everything(state: State) -> tuple[e.Wish, ...]:
    """Wish that every unit goes that is here, except where it can't be stopped any more."""
    fixed: dict[int, int] = {}
    for thing in state.fulfilments.values():
        if thing.fixed:
            for at, quantity in thing.left:
                fixed[at] = fixed.get(at, 0) + quantity
    wishes = []
    for at, line in enumerate(state.lines):
        counts = line.counts
        here = counts.get("o", 0) + counts.get("a", 0) - ledger.wished(counts) - fixed.get(at, 0)
        if here > 0:
            wishes.append(e.Wish(at, here, ledger.CANCELLED))
    return tuple(wishes)


def refetch(work: Work, source: str, topic: str) -> None:
    """Say that the order is to be fetched."""
    context = work.context
    work.say(
        e.RefetchAsked(
            rule="refetch-first" if work.state.stage == NEW else "refetch",
            channel=context.channel,
            ref=context.ref,
            reference=context.reference,
            source=source,
            topic=topic,
        )
    )


def _place(
    work: Work,
    order: Order,
    fulfilled: tuple[i.OutsideShipment, ...],
    *,
    how: str = "",
    fetched: int = 0,
) -> None:
    context = work.context
    known = work.state.prepaid if work.state.prepaid >= 0 else None
    unsaid = order.payment not in (*MONEY_IS_THERE, *MONEY_IS_GONE)
    if unsaid and not how and work.state.payment == "paid":
        order = change.paid(order, known)
    made = mapping.made_of(order, context)
    work.body = made.body
    if made.body is not order:
        work.stated = order
    state = work.state
    work.say(
        e.Placed(
            rule="place-after-all" if state.stage == CANCELLED else "place",
            channel=context.channel,
            ref=order.ref,
            number=order.number,
            reference=context.reference,
            currency=order.currency,
            total_minor=order.totals.total_minor,
            payment=how or order.payment,
            payment_method=order.payment_method,
            source_updated_at=order.updated_at,
            lines=mapping.lines_of(made.body),
            moves=mapping.placing(made.body),
            body_digest=mapping.digest(made.body),
            mappings=context.mappings.version,
            stated_digest=made.stated_digest,
            country=order.ship_to.country if order.ship_to else "",
            notify=bool(order.customer.email),
            received_at=context.received_at,
            doubts=_doubts(order),
            ship_by=order.ship_by or "",
        )
    )
    if order.payment == "partially_paid" and work.state.payment == "paid":
        work.say(change.payment(work, known, order.payment))
    if work.state.cancel is not None:
        wishes = _everything(work.state)
        work.say(e.UnitsDropped(rule="drop", moves=tuple(_dropping(wishes))))
        return
    outside.compare(work, order, fulfilled)
    if order.test and not context.policy.accept_test_orders:
        reason = "the channel marks it as a test: release it to treat it as a real one"
        work.say(e.Held(rule="hold", hold_id=TEST_ORDER, reason=reason))
    correcting.follow(work)
    mapping.hold(made.unmapped, work)
    ruling.say(work, made.rulings)
    correcting.keep(work, order)
    holding.free_compared(work, order, fetched)
    if any(hold.since for hold in work.state.holds) and not work.state.refetch:
        refetch(work, CHANNEL, "older-than-news")


def _dropping(wishes: tuple[e.Wish, ...]) -> list[e.Move]:
    return [e.Move(wish.line, wish.quantity, ledger.OPEN, wish.to) for wish in wishes]


def _doubts(order: Order) -> tuple[str, ...]:
    """Return the known reasons alone: anybody may send an attribute, with anything in its name."""
    named = {x[len(DOUBT) :] for x in order.attributes if x.startswith(DOUBT)}
    return tuple(sorted(named & {*REASONS, TOO_MANY_ATTRIBUTES})) if named else ()


__all__ = [
    "EXPECTED",
    "cancel",
    "confirm_payment",
    "is_unborn",
    "place",
    "refetch",
    "request_cancel",
]
