"""Goods that come back: as people and warehouses tell it, or in no order at all."""

from __future__ import annotations

from actors.order.returning import may_return
from actors.returns.table import AWAITED
from actors.returns.thing import RECEIVED, REQUESTED
from schemas.messages import inputs as i
from schemas.messages.return_events import Disposition
from schemas.messages.return_inputs import ReturnLine
from schemas.order.things import Key
from tests.given import REF
from tests.model.choices import Choices
from tests.model.world import World

BECOMES: tuple[Disposition, ...] = ("restock", "restock", "damaged", "discard", "supplier")


def some(world: World, choices: Choices) -> None:
    """Let a return move on, or begin one."""
    state = world.state
    waiting = [k for k, x in state.returns.items() if x.stage in (*AWAITED, RECEIVED)]
    if waiting and choices.chance(70):
        step(world, choices, choices.pick(waiting))
        return
    at = choices.whole(0, len(state.lines) - 1)
    most = may_return(state, at)
    if most <= 0:
        return
    line = ReturnLine(line_id=state.lines[at].line_id, quantity=choices.whole(1, most), reason="x")
    if choices.chance(30):
        _give(world, "receive", line, source="warehouse", place=_place(world, choices))
    else:
        how = choices.pick(("person", "person", "channel"))
        outside = f"gid-{len(state.returns)}" if how == "channel" else ""
        _give(world, "request", line, source=how, outside_id=outside)


def step(world: World, choices: Choices, key: Key) -> None:
    """Let one return take the next step that fits."""
    one = world.state.returns[key]
    if one.stage == RECEIVED:
        inspect(world, choices, key)
    elif one.stage == REQUESTED:
        how = choices.pick(("authorise", "authorise", "authorise", "decline", "receive"))
        _move(world, choices, key, how)
    else:
        how = choices.pick(("send", "receive", "receive", "receive", "cancel", "close"))
        _move(world, choices, key, how)


def inspect(world: World, choices: Choices | None, key: Key) -> None:
    """Say what becomes of every unit that came."""
    one, state = world.state.returns[key], world.state
    lines = tuple(
        ReturnLine(
            line_id=state.lines[at].line_id,
            quantity=quantity,
            disposition=choices.pick(BECOMES) if choices is not None else "restock",
        )
        for at, quantity in one.came
    )
    refund = None
    if choices is not None and world.setup.refunds and choices.chance(30):
        refund = choices.pick(("full", "less_fee", "none", "person"))
    _give(world, "inspect", *lines, key=key, place=_place(world, choices), refund=refund)


def receive(world: World, key: Key) -> None:
    """Let all come that a return waits for, or one unit where no one said which."""
    one, state = world.state.returns[key], world.state
    lines = tuple(
        ReturnLine(line_id=state.lines[x.line].line_id, quantity=x.quantity) for x in one.asked
    )
    lines = lines or (ReturnLine(line_id=state.lines[0].line_id, quantity=1),)
    _give(world, "receive", *lines, key=key, source="warehouse")


def wild(world: World, choices: Choices) -> None:
    """Say anything of any return."""
    world.is_wild = True
    state = world.state
    lines = tuple(
        ReturnLine(
            line_id=choices.pick((x.line_id, x.line_id, "no-line")),
            quantity=choices.whole(1, 4),
            disposition=choices.pick((None, *BECOMES)),
        )
        for x in state.lines
        if choices.chance(50)
    )
    steps = ("request", "authorise", "decline", "cancel", "send", "receive", "inspect", "close")
    world.give(
        i.HandleReturn(
            ref=REF,
            step=choices.pick(steps),  # type: ignore[arg-type]  # one of its steps
            source=choices.pick(("person", "channel", "warehouse")),
            person="ann",
            key=choices.pick(("", "T1", "T2", "T9")),
            outside_id=choices.pick(("", "", "gid-0", "gid-1")),
            lines=lines,
            place=choices.pick(("", "WH1", "nowhere")),
            tracking_number=choices.pick(("", "1Z", "2Z")),
            refetch=choices.chance(20),
        )
    )


def _move(world: World, choices: Choices, key: Key, how: str) -> None:
    one = world.state.returns[key]
    if how == "receive" and (not one.asked or choices.chance(20)):
        receive(world, key)
        return
    source = "channel" if one.source == "channel" else "person"
    number = choices.pick(("", "1ZBACK")) if how == "send" else ""
    _give(world, how, key=key, source=source, tracking_number=number)


def _place(world: World, choices: Choices | None) -> str:
    places = [one.name for one in world.setup.places]
    if not places:
        return ""
    return choices.pick(places) if choices is not None else places[0]


def _give(world: World, how: str, *lines: ReturnLine, **more: object) -> None:
    person = "ann" if more.get("source", "person") == "person" else ""
    world.give(
        i.HandleReturn(ref=REF, step=how, lines=lines, person=person, **more)  # type: ignore[arg-type]  # its fields
    )
