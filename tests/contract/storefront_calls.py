"""Storefront adapters that call the simulators."""

from __future__ import annotations

from actors.runtime.call_policy import CallPolicy
from adapters.channels.bigcommerce.api import BigCommerceApi
from adapters.channels.bigcommerce.settings import BigCommerceSettings
from adapters.channels.bigcommerce.storefront import BigCommerceStorefront
from adapters.channels.shopify.graphql import ShopifyGraphql
from adapters.channels.shopify.settings import ShopifySettings
from adapters.channels.shopify.storefront import ShopifyStorefront
from adapters.channels.shopify.sync import ShopifySync
from adapters.kit.http_client import HttpClient
from adapters.kit.secret import Secret


def shop_settings(base: str, *, timeout_seconds: float = 2.0, **changes: object) -> ShopifySettings:
    """Settings of the shop at `base`."""
    settings = {
        "kind": "shopify",
        "shop_domain": "acme-us.myshopify.com",
        "access_token": Secret("any"),
        "webhook_secrets": (Secret("x"),),
        "api_base_url": f"{base}/shopify/acme-us.myshopify.com",
        "calls": CallPolicy(timeout_seconds=timeout_seconds),
        **changes,
    }
    return ShopifySettings(**settings)  # type: ignore[arg-type]  # one dict of settings, for tests to change


def shopify(client: HttpClient, base: str, **changes: object) -> ShopifyStorefront:
    """The shop at `base`."""
    return ShopifyStorefront(client, shop_settings(base, **changes))  # type: ignore[arg-type]  # settings


def shopify_sync(client: HttpClient, base: str) -> ShopifySync:
    """The same shop's orders and subscriptions."""
    return ShopifySync(ShopifyGraphql(client, shop_settings(base, timeout_seconds=5.0)))


def store_settings(
    base: str, *, timeout_seconds: float = 2.0, token: str = "the token"
) -> BigCommerceSettings:
    """Settings of the BigCommerce store at `base`."""
    return BigCommerceSettings(
        kind="bigcommerce",
        store_hash="abc123",
        access_token=Secret(token),
        webhook_secrets=(Secret("a secret of the shop"),),
        api_base_url=f"{base}/bigcommerce",
        calls=CallPolicy(timeout_seconds=timeout_seconds),
    )


def bigcommerce(client: HttpClient, base: str, seconds: float = 2.0) -> BigCommerceStorefront:
    """The BigCommerce store at `base`."""
    return BigCommerceStorefront(
        BigCommerceApi(client, store_settings(base, timeout_seconds=seconds))
    )
