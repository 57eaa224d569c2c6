"""The things of an order that have a life of their own, and how each is named.

A key is a kind's letter and a number that rises only after a known end: `F1` is the order's first
fulfilment, `L2` the label bought after `L1` was voided. `O` alone is the order itself.
"""

from __future__ import annotations

from functools import lru_cache
from typing import NewType

Key = NewType("Key", str)

ORDER = Key("O")
"""The order itself."""

FULFILMENT, PARCEL, LABEL, DOCUMENT, MESSAGE = "F", "K", "L", "D", "M"
PAYMENT, CAPTURE, REFUND, RETURN, CUSTOMS = "P", "C", "R", "T", "X"

NAMES: dict[str, str] = {
    "O": "order",
    FULFILMENT: "fulfilment",
    PARCEL: "parcel",
    LABEL: "label",
    DOCUMENT: "ERP document",
    MESSAGE: "message",
    PAYMENT: "payment",
    CAPTURE: "capture",
    REFUND: "refund",
    RETURN: "return",
    CUSTOMS: "customs filing",
}
"""What people call each kind. The letters of later machines are reserved: they are part of
references that partners keep."""

MAX_NUMBER = 9_999
"""A reference has four digits for it."""


# The same text each time: dictionaries of things find it by identity, and its hash is known.
@lru_cache(maxsize=4_096)
def key_of(kind: str, number: int) -> Key:
    """Return the key of one thing. Raises ValueError for an unknown kind or number."""
    if kind not in NAMES or kind == "O" or not 1 <= number <= MAX_NUMBER:
        raise ValueError(f"There is no thing {kind}{number}: a kind's letter and 1 to 9999.")
    return Key(f"{kind}{number}")


def kind_of(key: Key) -> str:
    """Return the letter of a thing's kind."""
    return key[:1]


def number_of(key: Key) -> int:
    """Return a thing's number, 0 for the order itself."""
    return int(key[1:] or 0)


def is_key(text: str) -> bool:
    """Whether a text is a thing's key."""
    if text == ORDER:
        return True
    kind, digits = text[:1], text[1:]
    plain = digits.isascii() and digits.isdigit() and not digits.startswith("0")
    return kind in NAMES and kind != "O" and plain and 1 <= int(digits) <= MAX_NUMBER
