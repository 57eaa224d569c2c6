"""Compares the payments that the storefront shows with what its gateway took and gave back."""

from __future__ import annotations

from collections.abc import Iterator

from adapters.kit.books import Payment, Settled
from service.recon.cases import Case, Difference, Terms

_NAMES = {
    "payment": ("payment_not_at_gateway", "settled_twice", "settled_amount_differs"),
    "refund": ("refund_not_at_gateway", "refunded_twice", "refund_amount_differs"),
}


def settlement_differences(case: Case, terms: Terms) -> Iterator[Difference]:
    """Yield the differences between an order's payments and the gateway. What the gateway has of
    an order that was not read is left out; of no order at all is a difference. The gateway is read
    after the shop: what it did meanwhile is not told yet."""
    if not case.shop:
        if case.ours is None:
            for one in case.settled:
                if not one.ref and terms.covers(one.at) and _is_known(one, terms):
                    yield _beyond(one, "payment_of_no_order")
        return
    shop = case.shop[0]
    if shop.unread:
        return
    by_transaction: dict[str, list[Settled]] = {}
    for one in case.settled:
        by_transaction.setdefault(one.transaction, []).append(one)
    for payment in shop.payments:
        there = by_transaction.pop(payment.id, [])
        if payment.settles:
            yield from _compare(payment, there, terms)
    for left in by_transaction.values():
        for one in left:
            if not _is_known(one, terms):
                continue
            cause = "payment_not_in_shop" if one.kind == "payment" else "refund_not_in_shop"
            yield _beyond(one, cause)


def _compare(payment: Payment, there: list[Settled], terms: Terms) -> Iterator[Difference]:
    missing, doubled, other_amount = _NAMES[payment.kind]
    if not there:
        if terms.is_due(payment.at, terms.settle_seconds):
            yield Difference(
                cause=missing,
                currency=payment.currency,
                expected_minor=payment.amount_minor,
                about=payment.id,
            )
        return
    right = [one for one in there if one.amount_minor == payment.amount_minor]
    first = min(right or there, key=lambda one: (one.at, one.id))
    extra = [one for one in there if one is not first]
    if extra:
        yield Difference(
            cause=doubled,
            currency=payment.currency,
            expected_minor=payment.amount_minor,
            found_minor=payment.amount_minor + sum(one.amount_minor for one in extra),
            about=",".join(sorted(one.id for one in extra)),
        )
    if first.currency != payment.currency:
        yield Difference(
            cause="settled_in_other_currency",
            currency=payment.currency,
            about=first.id,
            expected=payment.currency,
            found=first.currency,
        )
    elif first.amount_minor != payment.amount_minor:
        yield Difference(
            cause=other_amount,
            currency=payment.currency,
            expected_minor=payment.amount_minor,
            found_minor=first.amount_minor,
            about=first.id,
        )
    yield from _fee_and_payout(payment, first, terms)


def _fee_and_payout(payment: Payment, there: Settled, terms: Terms) -> Iterator[Difference]:
    told, took = payment.fee_minor, there.fee_minor
    if there.currency == payment.currency and None not in (told, took) and told != took:
        yield Difference(
            cause="fee_differs",
            currency=payment.currency,
            expected_minor=told or 0,
            found_minor=took or 0,
            about=there.id,
        )
    if not there.payout and terms.is_due(there.at, terms.payout_seconds):
        yield Difference(
            cause="payout_overdue",
            currency=there.currency,
            about=there.id,
            expected="a payout",
            found="none",
        )


def _is_known(one: Settled, terms: Terms) -> bool:
    """Say whether the shop, as it was read, should show what the gateway did."""
    return terms.is_due(one.at, terms.grace_seconds)


def _beyond(one: Settled, cause: str) -> Difference:
    return Difference(
        cause=cause, currency=one.currency, found_minor=one.amount_minor, about=one.id
    )
