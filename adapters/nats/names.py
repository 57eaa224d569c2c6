"""The names of streams, and of a stream's consumers.

A list of what they contain is collected from all servers of a cluster, and lacks what has no leader
just then; the names are known to each.
"""

from __future__ import annotations

import msgspec
import nats.errors
from msgspec import Struct

from adapters.nats.connection import Connection, NatsUnusable

_SECONDS = 5.0


class _Problem(Struct):
    description: str = ""


class _Names(Struct):
    streams: list[str] | None = None
    consumers: list[str] | None = None
    total: int = 0
    error: _Problem | None = None


_read = msgspec.json.Decoder(_Names).decode


async def stream_names(connection: Connection) -> list[str]:
    """Return the names of all streams of our account. Raises NatsUnusable."""
    return await _names(connection, "STREAM.NAMES")


async def consumer_names(connection: Connection, stream: str) -> list[str]:
    """Return the names of a stream's consumers. Raises NatsUnusable."""
    return await _names(connection, f"CONSUMER.NAMES.{stream}")


async def _names(connection: Connection, asked: str) -> list[str]:
    found: list[str] = []
    while True:
        body = msgspec.json.encode({"offset": len(found)})
        try:
            answer = await connection.client.request(f"$JS.API.{asked}", body, timeout=_SECONDS)
            page = _read(answer.data)
        except (nats.errors.Error, TimeoutError, OSError, msgspec.MsgspecError) as error:
            raise NatsUnusable(
                f"JetStream did not answer {asked} ({error}); is it enabled for this account?"
            ) from error
        if page.error is not None:
            raise NatsUnusable(f"JetStream refused {asked}: {page.error.description}.")
        some = page.streams or page.consumers or []
        found += some
        if not some or len(found) >= page.total:
            return found
