"""Whose an order is: how a customer is told from others of the same channel.

These texts are personal data. They are hashed with a secret before they are stored anywhere.
"""

from __future__ import annotations

import re

from schemas.order.canonical import Customer, Order
from schemas.order.phones import corrected

_DIGITS = re.compile(r"[^0-9]")


def reference_of(text: str) -> str:
    """The channel's own id of a customer, as an identity; "" for none."""
    text = text.strip()
    return f"reference:{text}" if text else ""


def email_of(text: str) -> str:
    """An e-mail address as an identity, whatever its case; "" for none."""
    text = text.strip().lower()
    return f"email:{text}" if text else ""


def phone_of(text: str) -> str:
    """A telephone number as an identity: its digits, without leading zeros; "" for none."""
    digits = _DIGITS.sub("", corrected(text)).lstrip("0")
    return f"phone:{digits}" if digits else ""


def order_phone_of(order: Order) -> str:
    """The customer's telephone number as an identity, else the one to ring about the parcel."""
    to = order.ship_to
    return phone_of(order.customer.phone) or phone_of(to.phone if to is not None else "")


def identity_of(customer: Customer) -> str:
    """Return who it is: by the channel's reference, else by e-mail, else by telephone; "" when
    nothing is known, and then the order stands for its own customer."""
    return reference_of(customer.reference) or email_of(customer.email) or phone_of(customer.phone)
