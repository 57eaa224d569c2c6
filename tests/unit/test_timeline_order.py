"""A timeline tells what happened in the order in which it followed."""

from __future__ import annotations

from datetime import timedelta

from adapters.postgres.timeline import Entry, in_order
from tests.appends import NOON

LATER = NOON + timedelta(milliseconds=20)


def event(text: str, version: int, *, effect: int = 0, later: bool = False) -> Entry:
    """An event, perhaps one that tells how an effect ended."""
    at = LATER if later else NOON
    return Entry(at=at, kind="event", type="t", text=text, version=version, effect=effect)


def effect(number: int, status: str, *, later: bool = False) -> Entry:
    """An effect as it was asked for, or as it ended."""
    at = LATER if later else NOON
    return Entry(at=at, kind="effect", type="t", text=status, effect=number, status=status)


def told(*entries: Entry) -> list[tuple[str, int]]:
    """What they are in order, whatever order they came in."""
    return [(one.text, one.effect) for one in in_order(entries[::-1])]


def test_an_effect_that_ends_at_once_stands_before_the_event_that_tells_of_it() -> None:
    """What the same commit decided before it stands above, what it led to below."""
    assert told(
        event("placed", 1),
        event("planned", 2),
        event("reserved", 3, effect=1),
        effect(1, "asked"),
        effect(1, "done"),
        effect(2, "asked"),
    ) == [
        ("placed", 0),
        ("planned", 0),
        ("asked", 1),
        ("done", 1),
        ("reserved", 1),
        ("asked", 2),
    ]


def test_an_effect_that_ends_later_stands_where_it_ended() -> None:
    """The answer first, then what was decided on it and what that asks for."""
    assert told(
        event("placed", 1),
        effect(1, "asked"),
        effect(1, "done", later=True),
        event("reserved", 2, effect=1, later=True),
        effect(2, "asked", later=True),
    ) == [("placed", 0), ("asked", 1), ("done", 1), ("reserved", 1), ("asked", 2)]
