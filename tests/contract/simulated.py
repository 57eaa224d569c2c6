"""The simulators as tests use them: a real process, and requests as real clients send them."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web

ROOT = Path(__file__).resolve().parents[2]
SPECS = ROOT.parent / "shared" / "specs"
BEARER = {"Authorization": "Bearer any"}
TRACKING = {**BEARER, "transId": "t-1", "transactionSrc": "test"}
SHOP = {"X-Shopify-Access-Token": "any"}
GRAPHQL = "/shopify/acme-us.myshopify.com/admin/api/2026-10/graphql.json"
ORDERS = "/bc/api/v2.0/companies(3e5f)/salesOrders"
# Any: answers are free-form JSON, and reading them is what these tests are about.
Json = dict[str, Any]


def spec(*parts: str) -> Path:
    """The path of an official description; skips the test where the folder is missing."""
    path = SPECS.joinpath(*parts)
    if not path.exists():
        pytest.skip(f"The official description {'/'.join(parts)} is not on this machine.")
    return path


@dataclass(slots=True)
class Running:
    """Where the simulators listen."""

    http: str
    smtp_port: int
    pid: int


@contextmanager
def started(*arguments: str) -> Iterator[Running]:
    """The simulators' own process, ended with the block."""
    command = [sys.executable, "-m", "ops.simulators", "--ready-file", "-"]
    command += ["--parent-pid", str(os.getpid()), "--latency-ms", "0", *arguments]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield Running(**json.loads(process.stdout.readline()))
        finally:
            process.terminate()
            process.wait(10)


@dataclass(slots=True)
class Answer:
    """One answer, read whole."""

    status: int
    headers: dict[str, str]
    text: str

    @property
    def json(self) -> Json:
        found: Json = json.loads(self.text)
        return found


class Client:
    """Calls the simulators as any HTTP client does."""

    def __init__(self, session: aiohttp.ClientSession, base: str) -> None:
        self._session = session
        self._base = base

    async def call(
        self,
        method: str,
        path: str,
        body: object = None,
        headers: dict[str, str] | None = None,
        seconds: float = 5.0,
        **more: Any,  # Any: aiohttp's own options, passed on as they are
    ) -> Answer:
        limit = aiohttp.ClientTimeout(total=seconds)
        async with self._session.request(
            method, self._base + path, json=body, headers=headers, timeout=limit, **more
        ) as answer:
            lower = {name.lower(): value for name, value in answer.headers.items()}
            return Answer(answer.status, lower, await answer.text())

    async def fault(
        self,
        partner: str,
        operation: str = "*",
        knobs: Mapping[str, object] | None = None,
        **more: object,
    ) -> None:
        """Sets knobs."""
        body = {"partner": partner, "operation": operation, **(knobs or {}), **more}
        answer = await self.call("POST", "/_sim/faults", body)
        assert answer.status == 200, answer.text

    async def ledger(self, kind: str = "") -> list[Json]:
        """The ledger's entries of one kind, or all."""
        answer = await self.call("GET", f"/_sim/ledger?kind={kind}&limit=10000")
        entries: list[Json] = answer.json["entries"]
        return entries

    async def reset(self) -> None:
        """No knobs, an empty ledger."""
        await self.call("DELETE", "/_sim/faults")
        await self.call("DELETE", "/_sim/ledger")

    async def ship(self, reference: str, **more: Any) -> Answer:
        """Buys a label."""
        path = "/ups/api/shipments/v2409/ship"
        return await self.call("POST", path, ship_request(reference), BEARER, **more)

    async def recover(self, reference: str) -> Answer:
        """Asks for a label by our reference."""
        body = {
            "LabelRecoveryRequest": {
                "ReferenceValues": {
                    "ReferenceNumber": {"Value": reference},
                    "ShipperNumber": "A1B2C3",
                }
            }
        }
        return await self.call("POST", "/ups/api/labels/v2409/recovery", body, BEARER)

    async def graphql(self, query: str, **variables: object) -> Answer:
        """Asks the simulated shop."""
        return await self.call("POST", GRAPHQL, {"query": query, "variables": variables}, SHOP)


@asynccontextmanager
async def calling(running: Running) -> AsyncIterator[Client]:
    """A client of simulators that were reset."""
    async with aiohttp.ClientSession() as session:
        client = Client(session, running.http)
        await client.reset()
        yield client


@dataclass(slots=True)
class Listener:
    """A webhook receiver that keeps what it got. `answers` are given in turn, then 200."""

    url: str = ""
    answers: list[int] = field(default_factory=list)
    got: list[tuple[dict[str, str], bytes]] = field(default_factory=list)
    changed: asyncio.Condition = field(default_factory=asyncio.Condition)

    async def take(self, request: web.Request) -> web.Response:
        body = await request.read()
        async with self.changed:
            headers = {name.lower(): value for name, value in request.headers.items()}
            self.got.append((headers, body))
            self.changed.notify_all()
        return web.Response(status=self.answers.pop(0) if self.answers else 200)

    async def wait_for(self, count: int, seconds: float = 10.0) -> None:
        """Waits until so many have come."""
        async with asyncio.timeout(seconds), self.changed:
            await self.changed.wait_for(lambda: len(self.got) >= count)


@asynccontextmanager
async def listening(port: int = 0) -> AsyncIterator[Listener]:
    """A webhook receiver; port 0 takes a free one."""
    listener = Listener()
    application = web.Application()
    application.router.add_post("/{anything:.*}", listener.take)
    runner = web.AppRunner(application, access_log=None)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", port).start()
        listener.url = f"http://127.0.0.1:{runner.addresses[0][1]}/hooks"
        yield listener
    finally:
        await runner.cleanup()


def sales_order(reference: str) -> Json:
    """A sales order with two lines, 23.49 in all."""
    return {
        "externalDocumentNumber": reference,
        "customerNumber": "10000",
        "shipToName": "Ada Archer",
        "salesOrderLines": [
            {"lineType": "Item", "lineObjectNumber": "SKU-001", "quantity": 2, "unitPrice": 9.5},
            {"lineType": "Item", "lineObjectNumber": "SKU-002", "quantity": 1, "unitPrice": 4.49},
        ],
    }


def task(reference: str, callback_url: str = "") -> Json:
    """A warehouse task of two lines, five pieces."""
    return {
        "reference": reference,
        "fulfilment": "F1",
        "channel": "acme-us",
        "order_ref": "1001",
        "order_number": "#1001",
        "place": "main",
        "delivery": "parcel",
        "labels": "ours",
        "ship_to": {
            "name": "Ada Archer",
            "lines": ["1 Main St"],
            "city": "Austin",
            "country": "US",
        },
        "lines": [
            {"line_id": "1", "sku": "SKU-001", "title": "Mug", "quantity": 2},
            {"line_id": "2", "sku": "SKU-002", "title": "Lamp", "quantity": 3},
        ],
        "callback_url": callback_url,
    }


def _party(name: str) -> Json:
    return {
        "Name": name,
        "Address": {
            "AddressLine": ["1 Main Street"],
            "City": "Austin",
            "StateProvinceCode": "TX",
            "PostalCode": "78701",
            "CountryCode": "US",
        },
    }


def ship_request(reference: str, packages: int = 1) -> Json:
    """A ship request that satisfies UPS's own description."""
    package = {
        "Packaging": {"Code": "02"},
        "PackageWeight": {"UnitOfMeasurement": {"Code": "LBS"}, "Weight": "1.5"},
    }
    payer = {"Type": "01", "BillShipper": {"AccountNumber": "A1B2C3"}}
    return {
        "ShipmentRequest": {
            "Request": {"RequestOption": "nonvalidate"},
            "Shipment": {
                "Shipper": {**_party("Acme"), "ShipperNumber": "A1B2C3"},
                "ShipTo": _party("Ada Archer"),
                "Service": {"Code": "03"},
                "PaymentInformation": {"ShipmentCharge": [payer]},
                "ReferenceNumber": [{"Value": reference}],
                "Package": [package] * packages,
            },
            "LabelSpecification": {
                "LabelImageFormat": {"Code": "GIF"},
                "LabelStockSize": {"Height": "6", "Width": "4"},
            },
        }
    }


def shipment_id(answer: Answer) -> str:
    """The shipment's number in a ship answer."""
    found: str = answer.json["ShipmentResponse"]["ShipmentResults"]["ShipmentIdentificationNumber"]
    return found
