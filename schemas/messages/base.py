"""What every event carries, and the small parts that events are made of."""

from __future__ import annotations

from msgspec import Struct

from schemas.order.things import ORDER, Key

Parts = tuple[tuple[int, int], ...]
"""Units of lines: pairs of a line's place in the order, from 0, and a quantity."""


class Intent(Struct, frozen=True, array_like=True):
    """An effect that was intended together with the event: its number, the thing it is for, its
    versioned kind, the partner's lane, and a note that tells this call from another of its kind (a
    mail's template, the amount to collect)."""

    number: int
    key: Key
    kind: str
    lane: str
    note: str


class Move(Struct, frozen=True, array_like=True):
    """Units of a line that go from one account of its ledger to another (`actors.kernel.ledger`).
    `line` is the line's place in the order, from 0."""

    line: int
    quantity: int
    source: str
    to: str


class Wish(Struct, frozen=True, array_like=True):
    """Units of a line that are no longer wanted and go to account `to` (`removed`, `cancelled`,
    `elsewhere`) as soon as no partner works on them any more."""

    line: int
    quantity: int
    to: str


class Event(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What every event carries.

    `rule` names the row of a table that decided it; `key` the thing it is about (the order itself
    when absent); `settles` is the number of the effect whose end it records (0: none); `intends`
    lists the effects it brings about; `moves` what it does to the ledger of the lines, and `wishes`
    what it wants to be done.
    """

    rule: str
    key: Key = ORDER
    settles: int = 0
    intends: tuple[Intent, ...] = ()
    moves: tuple[Move, ...] = ()
    wishes: tuple[Wish, ...] = ()
