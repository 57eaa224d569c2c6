"""What UPS refuses in a ship request, with its code and words for it."""

from __future__ import annotations

from ops.simulators.shapes import JsonObject, JsonValue, dig, number, objects, text

MAX_REFERENCE = 35
_SERVICES = frozenset(
    (
        "01 02 03 07 08 11 12 13 14 17 54 59 65 70 71 72 74 75 82 83 84 85 86 92 93 94 95 96"
        " M2 M3 M4 M5 M6 M7 C6"
    ).split()
)


def _party_fault(party: JsonValue, who: str) -> tuple[str, str] | None:
    if not 0 < len(text(party, "Name")) <= 35:
        return "120200", f"Missing or invalid {who} name (1 to 35 characters)."
    lines = dig(party, "Address", "AddressLine")
    lines = [lines] if isinstance(lines, str) else lines
    if not isinstance(lines, list) or not 1 <= len(lines) <= 3:
        return "120201", f"Missing or invalid {who} address line (1 to 3 lines)."
    if any(not isinstance(line, str) or not 0 < len(line) <= 35 for line in lines):
        return "120201", f"Missing or invalid {who} address line (1 to 35 characters each)."
    if not 0 < len(text(party, "Address", "City")) <= 30:
        return "120205", f"Missing or invalid {who} city."
    country = text(party, "Address", "CountryCode")
    if len(country) != 2 or not country.isupper():
        return "120207", f"Missing or invalid {who} country or territory code."
    if country in ("US", "CA") and not text(party, "Address", "PostalCode"):
        return "120206", f"Missing or invalid {who} postal code."
    if country in ("US", "CA") and not text(party, "Address", "StateProvinceCode"):
        return "120204", f"Missing or invalid {who} state or province code."
    return None


_UNBOUND = _SERVICES - frozenset("01 02 03 07 08 11 12 13 14 54 59 65".split())
"""Services of which this simulator does not know where they are sold."""
_US = ("US", "AS", "GU", "MP", "PR", "VI")
_WITHIN_US = ("01", "02", "03", "12", "13", "14", "59")
_FROM_US = ("07", "08", "54", "65")
_WITHIN_CANADA = ("01", "02", "11", "13", "14")
_ELSEWHERE = ("07", "08", "11", "54", "65")


def sold(shipment: JsonValue, withheld: frozenset[str]) -> tuple[str, ...]:
    """The services for a shipment, by where it leaves and goes; `withheld` are those that the
    account does not have."""
    origin = dig(shipment, "ShipFrom") or dig(shipment, "Shipper")
    home = text(origin, "Address", "CountryCode")
    away = text(dig(shipment, "ShipTo"), "Address", "CountryCode")
    codes: tuple[str, ...]
    if home in _US and away in _US:
        codes = _WITHIN_US
    elif home in _US:
        codes = (*_FROM_US, "11") if away in ("CA", "MX") else _FROM_US
    else:
        codes = _WITHIN_CANADA if home == away == "CA" else _ELSEWHERE
    return tuple(one for one in codes if one not in withheld)


def _service_fault(shipment: JsonValue, withheld: frozenset[str]) -> tuple[str, str] | None:
    code = text(shipment, "Service", "Code")
    if code not in _SERVICES:
        return "121100", "The requested service is invalid."
    if code not in (*sold(shipment, withheld), *_UNBOUND):
        return "111210", "The requested service is unavailable between the selected locations."
    return None


def ship_fault(request: JsonObject, withheld: frozenset[str]) -> tuple[str, str] | None:
    """UPS's code and words for the first thing wrong with a ship request, or None."""
    shipment = dig(request, "ShipmentRequest", "Shipment")
    if not text(request, "ShipmentRequest", "Request", "RequestOption"):
        return "120001", "Missing or invalid Request.RequestOption."
    if shipment is None:
        return "120002", "Missing or invalid Shipment."
    shipper = text(shipment, "Shipper", "ShipperNumber")
    if len(shipper) != 6 or not shipper.isalnum():
        return "120100", "Missing or invalid shipper number"
    fault = _party_fault(dig(shipment, "Shipper"), "shipper") or _party_fault(
        dig(shipment, "ShipTo"), "ship to"
    )
    if fault is not None:
        return fault
    if fault := _service_fault(shipment, withheld):
        return fault
    if dig(shipment, "PaymentInformation") is None:
        return "120401", "Missing payment information."
    packages = objects(shipment, "Package")
    if not 1 <= len(packages) <= 200:
        return "120500", "Missing or invalid package (1 to 200)."
    for package in packages:
        if len(text(package, "Packaging", "Code")) != 2:
            return "120502", "Missing or invalid packaging type."
        if not 0 < number(package, "PackageWeight", "Weight") <= 150:
            return "120513", "Missing or invalid package weight."
    items = objects(shipment, "ReferenceNumber")
    items += [item for package in packages for item in objects(package, "ReferenceNumber")]
    if any(not 0 < len(text(item, "Value")) <= MAX_REFERENCE for item in items):
        return "120541", "Missing or invalid reference number value (1 to 35 characters)."
    return None
