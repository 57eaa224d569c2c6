"""An order's life, told as given – when – then."""

from __future__ import annotations

from pathlib import Path

import pytest
from msgspec.structs import replace

from actors.order.diagram import draw
from actors.order.evolve import evolve
from actors.order.lifecycle import FINAL, LIFECYCLE, WAITS, IllegalTransition, Stage
from actors.order.policy import Policy
from actors.order.state import INITIAL
from actors.order.steps import waiting_for
from schemas.messages import effects as f
from schemas.messages import events as e
from schemas.messages import inputs as i
from tests.given import (
    LABEL,
    PARCELS,
    Story,
    an_order,
    given_labelled,
    given_packed,
    given_placed,
    given_released,
    given_reserved,
    given_shipped,
    tags,
)

REF = "820982911946154508"


def test_a_paid_order_is_accepted_at_once_and_asks_for_stock() -> None:
    """Placing a paid order leads to accepted and to one reservation."""
    given_placed().then_events(e.Placed, e.Accepted).then_effects(f.ReserveStock)


def test_the_whole_way_from_placed_to_closed() -> None:
    """Every stage follows when every partner answers, and nothing stays open."""
    story = given_shipped().then_stage("shipped").then_effects(f.PublishFulfilment)
    story.done(f.PublishFulfilment, f.FulfilmentPublished(fulfilment_id="f-1"))
    story.when(i.TimerFired(name="track"))
    story.done(f.TrackShipment, f.Tracked(status="delivered")).then_stage("closed")
    assert story.state.open == ()
    assert story.last is not None
    assert story.last.clear_timers == ("due", "track", "stock", "close", "mapping")
    assert tags(story.events)[-2:] == ["order.delivered.v1", "order.closed.v1"]


def test_reserved_orders_go_to_erp_warehouse_and_customer_in_parallel() -> None:
    """A reservation leads to three effects at once."""
    given_reserved().then_effects(f.PostSalesOrder, f.CreateWarehouseTask, f.SendMail)


def test_one_answer_that_says_delivered_ships_and_delivers() -> None:
    """A first look at the carrier may find the parcel delivered already."""
    story = given_labelled().when(i.TimerFired(name="track")).then_events(e.Asked)
    story.done(f.TrackShipment, f.Tracked(status="delivered"))
    story.then_events(e.Shipped, e.Delivered).then_effects(f.PublishFulfilment)
    story.done(f.PublishFulfilment, f.FulfilmentPublished(fulfilment_id="f")).then_stage("closed")


def test_closing_waits_for_a_slow_erp() -> None:
    """An order whose ERP posting is still under way is delivered, not closed."""
    story = given_reserved().done(f.CreateWarehouseTask, f.TaskCreated(task_id="t"))
    story.done(f.SendMail, f.MailSent(message_id="m"))
    story.when(i.ReportPacked(ref=REF, task_id="t", parcels=PARCELS)).done(f.BuyLabel, LABEL)
    story.when(i.TimerFired(name="track"))
    story.done(f.TrackShipment, f.Tracked(status="delivered"))
    story.done(f.PublishFulfilment, f.FulfilmentPublished(fulfilment_id="f"))
    story.then_stage("delivered")
    story.done(f.PostSalesOrder, f.SalesOrderPosted(erp_id="e", number="S")).then_stage("closed")


def test_a_delivered_order_stays_open_as_long_as_the_policy_says() -> None:
    """With a closing delay the order closes by its timer."""
    story = given_shipped()
    story.policy = Policy(close_after_seconds=60)
    story.done(f.PublishFulfilment, f.FulfilmentPublished(fulfilment_id="f"))
    story.when(i.TimerFired(name="track"))
    story.done(f.TrackShipment, f.Tracked(status="delivered")).then_stage("delivered")
    assert story.last is not None
    assert "close" in dict(story.last.set_timers)
    story.when(i.TimerFired(name="close")).then_stage("closed")


def test_an_unpaid_order_waits_for_its_payment() -> None:
    """A pending order is placed and waits; the payment accepts it."""
    story = given_placed(payment="pending").then_stage("placed").then_effects()
    assert waiting_for(story.state) == "the customer's payment"
    story.when(i.ConfirmPayment(ref=REF)).then_events(e.PaymentConfirmed, e.Accepted)


def test_a_payment_before_the_order_is_kept_and_joined() -> None:
    """Paid before created: the payment waits for the order, and then counts."""
    story = Story().when(i.ConfirmPayment(ref=REF, paid_minor=2250)).then_stage("expected")
    assert "the channel" in waiting_for(story.state)
    story.when(i.PlaceOrder(order=an_order(payment="pending"))).then_events(e.Placed, e.Accepted)


def test_a_payment_that_brings_the_order_places_it_and_the_late_create_is_stale() -> None:
    """Shopify's paid webhook holds the whole order, so nothing needs to wait."""
    story = Story().when(i.ConfirmPayment(ref=REF, order=an_order()))
    story.then_events(e.Placed, e.Accepted)
    story.when(i.PlaceOrder(order=an_order(payment="pending"))).then_events()


def test_a_test_order_touches_no_partner_until_a_person_says_so() -> None:
    """No stock, no ERP, no label is spent on an order that its channel marks as a test."""
    story = given_placed(test=True).then_events(e.Placed, e.Held).then_effects()
    story.when(i.ActOnOrder(ref=REF, verb="release", person="ann", reason="end-to-end test"))
    story.then_events(e.HoldReleased, e.Accepted).then_effects(f.ReserveStock)
    story = Story(policy=Policy(accept_test_orders=True))
    story.when(i.PlaceOrder(order=an_order(test=True))).then_effects(f.ReserveStock)


def test_a_second_webhook_for_the_same_order_changes_nothing() -> None:
    """The same statement again is stale."""
    given_placed().when(i.PlaceOrder(order=an_order())).then_events().then_effects()


def test_short_stock_is_tried_again_until_it_is_there() -> None:
    """A backordered order names the SKUs it waits for and tries again."""
    story = given_placed().done(f.ReserveStock, f.StockShort(skus=("SKU-1",)))
    story.then_stage("backordered")
    assert waiting_for(story.state) == "stock of SKU-1"
    story.when(i.TimerFired(name="stock")).then_effects(f.ReserveStock)
    story.done(f.ReserveStock, f.StockReserved(place="WH1")).then_stage("reserved")


def test_an_order_with_nothing_to_ship_needs_no_warehouse() -> None:
    """Digital goods go to the ERP and the customer, and back to the storefront."""
    card = replace(an_order().lines[0], requires_shipping=False)
    story = given_reserved(lines=(card,)).then_stage("delivered")
    story.then_effects(f.PostSalesOrder, f.SendMail, f.PublishFulfilment)


def test_cancel_before_anything_is_done_is_final_at_once() -> None:
    """An unpaid order has nothing to undo."""
    story = given_placed(payment="pending").when(i.CancelOrder(ref=REF, reason="customer"))
    story.then_events(e.CancelRequested, e.Cancelled).then_stage("cancelled")


def test_cancel_undoes_in_reverse_what_was_done() -> None:
    """A labelled order gives back label, task, ERP order and stock, in this order."""
    story = given_labelled().when(i.CancelOrder(ref=REF, reason="customer"))
    story.then_effects(f.VoidLabel)
    for kind in (f.VoidLabel, f.CancelWarehouseTask, f.DeleteSalesOrder, f.ReleaseStock):
        story.done(kind, f.Undone())
    story.then_stage("cancelled").then_effects(f.SendMail)
    undone = [x.what for x in story.events if isinstance(x, e.Compensated)]
    assert undone == ["label", "warehouse", "erp", "stock"]
    story.done(f.SendMail, f.MailSent(message_id="m-2"))
    assert story.state.told == ("order_confirmed", "order_cancelled")


def test_a_cancel_racing_the_label_lets_the_purchase_settle_and_then_voids_it() -> None:
    """While the label is being bought nothing is undone; afterwards it is voided first."""
    story = given_packed().when(i.CancelOrder(ref=REF)).then_stage("cancelling").then_effects()
    story.done(f.BuyLabel, LABEL).then_events(e.Labelled).then_effects(f.VoidLabel)


def test_a_cancel_racing_a_refused_label_goes_on_undoing_the_rest() -> None:
    """When no label was sold there is none to void."""
    story = given_packed().when(i.CancelOrder(ref=REF))
    story.when(i.EffectRefused(number=story.number(f.BuyLabel), reason="No such address."))
    story.then_effects(f.CancelWarehouseTask)


def test_a_cancel_after_a_label_of_unknown_fate_waits_for_a_person() -> None:
    """No one may say cancelled while a label may exist; a person's retry finds and voids it."""
    story = given_packed().when(i.CancelOrder(ref=REF))
    number = story.number(f.BuyLabel)
    story.when(i.EffectGivenUp(number=number, reason="Can't tell.", outcome_known=False))
    story.then_stage("cancelling").then_effects()
    story.when(i.ActOnOrder(ref=REF, verb="retry", person="ann")).then_effects(f.BuyLabel)
    assert story.last is not None
    assert story.last.effects[0].attempts == 1
    story.done(f.BuyLabel, LABEL).then_effects(f.VoidLabel)


def test_whoever_may_have_been_told_of_the_order_is_told_of_its_end() -> None:
    """A confirmation of unknown fate may have been read; silence would let the customer wait."""
    story = given_reserved()
    number = story.number(f.SendMail)
    story.when(i.EffectGivenUp(number=number, reason="May be sent.", outcome_known=False))
    story.done(f.PostSalesOrder, f.SalesOrderPosted(erp_id="e", number="S"))
    story.done(f.CreateWarehouseTask, f.TaskCreated(task_id="t"))
    story.when(i.CancelOrder(ref=REF))
    for kind in (f.CancelWarehouseTask, f.DeleteSalesOrder, f.ReleaseStock):
        story.done(kind, f.Undone())
    story.then_stage("cancelled").then_effects(f.SendMail)


def test_a_cancel_before_the_order_meets_it_at_birth() -> None:
    """A cancellation that comes first is kept, and the order is cancelled when it comes."""
    story = Story().when(i.CancelOrder(ref=REF)).then_stage("expected")
    story.when(i.PlaceOrder(order=an_order())).then_events(e.Placed, e.Cancelled).then_effects()


def test_a_cancel_after_hand_over_is_refused_with_the_reason() -> None:
    """A shipped order needs a return, not a cancellation."""
    story = given_shipped().when(i.CancelOrder(ref=REF)).then_events(e.CancelRefused)
    story.then_stage("shipped")


def test_a_compensation_that_is_refused_waits_for_a_person() -> None:
    """A warehouse that has handed over already refuses; the order says so and waits."""
    story = given_released().when(i.CancelOrder(ref=REF))
    number = story.number(f.CancelWarehouseTask)
    story.when(i.EffectRefused(number=number, reason="It was handed over.")).then_effects()
    assert waiting_for(story.state) == "a person: It was handed over."
    story.when(i.ActOnOrder(ref=REF, verb="skip", person="ann")).then_effects(f.DeleteSalesOrder)


def test_packed_before_the_warehouse_answered_is_taken() -> None:
    """The ship notice is the truth, even when the answer to our request is still missing."""
    story = given_reserved().when(i.ReportPacked(ref=REF, task_id="t", parcels=PARCELS))
    story.then_stage("packed").then_effects(f.BuyLabel)
    story.done(f.CreateWarehouseTask, f.TaskCreated(task_id="t")).then_stage("packed")


def test_a_second_packed_changes_nothing() -> None:
    """One order buys one label, however often the warehouse reports."""
    given_packed().when(
        i.ReportPacked(ref=REF, task_id="t-1", parcels=PARCELS)
    ).then_events().then_effects()


def test_a_short_pick_holds_the_order_until_a_person_decides() -> None:
    """Irreversible work waits; the release lets the label be bought."""
    short = i.ShortLine(line_id="1", ordered_quantity=2, picked_quantity=1)
    story = given_released().when(i.ReportShortPicked(ref=REF, task_id="t-1", lines=(short,)))
    story.then_events(e.ShortPicked, e.Held)
    story.when(i.ReportPacked(ref=REF, task_id="t-1", parcels=PARCELS)).then_effects()
    assert "a person" in waiting_for(story.state)
    story.when(i.ActOnOrder(ref=REF, verb="release", person="ann", reason="ship it"))
    story.then_events(e.HoldReleased).then_effects(f.BuyLabel)


def test_a_refused_effect_is_given_to_a_person_and_retried_by_one() -> None:
    """A refusal names its reason; the retry asks again."""
    story = given_packed()
    story.when(i.EffectRefused(number=story.number(f.BuyLabel), reason="No such postal code."))
    story.then_events(e.GivenToPerson)
    story.when(i.ActOnOrder(ref=REF, verb="retry", person="ann")).then_effects(f.BuyLabel)


def test_an_unconfirmed_mail_does_not_stop_the_order() -> None:
    """A mail no one can look up is shown to a person while the order closes."""
    story = given_reserved()
    story.done(f.PostSalesOrder, f.SalesOrderPosted(erp_id="e", number="S"))
    story.done(f.CreateWarehouseTask, f.TaskCreated(task_id="t"))
    mail = story.number(f.SendMail)
    story.when(i.EffectGivenUp(number=mail, reason="May be sent.", outcome_known=False))
    story.when(i.ReportPacked(ref=REF, task_id="t", parcels=PARCELS)).done(f.BuyLabel, LABEL)
    story.when(i.TimerFired(name="track"))
    story.done(f.TrackShipment, f.Tracked(status="delivered"))
    story.done(f.PublishFulfilment, f.FulfilmentPublished(fulfilment_id="f"))
    story.then_stage("closed")
    assert story.state.stuck


def test_an_answer_to_a_settled_effect_changes_nothing() -> None:
    """The same answer twice settles once."""
    story = given_placed()
    number = story.number(f.ReserveStock)
    answer = i.EffectDone(number=number, result=f.StockReserved(place="WH1"))
    story.when(answer).when(answer).then_events().then_effects()


def test_an_address_change_before_work_is_taken_over() -> None:
    """An unpaid order takes the channel's change."""
    story = given_placed(payment="pending")
    newer = an_order(
        payment="pending", updated_at="2026-11-27T12:30:00Z", lines=an_order().lines[:1]
    )
    story.when(i.UpdateOrder(order=newer)).then_events(e.Amended)
    assert len(story.state.lines) == 1


def test_a_change_after_work_began_is_held_for_a_person() -> None:
    """What can't change by itself any more waits for a person, and the label with it."""
    story = given_released()
    newer = an_order(updated_at="2026-11-27T12:30:00Z", lines=an_order().lines[:1])
    story.when(i.UpdateOrder(order=newer)).then_events(e.UpdateNoted, e.Held)
    story.when(i.ReportPacked(ref=REF, task_id="t-1", parcels=PARCELS)).then_effects()


def test_an_echo_of_our_own_write_back_is_only_noted() -> None:
    """An update that changes nothing that matters has no effect; an older one none at all."""
    story = given_released()
    story.when(i.UpdateOrder(order=an_order(updated_at="2026-11-27T12:30:00+00:00", note="hi")))
    story.then_events(e.UpdateNoted).then_effects()
    story.when(i.UpdateOrder(order=an_order(updated_at="2026-11-27T12:00:00Z"))).then_events()


def test_a_parcel_that_does_not_move_is_asked_about_again() -> None:
    """Tracking that says nothing new sets the next look."""
    story = given_labelled().when(i.TimerFired(name="track"))
    story.done(f.TrackShipment, f.Tracked(status="label_created")).then_events(e.Tracked)
    assert story.last is not None
    assert "track" in dict(story.last.set_timers)


def test_an_overdue_stage_raises_an_alarm_and_sets_the_next() -> None:
    """What waits too long says so, names whom it waits for, and never goes silent."""
    story = given_released().when(i.TimerFired(name="due")).then_events(e.Overdue)
    assert story.state.overdue
    assert story.last is not None
    assert "due" in dict(story.last.set_timers)
    story.when(i.ReportPacked(ref=REF, task_id="t-1", parcels=PARCELS))
    assert not story.state.overdue


def test_a_person_is_told_why_an_action_cannot_be_done() -> None:
    """A release without a hold and an unknown verb are answered in words."""
    story = given_released().when(i.ActOnOrder(ref=REF, verb="release", person="ann"))
    story.then_events(e.ActionRefused)
    story.when(i.ActOnOrder(ref=REF, verb="dance", person="ann")).then_events(e.ActionRefused)


def test_the_table_forbids_what_it_does_not_name() -> None:
    """No code can label an order that was never packed."""
    with pytest.raises(IllegalTransition, match=r"order\.closed\.v1"):
        evolve(INITIAL, e.Closed(rule="close"))


def test_every_open_stage_says_whom_it_waits_for_and_until_when() -> None:
    """Each stage that is not final has a wait, and the policy knows its duration."""
    policy = Policy()
    for stage in Stage:
        if stage not in FINAL and stage is not Stage.NEW:
            assert getattr(policy, WAITS[stage].due) > 0


def test_every_rule_of_the_table_is_used_by_the_code() -> None:
    """No row is dead: each rule's name stands in the pure modules."""
    root = Path(__file__).parents[2] / "actors" / "order"
    code = "".join(
        (root / f"{m}.py").read_text() for m in ("requests", "facts", "mapping", "replies", "steps")
    )
    assert [r.rule for r in LIFECYCLE if f'"{r.rule}"' not in code] == []


def test_the_picture_is_the_table() -> None:
    """docs/lifecycle.md is what the table draws."""
    page = Path(__file__).parents[2] / "docs" / "lifecycle.md"
    assert page.read_text() == draw()
