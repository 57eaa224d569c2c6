"""Business Central v2.0: sales orders and the token endpoint.

A repeated POST makes a second order, as the real one does.

Shapes: https://learn.microsoft.com/dynamics365/business-central/dev-itpro/api-reference/v2.0/
"""

from __future__ import annotations

import base64
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final
from uuid import UUID

from ops.simulators.partner import Call, World, json_reply
from ops.simulators.shapes import (
    JsonObject,
    JsonValue,
    dump,
    number,
    objects,
    parse_object,
    text,
)
from ops.simulators.wire import Reply, Request

NO_ID: Final = "00000000-0000-0000-0000-000000000000"
NO_DATE: Final = "0001-01-01"
MAX_EXTERNAL_NUMBER = 35
TOKEN_SECONDS = 3599

_ORDER_TEXTS = (
    "externalDocumentNumber orderDate postingDate customerId customerNumber customerName"
    " billToName billToCustomerId billToCustomerNumber shipToName shipToContact"
    " sellToAddressLine1 sellToAddressLine2 sellToCity sellToCountry sellToState"
    " sellToPostCode billToAddressLine1 billToAddressLine2 billToCity billToCountry"
    " billToState billToPostCode shipToAddressLine1 shipToAddressLine2 shipToCity"
    " shipToCountry shipToState shipToPostCode shortcutDimension1Code"
    " shortcutDimension2Code currencyId currencyCode paymentTermsId shipmentMethodId"
    " salesperson requestedDeliveryDate phoneNumber email"
).split()
_ORDER_OTHERS = (
    "pricesIncludeTax",
    "partialShipping",
    "discountAmount",
    "discountAppliedBeforeTax",
)
_LINE_FIELDS = frozenset(
    (
        "sequence itemId accountId lineType lineObjectNumber description description2"
        " unitOfMeasureId unitOfMeasureCode quantity unitPrice discountAmount discountPercent"
        " discountAppliedBeforeTax taxCode shipmentDate invoiceQuantity shipQuantity"
        " itemVariantId locationId"
    ).split()
)
_WRITABLE = frozenset((*_ORDER_TEXTS, *_ORDER_OTHERS, "salesOrderLines", "dimensionSetLines"))
_EMPTY: Final[dict[str, JsonValue]] = {
    **{name: NO_ID if name.endswith("Id") else "" for name in _ORDER_TEXTS},
    "orderDate": NO_DATE,
    "postingDate": NO_DATE,
    "requestedDeliveryDate": NO_DATE,
    "pricesIncludeTax": False,
    "partialShipping": False,
    "discountAmount": 0,
    "discountAppliedBeforeTax": False,
}
_FILTER = re.compile(r"\s*externalDocumentNumber\s+eq\s+'((?:[^']|'')*)'\s*")
_PATH = re.compile(r".*/companies\(([^)]+)\)/salesOrders(?:\(([^)]+)\))?/?")


@dataclass(slots=True)
class SalesOrder:
    """One sales order, kept as the bytes it came as; its JSON is made when somebody asks."""

    id: str
    number: str
    reference: str
    created_at: float
    raw: bytes

    @property
    def etag(self) -> str:
        stamp = f"19;{self.id};{int(self.created_at * 1000)};"
        return f'W/"{base64.b64encode(stamp.encode()).decode()}"'


def _amounts(line: JsonObject) -> tuple[float, float]:
    gross = number(line, "quantity") * number(line, "unitPrice")
    discount = number(line, "discountAmount") or gross * number(line, "discountPercent") / 100
    return round(gross - discount, 2), round(discount, 2)


def order_json(order: SalesOrder, sent: JsonObject, context: str) -> dict[str, JsonValue]:
    """The whole salesOrder as Business Central answers it; its lines need $expand."""
    net = sum(_amounts(line)[0] for line in objects(sent, "salesOrderLines"))
    total = round(net - number(sent, "discountAmount"), 2)
    modified = datetime.fromtimestamp(order.created_at, UTC).isoformat(timespec="milliseconds")
    shown: dict[str, JsonValue] = {"@odata.context": context} if context else {}
    shown.update({"@odata.etag": order.etag, "id": order.id, "number": order.number})
    shown.update(_EMPTY)
    shown.update({k: v for k, v in sent.items() if k in _EMPTY and v is not None})
    shown.update(
        totalAmountExcludingTax=total,
        totalTaxAmount=0,
        totalAmountIncludingTax=total,
        fullyShipped=False,
        status="Draft",
        lastModifiedDateTime=modified.replace("+00:00", "Z"),
    )
    return shown


def lines_json(order: SalesOrder, sent: JsonObject) -> list[JsonValue]:
    """The order's lines as `$expand=salesOrderLines` shows them."""
    shown: list[JsonValue] = []
    for index, line in enumerate(objects(sent, "salesOrderLines")):
        net, discount = _amounts(line)
        shown.append(
            {
                "@odata.etag": order.etag,
                "id": str(UUID(int=UUID(order.id).int ^ (index + 1) << 32)),
                "documentId": order.id,
                "sequence": (index + 1) * 10_000,
                "itemId": text(line, "itemId") or NO_ID,
                "accountId": text(line, "accountId") or NO_ID,
                "lineType": text(line, "lineType") or "Item",
                "lineObjectNumber": text(line, "lineObjectNumber"),
                "description": text(line, "description"),
                "unitOfMeasureCode": text(line, "unitOfMeasureCode") or "PCS",
                "quantity": number(line, "quantity"),
                "unitPrice": number(line, "unitPrice"),
                "discountAmount": discount,
                "amountExcludingTax": net,
                "taxCode": text(line, "taxCode"),
                "totalTaxAmount": 0,
                "amountIncludingTax": net,
                "netAmount": net,
                "netTaxAmount": 0,
                "netAmountIncludingTax": net,
                "shipmentDate": text(line, "shipmentDate") or NO_DATE,
                "shippedQuantity": 0,
                "invoicedQuantity": 0,
                "locationId": text(line, "locationId") or NO_ID,
            }
        )
    return shown


class BusinessCentral:
    """One tenant with any number of companies; orders are found by number within their company."""

    name = "erp"

    def __init__(self, world: World) -> None:
        self._world = world
        self._orders: dict[str, SalesOrder] = {}
        self._by_reference: dict[tuple[str, str], list[str]] = {}
        self._next = 100_001
        self._first_id = UUID(f"{world.run % 2**32:08x}-b749-4e11-ad0b-a1422c0f0000").int

    def recognise(self, request: Request) -> Call | None:
        if request.path.endswith("/oauth2/v2.0/token") and request.method == "POST":
            return Call("token", lambda plan: self._token(request))
        match = _PATH.fullmatch(request.path.replace("%28", "(").replace("%29", ")"))
        if match is None:
            return None
        company, order_id = match[1], match[2]
        if order_id is None:
            if request.method == "POST":
                return Call("create_order", lambda plan: self._create(company, request))
            if request.method == "GET":
                return Call("find_order", lambda plan: self._find(company, request))
        elif request.method == "GET":
            return Call("get_order", lambda plan: self._get(company, order_id, request))
        elif request.method == "DELETE":
            return Call("delete_order", lambda plan: self._delete(company, order_id, request))
        return None

    def failure(self, status: int, code: str, message: str) -> Reply:
        headers = {"WWW-Authenticate": 'Bearer realm=""'} if status == 401 else {}
        code = "Authentication_InvalidCredentials" if status == 401 else code
        return Reply(status, dump({"error": {"code": code, "message": message}}), headers=headers)

    def refusal(self, operation: str) -> Reply:
        if operation == "token":
            return json_reply(
                400,
                {
                    "error": "invalid_client",
                    "error_description": "AADSTS7000215: Invalid client secret provided.",
                    "error_codes": [7000215],
                },
            )
        return self.failure(
            400,
            "Application_DialogException",
            "The customer is blocked with type All."
            "  CorrelationId:  a1b2c3d4-0000-4000-8000-000000000001.",
        )

    def throttled(self) -> Reply:
        return self.failure(429, "Application_TooManyRequests", "Too many requests reached.")

    def _token(self, request: Request) -> Reply:
        if b"grant_type=client_credentials" not in request.body:
            return json_reply(
                400,
                {
                    "error": "unsupported_grant_type",
                    "error_description": "AADSTS70003: This grant type is not supported.",
                },
            )
        return json_reply(
            200,
            {
                "token_type": "Bearer",
                "expires_in": TOKEN_SECONDS,
                "ext_expires_in": TOKEN_SECONDS,
                "access_token": f"simulated-erp-token-{int(self._world.clock())}",
            },
        )

    def _stranger(self, request: Request) -> Reply | None:
        if request.headers.get("authorization", "").startswith("Bearer "):
            return None
        return self.failure(401, "Unauthorized", "The credentials provided are incorrect")

    def _context(self, company: str, request: Request) -> str:
        host = request.headers.get("host", "localhost")
        return f"http://{host}/bc/api/v2.0/$metadata#companies({company})/salesOrders"

    def _create(self, company: str, request: Request) -> Reply:
        if stranger := self._stranger(request):
            return stranger
        sent = parse_object(request.body)
        wrong = [name for name in sent if name not in _WRITABLE and not name.startswith("@")]
        wrong += [
            name
            for line in objects(sent, "salesOrderLines")
            for name in line
            if name not in _LINE_FIELDS
        ]
        if wrong:
            return self.failure(
                400,
                "BadRequest",
                f"The property '{wrong[0]}' does not exist on type 'Microsoft.NAV.salesOrder' or"
                " is read-only. Make sure to only use property names that are defined by the type.",
            )
        reference = text(sent, "externalDocumentNumber")
        if len(reference) > MAX_EXTERNAL_NUMBER:
            return self.failure(
                400,
                "Application_StringExceededLength",
                f"The length of the string is {len(reference)}, but it must be less than or equal"
                f" to {MAX_EXTERNAL_NUMBER} characters. Value: {reference}",
            )
        serial = self._next
        self._next += 1
        order_id = str(UUID(int=self._first_id + serial - 100_001))
        order = SalesOrder(order_id, f"S-ORD{serial}", reference, self._world.clock(), request.body)
        self._world.ledger.record("erp_order", self.name, reference, order.number)
        self._orders[order.id] = order
        self._by_reference.setdefault((company, reference), []).append(order.id)
        shown = order_json(order, sent, self._context(company, request) + "/$entity")
        if "salesOrderLines" in request.params().get("$expand", ""):
            shown["salesOrderLines"] = lines_json(order, sent)
        reply = json_reply(201, shown)
        reply.headers["ETag"] = order.etag
        return reply

    def _find(self, company: str, request: Request) -> Reply:
        if stranger := self._stranger(request):
            return stranger
        params = request.params()
        match = _FILTER.fullmatch(params.get("$filter", ""))
        if match is None:
            return self.failure(
                400,
                "BadRequest",
                "This simulator finds orders only by $filter=externalDocumentNumber eq '…'.",
            )
        reference = match[1].replace("''", "'")
        found: list[JsonValue] = []
        for order_id in self._by_reference.get((company, reference), []):
            order = self._orders[order_id]
            sent = parse_object(order.raw)
            shown = order_json(order, sent, "")
            if chosen := params.get("$select"):
                names = {name.strip() for name in chosen.split(",")}
                shown = {k: v for k, v in shown.items() if k in names or k == "@odata.etag"}
            if "salesOrderLines" in params.get("$expand", ""):
                shown["salesOrderLines"] = lines_json(order, sent)
            found.append(shown)
        if params.get("$top", "").isdigit():
            found = found[: int(params["$top"])]
        return json_reply(200, {"@odata.context": self._context(company, request), "value": found})

    def _known(self, company: str, order_id: str) -> SalesOrder | None:
        order = self._orders.get(order_id.lower())
        if order is None or order.id not in self._by_reference.get((company, order.reference), []):
            return None
        return order

    def _missing(self) -> Reply:
        return self.failure(
            404,
            "BadRequest_ResourceNotFound",
            "The record does not exist: no sales order has this id in this company.",
        )

    def _get(self, company: str, order_id: str, request: Request) -> Reply:
        if stranger := self._stranger(request):
            return stranger
        order = self._known(company, order_id)
        if order is None:
            return self._missing()
        sent = parse_object(order.raw)
        shown = order_json(order, sent, self._context(company, request) + "/$entity")
        if "salesOrderLines" in request.params().get("$expand", ""):
            shown["salesOrderLines"] = lines_json(order, sent)
        return json_reply(200, shown)

    def _delete(self, company: str, order_id: str, request: Request) -> Reply:
        if stranger := self._stranger(request):
            return stranger
        order = self._known(company, order_id)
        if order is None:
            return self._missing()
        if_match = request.headers.get("if-match", "")
        if not if_match:
            return self.failure(
                400, "BadRequest", "The header If-Match must be given for this request."
            )
        if if_match not in ("*", order.etag):
            return self.failure(
                409,
                "Request_EntityChanged",
                "Another user has already changed the record.",
            )
        del self._orders[order.id]
        same = self._by_reference[(company, order.reference)]
        same.remove(order.id)
        if not same:
            del self._by_reference[(company, order.reference)]
        self._world.ledger.record("erp_order_delete", self.name, order.reference, order.number)
        return Reply(204)
