"""Storefront adapters that call the simulators."""

from __future__ import annotations

from adapters.channels.bigcommerce.api import BigCommerceApi, BigCommerceStore
from adapters.channels.bigcommerce.storefront import BigCommerceStorefront
from adapters.channels.shopify.fulfilment import ShopifyFulfilment, ShopifyFulfilmentSettings
from adapters.channels.shopify.sync import ShopifyUpkeep
from adapters.kit.http_client import HttpClient


def shopify(client: HttpClient, base: str, **changes: object) -> ShopifyFulfilment:
    """The shop at `base`."""
    settings = {
        "base_url": f"{base}/shopify/acme-us.myshopify.com",
        "access_token": "any",
        "timeout_seconds": 2.0,
        **changes,
    }
    return ShopifyFulfilment(client, ShopifyFulfilmentSettings(**settings))  # type: ignore[arg-type]  # one dict of settings, for tests to change


def shopify_upkeep(client: HttpClient, base: str) -> ShopifyUpkeep:
    """The same shop's orders and subscriptions."""
    url = f"{base}/shopify/acme-us.myshopify.com"
    return ShopifyUpkeep(client, base_url=url, access_token="any", timeout_seconds=5.0)


def bigcommerce(client: HttpClient, base: str, seconds: float = 2.0) -> BigCommerceStorefront:
    """The BigCommerce store at `base`."""
    told = BigCommerceStore(
        store_hash="abc123",
        access_token="the token",
        base_url=f"{base}/bigcommerce",
        timeout_seconds=seconds,
    )
    return BigCommerceStorefront(BigCommerceApi(client, told))
