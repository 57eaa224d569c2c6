"""The simulated warehouse as tests use it: tasks of the contract's version 2, and its reports."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager

from aiohttp import web

from tests.contract.simulated import BEARER, Answer, Client, Json, Listener

TASKS = "/warehouse/v2/tasks"
ALL = {"callbacks": ["picked", "packed", "handed_over"], "hand_over_after_seconds": 0}


def reference(number: int) -> str:
    """A reference as the product signs them; the signature is not what is tested here."""
    return f"1{number:019d}F0001ABCDEFGHJK"


def order(reference_: str, callback_url: str = "", **more: object) -> Json:
    """A task of two lines, five pieces."""
    return {
        "reference": reference_,
        "fulfilment": "F1",
        "channel": "acme-us",
        "order_ref": f"order-of-{reference_}",
        "order_number": f"#{int(reference_[1:20])}",
        "place": "main",
        "delivery": "parcel",
        "labels": "ours",
        "ship_to": {"name": "Ada Archer", "city": "Austin", "country": "US"},
        "lines": [
            {"line_id": "1", "sku": "SKU-001", "title": "Mug", "quantity": 2},
            {"line_id": "2", "sku": "SKU-002", "title": "Lamp", "quantity": 3},
        ],
        "callback_url": callback_url,
        **more,
    }


async def create(sim: Client, body: Json, path: str = TASKS) -> Answer:
    """Creates the task under the key that the product would use."""
    headers = {**BEARER, "Idempotency-Key": f"TASK-{body['reference']}"}
    return await sim.call("POST", path, body, headers)


async def cancel(sim: Client, made: Answer) -> Answer:
    """Cancels a task."""
    return await sim.call("POST", f"{TASKS}/{made.json['task_id']}/cancel", None, BEARER)


async def habits(sim: Client, told: Mapping[str, object]) -> None:
    """Sets habits."""
    answer = await sim.call("POST", "/_sim/warehouse/habits", told)
    assert answer.status == 200, answer.text


async def told(listener: Listener, count: int) -> list[Json]:
    """The reports so far, when so many have come."""
    await listener.wait_for(count)
    return [json.loads(body) for _, body in listener.got]


def sums(entries: list[Json]) -> Counter[str]:
    """Pieces by line over the ledger's parcels."""
    found: Counter[str] = Counter()
    for entry in entries:
        for line in entry["detail"]["lines"]:
            found[line["line_id"]] += line["quantity"]
    return found


@asynccontextmanager
async def serving(
    handler: Callable[[web.Request], Awaitable[web.Response]],
) -> AsyncIterator[str]:
    """A server of GET requests on a free port; gives its address."""
    application = web.Application()
    application.router.add_get("/{anything:.*}", handler)
    runner = web.AppRunner(application, access_log=None)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()
