"""BigCommerce: money is given back once, by the store's own quote, and never more than there is."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from aiohttp import web
from msgspec.structs import replace

from actors.runtime.errors import NeedsPerson, Rejected, Unauthorised, Unknown
from actors.runtime.partner import Call
from adapters.kit.http_client import HttpClient
from schemas.messages.effects import PaymentRefunded, RefundLine, RefundPayment
from tests.bigcommerce_payloads import description
from tests.contract.bigcommerce_calls import BOOK, bundle_of, habits, known, put
from tests.contract.partner_calls import a_call, stubbed
from tests.contract.simulated import Client, Running, started
from tests.contract.storefront_calls import bigcommerce

TOTAL = 3205
"""What the orders of these tests come to: 32.05."""


@pytest.fixture(scope="module")
def running() -> Iterator[Running]:
    """The simulators, for all tests of this file."""
    with started() as found:
        yield found


def call_of(ref: int, amount: int, *, again: int = 1, **more: object) -> Call:
    """Return the call for a refund of so much; `again` counts refunds of the order."""
    effect = RefundPayment(
        amount_minor=amount,
        currency="USD",
        **{"most_minor": TOTAL, "exact": True, **more},  # type: ignore[arg-type]  # its fields
    )
    made = a_call(effect, known(ref))
    return replace(made, reference=f"{made.reference[:24]}{again}{made.reference[25:]}")


async def given(simulators: Client) -> list[str]:
    """Return the amounts that were given back."""
    return [one["detail"]["amount"] for one in await simulators.ledger("refund")]


async def test_an_amount_is_given_back_once(
    client: HttpClient, simulators: Client, running: Running
) -> None:
    """A repeat and a look-up find it by its reason; it goes back to the card, not to store
    credit."""
    await put(simulators, bundle_of(601))
    shop, call = bigcommerce(client, running.http), call_of(601, 500)
    assert await shop.look_up(call) is None
    made = await shop.perform(call)
    assert isinstance(made, PaymentRefunded)
    assert (made.amount_minor, made.by_others) == (500, False)
    assert await shop.perform(call) == await shop.look_up(call) == made
    assert await given(simulators) == ["5.0"]
    statuses = (await simulators.call("GET", f"{BOOK}/statuses")).json
    assert statuses["601"] == 14


async def test_the_last_refund_is_capped(
    client: HttpClient, simulators: Client, running: Running
) -> None:
    """Of what is left no more than that is given, and then nothing."""
    await put(simulators, bundle_of(602))
    shop = bigcommerce(client, running.http)
    await shop.perform(call_of(602, 500))
    made = await shop.perform(call_of(602, TOTAL, again=2))
    assert isinstance(made, PaymentRefunded)
    assert (made.amount_minor, made.by_others) == (TOTAL - 500, True)
    nothing = await shop.perform(call_of(602, 1, again=3))
    assert nothing == PaymentRefunded(amount_minor=0, by_others=True)


async def test_the_store_calculates_what_units_come_to(
    client: HttpClient, simulators: Client, running: Running
) -> None:
    """One of two at 10.00 and a tenth of tax is 11.00, whatever we thought; a second refund takes
    the other one, and of a third nothing is left."""
    await put(simulators, bundle_of(603))
    shop = bigcommerce(client, running.http)
    unit = (RefundLine("1", 1),)
    amounts = []
    for again in (1, 2, 3):
        made = await shop.perform(call_of(603, 1, again=again, exact=False, lines=unit))
        assert isinstance(made, PaymentRefunded)
        amounts.append((made.amount_minor, made.by_others))
    assert amounts == [(1100, False), (1100, False), (0, True)]


async def test_a_quote_beyond_what_was_paid_is_capped(
    client: HttpClient, simulators: Client, running: Running
) -> None:
    """The store's calculation counts up to what is left by our own books."""
    await put(simulators, bundle_of(604))
    unit = (RefundLine("1", 2),)
    call = call_of(604, 1, exact=False, lines=unit, most_minor=1500)
    made = await bigcommerce(client, running.http).perform(call)
    assert isinstance(made, PaymentRefunded)
    assert (made.amount_minor, made.by_others) == (1500, True)


async def test_what_can_only_be_paid_back_by_hand(
    client: HttpClient, simulators: Client, running: Running
) -> None:
    """A provider that pays nothing back by itself, and store credit, are a person's."""
    await put(simulators, bundle_of(605))
    await habits(simulators, offline=True)
    with pytest.raises(Rejected, match="only by hand or as store credit"):
        await bigcommerce(client, running.http).perform(call_of(605, 500))
    await habits(simulators, offline=False)
    assert await given(simulators) == []


async def test_a_provider_that_declines(
    client: HttpClient, simulators: Client, running: Running
) -> None:
    """The refund stands in the store and its money did not move: a person is told what to do."""
    await put(simulators, bundle_of(606))
    await habits(simulators, declines=True)
    with pytest.raises(Rejected, match="Do not honour"):
        await bigcommerce(client, running.http).perform(call_of(606, 500))
    await habits(simulators, declines=False)


async def test_a_declined_refund_is_tried_again(
    client: HttpClient, simulators: Client, running: Running
) -> None:
    """The store counts the units of a refund that its provider did not pay as refunded; the next
    one for them gives their money back all the same, once, and a third is for a person."""
    await put(simulators, bundle_of(609))
    shop, units = bigcommerce(client, running.http), (RefundLine("1", 2),)
    await habits(simulators, declines=True)
    with pytest.raises(Rejected, match="Do not honour"):
        await shop.perform(call_of(609, 2200, exact=False, lines=units))
    await habits(simulators, declines=False)
    again = call_of(609, 2200, again=2, exact=False, lines=units)
    made = await shop.perform(again)
    assert isinstance(made, PaymentRefunded)
    assert (made.amount_minor, made.by_others) == (2200, False)
    assert await shop.perform(again) == made
    with pytest.raises(Rejected, match="compare them there"):
        await shop.perform(call_of(609, 100, again=3, exact=False, lines=units))


@pytest.mark.parametrize(
    ("fault", "ref"), [("act_no_answer_rate", 607), ("error_after_acting_rate", 608)]
)
async def test_given_back_without_saying_so(
    fault: str, ref: int, client: HttpClient, simulators: Client, running: Running
) -> None:
    """A lost answer is Unknown; the look-up adopts what was given back, and nothing is doubled."""
    await put(simulators, bundle_of(ref))
    shop, call = bigcommerce(client, running.http, 0.5), call_of(ref, 500)
    await simulators.fault("bigcommerce", "create_refund", None, **{fault: 1.0})
    with pytest.raises(Unknown):
        await shop.perform(call)
    await simulators.fault("bigcommerce", "create_refund", None, **{fault: 0.0})
    found = await shop.look_up(call)
    assert isinstance(found, PaymentRefunded)
    assert await shop.perform(call) == found
    assert await given(simulators) == ["5.0"]


async def test_a_store_that_does_not_answer_the_question(
    client: HttpClient, simulators: Client, running: Running
) -> None:
    """A refused look-up tells nothing: a person looks."""
    shop = bigcommerce(client, running.http)
    with pytest.raises(NeedsPerson):
        await shop.look_up(call_of(699, 500))


async def test_a_wrong_credential(client: HttpClient, simulators: Client, running: Running) -> None:
    """Nothing is read and nothing given back without a token that the store knows."""
    await put(simulators, bundle_of(609))
    await habits(simulators, token="another")
    with pytest.raises(Unauthorised):
        await bigcommerce(client, running.http).perform(call_of(609, 500))
    await habits(simulators, token="")


async def test_what_is_asked_is_documented(client: HttpClient) -> None:
    """Paths and bodies are those of the official description."""
    quote = {
        "total_refund_amount": 5.5,
        "refund_methods": [[{"provider_id": "card", "amount": 5.5, "offline": False}]],
    }
    refund = {"id": 7, "payments": [{"amount": 5.5}], "items": []}
    products = [{"id": 1, "quantity": 2, "quantity_refunded": 0, "name": "Cup", "sku": "SKU-1"}]
    document = description("orders.v3.yml")

    def answers() -> list[web.Response]:
        return [
            web.json_response(products),
            web.json_response({"data": [], "meta": {}}),
            web.json_response({"data": quote}, status=201),
            web.json_response({"data": refund}, status=201),
        ]

    async with stubbed(*answers(), *answers()) as stub:
        shop = bigcommerce(client, stub.url)
        unit = (RefundLine("1", 1),)
        await shop.perform(call_of(250, 1, exact=False, lines=unit))
        await shop.perform(call_of(250, 550, again=2))
        for method, sent, _, body in stub.requests:
            if "/v3/" not in sent:
                continue
            what = sent.rpartition("/")[2]
            told = document["paths"][f"/orders/{{order_id}}/payment_actions/{what}"]
            assert method.lower() in told
            if method == "POST":
                for item in json.loads(body)["items"]:
                    kind = "QuantityBoundItem" if "quantity" in item else "AmountBoundItem"
                    wanted = document["components"]["schemas"][kind]
                    assert set(item) <= set(wanted["properties"])
                    assert set(wanted["required"]) <= set(item)
                    assert item["item_type"] in wanted["properties"]["item_type"]["enum"]
