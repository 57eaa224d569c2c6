"""Effects: recorded intents to call a partner, and what a partner may answer.

An effect holds no personal data: the adapter gets the canonical order beside it.
"""

from __future__ import annotations

from msgspec import Struct

from schemas.order.canonical import Grams

STOCK, ERP, WAREHOUSE, CARRIER, STOREFRONT, MAIL = (
    "stock",
    "erp",
    "warehouse",
    "carrier",
    "storefront",
    "mail",
)


class Parcel(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One parcel as the warehouse packed it; millimetres and grams."""

    parcel_id: str
    weight_grams: Grams = 0
    length_mm: int = 0
    width_mm: int = 0
    height_mm: int = 0


class ReserveStock(Struct, frozen=True, kw_only=True, tag="stock.reserve.v1"):
    """Reserve every line of the order, all or nothing, get-or-create by order and line."""


class ReleaseStock(Struct, frozen=True, kw_only=True, tag="stock.release.v1"):
    """Give the order's reservation back."""


class PostSalesOrder(Struct, frozen=True, kw_only=True, tag="erp.post_sales_order.v1"):
    """Create the sales order in the ERP."""


class DeleteSalesOrder(Struct, frozen=True, kw_only=True, tag="erp.delete_sales_order.v1"):
    """Undo PostSalesOrder before anything was invoiced."""

    erp_id: str


class CreateWarehouseTask(Struct, frozen=True, kw_only=True, tag="warehouse.create_task.v1"):
    """Ask the warehouse to pick and pack the order."""


class CancelWarehouseTask(Struct, frozen=True, kw_only=True, tag="warehouse.cancel_task.v1"):
    """Undo CreateWarehouseTask; refused when the goods were handed over."""

    task_id: str


class SendMail(Struct, frozen=True, kw_only=True, tag="mail.send.v1"):
    """Write to the customer, once. `template` is `order_confirmed` or `order_cancelled`."""

    template: str


class BuyLabel(Struct, frozen=True, kw_only=True, tag="carrier.buy_label.v1"):
    """Buy the label for these parcels."""

    parcels: tuple[Parcel, ...]


class VoidLabel(Struct, frozen=True, kw_only=True, tag="carrier.void_label.v1"):
    """Undo BuyLabel, inside the carrier's void window."""

    shipment_id: str
    tracking_number: str


class TrackShipment(Struct, frozen=True, kw_only=True, tag="carrier.track.v1"):
    """Ask where the parcel is."""

    tracking_number: str


class PublishFulfilment(Struct, frozen=True, kw_only=True, tag="storefront.publish_fulfilment.v1"):
    """Tell the storefront that the order is shipped, with its tracking."""

    tracking_number: str
    carrier: str


class FetchOrder(Struct, frozen=True, kw_only=True, tag="storefront.fetch_order.v1"):
    """Ask the storefront how the order is now, and have its answer come in like a webhook."""


Effect = (
    ReserveStock
    | ReleaseStock
    | PostSalesOrder
    | DeleteSalesOrder
    | CreateWarehouseTask
    | CancelWarehouseTask
    | SendMail
    | BuyLabel
    | VoidLabel
    | TrackShipment
    | PublishFulfilment
    | FetchOrder
)


class StockReserved(Struct, frozen=True, kw_only=True, tag="stock.reserved.v1"):
    """Every line is reserved. `place` is the stock-keeping place that holds them."""

    place: str


class StockShort(Struct, frozen=True, kw_only=True, tag="stock.short.v1"):
    """Nothing was reserved, because these SKUs are short."""

    skus: tuple[str, ...]


class SalesOrderPosted(Struct, frozen=True, kw_only=True, tag="erp.sales_order_posted.v1"):
    """The ERP has the order. `number` is what the ERP's people call it."""

    erp_id: str
    number: str


class TaskCreated(Struct, frozen=True, kw_only=True, tag="warehouse.task_created.v1"):
    """The warehouse took the task."""

    task_id: str


class LabelBought(Struct, frozen=True, kw_only=True, tag="carrier.label_bought.v1"):
    """The carrier sold a label. `service` is the carrier's own code."""

    shipment_id: str
    tracking_number: str
    carrier: str
    service: str = ""
    charge_minor: int = 0
    charge_currency: str = ""
    label_base64: str = ""
    label_format: str = ""


class Tracked(Struct, frozen=True, kw_only=True, tag="carrier.tracked.v1"):
    """Where the parcel is: `label_created`, `in_transit`, `delivered`, `exception`, `voided`,
    `returned` or `unknown`. `at` is the carrier's own time of the last scan, as it writes it."""

    status: str
    at: str = ""
    detail: str = ""


class FulfilmentPublished(
    Struct, frozen=True, kw_only=True, tag="storefront.fulfilment_published.v1"
):
    """The storefront shows the order as shipped."""

    fulfilment_id: str


class OrderFetched(Struct, frozen=True, kw_only=True, tag="storefront.order_fetched.v1"):
    """The storefront said how the order is now, and its words are on their way to the order as a
    letter. `digest` is the SHA-256 of what it said, in hex."""

    digest: str


class MailSent(Struct, frozen=True, kw_only=True, tag="mail.sent.v1"):
    """The mail server took the message."""

    message_id: str


class Undone(Struct, frozen=True, kw_only=True, tag="undone.v1"):
    """A compensation took effect (or there was nothing left to undo)."""

    detail: str = ""


Result = (
    StockReserved
    | StockShort
    | SalesOrderPosted
    | TaskCreated
    | LabelBought
    | Tracked
    | FulfilmentPublished
    | OrderFetched
    | MailSent
    | Undone
)

PARTNER_OF: dict[type[Struct], str] = {
    ReserveStock: STOCK,
    ReleaseStock: STOCK,
    PostSalesOrder: ERP,
    DeleteSalesOrder: ERP,
    CreateWarehouseTask: WAREHOUSE,
    CancelWarehouseTask: WAREHOUSE,
    SendMail: MAIL,
    BuyLabel: CARRIER,
    VoidLabel: CARRIER,
    TrackShipment: CARRIER,
    PublishFulfilment: STOREFRONT,
    FetchOrder: STOREFRONT,
}
"""Which partner's role each effect calls. A storefront is further told apart by the channel."""


def tag_of(value: Struct | type[Struct]) -> str:
    """Return the versioned name of a tagged struct, such as `carrier.buy_label.v1`."""
    tag = value.__struct_config__.tag
    assert isinstance(tag, str)
    return tag


def lane_of(effect: Effect, channel: str) -> str:
    """Return the name under which this effect's partner is limited and watched: its role, and for
    a storefront the channel too, so that one noisy shop doesn't slow the others."""
    role = PARTNER_OF[type(effect)]
    return f"{role}:{channel}" if role == STOREFRONT else role
