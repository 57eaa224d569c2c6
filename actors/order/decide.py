"""decide(state, input, context) -> decision. Pure: no clock, no randomness, no I/O.

Handlers answer "what does this input mean here?" with events. Then the joint table says what
follows, until nothing does. At rest every machine is asked once what it wants of its partner, and
the prerequisite table lets wait what has to wait. The effects are numbered and tied to the last
event; timers are read off the state.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from actors.capture import wanted as capture
from actors.documents import wanted as documents
from actors.fulfilment import reports
from actors.fulfilment import wanted as fulfilment
from actors.label import wanted as label
from actors.messages import wanted as messages
from actors.order import claiming, notes, persons, place, replies, returning, ruling, timers
from actors.order import wanted as order
from actors.order.decision import Context, Decision
from actors.order.family import intend, step
from actors.order.joint import follow
from actors.order.prerequisites import waits_for
from actors.order.reading import busy
from actors.order.state import State
from actors.order.work import Ask, Work
from actors.refund import wanted as refund
from actors.returns import wanted as returns
from schemas.messages import inputs as i
from schemas.order.canonical import Order
from schemas.order.things import Key

# Any: each handler takes the input that it is listed for, which a dictionary's type can't say.
Handler = Callable[[Work, Any], None]
Wanted = Callable[[State, Context, Order | None, frozenset[Key]], Iterator[Ask]]

_HANDLERS: dict[type[Struct], Handler] = {
    i.PlaceOrder: place.place,
    i.ConfirmPayment: place.confirm_payment,
    i.UpdateOrder: place.place,
    i.CancelOrder: place.cancel,
    i.ActOnOrder: persons.act,
    i.EditOrder: persons.edit,
    i.HandleReturn: returning.handled,
    i.NoteReport: notes.noted,
    i.RefetchOrder: notes.refetched,
    i.ReportPicked: reports.reported,
    i.ReportShortPicked: reports.reported,
    i.ReportPacked: reports.reported,
    i.ReportHandedOver: reports.reported,
    i.ReportTaskCancelled: reports.reported,
    i.ReportCollected: reports.reported,
    i.TimerFired: notes.timer_fired,
    i.EffectDone: replies.done,
    i.EffectRefused: replies.refused,
    i.EffectGivenUp: replies.given_up,
}

_WANTED: tuple[tuple[str, Wanted], ...] = (
    ("fulfilments", fulfilment.wanted),
    ("captures", capture.wanted),
    ("refunds", refund.wanted),
    ("returns", returns.wanted),
    ("labels", label.wanted),
    ("", documents.wanted),
    ("", messages.wanted),
    ("", order.wanted),
)
"""What every machine asks for next, in the order in which effects are numbered. A machine whose
things must be there before it wants anything names their field."""


def decide(state: State, command: i.Input, context: Context) -> Decision:
    """Return what this input means for this order. The same arguments give the same decision."""
    if state.ruled is not None:
        context = ruling.steered(state, context)
    work = Work(state, context, step, intend)
    _HANDLERS[type(command)](work, command)
    if work.events:
        follow(work)
        asks = tuple(_asks(work))
        if asks:
            work.ask(*asks)
    set_timers, clear_timers = _timers(work, command)
    return Decision(
        state=work.state,
        events=tuple(work.events),
        effects=tuple(work.intended),
        settled=work.settled,
        set_timers=set_timers,
        clear_timers=clear_timers,
        body=work.body,
        stated=work.stated,
        documents=work.documents,
        claim=claiming.claim_in(work),
        early=work.early,
    )


def _asks(work: Work) -> Iterator[Ask]:
    """Yield what is wanted now and waits for nothing. One effect at a time for each thing."""
    state, context, body = work.state, work.context, work.order
    taken = busy(state)
    if state.payments and work.body is not None:
        context = replace(context, order=work.body)  # what is due follows from what it says now
    for things, wanted in _WANTED:
        if things and not getattr(state, things):
            continue
        for ask in wanted(state, context, body, taken):
            if ask.key not in taken and waits_for(state, ask, context) is None:
                yield ask


def _timers(work: Work, command: i.Input) -> tuple[Any, Any]:
    if not work.events and not isinstance(command, i.TimerFired):
        return (), ()
    if not isinstance(command, i.TimerFired) and timers.are_same(work.before, work.state):
        return (), ()
    before = timers.wanted(work.before, work.context)
    after = timers.wanted(work.state, work.context) if work.events else before
    return timers.settle(before, after, command, work.context, work.timers)
