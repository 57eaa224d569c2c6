"""How a message to the customer follows from events."""

from __future__ import annotations

from typing import Any

from actors.messages.table import TABLE
from actors.messages.thing import Message
from actors.order.draft import Draft
from schemas.messages import events as e

FIELD = "messages"


def _moved(draft: Draft, event: e.Event) -> None:
    thing: Message = draft.get(FIELD)[event.key]
    draft.change(FIELD, event.key, stage=TABLE.to(thing.stage, type(event)))


def _wanted(draft: Draft, event: e.MessageWanted) -> None:
    stage = TABLE.to("", e.MessageWanted)
    draft.put(FIELD, event.key, Message(stage, event.template, event.units, about=event.about))


def intended(draft: Draft, intent: e.Intent) -> None:
    """Sending begins a message of a template that is about the whole order."""
    known: Message | None = draft.get(FIELD).get(intent.key)
    stage = TABLE.to(known.stage if known is not None else "", e.Intent)
    if known is None:
        past = tuple(
            (at, line.counts["c"])
            for at, line in enumerate(draft.get("lines"))
            if line.counts.get("c")
        )
        draft.put(FIELD, intent.key, Message(stage=stage, template=intent.note, past=past))


FOLDS: dict[type[e.Event], Any] = {e.MessageWanted: _wanted, e.MessageSent: _moved}
"""What each event of a message does to it."""

SHARED: dict[type[e.Event], Any] = dict.fromkeys(
    (e.GivenToPerson, e.AnswerNoted, e.Retried, e.Renewed, e.Skipped), _moved
)
"""What events that any thing may have do to a message."""
