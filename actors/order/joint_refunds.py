"""Joint rules about refunds, and what a person gives back. Of an order that owes nothing, and of a
channel whose refunds a person makes, nothing here says anything."""

from __future__ import annotations

from actors.documents.wanted import is_empty
from actors.kernel import ledger
from actors.messages.thing import REFUNDED as TOLD
from actors.messages.thing import REFUSED as UNSENT
from actors.order.evolve import BY_ITSELF, MONEY
from actors.order.giving_back import Due, due, had, is_through_channel, left, worth_of
from actors.order.joint_row import Joint
from actors.order.reading import MONEY_IS_GONE, is_held
from actors.order.signs import Sign
from actors.order.twice import paid_before
from actors.order.work import Work
from actors.refund.thing import EXCESS, MAX_REFUNDS, REFUNDED, REFUSED
from schemas.messages import events as e
from schemas.messages import inputs as i
from schemas.messages.base import Parts
from schemas.order.money import decimal_text
from schemas.order.shares import as_paid
from schemas.order.things import MESSAGE, REFUND, Key

WHY_OWED = "it was paid, and is cancelled"


def give_back(work: Work) -> e.OrderEvent | None:
    """What is owed is given back by itself, where the seller lets the channel do that."""
    state, setup = work.state, work.context.setup
    order = work.order
    if setup.refund != "automatic" or not setup.refunds or order is None:
        return None
    if not is_automatic(work):
        return None
    if ledger.wished(state.sums) or any(x.stop for x in state.fulfilments.values()):
        return None
    if is_held(state) and not is_empty(state):
        return None
    owes = due(state, order, work.context)
    if owes.amount <= 0:
        return None
    return e.RefundWanted(
        rule="want",
        key=work.next(REFUND),
        amount_minor=owes.amount,
        currency=owes.currency,
        units=owes.units,
        covers=owes.units,
        shipping=owes.shipping,
        had_minor=had(state, order),
        settles_minor=owes.amount,
        reason=WHY_OWED,
    )


def is_automatic(work: Work) -> bool:
    """Whether what is owed becomes a refund by itself: what was collected on delivery is not the
    channel's to give back, what is a person's task stays one, and where the channel says that the
    money is gone a person has to look."""
    state, setup = work.state, work.context.setup
    return (
        setup.refund == "automatic"
        and setup.refunds
        and bool(setup.storefront)
        and (work.order is None or work.order.payment not in MONEY_IS_GONE)
        and is_through_channel(state)
        and not state.settled_minor
        and len(state.refunds) < MAX_REFUNDS
        and not any(one.task_id == MONEY for one in state.tasks)
    )


def refusal(work: Work, key: Key) -> str:
    """Return why a refused refund can't be followed by another, "" where it can."""
    if work.order is not None and left(work.state, work.order, key) <= 0:
        return (
            "By the channel's word there is no money of the order left to give back: compare the "
            "refunds there, and go on without it here (skip) when the customer has his money."
        )
    if len(work.state.refunds) >= MAX_REFUNDS:
        return f"The order has {MAX_REFUNDS} refunds already: give it back in the channel."
    return ""


def again(work: Work) -> e.OrderEvent | None:
    """A refund that was refused and that a person wants tried again is followed by another."""
    state = work.state
    for key, one in state.refunds.items():
        if one.stage == REFUSED and not one.followed:
            order = work.order
            amount = one.amount if order is None else min(one.amount, left(state, order))
            if amount <= 0 or len(state.refunds) >= MAX_REFUNDS:
                continue
            return e.RefundWanted(
                rule="want",
                key=work.next(REFUND),
                amount_minor=amount,
                currency=one.currency,
                units=one.units,
                covers=one.covers,
                shipping=one.shipping,
                exact=one.exact,
                had_minor=one.had,
                settles_minor=min(one.settles, amount),
                after=key,
                person=one.person,
                returns=one.returns,
            )
    return None


def settled(work: Work) -> e.OrderEvent | None:
    """A person's task about money that a refund gives back asks no one."""
    for task in work.state.tasks:
        if task.task_id == MONEY and not task.amount_minor:
            return e.TaskClosed(
                rule="task-done",
                task_id=MONEY,
                person=BY_ITSELF,
                reason="a refund gives it back",
            )
    return None


def told(work: Work) -> e.OrderEvent | None:
    """The customer is told what was given back to him, once for each refund."""
    state, setup = work.state, work.context.setup
    if TOLD not in setup.writes or not setup.mail or not state.notify:
        return None
    known = {one.about for one in state.messages.values() if one.stage != UNSENT}
    for key, one in state.refunds.items():
        if one.stage == REFUNDED and one.given > 0 and key not in known:
            return e.MessageWanted(rule="want", key=work.next(MESSAGE), template=TOLD, about=key)
    return None


def start(work: Work, command: i.EditOrder) -> str:
    """A person gives money back. Returns why it can't be done, "" when it was asked for."""
    state, order, setup = work.state, work.order, work.context.setup
    ask = command.refund
    if ask is None or not setup.refunds or not setup.storefront:
        return (
            f"No money is given back through {work.context.channel}: give it back where it was "
            "paid, then mark the task about it as done."
        )
    if order is None or not state.lines:
        return "Nothing was paid for an order that has not come, or whose data was erased."
    if len(state.refunds) >= MAX_REFUNDS:
        return f"The order has {MAX_REFUNDS} refunds already: give it back in the channel."
    units, why = _units(work, ask.lines)
    if why:
        return why
    owes = due(state, order, work.context)
    currency = as_paid(order).currency
    plain = not units and not ask.shipping
    if ask.amount_minor is not None:
        amount = ask.amount_minor
    elif plain:
        amount = owes.amount
    else:
        amount = worth_of(state, order, units, shipping=ask.shipping)
    if amount <= 0:
        return "Nothing is owed: say how much to give back, or for which lines."
    most = left(state, order)
    if amount > most:
        return (
            f"{decimal_text(amount, currency)} {currency} are more than the "
            f"{decimal_text(most, currency)} {currency} that can be given back: what is paid, "
            "without what was given back before."
        )
    settles, covers = _settled(work, owes, units, amount, goodwill=ask.goodwill)
    if why := paid_before(state, order, ask, owes, units=units, covers=covers, amount=amount):
        return why
    # Where a person has paid back a part, it is the rest of an amount, and not what units come to:
    # the channel would calculate, and pay, that part again.
    by_hand = plain and state.settled_minor > 0
    is_all = plain and not by_hand and bool(settles) and settles == owes.amount
    work.say(
        e.RefundWanted(
            rule="want",
            key=work.next(REFUND),
            amount_minor=amount,
            currency=currency,
            units=owes.units if is_all else units,
            covers=owes.units if is_all else covers,
            shipping=owes.shipping if is_all else ask.shipping,
            exact=by_hand or (ask.amount_minor is not None and ask.amount_minor != owes.amount),
            had_minor=had(state, order),
            settles_minor=settles,
            person=command.person,
            reason=command.reason,
        )
    )
    return ""


def _settled(
    work: Work, owes: Due, units: Parts, amount: int, *, goodwill: bool
) -> tuple[int, Parts]:
    """Return how much of what is owed a person's refund pays back, and for which units that were
    cancelled. One that names goods pays back what is owed for these goods."""
    if goodwill:
        return 0, ()
    if not units:
        return min(amount, owes.amount), ()
    owed = dict(owes.units)
    covers = tuple((at, min(n, owed[at])) for at, n in units if owed.get(at))
    if not covers or work.order is None:
        return 0, ()
    if covers == owes.units:
        return min(amount, owes.amount), covers
    return min(
        amount, owes.amount, worth_of(work.state, work.order, covers, shipping=False)
    ), covers


def _units(work: Work, lines: tuple[i.LineEdit, ...]) -> tuple[Parts, str]:
    at_of = {line.line_id: at for at, line in enumerate(work.state.lines)}
    order = work.order
    stated = {line.line_id: line.quantity for line in order.lines} if order is not None else {}
    units = []
    named: set[str] = set()
    for one in lines:
        if one.line_id in named:
            return (), f"Line {one.line_id} is named twice: say once how many units of it."
        named.add(one.line_id)
        if one.line_id not in at_of or one.line_id not in stated:
            return (), f"The order has no line {one.line_id} that could be given back."
        if not 0 < one.quantity <= stated[one.line_id]:
            return (), (
                f"Of line {one.line_id} 1 to {stated[one.line_id]} units can be given back, not "
                f"{one.quantity}."
            )
        units.append((at_of[one.line_id], one.quantity))
    return tuple(units), ""


ROWS: tuple[Joint, ...] = (
    Joint(
        "refund-again",
        ("refunds",),
        again,
        (e.RefundWanted,),
        "a refund that was refused and is tried again is followed by another",
        needs=(Sign.REFUNDS,),
    ),
    Joint(
        "refund-told",
        ("refunds", "messages"),
        told,
        (e.MessageWanted,),
        "the customer is told what was given back",
        needs=(Sign.REFUNDS,),
    ),
    Joint(
        "give-back",
        (
            *("lines", "fulfilments", "tasks", "payment", "payments", "collected", "prepaid"),
            *("total_minor", "holds", "refunds", "cancel"),
        ),
        give_back,
        (e.RefundWanted,),
        "money that is owed is given back by the channel, where the seller lets it",
        needs=(Sign.CANCELLED_UNITS,),
    ),
    Joint(
        "refund-settles",
        ("tasks",),
        settled,
        (e.TaskClosed,),
        "no person is asked for what a refund gives back",
        needs=(Sign.REFUNDS, Sign.TASKS),
    ),
)
"""The rules about refunds, in the order of precedence: before that about money that is owed."""

__all__ = ["EXCESS", "REFUNDED", "ROWS", "give_back", "is_automatic", "start"]
