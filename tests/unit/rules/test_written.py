"""Rules written as text, and shown on pages."""

from __future__ import annotations

from actors.rules.lint import Finding
from schemas.contracts.rules import Rule, Rules, Table
from service.rules.file import read_sent
from service.rules.shown import SAMPLE_ROWS, sets_of, tables_of
from service.rules.written import written


def test_a_finding_has_its_line_in_what_is_written() -> None:
    """Also behind a condition of several lines."""
    rules = Rules(
        route=(Rule(name="a", when="units > 1 &&\nunits < 9", place="x"),),
        ship=(Rule(name="b", when="1", carrier="y"),),
    )
    found = read_sent(written(rules), {}).located(
        Finding(set="ship", rule="b", field="when", sentence="?", at=0)
    )
    assert written(rules).split("\n")[found.line - 1] == 'when = "1"'


def test_long_tables_are_shown_by_their_beginning() -> None:
    """And say so; a rule says what it asks for, without what it leaves open."""
    rows = tuple((str(one), "x") for one in range(SAMPLE_ROWS + 1))
    rules = Rules(
        notify=(Rule(name="n", when="true", mails=(), tag="t"),),
        tables={"long": Table(columns=("key", "value"), rows=rows)},
    )
    (table,) = tables_of(rules)
    assert table.is_cut
    assert table.text.count("\n") == SAMPLE_ROWS + 1
    ((shown,),) = [one.rules for one in sets_of(rules, None)]
    assert shown.asks == (("mails", "none"), ("tag", "t"))
    assert shown.fired is None
