"""What people call an order: its id, a reference of it or of one of its things, its number."""

from __future__ import annotations

from collections.abc import Sequence

import asyncpg
from msgspec import Struct

from schemas.order.ids import KEY_ID_LENGTH, ORDER_ID_LENGTH, REFERENCE_LENGTH, OrderId

MAX_AMBIGUOUS = 5
"""Orders named when a name is not enough."""


class Found(Struct, frozen=True, kw_only=True):
    """One of several orders with the same name."""

    order_id: OrderId
    channel: str
    number: str


class Ambiguous(ValueError):
    """A name that several orders have. The text names them all, and so does `found`, at most
    MAX_AMBIGUOUS of them."""

    def __init__(self, text: str, rows: Sequence[asyncpg.Record]) -> None:
        super().__init__(_ambiguous(text, rows))
        self.found = tuple(
            Found(order_id=row["order_id"], channel=row["channel"], number=row["number"])
            for row in rows[:MAX_AMBIGUOUS]
        )


def names_of(text: str) -> list[str]:
    """Return what the text may be called in the columns that name an order."""
    text = (plain(text) or "").strip()[:256]
    bare = text.lstrip("#")
    names = {text, bare, f"#{bare}"}
    if len(text) == ORDER_ID_LENGTH:
        names.add(text.upper())
    if len(text) == REFERENCE_LENGTH:
        names.add(text[KEY_ID_LENGTH : KEY_ID_LENGTH + ORDER_ID_LENGTH].upper())
    return sorted(names)


def _ambiguous(text: str, rows: Sequence[asyncpg.Record]) -> str:
    told = [
        f"{row['number']} of {row['channel']} (order id {row['order_id']})"
        for row in rows[:MAX_AMBIGUOUS]
    ]
    more = " and more" if len(rows) > MAX_AMBIGUOUS else ""
    return (
        f"{text.strip()[:64]!r} names several orders: {', '.join(told)}{more}. Name the channel or"
        " the order id of the one you mean."
    )


def plain(text: str | None) -> str | None:
    """Make a text of any origin one that Postgres can compare with."""
    return None if text is None else text.replace("\x00", "�").encode("utf-8", "replace").decode()
