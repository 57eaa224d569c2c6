"""What stories against the machines alone say of money that the shop reserved."""

from __future__ import annotations

from typing import Any, Self

from msgspec.structs import replace

from schemas.messages import inputs as i
from tests.given import REF
from tests.model.setups import of_lines
from tests.model.world import World
from tests.stories.calls import by_line
from tests.stories.pure_returns import Returns


class Money(Returns):
    """A part of `tests.stories.pure.Pure`."""

    world: World

    # Any: the story's own methods, which it has from elsewhere.
    states: Any

    def gateway_captures(self, *, more_than_once: bool) -> Self:
        self.world.partners.frees_rest = not more_than_once
        return self

    def gives_back(self, amount: int) -> Self:
        ask = i.RefundAsk(amount_minor=amount)
        self._gives(i.EditOrder(ref=REF, person="ann", reason="so", refund=ask))
        return self

    def shop_gives_back(self, amount: int, **units: int) -> Self:
        less = by_line(units)
        lines = [
            replace(
                line,
                quantity=line.quantity - less.get(line.line_id, 0),
                total_minor=line.unit_price_minor * (line.quantity - less.get(line.line_id, 0)),
            )
            for line in self.world.shop.lines
        ]
        left = tuple(line for line in lines if line.quantity)
        changed = of_lines(self.world.shop, left)
        self.states(lines=left, totals=changed.totals, payment="partially_refunded")
        return self

    def refunds_are(self, *amounts: int) -> Self:
        told = list(self.world.partners.given.values())
        assert told == list(amounts), told
        return self

    def captured_is(self, *amounts: int) -> Self:
        told = [one.amount for one in self.world.partners.taken.values()]
        assert told == list(amounts), told
        return self
