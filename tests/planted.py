"""What each kind of error that `ops.simulators.planting` plants must be told as by reconciliation;
both sides of the table were written by hand."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

EXPECTED: Mapping[str, str] = {
    "shop: goods edited, webhook lost": "goods_changed_in_shop",
    "shop: shipping edited, webhook lost": "shipping_changed_in_shop",
    "shop: tax edited, webhook lost": "tax_changed_in_shop",
    "shop: duty added, webhook lost": "duty_changed_in_shop",
    "shop: refunded, webhook lost": "refund_not_heard",
    "shop: cancelled, webhook lost": "cancelled_in_shop",
    "shop: order deleted": "order_not_in_shop",
    "shop: order's webhook lost": "order_not_received",
    "gateway: charge lost": "payment_not_at_gateway",
    "gateway: charged twice": "settled_twice",
    "gateway: other amount": "settled_amount_differs",
    "gateway: other currency": "settled_in_other_currency",
    "gateway: other fee": "fee_differs",
    "gateway: not paid out": "payout_overdue",
    "gateway: charge beside the shop": "payment_not_in_shop",
    "gateway: charge for no order": "payment_of_no_order",
    "gateway: refund lost": "refund_not_at_gateway",
    "gateway: refunded twice": "refunded_twice",
    "gateway: other refund": "refund_amount_differs",
    "erp: order deleted": "booking_missing",
    "erp: order entered twice": "booked_twice",
    "erp: order of no one": "booking_of_no_order",
    "erp: other price": "goods_booked_differently",
    "erp: other shipping": "shipping",
    "erp: duty added": "duty_booked_differently",
    "erp: other tax": "tax_booked_differently",
    "erp: other day": "booked_on_another_day",
    "erp: other currency": "booked_in_other_currency",
    "erp: credited without a refund": "credit_without_refund",
}
NO_ORDER = frozenset(
    {
        "gateway: charge for no order",
        "erp: order of no one",
        "shop: order's webhook lost",
    }
)
"""Errors that are about something beside the order that they were made from."""

Errors = Counter[tuple[str, str]]
"""Root causes, and whose each is."""


def expected(planted: Iterable[Mapping[str, Any]]) -> Errors:
    """What must be found of what was planted."""
    return Counter(
        (EXPECTED[one["kind"]], str(one["about" if one["kind"] in NO_ORDER else "order"]))
        for one in planted
    )


def as_error(cause: str, ref: str, number: str, about: str) -> tuple[str, str]:
    """A difference as it is counted. Shipping that was deleted in the ERP and shipping that was
    added there by hand are one kind of error."""
    if cause.startswith("shipping_") and "booked" in cause:
        cause = "shipping"
    whose = about if cause in ("payment_of_no_order", "order_not_received") else ref or number
    return cause, whose
