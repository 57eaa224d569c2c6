"""The simulated warehouses keep version 2 of the contract, also when they misbehave."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterator

import pytest
from aiohttp import web

from tests.contract.simulated import (
    BEARER,
    ROOT,
    TRACKING,
    Client,
    Json,
    Running,
    calling,
    listening,
    started,
)
from tests.contract.simulated_warehouse import (
    ALL,
    TASKS,
    cancel,
    create,
    habits,
    order,
    reference,
    serving,
    sums,
    told,
)


@pytest.fixture(scope="module")
def running() -> Iterator[Running]:
    with started() as found:
        yield found


@pytest.fixture
async def sim(running: Running) -> AsyncIterator[Client]:
    async with calling(running) as client:
        await client.call("DELETE", "/_sim/warehouse/habits")
        await client.call("DELETE", "/_sim/credentials")
        yield client


async def test_the_documents_example_is_accepted(sim: Client) -> None:
    """The request on the contract's page is one that the simulated warehouse takes."""
    page = (ROOT / "docs" / "warehouse-contract.md").read_text()
    example = json.loads(page.partition("```http\n")[2].partition("```")[0].partition("\n\n")[2])
    made = await create(sim, {**example, "callback_url": ""})
    assert (made.status, made.json["status"]) == (201, "released")
    (entry,) = await sim.ledger("warehouse_task")
    assert len(entry["reference"]) == 35
    assert entry["detail"]["lines"][1] == {"line_id": "2", "sku": "SKU-017", "quantity": 1}


async def test_a_task_is_made_once_per_key_and_found_in_any_case(sim: Client) -> None:
    """A repeated key answers with the same task, and the look-up folds case."""
    body = order(reference(1))
    first, again = await create(sim, body), await create(sim, {**body, "note": "Now with a note."})
    assert (first.status, again.status) == (201, 200)
    assert first.json["task_id"] == again.json["task_id"]
    asked = f"{TASKS}?reference={reference(1).lower()}"
    (found,) = (await sim.call("GET", asked, None, BEARER)).json["tasks"]
    assert (found["task_id"], found["reference"]) == (first.json["task_id"], reference(1))
    assert len(await sim.ledger("warehouse_task")) == 1


async def test_reports_come_in_order_and_counted(sim: Client) -> None:
    """Each report names its task, its order and its place in the sequence."""
    await habits(sim, ALL)
    async with listening() as listener:
        listener.answers = [500]
        made = await create(sim, order(reference(2), listener.url))
        reports = await told(listener, 4)
    kinds = [(one["type"], one["sequence"]) for one in reports]
    assert kinds[0] == kinds[1] == ("task.picked", 1)
    assert kinds[2:] == [("task.packed", 2), ("task.handed_over", 3)]
    for one in reports:
        assert one["task_id"] == made.json["task_id"]
        assert one["reference"] == reference(2)
        assert one["order_ref"] == f"order-of-{reference(2)}"
    assert reports[2]["complete"] is True
    (parcel,) = reports[2]["parcels"]
    assert [line["quantity"] for line in parcel["lines"]] == [2, 3]
    left = await sim.ledger("parcel_handed_over")
    assert sums(left) == {"1": 2, "2": 3}


async def test_two_parcels_may_be_packed_together(sim: Client) -> None:
    """One report names both parcels, and a line may be in both."""
    await habits(sim, {**ALL, "two_parcels_share": 1})
    async with listening() as listener:
        await create(sim, order(reference(3), listener.url))
        packed = (await told(listener, 3))[1]
    assert packed["complete"] is True
    contents = [
        [(line["line_id"], line["quantity"]) for line in parcel["lines"]]
        for parcel in packed["parcels"]
    ]
    assert contents == [[("1", 2), ("2", 1)], [("2", 2)]]


async def test_a_second_parcel_may_follow(sim: Client) -> None:
    """The first report says that more will follow, and each parcel is handed over by its name."""
    await habits(sim, {**ALL, "split_share": 1, "split_seconds": 0.05})
    async with listening() as listener:
        await create(sim, order(reference(4), listener.url))
        reports = await told(listener, 5)
    packed = [one for one in reports if one["type"] == "task.packed"]
    assert [one["complete"] for one in packed] == [False, True]
    away = [one["parcel_ids"] for one in reports if one["type"] == "task.handed_over"]
    assert away == [["1"], ["2"]]
    assert sums(await sim.ledger("parcel_handed_over")) == {"1": 2, "2": 3}
    assert (await sim.call("GET", "/_sim/ledger/summary")).json["duplicates"] == []


async def test_a_short_pick_comes_before_what_was_packed(sim: Client) -> None:
    """The missing piece is named, and only the rest is packed."""
    await habits(sim, {"short_pick_share": 1})
    async with listening() as listener:
        await create(sim, order(reference(5), listener.url))
        short, packed = await told(listener, 2)
    assert [(one["ordered_quantity"], one["picked_quantity"]) for one in short["lines"]] == [
        (2, 2),
        (3, 2),
    ]
    assert [line["quantity"] for line in packed["parcels"][0]["lines"]] == [2, 2]


async def test_nothing_found_ends_the_task(sim: Client) -> None:
    """When no piece was found, that is the last report, and the task is cancelled."""
    await habits(sim, {"order": f"#{6}", "nothing_found_share": 1})
    async with listening() as listener:
        made = await create(sim, order(reference(6), listener.url))
        await create(sim, order(reference(7), listener.url))
        short, packed = await told(listener, 2)
    assert {line["picked_quantity"] for line in short["lines"]} == {0}
    assert packed["reference"] == reference(7)
    assert (await cancel(sim, made)).status == 200
    assert [entry["reference"] for entry in await sim.ledger("warehouse_task_cancel")] == [
        reference(6)
    ]


@pytest.mark.parametrize(("number", "change"), [(8, {"labels": "yours"}), (24, {})])
async def test_a_warehouse_may_buy_the_labels(sim: Client, number: int, change: Json) -> None:
    """Its parcels have a carrier and a number that the carrier knows, also unasked."""
    await habits(sim, {"own_labels": not change})
    async with listening() as listener:
        await create(sim, order(reference(number), listener.url, **change))
        (packed,) = await told(listener, 1)
    (parcel,) = packed["parcels"]
    assert parcel["carrier"] == "UPS"
    path = f"/ups/api/track/v1/details/{parcel['tracking_number']}"
    assert (await sim.call("GET", path, None, TRACKING)).status == 200
    (entry,) = await sim.ledger("parcel")
    assert entry["detail"]["tracking_number"] == parcel["tracking_number"]
    assert await sim.ledger("label") == []


async def test_labels_are_fetched_before_the_hand_over(sim: Client) -> None:
    """The warehouse asks `label_url` until each parcel has its label, and then hands over."""
    await habits(sim, {**ALL, "fetch_labels": True, "two_parcels_share": 1})
    label = {"carrier": "ups", "media_type": "application/pdf", "document": "JVBERi0="}
    first = {**label, "parcel_id": "2", "tracking_number": "1Z2"}
    second = {**label, "parcel_id": None, "tracking_number": "1Z1"}
    answers: list[Json] = [
        {"complete": False, "labels": []},
        {"complete": True, "labels": [first]},
        {"complete": True, "labels": [first, second]},
    ]
    asked = 0

    async def labels(request: web.Request) -> web.Response:
        nonlocal asked
        assert "Authorization" not in request.headers
        asked += 1
        return web.json_response(answers[min(asked, len(answers)) - 1])

    async with listening() as listener, serving(labels) as url:
        link = f"{url}/labels/t?signature=s"
        await create(sim, order(reference(25), listener.url, label_url=link))
        away = (await told(listener, 3))[2]
    assert asked == 3
    assert [one["tracking_number"] for one in away["tracking"]] == ["1Z1", "1Z2"]
    left = await sim.ledger("parcel_handed_over")
    assert [entry["detail"]["tracking_number"] for entry in left] == ["1Z1", "1Z2"]


async def test_more_or_something_else_may_be_packed(sim: Client) -> None:
    """Three pieces of two, or another SKU, are reported as they are."""
    await habits(sim, {"over_ship_share": True, "substitute_share": True})
    async with listening() as listener:
        await create(sim, order(reference(9), listener.url))
        (packed,) = await told(listener, 1)
    assert packed["parcels"][0]["lines"] == [
        {"line_id": "1", "quantity": 3, "sku": "SUBSTITUTE-1"},
        {"line_id": "2", "quantity": 3},
    ]


async def test_a_cancelled_task_is_silent(sim: Client) -> None:
    """200 means now: it repeats, nothing is packed, and no report follows."""
    await habits(sim, {"pause": True})
    async with listening() as listener:
        made = await create(sim, order(reference(10), listener.url))
        for _ in range(2):
            answer = await cancel(sim, made)
            assert (answer.status, answer.json["status"]) == (200, "cancelled")
        await sim.call("POST", "/_sim/warehouse/release")
        await create(sim, order(reference(11), listener.url))
        assert [one["reference"] for one in await told(listener, 1)] == [reference(11)]
    assert len(await sim.ledger("parcel")) == 1
    assert len(await sim.ledger("warehouse_task_cancel")) == 1


async def test_a_parcel_that_left_cannot_be_cancelled(sim: Client) -> None:
    """After the first parcel of a task has left, a cancellation answers 409 with the status."""
    await habits(sim, {**ALL, "split_share": 1, "split_seconds": 60})
    async with listening() as listener:
        made = await create(sim, order(reference(12), listener.url))
        await told(listener, 3)
    late = await cancel(sim, made)
    assert (late.status, late.json["status"]) == (409, "handed_over")
    assert late.json["parcels"][0]["status"] == "handed_over"


async def test_a_cancellation_may_be_confirmed_later(sim: Client) -> None:
    """202 says that the floor was asked; the report says that it worked."""
    await habits(sim, {"pack_after_seconds": 60, "cancel_confirm_seconds": 0.05})
    async with listening() as listener:
        made = await create(sim, order(reference(13), listener.url))
        for _ in range(2):
            answer = await cancel(sim, made)
            assert (answer.status, answer.json["status"]) == (202, "cancelling")
        (confirmed,) = await told(listener, 1)
    assert confirmed["type"] == "task.cancelled"
    assert (await cancel(sim, made)).status == 200
    assert await sim.ledger("parcel") == []


async def test_a_cancellation_may_fail_later(sim: Client) -> None:
    """After 202 the parcel may leave all the same, and then its hand-over is always reported."""
    wish = {"cancel_confirm_seconds": 0, "cancel_fails": True}
    await habits(sim, {"pause": True, "hand_over_after_seconds": 0, **wish})
    async with listening() as listener:
        made = await create(sim, order(reference(14), listener.url))
        assert (await cancel(sim, made)).status == 202
        await sim.call("POST", "/_sim/warehouse/release")
        kinds = [one["type"] for one in await told(listener, 2)]
    assert kinds == ["task.packed", "task.handed_over"]
    assert (await cancel(sim, made)).status == 409


async def test_a_warehouse_may_cancel_by_itself(sim: Client) -> None:
    """It reports the cancellation with its reason."""
    await habits(sim, {"cancel_by_itself_share": 1})
    async with listening() as listener:
        await create(sim, order(reference(15), listener.url))
        (report,) = await told(listener, 1)
    assert report["type"] == "task.cancelled"
    assert report["reason"].endswith(".")


async def test_reports_are_withheld_until_released(sim: Client) -> None:
    """With `hold` the work goes on; its reports come in order after the release."""
    await habits(sim, ALL)
    async with listening() as listener:
        await habits(sim, {"order": "#16", "hold": True})
        made = await create(sim, order(reference(16), listener.url))
        await create(sim, order(reference(17), listener.url))
        assert {one["reference"] for one in await told(listener, 3)} == {reference(17)}
        assert (await cancel(sim, made)).status == 409
        asked = await sim.call("GET", "/_sim/warehouse/tasks?order=%2316")
        assert asked.json["tasks"][0]["reports_waiting"] == 3
        await sim.call("POST", "/_sim/warehouse/release", {"order": "#16"})
        assert [one["sequence"] for one in (await told(listener, 6))[3:]] == [1, 2, 3]


async def test_work_is_paused_until_released(sim: Client) -> None:
    """With `pause` nothing happens in the house, so that the task can still be cancelled."""
    await habits(sim, {"order": "#18/F1", "pause": True})
    async with listening() as listener:
        await create(sim, order(reference(18), listener.url))
        await create(sim, order(reference(19), listener.url))
        await told(listener, 1)
        assert len(await sim.ledger("parcel")) == 1
        await sim.call("POST", "/_sim/warehouse/release")
        assert (await told(listener, 2))[1]["reference"] == reference(18)


async def test_a_hand_may_do_what_no_one_planned(sim: Client) -> None:
    """A step by hand is written down and reported, even of a cancelled task."""
    async with listening() as listener:
        await habits(sim, {"pause": True})
        made = await create(sim, order(reference(20), listener.url))
        assert (await cancel(sim, made)).status == 200
        lines = [{"line_id": "2", "quantity": 9}]
        step = {"order": reference(20), "parcels": [{"parcel_id": "7", "lines": lines}]}
        done = await sim.call("POST", "/_sim/warehouse/act", {**step, "type": "task.packed"})
        assert done.json["status"] == "cancelled"
        (report,) = await told(listener, 1)
    assert (report["parcels"][0]["parcel_id"], report["parcels"][0]["lines"]) == ("7", lines)
    assert sums(await sim.ledger("parcel")) == {"2": 9}
    unknown = await sim.call("POST", "/_sim/warehouse/act", {"order": "#0", "type": "task.packed"})
    assert unknown.status == 404


async def test_named_warehouses_are_companies_of_their_own(sim: Client) -> None:
    """Each has its own tasks, habits, knobs, token and name in the ledger."""
    east, west = "/warehouses/east/v2/tasks", "/warehouses/west/v2/tasks"
    await habits(sim, {"warehouse": "east", "short_pick_share": 1})
    await sim.fault("warehouse-west", "create_task", down="503")
    async with listening() as listener:
        assert (await create(sim, order(reference(21), listener.url), east)).status == 201
        assert (await create(sim, order(reference(21)), west)).status == 503
        assert (await told(listener, 1))[0]["type"] == "task.short_picked"
    assert [entry["partner"] for entry in await sim.ledger("warehouse_task")] == ["warehouse-east"]
    asked = f"{west}?reference={reference(21)}"
    assert (await sim.call("GET", asked, None, BEARER)).json["tasks"] == []
    await sim.call("POST", "/_sim/credentials", {"partner": "warehouse-west", "token": "s3cret"})
    assert (await sim.call("GET", asked, None, BEARER)).status == 401
    right = {"Authorization": "Bearer s3cret"}
    assert (await sim.call("GET", asked, None, right)).status == 200
    assert (await sim.call("GET", "/warehouses/No%20Name/v2/tasks", None, right)).status == 404
