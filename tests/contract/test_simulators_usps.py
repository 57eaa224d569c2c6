"""The simulated USPS answers in the shapes of USPS's description, and lets no stranger in."""

from __future__ import annotations

import functools
from collections.abc import AsyncIterator, Iterator

import pytest
import yaml

from tests.contract.described import check
from tests.contract.simulated import BEARER, Client, Json, Running, calling, spec, started

ADDRESS = "/usps/addresses/v3/address"
TOKEN = "/usps/oauth2/v3/token"
ASKED = f"{ADDRESS}?streetAddress=1+Main+Street&city=Austin&state=TX&ZIPCode=78701"


@pytest.fixture(scope="module")
def running() -> Iterator[Running]:
    with started() as found:
        yield found


@pytest.fixture
async def sim(running: Running) -> AsyncIterator[Client]:
    async with calling(running) as client:
        await client.call("DELETE", "/_sim/credentials")
        await client.call("POST", "/_sim/usps/addresses", {"addresses": []})
        yield client


@functools.cache
def described() -> Json:
    """USPS's own description."""
    loaded: Json = yaml.safe_load(spec("usps", "addresses.yaml").read_bytes())
    return loaded


def held(schema: str, value: object) -> None:
    """Fail with everything that breaks one of its schemas."""
    check(described(), {"$ref": f"#/components/schemas/{schema}"}, value)


@pytest.mark.parametrize(
    ("planted", "confirmed"),
    [({}, "Y"), ({"units": ["1"]}, "D"), ({"confirmed": False}, "N")],
)
async def test_an_address_is_answered_as_described(
    sim: Client, planted: Json, confirmed: str
) -> None:
    """Its letters are USPS's, and the confirmation follows what was planted."""
    body = {"addresses": [{"street": "1 Main St", **planted}]}
    await sim.call("POST", "/_sim/usps/addresses", body)
    answer = await sim.call("GET", ASKED, headers=BEARER)
    assert answer.status == 200
    held("AddressResponse", answer.json)
    assert answer.json["address"]["streetAddress"] == "1 MAIN ST"
    assert answer.json["additionalInfo"]["DPVConfirmation"] == confirmed
    assert (await sim.call("GET", "/_sim/usps/addresses")).json == {"asked": 1}


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ("city=Austin&state=TX", 400),
        ("streetAddress=1+Main+St&city=Austin", 400),
        ("streetAddress=1+Main+St&city=Austin&state=TX&ZIPCode=7870", 400),
        ("streetAddress=1+Main+St&city=Austin&state=XX", 404),
        ("streetAddress=1+Main+St&state=TX", 404),
        ("streetAddress=Main+St&city=Austin&state=TX", 404),
    ],
)
async def test_what_the_description_forbids_is_refused(
    sim: Client, query: str, status: int
) -> None:
    """In the shape of its errors."""
    answer = await sim.call("GET", f"{ADDRESS}?{query}", headers=BEARER)
    assert answer.status == status
    held("ErrorMessage", answer.json)
    assert answer.json["error"]["message"]


async def test_strangers_get_nothing(sim: Client) -> None:
    """Wrong secrets get no token, and no token, or a wrong one, gets no answer."""
    await sim.call(
        "POST",
        "/_sim/credentials",
        {"partner": "usps", "client_id": "us", "client_secret": "right"},
    )
    asked = {"grant_type": "client_credentials", "client_id": "us", "client_secret": "right"}
    assert (await sim.call("POST", TOKEN, {**asked, "client_secret": "other"})).status == 401
    assert (await sim.call("POST", TOKEN, {**asked, "grant_type": "password"})).status == 400
    given = await sim.call("POST", TOKEN, asked)
    assert given.status == 200
    for headers in ({}, BEARER):
        refused = await sim.call("GET", ASKED, headers=headers)
        assert refused.status == 401
        held("ErrorMessage", refused.json)
    bearer = {"Authorization": f"Bearer {given.json['access_token']}"}
    assert (await sim.call("GET", ASKED, headers=bearer)).status == 200
