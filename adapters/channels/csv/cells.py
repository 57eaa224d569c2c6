"""One cell of a CSV of orders: from what a clerk typed to the canonical order's value.

Nothing is guessed. What can be read in two ways (1.234,56, 27.11.2026, a time without a zone) is
refused with a sentence that says how to write it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, tzinfo
from types import MappingProxyType
from typing import get_args

from msgspec import Struct

from adapters.channels.csv.columns import Column, Kind
from adapters.kit.addresses import said
from schemas.contracts.strict_json import shown
from schemas.order.canonical import Payment
from schemas.order.ids import MAX_REF_LENGTH
from schemas.order.money import MoneyRefused, exponent_of, minor_units
from schemas.order.phones import corrected

PAYMENTS = frozenset(get_args(Payment))

_AMOUNT = re.compile(r"[0-9]{1,16}(\.[0-9]{1,8})?")
_WHOLE = re.compile(r"([0-9]{1,9})(?:[.,]0{1,2})?")
_TIME = re.compile(
    r"([0-9]{4}-[0-9]{2}-[0-9]{2})(?:[Tt ]([0-9]{2}:[0-9]{2}(?::[0-9]{2}(?:\.[0-9]{1,6})?)?))?"
    r" ?([Zz]|[+-][0-9]{2}:?[0-9]{2})?"
)
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
_BREAKS = re.compile(r"[\t\n\r]")
_SHORTENED = re.compile(r"[0-9](?:[.,][0-9]+)?E\+[0-9]{1,3}", re.IGNORECASE)
_MONTH = r"(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)"
_MONAT = r"(?:jan|feb|mrz|apr|mai|jun|jul|aug|sep|okt|nov|dez)"
_MOIS = r"(?:janv|f[ée]vr|avr|juin|juil|ao[ûu]t|sept|oct|nov|d[ée]c|ene|abr|ago|dic)\.?"
_DATED = re.compile(
    rf"[0-9]{{1,2}}-{_MONTH}(?:-[0-9]{{2,4}})?|{_MONTH}-[0-9]{{2,4}}"
    rf"|[0-9]{{1,2}}\. ?{_MONAT}|{_MONAT} [0-9]{{2}}"
    rf"|[0-9]{{1,2}}-{_MOIS}(?:-[0-9]{{2,4}})?|{_MOIS}-[0-9]{{2,4}}",
    re.IGNORECASE,
)
_ERRORS = frozenset(
    {"#REF!", "#N/A", "#NAME?", "#VALUE!", "#DIV/0!", "#NULL!", "#NUM!", "#SPILL!", "#CALC!"}
)
_HIDDEN = re.compile("#{3,}")
_CODES = frozenset({"ref", "number", "sku", "line_id", "customer_reference"})
_OPTIONAL = ("company", "line2", "line3", "line4", "city", "region", "postal_code", "phone")
"""How columns of an address end that not every address has."""
_MAX_SHORT = 320
"""Characters of an e-mail address: longer columns are what people write, where anything may be."""
_TEXT_FORMULA = re.compile(r'="([^"]*)"')
_MARKED = re.compile(r"'[0-9+][^']*")
_WITH_DECIMAL = re.compile(r"([0-9]+)[.,]0{1,2}")
_KNOWN_BY_DIGITS = frozenset({"ref", "number", "customer_reference"})
_FLAGS: Mapping[str, bool] = MappingProxyType({
    "yes": True, "true": True, "1": True, "no": False, "false": False, "0": False,
})  # fmt: skip
_CANONICAL_TIME = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,6})?(Z|[+-][0-9]{2}:[0-9]{2})"
)


class Reading(Struct, frozen=True, kw_only=True):
    """How cells are read: `zone` is that of times which state none (None: they are refused)."""

    zone: tzinfo | None = None
    decimal_comma: bool = False


class CellRefused(ValueError):
    """A cell that can't be read. Its text ends the sentence `The COLUMN in row N …`."""


def value_of(text: str, column: Column, currency: str, reading: Reading) -> object:
    """Return the value of a cell that is not empty. Raises CellRefused."""
    if column.kind == "text" and len(text) > column.most:
        raise CellRefused(f"has {len(text):,} characters; {column.most:,} are the most")
    if _CONTROL.search(text) or (column.one_line and _BREAKS.search(text)):
        raise CellRefused("has a control character or a line break in it; take it out")
    return _READERS[column.kind](text, column, currency, reading)


def _text(text: str, column: Column, currency: str, reading: Reading) -> object:
    if text.upper() in _ERRORS or _HIDDEN.fullmatch(text):
        raise CellRefused(
            f"is {shown(text)}, which a spreadsheet shows where a formula failed or a column is "
            "too narrow: correct it there, and save the file again"
        )
    if column.name.endswith("phone"):
        return corrected(text)
    if column.most <= _MAX_SHORT and _SHORTENED.fullmatch(text):
        raise CellRefused(
            f"is {shown(text)}, a number that a spreadsheet has shortened: make the column text "
            "there, and put the whole value in again"
        )
    if column.name == "sku" and _WITH_DECIMAL.fullmatch(text):
        raise CellRefused(
            f"is {shown(text)}, which a spreadsheet makes of a whole number: make the column text "
            "there, and put the value in again"
        )
    if (column.name in _CODES or _is_of_place(column)) and _DATED.fullmatch(text):
        raise CellRefused(
            f"is {shown(text)}, a day that a spreadsheet has made of it: make the column text "
            "there, and put the value in again"
        )
    if column.name.endswith("postal_code") and (found := _WITH_DECIMAL.fullmatch(text)):
        return found[1]
    return text


def _is_of_place(column: Column) -> bool:
    """Whether it is a part of an address in which no day stands: a house number such as 2-1."""
    return column.name.endswith(("postal_code", "line1", "line2", "line3", "line4"))


def cell_of(cells: list[str], at: int, column: Column) -> str:
    """Return what was typed into a cell that a spreadsheet saved: without `="…"` or the apostrophe
    that keep it text, and a reference without the decimal that it has as a number; "" for a dash
    where a part of an address is not needed."""
    text = cells[at].strip() if at < len(cells) else ""
    if (formula := _TEXT_FORMULA.fullmatch(text)) is not None:
        text = formula[1].strip()
    is_code = column.name in _CODES or column.name.endswith(("postal_code", "phone"))
    if is_code and _MARKED.fullmatch(text):
        text = text[1:]
    if column.name in _KNOWN_BY_DIGITS and (found := _WITH_DECIMAL.fullmatch(text)):
        return found[1]
    if column.name.endswith(_OPTIONAL) and not _HIDDEN.fullmatch(text):
        return said(text)
    return text


def former_refs(ref: str) -> tuple[str, ...]:
    """Return what else a reference may be called in an order of a version that kept what a
    spreadsheet had made of it: `1001.0`, `="1001"` or `'1001`. At most six."""
    found = [f'="{ref}"']
    if _MARKED.fullmatch(f"'{ref}"):
        found.append(f"'{ref}")
    if ref.isascii() and ref.isdigit():
        found += [f"{ref}{mark}{zeros}" for mark in ".," for zeros in ("0", "00")]
    return tuple(one for one in found if len(one) <= MAX_REF_LENGTH)


def _money(text: str, column: Column, currency: str, reading: Reading) -> object:
    plain = text
    if reading.decimal_comma:
        plain = text.translate(_SWAPPED)
    example = "1234.50" if not reading.decimal_comma else "1234,50"
    if text.startswith(("-", "−")):
        raise CellRefused(f"is {shown(text)}; amounts are not negative, a discount neither")
    if not _AMOUNT.fullmatch(plain):
        raise CellRefused(
            f"is {shown(text)}, but an amount like {example} was expected, without a currency or "
            "a sign between thousands" + _comma_hint(text, reading)
        )
    try:
        return minor_units(plain, currency)
    except MoneyRefused:
        raise CellRefused(
            f"is {shown(text)}, which is finer than {currency}'s {exponent_of(currency)} decimal "
            "places, or too large"
        ) from None


_SWAPPED = str.maketrans(",.", ".,")


def _comma_hint(text: str, reading: Reading) -> str:
    if "," in text and not reading.decimal_comma:
        return "; if the comma is a decimal one, state that the file has decimal commas"
    return ""


def _whole(text: str, column: Column, currency: str, reading: Reading) -> object:
    matched = _WHOLE.fullmatch(text)
    if matched is None:
        raise CellRefused(f"is {shown(text)}, but a whole number was expected")
    found = int(matched[1])
    if column.name == "quantity" and not 1 <= found <= 1_000_000:
        raise CellRefused(f"is {shown(text)}, but 1 to 1,000,000 was expected")
    return found


def _flag(text: str, column: Column, currency: str, reading: Reading) -> object:
    found = _FLAGS.get(text.lower().removesuffix(".0"))
    if found is None:
        raise CellRefused(f"is {shown(text)}, but yes or no was expected")
    return found


def _payment(text: str, column: Column, currency: str, reading: Reading) -> object:
    found = text.lower().replace(" ", "_").replace("-", "_")
    if found not in PAYMENTS:
        raise CellRefused(
            f"is {shown(text)}, but one of {', '.join(get_args(Payment))} was expected"
        )
    return found


def _code(text: str, column: Column, currency: str, reading: Reading) -> object:
    found = text.upper()
    if not (len(found) == column.most and found.isascii() and found.isalpha()):
        raise CellRefused(f"is {shown(text)}, but {column.most} letters were expected")
    return found


def _time(text: str, column: Column, currency: str, reading: Reading) -> object:
    """Keep an RFC 3339 time as it is; make one of the plainer forms that mean one moment."""
    matched = _TIME.fullmatch(text)
    if matched is None:
        raise CellRefused(
            f"is {shown(text)}, but a time like 2026-11-27T09:30:00Z was expected: year, month and "
            "day in this order"
        )
    day, clock, zone = matched.group(1), matched.group(2) or "00:00", matched.group(3)
    try:
        found = datetime.fromisoformat(f"{day}T{clock}{(zone or '').upper()}")
    except ValueError:
        raise CellRefused(f"is {shown(text)}, which is on no calendar or clock") from None
    if zone is not None and matched.group(2) is None:
        raise CellRefused(f"is {shown(text)}, a day with a zone; add the time")
    if _CANONICAL_TIME.fullmatch(text):
        return text
    if zone is None:
        found = _in_zone(found, text, reading.zone)
    return found.isoformat().replace("+00:00", "Z")


def _in_zone(local: datetime, text: str, zone: tzinfo | None) -> datetime:
    if zone is None:
        raise CellRefused(
            f"is {shown(text)} without a zone; write Z or an offset behind it, such as +01:00, or "
            "state the time zone of the whole file"
        )
    try:
        found = local.replace(tzinfo=zone)
        later = local.replace(tzinfo=zone, fold=1)
        once = found.utcoffset() == later.utcoffset()
        there = found.astimezone(UTC).astimezone(zone).replace(tzinfo=None) == local
    except OverflowError:
        raise CellRefused(f"is {shown(text)}, too far from our time") from None
    if not once or not there:
        raise CellRefused(
            f"is {shown(text)}, a time that the clocks of {zone} skip or have twice; write it with "
            "its offset"
        )
    return found


_READERS: Mapping[Kind, Callable[[str, Column, str, Reading], object]] = MappingProxyType({
    "text": _text, "money": _money, "whole": _whole, "flag": _flag, "time": _time,
    "payment": _payment, "code": _code,
})  # fmt: skip
