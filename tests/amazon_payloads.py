"""Amazon's orders and notifications as it would send them, to be changed by tests."""

from __future__ import annotations

import base64
import hmac
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

# Any: payloads as JSON, to be changed in every way.
Json = dict[str, Any]

NOW = datetime(2026, 11, 27, 12, 0, tzinfo=UTC)
REF = "902-3159896-1390916"
SPECS = Path(__file__).resolve().parents[2] / "shared" / "specs" / "amazon-sp-api"


def money(amount: str, currency: str = "EUR") -> Json:
    """Return an amount."""
    return {"amount": amount, "currencyCode": currency}


def part(kind: str, amount: str, **details: str) -> Json:
    """Return a part of the proceeds, with what it is made of by subtype."""
    found: Json = {"type": kind, "subtotal": money(amount)}
    if details:
        found["detailedBreakdowns"] = [
            {"subtype": name, "value": money(value)} for name, value in details.items()
        ]
    return found


def an_item(number: int, price: str, quantity: int, *parts: Json, **changes: object) -> Json:
    """Return an item that is not shipped yet."""
    return {
        "orderItemId": f"6882857316{number:04}",
        "quantityOrdered": quantity,
        "product": {
            "asin": f"B0000000{number:02}",
            "title": f"Thing {number}",
            "sellerSku": f"SKU-{number}",
            "price": {"unitPrice": money(price)},
        },
        "proceeds": {"breakdowns": list(parts)},
        "fulfillment": {"quantityFulfilled": 0, "quantityUnfulfilled": quantity},
        **changes,
    }


def an_order(status: str = "UNSHIPPED", **changes: object) -> Json:
    """Return an order of 2 items: 2 x 10.00 - 3.00 + 5.50, shipping 4.00 - 1.00, wrapping 2.00,
    tax 3.20, tip 1.50: 32.20."""
    return {
        "orderId": REF,
        "createdTime": "2026-11-27T10:00:00Z",
        "lastUpdatedTime": "2026-11-27T10:30:00Z",
        "salesChannel": {"channelName": "AMAZON", "marketplaceId": "A1PA6795UKMFR9"},
        "buyer": {"buyerName": "Berta Buyer", "buyerEmail": "x@marketplace.amazon.de"},
        "recipient": {
            "deliveryAddress": {
                "name": "Rita Recipient",
                "addressLine1": "Beispielweg 3",
                "city": "Hamburg",
                "postalCode": "20095",
                "countryCode": "DE",
            }
        },
        "proceeds": {"grandTotal": money("32.20"), "breakdowns": [part("DELIVERY_TIP", "1.50")]},
        "fulfillment": {
            "fulfillmentStatus": status,
            "fulfilledBy": "MERCHANT",
            "fulfillmentServiceLevel": "STANDARD",
        },
        "orderItems": [
            an_item(
                1,
                "10.00",
                2,
                part("ITEM", "20.00"),
                part("SHIPPING", "4.00"),
                part("GIFT_WRAP", "2.00"),
                part("DISCOUNT", "-4.00", ITEM="-3.00", SHIPPING="-1.00"),
                part("TAX", "3.20", ITEM="3.00", SHIPPING="0.20"),
            ),
            an_item(2, "5.50", 1, part("ITEM", "5.50")),
        ],
        **changes,
    }


def a_notification(**changes: object) -> Json:
    """Return an ORDER_CHANGE; `changes` are of its OrderChangeNotification."""
    return {
        "NotificationVersion": "1.0",
        "NotificationType": "ORDER_CHANGE",
        "PayloadVersion": "1.0",
        "EventTime": "2026-11-27T11:59:00.000Z",
        "Payload": {
            "OrderChangeNotification": {
                "NotificationLevel": "OrderLevel",
                "SellerId": "A3TH9S8BH6GOGM",
                "AmazonOrderId": REF,
                "OrderChangeType": "OrderStatusChange",
                "Summary": {"OrderStatus": "Unshipped", "FulfillmentType": "MFN"},
                **changes,
            }
        },
        "NotificationMetadata": {
            "ApplicationId": "app-1",
            "SubscriptionId": "subscription-1",
            "PublishTime": "2026-11-27T11:59:01.000Z",
            "NotificationId": "d0e9e693-c3ad-4373-979f-ed4ec98dd746",
        },
    }


SECRET = "the forwarder's secret"


def signed(
    raw: bytes, *, secret: str = SECRET, at: datetime = NOW, message_id: str = "msg-1"
) -> dict[str, str]:
    """Return the headers of a forwarder that signs by the rules of Standard Webhooks."""
    stamp = str(int(at.timestamp()))
    digest = hmac.digest(secret.encode(), f"{message_id}.{stamp}.".encode() + raw, "sha256")
    return {
        "webhook-id": message_id,
        "webhook-timestamp": stamp,
        "webhook-signature": f"v1,{base64.b64encode(digest).decode()}",
    }


def description(name: str) -> Json:
    """Return an official description; skips the test where the folder is missing."""
    path = SPECS / name
    if not path.is_file():
        pytest.skip(f"The official description {name} is not on this machine.")
    found: Json = json.loads(path.read_text())
    return found


def sample_orders() -> list[Json]:
    """Return every order in the official description of the Orders API."""
    found: list[Json] = []
    left: list[object] = [description("orders_2026-01-01.json")["paths"]]
    while left:
        one = left.pop()
        if isinstance(one, dict):
            if isinstance(one.get("orderId"), str) and "orderItems" in one:
                found.append(one)
            else:
                left += one.values()
        elif isinstance(one, list):
            left += one
    return found
