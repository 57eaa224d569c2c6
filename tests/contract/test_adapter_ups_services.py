"""UPS: by which service an order goes, where it goes, and what the account offers."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec
import pytest
from aiohttp import web
from msgspec.structs import replace

from actors.kernel.setup import Place, Setup
from actors.order.normalise import ADDRESS, SERVICE
from actors.order.unfit import unfit
from actors.runtime.errors import Rejected
from adapters.carriers.ups.kind import KIND
from adapters.carriers.ups.offered import rate_request
from adapters.carriers.ups.services import is_sold
from adapters.carriers.ups.settings import UpsSettings
from adapters.carriers.ups.shipment import Sender
from adapters.kit.http_client import HttpClient
from adapters.kit.secret import Secret
from adapters.kit.services import parted
from schemas.messages.effects import LabelBought
from schemas.order.canonical import Customer, Order
from tests.contract.partner_calls import SHOP, a_call, stubbed, ups
from tests.contract.simulated import Client, Json, Running, started
from tests.contract.ups_words import BERLIN, BUY, complaints, request_for, shipment_answer
from tests.orders import an_order

SERVICES = {
    "Express": "01",
    "express > abroad": "07",
    "Express > CA": "11",
    "* > GB": "54",
    "Overnight": "13",
}


@pytest.fixture(scope="module")
def running() -> Iterator[Running]:
    with started() as found:
        yield found


def going(method: str, country: str) -> Order:
    """An order by this method to this country."""
    order = an_order(shipping_method=method)
    assert order.ship_to is not None
    if country == "US":
        return order
    there = {
        "CA": replace(BERLIN, country="CA", region="ON", city="Ottawa", postal_code="K1A 0B1",
                      phone="+1 613 555 0100"),
        "PR": replace(order.ship_to, country="PR", region="", city="San Juan",
                      postal_code="00901", phone="787 555 0100"),
    }  # fmt: skip
    return replace(order, ship_to=there.get(country, replace(BERLIN, country=country)))


@pytest.mark.parametrize(
    ("method", "country", "code"),
    [
        ("Express", "US", "01"),
        (" EXPRESS ", "PR", "01"),
        ("express", "DE", "07"),
        ("Express", "CA", "11"),
        ("Express", "GB", "07"),
        ("Pigeon", "GB", "54"),
        ("Pigeon", "US", "03"),
        ("Pigeon", "DE", "65"),
        ("Overnight", "DE", "65"),
    ],
)
async def test_the_service_follows_method_and_destination(
    method: str, country: str, code: str, client: HttpClient
) -> None:
    """The method to that country, then to that zone, then any method to that country, then the
    default; a code that UPS does not sell to there is not used for it."""
    sent = await request_for(going(method, country), client, services=SERVICES)
    assert sent["ShipmentRequest"]["Shipment"]["Service"] == {"Code": code}


async def test_no_service_is_made_up(client: HttpClient) -> None:
    """Without a default nothing is sent, and the settings to change are named."""
    bare = {"services": {"Express": "01"}, "default_service": "", "default_service_abroad": ""}
    async with stubbed() as stub:
        partner = ups(client, stub.url, **bare)
        for method, country in (("Pigeon", "US"), ("Express", "DE"), ("", "CA")):
            with pytest.raises(Rejected, match="Name one in its `services`, or a default"):
                await partner.perform(a_call(BUY, going(method, country)))
        assert stub.requests == []


def reach_of(**changes: object) -> Place:
    """A place whose labels are bought from UPS with these settings."""
    settings = settings_of(**changes)
    assert KIND.limits is not None
    limits = KIND.limits(settings)
    assert limits.reach_from is not None
    return Place(name="main", carrier="ups", reach=limits.reach_from(""))


def settings_of(**changes: object) -> UpsSettings:
    """UPS's settings, of a shipper in Kentucky."""
    raw = {"kind": "ups", **KIND.example, **changes}
    return msgspec.convert(raw, UpsSettings, dec_hook=lambda _, text: Secret(text))


def test_an_order_without_a_service_is_held_when_it_is_placed() -> None:
    """Before stock and warehouse are spent, and only where we buy labels of parcels."""
    place = reach_of(services=SERVICES, default_service="", default_service_abroad="")
    held = {}
    for method, country in (("Express", "US"), ("Pigeon", "PR"), ("Overnight", "DE")):
        setup = Setup(channel="acme-us", places=(place,))
        found = list(unfit(going(method, country), setup))
        held[method] = [one.value for one in found if one.kind == SERVICE]
    assert held["Express"] == []
    (said,) = held["Pigeon"]
    assert said == (
        "for the shipping method 'Pigeon' to PR from US, ups has no service: "
        "name one in its `services`, or a default"
    )
    assert len(held["Overnight"]) == 1
    theirs = Setup(channel="acme-us", places=(replace(place, labels="them"),))
    digital = replace(
        going("Pigeon", "US"),
        lines=tuple(replace(x, requires_shipping=False) for x in an_order().lines),
    )
    for order, setup in (
        (going("Pigeon", "US"), theirs),
        (digital, Setup(channel="a", places=(place,))),
    ):
        assert not [one for one in unfit(order, setup) if one.kind == SERVICE]


@pytest.mark.parametrize(
    ("country", "phone", "held"),
    [
        ("US", "", False), ("PR", "", True), ("DE", "", True), ("DE", "call me", True),
        ("DE", "+49 30 901820", False), ("CA", "613 555 010", True),
        ("CA", "+1 613 555 0100 x22", False), ("PR", "1-787-555-0100 ext. 7", False),
    ],
)  # fmt: skip
async def test_what_a_label_abroad_needs_is_asked_for_when_the_order_is_placed(
    country: str, phone: str, held: bool, client: HttpClient
) -> None:
    """A number that can't be dialled stops the order when it is placed exactly where the purchase
    of the label would be refused after packing."""
    order = going("Express", country)
    assert order.ship_to is not None
    order = replace(order, ship_to=replace(order.ship_to, phone=phone), customer=Customer())
    setup = Setup(channel="acme-us", places=(reach_of(services=SERVICES),))
    found = [one.value for one in unfit(order, setup) if one.kind == ADDRESS]
    assert [("telephone number" in one) for one in found] == [True] * held
    async with stubbed(shipment_answer()) as stub:
        partner = ups(client, stub.url, services=SERVICES)
        if held:
            with pytest.raises(Rejected, match="telephone number"):
                await partner.perform(a_call(BUY, order))
        else:
            assert isinstance(await partner.perform(a_call(BUY, order)), LabelBought)


@pytest.mark.parametrize(("region", "held"), [("", True), ("Hà Nội", True), ("VN-HN", False)])
async def test_a_province_of_vietnam_is_wanted_by_its_code(
    region: str, held: bool, client: HttpClient
) -> None:
    """UPS requires it there, and takes five characters; elsewhere no province is asked for."""
    order = going("Express", "VN")
    assert order.ship_to is not None
    order = replace(order, ship_to=replace(order.ship_to, region=region))
    setup = Setup(channel="acme-us", places=(reach_of(services=SERVICES),))
    found = [one.value for one in unfit(order, setup)]
    assert [("not a code of VN" in one) for one in found] == [True] * held
    if not held:
        sent = await request_for(order, client, services=SERVICES)
        there = sent["ShipmentRequest"]["Shipment"]["ShipTo"]["Address"]
        assert there["StateProvinceCode"] == region


@pytest.mark.parametrize("what", ["name", "street", "city"])
def test_pictures_are_no_address(what: str) -> None:
    """A label can't show a heart: what holds nothing else counts as missing."""
    order = an_order()
    assert order.ship_to is not None
    hearts = {
        "name": replace(order.ship_to, name="\u2764\ufe0f", company=""),
        "street": replace(order.ship_to, lines=("\U0001f3e0", "—")),
        "city": replace(order.ship_to, city="\U0001f306"),
    }
    setup = Setup(channel="acme-us", places=(reach_of(),))
    found = [x.value for x in unfit(replace(order, ship_to=hearts[what]), setup)]
    assert found == [f"in the shipping address the {what} is missing"]


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"services": {"Express > Abroad": "07"}}, "'Abroad', which is neither home, abroad nor"),
        ({"services": {"Express": "01", "express ": "02"}}, "'Express' and 'express ' of services"),
        ({"default_service": "65"}, "default_service is 65, which UPS does not sell within US"),
        ({"default_service_abroad": "03"}, "03, which UPS does not sell from US to other"),
    ],
)
def test_services_that_can_not_be_are_refused(changes: dict[str, object], words: str) -> None:
    """When the settings are read, not when a parcel is packed."""
    with pytest.raises(msgspec.ValidationError, match=words):
        settings_of(**changes)
    assert parted("Over > night > CA") == ("over > night", "CA")


def test_where_services_are_sold() -> None:
    """Codes of the United States stay there; what we do not know is believed."""
    assert is_sold("03", "PR", abroad=False)
    assert not is_sold("03", "CA", abroad=False)
    assert is_sold("01", "CA", abroad=False)
    assert not is_sold("01", "DE", abroad=False)
    assert is_sold("11", "DE", abroad=False)
    assert not is_sold("11", "US", abroad=False)
    assert is_sold("70", "US", abroad=False)


async def test_doctor_compares_the_settings_with_what_the_account_offers(
    running: Running, simulators: Client, client: HttpClient
) -> None:
    """A service that the account does not have is found before a parcel is packed for it; the
    label of one is refused in UPS's words."""
    partner = ups(client, running.http, services=SERVICES)
    assert "offers every service that is set" in await partner.probe()
    for code, country in (("13", "US"), ("07", "CA or GB or DE"), ("54", "GB")):
        await simulators.call("POST", "/_sim/carrier/services", {"withheld": [code]})
        with pytest.raises(Rejected, match=f"the service {code} from US to {country}; it offers"):
            await partner.probe()
    await simulators.call("POST", "/_sim/carrier/services", {"withheld": ["03"]})
    with pytest.raises(Rejected, match=r"unavailable between the selected locations.*111210"):
        await partner.perform(a_call(BUY, going("Pigeon", "US")))
    await simulators.call("POST", "/_sim/carrier/services", {"withheld": []})
    bought = await partner.perform(a_call(BUY, going("Pigeon", "US")))
    assert isinstance(bought, LabelBought)
    assert bought.service == "03"


async def test_the_question_is_as_ups_describes_it(client: HttpClient) -> None:
    """The rating request against UPS's own description; one service alone comes as no list."""
    sender = Sender(number="A1B2C3", shipper=SHOP, origin=SHOP)
    assert complaints("Rating.yaml", "RATERequestWrapper", rate_request(sender, SHOP)) == ""
    one: Json = {"RateResponse": {"RatedShipment": {"Service": {"Code": "03"}}}}
    tracked = web.json_response({"trackResponse": {"shipment": []}})
    async with stubbed(tracked, web.json_response(one)) as stub:
        partner = ups(client, stub.url, services={}, default_service_abroad="")
        assert "offers every service" in await partner.probe()
        assert stub.sent("/rating/v2409/Shop")[0] == "POST"
