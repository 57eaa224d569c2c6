"""A change that the channel stated and that could not be understood: the order does not go on as if
nothing were."""

from __future__ import annotations

from schemas.messages import events as e
from schemas.messages import inputs as i
from tests.given import REF, Story, an_order, given_placed, given_released, given_shipped, later

UNREAD = i.NoteReport(
    ref=REF,
    source="shopify",
    topic="unread-statement",
    words="A change that the channel stated is in quarantine.",
    hold="before_hand_over",
    known=True,
)


def held(story: Story) -> list[str]:
    """The holds' names, without their numbers."""
    return [one.hold_id.rpartition("-")[0] for one in story.state.holds]


def test_an_order_that_is_known_is_held() -> None:
    """Before work began as after it, once; a later statement that is understood frees it, and the
    change that was fixed is one."""
    for story in (given_placed(), given_released()):
        story.when(UNREAD).then_events(e.ReportNoted, e.Held)
        story.when(UNREAD).then_events(e.ReportNoted)
        assert held(story) == ["unread-statement"]
        story.when(i.UpdateOrder(order=an_order()))
        assert held(story) == ["unread-statement"]
        story.when(i.UpdateOrder(order=later(1, an_order())))
        assert held(story) == []


def test_an_order_that_is_not_known_is_not_made_by_it() -> None:
    """It may never come: the message in quarantine is all there is."""
    Story().when(UNREAD).then_events().then_stage("new")


def test_an_order_that_has_left_is_told_of_it_alone() -> None:
    """There is nothing to hold back any more."""
    given_shipped().when(UNREAD).then_events(e.ReportNoted)
