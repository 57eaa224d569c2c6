"""Answers that come late, twice or in the wrong order: a consequence is never ignored."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from actors.kernel.setup import Place, Setup
from schemas.messages import effects as f
from schemas.messages import events as e
from schemas.messages import inputs as i
from tests.given import (
    D1,
    F1,
    K1,
    L1,
    L2,
    MAIN,
    POSTED,
    REF,
    RESERVED,
    SENT,
    SETUP,
    Story,
    a_parcel,
    given_labelled,
    given_packed,
    given_placed,
    given_released,
    given_reserved,
    given_shipped,
    handed_over,
    later,
    packed,
    published,
    sold,
)

CANCEL = i.CancelOrder(ref=REF, reason="customer")
DROPS = replace(SETUP, short_pick="drop")


def late(story: Story, number: int, result: f.Result) -> Story:
    """A partner answers an effect that no one waits for any more."""
    return story.when(i.EffectDone(number=number, result=result))


def test_a_label_that_arrives_an_hour_after_its_skip_is_used_while_it_can_be() -> None:
    """The parcel is still here: the label is adopted, and tracked."""
    story = given_packed()
    number = story.number(f.BuyLabel)
    story.unknown(f.BuyLabel).act("skip").then_stage("skipped", "L1")
    late(story, number, sold(K1)).then_events(e.LabelBought).then_effects()
    assert story.state.parcels[K1].number == "1Z-K1"
    assert (K1, "track") in story.timers


def test_what_may_have_been_done_is_sought_after_its_skip() -> None:
    """Whether the label was bought is looked up later, and a found one ends the search; of what
    was surely not done nothing is looked for."""
    story = given_packed()
    number = story.number(f.BuyLabel)
    story.unknown(f.BuyLabel).act("skip")
    assert story.last is not None
    assert story.last.settled == ((number, "sought"),)
    late(story, number, sold(K1))
    assert story.last.settled == ((number, "done"),)
    story = given_packed()
    number = story.number(f.BuyLabel)
    story.refused(f.BuyLabel).act("skip")
    assert story.last is not None
    assert story.last.settled == ()


def test_a_label_that_arrives_after_another_was_bought_voids_itself() -> None:
    """One parcel, one label: the late one is not wanted."""
    story = given_packed()
    number = story.number(f.BuyLabel)
    story.unknown(f.BuyLabel).act("skip").when(handed_over())
    late(story, number, sold(K1)).then_events(e.LabelBought, e.LabelStopped)
    story.then_effects(f.VoidLabel)


def test_a_label_of_a_cancelled_order_reopens_it_and_is_voided() -> None:
    """The order keeps its wish to be cancelled, and ends again."""
    story = given_packed()
    number = story.number(f.BuyLabel)
    story.unknown(f.BuyLabel).act("skip").when(CANCEL)
    for kind in (f.CancelTask, f.ReleaseStock, f.CancelSalesOrder):
        story.done(kind, f.Undone())
    story.done(f.SendMail, SENT).then_stage("cancelled")
    late(story, number, sold(K1)).then_events(e.LabelBought, e.Reopened)
    story.then_effects(f.VoidLabel)
    story.done(f.VoidLabel, f.Undone()).then_stage("cancelled")


def test_a_task_that_was_taken_after_all_is_cancelled() -> None:
    """A cancelled fulfilment revives to stop what turned out to exist."""
    story = given_reserved()
    number = story.number(f.CreateTask)
    story.done(f.PostSalesOrder, POSTED).done(f.SendMail, SENT)
    story.unknown(f.CreateTask).act("skip").then_events(e.Skipped, e.LeftToPerson, e.TaskOpened)
    story.when(CANCEL).then_effects(f.ReleaseStock)
    for kind in (f.ReleaseStock, f.CancelSalesOrder):
        story.done(kind, f.Undone())
    story.then_stage("cancelled")
    late(story, number, f.TaskCreated(task_id="t-9")).then_events(e.TaskTaken, e.Reopened)
    story.then_effects(f.CancelTask)
    assert story.effect(f.CancelTask) == f.CancelTask(task_id="t-9")
    story.done(f.CancelTask, f.Undone()).then_stage("cancelled", "F1")


def test_a_late_task_takes_the_packing_from_the_person() -> None:
    """The warehouse packs it, so the person who was told to is told no more."""
    story = given_reserved()
    number = story.number(f.CreateTask)
    story.unknown(f.CreateTask).act("skip")
    assert [x.task_id for x in story.state.tasks] == ["pack-F1"]
    late(story, number, f.TaskCreated(task_id="t-9")).then_events(e.TaskTaken, e.TaskClosed)
    assert not story.state.tasks


@pytest.mark.parametrize("labels", ["us", "them"])
def test_a_late_task_of_what_a_person_packed_is_cancelled_by_a_person(labels: str) -> None:
    """It is packed, or gone: the warehouse must not send it once more."""
    story = given_reserved(Story(setup=replace(SETUP, places=(replace(MAIN, labels=labels),))))
    number = story.number(f.CreateTask)
    story.unknown(f.CreateTask).act("skip").act("done", "pack-F1")
    story.then_stage("packed" if labels == "us" else "handed_over", "F1")
    late(story, number, f.TaskCreated(task_id="t-9")).then_events(e.TaskTaken, e.TaskOpened)
    assert story.state.tasks[0].words == (
        "F1 was left to a person, and the warehouse turned out to have the task t-9 for the same "
        "goods: have the warehouse cancel it, or it sends them as well"
    )


def test_a_reservation_that_was_made_after_all_is_given_back() -> None:
    """Stock must not stay reserved for an order that is gone."""
    story = given_placed()
    number = story.number(f.ReserveStock)
    story.unknown(f.ReserveStock).act("skip").then_events(e.Skipped, e.StockGranted)
    story.done(f.PostSalesOrder, POSTED).done(f.CreateTask, f.TaskCreated(task_id="t"))
    story.done(f.SendMail, SENT).when(CANCEL)
    for kind in (f.CancelTask, f.CancelSalesOrder):
        story.done(kind, f.Undone())
    story.then_stage("cancelled")
    late(story, number, RESERVED).then_events(e.StockReserved, e.Reopened)
    story.then_effects(f.ReleaseStock)


def skipped_reservation(setup: Setup = DROPS) -> tuple[Story, int]:
    """An order of a seller who drops what is missing, whose reservation no one knows of."""
    story = given_placed(Story(setup=setup))
    number = story.number(f.ReserveStock)
    return story.unknown(f.ReserveStock).act("skip"), number


ONE_OF_TWO = i.ReportShortPicked(
    ref=REF,
    fulfilment=F1,
    task_id="t-F1",
    found=(f.Units("1", "SKU-1", 1), f.Units("2", "SKU-2", 1)),
)
MISSING = f.ReleaseStock(place="WH1", units=(f.Units("1", "SKU-1", 1),))


def test_what_a_short_pick_dropped_is_given_back_once_its_reservation_is_known() -> None:
    """Skipped or still under way when the goods were picked: the missing unit is given back."""
    story, number = skipped_reservation()
    story.when(ONE_OF_TWO).done(f.CreateTask, f.TaskCreated(task_id="t-F1"))
    late(story, number, RESERVED).then_effects(f.ReleaseStock)
    assert story.effect(f.ReleaseStock) == MISSING
    story = given_placed(Story(setup=DROPS)).when(ONE_OF_TWO)
    story.done(f.ReserveStock, RESERVED)
    assert story.effect(f.ReleaseStock) == MISSING
    story.done(f.ReleaseStock, f.Undone()).then_events(e.StockReleased)
    assert story.state.fulfilments[F1].free == ()


def test_what_was_never_reserved_is_not_given_back() -> None:
    """The place was short after all: nothing of it is held, and nothing keeps the order open."""
    story = given_placed(Story(setup=DROPS)).when(ONE_OF_TWO)
    short = f.StockShort(skus=("SKU-1",), seen=())
    story.done(f.ReserveStock, short).then_events(e.Backordered)
    assert f.ReleaseStock not in map(type, story.effects.values())
    assert story.state.fulfilments[F1].free == ()


def test_a_reservation_known_after_all_has_left_opens_the_order_again() -> None:
    """The rest of it is given back, and then the order is closed once more."""
    place = Place(name="WH1", warehouse="wms", carrier="")
    alone = replace(DROPS, storefront="", erp="", mail="", places=(place,))
    story, number = skipped_reservation(alone)
    story.when(ONE_OF_TWO).done(f.CreateTask, f.TaskCreated(task_id="t-F1"))
    story.when(packed(a_parcel("p1", l1=1, l2=1)), handed_over(a_parcel("p1")))
    for task in story.state.tasks:
        story.act("done", task.task_id)
    assert story.stage() == "closed"
    late(story, number, RESERVED).then_events(e.StockReserved, e.Reopened)
    story.then_effects(f.ReleaseStock)
    assert story.effect(f.ReleaseStock) == MISSING
    story.done(f.ReleaseStock, f.Undone())
    assert (story.stage(), story.state.fulfilments) == ("closed", {})


def test_a_label_that_was_found_without_its_image_is_a_persons_to_print() -> None:
    """The carrier gives an image once: who prints it is told the numbers and where, until its
    parcels have left all the same; a label that is to be voided is printed by no one."""
    found = replace(sold(K1), carrier="FedEx", reprint_at="fedex.com")
    story = given_packed().done(f.BuyLabel, found)
    (task,) = story.state.tasks
    assert "FedEx has sold L1 and gives its image only once" in task.words
    assert "print 1Z-K1 at fedex.com and hand it to the warehouse" in task.words
    assert story.state.parcels[K1].number == "1Z-K1"
    story.when(handed_over()).then_events(e.HandedOver, e.TaskClosed)
    assert not story.state.tasks
    gone = given_packed()
    gone.when(i.CancelOrder(ref=REF, reason="", whole=True)).done(f.BuyLabel, found)
    assert not any("print" in one.words for one in gone.state.tasks)


def test_a_sales_order_that_was_posted_after_all_is_followed_or_cancelled() -> None:
    """Skipped as unknown, found an hour later: then it is amended like any other."""
    story = given_reserved()
    number = story.number(f.PostSalesOrder)
    story.unknown(f.PostSalesOrder).act("skip").then_stage("skipped", "D1")
    late(story, number, POSTED).then_events(e.Posted).then_stage("posted", "D1")
    assert story.state.documents[D1].erp_id == "e-1"


def test_a_void_that_is_found_after_its_skip_frees_the_parcel() -> None:
    """The label is void after all: its parcels are not sent under it."""
    story = given_labelled().when(CANCEL).done(f.CancelTask, f.Undone())
    number = story.number(f.VoidLabel)
    story.unknown(f.VoidLabel).act("skip").then_stage("kept", "L1")
    assert [one.number for one in story.state.lost] == [number]
    late(story, number, f.Undone()).then_stage("voided", "L1")
    assert not story.state.lost


def test_a_sales_order_that_was_cancelled_after_all_is_known_to_be() -> None:
    """A person went on without knowing; the ERP has cancelled it."""
    story = given_released().when(CANCEL)
    for kind in (f.CancelTask, f.ReleaseStock):
        story.done(kind, f.Undone())
    number = story.number(f.CancelSalesOrder)
    story.unknown(f.CancelSalesOrder).act("skip").then_stage("kept", "D1")
    late(story, number, f.Undone()).then_events(e.DocumentCancelled)
    story.then_stage("cancelled", "D1")
    assert not story.state.lost


def test_a_late_answer_that_changes_nothing_is_awaited_no_more() -> None:
    """A person said that the warehouse had stopped; the warehouse says so, too, after its end."""
    story = given_released().when(CANCEL)
    number = story.number(f.CancelTask)
    story.unknown(f.CancelTask).act("skip").done(f.ReleaseStock, f.Undone())
    assert [one.number for one in story.state.lost] == [number]
    late(story, number, f.Undone()).then_events(e.AnswerNoted)
    assert not story.state.lost


def test_an_answer_to_the_first_of_two_calls_counts_for_both() -> None:
    """A retry has the same reference, so what the first call did is what the second would find."""
    story = given_packed()
    first = story.number(f.BuyLabel)
    story.unknown(f.BuyLabel).act("retry").then_effects(f.BuyLabel)
    second = story.number(f.BuyLabel)
    late(story, first, sold(K1)).then_stage("bought", "L1")
    late(story, second, sold(K1)).then_events(e.AnswerNoted)
    assert story.state.open == ()


def test_a_refused_attempt_is_followed_by_a_new_thing_with_a_new_reference() -> None:
    """A refusal is a known end; an unknown outcome keeps its reference."""
    story = given_packed().refused(f.BuyLabel).act("retry").then_events(e.Renewed, e.LabelWanted)
    assert story.state.open[-1].key == L2
    story = given_packed().unknown(f.BuyLabel).act("retry").then_events(e.Retried)
    assert story.state.open[-1].key == L1


def test_a_refused_task_is_retried_as_a_new_fulfilment() -> None:
    """Its stock is given back first, so that it does not compete with itself."""
    story = given_reserved().refused(f.CreateTask, "unknown SKU").act("retry")
    story.then_events(e.Renewed).then_effects(f.ReleaseStock)
    story.done(f.ReleaseStock, f.Undone())
    story.then_events(e.StockReleased, e.FulfilmentCancelled, e.FulfilmentPlanned)


def test_parts_of_a_publication_without_numbers_are_matched() -> None:
    """Given a parcel that left without a label, which the shop shows from two locations before it
    answers: both shipments are ours. One with a number that is not ours is somebody else's."""
    story = given_packed()
    number = story.number(f.BuyLabel)
    story.refused(f.BuyLabel).when(handed_over()).act("skip", str(number))
    story.effect(f.PublishFulfilment, F1)
    first = i.OutsideShipment(outside_id="f-77", units=(f.Units("1", "SKU-1", 2),))
    second = i.OutsideShipment(outside_id="f-78", units=(f.Units("2", "SKU-2", 1),))
    for at, shown in ((10, (first,)), (11, (first, second))):
        story.when(i.UpdateOrder(order=later(at), fulfilled=shown))
        story.then_events(e.UpdateNoted, e.OutsideMatched)
    theirs = replace(second, outside_id="f-79", tracking_numbers=("JD1",))
    story.when(i.UpdateOrder(order=later(12), fulfilled=(first, second, theirs)))
    assert isinstance(story.events[-2], e.ShippedElsewhere)


def test_a_publication_that_the_channel_shows_before_it_answers_is_matched() -> None:
    """Its echo comes first; the answer adds its id, and nothing is told twice."""
    story = given_labelled().when(handed_over())
    echo = i.OutsideShipment(
        outside_id="f-77", units=(f.Units("1", "SKU-1", 2), f.Units("2", "SKU-2", 1))
    )
    story.when(i.UpdateOrder(order=later(10), fulfilled=(echo,)))
    story.then_events(e.UpdateNoted, e.OutsideMatched)
    published(story, outside_id="f-77")
    assert story.state.fulfilments[F1].outside == ("f-77",)
    assert story.counts() == {"q": 2, "t": 2}


def test_a_mail_that_was_sent_after_all_is_noted() -> None:
    """It is not sent again."""
    story = given_reserved()
    number = story.number(f.SendMail)
    story.unknown(f.SendMail).act("skip")
    late(story, number, SENT).then_events(e.MessageSent).then_effects()


def test_reports_overtake_answers() -> None:
    """Handed over before the label's answer: the label is the one under which it left."""
    story = given_packed().when(handed_over()).then_events(e.HandedOver)
    story.done(f.BuyLabel, sold(K1)).then_events(e.LabelBought)
    assert story.state.parcels[K1].number == "1Z-K1"
    told = story.effect(f.PublishFulfilment)
    assert isinstance(told, f.PublishFulfilment)
    assert told.parcels[0].tracking_number == "1Z-K1"


def test_a_report_after_the_end_is_still_written_down() -> None:
    """More leaves than was thought: the done fulfilment opens again for it."""
    story = published(given_labelled().when(handed_over()))
    story.when(i.TimerFired(name="track", key=K1))
    story.done(f.TrackParcel, f.Tracked(status="delivered")).then_stage("closed")
    story.when(handed_over()).then_events()  # a repeat
    more = i.ReportedParcel(parcel_id="b", units=(f.Units("1", "SKU-1", 1),))
    story.when(handed_over(more)).then_stage("accepted")
    assert story.counts() == {"q": 2, "d": 2, "f": 1, "x": 1}


def test_a_doubled_report_counts_once() -> None:
    """The warehouse's own ids of parcels tell a repeat from a second parcel."""
    story = given_released().when(packed()).when(packed()).then_events()
    story.done(f.BuyLabel, sold(K1)).when(handed_over()).when(handed_over()).then_events()
    assert story.counts() == {"q": 2, "t": 2}


def test_a_note_that_comes_too_late_asks_no_one_once_all_has_left() -> None:
    """While the goods are here as far as we know, someone may still follow: a person is told when
    the warehouse does not stop. After they left no one can."""
    noted = i.UpdateOrder(order=later(10, note="ring"))
    story = given_released().when(noted).then_effects(f.CancelTask)
    story.refused(f.CancelTask, "it is packed").then_events(e.StopDropped, e.TaskOpened)
    assert story.state.tasks[0].words == (
        "the warehouse does not stop F1 (it is packed); its task says the former note, gift "
        "message or dates: have it corrected"
    )
    story.when(packed()).done(f.BuyLabel, sold(K1)).when(handed_over())
    assert not story.state.tasks
    given_shipped().when(noted).then_events(e.Changed)
    story = given_released().when(noted).when(packed(), handed_over())
    assert not story.state.tasks
