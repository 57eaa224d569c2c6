"""Looks for what would keep the service from working: settings, disk, servers, schema, clock."""

from __future__ import annotations

import os
import shutil
from collections.abc import Awaitable, Callable
from pathlib import Path

from msgspec import Struct

from schemas.contracts.incidents import API_VERSION_DRIFT
from service.app import running
from service.app.clock import SystemClock
from service.app.errors import OperatorError, SchemaRefused
from service.embedded.external import check_nats, check_postgres
from service.settings import Settings, unknown_variables
from service.wiring import local as wiring_local
from service.wiring import root as wiring
from service.wiring.channels import api_version
from service.wiring.incidents import IncidentViews
from service.wiring.sync import SyncStore

LEAST_FREE_BYTES = 2 * 1024**3
"""Below this the streams' bound could not be kept; hazards: the disk must never fill."""

MOST_SKEW_SECONDS = 2.0
"""Signed webhooks tolerate minutes, but promised times and traces don't."""


class Finding(Struct, frozen=True, kw_only=True):
    """One thing looked at. `words` says what was found and, if bad, how to fix it."""

    what: str
    good: bool
    words: str


async def examine(settings: Settings) -> list[Finding]:
    """Look at everything that can be seen from here; a running service is not touched."""
    findings = [_data(settings), _disk(settings), *_variables(), *_partners(settings)]
    dsn = settings.postgres_dsn.reveal() if settings.postgres_dsn else ""
    url = settings.nats_url.reveal() if settings.nats_url else ""
    try:
        found = running.read(Path(settings.data_dir))
        findings.append(_running(found))
        if running.is_alive(found):
            dsn, url = dsn or found.postgres_dsn, url or found.nats_url
    except running.NotRunning:
        findings.append(_good("service", "none runs on this data directory."))
    findings.append(await _server("postgres", dsn, check_postgres))
    findings.append(await _server("nats", url, check_nats))
    if dsn and findings[-2].good:
        findings.append(await _schema(dsn))
        findings.append(await _clock(dsn))
        if findings[-2].good:
            findings += await _channels(settings, dsn)
    return findings


def _data(settings: Settings) -> Finding:
    folder = Path(settings.data_dir).resolve()
    if not folder.exists():
        return _good("data", f"{folder} will be made at the first start.")
    if not os.access(folder, os.R_OK | os.W_OK | os.X_OK):
        return _bad("data", f"{folder} can't be written by this user; change its owner.")
    return _good("data", f"{folder} is there and can be written.")


def _disk(settings: Settings) -> Finding:
    folder = Path(settings.data_dir).resolve()
    while not folder.exists():
        folder = folder.parent
    free = shutil.disk_usage(folder).free
    words = f"{free / 1024**3:.1f} GiB are free"
    if free < LEAST_FREE_BYTES:
        return _bad("disk", f"{words}; at least 2 GiB are needed. Free some, or move the data.")
    return _good("disk", f"{words}.")


def _variables() -> list[Finding]:
    return [_bad("environment", sentence) for sentence in unknown_variables()]


def _partners(settings: Settings) -> list[Finding]:
    roles = {
        "channels": settings.channels,
        "erp": settings.erp,
        "warehouse": settings.warehouse,
        "carrier": settings.carrier,
        "mail": settings.mail,
    }
    missing = [name for name, configured in roles.items() if not configured]
    if missing:
        words = f"not configured: {', '.join(missing)}; orders would wait there."
        return [_bad("partners", words)]
    return [_good("partners", "every role is configured.")]


def _running(found: running.Running) -> Finding:
    if running.is_alive(found):
        return _good("service", f"runs as pid {found.pid} at {found.url}.")
    return _good("service", f"none runs; the last one, pid {found.pid}, has ended.")


async def _server(name: str, address: str, check: Callable[[str], Awaitable[str]]) -> Finding:
    if not address:
        return _good(name, "is the embedded one, which starts with the service.")
    try:
        return _good(name, f"answers, version {await check(address)}.")
    except OperatorError as error:
        return _bad(name, str(error))


async def _schema(dsn: str) -> Finding:
    try:
        missing = await wiring.pending(dsn)
    except (SchemaRefused, wiring.JournalUnavailable) as error:
        return _bad("schema", str(error))
    if missing:
        return _bad("schema", f"{len(missing)} migrations are missing: run `orderwright migrate`.")
    return _good("schema", "is up to date.")


async def _clock(dsn: str) -> Finding:
    async with wiring_local.reports(dsn) as pool:
        rows = await pool.fetch("SELECT extract(epoch FROM clock_timestamp())::float8 AS now")
    skew = abs(SystemClock().now().timestamp() - rows[0]["now"])
    if skew > MOST_SKEW_SECONDS:
        return _bad("clock", f"differs from the database's by {skew:.1f} s; set both by NTP.")
    return _good("clock", f"agrees with the database's to {skew:.2f} s.")


async def _channels(settings: Settings, dsn: str) -> list[Finding]:
    """Tell of each channel that can be asked how the running service last found it."""
    async with wiring_local.reports(dsn) as pool:
        rows = await SyncStore(pool).progress()
        drifted = await IncidentViews(pool).list_incidents(SystemClock().now(), is_open=True)
    drift = next((one for one in drifted if one.category == API_VERSION_DRIFT), None)
    findings = []
    for name, channel in settings.channels.items():
        jobs = [one for one in rows if one.channel == name]
        bad = [f"{one.job}: {one.outcome}" for one in jobs if not one.good]
        if drift is not None and name in drift.channels:
            expected = api_version(channel) or "the one that is known here"
            bad.append(f"webhooks come in another API version than {expected}.")
        what = f"channel {name}"
        if bad:
            findings.append(_bad(what, " ".join(bad)))
        elif jobs:
            words = [f"{one.job}: {one.outcome.rstrip('.')}" for one in jobs]
            if version := api_version(channel):
                words.insert(0, f"API version {version}")
            findings.append(_good(what, f"{'; '.join(words)}."))
        elif not settings.listen.public_url and channel.kind != "canonical":
            findings.append(
                _good(what, "its subscriptions are not watched; that needs listen.public_url.")
            )
    return findings


def _good(what: str, words: str) -> Finding:
    return Finding(what=what, good=True, words=words)


def _bad(what: str, words: str) -> Finding:
    return Finding(what=what, good=False, words=words)
