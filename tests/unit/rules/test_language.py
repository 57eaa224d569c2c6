"""Conditions: what is refused with a clear sentence, and that our Python agrees with CEL's own
evaluator about everything else."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from actors.rules.check import Checker
from actors.rules.compiled import Compiled
from actors.rules.facts import away_of, facts
from actors.rules.parse import parse
from actors.rules.terms import CelFault
from schemas.contracts.rules import Rule, Rules, RulesRefused, Table
from schemas.order.canonical import Address, Line, Order
from schemas.order.world import Account, History, World
from service.rules.reference import Reference
from tests.given import an_order

COUNTRIES = Table(columns=("country", "method"), rows=(("DE", "express"), ("FR", "slow")))
TABLES = {"countries": COUNTRIES}
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


INTS = [
    "order.totals.total_minor", "units", "placed_hour", "placed_weekday", "size(order.lines)",
    "size(order.number)", "order.number.size()", "order.lines.size()",
    "(order.totals.total_minor - order.totals.tax_minor)",
    "(has(order.amount_due_minor) ? order.amount_due_minor : -1)", "(units * 3)", "(-units)",
    "(has(customer.orders) ? customer.orders : -1)",
    "(has(account.limit_minor) ? account.limit_minor : -1)",
]  # fmt: skip
TEXTS = [
    "order.number", "order.payment", "order.currency", "channel", "away", "placed_day",
    "(has(order.ship_to) ? order.ship_to.country : '')", "lookup('countries', order.number, '?')",
    "(has(order.ship_to) ? lookup('countries.method', order.ship_to.country, '') : 'none')",
]  # fmt: skip
WORDS = ["", "DE", "US", "#1042", "paid", "é", "\U0001f600", "a'b", 'q"', "back\\slash"]


PLAIN = [
    "true", "false", "order.test", "has(order.ship_to)", "'k' in order.attributes",
    "has(customer.first_seen_days)", "to_post_box", "to_military", "account.blocked",
    "('k' in order.attributes && order.attributes['k'] == 'v')",
]  # fmt: skip


def some(of: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    """Return what a list of constants holds."""
    return st.lists(of, min_size=1, max_size=3).map(", ".join)


def quoted(text: str) -> str:
    """Return a text as CEL writes it."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def atoms(inner: bool = False) -> st.SearchStrategy[str]:
    """Return comparisons; within a list also of its element `l`."""
    ints = [*INTS, "l.quantity", "l.total_minor"] if inner else INTS
    texts = [*TEXTS, "l.sku", "l.kind"] if inner else TEXTS
    # What is one of a few texts is compared with those alone; that is checked elsewhere.
    free = [x for x in texts if x not in ("order.payment", "away", "l.kind")]
    int_, text = st.sampled_from(ints), st.sampled_from(texts)
    number = st.integers(-3, 3_000).map(str)
    word = st.sampled_from(WORDS).map(quoted)
    ordered = st.sampled_from(["==", "!=", "<", "<=", ">", ">="])
    return st.one_of(
        st.tuples(int_, ordered, st.one_of(int_, number)).map(" ".join),
        st.tuples(st.sampled_from(free), ordered, word).map(" ".join),
        st.tuples(text, ordered, text).map(" ".join),
        st.builds("{}.{}({})".format, text, st.sampled_from(["startsWith", "contains"]), word),
        st.builds("{}.endsWith({})".format, text, word),
        st.builds("{} in [{}]".format, st.sampled_from(free), some(word)),
        st.builds("{} in [{}]".format, int_, some(number)),
        st.sampled_from(PLAIN),
    )


def conditions(atom: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    """Return conditions of any depth."""
    return st.recursive(
        atom,
        lambda of: st.one_of(
            st.builds("({} && {})".format, of, of),
            st.builds("({} || {})".format, of, of),
            st.builds("!({})".format, of),
            st.builds("({} ? {} : {})".format, of, of, of),
            st.builds("(({}) == ({}))".format, of, of),
        ),
        max_leaves=8,
    )


QUANTIFIED = st.builds(
    "order.lines.{}(l, {})".format,
    st.sampled_from(["exists", "all", "exists_one"]),
    conditions(atoms(inner=True)),
)


def a_random_order(
    number: str,
    country: str | None,
    quantities: list[int],
    attributes: dict[str, str],
    due: int | None,
    test: bool,
) -> Order:
    """Return an order with these."""
    base = an_order()
    lines = tuple(
        Line(
            line_id=str(at),
            sku=WORDS[1 + quantity % (len(WORDS) - 1)],
            title="",
            quantity=quantity,
            unit_price_minor=1,
            total_minor=quantity,
        )
        for at, quantity in enumerate(quantities)
    )
    to: Address | None = base.ship_to
    assert to is not None
    return replace(
        base,
        number=number,
        lines=lines,
        attributes=attributes,
        amount_due_minor=due,
        test=test,
        ship_to=None
        if country is None
        else replace(
            to,
            country=country,
            lines=("PO Box 7",) if number == "DE" else to.lines,
            city="APO" if number == "US" and country == "US" else to.city,
        ),
    )


ORDERS = st.builds(
    a_random_order,
    st.sampled_from([x for x in WORDS if x]),
    st.sampled_from([None, "DE", "US", "PR"]),
    st.lists(st.integers(1, 3_000), min_size=1, max_size=4),
    st.dictionaries(st.sampled_from(["k", "x"]), st.sampled_from(["v", "w"])),
    st.sampled_from([None, 0, 7]),
    st.booleans(),
)


WORLDS = st.builds(
    World,
    customer=st.builds(
        History,
        orders=st.sampled_from([None, 0, 7]),
        first_seen_days=st.sampled_from([None, 0, 400]),
    ),
    account=st.builds(Account, limit_minor=st.sampled_from([None, 0, 7]), blocked=st.booleans()),
)


def values_of(order: Order, away: str, world: World) -> dict[str, object]:
    """Return the facts by name, made independently of the generated code."""
    return {
        "order": order,
        "channel": "acme-us",
        "away": away,
        "units": sum(line.quantity for line in order.lines),
        "placed_day": "2026-11-27",
        "placed_weekday": 5,
        "placed_hour": 11,
        "customer": world.customer,
        "account": world.account,
        "to_post_box": bool(order.ship_to and "PO Box" in order.ship_to.lines[0]),
        "to_military": bool(order.ship_to and order.ship_to.city == "APO"),
    }


@pytest.fixture(scope="module")
def reference() -> Reference:
    """The CEL engine of its authors."""
    return Reference(LOOKUPS)


@settings(max_examples=400, deadline=None, suppress_health_check=list(HealthCheck))
@given(condition=conditions(st.one_of(atoms(), QUANTIFIED)), order=ORDERS, world=WORLDS)
def test_our_python_agrees_with_the_library(
    reference: Reference, condition: str, order: Order, world: World
) -> None:
    """What passes our check is accepted by CEL's own checker, and both give the same answer."""
    if fault_of(condition):
        return
    away = away_of(order, "US")
    compiled = Compiled(Rules(review=(Rule(name="r", when=condition, hold="x"),), tables=TABLES))
    ours = bool(compiled.matching(order, "acme-us", away, world))
    assert reference.fault(condition) == ""
    assert reference.holds(condition, values_of(order, away, world)) is ours


def test_most_random_conditions_pass_the_check(say: Callable[[str], None]) -> None:
    """The property above is about something: hardly any condition is left out."""
    passed = tried = 0

    @settings(max_examples=300, deadline=None, database=None, derandomize=True)
    @given(condition=conditions(st.one_of(atoms(), QUANTIFIED)))
    def count(condition: str) -> None:
        nonlocal passed, tried
        tried += 1
        passed += not fault_of(condition)

    count()
    say(f"{passed} of {tried} random conditions pass the check.")
    assert passed > 0.9 * tried


def test_rules_that_do_not_pass_are_never_compiled() -> None:
    """Also a stored document is checked again: nothing of it runs as it stands."""
    with pytest.raises(RulesRefused, match="The rule bad of review: __import__"):
        Compiled(Rules(review=(Rule(name="bad", when="__import__('os') == 1", hold="x"),)))


def test_long_conditions_compile() -> None:
    """A long chain does not nest brackets, of which Python takes few."""
    when = " || ".join(f"units == {at}" for at in range(120))
    assert Compiled(Rules(review=(Rule(name="long", when=when, hold="x"),))).count == 1
