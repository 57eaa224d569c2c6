"""Two processes that both believe to have the orders: the one that was paused finds out."""

from __future__ import annotations

import os
import shutil
import signal
from contextlib import ExitStack
from pathlib import Path

import aiohttp
import msgspec

from service.app import running
from service.app.process import FENCED_EXIT_CODE
from service.demo.world import toml
from tests.e2e.processes import Process
from tests.e2e.world import START_SECONDS, free_port
from tests.integration.alone import CHANNEL, Alone, alone
from tests.orders import an_order
from tests.waiting import eventually

__all__ = ["alone"]


def stand_by(first: Alone, home: Path) -> tuple[Process, Path, str]:
    """Start a second process on the first one's servers, with a copy of its secrets and without
    its instance id; return it, its data directory and its address."""
    data = home / "stand-by"
    data.mkdir(mode=0o700)
    shutil.copytree(first.data / "secrets", data / "secrets")
    there, port = running.read(first.data), free_port()
    config = home / "stand-by.toml"
    table = {
        "data_dir": str(data),
        "postgres_dsn": there.postgres_dsn,
        "nats_url": there.nats_url,
        "listen": {"port": port},
        "channels": {CHANNEL: {"kind": "canonical"}, "outlet": {"kind": "canonical"}},
    }
    config.write_text(toml(table))
    words = ["service.cli", "serve", "--config", str(config)]
    return Process("the stand-by", words, home / "stand-by.log"), data, f"http://127.0.0.1:{port}"


async def test_a_process_that_was_paused_writes_no_more(alone: Alone) -> None:
    """The first is stopped by SIGSTOP until its lease has ended, and the stand-by takes its orders
    over. When it goes on it ends by itself with code 8 before it writes anything, and what it had
    answered for is there."""
    token = alone.key()
    headers = {"Authorization": f"Bearer {token}", "X-Orderwright-Channel": CHANNEL}
    async with aiohttp.ClientSession(headers=headers) as session:
        body = msgspec.json.encode(an_order(ref="SB-1", number="SB1"))
        named = {"Idempotency-Key": "SB-1"}
        url = f"{alone.url}/api/v1/orders"
        async with session.post(url, data=body, headers=named) as answer:
            assert answer.status == 202
        with ExitStack() as stack:
            second, data, there = stand_by(alone, alone.home)
            stack.callback(second.stop)
            os.kill(alone.process.pid, signal.SIGSTOP)
            try:

                def took_over() -> bool:
                    second.must_run()
                    try:
                        return running.read(data).pid == second.pid
                    except running.NotRunning:
                        return False

                await eventually(took_over, START_SECONDS)

                async def shown() -> bool:
                    async with session.get(f"{there}/api/v1/orders/SB1") as answer:
                        return answer.status == 200

                await eventually(shown, 20.0)
            finally:
                os.kill(alone.process.pid, signal.SIGCONT)
            assert await alone.process.ended() == FENCED_EXIT_CODE
            second.stop()
    alone.start()
    await alone.ready()
    async with (
        aiohttp.ClientSession(headers=headers) as session,
        session.get(f"{alone.url}/api/v1/orders/SB1") as answer,
    ):
        assert answer.status == 200
