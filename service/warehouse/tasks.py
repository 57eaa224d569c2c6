"""What there is to pick and pack, made of orders' parts: what, where, by when, and why it is
urgent. Pure."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable, Sequence
from datetime import UTC, datetime, timedelta

from msgspec import Struct

from actors.fulfilment.table import AT_WORK, AWAY
from adapters.postgres.order_parts import (
    FulfilmentView,
    LabelView,
    OrderParts,
    ParcelView,
    UnitView,
)
from schemas.order.things import Key

SOON = timedelta(hours=12)
"""What has to be handed over within it is urgent: this shift's."""

LATE_DAYS = 2
"""What was ordered so many days ago is urgent, whatever its date says."""

_FAR = datetime(9999, 1, 1, tzinfo=UTC)


class Reports(Struct, frozen=True, kw_only=True):
    """What may be reported of a task by hand."""

    picked: bool = False
    short: bool = False
    packed: bool = False
    handed_over: bool = False
    collected: bool = False

    @property
    def any(self) -> bool:
        """Whether anything may."""
        return self.picked or self.short or self.packed or self.handed_over or self.collected


class PackTask(Struct, frozen=True, kw_only=True):
    """A fulfilment in the house. `loose` are units in no parcel yet; `by_hand`: no system works on
    it, so a person reports. `due` is when it has to be handed over (None: any time); `urgent` says
    why it comes first, a sentence each; `words` is what a person was told about it; `labelled` are
    the parcels that have their label; `weighed`: a parcel's weight is needed, to buy one."""

    order_id: str
    number: str
    channel: str
    key: Key
    task_id: str
    place: str
    stage: str
    delivery: str
    units: tuple[UnitView, ...]
    loose: tuple[UnitView, ...]
    parcels: tuple[ParcelView, ...]
    by_hand: bool
    stop: str
    waiting_for: str
    words: str
    placed_at: datetime
    due: datetime | None
    urgent: tuple[str, ...]
    labelled: frozenset[str]
    weighed: bool
    reports: Reports

    @property
    def tag(self) -> str:
        """What a person's report is about: it changes when there is another thing to pack, and not
        when a label or something else of the order comes."""
        loose = ((x.line_id, x.sku, x.quantity) for x in self.loose)
        told = repr((self.stage, tuple(loose), len(self.parcels), bool(self.stop)))
        return hashlib.sha256(told.encode()).hexdigest()[:16]


def tasks_of(
    parts: OrderParts, *, order_id: str, number: str, channel: str, placed_at: datetime,
    now: datetime, ours: Collection[str],
) -> list[PackTask]:  # fmt: skip
    """Return the tasks of one order. `ours` are the places whose labels we buy."""
    due = _due(parts.ship_by)
    bought = (x for x in parts.labels if x.stage == "bought" and not x.stop)
    labelled = frozenset(parcel for x in bought for parcel in x.parcels)
    without = _without(parts.labels)
    found = []
    for one in parts.fulfilments:
        if one.stage not in AT_WORK or one.delivery in AWAY:
            continue
        parcels = tuple(x for x in parts.parcels if x.fulfilment == one.key and x.stage == "packed")
        by_hand = not one.lane
        waits = one.delivery == "parcel" and one.place in ours
        ready = not waits or all(x.key in labelled or x.key in without for x in parcels)
        loose = _loose(one.units, parcels)
        words = next((x.words for x in parts.tasks if x.task_id == f"pack-{one.key}"), "")
        found.append(
            PackTask(
                order_id=order_id,
                number=number,
                channel=channel,
                key=one.key,
                task_id=one.task_id,
                place=one.place,
                stage=one.stage,
                delivery=one.delivery,
                units=one.units,
                loose=loose,
                parcels=parcels,
                by_hand=by_hand,
                stop=one.stop,
                waiting_for=one.waiting_for,
                words=words,
                placed_at=placed_at,
                due=due,
                urgent=tuple(_urgent(due, placed_at, words, now)),
                labelled=labelled,
                weighed=waits,
                reports=_reports(one, loose, parcels, ready=ready) if by_hand else Reports(),
            )
        )
    return found


def sorted_tasks(tasks: Iterable[PackTask]) -> list[PackTask]:
    """Return tasks in the order in which they are to be done: what is due first, then the
    oldest."""
    return sorted(tasks, key=lambda x: (not x.urgent, x.due or _FAR, x.placed_at, x.order_id))


def to_pick(tasks: Sequence[PackTask]) -> list[tuple[str, int, list[tuple[PackTask, int]]]]:
    """Return what a picker takes from the shelves, by SKU: how many in all, and for which tasks."""
    found: dict[str, list[tuple[PackTask, int]]] = {}
    for task in tasks:
        if task.stage == "released" and not task.stop:
            for unit in task.units:
                found.setdefault(unit.sku, []).append((task, unit.quantity))
    return [(sku, sum(x for _, x in told), told) for sku, told in sorted(found.items())]


def _loose(units: Iterable[UnitView], parcels: Iterable[ParcelView]) -> tuple[UnitView, ...]:
    """Return what is in no parcel yet; something sent instead counts for its line."""
    packed: dict[str, int] = {}
    for parcel in parcels:
        for unit in parcel.units:
            packed[unit.line_id] = packed.get(unit.line_id, 0) + unit.quantity
    loose = ((x, x.quantity - packed.get(x.line_id, 0)) for x in units)
    return tuple(UnitView(x.line_id, x.sku, rest) for x, rest in loose if rest > 0)


def _without(labels: Sequence[LabelView]) -> frozenset[Key]:
    """Return the parcels that leave without a label of ours: a person went on without it."""
    skipped = {parcel for x in labels if x.stage == "skipped" for parcel in x.parcels}
    to_come = {parcel for x in labels if x.stage == "wanted" for parcel in x.parcels}
    return frozenset(skipped - to_come)


def _reports(
    one: FulfilmentView, loose: Sequence[UnitView], parcels: Sequence[ParcelView], *, ready: bool
) -> Reports:
    if one.stop:
        return Reports()
    left = bool(parcels) and not loose and ready
    pickup = one.delivery == "pickup"
    return Reports(
        picked=one.stage == "released",
        short=one.stage != "packed" or bool(loose),
        packed=bool(loose),
        handed_over=left and not pickup,
        collected=left and pickup,
    )


def _due(ship_by: str) -> datetime | None:
    """Return when goods have to be handed over: of a day its end."""
    try:
        found = datetime.fromisoformat(ship_by) if ship_by else None
    except ValueError:
        return None
    if found is not None and len(ship_by) == len("2026-11-29"):
        found += timedelta(days=1)
    return found.replace(tzinfo=UTC) if found is not None and found.tzinfo is None else found


def _urgent(due: datetime | None, placed_at: datetime, words: str, now: datetime) -> Iterable[str]:
    if due is not None and due <= now:
        yield "It should have been handed over already."
    elif due is not None and due - now <= SOON:
        yield "It has to be handed over soon."
    if now - placed_at >= timedelta(days=LATE_DAYS):
        yield f"The customer has waited for {(now - placed_at).days} days."
    if "changed since the order came" in words:
        yield "It was changed since the order came: look at it again before you pack."
