"""What an address service says against an address holds the order; silence never does."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from actors.kernel.setup import Place, Setup
from actors.order.deliverable import checker_of, doubted
from actors.order.mapping import ADDRESS_HOLD
from actors.rules.compiled import Compiled
from schemas.contracts.rules import Rule, Rules
from schemas.messages import inputs as i
from schemas.order.canonical import Address, Order
from schemas.order.world import Deliverability, World, WorldAsked
from tests.given import SETUP as SELLER
from tests.given import Story, later
from tests.given import an_order as given_order
from tests.orders import an_order

US = (("usps", frozenset({"US"})),)
SETUP = Setup(
    channel="acme-us",
    places=(Place(name="main", carrier="ups", refuses=frozenset({"post_box"})),),
    addresses=US,
    held_addresses=frozenset({"missing_unit", "undeliverable"}),
)


def told(found: Deliverability, setup: Setup = SETUP, order: Order | None = None) -> list[str]:
    """Return what is said against an order's address when a service says this of it."""
    world = World(address=found, asked=("address",))
    return list(doubted(order or an_order(), setup, world))


CASES: list[tuple[Deliverability, str]] = [
    (Deliverability("deliverable", ""), ""),
    (Deliverability("corrected", "", ("postal_code",)), ""),
    (Deliverability("missing_unit", ""), "the number of the flat or suite is missing"),
    (Deliverability("missing_unit", "unit_not_confirmed"), "is none of that building"),
    (Deliverability("undeliverable", "no_match"), "usps knows no such shipping address"),
    (Deliverability("deliverable", "", post_box=True), "a post office box, and ups does not"),
    (Deliverability(), ""),
]


@pytest.mark.parametrize(("found", "words"), CASES)
def test_each_verdict_has_its_words(found: Deliverability, words: str) -> None:
    """A verdict that the settings name holds the order in words; the others do not."""
    said = told(found)
    assert len(said) == bool(words)
    assert words in "".join(said)


def test_silence_holds_nothing_whatever_the_settings_say() -> None:
    """`unknown` is for what a service answered: one that is away blocks no order."""
    setup = replace(SETUP, held_addresses=frozenset({"unknown", "corrected"}))
    assert told(Deliverability(), setup) == []
    (said,) = told(Deliverability("unknown", "several"), setup)
    assert said.startswith("usps can't say whether the shipping address is right")
    (said,) = told(Deliverability("corrected", "", ("city", "postal_code")), setup)
    assert said.startswith("in the shipping address the city and the postal code is not as usps")


def test_only_what_a_service_knows_is_asked_for() -> None:
    """Another country, no service, no goods and a pickup point ask nothing; a territory of the
    United States does."""
    order = an_order()
    at = order.ship_to
    assert at is not None
    with pytest.raises(WorldAsked) as asked:
        list(doubted(order, SETUP, None))
    assert asked.value.parts == {"address"}
    for there in (replace(at, country="DE"), replace(at, pickup_point=True), None):
        assert list(doubted(replace(order, ship_to=there), SETUP, None)) == []
    assert list(doubted(order, replace(SETUP, addresses=()), None)) == []
    assert checker_of(SETUP, replace(at, country="PR")) == "usps"


def test_a_sentence_quotes_nothing_of_the_address() -> None:
    """It stands in events, which are kept longer than personal data is."""
    at = Address(name="N-o-b", lines=("L-i-n-e",), city="C-i-t-y", country="US", region="KY")
    order = an_order(ship_to=at)
    for found, _ in CASES:
        text = " ".join(told(found, order=order))
        assert not [one for one in (at.name, *at.lines, at.city) if one in text]


def story(found: Deliverability, *rules: Rule, parts: tuple[str, ...] = ("address",)) -> Story:
    """Return a story of a seller with an address service, which says this."""
    made = Story(setup=replace(SELLER, addresses=US, held_addresses=SETUP.held_addresses))
    made.rules = Compiled(Rules(review=rules), 3)
    made.world = World(address=found, asked=parts)
    return made


def holds(found: Story) -> list[str]:
    """Return the ids of its holds."""
    return [one.hold_id for one in found.state.holds]


def test_an_order_is_held_and_a_person_sends_it_on() -> None:
    """What was released is not asked about again until the address is another one."""
    found = story(Deliverability("undeliverable", "no_match"))
    found.when(i.PlaceOrder(order=given_order()))
    assert holds(found) == [ADDRESS_HOLD]
    found.act("release", ADDRESS_HOLD)
    assert holds(found) == []
    found.when(i.TimerFired(name="mapping"))
    assert holds(found) == []
    at = given_order().ship_to
    assert at is not None
    moved = given_order(ship_to=replace(at, lines=("9 Other Street",)))
    found.when(i.UpdateOrder(order=later(1, moved)))
    assert holds(found) == [ADDRESS_HOLD]


def test_a_late_answer_holds_an_order_that_went_on() -> None:
    """It went on without the answer, and is held as soon as that comes; a good one changes
    nothing."""
    found = story(Deliverability())
    found.when(i.PlaceOrder(order=given_order()))
    assert holds(found) == []
    found.world = World(address=Deliverability("deliverable", ""), asked=("address",))
    before = len(found.events)
    found.when(i.TimerFired(name="mapping"))
    assert len(found.events) == before
    found.world = World(address=Deliverability("missing_unit", ""), asked=("address",))
    found.when(i.TimerFired(name="mapping"))
    assert holds(found) == [ADDRESS_HOLD]


DEAR = Rule(name="dear", when="has(customer.orders) && customer.orders == 0", hold="x")
MANY = Rule(name="many", when="units > 9", hold="x")
CHECKS = {"account", "address"}


@pytest.mark.parametrize(
    ("rules", "parts"),
    [((), CHECKS), ((MANY,), CHECKS), ((DEAR,), {"customer", *CHECKS})],
)
def test_rules_and_checks_ask_at_the_same_time(rules: tuple[Rule, ...], parts: set[str]) -> None:
    """One wait is enough for what a rule reads, the account and the address."""
    found = story(Deliverability(), *rules)
    found.setup = replace(found.setup, terms=frozenset({"net 30"}))
    found.world = None
    order = given_order(payment="pending", payment_method="Net 30")
    with pytest.raises(WorldAsked) as asked:
        found.when(i.PlaceOrder(order=order))
    assert asked.value.parts == parts


def test_a_rule_reads_the_verdict() -> None:
    """What holds nothing by itself may be looked at by rule, and the facts are on record."""
    rule = Rule(name="moved", when="address.verdict == 'corrected' && address.vacant", hold="look")
    found = story(Deliverability("corrected", "", ("city",), vacant=True), rule)
    found.when(i.PlaceOrder(order=given_order()))
    assert holds(found) == ["rule-review-moved"]
