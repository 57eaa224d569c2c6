"""What a person may decide about an order as it is now, for the console: each with its words."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from msgspec import Struct

from actors.order.mapping import ADDRESS_HOLD
from adapters.postgres.views import OrderView
from schemas.messages.words.parts import inside
from service.orders.addresses import is_checked
from service.orders.deciding import (
    ACCEPT,
    BACKORDER,
    CANCEL,
    CLAIM,
    CORRECT,
    DONE,
    DROP,
    ENDED,
    HOLD,
    REDECIDE,
    REFETCH,
    RELEASE,
    RETRY,
    SHIP_SHORT,
    SKIP,
    NotNow,
    refuse_action,
)


class Verb(Struct, frozen=True, kw_only=True):
    """A decision in words: on a button, and what it leads to."""

    name: str
    leads_to: str
    is_dangerous: bool = False


WORDS: Mapping[str, Verb] = MappingProxyType(
    {
        RELEASE: Verb(name="Release", leads_to="The hold ends and the order goes on."),
        RETRY: Verb(
            name="Try again",
            leads_to="The partner is asked again. Where the first try may have worked, it is looked"
            " up before, so nothing is done twice.",
        ),
        SKIP: Verb(
            name="Go on without it",
            leads_to="The order goes on as if it were done. Where the partner can be asked, what"
            " became of it is looked up later.",
            is_dangerous=True,
        ),
        DONE: Verb(name="Done", leads_to="The task is closed: you have seen to it."),
        ACCEPT: Verb(name="Accept", leads_to="The order is accepted although it would wait."),
        CANCEL: Verb(
            name="Cancel order",
            leads_to="Everything that can be undone is undone: warehouse, label, stock, documents."
            " Money owed is shown as a task.",
            is_dangerous=True,
        ),
        CLAIM: Verb(name="Work on this one", leads_to="This order is worked on instead."),
        SHIP_SHORT: Verb(name="Ship what there is", leads_to="The missing units are not sent."),
        BACKORDER: Verb(name="Backorder", leads_to="The missing units wait for stock."),
        DROP: Verb(
            name="Drop the units",
            leads_to="The missing units are taken off the order; money owed becomes a task.",
            is_dangerous=True,
        ),
        HOLD: Verb(name="Hold", leads_to="The order waits until a person releases the hold."),
        REFETCH: Verb(
            name="Fetch again", leads_to="The channel is asked for the order as it is there now."
        ),
        CORRECT: Verb(
            name="Take over the address",
            leads_to="The order goes to the address as the address service writes it: the page of"
            " its address shows both. A hold for the address ends; the channel is told nothing.",
        ),
        REDECIDE: Verb(
            name="Decide again",
            leads_to="The mappings and the rules in use are asked again. What they say as before"
            " changes nothing.",
        ),
    }
)


class Choice(Struct, frozen=True, kw_only=True):
    """Something that waits for a person: what and why, and by which verbs, with the target, it
    ends."""

    title: str
    why: str
    verbs: tuple[str, ...]
    target: str


def choices_of(view: OrderView) -> tuple[Choice, ...]:
    """Return what waits for a person, in the order in which it should be seen to."""
    found: list[Choice] = []
    for stuck in view.stuck:
        doubt = "" if stuck.outcome_known else " It may have been done, or not."
        title = f"{stuck.words[:1].upper()}{stuck.words[1:]}"
        why = f"{stuck.reason}{doubt}"
        found.append(Choice(title=title, why=why, verbs=(RETRY, SKIP), target=str(stuck.effect)))
    for hold in view.holds if view.row.stage not in ENDED else ():
        is_short = any(one.key == hold.key and one.missing for one in view.fulfilments)
        verbs: tuple[str, ...] = (SHIP_SHORT, BACKORDER, DROP) if is_short else (RELEASE,)
        if hold.hold_id == ADDRESS_HOLD and is_checked(view):
            verbs = (CORRECT, RELEASE)
        target = str(hold.key) if is_short else hold.hold_id
        title = f"Held: {hold.hold_id.replace('-', ' ')}"
        found.append(Choice(title=title, why=hold.reason, verbs=verbs, target=target))
    for task in view.tasks:
        title = f"Task {task.task_id}"
        found.append(Choice(title=title, why=task.words, verbs=(DONE,), target=task.task_id))
    for key in view.overdue:
        why = f"{inside(key)} waits longer than it may"
        found.append(Choice(title="Overdue", why=why, verbs=(), target=""))
    return tuple(found)


def is_possible(view: OrderView, verb: str) -> bool:
    """Whether the whole order can be told this now."""
    try:
        refuse_action(view, verb, "")
    except NotNow:
        return False
    return True
