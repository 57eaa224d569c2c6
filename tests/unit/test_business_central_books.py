"""Business Central's documents as entries of its books, with the fields of its description."""

from __future__ import annotations

import json

from adapters.erp.business_central.books import decoder, entries
from adapters.erp.business_central.kind import KIND
from adapters.kit.books import Booked
from adapters.kit.kind import example_of


def shown(source: str, **fields: object) -> Booked:
    """The entry of a document that Business Central shows like this."""
    raw = json.dumps({"value": [{"id": "x", "number": "102", **fields}]}).encode()
    (found,) = entries(source, decoder.decode(raw), example_of(KIND))
    return found


def test_an_invoice_is_dated_and_has_no_day_of_its_order() -> None:
    """Its own day is not the order's, which is not compared."""
    day = "2019-01-15"
    found = shown("salesInvoices", invoiceDate=day, postingDate=day, status="Paid")
    assert (found.day, found.dated, found.draft) == ("", day, False)
    memo = shown("salesCreditMemos", creditMemoDate=day, postingDate="0001-01-01")
    assert (memo.day, memo.dated) == ("", day)
    order = shown("salesOrders", orderDate=day, status="Draft")
    assert (order.day, order.dated, order.draft) == (day, day, False)


def test_a_document_without_a_day_says_none() -> None:
    """Business Central's day for none is the first of all; the day of posting stands in."""
    none = "0001-01-01"
    found = shown("salesInvoices", invoiceDate=none, postingDate=none)
    assert found.dated == ""
    assert shown("salesInvoices", invoiceDate=none, postingDate="2019-01-15").dated == "2019-01-15"


def test_a_draft_is_told_from_a_posted_document() -> None:
    """Invoices and credit memos are drafts until they are posted, also while they are reviewed."""
    for source in ("salesInvoices", "salesCreditMemos"):
        for status in ("Draft", "In Review", "In_x0020_Review"):
            assert shown(source, status=status).draft
        for status in ("Open", "Paid", "Canceled", "Corrective"):
            assert not shown(source, status=status).draft
