"""What the heart needs of the outside, as protocols. Adapters implement them; tests have twins."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from msgspec import Struct

from actors.runtime.errors import NeedsPerson
from schemas.messages.effects import Effect, Result
from schemas.messages.events import OrderEvent
from schemas.order.canonical import Order
from schemas.order.ids import CorrelationId, OrderId


class RecordedEffect(Struct, frozen=True, kw_only=True):
    """An effect intent beside its number; (order_id, number) names it permanently.

    `attempts` starts at 1 where an earlier effect of the same purpose may already have acted (a
    person retries it): the dispatcher then looks it up before it calls.
    """

    number: int
    effect: Effect
    attempts: int = 0


class Document(Struct, frozen=True, kw_only=True):
    """A file that belongs to an order, such as a label image."""

    name: str
    content_type: str
    content: bytes


class Row(Struct, frozen=True, kw_only=True):
    """The order's row in the read model after an append. `number` is what people call it."""

    channel: str
    ref: str
    number: str
    correlation_id: str
    stage: str
    waiting_for: str
    currency: str
    total_minor: int
    final: bool
    attention: bool


class Append(Struct, frozen=True, kw_only=True):
    """Everything one order adds in one commit, all or nothing.

    `expected_version` is the version the decision saw (0: a new order); the events take the numbers
    after it. `input_ids` are recorded in the inbox: when one is there already, nothing of this
    append is written. `settled` are numbers of effects that ended with this append, each with how
    (`done`, `refused`, `person`). Timers: `set_timers` upserts by name, `clear_timers` deletes.
    `body` is the canonical order as JSON when it is new or amended; `customer`, `email` and `phone`
    say then whose it is (`schemas.order.customers`), and are stored as keyed hashes alone. `state`
    is the encoded state after the events. `trace` is a traceparent ("" when the trace isn't
    sampled).
    """

    order_id: OrderId
    partition: int
    expected_version: int
    input_ids: tuple[str, ...]
    events: tuple[OrderEvent, ...]
    effects: tuple[RecordedEffect, ...]
    settled: tuple[tuple[int, str], ...]
    set_timers: tuple[tuple[str, datetime], ...]
    clear_timers: tuple[str, ...]
    row: Row
    state: bytes
    at: datetime
    body: bytes | None = None
    customer: str = ""
    email: str = ""
    phone: str = ""
    documents: tuple[Document, ...] = ()
    trace: str = ""


class Outcome(Struct, frozen=True, kw_only=True):
    """How an append ended: `committed`, `duplicate` (an input id was known) or `conflict`
    (another writer was first, or the state was stale: reload and decide again)."""

    kind: str


class Loaded(Struct, frozen=True, kw_only=True):
    """An order as stored: the encoded state, its version and body, and which inputs it has seen
    (the latest 500 ids; older repeats are caught by the inbox at append). `body` is None before
    there is one, and when it was erased. `stage_since` is None for an order that entered its stage
    before that was kept."""

    order_id: OrderId
    version: int
    state: bytes
    body: bytes | None
    seen: frozenset[str]
    stage_since: datetime | None = None


class Journal(Protocol):
    """The event-sourced store of orders. Every call raises JournalUnavailable within its deadline
    when the store does not answer, and LeaseLost when another process owns the partition."""

    async def append(self, append: Append) -> Outcome:
        """Write one order's append; many concurrent callers share one commit (group commit).
        Returning `committed` means it is on disk. Raises JournalUnavailable when the outcome is
        unknown: the caller repeats the same append (the inbox makes that harmless)."""
        ...

    async def load(self, order_id: OrderId) -> Loaded | None:
        """Return the order's stored state, or None for an order never seen. Concurrent callers
        share one query."""
        ...


class OpenEffect(Struct, frozen=True, kw_only=True):
    """An effect that has not ended. `attempts` counts calls that may have reached the partner;
    `written_by` is the lease epoch of the process that recorded it. `body` is the order's
    canonical JSON."""

    order_id: OrderId
    number: int
    channel: str
    ref: str
    correlation_id: CorrelationId
    partner: str
    effect: Effect
    attempts: int
    due_at: datetime
    written_by: int
    body: bytes
    trace: str


class EffectNote(Struct, frozen=True, kw_only=True):
    """What the dispatcher remembers about an effect that did not end: attempts so far (absolute),
    when it is due next, and the last error in words."""

    order_id: OrderId
    number: int
    attempts: int
    due_at: datetime
    error: str


class Outbox(Protocol):
    """The dispatcher's view of recorded effects."""

    async def open_effects(
        self, partner: str, *, due_before: datetime, limit: int, exclude: Sequence[tuple[str, int]]
    ) -> list[OpenEffect]:
        """Return open effects of one partner, oldest due first, leaving out those in `exclude`."""
        ...

    async def note(self, note: EffectNote) -> None:
        """Remember a failed or starting attempt; concurrent callers share one commit."""
        ...

    async def effect_counts(self) -> dict[str, tuple[int, float]]:
        """Return for each partner how many effects are open and the oldest one's age in seconds."""
        ...


class DueTimer(Struct, frozen=True, kw_only=True):
    """A timer that is due."""

    order_id: OrderId
    name: str
    due_at: datetime


class Timers(Protocol):
    """Durable timers."""

    async def due_timers(
        self, *, due_before: datetime, limit: int, exclude: Sequence[tuple[str, str]]
    ) -> list[DueTimer]:
        """Return due timers, the longest overdue first, without those in `exclude`
        (order_id, name)."""
        ...


class Call(Struct, frozen=True, kw_only=True):
    """One call of a partner. `idempotency_key` is the same for every repeat of this effect;
    it has at most 45 characters: the correlation id, `-` and the effect's number. `order` is None
    before it has come, and after its personal data was erased."""

    order_id: OrderId
    channel: str
    ref: str
    correlation_id: CorrelationId
    number: int
    effect: Effect
    order: Order | None
    idempotency_key: str
    attempt: int
    trace: str = ""

    @property
    def stated(self) -> Order:
        """Return the canonical order. Raises NeedsPerson when it is not kept any more."""
        if self.order is None:
            raise NeedsPerson(
                "What was ordered, and by whom, is not kept here any more: its personal data was "
                "erased. Do it by hand at the partner if it is still wanted, and skip it here."
            )
        return self.order


class Partner(Protocol):
    """An outside system behind one adapter. Adapters translate; they never retry or sleep.

    `look_up` returns the result when an earlier call of this effect turns out to have acted, and
    None when it surely has not. `can_look_up` False means: never repeat an unknown outcome.
    Both raise Rejected, Retryable, Unknown, Unauthorised or NeedsPerson (`actors.runtime.errors`).
    """

    name: str
    can_look_up: bool

    async def perform(self, call: Call) -> Result:
        """Do what the effect asks."""
        ...

    async def look_up(self, call: Call) -> Result | None:
        """Find the consequence of an earlier call by our reference."""
        ...


class Clock(Protocol):
    """The only source of time."""

    def now(self) -> datetime:
        """Return the wall clock in UTC."""
        ...

    def monotonic(self) -> float:
        """Return seconds that never go backwards."""
        ...


class Quarantined(Struct, frozen=True, kw_only=True):
    """A payload that did not pass the edge, whole. `delivery_id` names it permanently (a repeat is
    kept once). `reason` is a short code such as `json_malformed`; `sentences` tell a clerk what is
    wrong. Headers hold no credentials."""

    delivery_id: str
    channel: str
    kind: str
    ref: str
    source: str
    reason: str
    sentences: tuple[str, ...]
    headers: dict[str, str]
    original: bytes
    at: datetime


class Quarantine(Protocol):
    """Where refused payloads are kept, visible."""

    async def keep(self, item: Quarantined) -> None:
        """Store the item durably, once per delivery id. Raises JournalUnavailable."""
        ...


class Message(Struct, frozen=True, kw_only=True):
    """A message as it came out of the stream, before anybody read its bytes.

    `source` says whose shape the bytes have (a channel's or partner's kind such as `shopify`;
    `canonical` when another service published it). `delivery_id` is the sender's own id of the
    delivery. `deliveries` counts how often the stream handed it out (1: the first time).
    `ref_token` is the subject token of the order it was published under, "" when its sender did not
    say; `sent` are headers of its sender's own as a JSON object, "" for none. No one has checked
    either.
    """

    partition: int
    channel: str
    kind: str
    source: str
    topic: str
    delivery_id: str
    raw: bytes
    headers: dict[str, str]
    received_at: datetime
    deliveries: int
    ref_token: str = ""
    sent: str = ""
