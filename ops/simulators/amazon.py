"""Amazon's Selling Partner API: LWA tokens, orders, shipment confirmations, feeds, subscriptions.

Orders are put there with `POST /_sim/amazon/orders` and changed with `…/orders/<id>/edit`; `GET`
shows `packages`, `pickups` and `subscriptions`. A package confirmed again is edited. `GET
/_sim/amazon/calls` tells how often each order was asked for, and how many calls got a 429; `POST
/_sim/amazon/limits` gives an operation another bucket: `{"get_order": {"rate": 20, "burst": 30}}`;
`POST /_sim/amazon/forwarder` has changes told.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from typing import cast

from ops.simulators import amazon_listings
from ops.simulators.amazon_feeds import PATHS, UPLOADS, Acknowledgement, Feeds
from ops.simulators.amazon_forwarder import Forwarder
from ops.simulators.amazon_orders import (
    Json,
    Packages,
    Refused,
    cancelled,
    check_package,
    detail,
    edited,
    shown,
)
from ops.simulators.partner import Call, World, json_reply
from ops.simulators.shapes import JsonObject, JsonValue, NotUnderstood, objects, parse_object, text
from ops.simulators.wire import Reply, Request

TOKEN_SECONDS = 3600
MAX_ORDERS = 100_000
"""Some hundred megabytes; no test needs more."""
MAX_PAGE = 100
"""What Amazon gives."""
_ORDER = re.compile(r"/amazon/orders/2026-01-01/orders/([^/]+)")
_CONFIRM = re.compile(r"/amazon/orders/v0/orders/([^/]+)/shipmentConfirmation")
_PICKUP = re.compile(r"/amazon/orders/v0/orders/([^/]+)/shipment")
_EDIT = re.compile(r"orders/([^/]+)/edit")
_WRONG = re.compile(rb"(?:client_id|client_secret|refresh_token)=wrong")
_PICKUPS = ("ReadyForPickup", "PickedUp", "RefusedPickup")
_SEARCH = "/amazon/orders/2026-01-01/orders"
_SUBSCRIBED = re.compile(r"/amazon/notifications/v1/subscriptions/([A-Z_]+)")
_DESTINATIONS = "/amazon/notifications/v1/destinations"


PLANS = {
    "get_order": (0.5, 30.0), "search_orders": (0.0056, 20.0), "confirm_shipment": (2.0, 10.0),
    "update_shipment_status": (5.0, 15.0), "get_listing": (5.0, 10.0), "patch_listing": (5.0, 5.0),
}  # fmt: skip
"""Calls a second and burst of each operation with a bucket, as Amazon documents them."""


@dataclass(slots=True)
class Tokens:
    """A token bucket of one operation."""

    rate: float
    burst: float
    left: float
    at: float

    def take(self, now: float) -> bool:
        """Say whether one was left."""
        self.left = min(self.burst, self.left + (now - self.at) * self.rate)
        self.at = now
        if self.left < 1:
            return False
        self.left -= 1
        return True


class Amazon:
    """One seller account."""

    name = "amazon"

    def __init__(self, world: World) -> None:
        self._world = world
        self._orders: dict[str, JsonObject] = {}
        self._packages: dict[str, Packages] = {}
        self._pickups: dict[str, str] = {}
        self._forwarder = Forwarder()
        self._listings = amazon_listings.Listings()
        self._feeds = Feeds(world.clock, self._number, self._acknowledge)
        self._subscriptions: dict[str, JsonObject] = {}
        self._destinations: list[JsonObject] = []
        self._buckets: dict[str, Tokens] = {}
        self._asked: Counter[str] = Counter()
        self._searched = 0
        self._throttled: Counter[str] = Counter()
        self._tokens: set[str] = set()
        self._next = world.run

    def _number(self) -> int:
        self._next += 1
        return self._next

    async def close(self) -> None:
        """End the notifications under way."""
        await self._forwarder.close()

    def recognise(self, request: Request) -> Call | None:
        path, method = request.path, request.method
        if path == "/amazon/auth/o2/token" and method == "POST":
            return Call("token", lambda plan: self._token(request))
        if (match := _CONFIRM.fullmatch(path)) and method == "POST":
            ref = match[1]
            return Call("confirm_shipment", lambda plan: self._confirm(ref, request))
        if (match := _PICKUP.fullmatch(path)) and method == "POST":
            ref = match[1]
            return Call("update_shipment_status", lambda plan: self._pickup(ref, request))
        if match := PATHS.fullmatch(path):
            what, name = match[1], match[2] or ""
            return Call("feed", lambda plan: self._feed(request, what, name))
        if (match := UPLOADS.fullmatch(path)) and method in ("GET", "PUT"):
            document = match[1]
            return Call("feed", lambda plan: self._feeds.upload(request, document))
        if (match := _ORDER.fullmatch(path)) and method == "GET":
            ref = match[1]
            return Call("get_order", lambda plan: self._get(ref, request))
        if path == _SEARCH and method == "GET":
            return Call("search_orders", lambda plan: self._search(request))
        if match := _SUBSCRIBED.fullmatch(path):
            kind = match[1]
            return Call("subscription", lambda plan: self._subscription(kind, request))
        if amazon_listings.PATHS.fullmatch(path) and method in amazon_listings.OPERATIONS:
            return Call(amazon_listings.OPERATIONS[method], lambda plan: self._listed(request))
        if path == _DESTINATIONS:
            return Call("destination", lambda plan: self._destination(request))
        return None

    def failure(self, status: int, code: str, message: str) -> Reply:
        return json_reply(status, {"errors": [{"code": code, "message": message, "details": ""}]})

    def refusal(self, operation: str) -> Reply:
        if operation == "token":
            told = {"error": "invalid_grant", "error_description": "Invalid grant."}
            return json_reply(400, told)
        return self.failure(400, "InvalidInput", "Invalid Input")

    def throttled(self) -> Reply:
        return self.failure(429, "QuotaExceeded", "You exceeded your quota.")

    def control(self, request: Request) -> Reply:
        """What a test sets and sees."""
        what = request.path.removeprefix("/_sim/amazon/")
        try:
            return self._controlled(request, what)
        except Refused as error:
            return json_reply(409, {"error": str(error)})
        except (NotUnderstood, ValueError, ArithmeticError) as error:
            return json_reply(400, {"error": str(error)})

    def _controlled(self, request: Request, what: str) -> Reply:
        if what == "orders" and request.method == "POST":
            for order in objects(parse_object(request.body), "orders"):
                if len(self._orders) >= MAX_ORDERS:
                    return json_reply(507, {"error": f"There are {MAX_ORDERS} orders already."})
                self._orders[text(order, "orderId")] = order
            return json_reply(200, {"orders": len(self._orders)})
        if (match := _EDIT.fullmatch(what)) and request.method == "POST":
            return self._edit(match[1], cast(Json, parse_object(request.body)))
        if what == "forwarder":
            if request.method != "GET":
                told = parse_object(request.body) if request.method == "POST" else None
                self._forwarder.wish(told)
            return json_reply(200, self._forwarder.shown())
        if what == "subscriptions" and request.method == "DELETE":
            self._subscriptions.clear()
        if what == "listings":
            return self._listings.control(request)
        if what == "limits" and request.method == "POST":
            return self._limit(parse_object(request.body))
        if what == "tokens" and request.method == "DELETE":
            self._tokens.clear()
            return json_reply(200, {})
        found = self._seen(what)
        if found is not None:
            return json_reply(200, found)
        return json_reply(
            404,
            {
                "error": "Try orders, orders/<id>/edit, packages, pickups, forwarder,"
                " subscriptions, calls, limits, tokens, listings."
            },
        )

    def _seen(self, what: str) -> JsonObject | None:
        if what == "packages":
            return {ref: list(packages.values()) for ref, packages in self._packages.items()}
        if what == "pickups":
            return dict(self._pickups)
        if what == "subscriptions":
            return dict(self._subscriptions)
        if what == "calls":
            return {
                "get_order": dict(self._asked),
                "search_orders": self._searched,
                "throttled": dict(self._throttled),
            }
        return None

    def _edit(self, ref: str, wanted: Json) -> Reply:
        order = self._orders.get(ref)
        if order is None:
            return json_reply(404, {"error": f"There is no order {ref}."})
        now = self._world.clock()
        self._orders[ref] = edited(order, self._packages.get(ref, {}), wanted, now)
        changed = self._shown(ref)
        if changed is not None and wanted.get("tell", True) is not False:
            asked = bool(wanted.get("buyer_cancel"))
            self._forwarder.tell(changed, "BuyerRequestedChange" if asked else "OrderStatusChange")
        return json_reply(200, {"order": changed})

    def _token(self, request: Request) -> Reply:
        refresh = b"grant_type=refresh_token" in request.body and b"refresh_token=" in request.body
        own = b"grant_type=client_credentials" in request.body and b"scope=" in request.body
        if not refresh and not own:
            told = {"error": "unsupported_grant_type", "error_description": "The grant is unknown."}
            return json_reply(400, told)
        if _WRONG.search(request.body):
            told = {"error": "invalid_client", "error_description": "Client authentication failed"}
            return json_reply(401, told)
        self._next += 1
        token = f"Atza|{'own' if own else 'seller'}-{self._next}"
        self._tokens.add(token)
        told_token: JsonObject = {
            "access_token": token, "token_type": "bearer", "expires_in": TOKEN_SECONDS,
        }  # fmt: skip
        return json_reply(200, told_token)

    def _stranger(self, request: Request, *, own: bool = False) -> Reply | None:
        token = request.headers.get("x-amz-access-token", "")
        if token in self._tokens and token.startswith("Atza|own" if own else "Atza|seller"):
            return None
        return self.failure(403, "Unauthorized", "Access to requested resource is denied.")

    def _bucket(self, operation: str) -> Tokens:
        found = self._buckets.get(operation)
        if found is None:
            rate, burst = PLANS[operation]
            found = Tokens(rate, burst, burst, self._world.clock())
            self._buckets[operation] = found
        return found

    def _empty(self, operation: str) -> Reply | None:
        if self._bucket(operation).take(self._world.clock()):
            return None
        self._throttled[operation] += 1
        return self.throttled()

    def _limit(self, wanted: JsonObject) -> Reply:
        for operation, told in wanted.items():
            if operation not in PLANS or not isinstance(told, dict):
                return json_reply(400, {"error": f"Try one of {', '.join(PLANS)}."})
            rate, burst = told.get("rate"), told.get("burst")
            if not isinstance(rate, int | float) or not isinstance(burst, int | float):
                return json_reply(400, {"error": "Give rate and burst as numbers."})
            self._buckets[operation] = Tokens(rate, burst, burst, self._world.clock())
        return json_reply(200, {})

    def _shown(self, ref: str) -> JsonObject | None:
        order = self._orders.get(ref)
        return None if order is None else shown(order, self._packages.get(ref, {}))

    def _told(self, ref: str) -> None:
        changed = self._shown(ref)
        if changed is not None:
            self._forwarder.tell(changed, "OrderStatusChange")

    def _get(self, ref: str, request: Request) -> Reply:
        if reply := self._stranger(request) or self._empty("get_order"):
            return reply
        self._asked[ref] += 1
        order = self._shown(ref)
        if order is None:
            return self.failure(404, "NotFound", "The order does not exist.")
        reply = json_reply(200, {"order": order})
        reply.headers["x-amzn-RateLimit-Limit"] = f"{self._bucket('get_order').rate:g}"
        return reply

    def _listed(self, request: Request) -> Reply:
        operation = amazon_listings.OPERATIONS[request.method]
        refused = self._stranger(request) or self._empty(operation)
        return refused or self._listings.answer(request, self._number())

    def _search(self, request: Request) -> Reply:
        if reply := self._stranger(request) or self._empty("search_orders"):
            return reply
        self._searched += 1
        given = request.params()
        since, until = given.get("lastUpdatedAfter", ""), given.get("lastUpdatedBefore", "9")
        if not since:
            return self.failure(400, "InvalidInput", "lastUpdatedAfter is required.")
        found = [
            shown
            for ref in self._orders
            if (shown := self._shown(ref)) and since <= text(shown, "lastUpdatedTime") <= until
        ]
        start = int(given.get("paginationToken", "0"))
        size = min(int(given.get("maxResultsPerPage", "100")), MAX_PAGE)
        answer: dict[str, JsonValue] = {"orders": list(found[start : start + size])}
        if start + size < len(found):
            answer["pagination"] = {"nextToken": str(start + size)}
        return json_reply(200, answer)

    def _confirm(self, ref: str, request: Request) -> Reply:
        if reply := self._stranger(request) or self._empty("confirm_shipment"):
            return reply
        sent = parse_object(request.body)
        package, order = sent.get("packageDetail"), self._orders.get(ref)
        if order is None:
            return self.failure(404, "NotFound", "The order does not exist.")
        known = self._packages.get(ref, {})
        try:
            if not isinstance(package, dict) or not sent.get("marketplaceId"):
                raise Refused("packageDetail and marketplaceId are required.")
            check_package(order, known, package)
        except Refused as error:
            return self.failure(400, "InvalidInput", str(error))
        name, told = text(package, "packageReferenceId"), detail(order, package)
        # The same package again edits it. A judge takes the last entry of each id.
        if name not in known:
            self._world.ledger.record("fulfilment", "amazon", ref, name, told)
        elif told != detail(order, known[name]):
            self._world.ledger.record(
                "fulfilment", "amazon", ref, name, {**told, "edits_package": True}
            )
        self._packages[ref] = {**known, name: package}
        self._told(ref)
        return Reply(204)

    def _pickup(self, ref: str, request: Request) -> Reply:
        """updateShipmentStatus: for orders that buyers collect."""
        if reply := self._stranger(request) or self._empty("update_shipment_status"):
            return reply
        sent = parse_object(request.body)
        if text(sent, "shipmentStatus") not in _PICKUPS or not sent.get("marketplaceId"):
            return self.failure(400, "InvalidInput", f"shipmentStatus is one of {_PICKUPS}.")
        if ref not in self._orders:
            return self.failure(404, "NotFound", "The order does not exist.")
        self._pickups[ref] = text(sent, "shipmentStatus")
        return Reply(204)

    def _feed(self, request: Request, what: str, name: str) -> Reply:
        return self._stranger(request) or self._feeds.answer(request, what, name)

    def _acknowledge(self, one: Acknowledgement) -> None:
        order = self._orders.get(one.order)
        if order is None:
            raise Refused(f"There is no order {one.order}.")
        if not one.is_failure:
            return
        packages, items = self._packages.get(one.order, {}), list(one.items)
        now = self._world.clock()
        self._orders[one.order] = cancelled(order, packages, items, one.reason, "MERCHANT", now)
        told: JsonObject = {"reason": one.reason, "items": items}
        self._world.ledger.record(
            "order_cancel", "amazon", one.order, f"feed-{self._number()}", told
        )
        self._told(one.order)

    def _subscription(self, kind: str, request: Request) -> Reply:
        if reply := self._stranger(request):
            return reply
        found = self._subscriptions.get(kind)
        if request.method == "POST":
            if found is not None:
                return self.failure(409, "Conflict", "The subscription exists already.")
            self._next += 1
            wanted = parse_object(request.body)
            found = {
                "subscriptionId": f"subscription-{self._next}",
                "payloadVersion": text(wanted, "payloadVersion"),
                "destinationId": text(wanted, "destinationId"),
            }
            self._subscriptions[kind] = found
        if found is None:
            return self.failure(404, "NotFound", "There is no such subscription.")
        return json_reply(200, {"payload": found})

    def _destination(self, request: Request) -> Reply:
        if reply := self._stranger(request, own=True):
            return reply
        if request.method == "POST":
            wanted = parse_object(request.body)
            self._next += 1
            made: JsonObject = {
                "destinationId": f"destination-{self._next}",
                "name": text(wanted, "name"),
                "resource": wanted.get("resourceSpecification"),
            }
            self._destinations.append(made)
            return json_reply(200, {"payload": made})
        return json_reply(200, {"payload": list(self._destinations)})
