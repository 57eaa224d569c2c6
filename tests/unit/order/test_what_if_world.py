"""What an order's past would be today, where it was decided by more than the order."""

from __future__ import annotations

from msgspec.structs import replace

from actors.order.decision import Context
from actors.order.policy import Policy
from actors.order.stream import INITIAL, decide
from actors.rules.compiled import Compiled
from schemas.contracts.rules import Rule, Rules
from schemas.messages import inputs as i
from schemas.order.world import History, World
from service.orders.what_if import WhatIf, what_if
from tests.given import NOON, REF, REFERENCE, SETUP, an_order


def asking(orders: int) -> Compiled:
    """Rules that hold an order of a customer with so many others."""
    when = f"has(customer.orders) && customer.orders == {orders}"
    return Compiled(Rules(review=(Rule(name="so-many", when=when, hold="so many"),)), orders)


def decided_again(then: Compiled, today: Compiled, world: World | None) -> WhatIf:
    """Place an order by the rules of then, and decide it again by those of today."""
    context = Context(
        now=NOON,
        policy=Policy(),
        setup=SETUP,
        channel="acme-us",
        ref=REF,
        reference=REFERENCE,
        rules=then,
        world=world,
    )
    decision = decide(INITIAL, i.PlaceOrder(order=an_order()), context)
    events = [(at, NOON, one) for at, one in enumerate(decision.events, start=1)]
    body = decision.body or an_order()
    now = replace(context, rules=today, world=None)
    return what_if(events, {len(events): 1}, now, body=body, statement=body)


def test_it_is_decided_again_by_what_was_known_then() -> None:
    """What the customer has by now is not asked: the decision recorded what it knew."""
    known = World(customer=History(orders=0), asked=("customer",))
    assert decided_again(asking(0), asking(0), known) == WhatIf(
        decided=1, unknown={}, differences=()
    )
    (told,) = decided_again(asking(0), asking(7), known).differences
    assert any("so many" in one for one in told.was)
    assert not any("so many" in one for one in told.would_be)


def test_what_was_not_asked_then_is_counted() -> None:
    """Rules that ask for more than was known then decide nothing of this past."""
    found = decided_again(Compiled(Rules(), 1), asking(0), None)
    assert (found.decided, found.differences) == (0, ())
    assert sum(found.unknown.values()) == 1
