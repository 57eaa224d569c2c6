"""Takes a backup while the service runs: everything that was stored before one moment."""

from __future__ import annotations

import asyncio
import os
import secrets
import shutil
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import msgspec
from msgspec import Struct

from adapters.nats.connection import connect
from adapters.nats.names import stream_names
from adapters.postgres.migrate import migrations
from service.app.clock import SystemClock
from service.app.errors import OperatorError
from service.app.local import LocalSession, open_local
from service.app.specs import installed_version
from service.backup.archive import FORMAT, Header, StreamPosition, Writer, new_salts
from service.backup.dumping import dump, tool_version
from service.embedded.data_directory import sync_directory

ROOM_BYTES = 64 * 1024 * 1024
"""What must be left on the disk beside as much as the database has."""

LEAST_PASSPHRASE = 12
"""Characters. Each guess costs a tenth of a second and 32 MiB, but a short one is guessed."""

_STATE = """
SELECT pg_database_size(current_database()) AS bytes, (SELECT count(*) FROM orders) AS orders
"""


class BackupFailed(OperatorError):
    """No backup was written; the text says what to change."""


class Taken(Struct, frozen=True, kw_only=True):
    """A backup that is whole and on the disk."""

    path: Path
    bytes: int
    orders: int
    taken_at: datetime
    secrets: int
    waiting: int


async def take(
    target: Path, passphrase: str, data: Path | None, told: Callable[[int], None]
) -> Taken:
    """Write a backup of the service that runs in a data directory to a file that is not there yet;
    `told` hears how many bytes the dump has so far. Raises OperatorError; then no file is left."""
    refuse_passphrase(passphrase)
    _refuse_existing(target)
    async with open_local(data) as session:
        # First, so that whatever came before this moment is in the dump or in no one's hands.
        at = SystemClock().now()
        streams = await _positions(session.nats_url)
        ((size, orders),) = await session.pool.fetch(_STATE)
        _refuse_full(target, size)
        salt, first = new_salts()
        header = Header(
            format=FORMAT,
            version=installed_version(),
            schema=migrations()[-1].name,
            postgres=tool_version(),
            taken_at=at.isoformat(),
            database_bytes=size,
            orders=orders,
            streams=streams,
            salt=salt,
            first=first,
        )
        kept = _secrets(session)
        written = await asyncio.to_thread(
            _write, target, header, passphrase, kept, session.postgres_dsn, told
        )
    return Taken(
        path=target,
        bytes=written,
        orders=orders,
        taken_at=at,
        secrets=len(kept),
        waiting=sum(one.waiting for one in streams.values()),
    )


def refuse_passphrase(passphrase: str) -> None:
    """Raise BackupFailed for one that is guessed too easily."""
    if len(passphrase) < LEAST_PASSPHRASE:
        raise BackupFailed(
            f"The passphrase has {len(passphrase)} characters; use at least {LEAST_PASSPHRASE}. It "
            "seals the keys of customers' data, and a restore asks for it."
        )


async def _positions(nats_url: str) -> dict[str, StreamPosition]:
    """Return how far each stream is."""
    connection = await connect(nats_url, name="orderwright-backup")
    found: dict[str, StreamPosition] = {}
    try:
        for name in await stream_names(connection):
            one = await connection.jetstream.stream_info(name)
            found[name] = StreamPosition(last=one.state.last_seq, waiting=one.state.messages)
    finally:
        await connection.close()
    return found


def _refuse_existing(target: Path) -> None:
    if target.exists():
        raise BackupFailed(f"{target} exists, and a backup overwrites nothing; name another file.")


def _refuse_full(target: Path, size: int) -> None:
    try:
        free = shutil.disk_usage(target.parent).free
    except OSError as error:
        raise BackupFailed(f"{target.parent} can't be used ({error.strerror}).") from error
    if free < size + ROOM_BYTES:
        raise BackupFailed(
            f"The disk of {target.parent} has {free // 2**20} MiB free, and a backup may need "
            f"{(size + ROOM_BYTES) // 2**20} MiB; make room, or name a file on another disk."
        )


def _secrets(session: LocalSession) -> dict[str, str]:
    """Return what the data directory keeps secret, by name: without it nothing sealed opens."""
    folder = session.folder / "secrets"
    try:
        return {
            one.name: one.read_text(encoding="ascii")
            for one in sorted(folder.iterdir())
            if one.is_file() and not one.name.startswith(".")
        }
    except OSError as error:
        raise BackupFailed(
            f"{error.filename} can't be read ({error.strerror}); run this as the service's user."
        ) from error


def _write(
    target: Path,
    header: Header,
    passphrase: str,
    kept: dict[str, str],
    dsn: str,
    told: Callable[[int], None],
) -> int:
    """Write it beside, then give it its name: it is whole or not there. Returns its bytes."""
    fresh = target.with_name(f".{target.name}.{secrets.token_hex(4)}")
    try:
        descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        with open(descriptor, "wb") as file:
            writer = Writer(file, header, passphrase)
            first = msgspec.json.encode(kept)
            writer.write(len(first).to_bytes(4, "big") + first)

            def taken(data: bytes) -> None:
                writer.write(data)
                told(writer.bytes_in)

            dump(dsn, taken)
            writer.close()
            file.flush()
            os.fsync(descriptor)
            size = file.tell()
        os.link(fresh, target)  # unlike a rename it never replaces what appeared meanwhile
        sync_directory(target.parent)
    except OSError as error:
        raise BackupFailed(
            f"{target} can't be written ({error.strerror}); no backup was taken."
        ) from error
    finally:
        fresh.unlink(missing_ok=True)
    return size
