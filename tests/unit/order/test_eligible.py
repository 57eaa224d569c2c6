"""Orders that are paid on delivery or on terms: up to a limit by themselves, beyond by a person."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from actors.order.eligible import ineligible
from schemas.messages import events as e
from schemas.messages import inputs as i
from schemas.order.canonical import Order
from schemas.order.things import ORDER
from schemas.order.world import Account, World, WorldAsked
from tests.given import REF, SETUP, Story, an_order, later

TERMS, CASH = "net 30", "cash on delivery"
SOLD = replace(
    SETUP,
    promised=frozenset({TERMS, CASH}),
    collected=frozenset({CASH}),
    terms=frozenset({TERMS}),
    collect_limits=(("USD", 2_000),),
)
GOOD = Account("found", currency="USD", limit_minor=500_000, balance_minor=100_000, overdue_days=0)
HOLD = "unmapped-payment"


def known(account: Account = GOOD, **changes: Any) -> World:
    """Return that an account stands so."""
    return World(account=replace(account, **changes), asked=("account",))


def on_terms(**changes: Any) -> Order:
    """Return an order of 22.50 dollars on terms."""
    return an_order(payment="pending", payment_method="Net 30", **changes)


def placed(world: World | None, order: Order | None = None) -> Story:
    """Return the story of an order on terms."""
    found = Story(setup=SOLD)
    found.world = world
    return found.when(i.PlaceOrder(order=order or on_terms()))


def test_an_order_within_its_limit_is_accepted() -> None:
    """No one is asked; only orders on terms have their account asked for."""
    found = placed(known())
    assert found.state.stage == "accepted"
    assert not found.state.holds
    with pytest.raises(WorldAsked) as asked:
        placed(None)
    assert asked.value.parts == {"account"}
    assert placed(None, an_order()).state.stage == "accepted"


CASES: list[tuple[dict[str, Any], str]] = [
    ({"balance_minor": 498_000}, "open in bc: with this order of 22.50 USD it is over by 2.50 USD"),
    ({"overdue_days": 34}, "an invoice in bc is 34 days overdue (0 are allowed)"),
    ({"blocked": True}, "bc has blocked the customer"),
    ({"limit_minor": None}, "neither bc states a credit limit for the customer nor `terms_limits`"),
    ({"currency": "EUR"}, "on terms in USD, and bc keeps the customer's account in EUR"),
    ({"state": "missing"}, "bc has no customer with the order's VAT number or e-mail address"),
    ({"state": "several"}, "bc has several customers"),
    ({"state": "currency"}, "account in several currencies, or in one that it does not name"),
    ({"state": "away"}, "it is asked again within the hour"),
    ({"state": ""}, "it is asked again within the hour"),
]  # fmt: skip


@pytest.mark.parametrize(("changes", "words"), CASES)
def test_what_speaks_against_terms_is_said(changes: dict[str, Any], words: str) -> None:
    """The order is not accepted, nothing is reserved, and the hold says why in a sentence."""
    found = placed(known(**changes))
    assert found.state.stage == "placed"
    (hold,) = found.state.holds
    assert hold.hold_id == HOLD
    assert words in hold.reason
    assert not found.open_kinds()


def test_our_own_limit_counts_where_the_erp_has_none() -> None:
    """And only there."""
    setup = replace(SOLD, terms_limits=(("USD", 102_000),), overdue_days=40)
    bare = known(limit_minor=None, overdue_days=40)
    (told,) = ineligible(on_terms(), setup, bare)
    assert "a limit of 1020.00 USD" in told
    assert not list(ineligible(on_terms(), setup, known()))


def test_a_person_approves_and_a_dearer_order_is_asked_again() -> None:
    """The approval is for what the order came to; another total is not covered by it."""
    over = known(balance_minor=500_000)
    found = placed(over).act("release", HOLD, person="ben")
    assert found.state.stage == "accepted"
    (accepted,) = [x for x in found.events if isinstance(x, e.Accepted)]
    assert accepted.basis == "promised by Net 30"
    dear = on_terms()
    dear = replace(dear, totals=replace(dear.totals, shipping_minor=900, total_minor=2_650))
    found.when(i.UpdateOrder(order=later(5, dear)))
    assert [x.hold_id for x in found.state.holds] == [HOLD]


def test_a_late_answer_frees_the_order() -> None:
    """The hold ends by itself when the account turns out to be good."""
    found = placed(known(Account("away")))
    assert [x.hold_id for x in found.state.holds] == [HOLD]
    found.world = known()
    found.when(i.TimerFired(key=ORDER, name="mapping"))
    assert not found.state.holds
    assert found.state.stage == "accepted"


def test_what_is_collected_has_a_limit() -> None:
    """By currency; what is paid already needs none."""
    order = an_order(payment="pending", payment_method=CASH)
    (told,) = ineligible(order, SOLD, None)
    assert "22.50 USD would be collected on delivery, and the limit is 20.00 USD" in told
    (told,) = ineligible(replace(order, currency="CHF"), SOLD, None)
    assert "no limit is set for CHF" in told
    assert not list(ineligible(replace(order, amount_due_minor=1_500), SOLD, None))
    assert not list(ineligible(replace(order, payment="paid"), SOLD, None))
    held = placed(None, order)
    assert [x.hold_id for x in held.state.holds] == [HOLD]
    assert held.act("release", HOLD).state.stage == "accepted"


def test_where_limits_say_who_approves_no_one_else_releases() -> None:
    """A release that no approver stands behind is refused in words, and so is one of another
    amount; what asks for no approval is released as ever."""
    found = Story(setup=replace(SOLD, approvals=True))
    found.world = known(balance_minor=500_000)
    found.when(i.PlaceOrder(order=on_terms()))
    found.act("release", HOLD)
    (refused,) = [x for x in found.events if isinstance(x, e.ActionRefused)]
    assert "approve it in the review queue" in refused.reason
    total = on_terms().totals.total_minor
    words: dict[str, Any] = {"ref": REF, "verb": "release", "person": "ann and ben", "target": HOLD}
    approved = i.ActOnOrder(approved_by=("ann", "ben"), approved_minor=total - 1, **words)
    found.when(approved)
    assert found.state.stage == "placed"
    found.when(replace(approved, approved_minor=total))
    assert found.state.stage == "accepted"
    (released,) = [x for x in found.events if isinstance(x, e.HoldReleased)]
    assert released.person == "ann and ben"
    test = Story(setup=replace(SOLD, approvals=True))
    test.when(i.PlaceOrder(order=an_order(test=True))).act("release", "test-order")
    assert not test.state.holds
