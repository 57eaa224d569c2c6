"""What people decide: as the order asks them to, or as they please."""

from __future__ import annotations

from collections import Counter

from actors.fulfilment.thing import CONTENTS
from schemas.messages import inputs as i
from tests.given import REF
from tests.model.choices import Choices
from tests.model.setups import STREETS, address
from tests.model.world import World

VERBS = (
    "retry", "skip", "release", "done", "accept", "ship-short", "backorder", "drop", "nonsense",
    "claim", "hold", "refetch", "redecide", "correct",
)  # fmt: skip


def act(world: World, verb: str, target: str = "") -> None:
    """Let a person decide something; he looks before he says what parcels hold."""
    if verb == "done" and not is_so(world, target):
        return
    if verb == "skip":
        for stuck in world.state.stuck:
            if target in ("", str(stuck.number)):
                world.touched.add(stuck.key)
                world.skipped.add((stuck.key, stuck.kind))
                break
    world.give(i.ActOnOrder(ref=REF, verb=verb, person="ann", target=target))


def is_so(world: World, target: str) -> bool:
    """Whether what left of a fulfilment holds what its task asks to confirm: all that was asked."""
    task = next((x for x in world.state.tasks if target in ("", x.task_id)), None)
    if task is None or not task.task_id.startswith(CONTENTS):
        return True
    here = world.partners.tasks.get(task.key)
    thing = world.state.fulfilments.get(task.key)
    if here is None or thing is None:
        return False
    left: Counter[str] = Counter()
    for box in here.boxes.values():
        if not box.left:
            return False
        left.update(box.units)
    asked = {world.state.lines[at].line_id: quantity for at, quantity in thing.left}
    mine = any(x.fulfilment == task.key for x in world.state.parcels.values())
    return left == asked and not mine


def sensible(world: World, choices: Choices) -> None:
    """Do one of the things that wait for a person."""
    state = world.state
    options: list[tuple[str, str]] = []
    for stuck in state.stuck:
        options += [("retry", str(stuck.number))] * 2 + [("skip", str(stuck.number))]
    for hold in state.holds:
        if hold.hold_id.startswith("short-pick"):
            options += [(verb, hold.key) for verb in ("ship-short", "backorder", "drop")]
        options.append(("release", hold.hold_id))
    options += [("done", task.task_id) for task in state.tasks]
    if state.stage in ("placed", "accepted") and state.payment not in ("paid", "authorized"):
        options.append(("accept", ""))
    if state.twin is not None:
        options.append(("claim", ""))
    if options:
        act(world, *choices.pick(options))


def odd(world: World, choices: Choices) -> None:
    """Do anything at all."""
    state = world.state
    targets = ["", "nothing", *state.fulfilments, *(x.task_id for x in state.tasks)]
    targets += [str(x.number) for x in state.stuck] + [x.hold_id for x in state.holds]
    act(world, choices.pick(VERBS), choices.pick(targets))


def cancel(world: World, choices: Choices) -> None:
    """Cancel the order here."""
    act(world, "cancel")


def give_back(world: World, choices: Choices) -> None:
    """Give money back: what is owed, so much of it, goods, or something for the trouble."""
    how = choices.whole(0, 3)
    line = choices.pick(world.state.lines).line_id
    ask = i.RefundAsk(
        amount_minor=choices.pick((1, 250, 5_000)) if how in (1, 2) else None,
        lines=(i.LineEdit(line_id=line, quantity=choices.whole(1, 2)),) if how == 3 else (),
        shipping=how == 3 and choices.chance(30),
        goodwill=how == 2,
        again=how == 3 and choices.chance(50),
    )
    world.give(i.EditOrder(ref=REF, person="bob", reason="late", refund=ask))


def edit(world: World, choices: Choices) -> None:
    """Change the order here: where it goes, whom it is for, how much of it; or give money back."""
    if world.setup.refunds and choices.chance(40):
        give_back(world, choices)
        return
    lines = tuple(
        i.LineEdit(line_id=x.line_id, quantity=choices.whole(0, 3))
        for x in world.state.lines
        if choices.chance(30)
    )
    ship_to = address(choices.pick(STREETS)) if choices.chance(40) else None
    world.give(
        i.EditOrder(
            ref=REF, person="bob", lines=lines, ship_to=ship_to,
            email="new@example.com" if choices.chance(15) else None,
            note="ring twice" if choices.chance(15) else None,
            shipping_method="express" if choices.chance(10) else None,
        )
    )  # fmt: skip
