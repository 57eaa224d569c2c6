"""Categories of what returns ask of people: what each is, who must act, and how to fix it."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from schemas.contracts.money_incidents import OF_MONEY

RETURN_TO_DECIDE = "return_to_decide"
RETURN_TO_PAY = "return_to_pay"
RETURN_EXCESS = "return_excess"

_SERVICE, _BOOKS, _STORE = "customer service", "finance", "warehouse"

OF_RETURNS: Mapping[str, tuple[str, str, str]] = MappingProxyType(
    {
        RETURN_TO_DECIDE: (
            "A customer wants to send goods back, and the settings leave that to a person.",
            _SERVICE,
            "`orderwright returns authorise`, or `orderwright returns decline`.",
        ),
        RETURN_TO_PAY: (
            "Goods came back, and no refund follows by itself.",
            _BOOKS,
            "`orders refund` with the lines, or by other means; then `orders done`.",
        ),
        RETURN_EXCESS: (
            "More came back of an order than had left.",
            _STORE,
            "Look whose goods they are, receive them for that order, then `orders done`.",
        ),
    }
)

OF_MONEY_AND_GOODS: Mapping[str, tuple[str, str, str]] = {**OF_MONEY, **OF_RETURNS}
"""What orders ask of people about their money and what comes back, in one table."""

OVERDUE_RETURNS: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        "requested": ("A return is neither authorised nor declined.", _SERVICE),
        "authorised": ("The goods of an authorised return do not come.", _SERVICE),
        "received": ("Goods that came back are not inspected.", _STORE),
        "inspected": ("What came back does not get into the stock.", _STORE),
    }
)
"""Stages of a return in which it waits too long; on its way it counts as a parcel does."""
