"""Copies that were recorded before anyone told them of the other order's end."""

from __future__ import annotations

import shutil
from pathlib import Path

import asyncpg

from adapters.postgres.migrate import FOLDER, migrate

ORDER = """
    INSERT INTO orders (
        order_id, version, partition, channel, ref, number, reference, stage, progress,
        waiting_for, currency, total_minor, final, needs_person, state, placed_at, updated_at,
        progress_since
    ) VALUES (
        $1, 2, $2, 'acme-us', $1, $1, $1, $3, $3, '', 'USD', 0, true, false, '', now(), now(), now()
    )
"""
COPY = b'{"type":"order.duplicate.v1","rule":"duplicate","claim":"%s","ref":"\\u0000"}'


async def test_they_are_woken_by_the_migration(database: str, tmp_path: Path) -> None:
    """Those whose other order is cancelled at once, the others when it is; an order that a person
    had worked on instead is left alone."""
    for file in sorted(FOLDER.glob("*.sql")):
        if file.name < "0120":
            shutil.copy(file, tmp_path)
    await migrate(database, tmp_path)
    connection = await asyncpg.connect(database)
    try:
        stages = {
            "gone": "cancelled", "here": "open",
            "copy-1": "duplicate", "copy-2": "duplicate", "copy-3": "duplicate", "taken": "open",
        }  # fmt: skip
        for at, (order_id, stage) in enumerate(stages.items()):
            await connection.execute(ORDER, order_id, at, stage)
        for order_id, claim in (
            ("copy-1", "m:1"), ("copy-2", "m:1"), ("copy-3", "m:2"), ("taken", "m:1"),
        ):  # fmt: skip
            await connection.execute(
                "INSERT INTO events (order_id, version, type, body, at)"
                " VALUES ($1, 2, 'order.duplicate.v1', $2, now())",
                order_id,
                COPY % claim.encode(),
            )
        await connection.execute(
            "INSERT INTO claims (claim, order_id, at)"
            " VALUES ('m:1', 'gone', now()), ('m:2', 'here', now()), ('m:3', 'taken', now())"
        )
        await migrate(database)
        claims = await connection.fetch(
            "SELECT claim, ended, copies, copy_partitions FROM claims ORDER BY claim"
        )
        timers = await connection.fetch("SELECT order_id, key, name, partition FROM timers")
    finally:
        await connection.close()
    assert [tuple(row) for row in claims] == [
        ("m:1", True, ["copy-1", "copy-2"], [2, 3]),
        ("m:2", False, ["copy-3"], [4]),
        ("m:3", False, [], []),
    ]
    assert sorted(tuple(row) for row in timers) == [
        ("copy-1", "O", "twin", 2),
        ("copy-2", "O", "twin", 3),
    ]
