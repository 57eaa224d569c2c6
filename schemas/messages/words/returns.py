"""Events of returns in words."""

from __future__ import annotations

from schemas.messages import events as e
from schemas.messages.base import Parts
from schemas.messages.words.parts import Lines, Words, because, named, simply, thing_words
from schemas.order.money import decimal_text

_ACTS = {"restock": "back into stock", "damaged": "damaged", "discard": "thrown away",
         "supplier": "back to the supplier"}  # fmt: skip


def _who(source: str, person: str) -> str:
    """Return who says so."""
    if person:
        return person
    return {"channel": "the channel", "warehouse": "the warehouse"}.get(source, "the settings")


def _requested(event: e.ReturnRequested, lines: Lines) -> str:
    parts: Parts = tuple((one.line, one.quantity) for one in event.units)
    what = named(parts, lines) if parts else "goods that the channel does not name"
    codes = sorted({one.reason for one in event.units if one.reason})
    why = f" ({', '.join(codes[:3])})" if codes else ""
    return f"{thing_words(event.key)}: {what} are to be sent back{why}{because(event.reason)}"


def _authorised(event: e.ReturnAuthorised, lines: Lines) -> str:
    who = _who(event.source, event.person)
    return f"{thing_words(event.key)} is authorised by {who}{because(event.reason)}"


def _declined(event: e.ReturnDeclined, lines: Lines) -> str:
    who = _who(event.source, event.person)
    return f"{thing_words(event.key)} is declined by {who}{because(event.reason)}"


def _cancelled(event: e.ReturnCancelled, lines: Lines) -> str:
    who = _who(event.source, event.person)
    return f"{thing_words(event.key)} is cancelled by {who}{because(event.reason)}"


def _sent(event: e.ReturnSent, lines: Lines) -> str:
    number = f" under {event.tracking_number}" if event.tracking_number else ""
    return f"{thing_words(event.key)}: the customer has sent the goods{number}."


def _received(event: e.ReturnReceived, lines: Lines) -> str:
    at = f" at {event.place}" if event.place else ""
    return f"{thing_words(event.key)}: {named(event.units, lines)} came back{at}."


def _inspected(event: e.ReturnInspected, lines: Lines) -> str:
    sums: dict[str, list[tuple[int, int]]] = {}
    for one in event.units:
        sums.setdefault(one.disposition, []).append((one.line, one.quantity))
    told = "; ".join(f"{named(tuple(x), lines)} {_ACTS[how]}" for how, x in sums.items())
    return f"{thing_words(event.key)} is inspected: {told}."


def _money(event: e.ReturnMoneyDecided, lines: Lines) -> str:
    amount = ""
    if event.amount_minor:
        amount = f", {decimal_text(event.amount_minor, event.currency)} {event.currency}"
    return {
        "none": f"{thing_words(event.key)}: no money is given back for it.",
        "others": f"{thing_words(event.key)}: its money was given back before.",
        "person": f"{thing_words(event.key)}: a person gives its money back{amount}.",
    }[event.money]


def _closed(event: e.ReturnClosed, lines: Lines) -> str:
    if event.source:
        return f"{thing_words(event.key)} is closed by {_who(event.source, '')}."
    return f"{thing_words(event.key)} is closed: its goods and its money are settled."


WORDS: dict[type[e.Event], Words] = {
    e.ReturnRequested: _requested,
    e.ReturnAuthorised: _authorised,
    e.ReturnDeclined: _declined,
    e.ReturnCancelled: _cancelled,
    e.ReturnSent: _sent,
    e.ReturnReceived: _received,
    e.ReturnInspected: _inspected,
    e.ReturnRestocked: simply("{thing}: what can be sold again is in stock."),
    e.ReturnMoneyDecided: _money,
    e.ReturnClosed: _closed,
}
