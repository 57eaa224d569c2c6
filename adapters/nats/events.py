"""Publishes facts to the stream EVENTS, from which other services read them."""

from __future__ import annotations

import asyncio

import nats.errors
from nats.js.errors import APIError, NoStreamResponseError

from actors.runtime.errors import Retryable, Unknown
from adapters.nats.connection import Connection, NatsUnusable
from adapters.nats.headers import MESSAGE_ID, TRACE
from adapters.nats.streams import ensure_events

_ACKNOWLEDGED_SECONDS = 3.0


class EventPublisher:
    """A thin writer; the caller's rate and concurrency bound it."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._jetstream = connection.jetstream

    async def start(self) -> None:
        """Make the stream, or bring it up to date. Raises NatsUnusable."""
        await ensure_events(self._connection)

    async def publish(
        self, subject: str, body: bytes, *, message_id: str, content_type: str, trace: str
    ) -> None:
        """Return when the stream has the fact on disk, now or from before.

        Raises Retryable when it surely has not, Unknown when it did not say in time.
        """
        if not self._connection.is_connected:
            # The client would keep the message and send it at a time no one waits for it any more.
            raise Retryable("NATS is away; the fact is published when it is back.")
        headers = {MESSAGE_ID: message_id, "Content-Type": content_type}
        if trace:
            headers[TRACE] = trace
        try:
            async with asyncio.timeout(_ACKNOWLEDGED_SECONDS):
                await self._jetstream.publish(
                    subject, body, timeout=_ACKNOWLEDGED_SECONDS, headers=headers
                )
        except NoStreamResponseError as error:
            await self._again()
            raise Retryable("The stream of facts was lost, and is made again.") from error
        except APIError as error:
            raise Retryable(f"The stream of facts refuses: {error.description}.") from error
        except (TimeoutError, nats.errors.Error, OSError) as error:
            raise Unknown(
                f"The stream of facts did not answer in time ({type(error).__name__})."
            ) from error

    async def _again(self) -> None:
        try:
            await ensure_events(self._connection)
        except NatsUnusable as error:
            raise Retryable(str(error)) from error
