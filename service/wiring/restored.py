"""Doubt about what was done before the database was put back to an earlier moment.

Partners keep what they were asked between that moment and the first start afterwards; the journal
does not know of it. References are the same each time, so what can be looked up is looked up before
it is called. A mail can't be: it is held for a person.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from actors.order.decision import Decision, Intended
from adapters.postgres.restorations import Restoration
from schemas.messages.effects import FetchOrder, ReleaseStock, ReserveStock, SendMail, TrackParcel
from schemas.messages.inputs import ActOnOrder
from schemas.order.canonical import Order

HELD = timedelta(days=7)
"""How long after the start mails are held: no one repeats a report later than that."""

AHEAD = timedelta(minutes=10)
"""How much the clock of a shop may be ahead of ours, by whose time an order was placed."""

HARMLESS = (FetchOrder, TrackParcel, ReserveStock, ReleaseStock)
"""Questions, and what is done in this database itself."""


class Doubt(Struct, frozen=True, kw_only=True):
    """Orders placed before `began_at` (UTC) may have been worked on by the life that was lost;
    their mails are held up to `held_until`."""

    began_at: datetime
    held_until: datetime

    @classmethod
    def of(cls, last: Restoration | None) -> Doubt | None:
        """Return what the last restoration makes doubtful; None: nothing does."""
        if last is None or last.began_at is None:
            return None
        return cls(began_at=last.began_at, held_until=last.ended_at or last.began_at + HELD)

    def about(
        self, decision: Decision, command: Any, order: Order | None, now: datetime
    ) -> Decision:
        """Return the decision, with what it asks marked that may have been done already."""
        if not decision.effects or not self._concerns(decision.body or order):
            return decision
        told = isinstance(command, ActOnOrder)
        effects = [self._marked(one, told=told, now=now) for one in decision.effects]
        return replace(decision, effects=tuple(effects))

    def holds(self, order: Order | None, now: datetime) -> bool:
        """Whether what a channel says of the order may be what the lost life did."""
        return self._concerns(order) and now <= self.held_until

    def _concerns(self, order: Order | None) -> bool:
        """Whether the order may have been known before; one whose data was erased may."""
        if order is None:
            return True
        return datetime.fromisoformat(order.placed_at) <= self.began_at + AHEAD

    def _marked(self, one: Intended, *, told: bool, now: datetime) -> Intended:
        """A person who has a mail sent has looked whether it was."""
        if one.attempts or isinstance(one.effect, HARMLESS):
            return one
        if isinstance(one.effect, SendMail) and (told or now > self.held_until):
            return one
        return replace(one, attempts=1)
