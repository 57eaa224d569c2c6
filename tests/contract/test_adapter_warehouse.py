"""The warehouse contract, version 2: a task for each fulfilment, and its cancellation."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from aiohttp import web
from msgspec.structs import replace

from actors.runtime.errors import NeedsPerson, Rejected
from adapters.kit.http_client import HttpClient
from schemas.messages.effects import (
    CancelAsked,
    CancelTask,
    CreateTask,
    TaskCreated,
    Undone,
    Units,
)
from schemas.order.canonical import Address
from schemas.order.label_links import PATH, verify_label_token
from tests.contract.partner_calls import KEYS, NOON, a_call, all_units, stubbed, warehouse
from tests.contract.simulated import Client, Running, started
from tests.contract.simulated_warehouse import habits
from tests.orders import an_order

CREATE = CreateTask(place="main", units=all_units())
TASK = {"task_id": "WT/1", "status": "released", "reference": "r"}


@pytest.fixture(scope="module")
def running() -> Iterator[Running]:
    with started("--callbacks", "") as found:
        yield found


async def test_a_task_is_created_found_and_cancelled(
    running: Running, simulators: Client, client: HttpClient
) -> None:
    """The warehouse's whole part; a repeat under the same key makes no second task, and another
    fulfilment of the same order makes one."""
    partner = warehouse(client, running.http)
    call = a_call(CREATE, an_order(ref="66001"))
    made = await partner.perform(call)
    assert isinstance(made, TaskCreated)
    assert await partner.perform(call) == made
    assert await partner.look_up(call) == made
    second = a_call(CREATE, an_order(ref="66001"), key="F2")
    assert await partner.look_up(second) is None
    assert await partner.perform(second) != made
    cancel = a_call(CancelTask(task_id=made.task_id), an_order(ref="66001"))
    assert await partner.look_up(cancel) is None
    for _ in range(2):
        assert isinstance(await partner.perform(cancel), Undone)
    assert isinstance(await partner.look_up(cancel), Undone)
    assert len(await simulators.ledger("warehouse_task")) == 2
    assert len(await simulators.ledger("warehouse_task_cancel")) == 1


async def test_a_cancellation_that_is_confirmed_later(
    running: Running, simulators: Client, client: HttpClient
) -> None:
    """202 means that the answer follows as a report; the look-up says the same until then."""
    await habits(simulators, {"cancel_confirm_seconds": 3_600, "pack_after_seconds": 3_600})
    partner = warehouse(client, running.http)
    made = await partner.perform(a_call(CREATE, an_order(ref="66002")))
    assert isinstance(made, TaskCreated)
    cancel = a_call(CancelTask(task_id=made.task_id), an_order(ref="66002"))
    assert await partner.perform(cancel) == CancelAsked()
    assert await partner.look_up(cancel) == CancelAsked()


async def test_the_task_as_the_contract_has_it(client: HttpClient) -> None:
    """The units named are listed with what they are; key, token and trace go along."""
    effect = CreateTask(
        place="north", units=(Units("1", "SKU-1", 1),), collect_minor=750, collect_currency="USD"
    )
    call = a_call(effect, an_order(note="x"), key="F2", trace="00-" + "a" * 32 + "-b-01")
    async with stubbed(web.json_response(TASK, status=201)) as stub:
        await warehouse(client, stub.url, name="wh-north", own_url="http://us.example/").perform(
            call
        )
        method, path, headers, body = stub.requests[0]
    sent = json.loads(body)
    assert (method, path) == ("POST", "/warehouse/v2/tasks")
    assert headers["idempotency-key"] == call.idempotency_key
    assert headers["authorization"] == "Bearer any"
    assert headers["traceparent"] == call.trace
    assert set(sent) == {
        "reference", "fulfilment", "channel", "order_ref", "order_number", "place", "delivery",
        "labels", "label_url", "ship_to", "lines", "callback_url", "note", "amount_to_collect",
    }  # fmt: skip
    assert (sent["note"], sent["place"], sent["fulfilment"]) == ("x", "north", "F2")
    assert (sent["delivery"], sent["labels"]) == ("parcel", "ours")
    assert sent["reference"] == call.reference
    assert sent["callback_url"] == "http://us.example/hooks/wh-north"
    assert sent["amount_to_collect"] == {"minor": 750, "currency": "USD"}
    assert sent["lines"] == [{"line_id": "1", "sku": "SKU-1", "title": "Cup", "quantity": 1}]
    assert set(sent["ship_to"]) == {
        "name", "company", "lines", "city", "region", "postal_code", "country", "phone",
    }  # fmt: skip
    token = sent["label_url"].removeprefix(f"http://us.example{PATH}")
    link = verify_label_token(token, KEYS, NOON)
    assert (link.order_id, link.fulfilment) == (call.order_id, "F2")


@pytest.mark.parametrize(
    ("change", "labels"),
    [({"labels": "them"}, "yours"), ({"labels": "none", "delivery": "pickup"}, "yours")],
)
async def test_who_buys_the_labels(change: dict[str, str], labels: str, client: HttpClient) -> None:
    """A link of labels is sent only where we buy them."""
    effect = replace(CREATE, **change)
    async with stubbed(web.json_response(TASK, status=201)) as stub:
        await warehouse(client, stub.url, own_url="http://us.example").perform(a_call(effect))
        sent = json.loads(stub.requests[0][3])
    assert sent["labels"] == labels
    assert sent["delivery"] == effect.delivery
    assert "label_url" not in sent


async def test_nothing_to_ship(client: HttpClient) -> None:
    """Without an address, without goods, or for no warehouse's delivery, nothing is sent."""
    async with stubbed() as stub:
        partner = warehouse(client, stub.url)
        for effect, order in (
            (CREATE, an_order(ship_to=None)),
            (replace(CREATE, units=()), an_order()),
            (replace(CREATE, units=(Units("1", "SKU-1", 0),)), an_order()),
            (replace(CREATE, delivery="digital"), an_order()),
        ):
            with pytest.raises(Rejected):
                await partner.perform(a_call(effect, order))
        assert stub.requests == []


async def test_hostile_texts_stay_on_their_lines(client: HttpClient) -> None:
    """Newlines and direction marks are taken out; emoji and other scripts arrive."""
    hostile = Address(
        name="A\r\nB\u202e😀", lines=("\x00 1\u2028Main", ""), city="مدينة", country="US"
    )
    async with stubbed(web.json_response(TASK, status=201)) as stub:
        await warehouse(client, stub.url).perform(a_call(CREATE, an_order(ship_to=hostile)))
        sent = json.loads(stub.requests[0][3])["ship_to"]
    assert sent["name"] == "A B😀"
    assert sent["lines"][0] == "1 Main"
    assert sent["city"] == "مدينة"


async def test_too_late_to_cancel(client: HttpClient) -> None:
    """Goods that were handed over can't be called back; the id is quoted whole in the path."""
    late = web.json_response({**TASK, "status": "handed_over"}, status=409)
    async with stubbed(late) as stub:
        with pytest.raises(
            Rejected, match=r"the goods have left \(handed over\)|have left \(handed_over\)"
        ):
            await warehouse(client, stub.url).perform(a_call(CancelTask(task_id="WT/1")))
        assert stub.requests[0][1] == "/warehouse/v2/tasks/WT%2F1/cancel"


async def test_cancelling_what_is_not_there(client: HttpClient) -> None:
    """No such task and none for the order is nothing to undo; another task needs a person."""
    cancel = a_call(CancelTask(task_id="WT/1"))
    answers = [
        web.json_response({}, status=404),
        web.json_response({"tasks": []}),
        web.json_response({}, status=404),
        web.json_response({"tasks": [{**TASK, "task_id": "WT/2"}]}),
        web.json_response(TASK),
    ]
    async with stubbed(*answers) as stub:
        partner = warehouse(client, stub.url)
        assert isinstance(await partner.perform(cancel), Undone)
        with pytest.raises(NeedsPerson):
            await partner.perform(cancel)
        with pytest.raises(NeedsPerson, match="released"):
            await partner.perform(cancel)


async def test_several_tasks_need_a_person(client: HttpClient) -> None:
    """Two living tasks for one fulfilment are both named; a living one goes before a cancelled one,
    and a cancelled one was created all the same."""
    two = [TASK, {**TASK, "task_id": "WT/2"}]
    dead = [{**TASK, "status": "cancelled"}, two[1]]
    answers = [web.json_response({"tasks": tasks}) for tasks in (two, dead, dead[:1])]
    async with stubbed(*answers) as stub:
        partner = warehouse(client, stub.url)
        with pytest.raises(NeedsPerson, match="WT/1 and WT/2") as caught:
            await partner.look_up(a_call(CREATE))
        assert not caught.value.outcome_known
        assert await partner.look_up(a_call(CREATE)) == TaskCreated(task_id="WT/2")
        assert await partner.look_up(a_call(CREATE)) == TaskCreated(task_id="WT/1")


async def test_bundles_attributes_and_the_method_are_told(client: HttpClient) -> None:
    """A component bears our SKU and names its set; what the shop's form asked goes along, and our
    own doubts stay here. The channel's SKU and line are none of the warehouse's business."""
    order = an_order(
        shipping_method="Express",
        gift_message="Many\nreturns",
        attributes={
            "line 1: Engraving": "For M.\n" * 300,
            "Shelf": "top",
            "orderwright.doubt.x": "No.",
        },
    )
    component = replace(
        order.lines[0], channel_sku="SET-CUP", bundle_sku="SET", bundle_line_id="70"
    )
    call = a_call(CREATE, replace(order, lines=(component, order.lines[1])))
    async with stubbed(web.json_response(TASK, status=201)) as stub:
        await warehouse(client, stub.url).perform(call)
        sent = json.loads(stub.requests[0][3])
    assert sent["shipping_method"] == "Express"
    assert sent["gift_message"] == "Many returns"
    assert sent["attributes"] == {"Shelf": "top"}
    engraving = sent["lines"][0].pop("attributes")
    assert engraving.keys() == {"Engraving"}
    assert len(engraving["Engraving"]) == 1_000
    assert sent["lines"][0] == {
        "line_id": "1", "sku": "SKU-1", "title": "Cup", "quantity": 2, "bundle_sku": "SET",
    }  # fmt: skip
    assert set(sent["lines"][1]) == {"line_id", "sku", "title", "quantity"}


async def test_a_substitute_and_a_line_that_is_gone(client: HttpClient) -> None:
    """The SKU that travels is named; a line that the order lost is picked by its SKU."""
    effect = CreateTask(place="main", units=(Units("1", "SKU-9", 2), Units("77", "SKU-77", 1)))
    async with stubbed(web.json_response(TASK, status=201)) as stub:
        await warehouse(client, stub.url).perform(a_call(effect))
        sent = json.loads(stub.requests[0][3])
    assert [(one["sku"], one["title"]) for one in sent["lines"]] == [
        ("SKU-9", "Cup"),
        ("SKU-77", "SKU-77"),
    ]


async def test_errors_name_the_instance(client: HttpClient) -> None:
    """Of several warehouses the one that refused is named, in its own words."""
    refusal = {"error": {"code": "UnknownSku", "message": "SKU-1 is not stocked."}}
    async with stubbed(web.json_response(refusal, status=422)) as stub:
        with pytest.raises(Rejected) as caught:
            await warehouse(client, stub.url, name="wh-north").perform(a_call(CREATE))
    assert str(caught.value) == (
        "The warehouse (wh-north) refused the task: SKU-1 is not stocked (UnknownSku)."
    )


async def test_the_probe_asks_and_changes_nothing(
    running: Running, simulators: Client, client: HttpClient
) -> None:
    """The probe is one search."""
    assert "shows its tasks" in await warehouse(client, running.http).probe()
    assert await simulators.ledger() == []
