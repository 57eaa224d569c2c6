"""The part of the composition root that the command line stands on: reading the store, publishing
decisions, from outside the service. It knows no partner and no channel: commands begin quickly."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from adapters.nats.connection import NatsUnusable, connect
from adapters.nats.publisher import Publisher
from adapters.postgres.keys import ApiKey, ApiKeys, KeyRefused
from adapters.postgres.pool import Pool
from adapters.postgres.replay import streams
from adapters.postgres.timeline import Entry
from adapters.postgres.views import OrderView, Page, Views

__all__ = [
    "ApiKey",
    "ApiKeys",
    "Entry",
    "KeyRefused",
    "NatsUnusable",
    "OrderView",
    "Page",
    "Pool",
    "Views",
    "publisher",
    "reports",
    "streams",
]


CORRELATION_SECRET = "correlation-key"  # noqa: S105 — the name of a secret, not one


@asynccontextmanager
async def reports(dsn: str) -> AsyncIterator[Pool]:
    """Open a few connections for reading, from outside the service."""
    pool = Pool(dsn, max_connections=2, by_key=False, deadline_seconds=30.0)
    try:
        yield pool
    finally:
        await pool.close()


@asynccontextmanager
async def publisher(nats_url: str) -> AsyncIterator[Publisher]:
    """Connect just to publish, from outside the service."""
    connection = await connect([nats_url], name="orderwright-local")
    try:
        publisher = Publisher(connection)
        await publisher.start()
        yield publisher
    finally:
        await connection.close()
