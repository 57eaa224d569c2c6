"""Business Central v2.0: sales orders with their lines, what they are posted to, and tokens.

A repeated POST makes a second order, as the real one does.

Shapes: https://learn.microsoft.com/dynamics365/business-central/dev-itpro/api-reference/v2.0/
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from uuid import UUID

from ops.simulators.bc_accounts import Accounts
from ops.simulators.bc_book import Book
from ops.simulators.bc_items import Inventory, listed
from ops.simulators.bc_lines import Lines, released_fault
from ops.simulators.bc_listed import is_listed, page
from ops.simulators.bc_orders import (
    Fault,
    SalesOrder,
    Settings,
    code,
    header_fault,
    items_json,
    line_fault,
    lines_json,
    numbered,
    order_detail,
    order_json,
    reference_of,
)
from ops.simulators.bc_posted import Posted, posted_json, posted_lines_json, wanted_of
from ops.simulators.bc_token import bad_client, token_reply
from ops.simulators.partner import Call, World, json_reply
from ops.simulators.shapes import (
    JsonObject,
    JsonValue,
    NotUnderstood,
    dump,
    objects,
    parse_object,
    text,
)
from ops.simulators.wire import Reply, Request

_PATH = re.compile(r".*/companies\(([^)]+)\)/([A-Za-z]+)(?:\(([^)]+)\))?(?:/([^/]+))?/?")
_LINE = re.compile(r"salesOrderLines\(([^)]+)\)")
_POSTED = {
    "salesInvoices": "find_invoice",
    "salesShipments": "find_shipment",
    "salesCreditMemos": "find_credit_memo",
}
_ACTIONS = {"ship": (True, False), "invoice": (False, True), "ship_and_invoice": (True, True)}
Act = Callable[[], Reply]


class BusinessCentral:
    """One tenant with any number of companies; orders are found by number within their company."""

    name = "erp"

    def __init__(self, world: World) -> None:
        self._world = world
        self.book = Book()
        self._settings = Settings()
        self._accounts = Accounts()
        self._inventory = Inventory()
        self._lines = Lines(self)
        self._next = 100_001
        self._first_id = UUID(f"{world.run % 2**32:08x}-b749-4e11-ad0b-a1422c0f0000").int

    def recognise(self, request: Request) -> Call | None:
        if request.path.endswith("/oauth2/v2.0/token") and request.method == "POST":
            return Call("token", lambda plan: token_reply(self._world, self.name, request))
        match = _PATH.fullmatch(request.path.replace("%28", "(").replace("%29", ")"))
        if match is None:
            return None
        company, entity, entity_id, below = match.groups()
        found: tuple[str, Act] | None = None
        if self._accounts.is_asked(entity, request):
            found = "find_account", lambda: self._of_account(company, entity, request)
        elif is_listed(entity, request):
            found = "list_documents", lambda: self._changed(entity, company, request)
        elif entity in _POSTED and request.method == "GET" and below is None:
            found = _POSTED[entity], lambda: self._posted(entity, company, entity_id, request)
        elif entity == "salesOrders":
            if entity_id is not None and below is not None:
                found = self._below(company, entity_id, below, request)
            elif entity_id is not None:
                found = self._on_order(company, entity_id, request)
            else:
                found = self._on_orders(company, request)
        elif entity == "items" and request.method == "GET" and entity_id is None:
            found = "find_items", lambda: self._items(company, request)
        elif entity == "salesOrderLines" and below is None:
            found = self._lines.at(company, "", entity_id or "", request)
        if found is None:
            return None
        operation, act = found
        return Call(operation, lambda plan: self._stranger(request) or act())

    def _of_account(self, company: str, entity: str, request: Request) -> Reply:
        found = self._accounts.found(entity, request)
        if found is None:
            words = f"This simulator finds {entity} of accounts by other filters only."
            return self.failure(400, "BadRequest", words)
        return listed(found, self._context(company, entity, request), request)

    def _on_orders(self, company: str, request: Request) -> tuple[str, Act] | None:
        if request.method == "POST":
            return "create_order", lambda: self._create(company, request)
        if request.method == "GET":
            return "find_order", lambda: self._find(company, request)
        return None

    def _on_order(self, company: str, order_id: str, request: Request) -> tuple[str, Act] | None:
        if request.method == "GET":
            return "get_order", lambda: self._get(company, order_id, request)
        if request.method == "PATCH":
            return "update_order", lambda: self._update(company, order_id, request)
        if request.method == "DELETE":
            return "delete_order", lambda: self._delete(company, order_id, request)
        return None

    def _below(
        self, company: str, order_id: str, below: str, request: Request
    ) -> tuple[str, Act] | None:
        if below == "Microsoft.NAV.shipAndInvoice" and request.method == "POST":
            return "post_order", lambda: self._ship_and_invoice(company, order_id)
        if below == "salesOrderLines":
            return self._lines.at(company, order_id, "", request)
        if (line := _LINE.fullmatch(below)) is not None:
            return self._lines.at(company, order_id, line[1], request)
        return None

    # Answers that are not a success.

    def failure(self, status: int, code: str, message: str) -> Reply:
        headers = {"WWW-Authenticate": 'Bearer realm=""'} if status == 401 else {}
        code = "Authentication_InvalidCredentials" if status == 401 else code
        return Reply(status, dump({"error": {"code": code, "message": message}}), headers=headers)

    def refused(self, fault: Fault) -> Reply:
        """A 400 with a code and words."""
        return self.failure(400, *fault)

    def missing(self) -> Reply:
        """What is answered for an id that is not there."""
        words = "The record does not exist: no sales order has this id in this company."
        return self.failure(404, "BadRequest_ResourceNotFound", words)

    def refusal(self, operation: str) -> Reply:
        if operation == "token":
            return bad_client(400)
        words = "The customer is blocked with type All."
        words += "  CorrelationId:  a1b2c3d4-0000-4000-8000-000000000001."
        return self.failure(400, "Application_DialogException", words)

    def throttled(self) -> Reply:
        return self.failure(429, "Application_TooManyRequests", "Too many requests reached.")

    def stale(self, request: Request, etag: str) -> Reply | None:
        """The refusal of a change whose If-Match is missing or old, or None."""
        if_match = request.headers.get("if-match", "")
        if not if_match:
            words = "The header If-Match must be given for this request."
            return self.failure(400, "BadRequest", words)
        if if_match not in ("*", etag):
            words = "Another user has already changed the record."
            return self.failure(409, "Request_EntityChanged", words)
        return None

    def _stranger(self, request: Request) -> Reply | None:
        if self._world.credentials.admits(self.name, request.headers.get("authorization", "")):
            return None
        return self.failure(401, "Unauthorized", "The credentials provided are incorrect")

    # What the lines need of their orders.

    @property
    def settings(self) -> Settings:
        """How the tenant is set up now."""
        return self._settings

    def order(self, company: str, order_id: str) -> SalesOrder | None:
        """The order with this id, if it is one of this company and not yet posted."""
        return self.book.get(company, order_id)

    def orders_of(self, company: str) -> list[SalesOrder]:
        """All orders of a company."""
        return [order for order in self.book.orders.values() if order.company == company]

    def changed(self, order: SalesOrder, sent: JsonObject, what: str, names: list[str]) -> None:
        """Keeps a changed order and writes the change down."""
        order.touch(sent, self._world.clock())
        told = {"what": what, "fields": sorted(names), **order_detail(order, self._settings)}
        self._world.ledger.record(
            "erp_order_update", self.name, order.reference, order.number, told
        )

    # Orders.

    def _context(self, company: str, entity: str, request: Request) -> str:
        host = request.headers.get("host", "localhost")
        return f"http://{host}/bc/api/v2.0/$metadata#companies({company})/{entity}"

    def _shown(self, order: SalesOrder, request: Request, context: str) -> dict[str, JsonValue]:
        shown = order_json(order, self._settings, context)
        if "salesOrderLines" in request.params().get("$expand", ""):
            shown["salesOrderLines"] = lines_json(order, self._settings)
        return shown

    def _one(self, order: SalesOrder, request: Request, status: int = 200) -> Reply:
        context = self._context(order.company, "salesOrders", request) + "/$entity"
        reply = json_reply(status, self._shown(order, request, context))
        reply.headers["ETag"] = order.etag
        return reply

    def _create(self, company: str, request: Request) -> Reply:
        sent = parse_object(request.body)
        if fault := header_fault(sent, lines_too=True):
            return self.refused(fault)
        lines = objects(sent, "salesOrderLines")
        for line in lines:
            if fault := line_fault(line, self._settings):
                return self.refused(fault)
        serial = self._next
        self._next += 1
        kept = numbered(lines, 0)
        order = SalesOrder(
            str(UUID(int=self._first_id + serial - 100_001)),
            f"S-ORD{serial}",
            company,
            code(text(sent, "externalDocumentNumber")),
            reference_of(sent),
            self._world.clock(),
            dump({**sent, "salesOrderLines": kept}),
            self._settings.is_gross(text(sent, "customerNumber")),
            last_sequence=len(kept) * 10_000,
        )
        detail = order_detail(order, self._settings)
        self._world.ledger.record("erp_order", self.name, order.reference, order.number, detail)
        self.book.add(order)
        return self._one(order, request, 201)

    def _find(self, company: str, request: Request) -> Reply:
        if "$filter" not in request.params() and request.params().get("$top") == "1":
            # Whoever asks whether he is let in needs no order.
            return listed([], self._context(company, "salesOrders", request), request)
        wanted = wanted_of(request)
        if wanted is None or wanted[0] != "externalDocumentNumber":
            words = "This simulator finds orders only by $filter=externalDocumentNumber eq '…'."
            return self.failure(400, "BadRequest", words)
        orders = [x for value in wanted[1] for x in self.book.of_external(company, value)]
        found = [self._shown(order, request, "") for order in orders]
        return listed(found, self._context(company, "salesOrders", request), request)

    def _items(self, company: str, request: Request) -> Reply:
        """The items asked for by number; a tenant without a list of its own has all of them."""
        context = self._context(company, "items", request)
        if (page := self._inventory.page(context, request)) is not None:
            return page
        found = items_json(request.params().get("$filter", ""), self._settings)
        if found is None:
            words = "This simulator finds items only by $filter=number eq '…' or number eq '…'."
            return self.failure(400, "BadRequest", words)
        return listed(found, context, request)

    def _get(self, company: str, order_id: str, request: Request) -> Reply:
        order = self.book.get(company, order_id)
        return self.missing() if order is None else self._one(order, request)

    def _update(self, company: str, order_id: str, request: Request) -> Reply:
        """The header alone: lines have addresses of their own."""
        order = self.book.get(company, order_id)
        if order is None:
            return self.missing()
        if stale := self.stale(request, order.etag):
            return stale
        change = parse_object(request.body)
        if fault := header_fault(change, lines_too=False):
            return self.refused(fault)
        if order.released and set(change) - {"externalDocumentNumber", "phoneNumber", "email"}:
            return self.refused(released_fault(order))
        if "externalDocumentNumber" in change:
            self.book.rename(order, code(text(change, "externalDocumentNumber")))
        told = {name: value for name, value in change.items() if not name.startswith("@")}
        self.changed(order, {**parse_object(order.raw), **told}, "header", list(told))
        return self._one(order, request)

    def _delete(self, company: str, order_id: str, request: Request) -> Reply:
        order = self.book.get(company, order_id)
        if order is None:
            return self.missing()
        if stale := self.stale(request, order.etag):
            return stale
        if order.shipped:
            return self.refused(
                (
                    "Application_DialogException",
                    "The sales order cannot be deleted: it is shipped and not yet invoiced.",
                )
            )
        self.book.remove(order)
        self._world.ledger.record("erp_order_delete", self.name, order.reference, order.number)
        return Reply(204)

    def _ship_and_invoice(self, company: str, order_id: str) -> Reply:
        order = self.book.get(company, order_id)
        if order is None:
            return self.missing()
        self.book.post(order, self._world.clock(), ship=True, invoice=True)
        return Reply(204)

    # Posted documents.

    def _posted(self, kind: str, company: str, document_id: str | None, request: Request) -> Reply:
        context = self._context(company, kind, request)
        if document_id is not None:
            posted = self.book.posted_by_id(kind, company, document_id)
            if posted is None:
                return self.missing()
            shown = self._posted_shown(posted, request)
            return json_reply(200, {"@odata.context": f"{context}/$entity", **shown})
        wanted = wanted_of(request)
        if wanted is None:
            words = f"This simulator finds {kind} by externalDocumentNumber, orderNumber or number."
            return self.failure(400, "BadRequest", words)
        field, values = wanted
        found = [x for one in values for x in self.book.posted(kind, company, field, one)]
        return listed([self._posted_shown(one, request) for one in found], context, request)

    def _changed(self, kind: str, company: str, request: Request) -> Reply:
        context = self._context(company, kind, request)

        def shown(one: SalesOrder | Posted) -> dict[str, JsonValue]:
            if isinstance(one, Posted):
                return self._posted_shown(one, request)
            return self._shown(one, request, "")

        return page(self.book.every(kind), company, request, context, shown)

    def _posted_shown(self, posted: Posted, request: Request) -> dict[str, JsonValue]:
        shown = posted_json(posted, self._settings)
        lines = posted.kind.removesuffix("s") + "Lines"
        if lines in request.params().get("$expand", ""):
            shown[lines] = posted_lines_json(posted, self._settings)
        return shown

    # Controls.

    def control(self, request: Request) -> Reply:
        """Answers /_sim/erp/…: the tenant's settings, and what people do to an order there."""
        try:
            given = parse_object(request.body) if request.body else {}
            match request.method, request.path.rstrip("/"):
                case "POST", "/_sim/erp/settings":
                    self._settings = Settings.read(given)
                case "DELETE", "/_sim/erp/settings":
                    self._settings = Settings()
                case "POST", "/_sim/erp/accounts":
                    self._accounts.read(given)
                case "POST", "/_sim/erp/inventory":
                    self._inventory.tell(given)
                case "POST", "/_sim/erp/post":
                    return self._by_hand(given)
                case _:
                    words = f"There is nothing at {request.method} {request.path}."
                    return json_reply(404, {"error": words})
        except NotUnderstood as error:
            return json_reply(400, {"error": str(error)})
        return json_reply(200, {"status": "ok"})

    def _by_hand(self, given: Mapping[str, JsonValue]) -> Reply:
        if text(given, "what") == "credit":
            memo = self.book.credit(text(given, "order"), self._world.clock())
            if memo is None:
                words = f"There is no invoice of {text(given, 'order')!r}."
                return json_reply(404, {"error": words})
            return self._made([memo])
        order = self.book.named(text(given, "order"))
        if order is None:
            return json_reply(404, {"error": f"There is no sales order {text(given, 'order')!r}."})
        what = text(given, "what") or "ship_and_invoice"
        if what in ("release", "reopen") and not order.shipped:
            order.released = what == "release"
            order.version += 1
            return json_reply(200, {"posted": []})
        if what not in _ACTIONS:
            known = ", ".join((*_ACTIONS, "release", "reopen", "credit"))
            raise NotUnderstood(f"`what` must be one of {known}.")
        ship, invoice = _ACTIONS[what]
        return self._made(self.book.post(order, self._world.clock(), ship=ship, invoice=invoice))

    @staticmethod
    def _made(made: list[Posted]) -> Reply:
        shown = [{"kind": one.kind, "id": one.id, "number": one.number} for one in made]
        return json_reply(200, {"posted": [*shown]})
