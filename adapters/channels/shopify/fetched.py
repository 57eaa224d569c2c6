"""Shopify: one order as it is now (Admin GraphQL 2026-10), written down as its webhooks write it.

So one translation (`order`) reads both. An order has a handful of lines, and Shopify asks
beforehand for what a query could cost at most: so few lines come with the order, and more of them,
and what lines without a SKU are, are asked for only where there are some.
https://shopify.dev/docs/api/admin-graphql/2026-10/queries/order
"""

from __future__ import annotations

from typing import Any

import msgspec

from actors.runtime.errors import NeedsPerson, Rejected, Retryable
from actors.runtime.partner import Call
from adapters.channels.shopify import fetched_shapes as shapes
from adapters.channels.shopify.as_webhook import as_webhook, fulfilment_as_told
from adapters.channels.shopify.goods import MAX_ROWS, ShopifyGoods
from adapters.channels.shopify.goods_shapes import PageInfo
from adapters.channels.shopify.graphql import PARTNER, AccessDenied, ShopifyGraphql, order_gid
from adapters.channels.shopify.routing import count_ours, count_unasked, of_services, tell_ways
from adapters.channels.shopify.standing import methods_of
from adapters.kit.http_client import lost

FIRST_LINES = 10
"""Lines that come with the order: nine of ten orders have no more."""

MORE_LINES = 50
"""Lines of each further page: about 750 points of the thousand that one query may ask for."""

MAX_LINES = 1_000
"""Lines that are read, removed ones among them. `order.v1` takes 500 that are left."""

MAX_SHIPPING_LINES = 10
"""Ways of shipping, removed ones among them. Checkout makes one for each delivery group."""

MAX_DISCOUNTS = 50
"""Discounts by name. What is beyond is in the amounts all the same; Shopify allows about thirty."""

_MONEY = "{ shopMoney { amount currencyCode } presentmentMoney { amount currencyCode } }"

_LINE_FIELDS = f"""
fragment LineFields on LineItem {{
  id
  name
  title
  sku
  quantity
  currentQuantity
  unfulfilledQuantity
  requiresShipping
  isGiftCard
  fulfillmentService {{ handle }}
  weight {{ unit value }}
  originalUnitPriceSet {_MONEY}
  customAttributes {{ key value }}
  discountAllocations {{ allocatedAmountSet {_MONEY} discountApplication {{ index }} }}
  taxLines {{ title rate priceSet {_MONEY} }}
}}
"""

ORDER_QUERY = f"""
query OrderAsItIs($id: ID!, $lines: Int!, $ways: Int!, $discounts: Int!) {{
  order(id: $id) {{
    id
    name
    createdAt
    updatedAt
    cancelledAt
    cancelReason
    displayFinancialStatus
    displayFulfillmentStatus
    sourceName
    sourceIdentifier
    registeredSourceUrl
    tags
    paymentGatewayNames
    currencyCode
    presentmentCurrencyCode
    taxesIncluded
    dutiesIncluded
    test
    email
    phone
    note
    poNumber
    customerLocale
    customAttributes {{ key value }}
    customer {{
      id
      firstName
      lastName
      defaultEmailAddress {{ emailAddress }}
      defaultPhoneNumber {{ phoneNumber }}
    }}
    shippingAddress {{ ...AddressFields }}
    billingAddress {{ ...AddressFields }}
    totalPriceSet {_MONEY}
    currentTotalPriceSet {_MONEY}
    currentSubtotalPriceSet {_MONEY}
    totalTaxSet {_MONEY}
    currentTotalTaxSet {_MONEY}
    currentShippingPriceSet {_MONEY}
    currentTotalDutiesSet {_MONEY}
    currentTotalAdditionalFeesSet {_MONEY}
    totalTipReceivedSet {_MONEY}
    totalOutstandingSet {_MONEY}
    refunds(first: 1) {{ createdAt }}
    discountCodes
    discountApplications(first: $discounts) {{
      nodes {{
        index
        ... on DiscountCodeApplication {{ code }}
        ... on AutomaticDiscountApplication {{ title }}
        ... on ScriptDiscountApplication {{ title }}
        ... on ManualDiscountApplication {{ title description }}
      }}
    }}
    shippingLines(first: $ways, includeRemovals: true) {{
      nodes {{
        title
        code
        isRemoved
        discountedPriceSet {_MONEY}
        currentDiscountedPriceSet {_MONEY}
        taxLines {{ title }}
        discountAllocations {{ allocatedAmountSet {_MONEY} discountApplication {{ index }} }}
      }}
      pageInfo {{ hasNextPage endCursor }}
    }}
    lineItems(first: $lines) {{
      nodes {{ ...LineFields }}
      pageInfo {{ hasNextPage endCursor }}
    }}
  }}
}}
{_LINE_FIELDS}
fragment AddressFields on MailingAddress {{
  name
  firstName
  lastName
  company
  address1
  address2
  city
  zip
  province
  provinceCode
  countryCodeV2
  phone
}}
"""

LINES_QUERY = f"""
query MoreLines($id: ID!, $lines: Int!, $after: String!) {{
  order(id: $id) {{
    updatedAt
    lineItems(first: $lines, after: $after) {{
      nodes {{ ...LineFields }}
      pageInfo {{ hasNextPage endCursor }}
    }}
  }}
}}
{_LINE_FIELDS}
"""

ARTICLES_QUERY = """
query ArticlesOfLines($ids: [ID!]!) {
  nodes(ids: $ids) {
    ... on LineItem { id variant { id } product { id } }
  }
}
"""

TERMS_QUERY = """
query TermsOfOrder($id: ID!) {
  order(id: $id) { paymentTerms { paymentTermsName } }
}
"""

REQUESTS_QUERY = """
query RequestsOfOrder($id: ID!, $after: String) {
  order(id: $id) {
    fulfillmentOrders(first: 50, after: $after) {
      nodes {
        id
        requestStatus
        assignedLocation { location { fulfillmentService { handle } } }
      }
      pageInfo { hasNextPage endCursor }
    }
  }
}
"""

_UNPAID = frozenset({"PENDING", "EXPIRED", "PARTIALLY_PAID"})
_UNNAMED = frozenset({"manual"})
"""Gateways that say nothing of how an order is paid: it may be on terms."""
_BEGUN = frozenset({"FULFILLED", "PARTIALLY_FULFILLED"})
_UNTOUCHED = "UNFULFILLED"

_NEEDED = (
    "Give the app the scopes read_orders, read_customers, read_products (for lines without SKU) "
    "and read_payment_terms (for orders on terms) in the shop, and in its Partner Dashboard the "
    "access to protected customer data with name, email, phone and address; then fetch the order "
    "again"
)

_CHANGED = f"The order changed at {PARTNER} while its"

# Any: a webhook's payload is free-form JSON that is written here and read by `shopify_shapes`.
_Json = dict[str, Any]

_encode = msgspec.json.Encoder(order="sorted").encode


class ShopifyFetched:
    """Fetches the current orders of one shop."""

    def __init__(
        self,
        graphql: ShopifyGraphql,
        goods: ShopifyGoods,
        locations: frozenset[str] = frozenset(),
        services: frozenset[str] = frozenset(),
    ) -> None:
        self._graphql = graphql
        self._goods = goods
        self._locations = locations
        self._services = services

    async def bundle(self, ref: str, call: Call) -> bytes:
        """Return the order in the shape of `orders/updated`, with sorted keys: the same state gives
        the same bytes.

        Raises Rejected for an order the shop does not have or does not show, Retryable when it
        changed while its lines were read, and the other errors of `actors.runtime.errors`.
        """
        try:
            order = await self._order(order_gid(ref), call)
        except AccessDenied as error:
            raise Rejected(f"{error} {_NEEDED}.") from error
        return _encode(order)

    async def _order(self, gid: str, call: Call) -> _Json:
        variables = {
            "id": gid,
            "lines": FIRST_LINES,
            "ways": MAX_SHIPPING_LINES,
            "discounts": MAX_DISCOUNTS,
        }
        found = await self._graphql.ask(call, ORDER_QUERY, variables, _read_order, writes=False)
        order = found.order
        if order is None:
            raise Rejected(
                f"{PARTNER} has no order {gid.rpartition('/')[2]}. It was deleted there, belongs "
                "to another shop than this channel's, or is older than 60 days, which needs the "
                "scope read_all_orders."
            )
        if order.shipping_lines.page_info.has_next_page:
            raise NeedsPerson(
                f"The order has more than {MAX_SHIPPING_LINES} ways of shipping at {PARTNER}; so "
                "many are not read. Enter it by hand, and cancel it here."
            )
        lines = [*order.line_items.nodes, *await self._more_lines(order, call)]
        articles = await self._articles([one.id for one in lines if not one.has_sku()], call)
        told = as_webhook(order, lines, articles)
        if order.display_fulfillment_status in _BEGUN:
            told["fulfillments"] = await self._fulfilments(order, call)
        elif order.display_fulfillment_status == _UNTOUCHED:
            told["fulfillments"] = []
        if order.display_financial_status in _UNPAID and _UNNAMED.issuperset(
            order.payment_gateway_names
        ):
            told["payment_terms"] = await self._terms(order, call)
        asked = of_services(told["line_items"], self._services)
        several = sum(not one["is_removed"] for one in told["shipping_lines"]) > 1
        if self._locations or asked or several:
            goods = await self._goods.now(call)
            if goods.updated_at != order.updated_at:
                # Pieces that were cancelled or removed meanwhile are not another location's.
                raise Retryable(f"{_CHANGED} fulfilment orders were read.", sick=False)
            if self._locations:
                count_ours(told["line_items"], goods.orders, self._locations)
            if asked:
                count_unasked(asked, goods.orders, await self._unasked(call))
            if several:
                methods = await methods_of(self._graphql, call)
                tell_ways(told["line_items"], goods.orders, methods)
        return told

    async def _unasked(self, call: Call) -> frozenset[str]:
        """Return the ids of the order's fulfilment orders that services of ours are not asked to
        take on."""
        found: list[shapes.Requested] = []
        page = PageInfo(has_next_page=True)
        while page.has_next_page and len(found) < MAX_ROWS:
            asked = {"id": order_gid(call.ref), "after": page.end_cursor}
            data = await self._graphql.ask(
                call, REQUESTS_QUERY, asked, _read_requests, writes=False
            )
            if data.order is None:
                raise lost(PARTNER, "answered without what was asked for", writes=False)
            found += data.order.fulfillment_orders.nodes
            page = page.then(data.order.fulfillment_orders.page_info)
        return frozenset(one.id for one in found if one.waits_for(self._services))

    async def _fulfilments(self, order: shapes.Order, call: Call) -> list[_Json]:
        """Return the fulfilments that stand, each with its lines."""
        return [
            fulfilment_as_told(one, await self._goods.contents(call, one.id))
            for one in await self._goods.fulfilments(call)
            if one.stands
        ]

    async def _terms(self, order: shapes.Order, call: Call) -> _Json | None:
        """Return by what terms an order is paid that names no way to pay."""
        asked = {"id": order.id}
        found = await self._graphql.ask(call, TERMS_QUERY, asked, _read_terms, writes=False)
        terms = found.order.payment_terms if found.order is not None else None
        return None if terms is None else {"payment_terms_name": terms.payment_terms_name}

    async def _more_lines(self, order: shapes.Order, call: Call) -> list[shapes.Line]:
        found: list[shapes.Line] = []
        page = order.line_items.page_info
        while page.has_next_page:
            if not page.end_cursor:
                raise lost(PARTNER, "answered without what was asked for", writes=False)
            if len(order.line_items.nodes) + len(found) >= MAX_LINES:
                raise NeedsPerson(
                    f"The order has more than {MAX_LINES:,} lines at {PARTNER}. Split it there, or "
                    "enter it by hand, and cancel it here."
                )
            variables = {"id": order.id, "lines": MORE_LINES, "after": page.end_cursor}
            data = await self._graphql.ask(call, LINES_QUERY, variables, _read_lines, writes=False)
            if data.order is None or data.order.updated_at != order.updated_at:
                raise Retryable(f"{_CHANGED} lines were read.", sick=False)
            found += data.order.line_items.nodes
            page = page.then(data.order.line_items.page_info)
        return found

    async def _articles(self, ids: list[str], call: Call) -> dict[str, shapes.Article]:
        found: dict[str, shapes.Article] = {}
        for at in range(0, len(ids), MORE_LINES):
            variables = {"ids": ids[at : at + MORE_LINES]}
            data = await self._graphql.ask(
                call, ARTICLES_QUERY, variables, _read_articles, writes=False
            )
            found |= {one.id: one for one in data.nodes if one is not None}
        return found


_read_order = msgspec.json.Decoder(shapes.OrderAnswer)
_read_lines = msgspec.json.Decoder(shapes.LinesAnswer)
_read_terms = msgspec.json.Decoder(shapes.TermsAnswer)
_read_articles = msgspec.json.Decoder(shapes.ArticlesAnswer)
_read_requests = msgspec.json.Decoder(shapes.RequestsAnswer)
