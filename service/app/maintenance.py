"""Maintenance of the store while the service is stopped."""

from __future__ import annotations

from actors.runtime.errors import JournalUnavailable
from service.app.errors import ServerUnusable
from service.app.servers import open_servers
from service.settings import Settings
from service.wiring import store


async def migrate(settings: Settings) -> list[str]:
    """Apply the missing migrations and return their names; starts the embedded server if needed.

    Raises OperatorError when the servers can't be used, for example while a service holds the data
    directory.
    """
    async with open_servers(settings, lambda _: None) as servers:
        try:
            return await store.migrate(servers.postgres_dsn)
        except JournalUnavailable as error:
            raise ServerUnusable(str(error)) from error
