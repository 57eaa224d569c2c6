"""Versions of the mappings at a real Postgres: one after the other, from wherever."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import asyncpg
import pytest

from actors.order.normalise import Tables
from actors.order.policy import Policy
from actors.runtime.alarm import Alarm
from adapters.postgres.mappings import PostgresMappings
from adapters.postgres.migrate import migrate
from adapters.postgres.pool import Pool
from schemas.contracts.mappings import from_table
from service.app.errors import OperatorError
from service.mappings import keeper as keeping
from service.mappings.cli import kept
from service.mappings.keeper import MappingsKeeper
from service.settings import Settings
from service.settings.places import Place
from service.telemetry.metrics import Metrics
from service.wiring.order_stream import OrderStream
from tests.fakes import JumpingClock
from tests.given import NOON

ONE = from_table({"channels": {"*": {"skus": {"known": ["A"]}}}})
TWO = from_table({"channels": {"*": {"skus": {"known": ["A", "B"]}}}})


@pytest.fixture
async def pool(database: str) -> AsyncIterator[Pool]:
    """A pool of a migrated database."""
    await migrate(database)
    opened = Pool(database)
    yield opened
    await opened.close()


async def save(store: PostgresMappings, seen: int, mappings: Any = ONE) -> int | None:
    """Keep a version."""
    return await store.save(mappings, seen=seen, at=NOON, person="ann", reason="why", source="api")


async def test_versions_follow_one_another(pool: Pool) -> None:
    """Of writers at once one is next; every version stays, with who and why, permanently."""
    store = PostgresMappings(pool)
    assert (await store.current())[0] == 0
    saved = await asyncio.gather(*(save(store, 0) for _ in range(5)))
    assert sorted(x or 0 for x in saved) == [0, 0, 0, 0, 1]
    assert await save(store, 1, TWO) == 2
    assert await store.current() == (2, TWO)
    assert [(x.version, x.person, x.reason) for x in await store.history()] == [
        (2, "ann", "why"),
        (1, "ann", "why"),
    ]
    rows = await pool.fetch("SELECT target FROM audit ORDER BY id")
    assert [row["target"] for row in rows] == ["mappings:1", "mappings:2"]
    with pytest.raises(asyncpg.PostgresError):
        await pool.fetch("UPDATE mappings SET reason = ''")


async def test_waking_spares_who_has_looked(pool: Pool) -> None:
    """Only timers set before the change become due; those of other names stay."""
    hour = timedelta(hours=1)
    rows = [
        ("before", "mapping", NOON + hour),
        ("since", "mapping", NOON + hour + timedelta(seconds=1)),
        ("before", "due", NOON + hour),
    ]
    for row in rows:
        await pool.fetch(
            "INSERT INTO timers (order_id, key, name, partition, due_at)"
            " VALUES ($1, 'O', $2, 0, $3)",
            *row,
        )
    assert await PostgresMappings(pool).wake(NOON, NOON + hour) == 1
    due = await pool.fetch("SELECT order_id, name FROM timers WHERE due_at <= $1", NOON)
    assert [tuple(row) for row in due] == [("before", "mapping")]


async def test_a_file_is_followed(pool: Pool, tmp_path: Path) -> None:
    """A change becomes a version and is in use; a wrong or missing file changes nothing."""
    file = tmp_path / "mappings.toml"
    stream = OrderStream(policy=Policy(), setups={})
    store: Any = SimpleNamespace(reports=pool, journal=None)
    clock, metrics, settings = JumpingClock(), Metrics(), Settings(mappings_file=str(file))
    keeper = MappingsKeeper(stream, Alarm(clock), store, settings, clock, metrics)

    async def written(text: str, second: int) -> tuple[int, bool]:
        file.write_text(text)
        os.utime(file, (second, second))
        await keeper.round()
        return stream.mappings.version, b"orderwright_mappings_refused 1.0" in metrics.render()

    await keeper.round()
    assert stream.mappings.version == 0
    assert await written('[channels."*".skus]\nknown = ["A"]\n', 1) == (1, False)
    assert stream.mappings.mappings == ONE
    assert await written('[channels."*".skus]\nknown = ["A"', 2) == (1, True)
    assert await written('[channels."*".skus]\nknow = ["A", "B"]\n', 3) == (1, True)
    assert await written('[channels."*".skus]\nknown = ["A", "B"]\n', 4) == (2, False)
    file.unlink()
    await keeper.round()
    assert stream.mappings.mappings == TWO
    (newest, _) = await keeper.store.history()
    assert newest.source == "file"


async def test_a_reload_while_tables_are_made_is_followed(
    pool: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Tables that were begun for the former place are made once more for the one of now."""
    stream = OrderStream(policy=Policy(), setups={})
    store: Any = SimpleNamespace(reports=pool, journal=None)
    clock, made = JumpingClock(), []
    keeper = MappingsKeeper(stream, Alarm(clock), store, Settings(), clock, Metrics())

    def slowly(*given: Any, place: str) -> Tables:
        made.append(place)
        if len(made) == 1:
            keeper.use(Settings(places={"north": Place()}))
        return Tables(*given, place=place)

    monkeypatch.setattr(keeping, "Tables", slowly)
    await save(keeper.store, 0)
    await keeper.round()
    await keeper.round()
    assert made == ["main", "north"]
    assert stream.mappings.version == 1


async def test_a_configured_file_is_the_only_source(pool: Pool) -> None:
    """Where a file is configured the command line refuses, and says what to change instead."""
    local: Any = SimpleNamespace(mappings=PostgresMappings(pool), mappings_file="tables.toml")
    with pytest.raises(OperatorError, match="come from the file tables"):
        await kept(local, lambda _: ONE, "why")
    local.mappings_file = ""
    assert await kept(local, lambda _: ONE, "why") == 1
