"""Postgres as a child process: reached through a Unix socket with a password, never through TCP."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import os
import shutil
import signal
import stat
import tempfile
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import quote

import asyncpg

from service.app.errors import DataDirectoryUnusable, EmbeddedServerFailed
from service.embedded.child import Child
from service.embedded.data_directory import DataDirectory, sync_directory, write_private
from service.embedded.nameless import is_nameless, naming
from service.embedded.postgres_settings import PG_HBA, configuration
from service.embedded.proc import end_orphans, exists
from service.embedded.process import FailureCallback, Program, SupervisedProcess, last_line
from service.embedded.programs import postgres_programs

USER = "orderwright"
DATABASE = "orderwright"
_SOCKET_NAME = ".s.PGSQL.5432"
_LONGEST_SOCKET_PATH_BYTES = 107
_INITDB_SECONDS = 120.0
_READY_SECONDS = 60.0  # then only a recovery is waited for, which replays at most 2 GiB of WAL
# Fast shutdown (SIGINT) writes a checkpoint; immediate (SIGQUIT) leaves that to recovery. Both are
# safe.
_STOP_STEPS = ((signal.SIGINT, 15.0), (signal.SIGQUIT, 6.0))
_INITDB_ORPHAN_STEPS = ((signal.SIGKILL, 5.0),)
_ORPHAN_STEPS = ((signal.SIGQUIT, 6.0), (signal.SIGKILL, 5.0))


class EmbeddedPostgres:
    """One cluster in `<data>/postgres/cluster`; hold the data directory's lock while using it."""

    def __init__(
        self,
        data: DataDirectory,
        *,
        settings: Mapping[str, str] | None = None,
        on_failure: FailureCallback | None = None,
    ) -> None:
        self._data = data
        self._settings = settings
        self._on_failure = on_failure
        self._home = data.path / "postgres"
        self._cluster = self._home / "cluster"
        self._log_path = data.path / "logs" / "postgres.log"
        self._process: SupervisedProcess | None = None
        self._stale_pid_file: int | None = None

    @property
    def pid(self) -> int | None:
        """The postmaster's pid, None while it is down."""
        return self._process.pid if self._process is not None else None

    @property
    def restarts(self) -> int:
        """How often the supervisor has restarted it."""
        return self._process.restarts if self._process is not None else 0

    async def start(self) -> str:
        """Start, and return the DSN for asyncpg; raises EmbeddedServerFailed or
        DataDirectoryUnusable.

        The first start creates the cluster (about a second); an interrupted first start is
        repeated.
        """
        self._data.directory("postgres")
        programs = postgres_programs(self._data)
        password = self._data.secret("postgres-password")
        if not (self._cluster / "PG_VERSION").exists():
            await self._initialise(programs, password)
        socket_directory = self._socket_directory()
        text = configuration(socket_directory, self._settings)
        write_private(self._cluster / "postgresql.conf", text, self._data.account)
        write_private(self._cluster / "pg_hba.conf", PG_HBA, self._data.account)
        program = Program(
            name="Postgres",
            arguments=[str(programs / "postgres"), "-D", str(self._cluster)],
            directory=self._home,
            log_path=self._log_path,
            account=self._data.account,
            # If we die: immediate shutdown. Unlike SIGKILL it ends the backends before the
            # postmaster, and unlike a fast shutdown it writes no checkpoint that our successor
            # would have to wait for.
            death_signal=signal.SIGQUIT,
            stop_steps=_STOP_STEPS,
            prepare=self._prepare,
            ready=self._ready,
            has_room=self._data.has_room,
            ready_timeout_seconds=_READY_SECONDS,
            working=self._recovers,
        )
        self._process = SupervisedProcess(program, on_failure=self._on_failure)
        await self._process.start()
        try:
            await self._ensure_database(socket_directory, password)
        except BaseException:
            await self.stop()
            raise
        host = quote(str(socket_directory), safe="")
        return f"postgresql://{USER}:{password}@/{DATABASE}?host={host}&port=5432"

    async def stop(self) -> None:
        """Fast shutdown: open transactions are rolled back; about 0.1 s, at most some 25 s."""
        if self._process is not None:
            await self._process.stop()
            self._process = None

    async def _initialise(self, programs: Path, password: str) -> None:
        """Run initdb under another name, then rename: a cluster is complete or absent, whenever we
        are killed."""
        fresh = self._home / "cluster.new"
        # Left by a start that was killed half-way: initdb, and the Postgres that it ran.
        for name, place in (("initdb", self._home), ("postgres", self._home), ("postgres", fresh)):
            await end_orphans(name, place, _INITDB_ORPHAN_STEPS)
        if fresh.exists():
            await asyncio.to_thread(shutil.rmtree, fresh)
        named = naming(self._home, USER) if is_nameless() else {}
        password_file = self._home / "initdb-password"
        write_private(password_file, password + "\n", self._data.account)
        child = Child(
            [
                *(str(programs / "initdb"), "-D", str(fresh), "-U", USER),
                *(f"--pwfile={password_file}", "--auth=scram-sha-256", "--data-checksums"),
                *("--encoding=UTF8", "--locale-provider=builtin", "--locale=C.UTF-8"),
            ],
            directory=self._home,
            account=self._data.account,
            # At SIGTERM it would clean up while our successor does the same.
            death_signal=signal.SIGKILL,
            log_path=self._log_path,
            environment=named,
        )
        try:
            in_time = await child.wait(_INITDB_SECONDS)
        finally:
            status = await child.end([(signal.SIGTERM, 2.0)])
            password_file.unlink()
        if not in_time or status != 0:
            raise EmbeddedServerFailed(
                f"Postgres could not make its cluster in {self._home}; the log {self._log_path} "
                f"says "
                f'"{last_line(self._log_path)}".'
            )
        os.rename(fresh, self._cluster)
        sync_directory(self._home)

    def _socket_directory(self) -> Path:
        """`<data>/postgres/run`, or a private directory under the temporary one if that is too
        long."""
        directory = self._home / "run"
        if len(os.fsencode(directory / _SOCKET_NAME)) <= _LONGEST_SOCKET_PATH_BYTES:
            directory.mkdir(mode=0o700, exist_ok=True)
            if self._data.account is not None:
                os.chown(directory, self._data.account.uid, self._data.account.gid)
            return directory
        digest = hashlib.sha256(os.fsencode(self._data.path.resolve())).hexdigest()[:16]
        directory = Path(tempfile.gettempdir()) / f"orderwright-{digest}"
        with contextlib.suppress(FileExistsError):
            directory.mkdir(mode=0o700)
            if self._data.account is not None:
                os.chown(directory, self._data.account.uid, self._data.account.gid)
        status = directory.lstat()
        owner = self._data.account.uid if self._data.account else os.geteuid()
        private = stat.S_ISDIR(status.st_mode) and stat.S_IMODE(status.st_mode) == 0o700
        # Anyone may have created something under this name: use it only if it is private to us.
        if not private or status.st_uid != owner:
            raise DataDirectoryUnusable(
                f"The path of the data directory {self._data.path} is too long for a Unix socket, "
                f"and {directory}, which would hold the socket instead, is not private to us; "
                f"remove that, or use a shorter path."
            )
        return directory

    async def _prepare(self) -> None:
        """End our orphans on this cluster, then remove a pid file that names a process that is
        none of them."""
        # One that was just started has not gone to its cluster yet.
        for place in (self._home, self._cluster):
            await end_orphans("postgres", place, _ORPHAN_STEPS)
        pid_file = self._cluster / "postmaster.pid"
        pid = _first_number(pid_file)
        # Now that none of ours is left, a process with that pid is unrelated, or has ended and was
        # not reaped by whoever inherited it. Postgres would take both for a running server.
        if pid is not None and exists(pid):
            pid_file.unlink()
        # The next postmaster may get the same pid (containers repeat them): what the last one left
        # must not look current.
        self._stale_pid_file = _modified_ns(pid_file)

    async def _ready(self, pid: int) -> bool:
        """As pg_ctl does: the postmaster writes `ready` in line 8 of its pid file."""
        return self._says(pid) == "ready"

    def _recovers(self, pid: int) -> bool:
        """Whether the postmaster says that it is starting: it replays its log."""
        return self._says(pid) == "starting"

    def _says(self, pid: int) -> str:
        pid_file = self._cluster / "postmaster.pid"
        if _modified_ns(pid_file) == self._stale_pid_file:
            return ""
        try:
            lines = pid_file.read_text().splitlines()
        except OSError:
            return ""
        return lines[7].strip() if len(lines) >= 8 and lines[0].strip() == str(pid) else ""

    async def _ensure_database(self, socket_directory: Path, password: str) -> None:
        try:
            connection = await asyncpg.connect(
                host=str(socket_directory),
                port=5432,
                user=USER,
                password=password,
                database="postgres",
                timeout=10,
            )
        except asyncpg.InvalidPasswordError:
            raise EmbeddedServerFailed(
                f"The embedded Postgres refuses the password in "
                f"{self._data.path}/secrets/postgres-password; put back the file that belongs to "
                f"this data."
            ) from None
        try:
            query = "SELECT 1 FROM pg_database WHERE datname = $1"
            if await connection.fetchval(query, DATABASE) is None:
                await connection.execute(f'CREATE DATABASE "{DATABASE}"')
        finally:
            await connection.close(timeout=5)


def _first_number(path: Path) -> int | None:
    try:
        return int(path.read_text().split(maxsplit=1)[0])
    except (OSError, ValueError, IndexError):
        return None


def _modified_ns(path: Path) -> int | None:
    try:
        return path.stat().st_mtime_ns
    except OSError:
        return None
