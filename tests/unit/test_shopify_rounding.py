"""Shopify rounds an order, not its lines: known by its own totals, without a setting."""

from __future__ import annotations

import json

import pytest

from adapters.channels.shopify.order import canonical_order
from adapters.channels.shopify.reading import read_order
from schemas.contracts import refusals
from schemas.contracts.refusals import Refused
from schemas.order.canonical import Order
from tests.shopify_payloads import Json, a_payload, an_item, money


def an_order(
    total: str, *, subtotal: str | None, quantity: int = 3, price: str = "3.33", **more: object
) -> Order:
    """Return an order of two lines without shipping and tax: three pieces at a price that was
    rounded, and one of 5.00."""
    items = [
        an_item(1, price, quantity=quantity, current_quantity=quantity),
        an_item(2, "5.00"),
    ]
    told: Json = {"current_subtotal_price_set": money(subtotal)} if subtotal else {}
    payload = a_payload(
        line_items=items,
        shipping_lines=[],
        current_shipping_price_set=money("0.00"),
        current_total_price=total,
        current_total_price_set=money(total),
        current_total_tax="0.00",
        current_total_tax_set=money("0.00"),
        discount_codes=[],
        discount_applications=[],
        **told,
        **more,
    )
    return canonical_order(read_order(json.loads(json.dumps(payload))))


def test_a_cent_that_the_subtotal_proves_is_shared_out() -> None:
    """3 × 3.33 is 9.99, the shop says 15.00 twice: 15.00 was paid, and the lines say so."""
    order = an_order("15.00", subtotal="15.00")
    assert order.totals.total_minor == order.totals.subtotal_minor == 1500
    assert [line.total_minor for line in order.lines] == [1000, 500]


@pytest.mark.parametrize(("tip", "total"), [("2.00", "17.00"), ("0.01", "15.01")])
def test_a_tip_beside_it_stays_a_tip(tip: str, total: str) -> None:
    """The subtotal tells what is rounding and what is the tip, also where both are a cent."""
    order = an_order(total, subtotal="15.00", total_tip_received=tip)
    assert [line.total_minor for line in order.lines] == [1000, 500, int(tip.replace(".", ""))]
    assert [line.kind for line in order.lines] == ["goods", "goods", "tip"]


@pytest.mark.parametrize(
    ("total", "subtotal"),
    [("15.00", None), ("15.00", "14.99"), ("15.01", "15.00"), ("15.03", "15.03")],
)
def test_what_no_total_proves_is_refused(total: str, subtotal: str | None) -> None:
    """Without a subtotal, with one that does not make up the total, and further away than rounding
    goes (half a cent for each piece), a difference is a difference."""
    with pytest.raises(Refused) as refused:
        an_order(total, subtotal=subtotal)
    assert refused.value.reason == refusals.TOTAL_MISMATCH


def test_more_pieces_may_be_further_off() -> None:
    """Half a cent for each of a hundred pieces is up to half a unit of the currency."""
    order = an_order("38.00", subtotal="38.00", quantity=100, price="0.33")
    assert order.totals.total_minor == sum(line.total_minor for line in order.lines) == 3800


def test_money_given_back_is_not_rounding() -> None:
    """A refund without goods leaves the subtotal as it was: it is taken off the order."""
    order = an_order(
        "14.98",
        subtotal="14.99",
        refunds=[{"created_at": "2026-11-28T09:00:00Z"}],
    )
    assert (order.totals.subtotal_minor, order.totals.discount_minor) == (1499, 1)


def test_what_the_customer_saw_is_proved_by_its_own_subtotal() -> None:
    """In his currency three pieces at 3.33 come to 10.00, too, and the shop's money is not
    touched."""

    def both(shop: str, seen: str) -> Json:
        return {
            "shop_money": {"amount": shop, "currency_code": "USD"},
            "presentment_money": {"amount": seen, "currency_code": "EUR"},
        }

    item = an_item(1, "4.00", price_set=both("4.00", "3.33"), quantity=3, current_quantity=3)
    nothing = both("0.00", "0.00")
    payload = a_payload(
        presentment_currency="EUR",
        line_items=[item],
        shipping_lines=[],
        current_shipping_price_set=nothing,
        current_total_price_set=both("12.00", "10.00"),
        current_subtotal_price_set=both("12.00", "10.00"),
        current_total_tax_set=nothing,
        discount_codes=[],
        discount_applications=[],
    )
    order = canonical_order(read_order(json.loads(json.dumps(payload))))
    assert order.presentment is not None
    assert order.presentment.totals.total_minor == 1000
    assert [line.presentment_total_minor for line in order.lines] == [1000]
    assert [line.total_minor for line in order.lines] == [1200]
