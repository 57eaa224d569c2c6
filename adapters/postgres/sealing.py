"""Seals what holds personal data, so that destroying one small key makes it unreadable permanently.

Each body, document and quarantined message has a random key of its own (AES-256-GCM, used once).
That key is wrapped by a master key that is not in the database. Where a thing lies is bound into
both ciphertexts (its order and name), so a sealed row put in another's place does not open.

A key is wrapped under a random 96-bit nonce: NIST SP 800-38D allows 2^32 of them under one master
key, four thousand million orders; `orderwright privacy rotate-key` starts a new one.
"""

from __future__ import annotations

import hashlib
import hmac
import os
from collections.abc import Callable, Mapping

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from msgspec import Struct

from actors.runtime.errors import JournalUnavailable

MARK = b"\x01"
"""The first byte of a sealed body or document, whose key is a row of `body_keys`."""
ENVELOPE = b"\x02"
"""The first byte of a value that carries its own wrapped key."""

ID_LENGTH = 2
NAME_BYTES = 16
"""Of an HMAC-SHA256: no one meets two customers of one name by chance."""

_KEY, _NONCE, _TAG = 32, 12, 16
_WRAPPED = _NONCE + _KEY + _TAG
_HEAD = len(ENVELOPE) + ID_LENGTH + _WRAPPED


class Damaged(msgspec.ValidationError):
    """A sealed value does not open: it was altered, or lies where it does not belong."""


class KeyMissing(JournalUnavailable):
    """A master key that is needed is missing here; the text says which, and where to add it. Work
    waits for it as for the store itself: nothing is lost meanwhile."""


class Masters(Struct, frozen=True):
    """The secrets: `active` is the id of the one that wraps new keys, `keys` has all that open;
    ids are two characters. `names` is what customers' names are hashed with; it never changes."""

    active: str
    keys: Mapping[str, bytes]
    names: bytes


class Sealed(Struct, frozen=True):
    """A sealed value, and its key wrapped by the master key of that id."""

    value: bytes
    master: str
    wrapped: bytes


class Sealing:
    """`read` gives the present secrets; it is asked again when an unknown master key is met,
    because another process may have made a new one."""

    def __init__(self, read: Callable[[], Masters]) -> None:
        self._read = read
        self.refresh()

    def refresh(self) -> None:
        """Take the present secrets."""
        masters = self._read()
        self._ciphers = {i: AESGCM(_derived(k, b"wrap")) for i, k in masters.keys.items()}
        self._secrets = dict(masters.keys)
        self._names = _derived(masters.names, b"name")
        self.active = masters.active

    @property
    def ids(self) -> frozenset[str]:
        """The ids of the master keys that are loaded."""
        return frozenset(self._ciphers)

    def proofs(self) -> dict[str, bytes]:
        """Return what shows later that each secret is still the same one; "names" is the one for
        names. Nothing can be opened with it."""
        found = {i: _derived(k, b"proof") for i, k in self._secrets.items()}
        return {**found, "names": hmac.digest(self._names, b"proof", "sha256")}

    def name_of(self, channel: str, identity: str) -> bytes:
        """Hash a customer's identity (`schemas.order.customers`): without the secret no one can try
        addresses out."""
        told = f"{channel}\n{identity}".encode("utf-8", "replace")
        return hmac.digest(self._names, told, "sha256")[:NAME_BYTES]

    def seal(self, order_id: str, name: str, value: bytes) -> Sealed:
        """Seal under a new key. About 4 µs for two kilobytes."""
        place = _place(order_id, name)
        drawn = os.urandom(_KEY + 2 * _NONCE)
        key, inner, outer = drawn[:_KEY], drawn[_KEY:-_NONCE], drawn[-_NONCE:]
        sealed = AESGCM(key).encrypt(inner, value, place)
        wrapped = self._ciphers[self.active].encrypt(outer, key, place)
        return Sealed(MARK + inner + sealed, self.active, outer + wrapped)

    def open(self, order_id: str, name: str, sealed: Sealed) -> bytes:
        """Return what was sealed there. Raises Damaged and KeyMissing."""
        place = _place(order_id, name)
        key = self._unwrapped(sealed.master, sealed.wrapped, place)
        return _opened(key, sealed.value[len(MARK) :], place)

    def stored(
        self,
        order_id: str,
        name: str,
        value: bytes | None,
        key: tuple[str | None, bytes | None],
        *,
        erased: bool = False,
    ) -> bytes | None:
        """Return a stored body or document: None when there is none or its key was destroyed.

        `key` is its master's id and wrapped key (None: there is no row of it). Raises Damaged and
        KeyMissing.
        """
        master, wrapped = key
        if value is None or erased or (master is not None and wrapped is None):
            return None
        if master is None or wrapped is None:
            raise Damaged("Something sealed has no key beside it.")
        return self.open(order_id, name, Sealed(value, master, wrapped))

    def rewrapped(self, order_id: str, name: str, master: str, wrapped: bytes) -> bytes:
        """Return the same key wrapped by the active master key. Raises as `open` does."""
        place = _place(order_id, name)
        key = self._unwrapped(master, wrapped, place)
        nonce = os.urandom(_NONCE)
        return nonce + self._ciphers[self.active].encrypt(nonce, key, place)

    def enclose(self, place: str, name: str, value: bytes) -> bytes:
        """Seal a value together with its wrapped key, for what is erased as one row."""
        sealed = self.seal(place, name, value)
        rest = sealed.value[len(MARK) :]
        return ENVELOPE + sealed.master.encode("ascii") + sealed.wrapped + rest

    def disclose(self, place: str, name: str, value: bytes) -> bytes:
        """Return what was enclosed there. Raises Damaged and KeyMissing."""
        master, wrapped = _head(value)
        where = _place(place, name)
        return _opened(self._unwrapped(master, wrapped, where), value[_HEAD:], where)

    def reenclosed(self, place: str, name: str, value: bytes) -> bytes:
        """Return an enclosed value with its key wrapped by the active master key."""
        master, wrapped = _head(value)
        head = ENVELOPE + self.active.encode("ascii")
        return head + self.rewrapped(place, name, master, wrapped) + value[_HEAD:]

    def _unwrapped(self, master: str, wrapped: bytes, place: bytes) -> bytes:
        cipher = self._ciphers.get(master)
        if cipher is None:
            self.refresh()
            cipher = self._ciphers.get(master)
        if cipher is None:
            raise KeyMissing(
                f"Personal data is sealed with the master key {master!r}, which is missing here:"
                " add it to privacy.keys, or bring back the data directory's `secrets`."
            )
        try:
            return cipher.decrypt(wrapped[:_NONCE], wrapped[_NONCE:], place)
        except (InvalidTag, ValueError):
            raise Damaged("The key of something sealed was altered, or is another's.") from None


def is_enclosed(value: bytes) -> bool:
    """Whether a value that is JSON when it is not sealed is sealed."""
    return value[:1] == ENVELOPE


def master_of(value: bytes) -> str:
    """Return the id of the master key that wraps an enclosed value's key."""
    return _head(value)[0]


def _head(value: bytes) -> tuple[str, bytes]:
    if len(value) < _HEAD + _NONCE + _TAG:
        raise Damaged("Something sealed is too short.")
    end = len(ENVELOPE) + ID_LENGTH
    return value[len(ENVELOPE) : end].decode("ascii", "replace"), value[end:_HEAD]


def _opened(key: bytes, value: bytes, place: bytes) -> bytes:
    try:
        return AESGCM(key).decrypt(value[:_NONCE], value[_NONCE:], place)
    except (InvalidTag, ValueError):
        raise Damaged("Something sealed was altered, or lies in another's place.") from None


def _place(order_id: str, name: str) -> bytes:
    return f"{order_id}\0{name}".encode("utf-8", "replace")


def _derived(secret: bytes, use: bytes) -> bytes:
    return hmac.digest(hashlib.sha256(secret).digest(), b"orderwright " + use, "sha256")
