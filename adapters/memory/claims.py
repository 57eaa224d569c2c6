"""Which order has what only one may have: the claims' twin in memory."""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct

from actors.runtime.ports import Append, TimerName
from adapters.memory.kept import KeptOrder
from schemas.order.claims import CROWDED, MAX_COPIES, TWIN, Claimed, Timer


class _Claim(Struct):
    order_id: str
    ended: bool
    copies: list[str]


class MemoryClaims:
    """Owners by what they claim, with their copies."""

    def __init__(self) -> None:
        self._claims: dict[str, _Claim] = {}

    def of_another(self, append: Append, orders: Mapping[str, KeptOrder]) -> Claimed | None:
        """Return which other order has what an append claims, None when the append may have it."""
        claim = append.claim
        kept = None if claim is None else self._claims.get(claim.name)
        if claim is None or not claim.wants or kept is None or kept.order_id == append.order_id:
            return None
        row = orders[kept.order_id].row
        if claim.person and row.stage == "cancelled":
            return None
        return Claimed(
            name=claim.name,
            order_id=kept.order_id,
            channel=row.channel,
            ref=row.ref,
            number=row.number,
            stage=row.stage,
        )

    def take(self, append: Append) -> list[TimerName]:
        """Keep what an append says of a claim, and return the timers that are due from now on."""
        said, order_id = append.claim, append.order_id
        if said is None:
            return []
        kept = self._claims.get(said.name)
        if said.wants:
            copies = kept.copies if kept is not None else []
            kept = self._claims[said.name] = _Claim(order_id, said.ended, copies)
        elif kept is None:
            return []
        elif said.copy:
            return _copied(kept, order_id)
        elif kept.order_id == order_id:
            kept.ended = said.ended
        ends = said.ended and kept.order_id == order_id
        return [_due(one, TWIN) for one in kept.copies if ends and one != order_id]


def _copied(kept: _Claim, order_id: str) -> list[TimerName]:
    if order_id not in kept.copies and len(kept.copies) < MAX_COPIES:
        kept.copies.append(order_id)
    if kept.ended:
        return [_due(order_id, TWIN)]
    return [] if order_id in kept.copies else [_due(order_id, CROWDED)]


def _due(order_id: str, timer: Timer) -> TimerName:
    return (order_id, *timer)
