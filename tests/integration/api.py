"""A running API on real servers, for its tests."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime

import msgspec
import pytest
from msgspec import Struct
from msgspec.structs import replace

from actors.runtime.ports import Append
from adapters.channels.canonical.source import Canonical
from adapters.nats.connection import Connection
from adapters.nats.streams import ORDERS, ensure_streams
from adapters.postgres.idempotency import Idempotency
from adapters.postgres.journal import PostgresJournal
from adapters.postgres.keys import ApiKeys
from adapters.postgres.leases import Leases
from adapters.postgres.migrate import migrate
from adapters.postgres.pool import Pool
from adapters.postgres.views import Views
from schemas.order.ids import OrderId, Reference, sign_reference, verify_reference
from schemas.order.things import ORDER
from service.app.clock import SystemClock
from service.embedded.supervisor import EmbeddedServers
from service.http.base import Api as HttpApi
from service.http.bodies import Bodies
from service.orders.api import Writing
from service.orders.labels import LabelLinks
from service.orders.reading import Finder, Reading
from tests.appends import SEALING
from tests.integration.http import MEBIBYTE, serving, started_publisher
from tests.integration.test_nats_adapter import connected
from tests.order_streams import Stream
from tests.orders import an_order

SIGNING = {"1": b"a key that signs references"}
ALL = ("orders:write", "orders:read", "orders:act", "labels:read")
NOW = datetime(2026, 11, 27, 12, 0, tzinfo=UTC)


class Ticking:
    """A monotonic clock that a test moves."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def __call__(self) -> float:
        return self.seconds


class Api(Struct):
    """A running API, what it stands on, and a key with every scope."""

    base: str
    keys: ApiKeys
    repeats: Idempotency
    pool: Pool
    connection: Connection
    ticking: Ticking
    token: str
    key_id: str
    refused: list[tuple[str, str]]
    journal: PostgresJournal

    async def tell(self, append: Append) -> None:
        """Store what happened to an order."""
        assert (await self.journal.append(append)).kind == "committed"

    async def stored(self) -> list[bytes]:
        """Return the messages in the stream."""
        state = (await self.connection.jetstream.stream_info(ORDERS)).state
        return [
            (await self.connection.jetstream.get_msg(ORDERS, seq=number)).data or b""
            for number in range(1, state.last_seq + 1)
        ]

    async def key(self, *scopes: str, channels: tuple[str, ...] = ("acme-us",)) -> str:
        """Make another key and return its token."""
        _, token = await self.keys.create("another", scopes, channels, now=NOW)
        return token


def sign(order_id: OrderId) -> Reference:
    """Sign as the service does."""
    return sign_reference(order_id, ORDER, "1", SIGNING)


@pytest.fixture
async def api(servers: EmbeddedServers, database: str) -> AsyncIterator[Api]:
    """The API with its own database and empty streams."""
    await migrate(database)
    async with connected(servers.nats_url) as connection:
        await ensure_streams(connection)
        pool = Pool(database, by_key=False)
        try:
            async with running_api(pool, connection) as running:
                yield running
        finally:
            await pool.close()


@asynccontextmanager
async def running_api(pool: Pool, connection: Connection) -> AsyncIterator[Api]:
    """Serve the reading and the writing side."""
    ticking = Ticking()
    keys, repeats = ApiKeys(pool, monotonic=ticking), Idempotency(pool, SEALING)
    views = Views(pool, SEALING)
    finder = Finder(views, lambda text: verify_reference(text, SIGNING)[0])
    refused: list[tuple[str, str]] = []
    shared = HttpApi(keys, Bodies(max_body_bytes=MEBIBYTE), repeats, SystemClock())
    writing = Writing(
        await started_publisher(connection),
        shared,
        finder,
        channels=("acme-us", "beta-eu"),
        translate=Canonical().translate,
        sign=sign,
        refused=lambda category, channel: refused.append((category, channel)),
    )
    key, token = await keys.create("tests", ALL, ("acme-us",), now=NOW)
    reading, labels = Reading(views, finder, shared), LabelLinks(views, SIGNING, SystemClock())
    leases = Leases(pool, "test")
    await leases.acquire()
    journal = PostgresJournal(pool, leases, SEALING)
    async with serving(writing.routes(), reading.routes(), labels.routes()) as port:
        base = f"http://127.0.0.1:{port}"
        yield Api(
            base, keys, repeats, pool, connection, ticking, token, key.id, refused, journal
        )  # fmt: skip


def headers(token: str, key: str = "first", **more: str) -> dict[str, str]:
    """Return the headers of a request."""
    return {"Authorization": f"Bearer {token}", "Idempotency-Key": key, **more}


def body(**changes: object) -> bytes:
    """Return a canonical order as JSON."""
    return msgspec.json.encode(replace(an_order(), **changes))


async def put_order(api: Api, number: str, channel: str) -> OrderId:
    """Put an order of two lines into the database, as the journal leaves it."""
    stream = Stream(f"ref-{channel}-{number}", channel=channel, number=number)
    stream.reference = sign(stream.order_id)
    await api.tell(stream.tell(stream.placed(), at=NOW))
    return stream.order_id
