"""The part of the composition root that makes the partners, each by its own kind."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AsyncExitStack
from typing import Any

from actors.runtime.call_policy import CallPolicy
from actors.runtime.errors import Retryable
from actors.runtime.partner import Partner
from actors.runtime.ports import Clock
from adapters.kinds import KindRefused, kind_named
from adapters.kit.events import Events
from adapters.kit.exchanges import Exchanges
from adapters.kit.fetching import Fetching, IntakeStream, Resolves, Shows
from adapters.kit.http_client import HttpClient, open_session
from adapters.kit.instance import Kit
from adapters.kit.kind import Kind
from adapters.kit.polling import Queue
from adapters.kit.settings import ChannelSettings, Origin, PartnerSettings
from adapters.kit.sync import ChannelSync
from service.app.errors import OperatorError
from service.settings import Settings
from service.settings.roles import STOCK, storefront_lane
from service.wiring.opened import Opened

STOCK_CALLS = CallPolicy(rate_per_second=10_000.0, concurrency=512, settle_seconds=0.1)
"""Our own table in our own database: nothing is gained by asking it gently."""

Lane = tuple[Partner, CallPolicy]


class KindUnusable(OperatorError):
    """A kind that is configured can't be used; the text says which part of it is missing."""

    exit_code = 2


class NoEvents:
    """Stands in where no adapter publishes events: who only asks a partner needs no stream."""

    async def publish(
        self, subject: str, body: bytes, *, message_id: str, content_type: str, trace: str
    ) -> None:
        """Publish nothing. Raises Retryable."""
        raise Retryable("The stream of events was not opened.")


class Kits:
    """Makes the kit of each instance. `client` is shared by all of them."""

    def __init__(
        self,
        settings: Settings,
        client: HttpClient,
        clock: Clock,
        *,
        intake: IntakeStream,
        events: Events | None = None,
        keys: Mapping[str, bytes] | None = None,
        own_url: str = "",
    ) -> None:
        self._client = client
        self._clock = clock
        self._intake = intake
        self._events = events or NoEvents()
        self._keys = keys or {}
        self._own_url = own_url
        self._origins: dict[str, Origin] = {}
        self._zones: dict[str, str] = {}
        self.use(settings)

    def use(self, settings: Settings) -> None:
        """Let every adapter know of these places and time zones, also those made before."""
        found = {name: place.ship_from for name, place in settings.places.items()}
        self._origins.clear()
        self._origins.update({n: one for n, one in found.items() if one is not None})
        self._zones.clear()
        self._zones.update({name: one.time_zone for name, one in settings.channels.items()})

    def of(self, name: str) -> Kit:
        """Return what the adapter of an instance is made of, beside its settings."""
        return Kit(
            name=name,
            keys=self._keys,
            client=self._client,
            clock=self._clock,
            intake=self._intake,
            events=self._events,
            own_url=self._own_url.rstrip("/"),
            origins=self._origins,
            zones=self._zones,
        )


def open_client(
    settings: Settings,
    stack: AsyncExitStack,
    clock: Clock,
    *,
    connections_per_host: int = 1_000,
    exchanges: Exchanges | None = None,
) -> HttpClient:
    """Open the HTTP client of adapters, inside the running loop; it is closed with the stack."""
    session = open_session(connections_per_host=connections_per_host)
    stack.push_async_callback(session.close)
    return HttpClient(session, clock, exchanges=exchanges, direct=settings.http.direct)


def lanes(settings: Settings, kits: Kits, opened: Opened, *, stock: Partner) -> dict[str, Lane]:
    """Make an adapter for each configured instance, by the name of its lane, with its call policy.
    Each is put into `opened`. Raises KindUnusable.
    """
    made: dict[str, Lane] = {STOCK: (stock, STOCK_CALLS)}
    for name, partner in settings.partners.items():
        made[name] = (_partner(partner, kits.of(name), opened, name), partner.calls)
    for name, channel in settings.channels.items():
        made[storefront_lane(name)] = (_storefront(channel, kits, opened, name), channel.calls)
    return made


def changed_lanes(old: Settings, new: Settings, kits: Kits, opened: Opened) -> dict[str, Lane]:
    """Make an adapter for each instance that is new or has other settings, and put it into
    `opened`. Raises KindUnusable."""
    made: dict[str, Lane] = {}
    for name, partner in new.partners.items():
        if old.partners.get(name) != partner:
            made[name] = (_partner(partner, kits.of(name), opened, name), partner.calls)
    for name, channel in new.channels.items():
        if old.channels.get(name) != channel:
            made[storefront_lane(name)] = _storefront(channel, kits, opened, name), channel.calls
    return made


def resolvers(settings: Settings, partner: Callable[[str], Partner]) -> dict[str, Resolves]:
    """Return the storefronts that say which order a message is about, by their channels. `partner`
    returns what a lane of this name calls."""
    shops = {name: partner(storefront_lane(name)) for name in settings.channels}
    return {
        name: shop.resolves
        for name, shop in shops.items()
        if isinstance(shop, Fetching) and shop.resolves is not None
    }


def syncs(channels: Mapping[str, ChannelSettings], kits: Kits) -> dict[str, ChannelSync]:
    """Make what lists changed orders and keeps the subscriptions, for each channel that can be
    asked."""
    found = {}
    for name, channel in channels.items():
        part = kind_named(channel.kind).channel
        if part is not None and part.sync is not None:
            found[name] = part.sync(channel, kits.of(name))
    return found


def queues(channels: Mapping[str, ChannelSettings], kits: Kits) -> dict[str, Queue]:
    """Make what messages are fetched from, for each channel whose settings name a queue."""
    found = {}
    for name, channel in channels.items():
        part = kind_named(channel.kind).channel
        if part is not None and part.queue is not None:
            queue = part.queue(channel, kits.of(name))
            if queue is not None:
                found[name] = queue
    return found


async def probe(settings: PartnerSettings, kit: Kit) -> str:
    """Return what one harmless call to an instance found. Raises PartnerError and KindUnusable."""
    found: str = await _kind(settings).probe(settings, kit)
    return found


def _partner(settings: PartnerSettings, kit: Kit, opened: Opened, lane: str) -> Partner:
    made: Partner = _kind(settings).partner(settings, kit)
    opened.add(lane, made)
    return made


def _storefront(settings: ChannelSettings, kits: Kits, opened: Opened, name: str) -> Partner:
    kit, part = kits.of(name), _kind(settings).channel
    made = _partner(settings, kit, opened, storefront_lane(name))
    if part is None or not part.fetches:
        return made
    if not isinstance(made, Shows):
        raise KindUnusable(
            f"The kind {settings.kind!r} says that its orders can be fetched, but its adapter has"
            " no `bundle` that fetches one."
        )
    return Fetching(made, kit.intake, source=settings.kind)


def _kind(settings: PartnerSettings) -> Kind[Any]:
    try:
        return kind_named(settings.kind)
    except KindRefused as error:
        raise KindUnusable(str(error)) from error
