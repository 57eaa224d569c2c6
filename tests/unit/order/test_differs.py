"""What can't follow a change any more: it is left alone, asked for again, or named to a person."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from actors.kernel.setup import Place
from actors.order.stream import waiting_for
from schemas.messages import effects as f
from schemas.messages import events as e
from schemas.messages import inputs as i
from tests.given import (
    ELSEWHERE,
    F1,
    K1,
    L1,
    REF,
    RESERVED,
    SETUP,
    Story,
    a_line,
    given_labelled,
    given_packed,
    given_released,
    given_reserved,
    given_shipped,
    handed_over,
    later,
    packed,
    published,
    sold,
)
from tests.unit.order.test_changes import CUP, JAR, MOVED, cheaper, updated


def edited(**changes: object) -> i.EditOrder:
    """A person changes the order here."""
    return i.EditOrder(ref=REF, person="ann", reason="rang", **changes)  # type: ignore[arg-type]  # its fields


NO_CUPS = i.LineEdit(line_id="1", quantity=0)


def test_a_label_is_not_voided_any_more_once_its_parcel_left_under_it() -> None:
    """The warehouse was to stop first, and did not: the parcel keeps the label it travels with."""
    story = given_labelled().when(edited(ship_to=ELSEWHERE, lines=(NO_CUPS,)))
    story.then_effects(f.CancelTask)
    story.when(handed_over())
    assert e.LabelStopDropped in [type(x) for x in story.events]
    assert "L1 carrier.void_label.v2" not in story.open_kinds()
    assert story.state.labels[L1].stop is False


def test_a_refused_void_of_a_label_in_use_needs_no_one() -> None:
    """The parcel left while the carrier was asked; of one that is still here a person must look."""
    story = given_labelled().when(updated(MOVED)).when(handed_over())
    story.refused(f.VoidLabel, "it was scanned").then_events(e.LabelStopDropped)
    assert not story.state.stuck
    story = given_labelled().when(updated(MOVED)).refused(f.VoidLabel, "not today")
    story.then_events(e.GivenToPerson).when(handed_over())
    assert not story.state.stuck
    story = given_labelled().when(updated(MOVED)).unknown(f.VoidLabel).when(handed_over())
    assert [x.key for x in story.state.stuck] == [L1]


def test_an_address_changed_after_hand_over_is_one_task_that_names_it() -> None:
    """What has left can't follow: a person hears of the parcel and its number, once."""
    story = published(given_shipped()).when(updated(MOVED))
    story.then_events(e.Changed, e.TaskOpened).then_effects(f.AmendSalesOrder)
    assert waiting_for(story.state) == (
        "a person: the address changed after K1 (1Z-K1) had left: have the carrier redirect it"
    )
    story.when(updated(later(11, MOVED))).then_events(e.UpdateNoted)
    assert len(story.state.tasks) == 1
    story.when(i.TimerFired(name="track", key=K1))
    story.done(f.TrackParcel, f.Tracked(status="delivered"))
    assert waiting_for(story.state) == (
        "a person: the address changed after K1 (1Z-K1) had left: it has arrived, so ask the "
        "customer whether they have it"
    )


def test_a_warehouse_that_does_not_stop_leaves_the_difference_to_a_person() -> None:
    """The wish is dropped, and the task goes on; what differs is named, and what to do."""
    story = given_released().when(updated(MOVED)).refused(f.CancelTask, "on the conveyor")
    story.then_events(e.StopDropped, e.TaskOpened)
    assert waiting_for(story.state) == (
        "a person: the warehouse does not stop F1 (on the conveyor); its task says the former "
        "address: have it corrected"
    )
    story.when(packed()).then_effects(f.BuyLabel)


def test_a_task_names_the_lines_that_a_warehouse_goes_on_with() -> None:
    """So many where the order has so many, with what changed beside it."""
    changed = cheaper(later(10, note="ring twice"), a_line("1", 1), JAR)
    story = given_released().when(updated(changed)).refused(f.CancelTask, "too late")
    assert waiting_for(story.state) == (
        "a person: the warehouse does not stop F1 (too late); its task says 2 × SKU-1 of line 1 "
        "where the order has 1, the former note, gift message or dates: have it corrected, or have "
        "what is too much sent back"
    )
    story.when(updated(cheaper(later(11, note="ring twice"), a_line("1", 1))))
    assert story.state.tasks[0].words.endswith(
        "; 1 × SKU-1 of line 1 were removed, 1 × SKU-2 of line 2 were removed, and the warehouse "
        "does not stop F1 (task t-F1): tell the warehouse"
    )


def test_a_refusal_of_what_the_order_said_before_is_no_persons() -> None:
    """Another attempt says what the order says by now; what is refused then is a person's."""
    story = given_packed().when(updated(MOVED)).refused(f.BuyLabel, "no such street")
    story.then_events(e.Renewed, e.LabelWanted).then_effects(f.BuyLabel)
    story.refused(f.BuyLabel, "no such street either").then_events(e.GivenToPerson)

    story = given_reserved().when(updated(MOVED)).refused(f.CreateTask, "no such street")
    story.then_events(e.Renewed).then_effects(f.ReleaseStock)
    story.done(f.ReleaseStock, f.Undone()).done(f.ReserveStock, RESERVED)
    story.then_effects(f.CreateTask).refused(f.CreateTask).then_events(e.GivenToPerson)

    story = given_labelled().when(updated(MOVED))
    story.when(updated(later(11, ship_to=replace(ELSEWHERE, city="Paris"))))
    story.refused(f.AmendSalesOrder, "no such town").then_events(e.AnswerNoted)
    story.then_effects(f.AmendSalesOrder).refused(f.AmendSalesOrder).then_events(e.GivenToPerson)


def test_a_line_removed_while_the_erp_is_asked_is_not_booked() -> None:
    """The ERP refuses a line without a price; the next document has only those that are left."""
    story = given_reserved().when(updated(cheaper(later(10), JAR)))
    story.refused(f.PostSalesOrder, "no line 1").then_events(e.Renewed)
    story.done(f.CreateTask, f.TaskCreated(task_id="t-F1")).done(f.CancelTask, f.Undone())
    story.done(f.ReleaseStock, f.Undone()).done(f.ReserveStock, RESERVED)
    posted = story.effect(f.PostSalesOrder)
    assert isinstance(posted, f.PostSalesOrder)
    assert posted.units == (f.Units("2", "SKU-2", 1),)


def test_a_change_that_was_taken_back_leaves_nothing_to_do() -> None:
    """The warehouse does not stop, and what it sends is what the order says again."""
    story = given_released().when(updated(cheaper(later(10), a_line("1", 1), JAR)))
    story.when(updated(cheaper(later(11), CUP, JAR))).refused(f.CancelTask, "too late")
    assert not story.state.tasks
    assert story.state.fulfilments[F1].left == ((0, 2), (1, 1))
    assert len(story.state.fulfilments) == 1


def test_goods_that_leave_before_they_could_be_stopped_are_named() -> None:
    """What is too much, where it goes, and what a person can do about either."""
    story = given_labelled().when(edited(ship_to=ELSEWHERE, lines=(NO_CUPS,)))
    story.when(handed_over())
    assert waiting_for(story.state) == (
        "a person: F1 left before it could be stopped, with 2 × SKU-1 of line 1 not wanted any "
        "more and the former address: have them sent back, have the carrier redirect it"
    )


def test_a_parcel_that_leaves_under_a_label_for_another_address_is_named() -> None:
    """The carrier was asked to void it, and it left all the same."""
    story = given_labelled().when(updated(MOVED)).when(handed_over())
    assert waiting_for(story.state) == (
        "a person: F1 left, with the former address: have the carrier redirect it"
    )


def test_a_line_removed_after_it_left_is_named() -> None:
    """It can't be taken back by us: the task says which and how many."""
    story = published(given_shipped()).when(updated(cheaper(later(10), CUP)))
    assert waiting_for(story.state) == (
        "a person: 1 × SKU-2 of line 2 were removed or refunded after they left: "
        "have them sent back, or charge for them, unless they are back"
    )


def test_a_refund_of_what_left_is_one_task_also_when_the_erp_refuses_it() -> None:
    """Given goods that are on their way, a refund of them and an ERP that posted its order: one
    person settles both, and the order ends when he has."""
    for how in ("refused", "posted"):
        story = published(given_shipped()).when(updated(cheaper(later(10), CUP)))
        story.then_effects(f.AmendSalesOrder)
        if how == "refused":
            story.refused(f.AmendSalesOrder, "it is invoiced.")
        else:
            number = story.number(f.AmendSalesOrder)
            story.when(i.EffectGivenUp(number=number, reason="it is invoiced.", outcome_known=True))
        story.then_events(e.DocumentAmended, e.TaskOpened)
        assert not story.state.stuck
        assert waiting_for(story.state).endswith(
            "have them sent back, or charge for them, unless they are back; bc does not take the "
            "change of S-1 (it is invoiced): correct it there, or credit what is too much"
        )
        story.act("done", "changed").when(i.TimerFired(name="track", key=K1))
        story.done(f.TrackParcel, f.Tracked(status="delivered")).then_stage("closed")


def test_who_packs_by_hand_hears_of_another_address() -> None:
    """As a warehouse does: the task ends, and another one says what changed since the order
    came."""
    story = given_reserved(Story(setup=replace(SETUP, places=(Place(name="home"),))))
    moved = i.EditOrder(ref=REF, person="ann", reason="rang", ship_to=ELSEWHERE)
    story.when(moved).then_events(e.Changed, e.Stopped, e.TaskCancelled, e.TaskClosed)
    story.done(f.ReleaseStock, f.Undone()).done(f.ReserveStock, replace(RESERVED, place="home"))
    (task,) = story.state.tasks
    assert (task.task_id, task.words) == (
        "pack-F2",
        "pack and send from home: 2 × SKU-1, 1 × SKU-2; the address changed since the order came",
    )
    story.when(moved).then_events(e.ActionRefused)


@pytest.mark.parametrize("before", [True, False])
def test_a_label_that_comes_late_names_what_has_changed_and_nothing_else(before: bool) -> None:
    """Given a parcel that leaves while its label is being bought, and another shipping method: no
    one is told to have an address redirected that is the same."""
    story = given_packed()
    change = i.UpdateOrder(order=later(5, shipping_method="express"))
    story.when(*((change, handed_over()) if before else (handed_over(), change)))
    story.done(f.BuyLabel, sold(K1))
    (task,) = story.state.tasks
    assert "shipping method" in task.words
    assert "address" not in task.words
