"""The small pure parts: the plan, the ledger, timers."""

from __future__ import annotations

import pytest

from actors.kernel import ledger
from actors.kernel.ledger import LedgerBroken
from actors.kernel.tables import Row, Table
from actors.order.timers import MAX_TIMERS
from actors.stock.plan import OpenLine, Planned, plan
from schemas.messages import effects as f
from schemas.messages import events as e
from schemas.messages import inputs as i
from schemas.messages.base import Move, Wish
from tests.given import F1, REF, a_line, a_parcel, given_placed, given_released, order_of, packed

CUPS = OpenLine(0, "CUP", "parcel", 3)
JARS = OpenLine(1, "JAR", "parcel", 1)
CARD = OpenLine(2, "CARD", "digital", 1)


def test_the_first_plan_is_hopeful() -> None:
    """Everything that travels leaves the first place; the rest needs none."""
    assert plan((CUPS, CARD, JARS), ("A", "B"), ()) == (
        Planned("A", "parcel", ((0, 3), (1, 1))),
        Planned("", "digital", ((2, 1),)),
    )


def test_without_a_place_nothing_travels() -> None:
    """Such units are somebody else's."""
    assert plan((CUPS,), (), ()) == ()


@pytest.mark.parametrize(
    ("seen", "places"),
    [
        ((("A", "CUP", 3), ("A", "JAR", 0), ("B", "JAR", 1)), {"A": 3, "B": 1}),
        ((("A", "CUP", 1), ("B", "CUP", 2), ("B", "JAR", 1)), {"B": 3, "A": 1}),
        ((("A", "CUP", 0), ("B", "CUP", 9), ("B", "JAR", 9)), {"B": 4}),
        ((("A", "CUP", -1), ("A", "JAR", -1)), {"A": 4}),
    ],
)
def test_a_snapshot_splits_units_over_few_places(
    seen: tuple[tuple[str, str, int], ...], places: dict[str, int]
) -> None:
    """The place that has most goes first; a SKU that no one counts is always there."""
    made = plan((CUPS, JARS), ("A", "B"), tuple(f.Seen(*row) for row in seen))
    assert {one.place: sum(q for _, q in one.units) for one in made} == places
    assert not any(one.waits for one in made)


def test_what_no_place_has_waits_together() -> None:
    """Two lines of one SKU share what there is of it."""
    twice = OpenLine(3, "CUP", "parcel", 2)
    made = plan((CUPS, twice), ("A",), (f.Seen("A", "CUP", 4),))
    assert made == (
        Planned("A", "parcel", ((0, 3), (3, 1))),
        Planned("A", "parcel", ((3, 1),), waits=True),
    )


def test_no_account_falls_below_zero() -> None:
    """A move of what is not there is a programmer's error."""
    with pytest.raises(LedgerBroken, match="can't go from open to allocated"):
        ledger.enter({"q": 1}, Move(0, 1, ledger.OPEN, ledger.ALLOCATED))


def test_moves_keep_the_books_balanced() -> None:
    """Also excess, and units that were removed."""
    counts: dict[str, int] = {}
    sums = {"q": 5, "o": 5}
    for source, to, quantity in (
        ("ordered", "open", 2),
        ("added", "open", 1),
        ("open", "allocated", 3),
        ("allocated", "travelling", 2),
        ("excess", "travelling", 1),
        ("allocated", "open", 1),
        ("open", "removed", 1),
        ("travelling", "delivered", 3),
    ):
        before = dict(counts)
        ledger.enter(counts, Move(0, quantity, source, to))
        ledger.add_up(sums, before, counts)
        assert ledger.is_balanced(counts)
    assert counts == {"q": 2, "p": 1, "x": 1, "m": 1, "d": 3}
    assert sums == {"q": 7, "o": 5, "p": 1, "x": 1, "m": 1, "d": 3}
    assert ledger.ordered(counts) == 2


def test_a_wish_ends_with_the_units_it_is_about() -> None:
    """Moved where it wanted, or gone before it could."""
    counts = {"q": 2, "a": 2}
    ledger.wish(counts, Wish(0, 2, ledger.CANCELLED))
    assert ledger.wished(counts) == 2
    ledger.enter(counts, Move(0, 1, ledger.ALLOCATED, ledger.OPEN))
    ledger.enter(counts, Move(0, 1, ledger.OPEN, ledger.CANCELLED))
    assert ledger.wished(counts) == 1
    ledger.enter(counts, Move(0, 1, ledger.ALLOCATED, ledger.TRAVELLING))
    ledger.cap(counts)
    assert counts == {"q": 2, "c": 1, "t": 1}


def test_two_rows_for_the_same_stage_and_event_are_refused() -> None:
    """A table has one answer."""
    row = Row("a", "x", e.Picked, "y", "why")
    with pytest.raises(ValueError, match="two rows"):
        Table("thing", (row, row), beside=(), ends=("y",))


def test_timers_are_bounded_and_go_with_their_things() -> None:
    """200 of one order; a hundred parcels each have an alarm and a next question."""
    story = given_placed()
    assert set(story.timers) == {(F1, "due")}
    order = order_of(a_line("1", 150))
    story = given_released(lines=order.lines, totals=order.totals)
    parcels = [a_parcel(f"p{n}", f"NR{n}", l1=1) for n in range(150)]
    story.when(packed(*parcels[:100], complete=False), packed(*parcels[100:]))
    story.when(i.ReportHandedOver(ref=REF, fulfilment=F1, task_id="t"))
    assert len(story.timers) <= MAX_TIMERS
    assert len(story.state.parcels) == 150
