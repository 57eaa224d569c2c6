"""A simulated shop asks fulfilment services for goods, and is answered where they are ours."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterator
from typing import Literal

import pytest

from adapters.channels.shopify.settings import ShopifyTranslation
from adapters.kit.fetching import SETTLED
from adapters.kit.http_client import HttpClient
from schemas.messages.effects import StandingTold, TellStanding
from schemas.messages.inputs import NoteReport
from tests.contract.partner_calls import a_call
from tests.contract.shop_given import given, of_service
from tests.contract.shop_words import ORDER, SIM, ask, put
from tests.contract.simulated import Client, Json, Running, calling, started
from tests.contract.storefront_calls import shopify
from tests.shopify_payloads import SHOP


@pytest.fixture(scope="module")
def running() -> Iterator[Running]:
    """The simulators, for all tests of this file."""
    with started() as found:
        yield found


@pytest.fixture
async def sim(running: Running) -> AsyncIterator[Client]:
    """What asks the simulated shop, which grants every scope."""
    async with calling(running) as found:
        await found.call("POST", f"{SIM}/app", {"scopes": []})
        yield found


async def shown(sim: Client, told: Json) -> list[Json]:
    """The order's fulfilment orders, as the shop has them."""
    answer = await sim.call("GET", f"{SIM}/orders/{told['id']}")
    found: list[Json] = answer.json["fulfilment_orders"]
    return found


OF_US = "fulfillment_orders/fulfillment_request_submitted"
SERVICES = ShopifyTranslation(fulfillment_services=("Our-3PL",))


async def requested(sim: Client, number: int) -> tuple[Json, str, bytes]:
    """An order of a fulfilment service, and the webhook that asks it for the goods."""
    told = given(number, 2)
    for line in told["line_items"]:
        line["fulfillment_service"] = "our-3pl"
    gid = await put(sim, told)
    answer = await sim.call("POST", f"{SIM}/orders/{told['id']}/request", {"tell": False})
    ((topic, body),) = [(x["topic"], x["body"]) for x in answer.json["webhooks"]]
    assert topic == OF_US
    (one,) = (await ask(sim, ORDER, id=gid))["fulfillmentOrders"]["nodes"]
    return told, one["id"], json.dumps(body).encode()


@pytest.mark.parametrize("what", ["taken", "not_taken"])
async def test_a_request_to_fulfil_is_answered_once(
    running: Running, sim: Client, client: HttpClient, what: Literal["taken", "not_taken"]
) -> None:
    """The webhook has fulfilment orders' ids alone: the shop is asked whose they are, and whether
    the service is one of ours; what was answered is not asked of us again."""
    await sim.reset()
    told, gid, raw = await requested(sim, 531 if what == "taken" else 533)
    shop = shopify(client, running.http, translation=SERVICES)
    found = await shop.resolved(OF_US, raw)
    assert found is not None
    note = SHOP.translate("note", OF_US, found.raw)
    assert isinstance(note, NoteReport)
    assert (note.ref, note.request, note.hold) == (str(told["id"]), gid, "")
    reason = "" if what == "taken" else "the order is cancelled"
    effect = TellStanding(what=what, outside_id=gid, reason=reason)
    call = a_call(effect, of_service(told), key="O")
    assert await shop.look_up(call) is None
    assert await shop.perform(call) == await shop.look_up(call) == StandingTold()
    assert await shop.perform(call) == StandingTold(told=False)
    after = {"taken": ("IN_PROGRESS", "ACCEPTED"), "not_taken": ("OPEN", "REJECTED")}[what]
    assert [(x["status"], x["request"]) for x in await shown(sim, told)] == [after]
    (entry,) = await sim.ledger("request_answer")
    assert entry["detail"]["message"] == reason.capitalize()
    assert await shop.resolved(OF_US, raw) is SETTLED


async def test_a_request_to_another_service_is_not_ours(
    running: Running, sim: Client, client: HttpClient
) -> None:
    """Nor is one that no setting names: its own app answers it."""
    _, _, raw = await requested(sim, 532)
    for translation in (ShopifyTranslation(), ShopifyTranslation(fulfillment_services=("x",))):
        shop = shopify(client, running.http, translation=translation)
        assert await shop.resolved(OF_US, raw) is SETTLED
