"""Fulfilment orders and fulfilments as Shopify's Admin GraphQL tells them (2026-10)."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from ops.simulators.graphql import Mistake, Resolver
from ops.simulators.shop_book import Book
from ops.simulators.shop_goods import (
    FULFILLABLE,
    LIVE,
    MANUAL,
    TAKEN,
    Fulfilment,
    FulfilmentOrder,
    Goods,
    Piece,
    Refusal,
)
from ops.simulators.shop_graphql import connection, line_node, order_json, refund_shape
from ops.simulators.shop_money import Till, Tills, bag_of, transaction_node
from ops.simulators.shop_refunds import suggested
from ops.simulators.shop_statement import (
    LOCATIONS,
    Json,
    has_begun,
    line_id,
    open_quantity,
    utc,
)

_NO_ADDRESS: Final = dict.fromkeys(("address1", "address2", "city", "phone", "province", "zip"))


@dataclass(slots=True, frozen=True)
class Around:
    """An order with everything that is told around its goods. `stated` is None for an order no one
    told of."""

    number: int
    goods: Goods
    stated: Json | None
    clock: float
    edits: int = 0
    tills: Tills | None = None

    @property
    def gid(self) -> str:
        return f"gid://shopify/Order/{self.number}"

    @property
    def name(self) -> str:
        return str(self.stated["name"]) if self.stated else f"#{self.number % 1_000_000}"

    def line(self, name: str) -> Json:
        """One of its lines as GraphQL tells it."""
        for line in self.stated["line_items"] if self.stated else ():
            if line_id(line) == name:
                return line_node(line, [])
        left = 1 - self.goods.fulfilled(name)
        return {
            "__typename": "LineItem",
            "id": f"gid://shopify/LineItem/{name}",
            "title": "Simulated product",
            "name": "Simulated product",
            "sku": "SKU-001",
            "quantity": 1,
            "currentQuantity": 0 if self.goods.cancelled_at else 1,
            "unfulfilledQuantity": 0 if self.goods.cancelled_at else left,
            "requiresShipping": True,
        }


def around(book: Book, number: int) -> Around:
    """The order with that number, known or made up."""
    known = book.orders.get(number)
    return Around(
        number,
        book.goods(number),
        book.statement(number),
        book.clock(),
        0 if known is None else known.edits,
        book.tills,
    )


def order_node(it: Around) -> Json:
    """The Order; one that no one told of has the fields that its fulfilment needs."""
    more: Json = {
        "displayFulfillmentStatus": _status(it),
        "fulfillable": any(one.status in FULFILLABLE for one in it.goods.orders),
        "edited": bool(it.edits),
        "cancellation": None,
        "fulfillments": lambda given: [fulfilment_node(it, one) for one in it.goods.fulfilments][
            : given.get("first")
        ],
        "fulfillmentsCount": {"__typename": "Count", "count": len(it.goods.fulfilments)},
        "fulfillmentOrders": connection(
            "FulfillmentOrder",
            lambda: [fulfilment_order_node(it, one) for one in it.goods.orders],
        ),
    }
    if it.stated is not None:
        more["transactions"] = lambda given: _transactions(it)[: given.get("first")]
        more |= _refunds(it)
        if it.stated["cancelled_at"]:
            more["cancellation"] = {"__typename": "OrderCancellation", "staffNote": None}
        return order_json(it.stated, more)
    lines = [piece.line for one in it.goods.orders for piece in one.pieces]
    at = utc(it.clock)
    return {
        "__typename": "Order",
        "id": it.gid,
        "legacyResourceId": str(it.number),
        "name": it.name,
        "createdAt": at,
        "updatedAt": at,
        "cancelledAt": utc(it.goods.cancelled_at) if it.goods.cancelled_at else None,
        "displayFinancialStatus": "PAID",
        "closed": False,
        "tags": [],
        "note": None,
        "lineItems": connection(
            "LineItem", lambda: [it.line(name) for name in dict.fromkeys(lines)]
        ),
        **more,
    }


def _status(it: Around) -> str:
    if it.stated is not None:
        begun = has_begun(it.stated, it.goods)
        left = sum(open_quantity(line) for line in it.stated["line_items"])
    else:
        begun = bool(it.goods.standing())
        left = sum(one.remaining for one in it.goods.orders)
    if begun:
        return "PARTIALLY_FULFILLED" if left else "FULFILLED"
    live = [one for one in it.goods.orders if one.status in LIVE]
    if live and all(one.status == "ON_HOLD" for one in live):
        return "ON_HOLD"
    if live and all(one.status == "SCHEDULED" for one in live):
        return "SCHEDULED"
    return "UNFULFILLED"


def _list(nodes: list[Json]) -> Resolver:
    return lambda given: nodes[: given.get("first")]


def location_node(number: int, service: str = MANUAL) -> Json:
    """The Location."""
    name = LOCATIONS.get(number, service if service != MANUAL else f"Location {number}")
    return {
        "__typename": "Location",
        "id": f"gid://shopify/Location/{number}",
        "legacyResourceId": str(number),
        "name": name,
        "isActive": True,
        "isFulfillmentService": service != MANUAL,
        "fulfillmentService": None
        if service == MANUAL
        else {
            "__typename": "FulfillmentService",
            "handle": service,
            "serviceName": service,
        },
        "fulfillsOnlineOrders": True,
    }


def _actions(one: FulfilmentOrder) -> list[str]:
    if one.status == "ON_HOLD":
        return ["RELEASE_HOLD", "HOLD", "MOVE"]
    if one.status == "SCHEDULED":
        return ["MARK_AS_OPEN"]
    if one.status not in FULFILLABLE:
        return []
    if one.request == "CANCELLATION_REQUESTED":
        return ["CANCEL_FULFILLMENT_ORDER", "CREATE_FULFILLMENT"]
    if one.request in TAKEN:
        return ["CREATE_FULFILLMENT", "REQUEST_CANCELLATION"]
    if one.service != MANUAL:
        return ["REQUEST_FULFILLMENT", "HOLD", "MOVE"]
    found = ["CREATE_FULFILLMENT", "REPORT_PROGRESS", "MOVE", "HOLD"]
    return [*found, "SPLIT"] if one.remaining > 1 else found


def _transactions(it: Around) -> list[Json]:
    if it.stated is None or it.tills is None:
        return []
    till = it.tills.of(it.number, it.stated)
    return [transaction_node(till, one, it.stated) for one in till.transactions]


def _refunds(it: Around) -> Json:
    """The fields about money that was given back, or can be."""
    stated, tills = it.stated, it.tills
    if stated is None or tills is None:
        return {}
    till = tills.of(it.number, stated)
    return {
        "refundable": till.refundable() > 0,
        "totalReceivedSet": bag_of(till.received(), till.currency, stated),
        "totalRefundedSet": bag_of(till.refunded(), till.currency, stated),
        "suggestedRefund": lambda given: _suggested(stated, till, given),
        "refunds": lambda given: [refund_node(it, one) for one in stated["refunds"]][
            : given.get("first")
        ],
    }


def _suggested(stated: Json, till: Till, given: Json) -> Json:
    try:
        return suggested(stated, till, given)
    except Refusal as error:
        raise Mistake(error.message, "BAD_USER_INPUT") from error


def refund_node(it: Around, one: Json) -> Json:
    """The Refund, as an order and refunds/create carry it."""
    currency = "" if it.stated is None else str(it.stated["presentment_currency"])
    paid = [
        {
            "__typename": "OrderTransaction",
            "id": x["admin_graphql_api_id"],
            "kind": "REFUND",
            "status": x["status"].upper(),
            "amountSet": bag_of(Decimal(x["amount"]), currency, it.stated or {}),
        }
        for x in one.get("transactions") or []
    ]
    return {
        **refund_shape(one),
        "id": one.get("admin_graphql_api_id") or f"gid://shopify/Refund/{one.get('id')}",
        "legacyResourceId": str(one.get("id")),
        "note": one.get("note"),
        "transactions": {"__typename": "OrderTransactionConnection", "nodes": paid},
    }


def fulfilment_order_node(it: Around, one: FulfilmentOrder) -> Json:
    """The FulfillmentOrder."""
    location, at = location_node(one.location, one.service), utc(one.at)
    begun = [
        made for made in it.goods.fulfilments
        if any(part.fulfilment_order == one.number for part in made.parts)
    ]  # fmt: skip
    return {
        "__typename": "FulfillmentOrder",
        "id": f"gid://shopify/FulfillmentOrder/{one.number}",
        "order": lambda given: order_node(it),
        "orderId": it.gid,
        "orderName": it.name,
        "orderProcessedAt": at,
        "status": one.status,
        "requestStatus": one.request,
        "createdAt": at,
        "updatedAt": at,
        "fulfillAt": at if one.fulfil_at is None else utc(one.fulfil_at),
        "fulfillBy": None,
        "supportedActions": [
            {"__typename": "FulfillmentOrderSupportedAction", "action": name, "externalUrl": None}
            for name in _actions(one)
        ],
        "fulfillmentHolds": [
            {
                "__typename": "FulfillmentHold",
                "id": f"gid://shopify/FulfillmentHold/{hold.number}",
                "displayReason": hold.notes or hold.reason.replace("_", " ").capitalize(),
                "reason": hold.reason,
                "reasonNotes": hold.notes or None,
                "handle": hold.handle or None,
                "heldByRequestingApp": bool(hold.handle),
            }
            for hold in one.holds
        ],
        "assignedLocation": {
            "__typename": "FulfillmentOrderAssignedLocation",
            **_NO_ADDRESS,
            "countryCode": "US",
            "name": location["name"],
            "location": location,
        },
        "deliveryMethod": {
            "__typename": "DeliveryMethod",
            "id": f"gid://shopify/DeliveryMethod/{one.number}",
            "methodType": one.method,
            "presentedName": None,
            "serviceCode": None,
            "minDeliveryDateTime": None,
            "maxDeliveryDateTime": None,
        },
        "destination": lambda given: _destination(it, one),
        "lineItems": connection(
            "FulfillmentOrderLineItem", lambda: [_piece(it, piece) for piece in one.pieces]
        ),
        "fulfillments": connection(
            "Fulfillment", lambda: [fulfilment_node(it, made) for made in begun]
        ),
    }


def _destination(it: Around, one: FulfilmentOrder) -> Json | None:
    address = (it.stated or {}).get("shipping_address")
    if not address:
        return None
    return {
        "__typename": "FulfillmentOrderDestination",
        "id": f"gid://shopify/FulfillmentOrderDestination/{one.number}",
        "firstName": address["first_name"],
        "lastName": address["last_name"],
        "countryCode": address["country_code"],
        "email": it.stated["email"] if it.stated else None,
        **{name: address[name] for name in (*_NO_ADDRESS, "company")},
    }


def _piece(it: Around, piece: Piece) -> Json:
    line = it.line(piece.line)
    return {
        "__typename": "FulfillmentOrderLineItem",
        "id": f"gid://shopify/FulfillmentOrderLineItem/{piece.number}",
        "totalQuantity": piece.total,
        "remainingQuantity": piece.remaining,
        "productTitle": line["title"],
        "variantTitle": line.get("variantTitle"),
        "sku": line["sku"],
        "vendor": line.get("vendor"),
        "requiresShipping": line["requiresShipping"],
        "weight": line.get("weight"),
        "warnings": [],
        "lineItem": line,
    }


def fulfilment_node(it: Around, one: Fulfilment) -> Json:
    """The Fulfillment."""
    stands = one.status == "SUCCESS"
    numbers, urls = one.tracking.numbers, one.tracking.urls
    tracked = [
        {
            "__typename": "FulfillmentTrackingInfo",
            "company": one.tracking.company or None,
            "number": numbers[at] if at < len(numbers) else None,
            "url": urls[at] if at < len(urls) else None,
        }
        for at in range(max(len(numbers), len(urls)))
    ]

    def lines() -> list[Json]:
        return [
            {
                "__typename": "FulfillmentLineItem",
                "id": f"gid://shopify/FulfillmentLineItem/{one.number}{at:03d}",
                "quantity": part.quantity,
                "lineItem": it.line(part.line),
            }
            for at, part in enumerate(one.parts, 1)
        ]

    def orders() -> list[Json]:
        named = {part.fulfilment_order for part in one.parts}
        return [fulfilment_order_node(it, x) for x in it.goods.orders if x.number in named]

    return {
        "__typename": "Fulfillment",
        "id": f"gid://shopify/Fulfillment/{one.number}",
        "legacyResourceId": str(one.number),
        "name": f"{it.name}.{one.index}",
        "status": one.status,
        "displayStatus": "FULFILLED" if stands else "CANCELED",
        "createdAt": utc(one.at),
        "updatedAt": utc(one.updated_at),
        "deliveredAt": None,
        "inTransitAt": None,
        "estimatedDeliveryAt": None,
        "requiresShipping": True,
        "totalQuantity": sum(part.quantity for part in one.parts),
        "trackingInfo": _list(tracked),
        "location": location_node(one.location),
        "order": lambda given: order_node(it),
        "fulfillmentLineItems": connection("FulfillmentLineItem", lines),
        "fulfillmentOrders": connection("FulfillmentOrder", orders),
    }
