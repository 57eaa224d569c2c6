"""Which failure an event is, what ends it, and how incidents open, resolve and reopen. Pure.

Everything follows from events and their times, in commit order, so counting again from the
beginning gives the same incidents.
"""

from __future__ import annotations

import re
from datetime import datetime, timedelta

from msgspec import Struct
from msgspec.structs import replace

from actors.order.lifecycle import LIFECYCLE
from actors.order.normalise import UNMAPPED
from actors.order.steps import FETCH, LABEL, MAIL, POST, PUBLISH, RESERVE, TASK, TRACK, UNDONE_BY
from schemas.contracts import incidents as c
from schemas.messages import events as e
from schemas.messages.effects import tag_of

_OF_KIND: dict[str, tuple[str, str]] = {
    RESERVE: (c.STOCK_UNDECIDED, c.STOCK_UNDECIDED),
    POST: (c.ERP_REFUSED, c.ERP_OUTCOME_UNKNOWN),
    TASK: (c.WAREHOUSE_REFUSED, c.WAREHOUSE_OUTCOME_UNKNOWN),
    LABEL: (c.LABEL_REFUSED, c.LABEL_OUTCOME_UNKNOWN),
    TRACK: (c.TRACKING_REFUSED, c.TRACKING_REFUSED),
    PUBLISH: (c.FULFILMENT_REFUSED, c.FULFILMENT_OUTCOME_UNKNOWN),
    FETCH: (c.FETCH_REFUSED, c.FETCH_REFUSED),
    MAIL: (c.MAIL_REFUSED, c.MAIL_UNCONFIRMED),
    **dict.fromkeys(UNDONE_BY, (c.COMPENSATION_REFUSED, c.COMPENSATION_OUTCOME_UNKNOWN)),
}
"""For an effect that waits for a person: the category when its outcome is known, and when it is
unknown."""

_OF_HOLD = (
    ("short-pick-", c.SHORT_PICKED),
    ("task-cancelled-", c.TASK_CANCELLED_BY_WAREHOUSE),
    ("changed-", c.CHANGED_AFTER_WORK_BEGAN),
    ("money-gone-", c.PAYMENT_WITHDRAWN),
    ("said-twice-", c.SAID_TWICE),
    ("unmapped-sku", c.SKU_UNMAPPED),
    ("unmapped-tax-code", c.TAX_CODE_UNMAPPED),
    ("unmapped-shipping-method", c.SHIPPING_METHOD_UNMAPPED),
)

# Partners describe errors in their own words; these patterns find the address or the article in all
# of them.
_ADDRESS = re.compile(r"address|postal ?code|\bzip\b|ship ?to|state ?province", re.IGNORECASE)
_ARTICLE = re.compile(r"\bSKU\b|\bitem\b", re.IGNORECASE)
_TAKES_ADDRESS = frozenset({LABEL, POST, TASK})

_MOVES = frozenset((row.stage.value, row.event) for row in LIFECYCLE if row.stage is not row.to)

FAILURES = tuple(
    tag_of(kind)
    for kind in (
        e.Placed, e.GivenToPerson, e.Backordered, e.Held, e.Overdue, e.Tracked, e.CancelRefused,
        e.ActionRefused,
    )
)  # fmt: skip
"""Tags of the events that may be failures."""

SETTLING = tuple(
    sorted(
        {tag_of(event) for _, event in _MOVES}
        | {
            tag_of(event)
            for event in (e.Fetched, e.Retried, e.Skipped, e.HoldReleased, e.Amended, e.Normalised)
        }
    )
)
"""Tags of the events that may settle a failure."""


def category_of(event: e.OrderEvent) -> str | None:
    """Return the category of the failure that the event records, None when it records none.

    A short pick counts by the hold that it causes, because that is what a person decides.
    """
    match event:
        case e.GivenToPerson():
            return _of_effect(event)
        case e.Backordered():
            return c.INVENTORY_UNAVAILABLE
        case e.Held(hold_id=hold_id):
            return next((code for start, code in _OF_HOLD if hold_id.startswith(start)), c.HELD)
        case e.Overdue(stage=stage):
            return c.overdue(stage)
        case e.Tracked(status="exception"):
            return c.DELIVERY_EXCEPTION
        case e.Tracked(status="returned"):
            return c.PARCEL_RETURNED
        case e.CancelRefused():
            return c.CANCELLED_TOO_LATE
        case e.ActionRefused():
            return c.ACTION_REFUSED
    return None


def categories_of(event: e.OrderEvent) -> tuple[str, ...]:
    """Return every category that the event counts in: that of its failure, or the doubts about an
    order that was placed."""
    if isinstance(event, e.Placed):
        return tuple(doubt if doubt in c.CATEGORIES else c.UNCATEGORISED for doubt in event.doubts)
    category = category_of(event)
    return () if category is None else (category,)


def _of_effect(event: e.GivenToPerson) -> str:
    known, unknown = _OF_KIND.get(event.kind, (c.PARTNER_REFUSED, c.PARTNER_REFUSED))
    if not event.outcome_known:
        return unknown
    if event.kind == POST and _ARTICLE.search(event.reason):
        return c.SKU_UNMAPPED
    if event.kind in _TAKES_ADDRESS and _ADDRESS.search(event.reason):
        return c.ADDRESS_FORMAT_INVALID
    return known


def matter_of(event: e.OrderEvent) -> str:
    """Return what must end before the order is no longer affected, "" for nothing."""
    match event:
        case e.GivenToPerson(effect=number, kind=kind):
            return f"fetch:{number}" if kind == FETCH else f"effect:{number}"
        case e.Backordered():
            return "stock:"
        case e.Held(hold_id=hold_id):
            return f"hold:{hold_id}"
        case e.Overdue(stage=stage):
            return f"stage:{stage}"
        case e.Tracked():
            return "stage:shipped"
        case e.Placed():
            return "doubt:"
    return ""


def settles(event: e.OrderEvent, matter: str) -> bool:
    """Whether the event ends the matter: the order moved on, or a person decided."""
    kind, _, which = matter.partition(":")
    match event:
        case e.Closed() | e.Cancelled():
            return True
        case e.Retried(effect=number) | e.Skipped(effect=number):
            return kind in {"effect", "fetch"} and which == str(number)
        case e.Fetched():
            return kind == "fetch"
        case e.HoldReleased(hold_id=hold_id):
            return kind == "hold" and which == hold_id
        case e.Amended() | e.Normalised():
            return kind == "hold" and which.startswith(UNMAPPED)
        case e.StockReserved() | e.CancelRequested() if kind == "stock":
            return True
        case e.Labelled() | e.Delivered() if kind == "doubt":
            return True
    return kind == "stage" and (which, type(event)) in _MOVES


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
