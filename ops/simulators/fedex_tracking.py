"""Where FedEx's packages are, in the shapes of its Track API; and how references are looked up."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Final

from ops.simulators.fedex_rules import category
from ops.simulators.fedex_shipments import Package, Shelf, Shipment
from ops.simulators.parcel_journey import Happening, Journeys
from ops.simulators.shapes import JsonObject, JsonValue, text

MAX_RANGE = timedelta(days=30)
NOT_FOUND: Final = {
    "number": (
        "TRACKING.TRACKINGNUMBER.NOTFOUND",
        "Tracking number cannot be found. Please correct the tracking number and try again.",
    ),
    "reference": (
        "TRACKING.REFERENCENUMBER.NOTFOUND",
        "Reference number cannot be found. Please correct the reference number and try again.",
    ),
}
_NOT_UNIQUE: Final = (
    "TRACKING.DATA.NOTUNIQUE",
    (
        "A unique match was not found. Please resubmit your request with a FedEx service or enter"
        " your FedEx account number."
    ),
)
# Code, description, and why it is not ordinary progress.
_WORDS: Final = {
    "created": ("OC", "Shipment information sent to FedEx", ""),
    "voided": ("CA", "Shipment cancelled by sender", ""),
    "picked_up": ("PU", "Picked up", ""),
    "departed": ("DP", "Left FedEx origin facility", ""),
    "exception": ("DE", "Delivery exception", "Incorrect address"),
    "returning": ("SE", "Shipment exception", "Unable to deliver shipment, returned to shipper"),
    "returned": ("RS", "Returned to shipper", "Recipient refused delivery"),
    "lost": ("SE", "Shipment exception", "Package cannot be located"),
    "delivered": ("DL", "Delivered", ""),
}
_DATES: Final = {"created": "SHIP", "picked_up": "ACTUAL_PICKUP", "delivered": "ACTUAL_DELIVERY"}
# The Track API's words for the Ship API's types of references.
_TYPES: Final = {
    "CUSTOMER_REFERENCE": "CUSTOMER_REFERENCE",
    "DEPARTMENT_NUMBER": "DEPARTMENT",
    "INVOICE_NUMBER": "INVOICE",
    "P_O_NUMBER": "PURCHASE_ORDER",
    "RMA_ASSOCIATION": "RETURN_MATERIALS_AUTHORIZATION",
}
REFERENCE_TYPES: Final = frozenset((*_TYPES.values(), "SHIPPER_REFERENCE", "FREE_FORM_REFERENCE"))
Fault = tuple[str, str]


def _when(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds")


def _scan(happening: Happening, shipment: Shipment) -> JsonObject:
    code, description, why = _WORDS[happening.what]
    shown: dict[str, JsonValue] = {
        "date": _when(happening.at),
        "eventType": code,
        "eventDescription": description,
        "derivedStatus": description,
        "derivedStatusCode": code,
        "scanLocation": {"countryCode": shipment.country, "city": shipment.city.upper()},
    }
    if why:
        shown.update(exceptionCode="08", exceptionDescription=why)
    return shown


def _identifier(kind: str, value: str) -> JsonObject:
    # The description calls it `value`, the real answers `values`.
    return {"type": kind, "value": [value], "values": [value]}


def tracked(
    shipment: Shipment, package: Package, happened: list[Happening], *, detailed: bool
) -> JsonObject:
    """One `trackResults` entry; `happened` is newest first."""
    code, description, why = _WORDS[happened[0].what]
    status: dict[str, JsonValue] = {
        "code": code,
        "derivedCode": code,
        "statusByLocale": description,
        "description": description,
    }
    if why:
        status["ancillaryDetails"] = [{"reason": "08", "reasonDescription": why}]
    index, several = shipment.packages.index(package), len(shipment.packages) > 1
    carrier = "FDXG" if category(shipment.service) == "GROUND" else "FDXE"
    shown: dict[str, JsonValue] = {
        "trackingNumberInfo": {
            "trackingNumber": package.number,
            "carrierCode": carrier,
            "trackingNumberUniqueId": f"2459000000~{package.number}~FX",
        },
        "additionalTrackingInfo": {
            "hasAssociatedShipments": several,
            "packageIdentifiers": [
                *(
                    _identifier(_TYPES.get(kind, "SHIPPER_REFERENCE"), value)
                    for kind, value in package.references
                ),
                *([_identifier("STANDARD_MPS", shipment.number)] if several else []),
            ],
        },
        "latestStatusDetail": status,
        "serviceDetail": {"type": shipment.service},
        "packageDetails": {"sequenceNumber": str(index + 1), "count": str(len(shipment.packages))},
        "dateAndTimes": [
            {"dateTime": _when(one.at), "type": _DATES[one.what]}
            for one in happened
            if one.what in _DATES
        ],
        "scanEvents": [_scan(one, shipment) for one in happened][: None if detailed else 1],
    }
    if code == "DL":
        address = {"city": shipment.city, "countryCode": shipment.country}
        shown["deliveryDetails"] = {"actualDeliveryAddress": address}
    return shown


def unknown(asked: str, by: str) -> JsonObject:
    """A result that only says that nothing was found; the answer around it is a 200."""
    code, message = NOT_FOUND[by]
    return _failed(asked, by, code, message)


def _failed(asked: str, by: str, code: str, message: str) -> JsonObject:
    result: dict[str, JsonValue] = {"error": {"code": code, "message": message}}
    if by == "number":
        result["trackingNumberInfo"] = {"trackingNumber": asked, "trackingNumberUniqueId": ""}
    return {"trackingNumber": asked if by == "number" else "", "trackResults": [result]}


def _day(value: str) -> date | None:
    try:
        return date.fromisoformat(value)
    except ValueError:
        return None


def reference_fault(asked: JsonObject, now: float) -> Fault | None:
    """FedEx's code and words for what is wrong with a look-up by reference, or None."""
    if not text(asked, "value"):
        return (
            "TRACKING.REFERENCEVALUE.EMPTY",
            "Missing or invalid shipment. Please enter a valid shipment number.",
        )
    kind = text(asked, "type")
    if kind and kind not in REFERENCE_TYPES:
        return (
            "TRACKING.REFERENCETYPE.INVALID",
            "Please provide a valid reference/associated type.",
        )
    addressed = text(asked, "destinationCountryCode") and text(asked, "destinationPostalCode")
    if not text(asked, "accountNumber") and not addressed:
        return (
            "TRACKING.REFERENCEDATA.INCOMPLETE",
            "Please enter an account number or destination country/territory and postal code.",
        )
    begin, end = _day(text(asked, "shipDateBegin")), _day(text(asked, "shipDateEndDate"))
    if begin is None or end is None or end < begin:
        return (
            "TRACKING.SHIPDATERANGE.INVALID",
            "Invalid ship date range. Please provide valid ship begin and end date.",
        )
    if end - begin > MAX_RANGE:
        return (
            "TRACKING.SHIPDATERANGE.TOOLONG",
            "Ship date range is too long. Please reduce the range and try again.",
        )
    # Somewhere it is tomorrow already.
    if end > datetime.fromtimestamp(now, UTC).date() + timedelta(days=1):
        return (
            "TRACKING.SHIPDATEEND.FUTURE",
            "Invalid ship date range. End date must not be in the future.",
        )
    return None


def by_reference(
    asked: JsonObject, shelf: Shelf, journeys: Journeys, now: float, *, detailed: bool
) -> list[JsonValue]:
    """The `completeTrackResults` of a look-up by reference that `reference_fault` let pass."""
    account, value = text(asked, "accountNumber"), text(asked, "value")
    begin, end = text(asked, "shipDateBegin"), text(asked, "shipDateEndDate")
    found: list[tuple[Shipment, Package]] = []
    for shipment, package in shelf.by_reference.get(value.upper(), []):
        day = datetime.fromtimestamp(shipment.bought_at, UTC).date().isoformat()
        if account:
            ours = shipment.account == account
        else:
            ours = (shipment.country, shipment.postal_code) == (
                text(asked, "destinationCountryCode"),
                text(asked, "destinationPostalCode"),
            )
        if ours and begin <= day <= end:
            found.append((shipment, package))
    if not found:
        return [unknown(value, "reference")]
    if not account and len({shipment.number for shipment, _ in found}) > 1:
        return [_failed(value, "reference", *_NOT_UNIQUE)]
    return [complete(one, package, journeys, now, detailed=detailed) for one, package in found]


def complete(
    shipment: Shipment, package: Package, journeys: Journeys, now: float, *, detailed: bool
) -> JsonObject:
    """One `completeTrackResults` entry."""
    happened = journeys.so_far(
        package.number, shipment.city, shipment.bought_at, now, voided=shipment.cancelled
    )
    results = [tracked(shipment, package, happened, detailed=detailed)]
    return {"trackingNumber": package.number, "trackResults": results}
