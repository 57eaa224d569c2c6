"""What the intake works with: messages that the stream has delivered, where they come from, and who
hears of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from actors.runtime.observer import Trace
from actors.runtime.ports import Message


class Delivery(Protocol):
    """A message that the stream has delivered and that is not acknowledged yet."""

    message: Message

    async def ack(self) -> None:
        """The message has ended; the stream deletes it."""
        ...

    async def in_progress(self) -> None:
        """The message is still in progress; the stream waits longer."""
        ...

    async def nak(self, delay_seconds: float = 0.0) -> None:
        """The stream delivers the message again after the delay."""
        ...


class MessageSource(Protocol):
    """Where messages come from."""

    async def next_batch(self, max_items: int) -> Sequence[Delivery]:
        """Return the messages that are there, or none after a short wait."""
        ...


class Watch(Protocol):
    """What the intake reports to metrics and traces."""

    def begin_message(self, message: Message, correlation_id: str) -> Trace:
        """Processing of a message begins."""
        ...

    def quarantined(self, reason: str) -> None:
        """A message went to quarantine."""
        ...

    def taken(self, message: Message, outcome: str) -> None:
        """A message ended."""
        ...


class Taken:
    """A message in flight, with the repeats of it that arrived meanwhile."""

    __slots__ = ("at", "copies")

    def __init__(self, delivery: Delivery, at: float) -> None:
        self.copies = [delivery]
        self.at = at
