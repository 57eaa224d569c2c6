"""Events of a parcel in words."""

from __future__ import annotations

from schemas.messages import events as e
from schemas.messages.words.parts import (
    Lines,
    Words,
    because,
    counted,
    inside,
    sentence,
    simply,
    thing_words,
)


def _tracked(event: e.Tracked, lines: Lines) -> str:
    said = event.detail or event.status.replace("_", " ")
    return f"{thing_words(event.key)}: the carrier says: {sentence(said)}"


def _numbered(event: e.Numbered, lines: Lines) -> str:
    by = f" of {event.carrier}" if event.carrier else ""
    if event.waits:
        return (
            f"{thing_words(event.key)} has the number {event.tracking_number}{by}, which counts "
            "once it is known whether the channel was told of it without."
        )
    return f"{thing_words(event.key)} has the number {event.tracking_number}{by}."


def _number_noted(event: e.NumberNoted, lines: Lines) -> str:
    by = f" of {event.carrier}" if event.carrier else ""
    return f"{thing_words(event.key)}: the warehouse tells the number {event.tracking_number}{by}."


def _codes_entered(event: e.CodesEntered, lines: Lines) -> str:
    count = sum(len(codes) for _, codes in event.codes)
    what = f"{counted(count, 'code')} of pieces in {inside(event.key)}"
    return f"{event.person} entered {what}{because(event.reason)}"


def _with_detail(words: str) -> Words:
    return lambda event, lines: f"{thing_words(event.key)} {words}{because(event.detail)}"


WORDS: dict[type[e.Event], Words] = {
    e.CodesEntered: _codes_entered,
    e.Asked: simply("{thing}: the carrier is asked where it is."),
    e.Tracked: _tracked,
    e.Numbered: _numbered,
    e.NumberNoted: _number_noted,
    e.Followed: simply("{thing}: a carrier of ours can tell by its number where it is."),
    e.InTransit: simply("{thing} is in transit."),
    e.Delivered: simply("{thing} is delivered."),
    e.DeliveryFailed: _with_detail("meets an obstacle on its way"),
    e.Returned: _with_detail("goes back to its sender"),
    e.Lost: _with_detail("is lost"),
    e.Untracked: simply("{thing} has left; no carrier of ours tells when it arrives."),
}
