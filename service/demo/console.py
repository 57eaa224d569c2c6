"""The demo's way into the console: a user without a password, and links that sign it in once."""

from __future__ import annotations

from adapters.postgres.pool import Pool
from adapters.postgres.users import ANY_CHANNEL, Users
from service.console.users import LocalUsers

USER = "demo"
BY = "the demo"


async def sign_in_link(pool: Pool, url: str) -> str:
    """Return an address that signs the demo's user in once. Raises JournalUnavailable."""
    users = LocalUsers(pool, url, ())
    if await Users(pool).find(USER) is None:
        await users.add(USER, "admin", [ANY_CHANNEL], "", BY)
    return await users.link(USER, BY)
