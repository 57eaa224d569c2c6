"""The further webhooks that Shopify sends when an order is placed: nothing in them is news to who
has read `orders/create`. https://shopify.dev/docs/api/webhooks (2026-10)
"""

from __future__ import annotations

import json
from collections.abc import Iterator

from ops.simulators.shop_statement import Json


def placing_news(body: bytes, *, paid: bool) -> Iterator[tuple[str, bytes]]:
    """Yield topic and payload of each, in the order in which they are sent. `body` is the order as
    it was placed; one that is not paid yet has no transaction."""
    order: Json = json.loads(body)
    if paid:
        transaction = {
            "id": order["id"],
            "order_id": order["id"],
            "admin_graphql_api_id": f"gid://shopify/OrderTransaction/{order['id']}",
            "kind": "sale",
            "status": "success",
            "amount": order["total_price"],
            "currency": order["currency"],
            "created_at": order["created_at"],
        }
        yield "order_transactions/create", json.dumps(transaction).encode()
        yield "orders/paid", body
    yield "orders/updated", body
    routed = {"id": f"gid://shopify/FulfillmentOrder/{order['id']}", "status": "open"}
    topic = "fulfillment_orders/order_routing_complete"
    yield topic, json.dumps({"fulfillment_order": routed}).encode()
    yield "orders/updated", body
