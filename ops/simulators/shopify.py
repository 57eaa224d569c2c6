"""The part of Shopify's Admin GraphQL that an order's way needs.

An operation is recognised by its text. What concerns one order is answered field by field; lists of
orders, subscriptions and refunds are answered whole, whatever was selected.
https://shopify.dev/docs/api/admin-graphql/2026-10
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from ops.simulators.faults import Plan
from ops.simulators.graphql import Field, Mistake, Query
from ops.simulators.partner import Call, World, json_reply
from ops.simulators.shapes import JsonObject, JsonValue, NotUnderstood, parse_object, text
from ops.simulators.shop_access import is_version
from ops.simulators.shop_asked import Asked, digits_of
from ops.simulators.shop_book import Books
from ops.simulators.shop_control import ShopControl
from ops.simulators.shop_doings import Doings
from ops.simulators.shop_echo import Echo
from ops.simulators.shop_edit import NotEditable
from ops.simulators.shop_goods import MISSING_WORDS, Refusal
from ops.simulators.shop_inventory import query_of
from ops.simulators.shop_listed import answer as listed
from ops.simulators.shop_listed import wants_lists
from ops.simulators.shop_mutations import Mutations, idempotency_key, named
from ops.simulators.shop_refusals import OPERATIONS, refused
from ops.simulators.wire import Reply, Request

MAX_REFUNDS: Final = 1_000_000
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
_MUTATIONS: Final = {operation: name for name, operation in OPERATIONS.items()}


@dataclass(slots=True, frozen=True)
class Shop:
    """What belongs to one shop."""

    control: ShopControl
    echo: Echo
    mutations: Mutations


class Shopify:
    """Any number of shops. Any order's id is known; its fulfilment order is made up from it."""

    name = "storefront"

    def __init__(self, world: World) -> None:
        self._world = world
        self._refunds: dict[tuple[str, str], JsonObject] = {}
        self._next = world.run * 1000
        self._shops: dict[str, Shop] = {}
        self.books = Books(world.clock, self._number)
        self._asked = Asked(self.books)

    def _number(self) -> int:
        self._next += 1
        return self._next

    def _shop(self, name: str) -> Shop:
        found = self._shops.get(name)
        if found is None:
            book = self.books.of(name)
            doings = Doings(book, self._number)
            echo = Echo(name, book, self._world.clock, self._number())
            found = self._shops[name] = Shop(
                ShopControl(book, doings, echo, self._number),
                echo,
                Mutations(doings, self._world.ledger, self._number, echo.tell),
            )
        return found

    def control(self, request: Request) -> Reply:
        """Answer /_sim/shops/<shop>/…"""
        parts = request.segments()
        if len(parts) < 4:
            return json_reply(404, {"error": "Try /_sim/shops/<shop>/orders or …/subscriptions."})
        try:
            shop = self._shop(parts[2])
        except NotUnderstood as error:
            return json_reply(400, {"error": str(error)})
        return shop.control.answer(request, "/".join(parts[3:]))

    async def close(self) -> None:
        """End the webhooks under way."""
        for shop in self._shops.values():
            await shop.echo.close()

    def recognise(self, request: Request) -> Call | None:
        parts = request.segments()[1:]
        if request.method == "POST" and parts[1:] == ["admin", "oauth", "access_token"]:
            return Call("token", lambda plan: self._grant(parts[0], request))
        if len(parts) != 5 or parts[1:3] != ["admin", "api"] or parts[4] != "graphql.json":
            return None
        if request.method != "POST" or not is_version(parts[3]):
            return None
        call = self._operation(parts[0], request)
        return Call(call.operation, lambda plan: self._admitted(parts[0], request, call, plan))

    def _operation(self, shop: str, request: Request) -> Call:
        body = request.body
        if mutation := named(body):
            return Call(OPERATIONS[mutation], lambda plan: self._change(shop, request, plan))
        if b"refundCreate" in body:
            return Call("refund_create", lambda plan: self._refund(shop, request, plan))
        if b"inventoryItems(" in body:
            return Call("graphql_inventory", lambda plan: self._look(shop, request))
        if wants_lists(body):
            return Call("graphql_books", lambda plan: self._list(shop, request))
        if operation := self.books.operation(body):
            return Call(operation, lambda plan: self._from_book(shop, request))
        whole = self._asked.wants_whole(body)
        name = "graphql_fetch" if whole else "graphql_order"
        return Call(name, lambda plan: self._fetch(shop, request, whole=whole))

    def failure(self, status: int, code: str, message: str) -> Reply:
        if status == 401:
            message = "[API] Invalid API key or access token (unrecognized login or wrong password)"
        return json_reply(status, {"errors": message})

    def refusal(self, operation: str) -> Reply:
        if operation == "graphql_order":
            return self._answer({"order": None})
        if operation in (
            "graphql_list",
            "graphql_subscriptions",
            "graphql_inventory",
            "graphql_books",
        ):
            return self._mistake("Access denied.", "ACCESS_DENIED")
        if operation == "graphql_fetch":
            return self._mistake(
                "This app is not approved to access the Customer object. See https://shopify.dev/"
                "docs/apps/launch/protected-customer-data for more details.",
                "ACCESS_DENIED",
            )
        if operation == "refund_create":
            errors = [{"field": None, "message": "Refund amount exceeds the refundable amount."}]
            return self._answer(
                {"refundCreate": {"refund": None, "order": None, "userErrors": errors}}
            )
        name = _MUTATIONS[operation]
        return self._answer({name: refused(name, Refusal(MISSING_WORDS, ["fulfillment"]))})

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

    def _grant(self, shop: str, request: Request) -> Reply:
        access = self.books.of(shop).access
        return access.grant(request.body, self._world.clock(), str(self._number()))

    def _admitted(self, shop: str, request: Request, call: Call, plan: Plan) -> Reply:
        """Answer whom the shop knows what it lets them do, in the version it speaks."""
        access, now = self.books.of(shop).access, self._world.clock()
        if not access.admits(request.headers.get("x-shopify-access-token", ""), now):
            return self.failure(401, "Unauthorized", "")
        denied = access.denied(call.operation)
        reply = self._mistake(denied, "ACCESS_DENIED") if denied else call.act(plan)
        reply.headers["X-Shopify-API-Version"] = access.version or request.segments()[4]
        return reply

    def _from_book(self, shop: str, request: Request) -> Reply:
        return self._answer(self.books.of(shop).answer(parse_object(request.body)))

    def _look(self, shop: str, request: Request) -> Reply:
        try:
            return self._answer(query_of(self.books.of(shop).inventory, self._query(request)))
        except Mistake as error:
            return self._mistake(str(error), str(error.extensions["code"]))

    def _list(self, shop: str, request: Request) -> Reply:
        try:
            data, cost = listed(self.books.of(shop), self._query(request))
        except Mistake as error:
            return self._mistake(str(error), str(error.extensions["code"]))
        reply: JsonValue = {
            "requestedQueryCost": cost,
            "actualQueryCost": cost,
            "throttleStatus": _BUCKET,
        }
        return json_reply(200, {"data": data, "extensions": {"cost": reply}})

    def _fetch(self, shop: str, request: Request, *, whole: bool) -> Reply:
        return self._asked.answer(shop, request, whole=whole)

    def _change(self, shop: str, request: Request, plan: Plan) -> Reply:
        try:
            query = self._query(request)
            mutations = self._shop(shop).mutations
            return self._answer(mutations.answer(query, again=plan.ignore_idempotency))
        except Mistake as error:
            mistake: JsonValue = {"message": str(error), "extensions": error.extensions}
            return json_reply(200, {"errors": [mistake]})

    @staticmethod
    def _query(request: Request) -> Query:
        sent = parse_object(request.body)
        variables = sent.get("variables")
        return Query(text(sent, "query"), variables if isinstance(variables, dict) else {})

    def _refund(self, shop: str, request: Request, plan: Plan) -> Reply:
        try:
            query = self._query(request)
            field = next((one for one in query.fields if one.name == "refundCreate"), Field())
            return self._answer({field.key: self._refunded(shop, query, field, plan)})
        except Mistake as error:
            return self._mistake(str(error), str(error.extensions["code"]))

    def _refunded(self, shop: str, query: Query, field: Field, plan: Plan) -> JsonObject:
        key = idempotency_key(query, field)
        if key is None:
            # Required at run time since 2026-04, although the schema doesn't show it as required.
            raise Mistake("The @idempotent directive is required for this mutation.", "BAD_REQUEST")
        before = self._refunds.get((shop, key))
        if before is not None and not plan.ignore_idempotency:
            return before
        wish = query.value(field.given.get("input")) or {}
        gid = str(wish.get("orderId") or "")
        if not gid:
            error: JsonValue = {"field": ["orderId"], "message": "Order does not exist"}
            return {"refund": None, "order": None, "userErrors": [error]}
        digits_of(gid, "Order")
        try:
            told: JsonObject = self._shop(shop).mutations.refund(wish)
            return self._kept_refund(shop, key, told)
        except Refusal as error:
            no: JsonValue = {"field": error.at, "message": error.message}
            return {"refund": None, "order": None, "userErrors": [no]}
        except NotEditable:
            pass  # an order that no one told of: what it comes to is not known here
        refund_id = f"gid://shopify/Refund/{self._number()}"
        self._world.ledger.record("refund", self.name, gid, refund_id)
        now = datetime.fromtimestamp(self._world.clock(), UTC)
        at = now.strftime("%Y-%m-%dT%H:%M:%SZ")
        made: JsonObject = {
            "refund": {
                "id": refund_id,
                "legacyResourceId": refund_id.rpartition("/")[2],
                "createdAt": at,
                "updatedAt": at,
            },
            "order": {"id": gid},
            "userErrors": [],
        }
        return self._kept_refund(shop, key, made)

    def _kept_refund(self, shop: str, key: str, made: JsonObject) -> JsonObject:
        while len(self._refunds) >= MAX_REFUNDS:
            del self._refunds[next(iter(self._refunds))]
        self._refunds[(shop, key)] = made
        return made
