"""NATS with JetStream as a child process, on loopback, on a stable port."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import re
import secrets
import shutil
import signal
import socket
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from service.app.errors import EmbeddedServerFailed
from service.embedded.data_directory import DataDirectory, write_private
from service.embedded.nats_config import (
    ACCOUNT,
    USER,
    NatsPlan,
    channel_user,
    check_channel,
    configuration,
)
from service.embedded.proc import end_orphans
from service.embedded.process import FailureCallback, Program, SupervisedProcess
from service.embedded.programs import nats_program

_HOST = "127.0.0.1"
# Below the range from which the kernel gives ports to outgoing connections: none of those can take
# our port in the moment between a crash and the restart.
_PORTS = range(20_000, 32_000)
_PORT_ATTEMPTS = 200
_KEPT_FREE_BYTES = 256 * 1024 * 1024
_SMALLEST_STORE_BYTES = 64 * 1024 * 1024
_READY_SECONDS = 60.0
_STOP_STEPS = ((signal.SIGTERM, 10.0),)
_RELOAD_SECONDS, _RELOAD_POLL_SECONDS = 10.0, 0.05
_MOST_MONITORED_BYTES = 256 * 1024
_ORPHAN_STEPS = ((signal.SIGTERM, 5.0), (signal.SIGKILL, 5.0))


@dataclass(frozen=True)
class NatsAddress:
    """Where it listens. `url` contains the service's own password, `channel_urls` that of each
    publisher."""

    url: str
    monitor_url: str
    channel_urls: Mapping[str, str]


class EmbeddedNats:
    """One server in `<data>/nats`; hold the data directory's lock while using it.

    `max_file_store_bytes` bounds what JetStream may keep; on a smaller disk it is three quarters of
    what was free at the first start.
    """

    def __init__(
        self,
        data: DataDirectory,
        *,
        channels: Sequence[str] = (),
        port: int = 0,
        max_file_store_bytes: int = 8 * 1024**3,
        max_payload_bytes: int = 5 * 1024**2,
        on_failure: FailureCallback | None = None,
    ) -> None:
        self._data = data
        self._channels = [check_channel(channel) for channel in channels]
        self._port = port
        self._max_file_store_bytes = max_file_store_bytes
        self._max_payload_bytes = max_payload_bytes
        self._on_failure = on_failure
        self._home = data.path / "nats"
        self._process: SupervisedProcess | None = None
        self._chosen: NatsPlan | None = None
        self._monitor_port = 0
        self._is_good = False

    @property
    def pid(self) -> int | None:
        """The server's pid, or None while it is down."""
        return self._process.pid if self._process is not None else None

    @property
    def restarts(self) -> int:
        """How often the supervisor had to start it again."""
        return self._process.restarts if self._process is not None else 0

    @property
    def config_path(self) -> Path:
        """The server's configuration; it holds passwords, its mode is 0600."""
        return self._home / "nats.conf"

    async def start(self) -> NatsAddress:
        """Start it and wait for JetStream; raises EmbeddedServerFailed or DataDirectoryUnusable."""
        self._data.directory("nats")
        executable = nats_program(self._data)
        await self._prepare()
        self._chosen = plan = self._plan()
        write_private(self.config_path, configuration(plan), self._data.account)
        self._monitor_port = plan.monitor_port
        program = Program(
            name="NATS server",
            arguments=[str(executable), "-c", str(self.config_path)],
            directory=self._home,
            log_path=self._data.path / "logs" / "nats.log",
            account=self._data.account,
            # Every acknowledged message is on disk already, and nothing can hold SIGKILL up: the
            # port is free for our successor at once.
            death_signal=signal.SIGKILL,
            stop_steps=_STOP_STEPS,
            prepare=self._prepare,
            ready=self._ready,
            has_room=self._data.has_room,
            ready_timeout_seconds=_READY_SECONDS,
        )
        self._process = SupervisedProcess(program, on_failure=self._on_failure)
        await self._process.start()
        self._is_good = True
        self._keep_descriptions()
        place = f"{plan.host}:{plan.port}"
        return NatsAddress(
            url=f"nats://{USER}:{plan.password}@{place}",
            monitor_url=f"http://{_HOST}:{plan.monitor_port}",
            channel_urls={
                channel: f"nats://{channel_user(channel)}:{password}@{place}"
                for channel, password in plan.channels.items()
            },
        )

    async def use(self, channels: Sequence[str]) -> None:
        """Let these channels publish from now on, each with the password in its file, which is made
        where it is missing. The others are not interrupted. Raises EmbeddedServerFailed when the
        server does not take it over."""
        self._channels = [check_channel(channel) for channel in channels]
        passwords = self._passwords()
        if self._chosen is None or self._chosen.channels == passwords:
            return
        self._chosen = replace(self._chosen, channels=passwords)
        # Twice: the imports of an account that a reload introduces carry nothing until accounts
        # change once more (seen with 2.15.1; a test publishes through them).
        await self._reload(configuration(self._chosen, passing=True))
        await self._reload(configuration(self._chosen))

    async def _reload(self, text: str) -> None:
        before, pid = await self._loaded_at(), self.pid
        write_private(self.config_path, text, self._data.account)
        if pid is not None:
            os.kill(pid, signal.SIGHUP)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_RELOAD_SECONDS):
                while True:
                    if await self._loaded_at() not in (before, ""):
                        return
                    await asyncio.sleep(_RELOAD_POLL_SECONDS)
        raise EmbeddedServerFailed(
            "The embedded NATS server did not take the new channels over; its log in `logs/` says "
            "why. A restart of the service does it."
        )

    async def restart(self) -> None:
        """End it; it is started again at once, on the same port and with all it acknowledged."""
        if self._process is not None:
            await self._process.restart()

    async def stop(self) -> None:
        """Stop it cleanly, within 15 s."""
        if self._process is not None:
            await self._process.stop()
            self._process = None
            if self._is_good:
                self._keep_descriptions()

    def _keep_descriptions(self) -> None:
        """Copy each stream's description, which is written once, to `nats/descriptions`: without it
        the server can't read the messages beside it, and docs/operations.md puts it back."""
        streams = self._home / "jetstream" / "jetstream" / ACCOUNT / "streams"
        for found in streams.glob("*/meta.*"):
            folder = self._home / "descriptions" / found.parent.name
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            shutil.copy2(found, folder / found.name)
            if self._data.account is not None:
                for one in (folder.parent, folder, folder / found.name):
                    os.chown(one, self._data.account.uid, self._data.account.gid)

    async def _prepare(self) -> None:
        await end_orphans("nats-server", self._home, _ORPHAN_STEPS)

    def _plan(self) -> NatsPlan:
        """Use what the last start chose, or choose a new one; a stored port that is taken is given
        up."""
        kept_path = self._home / "kept.json"
        kept: dict[str, int] = {}
        with contextlib.suppress(OSError, ValueError):
            kept = json.loads(kept_path.read_text())
        if self._port and not _is_free(self._port):
            raise EmbeddedServerFailed(
                f"The embedded NATS server cannot listen on port {self._port} of {_HOST}, which is "
                f"taken; free that port or configure another."
            )
        port = self._port or _kept_or_new(kept.get("port"), taken=set())
        monitor_port = _kept_or_new(kept.get("monitor_port"), taken={port})
        store = self._home / "jetstream"
        used = sum(file.stat().st_size for file in store.rglob("*") if file.is_file())
        room = used + max(0, self._data.free_bytes() - _KEPT_FREE_BYTES) * 3 // 4
        # Never below what streams may already have reserved: they would not recover.
        fitting = max(room, kept.get("max_file_store_bytes", _SMALLEST_STORE_BYTES))
        max_file_store_bytes = min(self._max_file_store_bytes, fitting)
        now_kept = {
            "port": port,
            "monitor_port": monitor_port,
            "max_file_store_bytes": max_file_store_bytes,
        }
        if now_kept != kept:
            write_private(kept_path, json.dumps(now_kept))
        return NatsPlan(
            server_name=f"orderwright-{self._data.instance_id}",
            host=_HOST,
            port=port,
            monitor_port=monitor_port,
            store_directory=store,
            max_file_store_bytes=max_file_store_bytes,
            max_payload_bytes=self._max_payload_bytes,
            password=self._data.secret("nats-password"),
            channels=self._passwords(),
        )

    def _passwords(self) -> dict[str, str]:
        """Return each channel's password."""
        return {
            # Hex, for a secret's name is lower case and a channel's may differ in case alone.
            channel: self._data.secret(f"nats-channel-{channel.encode().hex()}"[:100])
            for channel in self._channels
        }

    async def _ready(self, pid: int) -> bool:
        """Whether /healthz reports ok: listening, JetStream up, streams recovered."""
        return b" 200 " in (await self._monitored("/healthz"))[:20] and self.pid == pid

    async def _loaded_at(self) -> str:
        """Return when the server read its configuration last; "" when it does not answer."""
        found = re.search(rb'"config_load_time": *"([^"]+)"', await self._monitored("/varz"))
        return found[1].decode() if found else ""

    async def _monitored(self, path: str) -> bytes:
        """Return what the server's own monitoring answers; nothing when it does not."""
        with contextlib.suppress(OSError, TimeoutError, asyncio.IncompleteReadError):
            async with asyncio.timeout(2):
                reader, writer = await asyncio.open_connection(_HOST, self._monitor_port)
                try:
                    writer.write(f"GET {path} HTTP/1.0\r\nHost: localhost\r\n\r\n".encode())
                    found = b""
                    while len(found) < _MOST_MONITORED_BYTES and (
                        part := await reader.read(65_536)
                    ):
                        found += part
                    return found
                finally:
                    writer.close()
                    with contextlib.suppress(OSError):
                        await writer.wait_closed()
        return b""


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        # As the server does: recently closed connections must not make its own port look taken.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((_HOST, port))
            probe.listen(1)
        except OSError:
            return False
    return True


def _kept_or_new(kept: int | None, taken: set[int]) -> int:
    if kept is not None and kept not in taken and _is_free(kept):
        return kept
    for _ in range(_PORT_ATTEMPTS):
        port = secrets.choice(_PORTS)
        if port not in taken and _is_free(port):
            return port
    raise EmbeddedServerFailed(
        f"No free port was found for the embedded NATS server between {_PORTS.start} and "
        f"{_PORTS.stop} on {_HOST}; configure one."
    )
