"""FedEx: by which service an order goes, and what is known to fail before anything is packed."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from msgspec.structs import replace

from actors.kernel.setup import Place, Setup
from actors.order.normalise import SERVICE
from actors.order.unfit import unfit
from actors.runtime.errors import Rejected
from adapters.carriers.fedex.kind import KIND
from adapters.carriers.fedex.services import sold_to
from adapters.carriers.fedex.settings import FedexSettings
from adapters.kit.http_client import HttpClient
from adapters.kit.secret import Secret
from schemas.order.canonical import Address, Order
from tests.contract.partner_calls import a_call, fedex, stubbed
from tests.contract.test_adapter_fedex import BUY, request_for
from tests.orders import an_order

SERVICES = {
    "Express": "FEDEX_2_DAY",
    "Express > GB": "FEDEX_INTERNATIONAL_PRIORITY",
    "Ground": "FEDEX_GROUND",
    "* > JP": "INTERNATIONAL_FIRST",
}
# Any: settings.
TOLD: dict[str, Any] = {"services": SERVICES, "country_of_manufacture": "US"}
THERE = {
    "CA": Address(
        name="Zoë Groß", lines=("1 Queen Street",), city="Toronto", country="CA", region="ON",
        postal_code="M5H 2N2", phone="+1 416 555 0123",
    ),
    "IE": Address(
        name="Áine Ní Bhriain", lines=("7 Main St",), city="Dublin", country="IE",
        phone="+353 1 555 0123",
    ),
    "GB": Address(
        name="Ann Example", lines=("1 High Street",), city="Leeds", country="GB",
        postal_code="LS1 1AA", phone="+44 (0)113 555 0123",
    ),
    "JP": Address(
        name="Taro Rei", lines=("1-1 Chiyoda",), city="Tokyo", country="JP", region="JP-13",
        postal_code="１００－０００１", phone="０３－５５５５－０１２３",
    ),
}  # fmt: skip


def going(method: str, country: str) -> Order:
    """An order by this method to this country."""
    order = an_order(shipping_method=method)
    return order if country == "US" else replace(order, ship_to=THERE[country])


@pytest.mark.parametrize(
    ("method", "country", "service"),
    [
        ("Express", "US", "FEDEX_2_DAY"),
        ("Express", "IE", "INTERNATIONAL_ECONOMY"),
        ("Express", "CA", "INTERNATIONAL_ECONOMY"),
        (" express ", "GB", "FEDEX_INTERNATIONAL_PRIORITY"),
        ("Ground", "CA", "FEDEX_GROUND"),
        ("Ground", "IE", "INTERNATIONAL_ECONOMY"),
        ("Pigeon", "JP", "INTERNATIONAL_FIRST"),
        ("Pigeon", "US", "FEDEX_GROUND"),
    ],
)
async def test_a_service_goes_where_the_parcel_goes(
    method: str, country: str, service: str, client: HttpClient
) -> None:
    """A service that FedEx sells within a country is not bought for another one."""
    sent = await request_for(going(method, country), client, **TOLD)
    assert sent["requestedShipment"]["serviceType"] == service


async def test_numbers_and_codes_of_other_scripts_are_plain(client: HttpClient) -> None:
    """Full-width digits become digits; the zero in brackets is not dialled from abroad."""
    sent = await request_for(going("", "JP"), client, **TOLD)
    to = sent["requestedShipment"]["recipients"][0]
    assert to["contact"]["phoneNumber"] == "0355550123"
    assert to["address"]["postalCode"] == "100-0001"
    sent = await request_for(going("", "GB"), client, **TOLD)
    to = sent["requestedShipment"]["recipients"][0]
    assert to["contact"]["phoneNumber"] == "441135550123"


async def test_another_number_of_the_customer_s_stands_in(client: HttpClient) -> None:
    """The one of the address can't be dialled; the shipper's own is the last that is told."""
    order = an_order()
    assert order.ship_to is not None
    there = replace(order.ship_to, phone="ring at the gate")
    for phone, told in (("+1 (502) 555-0199", "5025550199"), ("", "5025550100")):
        theirs = replace(order.customer, phone=phone)
        sent = await request_for(replace(order, ship_to=there, customer=theirs), client)
        contact = sent["requestedShipment"]["recipients"][0]["contact"]
        assert contact["phoneNumber"] == told


def settings_of(**changes: object) -> FedexSettings:
    """FedEx's settings, of a shipper in Kentucky."""
    raw = {"kind": "fedex", **KIND.example, **changes}
    return msgspec.convert(raw, FedexSettings, dec_hook=lambda _, text: Secret(text))


def place_of(**changes: object) -> Place:
    """A place whose labels are bought from FedEx with these settings."""
    assert KIND.limits is not None
    limits = KIND.limits(settings_of(**changes))
    assert limits.reach_from is not None
    return Place(name="main", carrier="fedex", reach=limits.reach_from(""))


@pytest.mark.parametrize("country", ["CA", "PR"])
def test_what_customs_lacks_is_told_when_the_order_is_placed(country: str) -> None:
    """Goods of which the settings don't say where they were made go to no other country, and
    within one nothing is asked."""
    bare = Setup(channel="acme-us", places=(place_of(country_of_manufacture=""),))
    told = Setup(channel="acme-us", places=(place_of(),))
    home = going("", "US")
    assert home.ship_to is not None
    there = replace(home.ship_to, region="PR", postal_code="00901")
    away = going("", "CA") if country == "CA" else replace(home, ship_to=there)
    (found,) = unfit(away, bare)
    assert (found.kind, "country_of_manufacture" in found.value) == (SERVICE, True)
    assert list(unfit(away, told)) == list(unfit(home, bare)) == []


async def test_no_service_is_made_up(client: HttpClient) -> None:
    """A default for other countries that is sold within one alone is none."""
    changes = {"default_service_abroad": "FEDEX_2_DAY", "country_of_manufacture": "US"}
    async with stubbed() as stub:
        with pytest.raises(Rejected, match="Name one in its `services`, or a default"):
            await fedex(client, stub.url, **changes).perform(a_call(BUY, going("", "IE")))
        assert stub.requests == []


def test_where_services_are_sold() -> None:
    """Ground crosses one border; a name that is not known here may go anywhere."""
    assert sold_to("FEDEX_GROUND", "US") == ("home", "CA")
    assert sold_to("FEDEX_GROUND", "MX") == ("home",)
    assert sold_to("INTERNATIONAL_FIRST", "US") == ("abroad",)
    assert sold_to("FEDEX_PRIORITY", "FR") == ("home", "abroad")
    with pytest.raises(msgspec.ValidationError, match="are one"):
        settings_of(services={"Express": "FEDEX_2_DAY", " express ": "FEDEX_2_DAY_AM"})
