"""Documents of the accounting export come to what orders come to, whatever happens to them."""

from __future__ import annotations

import random
from collections import Counter

from msgspec.structs import replace

from actors.order.state import State
from adapters.postgres.accounting import Document, Standing
from schemas.order.canonical import Order
from service.books.entering import lacking
from service.books.ledger import rows_of
from service.settings.accounts import Accounts
from tests.properties.test_totals import Shop, translated

ACCOUNTS = Accounts()
PAYMENTS = ("pending", "authorized", "partially_paid", "paid", "partially_refunded", "refunded")


def next_of(before: Order, dice: random.Random) -> Order:
    """What the shop may state of the order later: other goods and sums, another payment."""
    shop = Shop(dice.randrange(10**6))
    shop.currency = before.currency
    found = translated(shop.order()[0]).order
    due = dice.randrange(found.totals.total_minor + 1)
    payment = dice.choice(PAYMENTS)
    part = due if payment == "partially_paid" else None
    return replace(found, payment=payment, amount_due_minor=part, ref=before.ref)


def of_account(documents: list[Document], account: str) -> int:
    """What is on an account."""
    rows = (row for one in documents for row in rows_of(one, ACCOUNTS))
    return sum(row.debit_minor - row.credit_minor for row in rows if row.account == account)


def by_part(documents: list[Document], part: str, role: str) -> int:
    """What a role of one part comes to."""
    found = (one.entries for one in documents if one.part == part)
    return sum(minor for entries in found for name, _, minor in entries if name == role)


def standing_of(order: Order, state: State, entered: list[Document]) -> Standing:
    """An order as it stands in the journal."""
    return Standing(
        order_id="O",
        channel="acme-us",
        ref=order.ref,
        number=order.number,
        reference="REF",
        state=state,
        order=order,
        moved_at=None,
        entered=tuple(entered),
    )


def require_sums(documents: list[Document], state: State, last: Order, number: int) -> None:
    """Every document balances, and together they come to what was stated last."""
    for one in documents:
        assert sum(minor for _, _, minor in one.entries) == 0, number
    gone = state.stage == "cancelled" or last.payment == "refunded"
    expected = 0 if gone else 1
    totals = last.totals
    assert by_part(documents, "sale", "receivable") == expected * totals.total_minor, number
    assert of_account(documents, ACCOUNTS.tax) == -expected * totals.tax_minor, number
    assert of_account(documents, ACCOUNTS.duties) == -expected * totals.duty_minor, number
    assert of_account(documents, ACCOUNTS.rounding) == 0, number
    if last.payment == "partially_paid" and not gone:
        assert of_account(documents, ACCOUNTS.receivable) == last.amount_due_minor, number
    elif last.payment in ("paid", "partially_refunded") and not gone:
        assert of_account(documents, ACCOUNTS.receivable) == 0, number
    assert 0 <= of_account(documents, ACCOUNTS.payments) <= totals.total_minor, number


def test_documents_come_to_what_the_order_comes_to() -> None:
    """300 orders, each restated up to four times and some cancelled: every document balances, the
    sums are the last statement's, and nothing more lacks."""
    seen = Counter[str]()
    for number in range(300):
        dice = random.Random(number)
        state = State(stage="accepted", channel="acme-us")
        order = translated(Shop(number).order()[0]).order
        documents: list[Document] = []
        for _ in range(dice.randint(1, 5)):
            found = lacking(standing_of(order, state, documents), None)
            documents += found
            seen.update(one.kind for one in found)
            assert not lacking(standing_of(order, state, documents), None), number
            require_sums(documents, state, order, number)
            order = next_of(order, dice)
            if dice.random() < 0.05:
                state = replace(state, stage="cancelled")
    assert {"sale", "change", "refund", "cancellation", "payment", "payback"} <= set(seen)
