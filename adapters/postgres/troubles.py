"""Which partners are not called at present, and why: for orders that wait for them, and for
people."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from msgspec import Struct

from adapters.postgres.outbox import storable
from adapters.postgres.pool import Pool

MAX_WORDS = 500
"""Characters, as of the error of a single effect: a partner's answer may be quoted."""

_WRITE = """
WITH now AS (SELECT * FROM unnest($1::text[], $2::text[]) AS n (lane, words)),
gone AS (
    DELETE FROM troubles t
    WHERE NOT EXISTS (SELECT FROM now n WHERE n.lane = t.lane) AND (
        $5 OR t.owner = $4
        OR NOT EXISTS (SELECT FROM members m WHERE m.owner = t.owner AND m.expires_at > now())
    )
)
INSERT INTO troubles (lane, words, since, owner) SELECT lane, words, $3, $4 FROM now
ON CONFLICT (lane) DO UPDATE SET words = excluded.words, owner = excluded.owner
"""

# Nothing is called that nothing waits for, so a trouble without it may be long over. `effects_open`
# holds what is still to be done.
_READ = """
SELECT lane, words, since FROM troubles t
WHERE EXISTS (SELECT FROM effects e WHERE e.lane = t.lane AND e.status = 'open') ORDER BY since
"""


class Trouble(Struct, frozen=True, kw_only=True):
    """Why a lane's partner is not called, and since when."""

    lane: str
    words: str
    since: datetime


class Troubles:
    """Every call raises JournalUnavailable."""

    def __init__(self, pool: Pool, owner: str = "", *, shared: bool = False) -> None:
        self._pool = pool
        self._owner = owner
        self.shared = shared
        """Whether other processes call the same partners."""

    async def replace(self, words: Mapping[str, str], now: datetime) -> None:
        """Keep these, by lane, and no others of ours and of dead processes; what was there before
        keeps its time. Where the orders are not shared, no one else's."""
        texts = [storable(text)[:MAX_WORDS] for text in words.values()]
        await self._pool.fetch(_WRITE, list(words), texts, now, self._owner, not self.shared)

    async def all(self) -> list[Trouble]:
        """Return those for whose partners something waits, oldest first."""
        rows = await self._pool.fetch(_READ)
        return [Trouble(**dict(row)) for row in rows]
