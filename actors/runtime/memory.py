"""What an actor knows of its stream, and what decisions make of it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from actors.runtime.mailbox import Envelope
from actors.runtime.stream_type import Decided
from schemas.messages.inputs import TimerFired
from schemas.order.things import Key


class Memory:
    """A stream as stored, or as it will be once an append is on disk."""

    __slots__ = ("body", "state", "stated", "version")

    def __init__(self, version: int, state: Any, body: Any, stated: Any) -> None:
        self.version = version
        self.state = state
        self.body = body
        self.stated = stated

    def after(self, decision: Decided) -> Memory:
        """Return what is known after a decision."""
        return Memory(
            self.version + len(decision.events),
            decision.state,
            self.body if decision.body is None else decision.body,
            self.stated if decision.stated is None else decision.stated,
        )


def timers_after(
    together: Sequence[Envelope], decisions: Sequence[Decided]
) -> dict[tuple[Key, str], datetime | None]:
    """Return what becomes of each timer, in the order of the decisions: a due time, or None. One
    that has fired is gone unless it is set again, so that none can fire permanently."""
    timers: dict[tuple[Key, str], datetime | None] = {}
    for envelope, decision in zip(together, decisions, strict=True):
        command = envelope.command
        if isinstance(command, TimerFired):
            timers[command.key, command.name] = None
        for name in decision.clear_timers:
            timers[name] = None
        for key, called, due_at in decision.set_timers:
            timers[key, called] = due_at
    return timers
