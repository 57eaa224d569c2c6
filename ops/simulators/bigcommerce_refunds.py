"""What a simulated BigCommerce store gives back: quotes and refunds (V3).

https://developer.bigcommerce.com/docs/rest-management/orders/order-refunds
"""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal
from typing import Final

from ops.simulators.bigcommerce_edits import Json
from ops.simulators.shapes import JsonObject, JsonValue, number, objects, text

MAX_REFUNDS: Final = 200
_CENT: Final = Decimal("0.01")
REFUNDED, PARTLY_REFUNDED = 4, 14


class Refused(ValueError):
    """The store says no (422); the text is its reason."""


class Refunds:
    """One store's. `declines`: payment providers don't pay. `offline`: they pay only by hand."""

    def __init__(self) -> None:
        self.of: dict[str, list[JsonObject]] = {}
        self.declines = False
        self.offline = False

    def quote(self, order: Json, products: list[JsonObject], told: JsonObject) -> JsonObject:
        """What items come to, and where it can go back to. Raises Refused."""
        wanted = self._worth(order, products, told)
        amount = min(wanted, self._left(order))
        option: JsonObject = {
            "provider_id": "authorizenet",
            "provider_description": "Authorize.net",
            "amount": float(amount),
            "offline": self.offline,
            "offline_provider": False,
            "offline_reason": "Refunds are made by hand." if self.offline else "",
        }
        credit: JsonObject = {**option, "provider_id": "storecredit", "offline": False}
        methods: list[JsonValue] = [[credit], [option]] if amount else []
        return {
            "order_id": order["id"],
            "total_refund_amount": float(amount),
            "total_refund_tax_amount": 0,
            "rounding": 0,
            "adjustment": float(amount - wanted),
            "tax_inclusive": True,
            "refund_methods": methods,
        }

    def make(
        self, order: Json, products: list[JsonObject], told: JsonObject, number_of_it: int
    ) -> JsonObject:
        """Make a refund, and state the order accordingly. Raises Refused."""
        ref = str(order["id"])
        amount = self._worth(order, products, told)
        paid = objects(told, "payments")
        given = sum((_decimal(one, "amount") for one in paid), Decimal(0))
        if amount <= 0 or given != amount:
            raise Refused("The payments do not come to the refund.")
        if amount > self._left(order):
            raise Refused("The refund is more than what is left of the order.")
        if len(self.of.setdefault(ref, [])) >= MAX_REFUNDS:
            raise Refused("The order has too many refunds.")
        items = objects(told, "items")
        payments: list[JsonValue] = [
            {
                "id": number_of_it + place,
                "provider_id": text(one, "provider_id"),
                "amount": float(_decimal(one, "amount")),
                "offline": one.get("offline") is True,
                "is_declined": self.declines,
                "declined_message": "Do not honour." if self.declines else "",
            }
            for place, one in enumerate(paid)
        ]
        shown: list[JsonValue] = [
            {
                "item_type": text(one, "item_type"),
                "item_id": one.get("item_id"),
                "quantity": one.get("quantity"),
                "requested_amount": one.get("amount"),
                "reason": text(one, "reason"),
            }
            for one in items
        ]
        made: JsonObject = {
            "id": number_of_it,
            "order_id": order["id"],
            "reason": text(items[0], "reason") if items else "",
            "total_amount": float(amount),
            "total_tax": 0,
            "uses_merchant_override_values": False,
            "payments": payments,
            "items": shown,
        }
        self.of[ref].append(made)
        self._state(order, products, items, Decimal(0) if self.declines else amount)
        return made

    @staticmethod
    def _state(
        order: Json, products: list[JsonObject], items: list[JsonObject], amount: Decimal
    ) -> None:
        for item in items:
            if text(item, "item_type") == "PRODUCT":
                for at, one in enumerate(products):
                    if text(one, "id") == text(item, "item_id"):
                        gone = int(number(one, "quantity_refunded") + number(item, "quantity"))
                        products[at] = {**one, "quantity_refunded": gone}
        before = Decimal(str(order.get("refunded_amount") or 0))
        order["refunded_amount"] = f"{before + amount:.4f}"

    @staticmethod
    def _left(order: Json) -> Decimal:
        total = Decimal(str(order.get("total_inc_tax") or 0))
        return (total - Decimal(str(order.get("refunded_amount") or 0))).quantize(_CENT)

    @staticmethod
    def _worth(order: Json, products: list[JsonObject], told: JsonObject) -> Decimal:
        found = Decimal(0)
        known = {text(one, "id"): one for one in products}
        for item in objects(told, "items"):
            if text(item, "item_type") != "PRODUCT":
                found += _decimal(item, "amount")
                continue
            one, quantity = known.get(text(item, "item_id")), int(number(item, "quantity"))
            if one is None:
                raise Refused("The order has no such product.")
            left = int(number(one, "quantity")) - int(number(one, "quantity_refunded"))
            if not 0 < quantity <= left:
                raise Refused("So many of the product can't be refunded.")
            found += Decimal(text(one, "price_inc_tax") or "0") * quantity
        return found.quantize(_CENT, ROUND_HALF_UP)


def _decimal(value: JsonObject, name: str) -> Decimal:
    return Decimal(str(value.get(name) or 0)).quantize(_CENT, ROUND_HALF_UP)
