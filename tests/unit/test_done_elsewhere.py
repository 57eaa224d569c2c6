"""What somebody else fulfilled, or cancelled, before we heard of it, is not done again."""

from __future__ import annotations

import json

import pytest

from actors.order.steps import PARTLY_DONE, waiting_for
from schemas.messages import effects as f
from schemas.messages import events as e
from schemas.messages import inputs as i
from schemas.order.canonical import Order
from tests.given import (
    PARCELS,
    Story,
    an_order,
    given_placed,
    given_released,
    given_shipped,
)
from tests.shopify_payloads import SHOP, a_payload, an_item

REF = "820982911946154508"
LATER = "2030-01-01T00:00:00Z"
WHOLE_CANCEL = i.CancelOrder(ref=REF, reason="customer", whole=True)


def fulfilled_of(*quantities: tuple[int, int | None], travels: bool = True) -> str:
    """What a payload with these (wanted, fulfillable) lines of a price of nothing says."""
    items = [
        an_item(
            at, "0.00", quantity=wanted, current_quantity=wanted, fulfillable_quantity=left,
            requires_shipping=travels,
        )
        for at, (wanted, left) in enumerate(quantities, 1)
    ]  # fmt: skip
    items.append(an_item(99, "20.00", requires_shipping=False, fulfillable_quantity=0))
    found = SHOP.translate("update", "", json.dumps(a_payload(line_items=items)).encode())
    assert isinstance(found, i.UpdateOrder)
    return found.fulfilled


def test_shopify_says_how_much_has_left() -> None:
    """What travels counts, by pieces; a gift card or a missing figure says nothing."""
    assert fulfilled_of((2, 2), (1, 1)) == ""
    assert fulfilled_of((2, 0), (1, 0)) == "wholly"
    assert fulfilled_of((2, 1), (1, 1)) == "partly"
    assert fulfilled_of((2, 0), (1, 1)) == "partly"
    assert fulfilled_of((2, None), (1, -1)) == "partly"
    assert fulfilled_of((2, None)) == ""
    assert fulfilled_of((2, 0), travels=False) == ""


def told(kind: str, fulfilled: i.Fulfilled) -> i.Input:
    """The first we hear of an order."""
    order: Order = an_order()
    if kind == "pay":
        return i.ConfirmPayment(ref=order.ref, order=order, fulfilled=fulfilled)
    shape = i.PlaceOrder if kind == "place" else i.UpdateOrder
    return shape(order=order, fulfilled=fulfilled)


@pytest.mark.parametrize("kind", ["place", "pay", "update"])
def test_what_is_wholly_fulfilled_is_recorded_and_closed(kind: str) -> None:
    """A sale at the counter, or an order from before our time: nothing is reserved, posted, shipped
    or written to anybody."""
    story = Story().when(told(kind, "wholly"))
    story.then_events(e.Placed, e.Closed).then_effects().then_stage("closed")
    assert waiting_for(story.state) == ""


def test_news_of_the_foreign_fulfilment_that_came_first_holds_nothing_any_more() -> None:
    """A sale at the counter sends its fulfilment and its order in either order."""
    note = i.NoteReport(
        ref=REF, source="shopify", topic="fulfillments/create", words="w", hold="before_hand_over"
    )
    story = Story().when(note).then_events(e.ReportNoted, e.Held)
    story.when(told("place", "wholly")).then_stage("closed")
    assert story.state.holds == ()
    story.when(note).then_events(e.ReportNoted).then_stage("closed")


@pytest.mark.parametrize("kind", ["place", "pay", "update"])
def test_what_is_partly_fulfilled_waits_for_a_person(kind: str) -> None:
    """Not even preparatory work is done; released, it goes all its way."""
    story = Story().when(told(kind, "partly"))
    story.then_events(e.Placed, e.Held).then_effects().then_stage("placed")
    assert PARTLY_DONE in waiting_for(story.state)
    story.when(i.ActOnOrder(ref=REF, verb="release", person="ann", target=PARTLY_DONE))
    story.then_stage("accepted").then_effects(f.ReserveStock)


def test_our_own_fulfilment_comes_back_as_an_echo() -> None:
    """After hand-over an order goes on, whatever the channel shows as fulfilled: that was us."""
    story = given_shipped()
    order = an_order(updated_at=LATER)
    story.when(i.UpdateOrder(order=order, fulfilled="wholly"))
    story.then_events(e.UpdateNoted).then_stage("shipped")


@pytest.mark.parametrize("fulfilled", ["partly", "wholly"])
def test_what_somebody_else_shipped_meanwhile_is_not_shipped_again(fulfilled: i.Fulfilled) -> None:
    """Its own news got lost, and the order shows it: no label is bought until a person looked, and
    what he released is not held again by the next statement."""
    story = given_packed_and_held(fulfilled)
    story.when(i.ActOnOrder(ref=REF, verb="release", person="ann", target=PARTLY_DONE))
    story.then_effects(f.BuyLabel)
    again = an_order(updated_at="2030-01-02T00:00:00Z", note="Ring twice.")
    story.when(i.UpdateOrder(order=again, fulfilled=fulfilled)).then_events(e.UpdateNoted)


def given_packed_and_held(fulfilled: i.Fulfilled) -> Story:
    """An order at the warehouse that somebody else shipped."""
    story = given_released()
    story.when(i.UpdateOrder(order=an_order(updated_at=LATER), fulfilled=fulfilled))
    story.then_events(e.UpdateNoted, e.Held).then_stage("reserved")
    story.when(i.UpdateOrder(order=an_order(updated_at=LATER), fulfilled=fulfilled)).then_events()
    story.when(i.ReportPacked(ref=REF, task_id="t-1", parcels=PARCELS))
    return story.then_effects().then_stage("packed")


@pytest.mark.parametrize("kind", ["place", "pay", "update"])
def test_what_was_shipped_and_then_paid_is_not_begun(kind: str) -> None:
    """A shop ships by hand against a bank transfer and then marks it as paid."""
    story = given_placed(payment="pending")
    order = an_order(updated_at=LATER)
    given: i.Input = i.ConfirmPayment(ref=REF, order=order, fulfilled="wholly")
    if kind != "pay":
        shape = i.PlaceOrder if kind == "place" else i.UpdateOrder
        given = shape(order=order, fulfilled="wholly")
    story.when(given).then_effects().then_stage("placed")
    assert PARTLY_DONE in waiting_for(story.state)


def test_what_is_no_newer_or_held_already_is_not_held_once_more() -> None:
    """A fulfilment may have been taken back since, and one hold is enough for a person."""
    story = given_released()
    old = an_order(updated_at="2020-01-01T00:00:00Z")
    story.when(i.UpdateOrder(order=old, fulfilled="wholly")).then_events()
    story.when(
        i.NoteReport(
            ref=REF,
            source="shopify",
            topic="fulfillments/create",
            words="w",
            hold="before_hand_over",
        )
    )
    story.when(i.UpdateOrder(order=an_order(updated_at=LATER), fulfilled="wholly"))
    story.then_events(e.UpdateNoted)


def test_what_was_cancelled_before_it_came_is_not_waited_for() -> None:
    """No one has to look; the order's own webhooks that come late change nothing about it."""
    story = Story().when(i.RefetchOrder(ref=REF, source="backfill"))
    story.done(f.FetchOrder, f.OrderFetched(digest="d" * 64))
    story.when(WHOLE_CANCEL).then_events(e.CancelRequested, e.Cancelled).then_stage("cancelled")
    assert waiting_for(story.state) == ""
    story.when(i.PlaceOrder(order=an_order())).then_events(e.Placed, e.Cancelled)
    story.then_effects().then_stage("cancelled")
    story.when(WHOLE_CANCEL).then_events()
    story.when(i.UpdateOrder(order=an_order())).then_effects().then_stage("cancelled")


def test_a_cancel_that_says_nothing_of_the_order_waits_for_it() -> None:
    """A service that sends the cancellation alone may send the order later."""
    Story().when(i.CancelOrder(ref=REF)).then_events(e.CancelRequested).then_stage("expected")
