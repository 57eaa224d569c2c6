"""The simulated UPS with several packages, folded references, partial voids and special cities."""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator, Iterator

import pytest

from tests.contract.described import check_ups
from tests.contract.simulated import (
    BEARER,
    TRACKING,
    Answer,
    Client,
    Json,
    Running,
    calling,
    ship_request,
    shipment_id,
    started,
)

SHIP = "/ups/api/shipments/v2409/ship"
TOKEN = "/ups/security/v1/oauth/token"
FORM = {"grant_type": "client_credentials"}


@pytest.fixture(scope="module")
def running() -> Iterator[Running]:
    with started() as found:
        yield found


@pytest.fixture
async def sim(running: Running) -> AsyncIterator[Client]:
    async with calling(running) as client:
        await client.call("DELETE", "/_sim/credentials")
        yield client


def numbers(bought: Answer) -> list[str]:
    """The packages' numbers in a ship answer."""
    results = bought.json["ShipmentResponse"]["ShipmentResults"]["PackageResults"]
    return [one["TrackingNumber"] for one in results]


async def bought(sim: Client, reference: str, packages: int = 1, city: str = "Austin") -> list[str]:
    """Buys labels, and gives their numbers."""
    request = ship_request(reference, packages)
    request["ShipmentRequest"]["Shipment"]["ShipTo"]["Address"]["City"] = city
    return numbers(await sim.call("POST", SHIP, request, BEARER))


async def seen(sim: Client, number: str, what: str = "details") -> list[Json]:
    """The packages that the Track API shows, checked against its description."""
    answer = await sim.call("GET", f"/ups/api/track/v1/{what}/{number}", None, TRACKING)
    check_ups("Tracking.yaml", "TrackApiResponse", answer.json)
    shipments = answer.json["trackResponse"]["shipment"]
    return [package for shipment in shipments for package in shipment["package"]]


async def void(sim: Client, number: str, *only: str) -> Json:
    """Voids a shipment or some of its packages."""
    path = f"/ups/api/shipments/v2409/void/cancel/{number}"
    params = {"trackingnumber": str(list(only)).replace("'", '"')} if only else {}
    answer = await sim.call("DELETE", path, None, BEARER, params=params)
    check_ups("Shipping.yaml", "VOIDSHIPMENTResponseWrapper", answer.json)
    found: Json = answer.json["VoidShipmentResponse"]
    return found


async def test_every_package_has_its_own_number(sim: Client) -> None:
    """Three packages are one shipment, one entry in the ledger, and three parcels to track."""
    answer = await sim.call("POST", SHIP, ship_request("R-1", 3), BEARER)
    check_ups("Shipping.yaml", "SHIPResponseWrapper", answer.json)
    found = numbers(answer)
    assert len(set(found)) == 3
    assert shipment_id(answer) == found[0]
    (entry,) = await sim.ledger("label")
    assert entry["detail"]["packages"] == found
    assert entry["detail"]["amount"] == {"value": "26.32", "currency": "USD"}
    for number in found:
        (package,) = await seen(sim, number)
        assert (package["trackingNumber"], package["packageCount"]) == (number, 3)
    all_of_them = await seen(sim, found[1], "shipment/details")
    assert [package["trackingNumber"] for package in all_of_them] == found


async def test_a_reference_is_found_in_any_case(sim: Client) -> None:
    """UPS knows no small letters: recovery and tracking find the label either way."""
    (number,) = await bought(sim, "aB-1")
    for reference in ("AB-1", "ab-1"):
        found = (await sim.recover(reference)).json["LabelRecoveryResponse"]
        assert found["ShipmentIdentificationNumber"] == number
        (package,) = await seen(sim, f"{reference}?shipperNum=a1b2c3", "reference/details")
        assert package["referenceNumber"] == [{"type": "SHIPMENT", "number": "AB-1"}]


async def test_a_package_may_have_a_reference_of_its_own(sim: Client) -> None:
    """Recovery by a package's reference gives that package's label alone."""
    request = ship_request("WHOLE", 2)
    shipment = request["ShipmentRequest"]["Shipment"]
    shipment["Package"] = [
        {**package, "ReferenceNumber": [{"Value": f"PART{index}"}]}
        for index, package in enumerate(shipment["Package"])
    ]
    found = numbers(await sim.call("POST", SHIP, request, BEARER))
    for reference, expected in [("PART1", found[1:]), ("WHOLE", found)]:
        labels = (await sim.recover(reference)).json["LabelRecoveryResponse"]["LabelResults"]
        assert [one["TrackingNumber"] for one in labels] == expected
    (entry,) = await sim.ledger("label")
    assert entry["reference"] == "WHOLE"
    assert entry["detail"]["references"] == ["WHOLE", "PART0", "PART1"]


async def test_packages_may_be_voided_one_by_one(sim: Client) -> None:
    """`trackingnumber` voids what it lists; the label counts as voided when nothing is left."""
    first, second, third = await bought(sim, "R-2", 3)
    answer = await void(sim, first, second, third)
    assert [one["TrackingNumber"] for one in answer["PackageLevelResults"]] == [second, third]
    assert (await seen(sim, second))[0]["currentStatus"]["type"] == "MV"
    assert (await seen(sim, first))[0]["currentStatus"]["type"] == "D"
    labels = (await sim.recover("R-2")).json["LabelRecoveryResponse"]["LabelResults"]
    assert [one["TrackingNumber"] for one in labels] == [first]
    assert await sim.ledger("label_void") == []
    (part,) = await sim.ledger("label_part_void")
    assert part["detail"]["packages"] == [second, third]
    await void(sim, first)
    await void(sim, first)
    (whole,) = await sim.ledger("label_void")
    assert (whole["reference"], whole["detail"]["packages"]) == ("R-2", [first])


async def test_a_number_of_another_shipment_is_not_voided(sim: Client) -> None:
    """A package that is not part of the shipment is named as not voided, and nothing happens."""
    (mine,), (other,) = await bought(sim, "R-3"), await bought(sim, "R-4")
    answer = await void(sim, mine, other)
    assert answer["SummaryResult"]["Status"]["Code"] == "0"
    assert answer["PackageLevelResults"][0]["Status"]["Description"] == "Not Voided"
    assert await sim.ledger("label_part_void") == await sim.ledger("label_void") == []


@pytest.mark.parametrize(
    ("city", "kind", "code"),
    [("Returnville", "RS", "034"), ("TROUBLETOWN", "X", "013"), ("Lostville", "X", "068")],
)
async def test_special_cities_have_special_ends(
    sim: Client, city: str, kind: str, code: str
) -> None:
    """A parcel goes back, gets stuck or is lost, by the codes of UPS's own table."""
    (number,) = await bought(sim, "R-5", city=city)
    (package,) = await seen(sim, number)
    assert package["activity"][0]["status"]["type"] == kind
    assert package["currentStatus"]["statusCode"] == code
    assert "deliveryDate" not in package


async def test_the_end_of_one_parcel_can_be_chosen(sim: Client) -> None:
    """Of two packages one arrives, and the other is lost."""
    first, second = await bought(sim, "R-6", 2)
    wish = {"tracking_number": second, "outcome": "lost"}
    assert (await sim.call("POST", "/_sim/parcels", wish)).status == 200
    assert (await seen(sim, first))[0]["currentStatus"]["type"] == "D"
    assert (await seen(sim, second))[0]["currentStatus"]["type"] == "X"
    odd = await sim.call("POST", "/_sim/parcels", {**wish, "outcome": "eaten"})
    assert "`outcome` must be one of" in odd.json["error"]


async def test_parcels_move_when_told() -> None:
    """With `--deliver-when-told` a parcel stays where it is until its end is chosen."""
    with started("--deliver-when-told") as running:
        async with calling(running) as sim:
            first, second = await bought(sim, "R-8", 2)
            assert (await seen(sim, first))[0]["currentStatus"]["type"] == "M"
            wish = {"tracking_number": second, "outcome": "delivered"}
            await sim.call("POST", "/_sim/parcels", wish)
            types = [(await seen(sim, one))[0]["currentStatus"]["type"] for one in (first, second)]
            assert types == ["M", "D"]


async def test_wrong_credentials_get_no_token(sim: Client) -> None:
    """Once an account is configured, only its client gets a token, and only that token serves."""
    account = {"partner": "carrier", "client_id": "me", "client_secret": "s3cret"}
    await sim.call("POST", "/_sim/credentials", account)
    tokens = {}
    for pair in ("me:s3cret", "me:guessed", "wrong:s3cret"):
        basic = {"Authorization": "Basic " + base64.b64encode(pair.encode()).decode()}
        answer = await sim.call("POST", TOKEN, None, basic, data=FORM)
        tokens[pair] = answer.json.get("access_token", answer.status)
    assert tokens["me:guessed"] == tokens["wrong:s3cret"] == 401
    right = {"Authorization": f"Bearer {tokens['me:s3cret']}"}
    assert (await sim.call("POST", SHIP, ship_request("R-7"), right)).status == 200
    assert (await sim.call("POST", SHIP, ship_request("R-7"), BEARER)).status == 401
    assert len(await sim.ledger("label")) == 1
