"""Memory under attack: the bounds hold, and what the kernel kills comes back with everything."""

from __future__ import annotations

import asyncio
import io
import secrets
from collections import Counter

import aiohttp
import msgspec
import psutil

from tests.conftest import Say
from tests.integration.alone import CHANNEL, Alone, alone
from tests.orders import an_order
from tests.waiting import eventually

__all__ = ["alone"]

LARGEST = 4 * 1024 * 1024
AT_ONCE = 64
"""Together four times what the service holds of bodies."""
ROOM_BYTES = 320 * 1024 * 1024
"""What the service may take beyond its rest: its 64 MiB of bodies, the tree of one order being
read, and what the allocator keeps of it. The bodies alone would be 256 MiB and their trees more."""


async def test_large_bodies_are_refused_before_memory_runs_out(alone: Alone, say: Say) -> None:
    """64 bodies of 4 MiB at once: those beyond the bound are told to come again, none is an error
    of ours, the service answers all the while, and its memory stays within its bound."""
    process = psutil.Process(alone.process.pid)
    before = process.memory_info().rss
    body = b"[" + b'"x",' * (LARGEST // 4 - 2) + b'"x"]'
    token = alone.key()
    most, done = before, False

    async def watch(session: aiohttp.ClientSession) -> None:
        nonlocal most
        while not done:
            most = max(most, process.memory_info().rss)
            async with session.get(f"{alone.url}/livez") as answer:
                assert answer.status == 200

    async def send(session: aiohttp.ClientSession) -> int:
        headers = {
            "Authorization": f"Bearer {token}",
            "Idempotency-Key": secrets.token_hex(8),
            "X-Orderwright-Channel": CHANNEL,
        }
        url = f"{alone.url}/api/v1/orders"
        async with session.post(url, data=io.BytesIO(body), headers=headers) as answer:
            return answer.status

    connector = aiohttp.TCPConnector(limit=0)
    async with aiohttp.ClientSession(connector=connector) as session:
        watching = asyncio.create_task(watch(session))
        answers = Counter(await asyncio.gather(*[send(session) for _ in range(AT_ONCE)]))
        done = True
        await watching
    assert set(answers) <= {400, 408, 413, 422, 503}
    assert most - before < ROOM_BYTES
    say(f"{AT_ONCE} bodies of 4 MiB: {dict(answers)}, {(most - before) >> 20} MiB more at most.")


async def test_what_the_kernel_kills_for_its_memory_comes_back(alone: Alone) -> None:
    """SIGKILL, as the kernel sends it when memory is out: the next start has every order that was
    answered 202, and knows its repeat."""
    token = alone.key()
    headers = {"Authorization": f"Bearer {token}", "X-Orderwright-Channel": CHANNEL}
    orders = [an_order(ref=f"OOM-{n}", number=f"OOM{n}") for n in range(20)]

    async def place(session: aiohttp.ClientSession, ref: str, body: bytes) -> str:
        named = {"Idempotency-Key": ref}
        url = f"{alone.url}/api/v1/orders"
        async with session.post(url, data=body, headers=named) as answer:
            assert answer.status == 202, await answer.text()
            return str((await answer.json())["order_id"])

    async with aiohttp.ClientSession(headers=headers) as session:
        bodies = {one.ref: msgspec.json.encode(one) for one in orders}
        placed = [await place(session, ref, body) for ref, body in bodies.items()]
    alone.process.kill()
    alone.start()
    await alone.ready()
    async with aiohttp.ClientSession(headers=headers) as session:
        assert [await place(session, ref, body) for ref, body in bodies.items()] == placed

        async def there() -> bool:
            found = []
            for one in placed:
                async with session.get(f"{alone.url}/api/v1/orders/{one}") as answer:
                    found.append(answer.status)
            return set(found) == {200}

        await eventually(there, 30.0)
