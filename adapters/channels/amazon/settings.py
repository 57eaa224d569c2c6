"""Settings of a seller account at Amazon (Selling Partner API)."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Annotated, Literal

from msgspec import Meta

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

LWA_URL = "https://api.amazon.com/auth/o2/token"

ENDPOINTS: Mapping[str, str] = MappingProxyType(
    {region: f"https://sellingpartnerapi-{region}.amazon.com" for region in ("na", "eu", "fe")}
)


class AmazonSettings(ChannelSettings, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One seller account at Amazon."""

    client_id: Annotated[Name, Meta(description="The application's LWA client id.")]
    client_secret: Annotated[Secret, Meta(description="The application's LWA client secret.")]
    refresh_token: Annotated[
        Secret, Meta(description="The LWA refresh token of the seller's authorisation.")
    ]
    region: Annotated[
        Literal["na", "eu", "fe"],
        Meta(description="Whose endpoint is asked: North America, Europe or Far East."),
    ]
    marketplace_ids: Annotated[
        tuple[Annotated[str, Meta(pattern=r"^[A-Z0-9]{10,20}$")], ...],
        Meta(
            min_length=1,
            max_length=32,
            description="Marketplaces whose orders this channel takes; others are left out.",
        ),
    ]
    webhook_secrets: Annotated[
        Signing,
        Meta(
            description="One secret that the forwarder of its notifications signs with; two while "
            "it is being rotated. None: no one forwards, because queue_arn is read directly."
        ),
    ] = ()
    seller_id: Annotated[
        str,
        Meta(
            pattern=r"^[A-Z0-9]{0,40}$",
            description="The seller's id, which cancellations are sent under; notifications of "
            "another are refused. Empty: any.",
        ),
    ] = ""
    queue_arn: Annotated[
        str,
        Meta(
            pattern=r"^$|^arn:aws[a-z-]*:sqs:[a-z0-9-]+:[0-9]{12}:[A-Za-z0-9_.-]{1,84}$",
            description="The SQS queue whose messages are forwarded to us, which is subscribed to "
            "ORDER_CHANGE. Empty: the subscription is told as a fault.",
        ),
    ] = ""
    aws_access_key_id: Annotated[
        str,
        Meta(
            pattern=r"^[A-Z0-9]{0,128}$",
            description="The AWS access key that may receive and delete the messages of queue_arn, "
            "which is then read directly, without a forwarder. Empty: it is not read.",
        ),
    ] = ""
    aws_secret_access_key: Annotated[
        Secret | None, Meta(description="The secret of that access key.")
    ] = None
    queue_endpoint: Annotated[
        Url | None,
        Meta(description="Another address of SQS, such as a VPC endpoint's; its region's if none."),
    ] = None
    api_base_url: Annotated[
        Url | None, Meta(description="Another address of the API, such as the sandbox's.")
    ] = None
    token_url: Annotated[Url, Meta(description="Where LWA tokens are issued.")] = LWA_URL
    translation: Annotated[Translation, Meta(description="How its orders are read.")] = (
        Translation()
    )
    stock_place: Annotated[
        str,
        Meta(
            max_length=256,
            description="Our place whose free units are the quantity of the listings that the "
            "seller fulfils; needs `seller_id`. Empty: Amazon is not told.",
        ),
    ] = ""
    stock_buffer: StockBuffer = 0
    stock_every_seconds: Annotated[
        StockSeconds,
        Meta(
            description="Amazon is told its stock once in so many seconds: what has changed since, "
            "each SKU once; it takes some five SKUs a second."
        ),
    ] = 60.0
    backfill_seconds: Annotated[
        float,
        Meta(
            ge=0,
            le=86_400,
            description="Pause between two comparisons for lost orders; 0: off. Amazon allows one "
            "`searchOrders` in three minutes, and a round takes one for every hundred changes.",
        ),
    ] = 1_800.0
    # https://developer-docs.amazon.com/sp-api/docs/security-compliance-overview
    personal_data_days: Annotated[
        int,
        Meta(
            ge=1,
            le=30,
            description="Days after an order's goods left, or after it is final, until its "
            "personal data is erased: Amazon's Data Protection Policy allows 30 at most.",
        ),
    ] = 30
    personal_data_from: Annotated[
        Literal["shipped"],
        Meta(
            description="What `personal_data_days` count from: the moment when goods of the order "
            "left last, also while it is held or waits for a person, and its end where none left."
        ),
    ] = "shipped"

    def __post_init__(self) -> None:
        has_key = bool(self.aws_access_key_id) and self.aws_secret_access_key is not None
        if (self.aws_access_key_id or self.aws_secret_access_key is not None) and not has_key:
            raise ValueError(
                "aws_access_key_id and aws_secret_access_key belong together: give both, or neither"
            )
        if has_key and not self.queue_arn:
            raise ValueError("queue_arn is missing: name the queue that the AWS key reads")
        if self.stock_place and not self.seller_id:
            raise ValueError("seller_id is missing: the listings of stock_place are found under it")
        if not self.webhook_secrets and not has_key:
            raise ValueError(
                "webhook_secrets is missing: give one for the forwarder, or an AWS key that reads "
                "queue_arn"
            )

    @property
    def base_url(self) -> str:
        """Where the API answers."""
        return self.api_base_url or ENDPOINTS[self.region]
