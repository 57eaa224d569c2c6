"""How long a reservation is kept for an order that waits for a person, and what comes then."""

from __future__ import annotations

from actors.order.policy import Policy
from actors.order.words import waiting_for
from schemas.messages import effects as f
from schemas.messages import events as e
from schemas.messages import inputs as i
from tests.given import F1, REF, RESERVED, Story, given_placed, later

EXPIRY = (F1, "reservation")
EXPIRED = i.TimerFired(name="reservation", key=F1)


def held(seconds: float = 3_600.0) -> Story:
    """An order whose goods are reserved, and which a person looks at; the warehouse waits."""
    story = given_placed(Story(policy=Policy(reservation_seconds=seconds)))
    story.act("hold")
    return story.done(f.ReserveStock, RESERVED).then_stage("reserved", "F1")


def hold_of(story: Story, at: int = 0) -> str:
    """Return the id of a hold."""
    return story.state.holds[at].hold_id


def said(story: Story) -> list[type]:
    """Return the kinds of what the latest decision said and intends."""
    assert story.last is not None
    return [*map(type, story.last.events), *(type(x.effect) for x in story.last.effects)]


def test_without_the_setting_a_reservation_is_kept_permanently() -> None:
    """0 is the default: no timer is set."""
    assert EXPIRY not in held(0.0).timers


def test_only_what_waits_for_a_person_expires() -> None:
    """An order that goes on has no such timer, nor one that is not reserved yet."""
    story = given_placed(Story(policy=Policy(reservation_seconds=60.0)))
    assert EXPIRY not in story.timers
    story.done(f.ReserveStock, RESERVED)
    assert EXPIRY not in story.timers


def test_what_waited_too_long_is_given_back_and_reserved_again_when_it_goes_on() -> None:
    """Released from review after its reservation expired: the stock is asked for again first, and
    the warehouse only then."""
    story = held()
    story.when(EXPIRED).then_events(e.ReservationExpired).then_effects(f.ReleaseStock)
    assert story.effect(f.ReleaseStock) == f.ReleaseStock(place="WH1", units=())
    story.done(f.ReleaseStock, f.Undone()).then_events(e.StockReleased).then_effects()
    assert EXPIRY not in story.timers
    assert "a person" in waiting_for(story.state)
    story.act("release", hold_of(story))
    story.then_events(e.HoldReleased, e.StockTriedAgain).then_effects(f.ReserveStock)
    story.done(f.ReserveStock, RESERVED).then_stage("reserved", "F1")
    assert f.CreateTask in said(story)


def test_what_is_gone_when_it_goes_on_waits_for_stock() -> None:
    """Another order has the last unit: the usual backorder, and no task."""
    story = held().when(EXPIRED).done(f.ReleaseStock, f.Undone())
    story.act("release", hold_of(story))
    story.done(f.ReserveStock, f.StockShort(skus=("SKU-1",)))
    story.then_events(e.Backordered).then_effects().then_stage("short", "F1")


def test_another_hold_begins_the_time_again_and_one_that_ends_does_too() -> None:
    """Whoever decides next has all of it; a timer of before finds the order as it is."""
    story = held()
    first = story.timers[EXPIRY]
    doubt = i.NoteReport(
        ref=REF, source="shop", topic="t", words="a doubt", hold="before_hand_over"
    )
    story.when(doubt)
    assert len(story.state.holds) == 2
    second = story.timers[EXPIRY]
    assert second > first
    story.act("release", hold_of(story))
    assert story.timers[EXPIRY] > second
    story.act("release", hold_of(story))
    assert EXPIRY not in story.timers
    story.when(EXPIRED).then_events()


def test_an_order_that_goes_on_before_the_answer_gives_back_first() -> None:
    """The release that is under way ends before the units are reserved again."""
    story = held().when(EXPIRED)
    story.act("release", hold_of(story)).then_events(e.HoldReleased).then_effects()
    story.done(f.ReleaseStock, f.Undone())
    story.then_events(e.StockReleased, e.StockTriedAgain).then_effects(f.ReserveStock)


def test_a_cancelled_order_has_nothing_left_to_give_back() -> None:
    """Its fulfilment ends at once."""
    story = held().when(EXPIRED).done(f.ReleaseStock, f.Undone())
    story.act("cancel")
    assert e.FulfilmentCancelled in said(story)
    assert f.ReleaseStock not in said(story)


def test_what_leaves_all_the_same_is_written_down() -> None:
    """A warehouse that had the goods in hand reports them, and they are not reserved afterwards."""
    story = held().when(EXPIRED).done(f.ReleaseStock, f.Undone())
    story.when(i.ReportPicked(ref=REF, fulfilment=F1, task_id="t"))
    story.then_stage("picked", "F1")
    story.act("release", hold_of(story))
    assert e.StockTriedAgain not in said(story)


def test_units_that_are_no_longer_wanted_are_not_reserved_again() -> None:
    """A change while it waits counts for what is reserved later."""
    story = held().when(EXPIRED).done(f.ReleaseStock, f.Undone())
    order = later(5)
    fewer = later(5, lines=(order.lines[0],))
    story.when(i.UpdateOrder(order=fewer))
    for _ in list(story.state.holds):
        story.act("release", hold_of(story))
    effect = story.effect(f.ReserveStock)
    assert isinstance(effect, f.ReserveStock)
    assert effect.units == (f.Units("1", "SKU-1", 2),)
