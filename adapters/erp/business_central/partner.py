"""Microsoft Dynamics 365 Business Central, API v2.0: the sales order and its undoing.

It honours no idempotency key, so our correlation id is the order's externalDocumentNumber (35
characters are its limit), and that is how an order is found again.
https://learn.microsoft.com/dynamics365/business-central/dev-itpro/api-reference/v2.0/
"""

from __future__ import annotations

import re
from urllib.parse import quote

import msgspec
from yarl import URL

from actors.runtime.errors import NeedsPerson, Rejected, Retryable
from actors.runtime.ports import Call
from adapters.erp.business_central.sales_order import sales_order
from adapters.kit.fitting import phrases
from adapters.kit.http_client import USER_AGENT, Answer, HttpClient, decoded, traced
from adapters.kit.oauth import ClientCredentials, TokenCache
from schemas.messages.effects import (
    DeleteSalesOrder,
    PostSalesOrder,
    Result,
    SalesOrderPosted,
    Undone,
)

PARTNER = "Business Central"

_HEADERS = {
    "Content-Type": "application/json",
    "Accept": "application/json",
    "User-Agent": USER_AGENT,
}
_TRACE_IN_MESSAGE = re.compile(r"\s*CorrelationId:\s*[0-9a-fA-F-]{36}\.?")


class BusinessCentralSettings(msgspec.Struct, frozen=True, kw_only=True):
    """One company of one environment.

    `api_url` ends in `/api/v2.0`. `customer_number` is the customer that web orders are booked on;
    whether that customer's prices include tax is set there, not by us. `shipping_account` is the
    G/L account of shipping income; "" leaves shipping out of the sales order. `duty_account` is
    that of duty; with "" an order with duty goes to a person.
    """

    api_url: str
    company_id: str
    customer_number: str
    credentials: ClientCredentials
    shipping_account: str = ""
    duty_account: str = ""
    timeout_seconds: float = 30.0


class _Order(msgspec.Struct, frozen=True):
    id: str
    number: str = ""
    externalDocumentNumber: str = ""  # noqa: N815 — the partner's own spelling
    etag: str = msgspec.field(name="@odata.etag", default="")


class _Found(msgspec.Struct, frozen=True):
    value: list[_Order]


class _Error(msgspec.Struct, frozen=True):
    code: str = ""
    message: str = ""


class _Refusal(msgspec.Struct, frozen=True):
    error: _Error = _Error()


_order = msgspec.json.Decoder(_Order)
_found = msgspec.json.Decoder(_Found)
_refusal = msgspec.json.Decoder(_Refusal)


class BusinessCentral:
    """The ERP behind `actors.runtime.ports.Partner`."""

    name = "erp"
    can_look_up = True

    def __init__(self, client: HttpClient, settings: BusinessCentralSettings) -> None:
        self._settings = settings
        self._tokens = TokenCache(client, settings.credentials, PARTNER)
        company = quote(settings.company_id, safe="-")
        self._base = f"{settings.api_url.rstrip('/')}/companies({company})/salesOrders"
        self._orders = URL(self._base, encoded=True)

    async def perform(self, call: Call) -> Result:
        """Create the sales order, or delete it."""
        match call.effect:
            case PostSalesOrder():
                return await self._post(call)
            case DeleteSalesOrder(erp_id=erp_id):
                return await self._delete(call, erp_id)
            case other:
                raise TypeError(f"{PARTNER} has nothing to do with {type(other).__name__}.")

    async def look_up(self, call: Call) -> Result | None:
        """Find the sales order by our reference; a deleted one is gone."""
        match call.effect:
            case PostSalesOrder():
                return await self._find(call)
            case DeleteSalesOrder(erp_id=erp_id):
                gone = await self._get(call, erp_id) is None
                return Undone(detail="The sales order is gone.") if gone else None
            case other:
                raise TypeError(f"{PARTNER} has nothing to do with {type(other).__name__}.")

    async def close(self) -> None:
        """Stop fetching tokens."""
        await self._tokens.close()

    async def _post(self, call: Call) -> Result:
        body = sales_order(
            call.stated,
            external_number=call.correlation_id,
            customer_number=self._settings.customer_number,
            shipping_account=self._settings.shipping_account,
            duty_account=self._settings.duty_account,
        )
        answer = await self._ask("POST", self._orders, call, writes=True, body=body)
        if answer.status >= 400:
            raise _refused("the sales order", answer)
        made = decoded(_order, answer, partner=PARTNER, writes=True)
        return SalesOrderPosted(erp_id=made.id, number=made.number)

    async def _find(self, call: Call) -> Result | None:
        reference = quote(f"externalDocumentNumber eq '{call.correlation_id}'", safe="'")
        query = f"?$filter={reference}&$select=id,number,externalDocumentNumber&$top=3"
        url = URL(self._base + query, encoded=True)
        answer = await self._ask("GET", url, call, writes=False)
        if answer.status >= 400:
            raise _unanswered(answer)
        found = decoded(_found, answer, partner=PARTNER, writes=False).value
        if not found:
            return None
        if len(found) > 1:
            numbers = " and ".join(order.number for order in found)
            raise NeedsPerson(
                f"{PARTNER} has several sales orders for this order: {numbers}. Delete all but "
                "one there and retry."
            )
        return SalesOrderPosted(erp_id=found[0].id, number=found[0].number)

    async def _delete(self, call: Call, erp_id: str) -> Result:
        """Delete the order as it was read: If-Match must be given, and guards against changes."""
        order = await self._get(call, erp_id)
        if order is None:
            return Undone(detail="The sales order was gone already.")
        if order.externalDocumentNumber != call.correlation_id:
            raise NeedsPerson(
                f"The sales order {order.number} in {PARTNER} no longer bears our reference. "
                "Delete it there if it belongs to this order."
            )
        url = self._one(erp_id)
        answer = await self._ask("DELETE", url, call, writes=True, etag=order.etag)
        if answer.status == 404:
            return Undone(detail="The sales order was gone already.")
        if answer.status in (409, 412):
            raise Retryable(
                f"Somebody is changing the sales order {order.number} in {PARTNER}.", sick=False
            )
        if answer.status >= 400:
            raise _refused(f"to delete the sales order {order.number}", answer)
        return Undone(detail=f"Sales order {order.number} is deleted.")

    async def _get(self, call: Call, erp_id: str) -> _Order | None:
        answer = await self._ask("GET", self._one(erp_id), call, writes=False)
        if answer.status == 404:
            return None
        if answer.status >= 400:
            raise _unanswered(answer)
        return decoded(_order, answer, partner=PARTNER, writes=False)

    def _one(self, erp_id: str) -> URL:
        return URL(f"{self._base}({quote(erp_id, safe='-')})", encoded=True)

    async def _ask(
        self,
        method: str,
        url: URL,
        call: Call,
        *,
        writes: bool,
        body: bytes | None = None,
        etag: str = "",
    ) -> Answer:
        headers = traced(_HEADERS, call)
        if etag:
            headers = {**headers, "If-Match": etag}
        return await self._tokens.exchange(
            method,
            url,
            headers=headers,
            timeout_seconds=self._settings.timeout_seconds,
            writes=writes,
            body=body,
        )


def _words(answer: Answer) -> str:
    try:
        error = _refusal.decode(answer.body).error
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return f"HTTP {answer.status}"
    return phrases([_TRACE_IN_MESSAGE.sub("", error.message)]) + (
        f" ({error.code})" if error.code else ""
    )


def _refused(what: str, answer: Answer) -> Rejected:
    return Rejected(f"{PARTNER} refused {what}: {_words(answer)}.")


def _unanswered(answer: Answer) -> NeedsPerson:
    """Return the error for a look-up that was refused: then no one knows what is there."""
    return NeedsPerson(
        f"{PARTNER} would not say whether it has the sales order: {_words(answer)}.",
        outcome_known=False,
    )
