"""The event of the seller's rules: what they decided about an order, and why."""

from __future__ import annotations

from msgspec import Struct

from schemas.messages.base import Event
from schemas.order.world import World


class Ruling(Struct, frozen=True, array_like=True):
    """What one set of rules decided: the rule's name ("": no rule matched), what it asks for, and
    the facts it was about, both as pairs of a name and a text. A fact that is personal is named
    without its value, which is "…"."""

    set: str
    rule: str
    asks: tuple[tuple[str, str], ...] = ()
    facts: tuple[tuple[str, str], ...] = ()


class RulesDecided(Event, frozen=True, kw_only=True, tag="order.rules_decided.v1"):
    """The rules of `version` decided about the order as it is now: one ruling for each set that has
    rules, several where a set asks all of them. `person` had it decided again ("": it was by
    itself), for a `reason`. `world` is what was known beyond the order, where the rules asked for
    it."""

    version: int
    rulings: tuple[Ruling, ...] = ()
    person: str = ""
    reason: str = ""
    world: World | None = None
