"""Orders of the channels beside the Shopify shops, and what the judge expects of them."""

from __future__ import annotations

import time
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from tests import amazon_payloads, bigcommerce_payloads

Json = dict[str, Any]
MARKETPLACE = "ATVPDKIKX0DER"


def expected(lines: Mapping[str, int], *, total: str, tax: str, postal_code: str) -> Json:
    """What the judge expects of an order that is shipped whole."""
    return {
        "lines": [{"line_item_id": name, "quantity": count} for name, count in lines.items()],
        "total": total,
        "tax": tax,
        "taxes_included": False,
        "to_collect": "0",
        "ship_to": {"zip": postal_code},
        "cancelled": False,
    }


def stamp(later: float = 0.0) -> str:
    """Now, or so many seconds later, as Amazon writes it."""
    return f"{datetime.fromtimestamp(time.time() + later, UTC):%Y-%m-%dT%H:%M:%SZ}"


def amazon_order(number: int) -> Json:
    """An order of Amazon's for goods that are on the shelf."""
    order = amazon_payloads.an_order(orderId=f"904-0000000-{number:07}", createdTime=stamp())
    order["lastUpdatedTime"] = stamp()
    order["salesChannel"]["marketplaceId"] = MARKETPLACE
    for place, item in enumerate(order["orderItems"], 1):
        item["product"]["sellerSku"] = f"SKU-{place:03d}"
        item["orderItemId"] = f"{number:07}{place}"
    order["recipient"]["deliveryAddress"] |= {
        "city": "Louisville", "stateOrRegion": "KY", "postalCode": "40202", "countryCode": "US",
    }  # fmt: skip
    return order


def big_order(ref: int) -> Json:
    """An order of a BigCommerce store with its parts, for goods that are on the shelf."""
    now = f"{datetime.now(UTC):%a, %d %b %Y %H:%M:%S} +0000"
    products = [
        bigcommerce_payloads.a_product(ref * 10 + n, price, quantity, sku=f"SKU-{n:03d}")
        for n, (price, quantity) in enumerate((("10.0000", 2), ("5.5000", 1)), 1)
    ]
    order = bigcommerce_payloads.an_order(id=ref, date_created=now, date_modified=now)
    return bigcommerce_payloads.a_bundle(order, products=products)
