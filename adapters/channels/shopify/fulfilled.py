"""What a shop shows as fulfilled of an order, by whomever; our own publications come back so."""

from __future__ import annotations

from collections import Counter

from adapters.channels.shopify.amounts import current_quantity
from adapters.channels.shopify.lines import sku_of
from adapters.channels.shopify.shapes import Fulfilment, LineItem, ShopifyOrder
from schemas.contracts import refusals
from schemas.contracts.refusals import refused
from schemas.messages.effects import Units
from schemas.messages.inputs import Later, OutsideShipment

MAX_SHIPMENTS = 499
"""What an input takes, less one for what no fulfilment accounts for."""

UNASKED = "unasked"
"""What the units are called together that no fulfilment service is asked for yet."""

_DEAD = frozenset({"cancelled", "error", "failure"})


def fulfilled_of(source: ShopifyOrder) -> tuple[OutsideShipment, ...]:
    """Return a shipment for each fulfilment that stands, named by its global id.

    Only what travels counts: Shopify fulfils gift cards by itself. Where a line has fewer pieces
    left to fulfil than its fulfilments explain, all that are not left are a shipment without an id,
    which states sums.
    """
    if not source.fulfillments and not any(x.by_location or _taken(x) for x in source.line_items):
        return ()  # the usual order, which costs a microsecond
    lines = {one.admin_graphql_api_id: one for one in source.line_items if one.requires_shipping}
    told: Counter[str] = Counter()
    found = []
    for one in source.fulfillments or ():
        units = () if one.status in _DEAD else _units(one, lines)
        if units:
            found.append(
                OutsideShipment(
                    outside_id=one.admin_graphql_api_id,
                    units=units,
                    tracking_numbers=_numbers(one),
                )
            )
            for part in units:
                told[part.line_id] += part.quantity
    if len(found) > MAX_SHIPMENTS:
        raise refused(
            refusals.SCHEMA_MISMATCH,
            f"The order has {len(found)} fulfilments; at most {MAX_SHIPMENTS} are taken. Close it "
            "in Shopify, or enter what is left of it by hand.",
        )
    rest = []
    for line in lines.values():
        left = _taken(line) - told[_number(line.admin_graphql_api_id)]
        if left > 0 or line.by_location:
            number = _number(line.admin_graphql_api_id)
            rest.append(Units(number, sku_of(line), _taken(line)))
    if rest:
        found.append(OutsideShipment(outside_id="", units=tuple(rest)))
    return tuple(found)


def is_all_of(source: ShopifyOrder) -> bool:
    """Whether a payload says of all its goods what is fulfilled: it has the fulfilments, and how
    many pieces of each line are left."""
    return source.fulfillments is not None and all(
        line.fulfillable_quantity is not None
        for line in source.line_items
        if line.requires_shipping
    )


def unasked_of(source: ShopifyOrder) -> Later | None:
    """Return what no fulfilment service of ours is asked to send yet; None where nothing is theirs,
    or no one asked Shopify about it."""
    told = [line for line in source.line_items if line.unasked is not None]
    if not told:
        return None
    return Later(
        outside_id=UNASKED,
        units=tuple(
            Units(_number(line.admin_graphql_api_id), sku_of(line), line.unasked)
            for line in told
            if line.unasked
        ),
    )


def _taken(line: LineItem) -> int:
    """Return how many of the wanted pieces are fulfilled; 0 where the shop does not say."""
    if line.fulfillable_quantity is None or not line.requires_shipping:
        return 0
    return max(current_quantity(line) - line.fulfillable_quantity, 0)


def _units(one: Fulfilment, lines: dict[str, LineItem]) -> tuple[Units, ...]:
    counts: Counter[str] = Counter()
    for part in one.line_items:
        if part.admin_graphql_api_id in lines and part.quantity > 0:
            counts[part.admin_graphql_api_id] += part.quantity
    return tuple(Units(_number(gid), sku_of(lines[gid]), count) for gid, count in counts.items())


def _numbers(one: Fulfilment) -> tuple[str, ...]:
    numbers = [*one.tracking_numbers, one.tracking_number or ""]
    return tuple(dict.fromkeys(number[:256] for number in numbers if number))


def _number(gid: str) -> str:
    return gid.rpartition("/")[2]
