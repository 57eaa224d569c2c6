"""What was given back to a customer, as the judge of an order's end counts it."""

from __future__ import annotations

from collections import Counter

from actors.kernel import ledger
from tests.model.world import World


def is_all_given(world: World) -> bool:
    """Whether the channel gave back every unit that was cancelled, as it calculated then: what it
    would calculate now differs by the parts of discounts that other units have meanwhile."""
    covered: Counter[int] = Counter()
    for one in world.state.refunds.values():
        if one.stage == "refunded" and not one.exact:
            covered.update(dict(one.covers))
    assert world.body is not None
    stated = {line.line_id for line in world.body.lines}
    lines = [(at, x) for at, x in enumerate(world.state.lines) if x.line_id in stated]
    cancelled = {at: line.counts.get("c", 0) for at, line in lines}
    kept = any(ledger.ordered(line.counts) for line in world.state.lines)
    return bool(covered) and kept and all(covered[at] >= n for at, n in cancelled.items())


def given_back(world: World) -> int:
    """What refunds that pay back what is owed give, whoever made them: the channel, or a person who
    went on without it. What a person gives beyond what is owed is there for what is owed later."""
    live = [x for x in world.state.refunds.values() if x.stage != "refused"]
    return sum(max(x.settles, x.given or x.amount) for x in live if x.settles)
