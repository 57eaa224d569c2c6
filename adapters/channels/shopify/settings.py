"""Settings of a Shopify shop."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from adapters.kit.secret import Secret
from adapters.kit.settings import ChannelSettings, Signing, Url


class ShopifySettings(ChannelSettings, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One shop of Shopify."""

    shop_domain: Annotated[
        str,
        Meta(
            pattern=r"^[a-z0-9][a-z0-9.-]{0,252}$",
            description="The shop's myshopify domain.",
        ),
    ]
    access_token: Annotated[Secret, Meta(description="The app's Admin API token.")]
    webhook_secrets: Signing
    api_base_url: Annotated[
        Url | None,
        Meta(description="Where the shop's API answers; left out: https:// and the shop domain."),
    ] = None
    api_version: Annotated[
        str,
        Meta(pattern=r"^\d{4}-\d{2}$", description="API version, also expected of webhooks."),
    ] = "2026-10"

    @property
    def base_url(self) -> str:
        """Where the shop's API answers."""
        return self.api_base_url or f"https://{self.shop_domain}"
