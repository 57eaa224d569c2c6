"""The life of a fulfilment as one table."""

from __future__ import annotations

from actors.fulfilment.thing import (
    CANCELLED,
    DONE,
    HANDED_OVER,
    PACKED,
    PICKED,
    PLANNED,
    RECALLED,
    RELEASED,
    RESERVED,
    SHORT,
)
from actors.kernel.tables import ELEVATED, NONE, Beside, Row, Table, Wait, go, stay
from schemas.messages import events as e

UNTASKED = (PLANNED, RESERVED)
INSIDE = (PLANNED, SHORT, RESERVED, RELEASED, PICKED, PACKED)
"""Nothing, or not all of it, has left."""
AT_WORK = (RELEASED, PICKED, PACKED)
"""Somebody in the house works on it, unless its delivery is one of `AWAY`."""
AWAY = ("digital", "elsewhere")
"""Deliveries of which no goods are in a house of ours."""
LIVE = (*INSIDE, HANDED_OVER, RECALLED)
EVERY = (*LIVE, DONE, CANCELLED)

TABLE = Table(
    "fulfilment",
    (
        Row("plan", NONE, e.FulfilmentPlanned, PLANNED, "units leave one place together"),
        Row("park", NONE, e.FulfilmentBackordered, SHORT, "no place has these units"),
        Row("reserve", PLANNED, e.StockReserved, RESERVED, "every unit is reserved"),
        *stay(
            "late-reserve",
            (RESERVED, *AT_WORK, RECALLED, HANDED_OVER, DONE),
            e.StockReserved,
            "the goods moved on before the answer came",
        ),
        Row("revive", CANCELLED, e.StockReserved, RESERVED, "an answer came after its end"),
        Row("grant", PLANNED, e.StockGranted, RESERVED, "a person says it is there"),
        *stay("replan", (PLANNED,), e.StockReplanned, "another place has it"),
        Row("backorder", PLANNED, e.Backordered, SHORT, "no place has it"),
        *stay(
            "late-short",
            (RESERVED, PICKED, PACKED, RECALLED, HANDED_OVER),
            e.Backordered,
            "the goods moved on before the answer came",
        ),
        Row("stock-again", SHORT, e.StockTriedAgain, PLANNED, "time to try again"),
        *stay("expire", (RESERVED,), e.ReservationExpired, "its order waits for a person too long"),
        Row("reserve-again", RESERVED, e.StockTriedAgain, PLANNED, "its order goes on"),
        *go("release", UNTASKED, e.TaskTaken, RELEASED, "the warehouse has the task"),
        *stay(
            "late-task",
            (*AT_WORK, HANDED_OVER, RECALLED, DONE),
            e.TaskTaken,
            "reports came before the answer",
        ),
        Row("revive", CANCELLED, e.TaskTaken, RELEASED, "an answer came after its end"),
        *go("by-hand", UNTASKED, e.LeftToPerson, RELEASED, "no warehouse takes it"),
        *go(
            "pick",
            (*UNTASKED, SHORT, RELEASED),
            e.Picked,
            PICKED,
            "the goods are off the shelf",
        ),
        *stay("pick-again", (PICKED, PACKED), e.Picked, "reports came out of order"),
        *go(
            "short-pick",
            (*UNTASKED, SHORT, RELEASED, PICKED),
            e.ShortPicked,
            PICKED,
            "the warehouse found too little",
        ),
        *stay("short-pick", (PACKED,), e.ShortPicked, "the warehouse packed too little"),
        *stay("settle", (PICKED, PACKED), e.ShortSettled, "what is missing was decided"),
        *go("pack", INSIDE, e.Packed, PACKED, "all of it is in parcels"),
        *go("part-pack", INSIDE, e.PartPacked, PACKED, "the warehouse splits it"),
        *stay(
            "pack-anyway",
            (RECALLED, CANCELLED),
            e.PackedAnyway,
            "it was packed before the warehouse heard of the cancellation",
        ),
        *stay("pack-twice", (PACKED,), e.PackedAnyway, "what it holds is in another parcel"),
        *stay(
            "await-contents",
            (*INSIDE, RECALLED),
            e.ContentsAwaited,
            "it left before the report of what was packed came",
        ),
        *go("hand-over", INSIDE, e.HandedOver, HANDED_OVER, "all of it has left"),
        *stay("hand-over-more", (HANDED_OVER,), e.HandedOver, "more left than was asked"),
        *go(
            "left-after-all",
            (RECALLED, CANCELLED, DONE),
            e.HandedOver,
            HANDED_OVER,
            "it left although it had ended",
        ),
        *go("part-hand-over", INSIDE, e.PartHandedOver, PACKED, "some of it has left"),
        *stay(
            "left-after-all",
            (RECALLED,),
            e.PartHandedOver,
            "some of it left although it had been stopped",
        ),
        *go("fulfil", INSIDE, e.Fulfilled, HANDED_OVER, "it needed no carrier"),
        *stay(
            "publish", (PACKED, HANDED_OVER, RECALLED, DONE), e.Published, "the channel shows it"
        ),
        *stay(
            "ready",
            (PACKED, HANDED_OVER, RECALLED),
            e.ReadyTold,
            "the channel knows that it waits for its customer",
        ),
        *stay(
            "match",
            (PACKED, HANDED_OVER, RECALLED, DONE),
            e.OutsideMatched,
            "the channel shows it as ours",
        ),
        *stay("shrink", (PLANNED, SHORT, RESERVED), e.Shrunk, "fewer units are wanted of it"),
        *stay("forgo", (PICKED, PACKED), e.Shrunk, "what it lacks is not wanted any more"),
        *stay("stop", INSIDE, e.Stopped, "it shall not leave as it is"),
        *stay("go-on", (*AT_WORK, HANDED_OVER), e.StopDropped, "it can't be stopped"),
        *stay(
            "cancel-asked",
            (*INSIDE, HANDED_OVER, RECALLED),
            e.CancelAsked,
            "the warehouse says it later",
        ),
        *go("recall", INSIDE, e.TaskCancelled, RECALLED, "the warehouse does not work on it"),
        *stay("recall-twice", (RECALLED,), e.TaskCancelled, "the warehouse says so twice"),
        *stay(
            "give-back",
            (RESERVED, *AT_WORK, RECALLED, HANDED_OVER, DONE),
            e.StockReleased,
            "its reservation was given back",
        ),
        *go(
            "cancelled",
            (*INSIDE, RECALLED),
            e.FulfilmentCancelled,
            CANCELLED,
            "everything done for it is undone",
        ),
        *go("rest", (PACKED, RECALLED), e.RestSettled, HANDED_OVER, "nothing more leaves with it"),
        Row("done", HANDED_OVER, e.FulfilmentDone, DONE, "all its parcels reached their end"),
        *stay("renew", UNTASKED, e.Renewed, "it was refused; a new one follows"),
    ),
    beside=(
        *ELEVATED,
        Beside("skip", e.Skipped, "a person went on without it"),
        Beside("hold", e.Held, "a person must decide"),
        Beside("free", e.HoldReleased, "it was decided"),
        Beside("task", e.TaskOpened, "only a person can do it"),
        Beside("alarm", e.Overdue, "it waited longer than it may"),
    ),
    ends=(DONE, CANCELLED),
)

WAITS: dict[str, Wait] = {
    PLANNED: Wait("the stock reservation", "stock_due_seconds"),
    SHORT: Wait("stock to arrive", "stock_due_seconds"),
    RESERVED: Wait("the warehouse to take the task", "pack_due_seconds"),
    RELEASED: Wait("the warehouse to pack", "pack_due_seconds"),
    PICKED: Wait("the warehouse to pack", "pack_due_seconds"),
    PACKED: Wait("the carrier's first scan", "scan_due_seconds"),
    HANDED_OVER: Wait("the storefront to show it", "close_due_seconds"),
    RECALLED: Wait("partners to undo what was done", "cancel_due_seconds"),
}
"""A fulfilment that is handed over waits for its parcels first, which have waits of their own."""
