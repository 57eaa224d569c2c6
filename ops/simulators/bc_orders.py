"""Business Central's sales orders and their lines: what they hold, check and show.

Fields: https://learn.microsoft.com/dynamics365/business-central/dev-itpro/api-reference/v2.0/resources/dynamics_salesorder
Lengths are those of Microsoft's API description.
"""

from __future__ import annotations

import base64
import re
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final
from uuid import UUID

from ops.simulators.bc_tax import told_tax
from ops.simulators.shapes import (
    JsonObject,
    JsonValue,
    NotUnderstood,
    dig,
    dump,
    number,
    objects,
    parse_object,
    text,
)

NO_ID: Final = "00000000-0000-0000-0000-000000000000"
NO_DATE: Final = "0001-01-01"
MAX_LINES = 10_000
LINE_STEP = 10_000

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
_ORDER_OTHERS = ("partialShipping", "discountAmount", "discountAppliedBeforeTax")
_LINE_FIELDS = frozenset(
    (
        "sequence itemId accountId lineType lineObjectNumber description description2"
        " unitOfMeasureId unitOfMeasureCode quantity unitPrice discountAmount discountPercent"
        " discountAppliedBeforeTax taxCode shipmentDate invoiceQuantity shipQuantity"
        " itemVariantId locationId"
    ).split()
)
_LINE_TYPES = ("Comment", "Account", "Item", "Resource", "Fixed Asset", "Charge")
_HEADER = frozenset((*_ORDER_TEXTS, *_ORDER_OTHERS, "dimensionSetLines"))
_MAX_LENGTHS: Final = {
    "externalDocumentNumber": 35, "customerNumber": 20, "customerName": 100, "billToName": 100,
    "billToCustomerNumber": 20, "shipToName": 100, "shipToContact": 100, "salesperson": 20,
    "phoneNumber": 30, "email": 80, "lineObjectNumber": 20, "description": 100,
}  # fmt: skip
EMPTY_HEADER: Final[dict[str, JsonValue]] = {
    **{name: NO_ID if name.endswith("Id") else "" for name in _ORDER_TEXTS},
    "orderDate": NO_DATE,
    "postingDate": NO_DATE,
    "requestedDeliveryDate": NO_DATE,
    "partialShipping": False,
    "discountAmount": 0,
    "discountAppliedBeforeTax": False,
}
_REFERENCE: Final = re.compile(r"\b[0-9A-Z]{35}\b")
_ITEM = re.compile(r"number\s+eq\s+'((?:[^']|'')*)'")
_ITEMS = re.compile(rf"\s*{_ITEM.pattern}(?:\s+or\s+{_ITEM.pattern})*\s*")
Fault = tuple[str, str]


@dataclass(slots=True)
class Settings:
    """How the tenant is set up. `items`: the only item numbers there are, or None for any.
    `prices_include_tax`: those of every customer; those of customers whose number ends in `GROSS`
    always do. `tax_as_told`: a tax engine of the tenant's adds the tax that a comment line of the
    order tells, instead of a percentage."""

    items: frozenset[str] | None = None
    prices_include_tax: bool = False
    tax_percent: float = 0.0
    tax_as_told: bool = False

    def is_gross(self, customer_number: str) -> bool:
        """Whether a customer's prices include tax; Business Central copies it to each document."""
        return self.prices_include_tax or customer_number.upper().endswith("GROSS")

    @classmethod
    def read(cls, raw: JsonObject) -> Settings:
        """From JSON; what is not named has its default. Raises NotUnderstood."""
        unknown = sorted(set(raw) - {"items", "prices_include_tax", "tax_percent", "tax_as_told"})
        if unknown:
            raise NotUnderstood(f"There is no setting named {', '.join(unknown)}.")
        items = raw.get("items")
        if items is not None and not isinstance(items, list):
            raise NotUnderstood("`items` must be a list of item numbers, or null.")
        return cls(
            None if items is None else frozenset(str(item).upper() for item in items),
            raw.get("prices_include_tax") is True,
            number(raw, "tax_percent"),
            raw.get("tax_as_told") is True,
        )


@dataclass(slots=True)
class SalesOrder:
    """One sales order, kept as bytes; its JSON is made when somebody asks.

    `external` is the number that people gave it, which is kept in capitals; `reference` is what the
    ledger knows it by: the 35 characters on a comment line, or else the external number as it came.
    `tax_off` is by how much people changed its tax. `released` orders show the status Open, and
    their lines cannot change; shipped ones are always released. A line's version makes its ETag.
    """

    id: str
    number: str
    company: str
    external: str
    reference: str
    created_at: float
    raw: bytes
    prices_include_tax: bool
    version: int = 0
    modified_at: float = 0.0
    last_sequence: int = 0
    released: bool = False
    shipped: bool = False
    line_versions: dict[int, int] = field(default_factory=dict)
    tax_off: float = 0.0

    @property
    def etag(self) -> str:
        return _etag(f"19;{self.id};{int(self.created_at * 1000)};{self.version};")

    def line_etag(self, sequence: int) -> str:
        return _etag(f"20;{self.id};{sequence};{self.line_versions.get(sequence, 0)};")

    def line_id(self, sequence: int) -> str:
        return str(UUID(int=UUID(self.id).int ^ sequence << 32))

    def touch(self, sent: JsonObject, now: float) -> None:
        """Keeps the order's new content, and makes its old ETag stale."""
        self.raw = dump(sent)
        self.version += 1
        self.modified_at = now


def _etag(stamp: str) -> str:
    return f'W/"{base64.b64encode(stamp.encode()).decode()}"'


def _length_fault(sent: JsonObject) -> Fault | None:
    for name, longest in _MAX_LENGTHS.items():
        value = text(sent, name)
        # Business Central counts as Windows does.
        length = len(value.encode("utf-16-le")) // 2
        if length > longest:
            return (
                "Application_StringExceededLength",
                (
                    f"The length of the string is {length}, but it must be less than or equal to"
                    f" {longest} characters. Value: {value}"
                ),
            )
    return None


def _property_fault(names: list[str], kind: str) -> Fault:
    return (
        "BadRequest",
        (
            f"The property '{names[0]}' does not exist on type 'Microsoft.NAV.{kind}' or is"
            " read-only. Make sure to only use property names that are defined by the type."
        ),
    )


def header_fault(sent: JsonObject, *, lines_too: bool) -> Fault | None:
    """What Business Central refuses in an order's header, or None."""
    known = _HEADER | ({"salesOrderLines"} if lines_too else set())
    wrong = [name for name in sent if name not in known and not name.startswith("@")]
    return _property_fault(wrong, "salesOrder") if wrong else _length_fault(sent)


def line_fault(sent: JsonObject, settings: Settings) -> Fault | None:
    """What Business Central refuses in a line, or None."""
    wrong = [name for name in sent if name not in _LINE_FIELDS and not name.startswith("@")]
    if wrong:
        return _property_fault(wrong, "salesOrderLine")
    if fault := _length_fault(sent):
        return fault
    kind = text(sent, "lineType") or "Item"
    if kind not in _LINE_TYPES:
        return (
            "BadRequest",
            f"The value '{kind}' is not a valid value of 'Microsoft.NAV.invoiceLineAggLineType'.",
        )
    if kind == "Comment" and (number(sent, "quantity") or number(sent, "unitPrice")):
        return (
            "Application_FieldValidationException",
            "Type must not be Comment: a comment has neither quantity nor price.",
        )
    item = text(sent, "lineObjectNumber")
    if kind == "Item" and settings.items is not None and item.upper() not in settings.items:
        return (
            "Internal_InvalidTableRelation",
            (
                f"The field No. of table Sales Line contains a value ({item}) that cannot be found"
                " in the related table (Item)."
            ),
        )
    return None


def code(value: str) -> str:
    """A text as Business Central keeps it in a field of the type Code."""
    return value.strip().upper()


def reference_of(sent: JsonObject) -> str:
    """What the ledger knows an order by: a reference on a comment line, else its number."""
    for line in objects(sent, "salesOrderLines"):
        if text(line, "lineType") == "Comment" and (
            found := _REFERENCE.search(text(line, "description"))
        ):
            return found[0]
    return text(sent, "externalDocumentNumber")


def items_json(wish: str, settings: Settings) -> list[dict[str, JsonValue]] | None:
    """The items asked for by number; a tenant without a list of its own has all of them. None: the
    question is another one."""
    if _ITEMS.fullmatch(wish) is None:
        return None
    asked = [code(one.replace("''", "'")) for one in _ITEM.findall(wish)]
    return [
        {"@odata.etag": f'W/"{one}"', "number": one, "blocked": False}
        for one in dict.fromkeys(asked)
        if settings.items is None or one in settings.items
    ]


def sequence_of(line: JsonObject) -> int:
    """The line's number within its order."""
    return int(number(line, "sequence"))


def numbered(lines: list[JsonObject], after: int) -> list[JsonObject]:
    """The lines with their sequences, which no other line of the order ever had."""
    return [{**line, "sequence": after + index * LINE_STEP} for index, line in enumerate(lines, 1)]


def _amounts(line: JsonObject, order: SalesOrder, tax_percent: float) -> dict[str, JsonValue]:
    """What a line costs; a price that includes tax is divided, another is added to."""
    gross = number(line, "quantity") * number(line, "unitPrice")
    discount = number(line, "discountAmount") or gross * number(line, "discountPercent") / 100
    told = round(gross - discount, 2)
    factor = 1 + tax_percent / 100
    excluding, including = told, round(told * factor, 2)
    if order.prices_include_tax:
        excluding, including = round(told / factor, 2), told
    tax = round(including - excluding, 2)
    return {
        "discountAmount": round(discount, 2),
        "amountExcludingTax": excluding,
        "taxPercent": tax_percent,
        "totalTaxAmount": tax,
        "amountIncludingTax": including,
        "invoiceDiscountAllocation": 0,
        "netAmount": excluding,
        "netTaxAmount": tax,
        "netAmountIncludingTax": including,
    }


def totals_json(
    order: SalesOrder, sent: JsonObject, settings: Settings, shown: dict[str, JsonValue]
) -> dict[str, JsonValue]:
    """Adds what the lines sum up to; the header's discount is taken off at last."""
    amounts = [
        _amounts(line, order, settings.tax_percent) for line in objects(sent, "salesOrderLines")
    ]
    discount = number(sent, "discountAmount")
    excluding = sum(number(one, "amountExcludingTax") for one in amounts) - discount
    including = sum(number(one, "amountIncludingTax") for one in amounts) - discount
    if settings.tax_as_told:
        tax = told_tax(sent) + order.tax_off
        excluding, including = (
            (including - tax, including)
            if order.prices_include_tax
            else (excluding, excluding + tax)
        )
    shown.update(
        pricesIncludeTax=order.prices_include_tax,
        totalAmountExcludingTax=round(excluding, 2),
        totalTaxAmount=round(including - excluding, 2),
        totalAmountIncludingTax=round(including, 2),
    )
    return shown


def timestamp(seconds: float) -> str:
    """A time as Business Central writes it."""
    shown = datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds")
    return shown.replace("+00:00", "Z")


def order_json(order: SalesOrder, settings: Settings, context: str) -> dict[str, JsonValue]:
    """The whole salesOrder as Business Central answers it; its lines need $expand."""
    sent = parse_object(order.raw)
    shown: dict[str, JsonValue] = {"@odata.context": context} if context else {}
    shown.update({"@odata.etag": order.etag, "id": order.id, "number": order.number})
    shown.update(EMPTY_HEADER)
    shown.update({k: v for k, v in sent.items() if k in EMPTY_HEADER and v is not None})
    shown["externalDocumentNumber"] = order.external
    totals_json(order, sent, settings, shown)
    shown.update(
        fullyShipped=order.shipped,
        status="Open" if order.released else "Draft",
        lastModifiedDateTime=timestamp(order.modified_at or order.created_at),
    )
    return shown


def line_json(order: SalesOrder, line: JsonObject, settings: Settings) -> JsonObject:
    """One line as Business Central answers it."""
    sequence = sequence_of(line)
    comment = text(line, "lineType") == "Comment"
    quantity = number(line, "quantity")
    gone = quantity if order.shipped else 0
    return {
        "@odata.etag": order.line_etag(sequence),
        "id": order.line_id(sequence),
        "documentId": order.id,
        "sequence": sequence,
        "itemId": text(line, "itemId") or NO_ID,
        "accountId": text(line, "accountId") or NO_ID,
        "lineType": text(line, "lineType") or "Item",
        "lineObjectNumber": text(line, "lineObjectNumber"),
        "description": text(line, "description"),
        "description2": text(line, "description2"),
        "unitOfMeasureId": text(line, "unitOfMeasureId") or NO_ID,
        "unitOfMeasureCode": text(line, "unitOfMeasureCode") or ("" if comment else "PCS"),
        "quantity": quantity,
        "unitPrice": number(line, "unitPrice"),
        "discountPercent": number(line, "discountPercent"),
        "discountAppliedBeforeTax": dig(line, "discountAppliedBeforeTax") is True,
        **_amounts(line, order, settings.tax_percent),
        "taxCode": text(line, "taxCode"),
        "shipmentDate": text(line, "shipmentDate") or NO_DATE,
        "shippedQuantity": gone,
        "invoicedQuantity": 0,
        "invoiceQuantity": quantity,
        "shipQuantity": quantity - gone,
        "itemVariantId": text(line, "itemVariantId") or NO_ID,
        "locationId": text(line, "locationId") or NO_ID,
    }


def lines_json(order: SalesOrder, settings: Settings) -> list[JsonValue]:
    """The order's lines in their order."""
    lines = objects(parse_object(order.raw), "salesOrderLines")
    return [line_json(order, line, settings) for line in sorted(lines, key=sequence_of)]


def order_detail(order: SalesOrder, settings: Settings) -> dict[str, JsonValue]:
    """What the ledger keeps of an order: goods and money, no person."""
    sent = parse_object(order.raw)
    total = totals_json(order, sent, settings, {})
    return {
        "external_number": order.external,
        "order_date": text(sent, "orderDate"),
        "customer_number": text(sent, "customerNumber"),
        "currency": text(sent, "currencyCode"),
        "prices_include_tax": order.prices_include_tax,
        "total_excluding_tax": total["totalAmountExcludingTax"],
        "total_including_tax": total["totalAmountIncludingTax"],
        "lines": [
            {
                "type": text(line, "lineType") or "Item",
                "number": text(line, "lineObjectNumber"),
                "quantity": number(line, "quantity"),
                "unit_price": number(line, "unitPrice"),
            }
            for line in objects(sent, "salesOrderLines")
            if text(line, "lineType") != "Comment"
        ],
        "comments": sum(
            text(line, "lineType") == "Comment" for line in objects(sent, "salesOrderLines")
        ),
    }
