"""Settings of a Shopify shop."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta, field

from adapters.kit.secret import Secret
from adapters.kit.settings import (
    ChannelSettings,
    Name,
    Signing,
    StockBuffer,
    StockSeconds,
    Url,
)
from adapters.kit.translation import Translation

API_VERSION = "2026-10"
"""What the queries here are written and tested for."""

TRACKING_URLS = {"UPS": "https://www.ups.com/track?tracknum={number}"}
"""Pages of our carriers; Shopify makes a link of its own to those it knows."""

LocationId = Annotated[str, Meta(pattern=r"^[0-9]{1,20}$")]
Page = Annotated[str, Meta(pattern=r"^https://[^\s]*\{number\}[^\s]*$", max_length=512)]


class ShopifyTranslation(Translation, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How one shop's orders are read."""

    gift_message_attributes: Annotated[
        tuple[Name, ...],
        Meta(
            max_length=20,
            description="Note attributes that hold the gift message, beside `gift message` and "
            "`gift note`; capitals, spaces, - and _ make no difference.",
        ),
    ] = ()
    local_delivery_methods: Annotated[
        tuple[Name, ...],
        Meta(
            max_length=100,
            description="Ways of shipping, as customers see them, by which the shop itself brings "
            "the goods, beside `Local Delivery`: no label is bought.",
        ),
    ] = ()
    pickup_methods: Annotated[
        tuple[Name, ...],
        Meta(
            max_length=100,
            description="Ways of shipping by which the customer collects the goods. Orders without "
            "an address that name a way of shipping are collected anyhow.",
        ),
    ] = ()
    fulfillment_services: Annotated[
        tuple[Name, ...],
        Meta(
            max_length=100,
            description="Handles of fulfilment services whose goods leave from our places, beside "
            "`manual`. Lines of all others are theirs to send.",
        ),
    ] = ()


class ShopifySettings(ChannelSettings, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One shop of Shopify."""

    shop_domain: Annotated[
        str,
        Meta(
            pattern=r"^[a-z0-9][a-z0-9.-]{0,252}$",
            description="The shop's myshopify domain.",
        ),
    ]
    webhook_secrets: Signing
    client_id: Annotated[
        str,
        Meta(
            max_length=256,
            description="The app's client ID, from the Dev Dashboard; with it tokens of 24 hours "
            "are fetched and renewed.",
        ),
    ] = ""
    client_secret: Annotated[
        Secret | None,
        Meta(description="The app's secret, from the same page. It signs the webhooks, too."),
    ] = None
    access_token: Annotated[
        Secret | None,
        Meta(
            description="An Admin API token that does not end, of an app made before 2026, instead "
            "of `client_id` and `client_secret`."
        ),
    ] = None
    api_base_url: Annotated[
        Url | None,
        Meta(description="Where the shop's API answers; left out: https:// and the shop domain."),
    ] = None
    api_version: Annotated[
        str,
        Meta(
            pattern=r"^\d{4}-\d{2}$",
            description="The API version that is spoken and expected of webhooks. Another one than "
            "the default is not tested here.",
        ),
    ] = API_VERSION

    routing: Annotated[
        Literal["ours", "channel"],
        Meta(
            description="Who says what leaves from our places. `ours`: all goods of the shop's own "
            "service do, whatever location Shopify assigned. `channel`: those that Shopify "
            "assigned to `locations`; everything else is sent by others."
        ),
    ] = "ours"
    locations: Annotated[
        tuple[LocationId, ...],
        Meta(
            max_length=200,
            description='With `routing = "channel"`: the numbers of the locations whose goods '
            "leave from our places, as in the address of a location's page in Shopify.",
        ),
    ] = ()

    place_locations: Annotated[
        dict[Name, LocationId],
        Meta(
            max_length=200,
            description='With `routing = "ours"`: our places by their names, and the number of the '
            "location in Shopify that each is. What leaves from one is moved there before it is "
            "shown as shipped. Left out: it is shown where Shopify assigned it.",
        ),
    ] = field(default_factory=dict)

    stock_locations: Annotated[
        dict[Name, LocationId],
        Meta(
            max_length=200,
            description="Our places by their names, and the number of the location in Shopify whose"
            " available quantities are set to what is free there. Left out: the shop is not told.",
        ),
    ] = field(default_factory=dict)
    stock_buffer: StockBuffer = 0
    stock_every_seconds: StockSeconds = 60.0

    companies: Annotated[
        dict[Name, Name],
        Meta(
            max_length=100,
            description="Our carriers' names to those that Shopify knows (capital letters matter: "
            "then it follows the parcel by itself). Left out: the same name.",
        ),
    ] = field(default_factory=dict)
    tracking_urls: Annotated[
        dict[Name, Page],
        Meta(
            max_length=100,
            description="A page of each carrier's that shows a parcel, with `{number}` in it.",
        ),
    ] = field(default_factory=lambda: dict(TRACKING_URLS))
    translation: Annotated[ShopifyTranslation, Meta(description="How its orders are read.")] = (
        ShopifyTranslation()
    )

    def __post_init__(self) -> None:
        is_app = bool(self.client_id) and self.client_secret is not None
        if (self.client_id or self.client_secret is not None) and not is_app:
            raise ValueError("client_id and client_secret belong together: give both, or neither")
        if is_app == (self.access_token is not None):
            raise ValueError(
                "a channel of kind shopify needs either client_id and client_secret, or an "
                "access_token that does not end"
            )

        if (self.routing == "channel") != bool(self.locations):
            raise ValueError(
                'routing = "channel" and locations belong together: name the locations whose '
                "goods leave from our places, or leave both out"
            )

        if self.routing == "channel" and self.place_locations:
            raise ValueError(
                'place_locations is for routing = "ours": with routing = "channel" goods leave '
                "from where Shopify assigned them"
            )

    @property
    def base_url(self) -> str:
        """Where the shop's API answers."""
        return self.api_base_url or f"https://{self.shop_domain}"
