"""Settings of a FedEx account."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from adapters.carriers.fedex.services import sold_to
from adapters.kit.secret import Secret
from adapters.kit.services import Offers, offers_from, refuse_twice
from adapters.kit.settings import Name, Origin, PartnerSettings, Text, Url

Service = Annotated[str, Meta(pattern=r"^[A-Z][A-Z0-9_]{1,49}$")]


class FedexSettings(PartnerSettings, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One account at FedEx."""

    base_url: Annotated[Url, Meta(description="API root.")] = "https://apis.fedex.com"
    client_id: Annotated[Name, Meta(description="The project's API key.")]
    client_secret: Annotated[Secret, Meta(description="The project's secret key.")]
    account_number: Annotated[
        str, Meta(pattern=r"^[0-9]{9}$", description="Nine-digit account number, which pays.")
    ]
    shipper: Annotated[
        Origin,
        Meta(
            description="Where parcels are sent from. Its telephone number stands in for customers "
            "who gave none: FedEx wants one."
        ),
    ]
    services: Annotated[
        dict[Text, Service],
        Meta(
            max_length=200,
            description="The order's shipping method to FedEx's service, such as `FEDEX_2_DAY`, "
            'where FedEx sells it. `"express > abroad"`, `"express > home"` and `"express > CA"` '
            'say where to; `"* > CA"` is for every method to that country.',
        ),
    ] = msgspec.field(default_factory=dict)
    default_service: Annotated[
        Service, Meta(description="Service for shipping methods that `services` leaves out.")
    ] = "FEDEX_GROUND"
    default_service_abroad: Annotated[
        Service, Meta(description="The same for parcels to another country.")
    ] = "INTERNATIONAL_ECONOMY"
    pickup_type: Annotated[
        Literal["USE_SCHEDULED_PICKUP", "DROPOFF_AT_FEDEX_LOCATION", "CONTACT_FEDEX_TO_SCHEDULE"],
        Meta(description="How parcels get to FedEx."),
    ] = "USE_SCHEDULED_PICKUP"
    label_format: Annotated[
        Literal["ZPLII", "EPL2", "PDF", "PNG"],
        Meta(description="What labels are made for: a printer's language, or a picture."),
    ] = "ZPLII"
    country_of_manufacture: Annotated[
        str,
        Meta(
            pattern=r"^([A-Z]{2})?$",
            description="What customs is told of all goods. Empty: an order to another country is"
            " held.",
        ),
    ] = ""
    recovery_lag_seconds: Annotated[
        float,
        Meta(
            ge=0,
            le=3_600,
            description="A label counts as not bought when two searches so far apart miss it.",
        ),
    ] = 300.0

    def __post_init__(self) -> None:
        refuse_twice(self.services)

    def offers(self, home: str) -> Offers:
        """Return the services from a country, "" for the shipper's own."""
        at = home or self.shipper.country
        return offers_from(
            self.services,
            self.default_service,
            self.default_service_abroad,
            sold=lambda code: sold_to(code, at),
        )
