"""What an earlier process left open is taken up fairly, however much of it one channel has."""

from __future__ import annotations

import asyncpg
from msgspec.structs import replace

from adapters.postgres.migrate import migrate
from adapters.postgres.outbox import PostgresOutbox
from adapters.postgres.statements import statements
from tests.appends import RESERVE, SEALING, STOCK, append, id_of, minutes
from tests.integration.journals import Bench, bench, journal_on, rows_read, tables
from tests.integration.servers import database, servers

__all__ = ["bench", "database", "servers", "tables"]

LOUD, QUIET = "loud", "quiet"
LEFT = 20_000
ROOM = 256

MULTIPLY = """
INSERT INTO effects (
    order_id, number, partition, key, lane, kind, body, due_at, written_by, trace, at, channel
)
SELECT
    order_id, n, partition, key, lane, kind, body, due_at + n * interval '1 millisecond',
    written_by, trace, at, channel
FROM effects, generate_series(2, $2::int) AS n WHERE order_id = $1 AND number = 1
"""


async def open_one(bench: Bench, channel: str, minute: float) -> None:
    """Record an effect of a channel's order."""
    change = append(channel, record={1: RESERVE}, at=minutes(minute))
    await bench.journal.append(replace(change, row=replace(change.row, channel=channel)))


async def test_a_channel_that_left_20_000_open_keeps_no_other_waiting(bench: Bench) -> None:
    """After a restart the quiet channel's effect, the youngest of all, is among the first that are
    read; and a look reads no more of those that wait than it may bring."""
    await open_one(bench, LOUD, 0)
    await bench.pool.fetch(MULTIPLY, id_of(LOUD), LEFT)
    await open_one(bench, QUIET, 30)
    await bench.pool.fetch("ANALYZE effects")
    outbox = PostgresOutbox(bench.pool, bench.leases, SEALING)
    found = await outbox.open_effects(
        STOCK, partitions=range(32), due_before=minutes(60), limit=ROOM, exclude=[]
    )
    assert [one.channel for one in found[:2]] == [LOUD, QUIET]
    assert [one.number for one in found if one.channel == LOUD] == list(range(1, ROOM))
    asked: tuple[object, ...] = (STOCK, minutes(60), list(range(32)), ROOM, [], [], None)
    read = await rows_read(bench.dsn, "effects", statements()["open_effects"], *asked)
    assert read <= 2 * ROOM + 8


async def test_what_was_open_before_the_upgrade_takes_turns_too(database: str) -> None:
    """The migration names the channel of what was recorded by an older version."""
    await migrate(database)
    async with journal_on(database) as bench:
        for channel in (LOUD, QUIET):
            await open_one(bench, channel, 0)
        await bench.journal.append(append("ended", record={1: RESERVE}))
        await bench.journal.append(append("ended", 1, settled=((1, "done"),)))
    connection = await asyncpg.connect(database)
    try:
        await connection.execute(
            "ALTER TABLE effects DROP COLUMN channel;"
            "CREATE INDEX effects_open ON effects (lane, due_at, partition)"
            " WHERE status IN ('open', 'sought');"
            "DELETE FROM schema_migrations WHERE name LIKE '0045%'"
        )
        await migrate(database)
        rows = await connection.fetch("SELECT channel FROM effects ORDER BY 1")
    finally:
        await connection.close()
    assert [row["channel"] for row in rows] == ["", LOUD, QUIET]
