"""Orders that leave in several parts: planned so, split by the warehouse, short, or too many."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from actors.kernel.setup import Place
from actors.order.reading import tracking_lane
from actors.order.stream import waiting_for
from schemas.messages import effects as f
from schemas.messages import events as e
from schemas.messages import inputs as i
from schemas.order.things import Key
from tests.given import (
    F1,
    F2,
    F3,
    K1,
    K2,
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
    given_labelled,
    given_packed,
    given_placed,
    given_released,
    given_reserved,
    handed_over,
    later,
    order_of,
    packed,
    published,
    sold,
)

TWO = replace(SETUP, places=(MAIN, Place(name="WH2", warehouse="wms-2", carrier="dhl")))
THREE_PL = replace(SETUP, places=(Place(name="3PL", warehouse="3pl", labels="them"),))


def seen(*rows: tuple[str, str, int]) -> tuple[f.Seen, ...]:
    """A stock snapshot."""
    return tuple(f.Seen(*row) for row in rows)


def tracked(story: Story, status: f.TrackStatus, key: Key = K1) -> Story:
    """The carrier is asked about a parcel and answers."""
    story.when(i.TimerFired(name="track", key=key))
    return story.done(f.TrackParcel, f.Tracked(status=status), key)


# --- the plan -------------------------------------------------------------------------------------


def test_a_short_place_splits_the_order_over_places() -> None:
    """The snapshot says who has what; each place reserves its part, and each part is told apart."""
    story = given_placed(Story(setup=TWO))
    snapshot = seen(("WH1", "SKU-1", 2), ("WH1", "SKU-2", 0), ("WH2", "SKU-1", 0),
                    ("WH2", "SKU-2", 5))  # fmt: skip
    story.done(f.ReserveStock, f.StockShort(skus=("SKU-2",), seen=snapshot))
    story.then_events(e.StockReplanned, e.FulfilmentPlanned)
    assert story.effect(f.ReserveStock, F1).place == "WH1"  # type: ignore[union-attr]  # reserving
    assert story.effect(f.ReserveStock, F2) == f.ReserveStock(
        place="WH2", units=(f.Units("2", "SKU-2", 1),), places=("WH1", "WH2")
    )
    planned = story.events[-1]
    assert isinstance(planned, e.FulfilmentPlanned)
    assert planned.seen == snapshot


def test_what_no_place_has_waits_for_stock_and_the_rest_goes_on() -> None:
    """The remainder is a fulfilment with a timer; it is tried again, first place first."""
    story = given_placed()
    snapshot = seen(("WH1", "SKU-1", 1), ("WH1", "SKU-2", 1))
    story.done(f.ReserveStock, f.StockShort(skus=("SKU-1",), seen=snapshot))
    story.then_events(e.StockReplanned, e.FulfilmentBackordered).then_effects(f.ReserveStock)
    assert story.state.fulfilments[F2].left == ((0, 1),)
    assert (F2, "stock") in story.timers
    story.done(f.ReserveStock, RESERVED).then_effects(f.CreateTask, f.PostSalesOrder, f.SendMail)
    story.when(i.TimerFired(name="stock", key=F2)).then_events(e.StockTriedAgain)
    story.done(f.ReserveStock, f.StockShort(skus=("SKU-1",), seen=())).then_stage("short", "F2")
    assert (F2, "stock") in story.timers


def test_without_any_stock_the_whole_order_waits() -> None:
    """Nothing is posted, written or packed; lists say what is missing."""
    story = given_placed().done(f.ReserveStock, f.StockShort(skus=("SKU-1", "SKU-2")))
    story.then_events(e.Backordered).then_effects().then_stage("short", "F1")
    assert waiting_for(story.state) == "stock of SKU-1, SKU-2"


def test_a_race_for_stock_is_planned_again_a_bounded_number_of_times() -> None:
    """Whoever loses it that often waits for the timer, and does not hammer the stock."""
    story = given_placed(Story(setup=TWO))
    rich = seen(*((place, sku, 9) for place in ("WH1", "WH2") for sku in ("SKU-1", "SKU-2")))
    for _ in range(5):
        story.done(f.ReserveStock, f.StockShort(skus=("SKU-1",), seen=rich))
        story.then_events(e.StockReplanned)
    story.done(f.ReserveStock, f.StockShort(skus=("SKU-1",), seen=rich))
    story.then_events(e.Backordered).then_effects()


def test_where_no_stock_is_kept_nothing_is_reserved() -> None:
    """The task goes out at once."""
    story = given_placed(Story(setup=replace(SETUP, stock=False)))
    story.then_effects(f.CreateTask, f.PostSalesOrder, f.SendMail)


def test_what_does_not_travel_is_fulfilled_at_once_and_told() -> None:
    """A digital line needs no place, no stock and no label."""
    goods, gift = a_line("1", 1), a_line("2", 1, requires_shipping=False)
    story = Story().when(i.PlaceOrder(order=order_of(goods, gift)))
    story.then_events(e.Placed, e.Accepted, e.FulfilmentPlanned, e.FulfilmentPlanned, e.Fulfilled)
    assert story.counts(1) == {"q": 1, "f": 1}
    told = story.effect(f.PublishFulfilment, F2)
    assert isinstance(told, f.PublishFulfilment)
    assert told.parcels == (f.SentParcel(parcel=K1, units=(f.Units("2", "SKU-2", 1),)),)


def test_an_order_without_anything_that_travels_ends_by_itself() -> None:
    """Posted, written and told; nothing else."""
    story = Story().when(i.PlaceOrder(order=order_of(a_line("1", 1, requires_shipping=False))))
    story.done(f.PostSalesOrder, POSTED).done(f.SendMail, SENT)
    published(story).then_stage("closed")


def test_lines_of_others_are_not_ours_and_are_not_sent() -> None:
    """A dropshipped line is noted; the ERP is told of the whole order all the same."""
    ours, theirs = a_line("1", 1), a_line("2", 3, delivery="elsewhere")
    story = Story().when(i.PlaceOrder(order=order_of(ours, theirs)))
    story.then_events(e.Placed, e.Accepted, e.LeftToOthers, e.FulfilmentPlanned)
    assert story.counts(1) == {"q": 3, "e": 3}
    story.done(f.ReserveStock, RESERVED)
    assert story.effect(f.CreateTask).units == (f.Units("1", "SKU-1", 1),)  # type: ignore[union-attr]  # a task
    assert len(story.effect(f.PostSalesOrder).units) == 2  # type: ignore[union-attr]  # an order


# --- parcels --------------------------------------------------------------------------------------


def test_two_parcels_of_one_shipment_have_a_label_and_a_number_each() -> None:
    """One purchase, two numbers; the shop is told both, and delivered is when the last is."""
    story = given_released().when(packed(a_parcel("a", l1=2), a_parcel("b", l2=1)))
    bought = story.effect(f.BuyLabel)
    assert isinstance(bought, f.BuyLabel)
    assert [x.parcel for x in bought.parcels] == [K1, K2]
    story.done(f.BuyLabel, sold(K1, K2)).when(handed_over())
    told = story.effect(f.PublishFulfilment)
    assert isinstance(told, f.PublishFulfilment)
    assert [(x.tracking_number, x.units) for x in told.parcels] == [
        ("1Z-K1", (f.Units("1", "SKU-1", 2),)),
        ("1Z-K2", (f.Units("2", "SKU-2", 1),)),
    ]
    published(story)
    tracked(story, "delivered").then_stage("accepted")
    tracked(story, "delivered", K2).then_events(e.Delivered, e.FulfilmentDone, e.Closed)


def test_a_parcel_that_leaves_later_is_told_beside_the_earlier_one() -> None:
    """The second publication names what the first did, and only the news."""
    story = given_released().when(packed(a_parcel("a", l1=2), a_parcel("b", l2=1)))
    story.done(f.BuyLabel, sold(K1, K2)).when(handed_over(a_parcel("a")))
    story.then_events(e.PartHandedOver).then_stage("packed", "F1")
    published(story).when(handed_over(a_parcel("b"))).then_events(e.HandedOver)
    told = story.effect(f.PublishFulfilment)
    assert isinstance(told, f.PublishFulfilment)
    assert [x.parcel for x in told.parcels] == [K2]
    assert [x.parcel for x in told.earlier] == [K1]


def test_a_scan_hands_over_the_parcel_that_was_scanned() -> None:
    """Each parcel has its own number, timer and way."""
    story = given_released().when(packed(a_parcel("a", l1=2), a_parcel("b", l2=1)))
    story.done(f.BuyLabel, sold(K1, K2))
    tracked(story, "in_transit", K2).then_events(e.PartHandedOver)
    assert story.stage("K1") == "packed"
    assert story.counts(1) == {"q": 1, "t": 1}


def test_a_warehouse_may_split_by_itself() -> None:
    """It packs a part, says that more will follow, and each part gets its own label."""
    story = given_released().when(packed(a_parcel("a", l1=2), complete=False))
    story.then_events(e.PartPacked, e.LabelWanted).done(f.BuyLabel, sold(K1))
    story.when(handed_over(a_parcel("a"))).then_events(e.PartHandedOver)
    assert waiting_for(story.state) == "the warehouse to pack the rest"
    story.when(packed(a_parcel("b", l2=1))).then_events(e.Packed, e.LabelWanted)
    assert story.state.labels[L2].parcels == (K2,)
    story.done(f.BuyLabel, sold(K2)).when(handed_over(a_parcel("b"))).then_events(e.HandedOver)


def test_a_3pl_buys_its_own_labels() -> None:
    """Its ship notice is the first we hear of parcel and number; no one is asked for a label."""
    story = given_reserved(Story(setup=THREE_PL)).done(f.CreateTask, f.TaskCreated(task_id="t"))
    task = story.effects[2]
    assert isinstance(task, f.CreateTask)
    assert task.labels == "them"
    story.when(handed_over(a_parcel("a", "JD014600", l1=2, l2=1)))
    story.then_events(e.HandedOver, e.Untracked).then_effects(f.PublishFulfilment)
    told = story.effect(f.PublishFulfilment)
    assert isinstance(told, f.PublishFulfilment)
    assert (told.parcels[0].carrier, told.parcels[0].tracking_number) == ("DHL", "JD014600")


def test_a_3pls_numbers_are_tracked_where_a_carrier_of_ours_can() -> None:
    """A lane for tracking alone is enough."""
    place = replace(THREE_PL.places[0], carrier="dhl")
    story = given_reserved(Story(setup=replace(THREE_PL, places=(place,))))
    story.done(f.CreateTask, f.TaskCreated(task_id="t")).when(packed()).then_effects()
    story.when(handed_over(a_parcel("F1-1", "JD014600"))).then_events(e.HandedOver)
    tracked(story, "delivered").then_events(e.Delivered)
    assert story.lanes[max(story.lanes)] == "dhl"


@pytest.mark.parametrize(
    ("carrier", "lane"),
    [("DHL", ""), ("UPS Ground", "ups"), ("ups", "ups"), ("FedEx", "fx-2"), ("", "ups")],
)
def test_another_carrier_than_the_places_is_asked_itself_or_no_one(carrier: str, lane: str) -> None:
    """A number of DHL's is not asked for at UPS, whatever carrier the place has."""
    place = replace(THREE_PL.places[0], carrier="ups")
    carriers = (("ups", "ups"), ("fedex", "fx-2"))
    story = given_reserved(Story(setup=replace(THREE_PL, places=(place,), carriers=carriers)))
    story.done(f.CreateTask, f.TaskCreated(task_id="t")).when(packed())
    told = replace(a_parcel("F1-1", "JD014600"), carrier=carrier)
    story.when(handed_over(told))
    parcel = story.state.parcels[K1]
    assert tracking_lane(story.state, parcel, story.setup) == lane
    assert (parcel.stage == "untracked") is (lane == "")


def test_three_of_two_are_written_down() -> None:
    """What left is true whatever was asked: the ledger has its term, the shop is told, and one
    person hears of the discrepancy."""
    story = given_released().when(packed(a_parcel("a", l1=3, l2=1)))
    story.done(f.BuyLabel, sold(K1)).when(handed_over())
    story.then_events(e.HandedOver, e.TaskOpened)
    assert story.counts() == {"q": 2, "t": 3, "x": 1}
    assert waiting_for(story.state) == (
        "a person: 1 × SKU-1 too many left with F1: have them sent back, or charge for them"
    )
    published(story)
    tracked(story, "delivered").then_stage("accepted")
    story.act("done").then_events(e.TaskClosed, e.Closed)


def test_one_too_many_covers_a_unit_that_is_still_open() -> None:
    """At rest nothing is both open and in excess: the second fulfilment shrinks."""
    story = given_placed()
    snapshot = seen(("WH1", "SKU-1", 1), ("WH1", "SKU-2", 1))
    story.done(f.ReserveStock, f.StockShort(skus=("SKU-1",), seen=snapshot))
    story.done(f.ReserveStock, RESERVED).done(f.CreateTask, f.TaskCreated(task_id="t"))
    story.when(packed(a_parcel("a", l1=2, l2=1))).done(f.BuyLabel, sold(K1)).when(handed_over())
    assert story.counts() == {"q": 2, "t": 2}
    assert story.stage("F2") == "cancelled"


def test_what_a_parcel_holds_in_place_of_something_keeps_its_line() -> None:
    """A substitution names the SKU that was sent."""
    held = (f.Units("1", "SKU-1B", 2), f.Units("2", "SKU-2", 1))
    story = given_released().when(packed(i.ReportedParcel(parcel_id="a", units=held)))
    bought = story.effect(f.BuyLabel)
    assert isinstance(bought, f.BuyLabel)
    assert bought.parcels[0].units == held


# --- who packs, and who brings it -----------------------------------------------------------------


def test_without_a_warehouse_a_person_packs_and_reports() -> None:
    """The task names what to pack; done, it is one parcel that needs a label."""
    story = given_reserved(Story(setup=replace(SETUP, places=(Place(name="home", carrier="ups"),))))
    story.then_events(e.StockReserved, e.LeftToPerson, e.TaskOpened)
    assert waiting_for(story.state) == "a person: pack and send from home: 2 × SKU-1, 1 × SKU-2"
    story.act("done", "pack-F1").then_events(e.TaskClosed, e.Packed, e.LabelWanted)
    story.done(f.PostSalesOrder, POSTED).done(f.SendMail, SENT)
    assert waiting_for(story.state) == "the carrier to sell the label"
    story.done(f.BuyLabel, sold(K1))
    tracked(story, "in_transit").then_events(e.HandedOver)


def test_without_a_carrier_a_parcel_is_as_good_as_there_when_it_left() -> None:
    """A shorter life, not a stuck one."""
    story = given_reserved(Story(setup=replace(SETUP, places=(Place(name="home"),))))
    story.done(f.PostSalesOrder, POSTED).done(f.SendMail, SENT)
    story.act("done").then_events(e.TaskClosed, e.HandedOver, e.Untracked)
    published(story).then_stage("closed")
    assert story.counts() == {"q": 2, "f": 2}


@pytest.mark.parametrize("delivery", ["pickup", "local_delivery"])
def test_what_the_customer_collects_or_is_brought_needs_no_label(delivery: str) -> None:
    """Packed, it waits for the warehouse's word that the customer has it."""
    order = order_of(a_line("1", 2, delivery=delivery))
    story = Story().when(i.PlaceOrder(order=order)).done(f.ReserveStock, RESERVED)
    task = story.effect(f.CreateTask)
    assert isinstance(task, f.CreateTask)
    assert (task.delivery, task.labels) == (delivery, "none")
    story.done(f.CreateTask, f.TaskCreated(task_id="t")).when(packed()).then_effects()
    story.when(i.ReportCollected(ref=REF, fulfilment=F1, task_id="t")).then_events(e.Fulfilled)
    story.then_stage("collected", "K1")
    published(story)
    story.done(f.PostSalesOrder, POSTED).then_stage("closed")


def test_a_pickup_that_was_handed_over_is_with_the_customer() -> None:
    """The contract leaves `task.collected` out then; a driver's delivery still needs it."""

    def left(delivery: str) -> Story:
        order = order_of(a_line("1", 2, delivery=delivery))
        story = Story().when(i.PlaceOrder(order=order)).done(f.ReserveStock, RESERVED)
        story.done(f.CreateTask, f.TaskCreated(task_id="t")).when(packed())
        return story.when(handed_over())

    left("pickup").then_stage("delivered", "K1")
    story = left("local_delivery").then_stage("handed_over", "K1")
    story.when(i.ReportCollected(ref=REF, fulfilment=F1, task_id="t")).then_stage("delivered", "K1")


def test_a_place_that_declines_is_not_asked_again_while_another_is_there() -> None:
    """Its stock is given back first, and the units leave the other place as a new fulfilment."""
    story = given_released(Story(setup=TWO))
    story.when(i.ReportTaskCancelled(ref=REF, fulfilment=F1, task_id="t-F1"))
    story.then_events(e.TaskCancelled).then_effects(f.ReleaseStock)
    story.done(f.ReleaseStock, f.Undone())
    story.then_events(e.StockReleased, e.FulfilmentCancelled, e.FulfilmentPlanned)
    assert story.effect(f.ReserveStock).place == "WH2"  # type: ignore[union-attr]  # reserving


def test_when_every_place_has_declined_a_person_decides() -> None:
    """The hold keeps the order from being planned in circles; released, every place is asked."""
    story = given_released()
    story.when(i.ReportTaskCancelled(ref=REF, fulfilment=F1, task_id="t-F1"))
    story.done(f.ReleaseStock, f.Undone())
    story.then_events(e.StockReleased, e.FulfilmentCancelled, e.Held).then_effects()
    assert "cancelled its task by itself" in waiting_for(story.state)
    story.act("release").then_effects(f.ReserveStock)
    assert story.state.fulfilments[F2].place == "WH1"


def test_a_parcel_that_comes_back_is_a_persons_at_once() -> None:
    """Returned to sender is a status of its own, and not "in transit"."""
    story = given_labelled()
    tracked(story, "returned").then_events(e.HandedOver, e.Returned, e.TaskOpened)
    assert story.counts() == {"q": 2, "r": 2}
    assert waiting_for(story.state) == "a person: the carrier returns K1 (1Z-K1)"
    published(story)
    story.act("done").then_stage("closed")


def test_an_exception_is_a_persons_until_the_parcel_moves_on() -> None:
    """What needs no one any more closes by itself."""
    story = given_labelled()
    tracked(story, "exception").then_events(e.HandedOver, e.DeliveryFailed, e.TaskOpened)
    published(story)
    tracked(story, "in_transit").then_events(e.InTransit, e.TaskClosed)
    tracked(story, "lost").then_events(e.Lost, e.TaskOpened, e.FulfilmentDone)
    assert story.counts() == {"q": 2, "l": 2}


def test_a_label_that_is_skipped_waits_for_the_warehouse() -> None:
    """A person has it sent otherwise: the hand-over tells, also without a number."""
    story = given_packed().refused(f.BuyLabel, "No such address.").act("skip").then_effects()
    assert waiting_for(story.state) == "the warehouse to hand it over"
    story.when(handed_over()).then_events(e.HandedOver, e.Untracked)


def test_more_than_fifty_fulfilments_are_not_planned_at_once() -> None:
    """Bounds bind what we plan."""
    setup = replace(SETUP, places=tuple(Place(name=f"P{n}") for n in range(60)))
    lines = [a_line(str(n), 1) for n in range(60)]
    story = Story(setup=setup).when(i.PlaceOrder(order=order_of(*lines)))
    snapshot = seen(*((f"P{n}", f"SKU-{n}", 1) for n in range(60)))
    story.done(f.ReserveStock, f.StockShort(skus=("SKU-1",), seen=snapshot))
    live = [x for x in story.state.fulfilments.values() if x.stage == "planned"]
    assert len(live) == 50
    assert sum(x.counts.get("o", 0) for x in story.state.lines) == 10


def test_a_key_is_never_used_again() -> None:
    """Keys rise, also when what they named is long gone."""
    story = given_released(Story(setup=TWO))
    for key in (F1, F2):
        story.when(i.ReportTaskCancelled(ref=REF, fulfilment=key, task_id=f"t-{key}"))
        story.done(f.ReleaseStock, f.Undone())
        if key == F1:
            story.done(f.ReserveStock, f.StockReserved(place="WH2"))
            story.done(f.CreateTask, f.TaskCreated(task_id="t-F2"))
    story.act("release")
    assert F3 in story.state.fulfilments


def test_what_does_not_travel_waits_for_a_hold_too() -> None:
    """Given a gift card in an order that a person holds: the shop is told of nothing before the
    hold ends, whether it was there before the order was paid or not."""
    card = order_of(a_line("1", 1), a_line("2", 1, delivery="digital"))
    story = Story().when(i.PlaceOrder(order=replace(card, payment="pending"))).act("hold")
    story.when(i.UpdateOrder(order=later(5, card))).then_stage("accepted")
    assert story.counts(1) == {"q": 1, "a": 1}
    story.act("release")
    assert story.counts(1) == {"q": 1, "f": 1}
    assert story.number(f.PublishFulfilment, F2)
