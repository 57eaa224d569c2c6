"""Events of a fulfilment: units that leave one place together."""

from __future__ import annotations

from msgspec import Struct

from schemas.messages.base import Event, Parts
from schemas.messages.effects import Delivery, Seen
from schemas.order.things import Key


class NewParcel(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A parcel as it was packed. `parcel_id` is the warehouse's own id of it; grams and
    millimetres, 0 for what was not measured. `instead` names the SKU that was sent where another
    was asked for, by line, `codes` those of single pieces."""

    key: Key
    units: Parts
    parcel_id: str = ""
    weight_grams: int = 0
    length_mm: int = 0
    width_mm: int = 0
    height_mm: int = 0
    carrier: str = ""
    tracking_number: str = ""
    instead: tuple[tuple[int, str], ...] = ()
    codes: tuple[tuple[int, tuple[str, ...]], ...] = ()


class ParcelNumber(Struct, frozen=True, array_like=True):
    """The carrier and tracking number of a parcel that was known without."""

    parcel: Key
    carrier: str
    tracking_number: str


class FulfilmentPlanned(Event, frozen=True, kw_only=True, tag="fulfilment.planned.v1"):
    """Units are to leave `place`. `seen` is the stock snapshot that the plan used (none: the first,
    hopeful plan)."""

    place: str
    delivery: Delivery
    seen: tuple[Seen, ...] = ()


class FulfilmentBackordered(Event, frozen=True, kw_only=True, tag="fulfilment.backordered.v1"):
    """Units that no place has wait for stock together."""

    place: str
    delivery: Delivery
    skus: tuple[str, ...] = ()
    seen: tuple[Seen, ...] = ()


class StockReserved(Event, frozen=True, kw_only=True, tag="fulfilment.stock_reserved.v2"):
    """Every unit of it is reserved at `place`."""

    place: str


class StockGranted(Event, frozen=True, kw_only=True, tag="fulfilment.stock_granted.v1"):
    """A person says that the goods are there; nothing is reserved."""

    person: str


class StockReplanned(Event, frozen=True, kw_only=True, tag="fulfilment.stock_replanned.v1"):
    """The place could not promise all of it, so it is planned again: what is left of it leaves
    `place`. `skus` were short, `seen` is the snapshot that the plan used."""

    place: str
    skus: tuple[str, ...]
    seen: tuple[Seen, ...] = ()


class Backordered(Event, frozen=True, kw_only=True, tag="fulfilment.short.v1"):
    """No place has it; the reservation is tried again later."""

    skus: tuple[str, ...]
    seen: tuple[Seen, ...] = ()


class StockTriedAgain(Event, frozen=True, kw_only=True, tag="fulfilment.stock_tried_again.v2"):
    """It was time to try the reservation again, at `place` first."""

    place: str


class ReservationExpired(Event, frozen=True, kw_only=True, tag="fulfilment.reservation_expired.v1"):
    """Its order waited for a person longer than its units are kept: they are given back, and
    reserved again when it goes on."""


class StockReleased(Event, frozen=True, kw_only=True, tag="fulfilment.stock_released.v1"):
    """Reserved units were given back: these, or all of them when none are named. `by` is a person
    who did it, or went on without it."""

    units: Parts = ()
    detail: str = ""
    by: str = ""


class TaskTaken(Event, frozen=True, kw_only=True, tag="fulfilment.task_taken.v1"):
    """The warehouse has the task."""

    task_id: str


class LeftToPerson(Event, frozen=True, kw_only=True, tag="fulfilment.left_to_person.v1"):
    """No warehouse takes it: a person packs and reports. `collect_minor` is what he collects with
    it, where no label of ours says that; -1: what was told before."""

    person: str = ""
    collect_minor: int = -1


class Picked(Event, frozen=True, kw_only=True, tag="fulfilment.picked.v2"):
    """The goods are off the shelf. `sequence` is as in `Packed`."""

    task_id: str = ""
    sequence: int = 0


class ShortPicked(Event, frozen=True, kw_only=True, tag="fulfilment.short_picked.v2"):
    """The warehouse found less than was asked; `missing` is what it did not find. `sequence` is
    as in `Packed`."""

    missing: Parts
    task_id: str = ""
    sequence: int = 0


class ShortSettled(Event, frozen=True, kw_only=True, tag="fulfilment.short_settled.v1"):
    """What a short pick left open was decided: it is planned at another place (`ship-short`), it
    waits for stock (`backorder`), it is dropped (`drop`), or the warehouse found it after all
    (`found`). `person` is "" where the policy decided."""

    how: str
    units: Parts = ()
    person: str = ""


class Packed(Event, frozen=True, kw_only=True, tag="fulfilment.packed.v2"):
    """All of it is in parcels. `parcels` are those not heard of before, `sequence` is the report's
    place among those of its task (0: the warehouse does not count)."""

    parcels: tuple[NewParcel, ...] = ()
    task_id: str = ""
    sequence: int = 0


class PartPacked(Event, frozen=True, kw_only=True, tag="fulfilment.part_packed.v1"):
    """Some of it is in these parcels; more will follow, because the warehouse split it. `last`:
    the warehouse says that all is packed, and has sent a report before that was not heard yet."""

    parcels: tuple[NewParcel, ...]
    task_id: str = ""
    sequence: int = 0
    last: bool = False


class PackedAnyway(Event, frozen=True, kw_only=True, tag="fulfilment.packed_anyway.v1"):
    """The warehouse tells of parcels of a task that is cancelled, or of goods that other parcels
    hold: what they hold is known if they leave."""

    parcels: tuple[NewParcel, ...]
    sequence: int = 0


class HandedOver(Event, frozen=True, kw_only=True, tag="fulfilment.handed_over.v1"):
    """All of it has left: these parcels with it, of which `parcels` were first heard of now.
    `scanned_at` is when the carrier said so, where a scan told it. `sequence` is as in
    `Packed`."""

    left: tuple[Key, ...]
    parcels: tuple[NewParcel, ...] = ()
    numbers: tuple[ParcelNumber, ...] = ()
    task_id: str = ""
    scanned_at: str = ""
    sequence: int = 0


class Untold(Struct, frozen=True, array_like=True):
    """A parcel that has left before anyone told what it holds, by the warehouse's own id ("": all
    that it had packed)."""

    parcel_id: str
    carrier: str = ""
    tracking_number: str = ""


class ContentsAwaited(Event, frozen=True, kw_only=True, tag="fulfilment.contents_awaited.v1"):
    """Parcels have left, and the report of what they hold has not come yet; without parcels: it is
    not awaited any more, because a person settled it. `sequence` is the place of the report that
    says so among those of its task; `collected`: it says that the customer has them."""

    parcels: tuple[Untold, ...]
    sequence: int = 0
    collected: bool = False


class PartHandedOver(Event, frozen=True, kw_only=True, tag="fulfilment.part_handed_over.v1"):
    """Some of it has left in these parcels; the rest has not. `sequence` is as in `Packed`."""

    left: tuple[Key, ...]
    parcels: tuple[NewParcel, ...] = ()
    numbers: tuple[ParcelNumber, ...] = ()
    task_id: str = ""
    scanned_at: str = ""
    sequence: int = 0


class Fulfilled(Event, frozen=True, kw_only=True, tag="fulfilment.fulfilled.v1"):
    """The customer has it without a carrier: collected, brought, or nothing had to travel.
    `parcels` hold what no parcel was packed for."""

    parcels: tuple[NewParcel, ...] = ()
    task_id: str = ""


class Published(Event, frozen=True, kw_only=True, tag="fulfilment.published.v1"):
    """The storefront shows these parcels. `outside_ids` are its own ids of what it made of them.
    `by` is a person who told it, or went on without it."""

    parcels: tuple[Key, ...]
    outside_ids: tuple[str, ...] = ()
    by: str = ""


class ReadyTold(Event, frozen=True, kw_only=True, tag="fulfilment.ready_told.v1"):
    """The storefront knows that the goods wait for their customer. `told` says whether we had to
    tell it; `by` is a person who told it, or went on without it."""

    told: bool = True
    by: str = ""


class OutsideMatched(Event, frozen=True, kw_only=True, tag="fulfilment.outside_matched.v1"):
    """What the channel shows as fulfilled is this fulfilment of ours: `outside_id` is its id."""

    outside_id: str


class Shrunk(Event, frozen=True, kw_only=True, tag="fulfilment.shrunk.v1"):
    """Fewer units leave with it; no partner works on these, or its warehouse did not find them.
    What was reserved of them is given back."""

    units: Parts


class Stopped(Event, frozen=True, kw_only=True, tag="fulfilment.stopped.v1"):
    """It is to be stopped and undone, because the order is `cancelled`, has `changed`, the channel
    `asked` not to send it, or wants some of it sent `later`, it is `held`, or planned `again`."""

    why: str


class StopDropped(Event, frozen=True, kw_only=True, tag="fulfilment.stop_dropped.v1"):
    """It can't be stopped: it goes on as it is."""

    reason: str


class CancelAsked(Event, frozen=True, kw_only=True, tag="fulfilment.cancel_asked.v1"):
    """The warehouse will say later whether its task is cancelled. `ceased`: it says that it is,
    and parcels have left of which no one told yet what they hold; the rest is taken back then."""

    ceased: bool = False


class TaskCancelled(Event, frozen=True, kw_only=True, tag="fulfilment.task_cancelled.v1"):
    """The warehouse does not work on it any more. `unpacked` are parcels that are dissolved. `by`
    is the warehouse by itself, or a person who says so; "" because we asked."""

    unpacked: tuple[Key, ...] = ()
    detail: str = ""
    by: str = ""


class RestSettled(Event, frozen=True, kw_only=True, tag="fulfilment.rest_settled.v1"):
    """Nothing more leaves with it: what had not left is open again, what left goes on. `unpacked`
    are parcels that stay although they were packed, for all that was asked has left in others."""

    unpacked: tuple[Key, ...] = ()


class FulfilmentCancelled(Event, frozen=True, kw_only=True, tag="fulfilment.cancelled.v1"):
    """It ended without its units leaving; they are open again."""


class FulfilmentDone(Event, frozen=True, kw_only=True, tag="fulfilment.done.v1"):
    """All its parcels have reached their end, and the storefront knows."""
