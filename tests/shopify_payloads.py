"""Shopify's webhooks as a shop would send them, to be changed by tests."""

from __future__ import annotations

import base64
import hmac
from datetime import UTC, datetime
from typing import Any

from adapters.channels.shopify.source import Shopify

# Any: payloads as JSON, to be changed in every way.
Json = dict[str, Any]

NOW = datetime(2026, 11, 27, 12, 0, tzinfo=UTC)
SHOP = Shopify(
    "acme-us",
    shop_domain="acme-us.myshopify.com",
    secrets=("new secret", "old secret"),
    api_version="2026-10",
)


def money(amount: str, currency: str = "USD") -> Json:
    """Return a money set."""
    one = {"amount": amount, "currency_code": currency}
    return {"shop_money": one, "presentment_money": one}


def an_item(number: int, price: str, **changes: object) -> Json:
    """Return a line item."""
    return {
        "admin_graphql_api_id": f"gid://shopify/LineItem/{number}",
        "quantity": 1,
        "current_quantity": 1,
        "price": price,
        "price_set": money(price),
        "name": f"Thing {number}",
        "sku": f"SKU-{number}",
        "variant_id": 10 + number,
        "grams": 100,
        "requires_shipping": True,
        "discount_allocations": [],
        "tax_lines": [],
        **changes,
    }


def a_payload(**changes: object) -> Json:
    """Return a paid order: 2 lines, 10.00 + 2 × 5.50 - 1.00, shipping 4.00, tax 2.00: 26.00."""
    address = {
        "name": "Steve Shipper",
        "address1": "123 Shipping Street",
        "address2": None,
        "city": "Shippington",
        "zip": "40003",
        "province_code": "KY",
        "country_code": "US",
    }
    allocation = {"amount": "1.00", "amount_set": money("1.00")}
    tax_line = {"price": "2.00", "price_set": money("2.00")}
    return {
        "id": 820982911946154500,
        "admin_graphql_api_id": "gid://shopify/Order/820982911946154508",
        "name": "#1042",
        "created_at": "2026-11-27T06:59:00-05:00",
        "updated_at": "2026-11-27T07:00:01-05:00",
        "currency": "USD",
        "total_price": "99.00",
        "current_total_price": "26.00",
        "current_total_price_set": money("26.00"),
        "current_total_tax": "2.00",
        "current_total_tax_set": money("2.00"),
        "current_shipping_price_set": money("4.00"),
        "taxes_included": False,
        "financial_status": "paid",
        "cancelled_at": None,
        "cancel_reason": None,
        "shipping_lines": [{"title": "Standard", "is_removed": False}],
        "shipping_address": address,
        "billing_address": address,
        "customer": {
            "admin_graphql_api_id": "gid://shopify/Customer/115310627314723954",
            "first_name": "Steve",
            "last_name": "Shipper",
            "email": "steve@example.com",
        },
        "line_items": [
            an_item(1, "10.00", tax_lines=[tax_line]),
            an_item(2, "5.50", quantity=2, current_quantity=2, discount_allocations=[allocation]),
        ],
        "note": "Ring twice",
        "note_attributes": [],
        "refunds": [],
        "test": False,
        **changes,
    }


def headers(raw: bytes, *, secret: str = "new secret", **changes: str) -> dict[str, str]:
    """Return what Shopify sends beside the bytes."""
    signature = base64.b64encode(hmac.digest(secret.encode(), raw, "sha256")).decode()
    return {
        "X-Shopify-Topic": "orders/create",
        "X-Shopify-Hmac-SHA256": signature,
        "X-Shopify-Shop-Domain": "acme-us.myshopify.com",
        "X-Shopify-API-Version": "2026-10",
        "X-Shopify-Webhook-Id": "b54557e4-bdd9-4b37-8a5f-bf7d70bcd043",
        **{name.replace("_", "-"): value for name, value in changes.items()},
    }
