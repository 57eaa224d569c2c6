"""Reports of who packs by hand: the same as those of the warehouse contract, from a form."""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct

from adapters.postgres.views import OrderRow
from schemas.contracts import checks
from schemas.messages import codec
from schemas.messages.effects import Units
from schemas.messages.inputs import (
    ReportCollected,
    ReportedParcel,
    ReportHandedOver,
    ReportPacked,
    ReportPicked,
    ReportShortPicked,
)
from service.inbound.edge import Stream
from service.warehouse.tasks import PackTask

SOURCE = "canonical"
"""Reports speak our own shape, as a warehouse's do once they were read."""

MAX_WEIGHT_GRAMS = 1_000_000
"""A ton: what one parcel can weigh."""

PARCEL_ID_DIGITS = 16
"""Hex digits of a parcel's id: no two parcels of one task share them by chance."""

MAX_PERSON = 256
"""Letters of a name that a report carries."""

KINDS = {
    "picked": "picked",
    "short": "short-picked",
    "packed": "packed",
    "handed-over": "handed-over",
    "collected": "collected",
}
"""What may be reported, and the kind of the message that says it."""

Report = ReportPicked | ReportShortPicked | ReportPacked | ReportHandedOver | ReportCollected


class NotReported(Exception):
    """A form that can't be a report; the text says why, and what to do."""


class Filled(Struct, frozen=True, kw_only=True):
    """What was filled into a form: pieces by line, grams (0: not weighed), whether more parcels of
    the same task follow."""

    quantities: Mapping[str, str]
    weight: str = ""
    more: bool = False


def report_of(
    ref: str, task: PackTask, what: str, filled: Filled, *, person: str, asked: str
) -> Report:
    """Return the report that a form makes, of a person by name. `asked` is the form's own name (64
    hex digits), of which a parcel has its id: two people who report at once tell of two parcels,
    and one who sends a form again tells of the same. Raises NotReported."""
    key, task_id, may = task.key, task.task_id, task.reports
    match what:
        case "picked" if may.picked:
            return ReportPicked(ref=ref, fulfilment=key, task_id=task_id)
        case "short" if may.short:
            return ReportShortPicked(
                ref=ref, fulfilment=key, task_id=task_id, found=_found(task, filled)
            )
        case "packed" if may.packed:
            parcel = _parcel(task, filled, asked[:PARCEL_ID_DIGITS])
            return ReportPacked(
                ref=ref,
                fulfilment=key,
                task_id=task_id,
                parcels=(parcel,),
                complete=_is_all(task, parcel, filled),
                person=person[:MAX_PERSON],
            )
        case "handed-over" if may.handed_over:
            return ReportHandedOver(ref=ref, fulfilment=key, task_id=task_id)
        case "collected" if may.collected:
            return ReportCollected(ref=ref, fulfilment=key, task_id=task_id)
    raise NotReported(
        "The task is farther than that, or is not to be packed any more. It is shown as it is now."
    )


async def send(stream: Stream, row: OrderRow, what: str, report: Report, delivery_id: str) -> None:
    """Send a report into the order's stream; the same `delivery_id` counts once. Raises
    StreamUnavailable."""
    await stream.publish(
        row.channel,
        KINDS[what],
        row.ref,
        codec.encode(report),
        delivery_id=delivery_id,
        source=SOURCE,
        topic="",
    )


def _found(task: PackTask, filled: Filled) -> tuple[Units, ...]:
    units = tuple(
        Units(one.line_id, "", _number(filled.quantities.get(one.line_id, ""), one.quantity))
        for one in task.units
    )
    if all(x.quantity == y.quantity for x, y in zip(units, task.units, strict=True)):
        raise NotReported("Nothing is missing by this: say of each line how many you found.")
    loose = {one.line_id: one.quantity for one in task.loose}
    for found, one in zip(units, task.units, strict=True):
        packed = one.quantity - loose.get(one.line_id, 0)
        if found.quantity < packed:
            raise NotReported(f"{packed} × {one.sku} are in parcels already: count them as found.")
    return units


def _parcel(task: PackTask, filled: Filled, parcel_id: str) -> ReportedParcel:
    units = tuple(
        Units(one.line_id, one.sku, many)
        for one in task.loose
        if (many := _number(filled.quantities.get(one.line_id, ""), one.quantity))
    )
    if not units:
        raise NotReported("The parcel is empty: say of each line how many are in it.")
    if task.weighed and filled.weight.strip("0") == "":
        raise NotReported("Say what the parcel weighs: the carrier sells no label without it.")
    parcel = ReportedParcel(
        parcel_id=parcel_id,
        units=units,
        weight_grams=_number(filled.weight or "0", MAX_WEIGHT_GRAMS),
    )
    if faults := checks.parcels_possible((parcel,)):
        raise NotReported(" ".join(faults))
    return parcel


def _is_all(task: PackTask, parcel: ReportedParcel, filled: Filled) -> bool:
    """Return whether nothing is left to pack. Raises NotReported for a rest left unexplained."""
    packed = {one.line_id: one.quantity for one in parcel.units}
    rest = [
        f"{one.quantity - packed.get(one.line_id, 0)} × {one.sku}"
        for one in task.loose
        if packed.get(one.line_id, 0) < one.quantity
    ]
    if rest and not filled.more:
        raise NotReported(
            f"{', '.join(rest[:8])} would be in no parcel: say that another parcel follows, or"
            " report what is missing."
        )
    return not rest


def _number(text: str, most: int) -> int:
    text = text.strip()
    if not text.isascii() or not text.isdigit() or len(text) > 9 or int(text) > most:
        raise NotReported(f"{text[:20] or 'Nothing'} is not a number from 0 to {most:,}.")
    return int(text)
