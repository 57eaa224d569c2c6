"""What processes that share the orders tell each other in passing: not stored, and lost where no
one listens, so nothing may depend on it that must not be missed."""

from __future__ import annotations

import logging
from collections.abc import Callable

import msgspec
import nats.errors
from nats.aio.msg import Msg

from adapters.nats.connection import Connection

SUBJECT = "orderwright.whispers"

MOST_WAITING, MOST_WAITING_BYTES = 256, 1024 * 1024

_log = logging.getLogger(__name__)


class Whisper(msgspec.Struct, frozen=True, kw_only=True):
    """From whom, and what: `forget` are orders whose data was erased; `lane` is a partner that
    asked to be left alone for `pause_seconds`."""

    owner: str
    forget: tuple[str, ...] = ()
    lane: str = ""
    pause_seconds: float = 0.0


class Whispers:
    """`heard` is told of what others say, from the event loop."""

    def __init__(
        self, connection: Connection, owner: str, heard: Callable[[Whisper], None]
    ) -> None:
        self._connection = connection
        self._owner = owner
        self._heard = heard

    async def start(self) -> None:
        """Listen from now on, also after a reconnect."""
        await self._connection.subscribe(
            SUBJECT, self._arrive, messages=MOST_WAITING, size=MOST_WAITING_BYTES
        )

    async def say(
        self, *, forget: tuple[str, ...] = (), lane: str = "", pause_seconds: float = 0.0
    ) -> None:
        """Tell the others; never raises."""
        told = Whisper(owner=self._owner, forget=forget, lane=lane, pause_seconds=pause_seconds)
        try:
            await self._connection.client.publish(SUBJECT, msgspec.json.encode(told))
        except (nats.errors.Error, OSError) as error:
            _log.debug("The other processes were not told: %s", error)

    async def _arrive(self, message: Msg) -> None:
        try:
            told = msgspec.json.decode(message.data, type=Whisper)
        except msgspec.MsgspecError as error:  # another version, or someone else
            _log.info("What another process said can't be read: %s", error)
            return
        if told.owner != self._owner:
            self._heard(told)
