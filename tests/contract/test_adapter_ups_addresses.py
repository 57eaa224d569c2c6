"""UPS's Address Validation: asked as its own description wants it, and its answers read as they
mean; the simulated one answers in the shapes of that description."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from aiohttp import web
from msgspec.structs import replace

from actors.runtime.call_policy import CallPolicy
from actors.runtime.errors import PartnerError, Retryable, Unauthorised
from adapters.addresses.ups.partner import UpsAddresses
from adapters.addresses.ups.settings import UpsAddressSettings
from adapters.kit.http_client import HttpClient
from adapters.kit.secret import Secret
from schemas.order.canonical import Address
from schemas.order.world import Corrected, Deliverability, Written
from tests.contract.described import check_ups
from tests.contract.partner_calls import http_client, stubbed
from tests.contract.simulated import BEARER, Client, Json, Running, spec, started

FILE = "AddressValidation.yaml"
PATH = "/ups/api/addressvalidation/v2/3"
HOUSE = Address(
    name="Ada Archer", company="Archer Ltd", phone="+1 502 555 0100",
    lines=("123 Shipping Street",), city="Shippington", region="Kentucky",
    postal_code="40003", country="US",
)  # fmt: skip
TOWER = replace(
    HOUSE, lines=("c/o Ben", "9 Towr Avenue", "Apt 4"), city="Austin", region="TX",
    postal_code="78701-1234",
)  # fmt: skip
FINE = Deliverability("deliverable", "")


@pytest.fixture(scope="module")
def running() -> Iterator[Running]:
    with started() as found:
        yield found


def ups(client: HttpClient, base: str, **changes: object) -> UpsAddresses:
    """UPS at `base`."""
    settings = {
        "kind": "ups_addresses",
        "base_url": f"{base}/ups",
        "client_id": "id",
        "client_secret": Secret("secret"),
        "calls": CallPolicy(timeout_seconds=2.0),
        **changes,
    }
    return UpsAddresses(client, UpsAddressSettings(**settings))  # type: ignore[arg-type]  # one dict of settings, for tests to change


async def plant(simulators: Client, *addresses: Json) -> None:
    """Have UPS know these places, in place of those before."""
    body = {"addresses": list(addresses)}
    answer = await simulators.call("POST", "/_sim/carrier/addresses", body)
    assert answer.status == 200, answer.text


CASES: list[tuple[Json, Address, Deliverability]] = [
    ({"street": "1 Other St"}, HOUSE, FINE),
    ({"street": "123 Shipping St", "business": True}, HOUSE,
     Deliverability("deliverable", "", business=True)),
    ({"street": "123 Shipping St", "zip": "40004", "asked_zip": "40003"}, HOUSE,
     Corrected("corrected", "", ("postal_code",), written=Written(postal_code="40004"))),
    ({"street": "9 Tower Ave", "asked": "9 Towr Avenue", "zip": "78702", "plus4": "0004",
      "asked_zip": "78701"}, TOWER,
     Corrected("corrected", "", ("street", "postal_code"),
               written=Written(lines=("c/o Ben", "9 TOWER AVE", "APT 4"),
                               postal_code="78702-0004"))),
    ({"street": "123 Shipping St", "state": "PR", "country": "PR"}, HOUSE,
     Deliverability("corrected", "", ("region",))),
    ({"street": "123 Shipping St", "found": "none"}, HOUSE,
     Deliverability("undeliverable", "no_match")),
    ({"street": "123 Shipping St", "found": "several"}, HOUSE,
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
    """Deliverable, corrected in which parts, undeliverable, and what only a person can tell."""
    await plant(simulators, planted)
    assert await ups(client, running.http).deliverability(at) == wanted


@pytest.mark.parametrize("planted", [{}, {"found": "none"}, {"found": "several"}])
async def test_the_simulated_answers_are_as_described(simulators: Client, planted: Json) -> None:
    """What the simulator says keeps to UPS's description, and no stranger is let in."""
    await plant(simulators, {"street": "1 Main St", **planted})
    key = {"AddressLine": ["1 Main Street"], "PoliticalDivision2": "Austin",
           "PoliticalDivision1": "TX", "CountryCode": "US"}  # fmt: skip
    body = {"XAVRequest": {"AddressKeyFormat": key}}
    answer = await simulators.call("POST", PATH, body, headers=BEARER)
    assert answer.status == 200
    check_ups(FILE, "XAVResponseWrapper", answer.json)
    assert (await simulators.call("POST", PATH, body)).status == 401
    wrong = {"XAVRequest": {"AddressKeyFormat": {**key, "CountryCode": "DE"}}}
    refused = await simulators.call("POST", PATH, wrong, headers=BEARER)
    assert refused.status == 400
    check_ups(FILE, "ErrorResponse", refused.json)


async def test_requests_are_as_ups_describes_them(client: HttpClient) -> None:
    """The body fits its schema and bounds, and no one is named in it."""
    long = replace(HOUSE, lines=("1 " + "Long " * 40,), city="C" * 200)
    asked = [HOUSE, TOWER, long]
    answer = {"XAVResponse": {"ValidAddressIndicator": ""}}
    async with stubbed(*[web.json_response(answer) for _ in asked]) as stub:
        for one in asked:
            await ups(client, stub.url).deliverability(one)
        sent = [json.loads(one[3]) for one in stub.requests if "/addressvalidation/" in one[1]]
        paths = {one[1] for one in stub.requests if "/addressvalidation/" in one[1]}
    assert len(sent) == len(asked)
    assert all("/api/addressvalidation/v2/3?" in one for one in paths)
    for body in sent:
        check_ups(FILE, "XAVRequestWrapper", body)
        key = body["XAVRequest"]["AddressKeyFormat"]
        assert len(key["AddressLine"]) <= 3
        assert all(len(one) <= 100 for one in key["AddressLine"])
        assert len(key["PoliticalDivision2"]) <= 30
    assert not [one for one in ("Ada", "Archer", "555", "Ben") if one in str(sent)]


async def test_ups_s_own_sample_is_read(client: HttpClient) -> None:
    """Its published sample answers as version 1 does: one candidate and one line without lists."""
    told = json.loads(spec("ups", "UPS_Address_Validation.postman_collection.json").read_bytes())
    (sample,) = [one for one in _answers(told) if "ValidAddressIndicator" in one]
    at = replace(HOUSE, lines=("12380 Morris Road",), city="Alpharetta", region="GA",
                 postal_code="30005")  # fmt: skip
    async with stubbed(web.Response(text=sample, content_type="application/json")) as stub:
        assert await ups(client, stub.url).deliverability(at) == FINE


def _answers(tree: Json) -> Iterator[str]:
    for one in tree.get("item", []):
        yield from _answers(one)
        for answer in one.get("response", []):
            yield answer["body"]


UNASKED = [
    replace(HOUSE, region="Bavaria"), replace(HOUSE, region="GU"), replace(HOUSE, country="VI"),
    replace(HOUSE, region="AE"), replace(HOUSE, city="", postal_code=""),
]  # fmt: skip


@pytest.mark.parametrize("at", UNASKED)
async def test_what_ups_does_not_know_is_not_asked(client: HttpClient, at: Address) -> None:
    """Its database is of the states and Puerto Rico: nothing found elsewhere would say nothing."""
    async with stubbed() as stub:
        found = await ups(client, stub.url).deliverability(at)
        assert not stub.requests
    assert found == Deliverability("unknown", "refused")


FAULT = {"response": {"errors": [{"code": "10400", "message": "Invalid request"}]}}


async def test_a_refused_question_is_no_verdict(client: HttpClient) -> None:
    """UPS's refusal says that it can't tell; the order goes on."""
    async with stubbed(web.json_response(FAULT, status=400)) as stub:
        found = await ups(client, stub.url).deliverability(HOUSE)
    assert found == Deliverability("unknown", "refused")


FAILURES: list[tuple[web.Response, type[PartnerError]]] = [
    (web.Response(status=503), Retryable),
    (web.json_response({}, status=429, headers={"Retry-After": "90"}), Retryable),
    (web.Response(text="<html>", content_type="text/html"), PartnerError),
    (web.Response(status=404, text="<html>", content_type="text/html"), PartnerError),
    (web.json_response({}), PartnerError),
]


@pytest.mark.parametrize(("answer", "wanted"), FAILURES)
async def test_a_failure_is_no_verdict(answer: web.Response, wanted: type[PartnerError]) -> None:
    """Away, throttled, or something in between that answers: nothing is said about the address, and
    UPS is left alone for a while."""
    async with http_client() as client, stubbed(answer) as stub:
        adapter = ups(client, stub.url)
        with pytest.raises(wanted):
            await adapter.deliverability(HOUSE)
        with pytest.raises(Retryable, match="left alone for"):
            await adapter.deliverability(TOWER)


async def test_wrong_credentials_are_refused_in_words(running: Running, client: HttpClient) -> None:
    """`doctor` says so; with the right ones it says that UPS answers."""
    with pytest.raises(Unauthorised, match="gives us no token for client 'wrong'"):
        await ups(client, running.http, client_id="wrong").probe()
    assert await ups(client, running.http).probe() == "UPS takes our credentials and answers."
