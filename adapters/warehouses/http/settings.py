"""Settings of a warehouse or 3PL that speaks Orderwright's own HTTP contract."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta

from adapters.kit.secret import Secret
from adapters.kit.settings import PartnerSettings, Signing, Url


class WarehouseSettings(PartnerSettings, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One warehouse or 3PL, by Orderwright's own HTTP contract."""

    base_url: Annotated[Url, Meta(description="Where it takes tasks.")]
    token: Annotated[Secret, Meta(description="Bearer token we call it with.")]
    callback_secrets: Annotated[
        Signing,
        Meta(
            description="One secret that signs its reports to us; two while it is being rotated.",
        ),
    ]
    new_skus: Annotated[
        Literal["refuse", "enter"],
        Meta(
            description="What becomes of its report of stock that names an SKU which was never "
            "counted or sent here: it is refused as a whole, or the SKU is counted from then on "
            "(docs/stock.md).",
        ),
    ] = "refuse"
