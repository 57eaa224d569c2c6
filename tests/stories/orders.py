"""The orders that stories tell of."""

from __future__ import annotations

from msgspec.structs import replace

from schemas.order.canonical import Line, Order
from tests.given import a_line, order_of
from tests.model.setups import address

OAK, PINE = "12 Oak Street", "99 Pine Road"


def cups(quantity: int = 2) -> Line:
    """Return a line of cups."""
    return a_line("1", quantity, 500)


def jars(quantity: int = 1) -> Line:
    """Return a line of jars."""
    return a_line("2", quantity, 750)


def an_order(*lines: Line, **changes: object) -> Order:
    """Return a paid order to Oak Street: two cups and a jar, unless lines are named."""
    order = order_of(*(lines or (cups(), jars())), ship_to=address(OAK))
    return replace(order, **changes)


TO_PINE = address(PINE)
