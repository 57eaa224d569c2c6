"""The running service: built from the parts, started in order, stopped in the reverse order.

Stopping: readiness goes off, intake takes no more, calls under way finish and their answers are
written, then everything is closed. What did not finish in time is resumed by the next start.
"""

from __future__ import annotations

import asyncio
import logging
import os
import signal
from collections.abc import Callable, Coroutine
from contextlib import AsyncExitStack
from pathlib import Path

from actors.runtime.dispatcher import Dispatcher
from actors.runtime.errors import JournalUnavailable, LeaseLost
from actors.runtime.registry import Registry
from actors.runtime.runtime import Runtime
from actors.runtime.timers import Alarms
from schemas.order.ids import partition_of
from service.app import collector, running
from service.app.clock import SystemClock
from service.app.errors import EmbeddedServerFailed, OperatorError, ServerTooOld, ServerUnusable
from service.app.front import open_front
from service.app.health import Readiness
from service.app.housekeeping import keep_house
from service.app.observing import Observing
from service.app.projections import IncidentMetrics, Projection, Refusals
from service.app.sampling import sample_gauges
from service.app.servers import Servers, open_servers
from service.channels.run import keep_channels
from service.inbound.intake import Intake
from service.mappings.keeper import MappingsKeeper
from service.privacy.run import privacy_of
from service.settings import Settings
from service.telemetry.metrics import Metrics, probe_loop
from service.telemetry.tracing import Tracer, start_tracing
from service.wiring import channels as wiring_channels
from service.wiring import root as wiring
from service.wiring.incidents import Incidents

log = logging.getLogger(__name__)

FENCED_EXIT_CODE = 8
"""Another process took the orders over; a restart waits for its lease."""


class Fenced(OperatorError):
    """Another process owns this installation's orders now."""

    exit_code = FENCED_EXIT_CODE


class Service:
    """One process at work. `stopped` is set when it should end; `failure` says why, if unasked."""

    def __init__(self, settings: Settings, clock: SystemClock | None = None) -> None:
        self.settings = settings
        self.clock = clock or SystemClock()
        self.metrics = Metrics()
        self.tracer: Tracer = _tracing(settings, self.clock)
        self.readiness = Readiness()
        self.refusals = Refusals()
        self.stopped = asyncio.Event()
        self.failure: OperatorError | None = None
        self.servers: Servers | None = None
        self.store: wiring.Store | None = None
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
        wire = await wiring.open_wire(settings, servers, stack)
        observing = Observing(self.metrics, self.tracer)
        store.journal.on_commit = observing.committed
        active, keys = wiring.correlation_keys(settings, servers)
        self.runtime = runtime = Runtime(
            journal=store.journal,
            clock=self.clock,
            policy=wiring.policy_of(settings),
            observer=observing,
            correlation_keys=keys,
            active_key=active,
        )
        runtime.lost = self._fenced
        self.mappings = MappingsKeeper(runtime, store, settings, self.metrics)
        await self.mappings.round()
        front = await open_front(self, wire, store, keys, stack)
        self.port = front.port
        partners = await wiring.open_partners(
            settings, store, wire, self.clock, stack, own_url=front.own_url
        )
        limits = settings.limits
        self.registry = Registry(runtime, live_orders=limits.live_orders, mailbox=limits.mailbox)
        self.dispatcher = Dispatcher(
            runtime, self.registry, store.outbox, partners, epoch_of=self._epoch_of
        )
        self.privacy = privacy_of(self, store)
        alarms = Alarms(runtime, self.registry, store.timers, in_flight=2 * limits.timer_batch)
        self.intake = Intake(
            wire.messages,
            wiring_channels.translator(front.sources),
            self.registry,
            store.quarantine,
            asked=self.privacy.requests.asked,
            watch=observing,
            clock=self.clock,
            correlation_id=runtime.correlation_id,
            in_flight=limits.intake_in_flight,
            batch=limits.intake_batch,
            deliveries=limits.deliveries,
        )
        self.dispatcher.start()
        self._work(alarms, wire, store)
        self.readiness.start()
        running.write(Path(settings.data_dir), self._runtime(servers, front.own_url))

    async def _own_store(self, servers: Servers) -> wiring.Store:
        """Open the store and take its orders over. Raises Fenced when another process has them."""
        stack = self._stack
        store = await wiring.open_store(
            self.settings, servers, stack, lambda lost: self._fenced(f"partitions {list(lost)}")
        )
        stack.push_async_callback(store.leases.release)
        try:
            await store.leases.acquire()
        except LeaseLost as error:
            raise Fenced(str(error)) from error
        return store

    def _work(self, alarms: Alarms, wire: wiring.Wire, store: wiring.Store) -> None:
        """Begin what goes on in the background; none of it may end by itself."""
        privacy = self.privacy
        for work in (
            alarms.run(),
            self.intake.run(),
            self.intake.acknowledge(),
            self.intake.keep(),
            probe_loop(self.metrics, self.clock.monotonic),
            sample_gauges(self, wire),
            keep_house(store, self.clock, self.settings.retention),
            self._projection(store).run(),
            keep_channels(self, wire, store),
            self.mappings.run(),
            *(one.run() for one in (privacy.requests, privacy.retention, privacy.rewrapping)),
        ):
            task = asyncio.create_task(work)
            task.add_done_callback(self._ended)
            self._tasks.append(task)

    def _runtime(self, servers: Servers, url: str) -> running.Running:
        postgres, nats = servers.embedded_postgres, servers.embedded_nats
        return running.Running(
            pid=os.getpid(),
            url=url,
            postgres_dsn=servers.postgres_dsn,
            nats_url=servers.nats_url,
            postgres_pid=(postgres.pid or 0) if postgres else 0,
            nats_pid=(nats.pid or 0) if nats else 0,
            mappings_file=self.settings.mappings_file,
            channels=tuple(self.settings.channels),
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
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._stack.aclose()
        await self.tracer.close()

    def _projection(self, store: wiring.Store) -> Projection:
        quiet_seconds = self.settings.limits.incident_quiet_seconds
        return Projection(
            Incidents(store.pool, quiet_seconds=quiet_seconds),
            self.refusals,
            IncidentMetrics(self.metrics.registry),
            self.clock,
            may=lambda: store.leases.sure,
        )

    def _epoch_of(self, ref: str) -> int:
        leases = self.store.leases if self.store else None
        if leases is None or not leases.sure:
            raise JournalUnavailable("Whether these orders are still ours can't be told just now.")
        epoch = leases.epochs.get(partition_of(ref))
        if epoch is None:
            raise LeaseLost("The partition of this order belongs to another process.")
        return epoch

    def _given_up(self, failure: EmbeddedServerFailed) -> None:
        self._fail(failure)

    def _fenced(self, why: str) -> None:
        self._fail(Fenced(f"Another process took these orders over: {why}"))

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


async def serve(settings: Settings, told: Callable[[str], None] = lambda _: None) -> None:
    """Run until SIGTERM or SIGINT; returns after a bounded drain. Raises OperatorError."""
    service = Service(settings)
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, service.stopped.set)
    try:
        try:
            started = await _unless(service.stopped, service.start(told))
        except wiring.NatsTooOld as error:
            raise ServerTooOld(str(error)) from error
        except (JournalUnavailable, wiring.NatsUnusable) as error:
            raise ServerUnusable(f"The start did not get through: {error}") from error
        if started:
            collector.settle()
            told(f"ready on port {service.port}")
            await service.stopped.wait()
    finally:
        await service.stop()
    if service.failure is not None:
        raise service.failure


async def _unless(stopped: asyncio.Event, start: Coroutine[None, None, None]) -> bool:
    """Start unless asked to stop meanwhile: a start may wait a minute for another process's lease,
    and whoever sent SIGTERM would have lost patience. Return whether it was finished."""
    starting, asked = asyncio.create_task(start), asyncio.create_task(stopped.wait())
    try:
        await asyncio.wait({starting, asked}, return_when=asyncio.FIRST_COMPLETED)
        if not starting.done():
            return False
        await starting
        return True
    finally:
        for task in (starting, asked):
            task.cancel()
        await asyncio.gather(starting, asked, return_exceptions=True)


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
