"""Amazon's notifications: out of whatever they were wrapped in, and what each type means to us.

The form is that of the official description: the body of the SQS message. A forwarder may pass on
the SQS message around it, or the envelope of SNS or EventBridge. What stands in a notification is
never believed to be the order: it only says which order to look at, or that nothing is to be seen.
https://developer-docs.amazon.com/sp-api/docs/notification-type-values
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from msgspec import Struct

from adapters.channels.amazon.order import is_order_id
from adapters.channels.amazon.shapes import ORDER_CHANGE
from schemas.contracts import refusals
from schemas.contracts.refusals import Refused, refused
from schemas.contracts.strict_json import parse, shown

MAX_ENVELOPES = 3
"""EventBridge or SNS into SQS, forwarded with the SQS message, are two; one more isn't an order."""

BUYER_ASKS = "BuyerRequestedChange"
"""The kind of change that is not a change yet: the buyer asks for one."""

PENDING = frozenset({"Pending", "PendingAvailability"})
"""States in which Amazon lets no one ship, and mostly tells neither address nor prices."""

NOT_OURS: Mapping[str, str] = MappingProxyType(
    {
        "FBA_INVENTORY_AVAILABILITY_CHANGES": "It tells of stock in Amazon's own warehouses (FBA).",
        "FBA_OUTBOUND_SHIPMENT_STATUS": "It tells of what Amazon ships from its own warehouse "
        "(FBA).",
        "FEED_PROCESSING_FINISHED": "It tells of a feed, and we send Amazon none.",
        "FULFILLMENT_ORDER_STATUS": "It tells of an order that Amazon ships for another channel "
        "(MCF), which is not done from here.",
        "ITEM_INVENTORY_EVENT_CHANGE": "It tells vendors of Amazon's own stock.",
        "LISTINGS_ITEM_MFN_QUANTITY_CHANGE": "It tells how many pieces a listing offers; our stock "
        "is counted here.",
        "REPORT_PROCESSING_FINISHED": "It tells of a report, and we ask Amazon for none.",
        "SHIPMENT_TRACKING_MILESTONE_CHANGED": "It tells of a parcel of Amazon's own carriers; we "
        "ask the carrier who took ours.",
        "TRANSACTION_UPDATE": "It tells of money between Amazon and the seller, which is not "
        "reconciled here.",
    }
)
"""Types that mean nothing to us, and why. Have the queue or its forwarder leave them out."""


class Notice(Struct, frozen=True, kw_only=True):
    """What is read of a notification; "" for what it does not say. `change` is why an order
    changed, `by_amazon` says that Amazon ships it (FBA), `cancel_asked` that its buyer wants it
    cancelled, which only the seller can do, `pending` that nothing more than its id is told of it.
    `shipped`: all of it has left."""

    type: str
    version: str
    notification_id: str
    order_id: str = ""
    change: str = ""
    seller_id: str = ""
    marketplace_id: str = ""
    by_amazon: bool = False
    cancel_asked: bool = False
    pending: bool = False
    shipped: bool = False

    @property
    def topic(self) -> str:
        """The type, with the kind of change: `ORDER_CHANGE OrderStatusChange`."""
        return f"{self.type} {self.change}".strip()[:100]


def notice_of(tree: object) -> Notice:
    """Read a notification in any of its envelopes. Raises Refused for what is none."""
    told = _unwrapped(tree)
    kind = _text(told, "NotificationType")
    about, summary = _change(told)
    order_id = _text(about, "AmazonOrderId")
    return Notice(
        type=kind,
        version=_text(told, "PayloadVersion")[:20],
        notification_id=_text(_inner(told, "NotificationMetadata"), "NotificationId"),
        order_id=order_id if kind == ORDER_CHANGE and is_order_id(order_id) else "",
        change=_text(about, "OrderChangeType") if kind == ORDER_CHANGE else "",
        seller_id=_text(about, "SellerId"),
        marketplace_id=_text(summary, "MarketplaceId"),
        by_amazon=_text(summary, "FulfillmentType") == "AFN",
        cancel_asked=_text(about, "OrderChangeType") == BUYER_ASKS and _flagged(summary),
        pending=_text(summary, "OrderStatus") in PENDING,
        shipped=_text(summary, "OrderStatus") == "Shipped"
        and summary.get("NumberOfItemsUnshipped") == 0,
    )


def kept(notice: Notice) -> Refused:
    """Return why a type of notification is kept and does nothing."""
    reason = NOT_OURS.get(notice.type)
    if reason is not None:
        return refused(
            refusals.TOPIC_NOT_OURS,
            f"{reason} Leave {notice.type} out of what is forwarded.",
        )
    return refused(
        refusals.TOPIC_UNKNOWN,
        f"The notification type {shown(notice.type)} is unknown; {ORDER_CHANGE} is read. Leave "
        "others out of what is forwarded.",
    )


def _change(told: Mapping[str, object]) -> tuple[Mapping[str, object], Mapping[str, object]]:
    about = _inner(_inner(told, "Payload"), "OrderChangeNotification")
    return about, _inner(about, "Summary")


def _flagged(summary: Mapping[str, object]) -> bool:
    items = summary.get("OrderItems")
    found = items if isinstance(items, list) else []
    return any(isinstance(one, dict) and one.get("IsBuyerRequestedCancel") is True for one in found)


def _unwrapped(tree: object) -> Mapping[str, object]:
    for _ in range(MAX_ENVELOPES + 1):
        if not isinstance(tree, dict):
            break
        if _text(tree, "NotificationType"):
            return tree
        inner = _wrapped_in(tree)
        tree = parse(inner.encode()) if isinstance(inner, str) else inner
    raise refused(
        refusals.REF_MISSING,
        "The message is not an Amazon notification: it has no NotificationType, also not in the "
        "Body of an SQS message, the Message of SNS or the detail of EventBridge. Forward each "
        "message by itself.",
    )


def _wrapped_in(tree: Mapping[str, object]) -> object:
    """Return what an envelope holds: a text of SQS (`Body`; a Lambda says `body`) or of SNS
    (`Message`), or EventBridge's `detail`."""
    for name in ("Body", "body", "Message", "detail"):
        if name in tree:
            return tree[name]
    return None


def _inner(told: Mapping[str, object], name: str) -> Mapping[str, object]:
    """Return an object inside. Amazon's newer types begin names with a small letter."""
    found = told.get(name, told.get(name[0].lower() + name[1:]))
    return found if isinstance(found, dict) else {}


def _text(told: Mapping[str, object], name: str) -> str:
    found = told.get(name, told.get(name[0].lower() + name[1:]))
    return found if isinstance(found, str) else ""
