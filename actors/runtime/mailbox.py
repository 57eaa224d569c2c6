"""What lies in a mailbox: an input, its id, and whom to tell how it ended."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Container, Iterable
from typing import Any

from actors.runtime.observer import BLIND, Trace
from schemas.order.world import World

COMMITTED, DUPLICATE, UNMATCHED, EARLY, POISON, STOPPED = (
    "committed",
    "duplicate",
    "unmatched",
    "early",
    "poison",
    "stopped",
)
"""How an input can end. `unmatched`: it names an order that no one knows. `early`: what it is about
is awaited and has not come; nothing was written down, so it is to be told again. `poison`: deciding
raised. `stopped`: the process, or its hold of this order, ends first; the input comes again."""

Told = Callable[[str, str], None]
"""Told once with the outcome and, for poison, the reason in words."""


class Envelope:
    """An input on its way to its stream. `input_id` names it permanently; a repeat is recognised.

    `fresh` says that the sender has never delivered it before, so that a new stream's first input
    may be tried without asking the store whether the stream exists. `world` is what was found out
    of the world for its decision, None when nothing was asked.
    """

    __slots__ = (
        "channel",
        "command",
        "ended",
        "enqueued_at",
        "fresh",
        "input_id",
        "received_at",
        "ref",
        "told",
        "trace",
        "world",
    )

    def __init__(
        self,
        command: Any,
        input_id: str,
        told: Told,
        *,
        channel: str = "",
        ref: str = "",
        fresh: bool = False,
        received_at: str = "",
        trace: Trace = BLIND,
    ) -> None:
        self.command = command
        self.input_id = input_id
        self.told = told
        self.channel = channel
        self.ref = ref
        self.fresh = fresh
        self.received_at = received_at
        self.trace = trace
        self.enqueued_at = 0.0
        self.ended = False
        self.world: World | None = None

    def end(self, outcome: str, reason: str = "") -> None:
        """Tell how it ended; whoever is told hears it once."""
        if not self.ended:
            self.ended = True
            self.told(outcome, reason)


def untold(outcome: str, reason: str) -> None:
    """Told of an input that no one else waits for."""


def ending(ended: asyncio.Future[tuple[str, str]]) -> Told:
    """Return what tells a future how an envelope ended."""

    def told(outcome: str, reason: str) -> None:
        if not ended.done():
            ended.set_result((outcome, reason))

    return told


def tell(together: Iterable[Envelope], outcome: str, reason: str) -> None:
    """Tell of each how it ended."""
    for envelope in together:
        envelope.end(outcome, reason)


def ask_again(together: Iterable[Envelope]) -> None:
    """Forget what was found out of the world: it was about a stream that has changed since."""
    for envelope in together:
        envelope.world = None


def without_repeats(together: Iterable[Envelope], seen: Container[str]) -> list[Envelope]:
    """Return those whose ids were not seen, each id once; the others are told that they are
    repeats."""
    fresh: dict[str, Envelope] = {}
    for envelope in together:
        if envelope.input_id in seen or envelope.input_id in fresh:
            envelope.end(DUPLICATE, "")
        else:
            fresh[envelope.input_id] = envelope
    return list(fresh.values())
