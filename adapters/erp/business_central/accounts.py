"""How a customer's account stands in Business Central: the limit and the block of the customer, and
what is open on posted invoices, of which the due dates say what is overdue.

A credit limit of 0 is none there. The customer is the one with the order's VAT number, else with
its e-mail address; several of them are not told apart.
"""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from urllib.parse import quote

import msgspec

from adapters.erp.business_central.items import in_quotes
from adapters.kit.json_partner import JsonPartner
from schemas.order.canonical import Order
from schemas.order.money import exponent_of
from schemas.order.world import MAX_DAYS, MAX_VALUE, Account

MAX_OPEN = 1_000
"""Open invoices that are summed; a customer with more is looked at by a person."""


UNSET = "0001-01-01"
"""How a date that is not there is written."""


class _Customer(msgspec.Struct, frozen=True):
    number: str
    currencyCode: str = ""  # noqa: N815 - the partner's name
    creditLimit: Decimal | None = None  # noqa: N815 - the partner's name
    blocked: str = " "


class _Customers(msgspec.Struct, frozen=True):
    value: list[_Customer]


class _Invoice(msgspec.Struct, frozen=True):
    dueDate: str = ""  # noqa: N815 - the partner's name
    currencyCode: str = ""  # noqa: N815 - the partner's name
    remainingAmount: Decimal = Decimal(0)  # noqa: N815 - the partner's name


class _Invoices(msgspec.Struct, frozen=True):
    value: list[_Invoice]


_customers = msgspec.json.Decoder(_Customers)
_invoices = msgspec.json.Decoder(_Invoices)


async def account_of(api: JsonPartner, order: Order) -> Account:
    """Return how the account of an order's customer stands. Raises PartnerError."""
    found = await _customers_of(api, order)
    if len(found) != 1:
        return Account("several" if found else "missing")
    (customer,) = found
    invoices = await _open_invoices(api, customer.number)
    currencies = {customer.currencyCode, *(one.currencyCode for one in invoices)}
    if len(currencies) > 1 or "" in currencies or len(invoices) >= MAX_OPEN:
        return Account("currency", blocked=bool(customer.blocked.strip()))
    currency = customer.currencyCode
    today = api.clock.now().date()
    due = [date.fromisoformat(x.dueDate) for x in invoices if x.dueDate > UNSET]
    limit = customer.creditLimit or None
    return Account(
        "found",
        currency=currency,
        limit_minor=None if limit is None else max(0, _minor(limit, currency)),
        balance_minor=_minor(sum((x.remainingAmount for x in invoices), Decimal(0)), currency),
        overdue_days=max(0, min((today - min(due, default=today)).days, MAX_DAYS)),
        blocked=bool(customer.blocked.strip()),
    )


async def _customers_of(api: JsonPartner, order: Order) -> list[_Customer]:
    who = order.customer
    for field, value in (("taxRegistrationNumber", who.vat_id), ("email", who.email)):
        if not value.strip():
            continue
        wish = quote(f"{field} eq {in_quotes(value.strip())}", safe="'")
        named = "number,currencyCode,creditLimit,blocked"
        answer = await api.ask(None, "GET", f"/customers?$filter={wish}&$top=2&$select={named}")
        if answer.status >= 400:
            raise api.unanswered("whether it has the customer", answer)
        found = api.decoded(_customers, answer, writes=False).value
        if found:
            return found
    return []


async def _open_invoices(api: JsonPartner, number: str) -> list[_Invoice]:
    wish = quote(f"customerNumber eq {in_quotes(number)} and status eq 'Open'", safe="'")
    named = "dueDate,currencyCode,remainingAmount"
    path = f"/salesInvoices?$filter={wish}&$top={MAX_OPEN}&$select={named}"
    answer = await api.ask(None, "GET", path)
    if answer.status >= 400:
        raise api.unanswered("what the customer owes", answer)
    return api.decoded(_invoices, answer, writes=False).value


def _minor(amount: Decimal, currency: str) -> int:
    scaled = int(amount.scaleb(exponent_of(currency)).to_integral_value())
    return max(-MAX_VALUE, min(scaled, MAX_VALUE))
