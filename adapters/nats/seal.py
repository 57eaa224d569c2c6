"""Tells our own messages from those that other services publish under a channel's subjects.

A NATS user chooses the headers of its messages. Ours carry a seal over everything that decides
what they mean; without one, a message may only say what its channel itself may say.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping

_PURPOSE = b"orderwright: published by the service"


class Seal:
    """`keys` are secrets by id, of which `active` seals. Without an active key nothing is
    sealed."""

    def __init__(self, keys: Mapping[str, bytes], active: str = "") -> None:
        self._keys = {name: hmac.digest(key, _PURPOSE, "sha256") for name, key in keys.items()}
        self._active = active

    def of(self, scope: str, source: str, topic: str, raw: bytes) -> str:
        """Return the seal of a message; `scope` is `<channel>/<kind>/`, as in its delivery id."""
        key = self._keys.get(self._active)
        return "" if key is None else f"{self._active}.{_digest(key, scope, source, topic, raw)}"

    def holds(self, seal: str, scope: str, source: str, topic: str, raw: bytes) -> bool:
        """Say whether one of our processes sealed this message."""
        name, _, given = seal.partition(".")
        key = self._keys.get(name)
        if key is None or not given.isascii():
            return False
        return hmac.compare_digest(_digest(key, scope, source, topic, raw), given)


def _digest(key: bytes, scope: str, source: str, topic: str, raw: bytes) -> str:
    head = f"{scope}\0{source}\0{topic}\0".encode("utf-8", "replace")
    digest = hashlib.blake2b(head, key=key, digest_size=16)
    digest.update(raw)
    return digest.hexdigest()
