"""Events of a label in words."""

from __future__ import annotations

from schemas.messages import events as e
from schemas.messages.words.parts import (
    Lines,
    Words,
    because,
    inside,
    listed,
    parcels,
    simply,
    thing_words,
)
from schemas.order.money import decimal_text


def _wanted(event: e.LabelWanted, lines: Lines) -> str:
    what = f"{parcels(event.parcels)} of {inside(event.fulfilment)}"
    return f"{thing_words(event.key)} is to be bought from {event.lane} for {what}."


def _bought(event: e.LabelBought, lines: Lines) -> str:
    cost = ""
    if event.charge_currency:
        amount = decimal_text(event.charge_minor, event.charge_currency)
        cost = f" for {amount} {event.charge_currency}"
    numbers = listed([one.tracking_number for one in event.labels if one.tracking_number])
    tracking = f", tracking {numbers}" if numbers else ""
    return f"{thing_words(event.key)} is bought from {event.carrier}{cost}{tracking}."


WORDS: dict[type[e.Event], Words] = {
    e.LabelWanted: _wanted,
    e.LabelBought: _bought,
    e.LabelStopped: lambda event, lines: (
        f"{thing_words(event.key)} is no longer wanted{because(event.why)}"
    ),
    e.LabelStopDropped: simply("{thing} stays good: a parcel left under it before it was voided."),
    e.LabelDropped: simply("{thing} was never bought and is dropped."),
    e.LabelVoided: lambda event, lines: (
        f"{thing_words(event.key)} is voided{because(event.detail)}"
    ),
    e.LabelKept: lambda event, lines: (
        f"{thing_words(event.key)} stays paid for: {event.person} went on without voiding it."
    ),
}
