"""Whatever the condition, our Python agrees with CEL's own evaluator."""

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
from schemas.contracts.rules import Rule, Rules, Table
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
