"""Publishes events to the stream EVENTS, where other services read them, and reads them back."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import nats.errors
from nats.js import api
from nats.js.errors import APIError, NoStreamResponseError, NotFoundError

from actors.runtime.errors import Retryable, Unknown
from adapters.nats.connection import Connection, NatsUnusable
from adapters.nats.headers import MESSAGE_ID, TRACE
from adapters.nats.streams import EVENTS, ensure_events
from schemas.order.ids import ref_token

_ACKNOWLEDGED_SECONDS = 3.0


class PlaceGone(Exception):
    """A place in a stream that was made again since: what was published is to be read from the
    beginning."""


class EventPublisher:
    """A thin writer; its lane bounds rate and concurrency."""

    def __init__(self, connection: Connection, channels: Sequence[str] = ()) -> None:
        self._connection = connection
        self._channels = tuple(channels)
        self._jetstream = connection.jetstream

    async def start(self) -> None:
        """Create or update the stream and the channels' consumers. Raises NatsUnusable."""
        await ensure_events(self._connection, self._channels)

    async def use(self, channels: Sequence[str]) -> None:
        """Keep a consumer for each of these channels from now on. Raises NatsUnusable."""
        await ensure_events(self._connection, channels)
        self._channels = tuple(channels)

    async def publish(
        self, subject: str, body: bytes, *, message_id: str, content_type: str, trace: str
    ) -> None:
        """Return when the stream has the event on disk, from this call or an earlier one.

        Raises Retryable when it certainly has not, Unknown when it did not answer in time.
        """
        if not self._connection.is_connected:
            # The client would buffer the message and send it after the call has been given up.
            raise Retryable("NATS is unavailable; the event is published when it is back.")
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
            raise Retryable("The stream EVENTS was lost, and has been created again.") from error
        except APIError as error:
            raise Retryable(f"The stream EVENTS refuses the event: {error.description}.") from error
        except (TimeoutError, nats.errors.Error, OSError) as error:
            raise Unknown(
                f"The stream EVENTS did not answer in time ({type(error).__name__})."
            ) from error

    async def published(self, channel: str, after: str, limit: int) -> tuple[list[bytes], str]:
        """Return up to `limit` events of a channel behind a place in the stream ("": its
        beginning), and the place after them. Raises PlaceGone for a place in a stream that is gone,
        and NatsUnusable."""
        found: list[bytes] = []
        subject = f"orders.out.{ref_token(channel)}.>"
        try:
            info = await self._jetstream.stream_info(EVENTS)
            stream = _identity(info)
            sequence = _sequence(after, stream, info.state.last_seq)
            while len(found) < limit:
                try:
                    message = await self._jetstream.get_msg(
                        EVENTS, seq=sequence + 1, subject=subject, next=True
                    )
                except NotFoundError:
                    break
                assert message.seq is not None
                sequence = message.seq
                found.append(message.data or b"")
        except (APIError, nats.errors.Error, TimeoutError, OSError) as error:
            raise NatsUnusable(f"The stream {EVENTS} can't be read ({error}).") from error
        return found, f"{stream}-{sequence}"

    async def _again(self) -> None:
        try:
            await ensure_events(self._connection, self._channels)
        except NatsUnusable as error:
            raise Retryable(str(error)) from error


def _identity(info: api.StreamInfo) -> str:
    """Return what tells this stream from one of the same name that was made before or after it."""
    assert info.created is not None
    return f"{int(info.created.timestamp() * 1_000_000):x}"


def _sequence(after: str, stream: str, last: int) -> int:
    """Return the sequence number of a place in the stream."""
    if not after:
        return 0
    named, _, number = after.partition("-")
    # A stream whose files were restored from a copy has the same identity and ends earlier.
    if named != stream or int(number) > last:
        raise PlaceGone(f"The stream {EVENTS} was made again since this place was given out.")
    return int(number)
