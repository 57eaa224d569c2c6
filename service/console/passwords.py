"""Passwords: argon2 in a thread, one at a time, and slower for whoever tries many."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Callable

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

MIN_LENGTH, MAX_LENGTH = 12, 256
"""Of a password, in characters: length is what counts (NIST SP 800-63B); hashing a megabyte is no
one's password."""

TRIES, EVERY_SECONDS = 5, 30.0
"""Wrong passwords for one name, or from one address, that are tried at once, and then one each so
many seconds."""

MAX_COUNTED = 4_096
"""Names and addresses whose wrong passwords are counted; beyond it the oldest is forgotten."""

_HASHER = PasswordHasher(time_cost=2, memory_cost=19_456, parallelism=1)
"""OWASP's least: 19 MiB a password, in a thread, so that signing in never disturbs an order."""

_NO_ONES = (
    "$argon2id$v=19$m=19456,t=2,p=1$b3JkZXJ3cmlnaHQtbm8tb25l$"
    "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
)
"""Compared with for a name that no one has, so that the time tells nothing."""


class PasswordRefused(ValueError):
    """A password that can't be taken; the text says why."""


class Passwords:
    """Hashes and compares. One at a time: two would hold both cores of a small machine."""

    def __init__(self) -> None:
        self._slot = asyncio.Semaphore(1)

    async def hashed(self, password: str) -> str:
        """Return the hash of a new password. Raises PasswordRefused."""
        if not MIN_LENGTH <= len(password) <= MAX_LENGTH:
            raise PasswordRefused(
                f"A password has {MIN_LENGTH} to {MAX_LENGTH} characters; a few words do."
            )
        async with self._slot:
            return await asyncio.to_thread(_HASHER.hash, password)

    async def fits(self, stored: str, password: str) -> bool:
        """Whether it is the password that was hashed; takes as long where nothing is stored."""
        if len(password) > MAX_LENGTH:
            return False
        async with self._slot:
            found = await asyncio.to_thread(_fits, stored or _NO_ONES, password)
        return found and bool(stored)

    @staticmethod
    def is_outdated(stored: str) -> bool:
        """Whether other parameters than today's made the hash."""
        return _HASHER.check_needs_rehash(stored)


class Tries:
    """Counts wrong passwords by name and by address."""

    def __init__(self, monotonic: Callable[[], float]) -> None:
        self._monotonic = monotonic
        self._left: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def wait_seconds(self, *counted: str) -> int:
        """Return how long these have to wait before another password is compared; 0: not at all."""
        waits = [(1 - self._now(one)) * EVERY_SECONDS for one in counted if one]
        return max(0, *(round(wait + 0.5) for wait in waits)) if waits else 0

    def failed(self, *counted: str) -> None:
        """A password was wrong."""
        for one in counted:
            if one:
                self._left[one] = self._now(one) - 1, self._monotonic()
                self._left.move_to_end(one)
        while len(self._left) > MAX_COUNTED:
            self._left.popitem(last=False)

    def worked(self, *counted: str) -> None:
        """A password was right: earlier slips are forgotten."""
        for one in counted:
            self._left.pop(one, None)

    def _now(self, one: str) -> float:
        left, at = self._left.get(one, (float(TRIES), 0.0))
        return min(TRIES, left + (self._monotonic() - at) / EVERY_SECONDS)


def _fits(stored: str, password: str) -> bool:
    try:
        return _HASHER.verify(stored, password)
    except (VerificationError, InvalidHashError):
        return False
