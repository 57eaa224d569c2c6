"""What can't follow a change any more: one person's task names exactly what differs and what to do
about it, and no personal data."""

from __future__ import annotations

from collections.abc import Iterable

from actors.fulfilment.collect import is_off
from actors.fulfilment.thing import HELD, Fulfilment
from actors.kernel import ledger
from actors.label.thing import WANTED, Label
from actors.order.evolve import REFUSED_CANCEL
from actors.order.reading import is_packed_for_us, is_rest, is_unused
from actors.order.returned import unexplained
from actors.order.state import State
from actors.order.work import Work
from actors.parcel.table import ON_ITS_WAY
from actors.parcel.thing import COLLECTED, DELIVERED, UNTRACKED
from schemas.messages import events as e
from schemas.messages.base import Parts
from schemas.order.things import PARCEL, Key, kind_of

CHANGED = "changed"
"""The id of the task about what can't follow a change: one for each order."""

MAX_DIFFERS = 2_000
"""Characters of such a task: five edits of an order with many parcels are still named."""

MAX_LATE = 20
"""Lines of which a task tells by themselves what left and is not ordered any more."""
MAX_NAMED = 10
"""Lines, parcels or fulfilments that one sentence names."""

_NAMES = {
    "address": "the address",
    "method": "the shipping method",
    "note": "the note, gift message or dates",
    "due": "the amount to collect",
}
"""Facets that goods on their way, or already packed, can't follow."""

NOTED = "note-"
"""How the ids of tasks about what only the goods at the warehouse can follow begin."""

REDIRECT = "have the carrier redirect it"
COLLECT = "have the carrier collect the new amount"
STOP = "have it stopped on its way, or sent back"

_TODO = {"address": REDIRECT, "method": "tell the customer", "due": COLLECT}
"""What a person can do about goods that left before a facet changed."""

_ARRIVED = {
    REDIRECT: "it has arrived, so ask the customer whether they have it",
    COLLECT: "it has arrived, so settle the difference with the customer",
    STOP: "it has arrived, so have it sent back",
}
"""What is left to do once nothing of the order is on its way any more."""

_MOVING = (*ON_ITS_WAY, UNTRACKED)
_THERE = (DELIVERED, COLLECTED)

SEND_BACK = "have them sent back, or charge for them"
WITHDRAW = "they do not travel, so withdraw them where that can be done, or charge for them"


def too_late(work: Work, facets: tuple[str, ...], late: tuple[tuple[int, int], ...]) -> None:
    """Leave to a person what has left before it changed."""
    state = work.state
    told = []
    named = [one for one in facets if one in _TODO and (one != "due" or is_off(work))]
    if named:
        what = " and ".join(_NAMES[one] for one in named)
        if gone := moving(state):
            told.append(f"{what} changed after {some(gone)} had left: {_todo(named)}")
        for label in state.labels.values():
            told += old_label(state, label)
    told += _not_followed(work, [one for one in facets if one in named or one == "note"])
    if "texts" in facets:
        _texts_beyond(work)
    late = unexplained(state, work.order, late)
    for at, quantity in late[:MAX_LATE]:
        line = state.lines[at]
        todo = WITHDRAW if line.delivery == "digital" else f"{SEND_BACK}, unless they are back"
        told.append(
            f"{quantity} × {line.sku} of line {line.line_id} were removed or refunded after they "
            f"left: {todo}"
        )
    if len(late) > MAX_LATE:
        units = sum(quantity for _, quantity in late[MAX_LATE:])
        told.append(
            f"{units} units of {len(late) - MAX_LATE} more lines were removed or refunded after "
            f"they left: compare the order with the channel, and {SEND_BACK}"
        )
    leave(work, *told)


def moving(state: State) -> list[str]:
    """Name the parcels that are on their way as far as is known, also those of which no carrier
    can tell, and whose fulfilment is done."""
    ended = state.ended.items()
    gone = [k for k, x in ended if kind_of(k) == PARCEL and x.stage == UNTRACKED]
    return [*gone, *(_name(state, k) for k, x in state.parcels.items() if x.stage in _MOVING)]


def _not_followed(work: Work, named: list[str]) -> list[str]:
    """Name what changed about fulfilments that can't be stopped any more, which is told when they
    could not be, and about the rest of those of which a part has left. What no label says, such as
    a gift message, is also named of what is packed and goes on under a label of ours."""
    state, only_note = work.state, named == ["note"]
    found = []
    for key, thing in state.fulfilments.items():
        setup = work.context.setup
        if is_rest(state, key, thing, setup) and named:
            words = _of_rest(key, thing, named)
            found += [] if only_note else [words]
            _note(work, key, words if only_note else "")
        elif "note" in named and is_packed_for_us(thing, setup):
            whom = "who packs it" if thing.person else "the warehouse"
            what = f"{_NAMES['note']} changed after {key}{_task(thing)} was packed"
            _note(work, key, f"{what}: tell {whom}")
        if not (thing.fixed and thing.left):
            continue
        changed = [f"{_NAMES[one]} changed" for one in named]
        for at, have in thing.left:
            line = state.lines[at]
            others = line.counts.get("o", 0) + line.counts.get("a", 0) - have
            gone = min(have, ledger.wished(line.counts) - others)
            if gone > 0:
                changed.append(f"{gone} × {line.sku} of line {line.line_id} were removed")
        if changed:
            words = (
                f"{some(changed)}, and the warehouse does not stop {key}{_task(thing)}: tell the "
                "warehouse"
            )
            is_note = only_note and len(changed) == 1
            found += [] if is_note else [words]
            _note(work, key, words if is_note else "")
    return found


def _texts_beyond(work: Work) -> None:
    """Have a person look at texts that change again and again, and that no other task is given
    for."""
    for key, thing in work.state.fulfilments.items():
        if thing.told and thing.is_begun and thing.left and not thing.stop:
            words = (
                f"texts of the order change again and again, and {key}{_task(thing)} is not given "
                "again for each: compare what it says with the order before it leaves"
            )
            if not any(one.words == words for one in work.state.tasks):
                _note(work, key, words)


def _note(work: Work, key: Key, words: str) -> None:
    """Have a person tell who has the goods of a note, a gift message or dates. That is over by
    itself once they have left, so it is a task of its own; with other changes it is in theirs."""
    if words:
        work.say(e.TaskOpened(rule="task", key=key, task_id=f"{NOTED}{key}", words=words))


def _of_rest(key: Key, thing: Fulfilment, named: Iterable[str]) -> str:
    what = " and ".join(_NAMES[one] for one in named)
    return (
        f"{what} changed, and the rest of {key}{_task(thing)} can't be stopped, because a part has "
        "left: tell the warehouse"
    )


def _task(thing: Fulfilment) -> str:
    return f" (task {thing.task})" if thing.task else ""


def changed_since(work: Work, label: Label, gone: Iterable[Key]) -> list[str]:
    """Name what changed after a label was asked for, of parcels that have left under it."""
    facets = [one for one in _facets(work.state, 0, label) if one in _TODO]
    named = [one for one in facets if one != "due" or is_off(work)]
    what = " and ".join(_NAMES[one] for one in named)
    return [f"{what} changed after {k} had left: {_todo(named)}" for k in gone] if named else []


def old_label(state: State, label: Label) -> list[str]:
    """Name the parcels whose label says another address and can't be voided any more, because
    another parcel has left under it."""
    if label.stage != "bought" or label.told == state.address or is_unused(state, label):
        return []
    here = [k for k in label.parcels if k in state.parcels and state.parcels[k].stage == "packed"]
    return [
        f"the label of {k} says {_former(state, 0, label)} and can't be voided, because another "
        "parcel left under it: have the warehouse send it with a new label"
        for k in here
    ]


def not_stopped(work: Work, key: Key, thing: Fulfilment, reason: str) -> None:
    """Leave to a person what the task of a warehouse says that does not stop. A change that was
    taken back since leaves nothing to do, and a note does once all has left."""
    state = work.state
    lines = [
        f"{quantity} × {line.sku} of line {line.line_id} where the order has {quantity - gone}"
        for at, quantity in thing.left
        if (gone := min(quantity, ledger.wished((line := state.lines[at]).counts)))
    ]
    facets = [one for one in _facets(state, thing.told, None) if one != "due" or is_off(work)]
    if not thing.left and facets == ["note"]:
        return
    former = _list_former(facets)
    more = [f"{len(lines) - MAX_NAMED} more lines unlike it"] if len(lines) > MAX_NAMED else []
    says = [*lines[:MAX_NAMED], *more, *([former] if former else [])]
    if says:
        todo = "have it corrected" + (", or have what is too much sent back" if lines else "")
        said = f"its task says {', '.join(says)}: {todo}"
        words = f"the warehouse does not stop {key} ({reason[:200].rstrip('.')}); {said}"
        if lines or facets != ["note"]:
            leave(work, words)
        else:
            _note(work, key, words)


def says_former(state: State, thing: Fulfilment) -> str:
    """Name what changed since a task was told that a cancellation does not stop, "" for nothing."""
    facets = _facets(state, thing.told, None)
    return f"; its task says {_list_former(facets)}" if facets else ""


def left_unlike(
    work: Work, before: State, key: Key, thing: Fulfilment, gone: Iterable[Key], *, inside: bool
) -> None:
    """Leave to a person what left although it was to be stopped, or unlike the order says by now.
    `before` is the state before it left."""
    # Of what could not be stopped a person was told when it could not.
    parts = () if thing.fixed else _unwanted(before, work.state)
    lines = [
        f"{quantity} × {before.lines[at].sku} of line {before.lines[at].line_id}"
        for at, quantity in parts
    ]
    differs = [f"{some(lines)} not wanted any more"] if lines else []
    todo = ["have them sent back"] if lines else []
    known = is_rest(before, key, thing, work.context.setup)
    found = {one for k in gone for one in _outdated(before, k, thing, known=known)}
    facets = sorted(one for one in found if one != "due" or is_off(work))
    if facets:
        differs.append(_list_former(facets))
        todo.append(_todo(facets))
    kept = thing.stop if thing.stop in ("cancelled", "held") else _not_stopped(before, key)
    if not inside:
        why = " although its task was cancelled"
    elif kept:
        why = f" although it was {kept}"
    else:
        why = " before it could be stopped" if thing.stop else ""
    if not differs and inside and not kept:
        return
    what = f", with {' and '.join(differs)}" if differs else ""
    do = ", ".join(todo) or STOP
    told = [f"{key} left{why}{what}: {do}"]
    after, setup = work.state.fulfilments.get(key), work.context.setup
    if facets and inside and after is not None and is_rest(work.state, key, after, setup):
        told.append(_of_rest(key, after, facets))
    leave(work, *told)


def _not_stopped(state: State, key: Key) -> str:
    """Say whether what a warehouse did not stop is `cancelled` or `held`, and no person has let it
    go since ("")."""
    if any(x.key == key and x.hold_id.startswith(REFUSED_CANCEL) for x in state.holds):
        return "cancelled"
    return "held" if any(x.task_id == f"{HELD}{key}" for x in state.tasks) else ""


def _unwanted(before: State, after: State) -> Parts:
    """Return units that were to go, and can't go any more because they have left."""
    if not ledger.wished(before.sums):
        return ()
    return tuple(
        (at, lost)
        for at, line in enumerate(before.lines)
        if (lost := ledger.wished(line.counts) - ledger.wished(after.lines[at].counts)) > 0
    )


def _outdated(state: State, key: Key, thing: Fulfilment, *, known: bool) -> list[str]:
    """Name the facets that changed after a parcel's label was bought, or after its warehouse was
    told where no label of ours says it, such as one that is not bought yet, unless it is `known` to
    a person. A note changes nothing about a parcel."""
    parcel = state.parcels.get(key)
    label = state.labels.get(parcel.label) if parcel is not None else None  # type: ignore[call-overload]  # a key or ""
    if label is not None and label.told and label.stage != WANTED:
        return [one for one in _facets(state, 0, label) if one in _TODO]
    if known or thing.fixed or not thing.told:
        return []
    return [one for one in _facets(state, thing.told, None) if one in _TODO]


def _facets(state: State, told: int, label: Label | None) -> list[str]:
    """Return what changed after a task of this revision was told, or after a label was bought."""
    if label is not None:
        return [name for name, (_, address) in state.revised.items() if address > label.told]
    return [name for name, (task, _) in state.revised.items() if task > told]


def _former(state: State, told: int, label: Label | None) -> str:
    return _list_former(_facets(state, told, label))


def _list_former(facets: Iterable[str]) -> str:
    return " and ".join(f"the former {_NAMES[one].removeprefix('the ')}" for one in facets)


def facets_named(facets: Iterable[str]) -> str:
    """Name what a task says beside units and the amount to collect, both of which it states."""
    return " and ".join(name for one, name in _NAMES.items() if one in facets and one != "due")


def _todo(facets: Iterable[str]) -> str:
    return ", ".join(_TODO[one] for one in facets)


def leave(work: Work, *told: str) -> None:
    """Add to the one task about what differs."""
    event = left(work.state, *told)
    if event is not None:
        work.say(event)


def left(state: State, *told: str) -> e.TaskOpened | None:
    """Return the one task about what differs with more to it, None where it says that already."""
    task = next((x for x in state.tasks if x.task_id == CHANGED), None)
    known = task.words if task is not None else ""
    fresh = [one for one in (_by_now(state, one) for one in told) if one not in known]
    if not fresh:
        return None
    words = _within("; ".join([known, *fresh] if known else fresh))
    return e.TaskOpened(rule="task", task_id=CHANGED, words=words)


def _within(words: str) -> str:
    """Return a task's words, or the latest of them and where the earlier ones are."""
    if len(words) <= MAX_DIFFERS:
        return words
    return _EARLIER + words[len(_EARLIER) - MAX_DIFFERS :]


_EARLIER = "the timeline has what this began with; … "


def arrived(work: Work) -> e.OrderEvent | None:
    """What can only be done to goods on their way can't be done any more once all are there: the
    task then says what can."""
    task = next((one for one in work.state.tasks if one.task_id == CHANGED), None)
    if task is None or (words := _by_now(work.state, task.words)) == task.words:
        return None
    return e.TaskOpened(rule="task", task_id=CHANGED, words=_within(words))


def _by_now(state: State, words: str) -> str:
    """Return what a person can do, by where the goods are."""
    if not any(one in words for one in _ARRIVED):
        return words
    ended = (one.stage for key, one in state.ended.items() if kind_of(key) == PARCEL)
    stages = {*(one.stage for one in state.parcels.values()), *ended}
    untold = any(one.untold for one in state.fulfilments.values())
    if untold or not stages.isdisjoint(_MOVING) or stages.isdisjoint(_THERE):
        return words
    for before, after in _ARRIVED.items():
        words = words.replace(before, after)
    return words


def in_excess(work: Work, key: Key, units: dict[int, int], unknown: list[str]) -> None:
    """Leave to a person what a warehouse sent although no one had asked for it."""
    state = work.state
    told = [
        f"{quantity} × {state.lines[at].sku} too many left with {key}: {SEND_BACK}"
        for at, quantity in units.items()
    ]
    leave(work, *told, *holds_unknown(key, unknown))


def cancelled_and_left(key: Key) -> str:
    """Name a task that is said to be cancelled although goods have left."""
    return f"the warehouse says that {key} is cancelled, and it has left: ask it which is true"


def holds_unknown(key: Key, unknown: list[str]) -> list[str]:
    """Name what a warehouse reports of a fulfilment that the order knows nothing of."""
    told = [f"{key} has {name}: ask the warehouse what it packed" for name in unknown[:MAX_NAMED]]
    more = len(unknown) - MAX_NAMED
    return [*told, f"{key} has {more} more such things"] if more > 0 else told


def _name(state: State, key: Key) -> str:
    number = state.parcels[key].number
    return f"{key} ({number})" if number else key


def some(names: list[str]) -> str:
    """Name some of many, and how many more there are."""
    more = f" and {len(names) - MAX_NAMED} more" if len(names) > MAX_NAMED else ""
    return ", ".join(names[:MAX_NAMED]) + more
