"""Every refusal in whole sentences, and the rules beyond the shape."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from msgspec.structs import replace

from adapters.channels.canonical.source import Canonical
from schemas.contracts import checks, refusals, validation
from schemas.contracts.refusals import Refused
from schemas.messages.codec import encode
from schemas.messages.effects import Units
from schemas.messages.inputs import ReportedParcel, ReportShortPicked
from schemas.order.canonical import Address, Order
from schemas.order.things import Key
from tests.given import an_order

# Any: orders as JSON, to be corrupted in every way.
Json = dict[str, Any]


def as_json(order: Order) -> Json:
    """Return an order as its JSON."""
    found: Json = msgspec.json.decode(encode(order))
    return found


def told_after(change: Callable[[Json], object]) -> str:
    """Return the only sentence about an order after one change."""
    value = as_json(an_order())
    change(value)
    (sentence,) = validation.explain("order.v1", value)
    return sentence


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (
            lambda o: o["lines"][1].update(quantity=0),
            "quantity of line 2 (lines[1].quantity) is",
        ),
        (lambda o: o["lines"][1].update(quantity=0), "but at least 1 was expected"),
        (lambda o: o["lines"][0].update(quantity=2.5), "the number 2.5, but a whole number"),
        (lambda o: o["lines"][0].update(quantity="2"), 'the text "2", but a whole number'),
        (lambda o: o["lines"][0].update(colour="red"), 'Line 1 (lines[0]) has "colour"'),
        (lambda o: o["totals"].pop("total_minor"), 'The totals lacks "total_minor"; add it.'),
        (lambda o: o.update(currency="usd"), "three capital letters, such as USD"),
        (lambda o: o.update(payment="perhaps"), 'one of "authorized", "paid"'),
        (lambda o: o.update(lines=[]), "a list of 0, but a list of at least 1"),
        (lambda o: o.update(placed_at="yesterday"), "such as 2026-11-27T09:30:00Z"),
        (lambda o: o.update(ship_to="home"), 'The ship to (ship_to) is the text "home"'),
        (lambda o: o["ship_to"].update(lines=["a"] * 5), "a list of at most 4"),
        (lambda o: o.update(note="x" * 5001), "(5001 characters)"),
        (lambda o: o.update(attributes={"k" * 300: "v"}), "too long; shorten it"),
        (lambda o: o.update(schema="orderwright.order.v9"), '"orderwright.order.v1" was expected'),
        (lambda o: o.update(ref="a\nb"), "without control characters"),
    ],
)
def test_each_fault_is_told_where_what_and_how(
    change: Callable[[Json], object], words: str
) -> None:
    """The sentence names the place, what was found and what was expected."""
    assert words in told_after(change)


def test_every_fault_is_told_at_most_twenty_times() -> None:
    """Several faults are told at once, and a flood of them is cut off with a sentence."""
    value = as_json(an_order())
    value["lines"] = [copy.deepcopy(value["lines"][0]) | {"quantity": 0} for _ in range(30)]
    told = validation.explain("order.v1", value)
    assert len(told) == validation.MAX_SENTENCES + 1
    assert "more faults" in told[-1]
    with pytest.raises(Refused) as caught:
        validation.require("order.v1", value)
    assert caught.value.reason == refusals.SCHEMA_MISMATCH
    assert caught.value.sentences == told


def test_an_unknown_schema_is_a_programmers_error() -> None:
    """A name that is not published raises KeyError, for no payload can fix that."""
    with pytest.raises(KeyError):
        validation.accepts("order.v99", {})


def totals(**changes: object) -> Order:
    """Return the order with changed totals."""
    order = an_order()
    return replace(order, totals=replace(order.totals, **changes))


@pytest.mark.parametrize(
    ("order", "reason", "words"),
    [
        (totals(total_minor=2251), refusals.TOTAL_MISMATCH, "the difference is 0.01 USD"),
        (totals(subtotal_minor=1749), refusals.TOTAL_MISMATCH, "sum to 17.50 USD"),
        (totals(tax_minor=100), refusals.TOTAL_MISMATCH, "is 23.50 USD"),
        (an_order(currency="ZZZ"), refusals.CURRENCY_UNKNOWN, "ZZZ"),
        (an_order(ship_to=None), refusals.SHIP_TO_MISSING, "ship_to"),
        (an_order(lines=(an_order().lines[0],) * 2), refusals.LINE_REPEATED, '"1"'),
        (an_order(placed_at="2026-02-30T00:00:00Z"), refusals.DATE_IMPOSSIBLE, "calendar"),
        (an_order(placed_at="0001-01-01T00:00:00+14:00"), refusals.DATE_IMPOSSIBLE, "calendar"),
        (
            an_order(lines=(replace(an_order().lines[0], sku=" "), an_order().lines[1])),
            refusals.SKU_MISSING,
            'The SKU of the line "1" is blank',
        ),
        (
            an_order(bill_to=Address(name="A", lines=("B",), city="C", country="ZZ")),
            refusals.COUNTRY_UNKNOWN,
            "billing",
        ),
    ],
)
def test_rules_beyond_the_shape_are_refused_by_name(order: Order, reason: str, words: str) -> None:
    """Totals, codes, dates, line ids and the address are checked, each with its reason."""
    with pytest.raises(Refused) as caught:
        checks.refuse_order(order)
    assert caught.value.reason == reason
    assert words in str(caught.value)


def test_totals_with_included_taxes_and_order_discounts_add_up() -> None:
    """Included tax is not added again; a discount of the whole order need not be on lines."""
    checks.refuse_order(an_order())
    checks.refuse_order(totals(tax_minor=300, taxes_included=True))
    checks.refuse_order(totals(discount_minor=250, total_minor=2000))


def test_parcels_that_cannot_exist_are_told() -> None:
    """None, twins, and a hundred-metre parcel are refused in words."""
    good = ReportedParcel(parcel_id="p1", weight_grams=500, length_mm=300)
    assert checks.parcels_possible((good,)) == ()
    assert "1 to 100" in checks.parcels_possible(())[0]
    assert "same parcel_id" in checks.parcels_possible((good, good))[0]
    assert "100000 mm" in checks.parcels_possible((replace(good, length_mm=100_000),))[0]
    empty = replace(good, units=(found("1", 0),))
    assert "0 pieces are named; 1 to 1,000,000" in checks.parcels_possible((empty,))[0]


def found(line_id: str, quantity: int) -> Units:
    """Return how much of a line the warehouse found."""
    return Units(line_id, f"SKU-{line_id}", quantity)


@pytest.mark.parametrize(
    ("units", "words"),
    [
        ((found("1", -1),), 'Of the line "1" -1 pieces are named; 0 to 1,000,000'),
        ((found("1", 2**62),), "0 to 1,000,000 are possible"),
        ((found("1", 1), found("1", 0)), "named twice"),
    ],
)
def test_pieces_that_cannot_be_found_are_told(units: tuple[Units, ...], words: str) -> None:
    """Less than nothing, more than any order has, or one line twice is refused in words."""
    assert words in checks.quantities_possible(units)[0]
    news = ReportShortPicked(ref="1", fulfilment=Key("F1"), task_id="t", found=units)
    with pytest.raises(Refused) as caught:
        Canonical().translate("short-picked", "", encode(news))
    assert caught.value.reason == refusals.QUANTITY_IMPOSSIBLE
    assert checks.quantities_possible((found("1", 1), found("2", 0))) == ()
    assert checks.quantities_possible(()) == ()
