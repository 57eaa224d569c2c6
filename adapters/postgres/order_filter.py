"""The filter language of lists of orders: `channel:acme-us stage:packed age:>2d total:>=500`.

Terms are separated by spaces and all of them have to hold. A term is a field, a colon and a value;
a comma separates values of which one has to hold, a minus before the field turns it round, quotes
keep spaces together. A word without a field is the order's id, number or reference.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import timedelta
from decimal import Decimal
from types import MappingProxyType

from msgspec import Struct

from actors.order.table import FINAL
from actors.order.words import WORDS

MAX_FILTER = 1_000
"""Characters of a filter: a hundred terms, more than a person reads."""

MAX_TERMS, MAX_VALUES = 20, 20
"""Terms of a filter and values of a term: each adds a comparison to every order looked at."""

STAGES = (
    "expected", "placed", "accepted", "open", "completed", "cancelling", "closed", "cancelled",
    "duplicate",
)  # fmt: skip
"""Every stage that lists show."""

PROGRESS = ("expected", "placed", *WORDS.values(), "cancelling", *sorted(FINAL))
"""How far orders are: every word that lists show."""

IS = ("attention", "open", "final")

_UNITS = {"m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
_AGE = re.compile(r"([0-9]{1,5})([mhdw])")
_TOTAL = re.compile(r"[0-9]{1,13}(\.[0-9]{1,4})?")
_CURRENCY = re.compile(r"[A-Z]{3}")
_COMPARED = re.compile(r"(>=|<=|>|<|=)?(.*)", re.DOTALL)
_TERM = re.compile(r"""(?P<minus>-?)(?P<field>[A-Za-z_]+):(?P<rest>(?:"[^"]*"|[^\s"])*)""")
_WORD = re.compile(r'"[^"]*"|[^\s"]+')


class FilterRefused(ValueError):
    """A filter that says nothing that can be looked for. The text is for whoever typed it; `at` is
    the character where it is wrong, from 0."""

    def __init__(self, words: str, at: int) -> None:
        super().__init__(f"{words} (at character {at + 1})")
        self.at = at


class Term(Struct, frozen=True, kw_only=True):
    """One condition: one of `values` holds, or with `negated` none. `operator` is `=`, or for ages
    and totals `>`, `>=`, `<` or `<=`. An age is in seconds, a total in whole units of money."""

    field: str
    values: tuple[str | Decimal | int, ...]
    operator: str = "="
    negated: bool = False


class Filter(Struct, frozen=True, kw_only=True):
    """Conditions of which all hold; none of them: every order."""

    terms: tuple[Term, ...] = ()


class Field(Struct, frozen=True, kw_only=True):
    """What a field of the language is: in words, with an example; `choices` are all its values, if
    they can be listed, `compares` says whether `>` and `<` make sense."""

    words: str
    example: str
    read: Callable[[str], str | Decimal | int | None]
    expected: str
    choices: tuple[str, ...] = ()
    compares: bool = False


def _age(text: str) -> int | None:
    found = _AGE.fullmatch(text)
    if found is None:
        return None
    return int(timedelta(**{_UNITS[found[2]]: int(found[1])}).total_seconds())


def _total(text: str) -> Decimal | None:
    return Decimal(text) if _TOTAL.fullmatch(text) else None


def _of(choices: Sequence[str]) -> Callable[[str], str | None]:
    return lambda text: text.lower() if text.lower() in choices else None


def _text(text: str) -> str | None:
    return text or None


_WHERE = tuple(dict.fromkeys((*STAGES, *PROGRESS)))

FIELDS: Mapping[str, Field] = MappingProxyType(
    {
        "channel": Field(
            words="the channel it came from", example="channel:acme-us", read=_text,
            expected="the name of a channel",
        ),
        "stage": Field(
            words="its stage, or how far its goods are", example="stage:packed",
            read=_of(_WHERE), expected=f"one of: {', '.join(_WHERE)}", choices=_WHERE,
        ),
        "is": Field(
            words="needs a person, is under way, or is final", example="is:attention",
            read=_of(IS), expected=f"one of: {', '.join(IS)}", choices=IS,
        ),
        "hold": Field(
            words="a hold that waits for a person, by the beginning of its id",
            example="hold:address", read=_text, expected="the beginning of a hold's id",
        ),
        "age": Field(
            words="how long ago it was placed (m, h, d or w)", example="age:>2d", read=_age,
            expected="a time such as 30m, 12h, 2d or 3w", compares=True,
        ),
        "total": Field(
            words="its total, in its own currency", example="total:>500", read=_total,
            expected="an amount such as 500 or 49.90", compares=True,
        ),
        "currency": Field(
            words="its currency", example="currency:USD",
            read=lambda text: text.upper() if _CURRENCY.fullmatch(text.upper()) else None,
            expected="three letters such as USD",
        ),
        "sku": Field(
            words="a SKU of one of its lines, exactly", example="sku:MUG-01", read=_text,
            expected="a SKU",
        ),
        "email": Field(
            words="the customer's e-mail address, whole", example="email:jo@example.com",
            read=lambda text: text if "@" in text else None, expected="an e-mail address",
        ),
        "number": Field(
            words="its number, reference or id, whole", example="number:1042", read=_text,
            expected="a number",
        ),
    }
)  # fmt: skip
"""Every field, in the order in which they are explained."""


def parse(text: str) -> Filter:
    """Read a filter. Raises FilterRefused, which says what is wrong and where."""
    if len(text) > MAX_FILTER:
        raise FilterRefused(f"The filter is longer than {MAX_FILTER} characters", MAX_FILTER)
    terms: list[Term] = []
    at = 0
    while at < len(text):
        if text[at].isspace():
            at += 1
            continue
        if len(terms) >= MAX_TERMS:
            raise FilterRefused(f"The filter has more than {MAX_TERMS} terms", at)
        term, at = _term(text, at)
        terms.append(term)
    return Filter(terms=tuple(terms))


def with_shorthands(
    text: str,
    *,
    stage: str = "",
    progress: str = "",
    channel: str = "",
    number: str = "",
    attention: bool | None = None,
) -> str:
    """Return a filter to which older parameters of lists are added as terms ("": not given)."""
    given = {"channel": channel, "number": number}
    terms = [f"stage:{_quoted(one)}" for one in (stage, progress) if one]
    terms += [f"{name}:{_quoted(value)}" for name, value in given.items() if value]
    if attention is not None:
        terms.append("is:attention" if attention else "-is:attention")
    return " ".join((text, *terms)).strip()


def _quoted(value: str) -> str:
    bare = value.replace('"', "")
    return f'"{bare}"'


def completions(text: str, channels: Collection[str] = ()) -> tuple[str, ...]:
    """Return how the last word of an unfinished filter may go on, at most twenty ways. `channels`
    are those that whoever types it may see."""
    begun = text.rsplit(None, 1)[-1] if text and not text[-1].isspace() else ""
    bare = begun.removeprefix("-")
    name, colon, value = bare.partition(":")
    if not colon:
        found = [f"{one}:" for one in FIELDS if one.startswith(name.lower())]
    else:
        known = FIELDS.get(name.lower())
        choices = known.choices if known is not None else ()
        if name.lower() == "channel":
            choices = tuple(sorted(channels))
        found = [f"{name}:{one}" for one in choices if one.startswith(value.lower())]
    return tuple(found[:20])


def _term(text: str, at: int) -> tuple[Term, int]:
    """Read the term that begins at `at`; return it and where it ends."""
    found = _TERM.match(text, at)
    if found is None:
        return _word(text, at)
    name, begins = found["field"].lower(), found.start("rest")
    field = FIELDS.get(name)
    if field is None:
        raise FilterRefused(_unknown(found["field"]), found.start("field"))
    _closed(text, found.end())
    operator, value = "=", found["rest"]
    if field.compares:
        compared = _COMPARED.fullmatch(value)
        assert compared is not None, "it matches everything"
        operator, begins = compared[1] or "=", begins + compared.start(2)
        value = compared[2]
    values = _values(name, field, value, begins)
    if operator != "=" and len(values) > 1:
        raise FilterRefused(f"{name} is compared with several values; name one", begins)
    term = Term(field=name, values=values, operator=operator, negated=bool(found["minus"]))
    return term, found.end()


def _word(text: str, at: int) -> tuple[Term, int]:
    found = _WORD.match(text, at)
    if found is None:
        _closed(text, at)
        raise FilterRefused("Nothing can be looked for here", at)
    _closed(text, found.end())
    word = found[0].strip('"')
    if not word:
        raise FilterRefused("There is nothing between the quotes", at)
    return Term(field="number", values=(word,)), found.end()


def _closed(text: str, at: int) -> None:
    """Raise FilterRefused where quotes begin and do not end."""
    if at < len(text) and text[at] == '"':
        raise FilterRefused("These quotes are not closed", at)


def _values(name: str, field: Field, text: str, begins: int) -> tuple[str | Decimal | int, ...]:
    parts = re.findall(r'"[^"]*"|[^,"]+', text) if text else []
    if not parts:
        raise FilterRefused(f"{name}: needs a value, {field.expected}", begins)
    if len(parts) > MAX_VALUES:
        raise FilterRefused(f"{name} has more than {MAX_VALUES} values", begins)
    values = []
    for part in parts:
        value = field.read(part.strip('"'))
        if value is None:
            at = begins + text.index(part)
            raise FilterRefused(_wrong(name, field, part.strip('"')), at)
        values.append(value)
    return tuple(values)


def _wrong(name: str, field: Field, value: str) -> str:
    near = difflib.get_close_matches(value.lower(), field.choices, 1)
    hint = f"; did you mean {near[0]}?" if near else ""
    return f"{name} can't be {value[:40]!r}: it is {field.expected}{hint}"


def _unknown(name: str) -> str:
    near = difflib.get_close_matches(name.lower(), FIELDS, 1)
    hint = f"did you mean {near[0]}?" if near else f"use one of: {', '.join(FIELDS)}"
    return f"There is no field {name[:40]!r}; {hint}"
