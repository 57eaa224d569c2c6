"""FedEx's shipments: their packages and numbers, and the answers to Ship API requests."""

from __future__ import annotations

import base64
import time
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Final

from ops.simulators.fedex_rules import category, count_of
from ops.simulators.shapes import JsonObject, JsonValue, number, objects, text

_WEIGHTS: Final = (3, 1, 7)
_PNG: Final = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg=="
)
_PDF: Final = (
    b"%PDF-1.4\n"
    b"1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj\n"
    b"2 0 obj<</Type/Pages/Kids[3 0 R]/Count 1>>endobj\n"
    b"3 0 obj<</Type/Page/Parent 2 0 R/MediaBox[0 0 288 432]>>endobj\n"
    b"trailer<</Root 1 0 R>>\n%%EOF\n"
)
_POUNDS_PER_KILOGRAM = 2.20462


def tracking_number(serial: int) -> str:
    """Twelve digits, the last of which checks the others: weights 3, 1, 7; modulo 11, then 10."""
    body = f"{serial % 10**11:011d}"
    total = sum(int(digit) * _WEIGHTS[index % 3] for index, digit in enumerate(body))
    return f"{body}{total % 11 % 10}"


def label_image(kind: str, tracking: str) -> bytes:
    """A small and real label in one of FedEx's image types."""
    if kind == "PNG":
        return _PNG
    if kind == "ZPLII":
        return f"^XA^FO50,50^A0N,40,40^FDFedEx {tracking}^FS^XZ".encode()
    if kind == "EPL2":
        return f'N\nA50,50,0,4,1,1,N,"FedEx {tracking}"\nP1\n'.encode()
    return _PDF


_COD_OF_SHIPMENT: Final = ("shipmentCODDetail", "codCollectionAmount", "amount")
_COD_OF_PACKAGE: Final = ("packageCODDetail", "codCollectionAmount", "amount")


@dataclass(slots=True)
class Package:
    """One package: its number, and its references as (type, value)."""

    number: str
    references: tuple[tuple[str, str], ...]
    weight: float
    units: str


@dataclass(slots=True)
class Shipment:
    """One shipment, whose master number is its first package's. `customs` is what the goods in it
    are worth, as it was told ("": it was not)."""

    packages: list[Package]
    account: str
    service: str
    bought_at: float
    city: str
    country: str
    postal_code: str
    image: str
    collects: str = ""
    cancelled: bool = False
    customs: str = ""

    @property
    def number(self) -> str:
        return self.packages[0].number

    @property
    def reference(self) -> str:
        """Ours: the first customer reference, or the first of any type."""
        every = [one for package in self.packages for one in package.references]
        ours = [value for kind, value in every if kind == "CUSTOMER_REFERENCE"]
        return next(iter(ours or [value for _, value in every]), "")

    @property
    def cost_minor(self) -> int:
        return sum(charge_minor(package) for package in self.packages)

    def detail(self) -> JsonObject:
        """What the ledger keeps."""
        values = [value for package in self.packages for _, value in package.references]
        return {
            "packages": [package.number for package in self.packages],
            "references": list(dict.fromkeys(values)),
            "service": self.service,
            "amount": {"value": f"{self.cost_minor / 100:.2f}", "currency": "USD"},
            "country": self.country,
            "postal_code": self.postal_code,
            "to_collect": self.collects,
            "customs": self.customs,
        }


def to_collect(shipment: JsonObject) -> str:
    """What the driver collects by a ship request, of the shipment and its packages together; "" for
    nothing."""
    amounts = [
        number(shipment, "shipmentSpecialServices", *_COD_OF_SHIPMENT),
        *(
            number(item, "packageSpecialServices", *_COD_OF_PACKAGE) * count_of(item)
            for item in objects(shipment, "requestedPackageLineItems")
        ),
    ]
    total = sum(Decimal(str(amount)) for amount in amounts)
    return str(total) if total else ""


def charge_minor(package: Package) -> int:
    """What a package costs, in cents."""
    pounds = package.weight * (_POUNDS_PER_KILOGRAM if package.units == "KG" else 1)
    return 925 + round(pounds * 95)


def read_packages(shipment: JsonObject, numbers: list[str]) -> list[Package]:
    """The packages of a request that `ship_fault` found nothing wrong with."""
    found: list[Package] = []
    for item in objects(shipment, "requestedPackageLineItems"):
        references = tuple(
            (text(one, "customerReferenceType"), text(one, "value"))
            for one in objects(item, "customerReferences")
        )
        for _ in range(count_of(item)):
            weight, units = number(item, "weight", "value"), text(item, "weight", "units")
            found.append(Package(numbers[len(found)], references, weight, units))
    return found


def _document(shipment: Shipment, package: Package, label_url: str) -> JsonObject:
    """A label, inside the answer or behind an address."""
    shown: dict[str, JsonValue] = {
        "contentType": "LABEL",
        "copiesToPrint": 1,
        "docType": shipment.image,
        "trackingNumber": package.number,
    }
    if label_url:
        shown["url"] = f"{label_url}/SH,{package.number}"
    else:
        image = label_image(shipment.image, package.number)
        shown["encodedLabel"] = base64.b64encode(image).decode()
    return shown


def _piece(shipment: Shipment, index: int, label_url: str) -> JsonObject:
    package = shipment.packages[index]
    charge = charge_minor(package) / 100
    return {
        "masterTrackingNumber": shipment.number,
        "trackingNumber": package.number,
        "trackingIdType": "FEDEX",
        "packageSequenceNumber": index + 1,
        "serviceCategory": category(shipment.service),
        "baseRateAmount": charge,
        "netChargeAmount": charge,
        "netDiscountAmount": 0.0,
        "additionalChargesDiscount": 0.0,
        "codCollectionAmount": 0.0,
        "packageDocuments": [_document(shipment, package, label_url)],
        "customerReferences": [
            {"customerReferenceType": kind, "value": value} for kind, value in package.references
        ],
    }


def shipped(shipment: Shipment, label_url: str) -> JsonObject:
    """The `output` of a ship answer; labels are inside unless there is an address for them."""
    ground = category(shipment.service) == "GROUND"
    name = shipment.service.replace("_", " ").title().replace("Fedex", "FedEx")
    rate: JsonObject = {
        "rateType": "PAYOR_ACCOUNT_PACKAGE",
        "totalNetCharge": shipment.cost_minor / 100,
        "totalNetFedExCharge": shipment.cost_minor / 100,
        "totalBaseCharge": shipment.cost_minor / 100,
        "currency": "USD",
    }
    tracking_ids = [
        {"formId": "0201", "trackingIdType": "FEDEX", "trackingNumber": package.number}
        for package in shipment.packages
    ]
    one: JsonObject = {
        "masterTrackingNumber": shipment.number,
        "serviceType": shipment.service,
        "serviceName": name,
        "serviceCategory": category(shipment.service),
        "shipDatestamp": time.strftime("%Y-%m-%d", time.gmtime(shipment.bought_at)),
        "pieceResponses": [
            _piece(shipment, index, label_url) for index in range(len(shipment.packages))
        ],
        "completedShipmentDetail": {
            "masterTrackingId": tracking_ids[0],
            "carrierCode": "FDXG" if ground else "FDXE",
            "usDomestic": shipment.country == "US",
            "completedPackageDetails": [
                {"sequenceNumber": index, "trackingIds": [found]}
                for index, found in enumerate(tracking_ids, 1)
            ],
            "shipmentRating": {
                "actualRateType": "PAYOR_ACCOUNT_PACKAGE",
                "shipmentRateDetails": [rate],
            },
        },
    }
    return {"transactionShipments": [one]}


@dataclass(slots=True)
class Shelf:
    """All shipments, by number and by reference."""

    by_number: dict[str, Shipment] = field(default_factory=dict)
    by_reference: dict[str, list[tuple[Shipment, Package]]] = field(default_factory=dict)

    def keep(self, shipment: Shipment) -> None:
        for package in shipment.packages:
            self.by_number[package.number] = shipment
            for value in dict.fromkeys(value.upper() for _, value in package.references):
                self.by_reference.setdefault(value, []).append((shipment, package))

    def package(self, number_: str) -> tuple[Shipment, Package] | None:
        """The package that has this number, with its shipment."""
        if (shipment := self.by_number.get(number_)) is None:
            return None
        return shipment, next(one for one in shipment.packages if one.number == number_)
