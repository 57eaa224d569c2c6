"""The largest order that a shop sends: 500 lines, and every one of them fulfilled."""

from __future__ import annotations

import json
from typing import Any

from ops.simulators.storefront import Moment, Recipe, payload

LINES = 500
PRICE = "12.50"
SMALL = 1_200_000
"""Bytes that such an order has at least."""


def a_large_webhook(shop: str, number: int, *, parcels: int = 50, refunded: bool = False) -> bytes:
    """Return the webhook of a paid order of 500 lines, in so many fulfilments that each repeat
    their lines, as Shopify's do. `refunded`: money was given back for each line, too, and those
    refunds repeat the lines once more."""
    # Any: a payload as JSON, to be changed in every way.
    order: dict[str, Any] = json.loads(
        payload(Recipe(seed=77, shop=f"{shop}.myshopify.com", lines=(1, 1)), number, Moment())
    )
    first = order["line_items"][0]
    order["line_items"] = [_line(first, at) for at in range(LINES)]
    order["shipping_lines"] = order["discount_codes"] = order["discount_applications"] = []
    order["tax_lines"] = []
    total = f"{float(PRICE) * LINES:.2f}"
    for name, value in list(order.items()):
        if name.endswith("_set") and isinstance(value, dict):
            worth = total if name.endswith(("total_price_set", "subtotal_price_set")) else "0.00"
            worth = total if name == "total_line_items_price_set" else worth
            order[name] = _worth(value, worth)
            order[name.removesuffix("_set")] = worth
    order["total_outstanding"] = "0.00"
    order["fulfillment_status"] = "fulfilled"
    each = LINES // parcels
    order["fulfillments"] = [
        _parcel(order, at, order["line_items"][at * each : (at + 1) * each])
        for at in range(parcels)
    ]
    if refunded:
        order["refunds"] = [_refund(order, at, line) for at, line in enumerate(order["line_items"])]
    return json.dumps(order, separators=(",", ":")).encode()


def _line(first: dict[str, Any], at: int) -> dict[str, Any]:
    number = int(first["id"]) * 1_000 + at
    return {
        **first,
        "id": number,
        "admin_graphql_api_id": f"gid://shopify/LineItem/{number}",
        "sku": f"SKU-{at % 200 + 1:03d}",
        "quantity": 1,
        "current_quantity": 1,
        "fulfillable_quantity": 0,
        "fulfillment_status": "fulfilled",
        "price": PRICE,
        "price_set": _worth(first["price_set"], PRICE),
        "discount_allocations": [],
        "tax_lines": [_tax(first, title) for title in ("State Tax", "County Tax", "City Tax")],
        "total_discount": "0.00",
        "total_discount_set": _worth(first["price_set"], "0.00"),
    }


def _tax(first: dict[str, Any], title: str) -> dict[str, Any]:
    """A tax of an article that this place does not tax: Shopify lists it all the same."""
    nothing = _worth(first["price_set"], "0.00")
    return {
        "title": title, "price": "0.00", "rate": 0.0, "price_set": nothing, "channel_liable": False,
    }  # fmt: skip


def _worth(told: dict[str, Any], amount: str) -> dict[str, Any]:
    return {name: {**one, "amount": amount} for name, one in told.items()}


def _parcel(order: dict[str, Any], at: int, lines: list[dict[str, Any]]) -> dict[str, Any]:
    number = order["id"] * 100 + at
    return {
        "id": number,
        "admin_graphql_api_id": f"gid://shopify/Fulfillment/{number}",
        "order_id": order["id"],
        "name": f"{order['name']}.{at + 1}",
        "status": "success",
        "service": "manual",
        "tracking_company": "UPS",
        "tracking_number": f"1ZX{number}",
        "tracking_numbers": [f"1ZX{number}"],
        "line_items": lines,
    }


def _refund(order: dict[str, Any], at: int, line: dict[str, Any]) -> dict[str, Any]:
    return {
        "id": order["id"] * 1_000 + at,
        "created_at": order["created_at"],
        "order_id": order["id"],
        "transactions": [],
        "refund_line_items": [
            {"id": at, "quantity": 0, "line_item_id": line["id"], "line_item": line}
        ],
    }
