"""UPS: what a ship request says of addresses, weights, customs and cash, as UPS wants it."""

from __future__ import annotations

import json

import pytest
from msgspec.structs import replace

from adapters.carriers.ups.partner import Ups
from adapters.kit.http_client import HttpClient
from adapters.kit.settings import Origin
from schemas.messages.effects import PackedParcel, Units
from schemas.order.canonical import Address
from schemas.order.regions import region_code
from schemas.order.things import Key
from tests.contract.partner_calls import a_call, stubbed, ups
from tests.contract.ups_words import (
    BERLIN,
    BUY,
    PARCEL,
    buying,
    complaints,
    request_for,
    shipment_answer,
)
from tests.orders import an_order


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
        usual = ups(client, stub.url, services={"* > DE": "11"})
        partner = Ups(client, usual._settings, name="ups-de", origins={"berlin": berlin})
        await partner.perform(a_call(buying(place="berlin"), an_order(ship_to=BERLIN)))
        sent = json.loads(stub.sent("/ship")[3])
    assert complaints("Shipping.yaml", "SHIPRequestWrapper", sent) == ""
    shipment = sent["ShipmentRequest"]["Shipment"]
    assert shipment["ShipFrom"]["Address"]["City"] == "Berlin"
    assert shipment["Shipper"]["Address"]["City"] == "Louisville"
    unit = shipment["Package"][0]["PackageWeight"]["UnitOfMeasurement"]
    assert unit == {"Code": "KGS"}
    assert shipment["Service"]["Code"] == "11"


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
    europe = await request_for(
        an_order(ship_to=BERLIN), client, two, shipper=lager, default_service="11"
    )
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
        ("502-555-0143x22", {"Number": "5025550143", "Extension": "22"}),
        ("+1.502.555.0143 Extension: 22", {"Number": "5025550143", "Extension": "22"}),
        ("tel:+15025550143;ext=22", {"Number": "5025550143", "Extension": "22"}),
        ("15025550143,22", {"Number": "5025550143", "Extension": "22"}),
        ("#502 555 0143", {"Number": "5025550143"}),
    ):
        there = replace(order.ship_to, phone=typed)
        sent = await request_for(replace(order, ship_to=there), client)
        assert sent["ShipmentRequest"]["Shipment"]["ShipTo"]["Phone"] == phone
    there = replace(order.ship_to, phone="555 0143")
    sent = await request_for(replace(order, ship_to=there), client)
    assert "Phone" not in sent["ShipmentRequest"]["Shipment"]["ShipTo"]


@pytest.mark.parametrize(
    ("country", "written", "code"),
    [
        ("US", "us-ky", "KY"), ("US", "New York", "NY"), ("US", "N.Y.", "NY"),
        ("US", "Washington D.C.", "DC"), ("US", "Washington, DC", "DC"), ("US", "D. C.", None),
        ("US", "Armed Forces Middle East", "AE"), ("US", "Armed Forces (AP)", "AP"),
        ("US", "Armed Forces Americas (except Canada)", "AA"), ("US", "U.S. Virgin Islands", "VI"),
        ("US", "Virgin Islands, U.S.", "VI"), ("US", "Federated States Of Micronesia", "FM"),
        ("US", "ＴＥＸＡＳ", "TX"), ("US", "Bavaria", None), ("US", "", None), ("US", "🏝", None),
        ("CA", "QUÉBEC", "QC"), ("CA", "Que\u0301bec", "QC"), ("CA", "Yukon Territory", "YT"),
        ("CA", "Newfoundland & Labrador", "NL"), ("CA", "P.E.I.", "PE"),
        ("CA", "Île-du-Prince-Édouard", "PE"), ("CA", "Colombie-Britannique", "BC"),
        ("CA", "Nouvelle-Ecosse", "NS"), ("CA", "territoires du nord\u2011ouest", "NT"),
        ("CA", "CA-ON", "ON"), ("US", "Hawai\u2018i", "HI"), ("US", "Hawai'i", "HI"),
        ("US", "Hawai\u02bbi", "HI"), ("US", "Rhode Island & Providence Plantations", "RI"),
        ("DE", "Bayern", "Bayern"),
    ],
)  # fmt: skip
def test_regions(country: str, written: str, code: str | None) -> None:
    """States are known by letters, by ISO code and by name, in Canada's both languages, whatever
    accents, points and hyphens they are written with; those of other countries stay."""
    assert region_code(country, written) == code


@pytest.mark.parametrize(
    ("written", "sent"),
    [
        ({"region": "Puerto Rico", "postal_code": "00901"}, "PR"),
        ({"country": "PR", "region": "PR", "postal_code": "00901"}, "PR"),
        ({"region": "FM", "postal_code": "96941"}, "FM"),
        ({"region": "Marshall Islands", "postal_code": "96960"}, "MH"),
        ({"country": "FR", "region": "", "postal_code": "97 400"}, "RE"),
        ({"country": "FR", "region": "Guadeloupe", "postal_code": "97110"}, "GP"),
        ({"country": "FR", "region": "", "postal_code": "75011"}, "FR"),
    ],
)
async def test_a_part_of_a_country_has_its_own_code(
    written: dict[str, str], sent: str, client: HttpClient
) -> None:
    """Of the United States and of France, whether it is written as a country or as a state; with no
    state then."""
    order = an_order()
    assert order.ship_to is not None
    there = replace(order.ship_to, phone="+1 787 555 0123", **written)
    found = await request_for(replace(order, ship_to=there), client)
    address = found["ShipmentRequest"]["Shipment"]["ShipTo"]["Address"]
    assert address["CountryCode"] == sent
    assert "StateProvinceCode" not in address


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
