"""Effects: recorded intents to call a partner for one thing, and what a partner may answer.

An effect holds no personal data: the adapter gets the canonical order beside it. It names units by
line, never "the whole order", because an order may be split, changed and partly cancelled.
"""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

from schemas.messages.channel_effects import (
    CancelAtChannel,
    CapturePayment,
    ChannelCancelled,
    FetchOrder,
    OrderFetched,
    PaymentCaptured,
    PaymentRefunded,
    RefundLine,
    RefundPayment,
)
from schemas.messages.tracking import Tracked, TrackParcel, TrackStatus
from schemas.order.canonical import Grams
from schemas.order.things import Key

Standing = Literal["ready", "stopped", "not_stopped", "taken", "not_taken"]
"""How far something is that a storefront waits for: a pickup, what it asked not, or to send."""

Delivery = Literal["parcel", "local_delivery", "pickup", "digital", "elsewhere"]
"""How units reach the customer. Only a parcel needs a carrier's label; `digital` needs no one,
and `elsewhere` is somebody else's to fulfil."""

WhoBuys = Literal["us", "them", "none"]
"""Who buys the label of a fulfilment: we do, its warehouse does, or none is needed."""


class Units(Struct, frozen=True, array_like=True):
    """So many units of one line. `sku` is the SKU that travels, also where it replaces another."""

    line_id: str
    sku: str
    quantity: int


class Seen(Struct, frozen=True, array_like=True):
    """What a stock place could still promise of a SKU at the moment it was asked. `available` is
    -1 for a SKU that is not counted there."""

    place: str
    sku: str
    available: int


class PackedParcel(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A parcel as it was packed; grams and millimetres, 0 for what was not measured."""

    parcel: Key
    units: tuple[Units, ...]
    weight_grams: Grams = 0
    length_mm: int = 0
    width_mm: int = 0
    height_mm: int = 0


class LineCodes(Struct, frozen=True, array_like=True):
    """The codes of single pieces of a line that are in a parcel."""

    line_id: str
    codes: tuple[str, ...]


class SentParcel(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A parcel that left, as a storefront is told of it. `carrier` is the name customers know,
    `codes` what the warehouse told of single pieces."""

    parcel: Key
    units: tuple[Units, ...]
    carrier: str = ""
    tracking_number: str = ""
    codes: tuple[LineCodes, ...] = ()


class ReserveStock(Struct, frozen=True, kw_only=True, tag="stock.reserve.v2"):
    """Reserve units at a place for one fulfilment, all or nothing; get-or-create by order,
    fulfilment, line and place. `places` are those whose stock a refusal reports, in the order in
    which they are preferred."""

    place: str
    units: tuple[Units, ...]
    places: tuple[str, ...] = ()


class ReleaseStock(Struct, frozen=True, kw_only=True, tag="stock.release.v2"):
    """Give back what one fulfilment has reserved: these units, or all of it when none are named."""

    place: str
    units: tuple[Units, ...] = ()


class RestockReturn(Struct, frozen=True, kw_only=True, tag="stock.restock.v1"):
    """Enter units of a return that can be sold again at a place; once for each return."""

    place: str
    units: tuple[Units, ...]


# --- ERP ------------------------------------------------------------------------------------------


class PostSalesOrder(Struct, frozen=True, kw_only=True, tag="erp.post_sales_order.v2"):
    """Create the sales order. `units` is what the order comes to now, line by line."""

    units: tuple[Units, ...]


class AmendSalesOrder(Struct, frozen=True, kw_only=True, tag="erp.amend_sales_order.v1"):
    """Make a posted sales order say what the order says now: lines, quantities, money, address.
    `digest` tells one amendment from the next."""

    erp_id: str
    units: tuple[Units, ...]
    digest: str


class CancelSalesOrder(Struct, frozen=True, kw_only=True, tag="erp.cancel_sales_order.v1"):
    """Undo PostSalesOrder before anything was invoiced."""

    erp_id: str


# --- warehouse ------------------------------------------------------------------------------------


class CreateTask(Struct, frozen=True, kw_only=True, tag="warehouse.create_task.v2"):
    """Ask a warehouse to pick and pack one fulfilment. `collect_minor` is what the customer pays on
    delivery, in the order's presentment currency where it has one (0: nothing)."""

    place: str
    units: tuple[Units, ...]
    delivery: Delivery = "parcel"
    labels: WhoBuys = "us"
    collect_minor: int = 0
    collect_currency: str = ""


class CancelTask(Struct, frozen=True, kw_only=True, tag="warehouse.cancel_task.v2"):
    """Undo CreateTask; refused once the goods were handed over."""

    task_id: str


# --- carrier --------------------------------------------------------------------------------------


class BuyLabel(Struct, frozen=True, kw_only=True, tag="carrier.buy_label.v2"):
    """Buy one shipment's labels, one for each parcel. `service` is a carrier's own code that a
    decision chose ("": the adapter chooses by the order's shipping method)."""

    fulfilment: Key
    place: str
    parcels: tuple[PackedParcel, ...]
    service: str = ""
    collect_minor: int = 0
    collect_currency: str = ""


class VoidLabel(Struct, frozen=True, kw_only=True, tag="carrier.void_label.v2"):
    """Undo BuyLabel inside the carrier's void window."""

    shipment_id: str
    tracking_numbers: tuple[str, ...]


# --- storefront -----------------------------------------------------------------------------------


class PublishFulfilment(Struct, frozen=True, kw_only=True, tag="storefront.publish_fulfilment.v2"):
    """Tell the storefront exactly what left: these parcels of one fulfilment, with their units and
    numbers. `earlier` are all parcels of the order that it was told of before: a kit is told with
    the parcel that completes it, and parcels without a number are told apart by what left before.
    `place` is where they left from, for a storefront that shows it ("" for every other)."""

    fulfilment: Key
    parcels: tuple[SentParcel, ...]
    earlier: tuple[SentParcel, ...] = ()
    notify_customer: bool = False
    place: str = ""


class TellStanding(Struct, frozen=True, kw_only=True, tag="storefront.tell_standing.v1"):
    """Tell the storefront that all these `units` wait for their customer now, or whether what it
    asked (not) to send, by its own `outside_id`, is taken on or stopped: `reason` is in words for
    the seller. `place` is as in PublishFulfilment, and all the units wait there."""

    what: Standing
    units: tuple[Units, ...] = ()
    outside_id: str = ""
    reason: str = ""
    place: str = ""


class SendMail(Struct, frozen=True, kw_only=True, tag="mail.send.v2"):
    """Write to the customer, once. `template` is `order_confirmed`, `order_cancelled`,
    `order_partly_cancelled`, `return_received`, or `order_refunded` with an amount in minor units;
    `units` are those it speaks of (none: the whole order)."""

    template: str
    units: tuple[Units, ...] = ()
    amount_minor: int = 0
    currency: str = ""


Effect = (
    ReserveStock
    | ReleaseStock
    | RestockReturn
    | PostSalesOrder
    | AmendSalesOrder
    | CancelSalesOrder
    | CreateTask
    | CancelTask
    | BuyLabel
    | VoidLabel
    | TrackParcel
    | PublishFulfilment
    | CancelAtChannel
    | TellStanding
    | CapturePayment
    | RefundPayment
    | FetchOrder
    | SendMail
)


# --- results --------------------------------------------------------------------------------------


class StockReserved(Struct, frozen=True, kw_only=True, tag="stock.reserved.v2"):
    """The units are reserved at `place`."""

    place: str


class StockShort(Struct, frozen=True, kw_only=True, tag="stock.short.v2"):
    """Nothing was reserved. `skus` are short at the place asked; `seen` is what each place could
    promise of the SKUs asked for, so that the order can be planned again."""

    skus: tuple[str, ...]
    seen: tuple[Seen, ...] = ()


class StockReturned(Struct, frozen=True, kw_only=True, tag="stock.returned.v1"):
    """What came back lies at `place`, and is counted where its SKU is."""

    place: str


class SalesOrderPosted(Struct, frozen=True, kw_only=True, tag="erp.sales_order_posted.v1"):
    """The ERP has the order. `number` is what the ERP's people call it."""

    erp_id: str
    number: str


class SalesOrderAmended(Struct, frozen=True, kw_only=True, tag="erp.sales_order_amended.v1"):
    """The ERP's order says what AmendSalesOrder asked."""

    digest: str


class TaskCreated(Struct, frozen=True, kw_only=True, tag="warehouse.task_created.v1"):
    """The warehouse took the task."""

    task_id: str


class CancelAsked(Struct, frozen=True, kw_only=True, tag="warehouse.cancel_asked.v1"):
    """The warehouse will say later whether its task is cancelled."""


class BoughtLabel(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One parcel's label. `image_base64` is "" where the carrier keeps it."""

    parcel: Key
    tracking_number: str
    image_base64: str = ""
    image_format: str = ""


class LabelBought(Struct, frozen=True, kw_only=True, tag="carrier.label_bought.v2"):
    """The carrier sold a shipment. `service` is its own code, `carrier` the name customers know.
    `reprint_at` is where a person prints labels that were found without their images ("": they are
    here, or not needed)."""

    shipment_id: str
    carrier: str
    labels: tuple[BoughtLabel, ...]
    service: str = ""
    charge_minor: int = 0
    charge_currency: str = ""
    reprint_at: str = ""


class FulfilmentPublished(Struct, frozen=True, kw_only=True, tag="storefront.published.v2"):
    """The storefront shows the parcels. `outside_ids` are its own ids of what it made of them."""

    outside_ids: tuple[str, ...]


class StandingTold(Struct, frozen=True, kw_only=True, tag="storefront.standing_told.v1"):
    """The storefront knows how far it is, or does not wait for it any more (`told` is False)."""

    told: bool = True


class MailSent(Struct, frozen=True, kw_only=True, tag="mail.sent.v1"):
    """The mail server took the message."""

    message_id: str


class Undone(Struct, frozen=True, kw_only=True, tag="undone.v1"):
    """A compensation took effect, or there was nothing left to undo."""

    detail: str = ""


Result = (
    StockReserved
    | StockShort
    | StockReturned
    | SalesOrderPosted
    | SalesOrderAmended
    | TaskCreated
    | CancelAsked
    | LabelBought
    | Tracked
    | FulfilmentPublished
    | ChannelCancelled
    | StandingTold
    | PaymentCaptured
    | PaymentRefunded
    | OrderFetched
    | MailSent
    | Undone
)

VERBS: dict[type[Struct], str] = {
    ReserveStock: "reserve",
    ReleaseStock: "release",
    RestockReturn: "restock",
    PostSalesOrder: "post",
    AmendSalesOrder: "amend",
    CancelSalesOrder: "cancel",
    CreateTask: "task",
    CancelTask: "cancel",
    BuyLabel: "buy",
    VoidLabel: "void",
    TrackParcel: "track",
    PublishFulfilment: "publish",
    CancelAtChannel: "cancel",
    TellStanding: "tell",
    CapturePayment: "capture",
    RefundPayment: "refund",
    FetchOrder: "fetch",
    SendMail: "send",
}
"""The first word of each effect's idempotency key: buying and voiding share the label's reference,
so the reference alone would not do."""


def digest_of(effect: Effect) -> str:
    """Return what tells two calls with the same verb and thing apart, "" where nothing may: an
    amendment's digest, which parcels a publication speaks of, which request is answered how."""
    match effect:
        case AmendSalesOrder(digest=digest):
            return digest[:8]
        case PublishFulfilment(parcels=parcels):
            return "".join(one.parcel for one in parcels)[:16]
        case TellStanding(what=what, outside_id=outside_id) if outside_id:
            return what[0] + "".join(filter(str.isdigit, outside_id))[-15:]
    return ""


def tag_of(value: Struct | type[Struct]) -> str:
    """Return the versioned name of a tagged struct, such as `carrier.buy_label.v2`."""
    tag = value.__struct_config__.tag
    assert isinstance(tag, str)
    return tag


__all__ = [
    "CancelAtChannel", "CapturePayment", "ChannelCancelled", "FetchOrder", "OrderFetched",
    "PaymentCaptured", "PaymentRefunded", "RefundLine", "RefundPayment",
    "TrackParcel", "TrackStatus", "Tracked",
]  # fmt: skip
