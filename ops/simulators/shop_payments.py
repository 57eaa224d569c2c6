"""The balance of a simulated shop's Shopify Payments: what was charged, given back and paid out.

Made from the orders' transactions when somebody reads it, once for each; a fee of 2.9 % and 0.30 is
taken of a charge, and each is in the payout of its day at once.
https://shopify.dev/docs/api/admin-graphql/2026-10/objects/ShopifyPaymentsBalanceTransaction
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import ROUND_HALF_UP, Decimal
from typing import Final

from ops.simulators.graphql import Json
from ops.simulators.shop_statement import utc

TYPES: Final = {"SALE": "CHARGE", "CAPTURE": "CHARGE", "REFUND": "REFUND"}
MAX_ENTRIES: Final = 500_000
_CENT: Final = Decimal("0.01")
_DAY: Final = 86_400


@dataclass(slots=True)
class Entry:
    """One balance transaction. `amount` is below zero for a refund; `order` and `transaction` are 0
    where the gateway names none, `payout` where it was not paid out."""

    number: int
    type: str
    at: float
    currency: str
    amount: Decimal
    fee: Decimal
    order: int
    transaction: int
    payout: int


@dataclass(slots=True)
class Payments:
    """One shop's. `known` are the transactions that were entered, whatever became of the entry."""

    next_number: Callable[[], int]
    entries: list[Entry] = field(default_factory=list)
    known: set[int] = field(default_factory=set)

    def enter(
        self, kind: str, at: float, money: tuple[Decimal, str], order: int, transaction: int
    ) -> Entry | None:
        """Enter what moved money, once. `money` is an amount above zero and its currency."""
        if kind not in TYPES or transaction in self.known or len(self.entries) >= MAX_ENTRIES:
            return None
        self.known.add(transaction)
        amount, currency = money
        refund = TYPES[kind] == "REFUND"
        made = Entry(
            self.next_number(),
            TYPES[kind],
            at,
            currency,
            -amount if refund else amount,
            Decimal(0) if refund else fee_of(amount),
            order,
            transaction,
            int(at // _DAY) + 1,
        )
        self.entries.append(made)
        return made


def fee_of(amount: Decimal) -> Decimal:
    """What is taken of a charge."""
    return (amount * Decimal("0.029") + Decimal("0.30")).quantize(_CENT, ROUND_HALF_UP)


def fees(kind: str, amount: Decimal, currency: str) -> list[Json]:
    """The fees of a transaction, as the order tells them."""
    if TYPES.get(kind) != "CHARGE":
        return []
    money = {"__typename": "MoneyV2", "amount": f"{fee_of(amount)}", "currencyCode": currency}
    return [{"__typename": "TransactionFee", "amount": money, "type": "processing_fee"}]


def entry_node(one: Entry) -> Json:
    """The ShopifyPaymentsBalanceTransaction."""

    def money(amount: Decimal) -> Json:
        return {"__typename": "MoneyV2", "amount": f"{amount}", "currencyCode": one.currency}

    order = {
        "__typename": "ShopifyPaymentsAssociatedOrder",
        "id": f"gid://shopify/Order/{one.order}",
        "name": f"#{one.order}",
    }
    gid = f"gid://shopify/ShopifyPaymentsPayout/{one.payout}"
    return {
        "__typename": "ShopifyPaymentsBalanceTransaction",
        "id": f"gid://shopify/ShopifyPaymentsBalanceTransaction/{one.number}",
        "type": one.type,
        "test": False,
        "transactionDate": utc(one.at),
        "sourceOrderTransactionId": str(one.transaction) if one.transaction else None,
        "amount": money(one.amount),
        "fee": money(one.fee),
        "net": money(one.amount - one.fee),
        "associatedOrder": order if one.order else None,
        "associatedPayout": {
            "__typename": "ShopifyPaymentsBalanceTransactionAssociatedPayout",
            "id": gid if one.payout else None,
            "status": "PAID" if one.payout else "PENDING",
        },
    }
