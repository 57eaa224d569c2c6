"""The words of a decision: what it may know, and what it says."""

from __future__ import annotations

from datetime import datetime

from msgspec import Struct

from actors.order.normalise import NO_TABLES, Tables
from actors.order.policy import Policy
from actors.order.state import State
from schemas.messages import events as e
from schemas.messages.effects import Effect, LabelBought
from schemas.order.canonical import Order

DUE, TRACK, STOCK, CLOSE, MAPPING = "due", "track", "stock", "close", "mapping"
TIMERS = (DUE, TRACK, STOCK, CLOSE, MAPPING)
"""The names a timer may have; an order has at most one of each."""


class Context(Struct, frozen=True, kw_only=True):
    """What a decision may know beside state and input. `order` is the stored canonical order;
    `received_at` is when the input was safe with us."""

    now: datetime
    policy: Policy
    channel: str
    ref: str
    correlation_id: str
    order: Order | None = None
    received_at: str = ""
    mappings: Tables = NO_TABLES


def moment(text: str) -> datetime:
    """Return a validated RFC 3339 time."""
    return datetime.fromisoformat(text)


class Intended(Struct, frozen=True, kw_only=True):
    """A numbered effect. `attempts` is 1 when an earlier effect may have acted already."""

    number: int
    effect: Effect
    attempts: int = 0


class Decision(Struct, frozen=True, kw_only=True):
    """What an input leads to. No events means: seen, and nothing changes.

    `body` is the canonical order to keep from now on; `label` the bought label with its image.
    """

    state: State
    events: tuple[e.OrderEvent, ...] = ()
    effects: tuple[Intended, ...] = ()
    settled: tuple[tuple[int, str], ...] = ()
    set_timers: tuple[tuple[str, datetime], ...] = ()
    clear_timers: tuple[str, ...] = ()
    body: Order | None = None
    label: LabelBought | None = None


class Answer(Struct, kw_only=True):
    """What a handler says: events, and effects that only it knows about."""

    events: list[e.OrderEvent] = []
    effects: list[Effect] = []
    attempts: int = 0
    settled: tuple[tuple[int, str], ...] = ()
    set_timers: dict[str, float] = {}
    body: Order | None = None
    label: LabelBought | None = None
