"""The edge on a real stream: nothing unsigned gets in, nothing is promised that isn't on disk."""

from __future__ import annotations

import asyncio
import io
from collections.abc import AsyncIterator, Mapping

import aiohttp
import pytest
from prometheus_client.parser import text_string_to_metric_families

from adapters.nats.connection import connect
from adapters.nats.streams import ORDERS, StreamLimits, ensure_streams
from service.app.health import Health, Readiness
from service.app.web import ServerLimits
from service.embedded.data_directory import DataDirectory
from service.embedded.nats import EmbeddedNats
from service.embedded.supervisor import EmbeddedServers
from service.telemetry.metrics import CONTENT_TYPE, Metrics
from tests.integration.http import (
    LARGEST,
    MEBIBYTE,
    OLD_SECRET,
    Running,
    running_edge,
    serving,
    signed,
    started_publisher,
)
from tests.integration.servers import temporary_home
from tests.integration.test_nats_adapter import connected


@pytest.fixture
async def http() -> AsyncIterator[aiohttp.ClientSession]:
    """A client with a bound on every request."""
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=20)) as session:
        yield session


class HeldStream:
    """A stream that acknowledges when it is told to; it stands in for a slow disk."""

    def __init__(self) -> None:
        self.asked = asyncio.Event()
        self.acknowledge = asyncio.Event()

    async def publish(
        self,
        channel: str,
        kind: str,
        ref: str,
        raw: bytes,
        *,
        delivery_id: str,
        source: str,
        topic: str,
        trace: str = "",
        sent: Mapping[str, str] | None = None,
    ) -> None:
        """Wait to be told."""
        self.asked.set()
        await self.acknowledge.wait()


def answers(running: Running, source: str, status: int) -> float:
    """How often the edge has answered so, by its own count."""
    page = running.metrics.render().decode()
    for family in text_string_to_metric_families(page):
        for sample in family.samples:
            if sample.name == "orderwright_webhook_answers_total" and sample.labels == {
                "source": source,
                "status": str(status),
            }:
                return sample.value
    return 0.0


async def problem(answer: aiohttp.ClientResponse) -> dict[str, object]:
    """Read problem details, checking what RFC 9457 wants of all of them."""
    assert answer.content_type == "application/problem+json"
    told: dict[str, object] = await answer.json(content_type=None)
    assert told["status"] == answer.status
    assert str(told["type"]).startswith("urn:orderwright:problem:")
    assert told["instance"] == answer.url.raw_path
    assert str(told["detail"]).endswith(".")
    return told


async def test_forged_and_unknown_senders_are_refused(
    servers: EmbeddedServers, http: aiohttp.ClientSession
) -> None:
    """No signature or a wrong one is 401 and counted, an unknown sender 404; nothing is stored."""
    async with connected(servers.nats_url) as connection:
        await ensure_streams(connection)
        async with running_edge(await started_publisher(connection)) as edge:
            for headers in (
                {},
                {"X-Shopify-Hmac-Sha256": "forged"},
                signed(b"another body"),
                signed(b"{}", secret="another shop's"),
                {**signed(b"{}"), "X-Shopify-Shop-Domain": "beta.myshopify.com"},
            ):
                async with http.post(
                    f"{edge.base}/hooks/acme", data=b"{}", headers=headers
                ) as answer:
                    assert answer.status == 401
                    assert "signature-refused" in str((await problem(answer))["type"])
            async with http.post(f"{edge.base}/hooks/nobody", data=b"{}") as answer:
                assert answer.status == 404
                await problem(answer)
            async with http.get(f"{edge.base}/hooks/acme") as answer:
                assert answer.status == 405
                assert "POST" in answer.headers["Allow"]
                await problem(answer)
            assert answers(edge, "acme", 401) == 5
            assert answers(edge, "unknown", 404) == 1
        assert (await connection.jetstream.stream_info(ORDERS)).state.messages == 0


async def test_bytes_are_stored_as_they_came(
    servers: EmbeddedServers, http: aiohttp.ClientSession
) -> None:
    """Broken but authentic bytes are accepted and kept, byte for byte; the largest body fits."""
    bodies = [b"no json at all \x00\xff", b"{}", b"", b"x" * LARGEST]
    async with connected(servers.nats_url) as connection:
        await ensure_streams(connection)
        async with running_edge(await started_publisher(connection)) as edge:
            for raw in bodies:
                async with http.post(
                    f"{edge.base}/hooks/acme", data=io.BytesIO(raw), headers=signed(raw)
                ) as answer:
                    assert answer.status == 200
            old = signed(b"signed with the old secret", secret=OLD_SECRET)
            async with http.post(
                f"{edge.base}/hooks/acme", data=b"signed with the old secret", headers=old
            ) as answer:
                assert answer.status == 200
            drifted = {**signed(b"drifted"), "X-Shopify-Api-Version": "2031-01"}
            for _ in range(2):  # logged once, counted each time
                async with http.post(
                    f"{edge.base}/hooks/acme", data=b"drifted", headers=drifted
                ) as answer:
                    assert answer.status == 200
            counted = 'orderwright_webhook_notes_total{source="acme"} 2.0'
            assert counted in edge.metrics.render().decode()
            assert edge.bodies.held_bytes == 0
        kept = [
            (await connection.jetstream.get_msg(ORDERS, seq=number)).data or b""
            for number in range(1, len(bodies) + 1)
        ]
        assert kept == bodies


async def test_too_much_is_refused_before_it_is_read(
    servers: EmbeddedServers, http: aiohttp.ClientSession
) -> None:
    """More than 4 MiB is 413, with a stated length or in chunks; compressed bodies are 415."""
    raw = b"x" * (LARGEST + 1)

    async def chunks() -> AsyncIterator[bytes]:
        for start in range(0, len(raw), 65_536):
            yield raw[start : start + 65_536]

    async with connected(servers.nats_url) as connection:
        await ensure_streams(connection)
        async with running_edge(await started_publisher(connection)) as edge:
            async with http.post(
                f"{edge.base}/hooks/acme", data=io.BytesIO(raw), headers=signed(raw)
            ) as answer:
                assert answer.status == 413
                await problem(answer)
            async with http.post(
                f"{edge.base}/hooks/acme", data=chunks(), headers=signed(raw)
            ) as answer:
                assert answer.status == 413
                await problem(answer)
            headers = {**signed(b"{}"), "Content-Encoding": "gzip"}
            async with http.post(f"{edge.base}/hooks/acme", data=b"{}", headers=headers) as answer:
                assert answer.status == 415
                await problem(answer)
            assert edge.bodies.held_bytes == 0
        assert (await connection.jetstream.stream_info(ORDERS)).state.messages == 0


async def test_a_length_is_refused_without_reading_the_body() -> None:
    """A stated length over the bound is answered before a single byte of the body has come."""
    async with running_edge(HeldStream()) as edge:
        reader, writer = await asyncio.open_connection("127.0.0.1", edge.port)
        writer.write(b"POST /hooks/acme HTTP/1.1\r\nHost: x\r\nContent-Length: 9999999\r\n\r\n")
        async with asyncio.timeout(20):
            assert b" 413 " in await reader.readline()
        writer.close()


async def test_a_thousand_repeats_bear_one_id(
    servers: EmbeddedServers, http: aiohttp.ClientSession
) -> None:
    """The same webhook a thousand times: 2xx each time, and whatever the stream keeps of it bears
    the one id by which the inbox knows it."""
    raw = b'{"id": 1042}'
    async with connected(servers.nats_url) as connection:
        await ensure_streams(connection)
        async with running_edge(await started_publisher(connection)) as edge:

            async def send() -> int:
                headers = signed(raw, delivery="b54557e4-bdd9")
                async with http.post(
                    f"{edge.base}/hooks/acme", data=raw, headers=headers
                ) as answer:
                    return answer.status

            statuses = await asyncio.gather(*(send() for _ in range(1000)))
        assert set(statuses) == {200}
        state = (await connection.jetstream.stream_info(ORDERS)).state
        kept = range(state.first_seq, state.last_seq + 1)
        found = [await connection.jetstream.get_msg(ORDERS, seq) for seq in kept]
        ids = {(message.headers or {})["Nats-Msg-Id"] for message in found}
        assert ids == {"acme-us/unreadable/acme-us:b54557e4-bdd9"}


async def test_success_is_said_only_after_the_acknowledgement(http: aiohttp.ClientSession) -> None:
    """While the stream has not acknowledged, there is no answer at all."""
    stream = HeldStream()
    async with running_edge(stream) as edge:

        async def send() -> int:
            async with http.post(
                f"{edge.base}/hooks/acme", data=b"{}", headers=signed(b"{}")
            ) as answer:
                return answer.status

        sending = asyncio.create_task(send())
        async with asyncio.timeout(20):
            await stream.asked.wait()
        done, _ = await asyncio.wait({sending}, timeout=0.2)
        assert not done
        stream.acknowledge.set()
        assert await sending == 200


async def test_a_full_or_lost_stream_is_503(
    servers: EmbeddedServers, http: aiohttp.ClientSession
) -> None:
    """At the stream's bound senders hear 503 and when to come back; nothing is half accepted."""
    accepted = refused = 0
    async with connected(servers.nats_url) as connection:
        await ensure_streams(connection, StreamLimits(orders_max_bytes=1_000_000))
        async with running_edge(await started_publisher(connection)) as edge:
            for number in range(15):
                raw = b"%x" % number * 100_000
                async with http.post(
                    f"{edge.base}/hooks/acme", data=raw, headers=signed(raw, f"d{number}")
                ) as answer:
                    accepted += answer.status == 200
                    if answer.status == 503:
                        refused += 1
                        assert int(answer.headers["Retry-After"]) > 0
                        await problem(answer)
        assert accepted + refused == 15
        assert refused > 3
        assert (await connection.jetstream.stream_info(ORDERS)).state.messages == accepted


async def test_a_stopped_server_is_503_at_once(http: aiohttp.ClientSession) -> None:
    """With NATS down the edge answers 503 within a fraction of a second, again and again."""
    with temporary_home() as home, DataDirectory(home / "data") as data:
        server = EmbeddedNats(data)
        address = await server.start()
        connection = await connect(address.url)
        try:
            await ensure_streams(connection)
            publisher = await started_publisher(connection)
            async with running_edge(publisher) as edge:
                await server.stop()
                async with asyncio.timeout(10):
                    while connection.is_connected:  # noqa: ASYNC110 — the client has no event
                        await asyncio.sleep(0)
                began = asyncio.get_running_loop().time()
                for _ in range(20):
                    async with http.post(
                        f"{edge.base}/hooks/acme", data=b"{}", headers=signed(b"{}")
                    ) as answer:
                        assert answer.status == 503
                assert asyncio.get_running_loop().time() - began < 2
        finally:
            await connection.close()
            await server.stop()


async def test_a_flood_holds_a_bounded_number_of_bytes() -> None:
    """Forty bodies that never end: those over the common bound are refused, none are collected."""
    stream = HeldStream()
    async with running_edge(stream, max_held_bytes=2 * MEBIBYTE, read_seconds=1.0) as edge:
        writers: list[asyncio.StreamWriter] = []
        statuses: list[bytes] = []

        async def flood() -> None:
            reader, writer = await asyncio.open_connection("127.0.0.1", edge.port)
            writers.append(writer)
            writer.write(b"POST /hooks/acme HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\n")
            writer.write(b"x" * 500_000)
            statuses.append((await reader.readline())[9:12])
            assert edge.bodies.held_bytes <= 2 * MEBIBYTE

        async with asyncio.timeout(15):
            await asyncio.gather(*(flood() for _ in range(40)))
        assert statuses.count(b"503") >= 30
        assert set(statuses) <= {b"503", b"408"}
        assert edge.bodies.held_bytes == 0
        for writer in writers:
            writer.close()


async def test_slow_and_crowding_clients_are_cut() -> None:
    """Headers that don't end are cut off, too many of them are refused, and so is one connection
    more than the bound."""
    limits = ServerLimits(max_connections=3, idle_seconds=0.5, max_headers=8)
    async with running_edge(HeldStream(), limits=limits) as edge, asyncio.timeout(15):
        slow = [await asyncio.open_connection("127.0.0.1", edge.port) for _ in range(3)]
        for _, writer in slow:
            writer.write(b"POST /hooks/acme HTTP/1.1\r\nHost: x\r\n")
        crowding, crowding_writer = await asyncio.open_connection("127.0.0.1", edge.port)
        assert b" 503 " in await crowding.readline()
        crowding_writer.close()
        for reader, writer in slow:
            assert await reader.read() == b""
            writer.close()
        reader, writer = await asyncio.open_connection("127.0.0.1", edge.port)
        bomb = b"".join(b"X-%d: y\r\n" % number for number in range(50))
        writer.write(b"POST /hooks/acme HTTP/1.1\r\nHost: x\r\n" + bomb + b"\r\n")
        assert b" 400 " in await reader.readline()
        writer.close()


async def test_readiness_follows_the_checks_and_sigterm(http: aiohttp.ClientSession) -> None:
    """Not ready before the start, ready when all checks are well, not ready once it stops."""
    readiness = Readiness()
    wrong = {"postgres": ""}

    async def postgres() -> str:
        return wrong["postgres"]

    async def broken() -> str:
        raise OSError("no route")

    def health(checks: dict[str, object]) -> Health:
        return Health(
            readiness,
            checks,  # type: ignore[arg-type] # the functions above
            render_metrics=Metrics().render,
            metrics_content_type=CONTENT_TYPE,
        )

    async with serving(health({"postgres": postgres}).routes()) as port:
        base = f"http://127.0.0.1:{port}"

        async def status(path: str) -> int:
            async with http.get(base + path) as answer:
                return answer.status

        assert await status("/livez") == 200
        assert await status("/readyz") == 503
        readiness.start()
        assert await status("/readyz") == 200
        async with http.get(f"{base}/metrics") as answer:
            assert answer.headers["Content-Type"] == CONTENT_TYPE
            assert "orderwright_" in await answer.text()
        readiness.stop()
        async with http.get(f"{base}/readyz?verbose") as answer:
            assert answer.status == 503
            told = await answer.json()
            assert told["checks"]["postgres"] == {"ok": True}
            assert told["checks"]["process"] == {"ok": False, "why": "The process is stopping."}
        assert await status("/livez") == 200
    async with (
        serving(health({"nats": broken}).routes()) as port,
        http.get(f"http://127.0.0.1:{port}/readyz?verbose") as answer,
    ):
        assert (await answer.json())["checks"]["nats"]["why"].startswith("The check failed")
