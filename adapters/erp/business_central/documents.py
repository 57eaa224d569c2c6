"""Sales orders as Business Central answers them, and what makes one say what it should."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

import msgspec

from adapters.erp.business_central.comments import due_by, is_mark, is_ours, marked
from adapters.erp.business_central.sales_order import (
    ACCOUNT,
    COMMENT,
    DELIVERY_DAY,
    ITEM,
    NO_DAY,
    SalesOrder,
    SalesOrderLine,
)


class Line(msgspec.Struct, frozen=True):
    """A line as it is there."""

    id: str
    sequence: int = 0
    lineType: str = ""  # noqa: N815 — the partner's own spelling
    lineObjectNumber: str = ""  # noqa: N815 — the partner's own spelling
    description: str = ""
    quantity: Decimal = Decimal(0)
    unitPrice: Decimal = Decimal(0)  # noqa: N815 — the partner's own spelling
    discountAmount: Decimal = Decimal(0)  # noqa: N815 — the partner's own spelling
    etag: str = msgspec.field(name="@odata.etag", default="")

    @property
    def thing(self) -> tuple[str, str]:
        """What the line is about: an amendment keeps it, and changes the rest."""
        number = self.description if self.lineType == COMMENT else self.lineObjectNumber
        return self.lineType, number.casefold()


class _Header(msgspec.Struct, frozen=True, kw_only=True):
    """The fields of a sales order that an amendment may change."""

    shipToName: str = ""  # noqa: N815 — the partner's own spelling
    shipToContact: str = ""  # noqa: N815 — the partner's own spelling
    shipToAddressLine1: str = ""  # noqa: N815 — the partner's own spelling
    shipToAddressLine2: str = ""  # noqa: N815 — the partner's own spelling
    shipToCity: str = ""  # noqa: N815 — the partner's own spelling
    shipToState: str = ""  # noqa: N815 — the partner's own spelling
    shipToPostCode: str = ""  # noqa: N815 — the partner's own spelling
    shipToCountry: str = ""  # noqa: N815 — the partner's own spelling
    email: str = ""
    phoneNumber: str = ""  # noqa: N815 — the partner's own spelling
    requestedDeliveryDate: str = ""  # noqa: N815 — the partner's own spelling


class Document(_Header, frozen=True, kw_only=True):
    """A sales order as it is there, or what it was posted to; lines are only with `$expand`, each
    kind of document under its own name. `orderId` and `orderNumber` are those of the sales order
    that an invoice or a shipment was."""

    id: str
    number: str = ""
    externalDocumentNumber: str = ""  # noqa: N815 — the partner's own spelling
    currencyCode: str = ""  # noqa: N815 — the partner's own spelling
    pricesIncludeTax: bool | None = None  # noqa: N815 — the partner's own spelling
    orderId: str = ""  # noqa: N815 — the partner's own spelling
    orderNumber: str = ""  # noqa: N815 — the partner's own spelling
    salesOrderLines: list[Line] = []  # noqa: N815 — the partner's own spelling
    salesInvoiceLines: list[Line] = []  # noqa: N815 — the partner's own spelling
    salesShipmentLines: list[Line] = []  # noqa: N815 — the partner's own spelling
    salesCreditMemoLines: list[Line] = []  # noqa: N815 — the partner's own spelling
    etag: str = msgspec.field(name="@odata.etag", default="")

    def bears(self, reference: str) -> bool:
        """Say whether one of its comment lines holds this reference of ours, or its external number
        is it, as in documents of earlier versions."""
        if self.externalDocumentNumber.casefold() == reference.casefold():
            return True
        wanted = marked(reference).casefold()
        return any(wanted in line.description.casefold() for line in self._lines())

    @property
    def is_marked(self) -> bool:
        """Whether it holds any reference, so that it is known whose it is."""
        return any(is_mark(line.description) for line in self._lines())

    def _lines(self) -> Iterator[Line]:
        yield from self.salesOrderLines
        yield from self.salesInvoiceLines
        yield from self.salesShipmentLines
        yield from self.salesCreditMemoLines


class Documents(msgspec.Struct, frozen=True):
    """The answer to a search."""

    value: list[Document]


class Step(msgspec.Struct, frozen=True, kw_only=True):
    """One request of an amendment: `line` is the one it changes or deletes (None: the header, or a
    new line)."""

    method: str
    line: Line | None = None
    body: dict[str, object] | SalesOrderLine | None = None

    @property
    def about(self) -> str:
        """What it is about, for people."""
        if self.line is not None:
            return f"line {self.line.lineObjectNumber or self.line.description}"
        added = self.body if isinstance(self.body, SalesOrderLine) else SalesOrderLine(lineType="")
        return f"line {added.lineObjectNumber or added.description}"


def differences(wanted: SalesOrder, document: Document) -> tuple[dict[str, str], list[Step]]:
    """Return the header's fields to change, and what to do to the lines: change, delete, add.

    Lines are matched by what they are about, in their order. Comments that people added stay;
    whatever else is not wanted goes. A day of delivery that is not wanted any more goes if it is
    the one that a comment line of ours names.
    """
    fields = {
        name: text
        for name, text in wanted.header.items()
        if getattr(document, name).casefold() != text.casefold()
    }
    day = document.requestedDeliveryDate
    if DELIVERY_DAY not in wanted.header and any(
        one.lineType == COMMENT and one.description == due_by(day)
        for one in document.salesOrderLines
    ):
        fields[DELIVERY_DAY] = NO_DAY
    return fields, list(_line_steps(wanted, document))


def _line_steps(wanted: SalesOrder, document: Document) -> Iterator[Step]:
    left: dict[tuple[str, str], list[Line]] = {}
    for line in sorted(document.salesOrderLines, key=lambda one: one.sequence):
        if line.lineType in (ITEM, ACCOUNT) or (
            line.lineType == COMMENT and is_ours(line.description)
        ):
            left.setdefault(line.thing, []).append(line)
    added = []
    for one in wanted.lines:
        number = one.description if one.lineType == COMMENT else one.lineObjectNumber
        there = left.get((one.lineType, number.casefold()))
        if not there:
            added.append(one)
        elif changed := _changed(one, there.pop(0)):
            yield changed
    for lines in left.values():
        for line in lines:
            yield Step(method="DELETE", line=line)
    for one in added:
        yield Step(method="POST", body=one)


def _changed(wanted: SalesOrderLine, there: Line) -> Step | None:
    if wanted.lineType == COMMENT:
        return None
    price = wanted.unitPrice or Decimal(0)
    fields: dict[str, object] = {}
    if there.description != wanted.description:
        fields["description"] = wanted.description
    if there.quantity != wanted.quantity:
        fields["quantity"] = wanted.quantity
    if there.unitPrice != price:
        fields["unitPrice"] = price
    if fields.keys() & {"quantity", "unitPrice"} or there.discountAmount != wanted.discountAmount:
        # A new quantity or price makes Business Central work the discount out again.
        fields["discountAmount"] = wanted.discountAmount
    return Step(method="PATCH", line=there, body=fields) if fields else None
