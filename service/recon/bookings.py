"""Compares what we told the ERP of an order with the documents that it has."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from msgspec.structs import replace

from adapters.kit.books import Booked
from service.recon.cases import Case, Difference, OurOrder, Terms, Told


def booking_differences(case: Case, terms: Terms) -> Iterator[Difference]:
    """Yield the differences between an order and the ERP."""
    ours = case.ours
    orders = [one for one in case.booked if one.kind != "credit"]
    if ours is None:
        # The journal has no order of a key that the ERP's documents alone bear.
        if not case.shop:
            for one in orders:
                yield _documents("booking_of_no_order", 0, [one], one.currency)
        return
    if ours.unsettled or not terms.is_due(ours.stated_at, terms.grace_seconds):
        return
    told = ours.told
    if told is None:
        if ours.awaits_erp and not orders:
            yield Difference(
                cause="never_booked",
                currency=ours.currency,
                expected_minor=ours.amounts.total_minor,
                about=ours.ref,
            )
        return
    yield from _against(ours, told, orders, case, terms)


def _against(
    ours: OurOrder, told: Told, orders: Sequence[Booked], case: Case, terms: Terms
) -> Iterator[Difference]:
    memos = [one for one in case.booked if one.kind == "credit"]
    credits = [one for one in memos if not one.draft]
    drafts = [one for one in memos if one.draft]
    if told.undone:
        if orders and not credits:
            yield _documents("cancelled_and_still_booked", 0, orders, ours.currency)
        return
    if not orders:
        yield Difference(
            cause="booking_missing",
            currency=ours.currency,
            expected_minor=told.amounts.total_minor,
            about=told.erp_id,
        )
        return
    first, extra = _of_one_order(told, orders)
    if first.draft:
        yield _documents("invoice_not_posted", 0, [first], ours.currency)
    if extra:
        yield _documents("booked_twice", told.amounts.total_minor, extra, ours.currency)
    if not terms.shop or any(one.unread for one in case.shop):
        yield from _without_shop(ours, told, first)
        return
    given = _given_back(case, terms) if first.kind == "invoice" else []
    if given or credits:
        yield from _invoiced(ours, told, first, given, (credits, drafts))
        return
    yield from _amounts(ours, told, first)


def _without_shop(ours: OurOrder, told: Told, there: Booked) -> Iterator[Difference]:
    """Without the shop's books no one knows what was given back: credit memos say nothing, and an
    invoice may be above what we act on now."""
    more = there.amounts.total_minor - told.amounts.total_minor
    if there.kind == "order" or more <= there.lines:
        yield from _amounts(ours, told, there)


def _of_one_order(told: Told, orders: Sequence[Booked]) -> tuple[Booked, list[Booked]]:
    """Return the document of the sales order that we know, and those of others. A sales order that
    is invoiced in part stands beside its invoices, and says all of it; later its invoices sum to
    it."""
    first = min(
        orders, key=lambda one: (told.erp_id not in (one.id, one.order), one.kind, one.number)
    )
    mine = [one for one in orders if one is first or (one.order and one.order == first.order)]
    extra = [one for one in orders if one not in mine]
    if any(one.kind == "order" for one in mine):
        return next(one for one in mine if one.kind == "order"), extra
    parts = {
        name: sum(getattr(one.amounts, name) for one in mine)
        for name in ("goods_minor", "shipping_minor", "duty_minor", "tax_minor")
    }
    whole = replace(first.amounts, **parts)
    return replace(first, amounts=whole, lines=sum(one.lines for one in mine)), extra


def _documents(
    cause: str, expected_minor: int, there: Sequence[Booked], currency: str
) -> Difference:
    return Difference(
        cause=cause,
        currency=currency or there[0].currency,
        expected_minor=expected_minor,
        found_minor=expected_minor + sum(one.amounts.total_minor for one in there),
        about=",".join(sorted(one.number or one.id for one in there)),
    )


def _amounts(ours: OurOrder, told: Told, there: Booked) -> Iterator[Difference]:
    if there.currency and there.currency != ours.currency:
        yield Difference(
            cause="booked_in_other_currency",
            currency=ours.currency,
            about=there.number,
            expected=ours.currency,
            found=there.currency,
        )
        return
    off = 0
    for name in ("goods", "shipping", "duty"):
        expected = getattr(told.amounts, f"{name}_minor")
        found = getattr(there.amounts, f"{name}_minor")
        off += found - expected
        if expected != found:
            gone = name != "goods" and not found
            yield Difference(
                cause=f"{name}_not_booked" if gone else f"{name}_booked_differently",
                currency=ours.currency,
                expected_minor=expected,
                found_minor=found,
                about=there.number,
            )
    if told.day and there.day and told.day != there.day:
        yield Difference(
            cause="booked_on_another_day",
            currency=ours.currency,
            about=there.number,
            expected=told.day,
            found=there.day,
        )
    yield from _tax(ours, told, there, off)


def _tax(ours: OurOrder, told: Told, there: Booked, off: int) -> Iterator[Difference]:
    """Where the amounts are off, the tax may be off by its share of that."""
    expected, found = told.amounts.tax_minor, there.amounts.tax_minor
    if (expected or found) and told.amounts.taxes_included != there.amounts.taxes_included:
        yield Difference(
            cause="tax_basis_differs",
            currency=ours.currency,
            about=there.number,
            expected="with tax" if told.amounts.taxes_included else "without tax",
            found="with tax" if there.amounts.taxes_included else "without tax",
        )
        return
    basis = told.amounts.total_minor - (0 if told.amounts.taxes_included else expected)
    follows = off * expected // basis if basis else 0
    least, most = min(0, follows) - there.lines, max(0, follows) + there.lines
    if told.tax_known and not least <= found - expected <= most:
        yield Difference(
            cause="tax_booked_differently",
            currency=ours.currency,
            expected_minor=expected,
            found_minor=found,
            about=there.number,
        )


def _given_back(case: Case, terms: Terms) -> list[int]:
    """Return what the shop gave back, as far as a credit memo of it should be there by now."""
    return [
        one.amount_minor
        for shop in case.shop[:1]
        for one in shop.payments
        if one.kind == "refund" and terms.is_due(one.at, terms.grace_seconds)
    ]


def _invoiced(
    ours: OurOrder,
    told: Told,
    there: Booked,
    given: Sequence[int],
    memos: tuple[Sequence[Booked], Sequence[Booked]],
) -> Iterator[Difference]:
    """Compare an invoice, refunds and credit memos, posted ones and drafts. What was given back
    before the invoice is in it; what is given back later takes a credit memo."""
    now, whole = told.amounts.total_minor, told.amounts.total_minor + sum(given)
    invoiced = there.amounts.total_minor
    due = given
    if abs(invoiced - now) <= there.lines:
        due = []
    elif abs(invoiced - whole) > there.lines:
        yield Difference(
            cause="goods_booked_differently",
            currency=ours.currency,
            expected_minor=whole,
            found_minor=invoiced,
            about=there.number,
        )
    yield from _credits(ours, due, *memos)


def _credits(
    ours: OurOrder, given: Sequence[int], credits: Sequence[Booked], drafts: Sequence[Booked]
) -> Iterator[Difference]:
    """Compare refunds with credit memos, amount by amount; what is left over on both sides is
    compared by its sum."""
    left = [*credits]
    owed = []
    for amount in given:
        match = next(
            (one for one in left if abs(one.amounts.total_minor - amount) <= one.lines), None
        )
        if match is None:
            owed.append(amount)
        else:
            left.remove(match)
    credited = sum(one.amounts.total_minor for one in left)
    if abs(sum(owed) - credited) <= sum(one.lines for one in left):
        return
    waiting = sum(one.amounts.total_minor for one in drafts)
    if drafts and not left and abs(sum(owed) - waiting) <= sum(one.lines for one in drafts):
        yield Difference(
            cause="credit_memo_not_posted",
            currency=ours.currency,
            expected_minor=sum(owed),
            about=",".join(sorted(one.number or one.id for one in drafts)),
        )
        return
    yield Difference(
        cause=_credit_cause(given, owed, left),
        currency=ours.currency,
        expected_minor=sum(owed),
        found_minor=credited,
        about=",".join(sorted(one.number for one in left)) or ours.ref,
    )


def _credit_cause(given: Sequence[int], owed: Sequence[int], left: Sequence[Booked]) -> str:
    if not left:
        return "credit_memo_missing"
    if owed:
        return "credit_amount_differs"
    again = all(
        any(abs(one.amounts.total_minor - amount) <= one.lines for amount in given) for one in left
    )
    return "credited_twice" if again else "credit_without_refund"
