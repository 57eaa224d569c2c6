"""An edge and an API on real servers, for the tests of HTTP."""

from __future__ import annotations

import base64
import hmac
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager

from aiohttp import web
from msgspec import Struct

from adapters.channels.shopify.source import Shopify
from adapters.kit.inbound import SignatureRefused
from adapters.nats.connection import Connection
from adapters.nats.publisher import Publisher
from adapters.nats.seal import Seal
from service.app.clock import SystemClock
from service.app.web import HttpServer, ServerLimits, application
from service.http.bodies import Bodies
from service.http.peers import Peers
from service.inbound.edge import Edge, InboundSource, Inlet
from service.telemetry.metrics import Metrics
from service.telemetry.tracing import start_tracing

SECRET = "a secret of a test shop"
OLD_SECRET = "the one before it"
MEBIBYTE = 1024 * 1024
LARGEST = 4 * MEBIBYTE


def a_shop() -> Shopify:
    """A Shopify shop in the middle of changing its secret."""
    return Shopify(
        "acme-us",
        shop_domain="acme.myshopify.com",
        secrets=[SECRET, OLD_SECRET],
        api_version="2026-10",
    )


def signed(raw: bytes, delivery: str = "", *, secret: str = SECRET) -> dict[str, str]:
    """Return the headers of an authentic webhook."""
    digest = base64.b64encode(hmac.digest(secret.encode(), raw, "sha256")).decode()
    return {
        "X-Shopify-Hmac-Sha256": digest,
        "X-Shopify-Webhook-Id": delivery,
        "X-Shopify-Topic": "orders/create",
        "X-Shopify-Shop-Domain": "acme.myshopify.com",
        "X-Shopify-Api-Version": "2026-10",
    }


class Running(Struct, frozen=True):
    """A server that listens; `metrics` are its own."""

    base: str
    port: int
    metrics: Metrics
    bodies: Bodies


@asynccontextmanager
async def serving(
    *routes: list[web.RouteDef], limits: ServerLimits | None = None, peers: Peers | None = None
) -> AsyncIterator[int]:
    """Serve the routes on a free port."""
    server = HttpServer(application(routes), limits, peers)
    await server.start("127.0.0.1", 0)
    try:
        yield server.port
    finally:
        await server.stop()


async def no_order(sender: str, raw: bytes) -> None:
    """Take nothing that is about no order."""
    raise AssertionError(f"{sender} sent something about no order.")


@asynccontextmanager
async def running_edge(
    stream: Inlet,
    *,
    limits: ServerLimits | None = None,
    read_seconds: float = 10.0,
    max_held_bytes: int = 64 * MEBIBYTE,
    refused: Callable[[str, str], None] = lambda category, sender: None,
    max_under_way: int = 384,
    at_once_of_one: int = 24,
    turn_seconds: float = 20.0,
    lasting_seconds: float = 60.0,
    grace_seconds: float = 2.0,
    peers: Peers | None = None,
    beside: Sequence[web.RouteDef] = (),
    sources: Mapping[str, InboundSource] | None = None,
    at_once: Callable[[str, bytes], Awaitable[None]] = no_order,
) -> AsyncIterator[Running]:
    """An edge with one sender named `acme`, or with `sources`."""
    clock = SystemClock()
    metrics = Metrics()
    bodies = Bodies(
        max_body_bytes=LARGEST,
        max_held_bytes=max_held_bytes,
        read_seconds=read_seconds,
        grace_seconds=grace_seconds,
        peers=peers,
    )
    edge = Edge(
        sources or {"acme": a_shop()},
        stream,
        bodies,
        forged=SignatureRefused,
        clock=clock,
        metrics=metrics,
        tracer=start_tracing(clock, sample_ratio=0.0, slow_seconds=1.0),
        at_once=at_once,
        refused=refused,
        max_under_way_per_source=max_under_way,
        at_once_per_source=at_once_of_one,
        turn_seconds=turn_seconds,
        lasting_seconds=lasting_seconds,
    )
    async with serving([*edge.routes(), *beside], limits=limits, peers=peers) as port:
        yield Running(f"http://127.0.0.1:{port}", port, metrics, bodies)


async def started_publisher(connection: Connection) -> Publisher:
    """A publisher that listens for acknowledgements."""
    publisher = Publisher(connection, Seal({}))
    await publisher.start()
    return publisher
