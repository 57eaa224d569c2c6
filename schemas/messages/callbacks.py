"""What a warehouse reports, as it travels: the body of a signed callback (contract version 2)."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta, Struct

from schemas.order.canonical import Grams, Quantity, Ref, ShortText, Timestamp

Side = Annotated[int, Meta(ge=0, le=20_000)]
Pieces = Annotated[int, Meta(ge=0, le=1_000_000)]
Codes = Annotated[tuple[ShortText, ...], Meta(max_length=1_000)]
ParcelIds = Annotated[tuple[Ref, ...], Meta(max_length=100)]


class ParcelLine(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """How many pieces of a task's line a parcel contains; `sku` names a substitute. `codes` are
    those of the single pieces, where the task's line asks for them (`unit_codes`)."""

    line_id: Ref
    quantity: Quantity
    sku: Annotated[str, Meta(max_length=255)] = ""
    codes: Codes = ()


class CallbackParcel(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One parcel as it was packed; grams and millimetres, 0 for what was not measured. Carrier and
    number are there where the warehouse bought the label."""

    parcel_id: Ref
    weight_grams: Grams = 0
    length_mm: Side = 0
    width_mm: Side = 0
    height_mm: Side = 0
    lines: Annotated[tuple[ParcelLine, ...], Meta(max_length=500)] = ()
    carrier: ShortText = ""
    tracking_number: ShortText = ""


class ParcelTracking(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What was not known of a parcel when it was packed."""

    parcel_id: Ref
    carrier: ShortText = ""
    tracking_number: ShortText = ""


class PickedLine(Struct, frozen=True, kw_only=True):
    """How many pieces of a line were asked for, and how many were found."""

    line_id: Ref
    ordered_quantity: Quantity
    picked_quantity: Pieces


class ReturnedLine(Struct, frozen=True, kw_only=True):
    """How many pieces of a task's line came back."""

    line_id: Ref
    quantity: Annotated[int, Meta(ge=1, le=1_000_000)]


class WarehouseCallback(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What happened to a warehouse task. `reference` is the fulfilment's, as the task carried it.
    `returned` is what came back of it, and `place` where that is now.

    Unknown fields are ignored, so that a warehouse may tell more than we read.
    """

    type: Literal[
        "task.picked",
        "task.packed",
        "task.short_picked",
        "task.handed_over",
        "task.cancelled",
        "task.collected",
        "task.returned",
    ]
    reference: Annotated[str, Meta(min_length=1, max_length=64)]
    channel: Annotated[str, Meta(min_length=1, max_length=32)]
    order_ref: Ref
    task_id: Annotated[ShortText, Meta(min_length=1)]
    occurred_at: Timestamp
    sequence: Pieces = 0
    complete: bool = True
    parcels: Annotated[tuple[CallbackParcel, ...], Meta(max_length=100)] = ()
    parcel_ids: ParcelIds = ()
    tracking: Annotated[tuple[ParcelTracking, ...], Meta(max_length=100)] = ()
    lines: Annotated[tuple[PickedLine, ...], Meta(max_length=500)] = ()
    returned: Annotated[tuple[ReturnedLine, ...], Meta(max_length=500)] = ()
    place: Annotated[str, Meta(max_length=32)] = ""
    reason: Annotated[str, Meta(max_length=1_000)] = ""


Units = Annotated[int, Meta(ge=0, le=1_000_000_000)]
Sku = Annotated[str, Meta(min_length=1, max_length=255)]


class CountedUnits(Struct, frozen=True, kw_only=True):
    """Units of an SKU that lie there, those of open tasks included."""

    sku: Sku
    on_hand: Units


class WarehouseStock(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """How much lies in a warehouse: the SKUs that it names, at one moment. `place` is the place's
    name as tasks carry it; without one it is the only place that the warehouse counts.

    Unknown fields are ignored, so that a warehouse may tell more than we read.
    """

    type: Literal["stock.counted"]
    counted_at: Timestamp
    counts: Annotated[tuple[CountedUnits, ...], Meta(min_length=1, max_length=5_000)]
    place: Annotated[str, Meta(max_length=32)] = ""
