"""`python -m ops.bench.peers.on_temporal`: the lifecycle as a workflow of Temporal, whose
development server is a process of its own (BENCH_TEMPORAL_ADDRESS)."""

from __future__ import annotations

import asyncio
import os
from datetime import timedelta
from typing import Any

from temporalio import activity, workflow
from temporalio.client import Client
from temporalio.worker import Worker

with workflow.unsafe.imports_passed_through():
    from ops.bench.peers.orders import TRACK_SECONDS, Order, Packed, Place, Steps, main

QUEUE = "orders"
LONGEST = timedelta(seconds=60)


class Activities:
    """The steps, by the names that Temporal knows them by."""

    def __init__(self, steps: Steps) -> None:
        self._steps = steps

    @activity.defn
    async def task(self, order: dict[str, str]) -> str:
        return await self._steps.task(order)

    @activity.defn
    async def post(self, order: dict[str, str]) -> str:
        return await self._steps.post(order)

    @activity.defn
    async def mail(self, order: dict[str, str]) -> None:
        await self._steps.mail(order)

    @activity.defn
    async def label(self, order: dict[str, str]) -> dict[str, str]:
        return await self._steps.label(order)

    @activity.defn
    async def track(self, order: dict[str, str], number: str) -> None:
        await self._steps.track(order, number)

    @activity.defn
    async def publish(self, order: dict[str, str], number: str) -> str:
        return await self._steps.publish(order, number)


def _done(step: Any, *given: Any) -> Any:
    return workflow.execute_activity_method(step, args=list(given), start_to_close_timeout=LONGEST)


@workflow.defn
class Life:
    """One order, from placed to published."""

    def __init__(self) -> None:
        self._packed = False

    @workflow.run
    async def run(self, order: dict[str, str]) -> str:
        """The steps in their order."""
        await asyncio.gather(
            _done(Activities.task, order),
            _done(Activities.post, order),
            _done(Activities.mail, order),
        )
        await workflow.wait_condition(lambda: self._packed)
        bought = await _done(Activities.label, order)
        await workflow.sleep(TRACK_SECONDS)
        await _done(Activities.track, order, bought["number"])
        return str(await _done(Activities.publish, order, bought["number"]))

    @workflow.signal
    def packed(self) -> None:
        """The warehouse's report."""
        self._packed = True


async def run(steps: Steps) -> tuple[Place, Packed]:
    """Start a worker in this process, with its own defaults."""
    client = await Client.connect(os.environ["BENCH_TEMPORAL_ADDRESS"])
    activities = Activities(steps)
    worker = Worker(
        client,
        task_queue=QUEUE,
        workflows=[Life],
        activities=[
            *(activities.task, activities.post, activities.mail),
            *(activities.label, activities.track, activities.publish),
        ],
    )
    working = asyncio.create_task(worker.run())
    working.add_done_callback(_ended)

    async def place(order: Order) -> None:
        await client.start_workflow(Life.run, order.as_json(), id=order.reference, task_queue=QUEUE)

    async def packed(reference: str) -> None:
        await client.get_workflow_handle(reference).signal(Life.packed)

    return place, packed


def _ended(working: asyncio.Task[None]) -> None:
    if not working.cancelled():
        working.result()


if __name__ == "__main__":
    main(run)
