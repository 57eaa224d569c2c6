"""One row of the joint table."""

from __future__ import annotations

from collections.abc import Callable

from msgspec import Struct

from actors.order.signs import Sign
from actors.order.work import Work
from schemas.messages import events as e

When = Callable[[Work], e.OrderEvent | None]


class Joint(Struct, frozen=True):
    """One row: asked when one of the state's fields that it `reads` changed, while the state has
    one of each of the signs that it `needs` and none that it `lacks`. `why` is what a person reads.
    """

    rule: str
    reads: tuple[str, ...]
    when: When
    says: tuple[type[e.Event], ...]
    why: str
    needs: tuple[Sign, ...]
    lacks: Sign = Sign(0)
