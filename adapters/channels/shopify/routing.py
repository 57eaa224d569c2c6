"""Which pieces leave from our places, where the shop's fulfilment orders decide (`routing =
"channel"`): those that Shopify assigned to one of our locations.

https://shopify.dev/docs/apps/build/orders-fulfillment
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

from actors.runtime.errors import Retryable
from adapters.channels.shopify.goods_shapes import LIVE, FulfilmentOrder
from adapters.channels.shopify.graphql import PARTNER

# Any: a webhook's payload is free-form JSON.
_Json = dict[str, Any]


def count_ours(
    lines: Sequence[_Json], orders: Sequence[FulfilmentOrder], locations: frozenset[str]
) -> None:
    """Have each line say as fulfillable what is ours to send; the rest is gone, for us. `locations`
    are the digits of ours.

    Raises Retryable for an order that Shopify has not assigned to any location yet.
    """
    travelling = [one for one in lines if one["requires_shipping"] and one["fulfillable_quantity"]]
    if travelling and not orders:
        raise Retryable(f"{PARTNER} has not assigned the order to a location yet.", sick=False)
    ours = _left(orders, locations)
    for line in travelling:
        number = line["admin_graphql_api_id"].rpartition("/")[2]
        line["fulfillable_quantity"] = min(line["fulfillable_quantity"], ours[number])
        line["by_location"] = True


def _left(orders: Iterable[FulfilmentOrder], locations: frozenset[str]) -> Counter[str]:
    found: Counter[str] = Counter()
    for one in orders:
        if one.status in LIVE and one.location.rpartition("/")[2] in locations:
            for line in one.line_items.nodes:
                found[line.line_item.id.rpartition("/")[2]] += line.remaining_quantity
    return found
