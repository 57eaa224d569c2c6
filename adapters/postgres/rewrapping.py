"""Master keys in use, and wrapping every small key again by the active one. What is sealed is not
touched by that: a key of 60 bytes is read and written, not the order."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from datetime import datetime
from functools import cache
from pathlib import Path

import asyncpg
from msgspec import Struct

from adapters.postgres.audit import text_of
from adapters.postgres.exchanges import SAID
from adapters.postgres.idempotency import place_of_answer
from adapters.postgres.pool import Pool
from adapters.postgres.privacy import SUBJECT, place_of_request
from adapters.postgres.quarantine import EDITED, HEADERS, ORIGINAL, SENTENCES, place_of
from adapters.postgres.sealing import Damaged, Sealing, is_enclosed, master_of
from adapters.postgres.statements import parse

log = logging.getLogger(__name__)

KEYS_PAGE = 500
"""Keys in one statement: about 5 ms of ciphering."""

ITEMS_PAGE = 16
"""Messages of at most a megabyte read at once."""


class KeyUse(Struct, frozen=True, kw_only=True):
    """A master key, since when it is in use, how many keys of bodies and files it wraps, and how
    many other sealed parts (of quarantine, requests and remembered answers)."""

    id: str
    first_used_at: datetime
    keys: int
    parts: int

    @property
    def needed(self) -> bool:
        """Whether anything would be lost with it."""
        return bool(self.keys or self.parts)


class SealingKeys:
    """Raises JournalUnavailable within the pool's deadline when Postgres does not answer, and
    KeyMissing when a master key is missing that something needs."""

    def __init__(self, pool: Pool, sealing: Sealing) -> None:
        self._pool = pool
        self._sealing = sealing

    async def used(self) -> tuple[KeyUse, ...]:
        """Return the master keys of this database. Reads all keys: a second for a million."""
        return tuple(KeyUse(**dict(row)) for row in await self._pool.fetch(_sql()["used"]))

    async def retire(self, key_id: str, *, person: str, reason: str, at: datetime) -> bool:
        """Note that a master key is needed no more. False: there is none of that id."""
        words = (text_of(person), text_of(reason))
        return bool(await self._pool.fetch(_sql()["retire"], key_id, at, *words))

    async def rewrap_keys(self, after: tuple[str, str]) -> tuple[int, tuple[str, str] | None]:
        """Wrap a page of keys of bodies and files; return how many were, and where to go on
        (None: that was the last)."""
        rows = await self._pool.fetch(_sql()["wrapped_keys"], *after, KEYS_PAGE)
        fresh = list(self._rewrapped(rows))
        wrapped: list[asyncpg.Record] = []
        if fresh:
            columns = [list(column) for column in zip(*fresh, strict=True)]
            wrapped = await self._pool.fetch(_sql()["wrap_keys"], self._sealing.active, *columns)
        last = (rows[-1]["order_id"], rows[-1]["name"]) if len(rows) == KEYS_PAGE else None
        return len(wrapped), last

    def _rewrapped(self, rows: list[asyncpg.Record]) -> Iterator[tuple[str, str, bytes, bytes]]:
        for order_id, name, master, wrapped in rows:
            if wrapped is None or master == self._sealing.active:
                continue
            try:
                yield (
                    order_id,
                    name,
                    wrapped,
                    self._sealing.rewrapped(order_id, name, master, wrapped),
                )
            except Damaged:
                log.error("A key of order %s does not open; it was altered.", order_id)

    async def rewrap_items(self, after: int) -> tuple[int, int | None]:
        """Wrap what a page of messages in quarantine is sealed with; as `rewrap_keys`."""
        rows = await self._pool.fetch(_sql()["sealed_items"], after, ITEMS_PAGE)
        done = 0
        for row in rows:
            group, digest = row["fingerprint"], row["digest"]
            places = {SENTENCES: group, HEADERS: digest, ORIGINAL: digest, EDITED: digest}
            old = [row[part] for part in places]
            sealed = is_enclosed(row[HEADERS])
            fresh = [
                self._reenclosed(place_of(where), part, row[part])
                if sealed or part == SENTENCES
                else row[part]
                for part, where in places.items()
            ]
            if fresh != old:
                done += len(await self._pool.fetch(_sql()["wrap_item"], row["id"], *fresh, *old))
        return done, rows[-1]["id"] if len(rows) == ITEMS_PAGE else None

    async def rewrap_subjects(self, after: int) -> tuple[int, int | None]:
        """Wrap what a page of open requests is sealed with; as `rewrap_keys`."""
        rows = await self._pool.fetch(_sql()["subjects"], after, KEYS_PAGE)
        done = 0
        for request_id, delivery_id, old in rows:
            fresh = self._reenclosed(place_of_request(delivery_id), SUBJECT, old)
            if fresh != old:
                done += len(await self._pool.fetch(_sql()["wrap_subject"], request_id, fresh, old))
        return done, rows[-1]["id"] if len(rows) == KEYS_PAGE else None

    async def rewrap_answers(self, after: tuple[str, str]) -> tuple[int, tuple[str, str] | None]:
        """Wrap what a page of remembered answers is sealed with; as `rewrap_keys`."""
        rows = await self._pool.fetch(_sql()["answers"], *after, KEYS_PAGE)
        done = 0
        for key_id, key, old in rows:
            fresh = self._reenclosed(place_of_answer(key_id), key, old)
            if fresh != old:
                wrapped = await self._pool.fetch(_sql()["wrap_answer"], key_id, key, fresh, old)
                done += len(wrapped)
        return done, tuple(rows[-1])[:2] if len(rows) == KEYS_PAGE else None

    async def rewrap_exchanges(self, after: int) -> tuple[int, int | None]:
        """Wrap what a page of exchanges with partners is sealed with; as `rewrap_keys`."""
        rows = await self._pool.fetch(_sql()["exchanges"], after, KEYS_PAGE)
        done = 0
        for exchange_id, order_id, old in rows:
            fresh = self._reenclosed(order_id, SAID, old)
            if fresh != old:
                done += len(
                    await self._pool.fetch(_sql()["wrap_exchange"], exchange_id, fresh, old)
                )
        return done, rows[-1]["id"] if len(rows) == KEYS_PAGE else None

    def _reenclosed(self, place: str, name: str, value: bytes | None) -> bytes | None:
        if value is None or not is_enclosed(value) or master_of(value) == self._sealing.active:
            return value
        try:
            return self._sealing.reenclosed(place, name, value)
        except Damaged:
            log.error("Something sealed of %s does not open; it was altered.", place[:80])
            return value


@cache
def _sql() -> dict[str, str]:
    return parse(Path(__file__).with_name("sealing.sql").read_text("utf-8"))
