"""Joint rules about what partners were told and is not so any more: it is undone and done again."""

from __future__ import annotations

from actors.fulfilment.collect import amount_for
from actors.fulfilment.thing import PACKED, RELEASED, Fulfilment
from actors.label.thing import BOUGHT
from actors.order.reading import has_left, is_labelled_by_us, is_open, is_unused
from actors.order.work import Work
from schemas.messages import events as e
from schemas.order.things import Key


def outdated_task(work: Work) -> e.OrderEvent | None:
    """A warehouse that was told something else stops; its units are planned again. What is packed
    goes on where a label of ours says where it goes, and all of it where a part has left."""
    state = work.state
    for key, thing in state.fulfilments.items():
        if thing.told in (0, state.task) or thing.stop or thing.fixed or is_open(work.state, key):
            continue
        early = thing.stage in (RELEASED, "picked") or (
            thing.stage == PACKED and not is_labelled_by_us(thing, work.context.setup)
        )
        if early and not (has_left(state, key) or _collects_the_same(work, key, thing)):
            return e.Stopped(rule="stop", key=key, why="changed")
    return None


def _collects_the_same(work: Work, key: Key, thing: Fulfilment) -> bool:
    """Whether all that changed since a task was told is the amount to collect with all of the
    order, and this task's share of it is what it was."""
    since = [name for name, (task, _) in work.state.revised.items() if task > thing.told]
    if since != ["due"]:
        return False
    return amount_for(work.state, key, thing, work.order, work.context)[0] == thing.collect


def outdated_label(work: Work) -> e.OrderEvent | None:
    """A label that says what the order does not any more (address, shipping method, amount to
    collect) is voided and bought again."""
    state = work.state
    for key, label in state.labels.items():
        outdated = label.stage == BOUGHT and not label.stop and label.told != state.address
        if outdated and is_unused(state, label):
            return e.LabelStopped(rule="stop", key=key, why="what it says has changed")
    return None
