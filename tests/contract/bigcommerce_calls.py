"""What the tests of the BigCommerce adapter say to the simulated store, and ask of it."""

from __future__ import annotations

import re
from urllib.parse import parse_qsl, urlsplit

from jsonschema import Draft4Validator

from schemas.messages.effects import (
    PublishFulfilment,
    SentParcel,
    Units,
)
from schemas.order.canonical import Line, Order
from schemas.order.things import Key
from tests.bigcommerce_payloads import (
    STORE,
    Json,
    a_bundle,
    an_order,
    description,
)
from tests.contract.partner_calls import Stub, a_call
from tests.contract.simulated import Client
from tests.orders import an_order as ours

NUMBER = "1ZA1B2C30300000012"
BOOK = f"/_sim/bigcommerce/{STORE}"
ORDERS = "orders.v2.oas2.yml"


def parcel(key: str, number: str, *units: tuple[str, int]) -> SentParcel:
    """A parcel with so many pieces of these lines."""
    held = tuple(Units(line, f"SKU-{line}", quantity) for line, quantity in units)
    return SentParcel(parcel=Key(key), units=held, carrier="UPS", tracking_number=number)


def publication(*parcels: SentParcel, earlier: tuple[SentParcel, ...] = ()) -> PublishFulfilment:
    """What is told of them."""
    return PublishFulfilment(fulfilment=Key("F1"), parcels=parcels, earlier=earlier)


WHOLE = parcel("K1", NUMBER, ("1", 2), ("2", 1))
PUBLISH = publication(WHOLE)


async def put(simulators: Client, *bundles: Json) -> None:
    """Put orders into the store."""
    answer = await simulators.call("POST", f"{BOOK}/orders", {"orders": list(bundles)})
    assert answer.status == 200, answer.text


async def habits(simulators: Client, **changes: object) -> None:
    """Set how the store behaves."""
    assert (await simulators.call("POST", f"{BOOK}/habits", changes)).status == 200


def bundle_of(ref: int, **changes: object) -> Json:
    """Return an order with a number of its own."""
    return a_bundle(an_order(id=ref, **changes))


def a_line(line_id: str, quantity: int = 1, **changes: object) -> Line:
    """Return a line."""
    told = {"sku": "SKU-1", "title": "Thing", "unit_price_minor": 100, "total_minor": 100}
    return Line(line_id=line_id, quantity=quantity, **{**told, **changes})  # type: ignore[arg-type]  # one dict of fields, for tests to change


def known(ref: int, *lines: Line) -> Order:
    """Return our order of a reference; without lines, of those that the bundle has."""
    return ours(ref=str(ref), lines=lines or (a_line("1", 2), a_line("2")))


def shipments_in(answer: object, ref: int) -> list[Json]:
    """Return an order's shipments of those the simulator shows."""
    assert isinstance(answer, dict)
    found: list[Json] = answer.get(str(ref), [])
    return found


async def told(simulators: Client, ref: int) -> list[tuple[str, dict[int, int]]]:
    """Return the number and the pieces of each shipment of an order."""
    shown = (await simulators.call("GET", f"{BOOK}/shipments")).json
    return [
        (one["tracking_number"], {x["order_product_id"]: x["quantity"] for x in one["items"]})
        for one in shipments_in(shown, ref)
    ]


def is_documented(stub: Stub) -> None:
    """Every request has a documented path, documented parameters and the headers it must have."""
    document = description(ORDERS)
    for method, sent, headers, _ in stub.requests:
        url = urlsplit(sent)
        path = url.path.removeprefix(f"/bigcommerce/stores/{STORE}/v2")
        if path == "/store":
            assert "/store" in description("store_information.v2.yml")["paths"]
            continue
        templates = [
            name
            for name in document["paths"]
            if re.fullmatch(re.sub(r"{\w+}", r"[0-9]+", name), path)
        ]
        assert templates, path
        told = document["paths"][templates[0]]
        both = (*told.get("parameters", ()), *told[method.lower()].get("parameters", ()))
        parameters = [_resolved(document, one) for one in both]
        names = {one["name"] for one in parameters if one["in"] == "query"}
        assert {name for name, _ in parse_qsl(url.query)} <= names, sent
        wanted = {one["name"].lower() for one in parameters if one["in"] == "header"}
        assert wanted <= headers.keys()
        assert headers["x-auth-token"] == "the token"


def _resolved(document: Json, one: Json) -> Json:
    for name in one.get("$ref", "#").split("/")[1:]:
        document = document[name]
    return document if "$ref" in one else one


def faults(schema: str, value: object) -> list[str]:
    """Return in what a value does not fit a schema of the official description."""
    components = description(ORDERS)["components"]
    wanted = {**components["schemas"][schema], "components": components}
    return [one.message for one in Draft4Validator(wanted).iter_errors(value)]


def mark(key: str = "K1") -> str:
    """The comment that our parcel's shipment bears."""
    return f"Orderwright {a_call(PUBLISH).reference} {key}"
