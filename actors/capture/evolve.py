"""How a capture follows from events."""

from __future__ import annotations

from typing import Any

from actors.capture.table import TABLE
from actors.capture.thing import WANTED, Capture
from actors.kernel.ledger import LedgerBroken
from actors.order.draft import Draft
from actors.payment.thing import Payment
from schemas.messages import events as e

FIELD = "captures"


def _move(draft: Draft, event: e.Event, **changes: Any) -> None:
    thing: Capture = draft.get(FIELD)[event.key]
    draft.change(FIELD, event.key, stage=TABLE.to(thing.stage, type(event)), **changes)


def _moved(draft: Draft, event: e.Event) -> None:
    _move(draft, event)


def _wanted(draft: Draft, event: e.CaptureWanted) -> None:
    """Nothing asks for more than is authorised, with all that was asked for before. Raises
    LedgerBroken."""
    payment: Payment = draft.get("payments")[event.payment]
    asked = sum(
        one.amount
        for one in draft.get(FIELD).values()
        if one.payment == event.payment and one.stage == WANTED
    )
    if event.amount_minor <= 0 or payment.captured + asked + event.amount_minor > payment.amount:
        raise LedgerBroken(f"{event.key} asks for more than {event.payment} has left.")
    draft.put(
        FIELD,
        event.key,
        Capture(
            stage=TABLE.to("", e.CaptureWanted),
            payment=event.payment,
            amount=event.amount_minor,
            before=event.before_minor,
        ),
    )


def _captured(draft: Draft, event: e.Captured | e.PartCaptured) -> None:
    _move(draft, event, taken=event.amount_minor, outside=event.outside_id)
    draft.forget(event.key)


def _ended(draft: Draft, event: e.Event) -> None:
    _move(draft, event)
    draft.forget(event.key)


def _skipped(draft: Draft, event: e.Skipped) -> None:
    """A person who goes on without it lets the goods of this order go without its money."""
    _move(draft, event)
    thing: Capture = draft.get(FIELD)[event.key]
    draft.change("payments", thing.payment, waived=True)


FOLDS: dict[type[e.Event], Any] = {
    e.CaptureWanted: _wanted,
    e.Captured: _captured,
    e.PartCaptured: _captured,
    e.CaptureDropped: _ended,
}
"""What each event of a capture does to it."""

SHARED: dict[type[e.Event], Any] = {
    e.GivenToPerson: _moved,
    e.AnswerNoted: _moved,
    e.Retried: _moved,
    e.Renewed: _ended,
    e.Skipped: _skipped,
}
"""What events that any thing may have do to a capture."""
