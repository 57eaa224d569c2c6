"""What the warehouse's pages make of an order's parts, and of what was filled into a form."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from msgspec.structs import replace

from actors.order.stream import INITIAL
from adapters.postgres.order_parts import (
    FulfilmentView,
    LabelView,
    OrderParts,
    ParcelView,
    UnitView,
    parts_of,
)
from schemas.messages.effects import Units
from schemas.messages.inputs import ReportPacked, ReportShortPicked
from schemas.order.things import Key
from service.warehouse.reporting import Filled, NotReported, report_of
from service.warehouse.tasks import PackTask, sorted_tasks, tasks_of, to_pick
from tests.given import NOON

F1, K1, L1 = Key("F1"), Key("K1"), Key("L1")
ASKED = {"person": "walter", "asked": "a1" * 32}
"""Who fills in a form, and the form's own name."""
TWO, ONE = UnitView("1", "MUG", 2), UnitView("2", "SCARF", 1)


def fulfilment(**changes: Any) -> FulfilmentView:
    """A fulfilment of two mugs and a scarf that a person has to pack."""
    plain = FulfilmentView(
        key=F1, stage="released", place="main", delivery="parcel", lane="", task_id="",
        units=(TWO, ONE), missing=(), stop="", waiting_for="", outside_ids=(),
    )  # fmt: skip
    return replace(plain, **changes)


def parcel(*units: UnitView) -> ParcelView:
    """A packed parcel of that fulfilment."""
    return ParcelView(
        key=K1, fulfilment=F1, stage="packed", units=units, parcel_id="1", weight_grams=900,
        label="L1", carrier="UPS", tracking_number="1Z", shown=False,
    )  # fmt: skip


def label(stage: str) -> LabelView:
    """Its label."""
    return LabelView(
        key=L1, fulfilment=F1, stage=stage, parcels=(K1,), lane="ups", shipment_id="",
        tracking_numbers=(), stop=False,
    )  # fmt: skip


def parts(*fulfilments: FulfilmentView, **more: Any) -> OrderParts:
    """An order of these fulfilments."""
    return replace(parts_of(INITIAL), fulfilments=fulfilments, **more)


def tasks(
    given: OrderParts, *, number: str = "1", days: int = 0, ours: bool = True
) -> list[PackTask]:
    """Its tasks, of an order that is some days old."""
    return tasks_of(
        given, order_id=f"O{number}", number=number, channel="shop",
        placed_at=NOON - timedelta(days=days), now=NOON, ours={"main"} if ours else (),
    )  # fmt: skip


def test_what_is_not_in_the_house_is_no_task() -> None:
    """Neither what waits for stock or has left, nor what does not travel from here."""
    gone = (fulfilment(stage=stage) for stage in ("planned", "short", "handed_over", "done"))
    away = (fulfilment(delivery=delivery) for delivery in ("digital", "elsewhere"))
    assert tasks(parts(*gone, *away)) == []


def test_only_what_a_person_packs_is_reported_by_a_person() -> None:
    """A system's task has no reports here; neither has one that is not to be packed any more."""
    (by_hand,) = tasks(parts(fulfilment()))
    assert (by_hand.reports.picked, by_hand.reports.short, by_hand.reports.packed) == (True,) * 3
    assert not by_hand.reports.handed_over
    for other in (fulfilment(lane="3pl"), fulfilment(stop="cancelled")):
        (task,) = tasks(parts(other))
        assert not task.reports.any


def test_a_parcel_leaves_once_all_is_packed_and_labelled() -> None:
    """The label counts where we buy it; a pickup is collected and needs none."""
    packed = fulfilment(stage="packed")
    for units, bought, ours, may in (
        ((TWO,), "bought", True, False),
        ((TWO, ONE), "wanted", True, False),
        ((TWO, ONE), "bought", True, True),
        ((TWO, ONE), "wanted", False, True),
    ):
        given = parts(packed, parcels=(parcel(*units),), labels=(label(bought),))
        (task,) = tasks(given, ours=ours)
        assert task.reports.handed_over == may
        assert task.reports.packed == (ONE not in units)
    went_on = (label("skipped"), replace(label("wanted"), key=Key("L2")))
    for labels, may in ((went_on[:1], True), (went_on, False)):
        (task,) = tasks(parts(packed, parcels=(parcel(TWO, ONE),), labels=labels))
        assert task.reports.handed_over == may, "a person went on without it, or buys another"
    pickup = parts(replace(packed, delivery="pickup"), parcels=(parcel(TWO, ONE),))
    (task,) = tasks(pickup)
    assert (task.reports.collected, task.reports.handed_over) == (True, False)


def test_the_most_urgent_comes_first() -> None:
    """Overdue before old before soon before what has time; a day means its end; each says why."""
    given = [
        *tasks(parts(fulfilment()), number="time"),
        *tasks(parts(fulfilment(), ship_by="2099-01-01"), number="later"),
        *tasks(parts(fulfilment()), number="old", days=3),
        *tasks(parts(fulfilment(), ship_by=NOON.isoformat()), number="late"),
        *tasks(parts(fulfilment(), ship_by=(NOON + timedelta(hours=3)).isoformat()), number="soon"),
    ]
    found = sorted_tasks(given)
    assert [one.number for one in found] == ["late", "soon", "old", "later", "time"]
    assert [len(one.urgent) for one in found] == [1, 1, 1, 0, 0]
    assert "already" in found[0].urgent[0]
    assert "3 days" in found[2].urgent[0]


def test_a_pick_list_sums_what_is_still_on_the_shelves() -> None:
    """By SKU over all tasks; picked ones, and those that are not wanted, are not on it."""
    given = [
        *tasks(parts(fulfilment()), number="1"),
        *tasks(parts(fulfilment(units=(TWO,))), number="2"),
        *tasks(parts(fulfilment(stage="picked")), number="3"),
        *tasks(parts(fulfilment(stop="cancelled")), number="4"),
    ]
    assert [(sku, many) for sku, many, _ in to_pick(given)] == [("MUG", 4), ("SCARF", 1)]


def test_a_parcel_says_what_is_in_it_and_whether_more_follows() -> None:
    """All of it completes the task; a part needs the word that another parcel follows."""
    (task,) = tasks(parts(fulfilment()))
    whole = report_of(
        "r", task, "packed", Filled(quantities={"1": "2", "2": "1"}, weight="900"), **ASKED
    )
    assert isinstance(whole, ReportPacked)
    assert (whole.complete, whole.parcels[0].parcel_id) == (True, "a1" * 8)
    assert whole.parcels[0].units == (Units("1", "MUG", 2), Units("2", "SCARF", 1))
    part = Filled(quantities={"1": "1", "2": "0"}, weight="900")
    with pytest.raises(NotReported, match="1 × MUG, 1 × SCARF would be in no parcel"):
        report_of("r", task, "packed", part, **ASKED)
    told = report_of("r", task, "packed", replace(part, more=True), **ASKED)
    assert isinstance(told, ReportPacked)
    assert (told.complete, told.parcels[0].parcel_id) == (False, "a1" * 8)


def test_two_people_at_once_tell_of_two_parcels() -> None:
    """Each form names its own parcel, the same one however often it is sent, and who sends it."""
    (task,) = tasks(parts(fulfilment()))
    filled = Filled(quantities={"1": "2", "2": "0"}, weight="900", more=True)
    walter, again, wanda = (
        report_of("r", task, "packed", filled, person=who, asked=asked)
        for who, asked in (("walter", "0a" * 32), ("walter", "0a" * 32), ("wanda", "0b" * 32))
    )
    assert isinstance(walter, ReportPacked)
    assert isinstance(wanda, ReportPacked)
    assert walter == again
    assert walter.parcels[0].parcel_id != wanda.parcels[0].parcel_id
    assert (walter.person, wanda.person) == ("walter", "wanda")


@pytest.mark.parametrize(
    ("what", "quantities", "weight", "why"),
    [
        ("packed", {"1": "0", "2": "0"}, "900", "empty"),
        ("packed", {"1": "3", "2": "1"}, "900", "from 0 to 2"),
        ("packed", {"1": "-1", "2": "1"}, "900", "is not a number"),
        ("packed", {}, "900", "is not a number"),
        ("packed", {"1": "2", "2": "1"}, "", "weighs"),
        ("packed", {"1": "2", "2": "1"}, "000", "weighs"),
        ("packed", {"1": "2", "2": "1"}, "1e9", "is not a number"),
        ("short", {"1": "2", "2": "1"}, "", "Nothing is missing"),
        ("handed-over", {}, "", "farther"),
        ("dance", {}, "", "farther"),
    ],
)
def test_what_can_t_be_a_report_is_refused_in_words(
    what: str, quantities: dict[str, str], weight: str, why: str
) -> None:
    """Pieces are those of the task, a label needs a weight, and nothing is reported twice."""
    (task,) = tasks(parts(fulfilment()))
    with pytest.raises(NotReported, match=why):
        report_of("r", task, what, Filled(quantities=quantities, weight=weight), **ASKED)


def test_a_short_pick_says_what_was_found() -> None:
    """Line by line, as a warehouse's own report does."""
    (task,) = tasks(parts(fulfilment()))
    told = report_of("r", task, "short", Filled(quantities={"1": "1", "2": "0"}), **ASKED)
    assert isinstance(told, ReportShortPicked)
    assert told.found == (Units("1", "", 1), Units("2", "", 0))


def test_what_is_missing_after_a_first_parcel_can_be_said() -> None:
    """What is in the parcel counts as found; nothing is missing once all is packed."""
    packed = fulfilment(stage="packed")
    (task,) = tasks(parts(packed, parcels=(parcel(TWO),)))
    told = report_of("r", task, "short", Filled(quantities={"1": "2", "2": "0"}), **ASKED)
    assert isinstance(told, ReportShortPicked)
    assert told.found == (Units("1", "", 2), Units("2", "", 0))
    with pytest.raises(NotReported, match="2 × MUG are in parcels already"):
        report_of("r", task, "short", Filled(quantities={"1": "1", "2": "0"}), **ASKED)
    (task,) = tasks(parts(packed, parcels=(parcel(TWO, ONE),)))
    assert not task.reports.short
