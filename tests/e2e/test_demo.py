"""The commands an operator types: the demo, a second start by mistake, and the end."""

from __future__ import annotations

import asyncio
import json
import re
from contextlib import suppress
from pathlib import Path

import aiohttp
import psutil
import pytest

from service.app.errors import DataDirectoryHeld
from tests.e2e.hooks import RECIPE, Hooks, ref_of
from tests.e2e.processes import Process
from tests.e2e.world import World, world_in
from tests.integration.servers import temporary_home
from tests.waiting import eventually

DOCUMENTED = set(
    "sent accepted quarantined closed cancelled fulfilments parcels amended lost wrong"
    " duplicate_consequences orders_per_second"
    " webhook_ms_p50 webhook_ms_p99 shipped_seconds_p50 shipped_seconds_p99".split()
)
DRAIN_SECONDS = 20.0
"""The default of `limits.drain_seconds`; closing the servers takes a few more."""


async def test_the_demo_reports_every_order() -> None:
    """60 orders through the whole world, whose service is killed at work and while it starts again:
    exit 0, and a report with every documented key."""
    with temporary_home() as home:
        report = home / "report.json"
        words = ["demo", "--orders", "60", "--rate", "30", "--port", "0", "--report", str(report)]
        demo = Process("the demo", ["service.cli", *words, "--data", str(home)], home / "demo.log")
        try:
            await eventually((home / "acme-us.log").exists, 60)
            assert not _secrets(home) & _words_of(demo), "everybody can see a command line"
            at_work = await _service_of(demo)
            at_work.kill()
            (await _service_of(demo, other_than=at_work.pid)).kill()
            assert await demo.ended(90) == 0, demo.last_words()
        finally:
            demo.stop()
        found = json.loads(report.read_text())
        assert set(found) >= DOCUMENTED
        assert (found["sent"], found["accepted"], found["quarantined"]) == (60, 60, 0)
        assert 50 < found["closed"] + found["cancelled"] <= 60
        assert (found["lost"], found["wrong"], found["duplicate_consequences"]) == (0, 0, 0)
        assert found["fulfilments"] >= found["closed"]
        assert found["parcels"] >= found["closed"]
        # How many were amended is chance: an edit made while the service was dead came in time.
        assert isinstance(found["amended"], int)
        assert found["orders_per_second"] > 0
        for what in ("webhook_ms", "shipped_seconds"):
            assert 0 < found[f"{what}_p50"] <= found[f"{what}_p99"]
        assert _left_running(home) == []


async def test_a_live_demo_that_is_killed_goes_on_and_ends_quietly() -> None:
    """kill -9 of the demo takes its service, servers and shops along, so that the next one finds
    the data free; Ctrl-C in the middle of its story is not a fault."""
    with temporary_home() as home:
        words = ["service.cli", "demo", "--rate", "5", "--port", "0", "--data", str(home)]
        killed = Process("the killed demo", words, home / "killed.log")
        demo = None
        try:
            await eventually((home / "acme-eu.log").exists, 60)
            killed.kill()
            await eventually(lambda: not _left_running(home), 10)
            demo = Process("the demo", words, home / "demo.log")
            await eventually(lambda: "Press Ctrl-C" in (home / "demo.log").read_text(), 60)
            assert await demo.terminated(30) == 0
            said = (home / "demo.log").read_text()
            assert re.search(r"The demo has ended: \d+ orders came in, \d+ became final", said)
        finally:
            killed.stop()
            if demo is not None:
                demo.stop()
        assert not re.search("Warning|Traceback|rror", (home / "demo.log").read_text())
        assert _left_running(home) == []


def _words_of(demo: Process) -> set[str]:
    """The words of the command lines of everything that the demo has started."""
    words: set[str] = set()
    for child in psutil.Process(demo.pid).children(recursive=True):
        with suppress(psutil.NoSuchProcess):
            words |= set(re.split(r"[\s=]", " ".join(child.cmdline())))
    return words


def _secrets(home: Path) -> set[str]:
    """The values of the demo's configuration that are secret."""
    found = re.findall(r'secrets?" = \[?"([^"]+)"', (home / "demo.toml").read_text())
    assert len(found) > 3
    return set(found)


async def _service_of(demo: Process, other_than: int = 0) -> psutil.Process:
    """The service that the demo runs now."""
    found: list[psutil.Process] = []

    def runs() -> bool:
        for child in psutil.Process(demo.pid).children():
            with suppress(psutil.NoSuchProcess):
                if child.pid != other_than and "serve" in child.cmdline():
                    found.append(child)
        return bool(found)

    await eventually(runs, 20)
    return found[0]


def _left_running(home: Path) -> list[str]:
    """Command lines of processes that still work for that folder."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                line = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode()
            except OSError:
                continue
            if str(home) in line:
                found.append(line)
    return found


async def test_a_second_start_is_told_who_holds_the_data() -> None:
    """Another service on the same directory ends at once, names the holder, and harms nothing."""
    with temporary_home() as home:
        async with world_in(home) as world:
            await world.start_partners()
            first = world.start_service()
            await world.ready()
            words = ["serve", "--config", str(world.config)]
            second = world.process("second", "service.cli", words)
            assert await second.ended() == DataDirectoryHeld.exit_code
            assert f"held by process {first.pid}" in second.last_words()
            assert "Traceback" not in second.last_words()
            assert await _readiness(world) == (200, "")


async def _readiness(world: World) -> tuple[int, str]:
    """The status of `/readyz`, and what it says about the process; 0 when no one listens."""
    timeout = aiohttp.ClientTimeout(total=5.0)
    try:
        async with (
            aiohttp.ClientSession(timeout=timeout) as session,
            session.get(f"{world.url}/readyz?verbose") as answer,
        ):
            checks = (await answer.json())["checks"]
            return answer.status, checks["process"].get("why", "")
    except aiohttp.ClientConnectionError:
        return 0, ""


@pytest.fixture
def numbers() -> range:
    """Orders that are under way when the service is asked to end."""
    return range(1, 31)


async def test_sigterm_drains_within_its_bound(numbers: range) -> None:
    """Readiness goes off first, what is under way finishes, the exit code is 0, and the next start
    carries every order to its end, nothing done twice."""
    with temporary_home() as home:
        async with world_in(home) as world:
            await world.start_partners()
            service = world.start_service()
            await world.ready()
            await world.fault("carrier", "ship", latency_ms=900)
            async with aiohttp.ClientSession() as session:
                shop = Hooks(world, session)
                answers = await asyncio.gather(*(shop.create(number) for number in numbers))
            assert set(answers) == {200}

            async def buying() -> bool:
                return any(entry["kind"] == "label" for entry in await world.ledger())

            await eventually(buying)
            loop = asyncio.get_running_loop()
            asked = loop.time()
            ending = asyncio.create_task(service.terminated(DRAIN_SECONDS + 20))
            seen: list[tuple[int, str]] = []

            async def refused() -> bool:
                seen.append(await _readiness(world))
                return seen[-1][0] != 200

            await eventually(refused)
            assert seen[-1] == (503, "The process is stopping.")
            assert await ending == 0, service.last_words()
            assert loop.time() - asked < DRAIN_SECONDS + 10
            await world.fault("carrier", "ship")
            world.start_service()
            await world.ready()
            await world.until_final()
            rows = await world.rows("SELECT ref FROM orders WHERE stage = 'closed'")
            assert {row["ref"] for row in rows} == {ref_of(number) for number in numbers}
            gids = {RECIPE.gid(number) for number in numbers}
            summary = await world.ask("GET", "/_sim/ledger/summary")
            assert summary["duplicates"] == []
            assert summary["counts"]["fulfilment"] == len(gids)
