"""Rules tried on the stored past: which orders would go another way, and how often each rule
decides. Nothing is written and no partner is called.

An order is taken as it was acted on last, which is what the rules were asked about last; an order
that was erased can't be evaluated, and is counted as such. So is one about which nothing is
recorded of what a rule asks for beyond the order (what else the customer has): it is taken as it
was when the order was decided, and never found out afterwards. `order.shipping_method` is the
method that was acted on, also where a rule had named it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator, Callable, Mapping
from datetime import datetime
from typing import Protocol

from msgspec import Struct

from actors.kernel.setup import Setup
from actors.order.unfit import is_parcel
from actors.rules.compiled import Compiled
from actors.rules.facts import away_of
from adapters.postgres.past import PastOrder
from schemas.messages.rule_events import Ruling
from schemas.order.world import UNKNOWN, World

MAX_SAMPLES = 20
"""Orders of which it is shown what would differ."""
MAX_CHANGES = 200
"""Different ways in which orders would go another way; more are counted together."""
OTHERS = "(others)"

Tell = Callable[[int], None]


class Pages(Protocol):
    """The orders since a moment."""

    def pages(self, since: datetime, *, decided: bool = False) -> AsyncIterator[list[PastOrder]]:
        """Yield pages of orders; memory stays that of one. `decided`: with the last decision about
        each."""


Asks = frozenset[tuple[str, str, str]]
"""What rules ask for: set, name and value."""


class Sample(Struct, frozen=True):
    """An order that would go another way."""

    number: str
    channel: str
    was: str
    would_be: str


class Backtest(Struct, frozen=True, kw_only=True):
    """What would differ. `changes` counts orders by what would differ, most first. `cost_minor` is
    what `costed` orders that would leave from another place would cost more (below 0: less), by
    what a parcel and its units cost from each, one parcel for an order, in the minor units of the
    settings' costs; places that state no cost are not compared."""

    orders: int
    differ: int
    not_evaluable: int
    changes: tuple[tuple[str, int], ...]
    samples: tuple[Sample, ...]
    cost_minor: int = 0
    costed: int = 0


class Fired(Struct, frozen=True, kw_only=True):
    """How often one rule matched, and how often it decided. `verdict` is `never`, `always`,
    `shadowed` (it matched, and others decided before it), or ""."""

    set: str
    rule: str
    matched: int
    decided: int
    verdict: str


class Coverage(Struct, frozen=True, kw_only=True):
    """How often each rule was used, and in how many orders no rule of a set decided."""

    orders: int
    not_evaluable: int
    rules: tuple[Fired, ...]
    unmatched: dict[str, int]


class Homes:
    """Where orders of each channel leave from, as decisions see it."""

    def __init__(self, setups: Mapping[str, Setup]) -> None:
        self._homes = {
            name: next((x.reach.home for x in one.places if x.reach is not None), "")
            for name, one in setups.items()
        }

        self._costs = {
            name: {x.name: (x.parcel_minor, x.unit_minor) for x in one.places}
            for name, one in setups.items()
        }
        self._first = {name: one.places[0].name for name, one in setups.items() if one.places}

    def cost_minor(self, one: PastOrder, asks: Asks) -> int | None:
        """Return what an order costs from the place that rules ask for, else from the first one;
        None where that states no cost, or is none of the channel's."""
        assert one.order is not None, "only what can be evaluated is asked"
        place = next((x for set_, name, x in asks if (set_, name) == ("route", "place")), "")
        place = place or self._first.get(one.channel, "")
        parcel, unit = self._costs.get(one.channel, {}).get(place, (0, 0))
        if not parcel and not unit:
            return None
        units = sum(line.quantity for line in one.order.lines if is_parcel(line))
        return parcel + unit * units if units else 0

    def of(self, channel: str) -> str:
        """Return the country that a channel's orders leave from, "" where it is not known."""
        return self._homes.get(channel, "")

    def away(self, one: PastOrder) -> str:
        """Return the fact `away` of an order."""
        assert one.order is not None, "only what can be evaluated is asked"
        return away_of(one.order, self.of(one.channel))


async def backtest(
    past: Pages, homes: Homes, old: Compiled, new: Compiled, since: datetime, tell: Tell
) -> Backtest:
    """Ask both versions about every order since a moment. `tell` hears how many were done."""
    done = differ = missing = costed = cost = 0
    changes: Counter[str] = Counter()
    samples: list[Sample] = []
    reads = old.reads | new.reads
    async for page in past.pages(since, decided=bool(reads)):
        for one in page:
            if one.order is None or not _is_recorded(one, reads):
                missing += 1
                continue
            known = one.order, one.channel, homes.away(one), _world(one)
            was = _asks(old.decide(*known))
            would_be = _asks(new.decide(*known))
            if was == would_be:
                continue
            differ += 1
            before, after = homes.cost_minor(one, was), homes.cost_minor(one, would_be)
            if before is not None and after is not None and before != after:
                costed, cost = costed + 1, cost + after - before
            words = (_words(was - would_be), _words(would_be - was))
            change = " → ".join(words)
            changes[change if change in changes or len(changes) < MAX_CHANGES else OTHERS] += 1
            if len(samples) < MAX_SAMPLES:
                samples.append(Sample(one.number, one.channel, *words))
        done += len(page)
        tell(done)
    return Backtest(
        orders=done,
        differ=differ,
        not_evaluable=missing,
        changes=tuple(changes.most_common()),
        samples=tuple(samples),
        cost_minor=cost,
        costed=costed,
    )


def _is_recorded(one: PastOrder, reads: frozenset[str]) -> bool:
    """Whether what rules ask for beyond the order is known as it was."""
    return reads <= set(_world(one).asked)


def _world(one: PastOrder) -> World:
    return (one.decided.world if one.decided is not None else None) or UNKNOWN


def _asks(rulings: tuple[Ruling, ...]) -> Asks:
    return frozenset((one.set, name, value) for one in rulings for name, value in one.asks)


def _words(asks: Asks) -> str:
    return ", ".join(f"{set_}: {name} {value}" for set_, name, value in sorted(asks)) or "nothing"


async def coverage(
    past: Pages, homes: Homes, rules: Compiled, since: datetime, tell: Tell
) -> Coverage:
    """Count how often each rule matches and decides."""
    every = Compiled(rules.rules, rules.version, every=True)
    done = missing = 0
    matched: Counter[int] = Counter()
    decided: Counter[int] = Counter()
    unmatched: Counter[str] = Counter()
    sets = {rules.name_of(at)[0] for at in range(rules.count)}
    async for page in past.pages(since, decided=bool(rules.reads)):
        for one in page:
            if one.order is None or not _is_recorded(one, rules.reads):
                missing += 1
                continue
            known = one.order, one.channel, homes.away(one), _world(one)
            matched.update(every.matching(*known))
            hits = rules.matching(*known)
            decided.update(hits)
            unmatched.update(sets - {rules.name_of(at)[0] for at in hits})
        done += len(page)
        tell(done)
    asked = done - missing
    fired = []
    for at in range(rules.count):
        set_, name = rules.name_of(at)
        counts = matched[at], decided[at]
        verdict = _verdict(*counts, asked)
        told = Fired(set=set_, rule=name, matched=counts[0], decided=counts[1], verdict=verdict)
        fired.append(told)
    return Coverage(
        orders=done,
        not_evaluable=missing,
        rules=tuple(fired),
        unmatched={name: unmatched[name] for name in sorted(sets)},
    )


def _verdict(matched: int, decided: int, asked: int) -> str:
    if not asked:
        return ""
    if not matched:
        return "never"
    if not decided:
        return "shadowed"
    return "always" if matched == asked else ""
