"""API keys: `ow_<id>_<secret>`, shown once when made, revocable, limited to scopes and channels."""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from collections import OrderedDict
from collections.abc import Callable, Collection
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path
from types import MappingProxyType

import asyncpg
from msgspec import Struct

from adapters.postgres.pool import Pool
from adapters.postgres.statements import parse

SCOPES = frozenset(
    {
        "orders:write",
        "orders:read",
        "orders:act",
        "returns:act",
        "labels:read",
        "quarantine:read",
        "quarantine:act",
        "mappings:read",
        "mappings:write",
        "privacy:read",
        "privacy:act",
        "stock:read",
        "stock:write",
        "recon:read",
        "recon:act",
        "books:read",
        "rules:read",
        "rules:write",
        "rules:approve",
        "alerts:act",
    }
)
ANY_CHANNEL = "*"

REMEMBERED_SECONDS = 30.0
"""How long a revoked key may go on working in a process that has just used it."""

_MAX_REMEMBERED = 1024  # more keys than anybody gives out; ids no one has made fill it harmlessly
_USED_EVERY = timedelta(hours=1)  # `last used` is for finding dead keys: a write per request is not
_TOKEN = re.compile(r"ow_([0-9a-f]{12})_([A-Za-z0-9_-]{43})")


class KeyRefused(ValueError):
    """A key can't be made as asked; the text says why."""


class ApiKey(Struct, frozen=True, kw_only=True):
    """A key without its secret. `last_used_at` is exact to an hour."""

    id: str
    name: str
    scopes: frozenset[str]
    channels: frozenset[str]
    created_at: datetime
    last_used_at: datetime | None = None
    revoked_at: datetime | None = None

    def may(self, scope: str) -> bool:
        """Say whether the key has the scope."""
        return scope in self.scopes

    def serves(self, channel: str) -> bool:
        """Say whether the key may see and send orders of the channel."""
        return ANY_CHANNEL in self.channels or channel in self.channels


class _Known(Struct, frozen=True):
    key: ApiKey | None
    digest: bytes
    until: float


class ApiKeys:
    """Makes, checks and revokes keys. Every call raises JournalUnavailable as the pool does."""

    def __init__(self, pool: Pool, *, monotonic: Callable[[], float]) -> None:
        self._pool = pool
        self._monotonic = monotonic
        self._known: OrderedDict[str, _Known] = OrderedDict()

    async def create(
        self, name: str, scopes: Collection[str], channels: Collection[str], *, now: datetime
    ) -> tuple[ApiKey, str]:
        """Make a key; the text returned with it is the only copy of its secret.

        Raises KeyRefused for an empty name, no or unknown scopes, or no channels.
        """
        unknown = set(scopes) - SCOPES
        if unknown or not scopes:
            raise KeyRefused(
                f"A key needs scopes out of {', '.join(sorted(SCOPES))}; "
                f"{', '.join(sorted(unknown)) or 'none'} was given."
            )
        if not 1 <= len(name) <= 100:
            raise KeyRefused("A key needs a name of 1 to 100 characters that says who uses it.")
        if not channels:
            raise KeyRefused("A key needs the channels it may serve, or * for every channel.")
        key_id, secret = secrets.token_hex(6), secrets.token_urlsafe(32)
        await self._pool.fetch(
            _sql()["create_key"],
            key_id,
            name,
            _digest(secret),
            sorted(set(scopes)),
            sorted(set(channels)),
            now,
        )
        key = ApiKey(
            id=key_id,
            name=name,
            scopes=frozenset(scopes),
            channels=frozenset(channels),
            created_at=now,
        )
        return key, f"ow_{key_id}_{secret}"

    async def verify(self, token: str, *, now: datetime) -> ApiKey | None:
        """Return the key the token opens; None when it is malformed, unknown, wrong or revoked."""
        found = _TOKEN.fullmatch(token)
        if found is None:
            return None
        known = await self._look_up(found[1], now)
        if known.key is None or not hmac.compare_digest(known.digest, _digest(found[2])):
            return None
        return known.key

    def remembers(self, token: str) -> bool:
        """Say whether this process has seen the token to be valid, without a look-up."""
        found = _TOKEN.fullmatch(token)
        known = self._known.get(found[1]) if found is not None else None
        if found is None or known is None or known.key is None:
            return False
        return hmac.compare_digest(known.digest, _digest(found[2]))

    async def list_keys(self) -> list[ApiKey]:
        """Return the thousand oldest keys, revoked ones too."""
        return [_key(row) for row in await self._pool.fetch(_sql()["list_keys"])]

    async def revoke(self, key_id: str, *, now: datetime) -> bool:
        """Revoke a key for good, everywhere within 30 s; False when there is none of that id."""
        self._known.pop(key_id, None)
        return bool(await self._pool.fetch(_sql()["revoke_key"], key_id, now))

    async def _look_up(self, key_id: str, now: datetime) -> _Known:
        known = self._known.get(key_id)
        if known is not None and known.until > self._monotonic():
            return known
        rows = await self._pool.fetch(_sql()["find_key"], key_id)
        key = _key(rows[0]) if rows else None
        if key is not None and key.revoked_at is not None:
            key = None
        digest = bytes(rows[0]["digest"]) if rows else b""
        known = _Known(key, digest, self._monotonic() + REMEMBERED_SECONDS)
        self._known[key_id] = known
        self._known.move_to_end(key_id)
        if len(self._known) > _MAX_REMEMBERED:
            self._known.popitem(last=False)
        stale = now - _USED_EVERY
        if key is not None and (key.last_used_at is None or key.last_used_at < stale):
            await self._pool.fetch(_sql()["touch_key"], key_id, now, stale)
        return known


def _digest(secret: str) -> bytes:
    # A slow hash (argon2, bcrypt) guards what people choose, which can be guessed. This secret is
    # 256 random bits: no one can try even a part of them, so one SHA-256 keeps it as safe and
    # costs a microsecond instead of a tenth of a second per request.
    return hashlib.sha256(secret.encode()).digest()


def _key(row: asyncpg.Record) -> ApiKey:
    return ApiKey(
        id=row["id"],
        name=row["name"],
        scopes=frozenset(row["scopes"]),
        channels=frozenset(row["channels"]),
        created_at=row["created_at"],
        last_used_at=row["last_used_at"],
        revoked_at=row["revoked_at"],
    )


@cache
def _sql() -> MappingProxyType[str, str]:
    path = Path(__file__).with_name("queries_keys.sql")
    return MappingProxyType(parse(path.read_text("utf-8")))
