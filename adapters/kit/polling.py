"""A channel whose messages are fetched out of a queue, instead of posted to us."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from msgspec import Struct

from adapters.kit.inbound import Receipt


class Taken(Struct, frozen=True, kw_only=True):
    """A message that a queue handed out. `handle` is what deletes it there; `raw` are its bytes.
    `receipt` says what it is; None for one that is not ours to take, which stays in the queue."""

    handle: str
    raw: bytes
    receipt: Receipt | None
    why: str = ""


class Queue(Protocol):
    """A queue that hands out messages, and keeps each until it is deleted. What is not deleted in
    time is handed out again."""

    kind: str
    """The kind of the channel, which says how its messages are read."""

    async def receive(self) -> Sequence[Taken]:
        """Return what is there, waiting a while for the first. Raises the errors of
        `actors.runtime.errors`."""
        ...

    async def delete(self, handles: Sequence[str]) -> None:
        """Delete messages that are on our disk. Raises as `receive` does."""
        ...
