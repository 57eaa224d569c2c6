"""What the ERP is asked for next: the sales order compared with what the order comes to."""

from __future__ import annotations

from collections.abc import Iterator

from actors.documents.thing import KEPT, POSTED, SKIPPED, WANTED, Document
from actors.kernel import ledger
from actors.kernel.setup import Setup
from actors.order.decision import Context
from actors.order.reading import comes_to, is_worked_on, shipped
from actors.order.state import State
from actors.order.work import Ask
from schemas.messages import effects as f
from schemas.order.canonical import Order
from schemas.order.things import DOCUMENT, Key, key_of, number_of

STANDING = frozenset({WANTED, POSTED, SKIPPED})
"""Stages of a document that no other one follows."""


def wanted(
    state: State, context: Context, order: Order | None, busy: frozenset[Key]
) -> Iterator[Ask]:
    """Yield the sales order that is to be posted, amended or cancelled."""
    for key, thing in state.documents.items():
        if key not in busy and thing.stage in (WANTED, POSTED):
            ask = _next(state, key, thing, order)
            if ask is not None:
                yield ask
    lane = context.setup.erp
    if lane and not _stands(state) and is_postable(state, context) and has_units(state):
        key = key_of(DOCUMENT, state.numbers.get(DOCUMENT, 0) + 1)
        yield Ask(key, lane, f.PostSalesOrder(units=_units(state, order)))


def is_awaited(state: State, setup: Setup) -> bool:
    """Whether the ERP's word on the sales order has to come before a place is told to pack. A
    person who goes on without the ERP has the last one."""
    if not setup.erp or setup.release == "at_once":
        return False
    return all(x.stage not in (POSTED, SKIPPED, KEPT) for x in state.documents.values())


def is_empty(state: State) -> bool:
    """Whether nothing of the order is left, and nothing of it went out: it is to be undone. What
    somebody else fulfilled went out, also while a partner of ours still has to let go of it."""
    sums = state.sums
    # The first question is the one that nearly every order answers with no.
    if ledger.ordered(sums) > ledger.wished(sums):
        return False
    return not (sums.get("E") or shipped(state))


def has_units(state: State) -> bool:
    """Whether the order comes to anything: what left of a cancelled one is not sold."""
    return ledger.ordered(state.sums) > 0


def is_postable(state: State, context: Context) -> bool:
    """Whether the order got so far that the ERP is told of it."""
    return state.stage == "accepted" and not is_empty(state) and is_worked_on(state, context.setup)


def _stands(state: State) -> bool:
    return bool(state.documents) and any(x.stage in STANDING for x in state.documents.values())


def is_followed(state: State, key: Key) -> bool:
    """Whether another sales order was asked for after this one, which was refused then: where the
    ERP turns out to have it all the same, it has one too many."""
    documents = state.documents
    if len(documents) == 1:
        return False
    number = number_of(key)
    return any(x.stage in STANDING and number_of(k) > number for k, x in documents.items())


def _next(state: State, key: Key, thing: Document, order: Order | None) -> Ask | None:
    if thing.stage == WANTED:
        if is_empty(state) or not has_units(state):
            return None
        return post(state, key, thing, order)
    if is_empty(state) or is_followed(state, key):
        return Ask(key, thing.lane, f.CancelSalesOrder(erp_id=thing.erp_id))
    if thing.told == state.book or order is None:
        return None
    return Ask(
        key,
        thing.lane,
        f.AmendSalesOrder(
            erp_id=thing.erp_id,
            units=_units(state, order),
            digest=f"r{state.book}",
        ),
        note=f"r{state.book}",
    )


def post(state: State, key: Key, thing: Document, order: Order | None) -> Ask:
    """Return the posting of a sales order."""
    return Ask(key, thing.lane, f.PostSalesOrder(units=_units(state, order)))


def _units(state: State, order: Order | None) -> tuple[f.Units, ...]:
    """Return what the order comes to. A line that it does not have any more has no price; its units
    go as soon as no partner works on them."""
    units = comes_to(state)
    if order is None:
        return units
    known = {line.line_id for line in order.lines}
    return tuple(one for one in units if one.line_id in known)
