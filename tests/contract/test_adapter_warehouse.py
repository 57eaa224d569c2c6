"""The warehouse contract: tasks in, and taken back while the goods are still there."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from aiohttp import web
from msgspec.structs import replace

from actors.runtime.errors import NeedsPerson, Rejected
from adapters.kit.http_client import HttpClient
from schemas.messages.effects import CancelWarehouseTask, CreateWarehouseTask, TaskCreated, Undone
from schemas.order.canonical import Address
from tests.contract.partner_calls import a_call, stubbed, warehouse
from tests.contract.simulated import Client, Running, started
from tests.given import an_order

CREATE = CreateWarehouseTask()
TASK = {"task_id": "WT/1", "status": "released", "reference": "r"}


@pytest.fixture(scope="module")
def running() -> Iterator[Running]:
    with started("--callbacks", "") as found:
        yield found


async def test_a_task_is_created_found_and_cancelled(
    running: Running, simulators: Client, client: HttpClient
) -> None:
    """The warehouse's whole part; a repeat under the same key makes no second task."""
    partner = warehouse(client, running.http)
    call = a_call(CREATE, an_order(ref="66001"))
    made = await partner.perform(call)
    assert isinstance(made, TaskCreated)
    assert await partner.perform(call) == made
    assert await partner.look_up(call) == made
    cancel = replace(call, effect=CancelWarehouseTask(task_id=made.task_id))
    assert await partner.look_up(cancel) is None
    for _ in range(2):
        assert isinstance(await partner.perform(cancel), Undone)
    assert isinstance(await partner.look_up(cancel), Undone)
    assert await partner.look_up(call) is None
    assert len(await simulators.ledger("warehouse_task")) == 1
    assert len(await simulators.ledger("warehouse_task_cancel")) == 1


async def test_the_task_as_the_contract_has_it(client: HttpClient) -> None:
    """Only what needs shipping is listed; the key, the token and the trace go along."""
    order = an_order(note="x")
    lines = (order.lines[0], replace(order.lines[1], requires_shipping=False))
    call = a_call(CREATE, replace(order, lines=lines), trace="00-" + "a" * 32 + "-b-01")
    async with stubbed(web.json_response(TASK, status=201)) as stub:
        await warehouse(client, stub.url, callback_url="http://edge.example/hooks").perform(call)
        method, path, headers, body = stub.requests[0]
    sent = json.loads(body)
    assert (method, path) == ("POST", "/warehouse/v1/tasks")
    assert headers["idempotency-key"] == call.idempotency_key
    assert headers["authorization"] == "Bearer any"
    assert headers["traceparent"] == call.trace
    assert set(sent) == {
        "reference", "channel", "order_ref", "order_number", "place", "ship_to", "lines",
        "callback_url", "note",
    }  # fmt: skip
    assert sent["note"] == "x"
    assert sent["reference"] == call.correlation_id
    assert [set(line) for line in sent["lines"]] == [{"line_id", "sku", "title", "quantity"}]
    assert set(sent["ship_to"]) == {
        "name", "company", "lines", "city", "region", "postal_code", "country", "phone",
    }  # fmt: skip


@pytest.mark.parametrize("change", [{"ship_to": None}, {"digital": True}])
async def test_nothing_to_ship(change: dict[str, object], client: HttpClient) -> None:
    """Without an address, or without goods, the task is refused before it is sent."""
    order = an_order()
    if "digital" in change:
        change = {"lines": tuple(replace(one, requires_shipping=False) for one in order.lines)}
    async with stubbed() as stub:
        with pytest.raises(Rejected):
            await warehouse(client, stub.url).perform(a_call(CREATE, replace(order, **change)))
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
        with pytest.raises(Rejected, match="handed over"):
            await warehouse(client, stub.url).perform(a_call(CancelWarehouseTask(task_id="WT/1")))
        assert stub.requests[0][1] == "/warehouse/v1/tasks/WT%2F1/cancel"


async def test_cancelling_what_is_not_there(client: HttpClient) -> None:
    """No such task and none for the order is nothing to undo; another task needs a person."""
    cancel = a_call(CancelWarehouseTask(task_id="WT/1"))
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
    """Two living tasks for one order are both named; cancelled ones don't count."""
    two = [TASK, {**TASK, "task_id": "WT/2"}]
    dead = [{**TASK, "status": "cancelled"}, two[1]]
    answers = [web.json_response({"tasks": tasks}) for tasks in (two, dead)]
    async with stubbed(*answers) as stub:
        partner = warehouse(client, stub.url)
        with pytest.raises(NeedsPerson, match="WT/1 and WT/2"):
            await partner.look_up(a_call(CREATE))
        assert await partner.look_up(a_call(CREATE)) == TaskCreated(task_id="WT/2")


async def test_bundles_attributes_and_the_method_are_told(client: HttpClient) -> None:
    """A component bears our SKU and names its set; what the shop's form asked goes along, and our
    own doubts stay here. The channel's SKU and line are none of the warehouse's business."""
    order = an_order(
        shipping_method="Express",
        gift_message="Many\nreturns",
        attributes={"line 1: Engraving": "For M.\n" * 300, "orderwright.doubt.x": "No."},
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
    assert sent["attributes"].keys() == {"line 1: Engraving"}
    assert len(sent["attributes"]["line 1: Engraving"]) == 1_000
    assert sent["lines"][0] == {
        "line_id": "1", "sku": "SKU-1", "title": "Cup", "quantity": 2, "bundle_sku": "SET",
    }  # fmt: skip
    assert set(sent["lines"][1]) == {"line_id", "sku", "title", "quantity"}
