"""Documents as rows of a journal: each amount on its account, as a decimal. Pure."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Mapping
from types import MappingProxyType

from msgspec import Struct

from adapters.postgres.accounting import Document
from schemas.order.money import decimal_text
from service.settings.accounts import Accounts

COLUMNS = (
    *("date", "document", "account", "debit", "credit", "currency", "channel", "order"),
    *("reference", "kind", "detail"),
)
"""The header of the CSV."""

_FIELDS: Mapping[str, str] = MappingProxyType(
    {
        "receivable": "receivable",
        "goods": "sales",
        "gift_cards": "gift_cards",
        "store_credit": "store_credit",
        "tips": "tips",
        "fees_charged": "fees_charged",
        "insurance": "insurance",
        "services": "services",
        "shipping": "shipping",
        "duties": "duties",
        "discounts": "discounts",
        "fees": "fees",
        "bank": "bank",
        "rounding": "rounding",
    }
)
_GIVEN_BACK = frozenset({"goods", "tips", "fees_charged", "insurance", "services", "discounts"})
"""What a refund takes from the account of refunds instead of its own."""
_SIGNS: Mapping[str, str] = MappingProxyType({"sale": "S", "money": "P", "charges": "F"})
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


class Row(Struct, frozen=True, kw_only=True):
    """One entry: a debit or a credit, above zero, in minor units."""

    account: str
    debit_minor: int
    credit_minor: int
    detail: str


def name_of(one: Document) -> str:
    """Return the document's name, the same in every export: the order's reference, a letter for its
    part (S: what was sold, P: what was paid, F: fees) and its number."""
    return f"{one.reference}-{_SIGNS[one.part]}{one.number}"


def rows_of(one: Document, accounts: Accounts) -> list[Row]:
    """Return a document's entries on the accounts that are set; they balance."""
    return [
        Row(
            account=account_of(one.kind, role, detail, accounts),
            debit_minor=max(0, minor),
            credit_minor=max(0, -minor),
            detail=detail,
        )
        for role, detail, minor in one.entries
    ]


def account_of(kind: str, role: str, detail: str, accounts: Accounts) -> str:
    """Return the account of an entry in a document of this kind."""
    if role == "tax":
        return accounts.tax_by.get(detail, accounts.tax)
    if role == "payments":
        return accounts.payments_by.get(detail, accounts.payments)
    if kind == "refund" and role in _GIVEN_BACK:
        return accounts.refunds
    found: str = getattr(accounts, _FIELDS[role])
    return found


def header() -> str:
    """Return the first line of the CSV."""
    return _line(COLUMNS)


def csv_of(documents: Iterable[Document], accounts: Accounts) -> str:
    """Return documents as lines of the CSV. A text that a spreadsheet would take for a formula
    begins with an apostrophe."""
    return "".join(_line(cells) for one in documents for cells in _cells(one, accounts))


def _cells(one: Document, accounts: Accounts) -> Iterator[tuple[str, ...]]:
    for row in rows_of(one, accounts):
        yield (
            one.day.isoformat(),
            name_of(one),
            _text(row.account),
            decimal_text(row.debit_minor, one.currency) if row.debit_minor else "",
            decimal_text(row.credit_minor, one.currency) if row.credit_minor else "",
            one.currency,
            one.channel,
            _text(one.order_number),
            one.reference,
            one.kind,
            _text(row.detail),
        )


def _text(value: str) -> str:
    return f"'{value}" if value.startswith(_FORMULA) else value


def _line(cells: Iterable[str]) -> str:
    text = io.StringIO()
    csv.writer(text).writerow(cells)
    return text.getvalue()
