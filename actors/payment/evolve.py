"""How a payment follows from events."""

from __future__ import annotations

from typing import Any

from actors.kernel.ledger import LedgerBroken
from actors.order.draft import Draft
from actors.order.reading import MONEY_IS_GONE
from actors.payment.table import TABLE
from actors.payment.thing import EXPIRES, UNPAID, VOID, Payment
from schemas.messages import events as e
from schemas.order.things import Key

FIELD = "payments"

BY_ITSELF = "the service"
MONEY_GONE = "money-gone-"
"""How the ids of holds begin of orders whose channel says that the money went back."""


def _authorised(draft: Draft, event: e.PaymentAuthorised) -> None:
    whole = event.amount_minor + event.beside_minor
    if event.currency == draft.get("currency") and whole > draft.get("total_minor"):
        raise LedgerBroken(f"{event.key} authorises more than the order comes to.")
    draft.put(
        FIELD,
        event.key,
        Payment(
            stage=TABLE.to("", e.PaymentAuthorised),
            currency=event.currency,
            amount=event.amount_minor,
            beside=event.beside_minor,
            until=event.until,
        ),
    )


def _captured(draft: Draft, event: e.Captured | e.PartCaptured) -> None:
    """A capture brings what is captured up to a sum. What another one took meanwhile, or the
    channel by itself, is part of that: it is not added, and no more than was authorised is."""
    thing: Payment = draft.get(FIELD)[event.payment]
    upto = draft.get("captures")[event.key].before + event.amount_minor
    captured = min(thing.amount, max(thing.captured, upto))
    stage = TABLE.to(thing.stage, type(event))
    draft.change(FIELD, event.payment, stage=stage, captured=captured)


def _captured_there(draft: Draft, event: e.PaymentCaptured) -> None:
    thing: Payment = draft.get(FIELD)[event.key]
    captured = min(thing.amount, thing.captured + event.amount_minor)
    draft.change(FIELD, event.key, stage=TABLE.to(thing.stage, type(event)), captured=captured)


def _expired(draft: Draft, event: e.PaymentExpired) -> None:
    thing: Payment = draft.get(FIELD)[event.key]
    draft.change(FIELD, event.key, stage=TABLE.to(thing.stage, e.PaymentExpired))


def _voided(draft: Draft, event: e.PaymentVoided) -> None:
    thing: Payment = draft.get(FIELD)[event.key]
    draft.change(FIELD, event.key, stage=TABLE.to(thing.stage, e.PaymentVoided))


def _task_opened(draft: Draft, event: e.TaskOpened) -> None:
    if event.task_id.startswith(EXPIRES):
        draft.change(FIELD, event.key, warned=True)


def _task_closed(draft: Draft, event: e.TaskClosed) -> None:
    """A person who closes the task about missing money lets the goods go without it; one who closes
    the task to void an authorisation has voided it."""
    if not draft.get(FIELD) or event.person == BY_ITSELF:
        return
    for start, changes in ((UNPAID, {"waived": True}), (VOID, {"freed": True})):
        key = Key(event.task_id.removeprefix(start))
        if event.task_id.startswith(start) and key in draft.get(FIELD):
            draft.change(FIELD, key, **changes)


def _hold_released(draft: Draft, event: e.HoldReleased) -> None:
    """A person who releases the hold of an order whose money is gone ships it all the same."""
    if event.hold_id.startswith(MONEY_GONE) and event.person != BY_ITSELF:
        for key in tuple(draft.get(FIELD)):
            draft.change(FIELD, key, waived=True)


def _accepted(draft: Draft, event: e.Accepted) -> None:
    """A person who accepts an order whose money is gone ships it without that money."""
    if event.person and draft.get("payment") in MONEY_IS_GONE:
        for key in tuple(draft.get(FIELD)):
            draft.change(FIELD, key, waived=True)


FOLDS: dict[type[e.Event], Any] = {
    e.Accepted: _accepted,
    e.PaymentAuthorised: _authorised,
    e.Captured: _captured,
    e.PartCaptured: _captured,
    e.PaymentCaptured: _captured_there,
    e.PaymentExpired: _expired,
    e.PaymentVoided: _voided,
    e.TaskClosed: _task_closed,
    e.HoldReleased: _hold_released,
}
"""What each event of a payment does to it."""

SHARED: dict[type[e.Event], Any] = {e.TaskOpened: _task_opened}
"""What events that any thing may have do to a payment."""
