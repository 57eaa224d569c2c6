"""Inputs as they must have been, told from what they led to: events keep what was decided, not what
was said. What an event does not tell for certain is not rebuilt."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from msgspec import Struct

from actors.order.evolve import BY_ITSELF
from actors.order.mapping import is_stated_by
from actors.order.ruling import BY_RULES
from schemas.messages import effects as f
from schemas.messages import events as e
from schemas.messages import inputs as i
from schemas.order.canonical import Order


def input_of(event: e.OrderEvent, ref: str, statement: Order | None) -> i.Input | None:
    """Return the input whose first event this is, None where that can't be told. `statement` is the
    channel's latest statement of the order, None when it is not kept."""
    if isinstance(event, e.Placed):
        # One that is paid otherwise than its statement says came with the news of its payment.
        is_it = (
            statement is not None
            and statement.payment == event.payment
            and is_stated_by(statement, event.body_digest, event.stated_digest)
        )
        return i.PlaceOrder(order=statement) if statement is not None and is_it else None
    if event.settles:
        if isinstance(event, e.GivenToPerson):
            return _failed(event)
        result = _result(event)
        return None if result is None else i.EffectDone(number=event.settles, result=result)
    return _decision(event, ref)


def _result(event: e.OrderEvent) -> f.Result | None:
    """Return a partner's answer; what a person said in its place (`by`) is none."""
    told = _RESULTS.get(type(event))
    return None if told is None or _by_person(event) else told(event)


def _failed(event: e.GivenToPerson) -> i.Input:
    if event.refused:
        return i.EffectRefused(number=event.settles, reason=event.reason)
    known = event.outcome_known
    return i.EffectGivenUp(number=event.settles, reason=event.reason, outcome_known=known)


# Any: what only some events have, here and below, is asked of those that have it.
def _by_person(event: Any) -> bool:
    return bool(getattr(event, "by", ""))


def _bought(event: e.LabelBought) -> f.Result:
    """A label's image is a file of its own and changes no decision but by being there; so one that
    was there stands for it."""
    labels = tuple(
        f.BoughtLabel(
            parcel=one.parcel,
            tracking_number=one.tracking_number,
            image_base64="kept" if one.document else "",
        )
        for one in event.labels
    )
    return f.LabelBought(
        shipment_id=event.shipment_id,
        carrier=event.carrier,
        labels=labels,
        service=event.service,
        charge_minor=event.charge_minor,
        charge_currency=event.charge_currency,
        reprint_at=event.reprint_at,
    )


_RESULTS: dict[type[Struct], Callable[[Any], f.Result]] = {
    e.StockReserved: lambda x: f.StockReserved(place=x.place),
    e.StockReplanned: lambda x: f.StockShort(skus=x.skus, seen=x.seen),
    e.Backordered: lambda x: f.StockShort(skus=x.skus, seen=x.seen),
    e.StockReleased: lambda x: f.Undone(detail=x.detail),
    e.TaskTaken: lambda x: f.TaskCreated(task_id=x.task_id),
    e.CancelAsked: lambda x: f.CancelAsked(),
    e.LabelBought: _bought,
    e.LabelVoided: lambda x: f.Undone(detail=x.detail),
    e.DocumentCancelled: lambda x: f.Undone(detail=x.detail),
    e.Posted: lambda x: f.SalesOrderPosted(erp_id=x.erp_id, number=x.number),
    e.DocumentAmended: lambda x: f.SalesOrderAmended(digest=x.digest),
    e.MessageSent: lambda x: f.MailSent(message_id=x.message_id),
    e.Published: lambda x: f.FulfilmentPublished(outside_ids=x.outside_ids),
    e.ReadyTold: lambda x: f.StandingTold(told=x.told),
    e.ChannelTold: lambda x: f.ChannelCancelled(told=x.told),
}


def _decision(event: e.OrderEvent, ref: str) -> i.Input | None:
    verb = target = ""
    match event:
        case e.HoldReleased(hold_id=hold_id):
            verb, target = "release", hold_id
        case e.Retried(effect=effect) | e.Renewed(effect=effect):
            verb, target = "retry", str(effect)
        case e.Skipped(effect=effect):
            verb, target = "skip", str(effect)
        case e.TaskClosed(task_id=task_id):
            verb, target = "done", task_id
        case e.StockTriedAgain(key=key, rule="stock-again"):
            return i.TimerFired(name="stock", key=key)
        case e.ReservationExpired(key=key):
            return i.TimerFired(name="reservation", key=key)
        case e.Overdue(key=key):
            return i.TimerFired(name="ship_by" if event.until else "due", key=key)
        case _:
            return None
    if event.person in (BY_ITSELF, BY_RULES):
        return None
    return i.ActOnOrder(ref=ref, verb=verb, person=event.person, reason=event.reason, target=target)
