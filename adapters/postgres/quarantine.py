"""Payloads that did not pass the edge, whole: how they are kept, and how they leave.

What is kept is bounded channel by channel (`quarantine_room`): what is decided goes first, and when
too much waits for a person no more is taken. `prune` takes away what is beyond; it runs in the
background, and soon when `crowded` says that much has come.
Whatever a sender wrote is sealed: the bytes, their headers, and the sentences, which quote them.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path

import msgspec

from actors.runtime.errors import QuarantineFull
from actors.runtime.ports import Quarantined
from adapters.postgres.audit import text_of
from adapters.postgres.group import Group
from adapters.postgres.pool import Pool
from adapters.postgres.quarantine_room import MAX_BYTES, MAX_ITEMS, RETENTION_DAYS, Room
from adapters.postgres.sealing import Sealing
from adapters.postgres.statements import parse

CROWDED_ITEMS, CROWDED_BYTES = 10_000, 128 * 1024**2
"""What may come between two prunings before the next one is due at once: a tenth of the bounds."""

PRUNED_AT_ONCE = 500
"""Items that one statement takes away: half a gigabyte at worst, within a second or two."""

ORIGINAL, HEADERS, SENTENCES, EDITED = "original", "headers", "sentences", "edited"
"""The parts of an item that may hold anything, and are sealed."""

_encode = msgspec.json.Encoder().encode

_QUOTED = re.compile(r'"(?:[^"\\]|\\.)*"')
_NUMBER = re.compile(r"[0-9]+")
_MAX_FINGERPRINTED = 500  # characters of a sentence: the place and the fault stand at its beginning


class PostgresQuarantine:
    """Implements actors.runtime.ports.Quarantine. Every call raises JournalUnavailable within the
    pool's deadline when Postgres does not answer."""

    def __init__(self, pool: Pool, sealing: Sealing, channels: Sequence[str] = ()) -> None:
        self._pool = pool
        self.room = Room(pool, _sql()["fills"], channels)
        self._sealing = sealing
        self._came_items = self._came_bytes = 0
        # Fifty megabytes wait at most: items are a megabyte each at worst.
        self._keeps: Group[Quarantined, None] = Group(
            self._write,
            key=lambda item: item.delivery_id,
            deadline_seconds=pool.deadline_seconds,
            max_batch=16,
            max_waiting=48,
        )

    async def keep(self, item: Quarantined) -> None:
        """Store the item durably, once per delivery id; the first one stays. Other bytes under the
        same id are another item, with the digest of its bytes behind the id. What a person released
        and is refused again opens its item again, with what is wrong now. Raises QuarantineFull
        when too much of its channel waits for a person."""
        await self._keeps.submit(item)

    @property
    def crowded(self) -> bool:
        """Whether so much has come since the last pruning that the bounds should be looked at."""
        return self._came_items >= CROWDED_ITEMS or self._came_bytes >= CROWDED_BYTES

    async def prune(
        self,
        now: datetime,
        *,
        most_items: int = MAX_ITEMS,
        most_bytes: int = MAX_BYTES,
        retention_days: float = RETENTION_DAYS,
    ) -> int:
        """Take away up to PRUNED_AT_ONCE of what is beyond a channel's bounds and decided, or too
        old, oldest first; return how many went. 0: nothing is beyond them any more."""
        before = now - timedelta(days=retention_days)
        gone = await self._pool.fetch(
            _sql()["prune"], most_items, most_bytes, before, PRUNED_AT_ONCE, self.room.channels
        )
        if not gone:
            self._came_items = self._came_bytes = 0
        return len(gone)

    async def _write(self, batch: Sequence[Quarantined]) -> Sequence[QuarantineFull | None]:
        answers = await self.room.refuse_full([item.channel for item in batch])
        taken = [item for item, why in zip(batch, answers, strict=True) if why is None]
        if taken:
            await self._keep(taken)
        return answers

    async def _keep(self, batch: Sequence[Quarantined]) -> None:
        digests = [hashlib.sha256(item.original).digest() for item in batch]
        prints = [fingerprint_of(item) for item in batch]
        enclose = self._sealing.enclose
        await self._pool.fetch(
            _sql()["keep"],
            [text_of(item.delivery_id) for item in batch],
            [text_of(item.channel) for item in batch],
            [text_of(item.kind) for item in batch],
            [text_of(item.ref) for item in batch],
            [text_of(item.source) for item in batch],
            [text_of(item.reason) for item in batch],
            [
                enclose(place_of(one), SENTENCES, _encode([text_of(x) for x in item.sentences]))
                for item, one in zip(batch, prints, strict=True)
            ],
            [
                enclose(place_of(one), HEADERS, _encode(_plain(item.headers)))
                for item, one in zip(batch, digests, strict=True)
            ],
            [
                enclose(place_of(one), ORIGINAL, item.original)
                for item, one in zip(batch, digests, strict=True)
            ],
            [item.at for item in batch],
            prints,
            digests,
            [len(item.original) for item in batch],
        )
        self._came_items += len(batch)
        for item in batch:
            self._came_bytes += len(item.original)
            self.room.came(item.channel, len(item.original))


def place_of(named: bytes | str) -> str:
    """Return where a sealed part of an item lies: bytes are bound to their digest, sentences to
    the fingerprint of their fault."""
    return f"quarantine:{named if isinstance(named, str) else named.hex()}"


def _plain(headers: Mapping[str, str]) -> dict[str, str]:
    return {text_of(name): text_of(one) for name, one in headers.items()}


def fingerprint_of(item: Quarantined) -> str:
    """Name the fault, in 16 hexadecimal digits: the same for every payload of a channel with the
    same reason whose first sentence differs only in what is quoted and in figures."""
    first = item.sentences[0][:_MAX_FINGERPRINTED] if item.sentences else ""
    plain = _NUMBER.sub("#", _QUOTED.sub("…", first))
    named = f"{item.channel}\n{item.reason}\n{plain}"
    return hashlib.sha256(named.encode("utf-8", "replace")).hexdigest()[:16]


@cache
def _sql() -> dict[str, str]:
    return parse(Path(__file__).with_name("quarantine.sql").read_text("utf-8"))
