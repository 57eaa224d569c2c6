"""Looks for what would keep the service from working: settings, disk, servers, schema, clock."""

from __future__ import annotations

import os
import platform
import shutil
from collections.abc import Awaitable, Callable, Sequence
from importlib import metadata
from pathlib import Path

from actors.runtime.errors import JournalUnavailable
from service.app import running
from service.app.clock import SystemClock
from service.app.errors import OperatorError, SchemaRefused
from service.app.findings import MACHINES, Finding, bad, good
from service.app.partner_checks import channel_jobs, not_called, probes, roles
from service.app.sessions import open_reports
from service.app.stock_checks import stock_known
from service.embedded.external import check_nats, check_postgres
from service.settings import Settings, unknown_variables
from service.wiring.store import pending

LEAST_FREE_BYTES = 2 * 1024**3
"""Below this the streams' bound could not be kept; hazards: the disk must never fill."""

MOST_SKEW_SECONDS = 2.0
"""Signed webhooks tolerate minutes, but promised times and traces don't."""


async def examine(settings: Settings, overruled: Sequence[str] = ()) -> list[Finding]:
    """Look at everything that can be seen from here; a running service is not touched. `overruled`
    names variables that go before the file: they are told, because they may be meant."""
    findings = [
        _version(),
        _data(settings),
        _disk(settings),
        *_variables(settings),
        *(good("environment", sentence) for sentence in overruled),
        *roles(settings),
    ]
    dsn = settings.postgres_dsn.reveal() if settings.postgres_dsn else ""
    url = settings.nats_url.reveal() if settings.nats_url else ""
    alive = False
    try:
        found = running.read(Path(settings.data_dir))
        findings.append(_running(found))
        alive = running.is_alive(found)
        if alive:
            dsn, url = dsn or found.postgres_dsn, url or found.nats_url
    except running.NotRunning:
        findings.append(good("service", "none runs on this data directory."))
    findings.append(await _server("postgres", dsn, check_postgres))
    findings.append(await _server("nats", url, check_nats))
    if dsn and findings[-2].good:
        findings.append(await _schema(dsn))
        findings.append(await _clock(dsn))
        if findings[-2].good:
            findings += await channel_jobs(settings, dsn)
            findings += await stock_known(settings, dsn)
            findings += await not_called(dsn) if alive else []
    return [*findings, *await probes(settings)]


def _version() -> Finding:
    ours = f"Python {platform.python_version()} on {platform.system()} {platform.release()}"
    try:
        found = metadata.version("orderwright")
    except metadata.PackageNotFoundError:
        found = "from its source"
    return good("orderwright", f"{found}, {ours}.")


def _data(settings: Settings) -> Finding:
    folder = Path(settings.data_dir).resolve()
    if not folder.exists():
        return good("data", f"{folder} will be made at the first start.")
    if not os.access(folder, os.R_OK | os.W_OK | os.X_OK):
        return bad("data", f"{folder} can't be written by this user; change its owner.", MACHINES)
    return good("data", f"{folder} is there and can be written.")


def _disk(settings: Settings) -> Finding:
    folder = Path(settings.data_dir).resolve()
    while not folder.exists():
        folder = folder.parent
    free = shutil.disk_usage(folder).free
    words = f"{free / 1024**3:.1f} GiB are free"
    if free < LEAST_FREE_BYTES:
        words = f"{words}; at least 2 GiB are needed. Free some, or move the data."
        return bad("disk", words, MACHINES)
    return good("disk", f"{words}.")


def _variables(settings: Settings) -> list[Finding]:
    return [bad("environment", sentence) for sentence in unknown_variables(settings)]


def _running(found: running.Running) -> Finding:
    if running.is_alive(found):
        return good("service", f"runs as pid {found.pid} at {found.url}.")
    return good("service", f"none runs; the last one, pid {found.pid}, has ended.")


async def _server(name: str, address: str, check: Callable[[str], Awaitable[str]]) -> Finding:
    if not address:
        return good(name, "is the embedded one, which starts with the service.")
    try:
        return good(name, f"answers, version {await check(address)}.")
    except OperatorError as error:
        return bad(name, str(error), f"the operator's of this {name}")


async def _schema(dsn: str) -> Finding:
    try:
        missing = await pending(dsn)
    except (SchemaRefused, JournalUnavailable) as error:
        return bad("schema", str(error))
    if missing:
        return bad("schema", f"{len(missing)} migrations are missing: run `orderwright migrate`.")
    return good("schema", "is up to date.")


async def _clock(dsn: str) -> Finding:
    async with open_reports(dsn) as pool:
        rows = await pool.fetch("SELECT extract(epoch FROM clock_timestamp())::float8 AS now")
    skew = abs(SystemClock().now().timestamp() - rows[0]["now"])
    if skew > MOST_SKEW_SECONDS:
        return bad(
            "clock", f"differs from the database's by {skew:.1f} s; set both by NTP.", MACHINES
        )
    return good("clock", f"agrees with the database's to {skew:.2f} s.")
