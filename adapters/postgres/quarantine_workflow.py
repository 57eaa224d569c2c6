"""What people see of the quarantine and do to it: look, edit, release, discard; all audited.

The original is never touched: edited bytes stand beside it. A release has two steps around the
message's way into the stream: `intend` says under which name it goes, `released` that it is there.
A crash between them leaves the item open, and releasing it again is the same delivery.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any

import asyncpg
import msgspec
from msgspec import Struct

from adapters.postgres.audit import Audit, AuditEntry, text_of
from adapters.postgres.pool import Pool
from adapters.postgres.quarantine import EDITED, HEADERS, ORIGINAL, SENTENCES, place_of
from adapters.postgres.sealing import Sealing, is_enclosed
from adapters.postgres.statements import parse

OPEN, RELEASED, DISCARDED = "open", "released", "discarded"
STATES = (OPEN, RELEASED, DISCARDED)

MAX_LISTED = 200
"""Rows in one page."""

PAGE_ITEMS = 100
"""Items whose bytes are read at once for a release."""

PAGE_BYTES = 8 * 1024**2
"""Their bytes: eight of the largest."""

_decode_sentences = msgspec.json.Decoder(tuple[str, ...]).decode
_decode_headers = msgspec.json.Decoder(dict[str, str]).decode


class Filter(Struct, frozen=True, kw_only=True):
    """Which items. What is None matches all; `channels` are those the caller may see; `until` is
    exclusive; times are when the message came."""

    state: str | None = OPEN
    channels: tuple[str, ...] | None = None
    reason: str | None = None
    group: str | None = None
    since: datetime | None = None
    until: datetime | None = None


class ListedItem(Struct, frozen=True, kw_only=True):
    """One item in a list, without its bytes. `id` grows with time; `group` is its fingerprint;
    `ref` is the order it was sent for, "" where no one said."""

    id: int
    delivery_id: str
    channel: str
    kind: str
    ref: str
    source: str
    reason: str
    sentences: tuple[str, ...]
    at: datetime
    size_bytes: int
    group: str
    state: str
    state_at: datetime | None
    edited_by: str


class HeldItem(Struct, frozen=True, kw_only=True):
    """One item whole. `edited` are the bytes a person put in place of the original; `attempt` goes
    up with each edit and whenever a released item comes back. `digest` is the original's SHA-256;
    with `erased_at` nothing of it is left but where it came from and why it was refused."""

    id: int
    delivery_id: str
    channel: str
    kind: str
    ref: str
    source: str
    reason: str
    sentences: tuple[str, ...]
    headers: dict[str, str]
    original: bytes
    at: datetime
    group: str
    state: str
    state_at: datetime | None
    attempt: int
    edited: bytes | None
    edited_by: str
    edited_at: datetime | None
    released_as: str | None
    digest: bytes = b""
    erased_at: datetime | None = None

    @property
    def current(self) -> bytes:
        """The bytes that a release sends."""
        return self.original if self.edited is None else self.edited


class FaultGroup(Struct, frozen=True, kw_only=True):
    """The items of one channel with the same fault; `sentences` are those of the newest."""

    group: str
    channel: str
    reason: str
    items: int
    first_at: datetime
    last_at: datetime
    newest_id: int
    sentences: tuple[str, ...]


class Release(Struct, frozen=True, kw_only=True):
    """One item on its way: `name` is the delivery id under which the stream gets it."""

    id: int
    attempt: int
    name: str


class QuarantineWorkflow:
    """Every call raises JournalUnavailable within the pool's deadline when Postgres does not
    answer."""

    def __init__(self, pool: Pool, sealing: Sealing) -> None:
        self._pool = pool
        self._sealing = sealing
        self._audit = Audit(pool)

    async def find(
        self, which: Filter, *, before: int | None = None, limit: int = 50
    ) -> tuple[ListedItem, ...]:
        """Return at most `limit` (200) items, newest first; `before` is the last id of the page
        before."""
        newest = 2**62 if before is None else before
        most = max(1, min(limit, MAX_LISTED))
        rows = await self._pool.fetch(_sql()["find"], *_conditions(which), newest, most)
        return tuple(ListedItem(**self._fields(row)) for row in rows)

    async def count(self, which: Filter, *, after: int = 0) -> tuple[int, int]:
        """Return how many items with ids above `after` match, and the newest one's id."""
        (row,) = await self._pool.fetch(_sql()["count"], *_conditions(which), after)
        return row["items"], row["newest_id"]

    async def originals(
        self, which: Filter, *, after: int, upto: int, limit: int = PAGE_ITEMS
    ) -> tuple[HeldItem, ...]:
        """Return items with their bytes, oldest first: ids above `after` and at most `upto`. At
        most `limit` (100) and 8 MiB, one at least while there is one."""
        most = max(1, min(limit, PAGE_ITEMS))
        rows = await self._pool.fetch(
            _sql()["originals"], *_conditions(which), after, upto, most, PAGE_BYTES
        )
        return tuple(HeldItem(**self._fields(row)) for row in rows)

    async def item(self, item_id: int) -> HeldItem | None:
        """Return one item whole, None when there is none (any more)."""
        for row in await self._pool.fetch(_sql()["item"], item_id):
            return HeldItem(**self._fields(row))
        return None

    async def history(self, item_id: int) -> tuple[AuditEntry, ...]:
        """Return what was done to an item, newest first; the latest 50 decisions."""
        return await self._audit.entries(target=f"quarantine:{item_id}")

    async def groups(
        self, *, state: str | None = OPEN, channels: tuple[str, ...] | None = None
    ) -> tuple[FaultGroup, ...]:
        """Return the faults, the most frequent first, at most 1,000."""
        rows = await self._pool.fetch(_sql()["groups"], state, channels)
        return tuple(FaultGroup(**self._fields(row)) for row in rows)

    async def open_reasons(self) -> dict[str, int]:
        """Return how many items are open, by reason."""
        rows = await self._pool.fetch(_sql()["open_reasons"])
        return {row["reason"]: row["items"] for row in rows}

    async def fix(
        self, item: HeldItem, edited: bytes, *, person: str, reason: str, now: datetime
    ) -> bool:
        """Put edited bytes beside the original. False: it is not open any more, or somebody else
        has edited it since `item` was read."""
        words = (text_of(person), text_of(reason))
        sealed = self._sealing.enclose(place_of(item.digest), EDITED, edited)
        digest, size = hashlib.sha256(edited).digest(), len(edited)
        rows = await self._pool.fetch(
            _sql()["fix"], item.id, item.attempt, sealed, *words, now, digest, size
        )
        return bool(rows)

    async def intend(self, releases: Sequence[Release]) -> frozenset[int]:
        """Note under which names items go out; return the ids that may, because they are still
        open in the attempt that was looked at."""
        rows = await self._pool.fetch(
            _sql()["intend"],
            [one.id for one in releases],
            [one.attempt for one in releases],
            [one.name for one in releases],
        )
        return frozenset(row["id"] for row in rows)

    async def released(
        self, releases: Sequence[Release], *, person: str, reason: str, now: datetime
    ) -> None:
        """Note that the stream has them; one that was refused again meanwhile stays open."""
        await self._pool.fetch(
            _sql()["released"],
            [one.id for one in releases],
            [one.attempt for one in releases],
            text_of(person),
            text_of(reason),
            now,
        )

    async def discard(self, item_id: int, *, person: str, reason: str, now: datetime) -> bool:
        """Put an item aside for good; its bytes stay until their retention ends. False: it is not
        open."""
        words = (text_of(person), text_of(reason))
        return bool(await self._pool.fetch(_sql()["discard"], item_id, *words, now))

    # Any: a record's columns become the fields of whichever struct is made of them.
    def _fields(self, row: asyncpg.Record) -> dict[str, Any]:
        fields = dict(row)
        group = fields["group"] = fields.pop("fingerprint")
        sentences = self._opened(group, SENTENCES, fields["sentences"])
        fields["sentences"] = _decode_sentences(sentences)
        if "headers" in fields:
            digest = fields["digest"]
            if is_enclosed(fields["headers"]):  # else it came before there was sealing
                fields["original"] = self._opened(digest, ORIGINAL, fields["original"])
            fields["headers"] = _decode_headers(self._opened(digest, HEADERS, fields["headers"]))
            if fields["edited"] is not None:
                fields["edited"] = self._opened(digest, EDITED, fields["edited"])
        return fields

    def _opened(self, named: bytes | str, part: str, value: bytes) -> bytes:
        if not is_enclosed(value):
            return value
        return self._sealing.disclose(place_of(named), part, value)


def _conditions(which: Filter) -> tuple[object, ...]:
    return which.state, which.channels, which.reason, which.group, which.since, which.until


@cache
def _sql() -> dict[str, str]:
    return parse(Path(__file__).with_name("quarantine_workflow.sql").read_text("utf-8"))
