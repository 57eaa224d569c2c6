"""An order's current amounts after an edit, in both currencies, as Shopify states them.

What a line's discount and taxes are is told for all pieces that were ever ordered; of what is left
the share counts, rounded half up. Originals (`total_price` and the like) never change.
"""

from __future__ import annotations

from collections.abc import Iterable
from decimal import ROUND_HALF_UP, Decimal
from typing import Final

from ops.simulators.shop_statement import Json, current

SIDES: Final = ("shop_money", "presentment_money")
_ZERO: Final = Decimal(0)


def bag(amounts: Json, like: Json) -> Json:
    """A money set with these amounts, in the currencies of another one."""
    return {
        side: {
            "amount": written(amounts[side], like[side]["amount"]),
            "currency_code": like[side]["currency_code"],
        }
        for side in SIDES
    }


def written(amount: Decimal, like: str) -> str:
    """The amount with as many decimals as another one has."""
    return f"{_rounded(amount, like):f}"


def _rounded(amount: Decimal, like: str) -> Decimal:
    return amount.quantize(Decimal(1).scaleb(Decimal(like).as_tuple().exponent), ROUND_HALF_UP)  # type: ignore[arg-type]  # finite


def _share(amount: str, part: int, whole: int) -> Decimal:
    if part == whole or not whole:
        return Decimal(amount)
    return _rounded(Decimal(amount) * part / whole, amount)


def total_of(found: Iterable[Decimal]) -> Decimal:
    """The sum, which of nothing is a decimal, too."""
    return sum(found, _ZERO)


def taxes(net: Json, rates: list[Json], *, included: bool, like: Json) -> list[Json]:
    """The tax lines of a net amount (a set's amounts), by the rates of other tax lines."""
    found = []
    for one in rates:
        rate = Decimal(str(one.get("rate") or 0))
        part = rate / (1 + rate) if included else rate
        amounts = bag({side: net[side] * part for side in SIDES}, like)
        told = {"title": one["title"], "rate": one.get("rate"), "channel_liable": False}
        found.append({**told, "price": amounts["shop_money"]["amount"], "price_set": amounts})
    return found


def discount(line: Json, side: str) -> Decimal:
    """What the discounts took off all that was ever ordered of a line."""
    parts = line.get("discount_allocations") or []
    return total_of(Decimal(part["amount_set"][side]["amount"]) for part in parts)


def _side(order: Json, side: str) -> dict[str, Decimal]:
    """All current amounts of one currency."""
    lines = order["line_items"]
    ways = [way for way in order.get("shipping_lines") or [] if not way.get("is_removed")]
    gross = total_of(Decimal(line["price_set"][side]["amount"]) * current(line) for line in lines)
    like = order["current_total_price_set"][side]["amount"]
    off = total_of(
        _share(written(discount(line, side), like), current(line), line["quantity"])
        for line in lines
    )
    tax = total_of(
        _share(one["price_set"][side]["amount"], current(line), line["quantity"])
        for line in lines
        for one in line.get("tax_lines") or []
    )
    tax += total_of(
        Decimal(one["price_set"][side]["amount"])
        for way in ways
        for one in way.get("tax_lines") or []
    )
    shipping = total_of(
        Decimal(way["current_discounted_price_set"][side]["amount"]) for way in ways
    )
    more = [order.get("current_total_additional_fees_set")]
    if not order.get("duties_included"):
        more.append(order.get("current_total_duties_set"))
    around = total_of(Decimal(one[side]["amount"]) for one in more if one)
    total = gross - off + shipping + around + (_ZERO if order["taxes_included"] else tax)
    return {
        "subtotal_price": gross - off,
        "total_discounts": off,
        "total_tax": tax,
        "total_price": total + Decimal(order.get("total_tip_received") or 0),
        "shipping_price": shipping,
    }


def retotal(order: Json) -> None:
    """Set every `current_*` amount from the lines and ways as they are now."""
    like = order["current_total_price_set"]
    sides = {side: _side(order, side) for side in SIDES}
    for name in ("subtotal_price", "total_discounts", "total_tax", "total_price"):
        amounts = bag({side: sides[side][name] for side in SIDES}, like)
        order[f"current_{name}"] = amounts["shop_money"]["amount"]
        order[f"current_{name}_set"] = amounts
    shipping = {side: sides[side]["shipping_price"] for side in SIDES}
    order["current_shipping_price_set"] = bag(shipping, like)


def received(order: Json) -> Decimal:
    """What was paid, in the shop's currency: the total without what is outstanding."""
    if order.get("financial_status") in ("pending", "authorized", "voided"):
        return _ZERO
    outstanding = Decimal(order.get("total_outstanding") or 0)
    return Decimal(order["current_total_price"]) - outstanding


def settle(order: Json, paid: Decimal) -> None:
    """State what is outstanding, and the word for it, after so much was paid."""
    total = Decimal(order["current_total_price"])
    order["total_outstanding"] = written(total - paid, order["current_total_price"])
    if order.get("financial_status") in ("paid", "partially_paid") and paid:
        order["financial_status"] = "partially_paid" if total > paid else "paid"
