"""UPS: requests as its own description wants them, and its answers read as it means them."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator

import pytest
from aiohttp import web
from msgspec.structs import replace

from actors.runtime.errors import NeedsPerson, Rejected, Unauthorised
from adapters.carriers.ups.partner import Ups
from adapters.kit.http_client import HttpClient
from adapters.kit.regions import region_code
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
from schemas.order.things import Key
from tests.contract.partner_calls import a_call, stubbed, ups
from tests.contract.simulated import Client, Json, Running, started
from tests.contract.ups_words import complaints, error_answer
from tests.orders import an_order

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
    order: Order, client: HttpClient, effect: BuyLabel = BUY, **changes: object
) -> Json:
    """The ship request that is sent for this order."""
    async with stubbed(shipment_answer(len(effect.parcels))) as stub:
        await ups(client, stub.url, **changes).perform(a_call(effect, order))
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
    assert found.labels == label.labels
    number = label.labels[0].tracking_number
    where = await partner.perform(replace(call, effect=track(number)))
    assert where == Tracked(
        status="label_created",
        at=where.at if isinstance(where, Tracked) else "",
        detail="Shipper created a label, UPS has not received the package yet",
    )
    void = replace(
        call,
        effect=VoidLabel(shipment_id=label.shipment_id, tracking_numbers=(number,)),
    )
    assert await partner.look_up(void) is None
    assert isinstance(await partner.perform(void), Undone)
    assert isinstance(await partner.perform(void), Undone)
    assert isinstance(await partner.look_up(void), Undone)
    assert await partner.look_up(call) is None
    assert len(await simulators.ledger("label_void")) == 1


def track(number: str) -> TrackParcel:
    """Ask for this parcel."""
    return TrackParcel(tracking_number=number)


async def test_two_shipments_of_one_order_are_no_fault(
    running: Running, simulators: Client, client: HttpClient
) -> None:
    """Each label has its own reference: a look-up finds its own shipment, and each parcel of a
    shipment its own number, in their order."""
    partner, order = ups(client, running.http), an_order(ref="77002")
    two = buying(PARCEL, replace(PARCEL, parcel=Key("K2"), units=()))
    first = await partner.perform(a_call(two, order, key="L1"))
    second = await partner.perform(
        a_call(buying(replace(PARCEL, parcel=Key("K3"))), order, key="L2")
    )
    assert isinstance(first, LabelBought)
    assert isinstance(second, LabelBought)
    assert [label.parcel for label in first.labels] == ["K1", "K2"]
    assert len({label.tracking_number for label in (*first.labels, *second.labels)}) == 3
    found = await partner.look_up(a_call(two, order, key="L1"))
    assert isinstance(found, LabelBought)
    assert found.labels == first.labels
    assert found.shipment_id == first.shipment_id != second.shipment_id
    numbers = tuple(label.tracking_number for label in first.labels)
    void = VoidLabel(shipment_id=first.shipment_id, tracking_numbers=numbers)
    assert isinstance(await partner.perform(a_call(void, order, key="L1")), Undone)
    assert isinstance(await partner.look_up(a_call(void, order, key="L1")), Undone)
    assert await partner.look_up(a_call(two, order, key="L1")) is None


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
    assert holder["ReferenceNumber"][0]["Value"] == a_call(BUY, order).reference
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
    half = replace(PARCEL, units=(Units("1", "SKU-1", 1),), weight_grams=0)
    for parcel, weight in ((half, "0.7"), (PackedParcel(parcel=Key("K1"), units=()), "1.4")):
        sent = await request_for(an_order(), client, buying(parcel))
        package = sent["ShipmentRequest"]["Shipment"]["Package"][0]
        assert package["PackageWeight"]["Weight"] == weight


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
    assert to["Phone"] == {"Number": "5025550143"}
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
        heavy = buying(replace(PARCEL, weight_grams=900_000_00))
        with pytest.raises(Rejected, match="heavy"):
            await ups(client, stub.url).perform(a_call(heavy))
        assert stub.requests == []


@pytest.mark.parametrize("label_format", ["ZPL", "GIF"])
async def test_each_parcel_gets_its_label(label_format: str, client: HttpClient) -> None:
    """Numbers and images go to the parcels in the order of the request; another count of them is
    for a person, because labels were paid for."""
    two = buying(PARCEL, replace(PARCEL, parcel=Key("K7")))
    answers = [shipment_answer(2, label_format), shipment_answer(1, label_format)]
    async with stubbed(*answers) as stub:
        partner = ups(client, stub.url, label_format=label_format)
        bought = await partner.perform(a_call(two))
        assert isinstance(bought, LabelBought)
        assert [(one.parcel, one.tracking_number, one.image_format) for one in bought.labels] == [
            ("K1", "1ZA1B2C30300000010", label_format),
            ("K7", "1ZA1B2C30300000011", label_format),
        ]
        assert base64.b64decode(bought.labels[1].image_base64) == b"^XA1^XZ"
        with pytest.raises(NeedsPerson, match="1 labels") as caught:
            await partner.perform(a_call(two))
        assert not caught.value.outcome_known


async def test_customs_value_is_what_is_in_the_parcels(client: HttpClient) -> None:
    """For Canada and Puerto Rico: units by their share after discounts, no gift card, 1 or more."""
    quebec = replace(
        BERLIN, country="CA", region="Québec", postal_code="h2x 1y4", phone="+1 514 555 0123"
    )
    order = an_order(ship_to=quebec)
    card = replace(order.lines[1], requires_shipping=False)
    totals = replace(order.totals, discount_minor=875, total_minor=1375)
    order = replace(order, lines=(order.lines[0], card), totals=totals)
    one = replace(PARCEL, units=(Units("1", "SKU-1", 1), Units("2", "SKU-2", 1)))
    worth = {}
    for name, effect, stated in (
        ("both", BUY, order),
        ("one", buying(one), order),
        ("cents", BUY, replace(order, lines=(replace(order.lines[0], unit_price_minor=3), card),
                               totals=replace(totals, discount_minor=1750, total_minor=500))),
    ):  # fmt: skip
        sent = await request_for(stated, client, effect)
        worth[name] = sent["ShipmentRequest"]["Shipment"]["InvoiceLineTotal"]["MonetaryValue"]
    assert worth == {"both": "5.00", "one": "2.50", "cents": "1.00"}


@pytest.mark.parametrize(
    ("country", "region"), [("PR", ""), ("US", "Puerto Rico"), ("US", "PR"), ("US", "US-PR")]
)
async def test_territories_are_countries(country: str, region: str, client: HttpClient) -> None:
    """A territory is a country code without a state, whichever way the shop writes it; the domestic
    service reaches it, and customs wants a value."""
    order = an_order()
    assert order.ship_to is not None
    there = replace(
        order.ship_to, country=country, region=region, city="San Juan", postal_code="00901",
        phone="787 555 0100",
    )  # fmt: skip
    sent = await request_for(replace(order, ship_to=there), client)
    assert complaints("Shipping.yaml", "SHIPRequestWrapper", sent) == ""
    shipment = sent["ShipmentRequest"]["Shipment"]
    address = shipment["ShipTo"]["Address"]
    assert (address["CountryCode"], "StateProvinceCode" in address) == ("PR", False)
    assert shipment["Service"]["Code"] == "03"
    assert "InvoiceLineTotal" in shipment
    assert "ReferenceNumber" in shipment


async def test_parcels_leave_from_their_place(client: HttpClient) -> None:
    """Another place than the shipper's own is stated, and its country decides pounds and kilos."""
    berlin = Origin(
        name="Lager", phone="+49 30 1", lines=("Kai 1",), city="Berlin", postal_code="10115",
        country="DE",
    )  # fmt: skip
    async with stubbed(shipment_answer()) as stub:
        usual = ups(client, stub.url)
        partner = Ups(client, usual._settings, name="ups-de", origins={"berlin": berlin})
        await partner.perform(a_call(buying(place="berlin"), an_order(ship_to=BERLIN)))
        sent = json.loads(stub.sent("/ship")[3])
    assert complaints("Shipping.yaml", "SHIPRequestWrapper", sent) == ""
    shipment = sent["ShipmentRequest"]["Shipment"]
    assert shipment["ShipFrom"]["Address"]["City"] == "Berlin"
    assert shipment["Shipper"]["Address"]["City"] == "Louisville"
    unit = shipment["Package"][0]["PackageWeight"]["UnitOfMeasurement"]
    assert unit == {"Code": "KGS"}
    assert shipment["Service"]["Code"] == "03"


async def test_cash_on_delivery(client: HttpClient) -> None:
    """The first package carries all of the amount at home; the shipment does in Europe."""
    cash = {"collect_minor": 2250, "collect_currency": "USD"}
    two = buying(PARCEL, replace(PARCEL, parcel=Key("K2")), **cash)
    sent = await request_for(an_order(), client, two)
    assert complaints("Shipping.yaml", "SHIPRequestWrapper", sent) == ""
    first, second = sent["ShipmentRequest"]["Shipment"]["Package"]
    amount = first["PackageServiceOptions"]["COD"]["CODAmount"]
    assert amount == {"CurrencyCode": "USD", "MonetaryValue": "22.50"}
    assert "PackageServiceOptions" not in second
    lager = Origin(
        name="Lager", phone="+49 30 1", lines=("Kai 1",), city="Berlin", postal_code="10115",
        country="DE",
    )  # fmt: skip
    europe = await request_for(an_order(ship_to=BERLIN), client, two, shipper=lager)
    assert complaints("Shipping.yaml", "SHIPRequestWrapper", europe) == ""
    shipment = europe["ShipmentRequest"]["Shipment"]
    assert shipment["ShipmentServiceOptions"]["COD"]["CODAmount"] == amount
    assert "PackageServiceOptions" not in shipment["Package"][0]


async def test_extensions_stay_out_of_the_number(client: HttpClient) -> None:
    """What people type behind a number is its extension where UPS has room for it."""
    order = an_order()
    assert order.ship_to is not None
    for typed, phone in (
        ("502-555-0143 ext. 22", {"Number": "5025550143", "Extension": "22"}),
        ("502-555-0143 x123456", {"Number": "5025550143"}),
        ("(502) 555 0143", {"Number": "5025550143"}),
    ):
        there = replace(order.ship_to, phone=typed)
        sent = await request_for(replace(order, ship_to=there), client)
        assert sent["ShipmentRequest"]["Shipment"]["ShipTo"]["Phone"] == phone
    there = replace(order.ship_to, phone="555 0143")
    sent = await request_for(replace(order, ship_to=there), client)
    assert "Phone" not in sent["ShipmentRequest"]["Shipment"]["ShipTo"]


async def test_the_probe_asks_and_buys_nothing(
    running: Running, simulators: Client, client: HttpClient
) -> None:
    """The probe tracks a number that does not exist."""
    assert "takes our credentials" in await ups(client, running.http).probe()
    assert await simulators.ledger() == []


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
    assert second.labels[0].tracking_number


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
    assert region_code("US", "Washington D.C.") == "DC"
    assert region_code("US", "Armed Forces Middle East") == "AE"
    assert region_code("CA", "Yukon Territory") == "YT"
    assert region_code("CA", "Newfoundland") == "NL"


async def test_which_service_is_bought(client: HttpClient) -> None:
    """A decision's own choice goes before the order's method, and that before the usual service,
    which is another one for parcels abroad."""
    abroad = an_order(ship_to=BERLIN)
    codes = []
    for order, effect in (
        (an_order(), BUY),
        (an_order(shipping_method="next DAY"), BUY),
        (an_order(shipping_method="Next day"), buying(service="12")),
        (abroad, BUY),
    ):
        sent = await request_for(order, client, effect)
        codes.append(sent["ShipmentRequest"]["Shipment"]["Service"]["Code"])
    assert codes == ["03", "01", "12", "65"]
