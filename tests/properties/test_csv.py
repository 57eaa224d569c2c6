"""Any order that the CSV form can say survives it; any bytes at all are told row by row."""

from __future__ import annotations

import csv
import io
import re

from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from adapters.channels.csv.cells import Reading
from adapters.channels.csv.columns import ATTRIBUTE, COLUMNS, template
from adapters.channels.csv.orders import orders_of, survey
from adapters.channels.csv.rows import open_sheet, rows_of
from schemas.contracts.checks import refuse_order
from schemas.contracts.refusals import REASONS, Refused
from schemas.order.canonical import Address, Customer, Discount, Line, Order, Totals
from schemas.order.money import decimal_text
from tests.csv_files import the_one

FAILED = re.compile("#[A-Z0-9/]+[!?A]|#{3,}", re.IGNORECASE)
"""What a spreadsheet shows where a formula failed, such as #N/A: refused wherever it is."""
CELLS = (
    st.text(
        st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"]) | st.sampled_from('",;\t\n='),
        max_size=12,
    )
    .map(str.strip)
    .filter(lambda text: not FAILED.fullmatch(text))
)
FILLED = CELLS.filter(bool)
SAID = CELLS.filter(lambda text: not text or any(map(str.isalnum, text)))
"""What need not be there: a dash alone says nothing."""
REFS = FILLED.filter(lambda text: not {"\n", "\t"} & set(text))
AMOUNTS = st.integers(0, 10**12)
TIMES = st.datetimes().map(lambda moment: f"{moment:%Y-%m-%dT%H:%M:%S}Z".rjust(20, "0"))
ADDRESSES = st.builds(
    Address,
    name=FILLED,
    lines=st.tuples(FILLED, st.lists(SAID.filter(bool), max_size=3)).map(
        lambda told: (told[0], *told[1])
    ),
    city=SAID,
    country=st.sampled_from(["AO", "QA", "FJ"]),  # whose postal codes are not checked for shape
    company=SAID,
)


@st.composite
def lines(draw: st.DrawFn, number: int) -> Line:
    """A line whose total is whatever the channel says."""
    discount, total = draw(AMOUNTS), draw(AMOUNTS)
    return Line(
        line_id=f"{number}" if draw(st.booleans()) else f"line {number}",
        sku=draw(FILLED),
        title=draw(FILLED),
        quantity=draw(st.integers(1, 1_000_000)),
        unit_price_minor=draw(AMOUNTS),
        total_minor=total,
        discount_minor=discount,
        tax_minor=draw(AMOUNTS),
        requires_shipping=draw(st.booleans()),
        weight_grams=draw(st.integers(0, 100_000_000)),
        tax_code=draw(CELLS),
    )


@st.composite
def orders(draw: st.DrawFn) -> Order:
    """An order of what the form has columns for, whose totals add up."""
    all_lines = tuple(draw(lines(number)) for number in range(1, draw(st.integers(1, 4)) + 1))
    given_off = sum(line.discount_minor for line in all_lines)
    gross = sum(line.total_minor for line in all_lines) + given_off
    off = draw(st.integers(given_off, gross))
    shipping, tax, duty = draw(AMOUNTS), draw(AMOUNTS), draw(AMOUNTS)
    included = draw(st.booleans())
    code, title = draw(CELLS), draw(CELLS)
    return Order(
        ref=draw(REFS),
        number=draw(FILLED),
        placed_at=draw(TIMES),
        updated_at=draw(TIMES),
        currency=draw(st.sampled_from(["USD", "JPY", "KWD"])),
        payment=draw(st.sampled_from(["pending", "paid", "refunded"])),
        lines=all_lines,
        totals=Totals(
            subtotal_minor=gross,
            discount_minor=off,
            shipping_minor=shipping,
            tax_minor=tax,
            duty_minor=duty,
            taxes_included=included,
            total_minor=gross - off + shipping + duty + (0 if included else tax),
        ),
        customer=draw(st.builds(Customer, name=CELLS, reference=CELLS, locale=CELLS)),
        ship_to=draw(ADDRESSES),
        bill_to=draw(st.none() | ADDRESSES),
        shipping_method=draw(CELLS),
        note=draw(CELLS),
        gift_message=draw(CELLS),
        attributes=draw(st.dictionaries(REFS, FILLED, max_size=3)),
        test=draw(st.booleans()),
        discounts=(Discount(amount_minor=off, code=code, title=title),) if code + title else (),
        shipping_tax_code=draw(CELLS),
    )


def cell_of(value: object, currency: str, kind: str) -> str:
    """Write a value as a clerk would."""
    if kind == "money":
        assert isinstance(value, int)
        return decimal_text(value, currency)
    if kind == "flag":
        return "yes" if value else "no"
    return str(value)


def found_at(shape: object, place: str) -> object:
    """Return what stands at a place of an order; None where nothing does."""
    for step in place.split("."):
        if shape is None:
            return None
        if step.isdigit():
            assert isinstance(shape, tuple)
            shape = shape[int(step)] if int(step) < len(shape) else None
        else:
            shape = getattr(shape, step)
    return shape


def written(order: Order, delimiter: str, *, repeat: bool) -> bytes:
    """Write an order in every column there is."""
    names = [column.name for column in COLUMNS] + [ATTRIBUTE + name for name in order.attributes]
    out = io.StringIO()
    writer = csv.writer(out, delimiter=delimiter)
    writer.writerow(names)
    for number, line in enumerate(order.lines):
        cells = []
        for column in COLUMNS:
            value = found_at(line if column.of_line else order, column.place)
            stated = column.of_line or column.name == "ref" or number == 0 or repeat
            text = "" if value is None else cell_of(value, order.currency, column.kind)
            cells.append(text if stated else "")
        writer.writerow(
            cells + [v if not number or repeat else "" for v in order.attributes.values()]
        )
    return out.getvalue().encode()


def is_good(order: Order) -> bool:
    try:
        refuse_order(order)
    except Refused:
        return False
    return True


@given(orders().filter(is_good), st.sampled_from(",;\t"), st.booleans())
@settings(max_examples=60, deadline=None)
def test_an_order_survives_the_way_over_csv(order: Order, delimiter: str, repeat: bool) -> None:
    """Order → CSV → order is the same order, whatever its texts and amounts are."""
    if len({name.strip() for name in order.attributes}) != len(order.attributes):
        order = replace(order, attributes={})
    found = the_one(written(order, delimiter, repeat=repeat))
    assert found.sentences == ()
    assert found.order == order


ROWS = "\n".join(",".join(f'"{cell}"' for cell in row) for row in template()).encode()


@given(st.data())
@settings(max_examples=200, deadline=None)
def test_any_bytes_are_refused_or_told_row_by_row(data: st.DataObject) -> None:
    """Malformed or random files: no other error than a refusal, every row behind the header is in
    an entry, and every refused one has a reason and sentences."""
    raw = bytearray(ROWS * data.draw(st.integers(1, 2)))
    for _ in range(data.draw(st.integers(1, 6))):
        at = data.draw(st.integers(0, len(raw) - 1))
        piece = data.draw(
            st.binary(max_size=3) | st.sampled_from([b'"', b"\n", b",", b'""', b"\0"])
        )
        raw[at : at + data.draw(st.integers(0, 2))] = piece
    try:
        sheet = open_sheet(io.BytesIO(bytes(raw)))
        found = list(orders_of(sheet, survey(sheet), Reading()))
    except Refused:
        return
    told = [number for one in found for number in range(one.first_row, one.last_row + 1)]
    assert told == sorted(set(told))
    assert {row.number for row in rows_of(sheet)} <= set(told)
    for one in found:
        assert (one.order is None) == bool(one.sentences)
        assert one.order is not None or one.reason in REASONS
