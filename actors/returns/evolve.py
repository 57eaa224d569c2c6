"""How a return follows from events, its own and its refund's."""

from __future__ import annotations

from typing import Any

from actors.kernel.ledger import LedgerBroken
from actors.order.draft import Draft
from actors.returns.table import TABLE
from actors.returns.thing import ASKED, DECIDE, LEFT_OUT, PAY, STOCKED, Return
from schemas.messages import events as e
from schemas.messages.base import Parts
from schemas.order.things import Key

FIELD = "returns"


def _move(draft: Draft, event: e.Event, **changes: Any) -> None:
    thing: Return = draft.get(FIELD)[event.key]
    draft.change(FIELD, event.key, stage=TABLE.to(thing.stage, type(event)), **changes)


def _moved(draft: Draft, event: e.Event) -> None:
    _move(draft, event)


def _requested(draft: Draft, event: e.ReturnRequested) -> None:
    draft.put(
        FIELD,
        event.key,
        Return(
            stage=TABLE.to("", e.ReturnRequested),
            asked=event.units,
            source=event.source,
            outside=event.outside_id,
        ),
    )


def _sent(draft: Draft, event: e.ReturnSent) -> None:
    known: Return = draft.get(FIELD)[event.key]
    _move(draft, event, number=event.tracking_number or known.number)


def _received(draft: Draft, event: e.ReturnReceived) -> None:
    known: Return | None = draft.get(FIELD).get(event.key)
    if known is None:
        draft.put(
            FIELD,
            event.key,
            Return(
                stage=TABLE.to("", e.ReturnReceived),
                came=event.units,
                source=event.source,
                place=event.place,
            ),
        )
        return
    came = together(known.came, event.units)
    _move(draft, event, came=came, place=event.place or known.place)


def together(some: Parts, more: Parts) -> Parts:
    """Return units of both, each line once."""
    found: dict[int, int] = {}
    for at, quantity in (*some, *more):
        found[at] = found.get(at, 0) + quantity
    return tuple(found.items())


def _inspected(draft: Draft, event: e.ReturnInspected) -> None:
    """What is inspected is what came: no unit becomes two. Raises LedgerBroken."""
    known: Return = draft.get(FIELD)[event.key]
    found = together((), tuple((one.line, one.quantity) for one in event.units))
    if dict(found) != dict(known.came):
        raise LedgerBroken(f"{event.key} inspects other units than came back.")
    _move(
        draft,
        event,
        found=event.units,
        place=event.place or known.place,
        refund=event.refund,
        person=event.person,
    )


def _restocked(draft: Draft, event: e.ReturnRestocked) -> None:
    _move(draft, event, stock=STOCKED)


def _money_decided(draft: Draft, event: e.ReturnMoneyDecided) -> None:
    _move(draft, event, money=event.money, by_others=event.by_others)


def _refunded(draft: Draft, event: e.RefundWanted) -> None:
    """A refund that is for a return is its answer about money; one that follows a refused one is
    the same answer again."""
    if event.returns:
        draft.change(FIELD, Key(event.returns), money=event.key, by_others=event.by_others)


def _skipped(draft: Draft, event: e.Skipped) -> None:
    _move(draft, event, stock=LEFT_OUT)


def _task_opened(draft: Draft, event: e.TaskOpened) -> None:
    if event.task_id.startswith(PAY):
        _move(draft, event, money=ASKED)
    elif event.task_id == f"{DECIDE}{event.key}":
        _move(draft, event, tasked=True)
    else:
        _move(draft, event)


FOLDS: dict[type[e.Event], Any] = {
    e.ReturnRequested: _requested,
    e.ReturnAuthorised: _moved,
    e.ReturnDeclined: _moved,
    e.ReturnCancelled: _moved,
    e.ReturnSent: _sent,
    e.ReturnReceived: _received,
    e.ReturnInspected: _inspected,
    e.ReturnRestocked: _restocked,
    e.ReturnMoneyDecided: _money_decided,
    e.ReturnClosed: _moved,
    e.RefundWanted: _refunded,
}
"""What each event does to a return."""

SHARED: dict[type[e.Event], Any] = {
    e.GivenToPerson: _moved,
    e.AnswerNoted: _moved,
    e.Retried: _moved,
    e.Skipped: _skipped,
    e.TaskOpened: _task_opened,
    e.Overdue: _moved,
}
"""What events that any thing may have do to a return."""
