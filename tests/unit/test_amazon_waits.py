"""A pending order of Amazon's waits, goes on when it is ready, and no echo moves it."""

from __future__ import annotations

from actors.order.words import waiting_for
from adapters.channels.amazon.order import input_of
from adapters.channels.amazon.shapes import Fetched
from schemas.contracts.validation import read_foreign
from schemas.messages.effects import (
    CancelAtChannel,
    ChannelCancelled,
    FetchOrder,
    OrderFetched,
    PostSalesOrder,
    PublishFulfilment,
    ReserveStock,
)
from schemas.messages.events import Cancelled, CancelRequested
from schemas.messages.inputs import ActOnOrder, Input, NoteReport, RefetchOrder, TimerFired
from tests.amazon_payloads import REF, Json, an_order
from tests.given import Story


def fetched(order: Json) -> Input:
    """Return what a fetched order becomes."""
    return input_of(read_foreign({"order": order}, Fetched).order)


def test_pending_waits_and_unshipped_goes_on() -> None:
    """No one is called for a pending order, with or without its data; then it is accepted."""
    bare = an_order("PENDING", lastUpdatedTime="2026-11-27T10:10:00Z")
    del bare["recipient"], bare["proceeds"]
    story = Story().when(fetched(bare))
    story.then_stage("expected")
    assert not story.effects
    story.when(fetched(an_order("PENDING", lastUpdatedTime="2026-11-27T10:20:00Z")))
    story.then_stage("placed")
    assert not story.effects
    story.when(fetched(an_order()))
    story.then_stage("accepted")
    # The gift wrap needs no warehouse; the adapter tells Amazon of its own articles alone.
    story.then_effects(ReserveStock, PublishFulfilment, PostSalesOrder)


def test_the_echo_of_our_package_changes_nothing() -> None:
    """Amazon's statement of the package that we confirmed starts nothing and holds nothing."""
    story = Story().when(fetched(an_order()))
    before, effects = story.state, dict(story.effects)
    package = {"packageReferenceId": "100001", "trackingNumber": "1Z1", "packageItems": []}
    changes = {"packages": [package], "lastUpdatedTime": "2026-11-27T12:00:00Z"}
    story.when(fetched(an_order("SHIPPED", **changes)))
    assert story.state.stage == before.stage
    assert story.state.holds == before.holds
    assert story.effects == effects


def test_a_pending_order_that_amazon_cancels_is_cancelled() -> None:
    """Its address never comes, and no one waits for it; whatever comes later ends the same way."""
    bare = an_order("PENDING", lastUpdatedTime="2026-11-27T10:10:00Z")
    del bare["recipient"], bare["proceeds"]
    look = RefetchOrder(ref=REF, source="amazon", topic="ORDER_CHANGE OrderStatusChange")
    story = Story().when(look).done(FetchOrder, OrderFetched(digest="a" * 64)).when(fetched(bare))
    story.then_stage("expected").then_effects()
    assert "not confirmed the payment" in waiting_for(story.state)
    story.when(look).then_effects(FetchOrder)
    gone = an_order("CANCELLED", lastUpdatedTime="2026-11-27T10:20:00Z")
    del gone["recipient"], gone["proceeds"]
    story.when(fetched(gone)).then_events(CancelRequested, Cancelled)
    story.then_stage("cancelled").then_effects()
    story.done(FetchOrder, OrderFetched(digest="b" * 64)).then_effects()
    story.when(fetched(an_order())).then_stage("cancelled").then_effects()
    assert not waiting_for(story.state)


def test_a_person_who_cancels_a_pending_order_waits_for_it() -> None:
    """Amazon may still make it ready: then it is there, Amazon is told, and it is cancelled once a
    person has seen to the money."""
    look = RefetchOrder(ref=REF, source="amazon")
    story = Story().when(look).done(FetchOrder, OrderFetched(digest="a" * 64))
    story.when(ActOnOrder(ref=REF, verb="cancel", person="ann")).then_stage("expected")
    story.when(fetched(an_order())).then_effects(CancelAtChannel)
    story.done(CancelAtChannel, ChannelCancelled()).then_effects()
    story.act("done", "money").then_stage("cancelled").then_effects()


def test_a_buyer_s_wish_to_cancel_holds_the_order_whenever_it_comes() -> None:
    """Before the order itself it holds it from the beginning; the order is asked for in time."""
    words = "The buyer asks to cancel."
    wish = NoteReport(ref=REF, source="amazon", topic="T", words=words, hold="before_hand_over")
    story = Story().when(wish).when(TimerFired(name="due")).then_effects(FetchOrder)
    story.done(FetchOrder, OrderFetched(digest="a" * 64)).when(fetched(an_order()))
    story.then_stage("accepted")
    assert [hold.reason for hold in story.state.holds] == [words]
