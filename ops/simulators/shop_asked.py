"""Whoever asks a simulated shop for a whole order: from its book, at Shopify's price.

A query costs points beforehand, and gets back what it did not need. One that may cost more than
1,000, or more than the bucket holds, is not answered.
https://shopify.dev/docs/api/usage/limits
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from ops.simulators.graphql import Json, Mistake, Query, objects_in
from ops.simulators.partner import json_reply
from ops.simulators.shapes import JsonObject, JsonValue, parse_object, text
from ops.simulators.shop_book import Books
from ops.simulators.shop_graphql import line_nodes, order_json
from ops.simulators.wire import Reply, Request

MAX_COST: Final = 1_000
MAXIMUM: Final = 20_000.0
RESTORED: Final = 1_000.0
_ORDER: Final = "gid://shopify/Order/"


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


class Asked:
    """Answers `order(id:)` and `nodes(ids:)`. `fulfilled` says whether all of an order has left."""

    def __init__(
        self,
        books: Books,
        fulfilled: Callable[[str, int], bool],
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._books = books
        self._fulfilled = fulfilled
        self._monotonic = monotonic
        self._buckets: dict[str, _Bucket] = {}

    @staticmethod
    def concerns(body: bytes) -> bool:
        """Whether a request is one of these."""
        if b"nodes(ids" in body:
            return True
        return b"order(id" in body and b"lineItems(" in body and b"fulfillmentOrders" not in body

    def answer(self, shop: str, request: Request) -> Reply:
        """The reply, whatever it is."""
        sent = parse_object(request.body)
        given = sent.get("variables")
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
            if cost > bucket.left:
                raise Mistake("Throttled", "THROTTLED")
            data = query.answer(self._root(shop))
        except Mistake as error:
            mistake: JsonValue = {"message": str(error), "extensions": error.extensions}
            price = {"requestedQueryCost": cost, "actualQueryCost": None} if cost else {}
            told = {**price, "throttleStatus": bucket.status()}
            return json_reply(200, {"errors": [mistake], "extensions": {"cost": told}})
        actual = objects_in(data)
        bucket.left -= actual
        told = {
            "requestedQueryCost": cost,
            "actualQueryCost": actual,
            "throttleStatus": bucket.status(),
        }
        return json_reply(200, {"data": data, "extensions": {"cost": told}})

    def _root(self, shop: str) -> Json:
        def order(given: Json) -> Json | None:
            return self._order(shop, str(given.get("id", "")))

        def nodes(given: Json) -> list[Json | None]:
            return self._nodes(shop, [str(one) for one in given.get("ids", ())])

        return {"__typename": "QueryRoot", "order": order, "nodes": nodes}

    def _order(self, shop: str, gid: str) -> Json | None:
        digits = gid.removeprefix(_ORDER)
        if not gid.startswith(_ORDER) or not digits.isdigit():
            raise Mistake(f"Invalid global id '{gid}'", "argumentLiteralsIncompatible")
        known = self._books.of(shop).orders.get(int(digits))
        if known is None or not isinstance(known.order, dict):
            return None
        return order_json(dict(known.order), fulfilled=self._fulfilled(shop, int(digits)))

    def _nodes(self, shop: str, ids: list[str]) -> list[Json | None]:
        found: dict[str, Json] = {}
        for known in self._books.of(shop).orders.values():
            if isinstance(known.order, dict):
                lines = line_nodes(dict(known.order), ids)
                found |= {one["id"]: one for one in lines if one is not None}
        return [found.get(one) for one in ids]
