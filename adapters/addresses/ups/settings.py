"""Settings of an application at UPS."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from adapters.kit.secret import Secret
from adapters.kit.settings import Name, PartnerSettings, Url


class UpsAddressSettings(PartnerSettings, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One application at UPS that may use its Address Validation API. No shipper account is
    needed."""

    base_url: Annotated[
        Url,
        Meta(
            description="API root. The one for tests, `https://wwwcie.ups.com`, knows the addresses"
            " of New York and California alone: do not let orders be held by it."
        ),
    ] = "https://onlinetools.ups.com"
    client_id: Annotated[Name, Meta(description="OAuth client id.")]
    client_secret: Annotated[Secret, Meta(description="OAuth client secret.")]
    hourly: Annotated[
        int,
        Meta(
            ge=1,
            le=1_000_000,
            description="Addresses that it is asked for in an hour at most: UPS does not publish "
            "what it allows. An order beyond that is not checked.",
        ),
    ] = 3_600
