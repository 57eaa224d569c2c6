"""What can't be decided is shown on its order, for as long as something of it is suspended."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest

from actors.runtime.ports import DueTimer
from adapters.postgres.outbox import UNREADABLE_PAUSE, PostgresOutbox
from adapters.postgres.suspensions import PostgresSuspensions
from schemas.order.things import Key
from tests.appends import NOON, RESERVE, SEALING, STOCK, append, id_of
from tests.integration.journals import Bench, empty, journal_on
from tests.integration.servers import servers

__all__ = ["servers"]

PARCEL = Key("K1")


@pytest.fixture
async def bench(tables: str) -> AsyncIterator[Bench]:
    """An order with two timers and an effect, of which a timer and the effect are suspended."""
    await empty(tables)
    async with journal_on(tables) as made:
        timers = ((PARCEL, "track", NOON), (PARCEL, "due", NOON))
        await made.journal.append(append("1", record={1: RESERVE}, set_timers=timers))
        suspensions = PostgresSuspensions(made.pool, made.leases)
        timer = DueTimer(order_id=id_of("1"), key=PARCEL, name="track", due_at=NOON)
        await suspensions.suspend_effect(id_of("1"), 1, "no one knows what it means")
        await suspensions.suspend_timer(timer, "no one knows when it was")
        yield made


async def shown(bench: Bench) -> tuple[bool, str]:
    """Whether the order asks for a person, and why."""
    (row,) = await bench.pool.fetch("SELECT attention, suspended FROM orders")
    return row["attention"], row["suspended"]


async def test_it_is_shown_until_the_last_of_it_has_ended(bench: Bench) -> None:
    """Changes of other things leave the sentence; when both the timer and the effect have ended,
    the order asks for no one any more."""
    wanted = "a person: the timer track of K1 can't be decided: no one knows when it was"
    assert await shown(bench) == (True, wanted)
    await bench.journal.append(append("1", 1, clear_timers=((PARCEL, "due"),)))
    assert await shown(bench) == (True, wanted)
    await bench.journal.append(append("1", 2, settled=((1, "done"),)))
    assert await shown(bench) == (True, wanted)
    await bench.journal.append(append("1", 3, clear_timers=((PARCEL, "track"),)))
    assert await shown(bench) == (False, "")


async def test_what_is_tried_once_more_is_not_shown(bench: Bench) -> None:
    """After a restart everything gets another try; what fails again is shown again."""
    assert await PostgresSuspensions(bench.pool, bench.leases).resume(range(32)) == 2
    assert await shown(bench) == (False, "")
    errors = await bench.pool.fetch("SELECT error FROM effects UNION SELECT error FROM timers")
    assert [row["error"] for row in errors] == [""]


async def test_a_timer_that_was_set_again_meanwhile_is_left(bench: Bench) -> None:
    """The one that fired and failed is not the one that is set now."""
    suspensions = PostgresSuspensions(bench.pool, bench.leases)
    await suspensions.resume(range(32))
    old = NOON.replace(hour=1)
    timer = DueTimer(order_id=id_of("1"), key=PARCEL, name="track", due_at=old)
    await suspensions.suspend_timer(timer, "too late")
    assert await shown(bench) == (False, "")


async def read(bench: Bench, *, after: timedelta = timedelta()) -> list[str]:
    """The orders of the lane's effects that may be called for or looked up."""
    found = await PostgresOutbox(bench.pool, bench.leases, SEALING).open_effects(
        STOCK,
        partitions=range(32),
        due_before=NOON + after,
        limit=9,
        exclude=[],
        sought_after_seconds=0.0,
    )
    return [one.order_id for one in found]


async def of_a_newer_version(bench: Bench, body: bytes = b'{"type":"ship.rented.v9"}') -> bytes:
    """Put an effect into the place of order 1's that only a newer version knows; return what was
    there."""
    (row,) = await bench.pool.fetch("SELECT body FROM effects WHERE order_id = $1", id_of("1"))
    query = "UPDATE effects SET body = $2 WHERE order_id = $1"
    await bench.pool.fetch(query, id_of("1"), body)
    return bytes(row["body"])


async def test_an_effect_that_can_not_be_read_stops_no_other(bench: Bench) -> None:
    """After a step back to an older version the others of its lane are called; its own order asks
    for a person and says why, and the version that can read it takes it up again."""
    suspensions = PostgresSuspensions(bench.pool, bench.leases)
    await suspensions.resume(range(32))
    await bench.journal.append(append("2", record={1: RESERVE}))
    readable = await of_a_newer_version(bench)
    later = timedelta(days=900)
    assert await read(bench, after=later) == [id_of("2")]
    query = "SELECT attention, suspended FROM orders WHERE order_id = $1"
    ((asks, why),) = await bench.pool.fetch(query, id_of("1"))
    assert asks
    assert "effect 1" in why
    assert "this version can't read it" in why
    await of_a_newer_version(bench, readable)
    await suspensions.resume(range(32))
    assert sorted(await read(bench, after=later)) == sorted([id_of("1"), id_of("2")])


async def test_what_is_looked_up_and_can_not_be_read_waits(bench: Bench) -> None:
    """It is only put off, for the version that can read it."""
    await PostgresSuspensions(bench.pool, bench.leases).resume(range(32))
    await bench.journal.append(append("1", 1, settled=((1, "sought"),)))
    readable = await of_a_newer_version(bench)
    later = timedelta(days=900)
    assert await read(bench, after=later) == []
    await of_a_newer_version(bench, readable)
    assert await read(bench, after=later) == []
    assert await read(bench, after=later + UNREADABLE_PAUSE) == [id_of("1")]
