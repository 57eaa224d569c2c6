"""Shopify: capture money that an order's authorisation has reserved.

`orderCapture` takes no idempotency key, so what was captured is read first: afterwards so much has
been captured as was to be, however often it is asked for, and never more than is authorised. Only
authorisations that are `multiCapturable` can be captured again; of any other one nothing is left
after the first capture. https://shopify.dev/docs/api/admin-graphql/2026-10/mutations/orderCapture
"""

from __future__ import annotations

import msgspec

from actors.runtime.errors import NeedsPerson, Rejected, Retryable
from actors.runtime.partner import Call
from adapters.channels.shopify.graphql import PARTNER, ShopifyGraphql, order_gid
from adapters.kit.fitting import phrases, printable
from adapters.kit.http_client import lost
from adapters.kit.rounding import EXACT, minor_of
from schemas.messages.effects import CapturePayment, PaymentCaptured, Result
from schemas.order.money import MoneyRefused, decimal_text

MAX_TRANSACTIONS = 100
"""Transactions of an order that are read: an authorisation and its captures are among the first."""

_TRANSACTION = """
  id
  kind
  status
  errorCode
  multiCapturable
  amountSet { presentmentMoney { amount currencyCode } }
  totalUnsettledSet { presentmentMoney { amount currencyCode } }
"""

TRANSACTIONS_QUERY = f"""
query Transactions($id: ID!) {{
  order(id: $id) {{
    id
    transactions(first: {MAX_TRANSACTIONS}) {{ {_TRANSACTION} parentTransaction {{ id }} }}
  }}
}}
"""

CAPTURE_MUTATION = f"""
mutation CaptureOrder($input: OrderCaptureInput!) {{
  orderCapture(input: $input) {{
    transaction {{ {_TRANSACTION} parentTransaction {{ {_TRANSACTION} }} }}
    userErrors {{ field message }}
  }}
}}
"""

AUTHORIZATION, CAPTURE = "AUTHORIZATION", "CAPTURE"
SUCCESS = "SUCCESS"
UNDER_WAY = frozenset({"AWAITING_RESPONSE", "PENDING", "UNKNOWN"})
"""Statuses of a transaction of which Shopify does not know the end yet."""


class _Money(msgspec.Struct, frozen=True, rename="camel"):
    amount: str
    currency_code: str


class _Bag(msgspec.Struct, frozen=True, rename="camel"):
    presentment_money: _Money


class _Parent(msgspec.Struct, frozen=True, rename="camel"):
    id: str
    multi_capturable: bool = False
    total_unsettled_set: _Bag | None = None


class _Transaction(msgspec.Struct, frozen=True, rename="camel"):
    id: str
    kind: str
    status: str
    amount_set: _Bag
    error_code: str | None = None
    multi_capturable: bool = False
    total_unsettled_set: _Bag | None = None
    parent_transaction: _Parent | None = None


class _Order(msgspec.Struct, frozen=True):
    transactions: list[_Transaction] = []


class _Asked(msgspec.Struct, frozen=True):
    order: _Order | None = None


class _UserError(msgspec.Struct, frozen=True):
    message: str = ""


class _Captured(msgspec.Struct, frozen=True, rename="camel"):
    transaction: _Transaction | None = None
    user_errors: list[_UserError] = []


class _Made(msgspec.Struct, frozen=True, rename="camel"):
    order_capture: _Captured | None = None


_asked, _made = msgspec.json.Decoder(_Asked), msgspec.json.Decoder(_Made)


class _Standing(msgspec.Struct, frozen=True):
    """How far an order's authorisations are captured, in minor units of what the customer pays in.
    `last` is the id of the latest capture."""

    authorisations: list[_Transaction]
    captured: int
    last: str = ""


async def capture(graphql: ShopifyGraphql, call: Call, effect: CapturePayment) -> Result:
    """Capture what of the amount is not captured yet.

    Raises Rejected when the card is declined, the authorisation has ended or too little of it is
    left, Retryable while an earlier capture is under way, and Unknown when its end is not known.
    """
    standing = await _read(graphql, call, effect.currency)
    missing = effect.before_minor + effect.amount_minor - standing.captured
    if missing <= 0:
        return _done(effect, standing)
    one = _chosen(standing, missing, effect.currency)
    variables = {
        "input": {
            "id": order_gid(call.ref),
            "parentTransactionId": one.id,
            "amount": decimal_text(missing, effect.currency),
            "currency": effect.currency,
        }
    }
    data = await graphql.ask(call, CAPTURE_MUTATION, variables, _made, writes=True)
    made = data.order_capture
    if made is None or (made.transaction is None and not made.user_errors):
        raise lost(PARTNER, "answered without a capture", writes=True)
    if made.transaction is None:
        said = phrases([error.message for error in made.user_errors])
        raise Rejected(f"{PARTNER} refused to capture the payment: {said}.")
    return _taken(effect, made.transaction)


async def captured(graphql: ShopifyGraphql, call: Call, effect: CapturePayment) -> Result | None:
    """Return what an earlier call captured, None where it did not. Raises NeedsPerson when the shop
    does not answer the question."""
    try:
        standing = await _read(graphql, call, effect.currency)
    except Rejected as error:
        raise NeedsPerson(str(error), outcome_known=False) from error
    if standing.captured < effect.before_minor + effect.amount_minor:
        return None
    return _done(effect, standing)


async def _read(graphql: ShopifyGraphql, call: Call, currency: str) -> _Standing:
    variables = {"id": order_gid(call.ref)}
    data = await graphql.ask(call, TRANSACTIONS_QUERY, variables, _asked, writes=False)
    if data.order is None:
        raise Rejected(f"{PARTNER} has no such order.")
    authorisations = [
        one
        for one in data.order.transactions
        if one.kind == AUTHORIZATION and one.status == SUCCESS
    ]
    ours = {one.id for one in authorisations}
    captures = [
        one
        for one in data.order.transactions
        if one.kind == CAPTURE
        and one.parent_transaction is not None
        and one.parent_transaction.id in ours
    ]
    if any(one.status in UNDER_WAY for one in captures):
        raise Retryable(f"{PARTNER} has not finished an earlier capture yet.", sick=False)
    made = [one for one in captures if one.status == SUCCESS]
    return _Standing(
        authorisations=authorisations,
        captured=sum(_minor(one.amount_set, currency) for one in made),
        last=made[-1].id if made else "",
    )


def _chosen(standing: _Standing, missing: int, currency: str) -> _Transaction:
    """Return the authorisation to capture from. Raises Rejected when none has so much left."""
    if not standing.authorisations:
        raise Rejected(f"{PARTNER} shows no authorisation of the order that could be captured.")
    for one in standing.authorisations:
        if _left(one.total_unsettled_set, currency) >= missing:
            return one
    most = max(_left(one.total_unsettled_set, currency) for one in standing.authorisations)
    raise Rejected(
        f"{PARTNER} has {decimal_text(most, currency)} {currency} left to capture, and "
        f"{decimal_text(missing, currency)} are due: collect the rest from the customer, or go on "
        "without it."
    )


def _done(effect: CapturePayment, standing: _Standing) -> PaymentCaptured:
    left = sum(
        _left(one.total_unsettled_set, effect.currency)
        for one in standing.authorisations
        if one.multi_capturable
    )
    return PaymentCaptured(
        amount_minor=effect.amount_minor, left_minor=left, outside_id=standing.last
    )


def _taken(effect: CapturePayment, one: _Transaction) -> PaymentCaptured:
    if one.status in UNDER_WAY:
        raise lost(PARTNER, "has not finished the capture yet", writes=True)
    if one.status != SUCCESS:
        why = printable(one.error_code or one.status)[:60].replace("_", " ").lower()
        raise Rejected(f"{PARTNER} could not capture the payment: {why}.")
    parent = one.parent_transaction
    more = parent is not None and parent.multi_capturable
    left = _left(parent.total_unsettled_set, effect.currency) if parent and more else 0
    return PaymentCaptured(amount_minor=effect.amount_minor, left_minor=left, outside_id=one.id)


def _left(bag: _Bag | None, currency: str) -> int:
    return 0 if bag is None else _minor(bag, currency)


def _minor(bag: _Bag, currency: str) -> int:
    """Return an amount as the customer pays it. Raises Rejected in another currency."""
    money = bag.presentment_money
    if money.currency_code != currency:
        raise Rejected(
            f"{PARTNER} states a payment in {printable(money.currency_code)[:10]}, and the order is"
            f" paid in {currency}: capture it there, then go on without it here."
        )
    try:
        return minor_of(money.amount, currency, EXACT)
    except MoneyRefused as error:
        raise Rejected(f"{PARTNER} states an amount that can't be read: {error}") from error
