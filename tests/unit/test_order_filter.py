"""The filter language of lists: what it reads, and how it says what is wrong."""

from __future__ import annotations

from decimal import Decimal

import pytest

from adapters.postgres.order_filter import (
    FIELDS,
    Filter,
    FilterRefused,
    Term,
    completions,
    parse,
    with_shorthands,
)


@pytest.mark.parametrize(
    ("text", "terms"),
    [
        ("", ()),
        ("channel:acme-us", (Term(field="channel", values=("acme-us",)),)),
        ("stage:packed,Picked", (Term(field="stage", values=("packed", "picked")),)),
        ("-is:final", (Term(field="is", values=("final",), negated=True),)),
        ("age:>2d", (Term(field="age", values=(172_800,), operator=">"),)),
        ("total:>=49.90", (Term(field="total", values=(Decimal("49.90"),), operator=">="),)),
        ("currency:usd", (Term(field="currency", values=("USD",)),)),
        ('sku:"a b, c"', (Term(field="sku", values=("a b, c",)),)),
        ("#1042", (Term(field="number", values=("#1042",)),)),
        ('"two words"', (Term(field="number", values=("two words",)),)),
        (
            "  hold:address   email:jo@example.com ",
            (
                Term(field="hold", values=("address",)),
                Term(field="email", values=("jo@example.com",)),
            ),
        ),
    ],
)
def test_a_filter_is_read(text: str, terms: tuple[Term, ...]) -> None:
    """Each field has its own type, and a word alone is a number."""
    assert parse(text) == Filter(terms=terms)


@pytest.mark.parametrize(
    ("text", "at", "told"),
    [
        ("channel:acme stge:packed", 13, "did you mean stage?"),
        ("stage:pack", 6, "did you mean packed?"),
        ("is:attention total:>lots", 20, "an amount such as 500"),
        ("age:2y", 4, "a time such as 30m"),
        ("age:>1d,2d", 5, "several values"),
        ("email:jo", 6, "an e-mail address"),
        ("sku:", 4, "needs a value"),
        ('sku:"open', 4, "not closed"),
        ('  "', 2, "not closed"),
        ("colour:red", 0, "use one of: channel, stage"),
        ("a " * 21, 40, "more than 20 terms"),
        ("sku:" + ",".join("abcdefghijklmnopqrstu"), 4, "more than 20 values"),
        ("x" * 1001, 1000, "longer than 1000"),
    ],
)
def test_a_wrong_filter_says_what_and_where(text: str, at: int, told: str) -> None:
    """Whoever typed it finds the character."""
    with pytest.raises(FilterRefused) as refused:
        parse(text)
    assert refused.value.at == at
    assert told in str(refused.value)
    assert f"at character {at + 1}" in str(refused.value)


def test_every_field_has_an_example_that_can_be_read() -> None:
    """What people are shown is what they may type."""
    for name, field in FIELDS.items():
        (term,) = parse(field.example).terms
        assert term.field == name


@pytest.mark.parametrize(
    ("begun", "found"),
    [
        ("cu", ("currency:",)),
        ("is:attention -st", ("stage:",)),
        ("stage:pic", ("stage:picked",)),
        ("sku:x", ()),
        ("channel:acme", ("channel:acme-eu", "channel:acme-us")),
    ],
)
def test_an_unfinished_filter_is_completed(begun: str, found: tuple[str, ...]) -> None:
    """Fields first, then the values that can be listed; channels are those that may be seen."""
    assert completions(begun, ("acme-us", "acme-eu", "other")) == found


def test_older_parameters_of_lists_are_terms_of_the_filter() -> None:
    """What they say is said in the language; quotes in a value end nothing."""
    given = {"stage": "packed", "channel": 'a "b', "attention": False}
    text = with_shorthands("is:open", **given)  # type: ignore[arg-type]  # by name
    assert text == 'is:open stage:"packed" channel:"a b" -is:attention'
    assert len(parse(text).terms) == 4
    assert with_shorthands("", number="1042") == 'number:"1042"'
