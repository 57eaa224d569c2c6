"""What can't be decided is shown on its order, for as long as something of it is suspended."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from actors.runtime.ports import DueTimer
from adapters.postgres.suspensions import PostgresSuspensions
from schemas.order.things import Key
from tests.appends import NOON, RESERVE, append, id_of
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
