"""Which failure an event is, what ends it, and how incidents open, resolve and reopen. Pure.

Everything follows from events and their times, in commit order, so counting again from the
beginning gives the same incidents.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from msgspec import Struct
from msgspec.structs import replace

from actors.fulfilment.evolve import SHORT_PICK
from actors.fulfilment.thing import HELD
from actors.kernel.failing import of_effect
from actors.label.printing import PRINT
from actors.order.differs import CHANGED
from actors.order.evolve import DECLINED, MONEY, REFUSED_CANCEL
from actors.order.evolve_claims import COPY_CANCELLED, IMPORTED
from actors.order.family import FAMILY
from actors.order.holding import UNREAD
from actors.order.normalise import UNMAPPED
from actors.order.timers import SHIP_BY
from actors.parcel.replies import task_of
from actors.parcel.thing import EXCEPTION
from actors.payment.thing import EXPIRES, UNPAID, VOID
from actors.refund.thing import DECLINED as UNPAID_BACK
from actors.refund.thing import EXCESS
from actors.returns.thing import DECIDE as RETURN_DECIDE
from actors.returns.thing import EXCESS as RETURN_EXCESS
from actors.returns.thing import PAY as RETURN_PAY
from schemas.contracts import incidents as c
from schemas.contracts import money_incidents as money
from schemas.contracts import return_incidents as back
from schemas.messages import effects as f
from schemas.messages import events as e
from schemas.messages.effects import tag_of
from schemas.order.things import kind_of

FETCH = tag_of(f.FetchOrder)

_OF_HOLD = (
    (SHORT_PICK, c.SHORT_PICKED),
    (DECLINED, c.TASK_CANCELLED_BY_WAREHOUSE),
    (REFUSED_CANCEL, c.COMPENSATION_REFUSED),
    ("money-gone-", money.PAYMENT_WITHDRAWN),
    ("said-twice-", c.SAID_TWICE),
    ("unmapped-sku", c.SKU_UNMAPPED),
    ("unmapped-item-number", c.SKU_UNMAPPED),
    ("unmapped-address", c.ADDRESS_FORMAT_INVALID),
    ("unmapped-account", c.ERP_REFUSED),
    ("unmapped-tax-code", c.TAX_CODE_UNMAPPED),
    ("unmapped-shipping-method", c.SHIPPING_METHOD_UNMAPPED),
    ("unmapped-service", c.SHIPPING_METHOD_UNMAPPED),
    ("unmapped-labels", c.SHIPPING_METHOD_UNMAPPED),
)

_OF_TASK = {
    CHANGED: c.CHANGED_AFTER_WORK_BEGAN,
    MONEY: c.MONEY_OWED,
    IMPORTED: c.COPY_OF_CANCELLED,
    COPY_CANCELLED: c.COPY_OF_CANCELLED,
}
"""Tasks that are failures. To pack, or to take units off at the channel, is none, and a parcel's
task comes with the parcel's event."""

_OF_START = (
    (HELD, c.COMPENSATION_REFUSED),
    (PRINT, c.LABEL_TO_PRINT),
    (EXPIRES, money.AUTHORISATION_EXPIRES),
    (VOID, money.AUTHORISATION_NOT_VOIDED),
    (UNPAID, money.MONEY_MISSING),
    (EXCESS, money.REFUND_EXCESS),
    (UNPAID_BACK, money.REFUND_DECLINED),
    (RETURN_PAY, back.RETURN_TO_PAY),
    (RETURN_EXCESS, back.RETURN_EXCESS),
    (RETURN_DECIDE, back.RETURN_TO_DECIDE),
)

_MOVES = frozenset(
    (machine.letter, row.stage, row.event)
    for machine in FAMILY.values()
    for row in machine.table.rows
    if row.stage != row.to and issubclass(row.event, e.Event)
)
_ENDS = frozenset(
    (machine.letter, row.event)
    for machine in FAMILY.values()
    for row in machine.table.rows
    if row.stage != row.to and row.to in machine.table.ends
)
"""Machines, and the events that end a thing of theirs: whatever waited for it waits no more."""

_ENDED_BY = (
    e.Fetched, e.Retried, e.Renewed, e.Skipped, e.AnswerNoted, e.HoldReleased, e.TaskClosed,
    e.Changed, e.Normalised, e.LabelStopDropped, e.ShippedElsewhere,
)  # fmt: skip

FAILURES = tuple(
    tag_of(kind)
    for kind in (
        e.Placed, e.GivenToPerson, e.Backordered, e.FulfilmentBackordered, e.Held, e.TaskOpened,
        e.Overdue, e.DeliveryFailed, e.Returned, e.Lost, e.CancelRefused, e.ActionRefused,
    )
)  # fmt: skip
"""Tags of the events that may be failures."""

SETTLING = tuple(
    sorted({tag_of(event) for _, _, event in _MOVES} | {tag_of(event) for event in _ENDED_BY})
)
"""Tags of the events that may settle a failure."""


def category_of(event: e.OrderEvent) -> str | None:
    """Return the category of the failure that the event records, None when it records none.

    A short pick counts by the hold that it causes, because that is what a person decides. A hold
    until the order is fetched counts by the question to the channel, if that fails.
    """
    match event:
        case e.GivenToPerson():
            return of_effect(event.kind, event.reason, known=event.outcome_known)
        case e.Backordered() | e.FulfilmentBackordered():
            return c.INVENTORY_UNAVAILABLE
        case e.Held(hold_id=hold_id, compare_from=since):
            if since and not hold_id.startswith(UNREAD):
                return None
            return next((code for start, code in _OF_HOLD if hold_id.startswith(start)), c.HELD)
        case e.TaskOpened(task_id=task_id):
            return _OF_TASK.get(task_id) or _by_start(task_id)
        case e.Overdue(stage=stage, until=until):
            return c.overdue(SHIP_BY if until else stage)
        case e.DeliveryFailed():
            return c.DELIVERY_EXCEPTION
        case e.Returned():
            return c.PARCEL_RETURNED
        case e.Lost():
            return c.PARCEL_LOST
        case e.CancelRefused():
            return c.CANCELLED_TOO_LATE
        case e.ActionRefused():
            return c.ACTION_REFUSED
    return None


def _by_start(task_id: str) -> str | None:
    return next((code for start, code in _OF_START if task_id.startswith(start)), None)


def categories_of(event: e.OrderEvent) -> tuple[str, ...]:
    """Return every category that the event counts in: that of its failure, or the doubts about an
    order that was placed."""
    if isinstance(event, e.Placed):
        return tuple(doubt if doubt in c.CATEGORIES else c.UNCATEGORISED for doubt in event.doubts)
    category = category_of(event)
    return () if category is None else (category,)


def matter_of(event: e.OrderEvent) -> str:
    """Return what must end before the order is no longer affected, as `what:thing:which`, "" for
    nothing."""
    key = event.key
    match event:
        case e.GivenToPerson(effect=number, kind=kind):
            return f"{'fetch' if kind == FETCH else 'effect'}:{key}:{number}"
        case e.Backordered() | e.FulfilmentBackordered():
            return f"stock:{key}:"
        case e.Held(hold_id=hold_id):
            return f"hold:{key}:{hold_id}"
        case e.TaskOpened(task_id=task_id):
            return f"task:{key}:{task_id}"
        case e.Overdue(until=until) if until:
            return f"leave:{key}:"
        case e.Overdue(stage=stage):
            return f"stage:{key}:{stage}"
        case e.DeliveryFailed():
            return f"stage:{key}:{EXCEPTION}"
        case e.Returned() | e.Lost():
            return f"task:{key}:{task_of(key)}"
        case e.Placed():
            return f"doubt:{key}:"
    return ""


def settles(event: e.OrderEvent, matter: str) -> bool:
    """Whether the event ends the matter: the order moved on, or a person decided."""
    what, key, which = matter.split(":", 2)
    if isinstance(event, e.Closed | e.Cancelled):
        return True
    letter, kind = kind_of(event.key), type(event)
    if event.key == key and (letter, kind) in _ENDS:
        return True
    match what:
        case "effect" | "fetch":
            if kind is e.LabelStopDropped and event.key == key:
                return True
            return _answers(event, which) or (what == "fetch" and kind is e.Fetched)
        case "hold":
            if isinstance(event, e.Changed | e.Normalised):
                return which.startswith(UNMAPPED)
            return isinstance(event, e.HoldReleased) and event.hold_id == which
        case "task":
            return isinstance(event, e.TaskClosed) and event.task_id == which
        case "stock":
            leaves_it = isinstance(event, e.StockReserved | e.StockGranted | e.Stopped)
            return kind is e.CancelRequested or (leaves_it and event.key == key)
        case "doubt":
            return isinstance(event, e.LabelBought | e.Delivered)
        case "leave":  # what is left is told by the next alarm
            return isinstance(event, e.HandedOver | e.Fulfilled | e.ShippedElsewhere | e.Changed)
    return event.key == key and (letter, which, kind) in _MOVES


def _answers(event: e.OrderEvent, number: str) -> bool:
    """Whether a person decided about an effect, or its answer arrived after all."""
    if isinstance(event, e.Retried | e.Renewed | e.Skipped) and str(event.effect) == number:
        return True
    return str(event.settles) == number and not isinstance(event, e.GivenToPerson)


class Incident(Struct, frozen=True, kw_only=True):
    """The state of one category. `waiting` counts orders that have neither moved on nor been
    decided, `episode` the occurrences since `opened_at`."""

    category: str
    is_open: bool = False
    opened_at: datetime
    resolved_at: datetime | None = None
    settled_at: datetime | None = None
    first_at: datetime
    last_at: datetime
    occurrences: int = 0
    episode: int = 0
    reopened: int = 0
    waiting: int = 0


def resolve(incident: Incident, now: datetime, quiet: timedelta) -> Incident:
    """Return the incident, resolved if it is due: quiet for long enough, and no order waits."""
    if not incident.is_open or incident.waiting:
        return incident
    due = incident.last_at + quiet
    if incident.settled_at is not None and incident.settled_at > due:
        due = incident.settled_at
    return replace(incident, is_open=False, resolved_at=due) if now >= due else incident


def occur(incident: Incident | None, category: str, at: datetime, count: int = 1) -> Incident:
    """Return the incident after an occurrence at a time.

    Call `resolve` first. If an occurrence turns out to precede the resolution (its event was
    committed late), the incident is open as if it had never been resolved.
    """
    if incident is None:
        incident = Incident(
            category=category, is_open=True, opened_at=at, first_at=at, last_at=at
        )  # fmt: skip
    elif not incident.is_open:
        assert incident.resolved_at is not None
        if at < incident.resolved_at:
            incident = replace(incident, is_open=True, resolved_at=None)
        else:
            incident = replace(
                incident,
                is_open=True,
                opened_at=at,
                resolved_at=None,
                settled_at=None,
                episode=0,
                reopened=incident.reopened + 1,
            )
    return replace(
        incident,
        first_at=min(incident.first_at, at),
        last_at=max(incident.last_at, at),
        occurrences=incident.occurrences + count,
        episode=incident.episode + count,
    )


def wait(incident: Incident, change: int, at: datetime) -> Incident:
    """Return the incident with more (1) or fewer (-1) orders waiting."""
    settled_at = incident.settled_at
    if change < 0:
        settled_at = at if settled_at is None else max(settled_at, at)
    return replace(incident, waiting=incident.waiting + change, settled_at=settled_at)
