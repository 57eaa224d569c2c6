"""Orders that are paid in parts, and what a shop changes after everything has arrived."""

from __future__ import annotations

import copy

import pytest

from schemas.messages import effects as f
from schemas.messages import events as e
from tests.cases import field
from tests.given import Story
from tests.shopify_payloads import Json, a_payload, an_item, money

REFUND = [{"created_at": "2026-11-28T11:00:00Z"}]


def said(hour: int, **changes: object) -> Json:
    """The order as the shop states it later that day."""
    return {
        **copy.deepcopy(a_payload()),
        "updated_at": f"2026-11-28T{hour:02d}:00:00Z",
        **changes,
    }


def total(amount: str, **changes: object) -> Json:
    """What it comes to."""
    return {
        "current_total_price": amount,
        "current_total_price_set": money(amount),
        **changes,
    }


def then(story: Story, payload: Json) -> Story:
    """The shop states it again."""
    return story.when(field.shopify(field.encoded(payload), updated=True))


def first(**changes: object) -> Story:
    """The order as it is heard of first."""
    return field.placed(field.shopify(field.encoded({**a_payload(), **changes})))


def amended(story: Story) -> Story:
    """The ERP takes the amendment."""
    (wanted,) = field.asked(story, f.AmendSalesOrder)
    return story.done(f.AmendSalesOrder, f.SalesOrderAmended(digest=wanted.digest))


def owed(story: Story) -> dict[str, dict[str, int]]:
    """Where the units of each SKU are."""
    return {line.sku: dict(line.counts) for line in story.state.lines}


def test_a_partly_paid_order_waits_for_the_rest() -> None:
    """Nothing is spent on it before; a draft order and one that is paid at once are taken."""
    story = first(financial_status="partially_paid", total_outstanding="10.00")
    assert (story.stage(), field.spent(story)) == ("placed", set())
    then(story, said(12, total_outstanding="0.00"))
    assert story.stage() == "accepted"
    assert first(source_name="shopify_draft_order").stage() == "accepted"


def test_what_is_added_after_the_end_is_sent_once_it_is_paid() -> None:
    """An upsell on the order's page: the new line alone is owed, and waits for its payment."""
    story = field.left(first()).then_stage("closed")
    lines = [*a_payload()["line_items"], an_item(9, "7.00")]
    more = total("33.00", line_items=lines)
    then(story, said(12, **more, financial_status="partially_paid", total_outstanding="7.00"))
    assert owed(story)["SKU-9"] == {"p": 1, "o": 1}
    then(story, said(13, **more, total_outstanding="0.00"))
    assert owed(story)["SKU-9"] == {"p": 1, "a": 1}
    assert owed(story)["SKU-1"] == {"q": 1, "d": 1}


def test_money_that_changes_after_the_end_is_told_to_the_books() -> None:
    """A refund without goods, and a higher price of shipping: the ERP says what the shop says, no
    person is needed, and the order ends again."""
    for changes in (
        total("23.50", financial_status="partially_refunded", refunds=REFUND),
        total("31.00", current_shipping_price_set=money("9.00")),
    ):
        story = field.left(first()).then_stage("closed")
        then(story, said(12, **changes))
        amended(story).then_stage("closed")
        assert story.state.tasks == ()
        assert story.order is not None
        assert field.total_of(field.booked(story.order)) == str(
            (story.order.totals.total_minor - story.order.totals.tax_minor) / 100
        ).ljust(5, "0")


def test_goods_that_are_refunded_after_the_end_are_a_person_s() -> None:
    """No one here knows whether they came back: the task names the units, and the books follow."""
    story = field.left(first()).then_stage("closed")
    lines = copy.deepcopy(a_payload()["line_items"])
    lines[1]["current_quantity"] = 1
    changes = total(
        "20.50", line_items=lines, financial_status="partially_refunded", refunds=REFUND
    )
    then(story, said(12, **changes))
    (task,) = story.state.tasks
    assert task.words == (
        "1 × SKU-2 of line 2 were removed or refunded after they left: have them sent back, or "
        "charge for them, unless they are back"
    )
    amended(story).act("done", "changed")
    assert story.stage() == "closed"
    then(story, said(14, **changes, tags="seen"))
    assert story.state.tasks == ()


@pytest.mark.parametrize("name", ["note", "shipping_address"])
def test_what_no_longer_matters_is_noted(name: str) -> None:
    """A note or an address changes nothing for goods that have arrived, and the timeline does not
    say that it is the same."""
    story = field.left(first()).then_stage("closed")
    there = a_payload()["shipping_address"]
    changed: Json = {"note": "Thanks", "shipping_address": {**there, "address1": "9 Elm Street"}}
    then(story, said(12, **{name: changed[name]}))
    assert type(story.events[-1]) is e.UpdateNoted
    assert story.stage() == "closed"
    assert story.state.tasks == ()
