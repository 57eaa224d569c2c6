"""The mails customers get, as subject and plain text."""

from __future__ import annotations

from adapters.kit.fitting import fit, printable
from schemas.order.canonical import Order
from schemas.order.money import decimal_text

MAX_LINES = 50
"""Lines of goods a mail lists; an order of hundreds is better read on its page."""


def order_confirmed(order: Order, shop: str) -> tuple[str, str]:
    """Return the mail that says an order was taken."""
    currency = order.currency
    goods = [
        f"{line.quantity} x {fit(printable(line.title), 120)}: "
        f"{decimal_text(line.total_minor, currency)} {currency}"
        for line in order.lines[:MAX_LINES]
    ]
    if len(order.lines) > MAX_LINES:
        goods.append(f"and {len(order.lines) - MAX_LINES} more lines")
    text = (
        f"{_greeting(order)}\n\n"
        f"thank you for your order {_number(order)} at {shop}. We are preparing it now.\n\n"
        + "\n".join(goods)
        + f"\n\nTotal: {decimal_text(order.totals.total_minor, currency)} {currency}\n\n"
        f"You can answer this mail if anything is wrong.\n\n{shop}\n"
    )
    return f"Your order {_number(order)} is confirmed", text


def order_cancelled(order: Order, shop: str) -> tuple[str, str]:
    """Return the mail that says an order was cancelled."""
    text = (
        f"{_greeting(order)}\n\n"
        f"your order {_number(order)} at {shop} is cancelled, and nothing will be sent. "
        "If you have paid, the money goes back the way it came.\n\n"
        f"You can answer this mail if this surprises you.\n\n{shop}\n"
    )
    return f"Your order {_number(order)} is cancelled", text


TEMPLATES = {"order_confirmed": order_confirmed, "order_cancelled": order_cancelled}


def _number(order: Order) -> str:
    return printable(order.number)


def _greeting(order: Order) -> str:
    name = fit(printable(order.customer.name), 80)
    return f"Hello {name}," if name else "Hello,"
