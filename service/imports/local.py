"""An import of a CSV file by a person at the same machine, beside the running service."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from io import BufferedReader
from pathlib import Path
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from msgspec import Struct, structs

from adapters.channels.csv.cells import Reading
from adapters.channels.csv.orders import Survey, orders_of, survey
from adapters.channels.csv.rows import Encoding, Sheet, open_sheet
from adapters.postgres.audit import Audit
from adapters.postgres.imported import Imported
from adapters.postgres.incidents import Told
from schemas.contracts.refusals import Refused
from service.app.clock import SystemClock
from service.app.errors import OperatorError
from service.app.local import LocalSession, open_local
from service.app.person import this_person
from service.app.sessions import NoStream, open_publisher
from service.imports.service import Counts, CsvImport, Entry
from service.inbound.edge import Stream
from service.settings import load

MAX_FILE_BYTES = 2 * 1024**3
"""A million rows with two thousand bytes each: ten times what such rows have."""

PATIENCE_SECONDS = 60.0
"""How long the stream may be away: longer than it takes to start again."""


class CsvRefused(OperatorError):
    """The file can't be imported, or some of its orders were not."""

    exit_code = 1


class Wanted(Struct, frozen=True, kw_only=True):
    """What a person asked for. `timezone` is a name of the IANA database, or ""."""

    channel: str
    dry_run: bool = False
    wait: bool = False
    encoding: Encoding = "utf-8"
    timezone: str = ""
    decimal_comma: bool = False


class _Opened(Struct, frozen=True):
    name: str
    digest: str
    sheet: Sheet
    found: Survey
    reading: Reading


class Progress(Struct, frozen=True):
    """What is done of how many orders."""

    counts: Counts
    orders: int


def reading_of(timezone: str, *, decimal_comma: bool) -> Reading:
    """Return how cells are read. Raises ValueError with a sentence for an unknown time zone."""
    try:
        zone = ZoneInfo(timezone) if timezone else None
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise ValueError(
            f"No time zone is called {timezone!r}; write one like Europe/Berlin or UTC."
        ) from error
    return Reading(zone=zone, decimal_comma=decimal_comma)


def require_decimals(sheet: Sheet, reading: Reading) -> None:
    """Raise ValueError for decimal commas in a file whose cells are parted by commas."""
    if reading.decimal_comma and sheet.delimiter == ",":
        raise ValueError("Its cells are parted by commas, so they can't have decimal commas.")


async def import_file(
    file: BufferedReader,
    name: str,
    wanted: Wanted,
    data: Path | None,
    *,
    tell: Callable[[Entry, Progress], None],
    stopping: Callable[[], bool],
) -> Counts:
    """Import an open file. Raises CsvRefused for one that is refused as a whole, and as
    `open_local` does. What happened is audited, and refusals are counted as incidents."""
    opened = _opened(file, name, wanted)
    async with AsyncExitStack() as stack:
        session = await stack.enter_async_context(open_local(data))
        if wanted.channel not in session.channels:
            there = ", ".join(session.channels) or "none"
            raise OperatorError(
                f"The running service has no channel {wanted.channel!r}; it has: {there}."
            )
        stream: Stream = NoStream()
        if not wanted.dry_run:
            stream = await stack.enter_async_context(
                open_publisher(session.nats_url, load(), session.folder)
            )
        refused: Counter[str] = Counter()
        work = CsvImport(
            stream,
            Imported(session.pool),
            wanted.channel,
            dry_run=wanted.dry_run,
            wait=wanted.wait,
            patience_seconds=PATIENCE_SECONDS,
            refused=lambda reason: refused.update([reason]),
            stopping=stopping,
        )

        async def run() -> Counts:
            return await work.run(
                orders_of(opened.sheet, opened.found, opened.reading),
                lambda entry: tell(entry, Progress(work.counts, opened.found.orders)),
            )

        if wanted.dry_run:
            return await run()
        return await _noted(session, opened, wanted.channel, run, work.counts, refused)


async def _noted(
    session: LocalSession,
    opened: _Opened,
    channel: str,
    run: Callable[[], Awaitable[Counts]],
    counts: Counts,
    refused: Counter[str],
) -> Counts:
    """Audit the import before and after it, and count what it refused."""
    clock, audit = SystemClock(), Audit(session.pool)

    async def note(action: str, after: dict[str, object]) -> None:
        await audit.record(
            at=clock.now(),
            person=this_person(),
            action=action,
            target=f"import:{opened.digest}",
            reason=f"the file {opened.name}",
            channel=channel,
            after=after,
        )

    await note("import.begin", {"rows": opened.found.rows, "orders": opened.found.orders})
    try:
        return await run()
    finally:
        await note("import.end", structs.asdict(counts))
        now = clock.now()
        told = [Told(reason, channel, times, now) for reason, times in refused.items()]
        await session.counting.count_told(told)


def _opened(file: BufferedReader, name: str, wanted: Wanted) -> _Opened:
    try:
        reading = reading_of(wanted.timezone, decimal_comma=wanted.decimal_comma)
        if file.seek(0, 2) > MAX_FILE_BYTES:
            raise ValueError(f"It has more than {MAX_FILE_BYTES:,} bytes; split it.")
        file.seek(0)
        digest = hashlib.file_digest(file, "sha256").hexdigest()
        sheet = open_sheet(file, wanted.encoding)
        require_decimals(sheet, reading)
        return _Opened(Path(name).name, digest, sheet, survey(sheet), reading)
    except (Refused, ValueError) as error:
        raise CsvRefused(f"{name} is refused as a whole: {error}") from error
