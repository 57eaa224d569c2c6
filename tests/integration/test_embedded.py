"""The embedded servers: started, restarted, killed, refused and left alone, as real processes."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import shutil
import signal
import socket
import stat
import subprocess
import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit

import asyncpg
import nats
import pytest
from nats.js.api import StreamConfig

from service.app.errors import DataDirectoryHeld, DataDirectoryUnusable, EmbeddedServerFailed
from service.embedded.account import account_for_servers
from service.embedded.data_directory import DataDirectory
from service.embedded.nats import EmbeddedNats
from service.embedded.postgres import EmbeddedPostgres
from service.embedded.proc import running_in, start_ticks
from service.embedded.programs import postgres_programs
from service.embedded.supervisor import EmbeddedServers, embedded_servers
from tests.integration.servers import fresh_stream_prefix, temporary_home
from tests.waiting import eventually

PYTHON = os.path.realpath(sys.executable)
REPOSITORY = Path(__file__).resolve().parents[2]

HOLD = """
import asyncio, json, sys
from service.embedded.supervisor import embedded_servers
from service.app.errors import OperatorError

async def main():
    async with embedded_servers(sys.argv[1]) as servers:
        print(json.dumps([servers.postgres.pid, servers.nats.pid]), flush=True)
        await asyncio.Event().wait()

try:
    asyncio.run(main())
except OperatorError as error:
    sys.exit(f"{error.exit_code} {error}")
"""


@pytest.fixture
def home() -> Iterator[Path]:
    with temporary_home() as path:
        yield path


async def run_holder(data_path: Path) -> asyncio.subprocess.Process:
    """Another process that runs both servers until it is killed."""
    return await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", HOLD, str(data_path)),
        cwd=REPOSITORY,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


async def one_value(dsn: str, query: str) -> object:
    connection = await asyncpg.connect(dsn, timeout=10)
    try:
        return await connection.fetchval(query)
    finally:
        await connection.close(timeout=5)


async def test_postgres_is_durable_and_private(servers: EmbeddedServers, database: str) -> None:
    """Commits are synced, pages have checksums, and no TCP port is open."""
    expected = {
        "fsync": "on",
        "synchronous_commit": "on",
        "full_page_writes": "on",
        "data_checksums": "on",
        "listen_addresses": "",
        "password_encryption": "scram-sha-256",
    }
    for name, value in expected.items():
        assert await one_value(database, f"SHOW {name}") == value
    wrong = urlsplit(database)._replace(netloc="orderwright:wrong@")
    with pytest.raises(asyncpg.InvalidPasswordError):
        await one_value(wrong.geturl(), "SELECT 1")
    assert servers.postgres.pid in running_in("postgres", servers.data.path / "postgres/cluster")


async def test_jetstream_syncs_every_write(servers: EmbeddedServers) -> None:
    """The running server, not only its file, says that it syncs always; its store is bounded."""
    assert (
        json.loads(servers.nats.config_path.read_text())["jetstream"]["sync_interval"] == "always"
    )
    host, port = urlsplit(servers.nats_monitor_url).netloc.split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    writer.write(b"GET /varz HTTP/1.0\r\n\r\n")
    answer = await reader.read()
    writer.close()
    await writer.wait_closed()
    config = json.loads(answer.partition(b"\r\n\r\n")[2])["jetstream"]["config"]
    assert config["sync_always"] is True
    assert 0 < config["max_storage"] <= 8 * 1024**3


def test_secrets_are_for_us_alone(servers: EmbeddedServers) -> None:
    """Every file with a password has mode 0600, and no directory of ours is open to others."""
    data = servers.data.path
    files = [*(data / "secrets").iterdir(), servers.nats.config_path]
    assert len(files) >= 5
    assert {stat.S_IMODE(file.stat().st_mode) for file in files} == {0o600}
    for directory in (data, *(entry for entry in data.iterdir() if entry.is_dir())):
        assert stat.S_IMODE(directory.stat().st_mode) & 0o007 == 0


async def test_second_start_says_who_holds_the_directory(servers: EmbeddedServers) -> None:
    """Another process on the same directory ends with code 3 and names our pid and program."""
    holder = await run_holder(servers.data.path)
    _, said = await asyncio.wait_for(holder.communicate(), 20)
    sentence = said.decode()
    assert sentence.startswith("3 ")
    assert f"held by process {os.getpid()} ({PYTHON})" in sentence


def test_a_pid_in_the_lock_file_proves_nothing(home: Path) -> None:
    """A lock file naming a living process does not keep us out when no one holds the lock."""
    with DataDirectory(home / "data") as data:
        identity, secret = data.instance_id, data.secret("word")
    (home / "data/lock").write_text(f"{os.getppid()} 1\n")
    with DataDirectory(home / "data") as data:
        assert (data.instance_id, data.secret("word")) == (identity, secret)
        with pytest.raises(DataDirectoryHeld):
            DataDirectory(home / "data").lock()


async def test_a_stale_pid_file_harms_no_one(home: Path) -> None:
    """A postmaster.pid naming an innocent process of the same user stops neither us nor it."""
    account = account_for_servers()
    innocent = await asyncio.create_subprocess_exec(
        "sleep", "60", user=account.uid if account else None
    )
    try:
        with DataDirectory(home / "data") as data:
            for _ in range(2):
                postgres = EmbeddedPostgres(data)
                dsn = await postgres.start()
                assert await one_value(dsn, "SELECT 1") == 1
                await postgres.stop()
                pid_file = data.path / "postgres/cluster/postmaster.pid"
                pid_file.write_text(f"{innocent.pid}\n/elsewhere\n1\n5432\n/run\n\n\nready   \n")
        assert innocent.returncode is None
    finally:
        innocent.kill()
        assert await innocent.wait() == -9


async def test_a_pid_file_of_a_process_that_no_one_reaped_is_stale(home: Path) -> None:
    """Given the last Postgres was killed and whoever inherited it is slow to reap it, the next one
    starts all the same."""
    account = account_for_servers()
    with DataDirectory(home / "data") as data:
        postgres = EmbeddedPostgres(data)
        await postgres.start()
        await postgres.stop()
        dead = subprocess.Popen(["true"], user=account.uid if account else None)  # noqa: ASYNC220 — asyncio would reap it
        try:
            await eventually(lambda: start_ticks(dead.pid) is None)
            pid_file = data.path / "postgres/cluster/postmaster.pid"
            pid_file.write_text(f"{dead.pid}\n/elsewhere\n1\n5432\n/run\n\n\nready   \n")
            assert await one_value(await postgres.start(), "SELECT 1") == 1
            await postgres.stop()
        finally:
            assert dead.wait() == 0


async def test_an_orphan_that_was_just_started_is_ended(home: Path) -> None:
    """A Postgres whose supervisor was killed at once has not gone to its cluster yet; it must not
    take that from the next one."""
    account = account_for_servers()
    with DataDirectory(home / "data") as data:
        postgres = EmbeddedPostgres(data)
        await postgres.start()
        await postgres.stop()
        program = home / "postgres"
        shutil.copy(shutil.which("sleep") or "", program)
        program.chmod(0o755)
        orphan = await asyncio.create_subprocess_exec(
            program, "60", cwd=data.path / "postgres", user=account.uid if account else None
        )
        await eventually(lambda: orphan.pid in running_in("postgres", data.path / "postgres"))
        await postgres.start()
        # What a shell starts in the background ignores SIGQUIT; it is killed after that.
        assert await asyncio.wait_for(orphan.wait(), 10) in (-signal.SIGQUIT, -signal.SIGKILL)
        await postgres.stop()


async def test_our_own_orphan_is_ended(home: Path) -> None:
    """A Postgres that still runs on our cluster without a supervisor makes room for the new one."""
    with DataDirectory(home / "data") as data:
        postgres = EmbeddedPostgres(data)
        await postgres.start()
        await postgres.stop()
        cluster = data.path / "postgres/cluster"
        account = data.account
        orphan = await asyncio.create_subprocess_exec(
            *(postgres_programs(data) / "postgres", "-D", cluster),
            user=account.uid if account else None,
            group=account.gid if account else None,
            extra_groups=[] if account else None,
            stderr=subprocess.DEVNULL,
        )
        pid_file = cluster / "postmaster.pid"

        def serves() -> bool:  # one that is ended while it starts says 1 instead
            told = pid_file.read_text().split() if pid_file.exists() else []
            return told[:1] == [str(orphan.pid)] and told[-1] == "ready"

        await eventually(serves)
        assert orphan.pid in running_in("postgres", cluster)
        dsn = await postgres.start()
        assert await asyncio.wait_for(orphan.wait(), 10) == 0
        assert await one_value(dsn, "SELECT 1") == 1
        await postgres.stop()


def _is_back(server: EmbeddedPostgres | EmbeddedNats, killed_pid: int) -> bool:
    return server.pid not in (None, killed_pid)


def _none_runs_in(program: str, directory: Path) -> bool:
    return not running_in(program, directory)


async def test_killed_servers_come_back_where_they_were(home: Path) -> None:
    """After kill -9 both are restarted at once on the same address, and nothing stored is lost."""
    async with embedded_servers(home / "data") as servers:
        dsn = servers.postgres_dsn
        await one_value(dsn, "CREATE TABLE kept AS SELECT 0 AS round")

        async def note(error: Exception) -> None:
            """Refused attempts to reconnect are what this test is about."""

        client = await nats.connect(servers.nats_url, reconnect_time_wait=0.05, error_cb=note)
        jetstream = client.jetstream(timeout=10)
        await jetstream.add_stream(StreamConfig(name="KEPT", subjects=["kept"]))
        for round_number in range(1, 4):
            await one_value(dsn, f"INSERT INTO kept VALUES ({round_number})")
            await jetstream.publish("kept", b"order", timeout=5)
            for server in (servers.postgres, servers.nats):
                killed = server.pid
                assert killed is not None
                os.kill(killed, 9)
                await eventually(partial(_is_back, server, killed))

            async def rows_kept() -> object | None:
                with contextlib.suppress(OSError, asyncpg.PostgresError):
                    return await one_value(dsn, "SELECT count(*) FROM kept")
                return None

            assert await eventually(rows_kept) == round_number + 1
            await eventually(lambda: client.is_connected)
            info = await jetstream.stream_info("KEPT")
            assert info.state.messages == round_number
        await client.close()
        assert (servers.postgres.restarts, servers.nats.restarts) == (3, 3)


async def test_servers_die_with_a_killed_parent(home: Path) -> None:
    """kill -9 of the process that runs them takes both servers down, backends included."""
    holder = await run_holder(home / "data")
    assert holder.stdout is not None
    line = await asyncio.wait_for(holder.stdout.readline(), 20)
    pids = json.loads(line)
    assert running_in("nats-server", home / "data/nats") == [pids[1]]
    holder.kill()
    await holder.communicate()
    for program, place in (("postgres", "postgres/cluster"), ("nats-server", "nats")):
        gone = partial(_none_runs_in, program, home / "data" / place)
        await eventually(gone, 20.0)


async def test_killed_during_the_first_start(home: Path) -> None:
    """A kill -9 in the middle of initdb leaves nothing that the next start can't fix."""
    holder = await run_holder(home / "data")
    await eventually((home / "data/postgres/cluster.new/global").exists)
    holder.kill()
    await holder.communicate()
    assert not (home / "data/postgres/cluster").exists()
    async with embedded_servers(home / "data") as servers:
        assert await one_value(servers.postgres_dsn, "SELECT 1") == 1
    assert not (home / "data/postgres/cluster.new").exists()


async def test_addresses_survive_our_restart(home: Path) -> None:
    """The NATS port is kept from start to start, and given up only when somebody else took it."""
    async with embedded_servers(home / "data") as servers:
        first = (servers.nats_url, servers.postgres_dsn)
    async with embedded_servers(home / "data") as servers:
        assert (servers.nats_url, servers.postgres_dsn) == first
    port = urlsplit(first[0]).port
    assert port is not None
    with socket.create_server(("127.0.0.1", port)):
        async with embedded_servers(home / "data") as servers:
            assert urlsplit(servers.nats_url).port != port
        with pytest.raises(EmbeddedServerFailed, match="is taken"):
            async with embedded_servers(home / "data", nats_port=port):
                pass


async def test_a_long_path_gets_a_short_socket(home: Path) -> None:
    """A data path longer than a socket's name may be still works, from a private directory."""
    data_path = home / ("long" * 20) / ("path" * 20) / "data"
    async with embedded_servers(data_path) as servers:
        assert await one_value(servers.postgres_dsn, "SELECT 1") == 1
        place = str(await one_value(servers.postgres_dsn, "SHOW unix_socket_directories"))
        assert len(place) < 90
        assert stat.S_IMODE(os.stat(place).st_mode) == 0o700
    os.rmdir(place)


async def test_a_publisher_reaches_its_own_channel_only(servers: EmbeddedServers) -> None:
    """A channel's user publishes durably to its subjects, and can neither read nor write
    others'."""
    refused: list[str] = []

    async def note(error: Exception) -> None:
        refused.append(str(error))

    service = await nats.connect(servers.nats_url)
    acme = await nats.connect(servers.nats_channel_urls["acme-us"], error_cb=note)
    name = fresh_stream_prefix()
    try:
        stream = service.jetstream()
        await stream.add_stream(StreamConfig(name=name, subjects=["orders.in.>"]))
        publish = acme.jetstream().publish
        for _ in range(2):
            ack = await publish(
                "orders.in.acme-us.create.1", b"{}", timeout=5, headers={"Nats-Msg-Id": name}
            )
            assert (ack.stream, ack.seq) == (name, 1)
        # The ack of this one would land in another channel's subjects if both shared an account.
        await acme.publish("orders.in.acme-us.create.2", b"{}", reply="orders.in.beta-eu.create.2")
        await acme.publish("orders.in.beta-eu.create.3", b"{}")
        await acme.publish("$JS.API.STREAM.PURGE." + name, b"")
        for subject in ("orders.in.>", ">", "$JS.>"):
            await acme.subscribe(subject)
        await acme.flush()
        await eventually(lambda: len(refused) >= 5)
        assert all("permissions violation" in text.lower() for text in refused)
        info = await stream.stream_info(name, subjects_filter=">")
        assert info.state.subjects == {
            "orders.in.acme-us.create.1": 1,
            "orders.in.acme-us.create.2": 1,
        }
        await stream.delete_stream(name)
    finally:
        await acme.close()
        await service.close()


def test_a_closed_parent_is_named(home: Path) -> None:
    """Root is told which directory the servers' user can't pass, and nothing is opened for it."""
    if os.geteuid() != 0:
        pytest.skip("Only root drops to another user; this test does not run as root.")
    closed = home / "closed"
    closed.mkdir(mode=0o700)
    with pytest.raises(DataDirectoryUnusable, match=f"{closed} is closed to it; put the data"):
        DataDirectory(closed / "data").lock()
    assert stat.S_IMODE(closed.stat().st_mode) == 0o700


def test_foreign_files_are_not_taken_over(home: Path) -> None:
    """A directory with somebody's files in it is refused, and left as it was."""
    (home / "letter.txt").write_text("mine")
    with pytest.raises(DataDirectoryUnusable, match="files that aren't ours") as caught:
        DataDirectory(home).lock()
    assert caught.value.exit_code == 6
    assert os.listdir(home) == ["letter.txt"]


def test_a_stand_by_may_begin_with_the_secrets_of_the_first(home: Path) -> None:
    """A directory that holds only secrets is taken, and they are kept."""
    (home / "secrets").mkdir()
    (home / "secrets" / "correlation-key").write_text("of the first\n")
    with DataDirectory(home) as data:
        assert data.secret("correlation-key") == "of the first"
