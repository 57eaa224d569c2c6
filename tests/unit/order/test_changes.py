"""Orders that change: what is not done follows, what is done is undone and done again, and the rest
is one person's task that names what differs."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from actors.kernel.setup import Place
from actors.order import change
from actors.order.stream import row_of, waiting_for
from schemas.messages import effects as f
from schemas.messages import events as e
from schemas.messages import inputs as i
from schemas.order.canonical import Acquisition, Order, Tender
from tests.given import (
    D1,
    ELSEWHERE,
    F1,
    F2,
    K1,
    K2,
    L1,
    L2,
    M2,
    POSTED,
    REF,
    RESERVED,
    SENT,
    SETUP,
    Story,
    a_line,
    an_order,
    given_closed,
    given_labelled,
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

MOVED = later(10, ship_to=ELSEWHERE)
CUP, JAR = an_order().lines


def updated(order: Order, *shown: i.OutsideShipment) -> i.UpdateOrder:
    """The channel says how the order looks now."""
    return i.UpdateOrder(order=order, fulfilled=shown)


def cheaper(order: Order, *lines: object) -> Order:
    """Return the order with these lines, and totals that add up."""
    made = order_of(*lines)  # type: ignore[arg-type]  # lines
    totals = replace(made.totals, shipping_minor=500, total_minor=made.totals.subtotal_minor + 500)
    return replace(order, lines=made.lines, totals=totals)


# --- before anything is done ----------------------------------------------------------------------


def test_an_unpaid_order_takes_every_change() -> None:
    """What was ordered is what the channel said last."""
    story = given_placed(payment="pending")
    story.when(updated(cheaper(later(10, payment="pending"), CUP)))
    story.then_events(e.Changed, e.UnitsDropped)
    assert story.counts(1) == {"q": 1, "m": 1}
    story.when(i.ConfirmPayment(ref=REF)).then_events(
        e.PaymentConfirmed, e.Accepted, e.FulfilmentPlanned
    )
    assert story.effect(f.ReserveStock).units == (f.Units("1", "SKU-1", 2),)  # type: ignore[union-attr]  # reserving


def test_the_payment_may_bring_the_change_along() -> None:
    """Its own message may come later, or never."""
    story = given_placed(payment="pending")
    paid = cheaper(later(10), CUP)
    story.when(i.ConfirmPayment(ref=REF, order=paid))
    story.then_events(
        e.PaymentConfirmed, e.Changed, e.Accepted, e.UnitsDropped, e.FulfilmentPlanned
    )


def test_an_address_before_the_task_changes_nothing_that_was_told() -> None:
    """A reserved order whose task is still to come is told the new address alone."""
    story = given_placed().when(updated(MOVED)).then_events(e.Changed).then_effects()
    story.done(f.ReserveStock, RESERVED).then_effects(f.CreateTask, f.PostSalesOrder, f.SendMail)
    assert story.order is not None
    assert story.order.ship_to == ELSEWHERE


def test_how_the_customer_came_is_kept_where_a_later_statement_is_silent() -> None:
    """A webhook tells it, and the same order fetched later does not; another telling counts."""
    story = given_placed(acquisition=Acquisition(landing_page="/lamps"))
    story.when(updated(MOVED)).then_events(e.Changed)
    assert story.order is not None
    assert story.order.ship_to == ELSEWHERE
    assert story.order.acquisition == Acquisition(landing_page="/lamps")
    told = later(20, acquisition=Acquisition(landing_page="/jars"))
    story.when(updated(told)).then_events(e.Changed)
    assert story.order.acquisition == Acquisition(landing_page="/jars")


@pytest.mark.parametrize(
    "changes",
    [
        {"ship_by": "2026-11-28T10:00:00Z"}, {"deliver_by": "2026-12-01"},
        {"pickup_at": "2026-12-01"}, {"parent_ref": "7"},
    ],
)  # fmt: skip
def test_dates_and_references_that_change_reissue_the_task_and_amend_the_erp(
    changes: dict[str, Any],
) -> None:
    """They stand on papers, as a note does; what only tells of the payment is not asked again."""
    story = given_released().when(updated(later(10, **changes))).then_events(e.Changed, e.Stopped)
    story.then_effects(f.CancelTask)
    paid = given_released().when(updated(later(10, tenders=(Tender(amount_minor=1),))))
    paid.then_events(e.UpdateNoted)


# --- the address ----------------------------------------------------------------------------------


def test_an_address_changed_at_the_warehouse_reissues_its_task() -> None:
    """The old task is cancelled, its stock given back, and the units leave as a new fulfilment; the
    ERP follows. No one is asked."""
    story = given_released().when(updated(MOVED)).then_events(e.Changed, e.Stopped)
    story.then_effects(f.CancelTask)
    story.done(f.CancelTask, f.Undone()).then_effects(f.ReleaseStock)
    story.done(f.ReleaseStock, f.Undone())
    story.then_events(e.StockReleased, e.FulfilmentCancelled, e.FulfilmentPlanned)
    story.then_effects(f.ReserveStock, f.AmendSalesOrder)
    story.done(f.AmendSalesOrder, f.SalesOrderAmended(digest="r2")).done(f.ReserveStock, RESERVED)
    story.then_effects(f.CreateTask)
    assert [x.key for x in story.state.open] == [F2]
    assert not row_of(story.state).attention


def test_an_address_changed_after_packing_and_before_the_label_only_changes_the_label() -> None:
    """The parcel is packed; the label that is bought next says where it goes. One that was refused
    for the former address is tried again by itself."""
    story = given_packed().refused(f.BuyLabel, "No such street.")
    story.when(updated(MOVED)).then_events(e.Changed, e.Renewed, e.LabelWanted)
    assert not story.state.stuck
    assert story.number(f.BuyLabel, L2)


def test_an_address_changed_after_the_label_voids_and_buys_it_again() -> None:
    """The new label is a new thing with a reference of its own."""
    story = given_labelled().when(updated(MOVED)).then_events(e.Changed, e.LabelStopped)
    story.then_effects(f.VoidLabel, f.AmendSalesOrder)
    story.done(f.VoidLabel, f.Undone()).then_events(e.LabelVoided, e.LabelWanted)
    story.then_effects(f.BuyLabel).done(f.BuyLabel, sold(K1, shipment="1Z-T"), L2)
    assert story.state.parcels[K1].label == L2
    assert story.stage("L1") == "voided"


def test_a_label_being_bought_while_the_address_changes_is_voided_by_itself() -> None:
    """The answer may be for the old address, so it is not used."""
    story = given_packed().when(updated(MOVED)).then_events(e.Changed)
    story.done(f.BuyLabel, sold(K1)).then_events(e.LabelBought, e.LabelStopped)
    story.then_effects(f.VoidLabel)


def test_a_3pl_with_its_own_labels_is_reissued_also_after_packing() -> None:
    """Its label has the old address, and no one else can change it."""
    setup = replace(SETUP, places=(Place(name="3PL", warehouse="3pl", labels="them"),))
    story = given_packed(Story(setup=setup)).when(updated(MOVED))
    story.then_events(e.Changed, e.Stopped).then_effects(f.CancelTask)


def test_a_phone_number_reissues_nothing() -> None:
    """The customer's contact is told to the ERP, and to whoever is told something next."""
    customer = replace(an_order().customer, phone="+1 207 555 0142")
    story = given_labelled().when(updated(later(10, customer=customer)))
    story.then_events(e.Changed).then_effects(f.AmendSalesOrder)


# --- lines ----------------------------------------------------------------------------------------


def test_an_added_line_leaves_as_a_fulfilment_of_its_own() -> None:
    """What is at the warehouse goes on; the ERP's order gets both."""
    tea = a_line("3", 1, 900)
    story = given_released().when(updated(cheaper(later(10), CUP, JAR, tea)))
    story.then_events(e.Changed, e.FulfilmentPlanned)
    story.then_effects(f.ReserveStock, f.AmendSalesOrder)
    amended = story.effect(f.AmendSalesOrder)
    assert isinstance(amended, f.AmendSalesOrder)
    assert [x.line_id for x in amended.units] == ["1", "2", "3"]
    assert story.state.fulfilments[F2].left == ((2, 1),)


def test_a_line_removed_before_the_task_is_given_back_alone() -> None:
    """The fulfilment shrinks; nothing is undone that still holds."""
    story = given_reserved(Story(setup=replace(SETUP, erp="", mail="")))
    story.refused(f.CreateTask, "closed today")
    story.when(updated(cheaper(later(10), CUP)))
    # Refused, and not for what it asks for by now: a new attempt is a new fulfilment.
    story.then_events(e.Changed, e.Shrunk, e.UnitsDropped, e.Renewed)
    story.then_effects(f.ReleaseStock)


def test_a_line_removed_while_picking_cancels_and_reissues_the_task() -> None:
    """The goods that stay are planned again, and only they."""
    story = given_released().when(i.ReportPicked(ref=REF, fulfilment=F1, task_id="t-F1"))
    story.when(updated(cheaper(later(10), CUP))).then_events(e.Changed, e.Stopped)
    story.done(f.CancelTask, f.CancelAsked()).then_events(e.CancelAsked).then_effects()
    story.when(i.ReportTaskCancelled(ref=REF, fulfilment=F1, task_id="t-F1"))
    story.done(f.ReleaseStock, f.Undone())
    story.then_events(e.StockReleased, e.FulfilmentCancelled, e.UnitsDropped, e.FulfilmentPlanned)
    assert story.state.fulfilments[F2].left == ((0, 2),)
    assert story.counts(1) == {"q": 1, "m": 1}


def test_another_sku_under_the_same_line_is_another_line() -> None:
    """The old units go, the new ones are planned."""
    swapped = replace(JAR, sku="SKU-9")
    story = given_placed().when(updated(cheaper(later(10), CUP, swapped)))
    story.done(f.ReserveStock, RESERVED).then_events(e.StockReserved, e.Shrunk, e.UnitsDropped)
    assert [line.sku for line in story.state.lines] == ["SKU-1", "SKU-2", "SKU-9"]
    assert story.counts(2) == {"p": 1, "a": 1}


def test_an_exchange_opens_a_closed_order_again() -> None:
    """The added line is owed, and ships; the rest of the statement changes nothing."""
    story = given_closed()
    swap = a_line("3", 1, 1000, sku="SWAP-BLUE")
    story.when(updated(cheaper(later(10), CUP, JAR, swap)))
    story.then_events(e.Changed, e.Reopened, e.FulfilmentPlanned).then_stage("accepted")
    story.then_effects(f.ReserveStock, f.AmendSalesOrder)


def test_what_was_added_and_is_not_paid_waits() -> None:
    """The units that were paid go on; the new ones wait for their money."""
    tea = a_line("3", 1, 900)
    story = given_released()
    story.when(updated(cheaper(later(10, payment="partially_paid"), CUP, JAR, tea)))
    story.then_events(e.Changed)
    assert story.counts(2) == {"p": 1, "o": 1}
    story.when(packed()).then_effects(f.BuyLabel)
    story.when(i.ConfirmPayment(ref=REF)).then_events(e.PaymentConfirmed, e.FulfilmentPlanned)


def test_five_edits_of_an_app_with_echoes_between_end_in_one_task() -> None:
    """Every edit follows, no hold piles up, and the ERP is told what the order says last."""
    story = given_released()
    for minute in range(10, 20, 2):
        count = 2 + minute % 3
        line = replace(CUP, quantity=count, total_minor=500 * count)
        order = cheaper(later(minute), line, JAR)
        story.when(updated(order)).when(
            updated(replace(order, updated_at=later(minute + 1).updated_at))
        )
    assert story.state.holds == ()
    for _ in range(40):
        if not story.state.open or all(x.kind.startswith("warehouse") for x in story.state.open):
            break
        intent = next(x for x in story.state.open if not x.kind.startswith("warehouse.create"))
        answer: f.Result = f.Undone()
        match story.effects[intent.number]:
            case f.ReserveStock():
                answer = RESERVED
            case f.AmendSalesOrder(digest=digest):
                answer = f.SalesOrderAmended(digest=digest)
        story.when(i.EffectDone(number=intent.number, result=answer))
    document = story.state.documents[D1]
    assert document.told == story.state.book
    assert sum(dict(x.left).get(0, 0) for x in story.state.fulfilments.values()) == 2


# --- echoes and doubts ----------------------------------------------------------------------------


def test_an_echo_of_our_own_write_back_is_only_noted() -> None:
    """Nothing that we act on differs; an older statement is not even noted."""
    story = given_released()
    story.when(
        updated(later(30, attributes={"_tag": "vip", "shopify.po_number": "7"}))
    ).then_events(e.UpdateNoted)
    story.then_effects()
    story.when(updated(later(20))).then_events()


def test_two_statements_for_one_second_are_not_guessed_between() -> None:
    """Channels count in seconds: an edit in the second of the order itself is not a stale echo."""
    story = given_placed(payment="pending")
    edited = an_order(payment="pending", shipping_method="Express")
    story.when(updated(edited)).then_events(e.Held)
    story.when(updated(edited)).then_events()
    given_placed().when(updated(an_order())).then_events()


def test_money_that_went_back_holds_what_can_not_be_undone() -> None:
    """Once, until a person has looked."""
    story = given_released(payment="authorized")
    story.when(updated(later(10, payment="voided"))).then_events(e.UpdateNoted, e.Held)
    story.when(updated(later(11, payment="voided"))).then_events(e.UpdateNoted)
    story.when(packed()).then_effects()
    story.act("release").then_effects(f.BuyLabel)


def test_a_partial_refund_holds_nothing() -> None:
    """Some money back is the seller's everyday kindness."""
    story = given_released()
    story.when(updated(later(10, payment="partially_refunded"))).then_events(e.UpdateNoted)


# --- people ---------------------------------------------------------------------------------------


def edit(**changes: object) -> i.EditOrder:
    """A person changes the order here."""
    return i.EditOrder(ref=REF, person="ann", reason="she called", **changes)  # type: ignore[arg-type]  # fields


def test_a_person_may_correct_the_address_and_retry_uses_it() -> None:
    """The corrected order is what the carrier is told; the channel's statement is kept beside."""
    story = given_packed().refused(f.BuyLabel, "city is missing")
    story.when(edit(ship_to=ELSEWHERE)).then_events(e.Changed).then_effects(f.AmendSalesOrder)
    assert story.stated == an_order()
    assert story.order is not None
    assert story.order.ship_to == ELSEWHERE
    story.act("retry").then_effects(f.BuyLabel)
    story.when(updated(later(10, note="hi")))
    assert story.order.ship_to == ELSEWHERE
    assert story.order.note == "hi"


def test_the_channels_next_word_about_the_same_wins() -> None:
    """What a person changed stays until the channel itself says something else about it."""
    story = given_released().when(edit(note="ring twice"))
    story.when(updated(later(10, note="leave it at the edge")))
    assert story.order is not None
    assert story.order.note == "leave it at the edge"


def test_a_person_may_take_units_away_but_add_none() -> None:
    """Money is the channel's: what is taken away is owed."""
    story = given_placed()
    story.when(edit(lines=(i.LineEdit(line_id="1", quantity=1),))).then_events(e.Changed)
    story.done(f.ReserveStock, RESERVED)
    assert story.counts() == {"q": 2, "a": 1, "c": 1}
    assert "5.00 USD are owed" in waiting_for(story.state)
    story.when(updated(later(10, note="x"))).then_events(e.Changed)
    assert story.counts() == {"q": 2, "a": 1, "c": 1}
    story.when(edit(lines=(i.LineEdit(line_id="1", quantity=3),))).then_events(e.ActionRefused)
    story.when(edit(lines=(i.LineEdit(line_id="9", quantity=1),))).then_events(e.ActionRefused)


def test_an_edit_that_changes_nothing_or_comes_too_late_is_refused_in_words() -> None:
    """A person is told why."""
    given_released().when(edit(note="")).then_events(e.ActionRefused)
    given_closed().when(edit(note="x")).then_events(e.ActionRefused)
    story = published(given_shipped())
    story.when(edit(lines=(i.LineEdit(line_id="1", quantity=0),))).then_events(e.ActionRefused)
    refused = story.events[-1]
    assert isinstance(refused, e.ActionRefused)
    assert "have left" in refused.reason


def test_a_task_of_what_differs_closes_by_a_person_and_the_order_ends() -> None:
    """The order waits for it at its end."""
    story = published(given_shipped()).when(updated(MOVED))
    story.done(f.AmendSalesOrder, f.SalesOrderAmended(digest="r2"))
    story.when(i.TimerFired(name="track", key=K1))
    story.done(f.TrackParcel, f.Tracked(status="delivered")).then_stage("accepted")
    story.act("done", "changed").then_events(e.TaskClosed, e.Closed)


def test_an_amendment_waits_until_it_is_known_what_the_order_comes_to() -> None:
    """The ERP is told once, not for every step on the way."""
    story = given_released().when(updated(cheaper(later(10), CUP))).then_effects(f.CancelTask)
    story.done(f.CancelTask, f.Undone()).then_effects(f.ReleaseStock)
    story.done(f.ReleaseStock, f.Undone()).then_effects(f.ReserveStock, f.AmendSalesOrder)


def test_lines_that_are_exchanged_too_often_are_left_to_a_person(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """An order's lines are bounded over its whole life; nothing of what is beyond is lost."""
    monkeypatch.setattr(change, "MAX_LINES", 3)
    tea, soap = a_line("3", 1, 900), a_line("4", 1, 900)
    story = given_placed().when(updated(cheaper(later(10), CUP, JAR, tea)))
    story.when(updated(cheaper(later(11), CUP, JAR, soap)))
    story.then_events(e.UpdateNoted, e.TaskOpened)
    assert len(story.state.lines) == 3
    assert "a person: the channel exchanged its lines" in waiting_for(story.state)


__all__ = ["K2", "L1", "POSTED", "SENT", "handed_over"]


def test_what_was_refused_is_not_tried_again_for_another_reason() -> None:
    """Given an item that the ERP does not know: a note or text changes nothing about that, so a
    person is still asked; lines that change are posted as a new document."""
    story = given_reserved().refused(f.PostSalesOrder, "unknown item SKU-2")
    story.when(updated(later(10, note="ring twice")))
    assert [one.key for one in story.state.stuck] == [D1]
    story.when(updated(cheaper(later(11), CUP)))
    assert story.number(f.PostSalesOrder, "D2")


def test_a_confirmation_goes_to_the_corrected_address() -> None:
    """The mail server knows no such address; the shop corrects it."""
    story = given_reserved().refused(f.SendMail, "no such mailbox")
    customer = replace(an_order().customer, email="steve@example.org")
    story.when(updated(later(10, customer=customer)))
    assert (story.state.stuck, story.number(f.SendMail, M2) > 0) == ((), True)
