"""Microsoft Dynamics 365 Business Central, API v2.0: the sales order, its changes and its undoing.

It honours no idempotency key. The externalDocumentNumber (a code of at most 35 characters, kept in
capitals) is what people search by: channel and shop's number. Our reference stands on a comment
line. A look-up filters by the first and confirms by the second, also in what an order was posted
to: shipments, invoices and credit memos keep both.
https://learn.microsoft.com/dynamics365/business-central/dev-itpro/api-reference/v2.0/
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from urllib.parse import quote
from zoneinfo import ZoneInfo

import msgspec

from actors.runtime.errors import NeedsPerson, Rejected, Retryable
from actors.runtime.partner import Call
from adapters.erp.business_central.accounts import account_of
from adapters.erp.business_central.books import BusinessCentralBooks
from adapters.erp.business_central.comments import marked
from adapters.erp.business_central.counting import ItemCounts
from adapters.erp.business_central.documents import (
    Document,
    Documents,
    Step,
    differences,
)
from adapters.erp.business_central.items import Items, in_quotes
from adapters.erp.business_central.sales_order import (
    ITEM,
    Booking,
    SalesOrder,
    external_number,
    sales_order,
)
from adapters.erp.business_central.settings import BusinessCentralSettings
from adapters.kit.fitting import phrases
from adapters.kit.http_client import Answer, HttpClient
from adapters.kit.json_partner import JsonPartner, status_words, titled
from adapters.kit.oauth import ClientCredentials, TokenCache
from schemas.messages.effects import (
    AmendSalesOrder,
    CancelSalesOrder,
    PostSalesOrder,
    Result,
    SalesOrderAmended,
    SalesOrderPosted,
    Undone,
)
from schemas.order.canonical import Order
from schemas.order.world import Account

_TRACE_IN_MESSAGE = re.compile(r"\s*CorrelationId:\s*[0-9a-fA-F-]{36}\.?")
ORDERS, INVOICES = "salesOrders", "salesInvoices"
SHIPMENTS, CREDITS = "salesShipments", "salesCreditMemos"
_POSTED = ((INVOICES, "invoice"), (SHIPMENTS, "shipment"), (CREDITS, "credit memo"))
"""Where a sales order goes when it is posted, and what reverses it."""
MAX_FOUND = 20
"""Documents under one number of one channel: each attempt makes one at most."""
_NO_ID = "00000000-0000-0000-0000-000000000000"


class _Error(msgspec.Struct, frozen=True):
    code: str = ""
    message: str = ""


class _Refusal(msgspec.Struct, frozen=True):
    error: _Error = _Error()


_LINES = "?$expand=salesOrderLines"
_document = msgspec.json.Decoder(Document)
_documents = msgspec.json.Decoder(Documents)
_refusal = msgspec.json.Decoder(_Refusal)


class BusinessCentral:
    """An ERP behind `actors.runtime.partner.Partner`; `name` is the instance's. `zones` are the
    time zones of the shops' days, by channel, "" where the shop's own times say enough."""

    can_look_up = True

    def __init__(
        self,
        client: HttpClient,
        settings: BusinessCentralSettings,
        *,
        name: str = "",
        zones: Mapping[str, str] | None = None,
    ) -> None:
        self.name = name or "business_central"
        self._settings = settings
        self._zones = {} if zones is None else zones
        title = titled("Business Central", name)
        credentials = ClientCredentials(
            token_url=settings.token_url,
            client_id=settings.client_id,
            client_secret=settings.client_secret.reveal(),
            scope=settings.scope,
        )
        self._tokens = TokenCache(client, credentials, title)
        company = quote(settings.company_id, safe="-")
        self._api = JsonPartner(
            client,
            name=self.name,
            title=title,
            base_url=f"{settings.base_url.rstrip('/')}/companies({company})",
            timeout_seconds=settings.calls.timeout_seconds,
            sender=self._tokens,
            words=_words,
        )
        self._items = Items(self._api)
        self.counts = ItemCounts(self._api)
        self.books = BusinessCentralBooks(self._api, settings)

    async def perform(self, call: Call) -> Result:
        """Create the sales order, change it, or delete it."""
        match call.effect:
            case PostSalesOrder():
                return await self._post(call, call.effect)
            case AmendSalesOrder():
                return await self._amend(call, call.effect)
            case CancelSalesOrder(erp_id=erp_id):
                return await self._delete(call, erp_id)
            case other:
                raise TypeError(f"{self._api.title} can't carry out {type(other).__name__}.")

    async def look_up(self, call: Call) -> Result | None:
        """Find the sales order by our reference; a deleted one is gone. An amendment is found where
        the sales order says what it should."""
        match call.effect:
            case PostSalesOrder():
                return await self._find(call)
            case AmendSalesOrder(erp_id=erp_id, digest=digest):
                there = await self._open(call, erp_id)
                try:
                    right = differences(self._wanted(call, call.effect), there) == ({}, [])
                except Rejected:
                    return None  # of an order that has changed since: the amendment itself says so
                return SalesOrderAmended(digest=digest) if right else None
            case CancelSalesOrder(erp_id=erp_id):
                if await self._get(call, erp_id, _LINES) is not None:
                    return None
                await self._refuse_posted(call)
                return Undone(detail="The sales order is gone.")
            case other:
                raise TypeError(f"{self._api.title} can't carry out {type(other).__name__}.")

    async def close(self) -> None:
        """Stop fetching tokens."""
        await self._tokens.close()

    async def account(self, order: Order) -> Account:
        """Return how the account of an order's customer stands now. Raises PartnerError."""
        return await account_of(self._api, order)

    async def probe(self) -> str:
        """Read one sales order with the credentials set; return what that showed."""
        answer = await self._api.ask(None, "GET", "/salesOrders?$top=1&$select=number")
        if answer.status >= 400:
            raise self._api.refused("to show its sales orders", answer)
        self._api.decoded(_documents, answer, writes=False)
        named = self._settings.channels_named() if self._zones else []
        if strange := [one for one in named if one not in self._zones]:
            raise Rejected(
                f"`customers` of {self.name} names {', '.join(strange)}, and no channel is called "
                "so. Correct the name, or its orders are booked on another customer."
            )
        return f"{self._api.title} shows the sales orders of company {self._settings.company_id}."

    async def _post(self, call: Call, effect: PostSalesOrder) -> Result:
        wanted = self._wanted(call, effect)
        await self._items.refuse_unknown(call, _items_of(wanted))
        answer = await self._api.ask(call, "POST", "/salesOrders", body=wanted.body())
        if answer.status >= 400:
            raise self._api.refused("the sales order", answer)
        made = self._api.decoded(_document, answer, writes=True)
        return self._adopted(call, made)

    def _wanted(self, call: Call, effect: PostSalesOrder | AmendSalesOrder) -> SalesOrder:
        zone = self._zones.get(call.channel)
        booking = Booking(
            channel=call.channel,
            reference=call.reference,
            zone=ZoneInfo(zone) if zone else None,
        )
        return sales_order(call.stated, effect.units, booking=booking, settings=self._settings)

    def _adopted(self, call: Call, document: Document) -> SalesOrderPosted:
        """Return the sales order as ours, unless its amounts mean something else there."""
        self._refuse_other_money(call, document)
        return SalesOrderPosted(erp_id=document.id, number=document.number)

    def _refuse_other_money(self, call: Call, document: Document) -> None:
        order, totals = call.stated, call.stated.totals
        if document.currencyCode and document.currencyCode.upper() != order.currency:
            raise NeedsPerson(
                f"{self._api.title} takes the prices of sales order {document.number} as "
                f"{document.currencyCode}, and the shop's are {order.currency}. Delete it there, "
                "set `customers` to a customer of that currency, and retry.",
                outcome_known=False,
            )
        gross = document.pricesIncludeTax
        if gross is not None and totals.tax_minor and gross != totals.taxes_included:
            setting = "gross_customer_number" if totals.taxes_included else "customer_number"
            raise NeedsPerson(
                f"{self._api.title} takes the prices of sales order {document.number} as "
                f"{'with' if gross else 'without'} tax, and the shop's are "
                f"{'with' if totals.taxes_included else 'without'}. Delete it there, set {setting} "
                "or `customers` to a customer whose prices are as the shop's, and retry.",
                outcome_known=False,
            )

    async def _find(self, call: Call) -> Result | None:
        """Find the sales order, or the invoice that it has become: then it was made, and what is
        still to be changed or undone says so when it is tried."""
        found = await self._search(call, ORDERS)
        if not found:
            return await self._find_posted(call)
        if len(found) > 1:
            numbers = " and ".join(order.number for order in found)
            raise NeedsPerson(
                f"{self._api.title} has several sales orders for this order: {numbers}. Delete all "
                "but one there and retry.",
                outcome_known=False,
            )
        return self._adopted(call, found[0])

    async def _find_posted(self, call: Call) -> Result | None:
        invoices = await self._search(call, INVOICES)
        if len(invoices) != 1 or await self._search(call, CREDITS):
            await self._refuse_posted(call)
            return None
        (invoice,) = invoices
        self._refuse_other_money(call, invoice)
        was = invoice.orderId if invoice.orderId not in ("", _NO_ID) else invoice.id
        return SalesOrderPosted(erp_id=was, number=invoice.orderNumber or invoice.number)

    async def _search(self, call: Call, collection: str) -> list[Document]:
        """Return the documents under channel and number, or under our reference, that bear it.
        Raises NeedsPerson where only documents are found that no reference tells whose they are."""
        number = in_quotes(external_number(call.channel, call.stated.number))
        earlier = in_quotes(call.reference)  # what earlier versions wrote there
        field = "externalDocumentNumber"
        wish = quote(f"{field} eq {number} or {field} eq {earlier}", safe="'")
        lines = f"{collection.removesuffix('s')}Lines"
        query = f"?$filter={wish}&$top={MAX_FOUND}&$expand={lines}"
        answer = await self._api.ask(call, "GET", f"/{collection}{query}")
        if answer.status == 404 and collection != ORDERS:
            return []  # an API version without this collection; the orders themselves were found
        if answer.status >= 400:
            raise self._api.unanswered("whether it has the sales order", answer)
        every = self._api.decoded(_documents, answer, writes=False).value
        ours = [one for one in every if one.bears(call.reference)]
        unmarked = [one.number for one in every if not one.is_marked]
        if not ours and (unmarked or len(every) == MAX_FOUND):
            shown = " and ".join(unmarked[:3] or [one.number for one in every[:3]])
            raise NeedsPerson(
                f"{self._api.title} has {shown} under this order's number, without our reference. "
                f'Add the comment line "{marked(call.reference)}" to the one that is this order, '
                "or change its external document number if it is another, and retry.",
                outcome_known=False,
            )
        return ours

    async def _refuse_posted(self, call: Call) -> None:
        """Raise NeedsPerson where the sales order was posted: then it is in `salesOrders` no more,
        and yet it exists. It must not be made again; it surely was neither changed nor deleted."""
        for collection, what in _POSTED:
            if found := await self._search(call, collection):
                raise NeedsPerson(
                    f"The sales order of this order was posted in {self._api.title} as {what} "
                    f"{found[0].number}, and can't be changed or deleted there any more. Settle "
                    "what differs there, and skip this step.",
                    outcome_known=not isinstance(call.effect, PostSalesOrder),
                )

    async def _amend(self, call: Call, effect: AmendSalesOrder) -> Result:
        """Make the sales order say what the order says now. Each step starts from what is there, so
        a repeat after an interruption goes on where it ended."""
        wanted = self._wanted(call, effect)
        document = await self._open(call, effect.erp_id)
        self._refuse_other_money(call, document)
        fields, steps = differences(wanted, document)
        if not fields and not steps:
            return SalesOrderAmended(digest=effect.digest)
        await self._items.refuse_unknown(call, _items_of(wanted))
        order = self._one(effect.erp_id)
        if fields:
            await self._change(call, "PATCH", order, fields, document.etag, document)
        for step in steps:
            await self._take(call, order, step, document)
        fields, steps = differences(wanted, await self._open(call, effect.erp_id))
        if fields or steps:
            told = [*fields, *(step.about for step in steps)]
            raise NeedsPerson(
                f"The sales order {document.number} in {self._api.title} was changed, and still "
                f"differs from the order in {', '.join(told[:5])}. Correct it there, and skip this "
                "step."
            )
        return SalesOrderAmended(digest=effect.digest)

    async def _take(self, call: Call, order: str, step: Step, document: Document) -> None:
        if step.line is None:
            path, etag = f"{order}/salesOrderLines", ""
        else:
            path, etag = f"{order}/salesOrderLines({quote(step.line.id, safe='-')})", step.line.etag
        await self._change(call, step.method, path, step.body, etag, document)

    async def _change(
        self, call: Call, method: str, path: str, body: object, etag: str, document: Document
    ) -> None:
        headers = {"If-Match": etag} if etag else None
        answer = await self._api.ask(call, method, path, body=body, headers=headers)
        if answer.status in (409, 412) or (answer.status == 404 and method == "DELETE"):
            raise Retryable(
                f"Someone is changing the sales order {document.number} in {self._api.title}.",
                sick=False,
            )
        if answer.status >= 400:
            raise self._api.refused(f"to change the sales order {document.number}", answer)
        self._api.acknowledged(answer)

    async def _open(self, call: Call, erp_id: str) -> Document:
        """Return the sales order with its lines. Raises NeedsPerson where it is gone or not
        ours."""
        document = await self._get(call, erp_id, _LINES)
        if document is None:
            await self._refuse_posted(call)
            raise NeedsPerson(
                f"{self._api.title} does not have the sales order any more. Enter it there again "
                "by hand if it is still wanted, and skip this step.",
                outcome_known=True,
            )
        self._refuse_strange(call, document)
        return document

    def _refuse_strange(self, call: Call, document: Document) -> None:
        if not document.bears(call.reference):
            raise NeedsPerson(
                f"The sales order {document.number} in {self._api.title} no longer has our "
                f"reference. If it belongs to this order, add the comment line "
                f'"{marked(call.reference)}" to it and retry; else skip this step.',
                outcome_known=True,
            )

    async def _delete(self, call: Call, erp_id: str) -> Result:
        """Delete the order as it was read: If-Match must be given, and guards against changes."""
        order = await self._get(call, erp_id, _LINES)
        if order is None:
            await self._refuse_posted(call)
            return Undone(detail="The sales order was gone already.")
        self._refuse_strange(call, order)
        headers = {"If-Match": order.etag}
        answer = await self._api.ask(call, "DELETE", self._one(erp_id), headers=headers)
        if answer.status == 404:
            return Undone(detail="The sales order was gone already.")
        if answer.status in (409, 412):
            raise Retryable(
                f"Someone is changing the sales order {order.number} in {self._api.title}.",
                sick=False,
            )
        if answer.status >= 400:
            raise self._api.refused(f"to delete the sales order {order.number}", answer)
        self._api.acknowledged(answer)
        return Undone(detail=f"Sales order {order.number} is deleted.")

    async def _get(self, call: Call, erp_id: str, query: str = "") -> Document | None:
        answer = await self._api.ask(call, "GET", self._one(erp_id) + query)
        if answer.status == 404:
            return None
        if answer.status >= 400:
            raise self._api.unanswered("whether it has the sales order", answer)
        return self._api.decoded(_document, answer, writes=False)

    def _one(self, erp_id: str) -> str:
        return f"/salesOrders({quote(erp_id, safe='-')})"


def _items_of(wanted: SalesOrder) -> list[str]:
    return [line.lineObjectNumber for line in wanted.lines if line.lineType == ITEM]


def _words(answer: Answer) -> str:
    try:
        error = _refusal.decode(answer.body).error
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return status_words(answer)
    return phrases([_TRACE_IN_MESSAGE.sub("", error.message)]) + (
        f" ({error.code})" if error.code else ""
    )
