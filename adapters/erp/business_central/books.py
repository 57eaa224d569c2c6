"""Business Central's books: sales orders, the invoices that they become, and credit memos.

Read as they were changed, with their lines, in pages. Amounts are as the lines state them, so that
what we told is compared with what is there; tax is Business Central's own.
https://learn.microsoft.com/dynamics365/business-central/dev-itpro/api-reference/v2.0/
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Literal
from urllib.parse import quote

import msgspec
from yarl import URL

from actors.runtime.errors import Retryable
from adapters.erp.business_central.comments import mark_in
from adapters.erp.business_central.sales_order import COMMENT
from adapters.erp.business_central.settings import BusinessCentralSettings
from adapters.kit.books import Amounts, Booked, BooksPage
from adapters.kit.json_partner import JsonPartner
from schemas.order.money import exponent_of

PAGE = 200
"""Documents of a page, with their lines some hundred kilobytes."""

_KINDS: Mapping[str, Literal["order", "invoice", "credit"]] = {
    "salesOrders": "order",
    "salesInvoices": "invoice",
    "salesCreditMemos": "credit",
}
_DRAFTS = frozenset({"Draft", "In Review"})
_NO_ID = "00000000-0000-0000-0000-000000000000"


class Line(msgspec.Struct, frozen=True, rename="camel"):
    """A line's money; `discount_amount` is off quantity × unit price."""

    line_type: str = ""
    line_object_number: str = ""
    description: str = ""
    quantity: Decimal = Decimal(0)
    unit_price: Decimal = Decimal(0)
    discount_amount: Decimal = Decimal(0)


class Document(msgspec.Struct, frozen=True, rename="camel", kw_only=True):
    """A document's money, and by what it is known."""

    id: str
    number: str = ""
    external_document_number: str = ""
    currency_code: str = ""
    prices_include_tax: bool = False
    total_tax_amount: Decimal = Decimal(0)
    order_date: str = ""
    invoice_date: str = ""
    credit_memo_date: str = ""
    posting_date: str = ""
    status: str = ""
    order_id: str = ""
    discount_amount: Decimal = Decimal(0)
    sales_order_lines: list[Line] = []
    sales_invoice_lines: list[Line] = []
    sales_credit_memo_lines: list[Line] = []


class Documents(msgspec.Struct, frozen=True):
    """A page of documents."""

    value: list[Document]
    next_link: str = msgspec.field(name="@odata.nextLink", default="")


decoder = msgspec.json.Decoder(Documents)


class BusinessCentralBooks:
    """One company, behind `adapters.kit.books.Books`."""

    def __init__(self, api: JsonPartner, settings: BusinessCentralSettings) -> None:
        self._api = api
        self._settings = settings

    async def page(self, source: str, since: datetime, until: datetime, cursor: str) -> BooksPage:
        """Return a page of the documents that were changed since then. Raises PartnerError."""
        headers = {"Prefer": f"odata.maxpagesize={PAGE}"}
        path = cursor or first_page(source, since)
        answer = await self._api.ask(None, "GET", path, headers=headers)
        if answer.status == 404:
            words = f"{self._api.title} has no {source} in this API version."
            return BooksPage(entries=(), absent=words)
        if answer.status >= 400:
            raise self._api.refused(f"to show its {source}", answer)
        found = self._api.decoded(decoder, answer, writes=False)
        return BooksPage(
            entries=entries(source, found, self._settings),
            cursor=self._following(source, found.next_link),
        )

    def _following(self, source: str, link: str) -> str:
        """Return the path of the next page; only what stands behind the list's name is taken."""
        if not link:
            return ""
        _, there, query = link.partition(f"/{source}?")
        if not there or URL("http://x/x?" + query, encoded=True).fragment:
            raise Retryable(
                f"{self._api.title} continues its {source} at an address of another kind."
            )
        return f"/{source}?{query}"


def first_page(source: str, since: datetime) -> str:
    """Return the path of the first page of a list."""
    when = since.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    wish = quote(f"lastModifiedDateTime ge {when}", safe="")
    return f"/{source}?$filter={wish}&$expand={source.removesuffix('s')}Lines"


def entries(source: str, found: Documents, settings: BusinessCentralSettings) -> tuple[Booked, ...]:
    """Return a page's documents as entries."""
    return tuple(_booked(_KINDS[source], one, settings) for one in found.value)


def _booked(
    kind: Literal["order", "invoice", "credit"], one: Document, settings: BusinessCentralSettings
) -> Booked:
    lines = [*one.sales_order_lines, *one.sales_invoice_lines, *one.sales_credit_memo_lines]
    exponent = exponent_of(one.currency_code)
    sums = {"shipping": Decimal(0), "duty": Decimal(0), "goods": -one.discount_amount}
    named = {settings.shipping_account: "shipping", settings.duty_account: "duty"}
    for line in lines:
        if line.line_type != COMMENT:
            is_account = line.line_type == "Account" and line.line_object_number
            what = named.get(line.line_object_number, "goods") if is_account else "goods"
            sums[what] += line.quantity * line.unit_price - line.discount_amount
    marks = (mark_in(line.description) for line in lines if line.line_type == COMMENT)
    own = (one.invoice_date, one.credit_memo_date, one.order_date, one.posting_date)
    return Booked(
        id=one.id,
        kind=kind,
        number=one.number,
        external=one.external_document_number,
        currency=one.currency_code,
        amounts=Amounts(
            goods_minor=_minor(sums["goods"], exponent),
            shipping_minor=_minor(sums["shipping"], exponent),
            duty_minor=_minor(sums["duty"], exponent),
            tax_minor=_minor(one.total_tax_amount, exponent),
            taxes_included=one.prices_include_tax,
        ),
        order=one.id if kind == "order" else one.order_id.replace(_NO_ID, ""),
        marks=tuple(mark for mark in marks if mark),
        day=_dated(one.order_date),
        dated=next((x for x in map(_dated, own) if x), ""),
        draft=kind != "order" and one.status.replace("_x0020_", " ") in _DRAFTS,
        lines=sum(line.line_type != COMMENT for line in lines),
    )


def _dated(day: str) -> str:
    """Return a day, "" for the one that stands for none."""
    return "" if day.startswith("0001") else day


def _minor(amount: Decimal, exponent: int) -> int:
    return int(amount.scaleb(exponent).to_integral_value())
