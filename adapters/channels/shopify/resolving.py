"""Of which order a webhook is that carries a fulfilment order's id alone: Shopify is asked.

https://shopify.dev/docs/api/admin-graphql/2026-10/queries/fulfillmentOrder
"""

from __future__ import annotations

import msgspec

from adapters.channels.shopify.graphql import ShopifyGraphql
from adapters.channels.shopify.topics import TOPICS, fulfilment_order_in, named_order
from adapters.kit.fetching import SETTLED, Resolved
from schemas.contracts.refusals import Refused
from schemas.contracts.strict_json import parse

ORDER_OF_QUERY = """
query OrderOfFulfilment($id: ID!) {
  fulfillmentOrder(id: $id) { orderId status }
}
"""


class _FulfilmentOrder(msgspec.Struct, frozen=True, rename="camel"):
    order_id: str | None = None
    status: str = ""


class _Data(msgspec.Struct, frozen=True, rename="camel"):
    fulfillment_order: _FulfilmentOrder | None = None


_decoder = msgspec.json.Decoder(_Data)


async def resolved(graphql: ShopifyGraphql, topic: str, raw: bytes) -> Resolved | None:
    """Return the webhook with its order's id beside it, SETTLED for what is not so any more, and
    None where Shopify has no such order. Raises the errors of `actors.runtime.errors`."""
    meaning = TOPICS.get(topic)
    try:
        tree = parse(raw)
    except Refused:
        return None
    gid = fulfilment_order_in(tree)
    if meaning is None or not meaning.resolves or not gid or not isinstance(tree, dict):
        return None
    data = await graphql.ask(None, ORDER_OF_QUERY, {"id": gid}, _decoder, writes=False)
    found = data.fulfillment_order
    if found is not None and meaning.still and found.status not in meaning.still:
        return SETTLED
    named = {**tree, "admin_graphql_api_order_id": found.order_id if found is not None else None}
    ref = named_order(topic, named)
    return Resolved(ref=ref, raw=msgspec.json.encode(named)) if ref else None
