"""A canonical order and its parcels as UPS's ShipmentRequest (Shipping API v2409).

Lengths and rules: https://github.com/UPS-API/api-documentation, Shipping.yaml.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

import msgspec

from actors.runtime.errors import Rejected
from adapters.carriers.ups.regions import region_code
from adapters.kit.fitting import ascii_digits, fill, fit, printable
from schemas.messages.effects import Parcel
from schemas.order.canonical import Address, Order
from schemas.order.money import decimal_text

_POUND_COUNTRIES = frozenset({"US", "PR", "VI"})
_NORTH_AMERICA = frozenset({"US", "PR", "VI", "CA"})
_POSTAL = {
    "US": re.compile(r"\d{5}(\d{4})?"),
    "PR": re.compile(r"\d{5}(\d{4})?"),
    "CA": re.compile(r"[A-Z]\d[A-Z]\d[A-Z]\d"),
}
_GRAMS_PER_TENTH_POUND = 45.359237
_GRAMS_PER_TENTH_KILOGRAM = 100
_MAX_TENTHS = 9999
"""`Weight` has five characters: 999.9 is the most that can be written."""

CUSTOMER_PACKAGING = "02"
TRANSPORTATION = "01"


class Shipper(msgspec.Struct, frozen=True, kw_only=True):
    """Who ships, and from where; `number` is the six-character UPS account, which pays."""

    number: str
    name: str
    phone: str
    address: Address


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """How labels are bought: UPS's service code, label language, and whose prices count."""

    service: str
    label_format: str = "ZPL"
    negotiated_rates: bool = False


def shipment_request(
    order: Order, parcels: Sequence[Parcel], *, reference: str, shipper: Shipper, wanted: Wanted
) -> dict[str, object]:
    """Return the body of the ship request.

    `reference` stands where UPS allows it: on the parcels within the US and within Puerto Rico, on
    the shipment otherwise. Raises Rejected for what UPS could not deliver to or carry.
    """
    if order.ship_to is None:
        raise Rejected("The order has no shipping address, so no label can be bought.")
    home, away = shipper.address.country, order.ship_to.country
    references = [{"Value": reference}, {"Value": fit(printable(order.number), 35)}]
    on_parcels = home == away and home in ("US", "PR")
    packages = [
        _package(parcel, _grams(parcel, parcels, order), home in _POUND_COUNTRIES)
        for parcel in parcels
    ]
    shipment: dict[str, object] = {
        "Description": _goods(order),
        "Shipper": _shipper(shipper),
        "ShipTo": _ship_to(order.ship_to, order.customer.phone, abroad=home != away),
        "PaymentInformation": {
            "ShipmentCharge": [
                {"Type": TRANSPORTATION, "BillShipper": {"AccountNumber": shipper.number}}
            ]
        },
        "Service": {"Code": wanted.service},
        "Package": packages,
    }
    if on_parcels:
        for package in packages:
            package["ReferenceNumber"] = references
    else:
        shipment["ReferenceNumber"] = references
    if home == "US" and away in ("CA", "PR"):
        shipment["InvoiceLineTotal"] = {
            "CurrencyCode": order.currency,
            "MonetaryValue": decimal_text(order.totals.subtotal_minor, order.currency),
        }
    if wanted.negotiated_rates:
        shipment["ShipmentRatingOptions"] = {"NegotiatedRatesIndicator": ""}
    return {
        "ShipmentRequest": {
            "Request": {
                "RequestOption": "nonvalidate",
                "TransactionReference": {"CustomerContext": reference},
            },
            "Shipment": shipment,
            "LabelSpecification": label_specification(wanted.label_format),
        }
    }


def label_specification(label_format: str) -> dict[str, object]:
    """Return what kind of label is wanted: 4 by 6 inches, the size thermal printers hold."""
    return {
        "LabelImageFormat": {"Code": label_format},
        "LabelStockSize": {"Height": "6", "Width": "4"},
    }


def _goods(order: Order) -> str:
    titles = [printable(line.title, pictures=False) for line in order.lines]
    return fit(", ".join(title for title in titles if title), 50) or "Merchandise"


def _shipper(shipper: Shipper) -> dict[str, object]:
    return {
        "Name": fit(shipper.name, 35),
        "AttentionName": fit(shipper.address.name, 35),
        "ShipperNumber": shipper.number,
        "Phone": {"Number": ascii_digits(shipper.phone)[:15]},
        "Address": _address(shipper.address, "the shipper's address"),
    }


def _ship_to(address: Address, other_phone: str, *, abroad: bool) -> dict[str, object]:
    person = printable(address.name, pictures=False)
    company = printable(address.company, pictures=False)
    name = fit(company or person, 35)
    if not name:
        raise Rejected("The shipping address has no name that a label can show. Correct it.")
    party: dict[str, object] = {
        "Name": name,
        "AttentionName": fit(person or company, 35),
        "Address": _address(address, "the shipping address"),
    }
    phone = _phone(address.phone or other_phone, address.country)
    if phone:
        party["Phone"] = {"Number": phone}
    elif abroad:
        raise Rejected(
            "UPS needs the customer's telephone number for a parcel abroad, and the order has none "
            "that can be dialled. Add it to the shipping address."
        )
    return party


def _phone(text: str, country: str) -> str:
    """Digits only. In North America exactly ten: area code and number, with no 1 before them."""
    digits = ascii_digits(text)
    if country in _NORTH_AMERICA:
        if len(digits) == 11 and digits.startswith("1"):
            digits = digits[1:]
        return digits if len(digits) == 10 else ""
    return digits if 0 < len(digits) <= 15 else ""


def _address(address: Address, what: str) -> dict[str, object]:
    lines = fill([printable(line, pictures=False) for line in address.lines], (35, 35, 35))
    city = fit(printable(address.city, pictures=False), 30)
    if not lines or not city:
        missing = "city" if lines else "street"
        raise Rejected(f"In {what} the {missing} is missing or can't be printed. Correct it.")
    found: dict[str, object] = {
        "AddressLine": lines,
        "City": city,
        "CountryCode": address.country,
    }
    region = region_code(address.country, address.region)
    if not region and address.country in ("US", "CA"):
        raise Rejected(
            f"In {what} the state or province {printable(address.region)[:40]!r} is none of "
            f"{address.country}. Correct it."
        )
    # Elsewhere UPS takes codes of up to five characters and has no use for a name.
    if region and len(region) <= 5:
        found["StateProvinceCode"] = region
    postal = _postal_code(address, what)
    if postal:
        found["PostalCode"] = postal
    return found


def _postal_code(address: Address, what: str) -> str:
    code = "".join(
        sign for sign in printable(address.postal_code, pictures=False) if sign.isalnum()
    )
    code = code.upper()
    pattern = _POSTAL.get(address.country)
    if pattern is not None and not pattern.fullmatch(code):
        raise Rejected(
            f"In {what} the postal code {printable(address.postal_code)[:20]!r} is none of "
            f"{address.country}. Correct it."
        )
    return code if len(code) <= 9 else ""


def _grams(parcel: Parcel, parcels: Sequence[Parcel], order: Order) -> int:
    """The parcel's weight; of a single unweighed parcel, the goods' own."""
    grams = parcel.weight_grams
    if not grams and len(parcels) == 1:
        grams = sum(
            line.weight_grams * line.quantity for line in order.lines if line.requires_shipping
        )
    if not grams:
        raise Rejected(
            f"Parcel {printable(parcel.parcel_id)[:40]} has no weight, and a label needs one. Have "
            "the warehouse weigh it, or add weights to the items."
        )
    return grams


def _package(parcel: Parcel, grams: int, pounds: bool) -> dict[str, object]:
    """Weight in tenths, sizes in whole units, both rounded up: what the carrier would do."""
    per_tenth = _GRAMS_PER_TENTH_POUND if pounds else _GRAMS_PER_TENTH_KILOGRAM
    tenths = int(-(-grams // per_tenth))
    if tenths > _MAX_TENTHS:
        raise Rejected(
            f"Parcel {printable(parcel.parcel_id)[:40]} weighs {grams / 1000:,.1f} kg: UPS takes "
            "no parcel that heavy. Divide it, or ship it as freight."
        )
    package: dict[str, object] = {
        "Packaging": {"Code": CUSTOMER_PACKAGING},
        "PackageWeight": {
            "UnitOfMeasurement": {"Code": "LBS" if pounds else "KGS"},
            "Weight": f"{tenths // 10}.{tenths % 10}",
        },
    }
    sizes = sorted((parcel.length_mm, parcel.width_mm, parcel.height_mm), reverse=True)
    if sizes[-1] > 0:
        per_unit = 25.4 if pounds else 10
        length, width, height = (str(min(999, int(-(-size // per_unit)))) for size in sizes)
        package["Dimensions"] = {
            "UnitOfMeasurement": {"Code": "IN" if pounds else "CM"},
            "Length": length,
            "Width": width,
            "Height": height,
        }
    return package
