"""The messages customers get, as subject and plain text.

Amounts are what the customer saw and pays, and always sum to the total. Nothing is promised that
this software does not do by itself: a refund is told once it was made, and no date is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from adapters.kit.fitting import fit, printable
from schemas.messages.effects import SendMail, Units
from schemas.order.canonical import Order
from schemas.order.money import decimal_text
from schemas.order.shares import Basis, Sum, as_paid, comes_to

MAX_LINES = 50
"""Lines of goods a message lists; an order of hundreds is better read on its page."""

Template = Callable[[Order, SendMail, str], tuple[str, str]]


def order_confirmed(order: Order, units: Sequence[Units], shop: str) -> tuple[str, str]:
    """Return the message that says an order was taken."""
    basis = as_paid(order)
    amounts = comes_to(basis, units or None)
    text = (
        f"{_greeting(order)}\n\n"
        f"thank you for your order {_number(order)} at {shop}. We are preparing it now.\n\n"
        + "\n".join(_bill(order, basis, amounts))
        + f"\n\nYou can answer this mail if anything is wrong.\n\n{shop}\n"
    )
    return f"Your order {_number(order)} is confirmed", text


def order_cancelled(order: Order, units: Sequence[Units], shop: str) -> tuple[str, str]:
    """Return the message that says an order was cancelled as a whole."""
    text = (
        f"{_greeting(order)}\n\n"
        f"your order {_number(order)} at {shop} is cancelled, and nothing will be sent.\n\n"
        "You can answer this mail if this surprises you, or if you have a question about your "
        f"payment.\n\n{shop}\n"
    )
    return f"Your order {_number(order)} is cancelled", text


def order_partly_cancelled(order: Order, units: Sequence[Units], shop: str) -> tuple[str, str]:
    """Return the message that says these units will not come, and the rest will."""
    titles = _titles(order)
    gone = [
        f"{one.quantity} x {titles.get(one.line_id) or printable(one.sku)}"
        for one in units[:MAX_LINES]
    ]
    if len(units) > MAX_LINES:
        gone.append(f"and {len(units) - MAX_LINES} more lines")
    text = (
        f"{_greeting(order)}\n\n"
        f"this part of your order {_number(order)} at {shop} is cancelled, and will not be sent:"
        "\n\n" + "\n".join(gone) + "\n\nThe rest of your order is not affected.\n\n"
        "You can answer this mail if this surprises you, or if you have a question about your "
        f"payment.\n\n{shop}\n"
    )
    return f"A part of your order {_number(order)} is cancelled", text


def order_refunded(order: Order, amount_minor: int, currency: str, shop: str) -> tuple[str, str]:
    """Return the message that says that so much was given back, in minor units."""
    text = (
        f"{_greeting(order)}\n\n"
        f"we have given {_money(amount_minor, currency)} back to you for your order "
        f"{_number(order)} at {shop}, by the way you paid. It may take your bank some days to show "
        "it.\n\n"
        f"You can answer this mail if you have a question about it.\n\n{shop}\n"
    )
    return f"Money back for your order {_number(order)}", text


def return_received(order: Order, units: Sequence[Units], shop: str) -> tuple[str, str]:
    """Return the message that says which goods came back; of money it says nothing."""
    titles = _titles(order)
    back = [
        f"{one.quantity} x {titles.get(one.line_id) or printable(one.sku)}"
        for one in units[:MAX_LINES]
    ]
    if len(units) > MAX_LINES:
        back.append(f"and {len(units) - MAX_LINES} more lines")
    text = (
        f"{_greeting(order)}\n\n"
        f"these goods of your order {_number(order)} at {shop} have arrived here:\n\n"
        + "\n".join(back)
        + "\n\nWe look at them now.\n\n"
        f"You can answer this mail if you have a question about your return.\n\n{shop}\n"
    )
    return f"Your return of order {_number(order)} is here", text


TEMPLATES: dict[str, Template] = {
    "order_confirmed": lambda order, mail, shop: order_confirmed(order, mail.units, shop),
    "order_cancelled": lambda order, mail, shop: order_cancelled(order, mail.units, shop),
    "order_partly_cancelled": lambda order, mail, shop: order_partly_cancelled(
        order, mail.units, shop
    ),
    "order_refunded": lambda order, mail, shop: order_refunded(
        order, mail.amount_minor, mail.currency, shop
    ),
    "return_received": lambda order, mail, shop: return_received(order, mail.units, shop),
}


def _bill(order: Order, basis: Basis, amounts: Sum) -> Iterator[str]:
    """Write what each line came to before the discounts of the whole order, then those, shipping,
    duty and tax, and what all of it sums to."""
    titles, currency = _titles(order), basis.currency
    lines = [
        (f"{part.quantity} x {titles[part.line_id]}", basis.stated_minor(part), part.net_minor)
        for part in amounts.parts
    ]
    for text, stated, _ in lines[:MAX_LINES]:
        yield f"{text}: {_money(stated, currency)}"
    if more := lines[MAX_LINES:]:
        rest = sum(stated for _, stated, _ in more)
        yield f"and {len(more)} more lines: {_money(rest, currency)}"
    yield ""
    discount = sum(stated - net for _, stated, net in lines)
    for what, minor in (
        ("Discount", -discount),
        ("Shipping", amounts.shipping_minor),
        ("Duty", amounts.duty_minor),
        ("Tax", amounts.tax_minor),
    ):
        if minor:
            yield f"{what}: {_money(minor, currency)}"
    yield f"Total: {_money(amounts.total_minor, currency)}"


def _titles(order: Order) -> dict[str, str]:
    return {line.line_id: fit(printable(line.title), 120) for line in order.lines}


def _money(minor: int, currency: str) -> str:
    return f"{decimal_text(minor, currency)} {currency}"


def _number(order: Order) -> str:
    return printable(order.number)


def _greeting(order: Order) -> str:
    name = fit(printable(order.customer.name), 80)
    return f"Hello {name}," if name else "Hello,"
