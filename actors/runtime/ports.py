"""What the runtime needs of the outside, as protocols. Adapters implement them; tests have twins.

What is stored are orders, so a stream's id is an order's here; the runtime itself knows of an order
no more than its id, its channel and the channel's reference.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Protocol

from msgspec import Struct

from schemas.messages.effects import Effect
from schemas.order.claims import Claim, Claimed
from schemas.order.ids import OrderId, Reference
from schemas.order.things import ORDER, Key

BODY, STATED = "", "stated"
"""A stream's bodies: the one acted on, and what the sender stated. No document is called so."""

EffectName = tuple[str, int]
"""An order's id and the number of one of its effects: names it permanently."""

TimerName = tuple[str, str, str]
"""An order's id, a thing's key and the name of one of its timers."""


class RecordedEffect(Struct, frozen=True, kw_only=True):
    """An effect intent beside its number; (order_id, number) names it permanently. `key` is the
    thing it is for, `lane` the partner instance that carries it out. `attempts` starts at 1 where
    an earlier effect of the same purpose may have acted: it is looked up first."""

    number: int
    key: Key
    lane: str
    effect: Effect
    attempts: int = 0


class Document(Struct, frozen=True, kw_only=True):
    """A file that belongs to a thing of an order, such as a label's image."""

    name: str
    content_type: str
    content: bytes
    key: Key = ORDER


class Body(Struct, frozen=True, kw_only=True):
    """Personal data of a stream, encoded: kept sealed, apart from events and state. `name` is BODY
    or STATED. `customer`, `email` and `phone` say whose it is (`schemas.order.customers`); they are
    stored as keyed hashes alone."""

    content: bytes
    name: str = BODY
    customer: str = ""
    email: str = ""
    phone: str = ""


class Row(Struct, frozen=True, kw_only=True):
    """The order's row in the read model after an append. `number` is what people call it,
    `progress` how far its parts are, in words; `in_house`: a warehouse works on some of it."""

    channel: str
    ref: str
    number: str
    stage: str
    progress: str
    waiting_for: str
    currency: str
    total_minor: int
    final: bool
    attention: bool
    in_house: bool = False


class Append(Struct, frozen=True, kw_only=True):
    """Everything one order adds in one commit, all or nothing.

    `expected_version` is the version the decision saw (0: a new order); the events take the numbers
    after it. `reference` is the order's own, which is stored with a new order and never changes: it
    says which key signs the references of all its things. `input_ids` are recorded in the inbox:
    when one is there already, nothing of this append is written. `settled` are numbers of effects
    that ended with this append, each with how (`done`, `refused`, `person`, or `sought`: a person
    went on without it, and the dispatcher looks up later whether it was done). Timers: `set_timers`
    upserts by key and name, `clear_timers` deletes. `bodies` are those that are new or changed.
    `state` is the encoded state after the events. `trace` is a traceparent ("" when the trace isn't
    sampled). `inside`: see `actors.runtime.local`, `claim`: `schemas.order.claims`; `events_of`:
    how many by input, where several."""

    order_id: OrderId
    reference: Reference
    partition: int
    expected_version: int
    input_ids: tuple[str, ...]
    events: tuple[Any, ...]
    effects: tuple[RecordedEffect, ...]
    settled: tuple[tuple[int, str], ...]
    set_timers: tuple[tuple[Key, str, datetime], ...]
    clear_timers: tuple[tuple[Key, str], ...]
    row: Row
    state: bytes
    at: datetime
    bodies: tuple[Body, ...] = ()
    documents: tuple[Document, ...] = ()
    trace: str = ""
    inside: tuple[tuple[int, str], ...] = ()
    events_of: tuple[int, ...] = ()
    claim: Claim | None = None


class Outcome(Struct, frozen=True, kw_only=True):
    """How an append ended: `committed`, or not written: `duplicate` (an input id was known),
    `conflict` (another writer was first, or the state was stale: reload and decide again), `short`
    (it can't be done inside), `claimed` (another order, `claimed`, has what it claims)."""

    kind: str
    claimed: Claimed | None = None


class Loaded(Struct, frozen=True, kw_only=True):
    """An order as stored: the encoded state, its version and bodies, and which inputs it has seen
    (the latest 500 ids; older repeats are caught by the inbox at append). A body is None before
    there is one, and when it was erased."""

    order_id: OrderId
    reference: Reference
    partition: int
    channel: str
    ref: str
    progress: str
    progress_since: datetime
    version: int
    state: bytes
    body: bytes | None
    stated: bytes | None
    seen: frozenset[str]


class Journal(Protocol):
    """The event-sourced store of orders. Every call raises JournalUnavailable within its deadline
    when the store does not answer, and LeaseLost when another process owns the partition; whoever
    implements it tells the leases of that."""

    async def append(self, append: Append) -> Outcome:
        """Write one order's append; many concurrent callers share one commit (group commit).
        Returning `committed` means it is on disk. Raises JournalUnavailable when the outcome is
        unknown: the caller repeats the same append (the inbox makes that harmless)."""
        ...

    async def load(self, order_id: OrderId) -> Loaded | None:
        """Return the order's stored state, or None for an order never seen. Concurrent callers
        share one query."""
        ...

    async def history(self, order_id: OrderId, version: int) -> Sequence[Any]:
        """Return the order's events up to a version, oldest first."""
        ...


class Leases(Protocol):
    """Which partitions this process may write and call for."""

    @property
    def epochs(self) -> Mapping[int, int]:
        """Partition to epoch, of those held."""
        ...

    def epoch_of(self, partition: int) -> int:
        """Return the epoch of a partition that is surely still ours; asked again before each
        outside effect. Raises LeaseLost, and JournalUnavailable when that can't be told now."""
        ...


class OpenEffect(Struct, frozen=True, kw_only=True):
    """An effect that has not ended. `reference` is the order's own. `attempts` counts calls that
    may have reached the partner; `written_by` is the lease epoch of the process that recorded it.
    `body` is the encoded body acted on, b"" where there is none. `sought_since` is when a person
    went on without it: it is only looked up then, never made; None for any other. `declined`: see
    EffectNote."""

    order_id: OrderId
    number: int
    key: Key
    lane: str
    channel: str
    ref: str
    partition: int
    reference: Reference
    effect: Effect
    attempts: int
    due_at: datetime
    written_by: int
    body: bytes
    trace: str
    sought_since: datetime | None = None
    declined: bool = False


class EffectNote(Struct, frozen=True, kw_only=True):
    """What the dispatcher remembers about an effect that did not end: attempts so far (absolute),
    when it is due next, and the last error in words. `is_over`: it is not sought any more.
    `declined`: its partner had all of it before it said no, which is believed once."""

    order_id: OrderId
    number: int
    attempts: int
    due_at: datetime
    error: str
    is_over: bool = False
    declined: bool = False


class Outbox(Protocol):
    """The dispatcher's view of recorded effects."""

    async def open_effects(
        self,
        lane: str,
        *,
        partitions: Sequence[int],
        due_before: datetime,
        limit: int,
        exclude: Sequence[EffectName],
        sought_after_seconds: float | None = None,
    ) -> list[OpenEffect]:
        """Return open effects of one lane and these partitions, leaving out those in `exclude`: the
        channels in turn, each with what was due first. Also those that are sought and were settled
        so long before `due_before` (None: none of them, because nothing can be looked up)."""
        ...

    async def note(self, note: EffectNote) -> None:
        """Remember a failed or starting attempt, or the end of a search; concurrent callers share
        one commit."""
        ...

    async def effect_counts(self, partitions: Sequence[int]) -> dict[str, tuple[int, float]]:
        """Return for each lane how many effects of these partitions are open, and the oldest one's
        age in seconds; 0 of a lane in which effects are only looked up."""
        ...


class DueTimer(Struct, frozen=True, kw_only=True):
    """A timer that is due."""

    order_id: OrderId
    key: Key
    name: str
    due_at: datetime


class Timers(Protocol):
    """Durable timers."""

    async def due_timers(
        self,
        *,
        partitions: Sequence[int],
        due_before: datetime,
        limit: int,
        exclude: Sequence[TimerName],
    ) -> list[DueTimer]:
        """Return due timers of these partitions, the longest overdue first, without those in
        `exclude` and those suspended."""


class Suspensions(Protocol):
    """Work that can't be decided, however often it is tried: set aside alone and shown on its
    order, which asks for a person until it is resumed (a newer version may know better)."""

    async def suspend_timer(self, timer: DueTimer, why: str) -> None:
        """Let a timer fire no more."""

    async def suspend_effect(self, order_id: OrderId, number: int, why: str) -> None:
        """Call for an effect no more. Raises LeaseLost."""

    async def resume(self, partitions: Sequence[int]) -> int:
        """Try all that these partitions have suspended once more; return how much it was."""


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
