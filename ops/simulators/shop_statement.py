"""An order as its shop states it now: the told order, and on top of it what was fulfilled since.

Webhooks and GraphQL are both made from this one statement.
https://shopify.dev/docs/api/webhooks (fulfillments/create, orders/partially_fulfilled)
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta, timezone
from typing import Any, Final
from zlib import crc32

from ops.simulators.shop_goods import MANUAL, Fulfilment, Goods, Need

# Any: a webhook's payload is free-form JSON.
Json = dict[str, Any]
MAIN_LOCATION: Final = 1001
SECOND_LOCATION: Final = 1002
LOCATIONS: Final = {MAIN_LOCATION: "Main Warehouse", SECOND_LOCATION: "Second Warehouse"}
_FIRST_SERVICE_LOCATION: Final = 900_000
SHOP_ZONE: Final = timezone(timedelta(hours=-5))


def stamp(seconds: float) -> str:
    """A moment as webhooks write it, in the shop's zone, to the second."""
    return datetime.fromtimestamp(int(seconds), SHOP_ZONE).isoformat()


def utc(seconds: float) -> str:
    """A moment as GraphQL writes it."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def line_id(line: Json) -> str:
    """A line's id in digits; the number beside it loses digits on its way through JSON readers."""
    return str(line["admin_graphql_api_id"]).rpartition("/")[2]


def service_location(service: str) -> int:
    """The location of a fulfilment service that isn't the shop itself."""
    return _FIRST_SERVICE_LOCATION + crc32(service.encode()) % 99_999


def current(line: Json) -> int:
    """How much of a line is still ordered."""
    found = line.get("current_quantity")
    return int(line["quantity"] if found is None else found)


def open_quantity(line: Json) -> int:
    """How much of a line the told order leaves to be fulfilled."""
    found = line.get("fulfillable_quantity")
    return current(line) if found is None else int(found)


def method(order: Json, line: Json) -> str:
    """The delivery method: what GraphQL calls DeliveryMethodType. An order whose goods go several
    ways names it in a line's `_method`, which no webhook has."""
    if (own := line.get("_method")) is not None:
        return str(own)
    if line.get("requires_shipping") is False:
        return "NONE"
    if order.get("source_name") == "pos":
        return "RETAIL"
    if order.get("shipping_address") is None:
        return "PICK_UP"
    ways = order.get("shipping_lines") or []
    local = any(str(way.get("delivery_category") or "").startswith("local") for way in ways)
    return "LOCAL" if local else "SHIPPING"


def needs(order: Json, goods: Goods, locations: Mapping[str, int]) -> list[Need]:
    """What the fulfilment orders must hold, line by line."""
    found = []
    for line in order["line_items"]:
        name, service = line_id(line), line.get("fulfillment_service") or MANUAL
        left = max(0, open_quantity(line) - goods.fulfilled(name))
        if order.get("cancelled_at"):
            left = 0
        place = locations.get(name, MAIN_LOCATION)
        if service != MANUAL:
            place = service_location(service)
        found.append(Need(name, left, place, method(order, line), service))
    return found


def has_begun(order: Json, goods: Goods) -> bool:
    """Whether anything was fulfilled, by whomever."""
    return bool(goods.standing()) or any(
        open_quantity(line) < current(line) for line in order["line_items"]
    )


def _status(done: int, left: int) -> str | None:
    if not done:
        return None
    return "partial" if left else "fulfilled"


def statement(order: Json, goods: Goods | None) -> Json:
    """The order as a webhook about it carries it."""
    if goods is None or not goods.fulfilments:
        return order
    lines, all_done, all_left = [], 0, 0
    for line in order["line_items"]:
        left = max(0, open_quantity(line) - goods.fulfilled(line_id(line)))
        done = current(line) - left
        all_done, all_left = all_done + done, all_left + left
        told = {"fulfillable_quantity": left, "fulfillment_status": _status(done, left)}
        lines.append({**line, **told})
    stated = {**order, "line_items": lines, "fulfillment_status": _status(all_done, all_left)}
    made = [fulfilment_json(stated, one) for one in goods.fulfilments]
    stated["fulfillments"] = [*(order.get("fulfillments") or []), *made]
    return stated


def fulfilment_json(order: Json, one: Fulfilment) -> Json:
    """A fulfilment as it stands inside an order."""
    counts: dict[str, int] = {}
    for part in one.parts:
        counts[part.line] = counts.get(part.line, 0) + part.quantity
    numbers, urls = list(one.tracking.numbers), list(one.tracking.urls)
    return {
        "id": one.number,
        "admin_graphql_api_id": f"gid://shopify/Fulfillment/{one.number}",
        "created_at": stamp(one.at),
        "location_id": one.location,
        "name": f"{order['name']}.{one.index}",
        "order_id": order["id"],
        "origin_address": {},
        "receipt": {},
        "service": MANUAL,
        "shipment_status": None,
        "status": "success" if one.status == "SUCCESS" else "cancelled",
        "tracking_company": one.tracking.company or None,
        "tracking_number": numbers[0] if numbers else None,
        "tracking_numbers": numbers,
        "tracking_url": urls[0] if urls else None,
        "tracking_urls": urls,
        "updated_at": stamp(one.updated_at),
        "line_items": [
            {**line, "quantity": counts[line_id(line)]}
            for line in order["line_items"]
            if line_id(line) in counts
        ],
    }


def fulfilment_news(order: Json, one: Fulfilment) -> Json:
    """The payload of fulfillments/create and fulfillments/update."""
    lines = [
        {name: value for name, value in line.items() if name not in _NOT_IN_FULFILMENTS}
        for line in fulfilment_json(order, one)["line_items"]
    ]
    more = {"email": order.get("email"), "destination": order.get("shipping_address")}
    return {**fulfilment_json(order, one), **more, "line_items": lines, "origin_address": None}


_NOT_IN_FULFILMENTS: Final = {
    "attributed_staffs", "current_quantity", "sales_line_item_group_id", "total_discount_set",
}  # fmt: skip
