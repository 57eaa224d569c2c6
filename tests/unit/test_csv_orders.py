"""Rows become orders as a whole or not at all; whatever is wrong is said in a clerk's words."""

from __future__ import annotations

import io
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from adapters.channels.csv import orders
from adapters.channels.csv.orders import Found
from adapters.channels.csv.rows import open_sheet
from schemas.contracts import refusals
from schemas.contracts.refusals import REASONS, Refused
from schemas.order.canonical import Discount, Order
from tests.csv_files import HEAD, a_file, a_row, another, read, surveyed, the_one

BERLIN = ZoneInfo("Europe/Berlin")


def placed(*rows: dict[str, str], **reading: Any) -> Order:
    found = the_one(a_file(*rows), **reading)
    assert found.order is not None, found.sentences
    return found.order


def refused(*rows: dict[str, str], **reading: Any) -> Found:
    found = the_one(a_file(*rows), **reading)
    assert found.order is None
    assert found.reason in REASONS
    assert found.sentences
    assert all(one[0].isupper() and one.endswith(".") for one in found.sentences), found
    return found


def told(*rows: dict[str, str], **reading: Any) -> str:
    return " ".join(refused(*rows, **reading).sentences)


def test_a_whole_order() -> None:
    """Fields of the order stand in one row or in each; lines have ids by their place."""
    both = placed(a_row(total="37.95"), another())
    again = placed(a_row(total="37.95"), {**a_row(total="37.95"), **another(title="")})
    assert both == again
    assert [(x.line_id, x.sku, x.title, x.total_minor) for x in both.lines] == [
        ("1", "MUG-BLUE", "Blue mug", 2500), ("2", "TEA", "TEA", 800),
    ]  # fmt: skip
    assert both.totals.total_minor == 3795
    assert both.updated_at == both.placed_at
    assert both.ship_to is not None
    assert both.ship_to.lines == ("1 Book Street",)


def test_totals_are_the_files_and_must_add_up() -> None:
    """What is left out is summed from the lines; what is stated is checked against them."""
    row = a_row(unit_price="10", line_discount="1.50", line_tax="1.00", discount_code="SPRING",
                tax="", shipping="", total="19.50", **{"attribute.Gift Wrap": "red"})  # fmt: skip
    order = placed(row)
    totals = order.totals
    assert (totals.subtotal_minor, totals.discount_minor, totals.tax_minor) == (2000, 150, 100)
    assert order.discounts == (Discount(amount_minor=150, code="SPRING"),)
    assert order.attributes == {"Gift Wrap": "red"}
    assert refused({**row, "total": "19.51"}).reason == refusals.TOTAL_MISMATCH
    assert "the difference is 0.01 USD" in told({**row, "total": "19.51"})
    assert "more than the line costs" in told(a_row(line_discount="99"))


@pytest.mark.parametrize(
    ("cells", "words"),
    [
        ({"quantity": "2.5"}, 'The quantity in row 2 is "2.5", but a whole number was expected.'),
        ({"quantity": "0"}, "but 1 to 1,000,000 was expected"),
        ({"unit_price": "1e400"}, "but an amount like 1234.50 was expected"),
        ({"unit_price": "NaN"}, "but an amount like"),
        ({"unit_price": "١٢"}, "but an amount like"),
        ({"unit_price": "1,234.50"}, "state that the file has decimal commas"),
        ({"unit_price": "$12.50"}, "without a currency"),
        ({"unit_price": "12.505"}, "finer than USD's 2 decimal places"),
        ({"unit_price": "9999999999999999"}, "or too large"),
        ({"shipping": "-1"}, "amounts are not negative"),
        ({"currency": "JPY"}, "finer than JPY's 0 decimal places"),
        (
            {"currency": "dollars"},
            'The currency in row 2 is "dollars", but 3 letters were expected.',
        ),
        ({"currency": "ZZZ"}, "ISO 4217"),
        ({"ship_to_country": "XX"}, "ISO 3166-1"),
        ({"ship_to_country": "1A"}, "but 2 letters were expected"),
        ({"payment": "later"}, "but one of pending, authorized"),
        ({"test": "perhaps"}, "but yes or no was expected"),
        ({"placed_at": ""}, "The placed_at in row 2 is empty; fill it in."),
        ({"sku": ""}, "The sku in row 2 is empty; fill it in."),
        ({"sku": "x" * 256}, "The sku in row 2 has 256 characters; 255 are the most."),
        ({"ref": "a\nb"}, "a control character or a line break"),
        ({"title": "nul\0"}, "a control character"),
        ({"ref": "1.23457E+12"}, "a number that a spreadsheet has shortened"),
        ({"customer_reference": "4,2E+07"}, "a number that a spreadsheet has shortened"),
        ({"sku": "2-Jan"}, "a day that a spreadsheet has made of it"),
        ({"number": "Mar-99"}, "a day that a spreadsheet has made of it"),
        ({"sku": "01. Feb"}, "a day that a spreadsheet has made of it"),
        ({"sku": "Mrz 26"}, "a day that a spreadsheet has made of it"),
        ({"sku": "02-janv"}, "a day that a spreadsheet has made of it"),
        ({"sku": "févr.-26"}, "a day that a spreadsheet has made of it"),
        ({"title": "#N/A"}, "shows where a formula failed"),
        ({"phone": "########"}, "or a column is too narrow"),
        ({"ship_to_postal_code": "213"}, "postal code of the shipping address"),
        ({"ship_to_name": ""}, "The ship_to_name is empty, but other fields of that address"),
        ({"email": "nobody"}, "form name@domain"),
        ({"bill_to_city": "Bonn"}, "The bill_to_line1 is empty"),
    ],
)
def test_a_cell_that_can_not_be_read_is_told(cells: dict[str, str], words: str) -> None:
    """Nothing is guessed: each fault names its column, its row, and what was expected."""
    assert words in told(a_row(**cells))


@pytest.mark.parametrize(
    ("cells", "words"),
    [
        ({"sku": "1050.0"}, "which a spreadsheet makes of a whole number"),
        ({"sku": "4.00E+05"}, "a number that a spreadsheet has shortened"),
        ({"ship_to_postal_code": "1.00E+05"}, "a number that a spreadsheet has shortened"),
        ({"ship_to_line2": "2-Jan"}, "a day that a spreadsheet has made of it"),
        ({"ship_to_postal_code": "Feb-39"}, "a day that a spreadsheet has made of it"),
        ({"quantity": "2.000"}, "but a whole number was expected"),
    ],
)
def test_what_a_spreadsheet_made_of_a_value_is_told(cells: dict[str, str], words: str) -> None:
    """An article, or a street's number, that may have been another is not made up."""
    assert words in told(a_row(**cells))


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("12075550142.0", "12075550142"),
        ("'+12075550142", "+12075550142"),
        ('="012075550142"', "012075550142"),
    ],
)
def test_a_phone_number_that_became_an_amount_is_corrected(typed: str, kept: str) -> None:
    """Its digits are all there, in any of an order's phone numbers."""
    order = placed(a_row(phone=typed, ship_to_phone=typed))
    assert order.ship_to is not None
    assert (order.customer.phone, order.ship_to.phone) == (kept, kept)
    assert order.attributes == {}


@pytest.mark.parametrize("typed", ["1.20756E+10", "1,20756E+10", "1E+10"])
def test_a_phone_number_that_was_shortened_is_left_out_and_noted(typed: str) -> None:
    """Its digits are gone, and the order does not wait for them: whoever looks at it is told."""
    order = placed(a_row(phone=typed, ship_to_phone=typed))
    assert order.ship_to is not None
    assert (order.customer.phone, order.ship_to.phone) == ("", "")
    noted = order.attributes["orderwright.doubt.phone_invalid"]
    assert noted == (
        "The phone in row 2 was shortened by a spreadsheet. The ship_to_phone in row 2 was "
        "shortened by a spreadsheet. It is left out: ask for it."
    )


def test_numbers_that_became_amounts_are_corrected() -> None:
    """A postal code, an order's reference and number, a customer's, a quantity and a yes, each with
    the decimal that a spreadsheet writes behind whole numbers; `="…"` is how some keep a text."""
    typed = a_row(
        ref="1001.0", number="1001.0", customer_reference="42.0", quantity="2.0", test="0.0",
        ship_to_country="US", ship_to_region="MA", ship_to_postal_code="2139.0",
    )  # fmt: skip
    order = placed(typed)
    assert order.ship_to is not None
    assert (order.ref, order.number, order.customer.reference) == ("1001", "1001", "42")
    assert (order.ship_to.postal_code, order.lines[0].quantity) == ("02139", 2)
    text = placed({**typed, "ref": '="1001"', "ship_to_postal_code": "'02139", "sku": '="007"'})
    assert text.ship_to is not None
    assert (text.ref, text.ship_to.postal_code, text.lines[0].sku) == ("1001", "02139", "007")


def test_rows_of_one_order_are_known_by_their_corrected_reference() -> None:
    """Some rows were typed and some came from a spreadsheet's column of numbers."""
    order = placed(a_row(ref="1001", total="37.95"), another(ref="1001.0"))
    assert (order.ref, len(order.lines)) == ("1001", 2)


def test_all_faults_of_an_order_are_told_at_once() -> None:
    """A clerk fixes them in one go; beyond twenty it says that there are more."""
    found = refused(a_row(quantity="x", payment="x", total="x"))
    assert len(found.sentences) == 3
    many = refused(a_row(), *[another(quantity="x", unit_price="y") for _ in range(30)])
    assert len(many.sentences) == 21
    assert many.sentences[-1].startswith("There are more faults")


@pytest.mark.parametrize(
    ("text", "zone", "expected"),
    [
        ("2026-11-27T09:30:00+01:00", None, "2026-11-27T09:30:00+01:00"),
        ("2026-11-27 09:30Z", None, "2026-11-27T09:30:00Z"),
        ("2026-11-27t09:30:00.5+0100", None, "2026-11-27T09:30:00.500000+01:00"),
        ("2026-11-27 09:30", BERLIN, "2026-11-27T09:30:00+01:00"),
        ("2026-07-27", BERLIN, "2026-07-27T00:00:00+02:00"),
        ("2026-11-27 09:30", None, "without a zone; write Z or an offset"),
        ("2026-10-25 02:30", BERLIN, "skip or have twice"),
        ("2026-03-29 02:30", BERLIN, "skip or have twice"),
        ("27.11.2026", BERLIN, "year, month and day in this order"),
        ("11/27/2026", BERLIN, "year, month and day in this order"),
        ("2026-02-30T00:00:00Z", None, "on no calendar"),
        ("2026-11-27Z", None, "add the time"),
        ("0001-01-01", BERLIN, "too far from our time"),
        ("46353.5", BERLIN, "year, month and day in this order"),
    ],
)
def test_times(text: str, zone: ZoneInfo | None, expected: str) -> None:
    """A time names one moment, by its own zone or by the one stated for the file."""
    row = a_row(placed_at=text)
    if expected[:2] == "20":
        assert placed(row, zone=zone).placed_at == expected
    else:
        assert expected in told(row, zone=zone)


def test_decimal_commas() -> None:
    """Only where they are stated; then the point parts nothing."""
    row = a_row(unit_price="12,50", shipping="4,95", total="29,95", tax="0")
    assert placed(row, decimal_comma=True).totals.total_minor == 2995
    assert "1234,50" in told(a_row(unit_price="12.50", shipping="0", total="25,00", tax="0"),
                             decimal_comma=True)  # fmt: skip


def test_rows_that_contradict() -> None:
    """Two rows of one order that say different things refuse it."""
    found = refused(a_row(), another(currency="EUR"))
    assert found.reason == refusals.CSV_MALFORMED
    assert "The currency in row 3 is another than in row 2" in found.sentences[0]
    assert (found.first_row, found.last_row) == (2, 3)


def test_rows_that_stand_apart_refuse_both_parts() -> None:
    """An order is never placed with half of its lines; the orders between go on."""
    parts = read(a_file(a_row("A"), a_row("B"), another("A", unit_price="0"), a_row("C")))
    assert [(x.ref, x.order is None) for x in parts] == [
        ("A", True), ("B", False), ("A", True), ("C", False),
    ]  # fmt: skip
    assert "stand elsewhere in the file too" in parts[0].sentences[0]
    assert parts[0].reason == refusals.CSV_MALFORMED


def test_a_broken_row_refuses_whom_it_may_belong_to() -> None:
    """Where its ref can be read, that order; else the ones before and after it."""
    lines = a_file(a_row("A"), a_row("B"), a_row("C"), a_row("D")).decode().splitlines()
    lines.insert(3, 'B,"open')
    lines.insert(2, '"open')
    found = read("\n".join(lines).encode())
    assert [(x.ref, x.order is None) for x in found] == [
        ("A", True), ("B", True), ("C", False), ("D", False),
    ]  # fmt: skip
    assert "Row 3 can't be read" in found[0].sentences[0]
    assert "Row 3, just before this order" in found[1].sentences[0]
    assert "Row 5 can't be read" in found[1].sentences[1]


def test_ragged_rows_and_rows_without_ref() -> None:
    """Too few cells, too many, and no ref: each is told and refuses its order, no other."""
    lines = a_file(a_row("A"), a_row("B"), a_row("C")).decode().splitlines()
    few, many, without = "B,x", lines[3] + ",more", "," * (len(HEAD) - 2) + "x,"
    found = read("\n".join([*lines[:3], few, many, without]).encode())
    assert [(x.ref, x.order is None, x.first_row, x.last_row) for x in found] == [
        ("A", False, 2, 2), ("B", True, 3, 4), ("C", True, 5, 6),
    ]  # fmt: skip
    assert "Row 4 has 2 cells, but the header names" in found[1].sentences[0]
    assert "for which the header has no name" in found[2].sentences[0]
    assert "Row 6 has no ref" in found[2].sentences[1]
    alone = read("\n".join([lines[0], without, lines[1]]).encode())
    assert [(x.ref, x.reason) for x in alone] == [("", refusals.REF_MISSING), ("A", "")]


def test_bounds_of_one_order() -> None:
    """More lines or text than an order may have refuse it, without keeping them."""
    lines = [a_row(), *[another(unit_price="0")] * 600]
    assert "more than 600 rows" in told(*lines)
    notes = [another(**{f"attribute.{n}": "x" * 5000 for n in range(12)}) for _ in range(20)]
    assert refused(a_row(), *notes).reason == refusals.TOO_LARGE


def test_bounds_of_a_file(monkeypatch: pytest.MonkeyPatch) -> None:
    """A file of too many rows, or in no order at all, is refused before anything is placed."""
    raw = a_file(*[a_row(f"A-{n % 3}") for n in range(9)])
    monkeypatch.setattr(orders, "MAX_APART", 2)
    with pytest.raises(Refused, match="sort the file by ref"):
        surveyed(raw)
    with pytest.raises(Refused, match="more than 8 rows; split it"):
        orders.survey(open_sheet(io.BytesIO(raw)), 8)


def test_the_digest_is_of_the_order_and_not_of_the_bytes() -> None:
    """The same order saved another way is the same delivery; another order is another."""
    plain = the_one(a_file(a_row()))
    saved = the_one(a_file(a_row(quantity="2", unit_price="12.5"), delimiter=";"))
    assert plain.digest == saved.digest
    assert plain.digest != the_one(a_file(a_row(note="x"))).digest


@pytest.mark.parametrize(
    ("country", "typed", "kept"),
    [
        ("US", "2139", "02139"), ("PR", "901", "00901"), ("US", "40507", "40507"),
        ("DE", "1067", "01067"), ("NO", "150", "0150"), ("US", "901", "00901"),
        ("IT", "118", "00118"), ("FI", "100", "00100"), ("NO", "1", "0001"),
        ("SG", "18956", "018956"), ("BR", "1310100", "01310100"), ("ZA", "1", "0001"),
    ],
)  # fmt: skip
def test_zeros_that_a_spreadsheet_dropped_come_back(country: str, typed: str, kept: str) -> None:
    """Of a postal code with a fixed number of digits what is left can have been nothing else."""
    row = a_row(
        ship_to_country=country, ship_to_postal_code=typed, ship_to_city="Town",
        ship_to_region={"US": "MA", "IT": "RM", "BR": "SP"}.get(country, ""),
    )  # fmt: skip
    ship_to = placed(row).ship_to
    assert ship_to is not None
    assert ship_to.postal_code == kept


@pytest.mark.parametrize(("country", "typed"), [("CH", "801"), ("US", "139"), ("US", "213A")])
def test_a_postal_code_that_may_be_another_is_refused(country: str, typed: str) -> None:
    """What could have been anything is not made up."""
    region = "MA" if country == "US" else ""
    row = a_row(ship_to_country=country, ship_to_region=region, ship_to_postal_code=typed)
    assert refused(row).reason == refusals.ADDRESS_FORMAT_INVALID


@pytest.mark.parametrize(
    ("country", "region", "code", "city"),
    [
        ("SG", "", "018956", "Singapore"), ("HK", "Kowloon", "", "Hong Kong"),
        ("MC", "", "98000", "Monaco"), ("AE", "Dubai", "", "Dubai"),
    ],
)  # fmt: skip
def test_a_city_state_is_its_own_city(country: str, region: str, code: str, city: str) -> None:
    """People leave the city out where the country is it; a stated city stays."""
    for stated, wanted in (("", city), ("Old Town", "Old Town")):
        row = a_row(
            ship_to_country=country, ship_to_region=region, ship_to_postal_code=code,
            ship_to_city=stated,
        )  # fmt: skip
        ship_to = placed(row).ship_to
        assert ship_to is not None
        assert ship_to.city == wanted
