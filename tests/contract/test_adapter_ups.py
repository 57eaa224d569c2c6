"""UPS: requests as its own description wants them, and its answers read as it means them."""

from __future__ import annotations

import base64
from collections.abc import Iterator

import pytest
from msgspec.structs import replace

from actors.runtime.errors import NeedsPerson, Rejected, Unauthorised
from adapters.kit.http_client import HttpClient
from schemas.messages.effects import (
    LabelBought,
    Tracked,
    TrackParcel,
    Undone,
    VoidLabel,
)
from schemas.order.things import Key
from tests.contract.partner_calls import a_call, stubbed, ups
from tests.contract.simulated import Client, Running, started
from tests.contract.ups_words import (
    BERLIN,
    BUY,
    PARCEL,
    buying,
    complaints,
    error_answer,
    request_for,
    shipment_answer,
)
from tests.orders import an_order


@pytest.fixture(scope="module")
def running() -> Iterator[Running]:
    with started("--deliver-after-seconds", "3600") as found:
        yield found


async def test_a_label_is_bought_found_tracked_and_voided(
    running: Running, simulators: Client, client: HttpClient
) -> None:
    """The whole life of a label, each step as the next one needs it."""
    partner = ups(client, running.http)
    call = a_call(BUY, an_order(ref="77001"))
    label = await partner.perform(call)
    assert isinstance(label, LabelBought)
    assert label.charge_minor > 0
    assert label.charge_currency == "USD"
    assert label.service == "03"
    found = await partner.look_up(call)
    assert isinstance(found, LabelBought)
    assert found.labels == label.labels
    number = label.labels[0].tracking_number
    where = await partner.perform(replace(call, effect=track(number)))
    assert where == Tracked(
        status="label_created",
        at=where.at if isinstance(where, Tracked) else "",
        detail="Shipper created a label, UPS has not received the package yet",
    )
    void = replace(
        call,
        effect=VoidLabel(shipment_id=label.shipment_id, tracking_numbers=(number,)),
    )
    assert await partner.look_up(void) is None
    assert isinstance(await partner.perform(void), Undone)
    assert isinstance(await partner.perform(void), Undone)
    assert isinstance(await partner.look_up(void), Undone)
    assert await partner.look_up(call) is None
    assert len(await simulators.ledger("label_void")) == 1


def track(number: str) -> TrackParcel:
    """Ask for this parcel."""
    return TrackParcel(tracking_number=number)


async def test_two_shipments_of_one_order_are_no_fault(
    running: Running, simulators: Client, client: HttpClient
) -> None:
    """Each label has its own reference: a look-up finds its own shipment, and each parcel of a
    shipment its own number, in their order."""
    partner, order = ups(client, running.http), an_order(ref="77002")
    two = buying(PARCEL, replace(PARCEL, parcel=Key("K2"), units=()))
    first = await partner.perform(a_call(two, order, key="L1"))
    second = await partner.perform(
        a_call(buying(replace(PARCEL, parcel=Key("K3"))), order, key="L2")
    )
    assert isinstance(first, LabelBought)
    assert isinstance(second, LabelBought)
    assert [label.parcel for label in first.labels] == ["K1", "K2"]
    assert len({label.tracking_number for label in (*first.labels, *second.labels)}) == 3
    found = await partner.look_up(a_call(two, order, key="L1"))
    assert isinstance(found, LabelBought)
    assert found.labels == first.labels
    assert found.shipment_id == first.shipment_id != second.shipment_id
    numbers = tuple(label.tracking_number for label in first.labels)
    void = VoidLabel(shipment_id=first.shipment_id, tracking_numbers=numbers)
    assert isinstance(await partner.perform(a_call(void, order, key="L1")), Undone)
    assert isinstance(await partner.look_up(a_call(void, order, key="L1")), Undone)
    assert await partner.look_up(a_call(two, order, key="L1")) is None


@pytest.mark.parametrize("country", ["US", "DE", "CA"])
async def test_the_request_is_what_ups_describes(country: str, client: HttpClient) -> None:
    """UPS's OpenAPI description has nothing against what is sent, at home and abroad."""
    order = an_order(shipping_method="NEXT DAY")
    assert order.ship_to is not None
    if country == "DE":
        order = replace(order, ship_to=BERLIN)
    if country == "CA":
        quebec = replace(
            BERLIN, country="CA", region="Québec", postal_code="h2x 1y4", phone="+1 514 555 0123"
        )
        order = replace(order, ship_to=quebec)
    sent = await request_for(order, client, negotiated_rates=True)
    assert complaints("Shipping.yaml", "SHIPRequestWrapper", sent) == ""
    shipment = sent["ShipmentRequest"]["Shipment"]
    holder = shipment["Package"][0] if country == "US" else shipment
    other = shipment if country == "US" else shipment["Package"][0]
    assert holder["ReferenceNumber"][0]["Value"] == a_call(BUY, order).reference
    assert len(holder["ReferenceNumber"][0]["Value"]) == 35
    assert "ReferenceNumber" not in other
    assert shipment["Service"]["Code"] == ("01" if country == "US" else "07")
    assert ("InvoiceLineTotal" in shipment) == (country == "CA")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"region": "Atlantis"}, "Atlantis"),
        ({"postal_code": "4020"}, "postal code"),
        ({"lines": ("🏠",)}, "street"),
        ({"city": "\u202e"}, "city"),
        ({"name": "😀", "company": ""}, "name"),
    ],
)
async def test_what_can_t_be_delivered_is_refused_before_paying(
    change: dict[str, object], words: str, client: HttpClient
) -> None:
    """An address that UPS would refuse is named in a sentence, and nothing is sent."""
    order = an_order()
    assert order.ship_to is not None
    async with stubbed() as stub:
        wrong = replace(order, ship_to=replace(order.ship_to, **change))
        with pytest.raises(Rejected, match=words):
            await ups(client, stub.url).perform(a_call(BUY, wrong))
        abroad = replace(order, ship_to=replace(BERLIN, phone=""))
        with pytest.raises(Rejected, match="telephone"):
            await ups(client, stub.url).perform(a_call(BUY, abroad))
        heavy = buying(replace(PARCEL, weight_grams=900_000_00))
        with pytest.raises(Rejected, match="heavy"):
            await ups(client, stub.url).perform(a_call(heavy))
        assert stub.requests == []


@pytest.mark.parametrize("label_format", ["ZPL", "GIF"])
async def test_each_parcel_gets_its_label(label_format: str, client: HttpClient) -> None:
    """Numbers and images go to the parcels in the order of the request; another count of them is
    for a person, because labels were paid for."""
    two = buying(PARCEL, replace(PARCEL, parcel=Key("K7")))
    answers = [shipment_answer(2, label_format), shipment_answer(1, label_format)]
    async with stubbed(*answers) as stub:
        partner = ups(client, stub.url, label_format=label_format)
        bought = await partner.perform(a_call(two))
        assert isinstance(bought, LabelBought)
        assert [(one.parcel, one.tracking_number, one.image_format) for one in bought.labels] == [
            ("K1", "1ZA1B2C30300000010", label_format),
            ("K7", "1ZA1B2C30300000011", label_format),
        ]
        assert base64.b64decode(bought.labels[1].image_base64) == b"^XA1^XZ"
        with pytest.raises(NeedsPerson, match="1 labels") as caught:
            await partner.perform(a_call(two))
        assert not caught.value.outcome_known


async def test_the_probe_asks_and_buys_nothing(
    running: Running, simulators: Client, client: HttpClient
) -> None:
    """The probe tracks a number that does not exist."""
    assert "takes our credentials" in await ups(client, running.http).probe()
    assert await simulators.ledger() == []


async def test_the_price_that_counts(client: HttpClient) -> None:
    """A negotiated price wins over the list price; an unreadable one does not lose the label."""
    negotiated = {"TotalCharge": {"CurrencyCode": "USD", "MonetaryValue": "9.99"}}
    wrong = {"TotalCharge": {"CurrencyCode": "USD", "MonetaryValue": "many"}}
    answers = [shipment_answer(NegotiatedRateCharges=one) for one in (negotiated, wrong)]
    async with stubbed(*answers) as stub:
        partner = ups(client, stub.url)
        first = await partner.perform(a_call(BUY))
        second = await partner.perform(a_call(BUY))
    assert isinstance(first, LabelBought)
    assert isinstance(second, LabelBought)
    assert (first.charge_minor, second.charge_minor) == (999, 0)
    assert second.labels[0].tracking_number


async def test_the_token_is_had_as_ups_wants_it(client: HttpClient) -> None:
    """The client's id and secret go in the Basic header, and the token with every call."""
    async with stubbed(shipment_answer()) as stub:
        await ups(client, stub.url).perform(a_call(BUY, trace="00-" + "a" * 32 + "-b-01"))
        _, path, headers, body = stub.requests[0]
        assert path == "/ups/security/v1/oauth/token"
        assert headers["authorization"] == "Basic " + base64.b64encode(b"id:secret").decode()
        assert body == b"grant_type=client_credentials"
        assert stub.sent("/ship")[2]["authorization"] == "Bearer t"
        assert stub.sent("/ship")[2]["traceparent"].startswith("00-aaa")


async def test_a_blocked_account_pauses_everybody(client: HttpClient) -> None:
    """A 403 in UPS's own shape is the account's trouble, not the order's."""
    async with stubbed(error_answer("250003", "Blocked Merchant", 403)) as stub:
        with pytest.raises(Unauthorised):
            await ups(client, stub.url).perform(a_call(BUY))
