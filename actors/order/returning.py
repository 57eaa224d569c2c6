"""What people, channels and warehouses say of returns, and what can't be done in words."""

from __future__ import annotations

from collections.abc import Callable

from actors.order.place import refetch
from actors.order.reading import place_of
from actors.order.state import State
from actors.order.table import BORN, DUPLICATE, FOLLOWING
from actors.order.table import CLOSED as CLOSED_ORDER
from actors.order.table import TABLE as ORDER_TABLE
from actors.order.work import Work
from actors.returns.evolve import together
from actors.returns.table import AWAITED, TABLE
from actors.returns.thing import (
    CLOSED,
    EXCESS,
    INSPECTED,
    MAX_RETURNS,
    RECEIVED,
    REQUESTED,
    RESTOCK,
    Return,
    taken,
)
from schemas.messages import events as e
from schemas.messages import inputs as i
from schemas.messages.base import Parts
from schemas.messages.return_inputs import ReturnLine
from schemas.order.things import RETURN, Key

OUT = ("t", "d", "r", "f", "e")
"""Accounts of a line whose units may come back: what left, and is not lost."""

CHANNEL, PERSON, WAREHOUSE = "channel", "person", "warehouse"

UNRECORDED = "goods-back"
"""The id of the task about a warehouse's report that no return can take."""

ABOUT = "return"
"""How a refused step is named to the person who wanted it."""


def handled(work: Work, command: i.HandleReturn) -> None:
    """One step of a return. A person is told why one can't be done; what a channel or a warehouse
    tells and no step fits is known already, or is left to a person."""
    state = work.state
    if state.stage not in BORN or not state.lines:
        return
    if state.stage == DUPLICATE and not state.returns:
        return  # goods that came before it was known as one go on their way
    why = _STEPS[command.step](work, command)
    follows = state.stage in (*FOLLOWING, CLOSED_ORDER) and work.context.setup.storefront
    if command.refetch and follows and not work.state.refetch:
        refetch(work, command.source, f"return {command.step}")
    if why and command.source == PERSON and ORDER_TABLE.allows(state.stage, e.ActionRefused):
        verb = f"{ABOUT} {command.step}"
        work.say(e.ActionRefused(rule="refuse", verb=verb, person=command.person, reason=why))
    elif why and command.source == WAREHOUSE:
        words = (
            f"a warehouse reports that goods came back (step {command.step}), and that can't be "
            f"recorded: {why[:300].rstrip('.')}; ask the warehouse, and enter it by hand"
        )
        work.say(e.TaskOpened(rule="task", task_id=UNRECORDED, words=words))


def may_return(state: State, at: int, without: str = "") -> int:
    """Return how many units of a line may still be sent back: what left, less what other returns
    (all but `without`) take of it."""
    left = sum(state.lines[at].counts.get(letter, 0) for letter in OUT)
    return left - sum(taken(x).get(at, 0) for key, x in state.returns.items() if key != without)


def find(state: State, command: i.HandleReturn, *stages: str) -> Key | None:
    """Return which return is meant, of those in these stages; None: there is none."""
    for key, one in state.returns.items():
        named = not command.key or command.key == key
        theirs = not command.outside_id or command.outside_id == one.outside
        if named and theirs and one.stage in stages:
            return key
    return None


def _by_outside(state: State, command: i.HandleReturn) -> Key | None:
    if not command.outside_id:
        return None
    known = (key for key, one in state.returns.items() if one.outside == command.outside_id)
    return next(known, None)


def _parts(state: State, lines: tuple[ReturnLine, ...]) -> tuple[Parts, str]:
    """Return named lines by their places, each once, or why one can't be."""
    at_of = {line.line_id: at for at, line in enumerate(state.lines)}
    for one in lines:
        if one.line_id not in at_of:
            return (), f"The order has no line {one.line_id}."
    return together((), tuple((at_of[one.line_id], one.quantity) for one in lines)), ""


def _request(work: Work, command: i.HandleReturn) -> str:
    """Somebody wants to send goods back: no more than left, less what is returned already."""
    state = work.state
    if _by_outside(state, command) is not None:
        return "This return is known already."
    if len(state.returns) >= MAX_RETURNS:
        return f"The order has {MAX_RETURNS} returns already, and no more are kept."
    if not command.lines and command.source != CHANNEL:
        return "Say which lines are sent back, and how many units of each."
    parts, why = _parts(state, command.lines)
    if why:
        return why
    for at, quantity in parts:
        most = may_return(state, at)
        if quantity > most:
            name = state.lines[at].line_id
            return (
                f"Of line {name} at most {max(0, most)} units can come back: what left, without "
                f"what is returned already. {quantity} can't."
            )
    _announce(work, command)
    return ""


def _announce(work: Work, command: i.HandleReturn) -> Key:
    at_of = {line.line_id: at for at, line in enumerate(work.state.lines)}
    key = work.next(RETURN)
    work.say(
        e.ReturnRequested(
            rule="request",
            key=key,
            units=tuple(
                e.ReturnUnits(at_of[one.line_id], one.quantity, one.reason) for one in command.lines
            ),
            source=command.source,
            outside_id=command.outside_id,
            person=command.person,
            reason=command.reason,
        )
    )
    return key


def _channel_s(work: Work, command: i.HandleReturn) -> None:
    """A channel's word about a return that is not known yet makes it known."""
    fits = command.source == CHANNEL and command.outside_id
    if fits and _by_outside(work.state, command) is None and len(work.state.returns) < MAX_RETURNS:
        parts, why = _parts(work.state, command.lines)
        if not why and all(quantity <= may_return(work.state, at) for at, quantity in parts):
            _announce(work, command)


def _authorise(work: Work, command: i.HandleReturn) -> str:
    _channel_s(work, command)
    key = find(work.state, command, REQUESTED)
    if key is None:
        return _no_such(work.state, command, "waits to be authorised")
    work.say(
        e.ReturnAuthorised(
            rule="authorise",
            key=key,
            source=command.source,
            person=command.person,
            reason=command.reason,
        )
    )
    return ""


def _decline(work: Work, command: i.HandleReturn) -> str:
    _channel_s(work, command)
    key = find(work.state, command, REQUESTED)
    if key is None:
        return _no_such(work.state, command, "waits to be authorised or declined")
    work.say(
        e.ReturnDeclined(
            rule="decline",
            key=key,
            source=command.source,
            person=command.person,
            reason=command.reason,
        )
    )
    return ""


def _cancel(work: Work, command: i.HandleReturn) -> str:
    key = find(work.state, command, *AWAITED)
    if key is None:
        return _no_such(work.state, command, "waits for its goods")
    work.say(
        e.ReturnCancelled(
            rule="call-off",
            key=key,
            source=command.source,
            person=command.person,
            reason=command.reason,
        )
    )
    return ""


def _send(work: Work, command: i.HandleReturn) -> str:
    key = find(work.state, command, *(x for x in AWAITED if x != REQUESTED))
    if key is None:
        return _no_such(work.state, command, "is authorised and waits for its goods")
    one = work.state.returns[key]
    number = command.tracking_number
    if TABLE.to(one.stage, e.ReturnSent) == one.stage and number in ("", one.number):
        return "It is known that it was sent."
    rule = "send-again" if TABLE.to(one.stage, e.ReturnSent) == one.stage else "send"
    work.say(e.ReturnSent(rule=rule, key=key, tracking_number=number, person=command.person))
    return ""


def _receive(work: Work, command: i.HandleReturn) -> str:
    """Goods came: that is a fact, whatever was said of them before. What is more than had left is
    recorded all the same, and a person settles it."""
    state = work.state
    parts, why = _parts(state, command.lines)
    if why:
        return why
    key = _awaiting(state, command)
    if key is None and command.key:
        return _no_such(state, command, "can take goods; leave the key out for another return")
    if not parts and key is not None:
        parts = tuple(taken(state.returns[key]).items())
        if state.returns[key].stage == RECEIVED:
            parts = ()
    if not parts:
        return "Say which lines came back, and how many units of each."
    if key is None and len(state.returns) >= MAX_RETURNS:
        return f"The order has {MAX_RETURNS} returns already, and no more are kept."
    place = command.place or _place(work)
    if place and not place_of(work.context.setup, place).name:
        if command.source == PERSON:
            return f"There is no place {place}: name one of those that goods leave from."
        place = _place(work)  # the goods are here all the same
    stage = state.returns[key].stage if key is not None else ""
    work.say(
        e.ReturnReceived(
            rule=_RECEIVED.get(stage, "receive-late"),
            key=work.next(RETURN) if key is None else key,
            units=parts,
            source=command.source,
            place=place,
            person=command.person,
            reason=command.reason,
        )
    )
    _count(work, parts)
    return ""


_RECEIVED = {"": "arrive", RECEIVED: "receive-more", **dict.fromkeys(AWAITED, "receive")}
"""The rule by which goods come back, by the return's stage before; else they are late."""


def _awaiting(state: State, command: i.HandleReturn) -> Key | None:
    """Return the return that goods belong to: one that waits for them; of those that are named also
    one that more goods come of, or that had ended without any."""
    key = find(state, command, *AWAITED)
    if key is None and (command.key or command.outside_id):
        key = find(state, command, RECEIVED)
        if key is None:
            key = find(state, command, "declined", "cancelled", CLOSED)
            if key is not None and state.returns[key].came:
                key = None  # its goods are settled; what comes now is another return
    return key


def _place(work: Work) -> str:
    """Return where goods are of which no one says it: at the only place, if there is one alone."""
    places = work.context.setup.places
    return places[0].name if len(places) == 1 else ""


def _count(work: Work, parts: Parts) -> None:
    """Leave to a person what came back beyond what had left."""
    state = work.state
    over = [
        f"{-more} × {state.lines[at].sku} of line {state.lines[at].line_id}"
        for at, _ in parts
        if (more := may_return(state, at)) < 0
    ]
    if over:
        key = work.events[-1].key
        words = (
            f"more came back with {key} than had left: {', '.join(over[:20])} too many; look whose "
            "goods they are"
        )
        work.say(e.TaskOpened(rule="task", key=key, task_id=f"{EXCESS}{key}", words=words))


def _inspect(work: Work, command: i.HandleReturn) -> str:
    """It is said what becomes of every unit that came."""
    state = work.state
    key = find(state, command, RECEIVED)
    if key is None:
        return _no_such(state, command, "has goods to inspect")
    one = state.returns[key]
    parts, why = _parts(state, command.lines)
    if why:
        return why
    if any(line.disposition is None for line in command.lines):
        return "Say what becomes of each line: restock, damaged, discard or supplier."
    if command.lines and dict(parts) != dict(one.came):
        came = ", ".join(f"{n} of line {state.lines[at].line_id}" for at, n in one.came[:20])
        return f"Say what becomes of every unit that came back with {key}: {came}."
    found = _found(state, command)
    if not found:
        found = tuple(e.FoundUnits(at, n, RESTOCK) for at, n in one.came)
    place = command.place or one.place
    if place and not place_of(work.context.setup, place).name:
        return f"There is no place {place}: name one of those that goods leave from."
    setup = work.context.setup
    sold = any(x.disposition == RESTOCK for x in found)
    if sold and not place and setup.stock and setup.places:
        return "Say at which place the units are that can be sold again."
    work.say(
        e.ReturnInspected(
            rule="inspect",
            key=key,
            units=found,
            source=command.source,
            place=place,
            refund=command.refund or "",
            person=command.person,
            reason=command.reason,
        )
    )
    return ""


def _found(state: State, command: i.HandleReturn) -> tuple[e.FoundUnits, ...]:
    at_of = {line.line_id: at for at, line in enumerate(state.lines)}
    return tuple(
        e.FoundUnits(at_of[line.line_id], line.quantity, line.disposition)
        for line in command.lines
        if line.disposition is not None
    )


def _close(work: Work, command: i.HandleReturn) -> str:
    """The channel closed it: what has not come is not awaited any more. What came is inspected all
    the same, and closes by itself."""
    key = find(work.state, command, *AWAITED)
    if key is None:
        return _no_such(work.state, command, "waits for its goods")
    work.say(e.ReturnClosed(rule="close-there", key=key, source=command.source))
    return ""


def _no_such(state: State, command: i.HandleReturn, what: str) -> str:
    """Say that no return is there that a step is possible for, and which there are."""
    named = command.key or command.outside_id
    known: list[tuple[str, Return]] = [(key, one) for key, one in state.returns.items()]
    told = ", ".join(f"{key} is {one.stage.replace('_', ' ')}" for key, one in known[:10])
    whose = f"{named} is not a return that {what}" if named else f"No return of it {what}"
    return f"{whose}: {told}." if told else f"{whose}: there is none."


_STEPS: dict[str, Callable[[Work, i.HandleReturn], str]] = {
    "request": _request,
    "authorise": _authorise,
    "decline": _decline,
    "cancel": _cancel,
    "send": _send,
    "receive": _receive,
    "inspect": _inspect,
    "close": _close,
}
"""Each step; it returns why it can't be done, "" when it was."""

__all__ = ["INSPECTED", "find", "handled", "may_return"]
