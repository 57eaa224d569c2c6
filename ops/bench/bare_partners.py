"""The bare loop's calls: prebuilt bodies of the adapters' sizes, with the reference filled in."""

from __future__ import annotations

import asyncio
import base64
import json
from types import TracebackType
from typing import Any, Protocol

import aiohttp
import aiosmtplib

SMTP_CONNECTIONS = 16
CONNECTIONS = 128

JSON_HEADERS = {
    "Authorization": "Bearer bench",
    "Content-Type": "application/json",
    "Accept": "application/json",
    "User-Agent": "orderwright-bench",
}
UPS_HEADERS = {**JSON_HEADERS, "transactionSrc": "orderwright-bench"}
SHOP_HEADERS = {**JSON_HEADERS, "X-Shopify-Access-Token": "bench"}

_ADDRESS = {
    "name": "Steve Shipper",
    "company": "",
    "lines": ["123 Shipping Street", "Apt 4"],
    "city": "Shippington",
    "region": "KY",
    "postal_code": "40003",
    "country": "US",
    "phone": "5025550123",
}

SALES_ORDER = json.dumps(
    {
        "externalDocumentNumber": "@REF@",
        "orderDate": "2026-11-27",
        "customerNumber": "WEB-US",
        "currencyCode": "USD",
        "shipToName": "Steve Shipper",
        "shipToContact": "Steve Shipper",
        "shipToAddressLine1": "123 Shipping Street",
        "shipToAddressLine2": "Apt 4",
        "shipToCity": "Shippington",
        "shipToState": "KY",
        "shipToPostCode": "40003",
        "shipToCountry": "US",
        "email": "steve.shipper@example.com",
        "phoneNumber": "5025550123",
        "salesOrderLines": [
            {
                "lineType": "Item",
                "lineObjectNumber": f"SKU-{number:03d}",
                "description": "A thing of middling name",
                "quantity": 2,
                "unitPrice": 12.5,
            }
            for number in range(3)
        ],
    },
    separators=(",", ":"),
).encode()

TASK = json.dumps(
    {
        "reference": "@REF@",
        "fulfilment": "F1",
        "channel": "acme-us",
        "order_ref": "@GID@",
        "order_number": "@NUMBER@",
        "place": "main",
        "delivery": "parcel",
        "labels": "ours",
        "ship_to": _ADDRESS,
        "lines": [
            {"line_id": f"1{n:013d}", "sku": f"SKU-{n:03d}", "title": "A thing", "quantity": 2}
            for n in range(3)
        ],
        "label_url": "http://127.0.0.1:1/labels/1.@REF@.F1.1798466275.HAW7uXkrjP5aSSiZQqJao-wA",
        "callback_url": "@CALLBACK@",
        "shipping_method": "Standard",
    },
    separators=(",", ":"),
).encode()

_UPS_ADDRESS = {
    "AddressLine": ["123 Shipping Street", "Apt 4"],
    "City": "Shippington",
    "CountryCode": "US",
    "StateProvinceCode": "KY",
    "PostalCode": "40003",
}

SHIP = json.dumps(
    {
        "ShipmentRequest": {
            "Request": {
                "RequestOption": "nonvalidate",
                "TransactionReference": {"CustomerContext": "@REF@"},
            },
            "Shipment": {
                "Description": "A thing, a thing, a thing",
                "Shipper": {
                    "Name": "Acme",
                    "AttentionName": "Acme",
                    "ShipperNumber": "A1B2C3",
                    "Phone": {"Number": "5025550100"},
                    "Address": _UPS_ADDRESS,
                },
                "ShipTo": {
                    "Name": "Steve Shipper",
                    "AttentionName": "Steve Shipper",
                    "Address": _UPS_ADDRESS,
                    "Phone": {"Number": "5025550123"},
                },
                "PaymentInformation": {
                    "ShipmentCharge": [{"Type": "01", "BillShipper": {"AccountNumber": "A1B2C3"}}]
                },
                "Service": {"Code": "03"},
                "Package": [
                    {
                        "Packaging": {"Code": "02"},
                        "PackageWeight": {"UnitOfMeasurement": {"Code": "LBS"}, "Weight": "2.0"},
                        "Dimensions": {
                            "UnitOfMeasurement": {"Code": "IN"},
                            "Length": "12",
                            "Width": "8",
                            "Height": "5",
                        },
                        "ReferenceNumber": [{"Value": "@REF@"}, {"Value": "@NUMBER@"}],
                    }
                ],
            },
            "LabelSpecification": {
                "LabelImageFormat": {"Code": "ZPL"},
                "LabelStockSize": {"Height": "6", "Width": "4"},
            },
        }
    },
    separators=(",", ":"),
).encode()

STATE = json.dumps(
    {
        "query": "query FulfilmentState($id: ID!) { order(id: $id) { id cancelledAt"
        " fulfillments(first: 50) { id status trackingInfo(first: 3) { number } }"
        " fulfillmentOrders(first: 5) { nodes { id status supportedActions { action }"
        " fulfillmentHolds { displayReason } assignedLocation { location { id } }"
        " lineItems(first: 50) { nodes { id remainingQuantity"
        " lineItem { id quantity currentQuantity } } pageInfo { hasNextPage endCursor } } }"
        " pageInfo { hasNextPage endCursor } } } }",
        "variables": {"id": "@GID@"},
    },
    separators=(",", ":"),
).encode()

CREATE = json.dumps(
    {
        "query": "mutation PublishFulfilment($fulfillment: FulfillmentInput!) {"
        " fulfillmentCreate(fulfillment: $fulfillment) {"
        " fulfillment { id status trackingInfo(first: 20) { number } }"
        " userErrors { field message } } }",
        "variables": {
            "fulfillment": {
                "lineItemsByFulfillmentOrder": [{"fulfillmentOrderId": "@OPEN@"}],
                "notifyCustomer": False,
                "trackingInfo": {
                    "company": "UPS",
                    "number": "@TRACKING@",
                    "url": "https://www.ups.com/track?tracknum=@TRACKING@",
                },
            }
        },
    },
    separators=(",", ":"),
).encode()

MESSAGE = (
    b"From: Acme <shop@acme.example>\r\nTo: <steve.shipper@example.com>\r\n"
    b"Subject: Your order @NUMBER@ is confirmed\r\nDate: Fri, 27 Nov 2026 12:00:00 +0000\r\n"
    b"Message-ID: <@REF@@acme.example>\r\nX-Orderwright-Reference: @REF@.order_confirmed\r\n"
    b"Auto-Submitted: auto-generated\r\nMIME-Version: 1.0\r\n"
    b"Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 7bit\r\n\r\n"
    b"Hello Steve Shipper,\r\n\r\nthank you for your order @NUMBER@ at Acme. We are preparing it"
    b" now.\r\n\r\n2 x A thing: 25.00 USD\r\n2 x A thing: 25.00 USD\r\n2 x A thing: 25.00 USD\r\n"
    b"\r\nTotal: 80.00 USD\r\n\r\nYou can answer this mail if anything is wrong.\r\n\r\nAcme\r\n"
)


class Order(Protocol):
    """What the calls say of an order."""

    @property
    def id(self) -> str: ...
    @property
    def reference(self) -> str: ...
    @property
    def gid(self) -> str: ...
    @property
    def number(self) -> str: ...


class Unexpected(Exception):
    """A partner gave an unexpected answer."""


class Partners:
    """The simulated partners, as a context manager."""

    def __init__(self, base_url: str, smtp_port: int, callback_url: str) -> None:
        self._base = base_url
        self._smtp_port = smtp_port
        self._task = TASK.replace(b"@CALLBACK@", callback_url.encode())
        self._smtp: asyncio.Queue[aiosmtplib.SMTP] = asyncio.Queue()
        self._orders_url = f"{base_url}/bc/api/v2.0/companies(bench)/salesOrders"
        self._tasks_url = f"{base_url}/warehouse/v2/tasks"
        self._ship_url = f"{base_url}/ups/api/shipments/v2409/ship"
        self._track_url = f"{base_url}/ups/api/track/v1/details/"
        self._shop_url = f"{base_url}/shopify/acme-us.myshopify.com/admin/api/2026-10/graphql.json"

    async def __aenter__(self) -> Partners:
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0, limit_per_host=CONNECTIONS)
        )
        for _ in range(SMTP_CONNECTIONS):
            smtp = aiosmtplib.SMTP(hostname="127.0.0.1", port=self._smtp_port, start_tls=False)
            await smtp.connect()
            self._smtp.put_nowait(smtp)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._session.close()
        while not self._smtp.empty():
            self._smtp.get_nowait().close()

    async def post_sales_order(self, order: Order) -> str:
        """Return the ERP's number of the order."""
        body = SALES_ORDER.replace(b"@REF@", order.reference.encode())
        return str((await self._call("POST", self._orders_url, JSON_HEADERS, body))["number"])

    async def create_task(self, order: Order) -> str:
        """Return the warehouse's id of the task."""
        body = (
            self._task.replace(b"@REF@", order.reference.encode())
            .replace(b"@GID@", order.gid.encode())
            .replace(b"@NUMBER@", order.number.encode())
        )
        headers = {**JSON_HEADERS, "Idempotency-Key": f"{order.reference}-3"}
        return str((await self._call("POST", self._tasks_url, headers, body))["task_id"])

    async def buy_label(self, order: Order) -> tuple[str, bytes]:
        """Return the tracking number and the label's picture."""
        body = SHIP.replace(b"@REF@", order.reference.encode()).replace(
            b"@NUMBER@", order.number.encode()
        )
        headers = {**UPS_HEADERS, "transId": order.id}
        answer = await self._call("POST", self._ship_url, headers, body)
        found = answer["ShipmentResponse"]["ShipmentResults"]
        label = found["PackageResults"][0]["ShippingLabel"]["GraphicImage"]
        return found["ShipmentIdentificationNumber"], base64.b64decode(label)

    async def track(self, order: Order, tracking: str) -> str:
        """Return the type of the parcel's status; D is delivered."""
        headers = {**UPS_HEADERS, "transId": order.id}
        answer = await self._call("GET", self._track_url + tracking, headers, None)
        shipment = answer["trackResponse"]["shipment"][0]
        return str(shipment["package"][0]["currentStatus"]["type"])

    async def publish(self, order: Order, tracking: str) -> str:
        """Read the open fulfilment orders, fulfil them, and return the fulfilment's id."""
        body = STATE.replace(b"@GID@", order.gid.encode())
        answer = await self._call("POST", self._shop_url, SHOP_HEADERS, body)
        still_open = answer["data"]["order"]["fulfillmentOrders"]["nodes"][0]["id"]
        body = CREATE.replace(b"@OPEN@", still_open.encode()).replace(
            b"@TRACKING@", tracking.encode()
        )
        answer = await self._call("POST", self._shop_url, SHOP_HEADERS, body)
        return str(answer["data"]["fulfillmentCreate"]["fulfillment"]["id"])

    async def send_mail(self, order: Order) -> None:
        """Send the mail over a kept connection."""
        message = MESSAGE.replace(b"@REF@", order.reference.encode()).replace(
            b"@NUMBER@", order.number.encode()
        )
        smtp = await self._smtp.get()
        try:
            await smtp.sendmail("shop@acme.example", ["steve.shipper@example.com"], message)
        finally:
            self._smtp.put_nowait(smtp)

    async def _call(
        self, method: str, url: str, headers: dict[str, str], body: bytes | None
    ) -> dict[str, Any]:
        async with self._session.request(method, url, data=body, headers=headers) as response:
            raw = await response.read()
            if response.status >= 300:
                raise Unexpected(f"{method} {url} was answered with {response.status}: {raw!r}")
            answer: dict[str, Any] = json.loads(raw)
            return answer
