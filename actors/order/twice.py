"""Money that a person paid back by other means than the channel, and that would be paid once more:
goods that are named again. No one knows whether the same units are meant, so the person says so.
"""

from __future__ import annotations

from actors.order.giving_back import Due, worth_of
from actors.order.state import State
from actors.refund.thing import REFUSED, SKIPPED
from schemas.messages.base import Parts
from schemas.messages.inputs import RefundAsk
from schemas.order.canonical import Order

PAID_BY_HAND = (
    "These goods, or a part of them, were paid back by hand: their money was a person's task that "
    "is done, or their refund was skipped. The customer would get it twice. Give back what is "
    "still owed as an amount, or, if these goods are to be paid back all the same, say so: --again "
    "(`again` over the API)."
)


def lines_paid(state: State) -> tuple[str, ...]:
    """Return the ids of lines of which a person paid units back by hand, and of which nothing more
    is owed as far as the state alone tells."""
    found = set(_skipped(state))
    if state.settled_minor and not any(one.amount_minor for one in state.tasks):
        found |= _unrefunded(state)
    return tuple(state.lines[at].line_id for at in sorted(found))


def paid_before(
    state: State, order: Order, ask: RefundAsk, owes: Due, *, units: Parts, covers: Parts,
    amount: int,
) -> str:  # fmt: skip
    """Return why a refund of `amount` would pay once more for goods that it names, "" where it
    would not, or where the person says that he means that. `covers` are those of its `units` that
    were cancelled, `owes` is what is still owed."""
    if ask.again or ask.goodwill:
        return ""
    if not _skipped(state).isdisjoint(at for at, _ in units):
        return PAID_BY_HAND
    beside = ask.shipping and owes.shipping
    if not state.settled_minor or not (covers or beside):
        return ""
    gone = dict(covers)
    other = tuple((at, n - gone.get(at, 0)) for at, n in units if n > gone.get(at, 0))
    more = worth_of(state, order, other, shipping=ask.shipping and not beside) if other else 0
    return PAID_BY_HAND if amount - more > owes.amount else ""


def _skipped(state: State) -> frozenset[int]:
    """Return the lines whose refund a person went on without: he paid it by other means."""
    return frozenset(
        at
        for one in state.refunds.values()
        if one.stage == SKIPPED and not one.followed
        for at, _ in one.units
    )


def _unrefunded(state: State) -> frozenset[int]:
    """Return the lines with units that were cancelled here and that no refund is for."""
    refunded: dict[int, int] = {}
    for one in state.refunds.values():
        if one.stage != REFUSED:
            for at, quantity in one.covers:
                refunded[at] = refunded.get(at, 0) + quantity
    cancelled = ((at, line.counts.get("c", 0)) for at, line in enumerate(state.lines))
    return frozenset(at for at, count in cancelled if count > refunded.get(at, 0))
