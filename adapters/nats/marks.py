"""A stream of one message: which event was the newest in the database when it was last told.

It says at a start whether the database or the streams were put back without the other.
"""

from __future__ import annotations

import msgspec
import nats.errors
from msgspec import Struct
from nats.js import api
from nats.js.errors import Error, NotFoundError

from actors.runtime.errors import StreamUnavailable
from adapters.nats.connection import Connection, NatsUnusable
from adapters.nats.streams import ensure_stream

JOURNAL, SUBJECT = "JOURNAL", "orders.journal"
_BYTES = 64 * 1024  # one message of a hundred bytes, and the one before it for a moment
_SECONDS = 2.0


class Mark(Struct, frozen=True, kw_only=True):
    """The event, by its order and version, and how often one was told."""

    number: int
    order_id: str
    version: int


class Marks:
    """Reads and writes the mark. Every call raises StreamUnavailable."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._jetstream = connection.jetstream
        self._made = False

    async def read(self) -> Mark | None:
        """Return the last mark; None when there is none, or none that can be read."""
        try:
            found = await self._jetstream.get_last_msg(JOURNAL, SUBJECT)
            return msgspec.json.decode(found.data or b"", type=Mark)
        except (NotFoundError, msgspec.MsgspecError):
            return None
        except (Error, nats.errors.Error, TimeoutError, OSError) as error:
            raise _unavailable(error) from error

    async def write(self, mark: Mark) -> None:
        """Return when it is on disk; the last one is gone then."""
        try:
            if not self._made:
                await ensure_stream(self._connection, _config())
                self._made = True
            await self._jetstream.publish(SUBJECT, msgspec.json.encode(mark), timeout=_SECONDS)
        except (NatsUnusable, Error, nats.errors.Error, TimeoutError, OSError) as error:
            self._made = False
            raise _unavailable(error) from error


def _config() -> api.StreamConfig:
    return api.StreamConfig(
        name=JOURNAL,
        description="The newest event of the database, to tell which store was put back.",
        subjects=[SUBJECT],
        retention=api.RetentionPolicy.LIMITS,
        discard=api.DiscardPolicy.OLD,
        storage=api.StorageType.FILE,
        max_msgs=1,
        max_bytes=_BYTES,
    )


def _unavailable(error: Exception) -> StreamUnavailable:
    words = f"The mark of the database can't be read or written: {error!r}."
    return StreamUnavailable(words, retry_after_seconds=1)
