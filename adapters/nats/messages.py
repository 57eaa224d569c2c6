"""Reads deliveries of the stream as messages."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime

from nats.aio.msg import Msg

from actors.runtime.ports import Message
from adapters.nats.headers import MESSAGE_ID, REF, SENT, SOURCE, SUBJECT, TOPIC

CANONICAL = "canonical"
"""The shape of the bytes when the sender does not name one: other services use our own."""

MAX_DELIVERY_ID = 200
"""Storefronts use UUIDs. A longer id is replaced by its digest, because no index takes it."""

NO_PARTITION = -1
"""The partition of an unroutable message: it belongs to no order."""

_MESSAGE_ID, _SOURCE, _TOPIC, _SUBJECT, _REF, _SENT = (
    name.lower() for name in (MESSAGE_ID, SOURCE, TOPIC, SUBJECT, REF, SENT)
)
_ACK_TOKENS = 9
_ACK_TOKENS_WITH_DOMAIN = 11


def message_of(message: Msg) -> Message:
    """Read one delivery. Header names become lower case, because senders vary; `received_at` is
    when the stream first stored the message.

    The delivery id is scoped by channel and kind: an equal id of another channel is another
    delivery. Without an id from the sender it is the message's sequence and time in the stream,
    which stay the same when it is delivered again and differ after the store was lost.

    Channel and kind are not decoded. Valid names need no encoding, and if they were decoded,
    `%61ct` would be an `act` that the server's permissions do not see.
    """
    headers = {name.lower(): value for name, value in (message.headers or {}).items()}
    stream, deliveries, sequence, nanoseconds = _metadata(message.reply)
    tokens = message.subject.split(".")
    if len(tokens) == 5 and tokens[1] == "p" and tokens[2].isdigit():
        partition, channel, kind = int(tokens[2]), tokens[3], tokens[4]
        topic = headers.get(_TOPIC, "")
    else:
        partition, kind = NO_PARTITION, ""
        channel = tokens[2] if len(tokens) > 2 else ""
        topic = headers[_SUBJECT] = message.subject
    scope = f"{channel}/{kind}/"
    sent_id = headers.get(_MESSAGE_ID, "").removeprefix(scope)
    if len(sent_id) > MAX_DELIVERY_ID:
        sent_id = hashlib.sha256(sent_id.encode("utf-8", "replace")).hexdigest()
    return Message(
        partition=partition,
        channel=channel,
        kind=kind,
        source=headers.get(_SOURCE, CANONICAL),
        topic=topic,
        delivery_id=f"{scope}{sent_id or f'{stream}.{sequence}.{nanoseconds}'}",
        raw=message.data,
        headers=headers,
        received_at=datetime.fromtimestamp(nanoseconds / 1_000_000_000, UTC),
        deliveries=deliveries,
        ref_token=headers.pop(_REF, ""),
        sent=headers.pop(_SENT, ""),
    )


def _metadata(reply: str) -> tuple[str, int, int, int]:
    """Read stream, deliveries, stream sequence and time from `$JS.ACK[.domain.account].…`."""
    tokens = reply.split(".")
    if len(tokens) >= _ACK_TOKENS_WITH_DOMAIN:
        del tokens[2:4]
    if len(tokens) < _ACK_TOKENS:
        return "", 1, 0, 0
    return tokens[2], int(tokens[4]), int(tokens[5]), int(tokens[7])
