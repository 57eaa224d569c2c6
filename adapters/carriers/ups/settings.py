"""Settings of a UPS shipper account."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from adapters.carriers.ups.services import is_sold, sold_to
from adapters.kit.secret import Secret
from adapters.kit.services import Offers, offers_from, refuse_twice
from adapters.kit.settings import Name, Origin, PartnerSettings, Text, Url

Service = Annotated[str, Meta(pattern=r"^\d{2}$")]
ServiceOrNone = Annotated[str, Meta(pattern=r"^(\d{2})?$")]


class UpsSettings(PartnerSettings, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One shipper account at UPS."""

    base_url: Annotated[Url, Meta(description="API root.")] = "https://onlinetools.ups.com"
    client_id: Annotated[Name, Meta(description="OAuth client id.")]
    client_secret: Annotated[Secret, Meta(description="OAuth client secret.")]
    account_number: Annotated[
        str,
        Meta(pattern=r"^[A-Za-z0-9]{6}$", description="Six-character shipper account number."),
    ]
    shipper: Annotated[
        Origin, Meta(description="Whose account it is, and where parcels are sent from.")
    ]
    services: Annotated[
        dict[Text, Service],
        Meta(
            max_length=200,
            description="The order's shipping method to the carrier's service code, where UPS"
            ' sells it. `"express > abroad"`, `"express > home"` and `"express > CA"` say where'
            ' to; `"* > CA"` is for every method to that country.',
        ),
    ] = msgspec.field(default_factory=dict)
    default_service: Annotated[
        ServiceOrNone,
        Meta(
            description="Service code for shipping methods that `services` leaves out; empty: such"
            " an order is held."
        ),
    ] = ""
    default_service_abroad: Annotated[
        ServiceOrNone,
        Meta(
            description="The same for parcels to another country; territories of the United States "
            "are no other country."
        ),
    ] = ""
    label_format: Annotated[
        Literal["ZPL", "EPL", "GIF", "PNG"],
        Meta(description="What labels are made for: a printer's language, or a picture."),
    ] = "ZPL"
    negotiated_rates: Annotated[
        bool, Meta(description="Ask for the account's negotiated prices.")
    ] = False
    recovery_lag_seconds: Annotated[
        float,
        Meta(
            ge=0,
            le=3_600,
            description="A label counts as not bought when two searches so far apart miss it.",
        ),
    ] = 60.0

    def __post_init__(self) -> None:
        refuse_twice(self.services)
        home = self.shipper.country
        for name, code, abroad in (
            ("default_service", self.default_service, False),
            ("default_service_abroad", self.default_service_abroad, True),
        ):
            if code and not is_sold(code, home, abroad=abroad):
                there = f"from {home} to other countries" if abroad else f"within {home}"
                raise ValueError(f"{name} is {code}, which UPS does not sell {there}")

    def offers(self, home: str) -> Offers:
        """Return the service codes from a country, "" for the shipper's own."""
        at = home or self.shipper.country
        return offers_from(
            self.services,
            self.default_service,
            self.default_service_abroad,
            sold=lambda code: sold_to(code, at),
        )
