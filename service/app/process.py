"""The running service: built from the parts, started in order, stopped in the reverse order.

Stopping: readiness goes off, intake takes no more, calls under way finish and their answers are
written, then everything is closed. What did not finish in time is resumed by the next start.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine, Iterator, Sequence
from contextlib import AsyncExitStack
from pathlib import Path

from msgspec import structs

from actors.runtime.alarm import Alarm
from actors.runtime.dispatcher import Dispatcher
from actors.runtime.ending import end_all
from actors.runtime.errors import LeaseLost
from actors.runtime.lanes import Lanes
from actors.runtime.references import References
from actors.runtime.registry import PATIENCE_SECONDS, Registry
from actors.runtime.runtime import Runtime
from actors.runtime.timers import TimerRunner
from adapters.nats.seal import Seal
from adapters.postgres.leases import JOBS
from adapters.postgres.shared_leases import SharedLeases
from adapters.postgres.troubles import Troubles
from service.alerts.run import alert_work
from service.app import running
from service.app.clock import SystemClock
from service.app.common import Common
from service.app.counting import projection_of
from service.app.disk import disk_of
from service.app.errors import OperatorError
from service.app.front import Front, open_front
from service.app.health import Readiness
from service.app.housekeeping import keep_house
from service.app.observing import Observing, tracer_of
from service.app.parts import Parts, open_kits
from service.app.projections import Refusals
from service.app.reload import Outcome, Reloads
from service.app.sampling import sample_gauges
from service.app.servers import Servers, addresses, open_servers
from service.app.sessions import signing_keys
from service.app.sharing import Sharing, sharing_of
from service.app.troubles import keep_troubles
from service.app.worker import Said, Worker
from service.backup.keeper import doubt_keeper
from service.batches.run import batch_work
from service.books.run import BooksWork
from service.channels.run import ChannelSyncs
from service.channels.sync import SyncMetrics
from service.checks.run import checks_of
from service.facts.run import facts_of
from service.inbound.intake import Intake
from service.inbound.resolving import Resolving
from service.mappings.keeper import MappingsKeeper
from service.privacy.metrics import PrivacyMetrics
from service.privacy.run import privacy_of
from service.recon.run import ReconWorker
from service.reviews.run import review_work
from service.rules.keeper import RulesKeeper
from service.settings import NO_FILE, Settings, load
from service.settings.roles import setups
from service.stock.feeds import StockFeeds
from service.stock.run import stock_work
from service.telemetry.metrics import Metrics, probe_loop
from service.telemetry.tracing import Tracer
from service.wiring.opened import Opened
from service.wiring.order_stream import OrderStream
from service.wiring.partners import Kits, lanes, resolvers
from service.wiring.store import Store, open_store
from service.wiring.wire import Wire, open_wire

log = logging.getLogger(__name__)

FENCED_EXIT_CODE = 8
"""Another process took the orders over; a restart waits for its lease."""


class Fenced(OperatorError):
    """Another process owns this installation's orders now."""

    exit_code = FENCED_EXIT_CODE


class Service:
    """One process at work, as one of several workers or by itself. `stopped` is set when it should
    end; `failure` says why, if unasked."""

    def __init__(
        self,
        settings: Settings,
        clock: SystemClock | None = None,
        *,
        config: Path | None = None,
        worker: Worker | None = None,
    ) -> None:
        self.settings = settings
        self.config = config
        self.clock = clock or SystemClock()
        self.metrics = Metrics()
        self.tracer: Tracer = tracer_of(settings.telemetry, self.clock)
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
            worker=worker,
        )
        self.stopped = asyncio.Event()
        self.reloads = Reloads(
            settings,
            read=lambda: structs.replace(load(path=config or NO_FILE), workers=settings.workers),
            told=self._tell,
            refused=self.refusals.count,
        )
        self.failure: OperatorError | None = None
        self.servers: Servers | None = None
        self.store: Store | None = None
        self.sharing: Sharing | None = None
        self.port = 0
        self._stack = AsyncExitStack()
        self._tasks: list[asyncio.Task[None]] = []

    async def start(self, told: Callable[[str], None] = lambda _: None) -> None:
        """Start everything; returns when ready. `told` hears each step as it is done.

        Raises OperatorError; what had started is stopped by `stop`.
        """
        settings, stack = self.settings, self._stack
        if worker := self.common.worker:
            self.servers = servers = worker.servers()
        else:
            opening = open_servers(settings, self._fail)
            self.servers = servers = await stack.enter_async_context(opening)
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
        self.rules = RulesKeeper(self.stream, store, self.metrics)
        self.doubt = doubt_keeper(self.stream, wire, store, self.clock)
        await asyncio.gather(self.mappings.round(), self.rules.round(), self.doubt.begin())
        registry, count = self.metrics.registry, self.refusals.count
        self.disk = disk_of(servers, wire.publisher, self.clock, registry, count=count)
        seen = self.common, wire, store, self.mappings, stack
        front = await open_front(*seen, keys=keys, sign=self.references.new, disk=self.disk)
        self.port = front.port
        kits = open_kits(self.common, wire, store, stack, keys=keys, own_url=front.own_url)
        self.opened = Opened()
        stack.push_async_callback(self.opened.close)
        self.lanes = Lanes(lanes(settings, kits, self.opened, stock=store.stock))
        self.resolving = Resolving(
            resolvers(settings, lambda name: self.lanes[name].partner), wire.publisher
        )
        self._begin_orders(wire, store)
        self.privacy = privacy_of(
            settings,
            self.clock,
            store,
            PrivacyMetrics(self.metrics.registry),
            forget=self.sharing.forget if self.sharing is not None else self.registry.forget,
            refused=self.refusals.count,
        )
        self.intake = self._intake(front, wire, store)
        self.facts = facts_of(self.common, store, wire.events, front.own_url)
        await self.facts.begin()
        resumed = await store.suspensions.resume(sorted(store.leases.epochs))
        if resumed:
            log.info("%d timers and effects that could not be decided are tried again.", resumed)
        self.dispatcher.start()
        if self.sharing is not None and self.common.has_orders:
            await self.sharing.begin()
        counts, refused = SyncMetrics(self.metrics.registry), self.refusals.count
        self.syncs = ChannelSyncs(settings, self.clock, wire, store, counts, refused=refused)
        self.alerts, self.reviews = alert_work(self.common, store), review_work(self.common, store)
        self.recon = ReconWorker(self.common, wire, store, keys)
        self.books = BooksWork(self.common, store)
        self._work(wire, store)
        self._follow(wire, store, servers, front, kits)
        self.readiness.start()
        self._tell(Outcome())

    async def _own_store(self, servers: Servers) -> Store:
        """Open the store and take its orders over, unless they are shared. Raises Fenced when
        another process has them."""
        stack = self._stack
        store = await open_store(
            self.settings, servers, stack, on_lost=self._lost, on_commit=self.observing.committed
        )
        stack.push_async_callback(store.leases.release)
        if not isinstance(store.leases, SharedLeases):
            try:
                await store.leases.acquire()
            except LeaseLost as error:
                raise Fenced(str(error)) from error
        return store

    def _begin_orders(self, wire: Wire, store: Store) -> None:
        """Make what brings inputs to their orders and carries out what they ask for."""
        limits = self.settings.limits
        self.runtime = shared = Runtime(
            journal=store.journal,
            leases=store.leases,
            clock=self.clock,
            observer=self.observing,
            references=self.references,
            lanes=self.lanes,
            alarm=self.alarm,
            local=store.stock,
            knowing=checks_of(self.common, store, self.stream, self.lanes, lambda: self.registry),
        )
        self.registry = registry = Registry(
            shared,
            self.stream,
            live_orders=limits.live_orders,
            mailbox=limits.mailbox,
            patience_seconds=PATIENCE_SECONDS,
        )
        self.dispatcher = Dispatcher(shared, registry, store.outbox, store.suspensions)
        self.timers = TimerRunner(
            shared, registry, store.timers, store.suspensions, in_flight=2 * limits.timer_batch
        )
        self.sharing = sharing_of(shared, registry, self.dispatcher, wire, store)

    def _intake(self, front: Front, wire: Wire, store: Store) -> Intake:
        limits = self.settings.limits
        return Intake(
            wire.messages,
            front.readers.translate,
            self.doubt.before(self.registry, self.runtime),
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
        self.feeds = StockFeeds(
            *(self.settings, self.clock, wire, store, self.metrics.registry),
            mappings=lambda: self.stream.mappings.mappings,
        )
        for work in (
            *(self._work_on_orders(wire, store) if self.common.has_orders else ()),
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
            projection_of(store, self.common).run(),
            self.facts.run(),
            self.disk.run(),
            keep_troubles(
                self.lanes,
                Troubles(store.reports, store.leases.owner, shared=self.sharing is not None),
                self.clock,
                count=self.refusals.count,
            ),
            self.alerts.run(),
            *(self.reviews.run(), batch_work(self.common, store, wire.publisher).run()),
            *(self.recon.run(), self.books.run(), self.syncs.run(), self.mappings.run()),
            *(self.rules.run(), self.doubt.run()),
            stock_work(store, self.clock, self.alarm, self.metrics.registry).run(),
            *self.feeds.works(),
            *(one.run() for one in (privacy.requests, privacy.retention, privacy.rewrapping)),
        ):
            self._begin(work)

    def _work_on_orders(self, wire: Wire, store: Store) -> Iterator[Coroutine[None, None, None]]:
        yield from self.sharing.works() if self.sharing is not None else ()
        yield store.leases.hold([JOBS])
        yield self.timers.run()
        yield wire.messages.watch()
        yield from (self.intake.run(), self.intake.acknowledge(), self.intake.keep())

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
            opened=self.opened,
            stream=self.stream,
            mappings=self.mappings,
            lanes=self.lanes,
            registry=self.registry,
            resolving=self.resolving,
            intake=self.intake,
            facts=self.facts,
            privacy=self.privacy,
            syncs=self.syncs,
            alerts=self.alerts,
            reviews=self.reviews,
            feeds=self.feeds,
            recon=self.recon,
            books=self.books,
        )
        self.reloads.begin(self.settings, apply=parts.use)
        self._begin(self.reloads.run())

    def _tell(self, outcome: Outcome) -> None:
        """Say in the data directory where the service is and how the last reload ended; a worker
        says it to its parent."""
        assert self.servers is not None
        self.settings = self.reloads.settings
        if worker := self.common.worker:
            worker.say(Said(port=self.front.private_port, outcome=outcome))
            return
        own_url, port = self.front.own_url, self.port
        told = addresses(self.servers, self.settings, self.config, own_url, port, outcome)
        running.write(Path(self.settings.data_dir), told)

    async def stop(self) -> None:
        """Drain within the bound, then close everything."""
        self.readiness.stop()
        if self.sharing is not None:
            self.sharing.stop()
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

    def _lost(self, partitions: Sequence[int]) -> None:
        """Other processes own these partitions now. Where orders are not shared, whoever took one
        of ours has been told to take all, so this one ends."""
        if self.sharing is not None:
            self.sharing.lost(partitions)
            return
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
