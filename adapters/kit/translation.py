"""What every channel lets its owner say about how orders are read."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct

from schemas.order.canonical import UNLISTED

MAX_METHOD, MAX_SKU = 256, 255
"""What `order.v1` takes."""


def unlisted(title: str) -> str:
    """Return what stands for the SKU of goods that no catalogue has, "" for none without a title: a
    table or a person says which article it is."""
    words = " ".join(title.split())
    return f"{UNLISTED}{words}"[:MAX_SKU].rstrip() if words else ""


class Translation(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How one channel's orders are read: `[channels.NAME.translation]`. A kind with more to say
    adds its own fields."""

    payment_methods: Annotated[
        dict[
            Annotated[str, Meta(min_length=1, max_length=256)],
            Annotated[str, Meta(min_length=1, max_length=256)],
        ],
        Meta(
            max_length=200,
            description="The channel's name of a payment method to ours, which "
            "promised_payment_methods and collected_payment_methods then name. Left out: the "
            "channel's own name.",
        ),
    ] = {}

    def payment_method(self, *theirs: str) -> str:
        """Return the name of a payment method, or of several, joined with a comma."""
        named = [self.payment_methods.get(one, one) for one in theirs if one]
        return ", ".join(dict.fromkeys(named))[:MAX_METHOD]
