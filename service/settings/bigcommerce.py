"""Settings that only a channel of the kind `bigcommerce` has."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct

from adapters.kit.secret import Secret

MIN_SECRET_CHARACTERS = 16
"""A secret that is sent and not signed with must not be guessed."""


class BigCommerceSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One BigCommerce store."""

    store_hash: Annotated[
        str,
        Meta(
            pattern=r"^[a-z0-9]{1,32}$",
            description="The store's hash, as in its API path `/stores/HASH/`.",
        ),
    ]


def check_secrets(secrets: tuple[Secret, ...]) -> None:
    """Raise ValueError unless each secret can stand in a header and is long enough."""
    for one in secrets:
        text = one.reveal()
        if len(text) < MIN_SECRET_CHARACTERS or not text.isascii() or not text.isprintable():
            raise ValueError(
                "webhook_secrets of kind bigcommerce are sent in a header: each needs at least "
                f"{MIN_SECRET_CHARACTERS} printable ASCII characters"
            )
        if text != text.strip():
            raise ValueError("webhook_secrets must not begin or end with a space")
