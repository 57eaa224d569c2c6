"""What rules ask about the world beyond an order: asked for only where one does, and kept with the
decision as it was then."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from actors.rules.compiled import Compiled
from schemas.contracts.rules import Rule, Rules
from schemas.messages import events as e
from schemas.messages import inputs as i
from schemas.messages.words import event_words
from schemas.order.canonical import Customer
from schemas.order.world import History, World, WorldAsked
from tests.given import SETUP, Story, an_order, later

FIRST = Rule(
    name="first-and-dear",
    when="has(customer.orders) && customer.orders == 0 && order.totals.total_minor > 100",
    hold="a first order",
)
UNSURE = Rule(name="unsure", when="!has(customer.orders)", hold="no one knows who it is")


def known(**told: int) -> World:
    """Return that this is known of the customer."""
    return World(customer=History(**told), asked=("customer",))


def told(*rules: Rule, world: World | None = None) -> Story:
    """Return a story whose seller reviews by these rules, with what is known."""
    found = Story(setup=SETUP)
    found.rules = Compiled(Rules(review=rules), 3)
    found.world = world
    return found


def test_a_rule_about_the_customer_asks_first() -> None:
    """Nothing is decided before it is found out; an order whose rules ask for nothing is not."""
    order = an_order()
    with pytest.raises(WorldAsked) as asked:
        told(FIRST).when(i.PlaceOrder(order=order))
    assert asked.value.parts == {"customer"}
    assert asked.value.order.customer == order.customer
    plain = told(Rule(name="plain", when="units > 500", hold="many"))
    plain.when(i.PlaceOrder(order=order))
    assert not Compiled(Rules()).reads


def test_a_first_order_is_held_and_the_facts_are_kept() -> None:
    """The event has the numbers that decided, and all that was known."""
    world = known(orders=0, cancelled=0, returned=0, value_minor=0)
    found = told(FIRST, world=world).when(i.PlaceOrder(order=an_order()))
    assert [x.hold_id for x in found.state.holds] == ["rule-review-first-and-dear"]
    (decided,) = [x for x in found.events if isinstance(x, e.RulesDecided)]
    assert decided.world == world
    assert ("customer.orders", "0") in decided.rulings[0].facts
    assert "customer.orders is 0" in event_words(decided)


def test_what_no_one_knows_is_missing_and_never_nought() -> None:
    """A customer without a name does not count as new; a rule may ask for just that."""
    found = told(FIRST, UNSURE, world=known()).when(i.PlaceOrder(order=an_order()))
    assert [x.hold_id for x in found.state.holds] == ["rule-review-unsure"]
    (decided,) = [x for x in found.events if isinstance(x, e.RulesDecided)]
    assert decided.rulings[0].facts == (("customer.orders", "(none)"),)


def test_a_change_is_decided_by_what_is_known_then() -> None:
    """The customer has ordered since: the hold ends by itself, with the new facts on record."""
    found = told(FIRST, world=known(orders=0))
    found.when(i.PlaceOrder(order=an_order()))
    found.world = known(orders=4)
    to = an_order().ship_to
    assert to is not None
    moved = an_order(ship_to=replace(to, city="Elsewhere"), updated_at="2026-11-27T12:30:00Z")
    found.when(i.UpdateOrder(order=moved))
    assert not found.state.holds
    decided = [x for x in found.events if isinstance(x, e.RulesDecided)]
    assert [x.world for x in decided][-1] == known(orders=4)


def test_it_is_asked_about_the_order_as_it_will_be() -> None:
    """Other goods for another customer in one statement: his history decides, not that of whom the
    order was for."""
    found = told(FIRST, world=known(orders=4)).when(i.PlaceOrder(order=an_order()))
    found.world = None
    other = Customer(email="new@example.com")
    changed = an_order(lines=an_order().lines[:1], customer=other)
    with pytest.raises(WorldAsked) as asked:
        found.when(i.UpdateOrder(order=later(1, changed)))
    assert asked.value.order.customer == other
