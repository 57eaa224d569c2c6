"""Settings of a BigCommerce store."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, field, structs

from adapters.channels.bigcommerce.statuses import STATUSES, Status, Way
from adapters.kit.rounding import Level, Mode
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

API_URL = "https://api.bigcommerce.com"

MIN_SECRET_CHARACTERS = 16
"""A secret that is sent and not signed with must not be guessed."""


class BigCommerceTranslation(Translation, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How one store's orders are read."""

    statuses: Annotated[
        dict[Annotated[str, Meta(pattern=r"^([0-9]|1[0-4])$")], Way],
        Meta(
            description="What a status means here, by its id from 0 to 14, where it is not the "
            "usual: the order waits in the store, is taken, is cancelled, or waits and is held."
        ),
    ] = field(default_factory=dict)

    def status(self, status_id: int) -> Status | None:
        """Return what a status means for this store; None for one that does not exist."""
        usual, way = STATUSES.get(status_id), self.statuses.get(str(status_id))
        return usual if usual is None or way is None else structs.replace(usual, way=way)


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
    translation: Annotated[BigCommerceTranslation, Meta(description="How its orders are read.")] = (
        BigCommerceTranslation()
    )
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

    stock_locations: Annotated[
        dict[Name, Annotated[int, Meta(ge=1, le=2_147_483_647)]],
        Meta(
            max_length=200,
            description="Our places by their names, and the number of the location in BigCommerce "
            "whose inventory is set to what is free there. Left out: the store is not told.",
        ),
    ] = field(default_factory=dict)
    stock_buffer: StockBuffer = 0
    stock_every_seconds: StockSeconds = 60.0

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
