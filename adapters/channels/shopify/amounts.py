"""Shopify's amounts as integers, by the shop's rule of rounding."""

from __future__ import annotations

from adapters.channels.shopify.shapes import LineItem, Money, MoneySet
from adapters.kit.rounding import EXACT, Rounding, minor_of, usual_minor
from schemas.contracts import refusals
from schemas.contracts.refusals import refused
from schemas.order.money import MoneyRefused


def minor(
    both: MoneySet | None, flat: str | None, currency: str, rounding: Rounding = EXACT
) -> int:
    """Return an amount in the shop's currency, from the set where there is one.

    Raises Refused(money_unreadable), also for a set in another currency than the order's.
    """
    if both is None:
        return _read(flat or "0", currency, rounding)
    money = both.shop_money
    if money.currency_code == currency:
        usual = usual_minor(money.amount, currency)
        if usual is not None:
            return usual
    return money_in(money, currency, rounding)


def money_in(money: Money, currency: str, rounding: Rounding) -> int:
    """Return one side of a set, which is in the shop's or the customer's currency.

    Raises Refused(money_unreadable), also when it is in another currency than the given.
    """
    stated = money.currency_code
    if stated != currency and stated:
        raise refused(
            refusals.MONEY_UNREADABLE,
            f"An amount is in {stated[:10]}, but {currency[:10]} was expected: an order has one "
            "currency of the shop (shop_money) and one of the customer (presentment_money).",
        )
    return _read(money.amount, currency, rounding)


def _read(text: str, currency: str, rounding: Rounding) -> int:
    try:
        return minor_of(text, currency, rounding)
    except MoneyRefused as error:
        raise refused(refusals.MONEY_UNREADABLE, f"{error} Send amounts as Shopify does.") from None


def current_quantity(item: LineItem) -> int:
    """Return what is left of a line after edits and refunds."""
    return item.quantity if item.current_quantity is None else item.current_quantity


def share(amount: int, part: int, whole: int) -> int:
    """Return the part of an amount, rounded half up; all of it when `whole` says nothing."""
    return amount if whole <= 0 else (2 * amount * part + whole) // (2 * whole)
