"""An order's returns as views show them."""

from __future__ import annotations

from msgspec import Struct

from actors.order.state import State
from schemas.order.things import Key


class ReturnLineView(Struct, frozen=True, kw_only=True):
    """A line of a return: how many units are to come back and why, how many came, and what becomes
    of these by disposition."""

    line_id: str
    sku: str
    asked: int
    came: int
    reasons: tuple[str, ...]
    becomes: dict[str, int]


class ReturnView(Struct, frozen=True, kw_only=True):
    """A return. `source` is who asked for it, `outside_id` the channel's own id of it; `place` is
    where units are that can be sold again, `stock` whether they are entered there (`done`,
    `skipped`, "": not yet, or nothing is). `money` is what was decided: a refund's key, `none`,
    `others` (given back before), `person` or `asked` ("": nothing yet)."""

    key: Key
    stage: str
    source: str
    outside_id: str
    tracking_number: str
    place: str
    stock: str
    money: str
    lines: tuple[ReturnLineView, ...]


def returns_of(state: State) -> tuple[ReturnView, ...]:
    """Return what customers send back of an order."""
    found = []
    for key, one in state.returns.items():
        asked: dict[int, int] = {}
        reasons: dict[int, dict[str, None]] = {}
        for unit in one.asked:
            asked[unit.line] = asked.get(unit.line, 0) + unit.quantity
            if unit.reason:
                reasons.setdefault(unit.line, {})[unit.reason] = None
        came = dict(one.came)
        becomes: dict[int, dict[str, int]] = {}
        for item in one.found:
            sums = becomes.setdefault(item.line, {})
            sums[item.disposition] = sums.get(item.disposition, 0) + item.quantity
        lines = tuple(
            ReturnLineView(
                line_id=state.lines[at].line_id,
                sku=state.lines[at].sku,
                asked=asked.get(at, 0),
                came=came.get(at, 0),
                reasons=tuple(reasons.get(at, ())),
                becomes=becomes.get(at, {}),
            )
            for at in sorted({*asked, *came})
        )
        found.append(
            ReturnView(
                key=key,
                stage=one.stage,
                source=one.source,
                outside_id=one.outside,
                tracking_number=one.number,
                place=one.place,
                stock=one.stock,
                money=one.money,
                lines=lines,
            )
        )
    return tuple(found)
