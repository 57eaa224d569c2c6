"""One whole running service with its simulated partners, as people meet it: by command line, HTTP
and NATS. An ERP in between writes down the headers that reach it; a collector takes the traces."""

from __future__ import annotations

import asyncio
import http.client
import io
import threading
import tomllib
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import urlsplit

import aiohttp
import msgspec
import nats
import pytest
from msgspec.structs import replace
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from ops.simulators.sqs import KEY_ID, SECRET
from schemas.order.canonical import Customer, Order
from schemas.order.ids import ref_token
from service.demo.world import ERP, new_secret, toml
from tests.e2e.world import PATIENT, World
from tests.integration import typed
from tests.integration.servers import temporary_home
from tests.orders import an_order
from tests.waiting import eventually

OUTLET = "outlet"
"""Another channel that takes our own contract, and whose facts are off."""
CHANNEL = "wholesale"
"""A channel of the kind canonical: it has no storefront API."""
AMAZON, FORWARDER = "amazon-de", "the forwarder's secret"
"""A channel of the kind amazon, and what its notifications are signed with."""
CANARY = "Canary Xyzzy"
"""A customer whose name must be found nowhere but in the order."""

Headers = dict[str, str]


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    bodies: list[bytes]
    requests: list[tuple[str, str, Headers]]
    behind: str = ""
    quoting: bool = False
    locked: bool = False


class _Collector(BaseHTTPRequestHandler):
    """Takes OTLP over HTTP."""

    server: _Server

    def do_POST(self) -> None:
        self.server.bodies.append(self.rfile.read(int(self.headers["Content-Length"])))
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


class _Forwarder(BaseHTTPRequestHandler):
    """Passes requests on to the simulated ERP; while it is `quoting` it refuses sales orders, and
    quotes what was sent in its refusal, as partners do. While it is `locked` it lets no one in."""

    server: _Server

    def do_POST(self) -> None:
        headers = {name.lower(): value for name, value in self.headers.items()}
        self.server.requests.append((self.command, self.path, headers))
        body = self.rfile.read(int(headers.get("content-length", "0")))
        if self.server.locked:
            told = {"error": {"code": "Unauthorized", "message": "Who are you?"}}
            self._answer(401, [("Content-Type", "application/json")], msgspec.json.encode(told))
            return
        if self.server.quoting and self.command == "POST" and b"customerNumber" in body:
            told = {"error": {"code": "BadRequest", "message": f"No good: {body.decode()}"}}
            self._answer(400, [("Content-Type", "application/json")], msgspec.json.encode(told))
            return
        there = http.client.HTTPConnection(self.server.behind, timeout=30)
        try:
            kept = {n: v for n, v in headers.items() if n not in {"host", "connection"}}
            there.request(self.command, self.path, body, kept)
            answer = there.getresponse()
            content = answer.read()
        finally:
            there.close()
        self._answer(answer.status, answer.getheaders(), content)

    def _answer(self, status: int, headers: list[tuple[str, str]], content: bytes) -> None:
        self.send_response(status)
        for name, value in headers:
            if name.lower() in {"content-type", "etag", "location", "retry-after"}:
                self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def do_GET(self) -> None:
        self.do_POST()

    def do_DELETE(self) -> None:
        self.do_POST()

    def do_PATCH(self) -> None:
        self.do_POST()

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


@contextmanager
def _listening(handler: type[BaseHTTPRequestHandler], behind: str = "") -> Iterator[_Server]:
    server = _Server(("127.0.0.1", 0), handler)
    server.bodies, server.requests, server.behind = [], [], behind
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join(10)


class Answer(msgspec.Struct, frozen=True):
    """What came back over HTTP."""

    status: int
    headers: Headers
    body: bytes

    def json(self) -> dict[str, object]:
        """The body, which must be a JSON object."""
        return msgspec.json.decode(self.body, type=dict[str, object])


class Whole:
    """The running service and what was noted on its way."""

    def __init__(self, world: World, erp: _Server, collector: _Server) -> None:
        self.world = world
        self.erp = erp
        self.collector = collector
        self.token = ""
        self._placed = 0

    def cli(
        self,
        *words: str,
        code: int = 0,
        environ: Mapping[str, str] | None = None,
        cwd: Path | None = None,
        running: bool = True,
    ) -> str:
        """Run a command; return what it printed (both streams) once its exit code is as expected.

        `running`: it is told where the running service keeps its data."""
        told = {"ORDERWRIGHT_DATA": str(self.world.data)} if running else {}
        ran = typed.run(words, cwd or self.world.home, {**told, **(environ or {})})
        assert ran.code == code, f"{' '.join(words)} ended with {ran.code}:\n{ran.said}"
        assert "Traceback" not in ran.said, ran.said
        return ran.said

    async def ask(
        self, method: str, path: str, *, body: bytes | None = None, **headers: str
    ) -> Answer:
        """Ask the service's HTTP side. Underscores in header names stand for hyphens."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        timeout = aiohttp.ClientTimeout(total=20.0)
        async with (
            aiohttp.ClientSession(timeout=timeout) as session,
            session.request(
                method,
                f"{self.world.url}{path}",
                data=io.BytesIO(body) if body is not None else None,
                headers=named,
                allow_redirects=False,
            ) as answer,
        ):
            found = {name.lower(): value for name, value in answer.headers.items()}
            return Answer(answer.status, found, await answer.read())

    async def api(
        self, method: str, path: str, *, body: bytes | None = None, **headers: str
    ) -> Answer:
        """Ask the API with the key that has every scope."""
        headers = {"Authorization": f"Bearer {self.token}", **headers}
        return await self.ask(method, path, body=body, **headers)

    def order(self, **changes: object) -> Order:
        """A new paid order of SKUs that are in stock, with a reference and number of its own."""
        self._placed += 1
        number = 7000 + self._placed
        order = an_order(ref=f"W-{number}", number=f"W{number}", customer=CUSTOMER)
        lines = tuple(
            replace(line, sku=f"SKU-{index:03d}") for index, line in enumerate(order.lines, 1)
        )
        return replace(order, **{"lines": lines, **changes})

    async def place(self, order: Order, **headers: str) -> dict[str, object]:
        """Place it over the API; return the answer's body."""
        key = {"Idempotency_Key": f"place-{order.ref}"}
        answer = await self.api(
            "POST", "/api/v1/orders", body=msgspec.json.encode(order), **key, **headers
        )
        assert answer.status == 202, answer.body
        return answer.json()

    async def progress(self, name: str) -> str:
        """How far an order is; "" while nothing is known of it."""
        return (await self._stands(name))[1]

    async def _stands(self, name: str) -> tuple[str, str]:
        answer = await self.api("GET", f"/api/v1/orders/{name}")
        if answer.status == 404:
            return "", ""
        assert answer.status == 200, answer.body
        row = answer.json()["row"]
        assert isinstance(row, dict)
        return str(row["stage"]), str(row["progress"])

    async def until(self, name: str, *wanted: str, seconds: float = 30.0) -> str:
        """Wait until the order is in one of the stages, or has got so far."""

        async def there() -> str:
            return next((one for one in await self._stands(name) if one in wanted), "")

        try:
            return await eventually(there, seconds)
        except AssertionError:
            found = self.cli("orders", "timeline", name) if await self.progress(name) else "unknown"
            raise AssertionError(f"{name} is not {' or '.join(wanted)}:\n{found}") from None

    def spans(self) -> list[Span]:
        """Every span the collector has."""
        found: list[Span] = []
        for body in list(self.collector.bodies):
            request = ExportTraceServiceRequest()
            request.ParseFromString(body)
            for resource in request.resource_spans:
                for scope in resource.scope_spans:
                    found += scope.spans
        return found

    def nats_url(self, channel: str) -> str:
        """The address with the channel's own user and password."""
        return self.world.channel_nats(channel)

    async def publish(self, kind: str, ref: str, body: bytes, channel: str = CHANNEL) -> None:
        """Publish as another service does, with the channel's own user."""
        client = await nats.connect(self.nats_url(channel))
        try:
            subject = f"orders.in.{channel}.{kind}.{ref_token(ref)}"
            await client.jetstream().publish(subject, body, timeout=5)
        finally:
            await client.close()


@pytest.fixture
def empty() -> Iterator[Path]:
    """A directory that the servers' user can pass through, and no service has seen."""
    with temporary_home() as home:
        yield home


CUSTOMER = Customer(name=CANARY, email="canary.xyzzy@example.com")


@pytest.fixture(scope="session")
def whole() -> Iterator[Whole]:
    """The service, its partners, an API key with every scope, and stock on the shelf."""
    with ExitStack() as stack:
        collector = stack.enter_context(_listening(_Collector))
        home = stack.enter_context(temporary_home())
        processes = stack.enter_context(ExitStack())
        world = World(home, processes)
        asyncio.run(world.start_partners(pace=PATIENT))
        behind = urlsplit(world.partners.http).netloc
        erp = stack.enter_context(_listening(_Forwarder, behind))
        _configure(world, erp, collector)
        world.start_service()
        asyncio.run(_begin(world))
        running = Whole(world, erp, collector)
        scopes = ["orders:write", "orders:read", "orders:act", "labels:read", "books:read"]
        scopes += ["stock:read", "stock:write"]
        words = [part for scope in scopes for part in ("--scope", scope)]
        running.token = running.cli("keys", "create", "tests", *words, "--channel", "*").strip()
        yield running
        # By itself, so that its servers have ended before their directory goes.
        assert asyncio.run(world.service.terminated()) == 0, world.service.last_words()


async def _begin(world: World) -> None:
    await world.ready()
    await world.seed_stock()


def _amazon(world: World, calls: Mapping[str, object]) -> dict[str, object]:
    there = f"{world.partners.http}/amazon"
    return {
        "kind": "amazon",
        "webhook_secrets": [FORWARDER],
        "calls": calls,
        "backfill_seconds": 0,
        "client_id": "amzn1.application-oa2-client.1",
        "client_secret": new_secret(),
        "refresh_token": new_secret(),
        "region": "eu",
        "marketplace_ids": ["A1PA6795UKMFR9"],
        "queue_arn": "arn:aws:sqs:eu-west-1:444455556666:orders",
        "aws_access_key_id": KEY_ID,
        "aws_secret_access_key": SECRET,
        "queue_endpoint": f"{world.partners.http}/sqs",
        "api_base_url": there,
        "token_url": f"{there}/auth/o2/token",
    }


def _configure(world: World, erp: _Server, collector: _Server) -> None:
    table = tomllib.loads(world.config.read_text())
    table["channels"][CHANNEL] = {"kind": "canonical", "calls": table["partners"][ERP]["calls"]}
    table["channels"][OUTLET] = {"kind": "canonical", "facts": False}
    table["channels"][AMAZON] = _amazon(world, table["partners"][ERP]["calls"])
    table["partners"][ERP]["base_url"] = f"http://127.0.0.1:{erp.server_port}/bc/api/v2.0"
    table["partners"][ERP]["calls"]["rest_seconds"] = 1.0
    table["telemetry"] = {
        "otlp_endpoint": f"http://127.0.0.1:{collector.server_port}",
        "sample_ratio": 1.0,
        "log_level": "debug",
        "log_format": "json",
    }
    table["limits"] = {"drain_seconds": 2.0}
    table["reconciliation"] = dict.fromkeys(("grace_hours", "settle_hours", "payout_days"), 0)
    table["alerts"] = {"settle_seconds": 0.0}
    table["alert_routes"] = {"ops": {"kind": "log"}}
    world.config.write_text(toml(table))


__all__ = ["AMAZON", "CANARY", "CHANNEL", "FORWARDER", "Answer", "Whole", "empty", "whole"]
