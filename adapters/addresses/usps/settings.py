"""Settings of an application at USPS."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from adapters.kit.secret import Secret
from adapters.kit.settings import Name, PartnerSettings, Url


class UspsSettings(PartnerSettings, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One application at USPS that may use its Addresses API."""

    base_url: Annotated[
        Url,
        Meta(
            description="API root. The one for tests is `https://apis-tem.usps.com`; it has other "
            "credentials."
        ),
    ] = "https://apis.usps.com"
    client_id: Annotated[Name, Meta(description="Consumer key of the application.")]
    client_secret: Annotated[Secret, Meta(description="Consumer secret of the application.")]
    hourly: Annotated[
        int,
        Meta(
            ge=1,
            le=1_000_000,
            description="Addresses that it is asked for in an hour at most; USPS allows 60 unless "
            "it has raised the application's quota. An order beyond that is not checked.",
        ),
    ] = 60
