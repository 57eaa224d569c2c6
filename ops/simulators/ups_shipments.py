"""UPS's shipments: their packages, numbers and references, and how they are found again."""

from __future__ import annotations

import base64
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Final

from ops.simulators.shapes import JsonObject, JsonValue, number, objects, text

# One transparent pixel: small, and a real GIF.
LABEL_GIF: Final = base64.b64encode(
    b"GIF89a\x01\x00\x01\x00\x80\x00\x00\x00\x00\x00\xff\xff\xff!\xf9\x04\x01\x00\x00\x00\x00"
    b",\x00\x00\x00\x00\x01\x00\x01\x00\x00\x02\x01D\x00;"
).decode()
_COD: Final = ("COD", "CODAmount", "MonetaryValue")
SUCCESS: Final[JsonObject] = {"Code": "1", "Description": "Success"}


def tracking_number(shipper: str, service: str, serial: int) -> str:
    """A 1Z number with its check digit: letters count (code - 63) mod 10, each second twice."""
    body = f"{shipper}{service}{serial % 10_000_000:07d}"
    total = 0
    for index, sign in enumerate(body):
        value = int(sign) if sign.isdigit() else (ord(sign) - 63) % 10
        total += value * 2 if index % 2 else value
    return f"1Z{body}{-total % 10}"


def references_of(holder: JsonObject) -> tuple[str, ...]:
    """The reference numbers of a shipment or package, as they were sent."""
    found = [text(item, "Value") for item in objects(holder, "ReferenceNumber")]
    return tuple(dict.fromkeys(value for value in found if value))


@dataclass(slots=True)
class Package:
    """One package of a shipment."""

    number: str
    references: tuple[str, ...] = ()
    voided: bool = False


@dataclass(slots=True)
class Shipment:
    """One shipment, whose number is its first package's. `ours`: bought here, so we may void it.
    `customs` is what the goods in it are worth, as it was told ("": it was not)."""

    packages: list[Package]
    shipper: str
    references: tuple[str, ...]
    bought_at: float
    city: str
    country: str
    postal_code: str
    service: str
    cost: str = "0.00"
    collects: str = ""
    ours: bool = True
    customs: str = ""

    @property
    def number(self) -> str:
        return self.packages[0].number

    @property
    def voided(self) -> bool:
        return all(package.voided for package in self.packages)

    @property
    def all_references(self) -> tuple[str, ...]:
        """Those of the shipment, then those of its packages."""
        found = [*self.references]
        for package in self.packages:
            found += package.references
        return tuple(dict.fromkeys(found))

    def labelled(self, reference: str) -> list[Package]:
        """The packages not voided that bear the reference, by themselves or as the shipment's."""
        same = reference.upper()
        whole = any(one.upper() == same for one in self.references)
        return [
            package
            for package in self.packages
            if not package.voided
            and (whole or any(one.upper() == same for one in package.references))
        ]

    def detail(self) -> JsonObject:
        """What the ledger keeps."""
        return {
            "packages": [package.number for package in self.packages],
            "references": list(self.all_references),
            "service": self.service,
            "amount": {"value": self.cost, "currency": "USD"},
            "country": self.country,
            "postal_code": self.postal_code,
            "to_collect": self.collects,
            "customs": self.customs,
        }


def to_collect(shipment: JsonObject) -> str:
    """What the driver collects by a ship request, of the shipment and its packages together; "" for
    nothing."""
    amounts = [text(shipment, "ShipmentServiceOptions", *_COD)]
    amounts += [text(one, "PackageServiceOptions", *_COD) for one in objects(shipment, "Package")]
    total = sum((Decimal(amount) for amount in amounts if amount), Decimal(0))
    return str(total) if total else ""


def price(packages: list[JsonObject]) -> str:
    """What a shipment costs, in dollars."""
    weight = sum(number(package, "PackageWeight", "Weight") for package in packages)
    return f"{7.5 * len(packages) + weight * 0.85:.2f}"


def rated_json(code: str, packages: list[JsonObject]) -> JsonObject:
    """One service as the Rating API offers it."""
    weight = sum(number(package, "PackageWeight", "Weight") for package in packages)
    unit = text(packages[0], "PackageWeight", "UnitOfMeasurement", "Code") if packages else "LBS"
    charge = {"CurrencyCode": "USD", "MonetaryValue": price(packages)}
    free = {"CurrencyCode": "USD", "MonetaryValue": "0.00"}
    return {
        "Service": {"Code": code, "Description": ""},
        "BillingWeight": {"UnitOfMeasurement": {"Code": unit}, "Weight": f"{weight:.1f}"},
        "TransportationCharges": charge,
        "ServiceOptionsCharges": free,
        "TotalCharges": charge,
    }


def shipped(shipment: Shipment, packages: list[JsonObject], context: str) -> JsonObject:
    """The answer to a ship request."""
    weight = sum(number(package, "PackageWeight", "Weight") for package in packages)
    unit = text(packages[0], "PackageWeight", "UnitOfMeasurement", "Code") or "LBS"
    charge = {"CurrencyCode": "USD", "MonetaryValue": shipment.cost}
    free = {"CurrencyCode": "USD", "MonetaryValue": "0.00"}
    response: dict[str, JsonValue] = {"ResponseStatus": SUCCESS}
    if context:
        response["TransactionReference"] = {"CustomerContext": context}
    label: JsonObject = {
        "ImageFormat": {"Code": "GIF", "Description": "GIF"},
        "GraphicImage": LABEL_GIF,
    }
    results: JsonObject = {
        "ShipmentCharges": {
            "TransportationCharges": charge,
            "ServiceOptionsCharges": free,
            "TotalCharges": charge,
        },
        "BillingWeight": {"UnitOfMeasurement": {"Code": unit}, "Weight": f"{weight:08.2f}"},
        "ShipmentIdentificationNumber": shipment.number,
        "PackageResults": [
            {
                "TrackingNumber": package.number,
                "ServiceOptionsCharges": free,
                "ShippingLabel": label,
            }
            for package in shipment.packages
        ],
    }
    return {"ShipmentResponse": {"Response": response, "ShipmentResults": results}}


@dataclass(slots=True)
class Shelf:
    """All shipments, by number and by shipper and reference."""

    by_number: dict[str, Shipment] = field(default_factory=dict)
    by_reference: dict[tuple[str, str], list[Shipment]] = field(default_factory=dict)

    def keep(self, shipment: Shipment) -> None:
        for package in shipment.packages:
            self.by_number[package.number] = shipment
        for value in shipment.all_references:
            # UPS knows no small letters.
            found = self.by_reference.setdefault((shipment.shipper, value.upper()), [])
            found.append(shipment)

    def own(self, number_: str) -> Shipment | None:
        """The shipment of ours that has this number, or a package with it."""
        shipment = self.by_number.get(number_)
        return shipment if shipment is not None and shipment.ours else None

    def of_reference(self, shipper: str, reference: str) -> list[Shipment]:
        """Oldest first; the case of letters does not matter."""
        return self.by_reference.get((shipper.upper(), reference.upper()), [])
