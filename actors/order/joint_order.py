"""Joint rules about the order as a whole: its acceptance, what is owed, its end."""

from __future__ import annotations

from actors.documents.thing import POSTED, WANTED
from actors.documents.wanted import has_units, is_empty, is_followed
from actors.fulfilment.thing import Fulfilment
from actors.kernel import ledger
from actors.messages.thing import CONFIRMED, PARTLY_CANCELLED, REFUSED
from actors.order.acceptance import accept
from actors.order.claiming import accepting
from actors.order.decision import Context
from actors.order.evolve import BY_ITSELF, CHANNEL, FETCH, MONEY, SHOWN
from actors.order.giving_back import due, taken_off
from actors.order.joint_refunds import is_automatic
from actors.order.owed import owed
from actors.order.reading import shipped
from actors.order.state import State, Task
from actors.order.table import ACCEPTED, CANCELLED, FINAL, PLACED
from actors.order.wanted import is_to_be_told
from actors.order.work import Work
from actors.order.worth import still_shown_units
from schemas.messages import effects as f
from schemas.messages import events as e
from schemas.order.canonical import Order
from schemas.order.money import decimal_text
from schemas.order.things import MESSAGE

MAX_NAMED = 20
"""Lines that a task names; more are counted."""

MAIL = f.tag_of(f.SendMail)
POST, AMEND = f.tag_of(f.PostSalesOrder), f.tag_of(f.AmendSalesOrder)
BESIDE = frozenset({MAIL, FETCH})
"""What no one else waits for: an order may end while it waits for a person."""


def accepted(work: Work) -> e.OrderEvent | None:
    """A placed order is accepted when its money is there or promised, nothing holds it, and it has
    not come through another channel before."""
    state = work.state
    if state.stage != PLACED or state.cancel is not None or not state.sums.get("o"):
        return None  # of one that others have fulfilled before nothing is left to work on
    basis = accept(state, work.context.setup).basis
    return accepting(work, basis) if basis else None


def emptied(work: Work) -> e.OrderEvent | None:
    """An order of which every unit was cancelled here, one by one, is cancelled as a whole."""
    state, context = work.state, work.context
    if state.cancel is not None or state.stage not in (PLACED, ACCEPTED) or not is_empty(state):
        return None
    if not (state.sums.get("c") or state.sums.get("C")):
        return None  # the channel took everything off, so it knows
    return e.CancelRequested(
        rule="cancel",
        channel=context.channel,
        ref=context.ref,
        reference=context.reference,
        reason="every unit was cancelled",
        requested_by="the service",
    )


def moot(work: Work) -> e.OrderEvent | None:
    """What a partner refused of an order that is undone is not tried again: it would be booked
    or confirmed to the customer after all. Of a confirmation it need not be known whether it was
    sent: the cancellation is written next."""
    state = work.state
    if state.cancel is None or not is_empty(state) or ledger.wished(state.sums):
        return None
    if any(x.stage not in ("done", "cancelled") for x in state.fulfilments.values()):
        return None
    for one in state.stuck:
        key, number, by = one.key, one.number, BY_ITSELF
        if one.kind == POST and one.outcome_known:
            why = "it was refused, and nothing of the order is left"
            return e.Renewed(rule="renew", key=key, effect=number, person=by, reason=why)
        message = state.messages.get(key)
        confirms = message is not None and message.template == CONFIRMED and one.kind == MAIL
        if confirms or (one.kind == AMEND and one.outcome_known):
            why = "the order is cancelled"
            return e.Skipped(
                rule="skip", key=key, effect=number, kind=one.kind, person=by, reason=why
            )
    return None


def money(work: Work) -> e.OrderEvent | None:
    """Money that is owed is one person's task, where the channel does not give it back by
    itself."""
    state = work.state
    if _is_moving(state):
        return None
    if not is_automatic(work) and state.refunds:
        owes = due(state, work.order, work.context)
        amount, currency = owes.amount, owes.currency
    elif is_automatic(work):
        return None  # joint_refunds has it given back
    else:
        amount, currency = owed(state, work.order, work.context)
        amount -= state.settled_minor
    task = next((one for one in state.tasks if one.task_id == MONEY), None)
    if amount <= 0:
        return None if task is None else _paid_back(task)
    if task is not None and task.amount_minor == amount:
        return None
    what = f"{decimal_text(amount, currency)} {currency} are owed to the customer"
    gone = _cancelled_units(state, work.order)
    words = f"{what} for {gone or 'what was collected beyond what the order comes to'}"
    if gone and _is_shown(work):
        why = "a part of the order has left, so " if shipped(state) else ""
        words += f"; {why}the channel still shows these units: remove them there"
    return e.TaskOpened(rule="task", task_id=MONEY, words=words, amount_minor=amount)


def _paid_back(task: Task) -> e.TaskClosed:
    """Return that the channel gave back, by its own word, what a person was asked to."""
    return e.TaskClosed(rule="task-done", task_id=task.task_id, person=BY_ITSELF)


def still_shown(work: Work) -> e.OrderEvent | None:
    """Units that were cancelled here one by one are a person's to remove at the channel, which can
    be told of whole orders alone. What is said with money that is owed is not said twice, and what
    the channel has removed is asked of no one any more."""
    state = work.state
    task = next((one for one in state.tasks if one.task_id == SHOWN), None)
    if task is not None:
        return _shown_by_now(work, task)
    if state.stage != ACCEPTED or state.sums.get("c", 0) <= state.named:
        return None
    if state.sums["c"] - taken_off(state) <= state.named:
        return None  # the channel takes off what it gives the money back for
    if _is_moving(state) or not _is_shown(work):
        return None
    return e.TaskOpened(rule="task", task_id=SHOWN, words=_words_of(work))


def _shown_by_now(work: Work, task: Task) -> e.OrderEvent | None:
    """Say what the channel shows by now of what was cancelled."""
    if _is_moving(work.state):
        return None
    if not (_is_shown(work) and _cancelled_units(work.state, work.order)):
        return e.TaskClosed(rule="task-done", task_id=SHOWN, person=BY_ITSELF)
    words = _words_of(work)
    return e.TaskOpened(rule="task", task_id=SHOWN, words=words) if words != task.words else None


def _words_of(work: Work) -> str:
    units = _cancelled_units(work.state, work.order)
    return f"the channel still shows {units}, which are cancelled: remove them there"


def _cancelled_units(state: State, order: Order | None) -> str:
    """Name the units that were cancelled here and that the channel, as far as is known, shows."""
    units = [
        f"{quantity} × {sku} of line {line_id}"
        for line_id, sku, quantity in still_shown_units(state, order)
    ]
    more = f" and {len(units) - MAX_NAMED} more lines" if len(units) > MAX_NAMED else ""
    return ", ".join(units[:MAX_NAMED]) + more


def _is_shown(work: Work) -> bool:
    """Whether the channel is not told of what was cancelled: not the whole order, and not by it."""
    state = work.state
    if not work.context.setup.storefront or is_empty(state):
        return False
    return state.cancel is None or state.cancel.requested_by != CHANNEL


def _is_moving(state: State) -> bool:
    """Whether it is not known yet what becomes of every unit."""
    if ledger.wished(state.sums):
        return True
    return any(x.stop for x in state.fulfilments.values())


def partly_told(work: Work) -> e.OrderEvent | None:
    """The customer is told which units of an order are not coming."""
    state, setup = work.state, work.context.setup
    if PARTLY_CANCELLED not in setup.writes or not setup.mail or not state.notify:
        return None
    if not state.sums.get("c") or is_empty(state) or _is_moving(state):
        return None
    if not any(x.template == CONFIRMED for x in state.messages.values()):
        return None
    told: dict[int, int] = {}
    for message in state.messages.values():
        if message.stage != REFUSED:
            for at, quantity in (*message.units, *message.past):
                told[at] = told.get(at, 0) + quantity
    news = tuple(
        (at, quantity)
        for at, line in enumerate(state.lines)
        if (quantity := line.counts.get("c", 0) - told.get(at, 0)) > 0
    )
    if not news:
        return None
    return e.MessageWanted(
        rule="want", key=work.next(MESSAGE), template=PARTLY_CANCELLED, units=news
    )


def is_at_rest(state: State, context: Context) -> bool:
    """Whether nothing is left to do: every machine has ended, and no one is asked anything."""
    empty = is_empty(state)
    if (state.holds and not empty) or state.tasks:
        return False
    if any(one.kind not in BESIDE for one in state.open):
        return False
    if any(_is_at_work(x) for x in state.fulfilments.values()):
        return False
    if state.sums.get("o") or ledger.wished(state.sums):
        return False
    if state.requests or any(not one.told for one in state.stops):
        return False
    if any(x.stage == "wanted" or (x.stage == "bought" and x.stop) for x in state.labels.values()):
        return False
    if any(x.stage == WANTED for x in state.captures.values()):
        return False
    if any(x.stage == WANTED for x in state.refunds.values()):
        return False
    if not _is_document_at_rest(state, context, empty=empty) or is_to_be_told_now(state, context):
        return False
    return not any(
        one.kind not in BESIDE and not (empty and one.outcome_known) for one in state.stuck
    )


def _is_at_work(thing: Fulfilment) -> bool:
    """Whether something is left to do for a fulfilment."""
    return thing.stage not in ("done", "cancelled") or thing.gives_back


def is_to_be_told_now(state: State, context: Context) -> bool:
    """Whether the channel still has to be told, and there is one to tell."""
    return bool(context.setup.storefront) and is_to_be_told(state)


def _is_document_at_rest(state: State, context: Context, *, empty: bool) -> bool:
    for key, document in state.documents.items():
        if document.stage == POSTED and (
            empty or document.told != state.book or is_followed(state, key)
        ):
            return False
        if document.stage == WANTED and not empty and has_units(state):
            return False
    if empty or not context.setup.erp or state.stage != ACCEPTED or not has_units(state):
        return True
    return any(x.stage in (POSTED, "skipped", "kept", WANTED) for x in state.documents.values())


def ended(work: Work) -> e.OrderEvent | None:
    """The order ends when nothing is left to do: cancelled when nothing of it went out."""
    state, context = work.state, work.context
    if state.stage not in (PLACED, ACCEPTED) or not is_at_rest(state, context):
        return None
    went_out = shipped(state) > 0
    if state.stage == PLACED and not (is_empty(state) or went_out):
        return None
    if not went_out and is_empty(state):
        return e.Cancelled(rule="cancelled")
    waits = context.policy.close_after_seconds > 0 and state.stage == ACCEPTED
    if waits and not work.may_close:
        return None
    return e.Closed(rule="close")


def reopened(work: Work) -> e.OrderEvent | None:
    """An order at its end of which a thing revived is open again."""
    state = work.state
    if state.stage not in FINAL:
        return None
    why = ""
    if any(_is_at_work(x) for x in state.fulfilments.values()):
        why = "a partner told of something late"
    elif state.stage == CANCELLED and shipped(state):
        why = "goods of it left all the same"
    elif any(x.stage == "bought" and x.stop for x in state.labels.values()):
        why = "a label turned out to be bought"
    elif any(x.stage == WANTED for x in state.refunds.values()):
        why = "money is given back to the customer"
    elif any(
        x.stage == POSTED and (is_empty(state) or is_followed(state, key))
        for key, x in state.documents.items()
    ):
        why = "the ERP turned out to have the order"
    return e.Reopened(rule="reopen", why=why) if why else None
