"""A CSV file is read row by row: what is broken stays one row, and its number is known."""

from __future__ import annotations

import tracemalloc

import pytest

from adapters.channels.csv.columns import COLUMNS, MAX_COLUMNS, template
from adapters.channels.csv.rows import MAX_ROW_CHARACTERS
from schemas.contracts import published
from schemas.contracts.refusals import CSV_MALFORMED, Refused
from tests.csv_files import HEAD, a_file, a_row, read_rows, surveyed

NAMES = ",".join(HEAD)
WIDE = "," * (len(HEAD) - 1)


def sheet(*lines: str, end: str = "\n") -> bytes:
    return end.join((NAMES, *lines)).encode()


def refusal(raw: bytes, encoding: str = "utf-8") -> str:
    with pytest.raises(Refused) as caught:
        read_rows(raw, encoding)  # type: ignore[arg-type]  # also encodings that no one may state
    assert caught.value.reason == CSV_MALFORMED
    assert all(one.endswith(".") for one in caught.value.sentences)
    return " ".join(caught.value.sentences)


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_line_ends_quotes_and_empty_rows(end: str) -> None:
    """Each line end is one; quotes keep delimiters, quotes and lines; rows keep their numbers."""
    raw = sheet(f'a,"x, ""y"" and\nz"{WIDE}', "", WIDE, f"b,plain{WIDE}", end=end)
    first, last = read_rows(raw)
    assert (first.number, first.cells[:2]) == (2, ["a", 'x, "y" and\nz'])
    assert (last.number, last.cells[:2]) == (5, ["b", "plain"])
    assert not first.fault + last.fault


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("before", [b"", b"\xef\xbb\xbf"])
@pytest.mark.parametrize("hint", [False, True])
def test_delimiter_and_byte_order_mark(delimiter: str, before: bytes, hint: bool) -> None:
    """The delimiter is the one that makes columns of the header; a mark or Excel's `sep=` is
    passed over."""
    raw = a_file(a_row(note="a,b;c\td"), delimiter=delimiter)
    if hint:
        raw = f"sep={delimiter}\r\n".encode() + raw
    (row,) = read_rows(before + raw)
    assert row.cells[0] == "A-1"
    assert row.cells[-1] == "a,b;c\td"


def test_a_lone_quote_costs_its_own_row() -> None:
    """Whatever follows an open quote is read; text behind a closing quote is told as such."""
    bad = f'b,"open{WIDE}'
    rows = read_rows(sheet(f"a{WIDE}", bad, f"c{WIDE}", f'd,"x"y{WIDE}', f'e,5" pipe{WIDE}'))
    assert [(row.number, row.cells[0], bool(row.fault)) for row in rows] == [
        (2, "a", False), (3, "b", True), (4, "c", False), (5, "d", True), (6, "e", False),
    ]  # fmt: skip
    assert "a quote is not closed" in rows[1].fault
    assert "goes on behind its closing quote" in rows[3].fault
    assert rows[4].cells[1] == '5" pipe'


def test_a_quote_that_is_never_closed_in_a_long_file() -> None:
    """It costs its row and no more memory than the bound, however much follows."""
    raw = sheet('a,"open', *[f"b{number}{WIDE}" for number in range(20_000)])
    tracemalloc.start()
    rows = read_rows(raw)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert [bool(row.fault) for row in rows] == [True] + [False] * 20_000
    assert rows[-1].number == 20_002
    assert peak < 40_000_000


def test_a_row_beyond_the_bound_is_skipped() -> None:
    """A line without end is one row that is refused; the next one is read."""
    long = "x" * (3 * MAX_ROW_CHARACTERS)
    rows = read_rows(sheet(f"a,{long}{WIDE}", f"b{WIDE}", f'c,"{long}"{WIDE}', f"d{WIDE}"))
    assert [(row.number, bool(row.fault)) for row in rows] == [
        (2, True), (3, False), (4, True), (5, False),
    ]  # fmt: skip


def test_what_is_no_csv_says_what_it_is() -> None:
    """Workbooks, UTF-16 and emptiness are refused as a whole, each in its own words."""
    assert "UTF-16" in refusal(NAMES.encode("utf-16"))
    assert "workbook" in refusal(b"PK\x03\x04 and so on")
    assert "first row is empty" in refusal(b"")
    assert "first row is empty" in refusal(b"\n\n")
    assert "header can't be read" in refusal(b'ref,"sku\nA,B\n')
    assert "the most a file may have" in refusal(("x," * (MAX_COLUMNS + 1)).encode())


def test_encodings() -> None:
    """UTF-8 or what is stated; each wrong statement names the line and the way out."""
    raw = a_file(a_row("A", customer_name="Zoë"), a_row("B")).decode()
    assert "Zoë" in read_rows(raw.encode())[0].cells
    assert "Zoë" in read_rows(raw.encode("cp1252"), "cp1252")[0].cells
    assert "Line 2 has a character that is not in UTF-8" in refusal(raw.encode("cp1252"))
    assert "state the encoding cp1252" in refusal(raw.encode("cp1252"))
    assert "is in UTF-8, not in cp1252" in refusal(raw.encode(), "cp1252")
    broken = raw.encode("cp1252") + b"\x81"
    assert "Line 4 has a character that is not in cp1252" in refusal(broken, "cp1252")
    assert len(read_rows(a_file(a_row()), "cp1252")) == 1


def test_a_header_says_everything_that_is_wrong() -> None:
    """Unknown columns with the nearest known one, repeated ones, and all that are missing."""
    told = refusal(b"ref,Ship to zip,quantty,foo bar,ref,sku,attribute.,total\n")
    assert '"quantty", which is unknown; the nearest known is quantity.' in told
    assert '"foo bar", which is unknown; call it attribute.NAME to keep it.' in told
    assert '"attribute.", which is unknown' in told
    assert 'the column "ref" twice, at 1 and 5' in told
    for name in ("placed_at", "currency", "payment", "quantity", "unit_price"):
        assert f"lacks the column {name} (" in told


def test_a_header_is_read_as_people_write_it() -> None:
    """Case, blanks and hyphens don't matter; names that are empty have empty cells."""
    raw = a_file(a_row()).decode()
    head, _, rest = raw.partition("\n")
    written = head.strip().upper().replace("_", " ").replace("SHIP TO", "Ship-To")
    assert surveyed(f"{written},,\n{rest.strip()},,\n".encode()).orders == 1


def test_the_columns_are_the_canonical_order() -> None:
    """Each column's place is a field of the published order, with the same bound of characters."""
    schema = published.all_schemas()["order.v1"]
    for column in COLUMNS:
        at = schema["$defs"]["Line"] if column.of_line else schema
        for step in column.place.split("."):
            at = at["items"] if step.isdigit() else at["properties"][step]
            for one in at.get("anyOf", ()):
                at = one if "$ref" in one else at
            if "$ref" in at:
                at = schema["$defs"][at["$ref"].rpartition("/")[2]]
        if column.kind == "text":
            assert at["maxLength"] == column.most, column.name
    assert {len(row) for row in template()} == {len(HEAD)}
