"""A disk that is full, under the real servers: said early, nothing lost, and intake goes on by
itself when there is room again."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import tomllib
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import msgspec
import psutil
import pytest

from schemas.order.canonical import Customer
from service.app.disk import STARVED_BYTES
from service.demo.world import toml
from tests.e2e.processes import ROOT, EndedByItself
from tests.e2e.world import World
from tests.integration.power import Disk, why_impossible
from tests.integration.servers import temporary_home
from tests.orders import an_order
from tests.waiting import eventually

MIB = 1024 * 1024
CHANNEL = "wholesale"

IMPOSSIBLE = why_impossible()
pytestmark = pytest.mark.skipif(IMPOSSIBLE is not None, reason=IMPOSSIBLE or "")


class Small:
    """A service whose data are on a small disk of their own."""

    def __init__(self, world: World, disk: Path) -> None:
        self.world = world
        self.filler = disk / "filler"
        self.key = ""
        self._placed = 0

    def cli(self, *words: str) -> str:
        """Run a command; return what it printed."""
        ran = subprocess.run(
            [sys.executable, "-m", "service.cli", *words],
            env={**os.environ, "PYTHONPATH": str(ROOT), "ORDERWRIGHT_DATA": str(self.world.data)},
            capture_output=True,
            text=True,
            timeout=60,
            check=True,
        )
        return ran.stdout.strip()

    def fill(self, leave: int) -> None:
        """Leave so many bytes free."""
        status = os.statvfs(self.filler.parent)
        size = status.f_bavail * status.f_frsize - leave
        with open(self.filler, "ab") as file:
            os.posix_fallocate(file.fileno(), file.tell(), max(size, 1))

    def fill_up(self) -> None:
        """Leave nothing."""
        with open(self.filler, "ab", buffering=0) as file:
            try:
                while True:
                    file.write(b"\0" * MIB)
            except OSError:
                pass  # that was the end of it

    def ask(self, path: str, body: bytes | None = None, **headers: str) -> tuple[int, Any]:
        """Ask over HTTP; return the status and the JSON."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        asked = urllib.request.Request(f"{self.world.url}{path}", data=body, headers=named)
        asked.add_header("Authorization", f"Bearer {self.key}")
        try:
            with urllib.request.urlopen(asked, timeout=10) as answer:
                return answer.status, json.loads(answer.read())
        except urllib.error.HTTPError as error:
            return error.code, json.loads(error.read())

    def place(self) -> tuple[int, str]:
        """Place a new order; return the status and its reference, or why not."""
        self._placed += 1
        ref = f"DISK-{self._placed}"
        order = an_order(ref=ref, number=ref, customer=Customer(name="Ada", email="a@example.com"))
        headers = {"Idempotency_Key": ref, "X_Orderwright_Channel": CHANNEL}
        status, said = self.ask("/api/v1/orders", msgspec.json.encode(order), **headers)
        return status, ref if status == 202 else str(said["detail"])

    def checks(self) -> tuple[bool, dict[str, Any]]:
        """Whether it is ready, and what each check says."""
        _, said = self.ask("/readyz?verbose")
        return said["ready"], said["checks"]

    def gauge(self, name: str) -> float:
        """A metric without labels."""
        with urllib.request.urlopen(f"{self.world.url}/metrics", timeout=10) as answer:
            lines = answer.read().decode().splitlines()
        return float(next(one for one in lines if one.startswith(f"{name} ")).split()[1])

    async def until_ready(self, wanted: bool) -> dict[str, Any]:
        """Wait until it is ready, or is not; return its checks."""

        def so() -> dict[str, Any]:
            ready, checks = self.checks()
            return checks if ready is wanted else {}

        return await eventually(so, 30.0)

    async def until_incident(self, category: str) -> None:
        """Wait until an incident is open."""

        def is_open() -> bool:
            status, said = self.ask(f"/api/v1/incidents/{category}")
            return status == 200 and bool(said["incident"]["open"])

        await eventually(is_open, 20.0)

    async def until_known(self, ref: str) -> None:
        """Wait until an order is stored."""
        await eventually(lambda: self.ask(f"/api/v1/orders/{ref}")[0] == 200, 30.0)


@pytest.fixture
def small() -> Iterator[Small]:
    """The service on a disk of 768 MiB."""
    with temporary_home() as home, Disk(home).mounted() as place, ExitStack() as stack:
        world = World(home, stack, data=place / "data")
        asyncio.run(world.start_partners())
        table = tomllib.loads(world.config.read_text())
        table["channels"][CHANNEL] = {"kind": "canonical"}
        world.config.write_text(toml(table))
        world.start_service()
        asyncio.run(world.ready())
        made = Small(world, place)
        scopes = ("--scope", "orders:write", "--scope", "orders:read")
        made.key = made.cli("keys", "create", "disk", *scopes, "--channel", "*")
        yield made
        # By itself, so that its servers have ended before their disk goes.
        assert asyncio.run(world.service.terminated()) == 0, world.service.last_words()


async def test_intake_goes_on_by_itself_after_a_full_disk(small: Small) -> None:
    """Nearly full is an incident while orders are still taken. Full, it is not ready and refuses
    at once, in words. With room again it takes orders as before, without being restarted, and
    nothing that it had accepted is lost."""
    status, before = small.place()
    assert status == 202
    small.fill(leave=60 * MIB)
    await small.until_incident("disk_low")
    assert small.checks()[0] is True
    assert small.gauge("orderwright_disk_state") == 1
    assert small.gauge("orderwright_disk_free_bytes") < 100 * MIB
    small.fill_up()
    checks = await small.until_ready(False)
    assert "is full" in checks["disk"]["why"]
    assert "Make room" in checks["disk"]["why"]
    status, why = small.place()
    assert status == 503
    assert "is full" in why
    small.filler.unlink()
    await small.until_ready(True)

    def taken() -> str:
        status, ref = small.place()
        return ref if status == 202 else ""

    after = await eventually(taken, 30.0)
    await small.until_known(before)
    await small.until_known(after)
    await small.until_incident("disk_full")


async def test_a_stream_that_met_the_end_of_the_disk_is_restarted(small: Small) -> None:
    """The embedded server stops to answer when a write fails, which its own health check does not
    say: it is restarted when there is room, and only then."""
    small.fill_up()
    nats = small.world.runtime().nats_pid
    assert small.place()[0] == 503
    await small.until_ready(False)
    # It looks once a second: room that comes back before it saw the end of the disk is none.
    await eventually(lambda: small.gauge("orderwright_disk_free_bytes") < STARVED_BYTES, 20.0)
    assert psutil.pid_exists(nats)
    small.filler.unlink()
    await small.until_ready(True)
    await eventually(lambda: small.place()[0] == 202, 30.0)
    await eventually(lambda: not psutil.pid_exists(nats))


async def test_a_database_that_dies_on_a_full_disk_comes_back(small: Small) -> None:
    """It is not given up while there is no room, and orders go on afterwards."""
    status, before = small.place()
    assert status == 202
    small.fill_up()
    await small.until_ready(False)
    os.kill(small.world.runtime().postgres_pid, signal.SIGKILL)
    await eventually(lambda: small.checks()[1]["postgres"].get("why"), 20.0)
    small.filler.unlink()
    await small.until_ready(True)
    status, after = small.place()
    assert status == 202
    await small.until_known(before)
    await small.until_known(after)


async def test_a_start_on_a_full_disk_says_so(small: Small) -> None:
    """The start ends with code 6 and one sentence; with room the same command starts."""
    assert await small.world.service.terminated() == 0
    small.fill_up()
    small.world.start_service()
    with pytest.raises(EndedByItself) as told:
        await small.world.ready()
    assert "code 6" in str(told.value)
    assert "is full" in str(told.value)
    assert "make room, then start again" in str(told.value)
    small.filler.unlink()
    small.world.start_service()
    await small.world.ready()
    assert small.place()[0] == 202
