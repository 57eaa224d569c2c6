"""What UPS offers an account, asked of its Rating API (option Shop) for `doctor`.

https://github.com/UPS-API/api-documentation, Rating.yaml
"""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from actors.kernel.setup import ABROAD, HOME
from adapters.carriers.ups.shapes import several
from adapters.carriers.ups.shipment import CUSTOMER_PACKAGING, Sender, origin_party
from adapters.kit.services import Offers
from adapters.kit.settings import Origin
from schemas.order.regions import US_COUNTRIES

PATH = "/rating/v2409/Shop"

_SAMPLES = {
    one.country: one
    for one in (
        Origin(name="Sample", lines=("1600 Pennsylvania Avenue",), city="Washington", region="DC",
               postal_code="20500", country="US"),
        Origin(name="Sample", lines=("100 Queen Street West",), city="Toronto", region="ON",
               postal_code="M5H2N2", country="CA"),
        Origin(name="Sample", lines=("10 Downing Street",), city="London", postal_code="SW1A2AA",
               country="GB"),
        Origin(name="Sample", lines=("Unter den Linden 77",), city="Berlin", postal_code="10117",
               country="DE"),
        Origin(name="Sample", lines=("Place Charles de Gaulle",), city="Paris",
               postal_code="75008", country="FR"),
    )
}  # fmt: skip
"""Addresses of public buildings, to which prices are asked for."""


class _Service(msgspec.Struct, frozen=True, rename="pascal"):
    code: str = ""


class _Rated(msgspec.Struct, frozen=True, rename="pascal"):
    service: _Service = _Service()


class _RateResponse(msgspec.Struct, frozen=True, rename="pascal"):
    rated_shipment: list[_Rated] | _Rated = []


class Rated(msgspec.Struct, frozen=True, rename="pascal"):
    """The answer: a shipment for each service that is offered."""

    rate_response: _RateResponse

    def codes(self) -> frozenset[str]:
        """Return the codes of all services."""
        return frozenset(one.service.code for one in several(self.rate_response.rated_shipment))


rated_decoder = msgspec.json.Decoder(Rated)


def questions(offers: Offers, home: Origin) -> Iterator[tuple[frozenset[str], tuple[Origin, ...]]]:
    """Yield the codes that the settings name for a destination, and sample addresses there: UPS
    must offer each code to one of them. Countries without a sample are left out."""
    for where in sorted({key[1] for key in offers}):
        codes = frozenset(code for key, code in offers.items() if key[1] == where)
        if where == HOME:
            yield codes, (home,)
        elif where == ABROAD:
            away = [one for one in _SAMPLES.values() if not _same(home.country, one.country)]
            yield codes, tuple(away[:3])
        elif where in _SAMPLES:
            yield codes, (_SAMPLES[where],)


def _same(home: str, away: str) -> bool:
    return home == away or (home in US_COUNTRIES and away == "US")


def rate_request(sender: Sender, to: Origin) -> dict[str, object]:
    """Return the question for all services with which a parcel of a pound or kilogram may go."""
    unit = ("LBS", "Pounds") if sender.origin.country in US_COUNTRIES else ("KGS", "Kilograms")
    weight: dict[str, object] = {
        "UnitOfMeasurement": {"Code": unit[0], "Description": unit[1]},
        "Weight": "1",
    }
    package: dict[str, object] = {
        "PackagingType": {"Code": CUSTOMER_PACKAGING},
        "PackageWeight": weight,
    }
    request: dict[str, object] = {
        "RequestOption": "Shop",
        "TransactionReference": {"CustomerContext": "probe"},
    }
    return {
        "RateRequest": {
            "Request": request,
            "Shipment": {
                "Shipper": _party(sender.shipper) | {"ShipperNumber": sender.number},
                "ShipTo": _party(to),
                "ShipFrom": _party(sender.origin),
                "Package": [package],
            },
        }
    }


def _party(origin: Origin) -> dict[str, object]:
    party = origin_party(origin)
    return {name: party[name] for name in ("Name", "Address")}
