"""Canonical orders in which every field is filled, to try out where each goes."""

from __future__ import annotations

import msgspec

from adapters.kit.inbound import Translator
from adapters.kit.lineage import Example
from schemas.contracts.refusals import Refused
from schemas.messages.codec import decode_order
from schemas.messages.inputs import PlaceOrder
from schemas.messages.privacy import Read

_SHIP_TO = {
    "name": "Paula Probe",
    "company": "Probe Works",
    "lines": ["12 Sample Street", "Floor 3"],
    "city": "Louisville",
    "region": "KY",
    "postal_code": "40202",
    "country": "US",
    "phone": "+1 502 555 0101",
    "pickup_point": True,
}

_CUSTOMER = {
    "name": "Paula Probe",
    "email": "paula@example.com",
    "phone": "+1 502 555 0102",
    "reference": "9001",
    "locale": "en-US",
    "vat_id": "DE123456789",
}

_LINES: list[dict[str, object]] = [
    {
        "line_id": "71",
        "sku": "LAMP-1",
        "title": "Lamp",
        "quantity": 2,
        "unit_price_minor": 2000,
        "total_minor": 3600,
        "discount_minor": 400,
        "tax_minor": 216,
        "requires_shipping": True,
        "weight_grams": 900,
        "channel_sku": "SET-1-LAMP",
        "tax_code": "State tax",
        "bundle_line_id": "70",
        "bundle_sku": "SET-1",
        "presentment_total_minor": 3312,
        "delivery": "parcel",
        "kind": "goods",
        "taxes": [
            {"amount_minor": 200, "title": "State tax", "rate_ppm": 60_000, "jurisdiction": "KY"},
            {"amount_minor": 16, "title": "City tax", "rate_ppm": 5_000, "jurisdiction": "Louis"},
        ],
        "gift_message": "For your room",
    },
    {
        "line_id": "72",
        "sku": "BULB-2",
        "title": "Bulb",
        "quantity": 1,
        "unit_price_minor": 500,
        "total_minor": 500,
        "discount_minor": 0,
        "tax_minor": 30,
        "requires_shipping": True,
        "weight_grams": 100,
        "channel_sku": "SET-1-BULB",
        "tax_code": "State tax",
        "bundle_line_id": "70",
        "bundle_sku": "SET-1",
        "presentment_total_minor": 460,
        "delivery": "parcel",
        "kind": "goods",
    },
]

_ORDER: dict[str, object] = {
    "schema": "orderwright.order.v1",
    "ref": "5550001",
    "number": "#2001",
    "placed_at": "2026-11-20T09:00:00Z",
    "updated_at": "2026-11-20T09:05:00Z",
    "currency": "USD",
    "payment": "paid",
    "lines": _LINES,
    "totals": {
        "subtotal_minor": 4500,
        "discount_minor": 500,
        "shipping_minor": 700,
        "tax_minor": 246,
        "total_minor": 5046,
        "duty_minor": 100,
        "taxes_included": False,
    },
    "customer": _CUSTOMER,
    "ship_to": _SHIP_TO,
    "bill_to": {**_SHIP_TO, "name": "Bill Probe"},
    "shipping_method": "Express",
    "note": "Leave it at the edge",
    "gift_message": "Many happy returns",
    "attributes": {"Delivery day": "Friday"},
    "test": False,
    "discounts": [
        {"amount_minor": 400, "code": "GREEN", "title": "Green week", "applies_to": "goods"}
    ],
    "presentment": {
        "currency": "EUR",
        "totals": {
            "subtotal_minor": 4140,
            "discount_minor": 460,
            "shipping_minor": 644,
            "tax_minor": 226,
            "total_minor": 4642,
            "duty_minor": 92,
            "taxes_included": False,
        },
    },
    "channel_shipping_method": "Express by the shop",
    "shipping_tax_code": "State tax",
    "payment_method": "card",
    "amount_due_minor": 0,
    "tenders": [
        {"amount_minor": 4000, "method": "visa", "kind": "card", "reference": "4242"},
        {"amount_minor": 1046, "method": "Gift card", "kind": "gift_card", "reference": "ab12"},
    ],
    "fees": [
        {"amount_minor": -50, "title": "Early payment", "kind": "payment", "paid_by": "customer",
         "line_id": ""},
        {"amount_minor": 300, "title": "Commission", "kind": "commission", "paid_by": "seller",
         "line_id": ""},
    ],
    "shipping_taxes": [
        {"amount_minor": 0, "title": "State tax", "rate_ppm": 60_000, "jurisdiction": "KY"}
    ],
    "ship_by": "2026-11-24T22:00:00Z",
    "deliver_from": "2026-11-26",
    "deliver_by": "2026-11-28",
    "pickup_at": "2026-11-27T10:00:00Z",
    "parent_ref": "5550000",
    "subscription_ref": "sub-9",
    "marketplace_ref": "amazon:902-3159896-1390916",
    "acquisition": {
        "landing_page": "/lamps?utm_source=letter",
        "referrer": "https://search.example.com",
        "point_of_sale": "web",
        "utm_source": "letter",
        "utm_medium": "email",
        "utm_campaign": "advent",
        "utm_term": "lamp",
        "utm_content": "top",
    },
    "labels_from": "channel",
}  # fmt: skip


def examples() -> tuple[Example, ...]:
    """Return the usual order, those with gaps that other fields fill, and one that goes abroad."""
    sparse = {name: text for name, text in _SHIP_TO.items() if name not in ("company", "phone")}
    lines = _ORDER["lines"]
    assert isinstance(lines, list), "the order's lines stand above"
    alone = {name: told for name, told in lines[1].items() if not name.startswith("bundle_")}
    abroad = {**_SHIP_TO, "city": "Toronto", "region": "ON", "postal_code": "M5V 2T6"}
    return (
        Example(when="", tree=_ORDER),
        Example(
            when="if the shipping address has no company and no phone",
            tree={**_ORDER, "ship_to": sparse},
        ),
        Example(
            when="if the customer has no phone",
            tree={**_ORDER, "customer": {**_CUSTOMER, "phone": ""}},
        ),
        Example(
            when="if no line is part of a bundle",
            tree={
                **_ORDER,
                "lines": [
                    {**line, "bundle_line_id": "", "bundle_sku": "", "unit_codes": "transparency"}
                    for line in _LINES
                ],
                "attributes": {"amazon.marketplace_id": "ATVPDKIKX0DER"},
            },
        ),
        Example(
            when="if the customer saw the shop's own currency",
            tree={
                **{name: told for name, told in _ORDER.items() if name != "presentment"},
                "lines": [
                    {name: told for name, told in line.items() if not name.startswith("present")}
                    for line in _LINES
                ],
            },
        ),
        Example(
            when="if the line is not part of a bundle",
            tree={**_ORDER, "lines": [lines[0], alone]},
        ),
        Example(
            when="for a parcel from the US to Canada",
            tree={**_ORDER, "ship_to": {**abroad, "country": "CA"}},
        ),
    )


def read(reader: Translator, raw: bytes) -> Read:
    """Translate an example, going on where only a check refuses it."""
    try:
        return reader.translate("place", "", raw)
    except Refused:
        try:
            return PlaceOrder(order=decode_order(raw))
        except msgspec.ValidationError as error:
            raise Refused("schema_mismatch", (str(error),)) from error
