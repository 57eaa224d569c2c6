"""The parts that sentences about events are made of."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from schemas.messages.base import Event, Parts
from schemas.order.things import NAMES, ORDER, Key, kind_of

Lines = Sequence[str]
"""The SKUs of an order's lines, by their place."""

# Any: each function takes the event that it is listed for, which a dictionary's type can't say.
Words = Callable[[Any, Lines], str]

MAX_NAMED = 3
"""Lines named in one sentence; more are counted."""


def thing_words(key: Key) -> str:
    """Return how a sentence begins that is about a thing: `Fulfilment F1`, `The order`."""
    if key == ORDER:
        return "The order"
    kind = NAMES.get(kind_of(key), "thing")
    return f"{kind[:1].upper()}{kind[1:]} {key}"


def inside(key: Key) -> str:
    """Return how a thing is called within a sentence: `fulfilment F1`, `the order`."""
    return "the order" if key == ORDER else f"{NAMES.get(kind_of(key), 'thing')} {key}"


def simply(words: str) -> Words:
    """Return words that need no fact but the thing: `{thing}` stands for it."""
    return lambda event, lines: words.format(thing=thing_words(event.key))


def counted(number: int, noun: str) -> str:
    """Return a number with its noun: `1 unit`, `2 units`."""
    return f"{number} {noun}{'s' * (number != 1)}"


def total(parts: Parts) -> str:
    """Return how much some units are: `3 units of 2 lines`."""
    units = sum(quantity for _, quantity in parts)
    return f"{counted(units, 'unit')} of {counted(len({at for at, _ in parts}), 'line')}"


def named(parts: Parts, lines: Lines) -> str:
    """Return which units they are: `2 × MUG-1, 1 × LAMP-2 and 3 more lines`."""
    if not parts:
        return "nothing"
    sums: dict[int, int] = {}
    for at, quantity in parts:
        sums[at] = sums.get(at, 0) + quantity
    told = [
        f"{quantity} × {lines[at] if at < len(lines) else f'line {at + 1}'}"
        for at, quantity in list(sums.items())[:MAX_NAMED]
    ]
    rest = len(sums) - len(told)
    return ", ".join(told) + (f" and {counted(rest, 'more line')}" if rest else "")


def moved(event: Event, to: str) -> Parts:
    """Return the units that an event moves to an account of the ledger."""
    return tuple((move.line, move.quantity) for move in event.moves if move.to == to)


def wished(event: Event) -> Parts:
    """Return the units that an event wants to be gone."""
    return tuple((wish.line, wish.quantity) for wish in event.wishes)


def listed(names: Sequence[str]) -> str:
    """Return names as a person lists them: `K1, K2 and K3`."""
    if len(names) < 2:
        return "".join(names)
    return f"{', '.join(names[:-1])} and {names[-1]}"


def parcels(keys: Sequence[str]) -> str:
    """Return parcels by their names: `parcel K1`, `parcels K1 and K2`."""
    return f"parcel{'s' * (len(keys) != 1)} {listed(keys)}"


def because(reason: str) -> str:
    """Return how a sentence ends that may have a reason."""
    return f": {sentence(reason)}" if reason else "."


def sentence(text: str) -> str:
    """Return a text with a full stop at its end."""
    text = text.strip()
    return text if text.endswith((".", "!", "?")) else f"{text}."
