"""What a simulated shop knows of itself: its orders, newest state, and who wants webhooks.

Told by whoever plays the shop, through `shop_control`. An order no one told of is made up when it
is asked for: one line of one piece.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from typing import Final

from ops.simulators.shapes import JsonObject, JsonValue, NotUnderstood, text
from ops.simulators.shop_access import Access
from ops.simulators.shop_goods import Goods, Need
from ops.simulators.shop_inventory import Inventory
from ops.simulators.shop_money import Tills
from ops.simulators.shop_payments import Payments
from ops.simulators.shop_statement import MAIN_LOCATION, Json, needs, stamp, statement

FAILURES: Final = 8
MAX_ORDERS: Final = 50_000
# Of orders no one told of, only what became of their goods is kept: a kilobyte each.
MAX_MADE_UP: Final = 1_000_000
MAX_OWNERS: Final = 2_000_000
MAX_SHOPS: Final = 256
# The first fulfilment order's number is its order's number and this: one is known from the other.
FULFILMENT_ORDER_OFFSET: Final = 1_000_000_000_000
_OPERATIONS: Final = (
    (b"webhookSubscription", "graphql_subscriptions"),
    (b"ordersCount", "graphql_list"),
    (b"orders(", "graphql_list"),
)
_BOUND = re.compile(r"updated_at:(>=|<=|>|<)'([^']+)'")


@dataclass(slots=True)
class Known:
    """One order as the shop has it. `order` is the payload of its newest webhook, but for what was
    fulfilled here; `locations` says where a line (by its id in digits) is fulfilled from, if not
    from the main location; `planned` is the order that `goods` were last planned for."""

    number: int
    updated_at: datetime
    order: JsonValue
    locations: dict[str, int] = field(default_factory=dict)
    goods: Goods | None = None
    planned: JsonValue = None
    edits: int = 0


@dataclass(slots=True)
class Book:
    """One shop. `is_told_of`: what happens here is sent as webhooks, too. `access`: who may call,
    and in which version it is answered. `takes_payments`: it uses Shopify Payments."""

    clock: Callable[[], float]
    next_number: Callable[[], int]
    orders: dict[int, Known] = field(default_factory=dict)
    made_up: dict[int, Goods] = field(default_factory=dict)
    owners: dict[int, int] = field(default_factory=dict)
    returns: dict[int, int] = field(default_factory=dict)
    is_told_of: bool = False
    access: Access = field(default_factory=Access)
    subscriptions: dict[str, JsonObject] = field(default_factory=dict)
    failures: dict[str, int] = field(default_factory=dict)
    made: int = 0
    tills: Tills = field(init=False)
    inventory: Inventory = field(init=False)
    payments: Payments = field(init=False)
    takes_payments: bool = True

    def __post_init__(self) -> None:
        self.tills = Tills(self.clock, self.next_number)
        self.inventory = Inventory(self.next_number)
        self.payments = Payments(self.next_number)

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
            if before is None:
                before = self.orders[number] = Known(number, when, None)
            if before.updated_at <= when:
                before.updated_at, before.order = when, one.get("order")
            places = one.get("locations")
            if isinstance(places, dict):
                before.locations |= {name: int(text(places, name)) for name in places}
        while len(self.orders) > MAX_ORDERS:
            del self.orders[next(iter(self.orders))]

    def open_return(self, told: JsonObject) -> None:
        """Take over whose order a return is of."""
        number, order = told.get("id"), told.get("order")
        if not isinstance(number, int) or not isinstance(order, int):
            raise NotUnderstood("A return has `id` and `order`.")
        while len(self.returns) >= MAX_ORDERS:
            del self.returns[next(iter(self.returns))]
        self.returns[number] = order

    def goods(self, number: int) -> Goods:
        """What became of an order's goods, brought up to date with its lines."""
        known = self.orders.get(number)
        first = number + FULFILMENT_ORDER_OFFSET
        if known is None or not isinstance(known.order, dict):
            found = self.made_up.get(number)
            if found is None:
                while len(self.made_up) >= MAX_MADE_UP:
                    del self.made_up[next(iter(self.made_up))]
                found = self.made_up[number] = Goods(partial(self._number, number))
                found.plan([Need(str(first + 2), 1, MAIN_LOCATION)], self.clock(), first)
            return found
        if known.goods is None:
            known.goods = self.made_up.pop(number, None) or Goods(partial(self._number, number))
        if known.planned is not known.order:
            if known.order.get("cancelled_at") and known.goods.cancelled_at is None:
                known.goods.cancel(self.clock())
            wanted = needs(known.order, known.goods, known.locations)
            known.goods.plan(wanted, self.clock(), first)
            known.planned = known.order
        known.goods.fall_due(self.clock())
        return known.goods

    def _number(self, order: int, named: bool) -> int:
        made = self.next_number()
        if named:
            while len(self.owners) >= MAX_OWNERS:
                del self.owners[next(iter(self.owners))]
            self.owners[made] = order
        return made

    def owner(self, number: int, *, is_fulfilment_order: bool = False) -> int | None:
        """The order that a fulfilment order or a fulfilment belongs to."""
        found = self.owners.get(number)
        if found is None and is_fulfilment_order and number >= FULFILMENT_ORDER_OFFSET:
            return number - FULFILMENT_ORDER_OFFSET
        return found

    def statement(self, number: int) -> Json | None:
        """The order as it is now; None for one no one told of."""
        known = self.orders.get(number)
        if known is None or not isinstance(known.order, dict):
            return None
        return statement(known.order, self.goods(number))

    def change(self, number: int, order: Json | None = None) -> None:
        """Take over the order after something that was done here. Its time of change goes on by a
        second at least: it has no fractions, and two statements of one second can't be told
        apart."""
        known = self.orders.get(number)
        if known is None or not isinstance(known.order, dict):
            return
        at = max(int(self.clock()), int(known.updated_at.timestamp()) + 1)
        known.updated_at = datetime.fromtimestamp(at, UTC)
        known.order = {**(order or known.order), "updated_at": stamp(at)}
        if order is None:
            known.planned = known.order

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
    """The books of all shops. `next_number` makes ids that never come twice."""

    def __init__(self, clock: Callable[[], float], next_number: Callable[[], int]) -> None:
        self._clock = clock
        self._next_number = next_number
        self._books: dict[str, Book] = {}

    def of(self, shop: str) -> Book:
        """The shop's book; a new one for a shop no one spoke of. Raises NotUnderstood at the
        bound."""
        found = self._books.get(shop)
        if found is None:
            if len(self._books) >= MAX_SHOPS:
                raise NotUnderstood(f"There are {MAX_SHOPS} shops already.")
            found = self._books[shop] = Book(self._clock, self._next_number)
        return found

    @staticmethod
    def operation(body: bytes) -> str:
        """Which of the operations here a request is; "" for none of them."""
        return next((name for mark, name in _OPERATIONS if mark in body), "")


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
