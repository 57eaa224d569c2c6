"""The columns of a CSV of orders: the canonical order's fields in plain words.

One row is one line of an order. Columns of the order itself may be repeated or left empty on the
further rows of the same `ref`. `docs/csv-import.md` shows this table; a test compares.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Literal

from msgspec import Struct

from schemas.contracts import refusals
from schemas.contracts.refusals import Refused, refused
from schemas.contracts.strict_json import shown

Kind = Literal["text", "money", "whole", "flag", "time", "payment", "code"]

ATTRIBUTE = "attribute."
"""A column of this prefix is an attribute of the order; its name follows, as it is written."""

MAX_COLUMNS = 200
"""All known columns and the hundred attributes an order may have."""

MAX_ATTRIBUTE = 5_000  # characters of an attribute's value: the canonical order's bound

SHOWN_FAULTS = 20
"""Faults that are told at once: more than a clerk fixes before trying again."""


class Column(Struct, frozen=True, kw_only=True):
    """One column. `place` is where its value stands in the canonical order, or in its line; `most`
    bounds the characters of a text. `examples` are its cells in the template's two rows, if it is
    there."""

    name: str
    place: str
    words: str
    kind: Kind = "text"
    of_line: bool = False
    required: bool = False
    most: int = 256
    one_line: bool = False
    examples: tuple[str, str] | None = None


def _order(name: str, place: str, words: str, **more: object) -> Column:
    return Column(name=name, place=place, words=words, **more)  # type: ignore[arg-type]  # as named


def _line(name: str, place: str, words: str, **more: object) -> Column:
    return Column(name=name, place=place, words=words, of_line=True, **more)  # type: ignore[arg-type]  # as named


def _address(prefix: str, place: str, who: str) -> tuple[Column, ...]:
    shown_in = prefix == "ship_to"  # the template shows one address

    def one(name: str, field: str, words: str, example: str, most: int = 256) -> Column:
        cells = (example, "") if shown_in and example else None
        kind: Kind = "code" if name == "country" else "text"
        return Column(
            name=f"{prefix}_{name}",
            place=f"{place}.{field}",
            words=words,
            kind=kind,
            most=most,
            examples=cells,
        )

    return (
        one("name", "name", f"{who}; needed with any other field of this address", "Ada Reader"),
        one("company", "company", "the company", ""),
        one("line1", "lines.0", "street and number; needed likewise", "1 Book Street"),
        one("line2", "lines.1", "further lines", ""),
        one("line3", "lines.2", "further lines", ""),
        one("line4", "lines.3", "further lines", ""),
        one("city", "city", "the city", "Lexington"),
        one("region", "region", "code of ISO 3166-2, or name", "KY"),
        one("postal_code", "postal_code", "as the country writes it", "40507", 32),
        one("country", "country", "two letters of ISO 3166-1; needed likewise", "US", 2),
        one("phone", "phone", "for the carrier", "", 64),
    )


COLUMNS: tuple[Column, ...] = (
    _order(
        "ref",
        "ref",
        "your own reference of the order, on each of its rows",
        required=True,
        most=128,
        one_line=True,
        examples=("A-1001", "A-1001"),
    ),
    _order("number", "number", "what people call it; else `ref`", most=64, examples=("1001", "")),
    _order(
        "placed_at",
        "placed_at",
        "when, with its zone: 2026-11-27T09:30:00Z",
        kind="time",
        required=True,
        examples=("2026-11-27T09:30:00Z", ""),
    ),
    _order(
        "updated_at",
        "updated_at",
        "when it last changed; else `placed_at`",
        kind="time",
    ),
    _order(
        "currency",
        "currency",
        "three letters of ISO 4217",
        kind="code",
        required=True,
        most=3,
        examples=("USD", ""),
    ),
    _order(
        "payment",
        "payment",
        "`pending`, `authorized`, `partially_paid`, `paid`, "
        "`partially_refunded`, `refunded`, `voided`",
        kind="payment",
        required=True,
        examples=("paid", ""),
    ),
    _order("payment_method", "payment_method", "how it is paid, such as net30"),
    _order(
        "amount_due",
        "amount_due_minor",
        "what of the total is not paid yet",
        kind="money",
    ),
    _order("customer_name", "customer.name", "who ordered", examples=("Ada Reader", "")),
    _order(
        "email",
        "customer.email",
        "the customer's address",
        most=320,
        examples=("ada@example.com", ""),
    ),
    _order("phone", "customer.phone", "the customer's number", most=64),
    _order("customer_reference", "customer.reference", "your own id of the customer"),
    _order("locale", "customer.locale", "the customer's language, such as en-US", most=35),
    *_address("ship_to", "ship_to", "who receives it"),
    *_address("bill_to", "bill_to", "who pays"),
    _line("line_id", "line_id", "your own id of it; else 1, 2, 3 …", most=128, one_line=True),
    _line("sku", "sku", "which article", required=True, most=255, examples=("MUG-BLUE", "TEA")),
    _line(
        "title", "title", "what it is called; else `sku`", examples=("Blue mug", "Green tea, 100 g")
    ),
    _line(
        "quantity", "quantity", "how many pieces", kind="whole", required=True, examples=("2", "1")
    ),
    _line(
        "unit_price",
        "unit_price_minor",
        "of one piece",
        kind="money",
        required=True,
        examples=("12.50", "8.00"),
    ),
    _line(
        "line_discount",
        "discount_minor",
        "what is taken off it",
        kind="money",
    ),
    _line(
        "line_total",
        "total_minor",
        "after its discount, before tax; else price × quantity − discount",
        kind="money",
    ),
    _line(
        "line_tax",
        "tax_minor",
        "its tax",
        kind="money",
    ),
    _line("tax_code", "tax_code", "what the tax is called"),
    _line(
        "requires_shipping",
        "requires_shipping",
        "`yes` (if left empty) or `no`",
        kind="flag",
    ),
    _line(
        "weight_grams",
        "weight_grams",
        "of one piece",
        kind="whole",
    ),
    _order(
        "subtotal",
        "totals.subtotal_minor",
        "before any discount; else the lines' sum",
        kind="money",
    ),
    _order(
        "discount",
        "totals.discount_minor",
        "of the whole order; else the lines' sum",
        kind="money",
    ),
    _order("discount_code", "discounts.0.code", "what the customer typed"),
    _order("discount_title", "discounts.0.title", "what you call it"),
    _order(
        "shipping",
        "totals.shipping_minor",
        "what shipping costs; else 0",
        kind="money",
        examples=("4.95", ""),
    ),
    _order(
        "tax",
        "totals.tax_minor",
        "of the whole order; else the lines' sum",
        kind="money",
        examples=("0.00", ""),
    ),
    _order(
        "duty",
        "totals.duty_minor",
        "customs duty; else 0",
        kind="money",
    ),
    _order(
        "taxes_included",
        "totals.taxes_included",
        "`yes`: prices include the tax; else `no`",
        kind="flag",
    ),
    _order(
        "total",
        "totals.total_minor",
        "what the customer pays; all must add up to it",
        kind="money",
        required=True,
        examples=("37.95", ""),
    ),
    _order("shipping_method", "shipping_method", "what you call it", examples=("Ground", "")),
    _order("shipping_tax_code", "shipping_tax_code", "what the tax on shipping is called"),
    _order("note", "note", "for whoever packs", most=5_000),
    _order("gift_message", "gift_message", "for the parcel", most=5_000),
    _order(
        "test",
        "test",
        "`yes`: a test, which is held; else `no`",
        kind="flag",
    ),
)
"""In the order in which the template and the documentation show them."""

BY_NAME: Mapping[str, Column] = MappingProxyType({one.name: one for one in COLUMNS})


def header_of(cells: Sequence[str]) -> tuple[Column | None, ...]:
    """Return the column that each cell of the header names; None for one without a name, whose
    cells must be empty.

    Case, and blanks or hyphens for underscores, don't matter. Raises Refused with a sentence for
    each unknown column and its nearest known name, each repeated one and each missing one.
    """
    if len(cells) > MAX_COLUMNS:
        told = f"The header has {len(cells)} columns; {MAX_COLUMNS} are the most a file may have."
        raise refused(refusals.CSV_MALFORMED, told)
    found: list[Column | None] = []
    faults: list[str] = []
    seen: dict[str, int] = {}
    for place, cell in enumerate(cells, 1):
        column = _named(cell)
        if column is None and cell.strip():
            faults.append(_unknown(cell))
        elif column is not None:
            first = seen.setdefault(column.name, place)
            if first != place:
                faults.append(
                    f"The header has the column {shown(column.name)} twice, at {first} and "
                    f"{place}; leave one of them out."
                )
        found.append(column)
    faults += [
        f"The header lacks the column {one.name} ({one.words}); add it."
        for one in COLUMNS
        if one.required and one.name not in seen
    ]
    if faults:
        raise Refused(refusals.CSV_MALFORMED, tuple(faults[:SHOWN_FAULTS]))
    return tuple(found)


def known_among(cells: Sequence[str]) -> int:
    """Say how many cells of a header name a column."""
    return sum(_named(cell) is not None for cell in cells)


def template() -> tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...]]:
    """Return a header of the usual columns, and the two rows of an order that is accepted."""
    usual = [(one.name, *one.examples) for one in COLUMNS if one.examples is not None]
    head, first, second = zip(*usual, strict=True)
    return head, first, second


def drawn() -> str:
    """Return the table for people, as `docs/csv-import.md` shows it."""
    rows = []
    for one in COLUMNS:
        name = f"**`{one.name}`**" if one.required else f"`{one.name}`"
        rows.append(f"| {name} | {'line' if one.of_line else 'order'} | {one.words} |")
    return "\n".join(rows)


def _named(cell: str) -> Column | None:
    text = cell.strip()
    if text[: len(ATTRIBUTE)].lower() == ATTRIBUTE:
        name = text[len(ATTRIBUTE) :]
        if not 1 <= len(name) <= 256:
            return None
        return Column(name=ATTRIBUTE + name, place="", words="", most=MAX_ATTRIBUTE)
    return BY_NAME.get(_plain(text))


def _plain(text: str) -> str:
    return "_".join(text.lower().replace("-", " ").replace("_", " ").split())


def _unknown(cell: str) -> str:
    nearest = difflib.get_close_matches(_plain(cell[:100]), BY_NAME, n=1, cutoff=0.6)
    meant = f"the nearest known is {nearest[0]}" if nearest else "call it attribute.NAME to keep it"
    return f"The header has the column {shown(cell.strip())}, which is unknown; {meant}."
