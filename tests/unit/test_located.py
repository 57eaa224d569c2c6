"""Which configuration a command means: the one named, the running service's, or this place's."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from msgspec.structs import replace

from service.app import running
from service.app.located import folder_of, settings_meant
from service.embedded.proc import start_ticks
from service.settings import ConfigurationRefused, configured_data_dir, load


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty working directory without our variables."""
    for name in [name for name in os.environ if name.startswith("ORDERWRIGHT_")]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def write(folder: Path, *, pid: int = 0, config: Path | None = None) -> None:
    """Write what a service of that folder leaves."""
    folder.mkdir(parents=True)
    found = running.Running(
        pid=pid, started=start_ticks(pid) or 1, url="", postgres_dsn="", nats_url="",
        config=str(config or ""),
    )  # fmt: skip
    running.write(folder, found)


def test_the_environment_of_the_running_service_is_used(here: Path) -> None:
    """What the service's variables set and its references lead to is known to its commands."""
    config = here / "service.toml"
    config.write_text('mappings_file = "env:MAPPINGS"\n')
    environ = {"MAPPINGS": "/of/the/service", "ORDERWRIGHT_PORT": "4711"}
    service = subprocess.Popen(
        [sys.executable, "-c", "print(flush=True); input()"],
        env=environ, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
    )  # fmt: skip
    try:
        assert service.stdout is not None
        service.stdout.readline()
        write(here / "x", pid=service.pid, config=config)
        settings = settings_meant(None, here / "x")
        assert (settings.mappings_file, settings.listen.port) == ("/of/the/service", 4711)
    finally:
        service.communicate(b"\n")


def test_a_reused_pid_is_not_the_service(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another process has the pid of a service that has ended: its environment is none of ours, and
    a person is told that the service has ended, and what to do."""
    monkeypatch.setenv("ORDERWRIGHT_PORT", "4712")
    other = subprocess.Popen(
        [sys.executable, "-c", "print(flush=True); input()"],
        env={"ORDERWRIGHT_PORT": "4711"}, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
    )  # fmt: skip
    try:
        assert other.stdout is not None
        other.stdout.readline()
        write(here / "x", pid=other.pid)
        assert settings_meant(None, here / "x").listen.port == 4711
        found = replace(running.read(here / "x"), started=1)
        running.write(here / "x", found)
        said: list[str] = []
        assert settings_meant(None, here / "x", said.append).listen.port == 4712
        assert not running.is_alive(found)
    finally:
        other.communicate(b"\n")
    (told,) = said
    assert f"(pid {found.pid}) has ended" in told
    assert "Start it again with `orderwright serve`" in told


def test_a_service_without_a_file_is_not_given_this_places(here: Path) -> None:
    """It read no file, so its commands read none."""
    (here / "orderwright.toml").write_text("broken = = ")
    write(here / "x")
    assert settings_meant(None, here / "x") == load({}, Path(os.devnull))


def test_the_demo_is_found_where_nothing_else_is_said(here: Path) -> None:
    """In the folder where the demo was started, its inner folder is the data directory."""
    config = here / "orderwright-data" / "demo.toml"
    write(here / "orderwright-data" / "data", config=config)
    config.write_text('[channels.acme]\nkind = "canonical"\n')
    assert set(settings_meant(None, None).channels) == {"acme"}
    assert folder_of(None) == Path("orderwright-data") / "data"
    own = here / "orderwright.toml"
    own.write_text('[channels.own]\nkind = "canonical"\n')
    assert set(settings_meant(None, None).channels) == {"own"}
    assert set(settings_meant(config, None).channels) == {"acme"}


def test_only_the_data_directory_is_read_of_a_configuration(here: Path) -> None:
    """Missing secrets or a broken file that no one named don't matter; a named one must be read."""
    own = here / "orderwright.toml"
    own.write_text('data_dir = "env:WHERE"\nnats_url = "env:NOT_HERE"\n')
    assert configured_data_dir({"WHERE": "/there"}) == "/there"
    assert configured_data_dir({"ORDERWRIGHT_DATA": "/elsewhere"}) == "/elsewhere"
    with pytest.raises(ConfigurationRefused, match="data_dir names the environment variable WHERE"):
        configured_data_dir({})
    own.write_text("no = = TOML")
    assert configured_data_dir({}) == "orderwright-data"
    named = here / "named.toml"
    named.write_text("no = = TOML")
    with pytest.raises(ConfigurationRefused, match="is not valid TOML"):
        configured_data_dir({"ORDERWRIGHT_CONFIG": str(named)})
