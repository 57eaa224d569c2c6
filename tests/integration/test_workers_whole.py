"""`serve` with two workers and the embedded servers, as a whole: one port, one service to whoever
uses it."""

from __future__ import annotations

import asyncio
import os
import re
import signal
from collections.abc import Iterator
from contextlib import ExitStack

import aiohttp
import msgspec
import psutil
import pytest

from service.app import running
from service.demo.world import toml
from tests.e2e.processes import Process
from tests.e2e.world import START_SECONDS
from tests.integration.alone import CHANNEL, Alone
from tests.integration.servers import temporary_home
from tests.orders import an_order
from tests.waiting import eventually

COUNT = 2
RESTARTED_SECONDS = 60.0
"""A worker is back by then, however busy the machine is."""


class Two(Alone):
    """A service of two workers."""

    def start(self) -> None:
        """Start the parent, without waiting for it."""
        words = ["service.cli", "serve", "--config", str(self.config), "--workers", str(COUNT)]
        self.process = Process("the service", words, self.home / "service.log")
        self._stack.callback(self.process.stop)

    def workers(self) -> list[psutil.Process]:
        """The parent's children that are workers."""
        children = psutil.Process(self.process.pid).children()
        return [one for one in children if one.cmdline()[-1:] == ["worker"]]

    def configure(self, *channels: str) -> None:
        """Write the configuration with these channels."""
        table = {
            "data_dir": str(self.data),
            "listen": {"port": int(self.url.rpartition(":")[2])},
            "channels": {name: {"kind": "canonical"} for name in channels},
        }
        self.config.write_text(toml(table))


@pytest.fixture(scope="module")
def two() -> Iterator[Two]:
    """The service, started once for these tests."""
    with ExitStack() as stack:
        home = stack.enter_context(temporary_home())
        service = Two(home, stack.enter_context(ExitStack()))
        asyncio.run(service.ready())
        yield service
        if service.process.running:
            asyncio.run(service.process.terminated())


async def metrics(two: Two) -> str:
    """What a scrape gets, on a connection of its own: any worker may answer."""
    async with (
        aiohttp.ClientSession() as session,
        session.get(f"{two.url}/metrics", timeout=aiohttp.ClientTimeout(total=10)) as answer,
    ):
        assert answer.status == 200
        return await answer.text()


async def both_are_up(two: Two) -> bool:
    """Whether both workers answer, as any of them sees it."""
    try:
        page = await metrics(two)
    except aiohttp.ClientError:  # the one that was asked is gone
        return False
    return (
        page.count("orderwright_worker_up{")
        == COUNT
        == page.count('"} 1\n', page.index("worker_up{"))
    )


async def place(two: Two, refs: list[str], key: str) -> None:
    """Place orders, each on a connection of its own, so that any worker takes it; one that a dead
    worker refused is sent again under the same key."""
    for ref in refs:
        body = msgspec.json.encode(an_order(ref=ref, number=ref))
        headers = {
            "Authorization": f"Bearer {key}",
            "X-Orderwright-Channel": CHANNEL,
            "Idempotency-Key": ref,
        }

        async def taken(body: bytes = body, headers: dict[str, str] = headers) -> bool:
            try:
                async with (
                    aiohttp.ClientSession(headers=headers) as session,
                    session.post(f"{two.url}/api/v1/orders", data=body) as answer,
                ):
                    return answer.status == 202
            except aiohttp.ClientError:
                return False

        await eventually(taken, 30.0)


async def shown(two: Two, refs: list[str], key: str) -> None:
    """Wait until any worker shows each order."""
    headers = {"Authorization": f"Bearer {key}"}
    for ref in refs:

        async def there(ref: str = ref) -> bool:
            async with (
                aiohttp.ClientSession(headers=headers) as session,
                session.get(f"{two.url}/api/v1/orders/{ref}") as answer,
            ):
                return answer.status == 200

        await eventually(there, 60.0)


async def test_any_worker_takes_and_shows_any_order(two: Two) -> None:
    """Orders of all partitions are placed on one port, decided by their owners, and shown by API
    and command line, whichever worker is asked."""
    key = two.key()
    refs = [f"W{number:03d}" for number in range(24)]
    await place(two, refs, key)
    await shown(two, refs, key)
    assert "W007" in await asyncio.to_thread(two.cli, "orders", "show", "W007")


async def test_metrics_and_health_are_of_all_workers(two: Two) -> None:
    """A scrape gets each worker's samples under its number, a family's together, whichever worker
    answers; readiness names the others."""
    await eventually(lambda: both_are_up(two), RESTARTED_SECONDS)
    page = await metrics(two)
    for number in range(COUNT):
        assert f'orderwright_live_orders{{worker="{number}"}}' in page
    assert page.count("# TYPE orderwright_live_orders ") == 1
    assert not re.findall(r"^orderwright_(?!.*worker=)\S+ ", page, re.MULTILINE)
    async with (
        aiohttp.ClientSession() as session,
        session.get(f"{two.url}/readyz?verbose") as answer,
    ):
        assert answer.status == 200
        checks = (await answer.json())["checks"]
    others = {name: found for name, found in checks.items() if name.startswith("worker-")}
    assert [found["ok"] for found in others.values()] == [True]


async def test_a_reload_reaches_all_workers(two: Two) -> None:
    """`orderwright reload` waits for both; a new channel is taken by whichever is asked, and what
    is wrong is refused by all."""
    two.configure(CHANNEL, "outlet", "third")
    told = await asyncio.to_thread(two.cli, "reload")
    assert "channels.third" in told
    key = two.key()
    for number in range(6):
        headers = {
            "Authorization": f"Bearer {key}",
            "X-Orderwright-Channel": "third",
            "Idempotency-Key": f"T{number}",
        }
        body = msgspec.json.encode(an_order(ref=f"T{number}", number=f"T{number}"))
        async with (
            aiohttp.ClientSession(headers=headers) as session,
            session.post(f"{two.url}/api/v1/orders", data=body) as answer,
        ):
            assert answer.status == 202, await answer.text()
    await shown(two, [f"T{number}" for number in range(6)], key)
    reloads = running.read(two.data).reloads
    good = two.config.read_text()
    two.config.write_text(good + "\n[limits]\nmailbox = 0\n")
    os.kill(two.process.pid, signal.SIGHUP)
    await eventually(lambda: running.read(two.data).reloads > reloads, 60.0)
    found = running.read(two.data)
    assert not found.reloaded
    assert "limits.mailbox" in found.reload_words
    two.config.write_text(good)


async def test_a_dead_worker_is_started_again(two: Two) -> None:
    """kill -9 of one: the others go on, it comes back, and no order is lost."""
    key = two.key()
    victim = two.workers()[0]
    before = [f"K{number:03d}" for number in range(8)]
    await place(two, before, key)
    victim.kill()
    after = [f"L{number:03d}" for number in range(8)]
    await place(two, after, key)
    await eventually(lambda: both_are_up(two), RESTARTED_SECONDS)
    assert victim.pid not in {one.pid for one in two.workers()}
    await shown(two, [*before, *after], key)


async def test_a_port_that_is_taken_is_refused(two: Two) -> None:
    """A second service does not share the first one's port by accident: it ends with code 9."""
    home = two.home / "second"
    home.mkdir()
    config = home / "orderwright.toml"
    port = int(two.url.rpartition(":")[2])
    there = running.read(two.data)
    table = {
        "data_dir": str(home / "data"),
        "postgres_dsn": there.postgres_dsn,
        "nats_url": there.nats_url,
        "listen": {"port": port},
        "workers": {"count": COUNT},
    }
    config.write_text(toml(table))
    words = ["service.cli", "serve", "--config", str(config)]
    second = Process("the second", words, home / "second.log")
    try:
        assert await second.ended(START_SECONDS) == 9, second.last_words()
    finally:
        second.stop()


async def test_all_drain_and_end(two: Two) -> None:
    """SIGTERM to the parent ends both workers and the servers, with code 0."""
    children = psutil.Process(two.process.pid).children(recursive=True)
    assert await two.process.terminated() == 0, two.process.last_words()
    await eventually(lambda: not any(one.is_running() for one in children), 30.0)
