"""Migrations against a real server: once each, whole or not at all, never changed afterwards."""

from __future__ import annotations

import asyncio
from pathlib import Path

import asyncpg
import pytest

from actors.runtime.errors import JournalUnavailable
from adapters.postgres.migrate import FOLDER, MigrationRefused, migrate, migrations, pending
from service.app.doctor import examine
from service.app.errors import SchemaRefused
from service.settings import load
from service.wiring import store
from tests.waiting import eventually


def write(folder: Path, name: str, sql: str) -> None:
    """Put a migration into the folder."""
    (folder / name).write_text(sql, encoding="utf-8")


async def table_exists(dsn: str, name: str) -> bool:
    """Whether the database has a table of this name."""
    connection = await asyncpg.connect(dsn)
    try:
        return bool(await connection.fetchval("SELECT to_regclass($1) IS NOT NULL", name))
    finally:
        await connection.close()


async def test_our_migrations_apply_once(database: str) -> None:
    """A fresh database gets every file in order; a second run finds nothing to do."""
    names = [migration.name for migration in migrations()]
    assert await pending(database) == names
    assert await migrate(database) == names
    assert await migrate(database) == []
    assert await pending(database) == []


async def test_asking_what_is_pending_changes_nothing(database: str) -> None:
    """`pending` may be asked of a database that no one has touched yet."""
    assert await pending(database) == [path.name for path in sorted(FOLDER.glob("*.sql"))]
    assert not await table_exists(database, "schema_migrations")


async def test_two_runners_at_once_apply_each_file_once(database: str) -> None:
    """Several processes may start together: one does the work, the others wait and find it done."""
    done = await asyncio.gather(*(migrate(database) for _ in range(4)))
    assert sorted(map(len, done)) == [0, 0, 0, len(migrations())]


async def test_a_later_file_is_added(database: str, tmp_path: Path) -> None:
    """A new file is applied to a database that has the earlier ones."""
    write(tmp_path, "0001_one.sql", "CREATE TABLE one (a int)")
    assert await migrate(database, tmp_path) == ["0001_one.sql"]
    write(tmp_path, "0002_two.sql", "CREATE TABLE two (a int); INSERT INTO two VALUES (1)")
    assert await pending(database, tmp_path) == ["0002_two.sql"]
    assert await migrate(database, tmp_path) == ["0002_two.sql"]


async def test_an_edited_migration_is_refused(database: str, tmp_path: Path) -> None:
    """What was applied is history: an edit is named, and nothing later is applied."""
    write(tmp_path, "0001_one.sql", "CREATE TABLE one (a int)")
    await migrate(database, tmp_path)
    write(tmp_path, "0001_one.sql", "CREATE TABLE one (a bigint)")
    write(tmp_path, "0002_two.sql", "CREATE TABLE two (a int)")
    with pytest.raises(MigrationRefused, match=r"0001_one\.sql was applied .* edited since"):
        await migrate(database, tmp_path)
    assert not await table_exists(database, "two")


async def test_an_operator_is_told_of_it_in_a_sentence(database: str) -> None:
    """What starts the service, and the doctor, say it without a traceback, with a code of its own:
    this is what a database shows that another version has migrated."""
    await store.migrate(database)
    connection = await asyncpg.connect(database)
    try:
        await connection.execute("UPDATE schema_migrations SET checksum = 'of another text'")
    finally:
        await connection.close()
    with pytest.raises(
        SchemaRefused, match=r"0001_journal\.sql was applied .* edited since"
    ) as told:
        await store.migrate(database)
    assert told.value.exit_code == 12
    environ = {"ORDERWRIGHT_POSTGRES_DSN": database}
    findings = {one.what: one for one in await examine(load(environ))}
    assert not findings["schema"].good
    assert "edited since" in findings["schema"].words


async def test_a_failing_migration_leaves_nothing_behind(database: str, tmp_path: Path) -> None:
    """The part before the error is undone, earlier files stay, and the fixed file then applies."""
    write(tmp_path, "0001_one.sql", "CREATE TABLE one (a int)")
    write(tmp_path, "0002_two.sql", "CREATE TABLE two (a int); SELECT 1 / 0")
    with pytest.raises(MigrationRefused, match=r"0002_two\.sql failed and nothing of it was kept"):
        await migrate(database, tmp_path)
    assert await table_exists(database, "one")
    assert not await table_exists(database, "two")
    write(tmp_path, "0002_two.sql", "CREATE TABLE two (a int)")
    assert await migrate(database, tmp_path) == ["0002_two.sql"]


async def test_an_older_unknown_migration_is_refused(database: str, tmp_path: Path) -> None:
    """A database of another history is refused; later unknown files come from a newer version."""
    for name in ("0001_one.sql", "0002_two.sql", "0003_three.sql"):
        write(tmp_path, name, f"CREATE TABLE {name[5:-4]} (a int)")
    await migrate(database, tmp_path)
    (tmp_path / "0003_three.sql").unlink()
    assert await migrate(database, tmp_path) == []
    (tmp_path / "0001_one.sql").unlink()
    with pytest.raises(MigrationRefused, match=r"0001_one\.sql applied, which this version"):
        await pending(database, tmp_path)


@pytest.mark.parametrize(
    ("names", "complaint"),
    [
        (("0001_a.sql", "0001_b.sql"), "have the same number"),
        (("one.sql",), "not the name of a migration"),
    ],
)
def test_a_muddled_folder_is_refused(
    tmp_path: Path, names: tuple[str, ...], complaint: str
) -> None:
    """Files whose order isn't certain are refused before any database is touched."""
    for name in names:
        write(tmp_path, name, "SELECT 1")
    with pytest.raises(MigrationRefused, match=complaint):
        migrations(tmp_path)


async def test_an_unreachable_server_is_told(tmp_path: Path) -> None:
    """No one listening ends in a sentence, not in a stack of socket errors."""
    with pytest.raises(JournalUnavailable, match="can't be reached"):
        await pending(f"postgresql://nobody@/none?host={tmp_path}")


async def test_a_migration_whose_process_dies_is_resumed(database: str, tmp_path: Path) -> None:
    """Its connection is cut in the middle of a file: nothing of the file is kept, its lock is free,
    and the next start applies it whole."""
    write(tmp_path, "0001_one.sql", "CREATE TABLE one (a int)")
    write(tmp_path, "0002_two.sql", "CREATE TABLE two (a int); SELECT pg_sleep(30)")
    running = asyncio.create_task(migrate(database, tmp_path))
    watching = await asyncpg.connect(database)
    try:
        cut = """
            SELECT pg_terminate_backend(pid) FROM pg_stat_activity
            WHERE datname = current_database() AND wait_event = 'PgSleep'
        """

        async def is_cut() -> bool:
            return bool(await watching.fetch(cut))

        await eventually(is_cut, 20.0)
    finally:
        await watching.close()
    with pytest.raises(JournalUnavailable):
        await running
    assert await table_exists(database, "one")
    assert not await table_exists(database, "two")
    write(tmp_path, "0002_two.sql", "CREATE TABLE two (a int)")
    assert await migrate(database, tmp_path) == ["0002_two.sql"]
