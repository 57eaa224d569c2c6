"""Shopify's books: orders with their payments, and the balance of Shopify Payments.

https://shopify.dev/docs/api/admin-graphql/2026-10/queries/orders
https://shopify.dev/docs/api/admin-graphql/2026-10/objects/ShopifyPaymentsBalanceTransaction
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta

import msgspec

from actors.runtime.errors import PartnerError, Rejected
from actors.runtime.ports import Clock
from adapters.channels.shopify.graphql import PARTNER, AccessDenied, ShopifyGraphql
from adapters.channels.shopify.probe import granted
from adapters.kit.books import Amounts, BooksPage, Moved, Payment, Settled, ShopOrder
from adapters.kit.http_client import lost
from schemas.order.money import MoneyRefused, minor_units

ORDERS = "orders"
"""The list of orders; the other one is the balance."""
GATEWAY_NAME = "shopify_payments"
"""What a transaction names as its gateway where it is Shopify Payments."""

PAGE = 20
"""Orders of a page: with their transactions it stays below the 1,000 points of a query."""
BALANCE_PAGE = 100
MAX_TRANSACTIONS = 50
"""Transactions of an order that are read; an order with more is compared without them."""

SHOWN = timedelta(days=60)
"""Older orders are not shown to an app without ALL_ORDERS, and no error says so."""
ALL_ORDERS = "read_all_orders"

_SHOP_MONEY = "{ shopMoney { amount currencyCode } }"

ORDERS_QUERY = f"""
query BookedOrders($query: String!, $after: String) {{
  orders(first: {PAGE}, after: $after, query: $query, sortKey: CREATED_AT) {{
    nodes {{
      legacyResourceId
      name
      createdAt
      updatedAt
      cancelledAt
      test
      taxesIncluded
      currentTotalPriceSet {_SHOP_MONEY}
      currentTotalTaxSet {_SHOP_MONEY}
      currentShippingPriceSet {_SHOP_MONEY}
      currentTotalDutiesSet {_SHOP_MONEY}
      transactions(first: {MAX_TRANSACTIONS + 1}) {{
        id
        kind
        status
        gateway
        createdAt
        amountSet {_SHOP_MONEY}
        fees {{ amount {{ amount currencyCode }} }}
      }}
    }}
    pageInfo {{ hasNextPage endCursor }}
  }}
}}
"""

BALANCE_QUERY = f"""
query Balance($query: String!, $after: String) {{
  shopifyPaymentsAccount {{
    balanceTransactions(
      first: {BALANCE_PAGE}, after: $after, query: $query, hideTransfers: true,
      sortKey: PROCESSED_AT
    ) {{
      nodes {{
        id
        type
        test
        transactionDate
        sourceOrderTransactionId
        amount {{ amount currencyCode }}
        fee {{ amount currencyCode }}
        associatedOrder {{ id }}
        associatedPayout {{ id status }}
      }}
      pageInfo {{ hasNextPage endCursor }}
    }}
  }}
}}
"""

_KINDS: Mapping[str, Moved] = {"SALE": "payment", "CAPTURE": "payment", "REFUND": "refund"}
_TYPES: Mapping[str, Moved] = {"CHARGE": "payment", "REFUND": "refund"}
_PAID_OUT = frozenset({"PAID", "IN_TRANSIT"})


class Money(msgspec.Struct, frozen=True, rename="camel"):
    """An amount."""

    amount: str
    currency_code: str


class Bag(msgspec.Struct, frozen=True, rename="camel"):
    """An amount in the shop's currency."""

    shop_money: Money


class Fee(msgspec.Struct, frozen=True):
    """What the gateway takes of a transaction."""

    amount: Money


class Transaction(msgspec.Struct, frozen=True, rename="camel"):
    """A transaction of an order."""

    id: str
    kind: str
    status: str
    created_at: datetime
    amount_set: Bag
    gateway: str | None = None
    fees: list[Fee] = []


class Order(msgspec.Struct, frozen=True, rename="camel"):
    """An order with its totals as they are now."""

    legacy_resource_id: str
    name: str
    created_at: datetime
    updated_at: datetime
    taxes_included: bool
    current_total_price_set: Bag
    current_total_tax_set: Bag
    current_shipping_price_set: Bag
    current_total_duties_set: Bag | None = None
    cancelled_at: datetime | None = None
    test: bool = False
    transactions: list[Transaction] = []


class Named(msgspec.Struct, frozen=True):
    """A thing by its id."""

    id: str


class Payout(msgspec.Struct, frozen=True):
    """The payout of a balance transaction, once there is one."""

    id: str | None = None
    status: str | None = None


class Balance(msgspec.Struct, frozen=True, rename="camel"):
    """A balance transaction."""

    id: str
    type: str
    transaction_date: datetime
    amount: Money
    fee: Money
    test: bool = False
    source_order_transaction_id: str | int | None = None
    associated_order: Named | None = None
    associated_payout: Payout | None = None


class PageInfo(msgspec.Struct, frozen=True, rename="camel"):
    """Whether there is more."""

    has_next_page: bool = False
    end_cursor: str | None = None


class Orders(msgspec.Struct, frozen=True, rename="camel"):
    """A page of orders."""

    nodes: list[Order]
    page_info: PageInfo


class Balances(msgspec.Struct, frozen=True, rename="camel"):
    """A page of balance transactions."""

    nodes: list[Balance]
    page_info: PageInfo


class Account(msgspec.Struct, frozen=True, rename="camel"):
    """The shop's account of Shopify Payments."""

    balance_transactions: Balances


class Data(msgspec.Struct, frozen=True, rename="camel"):
    """The answer to one of the two queries."""

    orders: Orders | None = None
    shopify_payments_account: Account | None = None


decoder = msgspec.json.Decoder(Data)


class ShopifyBooks:
    """One shop, behind `adapters.kit.books.Books`."""

    def __init__(self, graphql: ShopifyGraphql, clock: Clock) -> None:
        self._graphql = graphql
        self._clock = clock

    async def page(self, source: str, since: datetime, until: datetime, cursor: str) -> BooksPage:
        """Return a page of orders, or of the balance. Raises PartnerError."""
        if source == ORDERS:
            if not cursor and (words := await self._hidden(since)):
                return BooksPage(entries=(), absent=words)
            window = f"created_at:>='{_at(since)}' AND created_at:<'{_at(until)}'"
            data = await self._ask(ORDERS_QUERY, window, cursor)
            if data.orders is None:
                raise _torn()
            return orders_page(data.orders)
        try:
            data = await self._ask(BALANCE_QUERY, f"processed_at:>='{_at(since)}'", cursor)
        except AccessDenied as error:
            return BooksPage(entries=(), absent=str(error))
        if data.shopify_payments_account is None:
            return BooksPage(entries=(), absent="The shop does not use Shopify Payments.")
        return balance_page(data.shopify_payments_account.balance_transactions)

    async def _hidden(self, since: datetime) -> str:
        """Say why older orders of the window are not shown, "" where all are."""
        if since >= self._clock.now() - SHOWN or ALL_ORDERS in (await granted(self._graphql))[1]:
            return ""
        return (
            f"The app lacks {ALL_ORDERS}, and so {PARTNER} does not show orders older than "
            f"{SHOWN.days} days: grant it, or compare a window that begins later."
        )

    async def _ask(self, query: str, window: str, cursor: str) -> Data:
        variables = {"query": window, "after": cursor or None}
        return await self._graphql.ask(None, query, variables, decoder, writes=False)


def orders_page(found: Orders) -> BooksPage:
    """Return a page of orders as entries. Raises Rejected for amounts that are not money."""
    try:
        entries = tuple(_order(one) for one in found.nodes)
    except MoneyRefused as error:
        raise Rejected(f"{PARTNER} tells an order with a wrong amount: {error}") from error
    return BooksPage(entries=entries, cursor=_next(found.page_info))


def balance_page(found: Balances) -> BooksPage:
    """Return a page of the balance as entries: charges and refunds. Raises Rejected."""
    try:
        entries = tuple(_settled(found.nodes))
    except MoneyRefused as error:
        raise Rejected(f"{PARTNER} tells a payment with a wrong amount: {error}") from error
    return BooksPage(entries=entries, cursor=_next(found.page_info))


def _order(one: Order) -> ShopOrder:
    total = one.current_total_price_set.shop_money
    tax = _minor(one.current_total_tax_set.shop_money)
    shipping = _minor(one.current_shipping_price_set.shop_money)
    duties = one.current_total_duties_set
    duty = _minor(duties.shop_money) if duties is not None else 0
    beside = shipping + duty + (0 if one.taxes_included else tax)
    return ShopOrder(
        ref=one.legacy_resource_id,
        number=one.name,
        placed_at=one.created_at,
        updated_at=one.updated_at,
        currency=total.currency_code,
        amounts=Amounts(
            goods_minor=_minor(total) - beside,
            shipping_minor=shipping,
            duty_minor=duty,
            tax_minor=tax,
            taxes_included=one.taxes_included,
        ),
        payments=tuple(_payments(one.transactions[:MAX_TRANSACTIONS])),
        cancelled=one.cancelled_at is not None,
        test=one.test,
        unread=len(one.transactions) > MAX_TRANSACTIONS,
    )


def _payments(found: list[Transaction]) -> Iterator[Payment]:
    for one in found:
        kind = _KINDS.get(one.kind)
        if kind is None or one.status != "SUCCESS":
            continue
        money = one.amount_set.shop_money
        yield Payment(
            id=_digits(one.id),
            kind=kind,
            at=one.created_at,
            currency=money.currency_code,
            amount_minor=_minor(money),
            settles=one.gateway == GATEWAY_NAME,
            fee_minor=sum(_minor(fee.amount) for fee in one.fees) if one.fees else None,
        )


def _settled(found: list[Balance]) -> Iterator[Settled]:
    for one in found:
        kind = _TYPES.get(one.type)
        if kind is None or one.test:
            continue
        order, payout = one.associated_order, one.associated_payout
        paid = payout is not None and payout.status in _PAID_OUT
        yield Settled(
            id=_digits(one.id),
            kind=kind,
            at=one.transaction_date,
            currency=one.amount.currency_code,
            amount_minor=abs(_minor(one.amount)),
            transaction=str(one.source_order_transaction_id or ""),
            ref=_digits(order.id) if order is not None else "",
            fee_minor=abs(_minor(one.fee)),
            payout=_digits(payout.id or "") if payout is not None and paid else "",
        )


def _minor(money: Money) -> int:
    return minor_units(money.amount, money.currency_code)


def _digits(gid: str) -> str:
    return gid.rpartition("/")[2]


def _at(when: datetime) -> str:
    return when.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _next(info: PageInfo) -> str:
    if not info.has_next_page:
        return ""
    if not info.end_cursor:
        raise _torn()
    return info.end_cursor


def _torn() -> PartnerError:
    return lost(PARTNER, "answered without what was asked for", writes=False)
