"""Everything that is held about an order's customer, opened: for the customer himself."""

from __future__ import annotations

import base64
from datetime import datetime

import msgspec
from msgspec import Struct

from actors.runtime.ports import BODY, STATED
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


class ExportedExchange(Struct, frozen=True, kw_only=True):
    """What a partner was told, and what it answered."""

    partner: str
    at: datetime
    method: str
    url: str
    request: str
    response: str


class ExportedOrder(Struct, frozen=True, kw_only=True):
    """One order: its row in the lists, what was ordered by whom (None: erased), the channel's
    latest statement where it says something else, what happened, what partners were told, and its
    files."""

    row: OrderRow
    order: msgspec.Raw | None
    stated: msgspec.Raw | None
    timeline: tuple[Entry, ...]
    exchanges: tuple[ExportedExchange, ...]
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
        stated_key = row["stated_master"], row["stated_wrapped"]
        body = self._sealing.stored(order_id, BODY, row["body"], (row["master"], row["wrapped"]))
        stated = self._sealing.stored(order_id, STATED, row["stated"], stated_key)
        return ExportedOrder(
            row=view.row,
            order=msgspec.Raw(body) if body else None,
            stated=msgspec.Raw(stated) if stated else None,
            timeline=await self._views.timeline(order_id),
            exchanges=tuple(
                ExportedExchange(
                    partner=one.exchange.partner,
                    at=one.exchange.at,
                    method=one.exchange.method,
                    url=one.exchange.url,
                    request=one.exchange.request.decode("utf-8", "replace"),
                    response=one.exchange.response.decode("utf-8", "replace"),
                )
                for one in await self._views.exchanges(order_id)
            ),
            files=tuple(
                ExportedFile(
                    name=one.name,
                    content_type=one.content_type,
                    content_base64=base64.b64encode(one.content).decode(),
                )
                for one in await stored_documents(self._pool, self._sealing, order_id)
            ),
        )
