"""What partners answer: the end of an effect, by number."""

from __future__ import annotations

from actors.order.decision import Answer, Context
from actors.order.lifecycle import Stage, allows
from actors.order.state import State
from actors.order.steps import FETCH, UNDONE_BY
from schemas.messages import effects as f
from schemas.messages import events as e
from schemas.messages import inputs as i

S = Stage


def done(state: State, command: i.EffectDone, context: Context, answer: Answer) -> None:
    """A partner did it. An effect that isn't open has been settled before: nothing changes."""
    intent = state.intent(command.number)
    if intent is None:
        return
    answer.settled = ((command.number, "done"),)
    n = command.number
    match command.result:
        case f.StockReserved(place=place):
            rule = "reserve" if state.stage == S.ACCEPTED else "late-reserve"
            answer.events.append(e.StockReserved(rule=rule, settles=n, place=place))
        case f.StockShort(skus=skus):
            rule = "backorder" if state.stage == S.ACCEPTED else "late-short"
            answer.events.append(e.Backordered(rule=rule, settles=n, skus=skus))
            answer.set_timers["stock"] = context.policy.stock_retry_seconds
        case f.SalesOrderPosted(erp_id=erp_id, number=number):
            answer.events.append(
                e.PostedToErp(rule="post", settles=n, erp_id=erp_id, erp_number=number)
            )
        case f.TaskCreated(task_id=task_id):
            answer.events.append(e.ReleasedToWarehouse(rule="release", settles=n, task_id=task_id))
        case f.MailSent(message_id=message_id):
            _mail_sent(state, n, message_id, answer)
        case f.LabelBought() as label:
            _label_bought(state, n, label, context, answer)
        case f.Tracked() as tracked:
            _tracked(state, n, tracked, context, answer)
        case f.FulfilmentPublished(fulfilment_id=fulfilment_id):
            answer.events.append(
                e.TrackedBack(rule="track-back", settles=n, fulfilment_id=fulfilment_id)
            )
        case f.OrderFetched(digest=digest):
            _fetched(state, n, digest, answer)
        case f.Undone(detail=detail):
            what = UNDONE_BY[intent.kind]
            answer.events.append(e.Compensated(rule="undo", settles=n, what=what, detail=detail))


def refused(state: State, command: i.EffectRefused, context: Context, answer: Answer) -> None:
    """A partner refused for a reason that repeating won't fix: a person must look."""
    _elevate(state, command.number, command.reason, answer, how="refused")


def given_up(state: State, command: i.EffectGivenUp, context: Context, answer: Answer) -> None:
    """No one but a person can tell or fix it."""
    _elevate(
        state, command.number, command.reason, answer, how="person", known=command.outcome_known
    )


def _elevate(
    state: State, number: int, reason: str, answer: Answer, *, how: str, known: bool = True
) -> None:
    intent = state.intent(number)
    if intent is None:
        return
    answer.settled = ((number, how),)
    answer.events.append(
        e.GivenToPerson(
            rule="elevate",
            settles=number,
            effect=number,
            kind=intent.kind,
            reason=reason[:500],
            outcome_known=known,
        )
    )
    if intent.kind == FETCH and state.refetch:
        answer.effects.append(f.FetchOrder())


def _fetched(state: State, number: int, digest: str, answer: Answer) -> None:
    answer.events.append(e.Fetched(rule="fetched", settles=number, digest=digest))
    if state.refetch:
        answer.effects.append(f.FetchOrder())


def _mail_sent(state: State, number: int, message_id: str, answer: Answer) -> None:
    template = "order_cancelled" if state.stage == S.CANCELLED else "order_confirmed"
    answer.events.append(
        e.CustomerNotified(rule="notify", settles=number, template=template, message_id=message_id)
    )


def _label_bought(
    state: State, number: int, label: f.LabelBought, context: Context, answer: Answer
) -> None:
    image = f"label-{label.tracking_number}" if label.label_base64 else ""
    answer.events.append(
        e.Labelled(
            rule="label" if state.stage == S.PACKED else "late-label",
            settles=number,
            carrier=label.carrier,
            shipment_id=label.shipment_id,
            tracking_number=label.tracking_number,
            service=label.service,
            charge_minor=label.charge_minor,
            charge_currency=label.charge_currency,
            label_document=image,
        )
    )
    if image:
        answer.label = label
    if state.stage == S.PACKED:
        answer.set_timers["track"] = context.policy.first_track_seconds


def _tracked(
    state: State, number: int, tracked: f.Tracked, context: Context, answer: Answer
) -> None:
    """The scan ships the order, the delivery delivers it; both may come in one answer."""
    delivered = tracked.status == "delivered"
    moving = delivered or tracked.status in {"in_transit", "exception", "returned"}
    ends_it = number
    if moving and allows(state.stage, e.Shipped):
        answer.events.append(e.Shipped(rule="ship", settles=ends_it, scanned_at=tracked.at))
        ends_it = 0
    if delivered and state.stage in {S.LABELLED, S.SHIPPED}:
        answer.events.append(e.Delivered(rule="deliver", settles=ends_it, delivered_at=tracked.at))
        return
    if ends_it:
        answer.events.append(
            e.Tracked(
                rule="tracked", settles=ends_it, status=tracked.status, detail=tracked.detail[:200]
            )
        )
    if state.stage in {S.LABELLED, S.SHIPPED}:
        answer.set_timers["track"] = context.policy.track_every_seconds
