"""Applies the plain SQL files in `migrations/`, forward only.

Every file is one transaction together with its row in `schema_migrations`: a crash or an error in
the middle leaves nothing behind. An advisory lock makes a second runner wait and then find nothing
to do. A file that was applied must not change afterwards: its checksum is kept and compared.
"""

from __future__ import annotations

import asyncio
import hashlib
import re
from collections.abc import AsyncIterator, Awaitable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TypeVar

import asyncpg
from asyncpg.connect_utils import SessionAttribute
from msgspec import Struct

from actors.runtime.errors import JournalUnavailable

T = TypeVar("T")

FOLDER = Path(__file__).with_name("migrations")
ANSWER_SECONDS = 10.0
LOCK_SECONDS = 60.0
# An index on a large table may take long; past this a person should look.
RUN_SECONDS = 1800.0

_FILE = re.compile(r"\d{4}_[a-z0-9_]+\.sql")
# "orderwri" in ASCII, so that another application's lock does not get in the way.
_LOCK = 0x6F72646572777269

_CREATE = """
CREATE TABLE IF NOT EXISTS schema_migrations (
    name text PRIMARY KEY, checksum text NOT NULL, applied_at timestamptz NOT NULL DEFAULT now()
)"""


class MigrationRefused(Exception):
    """The folder and the database disagree, or a file failed; the text says which and how to fix
    it."""


class Migration(Struct, frozen=True):
    """One file, its SQL and the SHA-256 of its text."""

    name: str
    sql: str
    checksum: str


def migrations(folder: Path = FOLDER) -> list[Migration]:
    """Return the folder's migrations in order. Raises MigrationRefused for two of one number."""
    found: list[Migration] = []
    for path in sorted(folder.glob("*.sql")):
        if not _FILE.fullmatch(path.name):
            raise MigrationRefused(
                f"{path.name} is not the name of a migration; name it like 0001_what_it_does.sql."
            )
        if found and found[-1].name[:4] == path.name[:4]:
            raise MigrationRefused(
                f"{found[-1].name} and {path.name} have the same number; give one of them the next."
            )
        sql = path.read_text("utf-8")
        found.append(Migration(path.name, sql, hashlib.sha256(sql.encode()).hexdigest()))
    return found


async def migrate(dsn: str, folder: Path = FOLDER) -> list[str]:
    """Apply what is missing, in order, and return the names of what was applied.

    Raises MigrationRefused (an applied file was edited or is gone, or a file failed) and
    JournalUnavailable (the server can't be reached, or another runner held the lock for a minute).
    """
    wanted = migrations(folder)
    async with _connected(dsn) as connection:
        await _lock(connection)
        await _soon(connection.execute(_CREATE))
        missing = _missing(wanted, await _applied(connection))
        for migration in missing:
            await _apply(connection, migration)
    return [migration.name for migration in missing]


async def pending(dsn: str, folder: Path = FOLDER) -> list[str]:
    """Return the names of migrations that are not applied yet; changes nothing.

    Raises as `migrate` does.
    """
    wanted = migrations(folder)
    async with _connected(dsn) as connection:
        query = "SELECT to_regclass('schema_migrations') IS NOT NULL"
        exists = await _soon(connection.fetchval(query))
        applied = await _applied(connection) if exists else {}
    return [migration.name for migration in _missing(wanted, applied)]


@asynccontextmanager
async def _connected(dsn: str) -> AsyncIterator[asyncpg.Connection]:
    connection = await _soon(asyncpg.connect(dsn, target_session_attrs=SessionAttribute.read_write))
    try:
        yield connection
    finally:
        # Ends the session, and with it the advisory lock; never waits for a server that is gone.
        connection.terminate()


async def _soon(answer: Awaitable[T]) -> T:
    """Await what a living server does at once; a frozen or missing one is told as such."""
    try:
        async with asyncio.timeout(ANSWER_SECONDS):
            return await answer
    except (
        OSError,
        asyncpg.PostgresError,
        asyncpg.InterfaceError,
        asyncpg.InternalClientError,
        asyncpg.TargetServerAttributeNotMatched,
    ) as error:
        raise JournalUnavailable(
            f"Postgres can't be reached to look after its tables ({type(error).__name__}: {error})."
        ) from error


# When a session is ended by force, asyncpg may only notice as it leaves the transaction.
_CUT = (
    OSError,
    asyncpg.PostgresConnectionError,
    asyncpg.AdminShutdownError,
    asyncpg.CrashShutdownError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
)


async def _lock(connection: asyncpg.Connection) -> None:
    try:
        async with asyncio.timeout(LOCK_SECONDS):
            await connection.execute(f"SELECT pg_advisory_lock({_LOCK})")
    except _CUT as error:
        raise JournalUnavailable(
            f"Another process has been changing the tables for {LOCK_SECONDS:.0f} seconds, or the "
            f"server doesn't answer; look there, then start again."
        ) from error


async def _applied(connection: asyncpg.Connection) -> dict[str, str]:
    rows = await _soon(connection.fetch("SELECT name, checksum FROM schema_migrations"))
    return {row["name"]: row["checksum"] for row in rows}


def _missing(wanted: Sequence[Migration], applied: dict[str, str]) -> list[Migration]:
    for migration in wanted:
        checksum = applied.get(migration.name)
        if checksum is not None and checksum != migration.checksum:
            raise MigrationRefused(
                f"{migration.name} was applied to this database and has been edited since; restore "
                f"its text and put the change into a new migration."
            )
    unknown = sorted(applied.keys() - {migration.name for migration in wanted})
    if unknown and wanted and unknown[0] < wanted[-1].name:
        raise MigrationRefused(
            f"This database has had {unknown[0]} applied, which this version doesn't know; "
            f"start the version that brought it, or a newer one."
        )
    # Later ones come from a newer version beside us (a rolling upgrade): they only add, so we may
    # run.
    return [migration for migration in wanted if migration.name not in applied]


async def _apply(connection: asyncpg.Connection, migration: Migration) -> None:
    try:
        async with asyncio.timeout(RUN_SECONDS), connection.transaction():
            await connection.execute(migration.sql)
            await connection.execute(
                "INSERT INTO schema_migrations (name, checksum) VALUES ($1, $2)",
                migration.name,
                migration.checksum,
            )
    except _CUT as error:
        raise JournalUnavailable(
            f"The connection to Postgres ended during {migration.name}; start again: nothing of it "
            f"was kept, or all of it."
        ) from error
    except asyncpg.PostgresError as error:
        raise MigrationRefused(
            f"{migration.name} failed and nothing of it was kept: {error}. Fix the file or the "
            f"database, then start again."
        ) from error
