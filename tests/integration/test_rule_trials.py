"""Trials of rules at a real Postgres: one at a time, given up when their process ended, and few are
kept."""

from __future__ import annotations

from adapters.postgres.pool import Pool
from adapters.postgres.rule_trials import ENDED, MAX_KEPT, RuleTrials
from tests.given import NOON
from tests.integration.test_rules import pool

__all__ = ["pool"]


async def began(store: RuleTrials) -> int | None:
    """Begin another trial."""
    return await store.begin(at=NOON, person="ann", since=NOON, version=3, total=9)


async def test_one_runs_at_a_time(pool: Pool) -> None:
    """The next one begins when it has ended, or when it has said nothing for a minute."""
    store = RuleTrials(pool)
    first = await began(store)
    assert first is not None
    assert await began(store) is None
    assert await store.beat(first, 5)
    found = await store.one(first)
    assert found is not None
    assert (found.state, found.done, found.total) == ("running", 5, 9)
    await pool.fetch("UPDATE rule_trials SET beat_at = now() - interval '2 minutes'")
    found = await store.one(first)
    assert found is not None
    assert (found.state, found.told) == ("failed", ENDED)
    second = await began(store)
    assert second is not None
    # Its process was only slow: it hears that it was given up, and writes nothing more.
    assert not await store.beat(first, 6)
    await store.end(first, "done", 9, result=b"{}")
    found = await store.one(first)
    assert found is not None
    assert (found.state, found.told, found.result) == ("failed", ENDED, None)
    await store.end(second, "done", 9, result=b"{}")
    found = await store.one(second)
    assert found is not None
    assert (found.state, found.done, found.result) == ("done", 9, b"{}")


async def test_the_last_ones_are_kept(pool: Pool) -> None:
    """Of more than fifty the oldest are forgotten."""
    store = RuleTrials(pool)
    ids = []
    for _ in range(MAX_KEPT + 3):
        trial = await began(store)
        assert trial is not None
        await store.end(trial, "failed", 0, told="a test")
        ids.append(trial)
    assert await store.one(ids[2]) is None
    assert await store.one(ids[3]) is not None
