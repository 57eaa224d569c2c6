"""decide(state, input, context) -> decision. Pure: no clock, no randomness, no I/O.

Handlers answer "what does this input mean here?" with events; what follows from the new state is
added by `actors.order.steps`, and the effects it asks for are numbered and tied to the last event.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from actors.order import facts, replies, requests
from actors.order.decision import CLOSE, DUE, MAPPING, TIMERS, Answer, Context, Decision, Intended
from actors.order.evolve import evolve
from actors.order.lifecycle import FINAL, WAITS, Stage
from actors.order.mapping import is_unmapped
from actors.order.state import State
from actors.order.steps import next_event, wanted_effects
from schemas.messages import events as e
from schemas.messages import inputs as i
from schemas.messages.effects import tag_of

MAX_CHAIN = 8
"""How many events may follow by themselves from one input; more is a programmer's error."""

Handler = Callable[[State, Any, Context, Answer], None]

_HANDLERS: dict[type[Struct], Handler] = {
    i.PlaceOrder: requests.place,
    i.ConfirmPayment: requests.confirm_payment,
    i.UpdateOrder: requests.update,
    i.CancelOrder: requests.cancel,
    i.ActOnOrder: requests.act,
    i.NoteReport: facts.noted,
    i.RefetchOrder: facts.looked,
    i.ReportPicked: facts.picked,
    i.ReportShortPicked: facts.short_picked,
    i.ReportPacked: facts.packed,
    i.ReportHandedOver: facts.handed_over,
    i.ReportTaskCancelled: facts.task_cancelled,
    i.TimerFired: facts.timer_fired,
    i.EffectDone: replies.done,
    i.EffectRefused: replies.refused,
    i.EffectGivenUp: replies.given_up,
}


def decide(state: State, command: i.Input, context: Context) -> Decision:
    """Return what this input means for this order. The same arguments give the same decision."""
    answer = Answer()
    _HANDLERS[type(command)](state, command, context, answer)
    events = list(answer.events)
    before_last = after = state
    for event in events:
        before_last, after = after, evolve(after, event)
    # A handler's own effect goes first and alone: what follows from the state is asked again when
    # it ends. A cancelled order that looks a purchase up once more must not end before it knows.
    if events and not answer.effects:
        for _ in range(MAX_CHAIN):
            follow = next_event(after)
            if follow is None or _must_wait(follow, answer, context):
                break
            events.append(follow)
            before_last, after = after, evolve(after, follow)
        else:
            raise AssertionError(f"More than {MAX_CHAIN} events follow from one input.")
    effects = list(answer.effects) or (wanted_effects(after) if events else [])
    intended = tuple(
        Intended(number=number, effect=effect, attempts=answer.attempts)
        for number, effect in enumerate(effects, start=after.last_effect + 1)
    )
    if intended:
        intents = tuple(e.Intent(x.number, tag_of(x.effect)) for x in intended)
        events[-1] = replace(events[-1], intends=intents)
        after = evolve(before_last, events[-1])
    set_timers, clear_timers = _timers(state, after, command, answer, context)
    return Decision(
        state=after,
        events=tuple(events),
        effects=intended,
        settled=answer.settled,
        set_timers=set_timers,
        clear_timers=clear_timers,
        body=answer.body,
        label=answer.label,
    )


def _must_wait(follow: e.OrderEvent, answer: Answer, context: Context) -> bool:
    """Closing waits for its timer when the policy keeps delivered orders open for a while."""
    if not isinstance(follow, e.Closed) or context.policy.close_after_seconds <= 0:
        return False
    return CLOSE not in answer.set_timers or answer.set_timers[CLOSE] > 0


def _timers(
    before: State, after: State, command: i.Input, answer: Answer, context: Context
) -> tuple[tuple[tuple[str, datetime], ...], tuple[str, ...]]:
    wanted: dict[str, float] = {k: v for k, v in answer.set_timers.items() if v > 0 or k != CLOSE}
    if after.stage in FINAL:
        return (), TIMERS
    if after.stage != before.stage or after.overdue != before.overdue:
        wait = WAITS.get(Stage(after.stage))
        if wait is not None:
            wanted.setdefault(DUE, getattr(context.policy, wait.due))
        if after.stage == Stage.DELIVERED and context.policy.close_after_seconds > 0:
            wanted.setdefault(CLOSE, context.policy.close_after_seconds)
    clear: tuple[str, ...] = ()
    if isinstance(command, i.TimerFired) and command.name not in wanted:
        clear = (command.name,)
    elif is_unmapped(before) and not is_unmapped(after):
        # A changed order, or one that a person let go: it must not be listed as waiting.
        clear = (MAPPING,)
    now = context.now
    return tuple((name, now + timedelta(seconds=s)) for name, s in wanted.items()), clear
