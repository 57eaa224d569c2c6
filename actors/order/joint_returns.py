"""Joint rules about returns: who authorises them, what is given back for goods that came, when
they are closed. Of an order of which nothing comes back nothing here says anything."""

from __future__ import annotations

from datetime import timedelta
from typing import Literal

from actors.messages.thing import REFUSED as UNSENT
from actors.messages.thing import RETURN_RECEIVED
from actors.order.decision import moment
from actors.order.evolve import BY_ITSELF
from actors.order.giving_back import had, is_through_channel, left, worth_of
from actors.order.joint_row import Joint
from actors.order.returned import paid_before, unstated
from actors.order.signs import Sign
from actors.order.work import Work
from actors.refund.thing import MAX_REFUNDS
from actors.returns.evolve import together
from actors.returns.thing import (
    DECIDE,
    INSPECTED,
    NONE,
    OTHERS,
    PAY,
    PERSON,
    RECEIVED,
    REQUESTED,
    Return,
)
from actors.returns.wanted import is_stocked
from schemas.messages import events as e
from schemas.messages.base import Parts
from schemas.order.money import decimal_text
from schemas.order.shares import as_paid
from schemas.order.things import MESSAGE, REFUND, Key

Paid = Literal["none", "others"]

OF_PERSON = "person"
"""The source of a return that is decided here; one of a channel is decided there."""

WHY = "goods came back"
IN_TIME, TOO_LATE = "within the days of the settings", "the days of the settings are over"

MAX_NAMED = 20
"""Lines that a task names."""


def decided(work: Work) -> e.OrderEvent | None:
    """A return that was asked for here is authorised or declined by the settings."""
    setup, order = work.context.setup, work.order
    if setup.returns != "automatic":
        return None
    for key, one in work.state.returns.items():
        if one.stage != REQUESTED or one.source != OF_PERSON:
            continue
        if setup.return_days and order is not None:
            until = moment(order.placed_at) + timedelta(days=setup.return_days)
            if work.context.now > until:
                return e.ReturnDeclined(rule="decline", key=key, reason=TOO_LATE)
        why = IN_TIME if setup.return_days else ""
        return e.ReturnAuthorised(rule="authorise", key=key, reason=why)
    return None


def asked(work: Work) -> e.OrderEvent | None:
    """Else a person is asked to, once."""
    for key, one in work.state.returns.items():
        if one.stage == REQUESTED and one.source == OF_PERSON and not one.tasked:
            words = (
                f"the customer wants to send back {_named(work, _units(one))} ({key}): authorise "
                "or decline it"
            )
            return e.TaskOpened(rule="task", key=key, task_id=f"{DECIDE}{key}", words=words)
    return None


def no_longer_asked(work: Work) -> e.OrderEvent | None:
    """What was decided asks no one any more."""
    returns = work.state.returns
    for task in work.state.tasks:
        one = returns.get(task.key)
        if one is not None and task.task_id == f"{DECIDE}{task.key}" and one.stage != REQUESTED:
            return e.TaskClosed(
                rule="task-done",
                task_id=task.task_id,
                person=BY_ITSELF,
                reason=f"it is {one.stage.replace('_', ' ')}",
            )
    return None


def money(work: Work) -> e.OrderEvent | None:
    """Inspected goods become a refund, once, without those whose money went back before; or it is
    said why none follows."""
    state = work.state
    for key, one in state.returns.items():
        if one.stage == INSPECTED and not one.money:
            return _money(work, key, one)
    return None


def _money(work: Work, key: Key, one: Return) -> e.OrderEvent | None:
    state, setup, order = work.state, work.context.setup, work.order
    how = one.refund or setup.return_refund
    if how == NONE:
        return e.ReturnMoneyDecided(rule="decide-money", key=key, money=NONE)
    if order is None:  # its data was erased: no one knows what it comes to
        return e.ReturnMoneyDecided(rule="decide-money", key=key, money=PERSON)
    units, before = paid_before(state, order, one, key)
    given = unstated(state, order)
    worth = worth_of(state, order, together(given, units), shipping=False)
    worth -= worth_of(state, order, given, shipping=False)
    if how == "less_fee":
        worth -= worth * setup.restocking_percent // 100
    amount, currency = min(worth, left(state, order)), as_paid(order).currency
    by_us = how != PERSON and setup.refunds and bool(setup.storefront)
    if amount <= 0 and (is_through_channel(state) or not worth):
        paid: Paid = OTHERS if before or worth else NONE
        return e.ReturnMoneyDecided(
            rule="decide-money", key=key, money=paid, by_others=together(before, units)
            if paid == OTHERS else (), currency=currency,
        )  # fmt: skip
    if not by_us or not is_through_channel(state) or len(state.refunds) >= MAX_REFUNDS:
        return e.ReturnMoneyDecided(
            rule="decide-money", key=key, money=PERSON, by_others=before, amount_minor=worth,
            currency=currency,
        )  # fmt: skip
    return e.RefundWanted(
        rule="want",
        key=work.next(REFUND),
        amount_minor=amount,
        currency=currency,
        units=units,
        exact=how == "less_fee" or amount < worth,
        had_minor=had(state, order),
        person=one.person if one.refund else "",
        reason=WHY,
        returns=key,
        by_others=before,
    )


def payable(work: Work) -> e.OrderEvent | None:
    """A person is asked for money that no refund of ours gives back, once for each return."""
    for key, one in work.state.returns.items():
        if one.money != PERSON:
            continue
        said = (x for x in work.events if isinstance(x, e.ReturnMoneyDecided) and x.key == key)
        told = next(said, None)
        amount = ""
        if told is not None and told.amount_minor:
            money_ = f"{decimal_text(told.amount_minor, told.currency)} {told.currency}"
            amount = f", which come to {money_}"
        words = (
            f"{_named(work, _without(one.came, one.by_others))} came back with {key}{amount}: "
            "decide what the customer gets for them, and give it back"
        )
        return e.TaskOpened(rule="task", key=key, task_id=f"{PAY}{key}", words=words)
    return None


def closed(work: Work) -> e.OrderEvent | None:
    """A return is closed when it is known what became of its goods and of their money."""
    for key, one in work.state.returns.items():
        if one.stage == INSPECTED and one.money and is_stocked(one, work.context.setup):
            return e.ReturnClosed(rule="close-return", key=key)
    return None


def told(work: Work) -> e.OrderEvent | None:
    """The customer is told that his goods are here, once for each return."""
    state, setup = work.state, work.context.setup
    if RETURN_RECEIVED not in setup.writes or not setup.mail or not state.notify:
        return None
    known = {one.about for one in state.messages.values() if one.stage != UNSENT}
    for key, one in state.returns.items():
        if one.came and one.stage == RECEIVED and key not in known:
            return e.MessageWanted(
                rule="want",
                key=work.next(MESSAGE),
                template=RETURN_RECEIVED,
                units=one.came,
                about=key,
            )
    return None


def _units(one: Return) -> Parts:
    return together((), tuple((x.line, x.quantity) for x in one.asked))


def _without(some: Parts, less: Parts) -> Parts:
    gone = dict(less)
    return tuple((at, n - gone.get(at, 0)) for at, n in some if n > gone.get(at, 0))


def _named(work: Work, parts: Parts) -> str:
    lines = work.state.lines
    names = [f"{n} × {lines[at].sku} of line {lines[at].line_id}" for at, n in parts[:MAX_NAMED]]
    more = [f"{len(parts) - MAX_NAMED} more lines"] if len(parts) > MAX_NAMED else []
    return ", ".join([*names, *more]) or "goods that are not named"


ROWS: tuple[Joint, ...] = (
    Joint(
        "return-decided",
        ("returns",),
        decided,
        (e.ReturnAuthorised, e.ReturnDeclined),
        "a return is authorised or declined by the settings",
        needs=(Sign.RETURNS,),
    ),
    Joint(
        "return-asked",
        ("returns",),
        asked,
        (e.TaskOpened,),
        "or by a person, who is asked once",
        needs=(Sign.RETURNS,),
    ),
    Joint(
        "return-asked-no-more",
        ("returns", "tasks"),
        no_longer_asked,
        (e.TaskClosed,),
        "what was decided asks no one",
        needs=(Sign.RETURNS, Sign.TASKS),
    ),
    Joint(
        "return-told",
        ("returns", "messages"),
        told,
        (e.MessageWanted,),
        "the customer is told that his goods came",
        needs=(Sign.RETURNS,),
    ),
    Joint(
        "return-money",
        ("returns",),
        money,
        (e.RefundWanted, e.ReturnMoneyDecided),
        "inspected goods are paid back once, by the policy",
        needs=(Sign.RETURNS,),
    ),
    Joint(
        "return-payable",
        ("returns",),
        payable,
        (e.TaskOpened,),
        "or by a person, who is asked once",
        needs=(Sign.RETURNS,),
    ),
    Joint(
        "return-closed",
        ("returns",),
        closed,
        (e.ReturnClosed,),
        "a return is closed when its goods and its money are settled",
        needs=(Sign.RETURNS,),
    ),
)
"""The rules about returns, in the order of precedence."""
