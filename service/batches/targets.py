"""What a batch may tell its orders, and what exactly it tells one of them."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from actors.order.state import State
from adapters.postgres.order_filter import Filter

RELEASE, RETRY = "release", "retry"

VERBS: Mapping[str, str] = MappingProxyType(
    {
        RETRY: "the partner is asked again for everything that waits for a person",
        RELEASE: "a hold ends, and the order goes on",
        "cancel": "the order is cancelled; what was done for it is undone",
        "hold": "the order waits until a person releases it",
        "refetch": "the order is fetched from its channel",
        "redecide": "the mappings and the rules in use are asked again",
    }
)
"""What a batch may do, in words."""

MAX_TARGETS = 16
"""Decisions that one order is told by one batch."""

_SHORT = "short-pick-"


class Impossible(Exception):
    """The order has nothing that is meant; the text says so."""


def needs_state(verb: str) -> bool:
    """Whether it has to be known what an order waits for."""
    return verb in (RELEASE, RETRY)


def target_in(which: Filter) -> str:
    """Return which holds a filter names, as a batch's target: beginnings of ids, with commas."""
    named = [one for one in which.terms if one.field == "hold" and not one.negated]
    return ",".join(str(value) for one in named[:1] for value in one.values)


def targets_of(verb: str, target: str, state: State | None) -> tuple[str, ...]:
    """Return the target of each decision that an order is told. `target` are beginnings of holds'
    ids, with commas. Raises Impossible."""
    if state is None:
        return ("",)
    if verb == RETRY:
        if not state.stuck:
            raise Impossible("No effect of the order waits for a person.")
        return tuple(str(one.number) for one in state.stuck)[:MAX_TARGETS]
    begins = tuple(one for one in target.split(",") if one)
    there = [one.hold_id for one in state.holds]
    if begins:
        found = [one for one in there if one.startswith(begins)]
        if not found:
            raise Impossible(f"No hold of the order begins with {' or '.join(begins)}.")
        return tuple(found)[:MAX_TARGETS]
    # What a short pick left open is a decision about units, which no batch can take by the way.
    there = [one for one in there if not one.startswith(_SHORT)]
    if not there:
        raise Impossible("Nothing of the order is held.")
    if len(there) > 1:
        raise Impossible(f"The order has several holds ({', '.join(there)}): say which is meant.")
    return (there[0],)
