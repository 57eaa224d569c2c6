"""Faults to seed into the core one by one: each is one slip that a person could make.

A fault is a context in which the core is wrong. `found` says what walks find of it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from typing import Any
from unittest.mock import patch

from msgspec.structs import replace

import actors.documents.wanted
import actors.fulfilment.collect
import actors.fulfilment.evolve
import actors.fulfilment.leaving
import actors.fulfilment.packing
import actors.fulfilment.replies
import actors.fulfilment.reports
import actors.fulfilment.wanted
import actors.kernel.ledger
import actors.label.evolve
import actors.label.wanted
import actors.messages.wanted
import actors.order.acceptance
import actors.order.decide
import actors.order.difference
import actors.order.differs
import actors.order.evolve
import actors.order.family
import actors.order.joint
import actors.order.joint_money
import actors.order.joint_order
import actors.order.joint_units
import actors.order.outside
import actors.order.place
import actors.order.prerequisites
import actors.order.replies
import actors.order.timers
import actors.order.work
import tests.model.checks
from actors.order import joint_things
from actors.order.draft import Draft
from actors.order.joint import JOINT
from actors.order.prerequisites import PREREQUISITES, Prerequisite
from actors.order.work import Ask, Work
from schemas.messages import events as e
from schemas.messages.base import Move
from schemas.messages.effects import AmendSalesOrder
from schemas.order.things import Key, key_of
from tests.model.plan import plan
from tests.model.walk import failing

Fault = Callable[[], AbstractContextManager[Any]]

# Any: a fault takes and gives what the function that it stands for does.


@contextmanager
def without_joint(rule: str) -> Iterator[None]:
    """A joint rule that no one wrote."""
    assert any(row.rule == rule for row in JOINT), rule
    rows = tuple(replace(row, when=lambda work: None) if row.rule == rule else row for row in JOINT)
    with (
        patch.object(actors.order.joint, "_WHEN", tuple(row.when for row in rows)),
        patch.object(tests.model.checks, "JOINT", rows),
    ):
        yield


@contextmanager
def without_prerequisite(rule: str) -> Iterator[None]:
    """A prerequisite that no one wrote."""
    assert any(row.rule == rule for row in PREREQUISITES), rule
    rows: dict[type, tuple[Prerequisite, ...]] = {}
    for one in PREREQUISITES:
        if one.rule != rule:
            rows[one.effect] = (*rows.get(one.effect, ()), one)
    with patch.object(actors.order.prerequisites, "_BY_EFFECT", rows):
        yield


@contextmanager
def with_fold(kind: type[e.Event], change: Callable[[Draft, Any], None]) -> Iterator[None]:
    """An event that does something else as well."""
    folds = actors.order.family._FOLDS
    with patch.dict(folds, {kind: (*folds[kind], change)}):
        yield


@contextmanager
def without_fold(kind: type[e.Event], name: str) -> Iterator[None]:
    """An event of which one consequence was forgotten."""
    folds = actors.order.family._FOLDS
    kept = tuple(fold for fold in folds[kind] if fold.__name__ != name)
    assert len(kept) < len(folds[kind]), folds[kind]
    with patch.dict(folds, {kind: kept}):
        yield


def _instead(where: Any, name: str, fault: Callable[..., Any]) -> Fault:
    """A function that was written wrongly; `fault` gets the right one first."""
    real = getattr(where, name)

    def wrong(*given: Any, **named: Any) -> Any:
        return fault(real, *given, **named)

    return lambda: patch.object(where, name, wrong)


def _moved(source: str, to: str, other: str) -> Callable[..., Any]:
    """Moves from one account that end in a wrong one."""

    def enter(real: Any, counts: Any, move: Move) -> Any:
        if (move.source, move.to) == (source, to):
            move = Move(move.line, move.quantity, source, other)
        return real(counts, move)

    return enter


def _timers(real: Any, state: Any, context: Any) -> Any:
    return {named: one for named, one in real(state, context).items() if named[0][0] != "F"}


def _repeated(real: Any, *given: Any) -> Any:
    ask = real(*given)
    if ask is None or not isinstance(ask.effect, AmendSalesOrder):
        return ask
    return Ask(ask.key, ask.lane, replace(ask.effect, digest="r1"), "r1")


@contextmanager
def _cancels_nothing() -> Iterator[None]:
    """A cancellation that neither wishes units away nor stops anything."""
    with without_joint("cancel-stops"), patch.object(actors.order.place, "_everything", _nothing):
        yield


def _nothing(*given: Any) -> tuple[()]:
    return ()


def _same_key(work: Work, kind: str, after: int = 0) -> Key:
    return key_of(kind, max(1, work.state.numbers.get(kind, 0) + after))


def _revisions(**changes: tuple[str, ...]) -> Fault:
    return lambda: patch.dict(actors.order.evolve.REVISIONS, changes)


def _stops_again(draft: Draft, event: e.StopDropped) -> None:
    draft.change("fulfilments", event.key, stop="changed", fixed=False)


def _shared_things(draft: Draft, name: str) -> Any:
    found = draft.get(name) or {}
    draft.changes[name] = found
    return found


_CHANCE = [0]


def _by_chance(draft: Draft, event: Any) -> None:
    _CHANCE[0] += 1
    draft.set(waits=f"{_CHANCE[0] % 3}")


FAULTS: dict[str, Fault] = {
    **{
        f"no joint rule: {rule}": lambda rule=rule: without_joint(rule)  # type: ignore[misc]  # a default binds it
        for rule in (
            "drop", "cover", "shrink", "outdated-task", "outdated-label",
            "undo-label", "used-label", "recall", "undone", "untracked", "plan", "money",
            "pack-task", "emptied", "stop-decided", "want-capture", "authorised", "unpaid",
            "captured-there", "void-task", "give-back", "refund-again", "refund-told",
            "print-task-done",
        )
    },
    **{
        f"no prerequisite: {rule}": lambda rule=rule: without_prerequisite(rule)  # type: ignore[misc]  # as above
        for rule in (
            "no-hold-before-task", "no-hold-before-label", "task-before-label",
            "task-before-stock", "stock-before-erp", "all-undone-before-channel",
            "undone-before-message", "settled-before-amending", "money-before-label",
            "money-before-task", "capture-before-channel",
        )
    },
    "units that leave count as delivered": _instead(
        actors.kernel.ledger, "enter", _moved("allocated", "travelling", "delivered")
    ),
    "units that come back are cancelled": _instead(
        actors.kernel.ledger, "enter", _moved("allocated", "open", "cancelled")
    ),
    "lost parcels count as returned": _instead(
        actors.kernel.ledger, "enter", _moved("travelling", "lost", "returned")
    ),
    "a cancellation stops nothing": _cancels_nothing,
    "a removed line forgets its wishes": _instead(
        actors.order.difference, "_freed", lambda real, *given: ((), ())
    ),
    "an edit of the shop adds lines twice": _instead(
        actors.order.difference, "of_lines",
        lambda real, *given, **named: replace(
            found := real(*given, **named), moves=(*found.moves, *found.moves)
        ),
    ),
    "a new thing gets the key of the last": lambda: patch.object(Work, "next", _same_key),
    "amendments share one digest": _instead(actors.documents.wanted, "_next", _repeated),
    "fulfilments have no alarm": _instead(actors.order.timers, "wanted", _timers),
    "timers are never cleared": _instead(
        actors.order.timers, "settle", lambda real, *given: (real(*given)[0], ())
    ),
    "a state is changed in place": lambda: patch.object(Draft, "things", _shared_things),
    "evolving is not pure": lambda: with_fold(e.UpdateNoted, _by_chance),
    "late answers are thrown away": _instead(
        actors.order.replies, "_find",
        lambda real, work, number: real(work, number) if real(work, number)[1] else (None, 0),
    ),
    "a late answer leaves its question to a person": _instead(
        actors.order.family, "_answered", lambda real, *given, **named: None
    ),
    "of two sales orders both stand": _instead(
        actors.documents.wanted, "is_followed", lambda real, state, key: False
    ),
    "a refused cancellation stays wished": lambda: with_fold(e.StopDropped, _stops_again),
    "repeated hand-overs count twice": _instead(
        actors.fulfilment.reports, "gone_before", lambda real, *given: set()
    ),
    "what is packed for a cancelled task is forgotten": _instead(
        actors.fulfilment.packing, "_note_anyway", lambda real, *given: None
    ),
    "our own shipments are taken for others'": _instead(
        actors.order.outside, "_is_known", lambda real, *given: False
    ),
    "nothing is owed": _instead(actors.order.joint_order, "owed", lambda real, *given: (0, "USD")),
    "each fulfilment collects the whole amount": _instead(
        actors.fulfilment.wanted, "amount_for",
        lambda real, state, key, thing, order, context: (
            actors.order.acceptance.to_collect(order, context.setup, state.payment_method)
        ),
    ),
    "what was cancelled is collected all the same": _instead(
        actors.fulfilment.collect, "still_stated", lambda real, *given: (0, "USD")
    ),
    "a repeat is taken for a new call": _instead(Draft, "may_exist", lambda real, *given: False),
    "a voided label stays on its parcels": _instead(
        actors.label.evolve, "_free", lambda real, draft, event, stages: real(draft, event, ())
    ),
    "every order is accepted": _instead(
        actors.order.joint_order, "accept",
        lambda real, state, setup: replace(real(state, setup), basis="why not"),
    ),
    "a message is not known to be written": _instead(
        actors.messages.wanted, "_is_known", lambda real, *given: False
    ),
    "what was published is forgotten": lambda: without_fold(e.Published, "_published"),
    "a plan forgets a line": _instead(
        actors.order.joint_units, "plan",
        lambda real, lines, places, seen: real(lines[1:], places, seen),
    ),
    "things under way may be asked again": _instead(
        actors.order.decide, "busy", lambda real, state: frozenset()
    ),
    "a new address reaches no label": _revisions(address=("book",)),
    "a new address reaches no ERP": _revisions(address=("address", "task")),
    "a refusal to cancel is taken for a cancellation": _instead(
        actors.fulfilment.replies, "cancel_refused",
        lambda real, work, key, reason, settles: work.say(
            joint_things.recalled(work.state, key, settles=settles)
        ),
    ),
    "the sums of the ledger are kept by half": _instead(
        actors.kernel.ledger, "add_up",
        lambda real, sums, before, after: real(sums, before, after) if len(after) < 3 else None,
    ),
    "what was captured is asked for again": _instead(
        actors.order.joint_money, "target",
        lambda real, *given: real(*given) + given[-1].captured,
    ),
    "a part that left hides what changed of the rest": _instead(
        actors.order.differs, "is_rest", lambda real, *given: False
    ),
    "an order ends with units open": _instead(
        actors.order.joint_order, "is_at_rest", lambda real, state, context: not state.open
    ),
}  # fmt: skip
"""Every fault by its name."""


SELLERS: dict[str, tuple[str, ...]] = {
    "no joint rule: void-task": ("captures orders",),
    "no joint rule: give-back": ("refunds",),
    "no joint rule: refund-again": ("refunds by a person",),
    "no joint rule: refund-told": ("refunds",),
    "no prerequisite: capture-before-channel": ("captures parts", "captures for a 3PL"),
    "no prerequisite: task-before-label": ("no ERP", "full"),
    "a part that left hides what changed of the rest": (
        *("3PL", "3PL with tracking", "no carrier", "3PL with another carrier"),
    ),
}
"""Who may notice a fault that most sellers can't; of the others all are asked in turn."""


def found(name: str, walks: int, steps: int = 100) -> str:
    """Return what walks find of a fault, "" for nothing."""
    sellers = SELLERS.get(name)
    with ExitStack() as stack:
        stack.enter_context(FAULTS[name]())
        for number in range(walks):
            one = plan(number * 7 + 1, steps)
            if sellers:
                one = replace(one, setup=sellers[number % len(sellers)])
            error = failing(one)
            if error is not None:
                return f"walk {number + 1}: {type(error).__name__}: {error}"
    return ""
