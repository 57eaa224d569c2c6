"""Which pieces leave from our places, where the shop's fulfilment orders decide (`routing =
"channel"`): those that Shopify assigned to one of our locations. Also which of a fulfilment service
of ours are not sent yet, because the seller has not asked it to, and how each line goes.

https://shopify.dev/docs/apps/build/orders-fulfillment
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from actors.runtime.errors import NeedsPerson, Retryable
from adapters.channels.shopify.goods_shapes import LIVE, FulfilmentOrder
from adapters.channels.shopify.graphql import PARTNER

# Any: a webhook's payload is free-form JSON.
_Json = dict[str, Any]

_UNASSIGNED = f"{PARTNER} has not assigned the order to a location yet."


def count_ours(
    lines: Sequence[_Json], orders: Sequence[FulfilmentOrder], locations: frozenset[str]
) -> None:
    """Have each line say as fulfillable what is ours to send; the rest is gone, for us. `locations`
    are the digits of ours.

    Raises Retryable for an order that Shopify has not assigned to any location yet.
    """
    travelling = [one for one in lines if one["requires_shipping"] and one["fulfillable_quantity"]]
    if travelling and not orders:
        raise Retryable(_UNASSIGNED, sick=False)
    ours = _counted(x for x in orders if x.location.rpartition("/")[2] in locations)
    for line in travelling:
        number = line["admin_graphql_api_id"].rpartition("/")[2]
        line["fulfillable_quantity"] = min(line["fulfillable_quantity"], ours[number])
        line["by_location"] = True


def of_services(lines: Sequence[_Json], services: frozenset[str]) -> list[_Json]:
    """Return the lines that one of these fulfilment services (folded handles) is to send."""
    return [
        one
        for one in lines
        if services
        and one["requires_shipping"]
        and (one["fulfillment_service"] or "").casefold() in services
    ]


def count_unasked(
    lines: Sequence[_Json], orders: Sequence[FulfilmentOrder], unasked: Collection[str]
) -> None:
    """Have each of these lines say how many of its pieces are not sent before the seller asks for
    them; `unasked` are the ids of fulfilment orders that no one is asked to take on.

    Raises Retryable for an order that Shopify has not assigned to any location yet.
    """
    if not orders and any(one["fulfillable_quantity"] for one in lines):
        raise Retryable(_UNASSIGNED, sick=False)
    waiting = _counted(x for x in orders if x.id in unasked)
    for line in lines:
        number = line["admin_graphql_api_id"].rpartition("/")[2]
        line["unasked"] = min(line["fulfillable_quantity"], waiting[number])


def tell_ways(
    lines: Sequence[_Json], orders: Sequence[FulfilmentOrder], methods: Mapping[str, str]
) -> None:
    """Have each line say by which delivery method it goes; `methods` are those of the fulfilment
    orders by their ids. One of which nothing is left goes as it went.

    Raises Retryable for an order that Shopify has not assigned to any location yet, NeedsPerson for
    a line of which pieces go several ways.
    """
    travelling = [one for one in lines if one["requires_shipping"]]
    if not orders and any(one["fulfillable_quantity"] for one in travelling):
        raise Retryable(_UNASSIGNED, sick=False)
    waiting, known = _ways(orders, methods, left=True), _ways(orders, methods, left=False)
    for line in travelling:
        number = line["admin_graphql_api_id"].rpartition("/")[2]
        ways = waiting.get(number) or known.get(number) or {""}
        if len(ways) > 1:
            raise NeedsPerson(
                f"Of the line {line['name']!r} some pieces are sent and others brought or "
                f"collected at {PARTNER}, which can't be followed here. Split the line there, or "
                "enter the order by hand, and cancel it here."
            )
        (line["way"],) = ways


def _ways(
    orders: Iterable[FulfilmentOrder], methods: Mapping[str, str], *, left: bool
) -> dict[str, set[str]]:
    """Return by the line's number how what is `left` of it goes, or how the latest of it went."""
    found: dict[str, set[str]] = {}
    for order in orders:
        for part in order.line_items.nodes:
            number, method = part.line_item.id.rpartition("/")[2], methods.get(order.id, "")
            if not left:
                found[number] = {method}
            elif order.status in LIVE and part.remaining_quantity > 0:
                found.setdefault(number, set()).add(method)
    return found


def _counted(orders: Iterable[FulfilmentOrder]) -> Counter[str]:
    """Return what is left of these fulfilment orders, by the line's number."""
    found: Counter[str] = Counter()
    for one in orders:
        if one.status in LIVE:
            for line in one.line_items.nodes:
                found[line.line_item.id.rpartition("/")[2]] += line.remaining_quantity
    return found
