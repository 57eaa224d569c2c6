"""What is done to the store between runs."""

from __future__ import annotations

from actors.runtime.errors import JournalUnavailable
from service.app.errors import ServerUnusable
from service.app.servers import open_servers
from service.settings import Settings
from service.wiring import store


async def migrate(settings: Settings) -> list[str]:
    """Apply the missing migrations and return their names; starts an embedded server for it.

    Raises OperatorError when the servers can't be used, such as while a service holds the data.
    """
    async with open_servers(settings, lambda _: None) as servers:
        try:
            return await store.migrate(servers.postgres_dsn)
        except JournalUnavailable as error:
            raise ServerUnusable(str(error)) from error
