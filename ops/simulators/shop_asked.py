"""Questions about one order to a simulated shop: answered field by field, at Shopify's price.

A query costs points beforehand, and gets back what it did not need. One that may cost more than
1,000, or more than the bucket holds, is not answered. Only whole orders are charged: what every
fulfilment has to ask is asked hundreds of times a second in a bench.
https://shopify.dev/docs/api/usage/limits
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from ops.simulators.graphql import Json, Mistake, Query, objects_in
from ops.simulators.partner import json_reply
from ops.simulators.shapes import JsonObject, JsonValue, parse_object, text
from ops.simulators.shop_book import Book, Books
from ops.simulators.shop_graphql import line_nodes
from ops.simulators.shop_nodes import (
    around,
    fulfilment_node,
    fulfilment_order_node,
    location_node,
    order_node,
)
from ops.simulators.shop_refunded import refunded
from ops.simulators.shop_statement import LOCATIONS
from ops.simulators.wire import Reply, Request

MAX_COST: Final = 1_000
MAXIMUM: Final = 20_000.0
RESTORED: Final = 1_000.0
_GID = re.compile(r"gid://shopify/(\w+)/(\d+)")


@dataclass(slots=True)
class _Bucket:
    """The points of one shop; Shopify Plus has so many."""

    left: float = MAXIMUM
    at: float = 0.0

    def fill(self, now: float) -> None:
        self.left = min(MAXIMUM, self.left + RESTORED * (now - self.at))
        self.at = now

    def status(self) -> JsonObject:
        return {
            "maximumAvailable": MAXIMUM,
            "currentlyAvailable": int(self.left),
            "restoreRate": RESTORED,
        }


def digits_of(gid: str, kind: str) -> int:
    """The number of a global id. Raises Mistake for one of another kind."""
    match = _GID.fullmatch(gid)
    if match is None or match[1] != kind:
        raise Mistake(f"Invalid global id '{gid}'", "argumentLiteralsIncompatible")
    return int(match[2])


class Asked:
    """Answers queries about one order, one fulfilment order or one fulfilment."""

    def __init__(self, books: Books, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._books = books
        self._monotonic = monotonic
        self._buckets: dict[str, _Bucket] = {}

    @staticmethod
    def wants_whole(body: bytes) -> bool:
        """Whether a request is about a whole order with its lines, which the book must have."""
        if b"nodes(ids" in body:
            return True
        return b"order(id" in body and b"lineItems(" in body and b"fulfillmentOrders" not in body

    def answer(self, shop: str, request: Request, *, whole: bool) -> Reply:
        """The reply, whatever it is. `whole`: see `wants_whole`; an order no one told of is null
        then, and otherwise made up."""
        sent = parse_object(request.body)
        given, book = sent.get("variables"), self._books.of(shop)
        bucket = self._buckets.setdefault(shop, _Bucket())
        bucket.fill(self._monotonic())
        cost = 0
        try:
            query = Query(text(sent, "query"), given if isinstance(given, dict) else {})
            cost = query.cost()
            if cost > MAX_COST:
                raise Mistake(
                    f"Query cost is {cost}, which exceeds the single query max cost limit"
                    f" ({MAX_COST}).",
                    "MAX_COST_EXCEEDED",
                )
            data = query.answer(self._root(book, whole=whole))
            if whole and cost > bucket.left:
                raise Mistake("Throttled", "THROTTLED")
        except Mistake as error:
            mistake: JsonValue = {"message": str(error), "extensions": error.extensions}
            price = {"requestedQueryCost": cost, "actualQueryCost": None} if cost else {}
            told = {**price, "throttleStatus": bucket.status()}
            return json_reply(200, {"errors": [mistake], "extensions": {"cost": told}})
        actual = objects_in(data) if whole else cost
        if whole:
            bucket.left -= actual
        told = {
            "requestedQueryCost": cost,
            "actualQueryCost": actual,
            "throttleStatus": bucket.status(),
        }
        return json_reply(200, {"data": data, "extensions": {"cost": told}})

    def _root(self, book: Book, *, whole: bool) -> Json:
        def order(given: Json) -> Json | None:
            number = digits_of(str(given.get("id", "")), "Order")
            if whole and book.statement(number) is None:
                return None
            return order_node(around(book, number))

        def fulfilment_order(given: Json) -> Json | None:
            number = digits_of(str(given.get("id", "")), "FulfillmentOrder")
            owner = book.owner(number, is_fulfilment_order=True)
            if owner is None:
                return None
            it = around(book, owner)
            found = (one for one in it.goods.orders if one.number == number)
            return next((fulfilment_order_node(it, one) for one in found), None)

        def fulfilment(given: Json) -> Json | None:
            number = digits_of(str(given.get("id", "")), "Fulfillment")
            owner = book.owner(number)
            if owner is None:
                return None
            it = around(book, owner)
            found = it.goods.fulfilment(number)
            return None if found is None else fulfilment_node(it, found)

        def returned(given: Json) -> Json | None:
            number = digits_of(str(given.get("id", "")), "Return")
            owner = book.returns.get(number)
            if owner is None:
                return None
            return {
                "__typename": "Return",
                "id": f"gid://shopify/Return/{number}",
                "order": lambda given: order_node(around(book, owner)),
            }

        def nodes(given: Json) -> list[Json | None]:
            return _nodes(book, [str(one) for one in given.get("ids", ())])

        return {
            "__typename": "QueryRoot",
            "shop": lambda given: {
                "__typename": "Shop", "id": "gid://shopify/Shop/1", "name": "A simulated shop",
            },
            "currentAppInstallation": lambda given: {
                "__typename": "AppInstallation",
                "id": "gid://shopify/AppInstallation/1",
                "accessScopes": [
                    {"__typename": "AccessScope", "handle": one, "description": one}
                    for one in book.access.granted()
                ],
            },
            "order": order,
            "fulfillmentOrder": fulfilment_order,
            "fulfillment": fulfilment,
            "return": returned,
            "refund": lambda given: refunded(book, str(given.get("id"))),
            "nodes": nodes,
            "job": lambda given: {"__typename": "Job", "id": given.get("id"), "done": True},
            "locations": lambda given: {
                "__typename": "LocationConnection",
                "nodes": [location_node(number) for number in LOCATIONS],
                "pageInfo": {
                    "__typename": "PageInfo", "hasNextPage": False, "endCursor": None,
                },
            },
        }  # fmt: skip


def _nodes(book: Book, ids: list[str]) -> list[Json | None]:
    found: dict[str, Json] = {}
    for known in book.orders.values():
        if isinstance(known.order, dict):
            lines = line_nodes(dict(known.order), ids)
            found |= {one["id"]: one for one in lines if one is not None}
    return [found.get(one) for one in ids]
