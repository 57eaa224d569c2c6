"""A service without partners, started for one file of tests, which may send it anything."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from adapters.postgres.keys import SCOPES
from service.app import running
from service.demo.world import toml
from tests.e2e.processes import ROOT, Process
from tests.e2e.world import START_SECONDS, free_port
from tests.integration.servers import temporary_home
from tests.waiting import eventually

CHANNEL = "wholesale"


class Alone:
    """A service without partners, which no other test uses: it is told everything at random."""

    def __init__(self, home: Path, stack: ExitStack) -> None:
        self.home, self.data = home, home / "data"
        self.url = f"http://127.0.0.1:{free_port()}"
        self.config = home / "orderwright.toml"
        port = int(self.url.rpartition(":")[2])
        table = {
            "data_dir": str(self.data),
            "listen": {"port": port},
            "channels": {CHANNEL: {"kind": "canonical"}, "outlet": {"kind": "canonical"}},
        }
        self.config.write_text(toml(table))
        self._stack = stack
        self.start()

    def start(self) -> None:
        """Start the process, without waiting for it."""
        words = ["service.cli", "serve", "--config", str(self.config)]
        self.process = Process("the service", words, self.home / "service.log")
        self._stack.callback(self.process.stop)

    async def ready(self) -> None:
        """Wait until it has said where it is."""

        def there() -> bool:
            self.process.must_run()
            try:
                return running.read(self.data).pid == self.process.pid
            except running.NotRunning:
                return False

        await eventually(there, START_SECONDS)

    def nats_url(self) -> str:
        """The address with the channel's own user and password."""
        configured = json.loads((self.data / "nats" / "nats.conf").read_text())
        (user,) = configured["accounts"][f"CHANNEL-{CHANNEL}"]["users"]
        there = running.read(self.data).nats_url.rpartition("@")[2].removeprefix("nats://")
        return f"nats://{user['user']}:{user['password']}@{there}"

    def key(self) -> str:
        """A new API key with every scope, for all channels."""
        words = [part for scope in sorted(SCOPES) for part in ("--scope", scope)]
        return self.cli("keys", "create", "x", *words, "--channel", "*").strip()

    def cli(self, *words: str) -> str:
        """What a command prints."""
        ran = subprocess.run(
            [sys.executable, "-m", "service.cli", *words],
            env={**os.environ, "PYTHONPATH": str(ROOT), "ORDERWRIGHT_DATA": str(self.data)},
            cwd=self.home,
            capture_output=True,
            text=True,
            timeout=60,
            check=True,
        )
        return ran.stdout


@pytest.fixture(scope="module")
def alone() -> Iterator[Alone]:
    """The service by itself."""
    with ExitStack() as stack:
        home = stack.enter_context(temporary_home())
        processes = stack.enter_context(ExitStack())
        service = Alone(home, processes)
        asyncio.run(service.ready())
        yield service
        assert asyncio.run(service.process.terminated()) == 0, service.process.last_words()


__all__ = ["CHANNEL", "Alone", "alone"]
