"""Runs the service until it is asked to end, and follows the signals."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from pathlib import Path

from actors.runtime.ending import end_all
from actors.runtime.errors import JournalUnavailable
from adapters.nats.connection import NatsTooOld, NatsUnusable
from service.app import collector
from service.app.errors import ServerTooOld, ServerUnusable
from service.app.process import Service
from service.app.worker import Worker, config_of
from service.app.workers import serve_workers
from service.settings import Settings


async def serve(
    settings: Settings,
    told: Callable[[str], None] = lambda _: None,
    *,
    config: Path | None = None,
) -> None:
    """Run until SIGTERM or SIGINT, and reload on SIGHUP; returns after a bounded drain. `config` is
    the file that the settings are from, which commands are told. Raises OperatorError."""
    with _server_words():
        if settings.workers.several:
            await serve_workers(settings, told, config=config)
        else:
            await _serve(Service(settings, config=config), told)


async def serve_worker(worker: Worker, settings: Settings) -> None:
    """Run as one of several workers, until SIGTERM or the end of the parent. Raises
    OperatorError."""
    service = Service(settings, config=config_of(worker.assigned), worker=worker)
    listening = asyncio.create_task(worker.listen(service.stopped.set))
    try:
        with _server_words():
            await _serve(service, lambda _: None)
    finally:
        await end_all([listening])


@contextmanager
def _server_words() -> Iterator[None]:
    try:
        yield
    except NatsTooOld as error:
        raise ServerTooOld(str(error)) from error
    except (JournalUnavailable, NatsUnusable) as error:
        raise ServerUnusable(f"The start did not get through: {error}") from error


async def _serve(service: Service, told: Callable[[str], None]) -> None:
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, service.stopped.set)
    # From the first moment on, because this signal would end the process otherwise; one that comes
    # during the start is followed after it.
    loop.add_signal_handler(signal.SIGHUP, service.reloads.ask)
    try:
        if await _unless(service.stopped, service.start(told)):
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
        await end_all([starting, asked])
