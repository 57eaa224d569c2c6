"""Conditions: what is refused with a clear sentence, and what may be asked."""

from __future__ import annotations

import pytest

from actors.rules.check import Checker
from actors.rules.compiled import Compiled
from actors.rules.facts import facts
from actors.rules.parse import parse
from actors.rules.terms import CelFault
from schemas.contracts.rules import Rule, Rules, RulesRefused

LOOKUPS = {name: {"DE": "express", "FR": "slow"} for name in ("countries", "countries.method")}
CHECKER = Checker(facts(), frozenset(LOOKUPS))


def fault_of(condition: str) -> str:
    """Return what is wrong with a condition, "" for nothing."""
    try:
        CHECKER.condition(parse(condition))
    except CelFault as fault:
        return fault.sentence
    return ""


REFUSED = [
    ("order.totals.total_minor >", "A value is missing here; 'the end' stands there."),
    ("order.totals.total_minor > 5 order", "'order' is not expected here; join conditions"),
    ("order.number == 'x", "A text ends with the quote that it began with."),
    ("order.total > 5", "order has no field total. Do you mean totals?"),
    ("ordre.number == ''", "There is no fact ordre. Do you mean order?"),
    ("order.number > 5", "A text is compared with a whole number: they are never the same."),
    ("order.totals.total_minor > 100.0", "is a whole number of minor units (cents): write 10000"),
    ("order.totals.total_minor * 1.5 > 3", "Amounts are whole numbers of minor units"),
    ("order.totals.total_minor / 0 > 1", "because a zero would leave the order undecided"),
    ("units % 2 == 0", "% is not offered, because a zero"),
    ("order.number.matches('(a+)+$')", "a pattern may take for ages: use startsWith"),
    ("order.ship_to.country == 'US'", "order.ship_to may be missing: write has(order.ship_to)"),
    ("order.attributes['gift'] == 'x'", "The key may be missing: write \"gift\" in order.attr"),
    ("has(order.number)", 'order.number is always there: compare it with "" instead.'),
    ("order.payment == 'payed'", "order.payment is never 'payed': it is one of"),
    ("order.lines.exists(l, l.quantity)", "This is a whole number and not true or false"),
    ("order.lines.sku == 'x'", "order.lines has no fields: it is a list. Ask with exists"),
    ("lookup('contries', order.number, '') == ''", "Do you mean countries?"),
    ("order.totals.total_minor * 10000 > 5", "larger than a whole number of CEL (64 bits)"),
    ("order.number in []", "The list is empty"),
    ("order.number in ['a', 5]", "This is a whole number, and the list began with a text."),
    ("9223372036854775808 > 1", "larger than any whole number of CEL"),
    ("order.ship_to == null", "Ask with has(…) whether something is there, not with null."),
    ("(" * 60 + "true" + ")" * 60, "More than 40 brackets are open"),
    ("!" * 60 + "true", "signs stand in a row"),
    (" && ".join(["true"] * 400), "more than 500 words: use a table"),
    ("customer.orders == 0", "customer.orders may be missing: write has(customer.orders)"),
    # CEL itself would forgive the missing address here, whichever side comes first.
    ("order.ship_to.country == 'US' && has(order.ship_to)", "may be missing"),
    ("has(order.ship_to) || order.ship_to.country == 'US'", "may be missing"),
]  # fmt: skip


@pytest.mark.parametrize(("condition", "words"), REFUSED)
def test_what_can_go_wrong_is_refused_in_words(condition: str, words: str) -> None:
    """Each fault has a sentence that says how to fix it; nothing that could fail later passes."""
    assert words in fault_of(condition)


def test_a_fault_has_its_place() -> None:
    """An editor can jump to it."""
    with pytest.raises(CelFault) as caught:
        CHECKER.condition(parse("units > 1 && order.nope == 2"))
    assert caught.value.at == len("units > 1 && order.")


@pytest.mark.parametrize(
    "condition",
    [
        "has(order.ship_to) && order.ship_to.country == 'US'",
        "!has(order.ship_to) || order.ship_to.country == 'US'",
        "has(order.ship_to) ? order.ship_to.country == 'US' : false",
        "!(!has(order.ship_to) || order.ship_to.country != 'US')",
        "'gift' in order.attributes && order.attributes['gift'] == 'yes'",
        "order.lines.all(l, !has(l.presentment_total_minor) || l.presentment_total_minor > 5)",
    ],
)
def test_what_is_proven_to_be_there_may_be_asked(condition: str) -> None:
    """has(…) and `in` count wherever they were true before, also behind a negation."""
    assert not fault_of(condition)


def test_rules_that_do_not_pass_are_never_compiled() -> None:
    """Also a stored document is checked again: nothing of it runs as it stands."""
    with pytest.raises(RulesRefused, match="The rule bad of review: __import__"):
        Compiled(Rules(review=(Rule(name="bad", when="__import__('os') == 1", hold="x"),)))


def test_long_conditions_compile() -> None:
    """A long chain does not nest brackets, of which Python takes few."""
    when = " || ".join(f"units == {at}" for at in range(120))
    assert Compiled(Rules(review=(Rule(name="long", when=when, hold="x"),))).count == 1
