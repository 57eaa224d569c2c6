"""What today's code, settings, mappings and rules would make of an order's past, input by input.

Every input is decided from the state in which it was decided then, so that one difference does not
lead to others. Nothing is written and no partner is called.

Only what is certain is compared. An input is told from what it led to (`service.orders.rebuilt`);
one that can't be told is counted. The order's body is kept as it is now alone: what came before its
last change is counted as well, and so is what takes more about the customer than was recorded.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import partial
from typing import Protocol

from msgspec import Struct
from msgspec.structs import replace

from actors.kernel.setup import Setup
from actors.order.decision import Context, Decision
from actors.order.normalise import Tables
from actors.order.stream import INITIAL, State, decide, evolve
from actors.rules.compiled import Compiled
from adapters.postgres.mappings import PostgresMappings
from adapters.postgres.pool import Pool
from adapters.postgres.replay import appends_of, bodies_of, events_until
from adapters.postgres.rules import PostgresRules
from adapters.postgres.sealing import Sealing
from adapters.postgres.views import OrderRow
from schemas.messages import events as e
from schemas.messages.effects import tag_of
from schemas.messages.inputs import Input
from schemas.messages.words import effect_words, event_words
from schemas.order.canonical import Order
from schemas.order.world import World, WorldAsked
from service.app.errors import OperatorError
from service.orders.rebuilt import input_of
from service.settings import Settings
from service.settings.roles import MAIN, places_of, setups

MAX_DIFFERENCES = 50
"""Inputs whose outcome would differ and that are shown."""


class Difference(Struct, frozen=True, kw_only=True):
    """An input that would lead elsewhere today: the version of its first event, what it was, what
    was decided and asked for (`was`) and what would be (`would_be`), in words; what both have in
    common is left out."""

    version: int
    at: datetime
    input: str
    was: tuple[str, ...]
    would_be: tuple[str, ...]


class WhatIf(Struct, frozen=True, kw_only=True):
    """What differs of `decided` inputs that were decided again. `unknown` counts those that can't
    be, by the type of their first event."""

    decided: int
    unknown: dict[str, int]
    differences: tuple[Difference, ...]


Recorded = tuple[int, datetime, e.OrderEvent]


def what_if(
    events: Sequence[Recorded],
    appends: Mapping[int, int],
    today: Context,
    *,
    body: Order | None,
    statement: Order | None,
) -> WhatIf:
    """Decide an order's inputs again. `appends` are the versions after which an append ended, each
    with how many inputs it took; `today` knows what is in use now; `body` and `statement` are those
    that are kept (None: erased)."""
    changed = max((v for v, _, one in events if isinstance(one, _CHANGES)), default=0)
    state: State = INITIAL
    decided = 0
    unknown: Counter[str] = Counter()
    differences: list[Difference] = []
    for step in _steps(events, appends):
        version, at, first = step.events[0]
        before = state
        for _, _, one in step.events:
            state = evolve(state, one)
        command = input_of(first, today.ref, statement) if step.is_one else None
        context = replace(today, now=at, order=body, stated=statement, world=_known(step))
        if isinstance(first, e.Placed):
            context = replace(context, order=None, stated=None, received_at=first.received_at)
        elif body is None or version <= changed:
            command = None
        decision = None if command is None else _decided(before, command, context)
        if command is None or decision is None:
            unknown[tag_of(first)] += 1
            continue
        decided += 1
        was, would_be = _told([one for _, _, one in step.events]), _told(decision.events)
        if was != would_be and len(differences) < MAX_DIFFERENCES:
            left, right = Counter(was), Counter(would_be)
            differences.append(
                Difference(
                    version=version,
                    at=at,
                    input=tag_of(command),
                    was=tuple((left - right).elements()),
                    would_be=tuple((right - left).elements()),
                )
            )
    return WhatIf(decided=decided, unknown=dict(unknown), differences=tuple(differences))


_CHANGES = (e.Changed, e.Normalised)


class _Step(Struct):
    """Events of one input; `is_one` is False where that can't be told."""

    events: list[Recorded]
    is_one: bool = True


def _known(step: _Step) -> World | None:
    """Return what the rules knew beyond the order, None where they asked for nothing."""
    told = (one.world for _, _, one in step.events if isinstance(one, e.RulesDecided))
    return next(told, None)


def _decided(state: State, command: Input, context: Context) -> Decision | None:
    """Return what would be decided, None where that takes more than was known then."""
    try:
        return decide(state, command, context)
    except WorldAsked:
        return None


def _steps(events: Sequence[Recorded], appends: Mapping[int, int]) -> list[_Step]:
    """Divide events into those of one input each: an append may hold several, and each answer of a
    partner in it begins with the event that settles its effect."""
    steps: list[_Step] = []
    group: list[_Step] = []
    for one in events:
        version, _, event = one
        if not group or event.settles:
            group.append(_Step([]))
        group[-1].events.append(one)
        if version in appends:
            for step in group:
                step.is_one = len(group) == appends[version]
            steps += group
            group = []
    for step in group:
        step.is_one = False
    return steps + group


def _told(events: Sequence[e.OrderEvent]) -> list[str]:
    """Return what was decided, and what was asked of partners, in words. Which version of rules or
    mappings said so does not count."""
    told: list[str] = []
    for one in events:
        match one:
            case e.RulesDecided():
                plain: e.OrderEvent = replace(one, version=0)
            case e.Placed() | e.Normalised() | e.Changed():
                plain = replace(one, mappings=0)
            case _:
                plain = one
        told.append(event_words(plain))
        told += [f"{effect_words(x.kind, x.key)}, asked of {x.lane}" for x in one.intends]
    return told


class Sources(Protocol):
    """What an order's past is read from, and what is in use now."""

    @property
    def pool(self) -> Pool:
        """Where events are."""

    @property
    def sealing(self) -> Sealing:
        """Opens bodies."""

    @property
    def mappings(self) -> PostgresMappings:
        """The seller's tables."""

    @property
    def rules(self) -> PostgresRules:
        """The seller's rules."""

    @property
    def settings(self) -> Settings:
        """The settings."""


async def what_if_of(session: Sources, row: OrderRow) -> WhatIf:
    """Decide a stored order's inputs again, on a thread, with what the service uses. Raises
    OperatorError for an event or mappings that this version can't read."""
    order_id = row.order_id
    body, statement = await bodies_of(session.pool, session.sealing, order_id)
    try:
        events = await events_until(session.pool, order_id, None)
        version, mappings = await session.mappings.current()
        rules = await session.rules.in_use()
    except ValueError as error:
        raise OperatorError(f"{error} Was it written by a newer version?") from error
    settings = session.settings
    places = places_of(settings)
    today = Context(
        now=row.placed_at,
        policy=settings.policy,
        setup=setups(settings).get(row.channel) or Setup(channel=row.channel),
        channel=row.channel,
        ref=row.ref,
        reference=row.reference,
        mappings=Tables(mappings, version, place=places[0].name if places else MAIN),
        rules=await asyncio.to_thread(Compiled, rules.rules, rules.version),
    )
    appends = await appends_of(session.pool, order_id)
    work = partial(what_if, events, appends, today, body=body, statement=statement)
    return await asyncio.to_thread(work)
