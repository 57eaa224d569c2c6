"""What has outlived its bound is taken away to the last item, however much came."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

from service.app.clock import SystemClock
from service.app.housekeeping import tidy


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
