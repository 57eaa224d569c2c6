"""`python -m ops.bench.peers.on_dbos`: the lifecycle as a workflow of DBOS Transact, stored in
Postgres (BENCH_DBOS_URL)."""

from __future__ import annotations

import asyncio
import os

from dbos import DBOS, DBOSConfig, SetWorkflowID

from ops.bench.peers.orders import TRACK_SECONDS, Order, Packed, Place, Steps, main

PACKED_SECONDS = 600.0


class _World:
    steps: Steps


@DBOS.step()
async def task(order: dict[str, str]) -> str:
    return await _World.steps.task(order)


@DBOS.step()
async def post(order: dict[str, str]) -> str:
    return await _World.steps.post(order)


@DBOS.step()
async def mail(order: dict[str, str]) -> None:
    await _World.steps.mail(order)


@DBOS.step()
async def label(order: dict[str, str]) -> dict[str, str]:
    return await _World.steps.label(order)


@DBOS.step()
async def track(order: dict[str, str], number: str) -> None:
    await _World.steps.track(order, number)


@DBOS.step()
async def publish(order: dict[str, str], number: str) -> str:
    return await _World.steps.publish(order, number)


@DBOS.workflow()
async def life(order: dict[str, str]) -> str:
    """One order, from placed to published."""
    await asyncio.gather(task(order), post(order), mail(order))
    if await DBOS.recv_async("packed", timeout_seconds=PACKED_SECONDS) is None:
        raise TimeoutError("The warehouse did not pack the order.")
    bought = await label(order)
    await DBOS.sleep_async(TRACK_SECONDS)
    await track(order, bought["number"])
    return str(await publish(order, bought["number"]))


async def run(steps: Steps) -> tuple[Place, Packed]:
    """Start the engine in this process, with its own defaults."""
    _World.steps = steps
    config: DBOSConfig = {
        "name": "orderwright-bench",
        "system_database_url": os.environ["BENCH_DBOS_URL"],
        "log_level": "WARNING",
    }
    DBOS(config=config)
    DBOS.launch()

    async def place(order: Order) -> None:
        with SetWorkflowID(order.reference):
            await DBOS.start_workflow_async(life, order.as_json())

    async def packed(reference: str) -> None:
        await DBOS.send_async(reference, "packed", "packed")

    return place, packed


if __name__ == "__main__":
    main(run)
