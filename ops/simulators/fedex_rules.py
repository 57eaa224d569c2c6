"""What FedEx refuses in a ship request, with its code and words for it.

Lengths and required fields are those of FedEx's Ship API description.
"""

from __future__ import annotations

import re
from typing import Final

from ops.simulators.shapes import JsonObject, JsonValue, dig, number, objects, text

GROUND = frozenset(("FEDEX_GROUND", "GROUND_HOME_DELIVERY"))
SERVICES = GROUND | frozenset(
    (
        "STANDARD_OVERNIGHT PRIORITY_OVERNIGHT FIRST_OVERNIGHT FEDEX_2_DAY FEDEX_2_DAY_AM"
        " FEDEX_EXPRESS_SAVER SMART_POST FEDEX_INTERNATIONAL_PRIORITY INTERNATIONAL_FIRST"
        " FEDEX_INTERNATIONAL_PRIORITY_EXPRESS FEDEX_INTERNATIONAL_ECONOMY INTERNATIONAL_ECONOMY"
        " FEDEX_INTERNATIONAL_CONNECT_PLUS FEDEX_REGIONAL_ECONOMY FEDEX_FIRST FEDEX_PRIORITY"
        " FEDEX_PRIORITY_EXPRESS"
    ).split()
)
IMAGES: Final = ("ZPLII", "EPL2", "PDF", "PNG")
MAX_PACKAGES = 40
MAX_WEIGHT = {"LB": 150.0, "KG": 68.0}
_PICKUPS = ("CONTACT_FEDEX_TO_SCHEDULE", "DROPOFF_AT_FEDEX_LOCATION", "USE_SCHEDULED_PICKUP")
_PAYERS = ("SENDER", "RECIPIENT", "THIRD_PARTY", "COLLECT")
# Longest value by type; a customer reference has 40 characters by air and 30 on the ground.
_REFERENCES: Final = {
    "CUSTOMER_REFERENCE": 40,
    "DEPARTMENT_NUMBER": 30,
    "INVOICE_NUMBER": 30,
    "P_O_NUMBER": 30,
    "INTRACOUNTRY_REGULATORY_REFERENCE": 30,
    "RMA_ASSOCIATION": 20,
}
_MAX_GROUND_REFERENCE = 30
Fault = tuple[str, str]


def category(service: str) -> str:
    """EXPRESS, GROUND or SMARTPOST."""
    if service in GROUND:
        return "GROUND"
    return "SMARTPOST" if service == "SMART_POST" else "EXPRESS"


def _party_fault(party: JsonValue, who: str) -> Fault | None:
    if not text(party, "contact", "personName") and not text(party, "contact", "companyName"):
        return f"{who}.CONTACTNAME.REQUIRED", "Either the companyName or personName is mandatory."
    if (
        len(text(party, "contact", "personName")) > 70
        or len(text(party, "contact", "companyName")) > 35
    ):
        return f"{who}.CONTACTNAME.INVALID", "personName has 70, companyName 35 characters at most."
    country = text(party, "address", "countryCode")
    digits = re.sub(r"\D", "", text(party, "contact", "phoneNumber"))
    if country in ("US", "CA"):
        good = len(digits.removeprefix("1")) == 10
    else:
        good = 1 <= len(digits) <= 15
    if not good:
        return f"{who}.PHONENUMBER.INVALID", "Please enter a valid phone number."
    lines = dig(party, "address", "streetLines")
    if not isinstance(lines, list) or not lines:
        return f"{who}.STREETLINES.REQUIRED", "At least one street line is required."
    if any(not isinstance(line, str) or not 0 < len(line) <= 35 for line in lines):
        return f"{who}.STREETLINES.INVALID", "A street line has 1 to 35 characters."
    if not 0 < len(text(party, "address", "city")) <= 35:
        return f"{who}.CITY.INVALID", "The city has 1 to 35 characters."
    if not re.fullmatch("[A-Z]{2}", country):
        return f"{who}.COUNTRY.INVALID", "Please provide a valid country/territory code."
    if country in ("US", "CA", "PR"):
        if not re.fullmatch("[A-Z]{2}", text(party, "address", "stateOrProvinceCode")):
            return f"{who}.STATEORPROVINCECODE.INVALID", "The state code has two letters."
        if not 0 < len(text(party, "address", "postalCode")) <= 10:
            return "COUNTRY.POSTALCODEORZIP.INVALID", "The postal code has 1 to 10 characters."
    return None


def _reference_fault(package: JsonObject, where: int, service: str) -> Fault | None:
    for index, reference in enumerate(objects(package, "customerReferences"), 1):
        kind, value = text(reference, "customerReferenceType"), text(reference, "value")
        longest = _REFERENCES.get(kind, 0)
        if kind == "CUSTOMER_REFERENCE" and service in GROUND:
            longest = _MAX_GROUND_REFERENCE
        if not 0 < len(value) <= longest:
            return (
                "CUSTOMERREFERENCE.VALUE.INVALID",
                (
                    f"Customer reference value is invalid for customer reference {index}"
                    f" in requestedPackage {where}."
                ),
            )
    return None


def _package_fault(shipment: JsonObject, service: str) -> Fault | None:
    packages = objects(shipment, "requestedPackageLineItems")
    if not 1 <= sum(count_of(package) for package in packages) <= MAX_PACKAGES:
        return "PACKAGECOUNT.INVALID", f"A shipment has 1 to {MAX_PACKAGES} packages."
    units = {text(package, "weight", "units") for package in packages}
    if len(units) != 1 or not units <= set(MAX_WEIGHT):
        return "PACKAGE.WEIGHTUNITS.INVALID", "The weight units are KG or LB, the same for all."
    for index, package in enumerate(packages, 1):
        weight = number(package, "weight", "value")
        if not 0 < weight <= MAX_WEIGHT[next(iter(units))]:
            return "PACKAGE.WEIGHT.INVALID", "Package weight is missing or invalid."
        if fault := _reference_fault(package, index, service):
            return fault
    return None


def count_of(package: JsonObject) -> int:
    """How many identical packages a line item stands for."""
    given = dig(package, "groupPackageCount")
    return given if isinstance(given, int) and not isinstance(given, bool) else 1


def ship_fault(sent: JsonObject) -> Fault | None:
    """FedEx's code and words for the first thing wrong with a ship request, or None."""
    account = text(sent, "accountNumber", "value")
    if not re.fullmatch(r"\d{9}", account):
        return (
            "ACCOUNTNUMBER.REGISTRATION.REQUIRED",
            (
                "Please enter a valid 9-digit FedEx account number or register for a new FedEx"
                " account number."
            ),
        )
    if text(sent, "labelResponseOptions") not in ("LABEL", "URL_ONLY"):
        return "LABELRESPONSEOPTIONS.INVALID", "labelResponseOptions is LABEL or URL_ONLY."
    shipment = dig(sent, "requestedShipment")
    if not isinstance(shipment, dict):
        return "REQUESTEDSHIPMENT.REQUIRED", "Please provide the requestedShipment."
    service = text(shipment, "serviceType")
    if service not in SERVICES:
        return "SERVICETYPE.NOT.ALLOWED", "Please provide a valid service type."
    if not text(shipment, "packagingType"):
        return "PACKAGINGTYPE.MISSING.OR.INVALID", "Packaging type is missing or invalid."
    if text(shipment, "pickupType") not in _PICKUPS:
        return "PICKUPTYPE.REQUIRED", "Please provide a valid pickup type."
    if text(shipment, "shippingChargesPayment", "paymentType") not in _PAYERS:
        return "PAYMENTTYPE.REQUIRED", "Please provide a valid payment type."
    label = dig(shipment, "labelSpecification")
    if text(label, "imageType") not in IMAGES or not text(label, "labelStockType"):
        return "LABELSPECIFICATION.INVALID", "Please provide an image type and a label stock type."
    return (
        _party_fault(dig(shipment, "shipper"), "SHIPPER")
        or _party_fault(dig(shipment, "recipients"), "RECIPIENT")
        or _package_fault(shipment, service)
    )
