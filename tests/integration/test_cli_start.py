"""How the service starts, refuses to start, and ends: by its exit codes and sentences."""

from __future__ import annotations

import asyncio
import json
import os
import socket
import subprocess
from pathlib import Path

import pytest

from service.demo.world import toml
from tests.e2e.world import free_port
from tests.integration.whole import Whole
from tests.waiting import eventually


async def test_migrate(whole: Whole, empty: Path) -> None:
    """A fresh directory gets its schema, once; a held one names its holder."""
    config = empty / "orderwright.toml"
    config.write_text(f'data_dir = "{empty / "data"}"\n')
    said = whole.cli("migrate", "--config", str(config), running=False)
    assert "0001_journal" in said
    assert "the schema is up to date" in said
    again = whole.cli("migrate", "--config", str(config), running=False)
    assert again == "0 migrations applied; the schema is up to date.\n"
    held = whole.cli("migrate", "--config", str(whole.world.config), code=3, running=False)
    assert str(whole.world.service.pid) in held
    assert str(whole.world.data) in held


async def test_serve_refuses_wrong_configuration(whole: Whole, empty: Path) -> None:
    """Each fault is a sentence that names its key, all at once, before anything starts."""
    config = empty / "wrong.toml"
    config.write_text('[listen]\nport = 99999\n[channels."a b"]\nkind = "shopify"\n[polcy]\n')
    said = whole.cli("serve", "--config", str(config), code=2, running=False)
    assert "listen.port must be 65535 at most" in said
    assert "channels.a b" in said
    assert "polcy is not a setting; did you mean policy?" in said
    missing = whole.cli("serve", "--config", str(empty / "none.toml"), code=2, running=False)
    assert "can't be read" in missing
    assert not (empty / "orderwright-data").exists()


@pytest.mark.parametrize(
    ("variable", "address"),
    [
        ("ORDERWRIGHT_POSTGRES_DSN", "postgresql://orders:secret@127.0.0.1:1/orders"),
        ("ORDERWRIGHT_NATS_URL", "nats://orders:secret@127.0.0.1:1"),
    ],
)
async def test_serve_names_an_unreachable_server(
    whole: Whole, empty: Path, variable: str, address: str
) -> None:
    """An outside server that can't be reached is one sentence, without its password, and code 4."""
    environ = {variable: address, "ORDERWRIGHT_DATA": str(empty / "data"), "ORDERWRIGHT_PORT": "0"}
    said = whole.cli("serve", code=4, environ=environ, cwd=empty, running=False)
    assert "127.0.0.1:1" in said
    assert variable in said
    assert "secret" not in said
    assert len(said.strip().splitlines()[-1].split(". ")) == 1


async def test_serve_refuses_a_database_of_other_secrets(whole: Whole, empty: Path) -> None:
    """A second process that makes its own secrets would open nothing and refuse every report on
    running orders: one sentence says what to bring along, and the code is 13."""
    there = whole.world.runtime()
    environ = {
        "ORDERWRIGHT_POSTGRES_DSN": there.postgres_dsn,
        "ORDERWRIGHT_NATS_URL": there.nats_url,
        "ORDERWRIGHT_DATA": str(empty / "data"),
        "ORDERWRIGHT_PORT": "0",
    }
    said = whole.cli("serve", code=13, environ=environ, cwd=empty, running=False)
    assert "bring back the data directory's `secrets`" in said


async def test_serve_names_a_limit_of_an_outside_server(whole: Whole, empty: Path) -> None:
    """A NATS with its usual limit of 1 MB can't carry every order: one sentence says which setting
    to change, and the code is 5."""
    port = free_port()
    words = ("-js", "-sd", str(empty / "js"), "-a", "127.0.0.1", "-p", str(port))
    server = await asyncio.create_subprocess_exec(
        _nats_server(whole), *words, stderr=subprocess.DEVNULL
    )
    try:
        await eventually(lambda: _listens(port), 10.0)
        environ = {"ORDERWRIGHT_NATS_URL": f"nats://127.0.0.1:{port}", "ORDERWRIGHT_PORT": "0"}
        environ["ORDERWRIGHT_DATA"] = str(empty / "data")
        said = whole.cli("serve", code=5, environ=environ, cwd=empty, running=False)
    finally:
        server.kill()
        await server.wait()
    assert "max_payload: 5MB" in said


async def test_serve_says_that_its_port_is_taken(whole: Whole, empty: Path) -> None:
    """A port in use is one sentence and code 9."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen(1)
        port = str(taken.getsockname()[1])
        environ = {"ORDERWRIGHT_DATA": str(empty / "data"), "ORDERWRIGHT_PORT": port}
        said = whole.cli("serve", code=9, environ=environ, cwd=empty, running=False)
    assert f"Can't listen on 127.0.0.1:{port}" in said
    assert "ORDERWRIGHT_PORT" in said


async def test_serve_on_a_held_directory(whole: Whole) -> None:
    """A second start on the same data says who holds it, with code 3."""
    said = whole.cli("serve", "--config", str(whole.world.config), code=3, running=False)
    assert str(whole.world.service.pid) in said


async def test_commands_without_a_service(whole: Whole, empty: Path) -> None:
    """Where no service runs, or it has died, a command says so and how to start one: code 10."""
    said = whole.cli("orders", "list", "--data", str(empty), code=10, running=False)
    assert "No service runs with the data directory" in said
    left = {
        "pid": _dead_pid(),
        "url": "http://127.0.0.1:1",
        "postgres_dsn": "postgresql://x:y@127.0.0.1:1/x",
        "nats_url": "nats://127.0.0.1:1",
    }
    (empty / "runtime.json").write_text(json.dumps(left))
    said = whole.cli("orders", "list", "--data", str(empty), code=10, running=False)
    assert "has ended; start it again" in said


async def test_sigterm_ends_with_zero(whole: Whole, empty: Path) -> None:
    """A service without any partner starts, answers, and ends with 0 when it is asked to."""
    table = {"data_dir": str(empty / "data"), "listen": {"host": "127.0.0.1", "port": 0}}
    config = empty / "orderwright.toml"
    config.write_text(toml(table))
    service = whole.world.process("lone", "service.cli", ["serve", "--config", str(config)])
    await eventually((empty / "data" / "runtime.json").exists, 60.0)
    assert whole.cli("orders", "list", "--data", str(empty / "data")).endswith("(none)\n")
    assert await service.terminated() == 0, service.last_words()
    said = await asyncio.to_thread(
        whole.cli, "orders", "list", "--data", str(empty / "data"), code=10
    )
    assert "start it again" in said or "No service runs" in said


def _nats_server(whole: Whole) -> str:
    running = whole.world.server("nats-server")
    assert running is not None
    return running.exe()


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _dead_pid() -> int:
    child = os.spawnlp(os.P_NOWAIT, "true", "true")
    os.waitpid(child, 0)
    return child
