"""What rules, checks and people decide about an order, told to its end."""

from __future__ import annotations

from collections.abc import Callable

from msgspec.structs import replace

from actors.kernel.setup import Setup
from actors.rules.compiled import Compiled
from schemas.contracts.rules import Rule, Rules, SetName
from schemas.order.canonical import Order
from schemas.order.things import ORDER
from schemas.order.world import (
    Account,
    Corrected,
    Deliverability,
    History,
    Written,
)
from schemas.order.world import World as Known
from tests.given import MAIN, SETUP
from tests.model.setups import EAST, address
from tests.stories.orders import OAK, PINE, TO_PINE, an_order, cups
from tests.stories.pure import Pure

BOX, SLIP = "PO Box 12", "12 Oke Street"
ADDRESS = "unmapped-address"
CHECKED: dict[str, object] = {
    "addresses": (("usps", frozenset({"US"})),),
    "held_addresses": frozenset({"missing_unit", "undeliverable", "corrected"}),
}
BOTH: Setup = replace(SETUP, places=(MAIN, EAST))
ABROAD = replace(address("1 Rue de la Paix"), country="FR", region="", postal_code="75002")


def ruled(setup: Setup | str, name: SetName, rule: Rule) -> Pure:
    """A seller with one rule, in this set."""
    told = Pure(setup)
    told.brain.rules = Compiled(replace(Rules(), **{name: (rule,)}), 1)
    return told


def checked(says: Callable[[Order], Deliverability], **changes: object) -> Pure:
    """A seller whose addresses are checked by a service that says this of an order's."""
    told = Pure(replace(SETUP, **{**CHECKED, **changes}))
    told.brain.knows = lambda order: Known(address=says(order))
    return told


def at(order: Order) -> str:
    """Return the street that an order goes to."""
    assert order.ship_to is not None
    return order.ship_to.lines[0]


def spelt(order: Order) -> Deliverability:
    """Say that there is no Oke Street, but an Oak Street."""
    if at(order) == SLIP:
        return Corrected("corrected", "", ("street",), written=Written(lines=(OAK,)))
    return Deliverability("deliverable", "")


def sent(told: Pure, key: str = "F1") -> Pure:
    """The goods are packed, leave and arrive."""
    return told.packs(key).sends(key).carrier_says("delivered").stage_is("closed")


def carried_by(told: Pure) -> set[str]:
    """Return the carriers that sold labels."""
    lanes = {x.lane for x in told.world.effects.values() if type(x.effect).__name__ == "BuyLabel"}
    return set(lanes)


def leaves_from(told: Pure) -> set[str]:
    """Return the places at which tasks were given."""
    return {x.place for x in told.world.state.fulfilments.values()} | {
        x.effect.place for x in told.world.effects.values() if hasattr(x.effect, "place")
    }


def test_a_box_waits_where_the_carrier_does_not_deliver_to_one() -> None:
    """Nothing is spent on it; the customer names a street, and it goes there."""
    told = Pure(replace(SETUP, places=(replace(MAIN, refuses=frozenset({"post_box"})),)))
    told.given("a carrier that delivers to streets").places(an_order(ship_to=address(BOX)))
    told.then("it waits, and nothing is reserved").person_is_asked("post office boxes")
    told.tasks_are(0).stock_is_held().erp_has()
    told.when("the shop has a street").states(ship_to=TO_PINE)
    sent(told.then("it goes there").no_one_is_asked()).goods_go_to(PINE).ends()


def test_a_box_goes_from_a_place_whose_carrier_delivers_to_one() -> None:
    """The first place's carrier does not, so no one is asked and the second place sends it."""
    told = Pure(replace(BOTH, places=(replace(MAIN, refuses=frozenset({"post_box"})), EAST)))
    told.given("two places").places(an_order(ship_to=address(BOX))).no_one_is_asked()
    assert leaves_from(told) == {"WH2"}
    sent(told).goods_go_to(BOX).ends()


def test_a_subscription_s_renewal_goes_its_own_lane() -> None:
    """It leaves from the place that the rule names; an order that a person placed does not."""
    rule = Rule(name="renewal", when="order.subscription_ref != ''", place="WH2")
    for ref, place in (("sub-9", "WH2"), ("", "WH1")):
        told = ruled(BOTH, "route", rule).given("a lane for renewals")
        told.places(an_order(subscription_ref=ref)).no_one_is_asked()
        assert leaves_from(told) == {place}
        sent(told).ends()


def test_an_order_to_another_country_leaves_from_the_place_that_does_customs() -> None:
    """From there alone; where that has nothing left it waits for stock, and for no other place."""
    rule = Rule(name="abroad", when="has(order.ship_to) && order.ship_to.country != 'US'",
                place="WH2", only=True)  # fmt: skip
    told = ruled(BOTH, "route", rule).given("a place that does customs")
    told.has_stock("WH2", "SKU-1", 0).has_stock("WH2", "SKU-2", 5)
    told.has_stock("WH1", "SKU-1", 9).has_stock("WH1", "SKU-2", 9)
    told.places(an_order(cups(), ship_to=ABROAD)).tasks_are(0)
    told.when("cups come in there").has_stock("WH2", "SKU-1", 2).hours(24).tasks_hold(l1=2)
    assert "WH1" not in {x.place for x in told.world.state.fulfilments.values()}
    told.no_one_is_asked().ends()


def test_a_dear_order_goes_by_the_better_carrier() -> None:
    """The rule names a carrier of the same place; a cheap one goes as usual."""
    rule = Rule(name="dear", when="order.totals.total_minor > 1500", carrier="dhl")
    setup = replace(SETUP, places=(replace(MAIN, others=(replace(MAIN, carrier="dhl"),)),))
    for lines, carrier in (((), "dhl"), ((cups(1),), "ups")):
        told = ruled(setup, "ship", rule).given("a better carrier").places(an_order(*lines))
        sent(told)
        assert carried_by(told) == {carrier}
        told.no_one_is_asked().ends()


FIRST = Rule(
    name="first", when="has(customer.orders) && customer.orders == 0", hold="a first order",
    pick=True,
)  # fmt: skip


def test_a_first_buyer_s_goods_are_packed_while_a_person_looks() -> None:
    """The pick goes on, the label waits; approved, it is bought and the parcel leaves."""
    told = ruled("full", "review", FIRST).given("first orders are looked at")
    told.brain.knows = lambda order: Known(customer=History(orders=0))
    told.places(an_order(bill_to=TO_PINE)).person_is_asked("a first order")
    told.then("it is packed, without a label").tasks_are(1).packs().labels_are(0)
    told.when("it is approved").person("release", "rule-elevated-first").labels_are(1)
    told.sends().carrier_says("delivered").stage_is("closed").no_one_is_asked().ends()


def test_a_first_buyer_s_order_is_refused_after_it_was_packed() -> None:
    """No label was bought, so nothing is to be voided; the goods go back on the shelf."""
    told = ruled("full", "review", FIRST).given("first orders are looked at")
    told.brain.knows = lambda order: Known(customer=History(orders=0))
    told.places(an_order()).packs().labels_are(0)
    told.when("it is refused").person("cancel")
    told.then("nothing is left of it").labels_are(0).erp_has().stock_is_held()
    told.shop_is_cancelled(by_us=True).ends()
    told.stage_is("cancelled")


def test_a_customer_of_whom_no_one_knows_is_no_first_buyer() -> None:
    """Missing is never taken for nothing: the order goes on."""
    told = ruled("full", "review", FIRST).given("no answer about the customer")
    sent(told.places(an_order()).no_one_is_asked()).ends()


def test_an_address_that_changes_after_the_review_is_reviewed_again() -> None:
    """Whoever approved it saw another address."""
    rule = Rule(name="dear", when="order.totals.total_minor > 1500", hold="dear")
    told = ruled("full", "review", rule).given("dear orders are looked at").places(an_order())
    told.when("it is approved").person("release", "rule-review-dear").tasks_are(1)
    told.when("the address changes").states(ship_to=TO_PINE)
    told.then("it waits again").person_is_asked("dear")
    told.when("it is approved again").person("release", "rule-review-dear").no_one_is_asked()
    told.hours(1).ends()


def test_rules_that_are_published_meanwhile_decide_what_changes_alone() -> None:
    """An order in flight keeps what was decided; its next change is decided by the newer rules."""
    told = ruled("full", "notify", Rule(name="all", when="true", mails=("order_confirmed",)))
    told.given("no rule holds anything").places(an_order()).no_one_is_asked()
    rule = Rule(name="many", when="units >= 3", hold="many units")
    told.brain.rules = Compiled(Rules(review=(rule,)), 2)
    told.when("a rule is published that would hold it").hours(1).no_one_is_asked().tasks_are(1)
    told.when("its address changes").states(ship_to=TO_PINE).person_is_asked("many units")
    told.when("it is approved").person("release", "rule-review-many").no_one_is_asked()
    told.hours(1).ends()


def test_a_held_order_is_cancelled_by_its_customer() -> None:
    """What a rule held is given back, and no one decides about it any more."""
    rule = Rule(name="dear", when="order.totals.total_minor > 1500", hold="dear")
    told = ruled("full", "review", rule).given("dear orders are looked at").places(an_order())
    told.stock_is_held(l1=2, l2=1).when("the customer cancels").shop_cancels()
    told.then("nothing is left").stage_is("cancelled").stock_is_held().tasks_are(0).erp_has()
    told.no_one_is_asked().ends()


def test_the_last_unit_is_somebody_else_s_and_comes_again() -> None:
    """Another order had it first: this one waits, promises nothing, and goes out when some has
    come, without a person."""
    told = Pure().given("one cup").has_stock("WH1", "SKU-1", 1).is_slow("reserve")
    told.places(an_order(cups(1))).when("another order takes it").has_stock("WH1", "SKU-1", 0)
    told.answers("reserve").then("it waits").tasks_are(0).stock_is_held()
    told.when("cups come in").has_stock("WH1", "SKU-1", 1).hours(24)
    told.then("it goes out").tasks_hold(l1=1).stock_is_held(l1=1).no_one_is_asked().ends()


def test_a_corrected_address_is_taken_over_by_a_person() -> None:
    """It waits; taken over, it goes where the service knows it, and the shop is told nothing."""
    told = checked(spelt).given("addresses are checked").places(an_order(ship_to=address(SLIP)))
    told.person_is_asked("the street is not as usps has it").tasks_are(0)
    told.when("a person takes it over").person("correct").no_one_is_asked()
    sent(told).goods_go_to(OAK).ends()


def test_a_corrected_address_is_taken_over_by_setting() -> None:
    """No one is asked; the shop's repetition does not take it back, another address does."""
    told = checked(spelt, takes_corrections=True).given("corrections are taken over")
    told.places(an_order(ship_to=address(SLIP))).no_one_is_asked().packs().goods_go_to(OAK)
    told.when("the shop repeats itself").states(note="ring twice").goods_go_to(OAK).labels_are(1)
    told.when("the shop has another address").states(ship_to=TO_PINE)
    told.then("the label says it").labels_say(PINE).labels_are(1, void=1).hours(1).ends()


def nowhere(order: Order) -> Deliverability:
    """Say that there is no Oke Street."""
    known = at(order) != SLIP
    return Deliverability("deliverable", "") if known else Deliverability("undeliverable", "")


def test_an_address_that_is_none_waits_until_the_shop_has_another() -> None:
    """Nothing is spent on it, and the shop's correction ends the wait by itself."""
    told = checked(nowhere).given("addresses are checked").places(an_order(ship_to=address(SLIP)))
    told.person_is_asked("usps knows no such shipping address").tasks_are(0).stock_is_held()
    told.when("the shop corrects it").states(ship_to=address(OAK)).no_one_is_asked()
    sent(told).goods_go_to(OAK).ends()


def test_an_address_service_that_is_down_holds_nothing_up() -> None:
    """Without an answer the order goes on; a late one holds it before it is packed."""
    told = checked(lambda order: Deliverability()).given("the service is down")
    told.places(an_order(ship_to=address(SLIP))).no_one_is_asked().tasks_are(1)
    told.brain.knows = lambda order: Known(address=nowhere(order))
    told.world.fire(ORDER, "mapping")
    told.everyone_answers().then("it is held").person_is_asked("knows no such shipping address")
    told.when("a person has it sent as it is").person("release", ADDRESS).no_one_is_asked()
    told.hours(1).ends()


def test_net_terms_over_the_limit_wait_for_a_person() -> None:
    """What the customer owes and this order are more than the ERP allows; a person lets it go, and
    it is accepted on its terms."""
    terms = frozenset({"net30"})
    told = Pure(replace(SETUP, promised=terms, terms=terms))
    account = Account(state="found", currency="USD", limit_minor=2_000, balance_minor=1_500)
    told.brain.knows = lambda order: Known(account=account)
    told.given("an account near its limit")
    told.places(an_order(payment="pending", payment_method="net30")).person_is_asked("limit")
    told.tasks_are(0).when("a person lets it go").person("release", "unmapped-payment")
    sent(told.then("it goes on its terms").no_one_is_asked()).ends()
