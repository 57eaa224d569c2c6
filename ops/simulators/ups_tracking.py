"""Where UPS's packages are, in the shapes of its Track API."""

from __future__ import annotations

import time
from typing import Final

from ops.simulators.parcel_journey import Happening, Journeys
from ops.simulators.shapes import JsonObject, JsonValue
from ops.simulators.ups_shipments import Package, Shipment

# Type, code, status code, description. The status codes are those of UPS's own table.
_WORDS: Final = {
    "created": (
        "M",
        "MP",
        "003",
        "Shipper created a label, UPS has not received the package yet.",
    ),
    "voided": ("MV", "VP", "007", "Shipment information voided"),
    "picked_up": ("I", "OR", "038", "Picked Up"),
    "departed": ("I", "DP", "005", "Departed from Facility"),
    "exception": ("X", "48", "013", "The address is incomplete. This may delay delivery."),
    "returning": ("X", "RS", "035", "The receiver did not want the package: it is being returned."),
    "returned": ("RS", "RS", "034", "Returned to Sender"),
    "lost": ("X", "LF", "068", "Sent to Lost and Found"),
    "delivered": ("D", "FS", "011", "DELIVERED"),
}


def _activity(happening: Happening, shipment: Shipment) -> JsonObject:
    kind, code, status_code, description = _WORDS[happening.what]
    address: dict[str, JsonValue] = {"countryCode": shipment.country}
    if kind == "D":
        address["city"] = shipment.city.upper()
    moment = time.gmtime(happening.at)
    day, hour = time.strftime("%Y%m%d", moment), time.strftime("%H%M%S", moment)
    return {
        "location": {"address": address},
        "status": {
            "type": kind,
            "description": description,
            "code": code,
            "statusCode": status_code,
        },
        "date": day,
        "time": hour,
        "gmtDate": day,
        "gmtTime": hour,
        "gmtOffset": "+00:00",
    }


def tracked(shipment: Shipment, package: Package, journeys: Journeys, now: float) -> JsonObject:
    """One package as the Track API shows it, its activity newest first."""
    happened = journeys.so_far(
        package.number, shipment.city, shipment.bought_at, now, voided=package.voided
    )
    kind, _, status_code, description = _WORDS[happened[0].what]
    shown: dict[str, JsonValue] = {
        "trackingNumber": package.number,
        "activity": [_activity(one, shipment) for one in happened],
        "currentStatus": {
            "type": kind,
            "code": status_code,
            "description": description,
            "statusCode": status_code,
        },
        "packageCount": len(shipment.packages),
        "referenceNumber": [
            *({"type": "SHIPMENT", "number": value.upper()} for value in shipment.references),
            *({"type": "PACKAGE", "number": value.upper()} for value in package.references),
        ],
        "service": {"code": shipment.service},
    }
    if kind == "D":
        moment = time.gmtime(happened[0].at)
        shown["deliveryDate"] = [{"type": "DEL", "date": time.strftime("%Y%m%d", moment)}]
        shown["deliveryTime"] = {"type": "DEL", "endTime": time.strftime("%H%M%S", moment)}
    return shown


def answered(found: list[tuple[str, list[JsonObject]]]) -> JsonObject:
    """The whole answer: what was asked for, and the packages found for it."""
    shipments: list[JsonValue] = [
        {"inquiryNumber": asked, "package": packages} for asked, packages in found
    ]
    return {"trackResponse": {"shipment": shipments}}
