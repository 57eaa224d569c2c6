"""`orderwright orders import`: orders from a CSV file, with a report of every row."""

from __future__ import annotations

import asyncio
import csv
import signal
import sys
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from service.app.clock import SystemClock
from service.app.errors import OperatorError
from service.cli.tables import print_json, print_over
from service.cli.tables import print_plain as print

if TYPE_CHECKING:
    from service.imports.local import Progress, Wanted
    from service.imports.report import Report
    from service.imports.service import Counts, Entry

SHOWN_REFUSALS = 20
"""Orders that were not taken and are printed: a screen; the report has them all."""

_EVERY_SECONDS = 0.2  # progress that changes faster can't be read

File = Annotated[Path | None, typer.Argument(help="The CSV file.", dir_okay=False)]
Data = Annotated[Path | None, typer.Option("--data", help="The running service's data directory.")]


def import_orders(
    file: File = None,
    channel: Annotated[str, typer.Option(help="The sales channel the orders are of.")] = "",
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only say what would become of each order.")
    ] = False,
    report: Annotated[
        Path | None, typer.Option(help="Write a CSV with a line for each order.", dir_okay=False)
    ] = None,
    wait: Annotated[
        bool,
        typer.Option("--wait", help="Wait until each order is decided, and say what became of it."),
    ] = False,
    timezone: Annotated[
        str, typer.Option(help="Zone of times that state none, such as Europe/Berlin.")
    ] = "",
    decimal_comma: Annotated[
        bool, typer.Option("--decimal-comma", help="Amounts are written 12,50.")
    ] = False,
    encoding: Annotated[
        Literal["utf-8", "cp1252"], typer.Option(help="Of an old Windows file: cp1252.")
    ] = "utf-8",
    template: Annotated[
        bool, typer.Option("--template", help="Print a header and an example, and end.")
    ] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print a line of JSON for each order.")
    ] = False,
    data: Data = None,
) -> None:
    """Place the orders of a CSV file; a repeat places nothing twice."""
    if template:
        _print_template()
        return
    from service.imports.local import Wanted

    if file is None or not channel:
        raise OperatorError(
            "Name the file and its channel: orderwright orders import FILE --channel NAME."
        )
    wanted = Wanted(
        channel=channel,
        dry_run=dry_run,
        wait=wait,
        encoding=encoding,
        timezone=timezone,
        decimal_comma=decimal_comma,
    )
    shown = Shown(as_json=as_json)
    counts = _run(file, wanted, data, report, shown)
    shown.end(counts, report)


def _run(
    file: Path, wanted: Wanted, data: Path | None, report: Path | None, shown: Shown
) -> Counts:
    from service.imports.local import import_file
    from service.imports.report import Report

    async def work() -> Counts:
        stop = _stopped_by_interrupt()
        if sys.stderr.isatty():
            print(" looking through the file …", end="", file=sys.stderr, flush=True)
        return await import_file(
            opened, str(file), wanted, data, tell=shown.tell, stopping=stop.is_set
        )

    if report is not None and report.exists() and report.samefile(file):
        raise OperatorError("The report would overwrite the file itself; give it another name.")
    with ExitStack() as stack:
        try:
            opened = stack.enter_context(file.open("rb"))
            if report is not None:
                written = report.open("w", encoding="utf-8-sig", newline="")
                shown.report = Report(stack.enter_context(written))
        except OSError as error:
            raise OperatorError(f"{error.filename} can't be opened: {error.strerror}.") from error
        return asyncio.run(work())


def _stopped_by_interrupt() -> asyncio.Event:
    """Return what the first Ctrl-C sets; the second one ends the process as usual."""
    loop, stop = asyncio.get_running_loop(), asyncio.Event()

    def first() -> None:
        stop.set()
        loop.remove_signal_handler(signal.SIGINT)
        print("\nStopping behind the orders under way …", file=sys.stderr, flush=True)

    loop.add_signal_handler(signal.SIGINT, first)
    return stop


class Shown:
    """What the person sees meanwhile and in the end."""

    report: Report | None = None

    def __init__(self, *, as_json: bool) -> None:
        self._as_json = as_json
        self._refusals = 0
        self._monotonic = SystemClock().monotonic
        self._next = self._monotonic()

    def tell(self, entry: Entry, progress: Progress) -> None:
        """Show one order's end."""
        from service.imports.report import rows_of

        if self.report is not None:
            self.report.write(entry)
        if self._as_json:
            print_json(entry)
        elif entry.outcome in {"refused", "not sent"}:
            self._refusals += 1
            if self._refusals <= SHOWN_REFUSALS:
                self._clear()
                rows = (
                    f"rows {rows_of(entry)}" if " " in rows_of(entry) else f"row {rows_of(entry)}"
                )
                name = f" ({_plain(entry.ref)})" if entry.ref else ""
                print(f"{rows}{name}: {entry.outcome}. {_plain(' '.join(entry.why))}")
        now = self._monotonic()
        if sys.stderr.isatty() and now >= self._next:
            self._next = now + _EVERY_SECONDS
            done, of = progress.counts.orders, max(progress.orders, 1)
            line = f" {done:,} of {of:,} orders ({100 * done // of} %): {words_of(progress.counts)}"
            print_over(line, clear=True)

    def end(self, counts: Counts, report: Path | None) -> None:
        """Sum it up. Raises OperatorError when not all is well."""
        self._clear()
        if self._as_json:
            print_json({"counts": counts})
        else:
            if self._refusals > SHOWN_REFUSALS and report is None:
                more = self._refusals - SHOWN_REFUSALS
                print(f"{more:,} more were not taken; --report FILE names them all.")
            noun = "order" if counts.orders == 1 else "orders"
            print(f"{counts.orders:,} {noun}: {words_of(counts)}.")
        told = f"; {report} says why" if report is not None else ""
        if counts.not_sent:
            raise _Unfinished(
                f"The stream was away, and the import stopped{told}. Run it again: what was"
                " accepted is known."
            )
        if counts.stopped:
            print(
                "Stopped before the end. Run it again: what was accepted is known.", file=sys.stderr
            )
            raise typer.Exit(130)
        if counts.refused or counts.quarantined:
            bad = counts.refused + counts.quarantined
            raise _Unfinished(f"{bad:,} of {counts.orders:,} were not taken{told}.")

    def _clear(self) -> None:
        if sys.stderr.isatty():
            print_over("", clear=True)


class _Unfinished(OperatorError):
    """Some of the orders were not taken."""

    exit_code = 1


def words_of(counts: Counts) -> str:
    """Say what an import came to."""
    parts = (
        (counts.accepted, "accepted"),
        (counts.would_be_accepted, "would be accepted"),
        (counts.already_there, "already there"),
        (counts.refused, "refused"),
        (counts.not_sent, "not sent"),
        (counts.quarantined, "of the accepted in quarantine"),
    )
    return ", ".join(f"{number:,} {name}" for number, name in parts if number) or "none"


def _print_template() -> None:
    from adapters.channels.csv.columns import template

    csv.writer(sys.stdout, lineterminator="\n").writerows(template())


def _plain(text: str) -> str:
    """Return a text that does nothing to a terminal."""
    return "".join(one if one.isprintable() else "�" for one in text)
