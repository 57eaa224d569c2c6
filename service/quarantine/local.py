"""The quarantine service in a local session, beside the running service."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

from adapters.postgres.quarantine_workflow import QuarantineWorkflow
from service.app.clock import SystemClock
from service.app.local import open_local
from service.app.sessions import NoStream, known_keys, open_publisher
from service.inbound.edge import Stream
from service.quarantine.service import QuarantineService
from service.wiring.channels import Readers, readers_by_kind


@asynccontextmanager
async def open_quarantine(
    data: Path | None, *, releasing: bool = False
) -> AsyncIterator[QuarantineService]:
    """Open the quarantine of the service that runs in a data directory. Without `releasing` it
    can't release. Raises as `open_local` does."""
    async with AsyncExitStack() as stack:
        local = await stack.enter_async_context(open_local(data))
        settings = local.settings
        stream: Stream = NoStream()
        if releasing:
            stream = await stack.enter_async_context(
                open_publisher(local.nats_url, settings, local.folder)
            )
        keys = known_keys(settings, local.folder)
        readers = Readers(settings, keys)
        yield QuarantineService(
            QuarantineWorkflow(local.pool, local.sealing),
            stream,
            readers_by_kind(keys),
            readers.read,
            readers.require_origin,
            SystemClock(),
        )
