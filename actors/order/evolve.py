"""evolve(state, event) -> state. Pure; the only way a state comes about."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from msgspec.structs import replace

from actors.order.lifecycle import Stage, row_for
from actors.order.normalise import UNMAPPED
from actors.order.state import INITIAL, Cancel, Hold, State, Stuck
from actors.order.steps import PARTLY_DONE
from schemas.messages import events as e
from schemas.messages.effects import FetchOrder, SendMail, tag_of

Changes = dict[str, Any]

_MAIL = tag_of(SendMail)
_FETCH = tag_of(FetchOrder)

CHANNEL = "channel"
"""Who asked for a cancellation when it was not a person."""


def evolve(state: State, event: e.OrderEvent) -> State:
    """Return the state after `event`. Raises IllegalTransition when the table forbids it."""
    kind = type(event)
    stage = row_for(state.stage, kind).to
    changes: Changes = {"version": state.version + 1}
    if stage != state.stage:
        changes["stage"] = stage.value
        if state.overdue:
            changes["overdue"] = False
    if event.settles or event.intends:
        still = tuple(i for i in state.open if i.number != event.settles)
        changes["open"] = still + event.intends
        if event.intends:
            changes["last_effect"] = event.intends[-1].number
    fold = _FOLDS.get(kind)
    if fold is not None:
        changes.update(fold(state, event))
    return replace(state, **changes)


def replay(events: Iterable[e.OrderEvent]) -> State:
    """Build the state of an order from its whole stream."""
    state = INITIAL
    for event in events:
        state = evolve(state, event)
    return state


def _placed(state: State, event: e.Placed) -> Changes:
    paid = state.payment or event.payment
    cancel = state.cancel
    if state.stage == Stage.CANCELLED and cancel is not None and cancel.requested_by != CHANNEL:
        cancel = None  # a person gave up what did not exist; now it does
    return {
        "cancel": cancel,
        "waits": "",
        "channel": event.channel,
        "ref": event.ref,
        "number": event.number,
        "correlation_id": event.correlation_id,
        "currency": event.currency,
        "total_minor": event.total_minor,
        "payment": paid,
        "country": event.country,
        "notify": event.notify,
        "source_updated_at": event.source_updated_at,
        "lines": event.lines,
        "mappings": event.mappings,
        "stated_digest": event.stated_digest,
    }


def _paid(state: State, event: e.PaymentConfirmed) -> Changes:
    return {
        "payment": "paid",
        "channel": event.channel,
        "ref": event.ref,
        "correlation_id": event.correlation_id,
    }


def _report_noted(state: State, event: e.ReportNoted) -> Changes:
    return {
        "channel": event.channel,
        "ref": event.ref,
        "correlation_id": event.correlation_id,
        "waits": event.words if event.waits else state.waits,
    }


def _look_asked(state: State, event: e.LookAsked) -> Changes:
    return {
        "channel": event.channel,
        "ref": event.ref,
        "correlation_id": event.correlation_id,
        "looks": state.looks + len(event.intends),
        "refetch": state.refetch or state.is_open(_FETCH),
    }


def _fetched(state: State, event: e.Fetched) -> Changes:
    return {
        "refetch": False,
        "looks": state.looks + len(event.intends),
        "stuck": tuple(stuck for stuck in state.stuck if stuck.kind != _FETCH),
    }


def _amended(state: State, event: e.Amended) -> Changes:
    return {
        "source_updated_at": event.source_updated_at,
        "total_minor": event.total_minor,
        "payment": event.payment,
        "lines": event.lines,
        "country": event.country,
        "mappings": event.mappings,
        "stated_digest": event.stated_digest,
        "holds": _mapped(state),
        "waived": tuple(one for one in state.waived if not one.startswith(UNMAPPED)),
        "notify": state.notify if event.notify is None else event.notify,
    }


def _update_noted(state: State, event: e.UpdateNoted) -> Changes:
    changes: Changes = {"source_updated_at": event.source_updated_at}
    if event.total_minor >= 0:
        changes["total_minor"] = event.total_minor
    return changes


def _normalised(state: State, event: e.Normalised) -> Changes:
    return {
        "lines": event.lines,
        "mappings": event.mappings,
        "stated_digest": event.stated_digest,
        "holds": _mapped(state),
    }


def _mapped(state: State) -> tuple[Hold, ...]:
    """The holds without those for what no table has."""
    return tuple(h for h in state.holds if not h.hold_id.startswith(UNMAPPED))


def _held(state: State, event: e.Held) -> Changes:
    changes: Changes = {"holds": (*state.holds, Hold(event.hold_id, event.reason))}
    if event.compare_from:
        changes["compared"] = (*state.compared, (event.hold_id, event.compare_from))
    return changes


def _released(state: State, event: e.HoldReleased) -> Changes:
    changes: Changes = {
        "holds": tuple(h for h in state.holds if h.hold_id != event.hold_id),
        "compared": tuple(x for x in state.compared if x[0] != event.hold_id),
    }
    if event.hold_id.startswith(UNMAPPED) or event.hold_id == PARTLY_DONE:
        changes["waived"] = (*state.waived, event.hold_id)
    return changes


def _labelled(state: State, event: e.Labelled) -> Changes:
    return {
        "done": (*state.done, "label"),
        "carrier": event.carrier,
        "shipment_id": event.shipment_id,
        "tracking_number": event.tracking_number,
    }


def _cancel_requested(state: State, event: e.CancelRequested) -> Changes:
    return {
        "cancel": Cancel(event.reason, event.requested_by),
        "channel": event.channel,
        "ref": event.ref,
        "correlation_id": event.correlation_id,
    }


def _given(state: State, event: e.GivenToPerson) -> Changes:
    stuck = Stuck(event.effect, event.kind, event.reason, event.outcome_known)
    changes: Changes = {"stuck": (*state.stuck, stuck)}
    if event.kind == _FETCH:  # the latest question is the one that counts
        others = tuple(one for one in state.stuck if one.kind != _FETCH)
        changes = {"stuck": (*others, stuck), "refetch": False}
    if event.kind == _MAIL and not event.outcome_known:
        changes["maybe_told"] = True
    return changes


def _unstick(state: State, number: int) -> tuple[Stuck, ...]:
    return tuple(stuck for stuck in state.stuck if stuck.number != number)


_FOLDS: dict[type[e.Event], Callable[[State, Any], Changes]] = {
    e.Placed: _placed,
    e.PaymentConfirmed: _paid,
    e.Amended: _amended,
    e.Normalised: _normalised,
    e.UpdateNoted: _update_noted,
    e.ReportNoted: _report_noted,
    e.LookAsked: _look_asked,
    e.Fetched: _fetched,
    e.StockReserved: lambda s, v: {
        "done": (*s.done, "stock"),
        "place": v.place,
        "short_skus": (),
    },
    e.Backordered: lambda s, v: {"short_skus": v.skus},
    e.PostedToErp: lambda s, v: {
        "done": (*s.done, "erp"),
        "erp_id": v.erp_id,
        "erp_number": v.erp_number,
    },
    e.ReleasedToWarehouse: lambda s, v: {"done": (*s.done, "warehouse"), "task_id": v.task_id},
    e.CustomerNotified: lambda s, v: {"told": (*s.told, v.template)},
    e.Packed: lambda s, v: {"parcels": v.parcels},
    e.Labelled: _labelled,
    e.TrackedBack: lambda s, v: {"fulfilment_id": v.fulfilment_id},
    e.CancelRequested: _cancel_requested,
    e.Compensated: lambda s, v: {"done": tuple(d for d in s.done if d != v.what)},
    # Nothing is left to do, so nothing is left to decide either.
    e.Cancelled: lambda s, v: {"holds": (), "stuck": (), "compared": ()},
    e.Closed: lambda s, v: {"holds": (), "compared": ()},
    e.Held: _held,
    e.HoldReleased: _released,
    e.GivenToPerson: _given,
    e.Retried: lambda s, v: {"stuck": _unstick(s, v.effect)},
    e.Skipped: lambda s, v: {
        "stuck": _unstick(s, v.effect),
        "skipped": s.skipped if v.kind in s.skipped else (*s.skipped, v.kind),
    },
    e.Overdue: lambda s, v: {"overdue": True},
}
