"""`orderwright books …`: the accounting export."""

from __future__ import annotations

import asyncio
import sys
from datetime import date, datetime
from enum import StrEnum
from pathlib import Path
from typing import IO, Annotated

import typer

from service.app.clock import SystemClock
from service.app.errors import OperatorError
from service.cli.tables import print_plain as print

application = typer.Typer(
    help="The accounting export: every order as balanced documents of a journal.",
    no_args_is_help=True,
)

MAX_STEPS = 1_000_000
"""Half a billion events: a first export enters a whole journal, but does not follow it forever."""

Data = Annotated[Path | None, typer.Option("--data", help="The running service's data directory.")]


class Format(StrEnum):
    """How the journal is written; written out here because the help is printed without it."""

    csv = "csv"
    quickbooks = "quickbooks"


class BooksNotDone(OperatorError):
    """These days can't be exported."""

    exit_code = 11


@application.callback()
def books() -> None:
    """The accounting export."""


@application.command()
def export(
    first: Annotated[datetime, typer.Option("--from", formats=["%Y-%m-%d"], help="The first day.")],
    last: Annotated[
        datetime, typer.Option("--to", formats=["%Y-%m-%d"], help="The last day, included.")
    ],
    channel: Annotated[
        list[str] | None, typer.Option(help="A channel; may be repeated. Left out: all.")
    ] = None,
    form: Annotated[
        Format, typer.Option("--format", help="CSV, or requests of QuickBooks Online.")
    ] = Format.csv,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="A new file. Left out: it is printed.")
    ] = None,
    data: Data = None,
) -> None:
    """Write the journal of some days: sales, payments, refunds and fees in double entry, by
    the day where the shop is."""
    from service.books.service import BooksRefused

    try:
        if output is None:
            asyncio.run(_write(sys.stdout, form, (first.date(), last.date()), channel, data))
            return
        with output.open("x", encoding="utf-8", newline="") as file:
            entries = asyncio.run(_write(file, form, (first.date(), last.date()), channel, data))
        print(f"{output}: {entries:,} documents.")
    except FileExistsError:
        raise BooksNotDone(f"{output} is there already: name a new file.") from None
    except BooksRefused as error:
        raise BooksNotDone(str(error)) from error


async def _write(
    file: IO[str],
    form: Format,
    days: tuple[date, date],
    channels: list[str] | None,
    data: Path | None,
) -> int:
    from adapters.postgres.accounting import Accounting
    from service.app import local
    from service.books.forms import form_named
    from service.books.service import BooksService

    async with local.open_local(data) as session:
        service = BooksService(Accounting(session.pool, session.sealing), session.settings)
        strange = sorted(set(channels or ()) - set(session.channels))
        if strange:
            known = ", ".join(session.channels)
            raise BooksNotDone(f"There is no channel {strange[0]!r}; the channels are: {known}.")
        service.checked(*days)
        await service.catch_up(SystemClock().now(), MAX_STEPS)
        written, documents = form_named(form.value), 0
        file.write(written.header)
        async for page in service.pages(channels, *days):
            file.write(written.write(page, session.settings.accounts))
            documents += len(page)
        return documents
