"""What a person says of money that he gives back, in the words of a command line."""

from __future__ import annotations

from typing import Any

from msgspec import Struct

from schemas.order.money import minor_units


class Told(Struct, frozen=True, kw_only=True):
    """`amount` is in the customer's currency, such as 5.00 ("": what `lines` and `shipping` come
    to, or what is owed); `lines` are as `RefundAsk` has them."""

    amount: str = ""
    lines: tuple[dict[str, object], ...] = ()
    shipping: bool = False
    goodwill: bool = False
    again: bool = False

    def ask(self, currency: str) -> dict[str, Any]:
        """Return the `refund` of an edit, in minor units. Raises MoneyRefused for what is not an
        amount of this currency."""
        found: dict[str, Any] = {"lines": self.lines}
        if self.amount:
            found["amount_minor"] = minor_units(self.amount, currency)
        if self.shipping:
            found["shipping"] = True
        if self.goodwill:
            found["goodwill"] = True
        if self.again:
            found["again"] = True
        return found
