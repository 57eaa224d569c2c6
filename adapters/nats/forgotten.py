"""Finds messages that a stream keeps although its consumer counts them as acknowledged.

An acknowledged message leaves a work queue, but the server writes its departure and the consumer's
state down separately. When it is killed in between, the message is there again after the restart,
at or below what the consumer has acknowledged: it is never delivered again and never leaves (seen
with 2.15.1). As far as can be told it was processed. It is handed out once more all the same: the
inbox recognises a repeat.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import datetime
from email.parser import BytesParser

import nats.errors
from msgspec import MsgspecError, Struct, json
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.js.errors import APIError

from actors.runtime.ports import Message
from adapters.nats.connection import Connection, NatsUnusable
from adapters.nats.consumers import ConsumerPlan
from adapters.nats.messages import message_of

MAX_FOUND, MAX_FOUND_BYTES = 256, 16 * 1024 * 1024
"""Messages that one search returns, and their size; the next search continues."""

MAX_DELETIONS = 10
"""Times that the stream is asked to delete a message before that is an error in the log; it is
asked further on, and the message is not handed out again."""

_EVERYTHING = ">"
_ANSWER_SECONDS = 5.0
_VERSION_LINE = b"NATS/1.0\r\n"
_NO_MESSAGE = 404

_log = logging.getLogger(__name__)


class _Kept(Struct):
    """A message as the stream tells it; JSON has its bytes in base64."""

    subject: str
    seq: int
    time: str
    data: bytes = b""
    hdrs: bytes = b""


class _Problem(Struct):
    code: int = 0
    description: str = ""


class _Answer(Struct):
    message: _Kept | None = None
    error: _Problem | None = None


_read_answer = json.Decoder(_Answer).decode


class _Found:
    """A message that two searches found: how often it was handed out (the stream once, when it
    counted it as acknowledged), whether it is handed out now, and how often its deletion was asked
    for."""

    __slots__ = ("deletions", "deliveries", "out")

    def __init__(self) -> None:
        self.deliveries = 1
        self.out = False
        self.deletions = 0


class Forgotten:
    """One message that the stream keeps and does not deliver. Acknowledging it deletes it; one that
    is given back stays, is found again, and its deliveries are counted: the intake bounds them."""

    __slots__ = ("_client", "_found", "_place", "message")

    def __init__(
        self, message: Message, client: Client, place: tuple[str, int], found: _Found
    ) -> None:
        self.message = message
        self._client = client
        self._place = place
        self._found = found

    async def ack(self) -> None:
        """Delete the message. What becomes of that shows in the next search."""
        await _delete(self._client, self._place, self._found)

    async def nak(self, delay_seconds: float = 0.0) -> None:
        """Leave the message where it is, for the next search."""
        self._found.out = False

    async def in_progress(self) -> None:
        """No time runs for the message."""


class Search:
    """Searches the streams of some consumers."""

    def __init__(self, connection: Connection, plans: Sequence[ConsumerPlan]) -> None:
        self._connection = connection
        self._plans = plans
        self._suspects: dict[tuple[str, int], _Found] = {}

    async def once(self) -> list[Forgotten]:
        """Return the forgotten messages that the search before this one found as well: one that was
        just being acknowledged is gone by now. One that is being processed is not handed out twice,
        and of one that has ended the deletion is repeated. Raises NatsUnusable."""
        found: list[Forgotten] = []
        suspects: dict[tuple[str, int], _Found] = {}
        try:
            for plan in self._plans:
                for kept in await self._kept(plan, MAX_FOUND - len(suspects)):
                    place = plan.stream, kept.seq
                    before = self._suspects.get(place)
                    suspects[place] = before or _Found()
                    if before is None:
                        continue
                    if before.deletions:
                        await _delete(self._connection.client, place, before)
                    elif not before.out:
                        found.append(self._handed_out(place, kept, before))
        except (APIError, nats.errors.Error, MsgspecError, TimeoutError, OSError) as error:
            for one in found:  # not handed out after all
                await one.nak()
            raise NatsUnusable(f"JetStream does not say what it keeps: {error}") from error
        self._suspects = suspects
        return found

    def _handed_out(self, place: tuple[str, int], kept: _Kept, found: _Found) -> Forgotten:
        found.deliveries += 1
        found.out = True
        client = self._connection.client
        message = message_of(_message(place[0], kept, found.deliveries, client))
        return Forgotten(message, client, place, found)

    async def _kept(self, plan: ConsumerPlan, most: int) -> list[_Kept]:
        """Return what the stream keeps at or below the consumer's acknowledgements."""
        info = await self._connection.jetstream.consumer_info(plan.stream, plan.name)
        acknowledged = info.ack_floor.stream_seq if info.ack_floor is not None else 0
        found: list[_Kept] = []
        size = 0
        sequence = 1
        while len(found) < most and size < MAX_FOUND_BYTES and sequence <= acknowledged:
            kept = await self._next(plan, sequence)
            if kept is None or kept.seq > acknowledged:
                break
            found.append(kept)
            size += len(kept.data)
            sequence = kept.seq + 1
        return found

    async def _next(self, plan: ConsumerPlan, sequence: int) -> _Kept | None:
        """Return the first message from a sequence on. The client's own call rounds its time, which
        is part of the id of a message without one."""
        request = json.encode({"seq": sequence, "next_by_subj": plan.subject or _EVERYTHING})
        name = f"$JS.API.STREAM.MSG.GET.{plan.stream}"
        told = await self._connection.client.request(name, request, timeout=_ANSWER_SECONDS)
        answer = _read_answer(told.data)
        if answer.error is not None and answer.error.code != _NO_MESSAGE:
            raise NatsUnusable(f"JetStream does not say what it keeps: {answer.error.description}.")
        return answer.message


async def _delete(client: Client, place: tuple[str, int], found: _Found) -> None:
    stream, sequence = place
    found.deletions += 1
    if found.deletions == MAX_DELETIONS:
        _log.error(
            "JetStream does not delete message %d of %s, which has been processed. Whoever runs "
            "the server must delete it: `nats stream rmm %s %d`.",
            *(sequence, stream, stream, sequence),
        )
    try:
        request = json.encode({"seq": sequence, "no_erase": True})
        await client.publish(f"$JS.API.STREAM.MSG.DELETE.{stream}", request)
    except (nats.errors.Error, OSError) as error:
        _log.debug("A forgotten message was not deleted; it is found again: %s", error)


def _message(stream: str, kept: _Kept, deliveries: int, client: Client) -> Msg:
    """Return it as the server would deliver it with its count of deliveries."""
    headers = BytesParser().parsebytes(kept.hdrs.removeprefix(_VERSION_LINE))
    return Msg(
        _client=client,
        subject=kept.subject,
        reply=f"$JS.ACK.{stream}.forgotten.{deliveries}.{kept.seq}.0.{_nanoseconds(kept.time)}.0",
        data=kept.data,
        headers={name: str(value) for name, value in headers.items()},
    )


def _nanoseconds(time: str) -> int:
    """Return a time of the server (RFC 3339 in UTC, to the nanosecond) since 1970."""
    whole, _, fraction = time.removesuffix("Z").partition(".")
    seconds = int(datetime.fromisoformat(f"{whole}+00:00").timestamp())
    return seconds * 1_000_000_000 + int(fraction.ljust(9, "0")[:9])
