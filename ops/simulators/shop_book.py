"""What a simulated shop knows of itself: its orders, newest state, and who wants webhooks.

Told by whoever plays the shop: `POST /_sim/shops/<shop>/orders` with a list of
`{"id", "updated_at", "order"}`, `POST …/failed` with the topic of a webhook no one took (after
FAILURES the subscription is deleted, as Shopify does), `DELETE …/subscriptions` (`?topic=`), `GET`
of both.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final

from ops.simulators.partner import json_reply
from ops.simulators.shapes import JsonObject, JsonValue, NotUnderstood, parse_object, text
from ops.simulators.wire import Reply, Request

FAILURES: Final = 8
MAX_ORDERS: Final = 50_000
_OPERATIONS: Final = (
    (b"webhookSubscription", "graphql_subscriptions"),
    (b"ordersCount", "graphql_list"),
    (b"orders(", "graphql_list"),
)
_BOUND = re.compile(r"updated_at:(>=|<=|>|<)'([^']+)'")


@dataclass(slots=True)
class Known:
    """One order as the shop has it. `order` is the payload of its newest webhook."""

    number: int
    updated_at: datetime
    order: JsonValue


@dataclass(slots=True)
class Book:
    """One shop."""

    clock: Callable[[], float]
    orders: dict[int, Known] = field(default_factory=dict)
    subscriptions: dict[str, JsonObject] = field(default_factory=dict)
    failures: dict[str, int] = field(default_factory=dict)
    made: int = 0

    def answer(self, sent: JsonObject) -> JsonObject:
        """The `data` of one operation."""
        query, variables = text(sent, "query"), sent.get("variables")
        given = variables if isinstance(variables, dict) else {}
        if "webhookSubscriptionCreate" in query:
            return {"webhookSubscriptionCreate": self._subscribe(given)}
        if "webhookSubscriptionUpdate" in query:
            return {"webhookSubscriptionUpdate": self._change(given)}
        if "webhookSubscriptions" in query:
            nodes = list(self.subscriptions.values())
            return {"webhookSubscriptions": _page(nodes, given, lambda node: text(node, "id"))}
        found = self._changed(text(given, "query"))
        if "ordersCount" in query:
            return {"ordersCount": {"count": len(found), "precision": "EXACT"}}
        shown: list[JsonObject] = [
            {
                "id": f"gid://shopify/Order/{one.number}",
                "legacyResourceId": str(one.number),
                "updatedAt": _stamp(one.updated_at),
            }
            for one in found
        ]
        return {"orders": _page(shown, given, lambda node: text(node, "legacyResourceId"))}

    def _changed(self, query: str) -> list[Known]:
        bounds = [(sign, datetime.fromisoformat(when)) for sign, when in _BOUND.findall(query)]
        found = [one for one in self.orders.values() if all(_within(one, *b) for b in bounds)]
        return sorted(found, key=lambda one: (one.updated_at, one.number))

    def _subscribe(self, given: JsonObject) -> JsonObject:
        topic, wanted = text(given, "topic"), given.get("wanted")
        uri = text(wanted, "uri") if isinstance(wanted, dict) else ""
        taken = any(
            one["topic"] == topic and one["uri"] == uri for one in self.subscriptions.values()
        )
        if taken or not uri or not topic:
            words = "Address for this topic has already been taken" if taken else "Address is blank"
            error: JsonValue = {"field": ["webhookSubscription", "uri"], "message": words}
            return {"webhookSubscription": None, "userErrors": [error]}
        self.made += 1
        gid = f"gid://shopify/WebhookSubscription/{self.made}"
        self.subscriptions[gid] = {
            "id": gid,
            "topic": topic,
            "uri": uri,
            "format": "JSON",
            "filter": None,
            "includeFields": [],
            "apiVersion": {"handle": "2026-10"},
        }
        self.failures.pop(topic, None)
        return {"webhookSubscription": {"id": gid}, "userErrors": []}

    def _change(self, given: JsonObject) -> JsonObject:
        found, wanted = self.subscriptions.get(text(given, "id")), given.get("wanted")
        if found is None or not isinstance(wanted, dict):
            error: JsonValue = {"field": ["id"], "message": "Webhook subscription does not exist"}
            return {"webhookSubscription": None, "userErrors": [error]}
        changed = {name: wanted[name] for name in ("uri", "includeFields") if name in wanted}
        gid, cut = text(given, "id"), text(wanted, "filter") or None
        self.subscriptions[gid] = {**found, **changed, "filter": cut}
        return {"webhookSubscription": {"id": found["id"]}, "userErrors": []}

    def tell(self, told: JsonObject) -> None:
        """Take over the newest state of some orders."""
        listed = told.get("orders")
        for one in listed if isinstance(listed, list) else []:
            if not isinstance(one, dict):
                raise NotUnderstood("Each of `orders` must be an object.")
            number, when = one.get("id"), datetime.fromisoformat(text(one, "updated_at"))
            if not isinstance(number, int):
                raise NotUnderstood("Each of `orders` needs `id` and `updated_at`.")
            before = self.orders.get(number)
            if before is None or before.updated_at <= when:
                self.orders[number] = Known(number, when, one.get("order"))
        while len(self.orders) > MAX_ORDERS:
            del self.orders[next(iter(self.orders))]

    def failed(self, topic: str) -> None:
        """A webhook was given up: after some, the topic's subscriptions are deleted."""
        name = topic.replace("/", "_").upper()
        self.failures[name] = self.failures.get(name, 0) + 1
        if self.failures[name] >= FAILURES:
            self.unsubscribe(name)

    def unsubscribe(self, topic: str) -> None:
        """Delete a topic's subscriptions; "" deletes all."""
        self.subscriptions = {
            gid: one for gid, one in self.subscriptions.items() if topic and one["topic"] != topic
        }


class Books:
    """The books of all shops, and the way to write in them."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._books: dict[str, Book] = {}

    def of(self, shop: str) -> Book:
        """The shop's book; a new one for a shop no one spoke of."""
        return self._books.setdefault(shop, Book(self._clock))

    @staticmethod
    def operation(body: bytes) -> str:
        """Which of the operations here a request is; "" for none of them."""
        return next((name for mark, name in _OPERATIONS if mark in body), "")

    def control(self, request: Request) -> Reply:
        """Answer /_sim/shops/<shop>/…"""
        parts = request.segments()
        if len(parts) != 4:
            return json_reply(404, {"error": "Try /_sim/shops/<shop>/orders or …/subscriptions."})
        book, what = self.of(parts[2]), (request.method, parts[3])
        try:
            if what == ("POST", "orders"):
                book.tell(parse_object(request.body))
            elif what == ("POST", "failed"):
                book.failed(text(parse_object(request.body), "topic"))
            elif what == ("DELETE", "subscriptions"):
                book.unsubscribe(request.params().get("topic", ""))
            elif what[0] != "GET":
                return json_reply(404, {"error": f"There is nothing at {request.path}."})
        except (NotUnderstood, ValueError) as error:
            return json_reply(400, {"error": str(error)})
        orders: list[JsonValue] = list(book.orders)
        subscriptions: list[JsonValue] = list(book.subscriptions.values())
        return json_reply(200, {"orders": orders, "subscriptions": subscriptions})


def _page(
    nodes: list[JsonObject], given: JsonObject, mark: Callable[[JsonObject], str]
) -> JsonObject:
    first, after = given.get("first"), text(given, "after")
    size = first if isinstance(first, int) else 50
    marks = [mark(node) for node in nodes]
    begin = marks.index(after) + 1 if after in marks else 0
    shown: list[JsonValue] = list(nodes[begin : begin + size])
    more = begin + size < len(nodes)
    end: JsonValue = marks[begin + size - 1] if more else None
    return {"nodes": shown, "pageInfo": {"hasNextPage": more, "endCursor": end}}


def _within(one: Known, sign: str, bound: datetime) -> bool:
    at = one.updated_at
    return {">=": at >= bound, "<=": at <= bound, ">": at > bound, "<": at < bound}[sign]


def _stamp(when: datetime) -> str:
    return when.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
