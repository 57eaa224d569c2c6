"""An address to which only some places can send: the others are tried before a person is asked."""

from __future__ import annotations

from msgspec.structs import replace

from actors.kernel.setup import Place, Reach
from actors.order.stream import waiting_for
from schemas.messages import effects as f
from schemas.messages import events as e
from schemas.messages import inputs as i
from tests.given import (
    F1,
    F2,
    K1,
    MAIN,
    POSTED,
    REF,
    RESERVED,
    SENT,
    SETUP,
    Story,
    an_order,
    given_placed,
    given_released,
    given_reserved,
    handed_over,
    later,
    packed,
    published,
    sold,
)

SHUT = replace(MAIN, refuses=frozenset({"post_box"}))
OPEN = Place(name="WH2", warehouse="wms-2", carrier="post")
TWO = replace(SETUP, places=(SHUT, OPEN))
HOME = an_order().ship_to
assert HOME is not None
BOX = replace(HOME, lines=("PO Box 12",))


def place_of(story: Story) -> str:
    """Where the stock is asked for, and the places that a refusal would report."""
    asked = story.effect(f.ReserveStock)
    assert isinstance(asked, f.ReserveStock)
    return f"{asked.place} of {','.join(asked.places)}"


def test_a_place_that_can_send_there_is_planned_at_once() -> None:
    """No person is asked: the preferred place does not deliver to boxes, the second one does."""
    assert place_of(given_placed(Story(setup=TWO), ship_to=BOX)) == "WH2 of WH2"
    assert place_of(given_placed(Story(setup=TWO))) == "WH1 of WH1,WH2"


def test_a_person_is_asked_when_no_place_can() -> None:
    """And when the person releases the hold, it is tried where it always is."""
    shut = replace(OPEN, refuses=frozenset({"post_box"}))
    story = given_placed(Story(setup=replace(TWO, places=(SHUT, shut))), ship_to=BOX)
    assert story.state.stage == "placed"
    assert "does not deliver to post office boxes" in waiting_for(story.state)
    story.act("release", "unmapped-address")
    assert place_of(story) == "WH1 of WH1,WH2"


def test_a_person_releases_the_hold_for_a_carrier_without_a_service() -> None:
    """It says that a person corrects it, and once it is released the goods are sent as always."""
    reach = Reach(home="US", offered=frozenset({("ground", "home")}))
    story = given_placed(Story(setup=replace(SETUP, places=(replace(MAIN, reach=reach),))))
    assert waiting_for(story.state).startswith("a person to correct it: ")
    story.act("release", "unmapped-service")
    assert place_of(story) == "WH1 of WH1"


def test_stock_is_looked_for_where_it_can_be_sent_from() -> None:
    """Neither a plan made again nor stock that arrives sends it from the other place."""
    story = given_placed(Story(setup=TWO), ship_to=BOX)
    short = (f.Seen("WH1", "SKU-1", 9), f.Seen("WH1", "SKU-2", 9), f.Seen("WH2", "SKU-1", 0))
    story.done(f.ReserveStock, f.StockShort(skus=("SKU-1",), seen=short))
    story.then_stage("short", F1)
    story.when(i.TimerFired(name="stock", key=F1))
    assert place_of(story) == "WH2 of WH2"


def test_a_short_pick_goes_to_no_place_that_cant_send() -> None:
    """What the one place is short of waits for its stock, not for the other place."""
    for at, stage in ((BOX, "short"), (HOME, "planned")):
        setup = replace(TWO, places=(OPEN, SHUT))
        story = given_placed(Story(setup=setup), ship_to=at)
        story.done(f.ReserveStock, f.StockReserved(place="WH2")).done(f.PostSalesOrder, POSTED)
        story.done(f.CreateTask, f.TaskCreated(task_id="t-F1")).done(f.SendMail, SENT)
        story.when(
            i.ReportShortPicked(
                ref=REF, fulfilment=F1, task_id="t-F1", found=(f.Units("1", "SKU-1", 1),)
            )
        )
        story.act("ship-short").then_stage(stage, F2)


def test_a_new_address_moves_what_its_place_cant_send() -> None:
    """What waits for stock waits no longer there, a task is cancelled, and the other place sends;
    no one is asked."""
    story = given_placed(Story(setup=TWO)).done(f.ReserveStock, f.StockShort(skus=("SKU-1",)))
    story.then_stage("short", F1).when(i.UpdateOrder(order=later(1, ship_to=BOX)))
    assert not story.state.holds
    story.then_stage("cancelled", F1)
    assert story.state.fulfilments[F2].place == "WH2"
    story = given_released(Story(setup=TWO))
    story.when(i.UpdateOrder(order=later(1, ship_to=BOX)))
    assert not story.state.holds
    story.done(f.CancelTask, f.Undone()).done(f.ReleaseStock, f.Undone())
    assert story.state.fulfilments[F2].place == "WH2"
    assert any(isinstance(one, e.Stopped) for one in story.events)


def test_what_can_not_move_is_held() -> None:
    """An address edited while the stock is being asked for, or with no other place, is a hold; the
    first one ends by itself when the answer is there."""
    story = given_placed(Story(setup=TWO)).when(i.UpdateOrder(order=later(1, ship_to=BOX)))
    assert "ups does not deliver" in waiting_for(story.state)
    story.done(f.ReserveStock, f.StockShort(skus=("SKU-1",)))
    story.when(i.TimerFired(name="mapping"))
    assert not story.state.holds
    assert story.state.fulfilments[F2].place == "WH2"
    alone = given_reserved(Story(setup=replace(SETUP, places=(SHUT,))))
    alone.when(i.EditOrder(ref=REF, person="ann", ship_to=BOX, reason="moved"))
    assert "ups does not deliver" in waiting_for(alone.state)


def test_where_the_only_place_that_can_declines_a_person_decides() -> None:
    """The order is not stuck unseen between a place that refuses and one that can't send."""
    story = given_placed(Story(setup=TWO), ship_to=BOX)
    story.done(f.ReserveStock, f.StockReserved(place="WH2")).done(f.PostSalesOrder, POSTED)
    story.done(f.CreateTask, f.TaskCreated(task_id="t-F1")).done(f.SendMail, SENT)
    story.when(i.ReportTaskCancelled(ref=REF, fulfilment=F1, task_id="t-F1"))
    story.done(f.ReleaseStock, f.Undone())
    assert "no place but WH2 is left that sends to this address" in waiting_for(story.state)


def test_a_released_hold_stays_released_until_its_cause_changes() -> None:
    """A note brings no hold back; another address is another question."""
    story = given_placed(Story(setup=replace(SETUP, places=(SHUT,))), ship_to=BOX)
    story.act("release", "unmapped-address")
    assert story.order is not None
    story.when(i.UpdateOrder(order=later(1, story.order, note="Ring twice.")))
    assert (story.state.holds, story.state.waived) == ((), ("unmapped-address",))
    moved = replace(BOX, lines=("PO Box 13",))
    story.when(i.UpdateOrder(order=later(2, story.order, ship_to=moved)))
    assert [one.hold_id for one in story.state.holds] == ["unmapped-address"]


def test_what_a_person_releases_after_acceptance_is_sent() -> None:
    """The address became a box, the task is taken back, and the person has it tried: planned again
    where it was, instead of nowhere."""
    story = given_released(Story(setup=replace(SETUP, places=(SHUT,))))
    assert story.order is not None
    story.when(i.UpdateOrder(order=later(1, story.order, ship_to=BOX)))
    story.act("release", "unmapped-address")
    story.done(f.CancelTask, f.Undone()).done(f.ReleaseStock, f.Undone())
    assert place_of(story) == "WH1 of WH1"


def test_an_order_that_no_place_can_send_any_more_is_held() -> None:
    """The carrier's services changed while the task was taken back: the order says why it waits,
    and goes on when a person releases it."""
    story = given_released()
    assert story.order is not None
    story.when(i.UpdateOrder(order=later(1, story.order, note="Ring twice.")))
    reach = Reach(home="US", offered=frozenset({("ground", "home")}))
    story.setup = replace(SETUP, places=(replace(MAIN, reach=reach),))
    story.done(f.CancelTask, f.Undone()).done(f.ReleaseStock, f.Undone())
    assert "has no service" in waiting_for(story.state)
    story.act("release", "unmapped-service")
    assert place_of(story) == "WH1 of WH1"


def test_what_has_left_is_not_held_for_its_address() -> None:
    """The shop gives a discount on a closed order that went to a box: the ERP is told, and no
    person is asked for an address to which nothing will go."""
    story = given_placed(Story(setup=replace(SETUP, places=(SHUT,))), ship_to=BOX)
    story.act("release", "unmapped-address")
    story.done(f.ReserveStock, RESERVED).done(f.PostSalesOrder, POSTED)
    story.done(f.CreateTask, f.TaskCreated(task_id="t-F1")).done(f.SendMail, SENT)
    story.when(packed()).done(f.BuyLabel, sold(K1)).when(i.TimerFired(name="track", key=K1))
    published(story.done(f.TrackParcel, f.Tracked(status="in_transit")))
    story.when(i.TimerFired(name="track", key=K1))
    story.done(f.TrackParcel, f.Tracked(status="delivered")).then_stage("closed")
    assert story.order is not None
    totals = replace(story.order.totals, discount_minor=100, total_minor=2150)
    story.when(i.UpdateOrder(order=later(7, story.order, totals=totals)))
    assert story.state.holds == ()
    story.done(f.AmendSalesOrder, f.SalesOrderAmended(digest="r2")).then_stage("closed")


def test_what_leaves_of_a_cancelled_order_is_no_sales_order() -> None:
    """The ERP's order is undone, and then the warehouse sends the goods all the same: a person is
    told, the shop is told, and no sales order without lines is posted."""
    story = given_released()
    story.act("cancel")
    story.done(f.CancelTask, f.Undone()).done(f.ReleaseStock, f.Undone())
    story.done(f.CancelSalesOrder, f.Undone())
    parcel = i.ReportedParcel(parcel_id="p1", units=(f.Units("1", "SKU-1", 2),))
    story.when(packed(parcel)).when(handed_over(parcel, sequence=5))
    assert not any("erp." in one for one in story.open_kinds())
    assert any("too many left" in one.words for one in story.state.tasks)
