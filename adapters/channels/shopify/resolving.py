"""Of which order a webhook is that carries the id of a fulfilment order or a return alone: Shopify
is asked.

https://shopify.dev/docs/api/admin-graphql/2026-10/queries/fulfillmentOrder
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection

import msgspec

from adapters.channels.shopify.goods import MAX_ROWS, number_of
from adapters.channels.shopify.goods_shapes import Assigned, OpenLines, PageInfo
from adapters.channels.shopify.graphql import ShopifyGraphql
from adapters.channels.shopify.naming import (
    FULFILL_AT,
    REMAINING,
    REQUESTED_OF_US,
    STILL,
    fulfilment_order_in,
    named_order,
    return_in,
)
from adapters.channels.shopify.standing import REQUESTED, SUBMITTED
from adapters.channels.shopify.topics import TOPICS
from adapters.kit.fetching import SETTLED, Resolved
from schemas.contracts.refusals import Refused
from schemas.contracts.strict_json import parse

ORDER_OF_QUERY = """
query OrderOfFulfilment($id: ID!) {
  fulfillmentOrder(id: $id) { orderId status }
}
"""

ALL_OF_ORDER_QUERY = """
query AllOfOrder($id: ID!) {
  fulfillmentOrder(id: $id) {
    orderId
    status
    order { fulfillmentOrders(first: 50) { nodes { status } } }
  }
}
"""

LEFT_QUERY = """
query LeftOfOne($id: ID!, $after: String) {
  fulfillmentOrder(id: $id) {
    orderId
    status
    requestStatus
    fulfillAt
    assignedLocation { location { id } }
    lineItems(first: 100, after: $after) {
      nodes { id remainingQuantity lineItem { id } }
      pageInfo { hasNextPage endCursor }
    }
  }
}
"""

REQUESTED_QUERY = """
query Requested($id: ID!) {
  fulfillmentOrder(id: $id) {
    orderId
    requestStatus
    assignedLocation { location { fulfillmentService { handle } } }
  }
}
"""

ORDER_OF_RETURN_QUERY = """
query OrderOfReturn($id: ID!) {
  return(id: $id) { order { id } }
}
"""


class _Status(msgspec.Struct, frozen=True):
    status: str = ""


class _Statuses(msgspec.Struct, frozen=True):
    nodes: list[_Status] = []


class _Others(msgspec.Struct, frozen=True, rename="camel"):
    fulfillment_orders: _Statuses = _Statuses()


class _Order(msgspec.Struct, frozen=True):
    id: str = ""


class _Return(msgspec.Struct, frozen=True):
    order: _Order = _Order()


class _FulfilmentOrder(msgspec.Struct, frozen=True, rename="camel"):
    order_id: str | None = None
    status: str = ""
    request_status: str = ""
    fulfill_at: str | None = None
    assigned_location: Assigned = Assigned()
    order: _Others | None = None
    line_items: OpenLines = OpenLines([], PageInfo())

    def has(self, status: str) -> bool:
        """Say whether any fulfilment order of the same order has this status."""
        return self.order is not None and any(
            one.status == status for one in self.order.fulfillment_orders.nodes
        )


class _Data(msgspec.Struct, frozen=True, rename="camel"):
    fulfillment_order: _FulfilmentOrder | None = None
    returned: _Return | None = msgspec.field(default=None, name="return")


_decoder = msgspec.json.Decoder(_Data)


async def resolved(
    graphql: ShopifyGraphql,
    topic: str,
    raw: bytes,
    *,
    routed: bool = False,
    locations: Collection[str] = (),
    services: Collection[str] = (),
) -> Resolved | None:
    """Return the webhook with its order's id beside it, SETTLED for what is not so any more, and
    None where Shopify has no such order. `routed`: goods at these `locations` alone are ours.
    `services` are the handles of fulfilment services of ours.
    Raises the errors of `actors.runtime.errors`."""
    meaning = TOPICS.get(topic)
    try:
        tree = parse(raw)
    except Refused:
        return None
    if meaning is None or not isinstance(tree, dict):
        return None
    if not meaning.resolves and not (routed and meaning.routes):
        return None
    if topic.startswith("returns/"):
        gid = return_in(tree)
        data = await _ask(graphql, ORDER_OF_RETURN_QUERY, gid) if gid else _Data()
        return _named(topic, tree, data.returned.order.id if data.returned else "")
    gid = fulfilment_order_in(tree)
    if not gid:
        return None
    if meaning.requests:
        return await _requested(graphql, topic, tree, gid, services)
    if meaning.stops or (meaning.later and meaning.only_if(tree)):
        return await _with_lines(graphql, topic, tree, gid, locations if routed else None)
    query = ALL_OF_ORDER_QUERY if meaning.gone else ORDER_OF_QUERY
    found = (await _ask(graphql, query, gid)).fulfillment_order
    asked = meaning.resolves and meaning.only_if(tree)
    if found is None:
        return None if asked else SETTLED  # where goods went that are there no more matters to none
    still = meaning.still if asked else ()
    if still and found.status not in still:
        return SETTLED
    if meaning.gone and found.has(meaning.gone):
        if not meaning.due:
            return SETTLED
        tree = {**tree, STILL: True}
    return _named(topic, tree, found.order_id or "")


async def _requested(
    graphql: ShopifyGraphql,
    topic: str,
    tree: dict[str, object],
    gid: str,
    services: Collection[str],
) -> Resolved | None:
    """Return the message as a request to one of these services; SETTLED for one to another service,
    and one that was answered or withdrawn since."""
    found = (await _ask(graphql, REQUESTED_QUERY, gid)).fulfillment_order
    if found is None or found.request_status != SUBMITTED:
        return SETTLED
    if found.assigned_location.service not in {one.casefold() for one in services}:
        return SETTLED
    return _named(topic, {**tree, REQUESTED_OF_US: True}, found.order_id or "")


async def _with_lines(
    graphql: ShopifyGraphql,
    topic: str,
    tree: dict[str, object],
    gid: str,
    locations: Collection[str] | None,
) -> Resolved | None:
    """Return the message with what the fulfilment order has left, and its date, where it is at one
    of these locations (None: at any); SETTLED for a request that was answered or withdrawn since,
    and a date that has come."""
    left: Counter[str] = Counter()
    found, page = None, PageInfo(has_next_page=True)
    while page.has_next_page and len(left) < MAX_ROWS:
        found = (await _ask(graphql, LEFT_QUERY, gid, after=page.end_cursor)).fulfillment_order
        if found is None:
            return None
        for line in found.line_items.nodes:
            left[number_of(line.line_item.id)] += max(0, line.remaining_quantity)
        page = page.then(found.line_items.page_info)
    stops = TOPICS[topic].stops
    if found is None or (
        found.request_status != REQUESTED if stops else found.status != "SCHEDULED"
    ):
        return SETTLED
    location = found.assigned_location.location
    if locations is None or (location is not None and number_of(location.id) in locations):
        tree = {**tree, REMAINING: dict(+left), FULFILL_AT: found.fulfill_at}
    return _named(topic, tree, found.order_id or "")


async def _ask(graphql: ShopifyGraphql, query: str, gid: str, *, after: str | None = None) -> _Data:
    asked = {"id": gid} if after is None else {"id": gid, "after": after}
    return await graphql.ask(None, query, asked, _decoder, writes=False)


def _named(topic: str, tree: dict[str, object], order: str) -> Resolved | None:
    named = {**tree, "admin_graphql_api_order_id": order or None}
    ref = named_order(topic, named)
    return Resolved(ref=ref, raw=msgspec.json.encode(named)) if ref else None
