"""A local session: what a person on the same machine may read and decide, from the command line or
a script. Each feature adds its own part in its own folder."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from pathlib import Path

from actors.runtime.errors import JournalUnavailable, StreamUnavailable
from adapters.nats.connection import NatsUnusable
from adapters.postgres.incident_views import IncidentViews
from adapters.postgres.incidents import Incidents
from adapters.postgres.keys import ApiKey, ApiKeys, KeyRefused
from adapters.postgres.mappings import PostgresMappings
from adapters.postgres.order_names import Ambiguous
from adapters.postgres.pool import Pool
from adapters.postgres.rules import PostgresRules
from adapters.postgres.views import OrderView, Views
from service.app import located, running
from service.app.clock import SystemClock
from service.app.errors import OperatorError, ServerUnusable
from service.app.sealing_keys import sealing_in
from service.app.sessions import open_reports
from service.embedded.external import check_postgres
from service.settings import Settings

__all__ = ["ApiKey", "LocalSession", "NoSuchOrder", "open_local"]


class NoSuchOrder(OperatorError):
    """No order has this name, or several have."""

    exit_code = 11


class LocalSession:
    """The store of a running service, its addresses and settings. `folder` is its data
    directory."""

    def __init__(
        self, pool: Pool, found: running.Running, folder: Path, settings: Settings
    ) -> None:
        self.pool = pool
        self.postgres_dsn = found.postgres_dsn
        self.settings = settings
        self.sealing = sealing = sealing_in(settings, folder)
        self.nats_url = found.nats_url
        self.folder = folder
        self.views = Views(pool, sealing)
        self.incidents = IncidentViews(pool)
        self.counting = Incidents(pool)
        self.mappings = PostgresMappings(pool)
        self.mappings_file = found.mappings_file
        self.rules = PostgresRules(pool)
        self.channels = found.channels
        self.url = found.url

    async def show(self, which: str, channel: str = "") -> OrderView:
        """Return the order with this name, of one channel if it is named, with its open effects and
        timers. Raises NoSuchOrder."""
        try:
            order_id = await self.views.find(which, [channel] if channel else None)
        except Ambiguous as error:
            raise NoSuchOrder(f"{error} Add --channel {error.found[0].channel}, say.") from error
        view = await self.views.show(order_id) if order_id is not None else None
        if view is None or channel not in ("", view.row.channel):
            of = f" on the channel {channel}" if channel else ""
            known = f" The channels are: {', '.join(self.channels)}." if channel else ""
            raise NoSuchOrder(
                f"No order is known as {which!r}{of}. Give its number, the channel's reference, its"
                f" order id, or a reference of ours.{known}"
            )
        return view

    async def create_key(
        self, name: str, scopes: Sequence[str], channels: Sequence[str], now: datetime
    ) -> str:
        """Create an API key and return it; it can't be read again later."""
        try:
            _, token = await self._keys().create(name, scopes, channels, now=now)
        except KeyRefused as error:
            raise OperatorError(str(error)) from error
        return token

    async def list_keys(self) -> list[ApiKey]:
        """Return the API keys, without their secrets."""
        return await self._keys().list_keys()

    async def revoke_key(self, key_id: str, now: datetime) -> bool:
        """Revoke a key; return whether there was such a valid key."""
        return await self._keys().revoke(key_id, now=now)

    def _keys(self) -> ApiKeys:
        return ApiKeys(self.pool, monotonic=SystemClock().monotonic)


@asynccontextmanager
async def open_local(data: Path | None = None) -> AsyncIterator[LocalSession]:
    """Open a session with the service that runs in a data directory (default: the configured one,
    or the demo's). Raises NotRunning."""
    folder = located.folder_of(data)
    found = running.read(folder)
    if not running.is_alive(found):
        await _still_there(found, folder)
    settings = located.settings_of(found)
    try:
        async with open_reports(found.postgres_dsn) as pool:
            yield LocalSession(pool, found, folder, settings)
    except (JournalUnavailable, StreamUnavailable, NatsUnusable) as error:
        raise ServerUnusable(
            f"The servers of {folder} do not answer: {error} `orderwright doctor` says more."
        ) from error


async def _still_there(found: running.Running, folder: Path) -> None:
    """Raise NotRunning unless the servers are external and outlive the ended service."""
    try:
        await check_postgres(found.postgres_dsn)
    except ServerUnusable as error:
        raise running.NotRunning(
            f"The service of {folder} ran as pid {found.pid} and has ended; start it again with"
            " `orderwright serve`."
        ) from error
