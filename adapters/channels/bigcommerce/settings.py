"""Settings of a BigCommerce store."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from adapters.kit.rounding import Level, Mode
from adapters.kit.secret import Secret
from adapters.kit.settings import ChannelSettings, Signing, Url

API_URL = "https://api.bigcommerce.com"

MIN_SECRET_CHARACTERS = 16
"""A secret that is sent and not signed with must not be guessed."""


class BigCommerceSettings(ChannelSettings, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One store of BigCommerce."""

    store_hash: Annotated[
        str,
        Meta(
            pattern=r"^[a-z0-9]{1,32}$",
            description="The store's hash, as in its API path `/stores/HASH/`.",
        ),
    ]
    access_token: Annotated[Secret, Meta(description="The API account's access token.")]
    webhook_secrets: Annotated[
        Signing,
        Meta(
            description="One secret that webhooks bear in a header; two while it is being rotated."
        ),
    ]
    api_base_url: Annotated[Url, Meta(description="Where its API answers.")] = API_URL
    rounding: Annotated[
        Mode,
        Meta(
            description="What happens to digits beyond the currency's places; `exact` refuses them."
        ),
    ] = "half_up"
    rounding_level: Annotated[
        Level,
        Meta(
            description="What the store rounds: each `line`, or only the `order`; then what is "
            "left over is shared out to the lines."
        ),
    ] = "order"

    def __post_init__(self) -> None:
        for one in self.webhook_secrets:
            text = one.reveal()
            if len(text) < MIN_SECRET_CHARACTERS or not text.isascii() or not text.isprintable():
                raise ValueError(
                    "webhook_secrets of kind bigcommerce are sent in a header: each needs at least "
                    f"{MIN_SECRET_CHARACTERS} printable ASCII characters"
                )
            if text != text.strip():
                raise ValueError("webhook_secrets must not begin or end with a space")
