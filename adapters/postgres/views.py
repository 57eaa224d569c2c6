"""What people ask about orders: lists, one order, its timeline. Nothing here changes anything.

Every call raises JournalUnavailable within the pool's deadline when Postgres does not answer. Give
it a pool of its own, made with `by_key=False`, so that a slow question can't hold up the journal.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path

import asyncpg
import msgspec
from msgspec import Struct

from actors.order.table import FINAL
from actors.runtime.ports import Document
from adapters.postgres.journal import stored_documents
from adapters.postgres.pool import Pool
from adapters.postgres.sealing import Sealing
from adapters.postgres.statements import parse
from adapters.postgres.timeline import (
    Entry,
    effect_entries,
    erased_entry,
    event_entry,
    timer_entries,
)
from schemas.order.ids import KEY_ID_LENGTH, ORDER_ID_LENGTH, REFERENCE_LENGTH, OrderId

MAX_ROWS = 200
"""Orders in one page: what a person scrolls through, about 60 kB."""

MAX_ENTRIES = 1_000
"""Newest events, and newest effects, of one timeline: an order of a normal life has thirty."""

MAX_PARTS = 200
"""Open effects, timers and documents shown with an order; a normal one has five."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_END = (datetime(9999, 1, 1, tzinfo=UTC), "")


class CursorRefused(ValueError):
    """A cursor that no page of this list gave out."""


class OrderRow(Struct, frozen=True, kw_only=True):
    """One order in a list. `next_due_at`: when a timer will move it (None: it waits for somebody
    without a limit, or is final)."""

    order_id: OrderId
    channel: str
    ref: str
    number: str
    reference: str
    stage: str
    progress: str
    waiting_for: str
    currency: str
    total_minor: int
    final: bool
    attention: bool
    version: int
    placed_at: datetime
    updated_at: datetime
    next_due_at: datetime | None


class Page(Struct, frozen=True, kw_only=True):
    """Rows, newest first, and the cursor of the next page (None: this was the last)."""

    rows: tuple[OrderRow, ...]
    next_cursor: str | None


class EffectRow(Struct, frozen=True, kw_only=True):
    """An effect that has not ended well: `open`, `person` when somebody must see to it, or
    `suspended` when what it led to can't be recorded."""

    number: int
    key: str
    lane: str
    kind: str
    status: str
    attempts: int
    error: str
    due_at: datetime
    at: datetime


class TimerRow(Struct, frozen=True, kw_only=True):
    """What will happen by itself, and when; with an `error` it can't be decided and will not."""

    key: str
    name: str
    due_at: datetime
    error: str = ""


class OrderView(Struct, frozen=True, kw_only=True):
    """One order with what is under way. `documents` are names for `Views.document`. `erased_at` is
    when the customer's data was erased; then no document opens any more."""

    row: OrderRow
    effects: tuple[EffectRow, ...]
    timers: tuple[TimerRow, ...]
    documents: tuple[str, ...]
    erased_at: datetime | None = None


class Views:
    """Reads for the command line, the API and the console."""

    def __init__(self, pool: Pool, sealing: Sealing) -> None:
        self._pool = pool
        self._sealing = sealing

    async def list_orders(
        self,
        *,
        stage: str | None = None,
        channel: str | None = None,
        attention: bool | None = None,
        text: str | None = None,
        cursor: str | None = None,
        limit: int = 50,
    ) -> Page:
        """Return a page of at most `limit` (200) orders, newest first.

        `text` is an order id, a reference of the order or a thing of it, the channel's own or
        people's number, whole (`#1042` finds `1042`). Raises CursorRefused.
        """
        limit = max(1, min(limit, MAX_ROWS))
        at, order_id = _END if cursor is None else _cursor(cursor)
        name, names = "list_all", () if text is None else (_names(text),)
        if names:
            name = "list_named"
        elif attention:
            name = "list_attention"
        elif stage is not None and stage not in FINAL:
            name = "list_open"
        rows = await self._pool.fetch(
            _sql()[name],
            *(_plain(stage), _plain(channel), attention, at, order_id, limit + 1),
            *names,
        )
        page = tuple(_row(row) for row in rows[:limit])
        more = len(rows) > limit
        return Page(rows=page, next_cursor=_cursor_after(page[-1]) if more else None)

    async def find(self, text: str) -> OrderId | None:
        """Return the order that `text` names (as in `list_orders`), the newest where several
        channels use the same number."""
        page = await self.list_orders(text=text, limit=1)
        return page.rows[0].order_id if page.rows else None

    async def show(self, order_id: OrderId) -> OrderView | None:
        """Return one order with what is under way; None for an unknown id."""
        rows = await self._pool.fetch(_sql()["row_of"], _plain(order_id))
        if not rows:
            return None
        effects = await self._pool.fetch(_sql()["effects_of"], order_id, True, MAX_PARTS)
        timers = await self._pool.fetch(_sql()["timers_of"], order_id, MAX_PARTS)
        documents = await self._pool.fetch(_sql()["document_names_of"], order_id, MAX_PARTS)
        erased = await self._pool.fetch(_sql()["erased_of"], order_id)
        shown = EffectRow.__struct_fields__
        return OrderView(
            row=_row(rows[0]),
            effects=tuple(
                EffectRow(**{name: row[name] for name in shown}) for row in reversed(effects)
            ),
            timers=tuple(TimerRow(**dict(row)) for row in timers),
            documents=tuple(name for (name,) in documents),
            erased_at=erased[0]["erased_at"] if erased else None,
        )

    async def timeline(self, order_id: OrderId) -> tuple[Entry, ...]:
        """Return what happened, oldest first, and at the end what is due. At most the newest
        MAX_ENTRIES events and effects; empty for an unknown id."""
        order_id = OrderId(_plain(order_id) or "")
        events = await self._pool.fetch(_sql()["events_of"], order_id, MAX_ENTRIES)
        effects = await self._pool.fetch(_sql()["effects_of"], order_id, False, MAX_ENTRIES)
        timers = await self._pool.fetch(_sql()["timers_of"], order_id, MAX_PARTS)
        erased = await self._pool.fetch(_sql()["erased_of"], order_id)
        entries = [event_entry(*row) for row in events]
        entries += [erased_entry(at) for (at,) in erased if at is not None]
        for row in effects:
            entries += effect_entries(row)
        entries.sort(key=lambda entry: (entry.at, entry.rank, entry.version, entry.effect))
        return (*entries, *timer_entries(timers))

    async def document(self, order_id: OrderId, name: str) -> Document | None:
        """Return one of the order's files, None when it has none of that name or it was erased.
        Raises KeyMissing and Damaged."""
        order_id, named = OrderId(_plain(order_id) or ""), _plain(name)
        found = await stored_documents(self._pool, self._sealing, order_id, named)
        return found[0] if found else None

    async def attention(self, now: datetime) -> tuple[int, float]:
        """Return how many orders need a person, and the age of the oldest of them in seconds."""
        (row,) = await self._pool.fetch(_sql()["attention"])
        oldest = row["oldest"]
        return row["orders"], max(0.0, (now - oldest).total_seconds()) if oldest else 0.0


def _row(row: asyncpg.Record) -> OrderRow:
    return OrderRow(**dict(row))


def _names(text: str) -> list[str]:
    """Return what the text may be called in the columns that name an order."""
    text = (_plain(text) or "").strip()[:256]
    bare = text.lstrip("#")
    names = {text, bare, f"#{bare}"}
    if len(text) == REFERENCE_LENGTH:
        names.add(text[KEY_ID_LENGTH : KEY_ID_LENGTH + ORDER_ID_LENGTH].upper())
    return sorted(names)


def _plain(text: str | None) -> str | None:
    """Make a text of any origin one that Postgres can compare with."""
    return None if text is None else text.replace("\x00", "�").encode("utf-8", "replace").decode()


def _cursor_after(row: OrderRow) -> str:
    microseconds = (row.placed_at - _EPOCH) // timedelta(microseconds=1)
    return base64.urlsafe_b64encode(msgspec.json.encode((microseconds, row.order_id))).decode()


def _cursor(cursor: str) -> tuple[datetime, str]:
    try:
        raw = base64.b64decode(cursor[:256], altchars=b"-_", validate=True)
        microseconds, order_id = msgspec.json.decode(raw, type=tuple[int, str])
        return _EPOCH + timedelta(microseconds=microseconds), _plain(order_id) or ""
    except (binascii.Error, ValueError, OverflowError, msgspec.MsgspecError) as error:
        raise CursorRefused(
            "The cursor is not one this list gave out; start again without one."
        ) from error


@cache
def _sql() -> Mapping[str, str]:
    named = parse(Path(__file__).with_name("views.sql").read_text("utf-8"))
    return {
        name: statement.replace("{row}", named["row"]).replace("{after}", named["after"])
        for name, statement in named.items()
    }
