"""Users of the console, from the command line: everything is audited."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from adapters.postgres.audit import Audit
from adapters.postgres.pool import Pool
from adapters.postgres.users import ANY_CHANNEL, ROLES, User, Users
from service.app.clock import SystemClock
from service.app.errors import OperatorError
from service.app.local import open_local
from service.console.passwords import PasswordRefused, Passwords

MAX_NAME = 64
"""Characters of a user's name: what fits beside every decision it made."""


class LocalUsers:
    """Users of a service. Raises OperatorError for what can't be done, and why."""

    def __init__(self, pool: Pool, url: str, channels: Sequence[str]) -> None:
        self._users = Users(pool)
        self._audit = Audit(pool)
        self._passwords = Passwords()
        self._clock = SystemClock()
        self._url = url.rstrip("/")
        self._channels = channels

    async def add(
        self, name: str, role: str, channels: Sequence[str], password: str, person: str
    ) -> None:
        """Add a user; with no password it signs in by links alone."""
        if not 1 <= len(name) <= MAX_NAME or not name.isprintable() or name != name.strip():
            raise OperatorError(f"A user's name has 1 to {MAX_NAME} characters that can be seen.")
        if role not in ROLES:
            raise OperatorError(f"There is no role {role!r}; use one of: {', '.join(ROLES)}.")
        unknown = sorted(set(channels) - {ANY_CHANNEL, *self._channels})
        if unknown or not channels:
            known = ", ".join(self._channels)
            raise OperatorError(
                f"There is no channel {', '.join(unknown)}; use {ANY_CHANNEL} or some of: {known}."
            )
        stored = await self._hashed(password) if password else ""
        if not await self._users.add(name, role, channels, stored, now=self._clock.now()):
            raise OperatorError(
                f"There is, or was, a user {name}, whose decisions are kept under that name; take"
                " another."
            )
        after = {"role": role, "channels": sorted(channels)}
        await self._record(name, "user.added", person, after)

    async def list_users(self) -> list[User]:
        """Return the users, disabled ones too."""
        return await self._users.list_users()

    async def set_password(self, name: str, password: str, person: str) -> None:
        """Give a user another password; it is signed out everywhere."""
        if not await self._users.set_password(name, await self._hashed(password)):
            raise _no_such(name)
        await self._record(name, "user.password_set", person)

    async def disable(self, name: str, person: str) -> None:
        """Let a user in no more; it is signed out everywhere."""
        if not await self._users.disable(name, now=self._clock.now()):
            raise _no_such(name)
        await self._record(name, "user.disabled", person)

    async def link(self, name: str, person: str) -> str:
        """Return an address that signs a user in once, within LINK_MINUTES."""
        token = await self._users.make_link(name, now=self._clock.now())
        if token is None:
            raise _no_such(name)
        await self._record(name, "user.link_made", person)
        return f"{self._url}/sign-in/{token}"

    async def _hashed(self, password: str) -> str:
        try:
            return await self._passwords.hashed(password)
        except PasswordRefused as error:
            raise OperatorError(str(error)) from error

    async def _record(
        self, name: str, action: str, person: str, after: Mapping[str, object] | None = None
    ) -> None:
        await self._audit.record(
            at=self._clock.now(),
            person=person,
            action=action,
            target=f"user:{name}",
            reason="by command",
            after=after,
        )


@asynccontextmanager
async def open_users(data: Path | None = None) -> AsyncIterator[LocalUsers]:
    """Open the users of the service that runs in a data directory. Raises as `open_local` does."""
    async with open_local(data) as session:
        url = session.settings.listen.public_url or _here(session.url)
        yield LocalUsers(session.pool, url, session.channels)


def _here(url: str) -> str:
    """Return the address for a browser on this machine, also of a service that listens on all."""
    return url.replace("//0.0.0.0", "//127.0.0.1").replace("//[::]", "//[::1]")


def _no_such(name: str) -> OperatorError:
    return OperatorError(f"There is no user {name} that may sign in; `users list` shows them.")
