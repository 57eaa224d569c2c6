"""Whether an order that has ended left its partners as it should: what they did is the truth."""

from __future__ import annotations

from tests.model.world import World


def judge(world: World) -> None:
    """Raise Broken when a partner was left with something else than the order says."""
