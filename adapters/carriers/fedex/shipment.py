"""A canonical order and its parcels as FedEx's ship request (Ship API v1).

Lengths and required fields: https://developer.fedex.com/api/en-us/catalog/ship/v1/docs.html
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal

from actors.runtime.errors import Rejected
from adapters.carriers.fedex.services import GROUND, STREET_LINES
from adapters.carriers.fedex.settings import FedexSettings
from adapters.kit.customs import customs_basis, goods_in
from adapters.kit.fitting import fill, fit, printable
from adapters.kit.parcels import weights_of
from adapters.kit.settings import Origin
from schemas.messages.effects import BuyLabel, PackedParcel
from schemas.order.canonical import Address, Order
from schemas.order.money import exponent_of
from schemas.order.phones import dialled, digits_of
from schemas.order.regions import TERRITORIES, postal_country, region_code

MAX_GROUND_REFERENCE = 30
"""Of a customer reference's characters, and of a department number's. Ours has 35: its first 30
name the order and the label, and the department number has the rest of its signature."""

MAX_POSTAL_CODE = 10
"""Characters that FedEx takes."""

_POUND_COUNTRIES = frozenset({"US", *TERRITORIES})
_NORTH_AMERICA = _POUND_COUNTRIES | {"CA"}
_GRAMS_PER_POUND = 453.59237
_STOCKS: Mapping[str, str] = {"ZPLII": "STOCK_4X6", "EPL2": "STOCK_4X6"}


def reference_for(reference: str, service: str) -> str:
    """Return what of our reference FedEx keeps as the customer reference with this service, by
    which it is found."""
    return reference[:MAX_GROUND_REFERENCE] if service in GROUND else reference


def rest_for(reference: str, service: str) -> str:
    """Return what of our reference is the department number; "" where all of it fits."""
    return reference[len(reference_for(reference, service)) :]


def shipment_request(
    order: Order,
    effect: BuyLabel,
    *,
    reference: str,
    service: str,
    origin: Origin,
    settings: FedexSettings,
) -> dict[str, object]:
    """Return the body of the ship request: one shipment with a package for each parcel. Raises
    Rejected for what FedEx could not deliver to or carry."""
    if order.ship_to is None:
        raise Rejected("The order has no shipping address, so no label can be bought.")
    home, away = origin.country, postal_country(order.ship_to)
    pounds = home in _POUND_COUNTRIES
    weights = [_weight(grams, pounds) for grams in weights_of(order, effect.parcels)]
    references = [
        {
            "customerReferenceType": "CUSTOMER_REFERENCE",
            "value": reference_for(reference, service),
        },
        {"customerReferenceType": "P_O_NUMBER", "value": fit(printable(order.number), 30)},
    ]
    if rest := rest_for(reference, service):
        references.append({"customerReferenceType": "DEPARTMENT_NUMBER", "value": rest})
    packages = [
        {
            "sequenceNumber": number,
            "weight": weight,
            **_dimensions(parcel, pounds),
            "customerReferences": references,
        }
        for number, (parcel, weight) in enumerate(zip(effect.parcels, weights, strict=True), 1)
    ]
    shipment: dict[str, object] = {
        "shipper": _shipper(origin),
        "recipients": [_recipient(order.ship_to, order.customer.phone, origin.phone)],
        "pickupType": settings.pickup_type,
        "serviceType": service,
        "packagingType": "YOUR_PACKAGING",
        "totalWeight": sum((weight["value"] for weight in weights), Decimal(0)),
        "totalPackageCount": len(packages),
        "shippingChargesPayment": {"paymentType": "SENDER"},
        "labelSpecification": {
            "imageType": settings.label_format,
            "labelStockType": _STOCKS.get(settings.label_format, "PAPER_4X6"),
        },
        "requestedPackageLineItems": packages,
    }
    if home != away:
        shipment["customsClearanceDetail"] = _customs(order, effect.parcels, settings)
    if effect.collect_minor:
        _collect(effect, service, shipment, packages[0])
    return {
        "labelResponseOptions": "LABEL",
        "accountNumber": {"value": settings.account_number},
        "requestedShipment": shipment,
    }


def _money(minor: int, currency: str) -> dict[str, object]:
    return {"amount": Decimal(minor).scaleb(-exponent_of(currency)), "currency": currency}


def _customs(
    order: Order, parcels: Sequence[PackedParcel], settings: FedexSettings
) -> dict[str, object]:
    """What is in the parcels, line by line, by what was paid for it. Duty that the customer has
    paid to the shop is the shop's to pay."""
    if not settings.country_of_manufacture:
        raise Rejected(
            "Customs wants to know where goods were made, and the settings do not say. Set "
            "country_of_manufacture of FedEx, or buy this label at fedex.com."
        )
    titles = {line.line_id: printable(line.title, pictures=False) for line in order.lines}
    worth: dict[str, tuple[int, int]] = {}
    for parts in goods_in(order, parcels):
        for part in parts:
            count, minor = worth.get(part.line_id, (0, 0))
            worth[part.line_id] = (count + part.quantity, minor + part.net_minor)
    if not worth:
        raise Rejected("The parcels hold no goods that customs could be told of.")
    currency = customs_basis(order).currency
    commodities = [
        {
            "description": fit(titles[line_id], 450) or "Merchandise",
            "countryOfManufacture": settings.country_of_manufacture,
            "numberOfPieces": min(count, 9_999),
            "quantity": count,
            "quantityUnits": "PCS",
            "customsValue": _money(minor, currency),
        }
        for line_id, (count, minor) in worth.items()
    ]
    return {
        "commercialInvoice": {"shipmentPurpose": "SOLD"},
        "dutiesPayment": {"paymentType": "SENDER" if order.totals.duty_minor else "RECIPIENT"},
        "commodities": commodities,
        "totalCustomsValue": _money(sum(minor for _, minor in worth.values()), currency),
    }


def _collect(
    effect: BuyLabel, service: str, shipment: dict[str, object], first: dict[str, object]
) -> None:
    """Cash on delivery: by package for Ground, where the first one carries all of it, and by
    shipment for Express."""
    amount = _money(effect.collect_minor, effect.collect_currency)
    if service in GROUND:
        first["packageSpecialServices"] = {
            "specialServiceTypes": ["COD"],
            "packageCODDetail": {"codCollectionAmount": amount},
        }
    else:
        shipment["shipmentSpecialServices"] = {
            "specialServiceTypes": ["COD"],
            "shipmentCODDetail": {"codCollectionType": "ANY", "codCollectionAmount": amount},
        }


def _shipper(origin: Origin) -> dict[str, object]:
    address = Address(
        name=origin.name,
        lines=origin.lines,
        city=origin.city,
        region=origin.region,
        postal_code=origin.postal_code,
        country=origin.country,
    )
    return {
        "contact": {
            "companyName": fit(origin.name, 35),
            "phoneNumber": digits_of(origin.phone)[:15],
        },
        "address": _address(address, "the shipper's address"),
    }


def _recipient(address: Address, other_phone: str, our_phone: str) -> dict[str, object]:
    person = fit(printable(address.name, pictures=False), 70)
    company = fit(printable(address.company, pictures=False), 35)
    if not person and not company:
        raise Rejected("The shipping address has no name that a label can show. Correct it.")
    contact = {"personName": person} if person else {}
    if company:
        contact["companyName"] = company
    country = postal_country(address)
    phone = (
        _phone(address.phone, country)
        or _phone(other_phone, country)
        or {"phoneNumber": digits_of(our_phone)[:15]}
    )
    return {
        "contact": {**contact, **phone},
        "address": _address(address, "the shipping address"),
    }


def _phone(text: str, country: str) -> dict[str, str]:
    number, extension = dialled(text)
    if country in _NORTH_AMERICA:
        if len(number) == 11 and number.startswith("1"):
            number = number[1:]
        fits = len(number) == 10
    else:
        fits = 0 < len(number) <= 15
    if not fits:
        return {}
    more = {"phoneExtension": extension} if 0 < len(extension) <= 6 else {}
    return {"phoneNumber": number, **more}


def _address(address: Address, what: str) -> dict[str, object]:
    lines = fill([printable(line, pictures=False) for line in address.lines], STREET_LINES)
    city = fit(printable(address.city, pictures=False), 35)
    if not lines or not city:
        missing = "city" if lines else "street"
        raise Rejected(f"In {what} the {missing} is missing or can't be printed. Correct it.")
    country = postal_country(address)
    found: dict[str, object] = {"streetLines": lines, "city": city, "countryCode": country}
    if country in TERRITORIES:
        found["stateOrProvinceCode"] = country
    elif country in ("US", "CA"):
        region = region_code(country, address.region)
        if not region:
            raise Rejected(
                f"In {what} the state or province {printable(address.region)[:40]!r} is none of "
                f"{country}. Correct it."
            )
        found["stateOrProvinceCode"] = region
    postal = printable(address.postal_code, pictures=False)
    if country in _NORTH_AMERICA and not postal:
        raise Rejected(f"In {what} the postal code is missing. Correct it.")
    if len(postal) > MAX_POSTAL_CODE:  # such as a ZIP code with spaces around its hyphen
        postal = "".join(sign for sign in postal if sign.isalnum())
    if postal and len(postal) <= MAX_POSTAL_CODE:
        found["postalCode"] = postal
    return found


def _weight(grams: int, pounds: bool) -> dict[str, Decimal | str]:
    """Weight in tenths, rounded up: what the carrier would do."""
    tenths = -(-grams * 10 // (_GRAMS_PER_POUND if pounds else 1_000))
    return {"units": "LB" if pounds else "KG", "value": Decimal(int(tenths)).scaleb(-1)}


def _dimensions(parcel: PackedParcel, pounds: bool) -> dict[str, object]:
    sizes = sorted((parcel.length_mm, parcel.width_mm, parcel.height_mm), reverse=True)
    if sizes[-1] <= 0:
        return {}
    per_unit = 25.4 if pounds else 10
    length, width, height = (min(999, int(-(-size // per_unit))) for size in sizes)
    units = "IN" if pounds else "CM"
    return {"dimensions": {"length": length, "width": width, "height": height, "units": units}}
