"""What lint finds in a file of rules: by name, with its line, and how to fix it."""

from __future__ import annotations

from pathlib import Path

import pytest

from actors.kernel.setup import ABROAD, ANY_METHOD, HOME, Place, Reach
from actors.rules.lint import World
from schemas.contracts.rules import MAX_FILE_BYTES, RulesRefused
from service.rules.examine import MAILS, Examined, examine

UPS = Place(
    name="east",
    warehouse="wms",
    carrier="ups",
    reach=Reach(home="US", offered=frozenset({(ANY_METHOD, HOME), ("express", "CA")})),
)
FEDEX = Place(
    name="east",
    warehouse="wms",
    carrier="fedex",
    reach=Reach(home="US", offered=frozenset({(ANY_METHOD, HOME), (ANY_METHOD, ABROAD)})),
)
EAST = Place(name="east", warehouse="wms", carrier="ups", reach=UPS.reach, others=(FEDEX,))
CUSTOMS = Place(name="customs", warehouse="3pl", carrier="", labels="them")
WORLD = World(places=(EAST, CUSTOMS), carriers=frozenset({"ups", "fedex"}), mails=MAILS)


def examined(tmp_path: Path, text: str, **tables: str) -> Examined:
    """Examine rules with their tables."""
    for name, rows in tables.items():
        (tmp_path / f"{name}.csv").write_text(rows)
    file = tmp_path / "rules.toml"
    file.write_text(text)
    return examine(file, WORLD)


def told(found: Examined) -> list[str]:
    """Return findings as an editor shows them."""
    return [f"{x.line}:{x.column} {x.set} {x.rule}: {x.sentence}" for x in found.findings]


def route(*rules: str) -> str:
    """Return a file of rules of one set."""
    return "\n".join(f"[[route]]\n{one}" for one in rules)


GOOD = """
[[route]]
name = "international"
when = 'away == "abroad"'
place = "customs"
only = true

[[ship]]
name = "high-value"
when = "order.totals.total_minor >= 50000 && away == 'home'"
carrier = "fedex"
tag = "premium"

[[ship]]
name = "by-country"
when = 'has(order.ship_to) && lookup("services", order.ship_to.country, "") != ""'
method = '=has(order.ship_to) ? lookup("services", order.ship_to.country, "") : ""'

[[review]]
name = "many"
when = "units > 500"
hold = "more than 500 units: ask the customer whether that is right"

[tables]
services = "services.csv"
"""


def test_good_rules_have_no_findings(tmp_path: Path) -> None:
    """Ordinary rules pass, and nothing is left out."""
    found = examined(tmp_path, GOOD, services="country,method\nDE,express\nFR,express\n")
    assert found.is_good
    assert told(found) == []
    assert found.left == ()


CASES = {
    "syntax error": (
        route("name = 'a'\nwhen = 'units > '\nplace = 'east'"),
        "3:17 route a: A value is missing here; 'the end' stands there.",
    ),
    "unknown field": (
        route("name = 'a'\nwhen = 'order.nummer == \"1\"'\nplace = 'east'"),
        "3:15 route a: order has no field nummer. Do you mean number?",
    ),
    "wrong type": (
        route("name = 'a'\nwhen = 'order.number > 5'\nplace = 'east'"),
        "3:22 route a: A text is compared with a whole number: they are never the same.",
    ),
    "money and a float": (
        route("name = 'a'\nwhen = 'order.totals.total_minor > 99.5'\nplace = 'east'"),
        ("3:34 route a: order.totals.total_minor is a whole number of minor units (cents): write "
        "10000, not 100.0."),
    ),
    "behind a catch-all": (
        route(
            "name = 'all'\nwhen = 'true'\nplace = 'east'",
            "name = 'a'\nwhen = 'units > 1'\nplace = 'customs'",
        ),
        ("7:0 route a: It is never asked, because all before it matches every order: move all to "
        "the end of the set."),
    ),
    "behind several": (
        route(
            "name = 'some'\nwhen = 'units > 5'\nplace = 'east'",
            "name = 'rest'\nwhen = 'units <= 5'\nplace = 'customs'",
            "name = 'a'\nwhen = 'order.test'\nplace = 'east'",
        ),
        ("11:0 route a: It is never reached: every order that it matches is decided by those "
        "before it together before. Move it up, or remove it."),
    ),
    "contradiction": (
        route(
            "name = 'one'\nwhen = 'units > 5'\nplace = 'east'",
            "name = 'two'\nwhen = '!(units <= 5)'\nplace = 'customs'",
        ),
        ("7:0 route two: It contradicts one: both match the same orders and ask for different "
        "things. Keep one of them."),
    ),
    "contradiction of two sets": (
        route("name = 'one'\nwhen = 'units > 5'\nplace = 'customs'\nonly = true")
        + "\n[[ship]]\nname = 'two'\nwhen = 'units > 7'\ncarrier = 'fedex'",
        "8:0 ship two: It contradicts one of route: fedex buys no labels at customs. Such an",
    ),
    "never": (
        route("name = 'a'\nwhen = '''\n  units > 5 &&\n  units < 3'''\nplace = 'east'"),
        "4:0 route a: No order can ever match it: its parts exclude each other.",
    ),
    "no such place": (
        route("name = 'a'\nwhen = 'units > 5'\nplace = 'eats'"),
        "4:0 route a: There is no place 'eats'. Do you mean east?",
    ),
    "no such carrier": (
        "[[ship]]\nname = 'a'\nwhen = 'units > 5'\ncarrier = 'dhl'",
        "4:0 ship a: There is no carrier 'dhl'. There are: fedex, ups.",
    ),
    "no such mail": (
        "[[notify]]\nname = 'a'\nwhen = 'units > 5'\nmails = ['order_confirm']",
        "4:0 notify a: There is no mail 'order_confirm'. Do you mean order_confirmed?",
    ),
    "a service that does not reach": (
        ("[[ship]]\nname = 'a'\nwhen = 'has(order.ship_to) && order.ship_to.country in "
        "[\"CA\", \"DE\"]'\ncarrier = 'ups'\nmethod = 'express'"),
        ("5:0 ship a: ups has no service for the method 'express' to DE: name one in its "
        "`services`, or take another carrier."),
    ),
    "an action of another set": (
        route("name = 'a'\nwhen = 'units > 5'\ncarrier = 'ups'"),
        "4:0 route a: carrier has no effect in route: write it in ship.",
    ),
    "no action": (
        route("name = 'a'\nwhen = 'units > 5'"),
        "1:0 route a: It asks for nothing: give it one of only, place, priority, tag.",
    ),
    "a fact as an answer": (
        "[[ship]]\nname = 'a'\nwhen = 'units > 5'\nmethod = '=order.note'",
        "4:18 ship a: Only a text that is written out, or a lookup, can be taken, not a fact.",
    ),
    "a name twice": (
        route(*["name = 'a'\nwhen = 'units > 5'\nplace = 'east'"] * 2),
        "6:0 route a: Two rules have this name: rename one.",
    ),
    "a field that no rule has": (
        route("name = 'a'\nwhen = 'units > 5'\nplaces = 'east'"),
        "1:0 route a: places is none of a rule's fields: name, when, why, place",
    ),
    "no condition": (route("name = 'a'\nplace = 'east'"), "1:0 route a: when is missing: add it."),
    "no such set": ("[[routes]]\nname = 'a'", "There is no set routes; there are accept, review"),
    "a division by zero": (
        route("name = 'a'\nwhen = 'units / 0 > 5'\nplace = 'east'"),
        "3:15 route a: / is not offered, because a zero would leave the order undecided",
    ),
    "a regex that explodes": (
        route("name = 'a'\nwhen = 'order.number.matches(\"(a+)+$\")'\nplace = 'east'"),
        "matches(…) is not offered: a pattern may take for ages",
    ),
    "a fact that may be missing": (
        route("name = 'a'\nwhen = 'order.ship_to.country == \"US\"'\nplace = 'east'"),
        "3:15 route a: order.ship_to may be missing: write has(order.ship_to) && … before it.",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_each_fault_is_found_with_its_line(tmp_path: Path, case: str) -> None:
    """By name, with its line and how to fix it; and the file may not be published."""
    text, words = CASES[case]
    found = examined(tmp_path, text)
    assert any(words in one for one in told(found)), told(found)
    assert not found.is_good


TABLE_RULE = """
[[ship]]
name = "t"
when = 'lookup("t", order.currency, "") != ""'
carrier = '=lookup("t.carrier", order.currency, "")'

[tables]
t = "t.csv"
"""
TABLES = {
    "a doubled key": (
        "currency,carrier\nUSD,ups\nEUR,fedex\nUSD,fedex\n",
        "The key 'USD' is on line 2 and again on line 4: keep one of them.",
    ),
    "a short row": (
        "currency,carrier\nUSD\n",
        "Line 2 has 1 values, and there are 2 columns.",
    ),
    "one column": ("currency\nUSD\n", "t.csv needs a first line that names at least two columns"),
    "a broken quote": ('currency,carrier\n"USD,ups\n', "t.csv is not valid CSV"),
    "a carrier that does not exist": (
        "currency,carrier\nUSD,ups\nEUR,dhl\n",
        "There is no carrier 'dhl' (line 3 of the table t).",
    ),
}


@pytest.mark.parametrize("case", TABLES)
def test_each_fault_of_a_table_is_found(tmp_path: Path, case: str) -> None:
    """A table that a person edits in a spreadsheet is checked row by row."""
    rows, words = TABLES[case]
    found = examined(tmp_path, TABLE_RULE, t=rows)
    assert any(words in one for one in told(found)), told(found)
    assert not found.is_good


def test_a_spreadsheet_of_another_country_is_read(tmp_path: Path) -> None:
    """Semicolons, a byte order mark and CRLF are what Excel writes."""
    found = examined(tmp_path, TABLE_RULE, t="\ufeffcurrency;carrier\r\nUSD;ups\r\n")
    assert found.is_good, told(found)


def test_a_huge_file_is_refused_in_words(tmp_path: Path) -> None:
    """Five megabytes are not read into rules."""
    with pytest.raises(RulesRefused, match=r"is larger than 1,048,576 bytes: put long lists"):
        examined(tmp_path, "#" * 5 * MAX_FILE_BYTES)


def test_what_is_not_toml_is_refused_in_words(tmp_path: Path) -> None:
    """The place of the fault comes from the reader."""
    with pytest.raises(RulesRefused, match=r"rules.toml is not valid TOML: .*line 1"):
        examined(tmp_path, "[[route\nname = 1")


def test_lists_are_tried_and_it_is_said(tmp_path: Path) -> None:
    """A conclusion from a few elements is a warning that says so, and stops nothing."""
    rule = (
        "name = 'a'\nwhen = 'order.lines.exists(l, l.quantity > 5) && order.lines.all(l, "
        "l.quantity < 3)'\nplace = 'east'"
    )
    found = examined(tmp_path, route(rule))
    assert [x.severity for x in found.findings] == ["warning"]
    assert "(Lists were tried with up to 3 elements.)" in found.findings[0].sentence
    assert found.is_good


def test_a_method_that_no_carrier_has_is_a_warning(tmp_path: Path) -> None:
    """Of the rule itself and of a table, with the nearest that there is; the file may be published,
    because the usual service may be meant."""
    rule = "[[ship]]\nname = 'a'\nwhen = 'units > 5'\n"
    found = examined(tmp_path, rule + "method = 'Expres'")
    assert found.is_good
    (said,) = told(found)
    assert said.startswith("4:0 ship a: No carrier has the method 'Expres' in its `services`, so")
    assert said.endswith("by the usual service. Do you mean express?")
    assert told(examined(tmp_path, rule + "method = 'Express'")) == []
    (other,) = told(examined(tmp_path, rule + "carrier = 'fedex'\nmethod = 'express'"))
    assert "the method 'express' in its `services`" in other
    looked_up = rule + "method = '=lookup(\"t\", order.currency, \"\")'\n[tables]\nt = 't.csv'\n"
    (one,) = told(examined(tmp_path, looked_up, t="currency,method\nUSD,express\nEUR,slow\n"))
    assert "the method 'slow' (line 3 of the table t) in its `services`" in one
