"""A change that the channel stated and that could not be understood: the order does not go on as if
nothing were."""

from __future__ import annotations

from msgspec.structs import replace

from schemas.messages import effects as f
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
    unread=True,
)
"""One that does not say when the order changed."""


def held(story: Story) -> list[str]:
    """The holds' names, without their numbers."""
    return [one.hold_id.rpartition("-")[0] for one in story.state.holds]


def at(minutes: int) -> i.NoteReport:
    """Return one that says when the order changed: so many minutes after noon."""
    return replace(UNREAD, at=later(minutes).updated_at)


def test_an_order_that_is_known_is_held() -> None:
    """Before work began as after it, once; a later statement that is understood frees it, and the
    change that was fixed is one."""
    for story in (given_placed(), given_released()):
        story.when(at(1)).then_events(e.ReportNoted, e.Held)
        story.when(at(1)).then_events(e.ReportNoted)
        assert held(story) == ["unread-statement"]
        story.when(i.UpdateOrder(order=an_order()))
        assert held(story) == ["unread-statement"]
        story.when(i.UpdateOrder(order=later(1, an_order())))
        assert held(story) == []


def test_an_older_statement_frees_nothing() -> None:
    """Messages overtake each other: what is understood may be from before what is not."""
    story = given_released().when(at(3), i.UpdateOrder(order=later(2)))
    assert held(story) == ["unread-statement"]
    story.when(i.UpdateOrder(order=later(3))).then_events(e.UpdateNoted, e.HoldReleased)


def test_what_was_stated_since_is_held_for_no_more() -> None:
    """A message that comes late and is not understood tells nothing of an order that the channel
    stated after it; of one that it stated at the same second no one knows which was the last."""
    story = given_released().when(i.UpdateOrder(order=later(2)))
    story.when(at(1)).then_events(e.ReportNoted)
    story.when(at(2)).then_events(e.ReportNoted, e.Held)


def test_the_newest_of_them_is_waited_for() -> None:
    """A statement between two that are not understood is not as new as the second."""
    story = given_released().when(at(2), at(4))
    story.then_events(e.ReportNoted, e.Held, e.HoldReleased)
    story.when(at(3)).then_events(e.ReportNoted)
    story.when(i.UpdateOrder(order=later(3)))
    assert held(story) == ["unread-statement"]
    story.when(i.UpdateOrder(order=later(4)))
    assert held(story) == []


def test_of_one_without_a_time_the_channel_is_asked() -> None:
    """No statement that comes by itself is known to be newer: only what was asked for afterwards,
    even if it says what was said before, or a person, frees the order."""
    story = given_released().when(UNREAD)
    story.when(i.UpdateOrder(order=later(5)))
    assert held(story) == ["unread-statement"]
    story.when(i.UpdateOrder(order=later(5), fetched=story.state.last_effect))
    assert held(story) == ["unread-statement"]
    story.act("refetch").then_effects(f.FetchOrder)
    story.when(i.UpdateOrder(order=later(5), fetched=story.state.last_effect))
    assert held(story) == []
    story.when(UNREAD).act("release")
    assert held(story) == []


def test_one_without_a_time_makes_the_hold_one_that_waits_for_an_answer() -> None:
    """Beside one whose time is known it may be the newer, and so may the other beside it."""
    for both in ((at(1), UNREAD), (UNREAD, at(1))):
        story = given_released().when(*both).when(i.UpdateOrder(order=later(2)))
        assert held(story) == ["unread-statement"]


def test_what_was_asked_for_before_it_frees_nothing() -> None:
    """The channel may have answered before it said what is not understood."""
    story = given_released().act("refetch").then_effects(f.FetchOrder)
    number = story.state.last_effect
    story.when(UNREAD, i.UpdateOrder(order=later(5), fetched=number))
    assert held(story) == ["unread-statement"]
    story = given_released().when(UNREAD).act("refetch")
    story.when(UNREAD).then_events(e.ReportNoted, e.Held, e.HoldReleased)
    story.when(i.UpdateOrder(order=later(5), fetched=story.state.last_effect))
    assert held(story) == ["unread-statement"]


def test_an_edit_is_waited_for_as_the_newest_of_them() -> None:
    """News that tells not what changed is held for until it is known: of two edits, the later."""
    edited = i.NoteReport(
        ref=REF, source="shopify", topic="orders/edited", words="edited", hold="once_begun",
        refetch=True, at=later(2).updated_at,
    )  # fmt: skip
    story = given_released().when(edited, replace(edited, at=later(4).updated_at))
    story.when(i.UpdateOrder(order=later(3)))
    assert held(story) == ["orders-edited"]
    story.when(i.UpdateOrder(order=later(4)))
    assert held(story) == []


def test_an_order_that_is_not_known_is_not_made_by_it() -> None:
    """It may never come: the message in quarantine is all there is."""
    Story().when(UNREAD).then_events().then_stage("new")


def test_an_order_that_has_left_is_told_of_it_alone() -> None:
    """There is nothing to hold back any more."""
    given_shipped().when(UNREAD).then_events(e.ReportNoted)


def test_a_part_that_is_shown_later_is_counted_and_waited_for_no_more() -> None:
    """A channel says that a part was shipped before it shows which: a reading as new, with the
    shipment, frees the order, and so does one that says it is not so. One before it, or the same
    word once more, frees nothing."""
    part = replace(at(2), topic="PARTIALLY_SHIPPED", known=False)
    shipment = i.OutsideShipment(outside_id="1", units=(f.Units("1", "SKU-1", 1),))
    story = given_released().when(part)
    story.when(part, i.UpdateOrder(order=later(1)))
    assert held(story) == ["unread-statement"]
    story.when(i.UpdateOrder(order=later(2), fulfilled=(shipment,)))
    assert held(story) == []
    assert [name for name, _ in story.state.outside] == ["1"]
    expected = Story().when(part).when(i.PlaceOrder(order=later(2), fulfilled=(shipment,)))
    assert held(expected) == []
    undone = given_released().when(part).when(i.UpdateOrder(order=later(3)))
    assert held(undone) == []
