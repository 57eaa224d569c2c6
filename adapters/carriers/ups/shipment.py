"""A canonical order and its parcels as UPS's ShipmentRequest (Shipping API v2409).

Lengths and rules: https://github.com/UPS-API/api-documentation, Shipping.yaml.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import lru_cache

import msgspec

from actors.runtime.errors import Rejected
from adapters.carriers.ups.services import STREET_LINES
from adapters.kit.customs import customs_basis, goods_in
from adapters.kit.fitting import fill, fit, printable
from adapters.kit.parcels import weights_of
from adapters.kit.settings import Origin
from schemas.messages.effects import BuyLabel, PackedParcel
from schemas.order.canonical import Address, Order
from schemas.order.money import decimal_text, exponent_of
from schemas.order.phones import dialled, digits_of
from schemas.order.regions import TERRITORIES, US_COUNTRIES, postal_country, region_code

_POUND_COUNTRIES = US_COUNTRIES
_NORTH_AMERICA = _POUND_COUNTRIES | {"CA"}
_POSTAL = {
    **dict.fromkeys(_POUND_COUNTRIES, re.compile(r"\d{5}(\d{4})?")),
    "CA": re.compile(r"[A-Z]\d[A-Z]\d[A-Z]\d"),
}
_GRAMS_PER_TENTH_POUND = 45.359237
_GRAMS_PER_TENTH_KILOGRAM = 100
_MAX_TENTHS = 9999
"""`Weight` has five characters: 999.9 is the most that can be written."""

CUSTOMER_PACKAGING = "02"
TRANSPORTATION = "01"
# Appendix "COD": 0 is any check or money order for a package, 1 is cash for a shipment.
_FUNDS_OF_PACKAGE, _FUNDS_OF_SHIPMENT = "0", "1"


class Sender(msgspec.Struct, frozen=True, kw_only=True):
    """Whose account pays (`number`, six characters), and where parcels are sent from."""

    number: str
    shipper: Origin
    origin: Origin


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """How labels are bought: UPS's service code, label language, and whose prices count."""

    service: str
    label_format: str = "ZPL"
    negotiated_rates: bool = False


def shipment_request(
    order: Order, effect: BuyLabel, *, reference: str, sender: Sender, wanted: Wanted
) -> dict[str, object]:
    """Return the body of the ship request: one shipment with a package for each parcel.

    `reference` stands where UPS allows it: on the packages within the US and within Puerto Rico, on
    the shipment otherwise. Raises Rejected for what UPS could not deliver to or carry.
    """
    if order.ship_to is None:
        raise Rejected("The order has no shipping address, so no label can be bought.")
    home, away = sender.origin.country, postal_country(order.ship_to)
    references = [{"Value": reference}, {"Value": fit(printable(order.number), 35)}]
    grams = weights_of(order, effect.parcels)
    packages = [
        _package(parcel, weight, pounds=home in _POUND_COUNTRIES)
        for parcel, weight in zip(effect.parcels, grams, strict=True)
    ]
    shipment: dict[str, object] = {
        "Description": _goods(order, effect.parcels),
        "Shipper": {**origin_party(sender.shipper), "ShipperNumber": sender.number},
        "ShipTo": _ship_to(order.ship_to, order.customer.phone, abroad=home != away),
        "PaymentInformation": {
            "ShipmentCharge": [
                {"Type": TRANSPORTATION, "BillShipper": {"AccountNumber": sender.number}}
            ]
        },
        "Service": {"Code": wanted.service},
        "Package": packages,
    }
    if sender.origin != sender.shipper:
        shipment["ShipFrom"] = origin_party(sender.origin)
    if home == away and home in ("US", "PR"):
        for package in packages:
            package["ReferenceNumber"] = references
    else:
        shipment["ReferenceNumber"] = references
    if home == "US" and away in ("CA", "PR"):
        shipment["InvoiceLineTotal"] = _invoice_total(order, effect.parcels)
    if effect.collect_minor:
        _collect(effect, home, shipment, packages[0])
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


def _invoice_total(order: Order, parcels: Sequence[PackedParcel]) -> dict[str, str]:
    """What the goods in these parcels are worth; UPS takes 1 to 99999999."""
    worth = sum(part.net_minor for parts in goods_in(order, parcels) for part in parts)
    currency = customs_basis(order).currency
    least = 10 ** exponent_of(currency)
    return {
        "CurrencyCode": currency,
        "MonetaryValue": decimal_text(max(worth, least), currency),
    }


def _collect(
    effect: BuyLabel, home: str, shipment: dict[str, object], first: dict[str, object]
) -> None:
    """Cash on delivery: by package in North America, where the first one carries all of it, and by
    shipment elsewhere."""
    amount = {
        "CurrencyCode": effect.collect_currency,
        "MonetaryValue": decimal_text(effect.collect_minor, effect.collect_currency),
    }
    if home in _NORTH_AMERICA:
        cod = {"CODFundsCode": _FUNDS_OF_PACKAGE, "CODAmount": amount}
        first["PackageServiceOptions"] = {"COD": cod}
    else:
        cod = {"CODFundsCode": _FUNDS_OF_SHIPMENT, "CODAmount": amount}
        shipment["ShipmentServiceOptions"] = {"COD": cod}


def _goods(order: Order, parcels: Sequence[PackedParcel]) -> str:
    packed = {units.line_id for parcel in parcels for units in parcel.units}
    titles = [
        printable(line.title, pictures=False)
        for line in order.lines
        if line.line_id in packed or not packed
    ]
    return fit(", ".join(title for title in titles if title), 50) or "Merchandise"


# A place's address is the same for every label: read once, it saves a fifth of a request's price.
@lru_cache(maxsize=256)
def origin_party(origin: Origin) -> Mapping[str, object]:
    """Return where parcels leave from as UPS writes it; whoever gets it changes nothing in it."""
    address = Address(
        name=origin.name,
        lines=origin.lines,
        city=origin.city,
        region=origin.region,
        postal_code=origin.postal_code,
        country=origin.country,
    )
    return {
        "Name": fit(origin.name, 35),
        "AttentionName": fit(origin.name, 35),
        "Phone": {"Number": digits_of(origin.phone)[:15]},
        "Address": _address(address, "the shipper's address"),
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
    country = postal_country(address)
    phone = _phone(address.phone, country) or _phone(other_phone, country)
    if phone:
        party["Phone"] = phone
    elif abroad:
        raise Rejected(
            "UPS needs the customer's telephone number for a parcel abroad, and the order has none "
            "that can be dialled. Add it to the shipping address."
        )
    return party


def _phone(text: str, country: str) -> dict[str, str]:
    """Return number and extension where they fit. In North America the number has exactly ten
    digits: area code and number, with no 1 before them."""
    number, extension = dialled(text)
    if country in _NORTH_AMERICA:
        if len(number) == 11 and number.startswith("1"):
            number = number[1:]
        fits = len(number) == 10
    else:
        fits = 0 < len(number) <= 15
    if not fits:
        return {}
    return {"Number": number} | ({"Extension": extension} if 0 < len(extension) <= 4 else {})


def _address(address: Address, what: str) -> dict[str, object]:
    lines = fill([printable(line, pictures=False) for line in address.lines], STREET_LINES)
    city = fit(printable(address.city, pictures=False), 30)
    if not lines or not city:
        missing = "city" if lines else "street"
        raise Rejected(f"In {what} the {missing} is missing or can't be printed. Correct it.")
    country = postal_country(address)
    found: dict[str, object] = {"AddressLine": lines, "City": city, "CountryCode": country}
    region = region_code(country, address.region)
    if not region and country in ("US", "CA"):
        raise Rejected(
            f"In {what} the state or province {printable(address.region)[:40]!r} is none of "
            f"{country}. Correct it."
        )
    # Elsewhere UPS takes codes of up to five characters and has no use for a name.
    is_part = country != address.country or country in TERRITORIES
    if region and len(region) <= 5 and not is_part:
        found["StateProvinceCode"] = region
    postal = _postal_code(address, country, what)
    if postal:
        found["PostalCode"] = postal
    return found


def _postal_code(address: Address, country: str, what: str) -> str:
    code = "".join(filter(str.isalnum, printable(address.postal_code, pictures=False))).upper()
    pattern = _POSTAL.get(country)
    if pattern is not None and not pattern.fullmatch(code):
        raise Rejected(
            f"In {what} the postal code {printable(address.postal_code)[:20]!r} is none of "
            f"{country}. Correct it."
        )
    return code if len(code) <= 9 else ""


def _package(parcel: PackedParcel, grams: int, *, pounds: bool) -> dict[str, object]:
    """Weight in tenths, sizes in whole units, both rounded up: what the carrier would do."""
    per_tenth = _GRAMS_PER_TENTH_POUND if pounds else _GRAMS_PER_TENTH_KILOGRAM
    tenths = int(-(-grams // per_tenth))
    if tenths > _MAX_TENTHS:
        raise Rejected(
            f"Parcel {parcel.parcel} weighs {grams / 1000:,.1f} kg: UPS takes no parcel that heavy."
            " Divide it, or ship it as freight."
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
