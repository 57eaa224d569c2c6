"""The last step of every translation into a canonical order."""

from __future__ import annotations

import msgspec

from schemas.contracts import checks, published
from schemas.contracts.validation import accepts, require
from schemas.order.canonical import Order


def checked(order: Order) -> Order:
    """Return the order once it keeps `order.v1`, and totals, codes, dates and addresses are right.

    Raises Refused with every sentence of the first reason.
    """
    stated = msgspec.to_builtins(order)
    if not accepts(published.ORDER, stated):
        require(published.ORDER, stated)
    checks.refuse_order(order)
    return order
