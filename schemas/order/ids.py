"""Names of things: order ids, correlation ids, partitions and subject tokens.

An order is named by its channel and the channel's own reference. From that pair everything else
follows without asking a server: the order id, the correlation id that partners carry, and the
partition that owns the order.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from functools import lru_cache
from typing import NewType
from urllib.parse import unquote_to_bytes

OrderId = NewType("OrderId", str)
CorrelationId = NewType("CorrelationId", str)

PARTITIONS = 32
"""How many partitions the stream has. Fixed: the stream's subject mapping names it too."""

ORDER_ID_LENGTH = 22
KEY_ID_LENGTH = 2
MAC_LENGTH = 11
CORRELATION_ID_LENGTH = KEY_ID_LENGTH + ORDER_ID_LENGTH + MAC_LENGTH
"""35 characters: what UPS's reference fields carry (the shortest among our partners)."""

MAX_REF_LENGTH = 128
"""Channels' ids have some twenty characters; percent-encoded thrice as long, a subject bears it."""

MAX_TOKEN_LENGTH = 12 * MAX_REF_LENGTH
"""A character has four bytes at most, and each may become three."""

MAX_CHANNEL_LENGTH = 32
"""A channel is a token of every subject and a label of every metric: short, as people name it."""

_ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_PLAIN = frozenset(b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_-")
_TOKENS = tuple(chr(b) if b in _PLAIN else f"%{b:02X}" for b in range(256))
_FNV_OFFSET = 0x811C9DC5
_FNV_PRIME = 0x01000193


class CorrelationIdRefused(ValueError):
    """A correlation id that is malformed, altered or signed with a key that is not on the list."""


def order_id_for(channel: str, ref: str) -> OrderId:
    """Return the 22-character id that every copy of this order gets, on any machine."""
    digest = hashlib.sha256(f"{channel}\x00{ref}".encode()).digest()
    return OrderId(_base62(int.from_bytes(digest[:16], "big"), ORDER_ID_LENGTH))


def sign_correlation_id(order_id: OrderId, key_id: str, keys: Mapping[str, bytes]) -> CorrelationId:
    """Return key id (2) + order id (22) + HMAC-SHA256 truncated to 64 bits (11), all base 62.

    Raises KeyError when `key_id` is not in `keys`: the caller's configuration is wrong.
    """
    return CorrelationId(f"{key_id}{order_id}{_mac(order_id, key_id, keys[key_id])}")


def verify_correlation_id(value: str, keys: Mapping[str, bytes]) -> OrderId:
    """Return the order id inside `value` when one of `keys` signed it.

    The key is chosen by the id inside from `keys` alone; a signature proves origin and is no
    authorisation. Raises CorrelationIdRefused otherwise.
    """
    if len(value) != CORRELATION_ID_LENGTH or not value.isascii() or not value.isalnum():
        raise CorrelationIdRefused(
            f"A correlation id has {CORRELATION_ID_LENGTH} letters and digits; "
            f"this one has {len(value)} characters or others among them."
        )
    key_id = value[:KEY_ID_LENGTH]
    order_id = OrderId(value[KEY_ID_LENGTH : KEY_ID_LENGTH + ORDER_ID_LENGTH])
    key = keys.get(key_id)
    if key is None:
        raise CorrelationIdRefused(
            f"The correlation id names the key {key_id!r}, which is unknown."
        )
    expected = _mac(order_id, key_id, key)
    if not hmac.compare_digest(expected, value[KEY_ID_LENGTH + ORDER_ID_LENGTH :]):
        raise CorrelationIdRefused("The correlation id's signature does not match: it was altered.")
    return order_id


def ref_token(ref: str) -> str:
    """Percent-encode a reference so that it is one NATS subject token (`[A-Za-z0-9_-]` stay)."""
    return "".join([_TOKENS[b] for b in ref.encode()])


def ref_of_token(token: str) -> str:
    """Return the reference that became this token; "" for what is not a token of ours."""
    if len(token) > MAX_TOKEN_LENGTH or not token.isascii():
        return ""
    try:
        ref = unquote_to_bytes(token).decode()
    except UnicodeDecodeError:
        return ""
    return ref if len(ref) <= MAX_REF_LENGTH and ref_token(ref) == token else ""


# Asked for the same order before each of its effects; as many as may be live, 2 MB at the most.
@lru_cache(maxsize=8_192)
def partition_of(ref: str) -> int:
    """Return the partition (0 to 31) that nats-server's `partition(32, 3)` gives this reference.

    FNV-1a 32 of the encoded token, modulo the number of partitions.
    """
    value = _FNV_OFFSET
    for byte in ref_token(ref).encode():
        value = ((value ^ byte) * _FNV_PRIME) & 0xFFFFFFFF
    return value % PARTITIONS


def _mac(order_id: str, key_id: str, key: bytes) -> str:
    text = f"orderwright correlation 1:{key_id}:{order_id}".encode()
    digest = hmac.digest(key, text, "sha256")
    return _base62(int.from_bytes(digest[:8], "big"), MAC_LENGTH)


def _base62(number: int, length: int) -> str:
    digits = []
    for _ in range(length):
        number, rest = divmod(number, 62)
        digits.append(_ALPHABET[rest])
    return "".join(reversed(digits))
