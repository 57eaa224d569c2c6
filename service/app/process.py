"""The running service: built from the parts, started in order, stopped in the reverse order.

Stopping: readiness goes off, intake takes no more, calls under way finish and their answers are
written, then everything is closed. What did not finish in time is resumed by the next start.
"""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Callable, Coroutine, Mapping, Sequence
from contextlib import AsyncExitStack
from pathlib import Path

from actors.runtime.alarm import Alarm
from actors.runtime.dispatcher import Dispatcher
from actors.runtime.ending import end_all
from actors.runtime.errors import LeaseLost
from actors.runtime.lanes import Lanes
from actors.runtime.references import References
from actors.runtime.registry import Registry
from actors.runtime.runtime import Runtime
from actors.runtime.timers import TimerRunner
from adapters.nats.seal import Seal
from adapters.postgres.incidents import Incidents
from adapters.postgres.leases import JOBS
from adapters.postgres.troubles import Troubles
from service.app import running
from service.app.clock import SystemClock
from service.app.common import Common
from service.app.disk import disk_of
from service.app.errors import EmbeddedServerFailed, OperatorError
from service.app.front import Front, open_front
from service.app.health import Readiness
from service.app.housekeeping import keep_house
from service.app.observing import Observing
from service.app.parts import Parts
from service.app.projections import IncidentMetrics, Projection, Refusals
from service.app.reload import Outcome, Reloads
from service.app.sampling import sample_gauges
from service.app.servers import Servers, open_servers
from service.app.sessions import signing_keys
from service.app.troubles import keep_troubles
from service.channels.run import ChannelSyncs
from service.channels.sync import SyncMetrics
from service.embedded.proc import start_ticks
from service.facts.run import facts_of
from service.inbound.intake import Intake
from service.inbound.resolving import Resolving
from service.mappings.keeper import MappingsKeeper
from service.privacy.metrics import PrivacyMetrics
from service.privacy.run import privacy_of
from service.settings import NO_FILE, Settings, load
from service.settings.roles import setups
from service.telemetry.metrics import Metrics, probe_loop
from service.telemetry.tracing import Tracer, start_tracing
from service.wiring.order_stream import OrderStream
from service.wiring.partners import Kits, lanes, open_client, resolvers
from service.wiring.store import Store, open_store
from service.wiring.wire import Wire, open_wire

log = logging.getLogger(__name__)

FENCED_EXIT_CODE = 8
"""Another process took the orders over; a restart waits for its lease."""


class Fenced(OperatorError):
    """Another process owns this installation's orders now."""

    exit_code = FENCED_EXIT_CODE


class Service:
    """One process at work. `stopped` is set when it should end; `failure` says why, if unasked."""

    def __init__(
        self, settings: Settings, clock: SystemClock | None = None, *, config: Path | None = None
    ) -> None:
        self.settings = settings
        self.config = config
        self.clock = clock or SystemClock()
        self.metrics = Metrics()
        self.tracer: Tracer = _tracing(settings, self.clock)
        self.observing = Observing(self.metrics, self.tracer)
        self.readiness = Readiness()
        self.refusals = Refusals()
        self.common = Common(
            settings=settings,
            clock=self.clock,
            metrics=self.metrics,
            tracer=self.tracer,
            readiness=self.readiness,
            refusals=self.refusals,
        )
        self.stopped = asyncio.Event()
        self.reloads = Reloads(
            settings,
            read=lambda: load(path=config or NO_FILE),
            told=self._tell,
            refused=self.refusals.count,
        )
        self.failure: OperatorError | None = None
        self.servers: Servers | None = None
        self.store: Store | None = None
        self.port = 0
        self._stack = AsyncExitStack()
        self._tasks: list[asyncio.Task[None]] = []

    async def start(self, told: Callable[[str], None] = lambda _: None) -> None:
        """Start everything; returns when ready. `told` hears each step as it is done.

        Raises OperatorError; what had started is stopped by `stop`.
        """
        settings, stack = self.settings, self._stack
        self.servers = servers = await stack.enter_async_context(
            open_servers(settings, self._given_up)
        )
        told(f"postgres {servers.postgres}")
        told(f"nats {servers.nats}")
        self.store = store = await self._own_store(servers)
        told("schema")
        active, keys = signing_keys(settings, servers.data)
        wire = await open_wire(settings, servers, Seal(keys, active), stack)
        self.references = References(keys, active)
        self.alarm = Alarm(self.clock)
        self.stream = OrderStream(policy=settings.policy, setups=setups(settings))
        self.mappings = MappingsKeeper(
            self.stream, self.alarm, store, settings, self.clock, self.metrics
        )
        await self.mappings.round()
        registry, count = self.metrics.registry, self.refusals.count
        self.disk = disk_of(servers, wire.publisher, self.clock, registry, count=count)
        front = await open_front(
            self.common,
            wire,
            store,
            self.mappings,
            stack,
            keys=keys,
            sign=self.references.new,
            disk=self.disk,
        )
        self.port = front.port
        kits = self._kits(front.own_url, wire, store, keys)
        self.lanes = Lanes(lanes(settings, kits, stack, stock=store.stock))
        self.resolving = Resolving(
            resolvers(settings, lambda name: self.lanes[name].partner), wire.publisher
        )
        self._begin_orders(store)
        self.privacy = privacy_of(
            settings,
            self.clock,
            store,
            PrivacyMetrics(self.metrics.registry),
            forget=self.registry.forget,
            refused=self.refusals.count,
        )
        self.intake = self._intake(front, wire, store)
        self.facts = facts_of(self.common, store, wire.events, front.own_url)
        await self.facts.begin()
        resumed = await store.suspensions.resume(sorted(store.leases.epochs))
        if resumed:
            log.info("%d timers and effects that could not be decided are tried again.", resumed)
        self.dispatcher.start()
        self.syncs = ChannelSyncs(
            settings,
            self.clock,
            wire,
            store,
            SyncMetrics(self.metrics.registry),
            refused=self.refusals.count,
        )
        self._work(wire, store)
        self._follow(wire, store, servers, front, kits)
        self.readiness.start()
        self._tell(Outcome())

    async def _own_store(self, servers: Servers) -> Store:
        """Open the store and take its orders over. Raises Fenced when another process has them."""
        stack = self._stack
        store = await open_store(
            self.settings, servers, stack, on_lost=self._lost, on_commit=self.observing.committed
        )
        stack.push_async_callback(store.leases.release)
        try:
            await store.leases.acquire()
        except LeaseLost as error:
            raise Fenced(str(error)) from error
        return store

    def _kits(self, own_url: str, wire: Wire, store: Store, keys: Mapping[str, bytes]) -> Kits:
        return Kits(
            self.settings,
            open_client(self.settings, self._stack, self.clock, exchanges=store.exchanges),
            self.clock,
            intake=wire.publisher,
            events=wire.events,
            keys=keys,
            own_url=own_url,
        )

    def _begin_orders(self, store: Store) -> None:
        """Make what brings inputs to their orders and carries out what they ask for."""
        limits = self.settings.limits
        shared = Runtime(
            journal=store.journal,
            leases=store.leases,
            clock=self.clock,
            observer=self.observing,
            references=self.references,
            lanes=self.lanes,
            alarm=self.alarm,
            local=store.stock,
        )
        self.registry = registry = Registry(
            shared, self.stream, live_orders=limits.live_orders, mailbox=limits.mailbox
        )
        self.dispatcher = Dispatcher(shared, registry, store.outbox, store.suspensions)
        self.timers = TimerRunner(
            shared, registry, store.timers, store.suspensions, in_flight=2 * limits.timer_batch
        )

    def _intake(self, front: Front, wire: Wire, store: Store) -> Intake:
        limits = self.settings.limits
        return Intake(
            wire.messages,
            front.readers.translate,
            self.registry,
            store.quarantine,
            asked=self.privacy.requests.asked,
            watch=self.observing,
            clock=self.clock,
            reference_of=self.references.new,
            resolving=self.resolving,
            in_flight=limits.intake_in_flight,
            batch=limits.intake_batch,
            deliveries=limits.deliveries,
        )

    def _work(self, wire: Wire, store: Store) -> None:
        """Begin what goes on in the background; none of it may end by itself. What must be done
        once for all processes rests while another one holds the lease of the jobs."""
        privacy = self.privacy
        for work in (
            store.leases.hold([JOBS]),
            self.timers.run(),
            wire.messages.watch(),
            self.intake.run(),
            self.intake.acknowledge(),
            self.intake.keep(),
            probe_loop(self.metrics, self.clock.monotonic),
            sample_gauges(
                self.common,
                wire,
                store,
                registry=self.registry,
                intake=self.intake,
                lanes=self.lanes,
            ),
            keep_house(store, self.clock, self.settings.retention, count=self.refusals.count),
            store.exchanges.run(),
            self._projection(store).run(),
            self.facts.run(),
            self.disk.run(),
            keep_troubles(
                self.lanes, Troubles(store.reports), self.clock, count=self.refusals.count
            ),
            self.syncs.run(),
            self.mappings.run(),
            *(one.run() for one in (privacy.requests, privacy.retention, privacy.rewrapping)),
        ):
            self._begin(work)

    def _begin(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.create_task(work)
        task.add_done_callback(self._ended)
        self._tasks.append(task)

    def _follow(self, wire: Wire, store: Store, servers: Servers, front: Front, kits: Kits) -> None:
        """Follow the configuration from now on, whenever `reloads` is asked to."""
        self.front = front
        parts = Parts(
            servers=servers,
            store=store,
            wire=wire,
            front=front,
            kits=kits,
            stack=self._stack,
            stream=self.stream,
            mappings=self.mappings,
            lanes=self.lanes,
            registry=self.registry,
            resolving=self.resolving,
            intake=self.intake,
            facts=self.facts,
            privacy=self.privacy,
            syncs=self.syncs,
        )
        self.reloads.begin(self.settings, apply=parts.use)
        self._begin(self.reloads.run())

    def _tell(self, outcome: Outcome) -> None:
        """Say in the data directory where the service is and how the last reload ended."""
        assert self.servers is not None
        self.settings = self.reloads.settings
        runtime = self._runtime(self.servers, outcome)
        running.write(Path(self.settings.data_dir), runtime)

    def _runtime(self, servers: Servers, outcome: Outcome) -> running.Running:
        postgres, nats = servers.embedded_postgres, servers.embedded_nats
        return running.Running(
            pid=os.getpid(),
            started=start_ticks(os.getpid()) or 0,
            url=self.front.own_url,
            port=self.port,
            reloads=outcome.count,
            reloaded=outcome.good,
            reload_words=outcome.words,
            postgres_dsn=servers.postgres_dsn,
            nats_url=servers.nats_url,
            postgres_pid=(postgres.pid or 0) if postgres else 0,
            nats_pid=(nats.pid or 0) if nats else 0,
            mappings_file=self.settings.mappings_file,
            channels=tuple(self.settings.channels),
            config=str(self.config.resolve()) if self.config else "",
        )

    async def stop(self) -> None:
        """Drain within the bound, then close everything."""
        self.readiness.stop()
        seconds = self.settings.limits.drain_seconds
        if self.readiness.started and self.failure is None:
            left = await self.intake.drain(seconds / 2)
            left += await self.dispatcher.drain(seconds / 4)
            left += await self.registry.drain(seconds / 4)
            if left:
                log.warning(
                    "%d pieces of work were not finished; the next start resumes them.", left
                )
        await end_all(self._tasks)
        await self._stack.aclose()
        await self.tracer.close()

    def _projection(self, store: Store) -> Projection:
        quiet_seconds = self.settings.limits.incident_quiet_seconds
        return Projection(
            Incidents(store.pool, quiet_seconds=quiet_seconds),
            self.refusals,
            IncidentMetrics(self.metrics.registry),
            self.clock,
            may=lambda: store.leases.surely_holds(JOBS),
        )

    def _given_up(self, failure: EmbeddedServerFailed) -> None:
        self._fail(failure)

    def _lost(self, partitions: Sequence[int]) -> None:
        """Another process owns these partitions now. Whoever took one of ours has been told to take
        all: there is one process for each installation as yet, so this one ends."""
        orders = [partition for partition in partitions if partition != JOBS]
        if not orders:
            return
        if self.readiness.started:
            self.registry.drop(orders)
            self.lanes.drop(orders)
        self._fail(Fenced(f"Another process took these orders over: partitions {orders}"))

    def _fail(self, failure: OperatorError) -> None:
        if self.failure is None and not self.readiness.stopping:
            log.error("%s", failure)
            self.failure = failure
            self.stopped.set()

    def _ended(self, task: asyncio.Task[None]) -> None:
        """A background task ended. By itself it may only fail, and then the process must not
        look healthy."""
        if task.cancelled() or self.readiness.stopping:
            return
        error = task.exception()
        log.error("A background task ended.", exc_info=error)
        self._fail(OperatorError(f"The service stops because a part of it failed: {error}"))


def _tracing(settings: Settings, clock: SystemClock) -> Tracer:
    telemetry = settings.telemetry
    return start_tracing(
        clock,
        sample_ratio=telemetry.sample_ratio,
        slow_seconds=telemetry.slow_seconds,
        sampler=telemetry.sampler,
        endpoint=telemetry.otlp_endpoint,
        traces_endpoint=telemetry.otlp_traces_endpoint,
        service_name=telemetry.service_name,
        disabled=telemetry.disabled,
    )
