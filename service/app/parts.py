"""The parts of a running service that follow the configuration, and how they change over."""

from __future__ import annotations

from contextlib import AsyncExitStack

from msgspec import Struct

from actors.runtime.lanes import Lanes
from actors.runtime.registry import Registry
from service.app.front import Front
from service.app.servers import Servers
from service.channels.run import ChannelSyncs
from service.facts.run import Facts, channels_told
from service.inbound.intake import Intake
from service.inbound.resolving import Resolving
from service.mappings.keeper import MappingsKeeper
from service.privacy.run import PrivacyWork
from service.settings import Settings
from service.settings.roles import setups
from service.telemetry.logs import set_level
from service.wiring.order_stream import OrderStream
from service.wiring.partners import Kits, changed_lanes, resolvers
from service.wiring.store import Store
from service.wiring.wire import Wire, heard


class Parts(Struct, frozen=True, kw_only=True):
    """Everything that is told when the configuration changes."""

    servers: Servers
    store: Store
    wire: Wire
    front: Front
    kits: Kits
    stack: AsyncExitStack
    stream: OrderStream
    mappings: MappingsKeeper
    lanes: Lanes
    registry: Registry
    resolving: Resolving
    intake: Intake
    facts: Facts
    privacy: PrivacyWork
    syncs: ChannelSyncs

    async def use(self, old: Settings, new: Settings) -> None:
        """Change over. Raises OperatorError, NatsUnusable and JournalUnavailable before anything
        but room for new channels was made."""
        made = changed_lanes(old, new, self.kits, self.stack)
        if self.servers.embedded_nats is not None:
            await self.servers.embedded_nats.use(tuple(new.channels))
        await self.wire.prepare(new)
        if heard(new) != heard(old):
            await self.wire.events.use(heard(new))
        if channels_told(new) != channels_told(old):
            await self.facts.use(channels_told(new))
        # From here on nothing waits: no message sees one half of each configuration.
        self.wire.use(new)
        self.front.use(new)
        self.kits.use(new)
        self.stream.use(policy=new.policy, setups=setups(new))
        for name, (partner, policy) in made.items():
            self.lanes.use(name, partner, policy)
        self.resolving.use(resolvers(new, lambda name: self.lanes[name].partner))
        limits = new.limits
        self.intake.use(in_flight=limits.intake_in_flight, deliveries=limits.deliveries)
        self.registry.use(live_orders=limits.live_orders, mailbox=limits.mailbox)
        self.store.quarantine.room.use(tuple(new.channels))
        self.mappings.use(new)
        self.privacy.use(new)
        self.syncs.use(new)
        if new.telemetry.log_level != old.telemetry.log_level:
            set_level(new.telemetry.log_level)
