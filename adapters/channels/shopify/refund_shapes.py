"""Questions and answers about money that Shopify gives back.

https://shopify.dev/docs/api/admin-graphql/2026-10/mutations/refundCreate
"""

from __future__ import annotations

import msgspec

MAX_REFUNDS = 100
"""Refunds of an order that are read; ours are 50 at most."""
MAX_LINES = 250
"""Lines of an order that are read; a refund that names later ones has its amount alone."""

_MONEY = "{ presentmentMoney { amount currencyCode } }"
_REFUND = f"""
  id
  note
  transactions(first: 20) {{ nodes {{ kind status amountSet {_MONEY} }} }}
"""

REFUNDS_QUERY = f"""
query Refunds($id: ID!) {{
  order(id: $id) {{
    id
    cancelledAt
    totalReceivedSet {_MONEY}
    totalRefundedSet {_MONEY}
    refunds(first: {MAX_REFUNDS}) {{ {_REFUND} }}
  }}
}}
"""

LINES_QUERY = f"""
query RefundableLines($id: ID!) {{
  order(id: $id) {{
    id
    lineItems(first: {MAX_LINES}) {{ nodes {{ id refundableQuantity unfulfilledQuantity }} }}
  }}
}}
"""

UNITS_QUERY = f"""
query RefundedUnits($id: ID!) {{
  refund(id: $id) {{
    id
    refundLineItems(first: {MAX_LINES}) {{ nodes {{ lineItem {{ id }} quantity }} }}
  }}
}}
"""

SUGGEST_QUERY = f"""
query SuggestRefund(
  $id: ID!, $lines: [RefundLineItemInput!], $shipping: Boolean!, $full: Boolean!
) {{
  order(id: $id) {{
    id
    suggestedRefund(refundLineItems: $lines, refundShipping: $shipping, suggestFullRefund: $full) {{
      amountSet {_MONEY}
      maximumRefundableSet {_MONEY}
      refundLineItems {{ lineItem {{ id }} quantity restockType location {{ id }} }}
      suggestedTransactions {{
        gateway
        amountSet {_MONEY}
        maximumRefundableSet {_MONEY}
        parentTransaction {{ id manualPaymentGateway }}
      }}
    }}
  }}
}}
"""

REFUND_MUTATION = f"""
mutation GiveBack($input: RefundInput!, $key: String!) {{
  refundCreate(input: $input) @idempotent(key: $key) {{
    refund {{ {_REFUND} }}
    userErrors {{ field message }}
  }}
}}
"""


class Money(msgspec.Struct, frozen=True, rename="camel"):
    """An amount in one currency."""

    amount: str
    currency_code: str


class Bag(msgspec.Struct, frozen=True, rename="camel"):
    """An amount as the customer sees it."""

    presentment_money: Money


class Paid(msgspec.Struct, frozen=True, rename="camel"):
    """A transaction of a refund."""

    kind: str
    status: str
    amount_set: Bag


class Nodes(msgspec.Struct, frozen=True):
    """Transactions of a refund."""

    nodes: list[Paid] = []


class Refund(msgspec.Struct, frozen=True):
    """A refund; `note` is ours where it is one of ours."""

    id: str
    note: str | None = None
    transactions: Nodes = Nodes()


class Line(msgspec.Struct, frozen=True, rename="camel"):
    """A line, and how many of its units can be refunded."""

    id: str
    refundable_quantity: int = 0
    unfulfilled_quantity: int = 0


class Lines(msgspec.Struct, frozen=True):
    """Lines of an order."""

    nodes: list[Line] = []


class Named(msgspec.Struct, frozen=True):
    """A thing by its id."""

    id: str


class Parent(msgspec.Struct, frozen=True, rename="camel"):
    """A payment; `manual_payment_gateway`: it was made by hand."""

    id: str
    manual_payment_gateway: bool = False


class Part(msgspec.Struct, frozen=True, rename="camel"):
    """A line of a calculation."""

    line_item: Named
    quantity: int
    location: Named | None = None


class Share(msgspec.Struct, frozen=True, rename="camel"):
    """What can go back to one payment."""

    gateway: str | None = None
    amount_set: Bag | None = None
    maximum_refundable_set: Bag | None = None
    parent_transaction: Parent | None = None


class Suggested(msgspec.Struct, frozen=True, rename="camel"):
    """Shopify's calculation."""

    amount_set: Bag
    maximum_refundable_set: Bag
    refund_line_items: list[Part] = []
    suggested_transactions: list[Share] = []


class Order(msgspec.Struct, frozen=True, rename="camel"):
    """An order; what was not asked for is left out."""

    id: str
    cancelled_at: str | None = None
    total_received_set: Bag | None = None
    total_refunded_set: Bag | None = None
    refunds: list[Refund] = []
    line_items: Lines = Lines()
    suggested_refund: Suggested | None = None


class Parts(msgspec.Struct, frozen=True):
    """Lines of a refund."""

    nodes: list[Part] = []


class Units(msgspec.Struct, frozen=True, rename="camel"):
    """What a refund was for."""

    id: str
    refund_line_items: Parts = Parts()


class Asked(msgspec.Struct, frozen=True):
    """The answer to a question about an order, or a refund."""

    order: Order | None = None
    refund: Units | None = None


class UserError(msgspec.Struct, frozen=True):
    """Why something was refused."""

    message: str = ""


class Created(msgspec.Struct, frozen=True, rename="camel"):
    """What refundCreate returns."""

    refund: Refund | None = None
    user_errors: list[UserError] = []


class Made(msgspec.Struct, frozen=True, rename="camel"):
    """The answer to refundCreate."""

    refund_create: Created | None = None


asked, made = msgspec.json.Decoder(Asked), msgspec.json.Decoder(Made)
