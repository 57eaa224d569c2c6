"""The parts of a running service that follow the configuration, and how they change over."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AsyncExitStack

from msgspec import Struct

from actors.runtime.lanes import Lanes
from actors.runtime.registry import Registry
from service.alerts.run import AlertWork
from service.app.common import Common
from service.app.front import Front
from service.app.servers import Servers
from service.books.run import BooksWork
from service.channels.run import ChannelSyncs
from service.facts.run import Facts, channels_told
from service.inbound.intake import Intake
from service.inbound.resolving import Resolving
from service.mappings.keeper import MappingsKeeper
from service.privacy.run import PrivacyWork
from service.recon.run import ReconWorker
from service.reviews.run import ReviewWork
from service.settings import Settings
from service.settings.roles import setups
from service.stock.feeds import StockFeeds
from service.telemetry.logs import set_level
from service.wiring.opened import Opened
from service.wiring.order_stream import OrderStream
from service.wiring.partners import Kits, changed_lanes, open_client, resolvers
from service.wiring.store import Store
from service.wiring.wire import Wire, heard


def open_kits(
    common: Common,
    wire: Wire,
    store: Store,
    stack: AsyncExitStack,
    *,
    keys: Mapping[str, bytes],
    own_url: str,
) -> Kits:
    """Return what adapters of orders are made of, with a client that is closed with the stack."""
    settings, clock = common.settings, common.clock
    return Kits(
        settings,
        open_client(settings, stack, clock, exchanges=store.exchanges),
        clock,
        intake=wire.publisher,
        events=wire.events,
        keys=keys,
        own_url=own_url,
    )


class Parts(Struct, frozen=True, kw_only=True):
    """Everything that is told when the configuration changes."""

    servers: Servers
    store: Store
    wire: Wire
    front: Front
    kits: Kits
    opened: Opened
    stream: OrderStream
    mappings: MappingsKeeper
    lanes: Lanes
    registry: Registry
    resolving: Resolving
    intake: Intake
    facts: Facts
    privacy: PrivacyWork
    syncs: ChannelSyncs
    alerts: AlertWork
    reviews: ReviewWork
    feeds: StockFeeds
    recon: ReconWorker
    books: BooksWork

    async def use(self, old: Settings, new: Settings) -> None:
        """Change over. Raises OperatorError, NatsUnusable and JournalUnavailable before anything
        but room for new channels was made."""
        made = changed_lanes(old, new, self.kits, self.opened)
        try:
            await self._make_room(old, new)
        except BaseException:
            await self.opened.undo(made)
            raise
        # From here on nothing waits: no message sees one half of each configuration.
        self.wire.use(new)
        self.front.use(new)
        self.kits.use(new)
        self.stream.use(policy=new.policy, setups=setups(new))
        for name, (partner, policy) in made.items():
            self.opened.replace(name, self.lanes.use(name, partner, policy))
        self.resolving.use(resolvers(new, lambda name: self.lanes[name].partner))
        limits = new.limits
        self.intake.use(in_flight=limits.intake_in_flight, deliveries=limits.deliveries)
        self.registry.use(live_orders=limits.live_orders, mailbox=limits.mailbox)
        self.store.quarantine.room.use(tuple(new.channels))
        self.mappings.use(new)
        self.privacy.use(new)
        self.syncs.use(new)
        self.feeds.use(new)
        self.recon.use(new)
        self.books.use(new)
        self.alerts.use(new.alerts, new.alert_routes)
        self.reviews.policy = new.reviews
        if new.telemetry.log_level != old.telemetry.log_level:
            set_level(new.telemetry.log_level)

    async def _make_room(self, old: Settings, new: Settings) -> None:
        """Have the servers ready for new channels."""
        if self.servers.embedded_nats is not None:
            await self.servers.embedded_nats.use(tuple(new.channels))
        await self.wire.prepare(new)
        if heard(new) != heard(old):
            await self.wire.events.use(heard(new))
        if channels_told(new) != channels_told(old):
            await self.facts.use(channels_told(new))
