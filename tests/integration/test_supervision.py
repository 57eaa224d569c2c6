"""Supervision of a child that won't live, and the checks of outside servers that won't serve."""

from __future__ import annotations

import asyncio
import dataclasses
import os
import signal
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import asyncpg
import pytest

from service.app.errors import EmbeddedServerFailed, ServerTooOld, ServerUnusable
from service.embedded import external, postgres
from service.embedded import process as supervision
from service.embedded.data_directory import DataDirectory
from service.embedded.external import check_nats, check_postgres
from service.embedded.postgres import EmbeddedPostgres
from service.embedded.process import Program, SupervisedProcess, bound_log
from service.embedded.supervisor import EmbeddedServers
from tests.integration.servers import temporary_home
from tests.waiting import eventually

Check = Callable[[str], Awaitable[str]]
CHECKS = pytest.mark.parametrize(
    ("check", "address"),
    [
        (check_postgres, "postgresql://user:hidden@127.0.0.1:{port}/orders"),
        (check_nats, "nats://user:hidden@127.0.0.1:{port}"),
    ],
    ids=["postgres", "nats"],
)


async def _nothing() -> None:
    return None


async def _at_once(pid: int) -> bool:
    return pid > 0


def _program(directory: Path, *arguments: str, ready: Callable[[int], Awaitable[bool]]) -> Program:
    return Program(
        name="Trial",
        arguments=arguments,
        directory=directory,
        log_path=directory / "trial.log",
        account=None,
        death_signal=signal.SIGKILL,
        stop_steps=((signal.SIGTERM, 0.2),),
        prepare=_nothing,
        ready=ready,
        ready_timeout_seconds=0.2,
    )


@asynccontextmanager
async def listener(greeting: bytes | None) -> AsyncIterator[int]:
    """A loopback port that accepts, says the greeting if any, and then nothing more."""
    leave = asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if greeting is not None:
            writer.write(greeting)
        await leave.wait()
        writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        try:
            yield server.sockets[0].getsockname()[1]
        finally:
            leave.set()


async def test_a_server_that_recovers_is_waited_for(tmp_path: Path) -> None:
    """Longer than a start may take: as long as it says that it gets on."""
    clock = asyncio.get_running_loop().time
    began, asked = clock(), []

    async def ready(pid: int) -> bool:
        return clock() - began > 0.7

    def working(pid: int) -> bool:
        asked.append(pid)
        return True

    program = _program(tmp_path, "/bin/sleep", "60", ready=ready)
    process = SupervisedProcess(dataclasses.replace(program, working=working))
    await process.start()
    assert asked == [process.pid] * 3
    await process.stop()


async def test_a_recovery_that_does_not_end_is_given_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not even what says that it gets on is waited for without a bound: code 7, and the reason."""
    monkeypatch.setattr(supervision, "LONGEST_RECOVERY_SECONDS", 0.3)

    async def never(pid: int) -> bool:
        return False

    program = _program(tmp_path, "/bin/sleep", "60", ready=never)
    process = SupervisedProcess(dataclasses.replace(program, working=lambda pid: True))
    with pytest.raises(EmbeddedServerFailed, match="still recovers after") as caught:
        await process.start()
    assert caught.value.exit_code == 7
    assert process.pid is None


async def test_a_postgres_that_replays_its_log_is_not_given_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After a crash with much to replay the start lasts longer than a start may, and succeeds."""
    monkeypatch.setattr(postgres, "_READY_SECONDS", 0.5)
    with temporary_home() as home, DataDirectory(home / "data") as data:
        first = EmbeddedPostgres(data)
        dsn = await first.start()
        connection = await asyncpg.connect(dsn)
        await connection.execute("CREATE TABLE much AS SELECT generate_series(1, 2000000) AS n")
        await connection.close()
        assert first.pid is not None
        os.kill(first.pid, signal.SIGKILL)
        assert await eventually(lambda: counted(dsn), 60.0) == 2_000_000
        assert first.restarts == 1
        await first.stop()


async def counted(dsn: str) -> int:
    """Return the rows, 0 while the server does not let us in."""
    with suppress(OSError, asyncpg.PostgresError):
        connection = await asyncpg.connect(dsn, timeout=5)
        try:
            return int(await connection.fetchval("SELECT count(*) FROM much"))
        finally:
            await connection.close()
    return 0


async def test_a_start_that_fails_at_first_is_tried_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a killed run held is free soon: a server that ends twice before it is ready is up at the
    third try, and one that always ends is given up with its own words."""
    monkeypatch.setattr(supervision, "_FIRST_PAUSES_SECONDS", (0.01, 0.01))
    tried = tmp_path / "tried"

    async def third(pid: int) -> bool:
        return tried.exists() and len(tried.read_text()) == 3

    ends = f"[ $(wc -c < {tried}) -lt 3 ] && exit 1"
    patient = _program(
        tmp_path, "/bin/sh", "-c", f"printf x >> {tried}; {ends}; exec sleep 60", ready=third
    )
    process = SupervisedProcess(patient)
    await process.start()
    assert tried.read_text() == "xxx"
    await process.stop()

    async def never(pid: int) -> bool:
        return False

    vain = _program(tmp_path, "/bin/sh", "-c", "echo shared memory is in use; exit 1", ready=never)
    with pytest.raises(EmbeddedServerFailed, match=r"ended before .*shared memory is in use"):
        await SupervisedProcess(vain).start()


async def test_a_crash_loop_is_reported_and_ended(tmp_path: Path) -> None:
    """A child that always dies at once is given up after the limit, with one call-back."""
    failures: list[EmbeddedServerFailed] = []
    process = SupervisedProcess(
        _program(tmp_path, "/bin/sh", "-c", "echo out of luck; exit 1", ready=_at_once),
        on_failure=failures.append,
        fast_deaths_limit=4,
    )
    await process.start()
    await eventually(lambda: failures)
    assert process.failure is failures[0]
    assert process.restarts == 3
    assert "died 4 times in a row and was given up" in str(failures[0])
    assert '"out of luck"' in str(failures[0])
    await process.stop()


async def test_a_child_that_never_gets_ready_is_ended(tmp_path: Path) -> None:
    """The start fails with the deadline named, and the child, deaf to SIGTERM, is gone."""

    async def never(pid: int) -> bool:
        return pid < 0

    script = "trap '' TERM; while :; do sleep 0.05; done"
    process = SupervisedProcess(_program(tmp_path, "/bin/sh", "-c", script, ready=never))
    with pytest.raises(EmbeddedServerFailed, match="was not ready within") as caught:
        await process.start()
    assert caught.value.exit_code == 7
    assert process.pid is None


def test_logs_are_bounded(tmp_path: Path) -> None:
    """A full log is cut, its end kept once beside it, however often that happens."""
    log = tmp_path / "trial.log"
    for _ in range(3):
        log.write_bytes(b"a" * 1000 + b"end")
        bound_log(log, 100)
    assert log.read_bytes() == b""
    assert (tmp_path / "trial.log.1").read_bytes() == b"a" * 97 + b"end"


@CHECKS
async def test_a_frozen_server_is_found_out(check: Check, address: str) -> None:
    """A server that accepts and never answers is given up, in words."""
    async with listener(None) as port, asyncio.timeout(30):
        with pytest.raises(ServerUnusable, match=f"127.0.0.1:{port} did not answer within"):
            await check(address.format(port=port))


@CHECKS
async def test_no_one_there(check: Check, address: str) -> None:
    """A refused connection is one sentence with the address, without the password, and code 4."""
    async with listener(None) as port:
        pass
    with pytest.raises(ServerUnusable) as caught:
        await check(address.format(port=port))
    sentence = str(caught.value)
    assert f"127.0.0.1:{port} cannot be used" in sentence
    assert "hidden" not in sentence
    assert caught.value.exit_code == 4


async def test_an_old_nats_is_named(servers: EmbeddedServers) -> None:
    """A NATS server of 2.9 is refused with code 5, before it is asked for anything."""
    async with listener(b'INFO {"version":"2.9.25","max_payload":1}\r\n') as port:
        with pytest.raises(ServerTooOld, match=r"is version 2\.9\.25, and 2\.10 is") as caught:
            await check_nats(f"nats://127.0.0.1:{port}")
    assert caught.value.exit_code == 5


def _postgres_of(version: str) -> bytes:
    """What a Postgres says to a user whom it trusts: welcome, its version, ready."""
    said = b"server_version\0" + version.encode() + b"\0"
    messages = ((b"R", b"\0\0\0\0"), (b"S", said), (b"Z", b"I"))
    return b"".join(kind + (4 + len(body)).to_bytes(4) + body for kind, body in messages)


async def test_an_old_postgres_is_named(servers: EmbeddedServers) -> None:
    """A Postgres 13 is refused with code 5 and both versions in the sentence."""
    async with listener(_postgres_of("13.14")) as port:
        with pytest.raises(ServerTooOld, match=r"is version 13\.14, and 14 is") as caught:
            await check_postgres(f"postgresql://user:hidden@127.0.0.1:{port}/x?sslmode=disable")
    assert caught.value.exit_code == 5
    assert "hidden" not in str(caught.value)
    async with listener(_postgres_of("14.0")) as port:
        address = f"postgresql://user@127.0.0.1:{port}/x?sslmode=disable"
        assert await check_postgres(address) == "14.0"


RECOVERING = b"SFATAL\0C57P03\0Mthe database system is starting up\0\0"


async def test_an_outside_postgres_that_recovers_is_waited_for(
    servers: EmbeddedServers, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is asked again until it lets us in, and named with code 4 when the time is up."""
    refusal = b"E" + (4 + len(RECOVERING)).to_bytes(4) + RECOVERING
    answers = [refusal, refusal, _postgres_of("17.2")]
    asked, left = 0, asyncio.Semaphore(0)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal asked
        asked += 1
        told = answers[min(asked, len(answers)) - 1]
        with suppress(ConnectionError):
            await reader.read(1)
            writer.write(told)
            await writer.drain()
            await reader.read()
        writer.close()
        with suppress(ConnectionError):
            await writer.wait_closed()
        left.release()

    monkeypatch.setattr(external, "_RECOVERY_POLL_SECONDS", 0.01)
    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        address = f"postgresql://user@127.0.0.1:{port}/x?sslmode=disable"
        assert await check_postgres(address) == "17.2"
        assert asked == 3
        answers[:] = [refusal]
        monkeypatch.setattr(external, "RECOVERY_SECONDS", 0.05)
        with pytest.raises(ServerUnusable, match=r"lets no one in yet .*starting up") as caught:
            await check_postgres(address)
        for _ in range(asked):
            await left.acquire()
    assert caught.value.exit_code == 4
    assert asked > 4


async def test_good_servers_pass(servers: EmbeddedServers) -> None:
    """Our own servers satisfy the checks that outside ones have to."""
    assert int((await check_postgres(servers.postgres_dsn)).split(".")[0]) >= 14
    assert (await check_nats(servers.nats_url)).startswith("2.")


async def test_a_wrong_password_is_said(servers: EmbeddedServers) -> None:
    """Both checks say that user or password is wrong, not that the server is missing."""
    for check, address in ((check_postgres, servers.postgres_dsn), (check_nats, servers.nats_url)):
        wrong = address.replace("://orderwright:", "://orderwright:not")
        with pytest.raises(ServerUnusable, match="refuses our user or password"):
            await check(wrong)


async def test_no_jetstream_is_said(servers: EmbeddedServers) -> None:
    """An account without JetStream (a publisher's own) is refused with code 5."""
    with pytest.raises(ServerTooOld, match="has no JetStream for our account"):
        await check_nats(servers.nats_channel_urls["acme-us"])
