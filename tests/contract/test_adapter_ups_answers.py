"""UPS's answers, read as it means them: absent labels, refused voids, scans."""

from __future__ import annotations

import json

import pytest
from aiohttp import web

from actors.runtime.errors import NeedsPerson, Rejected, Retryable, Unknown
from adapters.kit.http_client import HttpClient
from schemas.messages.effects import (
    BuyLabel,
    PackedParcel,
    Tracked,
    TrackParcel,
    TrackStatus,
    Undone,
    VoidLabel,
)
from schemas.order.things import Key
from tests.contract.partner_calls import TestClock, a_call, http_client, stubbed, ups
from tests.contract.ups_words import complaints, error_answer

PARCEL = PackedParcel(parcel=Key("K1"), units=(), weight_grams=900)
BUY = BuyLabel(fulfilment=Key("F1"), place="main", parcels=(PARCEL,))
VOID = VoidLabel(shipment_id="1ZA1B2C30300000012", tracking_numbers=("1ZA1B2C30300000012",))


def track(number: str) -> TrackParcel:
    """Ask for this parcel."""
    return TrackParcel(tracking_number=number)


async def test_an_absent_label_is_believed_only_after_a_while() -> None:
    """UPS shows a label only when it is processed: one empty search proves nothing."""
    clock = TestClock()
    absent = [error_answer("9801031", "… could not be found. … wait until …") for _ in range(3)]
    async with http_client(clock) as client, stubbed(*absent) as stub:
        partner = ups(client, stub.url, recovery_lag_seconds=60.0)
        call = a_call(BUY)
        with pytest.raises(Retryable) as caught:
            await partner.look_up(call)
        assert caught.value.retry_after_seconds == pytest.approx(60, abs=1)
        assert not caught.value.sick
        clock.ahead += 30
        with pytest.raises(Retryable):
            await partner.look_up(call)
        clock.ahead += 31
        assert await partner.look_up(call) is None


async def test_look_ups_that_no_machine_can_settle(client: HttpClient) -> None:
    """Several shipments, or an answer that says neither yes nor no, need a person."""
    several = web.json_response(
        {
            "LabelRecoveryResponse": {
                "LabelResults": [],
                "TrackingCandidate": [{"TrackingNumber": "1ZA"}, {"TrackingNumber": "1ZB"}],
            }
        }
    )
    answers = [
        several,
        error_answer("300001", "Multiple shipments found for the request"),
        error_answer("300004", "Invalid shipments return service for label recovery"),
    ]
    async with stubbed(*answers) as stub:
        partner = ups(client, stub.url)
        for named in ("1ZA and 1ZB", "several shipments", "would not say"):
            with pytest.raises(NeedsPerson, match=named) as caught:
                await partner.look_up(a_call(BUY))
            assert not caught.value.outcome_known
        sent = json.loads(stub.sent("/recovery")[3])
    # The description requires Roadie's list of numbers and four-letter formats; its own examples
    # have neither.
    quirks = ("'TrackingNumbers' is a required", "'ZPL' is too short")
    assert complaints("Shipping.yaml", "LABELRECOVERYRequestWrapper", sent, except_for=quirks) == ""


@pytest.mark.parametrize(
    ("code", "message", "error"),
    [
        ("190101", "Time for voiding has expired.", Rejected),
        ("190102", "No shipment found within the allowed void period", Rejected),
        ("190001", "Void not available at this time", Retryable),
        ("20001", "General process failure", Unknown),
    ],
)
async def test_voids_that_fail(
    code: str, message: str, error: type[Exception], client: HttpClient
) -> None:
    """A void that came too late is refused in UPS's words; one that can't be had just now waits."""
    async with stubbed(error_answer(code, message)) as stub:
        with pytest.raises(error, match=code):
            await ups(client, stub.url).perform(a_call(VOID))


async def test_a_refused_look_up_of_a_void_is_no_answer(client: HttpClient) -> None:
    """When UPS won't tell where the parcel is, whether it was voided stays unknown."""
    async with stubbed(error_answer("TV1002", "Invalid inquiry number")) as stub:
        with pytest.raises(NeedsPerson) as caught:
            await ups(client, stub.url).look_up(a_call(VOID))
    assert not caught.value.outcome_known


async def test_voids_that_are_done(client: HttpClient) -> None:
    """Voided already is voided; and UPS's stray carriage returns in codes are not a failure."""
    status = {"Code": "&#xD;&#xD;1", "Description": "&#xD;Voided"}
    strange = {"VoidShipmentResponse": {"SummaryResult": {"Status": status}}}
    not_done = {
        "VoidShipmentResponse": {
            "SummaryResult": {"Status": {"Code": "0", "Description": "Not Voided"}}
        }
    }
    async with stubbed(
        error_answer("190117", "The Shipment has already been voided"),
        web.json_response(strange),
        web.json_response(not_done),
    ) as stub:
        partner = ups(client, stub.url)
        assert isinstance(await partner.perform(a_call(VOID)), Undone)
        assert isinstance(await partner.perform(a_call(VOID)), Undone)
        with pytest.raises(Rejected, match="Not Voided"):
            await partner.perform(a_call(VOID))
        method, path, _, _ = stub.sent("/void/")
    assert (method, path) == ("DELETE", f"/ups/api/shipments/v2409/void/cancel/{VOID.shipment_id}")


@pytest.mark.parametrize(
    ("kind", "code", "status"),
    [
        ("M", "003", "label_created"),
        ("P", "038", "in_transit"),
        ("I", "005", "in_transit"),
        ("D", "011", "delivered"),
        ("X", "013", "exception"),
        ("RS", "034", "returned"),
        ("MV", "007", "voided"),
        ("X", "034", "returned"),
        ("X", "035", "exception"),
        ("I", "036", "exception"),
        ("X", "068", "lost"),
        ("X", "149", "lost"),
        ("X", "081", "returned"),
        ("NA", "148", "unknown"),
    ],
)
async def test_what_the_type_codes_mean(
    kind: str, code: str, status: TrackStatus, client: HttpClient
) -> None:
    """UPS's activity types become our words; the time is UPS's own."""
    activity = {
        "status": {"type": kind, "statusCode": code, "description": "What UPS says "},
        "date": "20261127",
        "time": "120000",
        "gmtOffset": "-05:00",
    }
    package = {"trackingNumber": "1Z9", "activity": [activity]}
    found = {"trackResponse": {"shipment": [{"package": [package]}]}}
    assert complaints("Tracking.yaml", "TrackApiResponse", found) == ""
    async with stubbed(web.json_response(found)) as stub:
        where = await ups(client, stub.url).perform(a_call(track("1Z9")))
        method, path, headers, _ = stub.sent("/track/")
    assert where == Tracked(status=status, at="20261127 120000 -05:00", detail="What UPS says")
    assert (method, path) == ("GET", "/ups/api/track/v1/details/1Z9")
    assert 0 < len(headers["transid"]) <= 32
    assert headers["transactionsrc"]


async def test_a_parcel_no_one_has_scanned(client: HttpClient) -> None:
    """A number that the tracking does not know yet is unknown, not a failure."""
    missing = error_answer("TW0001", "Tracking Information Not Found", 404)
    async with stubbed(missing, web.json_response({"trackResponse": {}})) as stub:
        partner = ups(client, stub.url)
        for _ in range(2):
            where = await partner.perform(a_call(track("1Z9")))
            assert isinstance(where, Tracked)
            assert where.status == "unknown"
