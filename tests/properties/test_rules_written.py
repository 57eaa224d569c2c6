"""Rules written as text read as the same rules."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from schemas.contracts.rules import Rule, Rules, Table
from service.rules.file import read_sent
from service.rules.written import csv_of, file_of, written

NAMES = st.from_regex(r"[a-z0-9][a-z0-9-]{0,9}", fullmatch=True)
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=30).filter(
    lambda text: "\r\n" not in text
)
CONDITIONS = st.one_of(
    TEXTS.filter(bool),
    st.sampled_from(
        [
            'away == "abroad"',
            "order.note == 'it''s'",
            "units > 1 &&\n  units < 9",
            "'''\"\"\"\\",
            "ends with '",
            "[[route]]\nname = 'x'",
        ]
    ),
)
RULES = st.builds(
    Rule,
    name=NAMES,
    when=CONDITIONS,
    why=TEXTS,
    place=TEXTS,
    hold=TEXTS,
    only=st.booleans(),
    accept=st.booleans(),
    mails=st.one_of(st.none(), st.lists(NAMES, max_size=3).map(tuple)),
    priority=st.integers(0, 9),
)
CELLS = TEXTS.map(lambda text: text.replace("\r", "").strip())
COLUMNS = CELLS.map(lambda text: text.replace("\n", "").replace("\ufeff", "")).filter(bool)


@st.composite
def tables(draw: st.DrawFn) -> Table:
    """A table as it was read: its cells have no spaces around them."""
    columns = draw(st.lists(COLUMNS, min_size=2, max_size=4))
    row = st.lists(CELLS, min_size=1, max_size=4).map(tuple)
    return Table(columns=tuple(columns), rows=tuple(draw(st.lists(row, max_size=4))))


SOME = st.lists(RULES, max_size=3).map(tuple)
DOCUMENTS = st.builds(
    Rules,
    route=SOME,
    review=SOME,
    notify=SOME,
    tables=st.dictionaries(NAMES, tables(), max_size=2),
)


def read(rules: Rules) -> Rules:
    """Write rules, and read what was written."""
    files = {file_of(name): csv_of(table) for name, table in rules.tables.items()}
    found = read_sent(written(rules), files)
    assert found.findings == ()
    return found.rules


@given(DOCUMENTS)
def test_what_is_written_reads_as_the_same(rules: Rules) -> None:
    """Whatever quotes, breaks and signs conditions, texts and tables have."""
    assert read(rules) == rules
