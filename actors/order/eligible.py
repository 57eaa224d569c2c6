"""Whether an order may be paid as its customer chose: on delivery up to a limit, on terms while his
account allows it. Pure; asked for orders alone whose money is not there yet.
"""

from __future__ import annotations

from collections.abc import Iterator

from actors.kernel.setup import Setup
from actors.order.acceptance import promised_by, to_collect
from schemas.order.canonical import Order
from schemas.order.money import decimal_text
from schemas.order.world import Account, World, known

ACCOUNT = frozenset({"account"})
"""What is asked for of an order on terms."""

_THERE = frozenset({"paid", "authorized", "partially_refunded", "voided", "refunded"})
"""Payments of which nothing is promised any more."""


def asked_of(order: Order, setup: Setup) -> frozenset[str]:
    """Return the parts of the world that `ineligible` asks for."""
    if order.payment in _THERE or not promised_by(order.payment_method, setup.terms):
        return frozenset()
    return ACCOUNT


def ineligible(order: Order, setup: Setup, world: World | None) -> Iterator[str]:
    """Yield why it may not be paid so before a person agrees, a sentence each. Raises WorldAsked
    for an order on terms whose account was not asked for."""
    if order.payment in _THERE:
        return
    if setup.collect_limits:
        yield from _collected(order, setup)
    if promised_by(order.payment_method, setup.terms):
        yield from _on_terms(order, setup, known(world, order, ACCOUNT).account)


def _collected(order: Order, setup: Setup) -> Iterator[str]:
    due, currency = to_collect(order, setup, order.payment_method)
    if not due:
        return
    limit = dict(setup.collect_limits).get(currency)
    if limit is None:
        yield (
            f"{_money(due, currency)} would be collected on delivery, and no limit is set for "
            f"{currency}: add it to `collect_limits` of {setup.channel}, or release the hold"
        )
    elif due > limit:
        yield (
            f"{_money(due, currency)} would be collected on delivery, and the limit is "
            f"{_money(limit, currency)}: have the customer pay otherwise, or release the hold"
        )


def _on_terms(order: Order, setup: Setup, account: Account) -> Iterator[str]:
    erp = setup.erp or "an ERP"
    unsaid = _unsaid(account, erp)
    if unsaid:
        yield f"it is paid on terms, and {unsaid}"
        return
    if account.blocked:
        yield f"it is paid on terms, and {erp} has blocked the customer"
    if account.overdue_days is not None and account.overdue_days > setup.overdue_days:
        yield (
            f"it is paid on terms, and an invoice in {erp} is {account.overdue_days} days overdue "
            f"({setup.overdue_days} are allowed)"
        )
    if account.currency != order.currency:
        yield (
            f"it is paid on terms in {order.currency}, and {erp} keeps the customer's account in "
            f"{account.currency}: compare them, and release the hold if it may go"
        )
        return
    limit = account.limit_minor
    if limit is None:
        limit = dict(setup.terms_limits).get(order.currency)
    if limit is None:
        yield (
            f"it is paid on terms, and neither {erp} states a credit limit for the customer nor "
            f"`terms_limits` of {setup.channel} one for {order.currency}"
        )
        return
    due = order.totals.total_minor if order.amount_due_minor is None else order.amount_due_minor
    balance = account.balance_minor or 0
    if balance + due > limit:
        yield (
            f"it is paid on terms with a limit of {_money(limit, order.currency)}, of which "
            f"{_money(balance, order.currency)} is open in {erp}: with this order of "
            f"{_money(due, order.currency)} it is over by "
            f"{_money(balance + due - limit, order.currency)}"
        )


def _unsaid(account: Account, erp: str) -> str:
    match account.state:
        case "found":
            return ""
        case "missing":
            return (
                f"{erp} has no customer with the order's VAT number or e-mail address: add it "
                "there, or release the hold"
            )
        case "several":
            return (
                f"{erp} has several customers with the order's VAT number or e-mail address: leave "
                "it to one of them there, or release the hold"
            )
        case "currency":
            return (
                f"{erp} keeps the customer's account in several currencies, or in one that it does "
                "not name: look there what is open, and release the hold if it may go"
            )
    return (
        f"{erp} has not said how the account stands: it is asked again within the hour, and the "
        "answer is used when it comes"
    )


def _money(minor: int, currency: str) -> str:
    return f"{decimal_text(minor, currency)} {currency}"
