"""FedEx's answers, read as it means them: absent labels, refusals, scans."""

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
    VoidLabel,
)
from schemas.order.things import Key
from tests.contract.described import check_fedex
from tests.contract.partner_calls import TestClock, a_call, fedex, http_client, stubbed
from tests.contract.simulated import Json

PARCEL = PackedParcel(parcel=Key("K1"), units=(), weight_grams=900)
BUY = BuyLabel(fulfilment=Key("F1"), place="main", parcels=(PARCEL,))


def error(code: str, message: str, status: int = 400) -> web.Response:
    """A refusal as FedEx writes it."""
    body = {"transactionId": "t", "errors": [{"code": code, "message": message}]}
    return web.json_response(body, status=status)


async def test_errors_inside_a_200(client: HttpClient) -> None:
    """A refusal with status 200 is one; an answer without a shipment may have sold one."""
    wrong = error("ACCOUNT.INVALID", "The account is not valid.", 200)
    async with stubbed(wrong, web.json_response({"output": {}})) as stub:
        partner = fedex(client, stub.url)
        with pytest.raises(Rejected, match=r"The account is not valid \(ACCOUNT\.INVALID\)\."):
            await partner.perform(a_call(BUY))
        with pytest.raises(Unknown):
            await partner.perform(a_call(BUY))


async def test_an_absent_label_is_believed_only_after_a_while() -> None:
    """FedEx shows a label minutes after it was sold: one empty search proves nothing."""
    missing = {"error": {"code": "TRACKING.REFERENCENUMBER.NOTFOUND", "message": "Not found."}}
    body = {"output": {"completeTrackResults": [{"trackResults": [missing]}]}}
    clock = TestClock()
    answers = [web.json_response(body) for _ in range(2)]
    async with http_client(clock) as client, stubbed(*answers) as stub:
        partner = fedex(client, stub.url, recovery_lag_seconds=300.0)
        with pytest.raises(Retryable) as caught:
            await partner.look_up(a_call(BUY))
        assert caught.value.retry_after_seconds == pytest.approx(300, abs=1)
        clock.ahead += 301
        assert await partner.look_up(a_call(BUY)) is None
        sent = json.loads(stub.sent("/referencenumbers")[3])
    check_fedex("track.json", "Full_Schema_Tracking_References", sent)
    assert sent["referencesInformation"]["shipDateBegin"] == "2026-10-30"
    assert sent["referencesInformation"]["value"] == a_call(BUY).reference[:30]


async def test_look_ups_that_no_machine_can_settle(client: HttpClient) -> None:
    """Two shipments under one reference, and an answer that says neither yes nor no."""

    def package(number: str, master: str) -> Json:
        identifier = {"type": "STANDARD_MPS", "values": [master]}
        return {
            "trackingNumberInfo": {"trackingNumber": number},
            "additionalTrackingInfo": {"packageIdentifiers": [identifier]},
            "latestStatusDetail": {"code": "OC"},
        }

    vague = {"error": {"code": "TRACKING.DATA.NOTUNIQUE", "message": "Not unique."}}
    answers = [
        web.json_response({"output": {"completeTrackResults": [{"trackResults": results}]}})
        for results in ([package("1", "1"), package("2", "2")], [vague])
    ]
    async with stubbed(*answers, error("X", "Bad range.")) as stub:
        partner = fedex(client, stub.url)
        with pytest.raises(NeedsPerson, match="1 and 2"):
            await partner.look_up(a_call(BUY))
        for _ in range(2):
            with pytest.raises(NeedsPerson) as caught:
                await partner.look_up(a_call(BUY))
            assert not caught.value.outcome_known


@pytest.mark.parametrize("shown", ["ours", "another", ""])
async def test_a_label_that_only_begins_like_ours_is_another(
    shown: str, client: HttpClient
) -> None:
    """Ground finds by the first 30 characters; the department number tells the rest, if FedEx shows
    it."""
    value = a_call(BUY).reference[30:] if shown == "ours" else shown
    identifiers = [{"type": "DEPARTMENT", "value": [value], "values": [value]}]
    result = {
        "trackingNumberInfo": {"trackingNumber": "790000000010"},
        "additionalTrackingInfo": {"packageIdentifiers": identifiers if value else []},
        "latestStatusDetail": {"code": "OC"},
    }
    found = {"output": {"completeTrackResults": [{"trackResults": [result]}]}}
    async with stubbed(web.json_response(found)) as stub:
        partner = fedex(client, stub.url, default_service="FEDEX_GROUND", recovery_lag_seconds=0.0)
        assert (await partner.look_up(a_call(BUY)) is None) == (shown == "another")


@pytest.mark.parametrize(
    ("code", "status"),
    [
        ("OC", "label_created"),
        ("PU", "in_transit"),
        ("IT", "in_transit"),
        ("DY", "in_transit"),
        ("HL", "in_transit"),
        ("DE", "exception"),
        ("SE", "exception"),
        ("DL", "delivered"),
        ("RS", "returned"),
        ("CA", "voided"),
        ("??", "unknown"),
    ],
)
async def test_what_the_status_codes_mean(
    code: str, status: TrackStatus, client: HttpClient
) -> None:
    """FedEx's codes become our words, with what it says of them and when it was."""
    result = {
        "trackingNumberInfo": {"trackingNumber": "790000000010"},
        "latestStatusDetail": {
            "code": code,
            "description": "What FedEx says",
            "ancillaryDetails": [{"reasonDescription": "Customer not available"}],
        },
        "scanEvents": [{"date": "2026-11-27T12:00:00-05:00"}],
    }
    found = {"output": {"completeTrackResults": [{"trackResults": [result]}]}}
    async with stubbed(web.json_response(found)) as stub:
        track = TrackParcel(tracking_number="790000000010")
        where = await fedex(client, stub.url).perform(a_call(track))
        sent = json.loads(stub.sent("/trackingnumbers")[3])
    check_fedex("track.json", "Full_Schema_Tracking_Numbers", sent)
    assert where == Tracked(
        status=status,
        at="2026-11-27T12:00:00-05:00",
        detail="What FedEx says; Customer not available",
    )


async def test_a_parcel_that_left_is_not_cancelled(client: HttpClient) -> None:
    """FedEx's refusal is passed on in its words; a number it does not know yet is unknown."""
    void = a_call(VoidLabel(shipment_id="790000000010", tracking_numbers=("790000000010",)))
    gone = error("TRACKINGIDS.TRACKINGNUMBER.CLOSED", "Tendered to FedEx.")
    unknown = {"error": {"code": "TRACKING.TRACKINGNUMBER.NOTFOUND", "message": "None."}}
    body = {"output": {"completeTrackResults": [{"trackResults": [unknown]}]}}
    async with stubbed(gone, web.json_response(body), web.json_response(body)) as stub:
        partner = fedex(client, stub.url)
        with pytest.raises(Rejected, match="Tendered to FedEx"):
            await partner.perform(void)
        sent = json.loads(stub.sent("/cancel")[3])
        where = await partner.perform(a_call(TrackParcel(tracking_number="790000000010")))
    check_fedex("ship.json", "Full_Schema_Cancel_Shipment", sent)
    assert isinstance(where, Tracked)
    assert where.status == "unknown"
