"""What the seller's rules decide about an order: recorded with the facts, and carried out."""

from __future__ import annotations

from datetime import timedelta

from msgspec.structs import replace

from actors.kernel.setup import ABROAD, ANY_METHOD, HOME, Place, Reach, Setup
from actors.order.decide import decide
from actors.order.decision import Context
from actors.order.policy import Policy
from actors.order.ruling import steered
from actors.rules.compiled import NO_RULES, Compiled
from schemas.contracts.rules import Rule, Rules
from schemas.messages import effects as f
from schemas.messages import events as e
from schemas.messages import inputs as i
from schemas.messages.words import event_words
from schemas.order.canonical import Order
from tests.given import (
    CHANNEL,
    ELSEWHERE,
    F1,
    NOON,
    POSTED,
    REF,
    REFERENCE,
    Story,
    an_order,
    later,
    packed,
)

EVERYWHERE = Reach(home="US", offered=frozenset({(ANY_METHOD, HOME), (ANY_METHOD, ABROAD)}))
US_ONLY = Reach(home="US", offered=frozenset({(ANY_METHOD, HOME)}))
EAST = Place(
    name="east", warehouse="wms", carrier="ups", reach=US_ONLY,
    others=(Place(name="east", warehouse="wms", carrier="fedex", reach=EVERYWHERE),),
)  # fmt: skip
CUSTOMS = Place(name="customs", warehouse="3pl", labels="them")
RENEWALS = Place(name="renewals", warehouse="wms", carrier="ups", reach=US_ONLY)
SETUP = Setup(
    channel=CHANNEL, storefront="acme-us", erp="bc", mail="smtp", places=(EAST, CUSTOMS, RENEWALS)
)

OURS = Rules(
    route=(
        Rule(name="international", when='away == "abroad"', place="customs", only=True),
        Rule(name="renewal", when='order.subscription_ref != ""', place="renewals", tag="renewal"),
    ),
    ship=(
        Rule(
            name="high-value",
            when="order.totals.total_minor >= 50000 && away == 'home'",
            carrier="fedex",
            method="overnight",
            priority=9,
        ),
    ),
)


def told(**rules: Rule) -> Story:
    """Return a story whose seller has these rules, by set."""
    return story(Rules(**{name: (rule,) for name, rule in rules.items()}))  # type: ignore[arg-type]  # by set


def story(rules: Rules, version: int = 3) -> Story:
    """Return a story whose seller has these rules."""
    found = Story(setup=SETUP)
    found.rules = Compiled(rules, version)
    return found


def place(order: Order) -> i.PlaceOrder:
    """Return the input that places an order."""
    return i.PlaceOrder(order=order)


def decided(found: Story) -> e.RulesDecided:
    """Return what the rules said last."""
    return [x for x in found.events if isinstance(x, e.RulesDecided)][-1]


def dear(**changes: object) -> Order:
    """Return an order of 600 dollars."""
    order = an_order(**changes)
    return replace(order, totals=replace(order.totals, subtotal_minor=59_500, total_minor=60_000))


def test_an_order_without_rules_knows_of_none() -> None:
    """Nothing is said, stored or exchanged."""
    found = Story(setup=SETUP).when(place(an_order()))
    assert not any(isinstance(x, e.RulesDecided) for x in found.events)
    assert found.state.ruled is None


def test_a_high_value_order_goes_with_the_premium_carrier() -> None:
    """The label is bought from the rule's carrier, under the method that the rule names."""
    found = story(OURS).when(place(dear()))
    assert decided(found).rulings == (
        e.Ruling("route", ""),
        e.Ruling(
            "ship",
            "high-value",
            (("carrier", "fedex"), ("method", "overnight"), ("priority", "9")),
            (("away", "home"), ("order.totals.total_minor", "60000")),
        ),
    )
    assert found.order is not None
    assert found.order.shipping_method == "overnight"
    found.done(f.ReserveStock, f.StockReserved(place="east"))
    found.done(f.CreateTask, f.TaskCreated(task_id="t-F1"))
    found.done(f.PostSalesOrder, POSTED).when(packed())
    assert found.lanes[found.number(f.BuyLabel)] == "fedex"


def test_an_international_order_leaves_from_the_customs_capable_3pl_alone() -> None:
    """No other place is asked, and its own labels are used."""
    abroad = replace(ELSEWHERE, country="CH", region="", postal_code="8001")
    found = story(OURS).when(place(an_order(ship_to=abroad)))
    reserve = found.effect(f.ReserveStock)
    assert isinstance(reserve, f.ReserveStock)
    assert (reserve.place, reserve.places) == ("customs", ("customs",))


def test_a_renewal_goes_its_own_way_first() -> None:
    """Its place is asked first, the others stay behind it."""
    found = story(OURS).when(place(an_order(subscription_ref="S-1")))
    reserve = found.effect(f.ReserveStock)
    assert isinstance(reserve, f.ReserveStock)
    assert reserve.places == ("renewals", "east", "customs")


def test_a_review_lets_preparatory_work_go_on() -> None:
    """Stock is reserved; the warehouse waits until a person has released the hold."""
    found = told(review=Rule(name="dear", when="order.totals.total_minor > 50000", hold="dear"))
    found.when(place(dear()))
    assert found.state.stage == "accepted"
    assert [x.hold_id for x in found.state.holds] == ["rule-review-dear"]
    found.done(f.ReserveStock, f.StockReserved(place="east"))
    assert "F1 task.create.v1" not in found.open_kinds()
    found.act("release", "rule-review-dear")
    found.number(f.CreateTask)


BILLED_ELSEWHERE = Rule(
    name="billed-elsewhere",
    when="has(order.bill_to) && has(order.ship_to) && order.bill_to.city != order.ship_to.city",
    hold="billed to another address",
    pick=True,
)


def billed_elsewhere() -> Order:
    """Return an order that is billed to another city than it is sent to."""
    order = an_order()
    assert order.ship_to is not None
    return replace(order, bill_to=replace(order.ship_to, city="Elsewhere"))


def test_with_another_billing_address_the_label_waits_and_the_pick_goes_on() -> None:
    """The warehouse picks and packs at once; no label is bought, and so nothing leaves, until a
    person has released the hold by its own id."""
    found = told(review=BILLED_ELSEWHERE)
    found.when(place(billed_elsewhere()))
    assert [x.hold_id for x in found.state.holds] == ["rule-elevated-billed-elsewhere"]
    found.done(f.ReserveStock, f.StockReserved(place="east"))
    found.done(f.CreateTask, f.TaskCreated(task_id="t-1"))
    found.when(packed())
    assert found.stage("F1") == "packed"
    assert "L1 label.buy.v1" not in found.open_kinds()
    found.act("release", "rule-elevated-billed-elsewhere")
    found.number(f.BuyLabel)


def test_a_place_that_labels_by_itself_does_not_even_pick() -> None:
    """Its task would send the goods, so the task waits for the person."""
    rules = Rules(
        review=(BILLED_ELSEWHERE,),
        route=(Rule(name="there", when="units > 0", place="customs", only=True),),
    )
    found = story(rules).when(place(billed_elsewhere()))
    found.done(f.ReserveStock, f.StockReserved(place="customs"))
    assert "F1 task.create.v1" not in found.open_kinds()
    found.act("release", "rule-elevated-billed-elsewhere")
    found.number(f.CreateTask)


def test_a_second_hold_keeps_the_pick_back() -> None:
    """Of two holds the stricter counts, and each is released by its own id."""
    dear_too = Rule(name="dear", when="order.totals.total_minor > 1", hold="dear")
    found = story(Rules(review=(BILLED_ELSEWHERE, dear_too))).when(place(billed_elsewhere()))
    found.done(f.ReserveStock, f.StockReserved(place="east"))
    assert "F1 task.create.v1" not in found.open_kinds()
    found.act("release", "rule-review-dear")
    found.done(f.CreateTask, f.TaskCreated(task_id="t-1"))
    found.when(packed())
    assert "L1 label.buy.v1" not in found.open_kinds()
    assert [x.hold_id for x in found.state.holds] == ["rule-elevated-billed-elsewhere"]


def test_an_approval_keeps_the_order_from_being_accepted() -> None:
    """Nothing is reserved before a person agrees."""
    found = told(approve=Rule(name="large", when="units > 2", hold="more than two"))
    found.when(place(an_order()))
    assert found.state.stage == "placed"
    found.act("release", "rule-approve-large")
    assert found.state.stage == "accepted"


def test_a_rule_accepts_what_is_not_paid_yet() -> None:
    """And the acceptance names it; money that went back is never accepted."""
    rule = Rule(name="terms", when="order.payment_method == 'net 30'", accept=True)
    order = an_order(payment="pending", payment_method="net 30")
    found = told(accept=rule).when(place(order))
    (accepted,) = [x for x in found.events if isinstance(x, e.Accepted)]
    assert accepted.basis == "rule terms"
    gone = told(accept=rule).when(place(replace(order, payment="voided")))
    assert gone.state.stage == "placed"


def test_a_rule_decides_which_mails_are_sent() -> None:
    """None is a decision, too."""
    found = told(notify=Rule(name="quiet", when="channel == 'acme-us'", mails=()))
    found.when(place(an_order()))
    assert not any("mail" in x for x in found.open_kinds())


def test_a_changed_address_is_reviewed_again() -> None:
    """A hold that a person released comes back when what was reviewed changes."""
    found = told(review=Rule(name="dear", when="order.totals.total_minor > 50000", hold="dear"))
    found.when(place(dear())).act("release", "rule-review-dear")
    assert not found.state.holds
    found.when(i.UpdateOrder(order=later(5, dear(), note="leave it at the gate")))
    assert not found.state.holds, "a note changes nothing that was reviewed"
    found.when(i.UpdateOrder(order=later(6, dear(), note="leave it", ship_to=ELSEWHERE)))
    assert [x.hold_id for x in found.state.holds] == ["rule-review-dear"]


def test_a_hold_ends_when_its_rule_matches_no_longer() -> None:
    """No person is asked about what is not so any more."""
    found = told(review=Rule(name="dear", when="order.totals.total_minor > 50000", hold="dear"))
    found.when(place(dear()))
    found.when(i.UpdateOrder(order=later(5, an_order())))
    assert not found.state.holds


def test_an_order_keeps_the_version_it_was_decided_with() -> None:
    """A newer version changes nothing in flight until the order itself changes."""
    found = story(OURS, 3).when(place(dear()))
    found.rules = Compiled(Rules(), 4)
    found.done(f.ReserveStock, f.StockReserved(place="east"))
    found.done(f.CreateTask, f.TaskCreated(task_id="t-F1"))
    assert found.state.ruled is not None
    assert found.state.ruled.version == 3
    found.done(f.PostSalesOrder, POSTED).when(packed())
    assert found.lanes[found.number(f.BuyLabel)] == "fedex"
    changed = story(OURS, 3).when(place(dear()))
    changed.rules = Compiled(Rules(), 4)
    changed.when(i.UpdateOrder(order=later(5, dear(), ship_to=ELSEWHERE)))
    assert decided(changed).version == 4
    assert changed.state.ruled is None


def test_many_rules_make_few_holds() -> None:
    """The last hold stands for all that there is no room for, and is as strict as they are."""
    reviews = tuple(Rule(name=f"r{at}", when="units > 1", hold="look") for at in range(12))
    approve = (Rule(name="boss", when="units > 1", hold="agree"),)
    found = story(Rules(review=reviews, approve=approve)).when(place(an_order()))
    assert len(found.state.holds) == 8
    last = found.state.holds[-1]
    assert last.hold_id == "rule-approve-others"
    assert last.reason.startswith("6 more rules hold it: review-r7, review-r8")
    assert found.state.stage == "placed"


def test_a_place_that_the_channel_does_not_have_is_told() -> None:
    """An order that may leave from one place alone is never stuck without a word."""
    found = told(route=Rule(name="north", when="true", place="north", only=True))
    found.when(place(an_order()))
    (hold,) = found.state.holds
    assert hold.hold_id == "rule-route-north"
    assert "it may leave from north alone, which is none of the places of acme-us" in hold.reason


def test_a_place_that_does_not_reach_is_told() -> None:
    """Neither is one whose only place has no service to its address."""
    abroad = replace(ELSEWHERE, country="CH", region="", postal_code="8001")
    found = told(route=Rule(name="east", when="true", place="east", only=True))
    found.when(place(an_order(ship_to=abroad)))
    assert [x.hold_id for x in found.state.holds] == ["unmapped-service"]


def test_facts_that_are_personal_stay_out_of_the_event() -> None:
    """They are named; their values are where the order is, which can be erased."""
    rule = Rule(name="mail", when="order.customer.email.endsWith('@example.com')", hold="look")
    found = told(review=rule).when(place(an_order()))
    assert decided(found).rulings[0].facts == (("order.customer.email", "…"),)
    assert "steve@" not in event_words(decided(found))


def test_the_event_is_told_in_words() -> None:
    """With the version, the rule, what it asks for, and why; also that no rule matched."""
    found = story(OURS).when(place(dear()))
    assert event_words(decided(found)) == (
        "Rules, version 3: route: no rule matched; ship: high-value, carrier fedex, method "
        "overnight, priority 9 (because away is home, order.totals.total_minor is 60000)."
    )


def test_replaying_gives_the_same_state_without_the_rules() -> None:
    """The verdict is in the event: a replay asks no rule."""
    found = story(OURS).when(place(dear()))
    stored = found.state
    found.rules = NO_RULES
    context = Context(
        now=NOON + timedelta(hours=1), policy=Policy(), setup=SETUP, channel=CHANNEL, ref=REF,
        reference=REFERENCE, order=found.order,
    )  # fmt: skip
    assert steered(stored, context).setup.places[0].carrier == "fedex"
    assert decide(stored, i.TimerFired(key=F1, name="due"), context).state.ruled == stored.ruled


def test_a_box_is_not_left_to_a_carrier_that_a_rule_chose() -> None:
    """The carrier that the rules name does not deliver to post office boxes: the order is held
    before anything is spent on it, and released it is tried all the same. By the carrier that would
    have had it without the rule it goes at once."""
    chosen = replace(EAST.others[0], refuses=frozenset({"post_box"}))
    setup = replace(SETUP, places=(replace(EAST, others=(chosen,)),))
    box = an_order()
    assert box.ship_to is not None
    box = replace(box, ship_to=replace(box.ship_to, lines=("PO Box 1140",)))
    found = Story(setup=setup).when(place(box))
    assert found.state.stage == "accepted"
    told = Story(setup=setup)
    told.rules = Compiled(Rules(ship=(Rule(name="fast", when="true", carrier="fedex"),)), 1)
    told.when(place(box))
    assert [x.hold_id for x in told.state.holds] == ["unmapped-address"]
    assert told.state.holds[0].reason == "fedex does not deliver to post office boxes"
    assert not told.open_kinds()
    told.act("release", "unmapped-address")
    assert told.state.stage == "accepted"


def test_a_rule_gives_boxes_and_military_post_offices_to_who_delivers_there() -> None:
    """The carrier is chosen by where the order goes."""
    rules = Rules(ship=(Rule(name="post", when="to_post_box || to_military", carrier="fedex"),))
    home = an_order().ship_to
    assert home is not None
    there = replace(home, lines=("Unit 2050",), city="APO", region="AE", postal_code="09012")
    for to, chosen in ((replace(home, lines=("PO Box 1",)), True), (there, True), (home, False)):
        found = story(rules).when(place(an_order(ship_to=to)))
        assert any(x.rule == "post" for x in decided(found).rulings) is chosen
