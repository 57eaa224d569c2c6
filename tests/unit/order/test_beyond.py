"""What is beyond a bound holds the order for a person: it is never passed over in silence."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from actors.order import differs, evolve, holding, notes, outside
from schemas.messages import effects as f
from schemas.messages import events as e
from schemas.messages import inputs as i
from tests.given import (
    REF,
    Story,
    a_line,
    given_placed,
    given_released,
    given_shipped,
    later,
    order_of,
)
from tests.unit.order.test_standing import SHOP, TAKING, asks, requests


def holds(story: Story) -> list[str]:
    """The ids of the order's holds."""
    return [one.hold_id for one in story.state.holds]


def news(topic: str, hold: str = "before_hand_over") -> i.NoteReport:
    """News of this name that holds the order."""
    return i.NoteReport(ref=REF, source="shopify", topic=topic, words="It is so.", hold=hold)  # type: ignore[arg-type]  # a literal


def test_news_without_room_for_a_hold_of_its_own_holds_the_order(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """One hold stands for all of it, and comes again when a person released it too early."""
    monkeypatch.setattr(notes, "MAX_NOTED_HOLDS", 2)
    for kind in ("before_hand_over", "once_begun"):
        story = given_released().when(*(news(f"news/{n}", kind) for n in range(2)))
        story.when(news("news/3", kind)).then_events(e.ReportNoted, e.Held)
        story.when(news("news/4", kind)).then_events(e.ReportNoted)
        assert holds(story)[2:] == ["news-beyond"]
        story.act("release", "news-beyond").when(news("news/4", kind))
        assert holds(story)[2:] == ["news-beyond"]


def test_what_a_statement_puts_in_doubt_holds_an_order_with_many_holds(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Money that went back, two statements for one second, a change that is not understood: once
    the other holds are released, the order would leave as if nothing were."""
    monkeypatch.setattr(holding, "MAX_HOLDS", 1)
    twice = order_of(a_line("1", 2), updated_at="2026-11-27T11:59:00Z")
    unread = i.NoteReport(
        ref=REF, source="x", topic="unread-statement", words="It is in quarantine.",
        hold="before_hand_over", known=True, unread=True,
    )  # fmt: skip
    gone = i.UpdateOrder(order=later(2, payment="voided"))
    for one in (unread, gone, i.UpdateOrder(order=twice)):
        story = given_released().when(news("news/1")).when(one)
        assert holds(story)[1:] == ["news-beyond"]


def test_a_change_after_the_timeline_is_full_holds_the_order(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It is not fetched any more, for a flood must not grow the timeline."""
    story = given_released()
    monkeypatch.setattr(holding, "MAX_NOTED_VERSION", story.state.version)
    edited = i.NoteReport(
        ref=REF, source="shopify", topic="orders/edited", words="It was edited.", refetch=True
    )
    story.when(edited).then_events(e.Held).then_effects()
    story.when(edited).then_events()
    assert holds(story) == ["news-beyond"]


@pytest.mark.parametrize("unread", [True, False])
def test_a_flood_that_is_newer_each_time_does_not_grow_a_full_timeline(
    monkeypatch: pytest.MonkeyPatch, unread: bool
) -> None:
    """The hold no longer follows the newest: a person ends it, whatever is stated meanwhile."""
    story = given_released()
    monkeypatch.setattr(holding, "MAX_NOTED_VERSION", story.state.version)

    def told(minutes: int) -> i.NoteReport:
        topic, hold = ("unread-statement", "before_hand_over") if unread else ("a/b", "once_begun")
        at = later(minutes).updated_at
        return replace(news(topic, hold), at=at, unread=unread)

    story.when(told(1)).then_events(e.Held)
    for minutes in range(2, 5):
        story.when(told(minutes)).then_events()
    story.when(i.UpdateOrder(order=later(9)))
    assert len(holds(story)) == 1


def test_more_that_is_not_to_be_sent_than_is_kept_holds_the_order(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It would be sent, and the channel never answered."""
    monkeypatch.setattr(notes, "MAX_STOPS", 1)
    story = Story(setup=SHOP).when(i.PlaceOrder(order=order_of(a_line("1", 2), a_line("2", 1))))
    story.when(asks(("1", 1), name="one"))
    story.when(asks(("2", 1), name="two"))
    assert holds(story)[-1] == "stops-beyond"
    story.when(asks(("1", 1), name="one")).then_events(e.ReportNoted)


def test_more_that_is_asked_for_than_is_kept_holds_the_order(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A channel whose request is never answered takes it back, and has the goods sent by others."""
    monkeypatch.setattr(notes, "MAX_STOPS", 1)
    story = Story(setup=TAKING)
    story.when(i.PlaceOrder(order=order_of(a_line("1", 2), payment="pending")))
    story.when(requests("one"), requests("one"), requests("two"))
    assert story.state.requests == ("one",)
    assert holds(story) == ["requests-beyond"]


def test_more_shipments_by_others_than_are_kept_hold_the_order(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Their goods would be sent twice."""
    monkeypatch.setattr(outside, "MAX_OUTSIDE", 1)
    story = Story().when(i.PlaceOrder(order=order_of(a_line("1", 3))))
    shown = tuple(
        i.OutsideShipment(outside_id=f"theirs-{n}", units=(f.Units("1", "SKU-1", 1),))
        for n in range(2)
    )
    story.when(i.UpdateOrder(order=later(1, order_of(a_line("1", 3))), fulfilled=shown))
    assert holds(story) == ["outside-beyond"]


def test_what_may_have_been_done_is_remembered_longer(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of effects without success, those go first of which it is known that nothing was done."""
    monkeypatch.setattr(evolve, "MAX_LOST", 2)
    story = given_placed()
    for known in (False, True, True):
        number = story.state.open[0].number
        story.when(i.EffectGivenUp(number=number, reason="It failed.", outcome_known=known))
        story.act("retry", str(number))
    assert [one.known for one in story.state.lost] == [False, True]


def test_a_person_is_told_of_lines_that_a_task_does_not_name(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Two lines were refunded after they left and one is named: the other is counted."""
    monkeypatch.setattr(differs, "MAX_LATE", 1)
    story = given_shipped()
    story.when(i.UpdateOrder(order=later(9, order_of(a_line("3", 1)))))
    words = story.state.tasks[0].words
    assert "1 units of 1 more lines were removed or refunded" in words


def test_a_long_task_says_where_its_beginning_is(monkeypatch: pytest.MonkeyPatch) -> None:
    """What no longer fits is on the timeline, and the task says so."""
    monkeypatch.setattr(differs, "MAX_DIFFERS", 80)
    story = given_shipped()
    story.when(i.UpdateOrder(order=later(9, order_of(a_line("3", 1)))))
    words = story.state.tasks[0].words
    assert len(words) == 80
    assert words.startswith("the timeline has what this began with; … ")
