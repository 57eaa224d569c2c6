"""Keeps customers out of what is kept permanently: texts that partners and people write may quote
them, and become events.

What is looked for is this order's own: its names, addresses, telephone numbers. No one can tell a
name from another word, but everybody can tell whether a word is this customer's name.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from msgspec.structs import replace

from schemas.messages import inputs as i
from schemas.messages.effects import Tracked, Undone
from schemas.messages.inputs import Input
from schemas.order.canonical import Address, Order

MASK = "***"

SHORTEST = 3
"""Characters of a word that is looked for alone: "Li" would be found everywhere."""

SHORTEST_PHONE = 7
"""Digits of a telephone number, which partners write with any signs between."""

_MAIL = re.compile(r"[^\s<>\"'(),;:]{1,64}@[^\s<>\"'(),;:]{1,255}")
_WORDS = re.compile(r"\w+", re.UNICODE)
_DOTS = str.maketrans("ıİ", "ii")
"""What `re.IGNORECASE` takes for an i and casefold does not."""


def masked(text: str, order: Order | None) -> str:
    """Return the text without what would tell whose order it is; as it is when it says nothing."""
    if not text:
        return text
    text = _MAIL.sub(MASK, text) if "@" in text else text
    if order is None or not _may_name(text, order):
        return text
    for pattern in _patterns(order):
        text = re.sub(pattern, MASK, text, flags=re.IGNORECASE)
    return text


def redacted(command: Input, order: Order | None) -> Input:
    """Return an input without personal data in the free texts that become events."""
    match command:
        case i.EffectDone(result=Tracked() | Undone() as result) if result.detail:
            return replace(command, result=replace(result, detail=masked(result.detail, order)))
        case i.HandleReturn() if command.lines:
            return replace(
                command,
                reason=masked(command.reason, order),
                lines=tuple(replace(x, reason=masked(x.reason, order)) for x in command.lines),
            )
        case (
            i.EffectRefused()
            | i.EffectGivenUp()
            | i.CancelOrder()
            | i.ReportTaskCancelled()
            | i.ActOnOrder()
            | i.EditOrder()
            | i.HandleReturn()
        ):
            return (
                replace(command, reason=masked(command.reason, order))
                if command.reason
                else command
            )
        case i.NoteReport():
            return replace(command, words=masked(command.words, order))
    return command


def _may_name(text: str, order: Order) -> bool:
    """Whether a pattern may match: most texts share no word with the order, and making the patterns
    costs more than the rest of a decision."""
    if sum(map(str.isdigit, text)) >= SHORTEST_PHONE:
        return True
    return not _folded(text).isdisjoint(_folded(" ".join(_told_of(order))))


def _folded(text: str) -> set[str]:
    """Return the words of a text so that two which `re.IGNORECASE` takes for the same are equal."""
    words = _WORDS.findall(text)
    if text.isascii():
        return set(map(str.lower, words))
    return {word.translate(_DOTS).casefold() for word in words}


def _told_of(order: Order) -> Iterator[str]:
    """Yield every text that names the customer."""
    yield order.customer.name
    for place in (order.ship_to, order.bill_to):
        if place is not None:
            yield from _lines_of(place)


def _patterns(order: Order) -> Iterator[str]:
    """Whole texts before their words, so that a street goes in one piece."""
    customer = order.customer
    places = [place for place in (order.ship_to, order.bill_to) if place is not None]
    names = (customer.name,) if len(customer.name.strip()) > 1 else ()  # a letter is everywhere
    whole = [*names, *(x for place in places for x in _lines_of(place))]
    words = {
        word
        for name in (customer.name, *(place.name for place in places))
        for word in _WORDS.findall(name)
        if len(word) >= SHORTEST
    }
    # What people enter where nothing is to be said ("-", "...") names no one.
    telling = {one for one in whole if _WORDS.search(one)}
    found = sorted({*telling, *words}, key=len, reverse=True)
    if found:
        yield rf"(?<!\w)(?:{'|'.join(map(_loose, found))})(?!\w)"
    for phone in {customer.phone, *(place.phone for place in places)}:
        digits = re.sub(r"[^0-9]", "", phone)
        if len(digits) >= SHORTEST_PHONE:
            yield r"(?<!\d)\+?" + r"[ ().+/-]{0,3}".join(digits) + r"(?!\d)"


def _lines_of(place: Address) -> tuple[str, ...]:
    texts = (place.name, place.company, *place.lines, place.city, place.postal_code)
    return tuple(one for one in texts if len(one.strip()) >= SHORTEST)


def _loose(text: str) -> str:
    """Match a text however its spaces and commas stand."""
    return r"[\s,]+".join(re.escape(one) for one in re.split(r"[\s,]+", text.strip(" ,")) if one)
