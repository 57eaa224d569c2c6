"""`serve --front`: one process takes webhooks and requests, another works on the orders."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Iterator
from contextlib import ExitStack

import aiohttp
import msgspec
import psutil
import pytest

from tests.e2e.processes import Process
from tests.integration.alone import CHANNEL, Alone
from tests.integration.servers import temporary_home
from tests.orders import an_order
from tests.waiting import eventually


class Fronted(Alone):
    """A service of one worker and a front process."""

    def start(self) -> None:
        """Start the parent, without waiting for it."""
        words = ["service.cli", "serve", "--config", str(self.config), "--front"]
        self.process = Process("the service", words, self.home / "service.log")
        self._stack.callback(self.process.stop)

    def processes(self) -> tuple[psutil.Process, psutil.Process]:
        """The one that listens on the service's port, and the one that works on orders."""
        port = int(self.url.rpartition(":")[2])
        children = psutil.Process(self.process.pid).children()
        found = [one for one in children if one.cmdline()[-1:] == ["worker"]]
        listening = [
            one
            for one in found
            if any(
                connection.laddr.port == port and connection.status == psutil.CONN_LISTEN
                for connection in one.net_connections("tcp")
            )
        ]
        assert len(found) == 2
        (front,) = listening
        (worker,) = set(found) - {front}
        return front, worker


@pytest.fixture(scope="module")
def fronted() -> Iterator[Fronted]:
    """The service, started once for these tests."""
    with ExitStack() as stack:
        home = stack.enter_context(temporary_home())
        service = Fronted(home, stack.enter_context(ExitStack()))
        asyncio.run(service.ready())
        yield service
        assert asyncio.run(service.process.terminated()) == 0, service.process.last_words()


async def test_requests_are_answered_while_no_order_is_worked_on(fronted: Fronted) -> None:
    """Only the front listens. The worker stands still: orders are accepted, health answers, and
    metrics say that the worker does not. It goes on, and the orders are there."""
    key = await asyncio.to_thread(fronted.key)
    _, worker = fronted.processes()
    refs = [f"F{number}" for number in range(4)]
    headers = {"Authorization": f"Bearer {key}", "X-Orderwright-Channel": CHANNEL}
    async with aiohttp.ClientSession(fronted.url, headers=headers) as session:
        worker.send_signal(signal.SIGSTOP)
        try:
            for ref in refs:
                body = msgspec.json.encode(an_order(ref=ref, number=ref))
                sent = session.post("/api/v1/orders", data=body, headers={"Idempotency-Key": ref})
                async with sent as answer:
                    assert answer.status == 202, await answer.text()
            async with session.get("/readyz?verbose") as answer:
                assert answer.status == 200
                assert (await answer.json())["checks"]["worker-0"]["ok"] is False
            async with session.get("/metrics") as answer:
                page = await answer.text()
            assert 'orderwright_worker_up{worker="0"} 0' in page
            assert 'orderwright_worker_up{worker="1"} 1' in page
        finally:
            worker.send_signal(signal.SIGCONT)
        for ref in refs:

            async def there(ref: str = ref) -> bool:
                async with session.get(f"/api/v1/orders/{ref}") as answer:
                    return answer.status == 200

            await eventually(there, 60.0)


async def test_a_reload_reaches_the_front_and_the_worker(fronted: Fronted) -> None:
    """A new channel's order is taken by the front and decided by the worker."""
    text = fronted.config.read_text("utf-8")
    fronted.config.write_text(
        text.replace('"channels" = {', '"channels" = {"third" = {"kind" = "canonical"}, '), "utf-8"
    )
    assert "channels.third" in await asyncio.to_thread(fronted.cli, "reload")
    key = await asyncio.to_thread(fronted.key)
    headers = {"Authorization": f"Bearer {key}", "X-Orderwright-Channel": "third"}
    async with aiohttp.ClientSession(fronted.url, headers=headers) as session:
        body = msgspec.json.encode(an_order(ref="T1", number="T1"))
        sent = session.post("/api/v1/orders", data=body, headers={"Idempotency-Key": "T1"})
        async with sent as answer:
            assert answer.status == 202, await answer.text()

        async def there() -> bool:
            async with session.get("/api/v1/orders/T1") as answer:
                return answer.status == 200

        await eventually(there, 60.0)
