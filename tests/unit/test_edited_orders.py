"""News that an order changed, without saying how: it is held at once, asked for, and compared."""

from __future__ import annotations

import json

import pytest

from adapters.channels.canonical.source import Canonical
from schemas.contracts import refusals
from schemas.contracts.refusals import Refused
from schemas.messages import effects as f
from schemas.messages import events as e
from schemas.messages import inputs as i
from tests.given import Story, an_order, given_placed, given_released, given_shipped

REF = "820982911946154508"
BEFORE, EDITED, AFTER = (f"2029-01-01T00:00:0{second}Z" for second in (1, 2, 3))
NEWS = i.NoteReport(
    ref=REF,
    source="shopify",
    topic="orders/edited",
    words="The order was edited.",
    hold="once_begun",
    look=True,
    at=EDITED,
)
FETCHED = f.OrderFetched(digest="d" * 64)


def said(at: str, *, changed: bool = False, payment: str = "paid") -> i.UpdateOrder:
    """How the channel says the order looks at that moment."""
    method = "Express" if changed else an_order().shipping_method
    order = an_order(updated_at=at, shipping_method=method, payment=payment)
    return i.UpdateOrder(order=order)


def holds(story: Story) -> list[str]:
    """The kinds of the holds of the order."""
    return [hold.hold_id.rpartition("-")[0] for hold in story.state.holds]


def test_an_edit_holds_and_is_asked_for() -> None:
    """Nothing leaves while it is not known what was changed, and the channel is asked once."""
    story = given_released().when(NEWS)
    story.then_events(e.ReportNoted, e.Held, e.LookAsked).then_effects(f.FetchOrder)
    story.when(NEWS).then_events(e.ReportNoted, e.LookAsked).then_effects()
    story.when(NEWS).then_events(e.ReportNoted).then_effects()
    assert holds(story) == ["orders-edited"]


def test_an_edit_that_changed_nothing_that_matters_frees_the_order() -> None:
    """What the channel says afterwards is the same: no one has to look. A statement from before the
    edit proves nothing."""
    story = given_released().when(NEWS).when(said(BEFORE))
    assert holds(story) == ["orders-edited"]
    story.done(f.FetchOrder, FETCHED)
    story.when(said(EDITED)).then_events(e.UpdateNoted, e.HoldReleased)
    assert holds(story) == []
    assert story.state.compared == ()


def test_an_edit_that_changed_something_keeps_one_hold() -> None:
    """What differs is told by the hold for a changed order; the one for not knowing ends."""
    story = given_released().when(NEWS)
    story.when(said(AFTER, changed=True)).then_events(e.UpdateNoted, e.Held, e.HoldReleased)
    assert holds(story) == ["changed"]


def test_news_of_what_is_known_already_holds_nothing() -> None:
    """The channel's statement after the edit came before the news of it."""
    story = given_released().when(said(AFTER)).when(NEWS)
    story.then_events(e.ReportNoted).then_effects()
    assert holds(story) == []


def test_before_work_began_an_edit_is_only_asked_for() -> None:
    """An order that waits for its payment is amended by what the channel says."""
    story = given_placed(payment="pending").when(NEWS)
    story.then_events(e.ReportNoted, e.LookAsked).then_effects(f.FetchOrder)
    story.when(said(AFTER, changed=True, payment="pending")).then_events(e.Amended)
    assert holds(story) == []


def test_no_one_asks_about_an_order_that_is_not_known_or_at_its_end() -> None:
    """The first is asked for when it doesn't come; nothing would change the last."""
    Story().when(NEWS).then_events(e.ReportNoted).then_effects()
    story = given_shipped()
    story.done(f.PublishFulfilment, f.FulfilmentPublished(fulfilment_id="f-1"))
    story.when(i.TimerFired(name="track"))
    story.done(f.TrackShipment, f.Tracked(status="delivered")).then_stage("closed")
    story.when(NEWS).then_events(e.ReportNoted).then_effects()


def test_a_person_may_free_it_first() -> None:
    """Then a later statement finds nothing to free."""
    story = given_released().when(NEWS)
    story.when(i.ActOnOrder(ref=REF, verb="release", person="ann"))
    assert holds(story) == []
    story.when(said(AFTER)).then_events(e.UpdateNoted)


def test_without_its_moment_the_hold_is_a_persons() -> None:
    """Who doesn't say when it happened can't be compared."""
    note = i.NoteReport(ref=REF, source="x", topic="t", words="w", hold="once_begun", look=True)
    story = given_released().when(note).when(said(AFTER))
    assert holds(story) == ["t"]


def test_a_moment_on_no_calendar_is_refused() -> None:
    """Whoever sends news over our own contract is told so."""
    sent = {"type": "order.note_report.v1", "ref": "1", "source": "x", "topic": "t", "words": "w",
            "at": "2026-02-30T00:00:00Z"}  # fmt: skip
    with pytest.raises(Refused) as caught:
        Canonical().translate("note", "", json.dumps(sent).encode())
    assert caught.value.reason == refusals.DATE_IMPOSSIBLE
