"""The part of Shopify's Admin GraphQL that an order's way needs.

An operation is recognised by its text, and whole objects are answered, whatever was selected; but
for an order asked for with its lines (`shop_asked`), which is answered field by field.
https://shopify.dev/docs/api/admin-graphql/2026-10
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from ops.simulators.faults import Plan
from ops.simulators.partner import Call, World, json_reply
from ops.simulators.shapes import JsonObject, JsonValue, parse_object, text
from ops.simulators.shop_asked import Asked
from ops.simulators.shop_book import Books
from ops.simulators.wire import Reply, Request

# A fulfilment order's number is its order's number and this: one is known from the other.
FULFILMENT_ORDER_OFFSET: Final = 1_000_000_000_000
_GID = re.compile(r"gid://shopify/(\w+)/(\d+)")
_IDEMPOTENT = re.compile(r"@idempotent\s*\(\s*key\s*:\s*(?:\$(\w+)|\"([^\"]*)\")")
_BUCKET: Final[JsonObject] = {
    "maximumAvailable": 20000.0,
    "currentlyAvailable": 19990,
    "restoreRate": 1000.0,
}
_EMPTY_BUCKET: Final[JsonObject] = {
    "maximumAvailable": 20000.0,
    "currentlyAvailable": 2,
    "restoreRate": 1000.0,
}


@dataclass(slots=True)
class Fulfilment:
    """One fulfilment of one order."""

    number: int
    order: int
    tracking: list[JsonObject]
    created_at: float


def _find_gid(value: JsonValue, kind: str) -> int | None:
    """The first id of that kind, anywhere inside the value."""
    if isinstance(value, str):
        for match in _GID.finditer(value):
            if match[1] == kind:
                return int(match[2])
        return None
    inner: list[JsonValue] = []
    if isinstance(value, Mapping):
        inner = list(value.values())
    elif isinstance(value, list):
        inner = value
    for item in inner:
        found = _find_gid(item, kind)
        if found is not None:
            return found
    return None


def _find_key(value: JsonValue, key: str) -> JsonValue:
    """What stands under the key, anywhere inside the value."""
    if isinstance(value, Mapping):
        if key in value:
            return value[key]
        inner = list(value.values())
    elif isinstance(value, list):
        inner = value
    else:
        return None
    for item in inner:
        found = _find_key(item, key)
        if found is not None:
            return found
    return None


def _tracking(info: JsonValue) -> list[JsonObject]:
    if not isinstance(info, Mapping):
        return []
    company: JsonValue = text(info, "company") or None
    numbers, urls = info.get("numbers"), info.get("urls")
    if not isinstance(numbers, list):
        numbers, urls = [info.get("number")], [info.get("url")]
    if not isinstance(urls, list):
        urls = []
    return [
        {"number": number, "url": urls[index] if index < len(urls) else None, "company": company}
        for index, number in enumerate(numbers)
        if number
    ]


def _alias(query: str, name: str) -> str:
    match = re.search(rf"(\w+)\s*:\s*{name}\b", query)
    return match[1] if match else name


def _connection(nodes: list[JsonObject]) -> JsonObject:
    return {
        "nodes": nodes,
        "edges": [{"node": node, "cursor": text(node, "id")} for node in nodes],
        "pageInfo": {
            "hasNextPage": False,
            "hasPreviousPage": False,
            "startCursor": None,
            "endCursor": None,
        },
    }


class Shopify:
    """Any number of shops. Any order's id is known; its fulfilment order is made up from it."""

    name = "storefront"

    def __init__(self, world: World) -> None:
        self._world = world
        self._fulfilments: dict[tuple[str, int], list[Fulfilment]] = {}
        self._refunds: dict[tuple[str, str], JsonObject] = {}
        self._next = world.run * 1000
        self.books = Books(world.clock)
        self._asked = Asked(self.books, lambda shop, order: (shop, order) in self._fulfilments)

    def recognise(self, request: Request) -> Call | None:
        parts = request.segments()[1:]
        if len(parts) != 5 or parts[1:3] != ["admin", "api"] or parts[4] != "graphql.json":
            return None
        if request.method != "POST":
            return None
        shop = parts[0]
        if b"fulfillmentCreate" in request.body:
            return Call("fulfillment_create", lambda plan: self._fulfil(shop, request, plan))
        if b"refundCreate" in request.body:
            return Call("refund_create", lambda plan: self._refund(shop, request, plan))
        operation = self.books.operation(request.body)
        if operation:
            return Call(operation, lambda plan: self._from_book(shop, request))
        if self._asked.concerns(request.body):
            return Call("graphql_fetch", lambda plan: self._fetch(shop, request))
        return Call("graphql_order", lambda plan: self._order(shop, request))

    def failure(self, status: int, code: str, message: str) -> Reply:
        if status == 401:
            message = "[API] Invalid API key or access token (unrecognized login or wrong password)"
        return json_reply(status, {"errors": message})

    def refusal(self, operation: str) -> Reply:
        if operation == "graphql_order":
            return self._answer({"order": None})
        if operation in ("graphql_list", "graphql_subscriptions"):
            return self._mistake("Access denied.", "ACCESS_DENIED")
        if operation == "graphql_fetch":
            return self._mistake(
                "This app is not approved to access the Customer object. See https://shopify.dev/"
                "docs/apps/launch/protected-customer-data for more details.",
                "ACCESS_DENIED",
            )
        errors: JsonValue = [
            {"field": ["fulfillment"], "message": "Fulfillment order does not exist."}
        ]
        if operation == "refund_create":
            errors = [{"field": None, "message": "Refund amount exceeds the refundable amount."}]
            return self._answer(
                {"refundCreate": {"refund": None, "order": None, "userErrors": errors}}
            )
        return self._answer({"fulfillmentCreate": {"fulfillment": None, "userErrors": errors}})

    def throttled(self) -> Reply:
        extensions = {
            "code": "THROTTLED",
            "documentation": "https://shopify.dev/api/usage/rate-limits",
        }
        return json_reply(
            200,
            {
                "errors": [{"message": "Throttled", "extensions": extensions}],
                "extensions": {
                    "cost": {
                        "requestedQueryCost": 10,
                        "actualQueryCost": None,
                        "throttleStatus": _EMPTY_BUCKET,
                    }
                },
            },
        )

    @staticmethod
    def _answer(data: JsonObject) -> Reply:
        cost: JsonValue = {
            "requestedQueryCost": 10,
            "actualQueryCost": 10,
            "throttleStatus": _BUCKET,
        }
        return json_reply(200, {"data": data, "extensions": {"cost": cost}})

    def _mistake(self, message: str, code: str) -> Reply:
        return json_reply(200, {"errors": [{"message": message, "extensions": {"code": code}}]})

    def _stranger(self, request: Request) -> Reply | None:
        if request.headers.get("x-shopify-access-token"):
            return None
        return self.failure(401, "Unauthorized", "")

    def _from_book(self, shop: str, request: Request) -> Reply:
        if stranger := self._stranger(request):
            return stranger
        return self._answer(self.books.of(shop).answer(parse_object(request.body)))

    def _fetch(self, shop: str, request: Request) -> Reply:
        return self._stranger(request) or self._asked.answer(shop, request)

    def _order(self, shop: str, request: Request) -> Reply:
        if stranger := self._stranger(request):
            return stranger
        sent = parse_object(request.body)
        query = text(sent, "query")
        order = _find_gid(sent.get("variables"), "Order")
        if order is None:
            order = _find_gid(query, "Order")
        if order is None:
            return self._mistake("This simulator answers only order(id: …).", "undefinedField")
        return self._answer({_alias(query, "order"): self._order_json(shop, order)})

    def _order_json(self, shop: str, order: int) -> JsonObject:
        done = self._fulfilments.get((shop, order), [])
        at = self._stamp(self._world.clock())
        fulfilments = [self._fulfilment_json(fulfilment) for fulfilment in done]
        return {
            "id": f"gid://shopify/Order/{order}",
            "legacyResourceId": str(order),
            "name": f"#{order % 1_000_000}",
            "createdAt": at,
            "updatedAt": at,
            "cancelledAt": None,
            "displayFulfillmentStatus": "FULFILLED" if done else "UNFULFILLED",
            "displayFinancialStatus": "PAID",
            "fulfillmentOrders": _connection([self._fulfilment_order_json(shop, order)]),
            "fulfillments": fulfilments,
        }

    def _fulfilment_order_json(self, shop: str, order: int) -> JsonObject:
        done = (shop, order) in self._fulfilments
        number = order + FULFILMENT_ORDER_OFFSET
        line: JsonObject = {
            "id": f"gid://shopify/FulfillmentOrderLineItem/{number + 1}",
            "totalQuantity": 1,
            "remainingQuantity": 0 if done else 1,
            "productTitle": "Simulated product",
            "sku": "SKU-001",
            "lineItem": {"id": f"gid://shopify/LineItem/{number + 2}"},
        }
        at = self._stamp(self._world.clock())
        return {
            "id": f"gid://shopify/FulfillmentOrder/{number}",
            "orderId": f"gid://shopify/Order/{order}",
            "orderName": f"#{order % 1_000_000}",
            "status": "CLOSED" if done else "OPEN",
            "requestStatus": "UNSUBMITTED",
            "createdAt": at,
            "updatedAt": at,
            "fulfillmentHolds": [],
            "supportedActions": [] if done else [{"action": "CREATE_FULFILLMENT"}],
            "lineItems": _connection([line]),
        }

    def _fulfilment_json(self, fulfilment: Fulfilment) -> JsonObject:
        at = self._stamp(fulfilment.created_at)
        return {
            "id": f"gid://shopify/Fulfillment/{fulfilment.number}",
            "legacyResourceId": str(fulfilment.number),
            "name": f"#{fulfilment.order % 1_000_000}.1",
            "status": "SUCCESS",
            "displayStatus": "FULFILLED",
            "createdAt": at,
            "updatedAt": at,
            "totalQuantity": 1,
            "trackingInfo": fulfilment.tracking,
            "order": {"id": f"gid://shopify/Order/{fulfilment.order}"},
        }

    @staticmethod
    def _stamp(seconds: float) -> str:
        return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")

    def _fulfil(self, shop: str, request: Request, plan: Plan) -> Reply:
        if stranger := self._stranger(request):
            return stranger
        sent = parse_object(request.body)
        query, variables = text(sent, "query"), sent.get("variables")
        name = _alias(query, "fulfillmentCreate")
        number = _find_gid(variables, "FulfillmentOrder") or _find_gid(query, "FulfillmentOrder")
        if number is None or number < FULFILMENT_ORDER_OFFSET:
            message = "Fulfillment order does not exist."
            error: JsonValue = {"field": ["fulfillment"], "message": message}
            return self._answer({name: {"fulfillment": None, "userErrors": [error]}})
        order = number - FULFILMENT_ORDER_OFFSET
        if (shop, order) in self._fulfilments and not plan.ignore_idempotency:
            message = f"Fulfillment order {number} has an unfulfillable status= closed."
            error = {"field": ["fulfillment"], "message": message}
            return self._answer({name: {"fulfillment": None, "userErrors": [error]}})
        tracking = _tracking(_find_key(variables, "trackingInfo"))
        fulfilment = Fulfilment(self._next, order, tracking, self._world.clock())
        self._next += 1
        self._world.ledger.record(
            "fulfilment",
            self.name,
            f"gid://shopify/Order/{order}",
            f"gid://shopify/Fulfillment/{fulfilment.number}",
        )
        self._fulfilments.setdefault((shop, order), []).append(fulfilment)
        return self._answer(
            {name: {"fulfillment": self._fulfilment_json(fulfilment), "userErrors": []}}
        )

    def _refund(self, shop: str, request: Request, plan: Plan) -> Reply:
        if stranger := self._stranger(request):
            return stranger
        sent = parse_object(request.body)
        query, variables = text(sent, "query"), sent.get("variables")
        key = _IDEMPOTENT.search(query)
        if key is None:
            # Required at run time since 2026-04, although the schema doesn't show it as required.
            return self._mistake(
                "The @idempotent directive is required for this mutation.", "BAD_REQUEST"
            )
        given = key[2] or text(variables, key[1] or "")
        before = self._refunds.get((shop, given))
        name = _alias(query, "refundCreate")
        if before is not None and not plan.ignore_idempotency:
            return self._answer({name: before})
        order = _find_gid(variables, "Order") or _find_gid(query, "Order")
        if order is None:
            error: JsonValue = {"field": ["orderId"], "message": "Order does not exist"}
            return self._answer({name: {"refund": None, "order": None, "userErrors": [error]}})
        refund_id = f"gid://shopify/Refund/{self._next}"
        self._next += 1
        order_id = f"gid://shopify/Order/{order}"
        self._world.ledger.record("refund", self.name, order_id, refund_id)
        at = self._stamp(self._world.clock())
        made: JsonObject = {
            "refund": {
                "id": refund_id,
                "legacyResourceId": refund_id.rpartition("/")[2],
                "createdAt": at,
                "updatedAt": at,
            },
            "order": {"id": order_id},
            "userErrors": [],
        }
        self._refunds[(shop, given)] = made
        return self._answer({name: made})
