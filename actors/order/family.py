"""The family of machines that an order is: composed here, one line for each.

Every machine is a folder with a `table` (its life as data), an `evolve` (what events do to it), a
`decide` (what inputs and replies mean for it) and a `wanted` (what it asks partners for next). Its
things are kept in one field of `actors.order.state.State`, by key. A later machine adds its folder,
its field and its line in FAMILY; its events join the union in `schemas.messages.events`, and what
other machines make it do joins the rows of `actors.order.joint`.

An event is folded by every machine that names it, so one event may move several things: goods that
are handed over move a fulfilment and its parcels.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from msgspec import Struct

import actors.capture.evolve
import actors.capture.table
import actors.capture.thing
import actors.documents.evolve
import actors.documents.table
import actors.documents.thing
import actors.fulfilment.evolve
import actors.fulfilment.table
import actors.fulfilment.thing
import actors.label.evolve
import actors.label.table
import actors.label.thing
import actors.messages.evolve
import actors.messages.table
import actors.messages.thing
import actors.order.evolve
import actors.order.state
import actors.order.table
import actors.parcel.evolve
import actors.parcel.table
import actors.parcel.thing
import actors.payment.evolve
import actors.payment.table
import actors.payment.thing
import actors.refund.evolve
import actors.refund.table
import actors.refund.thing
import actors.returns.evolve
import actors.returns.table
import actors.returns.thing
from actors.kernel.tables import Table, Wait
from actors.order.draft import Draft
from actors.order.reading import is_here
from actors.order.state import Lost, State, Stuck
from schemas.messages import events as e
from schemas.messages.effects import ReserveStock, tag_of
from schemas.order.things import kind_of

RESERVE = tag_of(ReserveStock)

# Any: each fold takes the event that it is listed for, which a dictionary's type can't say.
Fold = Callable[[Draft, Any], None]


class Machine(Struct, frozen=True):
    """One machine: its letter, its version, its table, whom its stages wait for, and its folds."""

    letter: str
    version: int
    table: Table
    waits: dict[str, Wait]
    folds: dict[type[e.Event], Fold]
    shared: dict[type[e.Event], Fold]
    intended: Callable[[Draft, e.Intent], None] | None = None


def _machine(letter: str, room: Any, thing: Any) -> Machine:
    evolving = room.evolve
    return Machine(
        letter,
        thing.VERSION,
        room.table.TABLE,
        room.table.WAITS,
        evolving.FOLDS,
        evolving.SHARED,
        getattr(evolving, "intended", None),
    )


FAMILY: dict[str, Machine] = {
    machine.letter: machine
    for machine in (
        _machine("O", actors.order, actors.order.state),
        _machine("F", actors.fulfilment, actors.fulfilment.thing),
        _machine("K", actors.parcel, actors.parcel.thing),
        _machine("L", actors.label, actors.label.thing),
        _machine("D", actors.documents, actors.documents.thing),
        _machine("M", actors.messages, actors.messages.thing),
        _machine("P", actors.payment, actors.payment.thing),
        _machine("C", actors.capture, actors.capture.thing),
        _machine("R", actors.refund, actors.refund.thing),
        _machine("T", actors.returns, actors.returns.thing),
    )
}
"""Every machine by its letter."""

VERSIONS = "".join(f"{one.letter}{one.version}" for one in FAMILY.values())
"""Which machines, in which versions, made a state."""

INITIAL = State(family=VERSIONS)


def _merged() -> dict[type[e.Event], tuple[Fold, ...]]:
    """Return what every event does, machine by machine."""
    found: dict[type[e.Event], list[Fold]] = {}
    for kind, fold in actors.order.evolve.ALWAYS.items():
        found.setdefault(kind, []).append(fold)
    for machine in FAMILY.values():
        for kind, fold in machine.folds.items():
            found.setdefault(kind, []).append(fold)
    for kind in {kind for machine in FAMILY.values() for kind in machine.shared}:
        found.setdefault(kind, []).append(_follow)
    return {kind: tuple(folds) for kind, folds in found.items()}


def _follow(draft: Draft, event: e.Event) -> None:
    """Let the thing follow that an event is about. A tombstone stays one."""
    kind = kind_of(event.key)
    if event.key in draft.get("ended"):
        return
    FAMILY[kind].shared[type(event)](draft, event)


_FOLDS = _merged()


def evolve(state: State, event: e.OrderEvent) -> State:
    """Return the state after an event; the only way a state comes about. Raises IllegalTransition
    when a table forbids it, LedgerBroken when the books would not balance."""
    return step(state, event)[0]


def step(state: State, event: e.OrderEvent) -> tuple[State, Iterable[str]]:
    """Return the state after an event, and which of its fields may differ."""
    draft = Draft(state)
    for fold in _FOLDS[type(event)]:
        fold(draft, event)
    if event.moves or event.wishes:
        actors.order.evolve.book(draft, event)
    if event.settles:
        draft.set(open=tuple(one for one in state.open if one.number != event.settles))
        if type(event) is not e.GivenToPerson:
            _answered(draft, event)
    if event.intends:
        _intend(draft, event.intends)
    if state.overdue:
        _on_time(draft)
    return draft.done(), draft.changes


NOT_DONE = (e.CaptureDropped, e.LabelDropped, e.LabelStopDropped, e.Renewed, e.StopDropped)
"""Events by which an effect ends that its partner refused, or did too late."""


def _says_of_others(event: e.Event) -> bool:
    """Whether the end of an effect tells that of an earlier call for the same, too: it was done.
    What a partner refuses now it may have done before, in an answer that is still to come."""
    if isinstance(event, e.Published | e.DocumentAmended):
        return event.by == ""
    return not isinstance(event, NOT_DONE)


def _answered(draft: Draft, event: e.Event) -> None:
    """An effect whose end is known is awaited no more, also when it was given up before; nor is
    another call for the same that was done, which had the same reference. That there was too little
    stock says nothing of the calls after it."""
    number, noted = event.settles, isinstance(event, e.AnswerNoted)
    lost: tuple[Lost, ...] = draft.get("lost")
    stuck: tuple[Stuck, ...] = draft.get("stuck")
    if not lost and not stuck:
        return
    known: tuple[e.Intent | Lost, ...] = (*draft.state.open, *lost)
    ended = next((one for one in known if one.number == number), None)
    same = {number}
    if ended is not None and _says_of_others(event):
        name = (ended.key, ended.kind, ended.note)
        last = number if noted and ended.kind == RESERVE else draft.get("last_effect")
        same |= {
            one.number
            for one in lost
            if (one.key, one.kind, one.note) == name and one.number <= last
        }
    if any(one.number in same for one in lost):
        draft.set(lost=tuple(one for one in lost if one.number not in same))
    if any(one.number in same for one in stuck):
        draft.set(stuck=tuple(one for one in stuck if one.number not in same))


def intend(state: State, intents: tuple[e.Intent, ...]) -> tuple[State, Iterable[str]]:
    """Return a state whose last event intends these effects, too, and which fields may differ."""
    draft = Draft(state)
    _intend(draft, intents)
    draft.set(version=state.version)
    return draft.done(), draft.changes


def replay(events: Iterable[e.OrderEvent]) -> State:
    """Build the state of an order from its whole stream."""
    state = INITIAL
    for event in events:
        state = evolve(state, event)
    return state


def _intend(draft: Draft, intents: tuple[e.Intent, ...]) -> None:
    draft.set(open=draft.get("open") + intents, last_effect=intents[-1].number)
    for intent in intents:
        begin = FAMILY[kind_of(intent.key)].intended
        if begin is not None:
            begin(draft, intent)


_KEPT = (
    "fulfilments", "parcels", "labels", "documents", "messages", "payments", "captures",
    "refunds", "returns",
)  # fmt: skip


def _on_time(draft: Draft) -> None:
    """What moved on is not overdue any more."""
    state = draft.state
    still = []
    for key in draft.get("overdue"):
        if key == "O":
            left = is_here(state) and not is_here(draft.done())
            late = draft.get("stage") == state.stage and not left
        else:
            late = any(
                key in draft.get(name)
                and (
                    key not in getattr(state, name)
                    or draft.get(name)[key].stage == getattr(state, name)[key].stage
                )
                for name in _KEPT
            )
        if late:
            still.append(key)
    if len(still) != len(draft.get("overdue")):
        draft.set(overdue=tuple(still))
