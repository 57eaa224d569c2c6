"""What has no field in a sales order, as the texts of its comment lines."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import chain, islice

from adapters.kit.attributes import unpacked
from adapters.kit.fitting import fit, printable, utf16_length
from schemas.order.canonical import DOUBT, Discount, Order
from schemas.order.ids import REFERENCE_LENGTH
from schemas.order.money import decimal_text

MAX_TEXT = 100
"""Characters of a line's description, as Windows counts them."""
MAX_LINES_OF_A_TEXT = 10
"""A note of a thousand characters is whole; a longer one ends in an ellipsis."""
MAX_LINES = 50
"""All comments of an order: a page of what people wrote. The order itself keeps all of it."""

_CONTINUED = "… "
_REFERENCE = "Reference "
_MARK = re.compile(rf"{_REFERENCE}[0-9A-Z]{{{REFERENCE_LENGTH}}}\b", re.IGNORECASE)
_LABELS = (
    "Prices include tax of ", "Prices without tax; ", "Discount ", "The customer saw ", "Note: ",
    "Gift message: ", "Gift message of line ", "Attribute ", "Paid by: ", "Fee: ", "VAT id: ",
    "Continues order: ", "Subscription: ", "Collected at: ", "Delivery from: ",
    "Delivery by: ", _CONTINUED,
)  # fmt: skip
"""How our lines begin: nothing that a person would begin a remark with, for what is ours and not
wanted any more is deleted."""


def comments(order: Order, reference: str, day: str = "") -> list[str]:
    """Return at most 50 texts of at most 100 characters: our reference (35 characters), the day by
    which the order is to be delivered ("": none), the tax basis, discounts by name, what the
    customer saw, note, gift message, attributes. Doubts are ours, and stay here."""
    first = (marked(reference), due_by(day)) if day else (marked(reference),)
    texts = chain(first, _texts(order))
    return list(islice((line for text in texts for line in _wrapped(text)), MAX_LINES))


def marked(reference: str) -> str:
    """Return the comment line by which a document is known to be ours."""
    return _REFERENCE + reference


def due_by(day: str) -> str:
    """Return the comment line that says that we set the day of delivery: it is taken back with the
    line, and a day that a person set stays."""
    return f"Delivery by: {day}"


def is_mark(text: str) -> bool:
    """Say whether a comment line holds a reference, ours or that of another attempt."""
    return _MARK.match(text) is not None


def mark_in(text: str) -> str:
    """Return the reference that a comment line holds, in capitals; "" for none."""
    return text[len(_REFERENCE) :][:REFERENCE_LENGTH].upper() if is_mark(text) else ""


def is_ours(text: str) -> bool:
    """Say whether a comment line is one that we wrote, by how it begins; people add others."""
    return text.startswith(_LABELS) or is_mark(text)


def _texts(order: Order) -> Iterator[str]:
    tax = f"{decimal_text(order.totals.tax_minor, order.currency)} {order.currency}"
    if order.totals.taxes_included:
        yield f"Prices include tax of {tax}"
    elif order.totals.tax_minor:
        yield f"Prices without tax; the shop added tax of {tax}"
    for discount in order.discounts:
        yield _discount(discount, order.currency)
    seen = order.presentment
    if seen is not None:
        total = decimal_text(seen.totals.total_minor, seen.currency)
        yield f"The customer saw a total of {total} {seen.currency}"
    yield from _paid(order)
    yield from _about(order)
    if order.note:
        yield f"Note: {order.note}"
    if order.gift_message:
        yield f"Gift message: {order.gift_message}"
    for line in order.lines:
        if line.gift_message:
            yield f"Gift message of line {line.line_id}: {line.gift_message}"
    for name, value in unpacked(order.attributes).items():
        if not name.startswith(DOUBT):
            yield f"Attribute {name}: {value}"


def _paid(order: Order) -> Iterator[str]:
    for one in order.tenders:
        amount = f"{decimal_text(one.amount_minor, order.currency)} {order.currency}"
        name = " ".join(x for x in (one.method or one.kind, one.reference) if x)
        yield f"Paid by: {name or 'other means'}, {amount}"
    for fee in order.fees:
        sign = "-" if fee.amount_minor < 0 else ""
        amount = f"{sign}{decimal_text(abs(fee.amount_minor), order.currency)} {order.currency}"
        whose = " of the channel" if fee.paid_by == "seller" else ""
        booked = f", in line {fee.line_id}" if fee.line_id else ""
        yield f"Fee: {fee.title or fee.kind or 'without a name'}{whose}, {amount}{booked}"


def _about(order: Order) -> Iterator[str]:
    for label, text in (
        ("VAT id", order.customer.vat_id),
        ("Continues order", order.parent_ref),
        ("Subscription", order.subscription_ref),
        ("Collected at", order.pickup_at),
        ("Delivery from", order.deliver_from),
    ):
        if text:
            yield f"{label}: {text}"


def _discount(discount: Discount, currency: str) -> str:
    name = " ".join(part for part in (discount.code, discount.title) if part) or "without a name"
    off = " off shipping" if discount.applies_to == "shipping" else ""
    return f"Discount {name}: {decimal_text(discount.amount_minor, currency)} {currency}{off}"


def _wrapped(text: str) -> list[str]:
    """Break a text between words, or within a word that is longer than a line. Lines after the
    first begin with an ellipsis, by which they are recognised as ours."""
    rest = printable(text)
    lines: list[str] = []
    while rest and len(lines) < MAX_LINES_OF_A_TEXT:
        begin = _CONTINUED if lines else ""
        line = fit(rest, MAX_TEXT - len(begin), length=utf16_length)
        if len(line) < len(rest) and rest[len(line)] != " " and " " in line:
            line = line[: line.rindex(" ")]
        lines.append(begin + line)
        rest = rest[len(line) :].lstrip()
    if rest:
        lines[-1] = fit(lines[-1], MAX_TEXT - 1, length=utf16_length) + "…"
    return lines
