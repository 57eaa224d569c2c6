"""Events and effects in words: one plain sentence each, which names the thing it is about."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from schemas.messages.base import Event
from schemas.messages.events import OrderEvent
from schemas.messages.words import (
    documents,
    fulfilments,
    labels,
    messages,
    order,
    parcels,
    payments,
    returns,
)
from schemas.messages.words.effects import EFFECTS, effect_words
from schemas.messages.words.parts import Lines, Words, thing_words

__all__ = ["EFFECTS", "EVENTS", "Lines", "effect_words", "event_words", "thing_words"]

EVENTS: Mapping[type[Event], Words] = MappingProxyType(
    {
        **order.WORDS,
        **fulfilments.WORDS,
        **parcels.WORDS,
        **labels.WORDS,
        **documents.WORDS,
        **messages.WORDS,
        **payments.WORDS,
        **returns.WORDS,
    }
)
"""How each event is told, one module for each machine; a test proves that none is left out."""


def event_words(event: OrderEvent, lines: Lines = ()) -> str:
    """Return the event as a sentence. `lines` are the SKUs of the order's lines, by their place; a
    line that is not among them is named by its number."""
    return EVENTS[type(event)](event, lines)
