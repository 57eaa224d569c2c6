"""Money as integers of a currency's smallest unit, never as a fraction."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal, InvalidOperation

MAX_MINOR = 10**15
"""The largest amount a field may hold, in minor units: ten trillion dollars."""

_EXPONENTS = {
    **dict.fromkeys(
        "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF".split(), 0
    ),
    **dict.fromkeys("BHD IQD JOD KWD LYD OMR TND".split(), 3),
    **dict.fromkeys("CLF UYW".split(), 4),
}


class MoneyRefused(ValueError):
    """An amount that is not money: not a number, too large, or finer than the currency allows."""


def exponent_of(currency: str) -> int:
    """Return how many decimal places the currency has (ISO 4217: JPY 0, KWD 3, most 2)."""
    return _EXPONENTS.get(currency, 2)


def minor_units(amount: str, currency: str) -> int:
    """Turn a decimal text such as `"404.95"` into minor units, exactly.

    Raises MoneyRefused when the text is not a finite number, is too large, or has more decimal
    places than the currency (rounding is never guessed here).
    """
    try:
        value = Decimal(amount)
    except InvalidOperation:
        raise MoneyRefused(f"{amount[:40]!r} is not an amount of money.") from None
    if not value.is_finite() or value.adjusted() > 15:
        raise MoneyRefused(f"{amount[:40]!r} is not an amount of money we can hold.")
    scaled = value.scaleb(exponent_of(currency))
    whole = int(scaled)
    if whole != scaled:
        raise MoneyRefused(
            f"{amount[:40]!r} is finer than {currency}'s {exponent_of(currency)} decimal places."
        )
    if abs(whole) > MAX_MINOR:
        raise MoneyRefused(f"{amount[:40]!r} is larger than any amount we can hold.")
    return whole


def decimal_text(amount_minor: int, currency: str) -> str:
    """Write minor units as the currency's decimal text: `40495, USD` is `"404.95"`."""
    exponent = exponent_of(currency)
    if exponent == 0:
        return str(amount_minor)
    sign = "-" if amount_minor < 0 else ""
    whole, part = divmod(abs(amount_minor), 10**exponent)
    return f"{sign}{whole}.{part:0{exponent}d}"


def share_out(total_minor: int, weights: Sequence[int]) -> list[int]:
    """Divide a total by non-negative weights so that the parts sum to it (largest remainder).

    Ties go to the earlier part. All-zero weights share evenly. Raises ValueError for an empty or
    negative list of weights.
    """
    if not weights or min(weights) < 0:
        raise ValueError("Weights must be a non-empty list of numbers that are not negative.")
    whole = sum(weights)
    if whole == 0:
        weights, whole = [1] * len(weights), len(weights)
    sign = -1 if total_minor < 0 else 1
    size = abs(total_minor)
    parts = [size * weight // whole for weight in weights]
    rests = [size * weight % whole for weight in weights]
    left = size - sum(parts)
    for index in sorted(range(len(rests)), key=lambda i: -rests[i])[:left]:
        parts[index] += 1
    return [sign * part for part in parts]
