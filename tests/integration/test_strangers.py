"""Strangers cost little: what one peer can take up, of connections, bodies and look-ups."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

import aiohttp
import pytest
from aiohttp import web

from adapters.postgres.keys import ApiKeys
from adapters.postgres.migrate import migrate
from adapters.postgres.pool import Pool
from service.app.clock import SystemClock
from service.app.front import listen_for_health
from service.app.health import Health, Readiness
from service.app.web import ServerLimits
from service.http.auth import principal_of
from service.http.base import json_answer
from service.http.peers import WRONG_AT_ONCE, Peers, WrongKeys
from service.inbound.edge import NoStream
from service.settings import Listen
from service.telemetry.metrics import Metrics
from tests.conftest import Say
from tests.integration.http import MEBIBYTE, running_edge, serving, signed
from tests.integration.test_edge import HeldStream
from tests.waiting import eventually

STRANGER, GENUINE = "127.0.0.2", "127.0.0.1"
NO_PROXIES = Peers(())
HEAD = b"POST /hooks/acme HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n\r\n"

Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


async def livez(request: web.Request) -> web.Response:
    """Answer as the probe's path does."""
    return web.Response(text="ok\n")


class Disk(NoStream):
    """A stream that has every message on disk at once."""

    async def publish(self, *given: object, **more: object) -> None:
        """Take it."""


async def connect(port: int, count: int) -> list[Streams]:
    """Open connections of a stranger that begin a body and never end it."""
    found = []
    for _ in range(count):
        reader, writer = await asyncio.open_connection(GENUINE, port, local_addr=(STRANGER, 0))
        writer.write(HEAD + b"{")
        found.append((reader, writer))
    return found


@asynccontextmanager
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    """A genuine client, each of whose requests has a connection of its own."""
    timeout = aiohttp.ClientTimeout(total=20)
    connector = aiohttp.TCPConnector(force_close=True)
    async with aiohttp.ClientSession(timeout=timeout, connector=connector) as one:
        yield one


async def test_one_client_s_slow_connections_keep_no_one_out(say: Say) -> None:
    """Of 500 connections of one peer with bodies that never end half are refused at once; a
    genuine webhook and the probe are answered meanwhile, and none of them counts against the
    sender that they name. Neither waits for them: the quickest of ten, which the machine's other
    work does not hide, is answered within 50 ms. The slowest is printed."""
    async with (
        running_edge(
            Disk(),
            peers=NO_PROXIES,
            max_under_way=1,
            grace_seconds=60.0,
            read_seconds=60.0,
            beside=[web.get("/livez", livez)],
        ) as edge,
        session() as http,
        asyncio.timeout(30),
    ):
        slow = await connect(edge.port, 500)
        refused = slow[ServerLimits().max_of_peer :]
        for reader, _ in refused:
            assert b" 503 " in await reader.readline()
        raw = b'{"id": 1}'
        webhooks, probes = [], []
        for number in range(10):
            headers = signed(raw, str(number))
            began = time.perf_counter()
            async with http.post(f"{edge.base}/hooks/acme", data=raw, headers=headers) as answer:
                assert answer.status == 200
            webhooks.append(1_000 * (time.perf_counter() - began))
            began = time.perf_counter()
            async with http.get(f"{edge.base}/livez") as answer:
                assert answer.status == 200
            probes.append(1_000 * (time.perf_counter() - began))
        for what, took in (("a webhook", webhooks), ("/livez", probes)):
            say(f"Beside 500 slow connections {what} took {min(took):.1f} to {max(took):.1f} ms.")
            assert min(took) < 50
        for _, writer in slow:
            writer.close()


async def test_probes_have_a_port_of_their_own() -> None:
    """It answers probes and metrics while the main one is full, and nothing else."""
    with socket.socket() as free:
        free.bind((GENUINE, 0))
        port = free.getsockname()[1]
    health = Health(Readiness(), {}, render_metrics=Metrics().render, metrics_content_type="a/b")
    async with AsyncExitStack() as stack, session() as http:
        await listen_for_health(health, Listen(host=GENUINE, health_port=port), stack)
        limits = ServerLimits(max_connections=1)
        main = await stack.enter_async_context(running_edge(Disk(), limits=limits))
        (kept,) = await connect(main.port, 1)
        found = []
        for path in ("/livez", "/readyz", "/metrics", "/hooks/acme"):
            async with http.get(f"http://{GENUINE}:{port}{path}") as answer:
                found.append(answer.status)
        assert found == [200, 503, 200, 404]
        kept[1].close()


async def test_a_proxy_s_connections_are_its_clients_() -> None:
    """A proxy may have as many as there are, and whom it serves is the last address that it did not
    get from another proxy."""
    peers = Peers(("127.0.0.0/8", "10.0.0.0/8"))
    limits = ServerLimits(max_connections=8, max_of_peer=2)

    async def tell(request: web.Request) -> web.Response:
        return web.Response(text=peers.of(request))

    async with serving([web.get("/", tell)], limits=limits, peers=peers) as port, session() as http:
        base = f"http://127.0.0.1:{port}/"
        kept = [await asyncio.open_connection("127.0.0.1", port) for _ in range(5)]
        for forwarded, peer in (
            ("203.0.113.9", "203.0.113.9"),
            ("198.51.100.1, 203.0.113.9, 10.1.2.3", "203.0.113.9"),
            ("10.1.2.3", ""),
            ("rubbish", ""),
            (", ".join(["203.0.113.9"] + ["10.0.0.1"] * 16), ""),
        ):
            async with http.get(base, headers={"X-Forwarded-For": forwarded}) as answer:
                assert await answer.text() == peer
        for _, writer in kept:
            writer.close()


async def test_a_body_must_come_at_a_least_rate() -> None:
    """One that trickles is cut off when its grace is over, long before its whole time is, and holds
    nothing then."""
    async with running_edge(Disk(), grace_seconds=0.3, read_seconds=60.0) as edge:
        async with asyncio.timeout(15):
            reader, writer = await asyncio.open_connection(GENUINE, edge.port)
            writer.write(HEAD)
            for _ in range(3):
                writer.write(b"x")
                await writer.drain()
            assert b" 408 " in await reader.readline()
            writer.close()
        assert edge.bodies.held_bytes == 0
        assert edge.bodies.of_peer == {}


async def test_one_peer_s_bodies_leave_room_for_another_s() -> None:
    """Unfinished bodies of one peer may hold a quarter of the budget; a genuine one is read."""
    async with (
        running_edge(
            HeldStream(), peers=NO_PROXIES, max_held_bytes=4 * MEBIBYTE, grace_seconds=60.0
        ) as edge,
        asyncio.timeout(15),
    ):
        statuses: list[bytes] = []
        writers = []
        for _ in range(4):
            reader, writer = await asyncio.open_connection(
                GENUINE, edge.port, local_addr=(STRANGER, 0)
            )
            writer.write(HEAD.replace(b"100000", b"900000") + b"x" * 500_000)
            writers.append((reader, writer))
        await eventually(lambda: edge.bodies.held_bytes >= 900_000)
        assert edge.bodies.held_bytes <= MEBIBYTE
        for reader, writer in writers:
            writer.write(b"x")
            writer.close()
            statuses.append((await reader.readline())[9:12])
        assert b"503" in statuses


async def test_wrong_keys_are_slowed_by_peer_and_counted(database_pool: Pool) -> None:
    """After so many wrong keys another one of this peer is not looked up; a valid key that was used
    before goes on, and so does everybody else. A little later it is looked up again."""
    now, counts = [100.0], {"401": 0, "429": 0}

    def count(answer: str) -> None:
        counts[answer] += 1

    def monotonic() -> float:
        return now[0]

    keys = ApiKeys(database_pool, monotonic=monotonic)
    _, token = await keys.create("t", ("orders:read",), ("*",), now=SystemClock().now())
    wrong = WrongKeys(Peers(), monotonic=monotonic, count=count)

    async def ask(request: web.Request) -> web.Response:
        await principal_of(request, keys, "orders:read", SystemClock().now(), wrong)
        return json_answer({})

    async with serving([web.get("/", ask)]) as port, session() as http:

        async def status(word: str, peer: str) -> int:
            headers = {"Authorization": f"Bearer {word}", "X-Forwarded-For": peer}
            async with http.get(f"http://127.0.0.1:{port}/", headers=headers) as answer:
                return answer.status

        stranger, other = "203.0.113.9", "203.0.113.10"
        assert await status(token, stranger) == 200
        guess = f"ow_{'0' * 12}_{'x' * 43}"
        found = [await status(guess, stranger) for _ in range(WRONG_AT_ONCE + 5)]
        assert found == [401] * WRONG_AT_ONCE + [429] * 5
        assert counts == {"401": WRONG_AT_ONCE, "429": 5}
        assert await status(token, stranger) == 200
        assert await status(guess, other) == 401
        now[0] += 1.5
        assert [await status(guess, stranger) for _ in range(2)] == [401, 429]


@pytest.fixture
async def database_pool(database: str) -> AsyncIterator[Pool]:
    """A database with our tables."""
    await migrate(database)
    pool = Pool(database)
    yield pool
    await pool.close()
