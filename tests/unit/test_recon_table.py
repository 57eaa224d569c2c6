"""A run of reconciliation as a table, and a difference as a pair of documents."""

from __future__ import annotations

from typing import Any

from adapters.postgres.recon import Cell, KeptDifference, Total
from service.recon.cases import CAUSES
from service.recon.pages import values_of
from service.recon.table import BOOKS, pair_of, table_of
from tests.appends import NOON


def a_total(channel: str, currency: str, gross: int) -> Total:
    """What was compared of a channel."""
    return Total(
        channel=channel, currency=currency, orders=9, gross_minor=gross, differences=0, off_minor=0
    )


def a_cell(
    cause: str, channel: str, currency: str, count: int, off: int, accepted: int = 0
) -> Cell:
    """What a root cause comes to."""
    return Cell(
        channel=channel,
        currency=currency,
        type=CAUSES[cause].type if cause in CAUSES else "amount",
        cause=cause,
        count=count,
        accepted=accepted,
        off_minor=off,
    )


def a_difference(cause: str, **changes: Any) -> KeptDifference:
    """One difference of 1.50."""
    told: dict[str, Any] = {
        "id": 3, "channel": "acme", "order_id": "01J", "ref": "5001", "number": "#1001",
        "placed_at": NOON, "type": CAUSES[cause].type, "cause": cause, "sides": CAUSES[cause].sides,
        "currency": "USD", "expected_minor": 1_000, "found_minor": 850, "expected": "", "found": "",
        "about": "S-7", "state": "open", "first_run": 1, "last_run": 2, "first_seen_at": NOON,
        "last_seen_at": NOON, "decided_by": "", "decided_why": "", "decided_at": None,
    }  # fmt: skip
    return KeptDifference(**{**told, **changes})


def test_causes_stand_by_channel_and_currency() -> None:
    """Each field has its count, amount and percent of its own channel's gross; the last line has
    the sums, and lines come in the order in which causes are documented."""
    totals = [a_total("b", "EUR", 50_000), a_total("a", "USD", 200_000)]
    cells = [
        a_cell("credited_twice", "a", "USD", 1, 500, accepted=2),
        a_cell("order_not_in_shop", "a", "USD", 2, 1_500),
        a_cell("order_not_in_shop", "b", "EUR", 1, 25),
    ]
    table = table_of(totals, cells)
    assert [(one.channel, one.currency) for one in table.columns] == [("a", "USD"), ("b", "EUR")]
    assert [one.cause for one in table.lines] == ["order_not_in_shop", "credited_twice"]
    first, second = table.lines
    assert [(x.count, x.off_minor, x.percent) for x in first.fields if x] == [
        (2, 1_500, 0.75),
        (1, 25, 0.05),
    ]
    assert second.fields[1] is None
    assert second.fields[0] is not None
    assert second.fields[0].accepted == 2
    assert [(x.all.count, x.all.off_minor, x.all.percent) for x in table.columns] == [
        (3, 2_000, 1.0),
        (1, 25, 0.05),
    ]


def test_what_belongs_to_no_compared_order_has_a_column() -> None:
    """A currency in which nothing was sold has no percent; a cause of another version no words."""
    table = table_of([], [a_cell("of_a_newer_version", "a", "JPY", 1, 700)])
    assert [(x.orders, x.gross_minor, x.all.percent) for x in table.columns] == [(0, 0, None)]
    assert [(one.cause, one.words) for one in table.lines] == [("of_a_newer_version", "")]


def test_a_difference_is_a_pair_of_documents() -> None:
    """Each side says its own value under its own id; where our order is what is missing, the shop
    is the one that has something."""
    one = a_difference("goods_booked_differently")
    assert values_of(one) == ("10.00 USD", "8.50 USD", "1.50 USD")
    ours, erp = pair_of(one, "10.00 USD", "8.50 USD")
    assert (ours.book, ours.ids, ours.says) == (BOOKS["journal"], "#1001", "10.00 USD")
    assert (erp.book, erp.ids, erp.says) == (BOOKS["erp"], "S-7", "8.50 USD")
    lost = a_difference("order_not_received", order_id="", about="5002", found="none")
    ours, shop = pair_of(lost, "an order here", "none")
    assert (ours.ids, ours.says) == ("", "none")
    assert (shop.ids, shop.says) == ("5002", "10.00 USD")
    paid, took = pair_of(a_difference("fee_differs"), "10.00 USD", "8.50 USD")
    assert (paid.book, paid.ids) == (BOOKS["shop"], "5001")
    assert (took.book, took.ids) == (BOOKS["gateway"], "S-7")


def test_every_side_of_a_cause_is_a_book() -> None:
    """No root cause is between documents that have no name."""
    assert {side for one in CAUSES.values() for side in one.sides.split("-")} == set(BOOKS)
