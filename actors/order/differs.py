"""What can't follow a change any more: one person's task names exactly what differs, and no
personal data."""

from __future__ import annotations

from actors.kernel import ledger
from actors.label.thing import Label
from actors.order.reading import is_unused, parcels_of
from actors.order.state import State
from actors.order.work import Work
from actors.parcel.table import ON_ITS_WAY
from schemas.messages import events as e
from schemas.order.things import Key

CHANGED = "changed"
"""The id of the task about what can't follow a change: one for each order."""

MAX_DIFFERS = 1_000
"""Characters of such a task: five edits of an order with many parcels are still named."""

_NAMES = {
    "address": "the address",
    "method": "the shipping method",
    "note": "the note",
    "due": "the amount to collect",
}
"""Facets that goods on their way can't follow."""


def too_late(work: Work, facets: tuple[str, ...], late: tuple[tuple[int, int], ...]) -> None:
    """Leave to a person what has left before it changed."""
    state = work.state
    told = []
    named = [_NAMES[one] for one in facets if one in _NAMES and one != "note"]
    if named:
        gone = [_name(state, k) for k, x in state.parcels.items() if x.stage in ON_ITS_WAY]
        if gone:
            told.append(f"{' and '.join(named)} changed after {', '.join(gone[:10])} had left")
        for label in state.labels.values():
            told += old_label(state, label)
        fixed = [k for k, x in state.fulfilments.items() if x.fixed and x.left]
        if fixed:
            told.append(f"{' and '.join(named)} changed, and {', '.join(fixed)} can't be stopped")
    for at, quantity in late[:20]:
        line = state.lines[at]
        told.append(f"{quantity} × {line.sku} of line {line.line_id} were removed after they left")
    leave(work, told)


def not_stopped(work: Work, key: Key, reason: str) -> None:
    """Leave to a person what a warehouse does not stop for although it was told something else. Of
    a note alone no one is told: nothing goes wrong with the goods, and most of them have left."""
    state = work.state
    thing = state.fulfilments[key]
    facets = [one for one, revision in state.revised.items() if revision > thing.told]
    named = [_NAMES[one] for one in _NAMES if one in facets]
    if not thing.left or any(ledger.wished(state.lines[at].counts) for at, _ in thing.left):
        named.append("the lines")
    if named and named != [_NAMES["note"]]:
        words = f"{' and '.join(named)} changed, and the warehouse does not stop {key}: {reason}"
        leave(work, [words[:300]])


def old_label(state: State, label: Label) -> list[str]:
    """Name the parcels whose label says another address and can't be voided any more, because
    another parcel has left under it."""
    if label.stage != "bought" or label.told == state.address or is_unused(state, label):
        return []
    here = [k for k in label.parcels if k in state.parcels and state.parcels[k].stage == "packed"]
    return [f"the label of {k} says another address, and can't be voided" for k in here]


def leave(work: Work, told: list[str], key: Key | None = None) -> None:
    """Add to the one task about what differs."""
    if not told:
        return
    task = next((x for x in work.state.tasks if x.task_id == CHANGED), None)
    known = task.words if task is not None else ""
    fresh = [one for one in told if one not in known]
    if fresh:
        words = "; ".join([known, *fresh] if known else fresh)[-MAX_DIFFERS:]
        work.say(e.TaskOpened(rule="task", task_id=CHANGED, words=words))


def in_excess(work: Work, key: Key, units: dict[int, int], unknown: list[str]) -> None:
    """Leave to a person what a warehouse sent although no one had asked for it."""
    state = work.state
    told = [f"{quantity} × {state.lines[at].sku} too many left with {key}"
            for at, quantity in units.items()]  # fmt: skip
    told += [f"{key} has {name}" for name in unknown[:10]]
    leave(work, told)


def _name(state: State, key: Key) -> str:
    number = state.parcels[key].number
    return f"{key} ({number})" if number else key


__all__ = ["CHANGED", "in_excess", "leave", "ledger", "parcels_of", "too_late"]
