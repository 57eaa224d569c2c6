"""News that changes nothing by itself: on the timeline, and held where a person must look."""

from __future__ import annotations

from typing import Literal

import pytest
from msgspec.structs import replace

from actors.order import facts
from schemas.messages import effects as f
from schemas.messages import events as e
from schemas.messages import inputs as i
from tests.given import (
    PARCELS,
    Story,
    an_order,
    given_labelled,
    given_placed,
    given_released,
    given_shipped,
)

REF = "820982911946154508"
Hold = Literal["", "before_hand_over", "once_begun"]


def news(hold: Hold = "", topic: str = "refunds/create") -> i.NoteReport:
    """Return a piece of news."""
    return i.NoteReport(ref=REF, source="shopify", topic=topic, words="Money went back.", hold=hold)


def test_news_is_kept_and_changes_nothing() -> None:
    """An order at the warehouse goes on as it would have."""
    story = given_released().when(news())
    story.then_events(e.ReportNoted).then_effects().then_stage("reserved")
    assert not story.state.holds


def test_news_before_the_order_awaits_it() -> None:
    """An order that the channel knows and we don't is expected, and raises its alarm in time."""
    story = Story().when(news("before_hand_over"))
    story.then_events(e.ReportNoted, e.Held).then_stage("expected")
    assert story.last is not None
    assert [name for name, _ in story.last.set_timers] == ["due"]
    story.when(i.PlaceOrder(order=an_order())).then_stage("accepted")
    story.done(f.ReserveStock, f.StockReserved(place="WH1"))
    assert f.tag_of(f.CreateWarehouseTask) not in story.open_kinds()
    story.when(i.ActOnOrder(ref=REF, verb="release", person="ann"))
    assert f.tag_of(f.CreateWarehouseTask) in story.open_kinds()


def test_no_label_is_bought_while_such_a_hold_is_open() -> None:
    """A refund while the goods are packed keeps the parcel in the house."""
    story = given_released().when(news("before_hand_over"))
    assert story.state.holds[0].hold_id == f"refunds-create-{story.state.version}"
    story.when(i.ReportPacked(ref=REF, task_id="t-1", parcels=PARCELS))
    story.then_effects().then_stage("packed")


@pytest.mark.parametrize(
    ("story", "before", "begun"),
    [
        (given_placed(payment="pending"), True, False),
        (given_placed(), True, True),
        (given_labelled(), True, True),
        (given_shipped(), False, False),
    ],
)
def test_what_is_held_depends_on_how_far_the_order_is(
    story: Story, before: bool, begun: bool
) -> None:
    """Before hand-over, or only once work has begun; never after the parcel has left."""
    story.when(news("once_begun", "orders/edited"))
    assert bool(story.state.holds) == begun
    story.when(news("before_hand_over"))
    assert any(h.hold_id.startswith("refunds-") for h in story.state.holds) == before


def test_repeated_news_neither_piles_up_holds_nor_grows_without_end(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """One hold for each kind of news, eight at most; a flood ends on the timeline's bound."""
    story = given_released().when(*[news("before_hand_over")] * 3)
    assert len(story.state.holds) == 1
    story.when(*(news("before_hand_over", f"a{n}/b") for n in range(20)))
    assert len(story.state.holds) == facts.MAX_NOTED_HOLDS
    monkeypatch.setattr(facts, "MAX_NOTED_VERSION", story.state.version)
    story.when(news()).then_events()


def test_a_total_that_changes_after_work_had_begun_is_compared_by_a_person() -> None:
    """The ERP has the old total, so it is held once; the list shows the new one. Where news holds
    the order already, once is enough."""
    story = given_released()
    dearer = replace(an_order().totals, shipping_minor=700, total_minor=2450)
    later = an_order(totals=dearer, updated_at="2026-11-27T12:10:00Z")
    story.when(i.UpdateOrder(order=later)).then_events(e.UpdateNoted, e.Held)
    assert story.state.total_minor == 2450
    hold = story.state.holds[0].hold_id
    assert hold.startswith("changed-total-")
    story.when(i.ActOnOrder(ref=REF, verb="release", person="ann", target=hold))
    again = an_order(totals=dearer, updated_at="2026-11-27T12:20:00Z")
    story.when(i.UpdateOrder(order=again)).then_events(e.UpdateNoted)
    held = given_released().when(news("before_hand_over"))
    held.when(i.UpdateOrder(order=later)).then_events(e.UpdateNoted)


def test_whom_to_write_to_follows_the_channel_until_work_begins() -> None:
    """An e-mail address that comes with a later statement is written to."""
    no_one = replace(an_order().customer, email="")
    story = given_placed(payment="pending", customer=no_one)
    assert not story.state.notify
    story.when(
        i.UpdateOrder(order=an_order(payment="pending", updated_at="2026-11-27T12:10:00Z"))
    ).then_events(e.Amended)
    assert story.state.notify
