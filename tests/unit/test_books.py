"""Documents of the accounting export: what each part of an order is entered as."""

from __future__ import annotations

import csv
import io
from collections import Counter
from datetime import UTC, date, datetime
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
from msgspec.structs import replace

from actors.order.state import State, Twin
from actors.refund.thing import REFUNDED, Refund
from adapters.postgres.accounting import Document, Standing
from schemas.order.canonical import Fee, Line, Order, Tax, Tender
from schemas.order.ids import REFERENCE_LENGTH
from schemas.order.things import Key
from service.books.entering import lacking
from service.books.ledger import COLUMNS, csv_of, header, name_of, rows_of
from service.books.quickbooks import quickbooks_of
from service.settings.accounts import Accounts
from tests.given import an_order

STATE = State(stage="accepted", channel="acme-us", payment_method="visa")
BERLIN = ZoneInfo("Europe/Berlin")
ACCOUNTS = Accounts(tax_by={"Kentucky": "2210"}, payments_by={"visa": "1010"})


def standing(order: Order, state: State = STATE, *entered: Document, **changes: Any) -> Standing:
    """An order as it stands in the journal."""
    found = Standing(
        order_id="O",
        channel="acme-us",
        ref=order.ref,
        number=order.number,
        reference="REF",
        state=state,
        order=order,
        moved_at=None,
        entered=entered,
    )
    return replace(found, **changes)


def balances(*documents: Document) -> dict[str, int]:
    """What is on each account; every document must balance."""
    found = Counter[str]()
    for one in documents:
        rows = rows_of(one, ACCOUNTS)
        assert sum(row.debit_minor - row.credit_minor for row in rows) == 0, one
        for row in rows:
            found[row.account] += row.debit_minor - row.credit_minor
    return {name: amount for name, amount in found.items() if amount}


def sold(**changes: Any) -> Order:
    """An order of everything: goods, gift card, tip, insurance, tax of two jurisdictions."""
    order = an_order()
    lines = (
        replace(
            order.lines[0],
            discount_minor=100,
            total_minor=900,
            tax_minor=54,
            taxes=(
                Tax(amount_minor=50, jurisdiction="Kentucky"),
                Tax(amount_minor=4, jurisdiction="Louisville"),
            ),
        ),
        extra("card", "gift_card", 2_500),
        extra("tip", "tip", 300),
        extra("insured", "fee", 120),
    )
    totals = replace(
        order.totals,
        subtotal_minor=3_920,
        discount_minor=150,
        shipping_minor=500,
        duty_minor=70,
        tax_minor=60,
        total_minor=4_400,
    )
    fees = (
        Fee(amount_minor=120, kind="insurance", line_id="insured"),
        Fee(amount_minor=200, kind="commission", title="Commission", paid_by="seller"),
    )
    return replace(order, lines=lines, totals=totals, fees=fees, **changes)


def extra(name: str, kind: Any, minor: int) -> Line:
    """A line of what is sold beside goods."""
    return Line(
        line_id=name, sku=name, title=name, quantity=1, unit_price_minor=minor, total_minor=minor,
        requires_shipping=False, kind=kind,
    )  # fmt: skip


def test_everything_has_its_own_account() -> None:
    """Goods, gift cards, tips, insurance, shipping, duty, discounts, each tax, fees and payment."""
    tenders = (Tender(amount_minor=1_400, kind="gift_card"), Tender(amount_minor=3_000))
    found = lacking(standing(sold(tenders=tenders)), None)
    assert [one.kind for one in found] == ["sale", "payment", "fee"]
    assert balances(*found) == {
        "Sales": -1_000,
        "Gift cards outstanding": -2_500 + 1_400,
        "Tips": -300,
        "Shipping insurance income": -120,
        "Shipping income": -500,
        "Duties payable": -70,
        "Discounts": 150,
        "2210": -50,
        "Sales tax payable": -10,
        "1010": 3_000,
        "Payments clearing": -200,
        "Payment and channel fees": 200,
    }


def test_prices_that_include_tax_are_entered_without_it() -> None:
    """What the tax authority gets does not count as revenue, of goods or of shipping."""
    order = an_order()
    lines = (replace(order.lines[0], tax_minor=160), replace(order.lines[1], tax_minor=120))
    totals = replace(order.totals, tax_minor=360, taxes_included=True)
    found = lacking(standing(replace(order, lines=lines, totals=totals)), None)
    assert balances(found[0]) == {
        "Accounts receivable": 2_250,
        "Sales": -1_470,
        "Shipping income": -420,
        "Sales tax payable": -360,
    }


def test_the_day_is_the_one_where_the_shop_is() -> None:
    """An order of late evening in UTC is of the next day in Berlin; a change is of its own day."""
    order = an_order(placed_at="2026-11-30T23:30:00Z", payment="pending")
    (sale,) = lacking(standing(order), BERLIN)
    assert sale.day == date(2026, 12, 1)
    assert lacking(standing(order), None)[0].day == date(2026, 11, 30)
    moved = datetime(2026, 12, 31, 23, 30, tzinfo=UTC)
    paid = standing(replace(order, payment="paid"), STATE, sale, moved_at=moved)
    (payment,) = lacking(paid, BERLIN)
    assert (payment.kind, payment.day) == ("payment", date(2027, 1, 1))


def test_a_change_is_a_document_of_its_own() -> None:
    """What was entered stays; both come to what the order comes to now, and then nothing lacks."""
    order = an_order(payment="pending")
    (sale,) = lacking(standing(order), None)
    totals = replace(order.totals, shipping_minor=0, total_minor=1_750)
    smaller = replace(order, totals=totals)
    (change,) = lacking(standing(smaller, STATE, sale), None)
    assert (change.kind, change.number) == ("change", 2)
    assert balances(change) == {"Accounts receivable": -500, "Shipping income": 500}
    assert lacking(standing(smaller, STATE, sale, change), None) == []


def test_a_refund_that_the_channel_takes_off_is_entered_once() -> None:
    """The smaller total is the refund: what we gave back is not taken off again."""
    order = an_order()
    before = lacking(standing(order), None)
    lines = (order.lines[0],)
    totals = replace(order.totals, subtotal_minor=1_000, total_minor=1_500)
    smaller = replace(order, lines=lines, totals=totals, payment="partially_refunded")
    state = replace(STATE, refunds={Key("G1"): Refund(REFUNDED, 750, "USD", given=750)})
    refund, payback = lacking(standing(smaller, state, *before), None)
    assert (refund.kind, payback.kind) == ("refund", "payback")
    assert balances(refund) == {"Accounts receivable": -750, "Refunds": 750}
    assert balances(payback) == {"Accounts receivable": 750, "1010": -750}


def test_a_refund_that_the_channel_leaves_in_the_total_is_entered() -> None:
    """Goods, shipping and tax in proportion, for the channel does not say."""
    order = an_order()
    before = lacking(standing(order), None)
    state = replace(STATE, refunds={Key("G1"): Refund(REFUNDED, 900, "USD", given=900)})
    refunded = replace(order, payment="partially_refunded")
    refund, payback = lacking(standing(refunded, state, *before), None)
    assert balances(refund) == {
        "Accounts receivable": -900,
        "Refunds": 700,
        "Shipping income": 200,
    }
    assert balances(payback) == {"Accounts receivable": 900, "1010": -900}
    assert lacking(standing(refunded, state, *before, refund, payback), None) == []


def test_a_cancelled_order_comes_to_nothing() -> None:
    """The sale is taken back; the customer's money is owed until it is given back."""
    order = an_order()
    before = lacking(standing(order), None)
    cancelled = replace(STATE, stage="cancelled")
    (cancellation,) = lacking(standing(order, cancelled, *before), None)
    assert cancellation.kind == "cancellation"
    entered = (*before, cancellation)
    assert balances(*entered) == {"Accounts receivable": -2_250, "1010": 2_250}
    gone = standing(replace(order, payment="refunded"), cancelled, *entered)
    assert balances(*entered, *lacking(gone, None)) == {}


def test_what_another_order_stands_for_is_not_entered() -> None:
    """A test order, and one that another order of the same marketplace stands for."""
    assert lacking(standing(an_order(test=True)), None) == []
    twin = Twin("amazon:1", "O2", "amazon-us", "1", "1")
    assert lacking(standing(an_order(), replace(STATE, twin=twin)), None) == []


def test_an_order_that_changes_its_currency_is_left_to_a_person() -> None:
    """Amounts of two currencies do not sum; reconciliation tells of it."""
    before = lacking(standing(an_order()), None)
    assert lacking(standing(an_order(currency="CAD"), STATE, *before), None) == ()


def test_the_csv_is_plain() -> None:
    """Decimals of the currency, one side each, and no text that a spreadsheet takes for code."""
    order = an_order(number="=1+1", currency="KWD", payment="pending")
    rows = list(
        csv.DictReader(io.StringIO(header() + csv_of(lacking(standing(order), None), ACCOUNTS)))
    )
    assert tuple(rows[0]) == COLUMNS
    assert rows[0] == {
        "date": "2026-11-27",
        "document": "REF-S1",
        "account": "Accounts receivable",
        "debit": "2.250",
        "credit": "",
        "currency": "KWD",
        "channel": "acme-us",
        "order": "'=1+1",
        "reference": "REF",
        "kind": "sale",
        "detail": "",
    }
    assert [row["credit"] for row in rows[1:]] == ["1.750", "0.500"]


def test_documents_as_journal_entries_of_quickbooks() -> None:
    """Each is known by its name, has a debit or a credit a line, and a customer where he is needed;
    texts are as long as QuickBooks takes them."""
    accounts = replace(ACCOUNTS, receivable="33", quickbooks_customer="7")
    order = an_order(number="#" + "9" * 30, payment="pending")
    raw = quickbooks_of(lacking(standing(order), None), accounts)
    (sent,) = [msgspec.json.decode(line) for line in raw.splitlines()]
    assert sent["requestid"] == "REF-S1"
    entry = sent["JournalEntry"]
    assert entry["DocNumber"] == "9" * 18 + "-S1"
    assert (entry["TxnDate"], entry["CurrencyRef"]) == ("2026-11-27", {"value": "USD"})
    first = entry["Line"][0]
    assert (first["Amount"], first["DetailType"]) == (22.5, "JournalEntryLineDetail")
    assert first["JournalEntryLineDetail"] == {
        "PostingType": "Debit",
        "AccountRef": {"value": "33"},
        "Entity": {"Type": "Customer", "EntityRef": {"value": "7"}},
    }
    others = [one["JournalEntryLineDetail"] for one in entry["Line"][1:]]
    assert [one["PostingType"] for one in others] == ["Credit", "Credit"]
    assert not any("Entity" in one for one in others)


def test_a_name_is_as_long_as_a_request_id_may_be() -> None:
    """QuickBooks takes 50 characters; a reference has 35."""
    (sale, *_) = lacking(standing(an_order()), None)
    most = replace(sale, reference="R" * REFERENCE_LENGTH, number=9_999)
    assert len(name_of(most)) <= 50
