"""Names: order ids, the references that partners keep, partitions and subject tokens.

An order is named by its channel and the channel's own reference. From that pair everything else
follows without asking a server: the order id, the signed reference of each of its things, and the
partition that owns the order.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from functools import lru_cache
from typing import NewType
from urllib.parse import unquote_to_bytes

from schemas.order.things import ORDER, Key, key_of, kind_of, number_of

OrderId = NewType("OrderId", str)
Reference = NewType("Reference", str)

PARTITIONS = 32
"""How many partitions the stream has. Fixed: the stream's subject mapping names it too."""

ORDER_ID_LENGTH = 19
"""96 bits in base 36."""
KEY_ID_LENGTH = 1
THING_LENGTH = 5
"""A kind's letter and four digits; the order itself is `O0000`."""
MAC_LENGTH = 10
"""51 bits: a guess succeeds once in 3 * 10^15 tries, each of which is refused and counted."""
REFERENCE_LENGTH = KEY_ID_LENGTH + ORDER_ID_LENGTH + THING_LENGTH + MAC_LENGTH
"""35 characters: what UPS's reference fields and Business Central's external document number carry.
Digits and capitals alone, because partners fold case."""

MAX_REF_LENGTH = 128
"""Channels' ids have some twenty characters; percent-encoded thrice as long, a subject bears it."""

MAX_TOKEN_LENGTH = 12 * MAX_REF_LENGTH
"""A character has four bytes at most, and each may become three."""

MAX_CHANNEL_LENGTH = 32
"""A channel is a token of every subject and a label of every metric: short, as people name it."""

_ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
_PAIRS = tuple(high + low for high in _ALPHABET for low in _ALPHABET)
_PLAIN = frozenset(b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_-")
_TOKENS = tuple(chr(b) if b in _PLAIN else f"%{b:02X}" for b in range(256))
_FNV_OFFSET = 0x811C9DC5
_FNV_PRIME = 0x01000193


class ReferenceRefused(ValueError):
    """A reference that is malformed, altered or signed with a key that is not on the list."""


# Asked for several times for each message of an order; as many as may be live, 2 MB at the most.
@lru_cache(maxsize=8_192)
def order_id_for(channel: str, ref: str) -> OrderId:
    """Return the 19-character id that every copy of this order gets, on any machine."""
    digest = hashlib.sha256(f"{channel}\x00{ref}".encode()).digest()
    return OrderId(_base36(int.from_bytes(digest[:12], "big"), ORDER_ID_LENGTH))


def sign_reference(
    order_id: OrderId, key: Key, key_id: str, keys: Mapping[str, bytes]
) -> Reference:
    """Return the name under which partners keep one thing of an order: key id (1), order id (19),
    thing (5) and HMAC-SHA256 truncated to 51 bits (10), all of [0-9A-Z].

    Raises KeyError when `key_id` is not in `keys`: the caller's configuration is wrong.
    """
    return _signed(order_id, key, key_id, keys[key_id])


# Asked for before each attempt of an effect and again when it is there; 2 MB at the most.
@lru_cache(maxsize=8_192)
def _signed(order_id: OrderId, key: Key, key_id: str, secret: bytes) -> Reference:
    named = f"{key_id}{order_id}{kind_of(key)}{number_of(key):04d}"
    return Reference(f"{named}{_mac(named, secret)}")


def verify_reference(value: str, keys: Mapping[str, bytes]) -> tuple[OrderId, Key]:
    """Return the order and the thing that a reference names when one of `keys` signed it, in
    whatever case a partner gives it back.

    The signing key is chosen by the id inside from `keys` alone; a signature proves origin and
    authorises nothing. Raises ReferenceRefused otherwise.
    """
    folded = value.strip().upper() if value.isascii() else value
    if len(folded) != REFERENCE_LENGTH or not folded.isascii() or not folded.isalnum():
        raise ReferenceRefused(
            f"A reference has {REFERENCE_LENGTH} letters and digits; "
            f"this one has {len(folded)} characters or others among them."
        )
    named, mac = folded[:-MAC_LENGTH], folded[-MAC_LENGTH:]
    key = keys.get(named[:KEY_ID_LENGTH])
    if key is None:
        raise ReferenceRefused(f"The reference names the key {named[:1]!r}, which is unknown.")
    if not hmac.compare_digest(_mac(named, key), mac):
        raise ReferenceRefused("The reference's signature does not match: it was altered.")
    thing = named[-THING_LENGTH:]
    kind, number = thing[0], int(thing[1:])
    order_id = OrderId(named[KEY_ID_LENGTH:-THING_LENGTH])
    return order_id, ORDER if kind == ORDER else key_of(kind, number)


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


# A reference that comes back in a report was signed here when its task was made.
@lru_cache(maxsize=8_192)
def _mac(named: str, key: bytes) -> str:
    inner, outer = (one.copy() for one in _begun(key))
    inner.update(named.encode())
    outer.update(inner.digest())
    return _base36(int.from_bytes(outer.digest()[:8], "big") % 36**MAC_LENGTH, MAC_LENGTH)


# A process has a handful of keys. `hmac` begins again for each text, which is most of its price.
@lru_cache(maxsize=64)
def _begun(key: bytes) -> tuple[hashlib._Hash, hashlib._Hash]:
    """Return HMAC-SHA256's two hashes (RFC 2104) as they stand before a reference's own text."""
    block = (key if len(key) <= 64 else hashlib.sha256(key).digest()).ljust(64, b"\0")
    inner = hashlib.sha256(bytes(byte ^ 0x36 for byte in block) + b"orderwright reference 2:")
    return inner, hashlib.sha256(bytes(byte ^ 0x5C for byte in block))


def _base36(number: int, length: int) -> str:
    """Return a number in base 36, two digits at a time, padded with zeros; what is above is cut."""
    digits = []
    for _ in range(-(-length // 2)):
        number, rest = divmod(number, 1296)
        digits.append(_PAIRS[rest])
    return "".join(digits[::-1])[-length:]
