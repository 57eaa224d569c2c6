"""The simulated FedEx answers in the shapes of FedEx's descriptions, and does what they say."""

from __future__ import annotations

import base64
import json
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta

import pytest

from ops.simulators.fedex_shipments import tracking_number
from tests.contract.described import check_fedex
from tests.contract.simulated import BEARER, Answer, Client, Json, Running, calling, started

SHIP = "/fedex/ship/v1/shipments"
CANCEL = "/fedex/ship/v1/shipments/cancel"
NUMBERS = "/fedex/track/v1/trackingnumbers"
REFERENCES = "/fedex/track/v1/referencenumbers"
ACCOUNT = "510087020"


@pytest.fixture(scope="module")
def running() -> Iterator[Running]:
    with started() as found:
        yield found


@pytest.fixture
async def sim(running: Running) -> AsyncIterator[Client]:
    async with calling(running) as client:
        await client.call("DELETE", "/_sim/credentials")
        yield client


def party(name: str, city: str = "Memphis") -> Json:
    """A shipper or recipient."""
    return {
        "contact": {"personName": name, "phoneNumber": "9015551234"},
        "address": {
            "streetLines": ["10 FedEx Parkway"],
            "city": city,
            "stateOrProvinceCode": "TN",
            "postalCode": "38115",
            "countryCode": "US",
        },
    }


def request(reference: str, packages: int = 1, city: str = "Memphis", **more: object) -> Json:
    """A ship request that satisfies FedEx's own description."""
    item = {
        "weight": {"units": "LB", "value": 1.5},
        "customerReferences": [{"customerReferenceType": "CUSTOMER_REFERENCE", "value": reference}],
    }
    return {
        "accountNumber": {"value": ACCOUNT},
        "labelResponseOptions": "LABEL",
        "requestedShipment": {
            "shipper": party("Acme"),
            "recipients": [party("Ada Archer", city)],
            "pickupType": "USE_SCHEDULED_PICKUP",
            "serviceType": "STANDARD_OVERNIGHT",
            "packagingType": "YOUR_PACKAGING",
            "totalWeight": 1.5 * packages,
            "shippingChargesPayment": {"paymentType": "SENDER"},
            "labelSpecification": {"imageType": "PDF", "labelStockType": "PAPER_4X6"},
            "requestedPackageLineItems": [item] * packages,
            **more,
        },
    }


async def bought(sim: Client, body: Json) -> list[str]:
    """Buys labels, and gives their numbers."""
    answer = await sim.call("POST", SHIP, body, BEARER)
    assert answer.status == 200, answer.text
    (shipment,) = answer.json["output"]["transactionShipments"]
    return [piece["trackingNumber"] for piece in shipment["pieceResponses"]]


async def seen(sim: Client, *numbers: str) -> list[Json]:
    """What the Track API says of each number."""
    asked = [{"trackingNumberInfo": {"trackingNumber": number}} for number in numbers]
    body = {"includeDetailedScans": True, "trackingInfo": asked}
    check_fedex("track.json", "Full_Schema_Tracking_Numbers", body)
    answer = await sim.call("POST", NUMBERS, body, BEARER)
    check_fedex("track.json", "TrkcResponseVO_TrackingNumber", answer.json)
    return [one["trackResults"][0] for one in answer.json["output"]["completeTrackResults"]]


def wanted(reference: str, **more: object) -> Json:
    """A look-up by reference within the last two weeks."""
    today = datetime.now(UTC).date()
    return {
        "includeDetailedScans": False,
        "referencesInformation": {
            "type": "CUSTOMER_REFERENCE",
            "value": reference,
            "accountNumber": ACCOUNT,
            "shipDateBegin": str(today - timedelta(days=14)),
            "shipDateEndDate": str(today),
            **more,
        },
    }


async def found(sim: Client, reference: str) -> list[Json]:
    """The complete results of a look-up by reference."""
    body = wanted(reference)
    check_fedex("track.json", "Full_Schema_Tracking_References", body)
    answer = await sim.call("POST", REFERENCES, body, BEARER)
    check_fedex("track.json", "TrkcResponseVO_ReferenceNumber", answer.json)
    results: list[Json] = answer.json["output"]["completeTrackResults"]
    return results


async def cancel(sim: Client, number: str) -> Answer:
    """Cancels a shipment."""
    body = {
        "accountNumber": {"value": ACCOUNT},
        "trackingNumber": number,
        "deletionControl": "DELETE_ALL_PACKAGES",
        "senderCountryCode": "US",
    }
    check_fedex("ship.json", "Full_Schema_Cancel_Shipment", body)
    return await sim.call("PUT", CANCEL, body, BEARER)


@pytest.mark.parametrize("known", ["986578788855", "477179081230", "799531274483", "974367662710"])
def test_check_digits_are_those_of_real_numbers(known: str) -> None:
    """The check digit agrees with published tracking numbers."""
    assert tracking_number(int(known[:11])) == known


async def test_a_shipment_has_a_master_number_and_pieces(sim: Client) -> None:
    """Three packages: three numbers, three labels, one entry in the ledger; shapes as described."""
    body = request("R-1", 3)
    check_fedex("ship.json", "Full_Schema_Ship", body)
    headers = {**BEARER, "x-customer-transaction-id": "t-1"}
    answer = await sim.call("POST", SHIP, body, headers)
    check_fedex("ship.json", "SHPCResponseVO_ShipShipment", answer.json)
    assert answer.json["customerTransactionId"] == "t-1"
    (shipment,) = answer.json["output"]["transactionShipments"]
    pieces = shipment["pieceResponses"]
    numbers = [piece["trackingNumber"] for piece in pieces]
    assert len(set(numbers)) == 3
    assert {piece["masterTrackingNumber"] for piece in pieces} == {numbers[0]}
    assert shipment["masterTrackingNumber"] == numbers[0]
    for piece in pieces:
        (document,) = piece["packageDocuments"]
        assert base64.b64decode(document["encodedLabel"]).startswith(b"%PDF-")
    (entry,) = await sim.ledger("label")
    assert (entry["partner"], entry["reference"], entry["id"]) == ("fedex", "R-1", numbers[0])
    assert entry["detail"]["packages"] == numbers
    assert entry["detail"]["amount"] == {"value": "32.01", "currency": "USD"}


async def test_a_repeated_ship_buys_a_second_label(sim: Client) -> None:
    """The same request with the same transaction id is another shipment, and is found as such."""
    headers = {**BEARER, "x-customer-transaction-id": "t-2"}
    for _ in range(2):
        await sim.call("POST", SHIP, request("R-2"), headers)
    assert len(await found(sim, "r-2")) == 2
    summary = (await sim.call("GET", "/_sim/ledger/summary")).json
    assert [(one["kind"], one["count"]) for one in summary["duplicates"]] == [("label", 2)]


async def test_identical_packages_may_be_grouped(sim: Client) -> None:
    """`groupPackageCount` stands for as many packages, each with its number."""
    body = request("R-3")
    body["requestedShipment"]["requestedPackageLineItems"][0]["groupPackageCount"] = 2
    assert len(await bought(sim, body)) == 2


@pytest.mark.parametrize(
    ("image", "start"), [("ZPLII", b"^XA"), ("EPL2", b"\nN"), ("PNG", b"\x89PNG"), ("PDF", b"%PDF")]
)
async def test_a_label_may_be_behind_an_address(sim: Client, image: str, start: bytes) -> None:
    """URL_ONLY gives an address instead of the image, which then has the asked type."""
    label = {"imageType": image, "labelStockType": "STOCK_4X6"}
    body = {**request("R-4", labelSpecification=label), "labelResponseOptions": "URL_ONLY"}
    answer = await sim.call("POST", SHIP, body, BEARER)
    check_fedex("ship.json", "SHPCResponseVO_ShipShipment", answer.json)
    piece = answer.json["output"]["transactionShipments"][0]["pieceResponses"][0]
    (document,) = piece["packageDocuments"]
    assert document["docType"] == image
    assert "encodedLabel" not in document
    path = document["url"].partition("/fedex/")[2]
    if image != "PNG":  # The client of these tests reads text.
        assert start.strip() in (await sim.call("GET", f"/fedex/{path}")).text.encode()


async def test_a_shipment_is_cancelled_whole_and_once(sim: Client) -> None:
    """Any of its numbers cancels all packages; a repetition is refused with its own code."""
    first, second = await bought(sim, request("R-5", 2))
    answer = await cancel(sim, second)
    check_fedex("ship.json", "SHPCResponseVO_CancelShipment", answer.json)
    assert answer.json["output"]["cancelledShipment"] is True
    for result in await seen(sim, first, second):
        assert result["latestStatusDetail"]["code"] == "CA"
    again = await cancel(sim, first)
    check_fedex("ship.json", "ErrorResponseVO", again.json)
    assert again.status == 400
    assert again.json["errors"][0]["code"] == "CANCELSHIPMENT.TRACKINGNUMBER.DELETED"
    (entry,) = await sim.ledger("label_void")
    assert (entry["reference"], entry["detail"]["packages"]) == ("R-5", [first, second])
    assert (await cancel(sim, "790000000000")).status == 404


async def test_a_tendered_shipment_is_not_cancelled() -> None:
    """Once FedEx has the parcel, its label can no longer be cancelled."""
    with started("--deliver-after-seconds", "0.001") as running:
        async with calling(running) as sim:
            (number,) = await bought(sim, request("R-6"))
            answer = await cancel(sim, number)
            assert answer.json["errors"][0]["code"] == "TRACKINGIDS.TRACKINGNUMBER.CLOSED"
            assert await sim.ledger("label_void") == []


async def test_a_reference_finds_every_package(sim: Client) -> None:
    """The look-up folds case and gives the tracking numbers; finding nothing is a 200, too."""
    numbers = await bought(sim, request("aB7", 2))
    results = await found(sim, "Ab7")
    assert [one["trackingNumber"] for one in results] == numbers
    identifiers = results[0]["trackResults"][0]["additionalTrackingInfo"]["packageIdentifiers"]
    assert identifiers[0]["value"] == ["aB7"]
    (nothing,) = await found(sim, "R-0")
    assert nothing["trackResults"][0]["error"]["code"] == "TRACKING.REFERENCENUMBER.NOTFOUND"


async def test_without_an_account_a_reference_must_be_unique(sim: Client) -> None:
    """By destination alone, two shipments of one reference are not a unique match."""
    place = {"accountNumber": "", "destinationCountryCode": "US", "destinationPostalCode": "38115"}
    codes = []
    for _ in range(2):
        await bought(sim, request("R-8"))
        answer = await sim.call("POST", REFERENCES, wanted("R-8", **place), BEARER)
        (result,) = answer.json["output"]["completeTrackResults"]
        codes.append(result["trackResults"][0].get("error", {}).get("code"))
    assert codes == [None, "TRACKING.DATA.NOTUNIQUE"]


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"value": ""}, "TRACKING.REFERENCEVALUE.EMPTY"),
        ({"accountNumber": ""}, "TRACKING.REFERENCEDATA.INCOMPLETE"),
        ({"type": "NICKNAME"}, "TRACKING.REFERENCETYPE.INVALID"),
        ({"shipDateBegin": "yesterday"}, "TRACKING.SHIPDATERANGE.INVALID"),
        ({"shipDateBegin": "2020-01-01"}, "TRACKING.SHIPDATERANGE.TOOLONG"),
    ],
)
async def test_a_lookup_by_reference_needs_its_fields(sim: Client, change: Json, code: str) -> None:
    """What FedEx needs to search is asked for with FedEx's own codes."""
    answer = await sim.call("POST", REFERENCES, wanted("R-9", **change), BEARER)
    check_fedex("track.json", "ErrorResponseVO", answer.json)
    assert (answer.status, answer.json["errors"][0]["code"]) == (400, code)


@pytest.mark.parametrize(
    ("city", "code"),
    [("Memphis", "DL"), ("Returnville", "RS"), ("Troubletown", "DE"), ("Lostville", "SE")],
)
async def test_parcels_arrive_or_meet_their_special_city(sim: Client, city: str, code: str) -> None:
    """Each end has its code of FedEx's own table."""
    (number,) = await bought(sim, request("R-10", city=city))
    (result,) = await seen(sim, number)
    assert result["latestStatusDetail"]["code"] == code
    assert result["scanEvents"][-1]["eventType"] == "OC"
    ended = {one["type"] for one in result["dateAndTimes"]}
    assert ("ACTUAL_DELIVERY" in ended) == (city == "Memphis")


async def test_thirty_numbers_are_tracked_at_once(sim: Client) -> None:
    """An unknown number is an error inside a 200; one number too many is a 400."""
    (number,) = await bought(sim, request("R-11"))
    known, unknown = await seen(sim, number, "790000000000")
    assert known["latestStatusDetail"]["code"] == "DL"
    assert unknown["error"]["code"] == "TRACKING.TRACKINGNUMBER.NOTFOUND"
    asked = [{"trackingNumberInfo": {"trackingNumber": number}}] * 31
    for info, code in [
        (asked, "TRACKING.TRACKINGNUMBERS.LIMITEXCEEDED"),
        ([], "TRACKING.TRACKINGNUMBER.EMPTY"),
    ]:
        answer = await sim.call("POST", NUMBERS, {"trackingInfo": info}, BEARER)
        assert (answer.status, answer.json["errors"][0]["code"]) == (400, code)


async def test_pieces_are_listed_by_their_master_number(sim: Client) -> None:
    """Track Multiple Piece Shipment gives all packages of a shipment."""
    numbers = await bought(sim, request("R-12", 2))
    body = {
        "associatedType": "STANDARD_MPS",
        "masterTrackingNumberInfo": {"trackingNumberInfo": {"trackingNumber": numbers[0]}},
    }
    answer = await sim.call("POST", "/fedex/track/v1/associatedshipments", body, BEARER)
    check_fedex("track.json", "TrkcResponseVO_Associated", answer.json)
    results = answer.json["output"]["completeTrackResults"]
    assert [one["trackingNumber"] for one in results] == numbers


@pytest.mark.parametrize(
    ("service", "length", "status"),
    [
        ("STANDARD_OVERNIGHT", 40, 200),
        ("STANDARD_OVERNIGHT", 41, 400),
        ("FEDEX_GROUND", 30, 200),
        ("FEDEX_GROUND", 35, 400),
    ],
)
async def test_references_have_the_length_that_fedex_describes(
    sim: Client, service: str, length: int, status: int
) -> None:
    """A customer reference has 40 characters by air, and only 30 on the ground."""
    body = request("R" * length, serviceType=service)
    answer = await sim.call("POST", SHIP, body, BEARER)
    assert answer.status == status
    if status == 400:
        assert answer.json["errors"][0]["code"] == "CUSTOMERREFERENCE.VALUE.INVALID"


@pytest.mark.parametrize(
    ("where", "value", "code"),
    [
        ("serviceType", "PIGEON", "SERVICETYPE.NOT.ALLOWED"),
        ("pickupType", "", "PICKUPTYPE.REQUIRED"),
        ("shippingChargesPayment", {}, "PAYMENTTYPE.REQUIRED"),
        ("recipients", [], "RECIPIENT.CONTACTNAME.REQUIRED"),
        ("requestedPackageLineItems", [], "PACKAGECOUNT.INVALID"),
        ("labelSpecification", {"imageType": "GIF"}, "LABELSPECIFICATION.INVALID"),
    ],
)
async def test_fedex_refuses_what_its_description_forbids(
    sim: Client, where: str, value: object, code: str
) -> None:
    """An invalid request is a 400 in FedEx's error shape, and nothing is bought."""
    body = request("R-13")
    body["requestedShipment"][where] = value
    answer = await sim.call("POST", SHIP, body, BEARER)
    check_fedex("ship.json", "ErrorResponseVO", answer.json)
    assert (answer.status, answer.json["errors"][0]["code"]) == (400, code)
    assert await sim.ledger() == []


async def test_tokens_are_given_for_the_right_client(sim: Client) -> None:
    """The token endpoint answers as described, and refuses wrong secrets."""
    account = {"partner": "fedex", "client_id": "l7", "client_secret": "s3cret"}
    await sim.call("POST", "/_sim/credentials", account)
    form = {"grant_type": "client_credentials", "client_id": "l7", "client_secret": "s3cret"}
    given = await sim.call("POST", "/fedex/oauth/token", data=form)
    check_fedex("authorization.json", "Response", given.json)
    assert given.json["expires_in"] == 3600
    refused = await sim.call(
        "POST", "/fedex/oauth/token", data={**form, "client_secret": "guessed"}
    )
    check_fedex("authorization.json", "ErrorResponseVO", refused.json)
    assert (refused.status, refused.json["errors"][0]["code"]) == (401, "NOT.AUTHORIZED.ERROR")
    right = {"Authorization": f"Bearer {given.json['access_token']}"}
    assert (await sim.call("POST", SHIP, request("R-14"), right)).status == 200
    assert (await sim.call("POST", SHIP, request("R-14"), BEARER)).status == 401


async def test_faults_are_set_for_fedex_by_its_name(sim: Client) -> None:
    """`act_no_answer_rate` and the others work as for every partner."""
    await sim.fault("fedex", "ship", error_after_acting_rate=1)
    answer = await sim.call("POST", SHIP, request("R-15"), BEARER)
    assert (answer.status, json.loads(answer.text)["errors"][0]["code"]) == (
        500,
        "INTERNAL.SERVER.ERROR",
    )
    assert len(await found(sim, "R-15")) == 1
