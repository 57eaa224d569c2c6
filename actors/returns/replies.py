"""What the stock answers a return."""

from __future__ import annotations

from actors.order.work import Work
from actors.returns.table import TABLE
from actors.returns.thing import STOCKED
from schemas.messages import effects as f
from schemas.messages import events as e
from schemas.messages.base import Intent


def done(work: Work, intent: Intent, result: f.Result, settles: int) -> None:
    """The stock has the units, however late that is known."""
    one = work.state.returns.get(intent.key)
    if one is None or not isinstance(result, f.StockReturned) or one.stock == STOCKED:
        return
    if TABLE.allows(one.stage, e.ReturnRestocked):
        work.say(
            e.ReturnRestocked(rule="restock", key=intent.key, settles=settles, place=result.place)
        )
