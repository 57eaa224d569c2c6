"""What an order comes to, account by account, as it stands. Pure.

Amounts are in minor units of the order's currency; a debit is above zero, a credit below. What is
entered is named by its role and a detail, such as a tax and who levies it: which account that is,
is the settings' to say, and may change.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping

from actors.order.reading import MONEY_IS_GONE
from actors.order.state import State
from actors.refund.thing import REFUNDED
from schemas.order.canonical import Line, Order, Tax
from schemas.order.money import share_out

Name = tuple[str, str]
"""A role and a detail of it ("": none)."""
Side = dict[Name, int]
"""Signed sums that come to 0 together."""

RECEIVABLE: Name = ("receivable", "")
FEES = "fees"
SALE, MONEY, CHARGES = "sale", "money", "charges"
"""The parts of an order that balance by themselves: what was sold, what was paid, and what the
seller pays for it."""

_OF_LINE = {
    "goods": "goods",
    "gift_card": "gift_cards",
    "tip": "tips",
    "fee": "fees_charged",
    "service": "services",
}
MAX_DETAIL = 256
"""Characters of a detail: what a title or a method of payment has."""


def sides(state: State, order: Order, first_minor: int | None) -> Mapping[str, Side]:
    """Return what an order comes to by part. `first_minor` is what it came to when it was entered
    first (None: it was not): by that it is known whether its channel takes off what it gives back.
    Nothing of a test order, of one that another order stands for, and of one that never came."""
    if order.test or state.twin is not None or state.stage == "expected":
        return {SALE: {}, MONEY: {}, CHARGES: {}}
    back = _given_back(state, order, first_minor)
    sold = _sold(order)
    if state.stage == "cancelled" or order.payment in MONEY_IS_GONE:
        sold = {}
    elif back:
        sold = _less(sold, back)
    return {
        SALE: _without_zeros(sold),
        MONEY: _without_zeros(_paid(state, order, back)),
        CHARGES: _without_zeros(_charges(state, order)),
    }


def _sold(order: Order) -> Side:
    """Return the sale. What rounding leaves over between the parts and the total is told."""
    totals, credits = order.totals, Counter[Name]()
    insured = {fee.line_id for fee in order.fees if fee.kind == "insurance" and fee.line_id}
    within = _taxes(order)
    for line in order.lines:
        role = "insurance" if line.line_id in insured else _OF_LINE[line.kind]
        credits[role, ""] += _net(line, included=totals.taxes_included)
    shipping = totals.shipping_minor
    if totals.taxes_included:
        rest = totals.tax_minor - sum(line.tax_minor for line in order.lines)
        shipping -= max(0, min(rest, shipping))
        credits["goods", ""] -= rest - (totals.shipping_minor - shipping)
    credits["shipping", ""] += shipping
    credits["duties", ""] += totals.duty_minor
    credits.update(within)
    off = sum(line.discount_minor for line in order.lines)
    extra = max(0, totals.discount_minor - off)
    found = Counter({name: -amount for name, amount in credits.items()})
    found["discounts", ""] += off + extra
    found[RECEIVABLE] += totals.total_minor
    found["rounding", ""] -= sum(found.values())
    return dict(found)


def _net(line: Line, *, included: bool) -> int:
    return line.total_minor + line.discount_minor - (line.tax_minor if included else 0)


def _taxes(order: Order) -> Counter[Name]:
    """Return the taxes by who levies them; they sum to the order's tax."""
    stated: list[Tax] = [*order.shipping_taxes, *(x for line in order.lines for x in line.taxes)]
    total, found = order.totals.tax_minor, Counter[Name]()
    amounts = [one.amount_minor for one in stated]
    if sum(amounts) > total:
        amounts = share_out(total, amounts)
    for one, amount in zip(stated, amounts, strict=True):
        found["tax", (one.jurisdiction or one.title)[:MAX_DETAIL]] += amount
    found["tax", ""] += total - sum(amounts)
    return found


def _less(sold: Side, back: int) -> Side:
    """Take off what was given back, from all that was sold in proportion."""
    names = sorted(name for name, amount in sold.items() if amount < 0)
    if not names:
        return sold
    shares = share_out(back, [-sold[name] for name in names])
    found = Counter(sold)
    for name, share in zip(names, shares, strict=True):
        found[name] += share
    found[RECEIVABLE] -= back
    return dict(found)


def given_back(state: State, order: Order) -> int:
    """Return what we had the channel give back, in the order's own currency."""
    seen, found = order.presentment, 0
    for one in state.refunds.values():
        if one.stage != REFUNDED:
            continue
        if one.currency == order.currency:
            found += one.given
        elif seen is not None and one.currency == seen.currency and seen.totals.total_minor:
            whole = seen.totals.total_minor
            found += (2 * one.given * order.totals.total_minor + whole) // (2 * whole)
    return found


def _given_back(state: State, order: Order, first_minor: int | None) -> int:
    """Return what of a refund is still in the order's total: some channels take it off."""
    total = order.totals.total_minor
    if order.payment != "partially_refunded":
        return 0
    shrunk = max(0, (total if first_minor is None else first_minor) - total)
    return min(total, max(0, given_back(state, order) - shrunk))


def _paid(state: State, order: Order, back: int) -> Side:
    """Return the money that the seller has of the customer's."""
    total, due = order.totals.total_minor, order.amount_due_minor
    amount = 0
    if order.payment == "paid":
        amount = total
    elif order.payment == "partially_refunded":
        amount = total - back - (due or 0)
    elif order.payment == "partially_paid" and due is not None:
        amount = total - due
    elif order.payment == "authorized":
        taken = (x.captured for x in state.payments.values() if x.currency == order.currency)
        amount = min(total, sum(taken))
    if state.stage == "cancelled" and order.payment == "paid":
        amount -= min(amount, given_back(state, order))
    if amount <= 0:
        return {}
    found = Counter({RECEIVABLE: -amount})
    for name, part in _tendered(state, order, amount):
        found[name] += part
    return dict(found)


def _tendered(state: State, order: Order, amount: int) -> Iterable[tuple[Name, int]]:
    tenders = [one for one in order.tenders if one.amount_minor]
    method = (state.payment_method or order.payment_method or state.channel)[:MAX_DETAIL]
    if not tenders:
        return [(("payments", method), amount)]
    shares = share_out(amount, [one.amount_minor for one in tenders])
    names: list[Name] = []
    for one in tenders:
        owed = {"gift_card": "gift_cards", "store_credit": "store_credit"}.get(one.kind)
        names.append((owed, "") if owed else ("payments", (one.method or method)[:MAX_DETAIL]))
    return zip(names, shares, strict=True)


def _charges(state: State, order: Order) -> Side:
    """Return the fees that the channel keeps of what it owes the seller."""
    if state.stage == "cancelled":
        return {}
    found = Counter[Name]()
    for one in order.fees:
        if one.paid_by == "seller":
            found[FEES, (one.title or one.kind)[:MAX_DETAIL]] += one.amount_minor
    found["payments", state.channel] -= sum(found.values())
    return dict(found)


def _without_zeros(found: Side) -> Side:
    return {name: amount for name, amount in found.items() if amount}


def changed(before: Side, now: Side) -> Side:
    """Return what is to be entered so that `before` becomes `now`; it comes to 0, too."""
    names = sorted({*before, *now})
    return _without_zeros({name: now.get(name, 0) - before.get(name, 0) for name in names})
