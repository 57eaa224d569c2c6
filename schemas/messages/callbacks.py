"""What a warehouse reports back, as it travels: the body of a signed callback."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta, Struct

from schemas.order.canonical import Grams, Quantity, Ref, ShortText, Timestamp

Side = Annotated[int, Meta(ge=0, le=20_000)]
Pieces = Annotated[int, Meta(ge=0, le=1_000_000)]


class PackedLine(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """How many pieces of an order's line a parcel holds."""

    line_id: Ref
    quantity: Quantity


class PackedParcel(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One parcel as it was packed; grams and millimetres, 0 for what was not measured."""

    parcel_id: Ref
    weight_grams: Grams = 0
    length_mm: Side = 0
    width_mm: Side = 0
    height_mm: Side = 0
    lines: Annotated[tuple[PackedLine, ...], Meta(max_length=500)] = ()


class PickedLine(Struct, frozen=True, kw_only=True):
    """How many pieces of a line were asked for, and how many were found."""

    line_id: Ref
    ordered_quantity: Quantity
    picked_quantity: Pieces


class WarehouseCallback(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What happened to a warehouse task. `reference` is our correlation id, as the task carried it.

    Unknown fields are ignored, so that a warehouse may tell more than we read.
    """

    type: Literal[
        "task.picked", "task.packed", "task.short_picked", "task.handed_over", "task.cancelled"
    ]
    reference: Annotated[str, Meta(min_length=1, max_length=64)]
    channel: Annotated[str, Meta(min_length=1, max_length=32)]
    order_ref: Ref
    task_id: Annotated[ShortText, Meta(min_length=1)]
    occurred_at: Timestamp
    parcels: Annotated[tuple[PackedParcel, ...], Meta(max_length=100)] = ()
    lines: Annotated[tuple[PickedLine, ...], Meta(max_length=500)] = ()
