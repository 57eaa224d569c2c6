"""Restores a backup into an empty data directory. What the next start makes of it is in
`service.backup.keeper`."""

from __future__ import annotations

import asyncio
import os
import shutil
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from datetime import datetime
from pathlib import Path

import asyncpg
import msgspec

from actors.runtime.errors import JournalUnavailable
from adapters.postgres.migrate import migrations
from adapters.postgres.restorations import Restorations
from schemas.messages.words.parts import counted
from service.app.errors import DataDirectoryUnusable, ServerUnusable
from service.app.sessions import open_reports
from service.backup.archive import BackupRefused, Header, read, read_header
from service.backup.dumping import load, tool_version
from service.embedded.data_directory import (
    RESTORING,
    DataDirectory,
    sync_directory,
    write_private,
)
from service.embedded.external import check_postgres
from service.embedded.postgres import EmbeddedPostgres
from service.settings import Settings
from service.wiring.store import migrate

OURS = frozenset({"lock", "instance-id", "secrets", "logs", "lost+found"})
"""What a directory has that holds no data yet."""

ROOM = 2
"""How many times the database's size must be free: the tables, and the log that writes them."""

MAX_SECRETS_BYTES = 1024 * 1024
"""A thousand channels' passwords are 100 kB."""


async def restore(
    source: Path, passphrase: str, settings: Settings, told: Callable[[str], None]
) -> Header:
    """Restore a file into the data directory of the settings (and the database they name, if it is
    an outside one), both empty. `told` hears each step. Raises OperatorError; then what this began
    is gone again."""
    data = DataDirectory(settings.data_dir, restoring=True)
    folder = data.path
    header = await asyncio.to_thread(_read_through, source, passphrase)
    orders = counted(header.orders, "order")
    told(f"{source} is whole: {orders}, taken at {header.moment}.")
    _refuse_newer(header)
    _refuse_data(folder)
    with data:
        _clear(folder)
        _refuse_full(folder, header)
        write_private(folder / RESTORING, f"{source.name}\n")
        try:
            async with _postgres(settings, data, source, passphrase) as dsn:
                await asyncio.to_thread(load, dsn, _dump_of(source, passphrase))
                told("The database is loaded.")
                await migrate(dsn)
                async with open_reports(dsn) as pool:
                    how = f"a backup taken by version {header.version} was restored"
                    await Restorations(pool).note(how, datetime.fromisoformat(header.taken_at))
        except BaseException:
            _clear(folder)
            raise
        (folder / RESTORING).unlink()
        sync_directory(folder)
    return header


def _read_through(source: Path, passphrase: str) -> Header:
    """Read the whole file, so that one that is damaged changes nothing."""
    try:
        with source.open("rb") as file:
            header, line = read_header(file)
            for _ in read(file, header, line, passphrase):
                pass
    except OSError as error:
        raise BackupRefused(f"{source} can't be read ({error.strerror}).") from error
    return header


def _refuse_newer(header: Header) -> None:
    known = [one.name for one in migrations()]
    if header.schema not in known:
        raise BackupRefused(
            f"The backup was taken by version {header.version}, whose schema {header.schema} "
            "is unknown to this one: restore it with that version or a newer one."
        )
    ours, theirs = tool_version(), header.postgres
    if _major(theirs) > _major(ours):
        raise BackupRefused(
            f"The backup was written by pg_dump {theirs}, and pg_restore is {ours} here: restore "
            "it with a version of Orderwright that brings the same or a newer one."
        )


def _major(version: str) -> int:
    first = version.partition(".")[0]
    return int(first) if first.isdigit() else 0


def _refuse_data(folder: Path) -> None:
    """Raise DataDirectoryUnusable for a directory that has data. A restore that was interrupted
    is begun again."""
    entries = set(os.listdir(folder)) if folder.is_dir() else set()
    kept = folder / "secrets"
    if RESTORING in entries or (entries <= OURS and not (kept.is_dir() and any(kept.iterdir()))):
        return
    raise DataDirectoryUnusable(
        f"{folder} is not empty, and a restore overwrites nothing: stop the service that uses it "
        "and move the directory away, or name another one as data_dir."
    )


def _clear(folder: Path) -> None:
    """Remove everything but the lock, what says that it is not whole last."""
    for entry in sorted(folder.iterdir(), key=lambda one: one.name == RESTORING):
        if entry.name in ("lock", "lost+found", "instance-id", "logs"):
            continue
        if entry.is_dir() and not entry.is_symlink():
            shutil.rmtree(entry)
        else:
            entry.unlink()
    for name in ("secrets", "logs"):
        (folder / name).mkdir(mode=0o700, exist_ok=True)


def _refuse_full(folder: Path, header: Header) -> None:
    free, needed = shutil.disk_usage(folder).free, ROOM * header.database_bytes
    if free < needed:
        raise DataDirectoryUnusable(
            f"The disk of {folder} has {free // 2**20} MiB free, and this restore needs "
            f"{needed // 2**20} MiB; make room, or name a directory on another disk."
        )


@asynccontextmanager
async def _postgres(
    settings: Settings, data: DataDirectory, source: Path, passphrase: str
) -> AsyncIterator[str]:
    """Put the secrets back, and have an empty database."""
    secrets = await asyncio.to_thread(_secrets_of, source, passphrase)
    for name, text in secrets.items():
        write_private(data.path / "secrets" / Path(name).name, text)
    if settings.postgres_dsn is not None:
        dsn = settings.postgres_dsn.reveal()
        await check_postgres(dsn)
        await _refuse_tables(dsn)
        yield dsn
        return
    postgres = EmbeddedPostgres(data)
    try:
        yield await postgres.start()
    finally:
        await postgres.stop()


async def _refuse_tables(dsn: str) -> None:
    try:
        async with open_reports(dsn) as pool:
            ((count,),) = await pool.fetch(
                "SELECT count(*) FROM pg_tables WHERE schemaname = 'public'"
            )
    except (JournalUnavailable, asyncpg.PostgresError) as error:
        raise ServerUnusable(f"The database does not answer: {error}") from error
    if count:
        raise DataDirectoryUnusable(
            f"The database that postgres_dsn names has {count} tables, and a restore overwrites "
            "nothing: make an empty database, and name that one."
        )


def _secrets_of(source: Path, passphrase: str) -> dict[str, str]:
    return _opened(source, passphrase)[0]


def _dump_of(source: Path, passphrase: str) -> Iterator[bytes]:
    return _opened(source, passphrase)[1]


def _opened(source: Path, passphrase: str) -> tuple[dict[str, str], Iterator[bytes]]:
    """Return the secrets, and the dump after them in parts."""
    parts = _contents(source, passphrase)
    begin = b""
    while len(begin) < 4 or len(begin) < 4 + int.from_bytes(begin[:4], "big"):
        if int.from_bytes(begin[:4], "big") > MAX_SECRETS_BYTES:
            raise BackupRefused("The backup has more secrets than there can be; take another one.")
        begin += next(parts)
    size = int.from_bytes(begin[:4], "big")
    secrets = msgspec.json.decode(begin[4 : 4 + size], type=dict[str, str])

    def rest() -> Iterator[bytes]:
        yield begin[4 + size :]
        yield from parts

    return secrets, rest()


def _contents(source: Path, passphrase: str) -> Iterator[bytes]:
    with source.open("rb") as file:
        header, line = read_header(file)
        yield from read(file, header, line, passphrase)
