"""What every sender of webhooks is behind: one small interface, so that adding one is a day's work.

`receive` runs at the edge, before anything is answered: it checks who sent the bytes and finds,
cheaply, which order they are about. `translate` runs behind the stream: it reads strictly,
validates, and makes one of our inputs.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Protocol

from msgspec import Struct

from schemas.messages.privacy import Read

UNREADABLE = "unreadable"
UNKNOWN = "unknown"
MAX_HEADER_CHARACTERS = 128
"""Senders' ids are UUIDs or shorter than a hundred; a longer one would swell the inbox's key."""


class SignatureRefused(Exception):
    """The sender did not prove who he is. The text is a whole sentence; it is answered with 401."""


class Receipt(Struct, frozen=True, kw_only=True):
    """What is known of an authentic delivery before anybody read it closely.

    `kind` is a key of `schemas.messages.inputs.KINDS`, or `privacy` (`schemas.messages.privacy`),
    or `unreadable` or `unknown`: such bytes are kept too, for a storefront that is refused often
    enough stops sending. Then `ref` is made from their digest, if it can't be found. `notes` are
    sentences for the log, such as an API version that drifted; `drift` is that version, "" when it
    is the expected one. `headers` are those of the sender's that a person may want to see beside
    bytes that were refused (`shown_headers`); no credential is among them. `ignored`: valid, and
    not this channel's to do, in numbers that would bury everything else, so it is answered and kept
    nowhere, and has no `ref` or `delivery_id` where those would cost; a note says why. `at_once`:
    it is about no order, such as a report of stock; it goes into no stream, and what became of it
    is the answer.
    """

    channel: str
    kind: str
    ref: str
    topic: str
    delivery_id: str
    notes: tuple[str, ...] = ()
    drift: str = ""
    headers: Mapping[str, str] = {}
    ignored: bool = False
    at_once: bool = False


class Translator(Protocol):
    """Reads the messages of one instance, by that instance's own settings."""

    @property
    def kind(self) -> str:
        """Whose shape the bytes have: the name of the instance's kind, such as `shopify`."""
        ...

    def translate(self, kind: str, topic: str, raw: bytes) -> Read:
        """Read strictly, validate and normalise. Raises schemas.contracts.refusals.Refused, nothing
        else."""
        ...


class Source(Translator, Protocol):
    """A translator whose messages come as webhooks."""

    def receive(self, headers: Mapping[str, str], raw: bytes, now: datetime) -> Receipt:
        """Check the signature over the raw bytes, and only then look at them.

        Header names may have any case. Raises SignatureRefused.
        """
        ...


def header(headers: Mapping[str, str], name: str) -> str:
    """Return a header whatever the case of its name; "" when it is missing."""
    found = headers.get(name)
    if found is not None:
        return found
    wanted = name.lower()
    return next((value for key, value in headers.items() if key.lower() == wanted), "")


def shown_headers(headers: Mapping[str, str], names: Iterable[str]) -> dict[str, str]:
    """Return those of the headers (named in small letters) that are there, plain and short."""
    found = {}
    for name in names:
        value = header(headers, name)
        plain = value.isascii() and value.isprintable()
        if value and plain and len(value) <= MAX_HEADER_CHARACTERS:
            found[name] = value
    return found


def digest_ref(raw: bytes) -> str:
    """Name bytes that don't say what they are about: `sha256-` and 32 hex digits."""
    return f"sha256-{hashlib.sha256(raw).hexdigest()[:32]}"


def delivery_of(scope: str, given: str, topic: str, raw: bytes) -> str:
    """Return `{scope}:{given}`, or a name made from topic and bytes when the sender gave no usable
    id, so that a repeat is recognised all the same."""
    if given and len(given) <= MAX_HEADER_CHARACTERS and given.isascii() and given.isprintable():
        return f"{scope}:{given}"
    return f"{scope}:{digest_ref(topic.encode() + b' ' + raw)}"


def signed_by_any(keys: Iterable[bytes], signed: bytes, given: Iterable[bytes]) -> bool:
    """Say whether one of the given digests is the HMAC-SHA256 by one of the keys.

    Every pair is compared, in constant time, so that the time tells nothing.
    """
    found = False
    digests = tuple(given)
    for key in keys:
        expected = hmac.digest(key, signed, "sha256")
        for digest in digests:
            found |= hmac.compare_digest(expected, digest)
    return found


def digest_from_base64(text: str) -> bytes:
    """Return the bytes of a base64 text; b"" (which no digest equals) when it is none."""
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return b""
