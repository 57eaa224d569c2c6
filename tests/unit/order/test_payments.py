"""Money that the channel has reserved: captured once, in time, never more than is authorised."""

from __future__ import annotations

from datetime import timedelta

import pytest
from msgspec.structs import replace

from actors.kernel.ledger import LedgerBroken
from actors.order.family import evolve
from schemas.messages import effects as f
from schemas.messages import events as e
from schemas.messages import inputs as i
from schemas.order.canonical import Order, Presentment, Tender, Totals
from schemas.order.things import Key
from tests.given import F1, REF, SETUP, Story, an_order, later
from tests.given import packed as reported

NEWS = i.NoteReport(ref=REF, source="shop", topic="risk", words="look", hold="before_hand_over")
P1, P2, C1, C2 = Key("P1"), Key("P2"), Key("C1"), Key("C2")
HAND_OVER = replace(SETUP, capture="handover", authorised_days=7, voids=True, erp="", mail="")
PARTS = replace(HAND_OVER, capture_parts=True)
AT_ORDER = replace(HAND_OVER, capture="order")
NO_LABEL = replace(HAND_OVER, places=(replace(SETUP.places[0], carrier="", labels="none"),))


def reserved(**changes: object) -> Order:
    """Return an order whose money is authorised and not captured."""
    return an_order(payment="authorized", **changes)


def placed(setup: object = HAND_OVER, order: Order | None = None) -> Story:
    """Return a story of such an order."""
    story = Story(setup=setup)  # type: ignore[arg-type]  # a Setup
    return story.when(i.PlaceOrder(order=order or reserved()))


def packed(story: Story, *, key: Key = F1) -> Story:
    """Let the warehouse take the task and pack all of it."""
    if any(x.kind == f.tag_of(f.ReserveStock) and x.key == key for x in story.state.open):
        story.done(f.ReserveStock, f.StockReserved(place="WH1"), key)
    story.done(f.CreateTask, f.TaskCreated(task_id=f"t-{key}"), key)
    return story.when(reported(key=key))


def took(story: Story, amount: int = 2250, left: int = 0, *, outside: str = "T1") -> Story:
    """Let the channel take the money."""
    return story.done(
        f.CapturePayment,
        f.PaymentCaptured(amount_minor=amount, left_minor=left, outside_id=outside),
    )


def test_a_channel_that_captures_by_itself_has_no_payments() -> None:
    """The ordinary policy costs nothing: no event, no field, no effect of it."""
    story = placed(replace(HAND_OVER, capture="none"))
    packed(story).then_effects(f.BuyLabel)
    assert not story.state.payments
    assert not story.state.captures
    assert not any(x.key[0] in "PC" for x in story.events)


def test_money_that_is_reserved_a_moment_later_is_not_taken_for_paid() -> None:
    """Two statements of one second, first without money and then with an authorisation: it is
    captured before the goods leave."""
    story = placed(order=an_order(payment="pending"))
    story.when(i.UpdateOrder(order=reserved()))
    assert story.state.payment == "authorized"
    story.then_stage("authorised", P1)
    packed(story).then_effects(f.CapturePayment)


def test_the_label_waits_for_the_capture() -> None:
    """Captured at hand-over: what is packed is paid before its label is bought."""
    story = placed()
    (payment,) = [x for x in story.events if isinstance(x, e.PaymentAuthorised)]
    assert (payment.amount_minor, payment.currency) == (2250, "USD")
    assert payment.until == "2026-12-04T11:59:00+00:00"
    assert f.tag_of(f.CapturePayment) not in [x.kind for x in story.state.open]
    packed(story).then_events(e.Packed, e.CaptureWanted, e.LabelWanted)
    story.then_effects(f.CapturePayment)
    assert story.effect(f.CapturePayment) == f.CapturePayment(amount_minor=2250, currency="USD")
    took(story).then_events(e.Captured).then_effects(f.BuyLabel)
    story.then_stage("captured", P1).then_stage("captured", C1)
    assert story.state.captures[C1].outside == "T1"


def test_at_acceptance() -> None:
    """Captured at the order: the money is asked for before anything is packed."""
    story = placed(AT_ORDER)
    assert story.effect(f.CapturePayment, C1) == f.CapturePayment(amount_minor=2250, currency="USD")
    packed(story).then_effects()
    took(story).then_effects(f.BuyLabel)


def test_without_a_label_of_ours_the_task_waits() -> None:
    """A warehouse that sends by itself is told only what is paid."""
    story = placed(NO_LABEL)
    story.done(f.ReserveStock, f.StockReserved(place="WH1"), F1).then_effects(f.CapturePayment)
    took(story).then_effects(f.CreateTask)


def test_goods_may_leave_as_a_receivable() -> None:
    """Where the seller accepts it, the label is bought while the money is still asked for."""
    packed(placed(replace(HAND_OVER, receivable=True))).then_effects(f.CapturePayment, f.BuyLabel)


def test_a_gift_card_covers_all_of_it() -> None:
    """Nothing is authorised, so nothing is captured and nothing waits."""
    tender = Tender(amount_minor=2250, method="gift_card", kind="gift_card")
    story = placed(order=an_order(payment="paid", tenders=(tender,)))
    packed(story).then_effects(f.BuyLabel)
    assert not story.state.payments


def test_a_gift_card_covers_a_part_of_it() -> None:
    """Only what is left to pay is authorised."""
    tender = Tender(amount_minor=1000, method="gift_card", kind="gift_card")
    story = placed(order=reserved(tenders=(tender,)))
    assert story.state.payments[P1].amount == 1250
    assert story.state.payments[P1].beside == 1000
    packed(story)
    assert story.effect(f.CapturePayment) == f.CapturePayment(amount_minor=1250, currency="USD")


def test_the_customer_pays_in_another_currency() -> None:
    """What is captured is what he saw, in the exponent of his currency."""
    seen = Presentment(
        currency="JPY",
        totals=Totals(
            subtotal_minor=2600, discount_minor=0, shipping_minor=700, tax_minor=0,
            total_minor=3300,
        ),
    )  # fmt: skip
    story = packed(placed(order=reserved(presentment=seen)))
    assert story.effect(f.CapturePayment) == f.CapturePayment(amount_minor=3300, currency="JPY")


TWO = {"places": (SETUP.places[0], replace(SETUP.places[0], name="WH2", warehouse="wms-2"))}


def split(setup: object) -> Story:
    """Return an order of which each line leaves from a place of its own."""
    story = placed(replace(setup, **TWO))  # type: ignore[type-var]  # a Setup
    short = f.StockShort(
        skus=("SKU-2",),
        seen=(
            f.Seen("WH1", "SKU-1", 5), f.Seen("WH1", "SKU-2", 0),
            f.Seen("WH2", "SKU-1", 0), f.Seen("WH2", "SKU-2", 5),
        ),
    )  # fmt: skip
    story.done(f.ReserveStock, short, F1)
    for number in [x.number for x in story.state.open if x.kind == f.tag_of(f.ReserveStock)]:
        key = next(x.key for x in story.state.open if x.number == number)
        place = story.state.fulfilments[key].place
        story.when(i.EffectDone(number=number, result=f.StockReserved(place=place)))
    return story


def test_each_fulfilment_captures_its_own_share() -> None:
    """Two fulfilments, two captures; the last takes the rest, so that they sum to the total."""
    story = split(PARTS)
    first, second = story.state.fulfilments
    packed(story, key=second)
    one = story.effect(f.CapturePayment, C1)
    assert isinstance(one, f.CapturePayment)
    took(story, one.amount_minor, 2250 - one.amount_minor).then_events(e.PartCaptured)
    story.then_effects(f.BuyLabel).then_stage("authorised", P1)
    packed(story, key=first)
    two = story.effect(f.CapturePayment, C2)
    assert two == f.CapturePayment(
        amount_minor=2250 - one.amount_minor, currency="USD", before_minor=one.amount_minor
    )
    took(story, two.amount_minor).then_stage("captured", P1)
    assert story.state.payments[P1].captured == 2250


def test_a_gateway_that_voids_the_rest() -> None:
    """A partial capture frees what was left: the second fulfilment waits, and a person is asked;
    when he lets it go, it goes."""
    story = split(PARTS)
    first, second = story.state.fulfilments
    packed(story, key=second)
    one = story.effect(f.CapturePayment, C1)
    assert isinstance(one, f.CapturePayment)
    took(story, one.amount_minor, 0).then_effects(f.BuyLabel).then_stage("captured", P1)
    packed(story, key=first).then_effects()
    (task,) = [x for x in story.state.tasks if x.task_id == "unpaid-P1"]
    assert "the gateway frees what was not captured" in task.words
    story.act("done", "unpaid-P1").then_effects(f.BuyLabel)
    assert story.state.payments[P1].captured == one.amount_minor


def test_by_default_the_whole_is_captured_with_the_first_part() -> None:
    """Most gateways capture an authorisation once: so all of it is asked for at once."""
    story = split(HAND_OVER)
    first, second = story.state.fulfilments
    packed(story, key=second)
    assert story.effect(f.CapturePayment) == f.CapturePayment(amount_minor=2250, currency="USD")
    took(story).then_effects(f.BuyLabel)
    packed(story, key=first).then_effects(f.BuyLabel)


def test_a_declined_capture_waits_for_a_person() -> None:
    """The label is not bought; a person has it tried again under a new reference."""
    story = packed(placed()).refused(f.CapturePayment, "The card was declined.")
    story.then_events(e.GivenToPerson).then_effects()
    story.act("retry").then_events(e.Renewed, e.CaptureWanted).then_effects(f.CapturePayment)
    assert [x.key for x in story.state.open] == [C2]
    took(story).then_effects(f.BuyLabel)


def test_a_declined_capture_is_accepted_as_a_receivable() -> None:
    """A person who goes on without it lets the goods of the order go; nothing more is captured."""
    story = packed(placed()).refused(f.CapturePayment, "The card was declined.")
    story.act("skip").then_effects(f.BuyLabel).then_stage("skipped", C1)
    assert story.state.payments[P1].waived


def test_a_declined_capture_is_cancelled() -> None:
    """The order is undone, and its authorisation is free once the channel shows it cancelled."""
    story = packed(placed()).refused(f.CapturePayment, "The card was declined.")
    story.act("cancel")
    story.then_stage("dropped", C1)
    story.done(f.CancelTask, f.Undone()).done(f.ReleaseStock, f.Undone())
    story.done(f.CancelAtChannel, f.ChannelCancelled())
    story.then_stage("voided", P1).then_stage("cancelled")


def test_an_unknown_capture_keeps_its_reference() -> None:
    """A retry of an unknown capture is the same capture, looked up first."""
    story = packed(placed()).unknown(f.CapturePayment)
    story.act("retry").then_events(e.Retried).then_effects(f.CapturePayment)
    assert [x.key for x in story.state.open] == [C1]
    assert story.last is not None
    assert story.last.effects[0].attempts == 1
    took(story).then_effects(f.BuyLabel)


def test_the_channel_is_not_told_of_a_cancellation_while_money_is_taken() -> None:
    """Whether it was taken has to be known first; then it is owed."""
    story = placed(AT_ORDER).act("cancel")
    story.done(f.ReserveStock, f.StockReserved(place="WH1"), F1)
    story.done(f.ReleaseStock, f.Undone(), F1)
    assert "storefront.cancel_order.v1" not in story.open_kinds()[-1]
    took(story)
    (task,) = [x for x in story.state.tasks if x.task_id == "money"]
    assert task.amount_minor == 2250
    story.then_effects(f.CancelAtChannel)


def test_where_the_channel_does_not_void_a_person_does() -> None:
    """The order ends only when the authorisation was voided by hand."""
    story = placed(replace(HAND_OVER, voids=False)).act("cancel")
    story.done(f.ReserveStock, f.StockReserved(place="WH1"), F1)
    story.done(f.ReleaseStock, f.Undone(), F1)
    story.done(f.CancelAtChannel, f.ChannelCancelled())
    assert [x.task_id for x in story.state.tasks] == ["void-P1"]
    story.act("done", "void-P1").then_stage("voided", P1).then_stage("cancelled")


def test_an_authorisation_expires_on_hold() -> None:
    """A person is told a day before; at its end the goods wait, and he is asked how to go on."""
    story = placed()
    story.when(NEWS)
    assert story.timers[P1, "expires"] - story.now < timedelta(days=6)
    story.now = story.timers[P1, "expires"]
    story.when(i.TimerFired(key=P1, name="expires")).then_events(e.TaskOpened)
    assert "reserved until 2026-12-04T11:59:00+00:00" in story.state.tasks[-1].words
    story.now = story.timers[P1, "expires"]
    story.when(i.TimerFired(key=P1, name="expires"))
    story.then_stage("expired", P1)
    assert not any(x.task_id.startswith("expires-") for x in story.state.tasks)
    story.act("release")
    packed(story).then_effects()
    assert [x.task_id for x in story.state.tasks] == ["unpaid-P1"]
    paid = later(30, reserved(), payment="paid")
    story.when(i.UpdateOrder(order=paid)).then_stage("captured", P1).then_effects(f.BuyLabel)
    assert not story.state.tasks


def test_held_orders_capture_nothing() -> None:
    """Money waits while a person looks at the order."""
    story = placed()
    story.when(NEWS)
    story.done(f.ReserveStock, f.StockReserved(place="WH1"), F1)
    story.act("release")
    packed(story).then_effects(f.CapturePayment)


def test_captured_in_the_shop_behind_our_back() -> None:
    """The channel says that it is paid before we ask: nothing is asked for."""
    story = placed()
    story.when(i.UpdateOrder(order=later(30, reserved(), payment="paid")))
    story.then_stage("captured", P1)
    packed(story).then_effects(f.BuyLabel)
    assert not story.state.captures


def test_the_channels_word_comes_before_our_answer() -> None:
    """Our own capture's echo is not a second one."""
    story = packed(placed())
    story.when(i.UpdateOrder(order=later(30, reserved(), payment="paid")))
    story.then_stage("authorised", P1)
    took(story).then_stage("captured", P1)
    assert story.state.payments[P1].captured == 2250
    assert not any(isinstance(x, e.PaymentCaptured) for x in story.events)


def test_a_declined_capture_that_the_shop_makes_itself() -> None:
    """What was refused to us waits for no one when the channel says that it is paid."""
    story = packed(placed()).refused(f.CapturePayment, "The card was declined.")
    story.when(i.UpdateOrder(order=later(30, reserved(), payment="paid")))
    story.then_stage("captured", P1).then_stage("dropped", C1).then_effects(f.BuyLabel)
    assert not story.state.stuck


def test_the_channel_says_that_the_money_is_gone() -> None:
    """What the channel calls voided is held; whoever releases it lets the goods go without it."""
    story = placed()
    story.when(i.UpdateOrder(order=later(10, reserved(), payment="voided")))
    story.then_stage("voided", P1)
    (hold,) = story.state.holds
    story.act("release", hold.hold_id)
    packed(story).then_effects(f.BuyLabel)
    assert not story.state.captures
    assert not story.state.tasks


def test_paid_after_the_money_was_gone() -> None:
    """A channel that is paid after all needs no one's consent."""
    story = placed()
    story.when(i.UpdateOrder(order=later(10, reserved(), payment="voided")))
    story.when(i.UpdateOrder(order=later(20, reserved(), payment="paid")))
    story.then_stage("captured", P1)


def test_units_that_are_cancelled_are_not_captured() -> None:
    """Only what the order still comes to is asked for."""
    story = placed()
    story.done(f.ReserveStock, f.StockReserved(place="WH1"), F1)
    story.done(f.CreateTask, f.TaskCreated(task_id="t"), F1)
    found = (f.Units("1", "SKU-1", 2),)
    story.when(i.ReportShortPicked(ref=REF, fulfilment=F1, task_id="t", found=found))
    story.act("drop", F1)
    story.when(reported())
    assert story.effect(f.CapturePayment) == f.CapturePayment(amount_minor=1500, currency="USD")


def test_no_event_asks_for_more_than_is_authorised() -> None:
    """The books refuse what no decision may say."""
    story = packed(placed())
    more = e.CaptureWanted(rule="want", key=C2, payment=P1, amount_minor=1, currency="USD")
    with pytest.raises(LedgerBroken):
        evolve(story.state, more)
    whole = e.PaymentAuthorised(rule="authorise", key=P2, amount_minor=2251, currency="USD")
    with pytest.raises(LedgerBroken):
        evolve(story.state, whole)


def test_a_late_answer_is_taken_on() -> None:
    """A capture that a person went on without, and that was made all the same, is recorded."""
    story = packed(placed()).unknown(f.CapturePayment)
    number = story.state.stuck[0].number
    story.act("skip").then_effects(f.BuyLabel)
    result = f.PaymentCaptured(amount_minor=2250)
    story.when(i.EffectDone(number=number, result=result)).then_stage("captured", C1)
    story.then_stage("captured", P1)


def test_an_unknown_capture_is_not_tried_again_while_it_is_held() -> None:
    """It would be captured where it was not: the hold is released first."""
    story = packed(placed()).unknown(f.CapturePayment).when(NEWS)
    story.act("retry").then_events(e.ActionRefused).then_effects()
    story.act("release").act("retry").then_effects(f.CapturePayment)
