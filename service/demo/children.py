"""The demo's processes: the simulated world, the shops, and the service itself."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import sys
from collections.abc import Sequence
from pathlib import Path

from service.app.errors import OperatorError
from service.embedded import launch
from service.embedded.data_directory import write_private

HABITS = (
    "--edit-address=0.04 --edit-add-line=0.03 --edit-remove-line=0.03 --edit-after-seconds=0-2"
    " --cancel-late=0.02 --cancel-after-seconds=0-3 --cod=0.05 --terms=0.03 --split=0.1"
    " --multi-parcel=0.1 --split-later=0.03 --short-pick=0.02 --echo-ms=20-200"
)
"""Shares of a shop's orders that are changed, cancelled late, paid another way, shipped in parts,
or not found whole; and how soon the shop tells of what was done through its API."""

START_SECONDS = 60.0
"""The longest a process may take until it is ready; the first start makes a database."""

END_SECONDS = 30.0


class DemoFailed(OperatorError):
    """A part of the demo did not start or ended too early."""


class PortTaken(DemoFailed):
    """Somebody listens on the demo's port already."""

    exit_code = 9


class Child:
    """One process of the demo, with its output in a file of the data directory. The kernel kills it
    when the demo ends, however that happens: what a service had in hand it finds again."""

    def __init__(self, name: str, arguments: Sequence[str], log: Path) -> None:
        self.name = name
        self._arguments = arguments
        self._log = log
        self._begins_at = 0
        self.process: asyncio.subprocess.Process | None = None

    @property
    def pid(self) -> int:
        """The process id; 0 before the start."""
        return self.process.pid if self.process else 0

    async def start(self) -> None:
        """Start it; its output goes to the log. It is in a session of its own: Ctrl-C reaches the
        demo alone, which then ends its parts in their order."""
        life = [str(os.getpid()), str(int(signal.SIGKILL)), "-1", "-1", str(Path.cwd())]
        words = [sys.executable, launch.__file__, *life, sys.executable, "-m", *self._arguments]
        with self._log.open("ab") as out:
            self._begins_at = out.tell()
            self.process = await asyncio.create_subprocess_exec(*words, stdout=out, stderr=out)

    async def ready(self, file: Path) -> dict[str, object]:
        """Wait for the JSON that it writes when it is ready. Raises DemoFailed."""
        try:
            async with asyncio.timeout(START_SECONDS):
                while True:
                    if (found := _written(file)) is not None:
                        return found
                    self.must_run()
                    await asyncio.sleep(0.05)
        except TimeoutError:
            raise DemoFailed(f"{self.name} was not ready in time; see {self._log}.") from None

    async def wait(self) -> int:
        """Wait until it ends; return its exit code."""
        assert self.process is not None
        return await self.process.wait()

    async def stop(self) -> None:
        """Ask it to end, and insist after a while."""
        process = self.process
        if process is None or process.returncode is not None:
            return
        process.send_signal(signal.SIGTERM)
        try:
            async with asyncio.timeout(END_SECONDS):
                await process.wait()
        except TimeoutError:
            process.kill()
            await process.wait()

    @property
    def was_killed(self) -> bool:
        """Whether it ended by a signal and not by itself."""
        return self.process is not None and (self.process.returncode or 0) < 0

    def must_run(self) -> None:
        """Raise DemoFailed, with its last words, when it has ended."""
        if self.process is not None and self.process.returncode is not None:
            with self._log.open(errors="replace") as log:
                log.seek(self._begins_at)
                last = log.read().strip().splitlines()[-3:]
            said = f" It said last: {' / '.join(last)}" if last else ""
            raise DemoFailed(f"{self.name} ended with code {self.process.returncode}.{said}")


def free_port(wanted: int) -> int:
    """Return the port wanted, or one that is free for 0. Raises PortTaken."""
    with socket.socket() as found:
        # As a server does it: a port whose last connections have just ended is free.
        found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            found.bind(("127.0.0.1", wanted))
        except OSError as error:
            raise PortTaken(
                f"The port {wanted} of this machine can't be had ({error.strerror}): stop what uses"
                " it, or give the demo another one with --port; 0 takes a free one."
            ) from error
        port: int = found.getsockname()[1]
        return port


def simulators(folder: Path, *, seed: int, callback_secret: str, live: bool) -> tuple[Child, Path]:
    """The simulated partners. In the live demo they take their time, so that it can be watched."""
    ready = _fresh(folder / "simulators.json")
    arguments = ["ops.simulators", "--seed", str(seed)]
    arguments += [_private(folder / "simulators.args", f"--callback-secret={callback_secret}")]
    arguments += ["--ready-file", str(ready), "--ledger", str(folder / "ledger.jsonl")]
    arguments += ["--latency-ms", "20" if live else "5"]
    arguments += ["--callbacks", "picked,packed,handed_over"]
    arguments += ["--pack-after-seconds", "2" if live else "1"]
    arguments += ["--hand-over-after-seconds", "2" if live else "1"]
    # No parcel leaves without its label.
    arguments += ["--warehouse-habits", '{"fetch_labels": true}']
    # A quarter of that after its label was bought the carrier has it: not before it left.
    arguments += ["--deliver-after-seconds", "16" if live else "12"]
    return Child("the simulated partners", arguments, folder / "simulators.log"), ready


def shop(
    folder: Path, name: str, *, url: str, secret: str, orders: int, rate: float, seed: int,
    first_number: int, book: str,
) -> tuple[Child, Path]:  # fmt: skip
    """A simulated shop that sends its webhooks, and whose orders change as real ones do; its API is
    at `book`. `orders` 0 goes on until it is stopped."""
    report = _fresh(folder / f"{name}.json")
    arguments = ["ops.simulators.storefront", "--url", f"{url}/hooks/{name}"]
    arguments += [_private(folder / f"{name}.args", f"--secret={secret}")]
    arguments += ["--shop", f"{name}.myshopify.com", "--orders", str(orders), "--rate", str(rate)]
    arguments += ["--seed", str(seed), "--first-number", str(first_number), "--quiet"]
    arguments += ["--report", str(report), "--book", book, *HABITS.split()]
    return Child(f"the shop {name}", arguments, folder / f"{name}.log"), report


def service(folder: Path, config: Path) -> tuple[Child, Path]:
    """The service itself, as `orderwright serve` runs it."""
    ready = _fresh(folder / "runtime.json")
    arguments = ["service.cli", "serve", "--config", str(config)]
    return Child("the service", arguments, folder / "service.log"), ready


def _private(file: Path, argument: str) -> str:
    """Have a process read an argument from a file of ours: everybody can see a command line."""
    write_private(file, f"{argument}\n")
    return f"@{file}"


def _written(file: Path) -> dict[str, object] | None:
    if not file.exists() or not (text := file.read_text().strip()):
        return None
    found: dict[str, object] = json.loads(text)
    return found


def _fresh(path: Path) -> Path:
    path.unlink(missing_ok=True)
    return path
