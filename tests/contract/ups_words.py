"""UPS's own descriptions as judges, and its answers as it writes them."""

from __future__ import annotations

import base64
import functools
import json

import yaml
from aiohttp import web
from msgspec.structs import replace
from openapi_schema_validator import OAS30Validator
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT4

from adapters.kit.http_client import HttpClient
from schemas.messages.effects import BuyLabel, PackedParcel, Units
from schemas.order.canonical import Address, Order
from schemas.order.things import Key
from tests.contract.partner_calls import a_call, stubbed, ups
from tests.contract.simulated import Json, spec


@functools.cache
def described(name: str) -> Json:
    """One of UPS's descriptions; they hold tabs, which YAML forbids."""
    text = spec("ups", name).read_text(encoding="utf-8").replace("\t", "  ")
    found: Json = yaml.load(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    return found


def complaints(name: str, schema: str, value: object, *, except_for: tuple[str, ...] = ()) -> str:
    """What UPS's own description has against the value."""
    document = described(name)
    resource = Resource.from_contents(document, default_specification=DRAFT4)
    validator = OAS30Validator(
        {"$ref": f"urn:ups#/components/schemas/{schema}"},
        registry=Registry().with_resource("urn:ups", resource),
    )
    found = [
        f"{'/'.join(map(str, error.absolute_path))}: {error.message}"
        for error in validator.iter_errors(value)
        if not any(part in error.message for part in except_for)
    ]
    return "\n".join(found)


def error_answer(code: str, message: str, status: int = 400) -> web.Response:
    """A refusal as UPS writes it."""
    body = {"response": {"errors": [{"code": code, "message": message}]}}
    return web.json_response(body, status=status)


PARCEL = PackedParcel(
    parcel=Key("K1"), units=(Units("1", "SKU-1", 2), Units("2", "SKU-2", 1)), weight_grams=900,
    length_mm=200, width_mm=300, height_mm=101,
)  # fmt: skip


def buying(*parcels: PackedParcel, **changes: object) -> BuyLabel:
    """The effect that buys labels for these parcels."""
    bought = BuyLabel(fulfilment=Key("F1"), place="main", parcels=parcels or (PARCEL,))
    return replace(bought, **changes)


BUY = buying()
BERLIN = Address(
    name="Jürgen Groß", lines=("Unter den Linden 1",), city="Berlin", country="DE",
    postal_code="10117", phone="+49 30 901820",
)  # fmt: skip


def shipment_answer(labels: int = 1, label_format: str = "ZPL", **results: object) -> web.Response:
    """A sale as UPS writes it."""
    parcels = [
        {
            "TrackingNumber": f"1ZA1B2C3030000001{number}",
            "ShippingLabel": {
                "ImageFormat": {"Code": label_format},
                "GraphicImage": base64.b64encode(f"^XA{number}^XZ".encode()).decode(),
            },
        }
        for number in range(labels)
    ]
    charges = {"TotalCharges": {"CurrencyCode": "USD", "MonetaryValue": "12.50"}}
    return web.json_response(
        {
            "ShipmentResponse": {
                "Response": {"ResponseStatus": {"Code": "1", "Description": "Success"}},
                "ShipmentResults": {
                    "ShipmentIdentificationNumber": "1ZA1B2C30300000010",
                    "ShipmentCharges": charges,
                    "PackageResults": parcels,
                    **results,
                },
            }
        }
    )


async def request_for(
    order: Order, client: HttpClient, effect: BuyLabel = BUY, **changes: object
) -> Json:
    """The ship request that is sent for this order."""
    async with stubbed(shipment_answer(len(effect.parcels))) as stub:
        await ups(client, stub.url, **changes).perform(a_call(effect, order))
        found: Json = json.loads(stub.sent("/ship")[3])
        return found
