"""What a simulated shop has taken, or reserved, of its customers' money: an order's transactions.

An authorisation is captured once; `multi` ones (Shopify Payments on Plus) until nothing is left.
After a single capture the rest can't be captured any more.
https://shopify.dev/docs/api/admin-graphql/2026-10/objects/OrderTransaction
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from typing import Final

from ops.simulators.graphql import Json
from ops.simulators.shop_goods import Refusal
from ops.simulators.shop_payments import fees
from ops.simulators.shop_statement import utc

AUTHORIZATION: Final = "AUTHORIZATION"
CAPTURE: Final = "CAPTURE"
SALE: Final = "SALE"
REFUND: Final = "REFUND"
TOO_MUCH: Final = (
    "The capture amount can't be greater than the amount of the authorized transaction."
)
MAX_TILLS: Final = 50_000
MAX_TRANSACTIONS: Final = 200
_ZERO: Final = Decimal(0)


@dataclass(slots=True)
class Transaction:
    """One; amounts are in what the customer pays in. `parent` is the authorisation of a capture."""

    number: int
    kind: str
    amount: Decimal
    at: float
    status: str = "SUCCESS"
    parent: int = 0
    error: str | None = None


@dataclass(slots=True)
class Till:
    """One order's. `multi`: its authorisation can be captured more than once. `declines`: the next
    captures and refunds fail, as a card's that is declined. `expired`: nothing can be captured any
    more. `adjusted` was given back for no goods in particular, so that totals fall by it.
    `manual`: the customer paid by hand, so that a refund is noted and moves no money.
    `declines_last`: refunds to the last payment alone fail."""

    currency: str
    transactions: list[Transaction] = field(default_factory=list)
    multi: bool = False
    declines: bool = False
    expired: bool = False
    adjusted: Decimal = _ZERO
    manual: bool = False
    declines_last: bool = False

    def captured(self) -> Decimal:
        """What was captured in all."""
        return sum(
            (x.amount for x in self.transactions if x.kind == CAPTURE and x.status == "SUCCESS"),
            _ZERO,
        )

    def payments(self) -> list[Transaction]:
        """What the customer paid with, and can have money back on."""
        return [x for x in self.transactions if x.kind in (SALE, CAPTURE) and x.status == "SUCCESS"]

    def is_declined(self, one: Transaction) -> bool:
        """Whether a refund to a payment fails now."""
        return self.declines or (self.declines_last and one is self.payments()[-1])

    def received(self) -> Decimal:
        """What the customer paid in all."""
        return sum((x.amount for x in self.payments()), _ZERO)

    def refunded(self) -> Decimal:
        """What was given back in all."""
        return sum((self._refunds_of(x) for x in self.payments()), _ZERO)

    def refundable_of(self, one: Transaction) -> Decimal:
        """What of a payment can still be given back."""
        return one.amount - self._refunds_of(one)

    def refundable(self) -> Decimal:
        """What can still be given back in all."""
        return self.received() - self.refunded()

    def _refunds_of(self, one: Transaction) -> Decimal:
        made = [x for x in self.transactions if x.kind == REFUND and x.parent == one.number]
        return sum((x.amount for x in made if x.status == "SUCCESS"), _ZERO)

    def left(self, one: Transaction, *, voided: bool) -> Decimal:
        """What of an authorisation can still be captured."""
        taken = [
            x.amount for x in self.transactions if x.parent == one.number and x.status == "SUCCESS"
        ]
        if one.kind != AUTHORIZATION or voided or self.expired or (taken and not self.multi):
            return _ZERO
        return one.amount - sum(taken, _ZERO)


class Tills:
    """One shop's. Transactions are made from what an order states when it is first asked for."""

    def __init__(self, clock: Callable[[], float], next_number: Callable[[], int]) -> None:
        self._clock = clock
        self._next_number = next_number
        self._of: dict[int, Till] = {}

    def of(self, number: int, order: Json) -> Till:
        """An order's till."""
        found = self._of.get(number)
        if found is None:
            while len(self._of) >= MAX_TILLS:
                del self._of[next(iter(self._of))]
            found = self._of[number] = Till(order["presentment_currency"])
        total = Decimal(order["current_total_price_set"]["presentment_money"]["amount"])
        if not found.transactions and order["financial_status"] in ("authorized", "paid"):
            kind = AUTHORIZATION if order["financial_status"] == "authorized" else SALE
            if kind == SALE:  # what was taken off since was paid, too
                first = Decimal(order["total_price_set"]["presentment_money"]["amount"])
                total = max(total, first)
            made = Transaction(self._next_number(), kind, total, self._clock())
            found.transactions.append(made)
        return found

    def split(self, till: Till, amount: Decimal) -> None:
        """Have the customer have paid so much of the first payment with another card."""
        first = till.payments()[0]
        first.amount -= amount
        till.transactions.append(Transaction(self._next_number(), SALE, amount, first.at))

    def capture(self, number: int, order: Json, wish: Json) -> Transaction:
        """Capture as `orderCapture` does. Raises Refusal where it says no; a declined card is a
        transaction that failed."""
        till = self.of(number, order)
        gid = str(wish.get("parentTransactionId"))
        parent = next((x for x in till.transactions if gid_of(x.number) == gid), None)
        if parent is None or parent.kind != AUTHORIZATION:
            raise Refusal("Parent transaction does not exist.", ["parentTransactionId"])
        if order["currency"] != till.currency and wish.get("currency") != till.currency:
            raise Refusal("Currency must be the presentment currency.", ["currency"])
        try:
            amount = Decimal(str(wish.get("amount")))
        except InvalidOperation as error:
            raise Refusal("Amount is not a number.", ["amount"]) from error
        if amount <= 0:
            raise Refusal("Amount must be greater than 0.", ["amount"])
        if amount > till.left(parent, voided=is_voided(order)):
            raise Refusal(TOO_MUCH, ["amount"])
        made = Transaction(
            self._next_number(), CAPTURE, amount, self._clock(), parent=parent.number
        )
        if till.declines:
            made.status, made.error = "FAILURE", "CARD_DECLINED"
        if len(till.transactions) >= MAX_TRANSACTIONS:
            raise Refusal("The order has too many transactions.", ["id"])
        till.transactions.append(made)
        return made


def is_voided(order: Json) -> bool:
    """Whether what was reserved for an order is free again."""
    return order["financial_status"] == "voided" or order["cancelled_at"] is not None


def after_capture(order: Json, till: Till) -> Json:
    """The order after something of it was captured."""
    whole = Decimal(order["current_total_price_set"]["presentment_money"]["amount"])
    total = Decimal(order["current_total_price"])
    taken = till.captured()
    if taken >= whole:
        return {**order, "financial_status": "paid", "total_outstanding": "0.00"}
    left = total - (total * taken / whole).quantize(Decimal("0.01"))
    return {**order, "financial_status": "partially_paid", "total_outstanding": str(left)}


def gid_of(number: int) -> str:
    """The global id of a transaction."""
    return f"gid://shopify/OrderTransaction/{number}"


def transaction_node(till: Till, one: Transaction, order: Json) -> Json:
    """One transaction as GraphQL tells it."""
    parent = next((x for x in till.transactions if x.number == one.parent), None)
    return {
        "__typename": "OrderTransaction",
        "id": gid_of(one.number),
        "kind": one.kind,
        "status": one.status,
        "errorCode": one.error,
        "gateway": "shopify_payments",
        "createdAt": utc(one.at),
        "processedAt": utc(one.at),
        "test": False,
        "multiCapturable": till.multi and one.kind == AUTHORIZATION,
        "amountSet": bag_of(one.amount, till.currency, order),
        "totalUnsettledSet": bag_of(till.left(one, voided=is_voided(order)), till.currency, order),
        "fees": fees(one.kind, shop_side(one.amount, order), order["currency"]),
        "parentTransaction": None if parent is None else transaction_node(till, parent, order),
    }


def shop_side(amount: Decimal, order: Json) -> Decimal:
    """An amount of the customer's in the shop's currency, at the order's own rate."""
    whole = Decimal(order["total_price_set"]["presentment_money"]["amount"])
    flat = Decimal(order["total_price_set"]["shop_money"]["amount"])
    return amount if not whole else (amount * flat / whole).quantize(Decimal("0.01"))


def bag_of(amount: Decimal, currency: str, order: Json) -> Json:
    """An amount of the customer's as a MoneyBag, at the order's own rate."""
    shop = shop_side(amount, order)
    return {
        "__typename": "MoneyBag",
        "shopMoney": _money(shop, order["currency"]),
        "presentmentMoney": _money(amount, currency),
    }


def _money(amount: Decimal, currency: str) -> Json:
    """GraphQL writes amounts without the zeros at their end, but for one: 10.00 is 10.0."""
    short = f"{amount:f}"
    short = short.rstrip("0") if "." in short else f"{short}."
    shown = f"{short}0" if short.endswith(".") else short
    return {"__typename": "MoneyV2", "amount": shown, "currencyCode": currency}
