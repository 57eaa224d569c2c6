"""What a sender is told when a fault of ours meets its webhook, or too many of its own."""

from __future__ import annotations

import asyncio
import io
import json
import logging
from collections.abc import Iterator

import aiohttp
import pytest
import structlog

from actors.runtime.errors import StreamUnavailable
from service.app.clock import SystemClock
from service.telemetry.logs import start_logs
from tests.integration.http import Running, a_shop, running_edge, signed


class BrokenStream:
    """A stream with a fault of ours in it."""

    async def publish(self, *_: object, **__: object) -> None:
        """Fail as no one expects."""
        raise RuntimeError("a detail for our log alone")


@pytest.fixture
def written() -> Iterator[io.StringIO]:
    """The service's JSON lines."""
    root, stream = logging.getLogger(), io.StringIO()
    level, handlers = root.level, root.handlers[:]
    start_logs(SystemClock().monotonic, form="json", stream=stream)
    yield stream
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.reset_defaults()


async def test_a_fault_is_logged_with_its_trace_and_not_shown(written: io.StringIO) -> None:
    """The sender hears 500 in plain words; the one line in the log leads to the trace."""
    async with running_edge(BrokenStream()) as edge, aiohttp.ClientSession() as session:
        raw = b"{}"
        async with session.post(
            f"{edge.base}/hooks/acme", data=raw, headers=signed(raw, "d-1")
        ) as answer:
            assert answer.status == 500
            assert answer.content_type == "application/problem+json"
            told = await answer.text()
    assert "please try again" in told
    assert "a detail" not in told
    (line,) = [json.loads(one) for one in written.getvalue().splitlines()]
    assert "a detail" in line["exception"]
    assert int(line["trace_id"], 16) > 0


class HeldStream(BrokenStream):
    """A stream that acknowledges when it is told to."""

    def __init__(self) -> None:
        self.asked = asyncio.Semaphore(0)
        self.acknowledge = asyncio.Event()

    async def publish(self, *_: object, **__: object) -> None:
        """Wait to be told."""
        self.asked.release()
        await self.acknowledge.wait()


async def test_a_noisy_sender_leaves_room_for_others() -> None:
    """Beyond its share under way a sender hears 503 and when to return; the others are taken."""
    stream = HeldStream()
    async with (
        running_edge(stream, max_under_way=2) as edge,
        aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=20)) as session,
    ):

        async def send(delivery: str) -> tuple[int, str]:
            address, raw = f"{edge.base}/hooks/acme", b"{}"
            async with session.post(address, data=raw, headers=signed(raw, delivery)) as answer:
                return answer.status, answer.headers.get("Retry-After", "")

        waiting = [asyncio.create_task(send(f"d-{n}")) for n in range(2)]
        for _ in waiting:
            await stream.asked.acquire()
        assert await send("d-3") == (503, "1")
        stream.acknowledge.set()
        assert await asyncio.gather(*waiting) == [(200, ""), (200, "")]
        assert await send("d-3") == (200, "")


async def test_of_one_sender_a_few_are_worked_on_at_once() -> None:
    """The next one waits for its turn while another sender's is taken; one that would wait too long
    hears 503, and what is forged is told so when its turn comes."""
    stream = HeldStream()
    shops = {"acme": a_shop(), "beta": a_shop()}
    async with (
        running_edge(stream, sources=shops, at_once_of_one=2) as edge,
        aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=20)) as session,
    ):

        async def send(name: str, delivery: str, *, forged: bool = False) -> int:
            raw = b"{}"
            headers = signed(b"other" if forged else raw, delivery)
            async with session.post(f"{edge.base}/hooks/{name}", data=raw, headers=headers) as told:
                return told.status

        loud = [asyncio.create_task(send("acme", f"d-{n}")) for n in range(3)]
        for _ in range(2):
            await stream.asked.acquire()
        quiet = asyncio.create_task(send("beta", "d-4"))
        await stream.asked.acquire()
        assert stream.asked.locked(), "the third of the loud sender is not published"
        forged = asyncio.create_task(send("acme", "d-5", forged=True))
        stream.acknowledge.set()
        assert await asyncio.gather(*loud, quiet, forged) == [200, 200, 200, 200, 401]
    stream = HeldStream()
    async with (
        running_edge(stream, at_once_of_one=1, turn_seconds=0.0) as edge,
        aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=20)) as session,
    ):
        one = asyncio.create_task(send("acme", "d-1"))
        await stream.asked.acquire()
        assert await send("acme", "d-2") == 503
        stream.acknowledge.set()
        assert await one == 200


class FullStream:
    """A stream that takes nothing while it is full."""

    is_full = True

    async def publish(self, *_: object, **__: object) -> None:
        """Take it, or say that it is full."""
        if self.is_full:
            raise StreamUnavailable("The stream is full.", retry_after_seconds=1)


async def test_a_sender_that_is_refused_for_long_is_an_incident() -> None:
    """The first refusals are the sender's to repeat; when none was taken for a while, each further
    one is counted under the sender's name, until one is taken again."""
    counted: list[tuple[str, str]] = []
    stream = FullStream()

    async def sent(edge: Running) -> int:
        headers, url = signed(b"{}"), f"{edge.base}/hooks/acme"
        async with (
            aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=20)) as session,
            session.post(url, data=b"{}", headers=headers) as answer,
        ):
            return answer.status

    lasting = 0.2
    async with running_edge(
        stream, refused=lambda *told: counted.append(told), lasting_seconds=lasting
    ) as edge:
        loop = asyncio.get_running_loop()
        began = loop.time()
        assert await sent(edge) == 503
        assert counted == []
        async with asyncio.timeout(10):
            while not counted:
                assert await sent(edge) == 503
        assert loop.time() - began >= lasting
        assert set(counted) == {("deliveries_refused", "acme")}
        stream.is_full, counted[:] = False, []
        assert await sent(edge) == 200
        stream.is_full = True
        assert await sent(edge) == 503
        assert counted == []
