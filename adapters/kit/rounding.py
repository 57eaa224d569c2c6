"""How a channel's amounts become whole minor units: its declared rule, and nothing guessed.

The mode says what happens to digits beyond the currency's places, the level what is rounded: each
line, or only the sum, whose difference to the lines is then shared out by largest remainder.
"""

from __future__ import annotations

import decimal
from collections.abc import Mapping, Sequence
from decimal import Decimal, InvalidOperation
from functools import lru_cache
from typing import Literal

from msgspec import Struct

from schemas.order.money import MAX_MINOR, MoneyRefused, exponent_of, share_out

Mode = Literal["exact", "half_even", "half_up", "down"]
Level = Literal["line", "order"]

MAX_AMOUNT_CHARACTERS = 64
"""More than any channel writes, and few enough that no amount costs time."""

MAX_USUAL_DIGITS = 15
"""Digits that surely stay below MAX_MINOR; longer amounts go the exact way."""

MAX_USUAL_CHARACTERS = MAX_USUAL_DIGITS + 3
"""With the point, and two zeros beyond the currency's places."""

_MODES: Mapping[Mode, str] = {
    "half_even": decimal.ROUND_HALF_EVEN,
    "half_up": decimal.ROUND_HALF_UP,
    "down": decimal.ROUND_DOWN,
}
_ROOM = decimal.Context(prec=2 * MAX_AMOUNT_CHARACTERS + 32)
"""Every digit of an amount, and of a sum of many, counts: nothing is rounded before its time."""


class Rounding(Struct, frozen=True, kw_only=True):
    """A channel's rule. `exact` refuses an amount that is finer than its currency; `half_up` and
    `half_even` round to the nearest (a half away from zero, or to the even neighbour), `down`
    towards zero."""

    mode: Mode = "exact"
    level: Level = "line"


EXACT = Rounding()


def minor_of(amount: str | Decimal, currency: str, rounding: Rounding = EXACT) -> int:
    """Return an amount in minor units of its currency by the rule's mode.

    Raises MoneyRefused for what is not a finite number, too large, or (`exact`) too fine.
    """
    if isinstance(amount, str):
        usual = usual_minor(amount, currency)
        if usual is not None:
            return usual
    return _rounded(_scaled(amount, currency), str(amount), currency, rounding)


def usual_minor(amount: str, currency: str) -> int | None:
    """Return an amount that is written as most are, `12.34` or `12.3400` of a currency with two
    places, in minor units; None for any other, which `minor_of` reads. No rule of rounding changes
    it. It is worth a way without decimals: an order has thirty to fifty amounts."""
    if len(amount) > MAX_USUAL_CHARACTERS or len(currency) != 3:
        return None  # senders choose texts: a long one is not remembered
    return _usual(amount, currency)


# A shop's prices come again and again; 2 MB at the most.
@lru_cache(maxsize=8_192)
def _usual(amount: str, currency: str) -> int | None:
    if amount[-3:-2] == ".":
        digits = amount[:-3] + amount[-2:]
    elif amount[-5:-4] == "." and amount[-2:] == "00":
        digits = amount[:-5] + amount[-4:-2]
    else:
        return None
    if len(digits) > MAX_USUAL_DIGITS or not (digits.isascii() and digits.isdigit()):
        return None
    return int(digits) if exponent_of(currency) == 2 else None


def line_minors(
    amounts: Sequence[str | Decimal], currency: str, rounding: Rounding = EXACT
) -> list[int]:
    """Return the amounts of lines in minor units by the rule's mode and level.

    At the level `line` each is rounded by itself. At the level `order` their exact sum is, and the
    lines get whole units that sum to it, each less than one unit from its exact amount. Raises
    MoneyRefused like `minor_of`; with `exact` each amount must be exact at either level.
    """
    if rounding.level == "line" or rounding.mode == "exact":
        return [minor_of(amount, currency, rounding) for amount in amounts]
    scaled = [_scaled(amount, currency) for amount in amounts]
    exact = Decimal(0)
    for one in scaled:
        exact = _ROOM.add(exact, one)
    total = _rounded(exact, "the sum of the lines", currency, rounding)
    floors = [int(one.to_integral_value(decimal.ROUND_FLOOR)) for one in scaled]
    left = total - sum(floors)
    rests = [_ROOM.subtract(one, floor) for one, floor in zip(scaled, floors, strict=True)]
    # Rounding the sum moves it by less than a unit, so `left` never is above the lines' number.
    for index in sorted(range(len(rests)), key=lambda i: -rests[i])[:left]:
        floors[index] += 1
    return floors


def reconciled(
    parts: Sequence[int], total_minor: int, rounding: Rounding, *, amounts: int = 0
) -> list[int]:
    """Return parts that sum to a channel's total, where its rule lets them differ from it.

    At the level `order` a difference of at most one minor unit for each amount that was rounded
    (the parts, or `amounts` if there are more) is what rounding left over: it is shared out by
    largest remainder, in proportion to the parts, none of which becomes negative. Any other
    difference stays, for the check of totals to refuse.
    """
    left = total_minor - sum(parts)
    if rounding.level != "order" or not 0 < abs(left) <= max(amounts, len(parts)):
        return list(parts)
    if min(parts) < 0 or sum(parts) < max(1, -left):
        return list(parts)
    return [part + more for part, more in zip(parts, share_out(left, parts), strict=True)]


def _scaled(amount: str | Decimal, currency: str) -> Decimal:
    text = str(amount)
    if len(text) > MAX_AMOUNT_CHARACTERS:
        raise MoneyRefused(f"{text[:40]!r} and so on is too long for an amount of money.")
    try:
        value = Decimal(amount)
    except InvalidOperation:
        raise MoneyRefused(f"{text[:40]!r} is not an amount of money.") from None
    # Bounds on both sides: 1E-900000 is finite as well.
    if not value.is_finite() or not -MAX_AMOUNT_CHARACTERS <= value.adjusted() <= 15:
        if value.is_finite() and not value:
            return Decimal(0)
        raise MoneyRefused(f"{text[:40]!r} is not an amount of money we can hold.")
    return value.scaleb(exponent_of(currency), _ROOM)


def _rounded(scaled: Decimal, text: str, currency: str, rounding: Rounding) -> int:
    if rounding.mode == "exact":
        whole = int(scaled)
        if whole != scaled:
            raise MoneyRefused(
                f"{text[:40]!r} is finer than {currency}'s {exponent_of(currency)} decimal places."
            )
    else:
        whole = int(scaled.to_integral_value(_MODES[rounding.mode], _ROOM))
    if abs(whole) > MAX_MINOR:
        raise MoneyRefused(f"{text[:40]!r} is larger than any amount we can hold.")
    return whole
