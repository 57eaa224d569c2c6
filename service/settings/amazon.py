"""Settings that only an Amazon channel has: one seller account of the Selling Partner API."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta, Struct

from adapters.kit.secret import Secret

Name = Annotated[str, Meta(min_length=1, max_length=256)]
Url = Annotated[str, Meta(pattern=r"^https?://[^\s/?#@]+[^\s?#]*$", max_length=512)]

BACKFILL_SECONDS = 1_800.0
"""How often an Amazon channel is compared unless its settings say otherwise. Amazon allows one
`searchOrders` in three minutes, ten in this time; a round takes one for every hundred changes."""

PERSONAL_DATA_DAYS = 30
"""How many days after delivery Amazon lets personal data be kept at most, by its Data Protection
Policy: https://developer-docs.amazon.com/sp-api/docs/security-compliance-overview"""

LWA_URL = "https://api.amazon.com/auth/o2/token"


class Amazon(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One seller account at Amazon: `[channels.NAME.amazon]`, needed for the kind `amazon`."""

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
    seller_id: Annotated[
        str,
        Meta(
            pattern=r"^[A-Z0-9]{0,40}$",
            description="The seller's id; notifications of another are refused. Empty: any.",
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
    base_url: Annotated[
        Url | None, Meta(description="Another address of the API, such as the sandbox's.")
    ] = None
    token_url: Annotated[Url, Meta(description="Where LWA tokens are had.")] = LWA_URL
