"""What a shop's owner may say about how its orders are read."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from adapters.kit.translation import Translation


class ShopifyTranslation(Translation, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How one shop's orders are read: `[channels.NAME.translation]`."""

    gift_message_attributes: Annotated[
        tuple[Annotated[str, Meta(min_length=1, max_length=256)], ...],
        Meta(
            max_length=20,
            description="Note attributes that hold the gift message, beside `gift message` and "
            "`gift note`; capitals, spaces, - and _ make no difference.",
        ),
    ] = ()
