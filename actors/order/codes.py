"""Codes of single pieces that a person enters, because the warehouse did not send them."""

from __future__ import annotations

from actors.order.state import State
from actors.order.table import ACCEPTED
from actors.order.work import Work
from schemas.messages import effects as f
from schemas.messages import events as e
from schemas.messages import inputs as i
from schemas.messages.words.parts import counted
from schemas.order.canonical import Order
from schemas.order.things import Key

PUBLISH = f.tag_of(f.PublishFulfilment)


def enter(work: Work, command: i.EditOrder) -> str:
    """Take over codes, and have the channel told that refused the parcels without them. Returns why
    it can't be done, "" when it was."""
    state, body = work.state, work.order
    if state.stage != ACCEPTED or state.cancel is not None:
        stage = "being cancelled" if state.cancel else state.stage
        return f"Codes of an order that is {stage} can't be entered."
    if body is None:
        return "What was ordered is not kept here any more: its personal data was erased."
    found: dict[Key, dict[int, tuple[str, ...]]] = {}
    for one in command.codes:
        at, why = _line_of(state, body, one)
        if why:
            return why
        found.setdefault(one.parcel, {})[at] = one.codes
    if why := _repeated(state, found):
        return why
    for key, codes in found.items():
        work.say(
            e.CodesEntered(
                rule="codes",
                key=key,
                codes=tuple(codes.items()),
                person=command.person,
                reason=command.reason,
            )
        )
    _tell(work, {state.parcels[key].fulfilment for key in found}, command)
    return ""


def _line_of(state: State, body: Order, one: i.ParcelCodes) -> tuple[int, str]:
    """Return the line's place, or why these can't be its codes."""
    parcel = state.parcels.get(one.parcel)
    if parcel is None:
        known = ", ".join(state.parcels) or "none"
        return -1, f"The order has no parcel {one.parcel} that is under way; it has: {known}."
    if parcel.shown:
        return -1, f"The channel was told of {one.parcel} already; its codes can't be changed here."
    held = {state.lines[at].line_id: (at, quantity) for at, quantity in parcel.units}
    if one.line_id not in held:
        return -1, f"{one.parcel} holds nothing of line {one.line_id}; it holds: {', '.join(held)}."
    if not any(line.line_id == one.line_id and line.unit_codes for line in body.lines):
        return -1, f"The channel wants no codes of line {one.line_id}."
    at, quantity = held[one.line_id]
    if len(set(one.codes)) != len(one.codes) or len(one.codes) != quantity:
        pieces = counted(quantity, "piece")
        return -1, f"{one.parcel} holds {pieces} of line {one.line_id}: enter one code for each."
    return at, ""


def _repeated(state: State, found: dict[Key, dict[int, tuple[str, ...]]]) -> str:
    """Return that a code is another piece's, too."""
    seen: dict[str, str] = {}
    for key, parcel in state.parcels.items():
        now = {**dict(parcel.codes), **found.get(key, {})}
        for at, codes in now.items():
            for code in codes:
                piece = f"{key}, line {state.lines[at].line_id}"
                if seen.setdefault(code, piece) != piece:
                    return f"The code {code} is of {seen[code]} and of {piece}: one piece each."
    return ""


def _tell(work: Work, fulfilments: set[Key], command: i.EditOrder) -> None:
    for stuck in work.state.stuck:
        if stuck.kind == PUBLISH and stuck.key in fulfilments and stuck.outcome_known:
            work.say(
                e.Retried(
                    rule="retry",
                    key=stuck.key,
                    effect=stuck.number,
                    person=command.person,
                    reason=command.reason,
                )
            )
