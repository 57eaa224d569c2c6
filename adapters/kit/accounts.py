"""What a partner that keeps customers' accounts can be asked."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

from schemas.order.canonical import Order
from schemas.order.world import Account


@runtime_checkable
class TellsAccounts(Protocol):
    """An adapter of an ERP. Its kind says so in `accounts`."""

    async def account(self, order: Order) -> Account:
        """Return how the account of an order's customer stands now. Raises PartnerError."""
        ...
