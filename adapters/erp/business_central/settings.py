"""Settings of Microsoft Dynamics 365 Business Central, API v2.0."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from adapters.kit.secret import Secret
from adapters.kit.settings import Name, PartnerSettings, Url

Account = Annotated[str, Meta(max_length=20)]

MAX_ITEM_NUMBER = 20
"""Business Central's No. fields; a longer SKU can't be an item there."""
ACCOUNTS = frozenset({"shipping", "duty", "gift_card", "tip", "fee", "service"})
"""What is booked on an account: `<name>_account`."""


class BusinessCentralSettings(
    PartnerSettings, frozen=True, kw_only=True, forbid_unknown_fields=True
):
    """One company of one environment of Business Central."""

    base_url: Annotated[Url, Meta(description="API root, up to and including `/api/v2.0`.")]
    token_url: Annotated[Url, Meta(description="Where OAuth client credentials become a token.")]
    company_id: Annotated[Name, Meta(description="The company's GUID.")]
    client_id: Annotated[Name, Meta(description="The registered application's id.")]
    client_secret: Annotated[Secret, Meta(description="The registered application's secret.")]
    scope: Annotated[Name, Meta(description="OAuth scope to ask for.")] = (
        "https://api.businesscentral.dynamics.com/.default"
    )
    customer_number: Annotated[
        Annotated[str, Meta(min_length=1, max_length=20)],
        Meta(description="The collecting customer that storefront orders are booked on."),
    ]
    gross_customer_number: Annotated[
        Account,
        Meta(
            description="The collecting customer of orders whose prices include tax; its own prices"
            " must, too. Empty: `customer_number`."
        ),
    ] = ""
    shipping_account: Annotated[
        Account,
        Meta(
            description="G/L account of shipping income; empty: an order with paid shipping is"
            " held."
        ),
    ] = ""
    duty_account: Annotated[
        Account,
        Meta(description="G/L account of duty; empty: an order with duty is held."),
    ] = ""
    gift_card_account: Annotated[
        Account,
        Meta(
            description="G/L account of gift cards sold, which are owed to their holders; empty: an"
            " order with one is held."
        ),
    ] = ""
    tip_account: Annotated[
        Account, Meta(description="G/L account of tips; empty: an order with one is held.")
    ] = ""
    fee_account: Annotated[
        Account, Meta(description="G/L account of fees; empty: an order with one is held.")
    ] = ""
    service_account: Annotated[
        Account,
        Meta(
            description="G/L account of services, such as wrapping; empty: an order with one is "
            "held."
        ),
    ] = ""
