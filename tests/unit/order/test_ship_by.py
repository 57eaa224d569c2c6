"""The latest time of shipping that a channel states: an alarm before it, and when it is missed."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from actors.incidents.incidents import category_of, matter_of, settles
from actors.order.policy import Policy
from schemas.messages import effects as f
from schemas.messages import events as e
from schemas.messages import inputs as i
from schemas.messages.words import event_words
from schemas.order.things import ORDER
from tests.given import (
    NOON,
    REF,
    RESERVED,
    O,
    Story,
    a_line,
    given_placed,
    given_released,
    given_shipped,
    handed_over,
    later,
    order_of,
    packed,
)

TOMORROW = "2026-11-28T22:59:59Z"
AT = datetime.fromisoformat(TOMORROW)
NAME = "ship_by"


def due(story: Story) -> datetime | None:
    """When the alarm is set for."""
    return story.timers.get((O, NAME))


def fire(story: Story) -> e.Overdue | None:
    """Let the time come, and return the alarm."""
    at = story.timers.pop((O, NAME))
    story.now = at - timedelta(seconds=1)
    story.when(i.TimerFired(name=NAME))
    assert story.last is not None
    return next((x for x in story.last.events if isinstance(x, e.Overdue)), None)


def test_the_alarm_comes_hours_before() -> None:
    """As many as the policy says, and in words: until when, and what the order waits for."""
    story = given_released(ship_by=TOMORROW)
    assert due(story) == AT - timedelta(hours=6)
    alarm = fire(story)
    assert alarm is not None
    assert event_words(alarm, ()) == (
        f"The order: goods are still here that have to leave by {TOMORROW}, "
        "waiting for the warehouse to pack."
    )
    assert story.state.overdue == (ORDER,)


def test_it_comes_again_when_the_time_is_missed_and_then_daily() -> None:
    """Before it is missed, when it is missed, and each day while goods are here."""
    story = given_released(ship_by=TOMORROW)
    assert fire(story) is not None
    assert due(story) == AT
    assert fire(story) is not None
    assert due(story) == AT + timedelta(days=1)


def test_one_that_is_late_already_is_told_at_once() -> None:
    """An order that comes within the last hours, or after them."""
    soon = f"{NOON + timedelta(hours=1):%Y-%m-%dT%H:%M:%SZ}"
    story = given_placed(ship_by=soon)
    assert due(story) == story.now
    assert fire(story) is not None
    past = given_placed(ship_by="2026-11-26T10:00:00Z")
    assert due(past) == past.now


def test_the_policy_says_how_long_before() -> None:
    """A shop that packs by the day wants to know earlier."""
    story = given_placed(Story(policy=Policy(ship_by_alarm_seconds=86_400.0)), ship_by=TOMORROW)
    assert due(story) == AT - timedelta(days=1)


def test_what_has_left_needs_no_alarm() -> None:
    """It is cleared with the last goods, and an alarm that was given is taken back."""
    story = given_released(ship_by=TOMORROW)
    assert fire(story) is not None
    story.when(packed())
    assert ORDER in story.state.overdue
    story.when(handed_over())
    assert due(story) is None
    assert ORDER not in story.state.overdue
    assert due(given_shipped(ship_by=TOMORROW)) is None


def test_an_order_that_may_leave_at_any_time_has_none() -> None:
    """Nothing is set, and nothing of what is told differs."""
    story = given_released()
    assert due(story) is None
    assert all(not getattr(one, "ship_by", "") for one in story.events)


def test_it_follows_the_channel_s_latest_statement() -> None:
    """Another time sets another alarm; a person's edit leaves it as it is."""
    story = given_placed(ship_by=TOMORROW)
    story.when(i.UpdateOrder(order=later(1, ship_by="2026-11-29T22:59:59Z")))
    assert due(story) == AT + timedelta(hours=18)
    story.when(i.EditOrder(ref=REF, person="ann", note="Ring twice."))
    assert story.state.ship_by == "2026-11-29T22:59:59Z"
    story.when(i.UpdateOrder(order=later(2)))
    assert due(story) is None


def test_what_is_added_when_all_has_left_has_an_alarm_again() -> None:
    """Also while it waits for its payment, and no fulfilment of it is planned."""
    story = given_shipped(ship_by=TOMORROW)
    assert due(story) is None
    more = order_of(a_line("1", 3), a_line("2", 1, 750), ship_by=TOMORROW, payment="partially_paid")
    story.when(i.UpdateOrder(order=later(1, more)))
    assert story.counts().get("o") == 1
    assert due(story) == AT - timedelta(hours=6)


def test_a_cancelled_order_has_none() -> None:
    """Nothing of it has to leave any more."""
    story = given_placed(ship_by=TOMORROW).done(f.ReserveStock, RESERVED)
    story.when(i.CancelOrder(ref=REF, reason="customer"))
    assert due(story) is None


@pytest.mark.parametrize("until", [TOMORROW, ""])
def test_it_counts_in_a_category_of_its_own(until: str) -> None:
    """Which is settled by what leaves; other alarms count as before."""
    alarm = e.Overdue(rule="alarm", stage="accepted", waiting_for="x", until=until)
    assert category_of(alarm) == ("overdue_ship_by" if until else "overdue_accepted")
    left = e.HandedOver(rule="hand-over", key="F1", left=("K1",))  # type: ignore[arg-type]  # keys are texts
    assert settles(left, matter_of(alarm)) is bool(until)
