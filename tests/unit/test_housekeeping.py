"""What has outlived its bound is taken away to the last item, however much came."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import pytest

from actors.runtime.errors import JournalUnavailable
from adapters.postgres.retention import Swept
from service.app.clock import SystemClock
from service.app.housekeeping import keep_once, tidy
from service.settings import Retention


class Room:
    """Holds so much that is beyond its bound; a statement takes a thousand of it."""

    def __init__(self, beyond: int) -> None:
        self.beyond = beyond

    async def take(self, *_: Any, **__: Any) -> int:
        """Take some away and return how many."""
        taken = min(self.beyond, 1_000)
        self.beyond -= taken
        return taken


async def test_a_round_goes_on_until_nothing_is_beyond_the_bounds() -> None:
    """An answer remembered for each of 300,000 requests must not outlive the round after its
    day: they come faster than one statement a round would take them away."""
    items, answers, exchanges = Room(20_500), Room(300_000), Room(300_000)
    store = SimpleNamespace(
        quarantine=SimpleNamespace(prune=items.take),
        idempotency=SimpleNamespace(purge=answers.take),
        exchanges=SimpleNamespace(expire=exchanges.take),
    )
    await tidy(cast("Any", store), SystemClock())
    assert (items.beyond, answers.beyond, exchanges.beyond) == (0, 0, 0)


@pytest.mark.parametrize("slow", ["items", "answers", "exchanges"])
async def test_what_takes_too_long_keeps_nothing_else(slow: str) -> None:
    """A quarantine that can't be pruned in time must not let answers, exchanges and the inputs of
    long-ended orders gather."""
    rooms = {name: Room(500) for name in ("items", "answers", "exchanges")}
    swept: list[float] = []

    async def late(*_: Any, **__: Any) -> int:
        raise JournalUnavailable("Postgres did not answer within 3 seconds.")

    async def sweep(*_: Any, inbox_days: float, **__: Any) -> Swept:
        swept.append(inbox_days)
        return Swept()

    async def no_one() -> dict[str, Any]:
        return {}

    take = {name: late if name == slow else room.take for name, room in rooms.items()}
    store = SimpleNamespace(
        quarantine=SimpleNamespace(prune=take["items"], room=SimpleNamespace(count=no_one)),
        idempotency=SimpleNamespace(purge=take["answers"]),
        exchanges=SimpleNamespace(expire=take["exchanges"]),
        retention=SimpleNamespace(sweep=sweep),
    )
    await keep_once(
        cast("Any", store),
        SystemClock(),
        Retention(),
        count=lambda category, channel: None,
        whole_round=True,
    )
    assert {name: room.beyond for name, room in rooms.items()} == {
        name: 500 if name == slow else 0 for name in rooms
    }
    assert swept == [Retention().inbox_days]
