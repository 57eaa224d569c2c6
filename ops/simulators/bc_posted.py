"""Business Central's posted documents: the invoices and shipments that sales orders become, and
the credit memos that take invoices back."""

from __future__ import annotations

import re
from dataclasses import dataclass
from uuid import UUID

from ops.simulators.bc_orders import (
    EMPTY_HEADER,
    NO_DATE,
    NO_ID,
    SalesOrder,
    Settings,
    code,
    line_json,
    sequence_of,
    timestamp,
    totals_json,
)
from ops.simulators.shapes import JsonObject, JsonValue, dig, number, objects, parse_object, text
from ops.simulators.wire import Request

_FILTER = re.compile(r"\s*(externalDocumentNumber|orderNumber|number)\s+eq\s+'((?:[^']|'')*)'\s*")
_OR = re.compile(r"(?<=')\s+or\s+")
"""Business Central takes `or` between values of one field."""
_SHIPMENT_LESS = (
    "currencyId", "paymentTermsId", "shipmentMethodId", "shortcutDimension1Code",
    "shortcutDimension2Code", "orderDate", "requestedDeliveryDate", "partialShipping",
    "discountAmount", "discountAppliedBeforeTax",
)  # fmt: skip
_MEMO_LESS = (
    "orderDate", "requestedDeliveryDate", "partialShipping", "shipToName", "shipToContact",
    "shipToAddressLine1", "shipToAddressLine2", "shipToCity", "shipToCountry", "shipToState",
    "shipToPostCode",
)  # fmt: skip
_SALTS = {"salesInvoices": 1, "salesShipments": 2, "salesCreditMemos": 3}
_INVOICE_LESS = ("orderDate", "requestedDeliveryDate", "partialShipping")
_POSTED_TYPES = {"Comment": " ", "Account": "G/L Account", "Charge": "Charge Item"}


@dataclass(slots=True, frozen=True)
class Posted:
    """One posted document: the order as it was then. `kind`: salesInvoices, salesShipments or
    salesCreditMemos, which name their `invoice`."""

    kind: str
    id: str
    number: str
    order: SalesOrder
    enqueued_at: float
    invoice: str = ""


def posted_id(order: SalesOrder, kind: str) -> str:
    """An id of its own, which is not the order's."""
    return str(UUID(int=UUID(order.id).int ^ _SALTS[kind]))


def _common(posted: Posted, settings: Settings, less: tuple[str, ...]) -> dict[str, JsonValue]:
    sent = parse_object(posted.order.raw)
    shown: dict[str, JsonValue] = {"id": posted.id, "number": posted.number}
    header = {**EMPTY_HEADER, **{k: v for k, v in sent.items() if v is not None}}
    shown.update({k: header[k] for k in EMPTY_HEADER if k not in less})
    day = timestamp(posted.enqueued_at)[:10]
    shown.update(
        invoiceDate=day,
        postingDate=day,
        dueDate=day,
        customerPurchaseOrderReference="",
        orderNumber=posted.order.number,
        lastModifiedDateTime=timestamp(posted.enqueued_at),
        pricesIncludeTax=posted.order.prices_include_tax,
    )
    shown["externalDocumentNumber"] = posted.order.external
    return shown


def posted_json(posted: Posted, settings: Settings) -> dict[str, JsonValue]:
    """The document as Business Central answers it."""
    if posted.kind == "salesShipments":
        shown = _common(posted, settings, _SHIPMENT_LESS)
        shown.update(paymentTermsCode="", shipmentMethodCode="")
        return shown
    if posted.kind == "salesCreditMemos":
        return _memo_json(posted, settings)
    shown = _common(posted, settings, _INVOICE_LESS)
    totals_json(posted.order, parse_object(posted.order.raw), settings, shown)
    shown.update(
        promisedPayDate=NO_DATE,
        orderId=posted.order.id,
        disputeStatusId=NO_ID,
        disputeStatus="",
        remainingAmount=shown["totalAmountIncludingTax"],
        status="Open",
    )
    return shown


def _memo_json(posted: Posted, settings: Settings) -> dict[str, JsonValue]:
    shown = _common(posted, settings, _MEMO_LESS)
    for name in ("invoiceDate", "customerPurchaseOrderReference", "orderNumber"):
        del shown[name]
    totals_json(posted.order, parse_object(posted.order.raw), settings, shown)
    shown.update(
        creditMemoDate=timestamp(posted.enqueued_at)[:10],
        status="Corrective",
        invoiceId=posted_id(posted.order, "salesInvoices"),
        invoiceNumber=posted.invoice,
        customerReturnReasonId=NO_ID,
    )
    return shown


def posted_lines_json(posted: Posted, settings: Settings) -> list[JsonValue]:
    """The document's lines, for $expand."""
    lines = sorted(objects(parse_object(posted.order.raw), "salesOrderLines"), key=sequence_of)
    return [_line(posted, line, settings) for line in lines]


def _line(posted: Posted, line: JsonObject, settings: Settings) -> JsonObject:
    shown = {**line_json(posted.order, line, settings), "documentId": posted.id}
    if posted.kind != "salesShipments":
        return shown
    kind = text(shown, "lineType")
    return {
        "id": dig(shown, "id"),
        "documentId": posted.id,
        "documentNo": posted.number,
        "sequence": dig(shown, "sequence"),
        "lineType": _POSTED_TYPES.get(kind, kind),
        "lineObjectNumber": text(shown, "lineObjectNumber"),
        "description": text(shown, "description"),
        "description2": text(shown, "description2"),
        "unitOfMeasureCode": text(shown, "unitOfMeasureCode"),
        "unitPrice": number(shown, "unitPrice"),
        "quantity": number(shown, "quantity"),
        "discountPercent": number(shown, "discountPercent"),
        "taxPercent": settings.tax_percent,
        "shipmentDate": text(shown, "shipmentDate"),
    }


def wanted_of(request: Request) -> tuple[str, list[str]] | None:
    """Return the field that a search is about and its values; None for any other filter."""
    matches = [_FILTER.fullmatch(one) for one in _OR.split(request.params().get("$filter", ""))]
    found = [one for one in matches if one is not None]
    if len(found) != len(matches) or len({one[1] for one in found}) != 1:
        return None
    values = [code(one[2].replace("''", "'")) for one in found]
    return found[0][1], list(dict.fromkeys(values))
