"""Cancelling reaches everyone: task, label, stock, ERP, channel and customer, per fulfilment."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from actors.order.stream import row_of, waiting_for
from schemas.messages import effects as f
from schemas.messages import events as e
from schemas.messages import inputs as i
from tests.given import (
    F1,
    K1,
    K2,
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

CANCEL = i.CancelOrder(ref=REF, reason="customer")


def undone(story: Story, *kinds: type[f.Effect]) -> Story:
    """Partners undo these, one after the other."""
    for kind in kinds:
        story.done(kind, f.Undone())
    return story


def test_what_was_done_is_undone_in_order() -> None:
    """Task, label, stock, ERP, message: each only after the one before was confirmed."""
    story = given_labelled().when(CANCEL).then_events(e.CancelRequested, e.Stopped)
    story.then_effects(f.CancelTask)
    story.done(f.CancelTask, f.Undone()).then_events(e.TaskCancelled, e.LabelStopped)
    story.then_effects(f.VoidLabel)
    story.done(f.VoidLabel, f.Undone()).then_effects(f.ReleaseStock)
    story.done(f.ReleaseStock, f.Undone())
    story.then_events(e.StockReleased, e.FulfilmentCancelled, e.UnitsDropped)
    story.then_effects(f.CancelSalesOrder)
    story.done(f.CancelSalesOrder, f.Undone()).then_events(e.DocumentCancelled, e.Cancelled)
    story.then_effects(f.SendMail)
    mail = story.effect(f.SendMail)
    assert mail == f.SendMail(template="order_cancelled")
    assert not row_of(story.state).final
    story.done(f.SendMail, SENT)
    assert row_of(story.state).final


def test_money_of_what_the_channel_cancelled_is_the_channels() -> None:
    """No one is asked to pay back what the shop pays back itself."""
    story = undone(given_released().when(CANCEL), f.CancelTask, f.ReleaseStock, f.CancelSalesOrder)
    story.then_stage("cancelled")
    assert story.state.tasks == ()


def test_a_cancellation_from_here_is_told_to_the_channel_and_leaves_money_owed() -> None:
    """The shop is told once all is undone; a person pays back until refunds exist."""
    story = given_released().act("cancel")
    undone(story, f.CancelTask, f.ReleaseStock).then_effects(f.CancelSalesOrder)
    undone(story, f.CancelSalesOrder).then_effects(f.CancelAtChannel)
    told = story.effect(f.CancelAtChannel)
    assert told == f.CancelAtChannel(reason="", restock=False)
    assert waiting_for(story.state) == (
        "a person: 22.50 USD are owed to the customer for 2 × SKU-1 of line 1, 1 × SKU-2 of line 2"
    )
    story.done(f.CancelAtChannel, f.ChannelCancelled()).then_effects(f.SendMail)
    story.done(f.SendMail, SENT).then_stage("accepted")
    story.act("done", "money").then_events(e.TaskClosed, e.Cancelled)
    assert row_of(story.state).final


def test_what_was_not_paid_yet_is_not_owed() -> None:
    """Of an order that is paid in part, what is cancelled comes off what is still due first."""
    story = given_placed(payment="partially_paid", amount_due_minor=300).act("accept")
    nothing = (i.LineEdit(line_id="1", quantity=0),)
    story.done(f.ReserveStock, RESERVED).when(i.EditOrder(ref=REF, person="ann", lines=nothing))
    story.done(f.CreateTask, f.TaskCreated(task_id="t-F1")).done(f.CancelTask, f.Undone())
    story.done(f.ReleaseStock, f.Undone())
    assert [x.amount_minor for x in story.state.tasks] == [1000 - 300]


def test_who_owns_the_stock_restocks_it() -> None:
    """The shop restocks where its own stock is the truth."""
    setup = replace(SETUP, restock_by="channel", notify_customer=True, erp="")
    story = given_placed(Story(setup=setup), payment="authorized").act("cancel")
    story.done(f.ReserveStock, f.StockShort(skus=("SKU-1",)))
    told = story.effect(f.CancelAtChannel)
    assert told == f.CancelAtChannel(reason="", restock=True, notify_customer=True)


def test_a_cancel_while_an_effect_is_under_way_waits_for_its_answer() -> None:
    """A purchase in flight is not raced by its undo."""
    story = given_packed().when(CANCEL).then_effects(f.CancelTask)
    undone(story, f.CancelTask).then_effects()
    story.done(f.BuyLabel, sold(K1)).then_events(e.LabelBought).then_effects(f.VoidLabel)


def test_a_cancel_racing_a_refused_label_goes_on_undoing_the_rest() -> None:
    """When no label was sold there is none to void."""
    story = undone(given_packed().when(CANCEL), f.CancelTask)
    story.refused(f.BuyLabel, "No such address.").then_events(e.LabelDropped)
    story.then_effects(f.ReleaseStock)


def test_a_label_that_no_parcel_waited_for_keeps_nothing_open() -> None:
    """One parcel left without it, the other is unpacked: it is bought for no one."""
    story = given_released().when(packed(a_parcel("a", l1=2), a_parcel("b", l2=1)))
    story.when(i.EffectGivenUp(number=story.number(f.BuyLabel), reason="?", outcome_known=True))
    story.when(handed_over(a_parcel("a", l1=2))).act("cancel")
    story.done(f.CancelTask, f.CancelAsked()).act("retry").then_effects()
    story.when(i.ReportTaskCancelled(ref=REF, fulfilment=F1, task_id="t-F1"))
    story.then_stage("dropped", "L1").then_effects(f.ReleaseStock)


def test_a_label_of_unknown_fate_is_looked_up_before_anything_is_given_back() -> None:
    """No one may say cancelled while a label may exist; a person's retry finds and voids it."""
    story = undone(given_packed().when(CANCEL), f.CancelTask)
    story.unknown(f.BuyLabel).then_effects()
    story.act("retry").then_events(e.Retried).then_effects(f.BuyLabel)
    assert story.last is not None
    assert story.last.effects[0].attempts == 1
    story.done(f.BuyLabel, sold(K1)).then_effects(f.VoidLabel)


def test_a_reservation_of_unknown_fate_is_looked_up_too() -> None:
    """What turns out to be reserved is released."""
    story = given_placed().unknown(f.ReserveStock).when(CANCEL).then_effects()
    story.act("retry").then_effects(f.ReserveStock)
    story.done(f.ReserveStock, RESERVED).then_effects(f.ReleaseStock)
    undone(story, f.ReleaseStock).then_stage("cancelled")


def test_a_part_that_has_left_is_not_undone_and_is_named() -> None:
    """The rest is cancelled: it is open, dropped, owed; the ERP follows, the shop is not told that
    the order is cancelled."""
    story = given_released().when(packed(a_parcel("a", l1=2), complete=False))
    story.done(f.BuyLabel, sold(K1)).when(handed_over(a_parcel("a")))
    published(story).act("cancel")
    asked = next(one for one in story.events if isinstance(one, e.CancelRequested))
    assert asked.left == (F1,)
    undone(story, f.CancelTask, f.ReleaseStock)
    assert story.effects[max(story.effects) - 1] == f.ReleaseStock(
        place="WH1", units=(f.Units("2", "SKU-2", 1),)
    )
    assert story.counts(1) == {"q": 1, "c": 1}
    assert "7.50 USD are owed" in waiting_for(story.state)
    assert "still shows these units" in waiting_for(story.state)
    amended = story.effect(f.AmendSalesOrder)
    assert isinstance(amended, f.AmendSalesOrder)
    story.done(f.AmendSalesOrder, f.SalesOrderAmended(digest=amended.digest))
    story.act("done").when(i.TimerFired(name="track", key=K1))
    story.done(f.TrackParcel, f.Tracked(status="delivered")).then_stage("closed")


def test_a_cancel_after_everything_left_is_refused_with_the_reason() -> None:
    """A return is needed instead."""
    for story, todo in (
        (given_shipped(), "stopped on its way, or sent back"),
        (given_closed(), "it has arrived, so have it sent back"),
    ):
        story.when(CANCEL).then_events(e.CancelRefused, e.TaskOpened).then_effects()
        assert story.state.tasks[0].words.endswith(todo)


def test_what_is_on_its_way_of_an_order_that_its_channel_cancels_is_named_once() -> None:
    """The customer does not want it any more, and it goes to him; each repeat says nothing new."""
    story = published(given_shipped()).when(CANCEL).then_events(e.CancelRefused, e.TaskOpened)
    assert waiting_for(story.state) == (
        "a person: the channel cancelled the order after F1 (1Z-K1) had left: have it stopped on "
        "its way, or sent back"
    )
    story.act("done").when(CANCEL).then_events(e.CancelRefused)
    story = given_released().when(packed(a_parcel("a", l1=2), complete=False))
    story.done(f.BuyLabel, sold(K1)).when(handed_over(a_parcel("a", l1=2))).when(CANCEL)
    assert "after F1 (1Z-K1) had left" in waiting_for(story.state)


@pytest.mark.parametrize("by", ["channel", "person"])
def test_what_left_of_a_cancelled_order_is_one_matter(by: str) -> None:
    """A channel that shows the order as cancelled does not show the parcel: the one person who has
    the goods sent back has nothing to do about that."""
    story = given_labelled()
    if by == "channel":
        story.when(CANCEL)
    else:
        story.act("cancel").done(f.CancelTask, f.Undone(detail="gone"))
        story.done(f.VoidLabel, f.Undone(detail="gone")).done(f.ReleaseStock, f.Undone(detail=""))
        story.done(f.CancelSalesOrder, f.Undone(detail="gone"))
        story.done(f.CancelAtChannel, f.ChannelCancelled())
    story.when(handed_over())
    if by == "channel":
        story.refused(f.CancelTask, "it has left")
    before = [one.task_id for one in story.state.tasks]
    story.refused(f.PublishFulfilment, "it was removed there.")
    after = [one.task_id for one in story.state.tasks]
    assert (sorted(after), story.state.stuck) == (sorted(before), ())
    assert "F1 not as shipped (it was removed there)" in story.state.tasks[-1].words


def test_when_the_channel_cancelled_is_known_whatever_becomes_of_it() -> None:
    """Else a comparison with the channel would find a change in an order we were told of."""
    for story in (given_shipped(), given_released(), given_released().act("cancel")):
        before = story.state.source_updated_at
        story.when(replace(CANCEL, at="2026-11-27T12:05:00Z"))
        assert (story.state.source_updated_at, story.state.heard_at) == (
            before,
            "2026-11-27T12:05:00Z",
        )
    # Stated once more, because something else changed in the cancelled order.
    story.when(replace(CANCEL, at="2026-11-27T12:07:00Z")).then_events(e.UpdateNoted)
    assert story.state.heard_at == "2026-11-27T12:07:00Z"
    for stale in (CANCEL, replace(CANCEL, at="2026-11-27T13:06:00+01:00")):
        story.when(stale).then_events()


def test_a_change_before_a_cancellation_that_came_too_late_is_not_stale() -> None:
    """The cancellation says nothing of how the order looks, so older statements still count."""
    story = given_shipped().when(replace(CANCEL, at="2026-11-27T12:09:00Z"))
    story.then_events(e.CancelRefused, e.TaskOpened)
    home = an_order().ship_to
    assert home is not None
    moved = later(8, ship_to=replace(home, lines=("2 New Street",)))
    story.when(i.UpdateOrder(order=moved)).then_events(e.Changed, e.TaskOpened)
    assert story.state.heard_at == "2026-11-27T12:09:00Z"


def test_an_older_cancellation_than_the_channels_statement_cancels_nothing() -> None:
    """A statement that every unit was removed, which comes after a newer one, or is sent again by a
    stranger, is over: the order goes on as it was stated since."""
    story = given_released()
    stated = story.state.source_updated_at
    story.when(i.CancelOrder(ref=REF, reason="customer", at="2026-11-27T11:00:00Z", whole=True))
    story.then_events()
    assert story.state.cancel is None
    story.when(i.CancelOrder(ref=REF, reason="customer", at=stated)).then_effects(f.CancelTask)


def test_a_warehouse_that_does_not_cancel_holds_the_fulfilment() -> None:
    """Nothing more is bought for it before a person has looked; a refused cancel only drops the
    wish, so the goods that leave are written down as they leave."""
    story = given_released().when(CANCEL).refused(f.CancelTask, "It is on the truck.")
    story.then_events(e.StopDropped, e.Held)
    assert waiting_for(story.state) == (
        f"a person to release the hold {story.state.holds[0].hold_id}: the warehouse does not "
        "cancel F1 (It is on the truck): stop it there, or release the hold to let it go"
    )
    story.when(packed()).then_effects()
    story.act("release").then_effects(f.BuyLabel)
    story.done(f.BuyLabel, sold(K1)).when(handed_over()).then_stage("handed_over", "F1")


def test_a_warehouse_may_say_later_whether_it_cancels() -> None:
    """Stock and money wait for its word."""
    story = given_released().when(CANCEL).done(f.CancelTask, f.CancelAsked()).then_effects()
    assert "which the warehouse cancels" in waiting_for(story.state)
    story.when(i.ReportTaskCancelled(ref=REF, fulfilment=F1, task_id="t-F1"))
    story.then_effects(f.ReleaseStock)


def test_goods_that_leave_although_they_were_cancelled_are_adopted() -> None:
    """A hand-over after the cancellation is a fact: told to the shop, and named to a person."""
    story = undone(given_packed().when(CANCEL), f.CancelTask)
    story.done(f.BuyLabel, sold(K1)).done(f.VoidLabel, f.Undone())
    story.when(handed_over(a_parcel("F1-1", "JD1")))
    story.then_stage("handed_over", "F1")
    assert waiting_for(story.state) == (
        "a person: F1 left although its task was cancelled, with 2 × SKU-1 of line 1, 1 × SKU-2 of "
        "line 2 not wanted any more: have them sent back"
    )
    story.done(f.ReleaseStock, f.Undone()).then_effects(f.PublishFulfilment)


@pytest.mark.parametrize("how", ["unknown", "skipped"])
def test_whoever_may_know_of_the_order_is_told_of_its_end(how: str) -> None:
    """A confirmation given up, or skipped, may have been read; silence would let the customer
    wait."""
    story = given_reserved().unknown(f.SendMail)
    if how == "skipped":
        story.act("skip")
    story.done(f.PostSalesOrder, POSTED).done(f.CreateTask, f.TaskCreated(task_id="t"))
    undone(story.when(CANCEL), f.CancelTask, f.ReleaseStock, f.CancelSalesOrder)
    story.then_stage("cancelled").then_effects(f.SendMail)
    assert waiting_for(story.state) == "the answer of smtp (send message M2 to the customer)"


def test_who_was_never_written_to_is_not_told_of_the_end() -> None:
    """An order cancelled before it was reserved needs no mail."""
    story = given_placed().when(CANCEL)
    story.done(f.ReserveStock, f.StockShort(skus=("SKU-1",))).then_stage("cancelled").then_effects()


def test_who_writes_is_set_per_channel_and_template() -> None:
    """Where the shop confirms and we cancel, ours goes although we never confirmed."""
    setup = replace(SETUP, writes=frozenset({"order_cancelled"}), erp="")
    story = given_reserved(Story(setup=setup)).then_effects(f.CreateTask)
    story.done(f.CreateTask, f.TaskCreated(task_id="t")).when(CANCEL)
    undone(story, f.CancelTask, f.ReleaseStock).then_effects(f.SendMail)


def test_a_partial_cancellation_promises_only_what_happens() -> None:
    """The mail names the units that are not coming."""
    setup = replace(
        SETUP, writes=frozenset({"order_confirmed", "order_partly_cancelled"}), short_pick="drop"
    )
    story = given_released(Story(setup=setup)).when(packed(a_parcel("a", l1=1, l2=1)))
    mail = story.effect(f.SendMail)
    assert mail == f.SendMail(template="order_partly_cancelled", units=(f.Units("1", "SKU-1", 1),))


def test_a_cancel_before_the_order_meets_it_at_birth() -> None:
    """A cancellation that comes first is kept, and the order is cancelled when it comes."""
    story = Story().when(CANCEL).then_stage("expected")
    story.when(i.PlaceOrder(order=an_order()))
    story.then_events(e.Placed, e.UnitsDropped, e.Cancelled).then_effects()


def test_what_was_cancelled_as_a_whole_before_it_came_is_not_waited_for() -> None:
    """The order's own messages that come late change nothing about it."""
    whole = i.CancelOrder(ref=REF, reason="customer", whole=True)
    story = Story().when(i.RefetchOrder(ref=REF, source="backfill"))
    story.done(f.FetchOrder, f.OrderFetched(digest="d" * 64))
    story.when(whole).then_events(e.CancelRequested, e.Cancelled).then_stage("cancelled")
    assert waiting_for(story.state) == ""
    story.when(i.PlaceOrder(order=an_order())).then_stage("cancelled").then_effects()
    story.when(whole).then_events()


def test_the_channels_own_cancellation_after_ours_tells_it_nothing_more() -> None:
    """It knows by then."""
    story = given_released().act("cancel").when(CANCEL).then_events(e.ChannelTold)
    undone(story, f.CancelTask, f.ReleaseStock, f.CancelSalesOrder)
    assert f.tag_of(f.CancelAtChannel) not in str(story.open_kinds())


def test_an_order_emptied_here_unit_by_unit_is_cancelled_for_everyone() -> None:
    """A person takes every line off, or drops what was not found: shop and customer are told."""
    nothing = tuple(i.LineEdit(line_id=one, quantity=0) for one in ("1", "2"))
    story = given_released().when(i.EditOrder(ref=REF, person="ann", lines=nothing))
    story.then_events(e.Changed, e.CancelRequested, e.Stopped)
    undone(story, f.CancelTask, f.ReleaseStock, f.CancelSalesOrder)
    story.then_effects(f.CancelAtChannel)
    story.done(f.CancelAtChannel, f.ChannelCancelled(told=True)).then_effects(f.SendMail)
    assert [x.amount_minor for x in story.state.tasks] == [2250]

    story = given_released(Story(setup=replace(SETUP, short_pick="drop")))
    story.when(i.ReportShortPicked(ref=REF, fulfilment=F1, task_id="t-F1", found=()))
    assert story.state.cancel is not None
    assert story.state.cancel.requested_by == "the service"


def test_units_that_a_channel_still_shows_are_a_persons_once() -> None:
    """No money is owed, so nothing else would tell that the shop does not know of it."""
    terms = replace(SETUP, promised=frozenset({"net30"}))
    story = given_released(Story(setup=terms), payment="pending", payment_method="net30")
    story.when(packed(a_parcel("a", l1=2), complete=False)).done(f.BuyLabel, sold(K1))
    published(story.when(handed_over(a_parcel("a", l1=2)))).act("cancel")
    undone(story, f.CancelTask, f.ReleaseStock)
    assert waiting_for(story.state) == (
        "a person: the channel still shows 1 × SKU-2 of line 2, which are cancelled: remove them "
        "there"
    )
    story.act("done").then_events(e.TaskClosed)
    assert not story.state.tasks


def test_a_channel_that_does_not_cancel_is_a_persons() -> None:
    """It is retried, or done there by hand and skipped here."""
    story = given_placed(Story(setup=replace(SETUP, erp="")), payment="authorized").act("cancel")
    story.done(f.ReserveStock, f.StockShort(skus=("SKU-1",)))
    story.refused(f.CancelAtChannel, "it was refunded in part").then_stage("accepted")
    story.act("skip").then_events(e.Skipped, e.ChannelTold, e.Cancelled)


def test_an_order_emptied_by_its_channel_is_undone_like_a_cancelled_one() -> None:
    """When nothing of it is left, the ERP's order goes, too."""
    story = given_released()
    gone = tuple(replace(line, sku=f"NEW-{line.sku}") for line in an_order().lines)
    story.when(i.UpdateOrder(order=an_order(updated_at="2026-11-27T12:10:00Z", lines=gone)))
    assert story.stage("F1") == "released"
    assert story.state.fulfilments[F1].stop == "changed"


@pytest.mark.parametrize("status", ["returned", "lost"])
def test_what_came_back_or_was_lost_is_not_to_be_sent_back(status: Any) -> None:
    """Given a parcel that the carrier returned or lost, and whose goods the shop refunds or cancels
    then: they are not with the customer, so no one is asked to have them sent back."""
    _, jar = an_order().lines
    for done in (False, True):
        story = published(given_shipped()).when(i.TimerFired(name="track", key=K1))
        story.done(f.TrackParcel, f.Tracked(status=status))
        if done:
            story.act("done", "parcel-K1").then_stage("closed")
        story.when(i.UpdateOrder(order=later(20, order_of(jar))))
        story.when(i.CancelOrder(ref=REF, reason="other", whole=True))
        assert "changed" not in [one.task_id for one in story.state.tasks]


def test_what_the_customer_has_is_to_be_sent_back_beside_what_was_lost() -> None:
    """Given one of two parcels lost: units that are refunded beyond what it held are named."""
    story = given_released().when(packed(a_parcel("a", l1=1), a_parcel("b", l1=1, l2=1)))
    story.done(f.BuyLabel, sold(K1, K2)).when(handed_over())
    for key, status in ((K1, "lost"), (K2, "delivered")):
        story.when(i.TimerFired(name="track", key=key))
        story.done(f.TrackParcel, f.Tracked(status=status))  # type: ignore[arg-type]  # one of two
    cup, jar = an_order().lines
    one = order_of(replace(cup, quantity=1, total_minor=500), jar)
    story.when(i.UpdateOrder(order=later(20, one)))
    assert "changed" not in [one.task_id for one in story.state.tasks]
    story.when(i.UpdateOrder(order=later(21, order_of(jar))))
    (task,) = [one for one in story.state.tasks if one.task_id == "changed"]
    assert task.words.startswith("1 × SKU-1 of line 1 were removed or refunded after they left")
    story.when(i.CancelOrder(ref=REF, reason="other", whole=True))
    (task,) = [one for one in story.state.tasks if one.task_id == "changed"]
    assert "the channel cancelled the order after F1" in task.words


def test_units_that_the_channel_has_removed_are_asked_of_no_one_any_more() -> None:
    """Given units that a person cancelled here, of an order that no one has paid: the task to
    remove them there names what is still shown, and ends by itself."""
    terms = replace(SETUP, promised=frozenset({"net30"}))
    changes = {"payment": "pending", "payment_method": "net30"}
    cup, jar = an_order().lines
    story = given_placed(Story(setup=terms), **changes)
    edit = i.LineEdit(line_id="1", quantity=0)
    story.when(i.EditOrder(ref=REF, person="ann", lines=(edit,))).done(f.ReserveStock, RESERVED)
    undone(story, f.ReleaseStock)
    assert "shows 2 × SKU-1 of line 1, which are cancelled" in waiting_for(story.state)
    one = order_of(replace(cup, quantity=1, total_minor=500), jar, **changes)
    story.when(i.UpdateOrder(order=later(5, one)))
    assert "shows 1 × SKU-1 of line 1, which are cancelled" in waiting_for(story.state)
    story.when(i.UpdateOrder(order=later(6, order_of(jar, **changes))))
    assert not story.state.tasks
    story.when(i.UpdateOrder(order=later(7, order_of(jar, **changes)))).then_events(e.UpdateNoted)


def test_what_does_not_travel_is_withdrawn_and_not_sent_back() -> None:
    """Given a download that the customer has: whoever cancels or refunds it in the shop has it
    withdrawn."""
    order = order_of(a_line("1", 1), a_line("2", 1, delivery="digital"))
    for change in (
        i.UpdateOrder(order=later(5, order_of(order.lines[0]))),
        i.CancelOrder(ref=REF, reason="customer", whole=True),
    ):
        story = Story().when(i.PlaceOrder(order=order)).when(change)
        (task,) = story.state.tasks
        assert "they do not travel, so withdraw them" in task.words
        assert "sent back" not in task.words
