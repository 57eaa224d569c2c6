"""The quarantine's desk for a person at the same machine, beside the running service."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

from adapters.postgres.quarantine_workflow import QuarantineWorkflow
from service.app.clock import SystemClock
from service.app.local import open_local
from service.app.sessions import NoStream, known_keys, open_publisher
from service.inbound.edge import Stream
from service.quarantine.service import QuarantineDesk
from service.settings import load
from service.wiring.channels import Readers, readers_by_kind


@asynccontextmanager
async def open_quarantine(
    data: Path | None, *, releasing: bool = False
) -> AsyncIterator[QuarantineDesk]:
    """Open the desk of the service that runs in a data directory; only one opened for `releasing`
    can release. Raises as `open_local` does."""
    async with AsyncExitStack() as stack:
        desk = await stack.enter_async_context(open_local(data))
        stream: Stream = NoStream()
        if releasing:
            stream = await stack.enter_async_context(open_publisher(desk.nats_url))
        settings = load()
        keys = known_keys(settings, desk.folder)
        yield QuarantineDesk(
            QuarantineWorkflow(desk.pool, desk.sealing),
            stream,
            readers_by_kind(keys),
            Readers(settings, keys).translate,
            SystemClock(),
        )
