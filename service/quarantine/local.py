"""The quarantine service in a local session, beside the running service."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

from service.app.clock import SystemClock
from service.app.local import open_local
from service.embedded.data_directory import DataDirectory
from service.inbound.edge import NoStream, Stream
from service.quarantine.service import QuarantineService
from service.settings import load
from service.wiring import (
    channels as wiring_channels,
)
from service.wiring import (
    local as wiring_local,
)
from service.wiring import (
    quarantine as wiring_quarantine,
)


@asynccontextmanager
async def open_quarantine(
    data: Path | None, *, releasing: bool = False
) -> AsyncIterator[QuarantineService]:
    """Open the quarantine of the service that runs in a data directory. Without `releasing` it
    can't release. Raises as `open_local` does."""
    async with AsyncExitStack() as stack:
        local = await stack.enter_async_context(open_local(data))
        stream: Stream = NoStream()
        if releasing:
            stream = await stack.enter_async_context(wiring_local.publisher(local.nats_url))
        keys = _keys(local.folder)
        readers = wiring_quarantine.readers(keys)
        # No channel name has a colon, so these never hide a configured channel: that one reads its
        # own messages, by its own rounding rule.
        known = {f":{kind}": reader for kind, reader in readers.items()}
        yield QuarantineService(
            wiring_quarantine.QuarantineWorkflow(local.pool, local.sealing),
            stream,
            readers,
            wiring_channels.translator(known | wiring_channels.sources(load(), keys)),
            SystemClock(),
        )


def _keys(folder: Path) -> Mapping[str, bytes]:
    """Return the keys that sign the correlation ids in warehouse callbacks."""
    configured = load().correlation
    if configured is not None:
        return {k: v.reveal().encode() for k, v in configured.keys.items()}
    directory = DataDirectory(folder)
    if not (directory.path / "secrets" / wiring_local.CORRELATION_SECRET).exists():
        return {}
    return {"k1": directory.secret(wiring_local.CORRELATION_SECRET).encode()}
