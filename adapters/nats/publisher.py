"""Publishes messages to the stream and returns only once the stream has acknowledged them."""

from __future__ import annotations

import asyncio
import hashlib
import logging
from collections.abc import Collection, Mapping
from functools import lru_cache

import msgspec
import nats.errors
from nats.aio.msg import Msg
from nats.js.errors import APIError

from actors.runtime.deadlines import Deadlines
from actors.runtime.errors import StreamUnavailable, TooLargeForStream
from adapters.kit.fitting import printable
from adapters.nats.connection import LARGEST_RAW_BYTES, Connection
from adapters.nats.headers import MESSAGE_ID, REF, SEAL, SENT, SOURCE, TOPIC, TRACE
from adapters.nats.messages import MAX_DELIVERY_ID
from adapters.nats.seal import Seal
from schemas.order.ids import MAX_REF_LENGTH, ref_token

# One time-out and one repeat: 2.5 s together, within the 5 s after which Shopify gives up a
# webhook.
_ATTEMPT_SECONDS = (1.2, 1.3)
_MAX_IN_FLIGHT = 512  # five times what keeps the disk busy; beyond it only memory would grow
_MAX_IN_FLIGHT_BYTES = 32 * 1024 * 1024  # eight of the largest bodies, or 512 of any usual size

_AWAY_SECONDS, _BUSY_SECONDS, _FULL_SECONDS = 2, 1, 10
ASKED_WITHIN_SECONDS = 10.0
"""How long a stream counts as silent after the last publish that it did not acknowledge. While it
does no one is sent here: without an end a packet that was lost would close a healthy service."""
_TOO_LARGE_CODE = 10054
_LOOK_SECONDS = 0.5  # between two looks at how much is stored: hundreds of messages in a flood

_log = logging.getLogger(__name__)


class _Problem(msgspec.Struct):
    code: int = 0
    err_code: int = 0
    description: str = ""


class _Answer(msgspec.Struct):
    """JetStream's answer to a publish."""

    seq: int = 0
    error: _Problem | None = None


_read_answer = msgspec.json.Decoder(_Answer).decode


class Publisher:
    """Publishes to `orders.in.<channel>.<kind>.<ref>`.

    At most 512 messages and 32 MiB are in flight; more are refused at once, so that a flood can't
    exhaust memory; one channel may have three quarters of that number. `channels` are those with a
    stream of their own; without any, all share one. `seal` marks messages as our own. While
    `closed_because` says why, nothing is published, as on a full disk.
    """

    def __init__(
        self,
        connection: Connection,
        seal: Seal,
        *,
        channels: Collection[str] = (),
        max_in_flight: int = _MAX_IN_FLIGHT,
        attempt_seconds: tuple[float, ...] = _ATTEMPT_SECONDS,
    ) -> None:
        self._connection = connection
        self._client = connection.client
        self._seal = seal
        self._max_in_flight = max_in_flight
        self.use(channels)
        self._of_channel: dict[str, int] = {}
        self._attempt_seconds = attempt_seconds
        self._inbox = f"{self._client.new_inbox()}."
        self._inbox_length = len(self._inbox)
        self._serial = 0
        self._waiting: dict[str, asyncio.Future[Msg]] = {}
        self._waiting_bytes = 0
        self._loop = asyncio.get_running_loop()
        self._deadlines = Deadlines()
        self._unanswered_since: float | None = None
        self._given_up_at = 0.0
        self.closed_because = ""

    def use(self, channels: Collection[str]) -> None:
        """Publish for these channels to streams of their own from now on."""
        self._channels = frozenset(channels)
        several = len(self._channels) > 1
        self._max_of_one = max(1, self._max_in_flight * 3 // 4) if several else self._max_in_flight

    async def start(self) -> None:
        """Subscribe to the stream's acknowledgements."""
        await self._connection.subscribe(
            f"{self._inbox}*",
            self._acknowledged,
            messages=4 * self._max_in_flight,
            size=4 * self._max_in_flight * 1024,
        )

    @property
    def silent_seconds(self) -> float:
        """For how long the stream, asked and connected, has acknowledged nothing; 0.0 as soon as it
        does, or was not asked for ASKED_WITHIN_SECONDS."""
        if self._unanswered_since is None or not self._client.is_connected:
            return 0.0
        now = self._loop.time()
        if not self._waiting and now - self._given_up_at > ASKED_WITHIN_SECONDS:
            self._unanswered_since = None
            return 0.0
        return now - self._unanswered_since

    def assume_well(self) -> None:
        """Forget that the stream was silent: its server was restarted, or is busy with others."""
        self._unanswered_since = None

    async def stores_others(self) -> bool:
        """Whether the streams store what others publish: then nothing is stuck, but a flood is
        before ours. Takes half a second; False when the server does not say."""
        try:
            before = await self._stored()
            await asyncio.sleep(_LOOK_SECONDS)
            return await self._stored() > before
        except (APIError, nats.errors.Error, TimeoutError, OSError):
            return False

    async def _stored(self) -> int:
        streams = await self._connection.jetstream.streams_info()
        return sum(stream.state.last_seq for stream in streams)

    @property
    def in_flight(self) -> int:
        """How many messages wait for the stream's acknowledgement."""
        return len(self._waiting)

    async def publish(
        self,
        channel: str,
        kind: str,
        ref: str,
        raw: bytes,
        *,
        delivery_id: str,
        source: str,
        topic: str,
        trace: str = "",
        sent: Mapping[str, str] | None = None,
    ) -> None:
        """Return when the stream has the bytes on disk. The stream's time becomes `received_at`.
        `sent` are the sender's own headers, in ASCII.

        Raises StreamUnavailable when the stream did not acknowledge within 2.5 s (the message may
        be stored nevertheless), and TooLargeForStream for more than 4 MiB.
        """
        size = len(raw)
        if size > LARGEST_RAW_BYTES:
            raise TooLargeForStream(
                f"The message has {size} bytes; the stream accepts {LARGEST_RAW_BYTES}."
            )
        if len(delivery_id) > MAX_DELIVERY_ID:
            delivery_id = hashlib.sha256(delivery_id.encode("utf-8", "replace")).hexdigest()
        apart = not self._channels or channel in self._channels
        subject_head, id_head = _heads(channel, kind, apart)
        token = _token(ref)
        headers = {
            # Other channels and kinds may use the same ids; the stream drops repeats of this whole
            # text.
            MESSAGE_ID: f"{id_head}{delivery_id}",
            SOURCE: source,
            REF: token,
        }
        # An HTTP header may contain bytes that are not UTF-8; a NATS header can't.
        topic = printable(topic)
        if topic:
            headers[TOPIC] = topic
        if seal := self._seal.of(id_head, source, topic, raw):
            headers[SEAL] = seal
        if trace:
            headers[TRACE] = trace
        if sent:
            headers[SENT] = msgspec.json.encode(sent).decode()
        await self._send(channel, f"{subject_head}{token}", raw, headers)

    async def _send(self, channel: str, subject: str, raw: bytes, headers: dict[str, str]) -> None:
        if not self._client.is_connected:
            # The client would buffer the message and send it later, long after its sender was
            # refused.
            raise StreamUnavailable(
                "The message stream is unavailable.", retry_after_seconds=_AWAY_SECONDS
            )
        if self.closed_because:
            raise StreamUnavailable(self.closed_because, retry_after_seconds=_FULL_SECONDS)
        size = len(raw)
        if (
            len(self._waiting) >= self._max_in_flight
            or self._waiting_bytes + size > _MAX_IN_FLIGHT_BYTES
        ):
            raise StreamUnavailable(
                "More messages arrive than the stream takes.", retry_after_seconds=_BUSY_SECONDS
            )
        before = self._of_channel.get(channel, 0)
        if before >= self._max_of_one:
            raise StreamUnavailable(
                "More messages of this channel arrive than its stream takes.",
                retry_after_seconds=_BUSY_SECONDS,
            )
        self._of_channel[channel] = before + 1
        self._serial += 1
        token = str(self._serial)
        self._waiting_bytes += size
        try:
            answer = await self._ask(subject, f"{self._inbox}{token}", token, raw, headers)
        finally:
            self._waiting_bytes -= size
            self._waiting.pop(token, None)
            self._of_channel[channel] -= 1
            if not self._of_channel[channel]:
                del self._of_channel[channel]
        _check(answer)

    async def _ask(
        self, subject: str, reply: str, token: str, raw: bytes, headers: dict[str, str]
    ) -> Msg:
        began = self._loop.time()
        for seconds in self._attempt_seconds:
            # The same token each time: a late acknowledgement of the first attempt counts as well.
            future: asyncio.Future[Msg] = self._loop.create_future()
            self._waiting[token] = future
            try:
                with self._deadlines.start(seconds):
                    await self._client.publish(subject, raw, reply, headers)
                    return await future
            except TimeoutError:
                self._given_up_at = self._loop.time()
                if self._unanswered_since is None:
                    self._unanswered_since = began
                continue
            except (nats.errors.Error, OSError) as error:
                raise StreamUnavailable(
                    f"The message stream is unavailable ({type(error).__name__}).",
                    retry_after_seconds=_AWAY_SECONDS,
                ) from error
        raise StreamUnavailable(
            "The message stream did not acknowledge in time.", retry_after_seconds=_AWAY_SECONDS
        )

    async def _acknowledged(self, message: Msg) -> None:
        self._unanswered_since = None
        future = self._waiting.get(message.subject[self._inbox_length :])
        if future is not None and not future.done():
            future.set_result(message)


def _check(message: Msg) -> None:
    """Raise unless JetStream has stored the message, now or earlier."""
    try:
        answer = _read_answer(message.data)
    except msgspec.DecodeError:
        answer = _Answer()  # "no responders" comes without a body
    problem = answer.error
    if problem is None and answer.seq:
        return
    if problem is None:
        raise StreamUnavailable(
            "The message stream does not exist.", retry_after_seconds=_AWAY_SECONDS
        )
    if problem.err_code == _TOO_LARGE_CODE:
        raise TooLargeForStream(f"The stream says: {problem.description}.")
    _log.warning("The stream refused a message: %s (%d).", problem.description, problem.err_code)
    raise StreamUnavailable(
        f"The message stream accepts nothing ({problem.description}).",
        retry_after_seconds=_FULL_SECONDS,
    )


@lru_cache(maxsize=1024)
def _heads(channel: str, kind: str, apart: bool) -> tuple[str, str]:
    channel_token, kind_token = _token(channel), _token(kind)
    road = "in" if apart else "other"
    return f"orders.{road}.{channel_token}.{kind_token}.", f"{channel_token}/{kind_token}/"


def _token(text: str) -> str:
    """Return one subject token for any text: malformed messages must be kept too.

    An empty text becomes `_`; a text longer than any valid reference is cut (the intake will find
    it invalid).
    """
    if not text:
        return "_"
    try:
        return ref_token(text[:MAX_REF_LENGTH])
    except UnicodeEncodeError:
        return ref_token(text[:MAX_REF_LENGTH].encode("utf-8", "replace").decode())
