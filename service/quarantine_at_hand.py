"""The quarantine's desk for a person at the same machine, beside the running service."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

from actors.errors import StreamUnavailable
from service import wiring_channels, wiring_desk, wiring_quarantine
from service.clock import SystemClock
from service.desk import open_desk
from service.edge import Stream
from service.embedded.data_directory import DataDirectory
from service.quarantine_desk import QuarantineDesk
from service.settings import load


class NoStream:
    """Stands in for the stream where nothing is released: who only looks needs no NATS."""

    async def publish(
        self,
        channel: str,
        kind: str,
        ref: str,
        raw: bytes,
        *,
        delivery_id: str,
        source: str,
        topic: str,
        trace: str = "",
    ) -> None:
        """Send nothing. Raises StreamUnavailable."""
        raise StreamUnavailable("The message stream was not opened.", retry_after_seconds=1)


@asynccontextmanager
async def open_quarantine(
    data: Path | None, *, releasing: bool = False
) -> AsyncIterator[QuarantineDesk]:
    """Open the desk of the service that runs in a data directory; only one opened for `releasing`
    can release. Raises as `open_desk` does."""
    async with AsyncExitStack() as stack:
        desk = await stack.enter_async_context(open_desk(data))
        stream: Stream = NoStream()
        if releasing:
            stream = await stack.enter_async_context(wiring_desk.publisher(desk.nats_url))
        keys = _keys(desk.folder)
        readers = wiring_quarantine.readers(keys)
        # No channel's name has a colon: a channel that is still configured reads its own letters,
        # by its own rounding rule.
        known = {f":{kind}": reader for kind, reader in readers.items()}
        yield QuarantineDesk(
            wiring_quarantine.QuarantineWorkflow(desk.pool, desk.sealing),
            stream,
            readers,
            wiring_channels.translator(known | wiring_channels.sources(load(), keys)),
            SystemClock(),
        )


def _keys(folder: Path) -> Mapping[str, bytes]:
    """Return the keys of the correlation ids that warehouses' callbacks bear."""
    configured = load().correlation
    if configured is not None:
        return {k: v.reveal().encode() for k, v in configured.keys.items()}
    directory = DataDirectory(folder)
    if not (directory.path / "secrets" / wiring_desk.CORRELATION_SECRET).exists():
        return {}
    return {"k1": directory.secret(wiring_desk.CORRELATION_SECRET).encode()}
