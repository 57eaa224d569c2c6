"""What `doctor` asks a shop of Shopify: its name, and what the app may do there."""

from __future__ import annotations

import msgspec

from actors.runtime.errors import Rejected
from adapters.channels.shopify.graphql import PARTNER, ShopifyGraphql
from adapters.channels.shopify.scopes import missing, named
from adapters.channels.shopify.settings import ShopifySettings
from adapters.kit.instance import Kit

ACCESS_QUERY = """
query Access {
  shop { name }
  currentAppInstallation { accessScopes { handle } }
}
"""


class _Shop(msgspec.Struct, frozen=True):
    name: str


class _Scope(msgspec.Struct, frozen=True):
    handle: str


class _Installed(msgspec.Struct, frozen=True, rename="camel"):
    access_scopes: list[_Scope] = []


class _Shown(msgspec.Struct, frozen=True, rename="camel"):
    shop: _Shop
    current_app_installation: _Installed


_shown = msgspec.json.Decoder(_Shown)


async def granted(graphql: ShopifyGraphql) -> tuple[str, list[str]]:
    """Return the shop's name, and the scopes that the app has there. Raises PartnerError."""
    shown = await graphql.ask(None, ACCESS_QUERY, {}, _shown, writes=False)
    return shown.shop.name, [one.handle for one in shown.current_app_installation.access_scopes]


async def probe(settings: ShopifySettings, kit: Kit) -> str:
    """Return what was found, as a sentence. Raises PartnerError, and Rejected where a permission is
    missing or the API answers in another version."""
    graphql = ShopifyGraphql(kit.client, settings, name=kit.name)
    name, scopes = await granted(graphql)
    lacking = missing(scopes, settings)
    if needed := [one for one in lacking if not one.spare]:
        raise Rejected(
            f"The app of {name!r} lacks {named(needed)}. Add them to a new version of "
            f"the app in {PARTNER}, and let the shop approve it."
        )
    if graphql.answered_in:
        raise Rejected(
            f"{PARTNER} answers in API version {graphql.answered_in}, and {settings.api_version} "
            "was asked for. Update Orderwright, or correct `api_version`."
        )
    found = f"the shop {name!r} answers to API version {settings.api_version}"
    return f"{found}; not granted: {named(lacking)}." if lacking else f"{found}."
