"""What people decide, acceptance, and money that is promised or collected."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from actors.kernel.setup import Place
from actors.order.acceptance import accept, to_collect
from actors.order.policy import Policy
from actors.order.redaction import redacted
from actors.order.state import State
from actors.order.stream import waiting_for
from schemas.messages import effects as f
from schemas.messages import events as e
from schemas.messages import inputs as i
from schemas.order.canonical import Presentment
from tests.given import (
    F1,
    F2,
    K1,
    L2,
    MAIN,
    POSTED,
    REF,
    RESERVED,
    SENT,
    SETUP,
    Story,
    a_line,
    a_parcel,
    an_order,
    given_closed,
    given_packed,
    given_placed,
    given_released,
    given_reserved,
    given_shipped,
    handed_over,
    later,
    order_of,
    packed,
    published,
    sold,
)

COD = replace(
    SETUP,
    promised=frozenset({"cash on delivery", "net30"}),
    collected=frozenset({"cash on delivery"}),
)


@pytest.mark.parametrize(
    ("payment", "methods", "accepted"),
    [
        ("paid", "", True),
        ("authorized", "", True),
        ("partially_refunded", "", True),
        ("pending", "", False),
        ("pending", "Net30", True),
        ("pending", "gift_card, Cash on Delivery", True),
        ("partially_paid", "net30", True),
        ("voided", "net30", False),
        ("refunded", "", False),
    ],
)
def test_acceptance_is_a_decision_with_its_reason(
    payment: str, methods: str, accepted: bool
) -> None:
    """Money that is there, or promised by a method on the seller's list."""
    found = accept(State(payment=payment, payment_method=methods), COD)
    assert bool(found.basis) == accepted
    assert bool(found.waits) != accepted


def test_a_person_may_accept_an_order_without_money() -> None:
    """The event names who did, and twice is refused."""
    story = given_placed(payment="pending").act("accept")
    story.then_events(e.Accepted, e.FulfilmentPlanned)
    accepted = story.events[-2]
    assert isinstance(accepted, e.Accepted)
    assert accepted.person == "ann"
    story.act("accept").then_events(e.ActionRefused)


def test_an_order_by_terms_is_accepted_without_a_person() -> None:
    """Its ERP's order is posted, and nothing is collected."""
    story = given_reserved(Story(setup=COD), payment="pending", payment_method="net30")
    task = story.effect(f.CreateTask)
    assert isinstance(task, f.CreateTask)
    assert task.collect_minor == 0


def test_the_amount_to_collect_reaches_warehouse_and_carrier() -> None:
    """What is still due, once."""
    story = given_packed(
        Story(setup=COD), payment="pending", payment_method="Cash on Delivery",
        amount_due_minor=2000,
    )  # fmt: skip
    task = next(x for x in story.effects.values() if isinstance(x, f.CreateTask))
    label = next(x for x in story.effects.values() if isinstance(x, f.BuyLabel))
    assert (task.collect_minor, task.collect_currency) == (2000, "USD")
    assert (label.collect_minor, label.collect_currency) == (2000, "USD")


def test_who_packs_by_hand_is_told_what_to_collect() -> None:
    """Without a warehouse and a carrier the amount is in the person's task; when that is done it
    counts as collected, and is owed to a customer who gets less."""
    home = Story(setup=replace(COD, places=(Place(name="home"),)))
    story = given_reserved(home, payment="pending", payment_method="Cash on Delivery")
    (task,) = story.state.tasks
    assert task.words == "pack and send from home: 2 × SKU-1, 1 × SKU-2; collect 22.50 USD with it"
    story.when(i.EditOrder(ref=REF, person="ann", lines=(i.LineEdit(line_id="1", quantity=0),)))
    story.done(f.ReleaseStock, f.Undone()).done(f.ReserveStock, replace(RESERVED, place="home"))
    assert [x.words for x in story.state.tasks if x.task_id.startswith("pack-")] == [
        "pack and send from home: 1 × SKU-2; collect 12.50 USD with it"
    ]
    published(story.act("done", "pack-F2"), F2)
    assert story.state.collected == 1250


def test_what_a_label_collects_is_no_task_of_who_packs() -> None:
    """The carrier collects it, once."""
    places = (Place(name="home", carrier="ups"),)
    story = Story(setup=replace(COD, places=places))
    given_reserved(story, payment="pending", payment_method="Cash on Delivery")
    assert "collect" not in story.state.tasks[0].words
    label = story.act("done", "pack-F1").effect(f.BuyLabel)
    assert isinstance(label, f.BuyLabel)
    assert label.collect_minor == 2250


def test_shares_to_collect_sum_to_what_is_due() -> None:
    """Two fulfilments collect by the value of their goods, the last one the rest."""
    places = (MAIN, replace(MAIN, name="WH2", warehouse="wms-2"))
    story = given_placed(
        Story(setup=replace(COD, places=places)), payment="pending",
        payment_method="cash on delivery",
    )  # fmt: skip
    snapshot = (f.Seen("WH1", "SKU-1", 2), f.Seen("WH2", "SKU-2", 1))
    story.done(f.ReserveStock, f.StockShort(skus=("SKU-2",), seen=snapshot))
    story.done(f.ReserveStock, RESERVED, F1).done(f.ReserveStock, f.StockReserved(place="WH2"), F2)
    shares = [x.collect_minor for x in story.effects.values() if isinstance(x, f.CreateTask)]
    assert sum(shares) == 2250
    assert all(shares)


def test_what_was_cancelled_here_is_not_collected() -> None:
    """A removed line takes its part off what is due; what left before stays a person's."""
    story = given_released(Story(setup=COD), payment="pending", payment_method="Cash on Delivery")
    gone = (i.LineEdit(line_id="1", quantity=0),)
    story.when(i.EditOrder(ref=REF, person="ann", lines=gone))
    story.done(f.CancelTask, f.Undone()).done(f.ReleaseStock, f.Undone())
    story.done(f.ReserveStock, RESERVED)
    task = story.effect(f.CreateTask)
    assert isinstance(task, f.CreateTask)
    assert task.collect_minor == 2250 - 1000
    assert not any(x.amount_minor for x in story.state.tasks)


def test_a_unit_that_was_removed_here_and_at_the_channel_is_taken_off_once() -> None:
    """A person removes it in the shop as told: the task that there is collects what the rest comes
    to, and no other one is made."""
    cod = an_order(payment="pending", payment_method="Cash on Delivery", amount_due_minor=2250)
    story = Story(setup=COD).when(i.PlaceOrder(order=cod)).done(f.ReserveStock, RESERVED)
    story.done(f.PostSalesOrder, POSTED).done(f.CreateTask, f.TaskCreated(task_id="t-F1"))
    story.when(i.EditOrder(ref=REF, person="ann", lines=(i.LineEdit(line_id="1", quantity=1),)))
    assert collected_with_a_new_task(story) == 1750
    one = replace(cod.lines[0], quantity=1, total_minor=500)
    totals = replace(cod.totals, subtotal_minor=1250, total_minor=1750)
    removed = replace(cod, lines=(one, cod.lines[1]), totals=totals, amount_due_minor=1750)
    story.when(i.UpdateOrder(order=later(5, removed)))
    assert story.counts() == {"q": 2, "c": 1, "a": 1}
    assert [(x.stop, x.collect) for x in story.state.fulfilments.values()] == [("", 1750)]
    assert not any("cancel_task" in one for one in story.open_kinds())


def test_what_was_paid_before_counts_for_what_is_collected() -> None:
    """Of 100.00 the customer paid 40.00 and half is cancelled: 10.00 are still collected, and
    nothing is owed."""
    story = given_paid_in_part()
    story.when(i.EditOrder(ref=REF, person="ann", lines=(i.LineEdit(line_id="2", quantity=0),)))
    assert collected_with_a_new_task(story) == 1000
    assert "money" not in [x.task_id for x in story.state.tasks]


def test_what_was_paid_before_and_collected_is_owed_beyond_the_rest() -> None:
    """Half of it left and collected its half of 60.00 before the other half was cancelled: the
    customer has paid 70.00 for goods of 50.00."""
    short = f.StockShort(
        skus=("SKU-2",),
        seen=(f.Seen("WH1", "SKU-1", 1), f.Seen("WH1", "SKU-2", 0), f.Seen("WH2", "SKU-2", 1)),
    )
    places = (SETUP.places[0], replace(SETUP.places[0], name="WH2"))
    story = Story(setup=replace(COD, places=places)).when(i.PlaceOrder(order=HALF_PAID))
    story.done(f.ReserveStock, short)
    story.done(f.ReserveStock, RESERVED, "F1")
    story.done(f.CreateTask, f.TaskCreated(task_id="t-F1"), "F1")
    story.when(packed()).done(f.BuyLabel, sold(K1)).when(handed_over())
    assert story.state.fulfilments[F1].collect == 3000
    story.when(i.EditOrder(ref=REF, person="ann", lines=(i.LineEdit(line_id="2", quantity=0),)))
    story.done(f.ReserveStock, replace(RESERVED, place="WH2"), "F2")
    story.done(f.ReleaseStock, f.Undone(), "F2")
    assert [x.amount_minor for x in story.state.tasks if x.task_id == "money"] == [2000]


HALF_PAID = order_of(
    a_line("1", 1, 5000),
    a_line("2", 1, 5000),
    payment="partially_paid",
    payment_method="Cash on Delivery",
    amount_due_minor=6000,
)


def given_paid_in_part() -> Story:
    """The warehouse has an order of which 40.00 are paid and 60.00 are collected."""
    story = Story(setup=COD).when(i.PlaceOrder(order=HALF_PAID)).done(f.ReserveStock, RESERVED)
    return story.done(f.CreateTask, f.TaskCreated(task_id="t-F1"))


def collected_with_a_new_task(story: Story) -> int:
    """Let the warehouse stop its task, and take another. Returns what that collects."""
    for kind, result in (
        (f.CancelTask, f.Undone()),
        (f.ReleaseStock, f.Undone()),
        (f.ReserveStock, RESERVED),
    ):
        story.done(kind, result)
    task = story.effect(f.CreateTask)
    assert isinstance(task, f.CreateTask)
    story.done(f.CreateTask, f.TaskCreated(task_id=f"t-{len(story.events)}"))
    return task.collect_minor


def test_a_label_collects_what_is_due_when_it_is_bought() -> None:
    """The warehouse was told of all units, and found too few; the rest was dropped."""
    setup = replace(COD, short_pick="drop")
    story = given_released(Story(setup=setup), payment="pending", payment_method="Cash on Delivery")
    found = (f.Units("1", "SKU-1", 1), f.Units("2", "SKU-2", 1))
    story.when(i.ReportShortPicked(ref=REF, fulfilment=F1, task_id="t-F1", found=found))
    story.done(f.ReleaseStock, f.Undone()).when(packed(a_parcel("a", l1=1, l2=1)))
    label = story.effect(f.BuyLabel)
    assert isinstance(label, f.BuyLabel)
    assert label.collect_minor == 2250 - 500
    story.done(f.BuyLabel, sold(K1)).when(handed_over())
    assert not any(x.amount_minor for x in story.state.tasks)


def test_two_labels_of_one_shipment_collect_once() -> None:
    """Each parcel is labelled as it is packed; the first label collects, also before it is bought,
    and when both are asked for at once."""
    cod = {"payment": "pending", "payment_method": "Cash on Delivery"}
    story = given_released(Story(setup=COD), **cod)
    story.when(packed(a_parcel("a", l1=2), complete=False))
    story.when(packed(a_parcel("b", l2=1)))
    labels = [x for x in story.effects.values() if isinstance(x, f.BuyLabel)]
    assert [x.collect_minor for x in labels] == [2250, 0]

    story = given_released(Story(setup=COD), **cod)
    story.when(i.NoteReport(ref=REF, source="x", topic="t", words="w", hold="before_hand_over"))
    story.when(packed(a_parcel("a", l1=2), complete=False))
    story.when(packed(a_parcel("b", l2=1))).act("release").then_effects(f.BuyLabel, f.BuyLabel)
    labels = [x for x in story.effects.values() if isinstance(x, f.BuyLabel)]
    assert [x.collect_minor for x in labels] == [2250, 0]


def test_what_a_warehouse_collects_too_much_is_named_and_owed() -> None:
    """Where its own label says the amount, a dropped unit leaves it to a person."""
    place = Place(name="3PL", warehouse="3pl", labels="them")
    setup = replace(COD, short_pick="drop", places=(place,))
    story = given_released(Story(setup=setup), payment="pending", payment_method="Cash on Delivery")
    found = (f.Units("1", "SKU-1", 1), f.Units("2", "SKU-2", 1))
    story.when(i.ReportShortPicked(ref=REF, fulfilment=F1, task_id="t-F1", found=found))
    assert story.state.tasks[0].words == (
        "22.50 USD are collected with F1, and 17.50 USD are due: have it corrected"
    )
    story.done(f.ReleaseStock, f.Undone()).when(packed(a_parcel("a", l1=1, l2=1)))
    story.when(handed_over(a_parcel("a", "JD1", l1=1, l2=1)))
    assert [x.amount_minor for x in story.state.tasks if x.task_id == "money"] == [500]


def test_what_is_collected_is_in_the_customers_currency() -> None:
    """As he saw it, and only what is still due of it."""
    seen = Presentment(currency="EUR", totals=replace(an_order().totals, total_minor=2000))
    order = an_order(presentment=seen, payment="pending", payment_method="cash on delivery")
    assert to_collect(order, COD, order.payment_method) == (2000, "EUR")
    half = replace(order, amount_due_minor=1125)
    assert to_collect(half, COD, order.payment_method) == (1000, "EUR")
    paid = replace(order, payment="paid")
    assert to_collect(paid, COD, order.payment_method) == (0, "EUR")


def test_a_test_order_waits_for_a_person() -> None:
    """Not even preparatory work is done, unless the policy says so."""
    story = given_placed(test=True).then_events(e.Placed, e.Held).then_effects()
    story.act("accept").then_events(e.ActionRefused)
    story.act("release").then_effects(f.ReserveStock)
    story = Story(policy=Policy(accept_test_orders=True))
    given_placed(story, test=True).then_effects(f.ReserveStock)


def test_a_person_is_told_why_an_action_can_not_be_done() -> None:
    """A release without a hold, an unknown verb, a task that is not there."""
    for verb in ("release", "dance", "done", "retry", "skip", "drop"):
        story = given_released().act(verb).then_events(e.ActionRefused)
        refused = story.events[-1]
        assert isinstance(refused, e.ActionRefused)
        assert refused.reason.endswith(".")
    given_closed().act("cancel").then_events(e.ActionRefused)


def test_retry_after_an_unknown_end_looks_it_up_first() -> None:
    """The same thing, the same reference, and an attempt counted."""
    story = given_packed().unknown(f.BuyLabel).act("retry").then_events(e.Retried)
    assert story.last is not None
    assert [x.attempts for x in story.last.effects] == [1]


def test_a_person_names_which_effect() -> None:
    """The target is its number."""
    story = given_reserved().refused(f.PostSalesOrder, "no").refused(f.SendMail, "no")
    numbers = [one.number for one in story.state.stuck]
    story.act("skip", str(numbers[1]))
    assert [one.number for one in story.state.stuck] == numbers[:1]


def test_an_erp_that_refused_and_was_skipped_does_not_keep_the_order_open() -> None:
    """Someone booked it by hand."""
    story = given_reserved().refused(f.PostSalesOrder, "no such item").act("skip")
    story.done(f.CreateTask, f.TaskCreated(task_id="t")).done(f.SendMail, SENT).when(packed())
    story.done(f.BuyLabel, sold(K1)).when(i.TimerFired(name="track", key=K1))
    story.done(f.TrackParcel, f.Tracked(status="delivered"))
    published(story).then_stage("closed")


def test_a_mail_is_sent_again_for_a_closed_order() -> None:
    """A mail that failed doesn't keep an order open; a person may still have it sent."""
    story = given_reserved().refused(f.SendMail, "mailbox full")
    story.done(f.PostSalesOrder, POSTED).done(f.CreateTask, f.TaskCreated(task_id="t"))
    story.when(packed()).done(f.BuyLabel, sold(K1)).when(i.TimerFired(name="track", key=K1))
    story.done(f.TrackParcel, f.Tracked(status="delivered"))
    published(story).then_stage("closed")
    assert story.state.stuck
    story.act("retry").then_events(e.Renewed).then_effects(f.SendMail)
    story.done(f.SendMail, SENT).then_events(e.MessageSent)


def test_a_skipped_question_is_asked_again_later() -> None:
    """Only tracking tells of the delivery, so skipping one question must not end the asking."""
    story = given_shipped().when(i.TimerFired(name="track", key=K1))
    story.refused(f.TrackParcel).act("skip")
    assert (K1, "track") in story.timers
    story.when(i.TimerFired(name="track", key=K1)).then_effects(f.TrackParcel)


def test_a_publication_that_was_made_by_hand_is_skipped() -> None:
    """The parcels count as told."""
    story = given_shipped().refused(f.PublishFulfilment, "no fulfilment order").act("skip")
    story.then_events(e.Skipped, e.Published)
    assert story.state.parcels[K1].shown


@pytest.mark.parametrize("kind", [f.CancelTask, f.ReleaseStock, f.VoidLabel, f.CancelSalesOrder])
def test_an_undo_that_a_person_goes_on_without_lets_the_rest_be_undone(
    kind: type[f.Effect],
) -> None:
    """Every compensation can be skipped, and the order still ends."""
    story = given_packed().done(f.BuyLabel, sold(K1)).when(i.CancelOrder(ref=REF))
    for one in (f.CancelTask, f.VoidLabel, f.ReleaseStock, f.CancelSalesOrder):
        if one is not kind:
            story.done(one, f.Undone())
            continue
        story.unknown(one)
        assert waiting_for(story.state).endswith("may have been done, or not: who knows")
        story.act("skip")
    story.then_stage("cancelled")


def test_a_corrected_order_is_used_by_a_retry() -> None:
    """Held before anything is spent, corrected by a person, and bought with the new address."""
    story = given_packed().refused(f.BuyLabel, "city is missing")
    ship_to = an_order().ship_to
    assert ship_to is not None
    corrected = replace(ship_to, city="Singapore", country="SG")
    story.when(i.EditOrder(ref=REF, person="ann", ship_to=corrected))
    story.act("retry").then_effects(f.BuyLabel)
    assert story.order is not None
    assert story.order.ship_to is not None
    assert story.order.ship_to.city == "Singapore"
    assert story.state.open[-1].key == L2


def test_free_texts_of_inputs_lose_what_tells_whose_order_it_is() -> None:
    """Reasons become events; names and addresses do not."""
    told = i.EditOrder(ref=REF, person="ann", reason="Steve Shipper called", note="x")
    assert redacted(told, an_order()) == replace(told, reason="*** called")
