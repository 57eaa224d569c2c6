"""How a refund follows from events."""

from __future__ import annotations

from typing import Any

from msgspec.structs import replace

from actors.kernel.ledger import LedgerBroken
from actors.order.draft import Draft
from actors.order.evolve import MONEY
from actors.refund.table import TABLE
from actors.refund.thing import Refund, counts
from schemas.messages import events as e
from schemas.order.things import Key

FIELD = "refunds"


def _move(draft: Draft, event: e.Event, **changes: Any) -> None:
    thing: Refund = draft.get(FIELD)[event.key]
    draft.change(FIELD, event.key, stage=TABLE.to(thing.stage, type(event)), **changes)


def _moved(draft: Draft, event: e.Event) -> None:
    _move(draft, event)


def _wanted(draft: Draft, event: e.RefundWanted) -> None:
    """Nothing asks for more than the seller has, with all that was given back before. No
    person is asked any more for what it pays back. Raises LedgerBroken."""
    known: dict[str, Refund] = draft.get(FIELD)
    had = max([event.had_minor, *(one.had for one in known.values())])
    taken = sum(counts(one) for one in known.values())
    if event.amount_minor <= 0 or taken + event.amount_minor > had:
        raise LedgerBroken(f"{event.key} gives back more than was paid.")
    draft.put(
        FIELD,
        event.key,
        Refund(
            stage=TABLE.to("", e.RefundWanted),
            amount=event.amount_minor,
            currency=event.currency,
            units=event.units,
            had=event.had_minor,
            settles=event.settles_minor,
            shipping=event.shipping,
            exact=event.exact,
            covers=event.covers,
            person=event.person,
            returns=event.returns,
        ),
    )
    if event.after:
        draft.change(FIELD, Key(event.after), followed=True)
    if event.settles_minor and draft.get("tasks"):
        draft.set(
            tasks=tuple(
                replace(one, amount_minor=0)
                if one.task_id == MONEY and one.amount_minor <= event.settles_minor
                else one
                for one in draft.get("tasks")
            )
        )


def _made(draft: Draft, event: e.RefundMade) -> None:
    _move(draft, event, given=event.amount_minor, outside=event.outside_id)
    draft.forget(event.key)


def _ended(draft: Draft, event: e.Event) -> None:
    _move(draft, event)
    draft.forget(event.key)


FOLDS: dict[type[e.Event], Any] = {
    e.RefundWanted: _wanted,
    e.RefundMade: _made,
}
"""What each event of a refund does to it."""

SHARED: dict[type[e.Event], Any] = {
    e.GivenToPerson: _moved,
    e.AnswerNoted: _moved,
    e.Retried: _moved,
    e.Renewed: _ended,
    e.Skipped: _moved,
    e.TaskOpened: _moved,
}
"""What events that any thing may have do to a refund."""
