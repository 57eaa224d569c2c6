"""UPS: requests as its own description wants them, and its answers read as it means them."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator

import pytest
from aiohttp import web
from msgspec.structs import replace

from actors.order.normalise import Tables, normalise
from actors.runtime.errors import Rejected, Unauthorised
from adapters.carriers.ups.regions import region_code
from adapters.kit.http_client import HttpClient
from schemas.contracts.mappings import from_table
from schemas.messages.effects import (
    BuyLabel,
    LabelBought,
    Parcel,
    Tracked,
    TrackShipment,
    Undone,
    VoidLabel,
)
from schemas.order.canonical import Address, Order
from tests.contract.partner_calls import a_call, stubbed, ups
from tests.contract.simulated import Client, Json, Running, started
from tests.contract.ups_words import complaints, error_answer
from tests.given import an_order

PARCEL = Parcel(parcel_id="1", weight_grams=900, length_mm=200, width_mm=300, height_mm=101)
BUY = BuyLabel(parcels=(PARCEL,))
BERLIN = Address(
    name="Jürgen Groß", lines=("Unter den Linden 1",), city="Berlin", country="DE",
    postal_code="10117", phone="+49 30 901820",
)  # fmt: skip
VOID = VoidLabel(shipment_id="1ZA1B2C30300000012", tracking_number="1ZA1B2C30300000012")


@pytest.fixture(scope="module")
def running() -> Iterator[Running]:
    with started("--deliver-after-seconds", "3600") as found:
        yield found


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
    order: Order, client: HttpClient, parcels: tuple[Parcel, ...] = (PARCEL,), **changes: object
) -> Json:
    """The ship request that is sent for this order."""
    async with stubbed(shipment_answer()) as stub:
        await ups(client, stub.url, **changes).perform(a_call(BuyLabel(parcels=parcels), order))
        found: Json = json.loads(stub.sent("/ship")[3])
        return found


async def test_a_label_is_bought_found_tracked_and_voided(
    running: Running, simulators: Client, client: HttpClient
) -> None:
    """The whole life of a label, each step as the next one needs it."""
    partner = ups(client, running.http)
    call = a_call(BUY, an_order(ref="77001"))
    label = await partner.perform(call)
    assert isinstance(label, LabelBought)
    assert label.charge_minor > 0
    assert label.charge_currency == "USD"
    assert label.service == "03"
    found = await partner.look_up(call)
    assert isinstance(found, LabelBought)
    assert found.tracking_number == label.tracking_number
    assert found.label_base64 == label.label_base64
    where = await partner.perform(replace(call, effect=track(label.tracking_number)))
    assert where == Tracked(
        status="label_created",
        at=where.at if isinstance(where, Tracked) else "",
        detail="Shipper created a label, UPS has not received the package yet",
    )
    void = replace(
        call,
        effect=VoidLabel(shipment_id=label.shipment_id, tracking_number=label.tracking_number),
    )
    assert await partner.look_up(void) is None
    assert isinstance(await partner.perform(void), Undone)
    assert isinstance(await partner.perform(void), Undone)
    assert isinstance(await partner.look_up(void), Undone)
    assert await partner.look_up(call) is None
    assert len(await simulators.ledger("label_void")) == 1


def track(number: str) -> TrackShipment:
    """Ask for this parcel."""
    return TrackShipment(tracking_number=number)


@pytest.mark.parametrize("country", ["US", "DE", "CA"])
async def test_the_request_is_what_ups_describes(country: str, client: HttpClient) -> None:
    """UPS's OpenAPI description has nothing against what is sent, at home and abroad."""
    order = an_order(shipping_method="NEXT DAY")
    assert order.ship_to is not None
    if country == "DE":
        order = replace(order, ship_to=BERLIN)
    if country == "CA":
        quebec = replace(
            BERLIN, country="CA", region="Québec", postal_code="h2x 1y4", phone="+1 514 555 0123"
        )
        order = replace(order, ship_to=quebec)
    sent = await request_for(order, client, negotiated_rates=True)
    assert complaints("Shipping.yaml", "SHIPRequestWrapper", sent) == ""
    shipment = sent["ShipmentRequest"]["Shipment"]
    holder = shipment["Package"][0] if country == "US" else shipment
    other = shipment if country == "US" else shipment["Package"][0]
    assert holder["ReferenceNumber"][0]["Value"] == a_call(BUY, order).correlation_id
    assert len(holder["ReferenceNumber"][0]["Value"]) == 35
    assert "ReferenceNumber" not in other
    assert shipment["Service"]["Code"] == "01"
    assert ("InvoiceLineTotal" in shipment) == (country == "CA")


async def test_weights_and_sizes_as_the_shipper_s_country_writes_them(client: HttpClient) -> None:
    """Pounds and inches in the US, rounded up, the longest side first."""
    package = (await request_for(an_order(), client))["ShipmentRequest"]["Shipment"]["Package"][0]
    assert package["PackageWeight"] == {"UnitOfMeasurement": {"Code": "LBS"}, "Weight": "2.0"}
    assert package["Dimensions"] == {
        "UnitOfMeasurement": {"Code": "IN"},
        "Length": "12",
        "Width": "8",
        "Height": "4",
    }
    unweighed = (Parcel(parcel_id="1"),)
    package = (await request_for(an_order(), client, unweighed))["ShipmentRequest"]["Shipment"][
        "Package"
    ][0]
    assert float(package["PackageWeight"]["Weight"]) > 0


async def test_hostile_addresses_fit(client: HttpClient) -> None:
    """Long names, emoji and right-to-left texts are cut to what a label holds, and still valid."""
    hostile = Address(
        name="😀" + "Ǎ̧̱" * 100 + "\u202e",
        company="شركة التوريدات العامة للتجارة والمقاولات المحدودة",
        lines=("12345 " + "Very Long Street Name " * 11, "Apt ٣", "🏠", "Floor №" + "9" * 50),
        city="Saint-Louis-du-Ha! Ha! " * 5,
        region="kentucky",
        country="US",
        postal_code="40201 – 1234",
        phone="☎ +1 (502) 555-0143 ext. nothing",
    )
    sent = await request_for(an_order(ship_to=hostile, number="#" + "1" * 60), client)
    assert complaints("Shipping.yaml", "SHIPRequestWrapper", sent) == ""
    to = sent["ShipmentRequest"]["Shipment"]["ShipTo"]
    assert to["Phone"]["Number"] == "5025550143"
    assert to["Address"]["StateProvinceCode"] == "KY"
    assert to["Address"]["PostalCode"] == "402011234"
    assert all(0 < len(line) <= 35 for line in to["Address"]["AddressLine"])
    texts = json.dumps(sent, ensure_ascii=False)
    assert not set("😀🏠\u202e") & set(texts)
    assert to["Name"].startswith("شركة")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"region": "Atlantis"}, "Atlantis"),
        ({"postal_code": "4020"}, "postal code"),
        ({"lines": ("🏠",)}, "street"),
        ({"city": "\u202e"}, "city"),
        ({"name": "😀", "company": ""}, "name"),
    ],
)
async def test_what_can_t_be_delivered_is_refused_before_paying(
    change: dict[str, object], words: str, client: HttpClient
) -> None:
    """An address that UPS would refuse is named in a sentence, and nothing is sent."""
    order = an_order()
    assert order.ship_to is not None
    async with stubbed() as stub:
        wrong = replace(order, ship_to=replace(order.ship_to, **change))
        with pytest.raises(Rejected, match=words):
            await ups(client, stub.url).perform(a_call(BUY, wrong))
        abroad = replace(order, ship_to=replace(BERLIN, phone=""))
        with pytest.raises(Rejected, match="telephone"):
            await ups(client, stub.url).perform(a_call(BUY, abroad))
        heavy = BuyLabel(parcels=(Parcel(parcel_id="1", weight_grams=900_000_00),))
        with pytest.raises(Rejected, match="heavy"):
            await ups(client, stub.url).perform(a_call(heavy))
        assert stub.requests == []


async def test_labels_of_several_parcels_are_one_print_stream(client: HttpClient) -> None:
    """ZPL labels are joined in order, so that the packer gets all of them."""
    async with stubbed(shipment_answer(2)) as stub:
        two = BuyLabel(parcels=(PARCEL, replace(PARCEL, parcel_id="2")))
        label = await ups(client, stub.url).perform(a_call(two))
    assert isinstance(label, LabelBought)
    assert base64.b64decode(label.label_base64) == b"^XA0^XZ\n^XA1^XZ"
    assert label.label_format == "ZPL"
    with pytest.raises(Rejected, match="ZPL"):
        await ups(client, "http://127.0.0.1:1", label_format="GIF").perform(a_call(two))


async def test_the_price_that_counts(client: HttpClient) -> None:
    """A negotiated price wins over the list price; an unreadable one does not lose the label."""
    negotiated = {"TotalCharge": {"CurrencyCode": "USD", "MonetaryValue": "9.99"}}
    wrong = {"TotalCharge": {"CurrencyCode": "USD", "MonetaryValue": "many"}}
    answers = [shipment_answer(NegotiatedRateCharges=one) for one in (negotiated, wrong)]
    async with stubbed(*answers) as stub:
        partner = ups(client, stub.url)
        first = await partner.perform(a_call(BUY))
        second = await partner.perform(a_call(BUY))
    assert isinstance(first, LabelBought)
    assert isinstance(second, LabelBought)
    assert (first.charge_minor, second.charge_minor) == (999, 0)
    assert second.tracking_number


async def test_the_token_is_had_as_ups_wants_it(client: HttpClient) -> None:
    """The client's id and secret go in the Basic header, and the token with every call."""
    async with stubbed(shipment_answer()) as stub:
        await ups(client, stub.url).perform(a_call(BUY, trace="00-" + "a" * 32 + "-b-01"))
        _, path, headers, body = stub.requests[0]
        assert path == "/ups/security/v1/oauth/token"
        assert headers["authorization"] == "Basic " + base64.b64encode(b"id:secret").decode()
        assert body == b"grant_type=client_credentials"
        assert stub.sent("/ship")[2]["authorization"] == "Bearer t"
        assert stub.sent("/ship")[2]["traceparent"].startswith("00-aaa")


async def test_a_blocked_account_pauses_everybody(client: HttpClient) -> None:
    """A 403 in UPS's own shape is the account's trouble, not the order's."""
    async with stubbed(error_answer("250003", "Blocked Merchant", 403)) as stub:
        with pytest.raises(Unauthorised):
            await ups(client, stub.url).perform(a_call(BUY))


def test_regions() -> None:
    """States are known by letters, by ISO code and by name; those of other countries stay."""
    assert region_code("US", "us-ky") == "KY"
    assert region_code("US", "New York") == "NY"
    assert region_code("CA", "QUÉBEC") == "QC"
    assert region_code("US", "Bavaria") is None
    assert region_code("DE", "Bayern") == "Bayern"


async def test_the_service_follows_our_shipping_method(client: HttpClient) -> None:
    """What the channel calls a method is put into our terms first; then the service is chosen."""
    methods = {"codes": {"Blitzversand": "next day"}}
    tables = Tables(from_table({"channels": {"*": {"shipping_methods": methods}}}), 1)
    stated = an_order(shipping_method="Blitzversand")
    ours = normalise(stated, tables, "acme-us").order
    codes = []
    for order in (stated, ours):
        sent = await request_for(order, client)
        codes.append(sent["ShipmentRequest"]["Shipment"]["Service"]["Code"])
    assert codes == ["03", "01"]
