"""Everything that is held about an order's customer, opened: for the customer himself."""

from __future__ import annotations

import base64

import msgspec
from msgspec import Struct

from actors.runtime.ports import BODY
from adapters.postgres.journal import stored_documents
from adapters.postgres.pool import Pool
from adapters.postgres.sealing import Sealing
from adapters.postgres.statements import statements
from adapters.postgres.timeline import Entry
from adapters.postgres.views import OrderRow, Views
from schemas.order.ids import OrderId


class ExportedFile(Struct, frozen=True, kw_only=True):
    """A label or another file of an order."""

    name: str
    content_type: str
    content_base64: str


class ExportedOrder(Struct, frozen=True, kw_only=True):
    """One order: its row in the lists, what was ordered by whom (None: erased), what happened, and
    its files."""

    row: OrderRow
    order: msgspec.Raw | None
    timeline: tuple[Entry, ...]
    files: tuple[ExportedFile, ...]


class Exports:
    """Raises JournalUnavailable within the pool's deadline when Postgres does not answer, and
    KeyMissing and Damaged where something does not open."""

    def __init__(self, pool: Pool, sealing: Sealing) -> None:
        self._pool = pool
        self._sealing = sealing
        self._views = Views(pool, sealing)

    async def order(self, order_id: OrderId) -> ExportedOrder | None:
        """Return one order whole; None for an unknown one."""
        view = await self._views.show(order_id)
        rows = await self._pool.fetch(statements()["load"], [order_id])
        if view is None or not rows:
            return None
        (row,) = rows
        key = row["master"], row["wrapped"]
        body = self._sealing.stored(order_id, BODY, row["body"], key)
        return ExportedOrder(
            row=view.row,
            order=msgspec.Raw(body) if body else None,
            timeline=await self._views.timeline(order_id),
            files=tuple(
                ExportedFile(
                    name=one.name,
                    content_type=one.content_type,
                    content_base64=base64.b64encode(one.content).decode(),
                )
                for one in await stored_documents(self._pool, self._sealing, order_id)
            ),
        )
