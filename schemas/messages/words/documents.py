"""Events of an ERP document in words."""

from __future__ import annotations

from schemas.messages import events as e
from schemas.messages.words.parts import Lines, Words, because, thing_words

BY_ITSELF = "the service"
"""Who left a change that the ERP refused to the order's task."""


def _amended(event: e.DocumentAmended, lines: Lines) -> str:
    if event.by == BY_ITSELF:
        return f"{thing_words(event.key)}: the ERP did not take the change, as the task says."
    if event.by:
        return f"{thing_words(event.key)}: {event.by} took care of the change in the ERP."
    return f"{thing_words(event.key)} says what the order says now."


WORDS: dict[type[e.Event], Words] = {
    e.Posted: lambda event, lines: (
        f"{thing_words(event.key)} is posted: the ERP has sales order {event.number}."
    ),
    e.DocumentAmended: _amended,
    e.DocumentCancelled: lambda event, lines: (
        f"{thing_words(event.key)} is cancelled in the ERP{because(event.detail)}"
    ),
    e.DocumentKept: lambda event, lines: (
        f"{thing_words(event.key)} stays in the ERP: {event.person} went on without cancelling it."
    ),
}
