"""What is known of a message beside its bytes: whose it is, and what of its headers is kept."""

from __future__ import annotations

import msgspec
from msgspec.structs import replace

from actors.runtime.ports import Message
from adapters.kit.fetching import asked_by
from schemas.messages.inputs import PlaceOrder, UpdateOrder
from schemas.messages.privacy import Read
from schemas.order.ids import partition_of, ref_of_token

HIDDEN_HEADERS = frozenset({"authorization", "cookie", "x-shopify-hmac-sha256"})
"""Headers that quarantine does not keep: credentials, and proofs that are worthless once
checked."""

_read_sent = msgspec.json.Decoder(dict[str, str]).decode


def kept_headers(message: Message) -> dict[str, str]:
    """Return a message's headers and those of its sender, without credentials."""
    try:
        sent = _read_sent(message.sent) if message.sent else {}
    except msgspec.DecodeError:  # not written by the edge
        sent = {"sent": message.sent}
    found = {**{name.lower(): value for name, value in sent.items()}, **message.headers}
    return {name: value for name, value in found.items() if name not in HIDDEN_HEADERS}


def published_ref(message: Message) -> str:
    """Return the order reference that a message was published under; "" when the sender stated
    none, or one that belongs to another partition."""
    ref = ref_of_token(message.ref_token)
    return ref if ref and partition_of(ref) == message.partition else ""


def ref_of(command: Read) -> str:
    """Return the reference of the order that an input is about, or the name of a request's
    message."""
    if isinstance(command, PlaceOrder | UpdateOrder):
        return command.order.ref
    ref: str = command.ref  # type: ignore[union-attr]  # every kind a message can have names its order
    return ref


def as_asked(message: Message, command: Read) -> Read:
    """Return an input with the effect whose answer it is, whatever it says of that itself."""
    if not isinstance(command, UpdateOrder):
        return command
    asked = asked_by(message.topic, message.delivery_id)
    return command if command.fetched == asked else replace(command, fetched=asked)
