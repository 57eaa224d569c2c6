"""What was answered to a request with an Idempotency-Key, so that its repeat gets the same answer.

Records are kept for a day (`RETENTION`); after that the same key is a new request. Losing one would
be harmless all the same: the stream and the inbox know the delivery. Answers may quote what was
sent, so they are sealed.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from functools import cache
from pathlib import Path
from types import MappingProxyType

from msgspec import Struct

from adapters.postgres.pool import Pool
from adapters.postgres.sealing import Sealing, is_enclosed
from adapters.postgres.statements import parse

RETENTION = timedelta(days=1)

PURGED_AT_ONCE = 5_000
"""Records that one statement removes: some ten milliseconds, for which no one waits."""

ABANDONED = timedelta(seconds=30)
"""A request that has been under way so long died with its process; its repeat takes it over."""


class Begun(Struct, frozen=True, kw_only=True):
    """How a request stands: `new` (go on), `done` (answer as before), `under_way`, or `other` (the
    key was used for another request)."""

    kind: str
    status: int = 0
    body: bytes = b""


class Idempotency:
    """Remembers requests by API key and Idempotency-Key. Raises JournalUnavailable."""

    def __init__(self, pool: Pool, sealing: Sealing) -> None:
        self._pool = pool
        self._sealing = sealing

    async def begin(self, api_key_id: str, key: str, digest: bytes, *, now: datetime) -> Begun:
        """Claim the key for a request whose digest (SHA-256) covers all that makes it the same."""
        rows = await self._pool.fetch(
            _sql()["begin_request"],
            api_key_id,
            key,
            digest,
            now,
            now - ABANDONED,
            now - RETENTION,
        )
        if rows:
            return Begun(kind="new")
        rows = await self._pool.fetch(_sql()["find_request"], api_key_id, key)
        if not rows:  # abandoned by its owner between the two statements
            return Begun(kind="under_way")
        (row,) = rows
        if row["digest"] != digest:
            return Begun(kind="other")
        if row["status"] is None:
            return Begun(kind="under_way")
        body = row["body"]
        if is_enclosed(body):  # else it was kept before there was sealing
            body = self._sealing.disclose(place_of_answer(api_key_id), key, body)
        return Begun(kind="done", status=row["status"], body=body)

    async def finish(
        self, api_key_id: str, key: str, digest: bytes, *, status: int, body: bytes
    ) -> None:
        """Keep the answer."""
        sealed = self._sealing.enclose(place_of_answer(api_key_id), key, body)
        await self._pool.fetch(_sql()["finish_request"], api_key_id, key, digest, status, sealed)

    async def abandon(self, api_key_id: str, key: str, digest: bytes) -> None:
        """Forget a request that was not accepted, so that its repeat is tried."""
        await self._pool.fetch(_sql()["abandon_request"], api_key_id, key, digest)

    async def purge(self, *, now: datetime, most: int = PURGED_AT_ONCE) -> int:
        """Remove up to `most` records older than a day; return how many went. 0: none is left."""
        return len(await self._pool.fetch(_sql()["purge_requests"], now - RETENTION, most))


def place_of_answer(api_key_id: str) -> str:
    """Return where the sealed answers to an API key lie."""
    return f"idempotency:{api_key_id}"


@cache
def _sql() -> MappingProxyType[str, str]:
    path = Path(__file__).with_name("queries_keys.sql")
    return MappingProxyType(parse(path.read_text("utf-8")))
