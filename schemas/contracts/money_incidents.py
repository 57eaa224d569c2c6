"""Categories of failures of money that a channel has reserved: what each is, who must act, and how
to fix it."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

PAYMENT_WITHDRAWN = "payment_withdrawn"
CAPTURE_REFUSED = "capture_refused"
CAPTURE_OUTCOME_UNKNOWN = "capture_outcome_unknown"
AUTHORISATION_EXPIRES = "authorisation_expires"
AUTHORISATION_NOT_VOIDED = "authorisation_not_voided"
MONEY_MISSING = "money_missing"
REFUND_REFUSED = "refund_refused"
REFUND_OUTCOME_UNKNOWN = "refund_outcome_unknown"
REFUND_EXCESS = "refund_excess"
REFUND_DECLINED = "refund_declined"

_BOOKS = "finance"

OF_MONEY: Mapping[str, tuple[str, str, str]] = MappingProxyType(
    {
        PAYMENT_WITHDRAWN: (
            "The channel reports that the payment of an accepted order was returned.",
            _BOOKS,
            "`orders cancel`, or `orders release` to ship anyway.",
        ),
        CAPTURE_REFUSED: (
            "The channel refused to capture the money that it has reserved.",
            _BOOKS,
            "`orders retry` to try again, `orders skip` to ship all the same, or `orders cancel`.",
        ),
        CAPTURE_OUTCOME_UNKNOWN: (
            "It is unknown whether the channel captured the money.",
            _BOOKS,
            "Look at the order in the shop; `orders retry` looks it up before it repeats anything.",
        ),
        AUTHORISATION_EXPIRES: (
            "Reserved money is not captured yet, and its authorisation ends soon.",
            _BOOKS,
            "Release what keeps the order waiting, or capture the money in the shop.",
        ),
        AUTHORISATION_NOT_VOIDED: (
            "An order is cancelled, and its channel does not free the reserved money by itself.",
            _BOOKS,
            "Void the authorisation in the shop or at its gateway, then `orders done`.",
        ),
        MONEY_MISSING: (
            "Goods wait for money that can't be captured any more.",
            _BOOKS,
            "Have the customer pay again, `orders cancel`, or `orders done` to ship without it.",
        ),
        REFUND_REFUSED: (
            "The channel refused to give money back to the customer.",
            _BOOKS,
            "`orders retry` to try again, or give it back by other means, then `orders skip`.",
        ),
        REFUND_OUTCOME_UNKNOWN: (
            "It is unknown whether the channel gave money back.",
            _BOOKS,
            "Look at the order in the shop; `orders retry` looks it up before it repeats anything.",
        ),
        REFUND_EXCESS: (
            "More money was given back to the customer than was taken from him.",
            _BOOKS,
            "Compare the refunds in the shop, settle the difference, then `orders done`.",
        ),
        REFUND_DECLINED: (
            "A payment's gateway did not pay its part of a refund.",
            _BOOKS,
            "Pay the customer the rest by other means, then `orders done`.",
        ),
    }
)
