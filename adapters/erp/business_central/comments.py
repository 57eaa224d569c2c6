"""What has no field in a sales order, as the texts of its comment lines."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice

from adapters.kit.fitting import fit, printable, utf16_length
from schemas.order.canonical import DOUBT, Discount, Order
from schemas.order.money import decimal_text

MAX_TEXT = 100
"""Characters of a line's description, as Windows counts them."""
MAX_LINES_OF_A_TEXT = 10
"""A note of a thousand characters is whole; a longer one ends in an ellipsis."""
MAX_LINES = 50
"""All comments of an order: a page of what people wrote. The order itself keeps all of it."""


def comments(order: Order) -> list[str]:
    """Return at most 50 texts of at most 100 characters: discounts by name, what the customer saw,
    note, gift message, attributes. Doubts are ours, and stay here."""
    return list(islice((line for text in _texts(order) for line in _wrapped(text)), MAX_LINES))


def _texts(order: Order) -> Iterator[str]:
    for discount in order.discounts:
        yield _discount(discount, order.currency)
    seen = order.presentment
    if seen is not None:
        total = decimal_text(seen.totals.total_minor, seen.currency)
        yield f"The customer saw a total of {total} {seen.currency}"
    if order.note:
        yield f"Note: {order.note}"
    if order.gift_message:
        yield f"Gift message: {order.gift_message}"
    for name, value in order.attributes.items():
        if not name.startswith(DOUBT):
            yield f"{name}: {value}"


def _discount(discount: Discount, currency: str) -> str:
    name = " ".join(part for part in (discount.code, discount.title) if part) or "without a name"
    off = " off shipping" if discount.applies_to == "shipping" else ""
    return f"Discount {name}: {decimal_text(discount.amount_minor, currency)} {currency}{off}"


def _wrapped(text: str) -> list[str]:
    """Break a text between words, or within a word that is longer than a line."""
    rest = printable(text)
    lines: list[str] = []
    while rest and len(lines) < MAX_LINES_OF_A_TEXT:
        line = fit(rest, MAX_TEXT, length=utf16_length)
        if len(line) < len(rest) and rest[len(line)] != " " and " " in line:
            line = line[: line.rindex(" ")]
        lines.append(line)
        rest = rest[len(line) :].lstrip()
    if rest:
        lines[-1] = fit(lines[-1], MAX_TEXT - 1, length=utf16_length) + "…"
    return lines
