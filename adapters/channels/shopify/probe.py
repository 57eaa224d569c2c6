"""What `doctor` asks a shop of Shopify: its name, which every app may read."""

from __future__ import annotations

import msgspec

from adapters.channels.shopify.graphql import ShopifyGraphql
from adapters.channels.shopify.settings import ShopifySettings
from adapters.kit.instance import Kit


class _Shop(msgspec.Struct, frozen=True):
    name: str


class _Shown(msgspec.Struct, frozen=True):
    shop: _Shop


_shown = msgspec.json.Decoder(_Shown)


async def probe(settings: ShopifySettings, kit: Kit) -> str:
    """Return what was found, as a sentence. Raises PartnerError."""
    graphql = ShopifyGraphql(kit.client, settings, name=kit.name)
    shown = await graphql.ask(None, "{ shop { name } }", {}, _shown, writes=False)
    return f"the shop {shown.shop.name!r} answers to API version {settings.api_version}."
