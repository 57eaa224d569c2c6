"""BigCommerce: orders and their parts (V2), shipments, the quota of calls, and webhooks (V3).

Each store is there as soon as it is asked for. Orders are put there with `POST
/_sim/bigcommerce/HASH/orders`, whole with their parts. A repeated shipment is a second one.
"""

from __future__ import annotations

import re
from datetime import datetime
from typing import cast

from ops.simulators.bigcommerce_edits import Json, NotEditable
from ops.simulators.bigcommerce_inventory import PATHS as INVENTORY
from ops.simulators.bigcommerce_refunds import Refused
from ops.simulators.bigcommerce_store import CANCELLED, PARTS, QUOTA, Store, modified_at
from ops.simulators.partner import Call, World, json_reply
from ops.simulators.shapes import (
    JsonObject,
    JsonValue,
    NotUnderstood,
    number,
    objects,
    parse_object,
    text,
)
from ops.simulators.wire import Reply, Request

WINDOW_SECONDS = 30.0
MAX_ORDERS = 100_000
MAX_STORES = 64
MAX_PAGE = 250
"""What BigCommerce gives."""
_PATH = re.compile(r"/bigcommerce/stores/([a-z0-9]+)/(v[23]/.+)")
_ORDER = re.compile(r"v2/orders/([0-9]+)")
_PART = re.compile(rf"v2/orders/([0-9]+)/({'|'.join(PARTS)})")
_SHIPMENT = re.compile(r"v2/orders/([0-9]+)/shipments/([0-9]+)")
_REFUND = re.compile(r"v3/orders/([0-9]+)/payment_actions/(refund_quotes|refunds)")
_EDIT = re.compile(r"orders/([0-9]+)/edit")
_HOOK = re.compile(r"v3/hooks/([0-9]+)")
_HELP = "Try orders, orders/<id>/edit, habits, hooks, failed, shipments, statuses, inventory."


class BigCommerce:
    """All stores."""

    name = "bigcommerce"

    def __init__(self, world: World) -> None:
        self._world = world
        self._stores: dict[str, Store] = {}
        self._next = world.run % 1_000_000

    def recognise(self, request: Request) -> Call | None:
        match = _PATH.fullmatch(request.path)
        if match is None:
            return None
        name, path, method = match[1], match[2], request.method
        if path == "v2/store" and method == "GET":
            return Call("get_store", lambda plan: self._shop(name, request))
        if path == "v2/orders" and method == "GET":
            return Call("list_orders", lambda plan: self._list(name, request))
        if (one := _ORDER.fullmatch(path)) and method in ("GET", "PUT"):
            ref = one[1]
            if method == "PUT":
                return Call("update_order", lambda plan: self._update(name, ref, request))
            return Call("get_order", lambda plan: self._order(name, ref, request))
        if one := _PART.fullmatch(path):
            whose, part = one[1], one[2]
            if method == "GET":
                return Call("get_part", lambda plan: self._part(name, whose, part, request))
            if method == "POST" and part == "shipments":
                return Call("create_shipment", lambda plan: self._ship(name, whose, request))
        if one := _SHIPMENT.fullmatch(path):
            whose, which = one[1], int(one[2])
            names = {"GET": "get_part", "PUT": "update_shipment", "DELETE": "delete_shipment"}
            if operation := names.get(method):
                return Call(operation, lambda plan: self._shipment(name, whose, which, request))
        return self._of_v3(name, path, request)

    def _of_v3(self, name: str, path: str, request: Request) -> Call | None:
        if path == "v3/hooks" or _HOOK.fullmatch(path):
            return Call("hooks", lambda plan: self._hooks(name, path, request))
        if INVENTORY.fullmatch(path) and request.method in ("GET", "PUT"):
            return Call("inventory", lambda plan: self._inventory(name, path, request))
        one = _REFUND.fullmatch(path)
        if one is None:
            return None
        ref, what = one[1], one[2]
        names = {"GET": "list_refunds", "POST": f"create_{what[:-1]}"}
        operation = names.get(request.method)
        if operation is None or (request.method == "GET" and what != "refunds"):
            return None
        return Call(operation, lambda plan: self._refunds(name, ref, what, request))

    def failure(self, status: int, code: str, message: str) -> Reply:
        return json_reply(status, [{"status": status, "message": message}])

    def refusal(self, operation: str) -> Reply:
        if operation == "hooks":
            told: JsonObject = {"status": 422, "title": "JSON data is missing or invalid",
                                "errors": {"destination": "error.path.missing"}}  # fmt: skip
            return json_reply(422, told)
        return self.failure(400, "BadRequest", "The field 'items' is invalid.")

    def throttled(self) -> Reply:
        reply = self.failure(429, "TooManyRequests", "Too many requests.")
        reply.headers |= {
            "X-Rate-Limit-Time-Window-Ms": f"{WINDOW_SECONDS * 1000:.0f}",
            "X-Rate-Limit-Time-Reset-Ms": "500",
            "X-Rate-Limit-Requests-Quota": str(QUOTA),
            "X-Rate-Limit-Requests-Left": "0",
        }
        return reply

    async def close(self) -> None:
        """End the deliveries under way."""
        for store in self._stores.values():
            await store.hooks.close()

    def control(self, request: Request) -> Reply:
        """What a test sets and sees."""
        name, _, what = request.path.removeprefix("/_sim/bigcommerce/").partition("/")
        store = self._store(name)
        if what == "orders" and request.method == "POST":
            return self._put(store, parse_object(request.body))
        if (one := _EDIT.fullmatch(what)) and request.method == "POST":
            return self._edit(store, one[1], request)
        if what == "habits" and request.method == "POST":
            told = parse_object(request.body)
            store.quota = int(number(told, "quota")) or store.quota
            store.used, store.until = 0, 0.0
            store.ships_by_itself = told.get("ships_by_itself", store.ships_by_itself) is True
            store.weight_units = text(told, "weight_units") or store.weight_units
            store.refunds.declines = told.get("declines", store.refunds.declines) is True
            store.refunds.offline = told.get("offline", store.refunds.offline) is True
            store.token = text(told, "token") if "token" in told else store.token
            return json_reply(200, {})
        if what == "failed" and request.method == "POST":
            told = parse_object(request.body)
            store.hooks.fail(text(told, "scope"), int(number(told, "times")))
        if what == "hooks" and request.method == "DELETE":
            store.hooks.all.clear()
        if what in ("hooks", "failed"):
            shown: list[JsonValue] = [one.shown(name) for one in store.hooks.all.values()]
            return json_reply(200, {"hooks": shown, "sent": store.hooks.sent})
        if what == "inventory":
            return store.inventory.control(request)
        if what == "shipments":
            made: dict[str, JsonValue] = {
                ref: list(parts["shipments"]) for ref, parts in store.parts.items()
            }
            return json_reply(200, made)
        if what == "statuses":
            statuses = {ref: order.get("status_id") for ref, order in store.orders.items()}
            return json_reply(200, statuses)
        return json_reply(404, {"error": _HELP})

    def _edit(self, store: Store, ref: str, request: Request) -> Reply:
        if ref not in store.orders:
            return json_reply(404, {"error": f"The store has no order {ref}."})
        self._next += 100
        try:
            store.edit(ref, cast(Json, parse_object(request.body)), self._next)
        except NotEditable as error:
            return json_reply(409, {"error": str(error)})
        except (NotUnderstood, ArithmeticError, ValueError) as error:
            return json_reply(400, {"error": str(error)})
        parts: dict[str, JsonValue] = {name: list(one) for name, one in store.parts[ref].items()}
        return json_reply(200, {"order": store.orders[ref], **parts})

    def _put(self, store: Store, told: JsonObject) -> Reply:
        for bundle in objects(told, "orders"):
            if len(store.orders) >= MAX_ORDERS:
                return json_reply(507, {"error": f"There are {MAX_ORDERS} orders already."})
            ref, is_new, status_changed = store.put(bundle)
            if told.get("tell", True):
                store.news(ref, "created" if is_new else "updated")
                if status_changed and not is_new:
                    store.news(ref, "statusUpdated")
        return json_reply(200, {"orders": len(store.orders)})

    def _store(self, name: str) -> Store:
        found = self._stores.get(name)
        if found is None:
            if len(self._stores) >= MAX_STORES:
                raise NotUnderstood(f"There are {MAX_STORES} stores already.")
            found = self._stores[name] = Store(name, self._world)
        return found

    def _enter(self, name: str, request: Request) -> tuple[Store, Reply | None]:
        """The store, and why the caller may not in."""
        store = self._store(name)
        token = request.headers.get("x-auth-token")
        if not token or token.startswith("wrong") or store.token not in ("", token):
            return store, self.failure(401, "Unauthorized", "The token is missing or unknown.")
        now = self._world.clock()
        if now >= store.until:
            store.used, store.until = 0, now + WINDOW_SECONDS
        if store.used >= store.quota:
            return store, self._limited(store, self.throttled())
        store.used += 1
        return store, None

    def _limited(self, store: Store, reply: Reply) -> Reply:
        left = max(0, store.quota - store.used)
        reset = max(0.0, store.until - self._world.clock())
        reply.headers |= {
            "X-Rate-Limit-Time-Window-Ms": f"{WINDOW_SECONDS * 1000:.0f}",
            "X-Rate-Limit-Time-Reset-Ms": f"{reset * 1000:.0f}",
            "X-Rate-Limit-Requests-Quota": str(store.quota),
            "X-Rate-Limit-Requests-Left": str(left),
        }
        return reply

    def _rows(self, store: Store, rows: list[JsonObject], request: Request) -> Reply:
        given = request.params()
        page, size = int(given.get("page", "1")), min(int(given.get("limit", "50")), MAX_PAGE)
        found = rows[(page - 1) * size : page * size]
        reply = json_reply(200, list(found)) if found else Reply(204)
        return self._limited(store, reply)

    def _shop(self, name: str, request: Request) -> Reply:
        store, refused = self._enter(name, request)
        if refused is not None:
            return refused
        told: JsonObject = {"id": name, "name": "Simulated", "weight_units": store.weight_units}
        return self._limited(store, json_reply(200, told))

    def _list(self, name: str, request: Request) -> Reply:
        store, refused = self._enter(name, request)
        if refused is not None:
            return refused
        given = request.params()
        try:
            since, until = (
                datetime.fromisoformat(given[key]) if key in given else None
                for key in ("min_date_modified", "max_date_modified")
            )
        except ValueError:
            return self.failure(400, "BadRequest", "The date is invalid.")
        found = [
            one
            for one in store.orders.values()
            if (since is None or modified_at(one) >= since)
            and (until is None or modified_at(one) <= until)
        ]
        if given.get("sort", "").startswith("date_modified"):
            found.sort(key=modified_at, reverse=given["sort"].endswith(":desc"))
        return self._rows(store, list(found), request)

    def _order(self, name: str, ref: str, request: Request) -> Reply:
        store, refused = self._enter(name, request)
        if refused is not None:
            return refused
        order = store.orders.get(ref)
        if order is None:
            return self._limited(store, self._missing())
        told = {"fees": {"resource": f"/orders/{ref}/fees"}, **order}
        if "fees" not in request.params().get("include", ""):
            told["fees"] = {"resource": f"/orders/{ref}/fees"}
        return self._limited(store, json_reply(200, told))

    def _missing(self) -> Reply:
        return self.failure(404, "NotFound", "The requested resource was not found.")

    def _part(self, name: str, ref: str, part: str, request: Request) -> Reply:
        store, refused = self._enter(name, request)
        if refused is not None:
            return refused
        if ref not in store.orders:
            return self._limited(store, self._missing())
        return self._rows(store, store.parts[ref][part], request)

    def _update(self, name: str, ref: str, request: Request) -> Reply:
        store, refused = self._enter(name, request)
        if refused is not None:
            return refused
        order = store.orders.get(ref)
        if order is None:
            return self._limited(store, self._missing())
        told = parse_object(request.body)
        for field in ("staff_notes", "customer_message"):
            if field in told:
                order[field] = told[field]
        if "status_id" in told:
            before, status = order.get("status_id"), int(number(told, "status_id"))
            if status == CANCELLED != before:
                detail: JsonObject = {"status_before": before}
                self._world.ledger.record(
                    "order_cancel", "bigcommerce", ref, f"{ref}:{status}", detail
                )
            store.become(ref, status)
        store.news(ref, "updated")
        return self._limited(store, json_reply(200, order))

    def _ship(self, name: str, ref: str, request: Request) -> Reply:
        store, refused = self._enter(name, request)
        if refused is not None:
            return refused
        if ref not in store.orders:
            return self._limited(store, self._missing())
        self._next += 1
        made = store.ship(ref, self._next, parse_object(request.body))
        if isinstance(made, str):
            told = f"The field '{made}' is invalid."
            return self._limited(store, self.failure(400, "BadRequest", told))
        self._record("fulfilment", store, ref, made)
        return self._limited(store, json_reply(201, made))

    def _record(self, kind: str, store: Store, ref: str, made: JsonObject) -> None:
        skus = {text(one, "id"): text(one, "sku") for one in store.parts[ref]["products"]}
        number_of_it = text(made, "tracking_number")
        lines: list[JsonValue] = [
            {
                "line_item_id": text(item, "order_product_id"),
                "sku": skus.get(text(item, "order_product_id"), ""),
                "quantity": int(number(item, "quantity")),
            }
            for item in objects(made, "items")
        ]
        carrier = text(made, "shipping_provider") or text(made, "tracking_carrier")
        detail: JsonObject = {
            "lines": lines,
            "numbers": [number_of_it] if number_of_it else [],
            "company": carrier or text(made, "shipping_method"),
            "order_address_id": made.get("order_address_id"),
        }
        self._world.ledger.record(kind, "bigcommerce", ref, text(made, "id"), detail)

    def _shipment(self, name: str, ref: str, which: int, request: Request) -> Reply:
        store, refused = self._enter(name, request)
        if refused is not None:
            return refused
        made = store.shipment(ref, which) if ref in store.orders else None
        if made is None:
            return self._limited(store, self._missing())
        if request.method == "DELETE":
            store.unship(ref, made)
            self._record("fulfilment_cancel", store, ref, made)
            return self._limited(store, Reply(204))
        if request.method == "PUT":
            made = store.change_shipment(ref, made, parse_object(request.body))
        return self._limited(store, json_reply(200, made))

    def _refunds(self, name: str, ref: str, what: str, request: Request) -> Reply:
        store, refused = self._enter(name, request)
        if refused is not None:
            return refused
        if ref not in store.orders:
            return self._limited(store, self._missing())
        if request.method == "GET":
            shown: list[JsonValue] = list(store.refunds.of.get(ref, ()))
            return self._limited(store, json_reply(200, {"data": shown, "meta": {}}))
        self._next += 10
        try:
            told = store.refund(ref, what, parse_object(request.body), self._next)
        except Refused as error:
            no: JsonObject = {"status": 422, "title": str(error)}
            return self._limited(store, json_reply(422, no))
        if what == "refunds":
            detail = store.refund_detail(ref, told)
            reference = text(told, "reason") or f"{ref}:refund:{self._next}"
            gid = text(told, "id")
            self._world.ledger.record("refund", "bigcommerce", reference, gid, detail)
        return self._limited(store, json_reply(201, {"data": told, "meta": {}}))

    def _inventory(self, name: str, path: str, request: Request) -> Reply:
        store, refused = self._enter(name, request)
        found = refused or store.inventory.answer(path, request)
        return self._limited(store, found or self._missing())

    def _hooks(self, name: str, path: str, request: Request) -> Reply:
        store, refused = self._enter(name, request)
        if refused is not None:
            return refused
        token, hooks = request.headers["x-auth-token"], store.hooks
        if path == "v3/hooks" and request.method == "GET":
            given = request.params()
            page, size = int(given.get("page", "1")), int(given.get("limit", "50"))
            mine = [one.shown(name) for one in hooks.all.values() if one.token == token]
            told: JsonObject = {"data": mine[(page - 1) * size : page * size], "meta": {}}
            return self._limited(store, json_reply(200, told))
        if path == "v3/hooks":
            made = hooks.make(token, parse_object(request.body))
            if isinstance(made, str):
                wrong: JsonObject = {"status": 422, "title": "JSON data is missing or invalid",
                                     "errors": {made: "error.path.invalid"}}  # fmt: skip
                return self._limited(store, json_reply(422, wrong))
            return self._limited(store, json_reply(200, {"data": made.shown(name), "meta": {}}))
        hook = hooks.all.get(int(path.rpartition("/")[2]))
        if hook is None or hook.token != token:
            return self._limited(store, json_reply(404, {"status": 404, "title": "Not found"}))
        if request.method == "PUT":
            hooks.change(hook, parse_object(request.body))
        elif request.method == "DELETE":
            del hooks.all[hook.id]
        return self._limited(store, json_reply(200, {"data": hook.shown(name), "meta": {}}))
