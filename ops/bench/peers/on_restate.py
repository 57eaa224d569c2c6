"""`python -m ops.bench.peers.on_restate`: the lifecycle as a workflow of Restate, whose server is a
process of its own (BENCH_RESTATE_INGRESS, BENCH_RESTATE_ADMIN)."""

from __future__ import annotations

import asyncio
import os
from datetime import timedelta
from typing import Any

import aiohttp
import restate
from hypercorn.asyncio import serve
from hypercorn.config import Config

from ops.bench.bare_partners import Unexpected
from ops.bench.peers.orders import TRACK_SECONDS, Order, Packed, Place, Steps, main

MANY = 2_147_483_647
"""As the documentation of Restate's SDK has it for Hypercorn in production: no connection ends."""

REGISTERING = 50
REGISTERING_PAUSE_SECONDS = 0.2


def workflow_of(steps: Steps) -> restate.Workflow:
    """Return the workflow, whose steps are these."""
    flow = restate.Workflow("Order")

    @flow.main()
    async def run(ctx: restate.WorkflowContext, order: dict[str, str]) -> str:
        plain: restate.RunOptions[Any] = restate.RunOptions()
        await restate.gather(
            ctx.run_typed("task", steps.task, plain, order),
            ctx.run_typed("post", steps.post, plain, order),
            ctx.run_typed("mail", steps.mail, plain, order),
        )
        await ctx.promise("packed", type_hint=str).value()
        bought = await ctx.run_typed("label", steps.label, plain, order)
        await ctx.sleep(timedelta(seconds=TRACK_SECONDS))
        await ctx.run_typed("track", steps.track, plain, order, bought["number"])
        return str(await ctx.run_typed("publish", steps.publish, plain, order, bought["number"]))

    @flow.handler()
    async def packed(ctx: restate.WorkflowSharedContext, said: str) -> None:
        await ctx.promise("packed", type_hint=str).resolve(said)

    return flow


async def run(steps: Steps) -> tuple[Place, Packed]:
    """Serve the workflow, and have the server know of it."""
    at = f"127.0.0.1:{os.environ['BENCH_RESTATE_PORT']}"
    config = Config()
    config.bind = [at]
    config.h2_max_concurrent_streams = MANY
    config.keep_alive_max_requests = MANY
    config.keep_alive_timeout = MANY
    served = asyncio.create_task(serve(restate.app([workflow_of(steps)]), config))
    served.add_done_callback(_ended)
    session = aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0))
    await _register(session, os.environ["BENCH_RESTATE_ADMIN"], f"http://{at}")
    ingress = os.environ["BENCH_RESTATE_INGRESS"]

    async def place(order: Order) -> None:
        await _told(session, f"{ingress}/Order/{order.reference}/run/send", order.as_json())

    async def packed(reference: str) -> None:
        await _told(session, f"{ingress}/Order/{reference}/packed", "packed")

    return place, packed


def _ended(served: asyncio.Task[None]) -> None:
    if not served.cancelled():
        served.result()


async def _register(session: aiohttp.ClientSession, admin: str, uri: str) -> None:
    """Register the deployment; its port listens a moment later."""
    for left in reversed(range(REGISTERING)):
        async with session.post(f"{admin}/deployments", json={"uri": uri}) as answer:
            if answer.status < 300:
                return
            if not left:
                raise Unexpected(f"Restate refused the workflow: {await answer.text()}")
        await asyncio.sleep(REGISTERING_PAUSE_SECONDS)


async def _told(session: aiohttp.ClientSession, url: str, body: object) -> None:
    async with session.post(url, json=body) as answer:
        if answer.status >= 300:
            raise Unexpected(f"Restate answered {answer.status}: {await answer.text()}")
        await answer.read()


if __name__ == "__main__":
    main(run)
