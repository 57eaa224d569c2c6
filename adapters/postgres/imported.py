"""What an import of orders asks: which are here already, by which delivery, and how they stand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path

import msgspec
from msgspec import Struct

from adapters.postgres.pool import Pool
from adapters.postgres.statements import parse
from schemas.messages import events as e
from schemas.messages.effects import tag_of
from schemas.order.ids import OrderId

_STATING = [tag_of(kind) for kind in (e.Placed, e.Changed, e.Normalised)]


class Known(Struct, frozen=True, kw_only=True):
    """An order that is here. `delivered`: it took exactly the delivery that was asked about. The
    digests are those of its last statement (see `schemas.messages.events.Placed`); `body_digest` is
    "" for an order of which only a payment or a cancellation is known."""

    stage: str
    waiting_for: str
    attention: bool
    delivered: bool
    body_digest: str = ""
    stated_digest: str = ""


class Aside(Struct, frozen=True):
    """A delivery that lies in quarantine, and why."""

    id: int
    reason: str


class _Digests(Struct):
    body_digest: str = ""
    stated_digest: str = ""


_read = msgspec.json.Decoder(_Digests).decode


class Imported:
    """Raises JournalUnavailable within the pool's deadline when Postgres does not answer."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def known(
        self, order_ids: Sequence[OrderId], delivery_ids: Sequence[str]
    ) -> Mapping[OrderId, Known]:
        """Return those of the orders that are here; each is asked about with its delivery."""
        rows = await self._pool.fetch(_sql()["known"], order_ids, delivery_ids, _STATING)
        found = {}
        for row in rows:
            digests = _read(row["body"]) if row["body"] is not None else _Digests()
            found[OrderId(row["order_id"])] = Known(
                stage=row["stage"],
                waiting_for=row["waiting_for"],
                attention=row["attention"],
                delivered=row["delivered"],
                body_digest=digests.body_digest,
                stated_digest=digests.stated_digest,
            )
        return found

    async def quarantined(self, delivery_ids: Sequence[str]) -> Mapping[str, Aside]:
        """Return those of the deliveries that did not pass."""
        rows = await self._pool.fetch(_sql()["quarantined"], delivery_ids)
        return {row["delivery_id"]: Aside(row["id"], row["reason"]) for row in rows}


@cache
def _sql() -> Mapping[str, str]:
    return parse(Path(__file__).with_name("imported.sql").read_text("utf-8"))
