"""Events of a fulfilment in words."""

from __future__ import annotations

from schemas.messages import events as e
from schemas.messages.words.parts import (
    Lines,
    Words,
    because,
    listed,
    moved,
    named,
    parcels,
    simply,
    thing_words,
    total,
)

_SETTLED = {
    "ship-short": "goes without {units}; that is planned at another place",
    "backorder": "goes without {units}; that waits for stock",
    "drop": "goes without {units}; that is dropped from the order",
    "found": "has it all: the warehouse found what was missing",
}
_STOPPED = {
    "cancelled": "because the order is cancelled",
    "changed": "because the order changed",
    "again": "to be planned again",
    "declined": "because the warehouse declined it",
    "asked": "because the channel asks not to send it",
    "held": "because the order is held",
    "later": "because the channel wants some of it sent later",
}


def _contents_awaited(event: e.ContentsAwaited, lines: Lines) -> str:
    what = thing_words(event.key)
    if not event.parcels:
        return f"{what}: what the parcels hold that left is not awaited any more."
    return f"{what}: the warehouse reports parcels that left, and has not told what they hold yet."


def _planned(event: e.FulfilmentPlanned, lines: Lines) -> str:
    parts = moved(event, "allocated")
    one = sum(quantity for _, quantity in parts) == 1
    where = f"leave{'s' * one} {event.place}" if event.place else f"need{'s' * one} no place"
    how = "" if event.delivery == "parcel" else f" ({event.delivery.replace('_', ' ')})"
    return f"{thing_words(event.key)}: {total(parts)} {where}{how}."


def _parked(event: e.FulfilmentBackordered, lines: Lines) -> str:
    parts = moved(event, "allocated")
    wait = "waits" if sum(quantity for _, quantity in parts) == 1 else "wait"
    short = f", short of {listed(event.skus)}" if event.skus else ""
    return f"{thing_words(event.key)}: {total(parts)} {wait} for stock{short}."


def _replanned(event: e.StockReplanned, lines: Lines) -> str:
    short = f"short of {listed(event.skus)}, " if event.skus else ""
    return f"{thing_words(event.key)} is planned again: {short}what is left leaves {event.place}."


def _backordered(event: e.Backordered, lines: Lines) -> str:
    short = f" of {listed(event.skus)}" if event.skus else ""
    return f"{thing_words(event.key)} is short{short} everywhere; the stock is tried again later."


def _released(event: e.StockReleased, lines: Lines) -> str:
    what = f"{named(event.units, lines)} of its stock" if event.units else "its stock"
    if event.by:
        return f"{thing_words(event.key)}: {event.by} took care of {what}{because(event.detail)}"
    return f"{thing_words(event.key)} gave {what} back{because(event.detail)}"


def _task_taken(event: e.TaskTaken, lines: Lines) -> str:
    return f"{thing_words(event.key)}: the warehouse has it as task {event.task_id}."


def _short_picked(event: e.ShortPicked, lines: Lines) -> str:
    return f"{thing_words(event.key)}: the warehouse did not find {named(event.missing, lines)}."


def _settled(event: e.ShortSettled, lines: Lines) -> str:
    how = _SETTLED.get(event.how, f"was settled ({event.how})")
    units = named(event.units, lines) if event.units else "what is missing"
    who = f" {event.person} decided." if event.person else ""
    return f"{thing_words(event.key)} {how.format(units=units)}.{who}"


def _packed(event: e.Packed, lines: Lines) -> str:
    new = [one.key for one in event.parcels]
    return f"{thing_words(event.key)} is packed{f': {parcels(new)}' if new else ''}."


def _part_packed(event: e.PartPacked, lines: Lines) -> str:
    new = [one.key for one in event.parcels]
    return f"{thing_words(event.key)} is packed in part: {parcels(new)}; more will follow."


def _packed_anyway(event: e.PackedAnyway, lines: Lines) -> str:
    new = parcels([one.key for one in event.parcels])
    if event.rule == "pack-twice":
        return (
            f"{thing_words(event.key)}: the warehouse tells of {new} with goods of other parcels."
        )
    return f"{thing_words(event.key)}: the warehouse packed {new}, although its task is cancelled."


def _rest_settled(event: e.RestSettled, lines: Lines) -> str:
    stays = f" {parcels(event.unpacked)} will not be sent." if event.unpacked else ""
    return f"{thing_words(event.key)}: nothing more leaves with it; what left goes on.{stays}"


def _left(event: e.HandedOver | e.PartHandedOver, lines: Lines) -> str:
    part = "in part" if isinstance(event, e.PartHandedOver) else "whole"
    carried = f" with {parcels(event.left)}" if event.left else ""
    scanned = ", as the carrier's scan tells" if event.scanned_at else ""
    return f"{thing_words(event.key)} has left {part}{carried}{scanned}."


def _published(event: e.Published, lines: Lines) -> str:
    what = parcels(event.parcels) if event.parcels else "it as a whole"
    if event.by:
        return f"{thing_words(event.key)}: {event.by} says that the storefront shows {what}."
    return f"{thing_words(event.key)}: the storefront shows {what}."


def _ready_told(event: e.ReadyTold, lines: Lines) -> str:
    what = thing_words(event.key)
    if event.by:
        return f"{what}: {event.by} says that the storefront knows that it waits for its customer."
    if not event.told:
        return f"{what} waits for its customer, and the storefront need not be told."
    return f"{what}: the storefront is told that it waits for its customer."


def _matched(event: e.OutsideMatched, lines: Lines) -> str:
    what = thing_words(event.key)
    return f"{what} is what the channel shows as fulfilled under its id {event.outside_id}."


def _shrunk(event: e.Shrunk, lines: Lines) -> str:
    return f"{thing_words(event.key)} goes without {named(event.units, lines)}."


def _stopped(event: e.Stopped, lines: Lines) -> str:
    why = _STOPPED.get(event.why, event.why)
    return f"{thing_words(event.key)} is stopped and undone{f', {why}' if why else ''}."


def _go_on(event: e.StopDropped, lines: Lines) -> str:
    return f"{thing_words(event.key)} can't be stopped and goes on{because(event.reason)}"


def _task_cancelled(event: e.TaskCancelled, lines: Lines) -> str:
    by = f" by {event.by}" if event.by else ""
    gone = f" and unpacked {parcels(event.unpacked)}" if event.unpacked else ""
    return (
        f"{thing_words(event.key)}: the warehouse's task is cancelled{by}{gone}"
        f"{because(event.detail)}"
    )


WORDS: dict[type[e.Event], Words] = {
    e.FulfilmentPlanned: _planned,
    e.FulfilmentBackordered: _parked,
    e.StockReserved: lambda event, lines: (
        f"{thing_words(event.key)}: every unit is reserved at {event.place}."
    ),
    e.StockGranted: lambda event, lines: (
        f"{thing_words(event.key)}: {event.person} says that the goods are there."
    ),
    e.StockReplanned: _replanned,
    e.Backordered: _backordered,
    e.StockTriedAgain: lambda event, lines: (
        f"{thing_words(event.key)}: the stock is tried again, at {event.place} first."
    ),
    e.ReservationExpired: simply(
        "{thing} waited too long: its stock is given back, and reserved again when it goes on."
    ),
    e.StockReleased: _released,
    e.TaskTaken: _task_taken,
    e.LeftToPerson: simply("{thing} has no warehouse: a person packs it and reports."),
    e.Picked: simply("{thing} is picked: the goods are off the shelf."),
    e.ShortPicked: _short_picked,
    e.ShortSettled: _settled,
    e.Packed: _packed,
    e.PartPacked: _part_packed,
    e.PackedAnyway: _packed_anyway,
    e.HandedOver: _left,
    e.PartHandedOver: _left,
    e.Fulfilled: simply("{thing} is with the customer; no carrier was needed."),
    e.Published: _published,
    e.ReadyTold: _ready_told,
    e.OutsideMatched: _matched,
    e.Shrunk: _shrunk,
    e.Stopped: _stopped,
    e.StopDropped: _go_on,
    e.ContentsAwaited: _contents_awaited,
    e.CancelAsked: simply("{thing}: the warehouse will say later whether its task is cancelled."),
    e.TaskCancelled: _task_cancelled,
    e.RestSettled: _rest_settled,
    e.FulfilmentCancelled: simply("{thing} is cancelled: none of it left, its units are open."),
    e.FulfilmentDone: simply("{thing} is done: its parcels arrived and the storefront knows."),
}
