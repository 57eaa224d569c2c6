"""Users of the console, their sessions, and links that sign in once. Tokens are stored as digests
alone: whoever reads the database can't sign in with what is there."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Collection, Mapping
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path

import asyncpg
from msgspec import Struct

from adapters.postgres.audit import text_of
from adapters.postgres.pool import Pool
from adapters.postgres.statements import parse

ROLES = ("viewer", "auditor", "finance", "warehouse", "agent", "operator", "admin")
ANY_CHANNEL = "*"

SESSION_DAYS = 7
"""A session ends so long after it began, whatever is done in it: the user must sign in again."""

IDLE_HOURS = 12
"""A session ends when nothing is done in it for so long: over night."""

LINK_MINUTES = 15
"""A link that signs in once is good for so long: it was just asked for."""

_TOUCH_EVERY = timedelta(minutes=5)  # a write per request is not needed to end a session over night
_MAX_TOKEN = 128  # characters; longer ones are none of ours


class User(Struct, frozen=True, kw_only=True):
    """A user. `password` is a hash, "" for none; `seen_at` is when it last signed in, or for a
    session when it was last used."""

    name: str
    role: str
    channels: frozenset[str]
    password: str
    created_at: datetime
    seen_at: datetime | None = None
    disabled_at: datetime | None = None


class Users:
    """Every call raises JournalUnavailable as the pool does."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def add(
        self, name: str, role: str, channels: Collection[str], password: str, *, now: datetime
    ) -> bool:
        """Add a user; False when there is, or was, one of this name."""
        args = (text_of(name), role, sorted(set(channels)), password, now)
        return bool(await self._pool.fetch(_sql()["add"], *args))

    async def list_users(self) -> list[User]:
        """Return the first thousand users by name, disabled ones too."""
        return [_user(row) for row in await self._pool.fetch(_sql()["list"])]

    async def find(self, name: str) -> User | None:
        """Return a user who may sign in, None when there is none of this name."""
        for row in await self._pool.fetch(_sql()["find"], text_of(name)):
            found = _user(row)
            return found if found.disabled_at is None else None
        return None

    async def set_password(self, name: str, password: str) -> bool:
        """Give a user another password, and end its sessions; False when there is none."""
        return bool(await self._pool.fetch(_sql()["set_password"], text_of(name), password))

    async def rehash(self, name: str, before: str, password: str) -> None:
        """Store the same password under newer parameters, unless it has changed."""
        await self._pool.fetch(_sql()["rehash"], text_of(name), before, password)

    async def disable(self, name: str, *, now: datetime) -> bool:
        """Let a user in no more, and end the sessions there are; False when there is none."""
        return bool(await self._pool.fetch(_sql()["disable"], text_of(name), now))

    async def begin(self, name: str, *, now: datetime) -> str | None:
        """Begin a session; return its token, None when there is no such user."""
        token = secrets.token_urlsafe(32)
        began, idle = _bounds(now)
        args = (_digest(token), text_of(name), now, began, idle)
        return token if await self._pool.fetch(_sql()["begin"], *args) else None

    async def session(self, token: str, *, now: datetime) -> User | None:
        """Return whose session it is, None when it has ended or never began."""
        if not token or len(token) > _MAX_TOKEN:
            return None
        digest = _digest(token)
        rows = await self._pool.fetch(_sql()["session"], digest, *_bounds(now))
        if not rows:
            return None
        user = _user(rows[0])
        assert user.seen_at is not None, "the column is not null"
        if user.seen_at < now - _TOUCH_EVERY:
            await self._pool.fetch(_sql()["touch"], digest, now)
        return user

    async def end(self, token: str) -> None:
        """End a session."""
        await self._pool.fetch(_sql()["end"], _digest(token[:_MAX_TOKEN]))

    async def make_link(self, name: str, *, now: datetime) -> str | None:
        """Make a token that signs a user in once; None when there is no such user."""
        token = secrets.token_urlsafe(32)
        until = now + timedelta(minutes=LINK_MINUTES)
        args = (_digest(token), text_of(name), until, now)
        return token if await self._pool.fetch(_sql()["make_link"], *args) else None

    async def use_link(self, token: str, *, now: datetime) -> str | None:
        """Use a token up; return whose it was, None for one that is used, expired or wrong."""
        rows = await self._pool.fetch(_sql()["use_link"], _digest(token[:_MAX_TOKEN]), now)
        return rows[0]["name"] if rows else None


def _bounds(now: datetime) -> tuple[datetime, datetime]:
    """Return since when a session may have begun, and since when it must have been used."""
    return now - timedelta(days=SESSION_DAYS), now - timedelta(hours=IDLE_HOURS)


def _digest(token: str) -> bytes:
    # 256 random bits can't be guessed, so one SHA-256 keeps them as safe as a slow hash would.
    return hashlib.sha256(token.encode("utf-8", "replace")).digest()


def _user(row: asyncpg.Record) -> User:
    return User(**{**dict(row), "channels": frozenset(row["channels"])})


@cache
def _sql() -> Mapping[str, str]:
    return parse(Path(__file__).with_name("users.sql").read_text("utf-8"))
