"""A pending order of Amazon's waits, goes on when it is ready, and no echo moves it."""

from __future__ import annotations

import json

import pytest

from actors.order.words import waiting_for
from adapters.channels.amazon.order import input_of
from adapters.channels.amazon.shapes import Fetched
from adapters.channels.amazon.source import Amazon
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
from tests.amazon_payloads import REF, Json, a_notification, an_order
from tests.given import REF as ORDER
from tests.given import Story, given_packed, given_shipped, published


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


def notified(**summary: object) -> Input:
    """Return what a notification becomes."""
    told = a_notification(Summary={"FulfillmentType": "MFN", **summary})
    source = Amazon("amazon-de", secrets=("x",))
    raw = json.dumps(told).encode()
    kind = source.address("", raw)[1]
    return source.translate(kind, "", raw)


@pytest.mark.parametrize("status", ["Pending", "PendingAvailability"])
def test_of_a_pending_order_nothing_is_fetched(status: str) -> None:
    """What Amazon would answer is said by its notification; when it is ready it is fetched, and
    word that it was pending which comes too late changes nothing."""
    story = Story().when(notified(OrderStatus=status))
    story.then_stage("expected").then_effects()
    assert "has not confirmed the payment" in waiting_for(story.state)
    story.when(notified(OrderStatus="Unshipped"))
    story.then_effects(FetchOrder)
    story.done(FetchOrder, OrderFetched(digest="d")).when(fetched(an_order()))
    story.then_stage("accepted")
    before = (story.state.stage, story.state.holds, dict(story.effects))
    story.when(notified(OrderStatus=status))
    assert (story.state.stage, story.state.holds, dict(story.effects)) == before


def test_the_echo_that_all_has_left_fetches_nothing() -> None:
    """Once every unit left from here and Amazon was told, its word of that is our own; before
    that, somebody else shipped it, and the order is fetched."""
    echo = notified(OrderStatus="Shipped", NumberOfItemsUnshipped=0, NumberOfItemsShipped=3)
    assert isinstance(echo, RefetchOrder)
    assert echo.shipped
    partly = notified(OrderStatus="Shipped", NumberOfItemsUnshipped=1, NumberOfItemsShipped=2)
    assert isinstance(partly, RefetchOrder)
    assert not partly.shipped
    told = RefetchOrder(ref=ORDER, source="amazon", shipped=True)
    for story in (given_packed(), given_shipped()):
        story.when(told)
        assert asks(story)
    story = published(given_shipped())
    story.when(told)
    assert not asks(story)
    story.when(RefetchOrder(ref=ORDER, source="amazon"))
    assert asks(story)


def asks(story: Story) -> bool:
    """Whether the order is being fetched."""
    return any(one.endswith(" storefront.fetch_order.v1") for one in story.open_kinds())
