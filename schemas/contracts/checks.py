"""Rules for canonical orders beyond their shape. Each check returns sentences, none if the order
passes."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime

from schemas.contracts import refusals
from schemas.contracts.refusals import Refused
from schemas.contracts.strict_json import shown
from schemas.messages.effects import Units
from schemas.messages.inputs import ReportedParcel
from schemas.order.canonical import Address, Line, Order, Presentment, Totals
from schemas.order.iso_codes import COUNTRIES, CURRENCIES
from schemas.order.money import decimal_text

MAX_PARCELS = 100
"""The limit of `warehouse.callback.v2`; a carrier's shipment has at most 200, a mistake
thousands."""
MAX_PIECES = 1_000_000
"""Per line: the canonical order's limit."""
MAX_GOODS = 500
"""Lines of goods in an order, and so the most that a task of a warehouse may have. A canonical
order has room for a hundred more, which no one packs: fees, tips, wrapping and gift cards."""
MAX_SIDE_MM = 20_000
"""Twenty metres: longer than any parcel, and short enough to catch most mistaken units."""


def refuse_order(order: Order) -> None:
    """Raise Refused with the first reason, in the sequence of ORDER_CHECKS, and all its
    sentences."""
    for reason, look in ORDER_CHECKS:
        if sentences := look(order):
            raise Refused(reason, sentences)


def currency_known(order: Order) -> tuple[str, ...]:
    """The order's currency and the currency that the customer saw are in ISO 4217; amounts that the
    customer saw come with their currency."""
    seen = order.presentment
    if seen is None:
        for line in order.lines:
            if line.presentment_total_minor is not None:
                return ("A line has a presentment_total_minor, but the order no presentment.",)
    return tuple(
        f"The currency is {currency}, which ISO 4217 does not know; send its code."
        for currency in ((order.currency,) if seen is None else (order.currency, seen.currency))
        if currency not in CURRENCIES
    )


def countries_known(order: Order) -> tuple[str, ...]:
    """The countries of both addresses are in ISO 3166-1 (or XK, AC, TA)."""
    return tuple(
        f"The country of the {name} address is {address.country}, which ISO 3166-1 does not know; "
        "send the two-letter code, such as US."
        for name, address in _addresses(order)
        if address.country not in COUNTRIES
    )


def has_ship_to(order: Order) -> tuple[str, ...]:
    """An order of which something is brought to the customer has a delivery address."""
    if order.ship_to is not None or not any(map(is_brought, order.lines)):
        return ()
    return ("A line requires shipping and the order has no ship_to address; add it.",)


def goods_counted(order: Order) -> tuple[str, ...]:
    """No more lines of goods than a task of a warehouse may have."""
    count = sum(line.kind == "goods" for line in order.lines)
    if count <= MAX_GOODS:
        return ()
    told = f"The order has {count} lines of goods; {MAX_GOODS} are the most."
    return (f"{told} Send the others as another order.",)


def is_brought(line: Line) -> bool:
    """Say whether a line is brought to its customer by us, who has to be found there."""
    if line.delivery:
        return line.delivery in ("parcel", "local_delivery")
    return line.requires_shipping


def line_ids_differ(order: Order) -> tuple[str, ...]:
    """No two lines have the same id."""
    if len({line.line_id for line in order.lines}) == len(order.lines):
        return ()
    twice, _ = Counter(line.line_id for line in order.lines).most_common(1)[0]
    return (f"Two lines have the id {shown(twice)}; give each line its own.",)


def dates_possible(order: Order) -> tuple[str, ...]:
    """The times are on the calendar."""
    wanted = (
        ("placed_at", order.placed_at), ("updated_at", order.updated_at),
        ("ship_by", order.ship_by), ("deliver_from", order.deliver_from),
        ("deliver_by", order.deliver_by), ("pickup_at", order.pickup_at),
    )  # fmt: skip
    return tuple(
        f"{name} is {value}, which is on no calendar; send an RFC 3339 time."
        for name, value in wanted
        if value is not None and not _is_time(value)
    )


def news_possible(at: str | None) -> tuple[str, ...]:
    """The time of a report is on the calendar."""
    if at is None or _is_time(at):
        return ()
    return (f"The at is {at}, which is on no calendar; send a real date and time.",)


def totals_add_up(order: Order) -> tuple[str, ...]:
    """Prices sum to the subtotal, and subtotal - discount + shipping + tax + duty is the total.

    The subtotal is before any discount. A discount on the whole order need not be divided among
    lines, so the lines' discounts may sum to less than the order's, never more; the same holds for
    named discounts. Tax of lines need not sum to the order's tax: jurisdictions round separately.
    What the customer saw must add up in the same way, in its own currency.
    """
    totals = order.totals
    gross = given = 0
    for line in order.lines:
        gross += line.total_minor + line.discount_minor
        given += line.discount_minor
    found: list[str] = []
    money = _writer(order.currency)
    if gross != totals.subtotal_minor:
        found.append(
            f"The lines before discount sum to {money(gross)}, but the subtotal is "
            f"{money(totals.subtotal_minor)}; one of them is wrong."
        )
    if given > totals.discount_minor:
        found.append(
            f"The lines' discounts sum to {money(given)}, more than the order's discount of "
            f"{money(totals.discount_minor)}; state the whole discount."
        )
    if order.discounts:
        named = sum(one.amount_minor for one in order.discounts if one.applies_to == "goods")
        if named > totals.discount_minor:
            found.append(
                f"The discounts by name sum to {money(named)}, more than the order's discount of "
                f"{money(totals.discount_minor)}; state the whole discount."
            )
    found.extend(_sum_differs(totals, order.currency))
    due = order.amount_due_minor
    if due is not None and due > totals.total_minor:
        found.append(
            f"The amount due is {money(due)}, more than the total of {money(totals.total_minor)}; "
            "state what of the total is not paid yet."
        )
    if order.presentment is not None:
        found.extend(_presentment_differs(order, order.presentment))
    return tuple(found)


def parts_add_up(order: Order) -> tuple[str, ...]:
    """Taxes of a line that are told apart sum to its tax; of the fees that the customer pays, those
    with a line name one of the kind fee, and those below zero are within the order's discount."""
    money = _writer(order.currency)
    found = [
        f"The taxes of the line {shown(line.line_id)} sum to {money(taxes)}, but its tax is "
        f"{money(line.tax_minor)}; one of them is wrong."
        for line in order.lines
        if line.taxes and (taxes := sum(one.amount_minor for one in line.taxes)) != line.tax_minor
    ]
    if not order.fees:
        return tuple(found[:20])
    booked = {line.line_id for line in order.lines if line.kind == "fee"}
    theirs = [one for one in order.fees if one.paid_by == "customer"]
    found += [
        f"The fee {shown(one.title)} names the line {shown(one.line_id)}, which is not a line of "
        "the kind fee; name the line that books it."
        for one in theirs
        if one.line_id and one.line_id not in booked
    ]
    given = -sum(one.amount_minor for one in theirs if one.amount_minor < 0)
    if given > order.totals.discount_minor:
        found.append(
            f"The fees below zero sum to {money(given)}, more than the order's discount of "
            f"{money(order.totals.discount_minor)}; state the whole discount."
        )
    return tuple(found[:20])


def _writer(currency: str) -> Callable[[int], str]:
    return lambda minor: f"{decimal_text(minor, currency)} {currency}"


def _sum_differs(totals: Totals, currency: str) -> tuple[str, ...]:
    total = (
        totals.subtotal_minor
        - totals.discount_minor
        + totals.shipping_minor
        + (0 if totals.taxes_included else totals.tax_minor)
        + totals.duty_minor
    )
    if total == totals.total_minor:
        return ()
    money = _writer(currency)
    tax = "tax (already in the prices)" if totals.taxes_included else "tax"
    told = (
        f"Subtotal less discount plus shipping, {tax} and duty is {money(total)}, but the "
        f"total is {money(totals.total_minor)}; the difference is "
        f"{money(totals.total_minor - total)}."
    )
    return (told,)


def _presentment_differs(order: Order, presentment: Presentment) -> list[str]:
    """If all lines are stated, they sum to the subtotal less the lines' discounts: at most the
    subtotal, and at least the subtotal less the whole discount."""
    totals = presentment.totals
    found = [f"As the customer saw it: {one}" for one in _sum_differs(totals, presentment.currency)]
    if presentment.currency == order.currency and totals != order.totals:
        found.append(
            f"The presentment is in the order's own currency, {order.currency}, with other "
            "totals; leave it out, or correct the currency."
        )
    seen = [line.presentment_total_minor for line in order.lines]
    stated = [one for one in seen if one is not None]
    if len(stated) == len(seen):
        money, lines = _writer(presentment.currency), sum(stated)
        if not totals.subtotal_minor - totals.discount_minor <= lines <= totals.subtotal_minor:
            found.append(
                f"The lines as the customer saw them sum to {money(lines)}, but the presentment's "
                f"subtotal is {money(totals.subtotal_minor)} with a discount of "
                f"{money(totals.discount_minor)}; one of them is wrong."
            )
    return found


def parcels_possible(parcels: tuple[ReportedParcel, ...]) -> tuple[str, ...]:
    """One to 100 parcels with distinct ids and possible sizes and weights."""
    if not 1 <= len(parcels) <= MAX_PARCELS:
        return (f"There are {len(parcels)} parcels; 1 to {MAX_PARCELS} were expected.",)
    found = [
        f"The parcel {shown(parcel.parcel_id)} has a side of {side} mm; 0 to {MAX_SIDE_MM} "
        "is possible."
        for parcel in parcels
        for side in (parcel.length_mm, parcel.width_mm, parcel.height_mm)
        if not 0 <= side <= MAX_SIDE_MM
    ]
    if len({parcel.parcel_id for parcel in parcels}) != len(parcels):
        found.append("Two parcels have the same parcel_id; give each its own.")
    for parcel in parcels:
        found.extend(quantities_possible(parcel.units, least=1))
    return tuple(found[:20])


def quantities_possible(units: tuple[Units, ...], *, least: int = 0) -> tuple[str, ...]:
    """Each line is named once, or once for each SKU sent instead, with `least` to MAX_PIECES of its
    pieces."""
    found = [
        f"Of the line {shown(one.line_id)} {one.quantity} pieces are named; {least} to "
        f"{MAX_PIECES:,} are possible."
        for one in units
        if not least <= one.quantity <= MAX_PIECES
    ]
    if len({(one.line_id, one.sku) for one in units}) != len(units):
        found.append("The same line is named twice; name each line once, with all of its pieces.")
    return tuple(found[:20])


def skus_named(order: Order) -> tuple[str, ...]:
    """Every line that must be shipped has an SKU that is not blank."""
    return tuple(
        f"The SKU of the line {shown(line.line_id)} is blank; say which article it is."
        for line in order.lines
        if line.requires_shipping and not line.sku.strip()
    )[:20]


_UNPRINTED = re.compile("[\\x00-\\x1f\\x7f-\\x9f\\u202a-\\u202e\\u2066-\\u2069]")


def number_printable(order: Order) -> tuple[str, ...]:
    """The order's number, which is printed at terminals and in logs, has no control characters and
    none that turn the direction of what follows."""
    if _UNPRINTED.search(order.number) is None:
        return ()
    return (f"The number is {shown(order.number)}: it must not hold control characters.",)


ORDER_CHECKS: tuple[tuple[str, Callable[[Order], tuple[str, ...]]], ...] = (
    (refusals.SCHEMA_MISMATCH, number_printable),
    (refusals.SCHEMA_MISMATCH, goods_counted),
    (refusals.CURRENCY_UNKNOWN, currency_known),
    (refusals.COUNTRY_UNKNOWN, countries_known),
    (refusals.SHIP_TO_MISSING, has_ship_to),
    (refusals.LINE_REPEATED, line_ids_differ),
    (refusals.SKU_MISSING, skus_named),
    (refusals.DATE_IMPOSSIBLE, dates_possible),
    (refusals.TOTAL_MISMATCH, totals_add_up),
    (refusals.TOTAL_MISMATCH, parts_add_up),
)
"""Every check of an order, with its reason for refusal."""


def _addresses(order: Order) -> list[tuple[str, Address]]:
    both = (("shipping", order.ship_to), ("billing", order.bill_to))
    return [(name, address) for name, address in both if address is not None]


def _is_time(value: str) -> bool:
    try:
        datetime.fromisoformat(value).astimezone(UTC)
    except (ValueError, OverflowError):  # a zone can push the first or last representable day over
        return False
    return True
