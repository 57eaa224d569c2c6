"""USPS: addresses asked for as its own description wants it, and its answers read as they mean."""

from __future__ import annotations

import re
from collections.abc import Iterator
from urllib.parse import parse_qs, urlsplit

import pytest
import yaml
from aiohttp import web
from msgspec.structs import replace

from actors.runtime.call_policy import CallPolicy
from actors.runtime.errors import NeedsPerson, PartnerError, Retryable, Unauthorised
from adapters.addresses.usps.partner import Usps
from adapters.addresses.usps.question import asked_for
from adapters.addresses.usps.settings import UspsSettings
from adapters.kit.http_client import HttpClient
from adapters.kit.secret import Secret
from schemas.order.canonical import Address
from schemas.order.world import Corrected, Deliverability, Written
from tests.contract.described import check
from tests.contract.partner_calls import TestClock, http_client, stubbed
from tests.contract.simulated import Client, Json, Running, spec, started

HOUSE = Address(
    name="Ada Archer", company="Archer Ltd", phone="+1 502 555 0100",
    lines=("123 Shipping Street",), city="Shippington", region="Kentucky",
    postal_code="40003", country="US",
)  # fmt: skip
TOWER = Address(
    name="Ada", lines=("9 Tower Avenue", "Apt 4"), city="Austin", region="TX",
    postal_code="78701-1234", country="US",
)  # fmt: skip


@pytest.fixture(scope="module")
def running() -> Iterator[Running]:
    with started() as found:
        yield found


def usps(client: HttpClient, base: str, **changes: object) -> Usps:
    """USPS at `base`."""
    settings = {
        "kind": "usps",
        "base_url": f"{base}/usps",
        "client_id": "id",
        "client_secret": Secret("secret"),
        "calls": CallPolicy(timeout_seconds=2.0),
        **changes,
    }
    return Usps(client, UspsSettings(**settings))  # type: ignore[arg-type]  # one dict of settings, for tests to change


def described() -> Json:
    """USPS's own description of its Addresses API."""
    loaded: Json = yaml.safe_load(spec("usps", "addresses.yaml").read_bytes())
    return loaded


async def plant(simulators: Client, *addresses: Json) -> None:
    """Have USPS know these buildings, in place of those before."""
    answer = await simulators.call("POST", "/_sim/usps/addresses", {"addresses": list(addresses)})
    assert answer.status == 200, answer.text


CASES: list[tuple[Json, Address, Deliverability]] = [
    ({"street": "1 Other St", "zip": "1"}, HOUSE, Deliverability("deliverable", "")),
    ({"street": "123 Shipping St", "zip": "40004", "asked_zip": "40003"}, HOUSE,
     Corrected("corrected", "", ("postal_code",), written=Written(postal_code="40004"))),
    ({"street": "123 Shipton St", "asked": "123 Shipping Street", "city": "Louisville"}, HOUSE,
     Corrected("corrected", "", ("street", "city"),
               written=Written(lines=("123 SHIPTON ST",), city="LOUISVILLE"))),
    ({"street": "123 Shipping St", "units": ["1", "2"]}, HOUSE,
     Deliverability("missing_unit", "")),
    ({"street": "9 Tower Ave", "units": ["1", "2"]}, TOWER,
     Deliverability("missing_unit", "unit_not_confirmed")),
    ({"street": "9 Tower Ave", "units": ["4"], "business": True}, TOWER,
     Deliverability("deliverable", "", business=True)),
    ({"street": "123 Shipping St", "confirmed": False}, HOUSE,
     Deliverability("undeliverable", "not_confirmed")),
    ({"street": "123 Shipping St", "vacant": True, "agency": True, "route": "B007"}, HOUSE,
     Deliverability("deliverable", "", post_box=True, vacant=True, agency=True)),
    ({"street": "123 Shipping St",
      "message": "There is no match for the address requested."}, HOUSE,
     Deliverability("undeliverable", "no_match")),
    ({"street": "123 Shipping St",
      "message": "More than one address was found matching the requested address."}, HOUSE,
     Deliverability("unknown", "several")),
]  # fmt: skip


@pytest.mark.parametrize(("planted", "at", "wanted"), CASES)
async def test_each_answer_has_its_verdict(
    running: Running,
    simulators: Client,
    client: HttpClient,
    planted: Json,
    at: Address,
    wanted: Deliverability,
) -> None:
    """Deliverable, corrected in which parts, missing or wrong unit, undeliverable, unknown."""
    await plant(simulators, planted)
    assert await usps(client, running.http).deliverability(at) == wanted


async def test_what_is_not_the_street_stays_in_a_corrected_address(
    running: Running, simulators: Client, client: HttpClient
) -> None:
    """Who it is for stays before the street, and the unit after it; a ZIP+4 that was stated is
    theirs, too."""
    at = replace(TOWER, lines=("c/o Ben", "9 Towr Avenue", "Apt 4"))
    wrong = {"asked": "9 Towr Avenue", "street": "9 Tower Ave", "zip": "78702", "plus4": "0004",
             "asked_zip": "78701"}  # fmt: skip
    await plant(simulators, wrong)
    found = await usps(client, running.http).deliverability(at)
    assert isinstance(found, Corrected)
    lines = ("c/o Ben", "9 TOWER AVE", "APT 4")
    assert found.written == Written(lines=lines, postal_code="78702-0004")


async def test_a_territory_is_never_made_another_country(client: HttpClient) -> None:
    """Where USPS has it in a territory the country would change: that is said, and not written."""
    address = {"streetAddress": "1 MAIN ST", "city": "SAN JUAN", "state": "PR", "ZIPCode": "00901"}
    told = {"address": address, "additionalInfo": {"DPVConfirmation": "Y"}}
    at = replace(HOUSE, lines=("1 Main St",), city="San Juan", region="FL", postal_code="00901")
    async with stubbed(web.json_response(told)) as stub:
        found = await usps(client, stub.url).deliverability(at)
    assert found == Deliverability("corrected", "", ("region",))


async def test_requests_are_as_usps_describes_them(client: HttpClient) -> None:
    """Every parameter is one of the description's and matches its pattern, the required ones are
    there, and the token is asked for by client credentials with the described scope."""
    parameters = {one["name"]: one for one in described()["paths"]["/address"]["get"]["parameters"]}
    asked: list[Address] = [HOUSE, TOWER]
    async with stubbed(*[web.json_response({}) for _ in asked]) as stub:
        adapter = usps(client, stub.url)
        for one in asked:
            await adapter.deliverability(one)
        found = [urlsplit(one[1]) for one in stub.requests if "/address?" in one[1]]
        token = stub.sent("/token")
    assert len(found) == len(asked)
    for url in found:
        query = {name: values[0] for name, values in parse_qs(url.query).items()}
        assert url.path == "/usps/addresses/v3/address"
        assert query.keys() <= parameters.keys()
        assert {name for name, one in parameters.items() if one.get("required")} <= query.keys()
        for name, value in query.items():
            assert re.search(parameters[name]["schema"].get("pattern", ""), value), name
    flows = described()["components"]["securitySchemes"]["OAuth"]["flows"]
    form = parse_qs(token[3].decode())
    assert token[1] == "/usps" + flows["clientCredentials"]["tokenUrl"]
    assert form["grant_type"] == ["client_credentials"]
    assert form["scope"] == list(flows["clientCredentials"]["scopes"])


async def test_no_one_is_named_to_usps(client: HttpClient) -> None:
    """It is asked about a place: name, company and telephone number stay here."""
    async with stubbed(web.json_response({})) as stub:
        await usps(client, stub.url).deliverability(HOUSE)
        told = str(stub.sent("/address?"))
    assert not [one for one in ("Ada", "Archer", "502") if one in told]


async def test_what_is_read_is_described() -> None:
    """A whole answer by the description is read, and gives its verdict."""
    answer = {
        "address": {"streetAddress": "123 SHIPPING ST", "city": "SHIPPINGTON", "state": "KY",
                    "ZIPCode": "40003", "ZIPPlus4": "1234"},
        "additionalInfo": {"DPVConfirmation": "D", "carrierRoute": "C012", "vacant": "N"},
        "corrections": [{"code": "32", "text": "Default address"}],
        "matches": [],
    }  # fmt: skip
    check(described(), {"$ref": "#/components/schemas/AddressResponse"}, answer)
    async with http_client() as client, stubbed(web.json_response(answer)) as stub:
        found = await usps(client, stub.url).deliverability(HOUSE)
    assert found == Deliverability("missing_unit", "")


async def test_an_address_is_asked_for_once(client: HttpClient) -> None:
    """A second order to the same place, of whomever, costs no question; another place does."""
    async with stubbed(web.json_response({}), web.json_response({})) as stub:
        adapter = usps(client, stub.url)
        for who in ("Ada", "Ben"):
            await adapter.deliverability(
                Address(name=who, lines=HOUSE.lines, city="X", region="KY", country="US")
            )
        await adapter.deliverability(HOUSE)
        assert len([one for one in stub.requests if "/address?" in one[1]]) == 2


async def test_the_quota_is_kept() -> None:
    """Beyond the questions of an hour no call is made, and an hour later they are allowed again."""
    clock = TestClock()
    async with (
        http_client(clock) as client,
        stubbed(*[web.json_response({}) for _ in range(3)]) as stub,
    ):
        adapter = usps(client, stub.url, hourly=2)
        places = [
            Address(name="A", lines=(f"{n} Main St",), city="X", region="KY", country="US")
            for n in range(4)
        ]
        await adapter.deliverability(places[0])
        await adapter.deliverability(places[1])
        with pytest.raises(Retryable, match="asked 2 times within an hour"):
            await adapter.deliverability(places[2])
        clock.ahead = 1_801.0
        await adapter.deliverability(places[2])
        with pytest.raises(Retryable, match="within an hour"):
            await adapter.deliverability(places[3])


FAILURES: list[tuple[web.Response, type[PartnerError]]] = [
    (web.Response(status=503), Retryable),
    (web.json_response({}, status=429, headers={"Retry-After": "90"}), Retryable),
    (web.Response(text="<html>", content_type="text/html"), PartnerError),
    (web.Response(status=404, text="<html>", content_type="text/html"), NeedsPerson),
]


@pytest.mark.parametrize(("answer", "wanted"), FAILURES)
async def test_a_failure_is_no_verdict(answer: web.Response, wanted: type[PartnerError]) -> None:
    """Away, throttled, or something in between that answers: nothing is said about the address, and
    USPS is left alone for a while."""
    async with http_client() as client, stubbed(answer) as stub:
        adapter = usps(client, stub.url)
        with pytest.raises(wanted):
            await adapter.deliverability(HOUSE)
        with pytest.raises(Retryable, match="left alone for"):
            await adapter.deliverability(TOWER)
        assert len([one for one in stub.requests if "/address?" in one[1]]) == 1


async def test_wrong_credentials_are_refused_in_words(running: Running, client: HttpClient) -> None:
    """`doctor` says so; with the right ones it says that USPS answers."""
    with pytest.raises(Unauthorised, match="gives us no token for client 'wrong'"):
        await usps(client, running.http, client_id="wrong").probe()
    assert await usps(client, running.http).probe() == "USPS takes our credentials and answers."


LINES: list[tuple[tuple[str, ...], str, str]] = [
    (("123 Main St", "Apt 4"), "123 Main St", "Apt 4"),
    (("c/o Ben", "123 Main St", "Apt 4"), "123 Main St", "Apt 4"),
    (("Broadway House", "Apt 4"), "Broadway House", "Apt 4"),
    (("PO Box 7",), "PO Box 7", ""),
    (("Main Street",), "Main Street", ""),
]


@pytest.mark.parametrize(("lines", "street", "unit"), LINES)
def test_the_street_is_the_line_with_the_number(
    lines: tuple[str, ...], street: str, unit: str
) -> None:
    """What stands before it says who, what comes after it where inside."""
    asked = asked_for(Address(name="A", lines=lines, city="X", region="KY", country="US"))
    assert (asked["streetAddress"], asked.get("secondaryAddress", "")) == (street, unit)


async def test_what_usps_can_not_be_asked_is_not_asked(client: HttpClient) -> None:
    """A state that there is none of: no call, and no verdict."""
    at = Address(name="A", lines=("1 Main St",), city="X", region="Bavaria", country="US")
    async with stubbed() as stub:
        found = await usps(client, stub.url).deliverability(at)
        assert not stub.requests
    assert found == Deliverability("unknown", "refused")


ALIKE: list[tuple[str, str, bool]] = [
    ("1600 Pennsylvania Avenue Northwest", "1600 PENNSYLVANIA AVE NW", True),
    ("12 St. Mary's Road, Apartment 4B", "12 SAINT MARYS RD APT 4B", True),
    ("P.O. Box 7", "PO BOX 7", True),
    ("PSC 1234 Box 5678", "PSC 1234 BOX 5678", True),
    ("9 Main St #4", "9 MAIN ST APT 4", True),
    ("9 Maine Street", "9 MAIN ST", False),
    ("9 Main Street", "19 MAIN ST", False),
    ("9 Main Street", "9 MAIN ST S", False),
]


@pytest.mark.parametrize(("stated", "theirs", "same"), ALIKE)
async def test_abbreviations_are_no_corrections(
    client: HttpClient, stated: str, theirs: str, same: bool
) -> None:
    """USPS shortens words and names units its own way; another number or name is a correction. What
    it leaves out or writes as null says nothing."""
    address = {"streetAddress": theirs, "secondaryAddress": None, "city": "AUSTIN", "state": "TX"}
    info = {"DPVConfirmation": "Y", "carrierRoute": None}
    told = {"firm": None, "address": address, "additionalInfo": info, "corrections": None}
    at = Address(name="A", lines=(stated,), city="Austin", region="TX", country="US")
    async with stubbed(web.json_response(told)) as stub:
        found = await usps(client, stub.url).deliverability(at)
    assert found.verdict == ("deliverable" if same else "corrected")
    assert found.differs == (() if same else ("street",))
