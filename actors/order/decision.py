"""What a decision may know, and what it says."""

from __future__ import annotations

from datetime import datetime

from msgspec import Struct

from actors.kernel.setup import Setup
from actors.order.normalise import NO_TABLES, Tables
from actors.order.policy import Policy
from actors.order.state import State
from actors.rules.compiled import NO_RULES, Compiled
from schemas.messages.effects import Effect
from schemas.messages.events import OrderEvent
from schemas.order.canonical import Order
from schemas.order.claims import Claim, Claimed
from schemas.order.things import Key
from schemas.order.world import World


class Context(Struct, frozen=True, kw_only=True):
    """What a decision may know beside state and input. `order` is the stored canonical order,
    `stated` the channel's latest statement where it is kept beside it; both are None before the
    order has come, and after its personal data was erased. `reference` is the order's own signed
    reference. `received_at` is when the input was safe with us. `claimed` is told when an earlier
    try of the same decision claimed what another order has. `rules` are those in use; `plain` is
    the setup as it was before they changed it for this order (None: they did not). `world` is what
    is known beyond the order, None before anything was asked for."""

    now: datetime
    policy: Policy
    setup: Setup
    channel: str
    ref: str
    reference: str
    order: Order | None = None
    stated: Order | None = None
    received_at: str = ""
    mappings: Tables = NO_TABLES
    claimed: Claimed | None = None
    rules: Compiled = NO_RULES
    plain: Setup | None = None
    world: World | None = None


class Intended(Struct, frozen=True, kw_only=True):
    """A numbered effect for one thing, in one partner's lane. `attempts` is 1 when an earlier call
    may have acted already."""

    number: int
    key: Key
    lane: str
    effect: Effect
    attempts: int = 0


class LabelImage(Struct, frozen=True, kw_only=True):
    """A label's image to keep with the order's thing, under a name that an event has."""

    key: Key
    name: str
    content_type: str
    base64: str


class Decision(Struct, frozen=True, kw_only=True):
    """What an input leads to. No events means: seen, and nothing changes.

    `settled` are effects that ended, each with how (`done`, `refused`, `person`, or `sought`: a
    person skipped it, and whether it was done is looked up later). Timers are named
    by thing and name; one that is set replaces an earlier one. `body` is the canonical order that
    is acted on from now on, `stated` the channel's latest statement where it says something else.
    `claim` is what no other order may have: nothing of the decision holds if one has it. `early`:
    the input is about what the order has not made yet, and is to come again.
    """

    state: State
    events: tuple[OrderEvent, ...] = ()
    effects: tuple[Intended, ...] = ()
    settled: tuple[tuple[int, str], ...] = ()
    set_timers: tuple[tuple[Key, str, datetime], ...] = ()
    clear_timers: tuple[tuple[Key, str], ...] = ()
    body: Order | None = None
    stated: Order | None = None
    documents: tuple[LabelImage, ...] = ()
    claim: Claim | None = None
    early: bool = False


def moment(text: str) -> datetime:
    """Return a validated RFC 3339 time."""
    return datetime.fromisoformat(text)
