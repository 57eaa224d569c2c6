"""What a person at the same machine may look at and decide, whether by command line or script."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec

from actors.order.stream import StateOutdated, decode_state, encode_state, replay
from actors.runtime.errors import JournalUnavailable, StreamUnavailable
from adapters.nats.connection import NatsUnusable
from adapters.postgres.exchanges import KeptExchange
from adapters.postgres.incident_views import IncidentViews
from adapters.postgres.incidents import Incidents
from adapters.postgres.keys import ApiKey, ApiKeys, KeyRefused
from adapters.postgres.mappings import PostgresMappings
from adapters.postgres.pool import Pool
from adapters.postgres.replay import Stream, streams
from adapters.postgres.sealing import Sealing
from adapters.postgres.timeline import Entry
from adapters.postgres.views import PROGRESS, STAGES, Ambiguous, LabelFile, OrderView, Page, Views
from schemas.contracts.edits import edit_of
from schemas.contracts.refusals import Refused
from schemas.messages.codec import encode
from schemas.messages.inputs import ActOnOrder, EditOrder
from schemas.order.ids import OrderId
from service.app import runtime
from service.app.clock import SystemClock, new_id
from service.app.errors import OperatorError, ServerUnusable
from service.app.sealing_keys import sealing_in
from service.app.sessions import open_publisher, open_reports
from service.embedded.external import check_postgres
from service.orders.deciding import NotNow, refuse_action, refuse_edit
from service.orders.labels import valid_labels
from service.settings import load

__all__ = ["ApiKey", "Desk", "NoSuchOrder", "Verified", "open_desk"]

MAX_DIFFERENT = 20
"""Orders that replay differently and are named; one is an alarm already."""


class NoSuchOrder(OperatorError):
    """Nothing is known under that name, or several orders are."""

    exit_code = 11


class WrittenLabel(msgspec.Struct, frozen=True, kw_only=True):
    """A label as the carrier sold it, and what it is in words."""

    words: str
    content_type: str
    content: bytes


class Verified(msgspec.Struct, frozen=True, kw_only=True):
    """What a replay of everything found."""

    orders: int
    events: int
    different: tuple[str, ...]


class Desk:
    """Reads the store, and publishes decisions for the service to carry out. `folder` is the
    service's data directory."""

    def __init__(
        self,
        pool: Pool,
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
        self.views = Views(pool, sealing)
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
        progress: str | None = None,
    ) -> Page:
        """Return a page of orders, newest first. Raises OperatorError for a wrong stage, progress
        or cursor."""
        if stage is not None and stage not in STAGES:
            raise OperatorError(f"No stage is called {stage!r}; there are: {', '.join(STAGES)}.")
        if progress is not None and progress not in PROGRESS:
            raise OperatorError(
                f"No progress is called {progress!r}; there are: {', '.join(PROGRESS)}."
            )
        try:
            return await self.views.list_orders(
                stage=stage, progress=progress, channel=channel, attention=attention or None,
                cursor=cursor, limit=limit,
            )  # fmt: skip
        except ValueError as error:
            raise OperatorError(str(error)) from error

    async def find(self, which: str) -> OrderId:
        """Return the order named. Raises NoSuchOrder."""
        try:
            order_id = await self.views.find(which)
        except Ambiguous as error:
            raise NoSuchOrder(str(error)) from error
        if order_id is None:
            raise NoSuchOrder(
                f"No order is known as {which!r}. Give its number, the channel's reference, its"
                " order id, or a reference of ours."
            )
        return order_id

    async def show(self, which: str) -> OrderView:
        """Return one order with what is under way."""
        view = await self.views.show(await self.find(which))
        assert view is not None, "it was found a moment ago, and orders are never deleted"
        return view

    async def timeline(self, which: str) -> tuple[Entry, ...]:
        """Return everything that happened to an order."""
        return await self.views.timeline(await self.find(which))

    async def exchange(self, which: str, number: int) -> KeptExchange:
        """Return what we and a partner said in one exchange. Raises OperatorError."""
        found = await self.views.exchange(await self.find(which), number)
        if found is None:
            raise OperatorError(
                f"The order has no exchange {number}, or it is not kept any more; `orderwright"
                " orders timeline` shows those there are."
            )
        if not found.readable:
            raise OperatorError("What was said can't be opened any more: its key is gone.")
        return found

    async def label(self, which: str, parcel: str) -> WrittenLabel:
        """Return the label of a parcel, "" for the only one. Raises OperatorError."""
        order_id = await self.find(which)
        state = await self.views.state(order_id)
        bought = valid_labels(state, await self.views.labels(order_id))
        one = _only(bought, parcel)
        file = await self.views.document(order_id, one.file)
        if file is None:
            raise OperatorError(
                f"The label of parcel {one.parcel} is not kept any more: the order's personal data"
                " was erased."
            )
        words = f"The label of parcel {one.parcel}, {one.carrier} {one.tracking_number}"
        return WrittenLabel(words=words, content_type=file.content_type, content=file.content)

    async def act(self, which: str, verb: str, target: str, person: str, reason: str) -> None:
        """Publish a person's decision; the order carries it out, or says why not. Raises
        OperatorError for what it surely can't do."""
        view = await self.show(which)
        try:
            refuse_action(view, verb, target)
        except NotNow as error:
            raise OperatorError(str(error)) from error
        decision = ActOnOrder(
            ref=view.row.ref, verb=verb, person=person[:256], reason=reason[:5000], target=target
        )
        await self._publish(view, "act", decision)

    async def edit(
        self,
        which: str,
        changes: Mapping[str, Any],
        address: Mapping[str, Any],
        person: str,
        reason: str,
    ) -> None:
        """Publish a person's changes of an order. `address` has single fields of the shipping
        address: they change the one in `changes`, else the order's own. Raises OperatorError."""
        view = await self.show(which)
        told = {**changes, "reason": reason[:5000]}
        if address:
            told["ship_to"] = {**await self._address(view, changes.get("ship_to")), **address}
        try:
            edit = edit_of(msgspec.json.encode(told), view.row.ref, person)
            refuse_edit(view, edit)
        except (Refused, NotNow) as error:
            raise OperatorError(str(error)) from error
        await self._publish(view, "edit", edit)

    async def _address(self, view: OrderView, stated: object) -> dict[str, Any]:
        if isinstance(stated, dict):
            return stated
        order = await self.views.order(view.row.order_id)
        if order is None or order.ship_to is None:
            return {}
        found: dict[str, Any] = msgspec.to_builtins(order.ship_to)
        return found

    async def _publish(self, view: OrderView, kind: str, decision: ActOnOrder | EditOrder) -> None:
        async with open_publisher(self.nats_url) as publisher:
            await publisher.publish(
                view.row.channel,
                kind,
                view.row.ref,
                encode(decision),
                delivery_id=f"desk:{new_id()}",
                source="canonical",
                topic=kind,
            )

    async def create_key(
        self, name: str, scopes: Sequence[str], channels: Sequence[str], now: datetime
    ) -> str:
        """Make an API key and return it, the only time it is whole."""
        try:
            _, token = await self._keys().create(name, scopes, channels, now=now)
        except KeyRefused as error:
            raise OperatorError(str(error)) from error
        return token

    async def list_keys(self) -> list[ApiKey]:
        """Return the API keys, without their secrets."""
        return await self._keys().list_keys()

    async def revoke_key(self, key_id: str, now: datetime) -> bool:
        """Revoke a key; return whether there was one."""
        return await self._keys().revoke(key_id, now=now)

    def _keys(self) -> ApiKeys:
        return ApiKeys(self.pool, monotonic=SystemClock().monotonic)

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
        async for stream in streams(self.pool):
            if not _agrees(stream):
                different.append(stream.order_id)
                if len(different) >= MAX_DIFFERENT:
                    break
            orders += 1
            events += len(stream.events)
            if orders % 1000 == 0:
                progress(orders)
        return Verified(orders=orders, events=events, different=tuple(different))


def _agrees(stream: Stream) -> bool:
    """Whether events give the stored state. One that other versions of the machines made is a cache
    that is out of date, and says nothing of the events."""
    state = replay(stream.events)
    try:
        decode_state(stream.state)
    except StateOutdated:
        return state.version == stream.version
    except msgspec.MsgspecError:
        return False
    return encode_state(state) == stream.state and state.version == stream.version


def _only(bought: Sequence[LabelFile], parcel: str) -> LabelFile:
    """Return the label that is meant. Raises OperatorError."""
    found = [one for one in bought if not parcel or one.parcel == parcel.upper()]
    if len(found) == 1:
        return found[0]
    told = ", ".join(f"{one.parcel} ({one.carrier} {one.tracking_number})" for one in bought)
    if not bought:
        raise OperatorError("No label of the order is bought, or its carrier keeps the image.")
    if not found:
        raise OperatorError(f"The order has no label for parcel {parcel}; it has: {told}.")
    raise OperatorError(f"The order has several labels; choose one with --parcel: {told}.")


@asynccontextmanager
async def open_desk(data: Path | None = None) -> AsyncIterator[Desk]:
    """Open the desk of the service that runs in a data directory (left out: the configured one,
    or the demo's). Raises NotRunning."""
    folder = _folder(data)
    found = runtime.read(folder)
    if not runtime.is_alive(found):
        await _still_there(found, folder)
    sealing = sealing_in(load(), folder)
    try:
        async with open_reports(found.postgres_dsn) as pool:
            yield Desk(pool, found.nats_url, folder, sealing, found.mappings_file, found.channels)
    except (JournalUnavailable, StreamUnavailable, NatsUnusable) as error:
        raise ServerUnusable(
            f"The servers of {folder} do not answer: {error} `orderwright doctor` says more."
        ) from error


async def _still_there(found: runtime.Runtime, folder: Path) -> None:
    """Raise NotRunning unless the servers outlive the dead service, because they are outside."""
    try:
        await check_postgres(found.postgres_dsn)
    except ServerUnusable as error:
        raise runtime.NotRunning(
            f"The service of {folder} ran as pid {found.pid} and has ended; start it again with"
            " `orderwright serve`."
        ) from error


def _folder(data: Path | None) -> Path:
    folder = data or Path(load().data_dir)
    inner = folder / "data"  # the demo keeps its world beside the service's own data
    return inner if (inner / runtime.FILE).exists() else folder
