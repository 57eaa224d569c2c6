"""What every peer's process shares: the order, the partners' calls, and the webhooks' server.

The calls are the bare loop's (`ops/bench/bare_partners.py`). Each is one durable step of the peer;
stock is not reserved, and nothing is checked, signed, measured or limited.
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import gc
import json
import os
import signal
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from aiohttp import web

from ops.bench.bare_partners import Partners, Unexpected

TRACK_SECONDS = 0.01
"""When the carrier is asked after the label was bought, by the peer's own durable timer."""

MAX_BODY_BYTES = 1024 * 1024
COLLECTOR = (150_000, 50, 100)
"""The settings of the garbage collector that the product and the bare loop use."""


@dataclass(frozen=True, slots=True)
class Order:
    """What the steps need to know of an order."""

    id: str
    reference: str
    gid: str
    number: str

    @classmethod
    def of(cls, body: bytes) -> Order:
        """Read the storefront's webhook."""
        placed = json.loads(body)
        serial = int(placed["id"])
        return cls(
            f"{serial:022d}", f"1B{serial:033d}", placed["admin_graphql_api_id"], placed["name"]
        )

    def as_json(self) -> dict[str, str]:
        """Return what a peer stores."""
        return {
            "id": self.id, "reference": self.reference, "gid": self.gid, "number": self.number,
        }  # fmt: skip


class Steps:
    """The calls of one order. Arguments and results are JSON, which every peer can store."""

    def __init__(self, partners: Partners) -> None:
        self._partners = partners

    async def task(self, order: dict[str, str]) -> str:
        """Have the warehouse pack the order."""
        return await self._partners.create_task(Order(**order))

    async def post(self, order: dict[str, str]) -> str:
        """Post the sales order."""
        return await self._partners.post_sales_order(Order(**order))

    async def mail(self, order: dict[str, str]) -> None:
        """Write to the customer."""
        await self._partners.send_mail(Order(**order))

    async def label(self, order: dict[str, str]) -> dict[str, str]:
        """Buy a label; return its number and its picture, which the peer keeps."""
        number, picture = await self._partners.buy_label(Order(**order))
        return {"number": number, "picture": base64.b64encode(picture).decode()}

    async def track(self, order: dict[str, str], number: str) -> None:
        """Ask the carrier, whose answer is that the parcel has arrived."""
        if (status := await self._partners.track(Order(**order), number)) != "D":
            raise Unexpected(f"The parcel {number} should be delivered, but is {status}.")

    async def publish(self, order: dict[str, str], number: str) -> str:
        """Tell the storefront."""
        return await self._partners.publish(Order(**order), number)


Place = Callable[[Order], Awaitable[None]]
Packed = Callable[[str], Awaitable[None]]
Run = Callable[[Steps], Awaitable[tuple[Place, Packed]]]
"""Starts an engine's worker. What it returns start an order's workflow, and tell it that its goods
are packed; both return once the engine has stored that."""


def main(run: Run) -> None:
    """The command of a peer's process: serve webhooks until SIGTERM."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, required=True, help="where to listen for webhooks")
    parser.add_argument("--partners", required=True, help="the simulated partners' address")
    parser.add_argument("--smtp-port", type=int, required=True, help="the simulated mail server's")
    given = parser.parse_args()
    asyncio.run(_serve(run, given))
    # An engine's threads may wait for work that no one sends any more.
    os._exit(0)


async def _serve(run: Run, given: argparse.Namespace) -> None:
    ended = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, ended.set)
    callback = f"http://127.0.0.1:{given.port}/hooks/warehouse"
    async with Partners(given.partners, given.smtp_port, callback) as partners:
        place, packed = await run(Steps(partners))

        async def hook(request: web.Request) -> web.Response:
            body = await request.read()
            if request.match_info["source"] == "warehouse":
                await packed(json.loads(body)["reference"])
            else:
                await place(Order.of(body))
            return web.Response()

        async def ready(_: web.Request) -> web.Response:
            return web.Response(text="ready")

        app = web.Application(client_max_size=MAX_BODY_BYTES)
        app.add_routes([web.post("/hooks/{source}", hook), web.get("/readyz", ready)])
        runner = web.AppRunner(app, access_log=None)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", given.port).start()
        gc.set_threshold(*COLLECTOR)
        gc.collect()
        gc.freeze()
        await ended.wait()
        await runner.cleanup()
