"""Events, effects and timers in words, as one list."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

import asyncpg
import msgspec
from msgspec import Struct

from schemas.messages import effects as f
from schemas.messages import events as e
from schemas.messages.codec import decode_event
from schemas.messages.effects import tag_of
from schemas.order.money import decimal_text

EVENT, EFFECT, TIMER = "event", "effect", "timer"


class Entry(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One line of a timeline. `kind` is `event`, `effect` (an intent, and again when it ended) or
    `timer` (due in the future). `trace_id` leads to the trace of what recorded the effect."""

    at: datetime
    kind: str
    type: str
    text: str
    rule: str = ""
    version: int = 0
    effect: int = 0
    partner: str = ""
    status: str = ""
    attempts: int = 0
    error: str = ""
    due_at: datetime | None = None
    trace_id: str = ""

    @property
    def rank(self) -> int:
        """At one instant: the effect's end, then what was decided on it, then new intents."""
        if self.kind == EVENT:
            return 1
        return 0 if self.status not in ("open", "asked") else 2


def event_entry(version: int, kind: str, body: bytes, at: datetime) -> Entry:
    """Tell an event, with its rule and the facts it stands on. One that a newer version wrote is
    named at least."""
    try:
        event = decode_event(body)
    except msgspec.ValidationError:
        text = f"{kind}, which this version of Orderwright can't put in words."
        return Entry(at=at, kind=EVENT, type=kind, text=text, version=version)
    words = EVENT_WORDS[type(event)]
    return Entry(
        at=at,
        kind=EVENT,
        type=kind,
        text=words(event) if callable(words) else words,
        rule=event.rule,
        version=version,
        effect=event.settles,
    )


def effect_entries(row: asyncpg.Record) -> list[Entry]:
    """Tell an effect: when it was intended, and when it ended."""
    intent = _effect(row["kind"])
    ended: datetime | None = row["settled_at"]
    common: dict[str, Any] = {
        "kind": EFFECT,
        "type": row["kind"],
        "effect": row["number"],
        "partner": row["partner"],
        "trace_id": row["trace"][3:35],
    }
    told = {"attempts": row["attempts"], "error": row["error"]}
    if ended is None:
        text = f"{intent}: {_under_way(row)}"
        due = row["due_at"]
        return [Entry(at=row["at"], text=text, status="open", due_at=due, **told, **common)]
    how = {
        "done": "done",
        "refused": f"refused by the {row['partner']}",
        "person": "given to a person",
    }[row["status"]]
    return [
        Entry(at=row["at"], text=f"{intent}: asked", status="asked", **common),
        Entry(at=ended, text=f"{intent}: {how}", status=row["status"], **told, **common),
    ]


def erased_entry(at: datetime) -> Entry:
    """Tell that no one can say any more whose order it was."""
    text = "The customer's data was erased: what is above names no one, and the rest is gone."
    return Entry(at=at, kind=EVENT, type="privacy.erased", text=text)


def timer_entries(rows: Sequence[asyncpg.Record]) -> list[Entry]:
    """Tell what will happen by itself."""
    return [
        Entry(at=due_at, kind=TIMER, type=name, text=f"Due: {name}.", status="due", due_at=due_at)
        for name, due_at in rows
    ]


def _under_way(row: asyncpg.Record) -> str:
    if not row["attempts"]:
        return "not called yet"
    times = "once" if row["attempts"] == 1 else f"{row['attempts']} times"
    return f"called {times}, not ended yet"


def _lines(lines: Sequence[e.PlacedLine]) -> str:
    pieces = sum(line.quantity for line in lines)
    return f"{pieces} piece{'s' * (pieces != 1)} of {len({line.sku for line in lines})} SKU(s)"


def _effect(kind: str) -> str:
    return EFFECT_WORDS.get(kind, kind)


def _because(reason: str) -> str:
    return f": {reason}" if reason else "."


def _placed(event: e.Placed) -> str:
    total = decimal_text(event.total_minor, event.currency)
    to = f" to {event.country}" if event.country else ""
    named = ", ".join(one[:40].replace("_", " ") for one in event.doubts)
    doubt = f" In doubt: {named} (see the order's attributes)." if named else ""
    return (
        f"Order {event.number} placed on {event.channel}: {_lines(event.lines)}{to},"
        f" {total} {event.currency}, payment {event.payment}.{doubt}"
    )


def _labelled(event: e.Labelled) -> str:
    cost = ""
    if event.charge_currency:
        amount = decimal_text(event.charge_minor, event.charge_currency)
        cost = f" for {amount} {event.charge_currency}"
    return f"Label bought from {event.carrier}{cost}, tracking {event.tracking_number}."


def _short_picked(event: e.ShortPicked) -> str:
    told = ", ".join(
        f"line {line.line_id}: {line.picked_quantity} of {line.ordered_quantity}"
        for line in event.lines
    )
    return f"The warehouse found less than was asked ({told})."


def _given(event: e.GivenToPerson) -> str:
    doubt = "" if event.outcome_known else " It may have been done; look before repeating it."
    return f"{_effect(event.kind)}: a person must see to it: {event.reason}{doubt}"


Words = str | Callable[[Any], str]

EVENT_WORDS: dict[type[Struct], Words] = {
    e.Placed: _placed,
    e.PaymentConfirmed: "The channel says the order is paid.",
    e.Accepted: "Accepted: the order may be worked on.",
    e.Normalised: lambda event: (
        f"Looked at again with version {event.mappings} of the mappings: {_lines(event.lines)}."
    ),
    e.Amended: lambda event: f"Changed by the channel: {_lines(event.lines)} now.",
    e.UpdateNoted: "The channel stated the order again; nothing that matters differs.",
    e.ReportNoted: lambda event: f"{event.source} ({event.topic}): {event.words}",
    e.LookAsked: lambda event: (
        f"{event.source}{f' ({event.topic})' if event.topic else ''}: the order changed there; the"
        " channel is asked how it is now."
    ),
    e.Fetched: "The channel said how the order is now; its words come in as a message.",
    e.StockReserved: lambda event: f"Every line is reserved at {event.place}.",
    e.StockTriedAgain: "The reservation is tried again.",
    e.Skipped: lambda event: (
        f"{event.person} said to go on without: {_effect(event.kind)}{_because(event.reason)}"
    ),
    e.Backordered: lambda event: f"Short of {', '.join(event.skus)}; tried again later.",
    e.PostedToErp: lambda event: f"The ERP has it as sales order {event.erp_number}.",
    e.ReleasedToWarehouse: lambda event: f"The warehouse has it as task {event.task_id}.",
    e.CustomerNotified: lambda event: f"The customer was written to ({event.template}).",
    e.Picked: "Picked: the goods are off the shelf.",
    e.ShortPicked: _short_picked,
    e.Packed: lambda event: f"Packed into {len(event.parcels)} parcel(s).",
    e.Labelled: _labelled,
    e.Tracked: lambda event: f"The carrier says: {event.detail or event.status}.",
    e.Shipped: "Shipped: the carrier has the parcel.",
    e.TrackedBack: "The storefront shows the tracking.",
    e.Delivered: "Delivered to the customer.",
    e.Closed: lambda event: (
        "Closed: the channel shows all of it as fulfilled, and not by us. Nothing was done here."
        if event.rule == "done-elsewhere"
        else "Closed: nothing is left to do."
    ),
    e.CancelRequested: lambda event: f"{event.requested_by} cancels{_because(event.reason)}",
    e.CancelRefused: lambda event: f"Too late to cancel{_because(event.reason)}",
    e.Compensated: lambda event: f"Undone: {event.what}{_because(event.detail)}",
    e.Cancelled: "Cancelled: everything that was done is undone.",
    e.Held: lambda event: f"Held ({event.hold_id}){_because(event.reason)}",
    e.HoldReleased: lambda event: (
        f"{event.person} released the hold {event.hold_id}{_because(event.reason)}"
    ),
    e.GivenToPerson: _given,
    e.Retried: lambda event: (
        f"{event.person} had effect {event.effect} tried again{_because(event.reason)}"
    ),
    e.Asked: "The carrier is asked where the parcel is.",
    e.Overdue: lambda event: (
        f"Overdue: {event.stage} for too long, waiting for {event.waiting_for or 'no one named'}."
    ),
    e.ActionRefused: lambda event: (
        f"{event.person} asked to {event.verb}, which can't be done now: {event.reason}"
    ),
}
"""Every event in words; a test sees to it that none is left out."""

EFFECT_WORDS: dict[str, str] = {
    tag_of(f.ReserveStock): "Reserve the stock",
    tag_of(f.ReleaseStock): "Give the stock back",
    tag_of(f.PostSalesOrder): "Post the sales order to the ERP",
    tag_of(f.DeleteSalesOrder): "Delete the sales order from the ERP",
    tag_of(f.CreateWarehouseTask): "Give the warehouse its task",
    tag_of(f.CancelWarehouseTask): "Cancel the warehouse's task",
    tag_of(f.SendMail): "Write to the customer",
    tag_of(f.BuyLabel): "Buy the label",
    tag_of(f.VoidLabel): "Void the label",
    tag_of(f.TrackShipment): "Ask where the parcel is",
    tag_of(f.PublishFulfilment): "Tell the storefront that it is shipped",
    tag_of(f.FetchOrder): "Ask the channel how the order is now",
}
"""Every effect in words; a test sees to it that none is left out."""
