"""What stories in the real servers say of goods that come back: people's steps are those of the
command line, and the shop's are its webhooks."""

from __future__ import annotations

from collections import Counter
from typing import Any, Self

from actors.order.state import State
from schemas.order.things import Key
from tests.stories.acting import Acting


class Returning(Acting):
    """A part of `tests.stories.real.Real`."""

    # Any: the story's own methods, which it has from elsewhere.
    _does: Any
    _is: Any

    def back(self, step: str, becomes: str = "", refund: str = "", **units: int) -> Self:
        if step == "inspect" and refund != "none":
            self.returned.update({name[1:]: count for name, count in units.items()})
        lines: list[dict[str, object]] = [
            {"line_id": self.line(name), "quantity": count}
            | ({"disposition": becomes} if becomes else {})
            for name, count in units.items()
        ]
        told: dict[str, object] = {"lines": lines}
        if refund:
            told["refund"] = refund
        if step in ("receive", "inspect"):
            told["place"] = "wh1"
        why = "The story says so."
        self._does(self.realm.orders.take_back(self.id, step, told, "ann", why))
        return self

    def shop_tells_of_return(self, step: str) -> Self:
        topic = {"authorise": "approve"}.get(step, step)
        gid = f"gid://shopify/Return/{self.shop_id}"
        told = {
            "admin_graphql_api_id": gid,
            "order": {"admin_graphql_api_id": f"gid://shopify/Order/{self.shop_id}"},
            "status": topic,
        }
        name = f"return-{topic}-{self.shop_id}"
        self._does(self.realm.hook(self.channel, f"returns/{topic}", name, told))
        return self

    def return_is(self, stage: str, key: str = "T1") -> Self:
        async def stands(state: State) -> str:
            one = state.returns.get(Key(key))
            return one.stage if one is not None else ""

        self._is(stage, stands)
        return self

    def stock_got_back(self, **units: int) -> Self:
        async def returned(_: State) -> dict[str, int]:
            rows = await self.realm.local.pool.fetch(
                "SELECT sku, on_hand FROM stock_movements WHERE order_id = $1"
                " AND kind = 'returned'",
                self.id,
            )
            of_sku = {self.sku(line.sku): k for k, line in self.lines.items()}
            found: Counter[str] = Counter()
            for row in rows:
                found[of_sku[row["sku"]]] += row["on_hand"]
            return dict(found)

        self._is({name[1:]: count for name, count in units.items()}, returned)
        return self
