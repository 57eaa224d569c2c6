"""News that changes nothing by itself: on the timeline, and held where a person must look."""

from __future__ import annotations

from typing import Literal

import pytest

from actors import facts
from schemas import effects as f
from schemas import events as e
from schemas import inputs as i
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


def news(hold: Hold = "", topic: str = "refunds/create") -> i.NoteFact:
    """Return a piece of news."""
    return i.NoteFact(ref=REF, source="shopify", topic=topic, words="Money went back.", hold=hold)


def test_news_is_kept_and_changes_nothing() -> None:
    """An order at the warehouse goes on as it would have."""
    story = given_released().when(news())
    story.then_events(e.FactNoted).then_effects().then_stage("reserved")
    assert not story.state.holds


def test_news_before_the_order_awaits_it() -> None:
    """An order that the channel knows and we don't is expected, and raises its alarm in time."""
    story = Story().when(news("before_hand_over"))
    story.then_events(e.FactNoted, e.Held).then_stage("expected")
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


def test_repeated_news_neither_piles_up_holds_nor_grows_for_ever(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """One hold for each kind of news, eight at most; a flood ends on the timeline's bound."""
    story = given_released().when(*[news("before_hand_over")] * 3)
    assert len(story.state.holds) == 1
    story.when(*(news("before_hand_over", f"a{n}/b") for n in range(20)))
    assert len(story.state.holds) == facts.MAX_NOTED_HOLDS
    monkeypatch.setattr(facts, "MAX_NOTED_VERSION", story.state.version)
    story.when(news()).then_events()
