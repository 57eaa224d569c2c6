"""Which order has what only one may have: the claims' twin in memory."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from actors.runtime.ports import Append, Row
from schemas.order.claims import Claimed


class _Kept(Protocol):
    @property
    def row(self) -> Row: ...


class MemoryClaims:
    """Owners by what they claim."""

    def __init__(self) -> None:
        self._owners: dict[str, str] = {}

    def of_another(self, append: Append, orders: Mapping[str, _Kept]) -> Claimed | None:
        """Return which other order has what an append claims, None when the append may have it."""
        claim = append.claim
        owner = None if claim is None else self._owners.get(claim.name)
        if claim is None or owner is None or owner == append.order_id:
            return None
        row = orders[owner].row
        if claim.person and row.stage == "cancelled":
            return None
        return Claimed(
            name=claim.name,
            order_id=owner,
            channel=row.channel,
            ref=row.ref,
            number=row.number,
            stage=row.stage,
        )

    def take(self, append: Append) -> None:
        """Give an order what its append claims."""
        if append.claim is not None:
            self._owners[append.claim.name] = append.order_id
