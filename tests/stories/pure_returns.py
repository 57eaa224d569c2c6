"""What stories against the machines alone say of goods that come back."""

from __future__ import annotations

from collections import Counter
from typing import Any, Self

from schemas.messages import inputs as i
from schemas.messages.return_inputs import ReturnLine
from schemas.order.things import Key
from tests.given import REF
from tests.model.world import World
from tests.stories.calls import by_line


class Returns:
    """A part of `tests.stories.pure.Pure`."""

    world: World

    # Any: the story's own methods, which it has from elsewhere.
    _gives: Any
    _story: Any

    def back(self, step: str, becomes: str = "", refund: str = "", **units: int) -> Self:
        lines = tuple(
            ReturnLine(
                line_id=line_id,
                quantity=quantity,
                disposition=becomes or None,  # type: ignore[arg-type]  # one of them
            )
            for line_id, quantity in by_line(units).items()
        )
        self._gives(
            i.HandleReturn(
                ref=REF,
                step=step,  # type: ignore[arg-type]  # one of its steps
                person="ann",
                reason="The story says so.",
                lines=lines,
                place="WH1" if step in ("receive", "inspect") else "",
                refund=refund or None,  # type: ignore[arg-type]  # one of them
            )
        )
        return self

    def shop_tells_of_return(self, step: str) -> Self:
        self._gives(
            i.HandleReturn(ref=REF, step=step, source="channel", outside_id="gid-return")  # type: ignore[arg-type]  # one of its steps
        )
        return self

    def return_is(self, stage: str, key: str = "T1") -> Self:
        one = self.world.state.returns.get(Key(key))
        assert one is not None, self._story(key)
        assert one.stage == stage, self._story(one)
        return self

    def stock_got_back(self, **units: int) -> Self:
        found: Counter[str] = Counter()
        for back in self.world.partners.back.values():
            for unit in back:
                found[unit.line_id] += unit.quantity
        assert found == Counter(by_line(units)), self._story(found)
        return self
