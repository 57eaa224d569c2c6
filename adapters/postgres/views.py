"""What people ask about orders: lists, one order, its timeline. Nothing here changes anything.

Every call raises JournalUnavailable within the pool's deadline when Postgres does not answer. Give
it a pool of its own, made with `by_key=False`, so that a slow question can't hold up the journal.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

import asyncpg
from msgspec import Struct
from msgspec.structs import asdict

from actors.order.stream import INITIAL, State, StateOutdated, decode_state, replay
from actors.order.table import FINAL
from actors.runtime.ports import BODY, Document
from adapters.kit.exchanges import ExchangePolicy
from adapters.postgres.cursors import cursor_after, position_of
from adapters.postgres.exchanges import KeptExchange, PostgresExchanges
from adapters.postgres.filtered import statement
from adapters.postgres.journal import stored_documents, stored_events
from adapters.postgres.order_filter import PROGRESS, STAGES, Filter
from adapters.postgres.order_history import TOLD, NotableRow, told_by, with_contents
from adapters.postgres.order_names import MAX_AMBIGUOUS, Ambiguous, names_of, plain
from adapters.postgres.order_parts import OrderParts, parts_of, skus_of
from adapters.postgres.pool import Pool, Reads
from adapters.postgres.sealing import Sealing
from adapters.postgres.statements import parse
from adapters.postgres.timeline import (
    Entry,
    effect_entries,
    erased_entry,
    event_entry,
    exchange_entry,
    in_order,
    timer_entries,
)
from schemas.messages.codec import decode_event, decode_order
from schemas.messages.effects import tag_of
from schemas.messages.events import LabelBought
from schemas.messages.words import effect_words
from schemas.order.canonical import Order
from schemas.order.ids import OrderId
from schemas.order.things import Key

__all__ = [
    "PROGRESS", "STAGES", "EffectRow", "FileRow", "LabelFile", "OrderRow", "OrderView", "Page",
    "TimerRow", "Views",
]  # fmt: skip

MAX_ROWS = 200
"""Orders in one page: what a person scrolls through, about 60 kB."""

MAX_ENTRIES = 1_000
"""Newest events, and newest effects, of one timeline: an order of a normal life has thirty."""

MAX_PARTS = 500
"""Effects under way, timers, files and labels shown with an order; a normal one has five, and 50
fulfilments with 200 parcels have some 400."""

_END = (datetime(9999, 1, 1, tzinfo=UTC), "")


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
    """An effect that is under way: `open`, or `suspended` when its answer can't be decided. `words`
    say what is asked."""

    number: int
    key: Key
    lane: str
    kind: str
    words: str
    status: str
    attempts: int
    error: str
    due_at: datetime
    at: datetime


class TimerRow(Struct, frozen=True, kw_only=True):
    """What will happen by itself to a thing, and when; with an `error` it can't be decided and will
    not."""

    key: Key
    name: str
    due_at: datetime
    error: str = ""


class FileRow(Struct, frozen=True, kw_only=True):
    """A file of the order, such as a label: `key` is the thing it belongs to, `name` is for
    `Views.document`."""

    name: str
    key: Key
    content_type: str


class LabelFile(Struct, frozen=True, kw_only=True):
    """A label that was bought for a parcel. `file` is for `Views.document`, "" where the carrier
    gave no image."""

    label: Key
    parcel: Key
    carrier: str
    tracking_number: str
    file: str


class OrderView(OrderParts, frozen=True, kw_only=True):
    """One order: its row, its parts, what is under way, and the newest of what happened to it out
    of the ordinary. `erased_at` is when the customer's data was erased; then no file opens any
    more."""

    row: OrderRow
    notable: tuple[NotableRow, ...]
    effects: tuple[EffectRow, ...]
    timers: tuple[TimerRow, ...]
    files: tuple[FileRow, ...]
    erased_at: datetime | None = None


class Views:
    """Reads for the command line, the API and the console."""

    def __init__(self, pool: Pool, sealing: Sealing) -> None:
        self._pool = pool
        self._sealing = sealing
        self._exchanges = PostgresExchanges(pool, sealing, ExchangePolicy())

    async def list_orders(
        self,
        *,
        stage: str | None = None,
        progress: str | None = None,
        channel: str | None = None,
        attention: bool | None = None,
        text: str | None = None,
        cursor: str | None = None,
        limit: int = 50,
    ) -> Page:
        """Return a page of at most `limit` (200) orders, newest first.

        `text` is an order id, a reference of the order or of one of its things, or the channel's or
        people's number, whole (`#1042` finds `1042`). Raises CursorRefused, and ValueError for a
        stage or progress that no order can have.
        """
        if stage is not None and stage not in STAGES:
            raise ValueError(f"There is no stage {stage!r}; use one of: {', '.join(STAGES)}.")
        if progress is not None and progress not in PROGRESS:
            raise ValueError(
                f"There is no progress {progress!r}; use one of: {', '.join(PROGRESS)}."
            )
        limit = max(1, min(limit, MAX_ROWS))
        at, order_id = _END if cursor is None else position_of(cursor)
        name, names = "list_all", () if text is None else (names_of(text),)
        if names:
            name = "list_named"
        elif attention:
            name = "list_attention"
        elif stage is not None and stage not in FINAL:
            name = "list_open"
        filters = (plain(stage), plain(progress), plain(channel), attention)
        rows = await self._pool.fetch(_sql()[name], *filters, at, order_id, limit + 1, *names)
        page = tuple(_row(row) for row in rows[:limit])
        more = len(rows) > limit
        return Page(rows=page, next_cursor=_cursor_after(page[-1]) if more else None)

    async def matching(
        self,
        which: Filter,
        *,
        now: datetime,
        known: Collection[str],
        only: Collection[str] | None = None,
        cursor: str | None = None,
        limit: int = 50,
    ) -> Page:
        """Return a page of at most `limit` (200) orders that a filter finds, newest first; `known`
        and `only` as in `filtered.statement`. Raises CursorRefused.

        A page may hold fewer and still have one after it: see `adapters.postgres.filtered`.
        """
        limit = max(1, min(limit, MAX_ROWS))
        after = _END if cursor is None else position_of(cursor)
        asked = statement(
            which, _sql()["row"], sealing=self._sealing, known=known, only=only, now=now,
            after=after, limit=limit + 1,
        )  # fmt: skip
        rows = await self._pool.fetch(asked.sql, *asked.arguments)
        found = [_matched(row) for row in rows if row["matches"]]
        if len(found) > limit:
            return Page(rows=tuple(found[:limit]), next_cursor=_cursor_after(found[limit - 1]))
        ended = next((_matched(row) for row in rows if row["ends"]), None)
        return Page(rows=tuple(found), next_cursor=_cursor_after(ended) if ended else None)

    async def find(self, text: str, channels: Collection[str] | None = None) -> OrderId | None:
        """Return the order that `text` names (as in `list_orders`), among those of some channels:
        by its id, else by its reference exactly, else by its number. Raises Ambiguous: two shops
        may use the same one."""
        names, exact = names_of(text), plain(text.strip())
        only = None if channels is None else sorted(channels)
        rows = await self._pool.fetch(_sql()["named"], names, only, MAX_AMBIGUOUS + 1, exact)
        for row in rows:
            if row["order_id"] in names:
                return OrderId(row["order_id"])
        # A number is what a shop writes on an order: it must not hide another one's reference.
        rows = [row for row in rows if row["ref"] == exact] or rows
        if len(rows) > 1:
            raise Ambiguous(text, rows)
        return OrderId(rows[0]["order_id"]) if rows else None

    async def show(self, order_id: OrderId) -> OrderView | None:
        """Return one order with its parts and what is under way; None for an unknown id."""
        named = OrderId(plain(order_id) or "")
        return await self._pool.at_one_moment(lambda reads: _shown(reads, named))

    async def state(self, order_id: OrderId) -> State:
        """Return an order's state, INITIAL for an unknown one; built from its events where other
        versions of the machines made the stored one."""
        return await _state(self._pool, OrderId(plain(order_id) or ""))

    async def order(self, order_id: OrderId) -> Order | None:
        """Return the canonical order that is acted on; None before it has come, and when it was
        erased. Raises KeyMissing and Damaged."""
        rows = await self._pool.fetch(_sql()["body_of"], plain(order_id))
        if not rows:
            return None
        key = rows[0]["master"], rows[0]["wrapped"]
        body = self._sealing.stored(order_id, BODY, rows[0]["body"], key)
        return decode_order(body) if body else None

    async def timeline(self, order_id: OrderId) -> tuple[Entry, ...]:
        """Return what happened, oldest first, and at the end what is due. At most the newest
        MAX_ENTRIES events, effects and exchanges; empty for an unknown id. Raises KeyMissing."""
        named = OrderId(plain(order_id) or "")
        entries, timers = await self._pool.at_one_moment(lambda reads: _told(reads, named))
        entries += [exchange_entry(one) for one in await self.exchanges(named)]
        return (*in_order(entries), *timers)

    async def labels(self, order_id: OrderId) -> tuple[LabelFile, ...]:
        """Return which labels were ever bought for the parcels of an order, oldest first."""
        rows = await self._pool.fetch(
            _sql()["events_of_type"], plain(order_id), tag_of(LabelBought), MAX_PARTS
        )
        found = []
        for (body,) in rows:
            event = decode_event(body)
            assert isinstance(event, LabelBought), "the type of the row says so"
            found += [
                LabelFile(
                    label=event.key,
                    parcel=one.parcel,
                    carrier=event.carrier,
                    tracking_number=one.tracking_number,
                    file=one.document,
                )
                for one in event.labels
            ]
        return tuple(found)

    async def exchanges(self, order_id: OrderId) -> tuple[KeptExchange, ...]:
        """Return the newest MAX_ENTRIES exchanges with partners, oldest first. Raises
        KeyMissing."""
        return await self._exchanges.of_order(order_id, limit=MAX_ENTRIES)

    async def exchange(self, order_id: OrderId, number: int) -> KeptExchange | None:
        """Return what we and a partner said in one exchange, None for one that is not kept. Raises
        KeyMissing."""
        found = await self._exchanges.of_order(
            OrderId(plain(order_id) or ""), before=number + 1, limit=1
        )
        return found[0] if found and found[0].id == number else None

    async def document(self, order_id: OrderId, name: str) -> Document | None:
        """Return one of the order's files, None when it has none of that name or it was erased.
        Raises KeyMissing and Damaged."""
        order_id, named = OrderId(plain(order_id) or ""), plain(name)
        found = await stored_documents(self._pool, self._sealing, order_id, named)
        return found[0] if found else None

    async def attention(self, now: datetime) -> tuple[int, float]:
        """Return how many orders need a person, and the age of the oldest of them in seconds."""
        (row,) = await self._pool.fetch(_sql()["attention"])
        oldest = row["oldest"]
        return row["orders"], max(0.0, (now - oldest).total_seconds()) if oldest else 0.0


async def _shown(reads: Reads, order_id: OrderId) -> OrderView | None:
    rows = await reads.fetch(_sql()["row_of"], order_id)
    if not rows:
        return None
    state = await _state(reads, order_id)
    effects = await reads.fetch(_sql()["under_way"], order_id, MAX_PARTS)
    timers = await reads.fetch(_sql()["timers_of"], order_id, MAX_PARTS)
    files = await reads.fetch(_sql()["files_of"], order_id, MAX_PARTS)
    erased = await reads.fetch(_sql()["erased_of"], order_id)
    events = await reads.fetch(_sql()["told_of"], order_id, TOLD, MAX_ENTRIES)
    line_ids = tuple(line.line_id for line in state.lines)
    told = told_by([(row["body"], row["at"]) for row in events], line_ids, skus_of(state))
    parts = asdict(parts_of(state))
    parts["ended"] = with_contents(parts["ended"], told)
    return OrderView(
        row=_row(rows[0]),
        notable=told.notable,
        effects=tuple(
            EffectRow(words=effect_words(row["kind"], Key(row["key"])), **dict(row))
            for row in effects
        ),
        timers=tuple(TimerRow(**dict(row)) for row in timers),
        files=tuple(FileRow(**dict(row)) for row in files),
        erased_at=erased[0]["erased_at"] if erased else None,
        **parts,
    )


async def _told(reads: Reads, order_id: OrderId) -> tuple[list[Entry], tuple[Entry, ...]]:
    lines = skus_of(await _state(reads, order_id))
    events = await reads.fetch(_sql()["events_of"], order_id, MAX_ENTRIES)
    effects = await reads.fetch(_sql()["effects_of"], order_id, MAX_ENTRIES)
    timers = await reads.fetch(_sql()["timers_of"], order_id, MAX_PARTS)
    erased = await reads.fetch(_sql()["erased_of"], order_id)
    entries = [event_entry(version, kind, body, at, lines) for version, kind, body, at in events]
    entries += [erased_entry(at) for (at,) in erased if at is not None]
    for row in effects:
        entries += effect_entries(row)
    return entries, tuple(timer_entries([tuple(row) for row in timers]))


async def _state(reads: Reads, order_id: OrderId) -> State:
    rows = await reads.fetch(_sql()["state_of"], order_id)
    if not rows:
        return INITIAL
    try:
        return decode_state(rows[0]["state"])
    except StateOutdated:
        return replay(await stored_events(reads, order_id, rows[0]["version"]))


def _row(row: asyncpg.Record) -> OrderRow:
    return OrderRow(**dict(row))


def _matched(row: asyncpg.Record) -> OrderRow:
    fields = dict(row)
    del fields["matches"], fields["ends"]
    return OrderRow(**fields)


def _cursor_after(row: OrderRow) -> str:
    return cursor_after(row.placed_at, row.order_id)


@cache
def _sql() -> Mapping[str, str]:
    named = parse(Path(__file__).with_name("views.sql").read_text("utf-8"))
    return {
        name: statement.replace("{row}", named["row"]).replace("{after}", named["after"])
        for name, statement in named.items()
    }
