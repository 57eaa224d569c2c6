"""Events of a message to the customer in words."""

from __future__ import annotations

from schemas.messages import events as e
from schemas.messages.words.parts import Lines, Words, named, thing_words


def _wanted(event: e.MessageWanted, lines: Lines) -> str:
    about = f" about {named(event.units, lines)}" if event.units else ""
    return f"{thing_words(event.key)} is to be sent to the customer ({event.template}){about}."


WORDS: dict[type[e.Event], Words] = {
    e.MessageWanted: _wanted,
    e.MessageSent: lambda event, lines: (
        f"{thing_words(event.key)} is sent to the customer ({event.template})."
    ),
}
