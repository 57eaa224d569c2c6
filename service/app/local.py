"""A local session: what a person on the same machine may read and decide, from the command line or
a script."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from pathlib import Path

import msgspec

from actors.order.evolve import replay
from actors.order.lifecycle import Stage
from actors.order.state import encode_state
from actors.runtime.errors import JournalUnavailable, StreamUnavailable
from schemas.messages.codec import encode
from schemas.messages.inputs import ActOnOrder
from schemas.order.ids import OrderId
from service.app import running
from service.app.clock import SystemClock, new_id
from service.app.errors import OperatorError, ServerUnusable
from service.app.sealing_keys import sealing_in
from service.embedded.external import check_postgres
from service.settings import load
from service.wiring import local as wiring_local
from service.wiring.incidents import Incidents, IncidentViews
from service.wiring.local import ApiKey
from service.wiring.mappings import PostgresMappings
from service.wiring.privacy import Sealing

__all__ = ["ApiKey", "LocalSession", "NoSuchOrder", "Verified", "open_local"]

STAGES = tuple(str(stage) for stage in Stage if stage is not Stage.NEW)

MAX_DIFFERENT = 20
"""Differing orders that a verification lists; even one is an alarm."""


class NoSuchOrder(OperatorError):
    """No order has this name."""

    exit_code = 11


class Verified(msgspec.Struct, frozen=True, kw_only=True):
    """The result of replaying everything."""

    orders: int
    events: int
    different: tuple[str, ...]


class LocalSession:
    """Reads the store and publishes decisions, which the service carries out. `folder` is the
    service's data directory."""

    def __init__(
        self,
        pool: wiring_local.Pool,
        nats_url: str,
        folder: Path,
        sealing: Sealing,
        mappings_file: str = "",
        channels: Sequence[str] = (),
    ) -> None:
        self.pool = pool
        self.sealing = sealing
        self.nats_url = nats_url
        self.folder = folder
        self.views = wiring_local.Views(pool, sealing)
        self.incidents = IncidentViews(pool)
        self.counting = Incidents(pool)
        self.mappings = PostgresMappings(pool)
        self.mappings_file = mappings_file
        self.channels = tuple(channels)

    async def list_orders(
        self,
        *,
        stage: str | None,
        channel: str | None,
        attention: bool,
        cursor: str | None,
        limit: int,
    ) -> wiring_local.Page:
        """Return a page of orders, newest first. Raises OperatorError for an invalid stage or
        cursor."""
        if stage is not None and stage not in STAGES:
            raise OperatorError(f"There is no stage {stage!r}; use one of: {', '.join(STAGES)}.")
        try:
            return await self.views.list_orders(
                stage=stage, channel=channel, attention=attention or None, cursor=cursor,
                limit=limit,
            )  # fmt: skip
        except ValueError as error:
            raise OperatorError(str(error)) from error

    async def find(self, which: str) -> OrderId:
        """Return the order with this name. Raises NoSuchOrder."""
        order_id = await self.views.find(which)
        if order_id is None:
            raise NoSuchOrder(
                f"No order is known as {which!r}. Give its number, the channel's reference, its"
                " order id or its correlation id."
            )
        return order_id

    async def show(self, which: str) -> wiring_local.OrderView:
        """Return one order with its open effects and timers."""
        view = await self.views.show(await self.find(which))
        assert view is not None, "it was just found, and orders are never deleted"
        return view

    async def timeline(self, which: str) -> tuple[wiring_local.Entry, ...]:
        """Return everything that happened to an order."""
        return await self.views.timeline(await self.find(which))

    async def act(self, which: str, verb: str, target: str, person: str, reason: str) -> None:
        """Publish a person's decision; the order carries it out, or records why it can't."""
        row = (await self.show(which)).row
        given = ActOnOrder(
            ref=row.ref, verb=verb, person=person[:256], reason=reason[:5000], target=target
        )
        async with wiring_local.publisher(self.nats_url) as publisher:
            await publisher.publish(
                row.channel,
                "act",
                row.ref,
                encode(given),
                delivery_id=f"local:{new_id()}",
                source="canonical",
                topic="act",
            )

    async def create_key(
        self, name: str, scopes: Sequence[str], channels: Sequence[str], now: datetime
    ) -> str:
        """Create an API key and return it; it can't be read again later."""
        try:
            _, token = await self._keys().create(name, scopes, channels, now=now)
        except wiring_local.KeyRefused as error:
            raise OperatorError(str(error)) from error
        return token

    async def list_keys(self) -> list[wiring_local.ApiKey]:
        """Return the API keys, without their secrets."""
        return await self._keys().list_keys()

    async def revoke_key(self, key_id: str, now: datetime) -> bool:
        """Revoke a key; return whether there was such a valid key."""
        return await self._keys().revoke(key_id, now=now)

    def _keys(self) -> wiring_local.ApiKeys:
        return wiring_local.ApiKeys(self.pool, monotonic=SystemClock().monotonic)

    async def verify(self, progress: Callable[[int], None]) -> Verified:
        """Replay every stream and compare it with the stored state, byte for byte. Raises
        OperatorError, naming the order, when an event can't be read."""
        try:
            return await self._verify(progress)
        except ValueError as error:
            raise OperatorError(f"{error} Was it written by a newer version?") from error

    async def _verify(self, progress: Callable[[int], None]) -> Verified:
        orders = events = 0
        different: list[str] = []
        async for stream in wiring_local.streams(self.pool):
            state = replay(stream.events)
            if encode_state(state) != stream.state or state.version != stream.version:
                different.append(stream.order_id)
                if len(different) >= MAX_DIFFERENT:
                    break
            orders += 1
            events += len(stream.events)
            if orders % 1000 == 0:
                progress(orders)
        return Verified(orders=orders, events=events, different=tuple(different))


@asynccontextmanager
async def open_local(data: Path | None = None) -> AsyncIterator[LocalSession]:
    """Open a session with the service that runs in a data directory (default: the configured one,
    or the demo's). Raises NotRunning."""
    folder = _folder(data)
    found = running.read(folder)
    if not running.is_alive(found):
        await _still_there(found, folder)
    sealing = sealing_in(load(), folder)
    try:
        async with wiring_local.reports(found.postgres_dsn) as pool:
            yield LocalSession(
                pool, found.nats_url, folder, sealing, found.mappings_file, found.channels
            )
    except (JournalUnavailable, StreamUnavailable, wiring_local.NatsUnusable) as error:
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


def _folder(data: Path | None) -> Path:
    folder = data or Path(load().data_dir)
    inner = folder / "data"  # the demo keeps its own files beside the service's data
    return inner if (inner / running.FILE).exists() else folder
