"""Compares what the sides say of one order: typed differences with their root cause.

Pure: no clock, no I/O. Each cause is found by its own evidence, so that several on one order are
told apart and none is reported as the consequence of another: what the shop changed is compared
with what we heard of it, the ERP with what we told it, the gateway with what the shop shows.
"""

from __future__ import annotations

from collections.abc import Iterator

from adapters.kit.books import ShopOrder
from service.recon.bookings import booking_differences
from service.recon.cases import Case, Difference, OurOrder, Terms
from service.recon.settlements import settlement_differences


def compare(case: Case, terms: Terms) -> list[Difference]:
    """Return the differences of one order. An order beside the terms, or a test, has none."""
    ours, shop = case.ours, case.shop[0] if case.shop else None
    if is_test(case):
        return []
    found = list(_orders(ours, shop, terms)) if terms.shop else []
    if terms.gateway:
        found += settlement_differences(case, terms)
    if terms.erp:
        found += booking_differences(case, terms)
    return found


def not_compared(case: Case, terms: Terms) -> list[str]:
    """Return the sides between which an order of ours waits for the next run: something is under
    way, or what changed a moment ago may be on its way."""
    ours, shop = case.ours, case.shop[0] if case.shop else None
    if ours is None:
        return []
    found = []
    if shop is not None and (
        ours.unsettled or not terms.is_due(shop.updated_at, terms.grace_seconds)
    ):
        found.append("journal-shop")
    if ours.unsettled or not terms.is_due(ours.stated_at, terms.grace_seconds):
        found.append("journal-erp")
    return found


def is_test(case: Case) -> bool:
    """Say whether an order is a test, which is left out."""
    return (case.ours is not None and case.ours.test) or any(one.test for one in case.shop)


def _orders(ours: OurOrder | None, shop: ShopOrder | None, terms: Terms) -> Iterator[Difference]:
    if ours is None:
        if shop is not None and _should_be_here(shop, terms):
            yield Difference(
                cause="order_not_received",
                currency=shop.currency,
                expected_minor=shop.amounts.total_minor,
                about=shop.ref,
                expected="an order here",
                found="none",
            )
        return
    if shop is None:
        if terms.is_due(ours.placed_at, terms.grace_seconds):
            yield Difference(
                cause="order_not_in_shop",
                currency=ours.currency,
                expected_minor=ours.amounts.total_minor,
                about=ours.ref,
                expected="an order in the shop",
                found="none",
            )
        return
    if ours.unsettled or not terms.is_due(shop.updated_at, terms.grace_seconds):
        return
    yield from _changes(ours, shop)


def _should_be_here(shop: ShopOrder, terms: Terms) -> bool:
    if shop.cancelled or not terms.covers(shop.placed_at):
        return False
    return terms.is_due(shop.placed_at, terms.grace_seconds)


def _changes(ours: OurOrder, shop: ShopOrder) -> Iterator[Difference]:
    if shop.currency != ours.currency:
        yield Difference(
            cause="currency_differs_in_shop",
            currency=ours.currency,
            about=shop.ref,
            expected=ours.currency,
            found=shop.currency,
        )
        return
    if shop.cancelled != ours.cancelled:
        yield Difference(
            cause="cancelled_in_shop" if shop.cancelled else "not_cancelled_in_shop",
            currency=ours.currency,
            expected_minor=ours.amounts.total_minor,
            about=shop.ref,
            expected="cancelled" if ours.cancelled else "an order that stands",
            found="cancelled" if shop.cancelled else "an order that stands",
        )
        return
    if shop.cancelled:
        return
    refunded = sum(
        one.amount_minor
        for one in shop.payments
        if one.kind == "refund" and one.at > ours.stated_at
    )
    changes = list(_parts(ours, shop))
    if refunded and changes:
        yield Difference(
            cause="refund_not_heard",
            currency=ours.currency,
            expected_minor=0,
            found_minor=refunded,
            about=shop.ref,
        )
        if ours.amounts.total_minor - shop.amounts.total_minor == refunded:
            return
    yield from changes


def _parts(ours: OurOrder, shop: ShopOrder) -> Iterator[Difference]:
    for name in ("goods", "shipping", "duty", "tax"):
        expected = getattr(ours.amounts, f"{name}_minor")
        found = getattr(shop.amounts, f"{name}_minor")
        if expected != found:
            yield Difference(
                cause=f"{name}_changed_in_shop",
                currency=ours.currency,
                expected_minor=expected,
                found_minor=found,
                about=shop.ref,
            )
