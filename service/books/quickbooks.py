"""Documents as journal entries of QuickBooks Online's accounting API. Pure.

A line of the export is one request: `POST /v3/company/{realmId}/journalentry?requestid=…` with the
object beside it as the body. QuickBooks answers a repeat of the same request id as the first time,
so a document that is sent twice is entered once.
https://developer.intuit.com/app/developer/qbo/docs/api/accounting/all-entities/journalentry
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from decimal import Decimal
from typing import Any

import msgspec
from msgspec import Struct

from adapters.postgres.accounting import Document
from schemas.order.money import decimal_text
from service.books.ledger import Row, name_of, rows_of
from service.settings.accounts import Accounts

MAX_NUMBER = 21
"""Characters of `DocNumber`."""

MAX_TEXT = 4_000
"""Characters of a description and of the private note."""

_encode = msgspec.json.Encoder(decimal_format="number").encode


class Sent(Struct, frozen=True):
    """One request: what it is known by, and its body."""

    requestid: str
    journal_entry: dict[str, Any] = msgspec.field(name="JournalEntry")


def quickbooks_of(documents: Iterable[Document], accounts: Accounts) -> str:
    """Return documents as JSON lines. Accounts are the ids that QuickBooks has of them."""
    return "".join(_encode(_sent(one, accounts)).decode() + "\n" for one in documents)


def _sent(one: Document, accounts: Accounts) -> Sent:
    number = f"{one.order_number}-{name_of(one).rpartition('-')[2]}"
    note = f"{one.kind} {one.channel} {one.order_number} {one.reference}"
    entry: dict[str, Any] = {
        "DocNumber": number[-MAX_NUMBER:],
        "TxnDate": one.day.isoformat(),
        "CurrencyRef": {"value": one.currency},
        "PrivateNote": note[:MAX_TEXT],
        "Line": list(_lines(one, accounts)),
    }
    return Sent(name_of(one), entry)


def _lines(one: Document, accounts: Accounts) -> Iterator[dict[str, Any]]:
    for row in rows_of(one, accounts):
        detail: dict[str, Any] = {
            "PostingType": "Debit" if row.debit_minor else "Credit",
            "AccountRef": {"value": row.account},
        }
        if row.account == accounts.receivable and accounts.quickbooks_customer:
            customer = {"value": accounts.quickbooks_customer}
            detail["Entity"] = {"Type": "Customer", "EntityRef": customer}
        yield {
            "Amount": Decimal(decimal_text(row.debit_minor or row.credit_minor, one.currency)),
            "DetailType": "JournalEntryLineDetail",
            "Description": _described(one, row),
            "JournalEntryLineDetail": detail,
        }


def _described(one: Document, row: Row) -> str:
    return f"{one.kind} {one.order_number} {row.detail}".strip()[:MAX_TEXT]
