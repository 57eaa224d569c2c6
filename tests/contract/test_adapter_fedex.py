"""FedEx: requests as its own descriptions want them, and its answers read as they mean them."""

from __future__ import annotations

import base64
import json
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from aiohttp import web
from msgspec.structs import replace

from actors.runtime.errors import NeedsPerson, Rejected
from adapters.carriers.fedex.partner import Fedex
from adapters.kit.http_client import HttpClient
from adapters.kit.settings import Origin
from schemas.messages.effects import (
    BuyLabel,
    LabelBought,
    PackedParcel,
    Tracked,
    TrackParcel,
    Undone,
    Units,
    VoidLabel,
)
from schemas.order.canonical import Address, Order
from schemas.order.ids import verify_reference
from schemas.order.things import Key
from tests.contract.described import check_fedex
from tests.contract.partner_calls import KEYS, TestClock, a_call, fedex, http_client, stubbed
from tests.contract.simulated import Client, Json, Running, started
from tests.orders import an_order

PARCEL = PackedParcel(
    parcel=Key("K1"), units=(Units("1", "SKU-1", 2), Units("2", "SKU-2", 1)), weight_grams=900,
    length_mm=200, width_mm=300, height_mm=101,
)  # fmt: skip
TORONTO = Address(
    name="Zoë Groß", lines=("1 Queen Street",), city="Toronto", country="CA", region="Ontario",
    postal_code="M5H 2N2", phone="+1 416 555 0123",
)  # fmt: skip


def buying(*parcels: PackedParcel, **changes: object) -> BuyLabel:
    """The effect that buys labels for these parcels."""
    bought = BuyLabel(fulfilment=Key("F1"), place="main", parcels=parcels or (PARCEL,))
    return replace(bought, **changes)


BUY = buying()


@pytest.fixture(scope="module")
def running() -> Iterator[Running]:
    with started("--deliver-after-seconds", "3600") as found:
        yield found


@pytest.fixture
async def today() -> AsyncIterator[HttpClient]:
    """A client whose clock is the simulators': FedEx searches by days."""
    async with http_client(TestClock(noon=datetime.now(UTC))) as found:
        yield found


def shipped(count: int = 1, *, image: str = "ZPLII", **more: object) -> Json:
    """A sale as FedEx writes it, its pieces out of order."""
    pieces = [
        {
            "masterTrackingNumber": "790000000010",
            "trackingNumber": f"79000000001{number}",
            "packageSequenceNumber": number + 1,
            "packageDocuments": [
                {"contentType": "AUXILIARY", "docType": "PDF", "encodedLabel": "eA=="},
                {
                    "contentType": "LABEL",
                    "docType": image,
                    "encodedLabel": base64.b64encode(f"^XA{number}^XZ".encode()).decode(),
                },
            ],
        }
        for number in range(count)
    ]
    rate = {"totalNetCharge": 21.45, "currency": "USD"}
    one = {
        "masterTrackingNumber": "790000000010",
        "serviceType": "FEDEX_GROUND",
        "pieceResponses": pieces[::-1],
        "completedShipmentDetail": {"shipmentRating": {"shipmentRateDetails": [rate]}},
        **more,
    }
    answer = {"transactionId": "t", "output": {"transactionShipments": [one]}}
    check_fedex("ship.json", "SHPCResponseVO_ShipShipment", answer)
    return answer


async def request_for(
    order: Order, client: HttpClient, effect: BuyLabel = BUY, **changes: object
) -> Json:
    """The ship request that is sent for this order, held against FedEx's description."""
    async with stubbed(web.json_response(shipped(len(effect.parcels)))) as stub:
        await fedex(client, stub.url, **changes).perform(a_call(effect, order))
        body = stub.sent("/shipments")[3]
    check_fedex("ship.json", "Full_Schema_Ship", json.loads(body))
    found: Json = json.loads(body, parse_float=Decimal)
    return found


@pytest.mark.parametrize(("service", "lengths"), [("FEDEX_GROUND", [30, 5]), ("FEDEX_2_DAY", [35])])
async def test_our_reference_is_there_whole(
    service: str, lengths: list[int], client: HttpClient
) -> None:
    """Where a customer reference is too short for it, the department number has the rest: who reads
    both can prove that the label is ours."""
    sent = await request_for(an_order(), client, default_service=service)
    (package,) = sent["requestedShipment"]["requestedPackageLineItems"]
    kept = {one["customerReferenceType"]: one["value"] for one in package["customerReferences"]}
    parts = [kept[x] for x in ("CUSTOMER_REFERENCE", "DEPARTMENT_NUMBER") if x in kept]
    assert [len(one) for one in parts] == lengths
    assert verify_reference("".join(parts), KEYS) == (a_call(BUY, an_order()).order_id, "L1")


@pytest.mark.parametrize("service", ["FEDEX_GROUND", "FEDEX_2_DAY"])
async def test_labels_are_bought_found_tracked_and_cancelled(
    service: str, running: Running, simulators: Client, today: HttpClient
) -> None:
    """The whole life of two labels of one order; Ground keeps the first 30 of our reference's
    characters, and finds each label by them all the same."""
    partner = fedex(today, running.http, default_service=service)
    order = an_order(ref=f"55{len(service)}")
    two = buying(PARCEL, replace(PARCEL, parcel=Key("K2")))
    call, other = a_call(two, order), a_call(BUY, order, key="L2")
    assert await partner.look_up(call) is None
    bought, second = await partner.perform(call), await partner.perform(other)
    assert isinstance(bought, LabelBought)
    assert isinstance(second, LabelBought)
    assert (bought.carrier, bought.service) == ("FedEx", service)
    assert bought.charge_minor > 0
    assert [one.parcel for one in bought.labels] == ["K1", "K2"]
    assert all(one.image_base64 and one.image_format == "ZPL" for one in bought.labels)
    found = await partner.look_up(call)
    assert isinstance(found, LabelBought)
    assert found.shipment_id == bought.shipment_id
    assert [one.tracking_number for one in found.labels] == [
        one.tracking_number for one in bought.labels
    ]
    assert not any(one.image_base64 for one in found.labels)
    assert (bought.reprint_at, found.reprint_at) == ("", "fedex.com")
    number = bought.labels[1].tracking_number
    where = await partner.perform(a_call(TrackParcel(tracking_number=number), order))
    assert isinstance(where, Tracked)
    assert where.status == "label_created"
    numbers = tuple(one.tracking_number for one in bought.labels)
    void = a_call(VoidLabel(shipment_id=bought.shipment_id, tracking_numbers=numbers), order)
    assert await partner.look_up(void) is None
    for _ in range(2):
        assert isinstance(await partner.perform(void), Undone)
    assert isinstance(await partner.look_up(void), Undone)
    assert await partner.look_up(call) is None
    assert isinstance(await partner.look_up(other), LabelBought)
    assert len(await simulators.ledger("label_void")) == 1


@pytest.mark.parametrize("format_", ["ZPLII", "PDF"])
async def test_the_request_is_what_fedex_describes(format_: str, client: HttpClient) -> None:
    """FedEx's own description has nothing against what is sent, at home and abroad."""
    sent = await request_for(an_order(shipping_method="NEXT DAY"), client, label_format=format_)
    shipment = sent["requestedShipment"]
    assert sent["accountNumber"] == {"value": "510087020"}
    assert shipment["serviceType"] == "STANDARD_OVERNIGHT"
    (package,) = shipment["requestedPackageLineItems"]
    assert package["weight"] == {"units": "LB", "value": Decimal("2.0")}
    assert package["dimensions"] == {"length": 12, "width": 8, "height": 4, "units": "IN"}
    ours, theirs = package["customerReferences"]
    assert ours["value"] == a_call(BUY).reference
    assert theirs == {"customerReferenceType": "P_O_NUMBER", "value": "#1042"}
    assert "customsClearanceDetail" not in shipment
    assert shipment["recipients"][0]["contact"]["phoneNumber"] == "5025550100"


async def test_customs_is_told_what_is_in_the_parcels(client: HttpClient) -> None:
    """Each line with its share after discounts, which sum to the total; without a country of
    manufacture the parcel goes to a person."""
    order = an_order(ship_to=TORONTO)
    totals = replace(order.totals, discount_minor=875, total_minor=1375, duty_minor=0)
    order = replace(order, totals=totals)
    sent = await request_for(order, client, country_of_manufacture="US")
    shipment = sent["requestedShipment"]
    assert shipment["serviceType"] == "INTERNATIONAL_ECONOMY"
    customs = shipment["customsClearanceDetail"]
    assert [(one["description"], one["quantity"], one["customsValue"]["amount"])
            for one in customs["commodities"]] == [
        ("Cup", 2, Decimal("5.00")), ("Jar", 1, Decimal("3.75")),
    ]  # fmt: skip
    assert customs["totalCustomsValue"] == {"amount": Decimal("8.75"), "currency": "USD"}
    assert customs["dutiesPayment"] == {"paymentType": "RECIPIENT"}
    paid = replace(totals, duty_minor=100, total_minor=1475)
    sent = await request_for(replace(order, totals=paid), client, country_of_manufacture="US")
    customs = sent["requestedShipment"]["customsClearanceDetail"]
    assert customs["dutiesPayment"] == {"paymentType": "SENDER"}
    async with stubbed() as stub:
        with pytest.raises(Rejected, match="country_of_manufacture"):
            await fedex(client, stub.url).perform(a_call(BUY, order))
        assert stub.requests == []


async def test_addresses_as_fedex_writes_them(client: HttpClient) -> None:
    """Hostile texts fit, a territory is a country with its own code as state, extensions are told
    apart; kilos where parcels leave from a country that weighs so."""
    order = an_order()
    assert order.ship_to is not None
    hostile = replace(
        order.ship_to,
        name="😀" + "Ǎ̧̱" * 100 + "\u202e",
        lines=("12345 " + "Very Long Street Name " * 11, "🏠", "Floor №" + "9" * 50),
        city="Saint-Louis-du-Ha! Ha! " * 5,
        phone="502-555-0143 ext 123456",
    )
    sent = await request_for(replace(order, ship_to=hostile, number="#" + "1" * 60), client)
    to = sent["requestedShipment"]["recipients"][0]
    assert to["contact"]["phoneNumber"] == "5025550143"
    assert to["contact"]["phoneExtension"] == "123456"
    assert len(to["contact"]["personName"]) <= 70
    assert all(0 < len(line) <= 35 for line in to["address"]["streetLines"])
    assert len(to["address"]["city"]) <= 35
    there = replace(order.ship_to, region="PR", city="San Juan", postal_code="00901")
    sent = await request_for(replace(order, ship_to=there), client, country_of_manufacture="US")
    address = sent["requestedShipment"]["recipients"][0]["address"]
    assert (address["countryCode"], address["stateOrProvinceCode"]) == ("PR", "PR")
    assert "customsClearanceDetail" in sent["requestedShipment"]
    berlin = Origin(
        name="Lager", phone="+49301", lines=("Kai 1",), city="Berlin", postal_code="10115",
        country="DE",
    )  # fmt: skip
    async with stubbed(web.json_response(shipped())) as stub:
        usual = fedex(client, stub.url, country_of_manufacture="DE")
        partner = Fedex(client, usual._settings, origins={"berlin": berlin})
        await partner.perform(a_call(buying(place="berlin")))
        sent = json.loads(stub.sent("/shipments")[3])
    package = sent["requestedShipment"]["requestedPackageLineItems"][0]
    assert package["weight"] == {"units": "KG", "value": 0.9}
    assert sent["requestedShipment"]["shipper"]["address"]["city"] == "Berlin"


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"region": "Atlantis"}, "Atlantis"),
        ({"postal_code": ""}, "postal code"),
        ({"lines": ("🏠",)}, "street"),
        ({"city": "\u202e"}, "city"),
        ({"name": "😀", "company": ""}, "name"),
    ],
)
async def test_what_can_t_be_delivered_is_refused_before_paying(
    change: dict[str, object], words: str, client: HttpClient
) -> None:
    """An address that FedEx would refuse is named in a sentence, and nothing is sent."""
    order = an_order()
    assert order.ship_to is not None
    async with stubbed() as stub:
        wrong = replace(order, ship_to=replace(order.ship_to, **change))
        with pytest.raises(Rejected, match=words):
            await fedex(client, stub.url).perform(a_call(BUY, wrong))
        assert stub.requests == []


async def test_cash_on_delivery(client: HttpClient) -> None:
    """The first package carries the amount on the ground; by air the shipment does."""
    cash = {"collect_minor": 2250, "collect_currency": "USD"}
    two = buying(PARCEL, replace(PARCEL, parcel=Key("K2")), **cash)
    sent = (await request_for(an_order(), client, two))["requestedShipment"]
    first, second = sent["requestedPackageLineItems"]
    amount = {"amount": Decimal("22.50"), "currency": "USD"}
    assert first["packageSpecialServices"]["packageCODDetail"]["codCollectionAmount"] == amount
    assert "packageSpecialServices" not in second
    air = await request_for(an_order(shipping_method="Next day"), client, two)
    special = air["requestedShipment"]["shipmentSpecialServices"]
    assert special["shipmentCODDetail"]["codCollectionAmount"] == amount


async def test_numbers_go_to_the_parcels_in_order(client: HttpClient) -> None:
    """Pieces are told apart by their sequence; documents that are not labels are skipped."""
    two = buying(PARCEL, replace(PARCEL, parcel=Key("K7")))
    async with stubbed(web.json_response(shipped(2)), web.json_response(shipped(1))) as stub:
        partner = fedex(client, stub.url)
        bought = await partner.perform(a_call(two))
        assert isinstance(bought, LabelBought)
        assert [(one.parcel, one.tracking_number) for one in bought.labels] == [
            ("K1", "790000000010"), ("K7", "790000000011"),
        ]  # fmt: skip
        assert base64.b64decode(bought.labels[1].image_base64) == b"^XA1^XZ"
        assert (bought.charge_minor, bought.charge_currency) == (2145, "USD")
        with pytest.raises(NeedsPerson, match="1 labels") as caught:
            await partner.perform(a_call(two))
        assert not caught.value.outcome_known


async def test_the_probe_asks_and_buys_nothing(
    running: Running, simulators: Client, client: HttpClient
) -> None:
    """The probe tracks a number that does not exist."""
    assert "takes our credentials" in await fedex(client, running.http).probe()
    assert await simulators.ledger() == []
