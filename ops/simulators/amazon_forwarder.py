"""The small thing that passes Amazon's notifications on, from the seller's queue to an address,
signed by Standard Webhooks. Off until it is told where to: `POST /_sim/amazon/forwarder`.
"""

from __future__ import annotations

import asyncio
import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from ops.simulators.callbacks import secret_bytes, sign
from ops.simulators.shapes import JsonObject, JsonValue, NotUnderstood, dump, number, objects, text
from ops.simulators.webhook_client import CallFailed, Target, WebhookClient

MAX_WAITING: Final = 100_000
ATTEMPTS: Final = 30
FIRST_PAUSE_SECONDS: Final = 0.1
LAST_PAUSE_SECONDS: Final = 2.0
ANSWER_SECONDS: Final = 5.0
_FORM: Final = "%Y-%m-%dT%H:%M:%S.000Z"
_STATUSES: Final = {
    "UNSHIPPED": "Unshipped", "PARTIALLY_SHIPPED": "PartiallyShipped", "SHIPPED": "Shipped",
    "CANCELLED": "Canceled", "PENDING": "Pending", "PENDING_AVAILABILITY": "PendingAvailability",
    "UNFULFILLABLE": "Unfulfillable",
}  # fmt: skip


@dataclass(slots=True, frozen=True)
class Wish:
    """Where notifications go, and how much later."""

    target: Target
    key: bytes
    delay_seconds: float
    seller_id: str


class Forwarder:
    """Sends ORDER_CHANGE until it is taken, thirty times at most."""

    def __init__(self) -> None:
        self._wish: Wish | None = None
        self._client: WebhookClient | None = None
        self._under_way: set[asyncio.Task[None]] = set()
        self.sent = self.given_up = self.lost = 0

    def wish(self, told: JsonObject | None) -> None:
        """Send from now on, or no longer. Raises NotUnderstood, and ValueError for a url that is
        none."""
        if told is None:
            self._wish = None
            return
        if not text(told, "url") or not text(told, "secret"):
            raise NotUnderstood("Give `url` and `secret`.")
        self._client = self._client or WebhookClient()
        self._wish = Wish(
            Target.parse(text(told, "url")),
            secret_bytes(text(told, "secret")),
            number(told, "delay_ms") / 1000,
            text(told, "seller_id") or "A3TH9S8BH6GOGM",
        )

    def shown(self) -> JsonObject:
        """What came of it."""
        return {
            "is_on": self._wish is not None,
            "waiting": len(self._under_way),
            "sent": self.sent,
            "given_up": self.given_up,
            "lost": self.lost,
        }

    def tell(self, order: JsonObject, change: str) -> None:
        """Pass on that an order changed; `change` is an OrderChangeType."""
        if self._wish is None:
            return
        if len(self._under_way) >= MAX_WAITING:
            self.lost += 1
            return
        raw = dump(order_change(order, change, self._wish.seller_id, time.time()))
        task = asyncio.get_running_loop().create_task(self._deliver(self._wish, raw))
        self._under_way.add(task)
        task.add_done_callback(self._under_way.discard)

    async def _deliver(self, wish: Wish, raw: bytes) -> None:
        assert self._client is not None
        await asyncio.sleep(wish.delay_seconds)
        message_id, pause = f"sqs-{uuid.uuid4()}", FIRST_PAUSE_SECONDS
        for _ in range(ATTEMPTS):
            stamp = int(time.time())
            headers = {
                "webhook-id": message_id,
                "webhook-timestamp": str(stamp),
                "webhook-signature": sign(wish.key, message_id, stamp, raw),
            }
            try:
                answer = await self._client.post(wish.target, headers, raw, ANSWER_SECONDS)
                if 200 <= answer.status < 300:
                    self.sent += 1
                    return
            except CallFailed:
                pass  # The queue hands it out again.
            await asyncio.sleep(pause)
            pause = min(2 * pause, LAST_PAUSE_SECONDS)
        self.given_up += 1

    async def close(self) -> None:
        """End what is under way."""
        for task in list(self._under_way):
            task.cancel()
        await asyncio.gather(*self._under_way, return_exceptions=True)
        if self._client is not None:
            self._client.close()


def order_change(order: JsonObject, change: str, seller: str, now: float) -> JsonObject:
    """An ORDER_CHANGE 1.0 about an order as the API tells it."""
    at = datetime.fromtimestamp(now, UTC).strftime(_FORM)
    status = _STATUSES.get(text(order, "fulfillment", "fulfillmentStatus"), "Unshipped")
    merchant = text(order, "fulfillment", "fulfilledBy") != "AMAZON"
    items: list[JsonValue] = []
    shipped = open_now = 0
    for item in objects(order, "orderItems"):
        ordered = int(number(item, "quantityOrdered"))
        done = int(number(item, "fulfillment", "quantityFulfilled"))
        left = int(number(item, "fulfillment", "quantityUnfulfilled"))
        shipped, open_now = shipped + done, open_now + left
        told = item.get("cancellation")
        asked = isinstance(told, Mapping) and bool(told.get("cancellationRequest"))
        items.append(
            {
                "OrderItemId": text(item, "orderItemId"),
                "SellerSKU": text(item, "product", "sellerSku"),
                "SupplySourceId": None,
                "OrderItemStatus": "Shipped" if done and not left else "Unshipped",
                "Quantity": ordered,
                "QuantityShipped": done,
                "IsBuyerRequestedCancel": asked,
                "ItemEarliestDeliveryDate": None,
                "ItemLatestDeliveryDate": None,
            }
        )
    nothing: dict[str, JsonValue] = dict.fromkeys(
        ("EarliestDeliveryDate", "LatestDeliveryDate", "EarliestShipDate", "LatestShipDate",
         "CancelNotifyDate", "EasyShipShipmentStatus", "ElectronicInvoiceStatus")
    )  # fmt: skip
    summary: dict[str, JsonValue] = {
        "MarketplaceId": text(order, "salesChannel", "marketplaceId"),
        "OrderStatus": status,
        "PurchaseDate": text(order, "createdTime"),
        "DestinationPostalCode": text(order, "recipient", "deliveryAddress", "postalCode"),
        "FulfillmentType": "MFN" if merchant else "AFN",
        "OrderType": "StandardOrder",
        "NumberOfItemsShipped": shipped,
        "NumberOfItemsUnshipped": open_now,
        **nothing,
        "OrderPrograms": [],
        "ShippingPrograms": [],
        "OrderItems": items,
    }
    reason = "Buyer Requested Cancel" if change == "BuyerRequestedChange" else None
    return {
        "NotificationVersion": "1.0",
        "NotificationType": "ORDER_CHANGE",
        "PayloadVersion": "1.0",
        "EventTime": at,
        "Payload": {
            "OrderChangeNotification": {
                "NotificationLevel": "OrderLevel",
                "SellerId": seller,
                "AmazonOrderId": text(order, "orderId"),
                "OrderChangeType": change,
                "OrderChangeTrigger": {"TimeOfOrderChange": at, "ChangeReason": reason},
                "Summary": summary,
            }
        },
        "NotificationMetadata": {
            "ApplicationId": "amzn1.sellerapps.app.simulated",
            "SubscriptionId": "subscription-simulated",
            "PublishTime": at,
            "NotificationId": str(uuid.uuid4()),
        },
    }
