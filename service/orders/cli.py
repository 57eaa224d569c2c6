"""`orderwright orders …`: list, show, timeline, replay, and what a person may decide."""

from __future__ import annotations

import asyncio
import getpass
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from service.app.errors import OperatorError
from service.cli.tables import age, money, print_json, print_table, print_timeline

if TYPE_CHECKING:
    from service.app.local import LocalSession
    from service.wiring.root import OrderView, Page

application = typer.Typer(help="Look at orders, and decide about them.", no_args_is_help=True)

T = TypeVar("T")

Data = Annotated[Path | None, typer.Option("--data", help="The running service's data directory.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Which = Annotated[str, typer.Argument(help="Order id, correlation id, reference or number.")]
Reason = Annotated[str, typer.Option("--reason", help="Why; it is kept permanently.")]

WATCH_SECONDS = 2.0
"""Between two looks of `--watch`: a page of orders costs the database about a millisecond."""


@application.command("list")
def list_orders(
    stage: Annotated[str | None, typer.Option(help="Only this stage.")] = None,
    channel: Annotated[str | None, typer.Option(help="Only this channel.")] = None,
    attention: Annotated[
        bool, typer.Option("--attention", help="Only what needs a person.")
    ] = False,
    limit: Annotated[int, typer.Option(min=1, max=200, help="Orders on a page.")] = 50,
    cursor: Annotated[str | None, typer.Option(help="Continue where a page ended.")] = None,
    watch: Annotated[
        bool, typer.Option("--watch", help="Show it again every 2 s, until Ctrl-C.")
    ] = False,
    as_json: AsJson = False,
    data: Data = None,
) -> None:
    """List orders, newest first; `!` marks those that need a person."""

    async def page(local: LocalSession) -> Page:
        return await local.list_orders(
            stage=stage, channel=channel, attention=attention, cursor=cursor, limit=limit
        )

    async def watching(local: LocalSession) -> None:
        while True:
            found = await page(local)
            print("\x1b[H\x1b[2J", end="")
            _print_page(found, more=False)
            sys.stdout.flush()  # whoever reads it through a pipe watches, too
            await asyncio.sleep(WATCH_SECONDS)

    if watch:
        _with(data, watching)
    elif as_json:
        print_json(_with(data, page))
    else:
        _print_page(_with(data, page), more=True)


@application.command()
def show(which: Which, as_json: AsJson = False, data: Data = None) -> None:
    """Show one order: where it stands, whom it waits for, what is under way."""
    view = _with(data, lambda d: d.show(which))
    if as_json:
        print_json(view)
        return
    _print_view(view)


@application.command()
def timeline(which: Which, as_json: AsJson = False, data: Data = None) -> None:
    """Show everything that happened to an order, by which rule, and what is due (times in UTC)."""
    entries = _with(data, lambda d: d.timeline(which))
    if as_json:
        print_json(entries)
    else:
        print_timeline(entries)


@application.command()
def replay(
    verify: Annotated[bool, typer.Option("--verify", help="Compare with what is stored.")] = False,
    data: Data = None,
) -> None:
    """Replay every order's events, without side effects, and compare with its stored state."""
    if not verify:
        raise OperatorError("Replay compares only, for now: orderwright orders replay --verify.")
    result = _with(data, lambda d: d.verify(_progress))
    differ = len(result.different)
    print(
        f"{result.orders} orders, {result.events} events replayed; "
        + (f"{differ} differ." if differ else "every one gives its stored state.")
    )
    if differ:
        raise OperatorError(
            f"These orders' events do not give their stored state: {', '.join(result.different)}."
            " Report it with `orders timeline ID --json` of one of them; don't edit the database."
        )


@application.command()
def cancel(which: Which, reason: Reason, data: Data = None) -> None:
    """Cancel an order before hand-over; what was done is undone in reverse."""
    _act(data, which, "cancel", "", reason)


@application.command()
def release(
    which: Which,
    reason: Reason,
    hold: Annotated[str, typer.Option(help="The hold's id; left out: the first.")] = "",
    data: Data = None,
) -> None:
    """Release a hold, so that the order goes on."""
    _act(data, which, "release", hold, reason)


@application.command()
def retry(
    which: Which,
    reason: Reason,
    effect: Annotated[str, typer.Option(help="The effect's number; left out: the first.")] = "",
    data: Data = None,
) -> None:
    """Have an effect tried again that ended waiting for a person."""
    _act(data, which, "retry", effect, reason)


@application.command()
def skip(
    which: Which,
    reason: Reason,
    effect: Annotated[str, typer.Option(help="The effect's number; left out: the first.")] = "",
    data: Data = None,
) -> None:
    """Go on without an effect that ended waiting for a person."""
    _act(data, which, "skip", effect, reason)


def _act(data: Path | None, which: str, verb: str, target: str, reason: str) -> None:
    if not reason.strip():
        raise OperatorError("Say why with --reason; it is kept with the order permanently.")
    person = getpass.getuser()
    _with(data, lambda d: d.act(which, verb, target, person, reason))
    print(f"{verb} of {which} is on its way; `orderwright orders timeline {which}` shows its end.")


def _print_page(page: Page, *, more: bool) -> None:
    print_table(
        ("number", "channel", "stage", "", "waits for", "total", "placed"),
        [
            (
                row.number,
                row.channel,
                row.stage,
                "!" if row.attention else "",
                row.waiting_for,
                money(row.total_minor, row.currency),
                age(row.placed_at),
            )
            for row in page.rows
        ],
    )
    if more and page.next_cursor:
        print(f"More: add --cursor {page.next_cursor}")


def _print_view(view: OrderView) -> None:
    row = view.row
    print(f"{row.number} of {row.channel} ({row.ref}), {money(row.total_minor, row.currency)}")
    print(f"  stage        {row.stage}{'  (needs a person)' if row.attention else ''}")
    print(f"  waits for    {row.waiting_for or 'no one: it is final'}")
    print(f"  placed       {row.placed_at:%Y-%m-%d %H:%M:%S} UTC, changed {age(row.updated_at)}")
    print(f"  correlation  {row.correlation_id}")
    for effect in view.effects:
        error = f": {effect.error}" if effect.error else ""
        tries = "1 try" if effect.attempts == 1 else f"{effect.attempts} tries"
        person = "waits for a person, " if effect.status == "person" else ""
        print(
            f"  effect {effect.number:<5} {effect.kind} at {effect.partner}, {person}{tries}{error}"
        )
    for timer in view.timers:
        print(f"  timer        {timer.name} due {timer.due_at:%Y-%m-%d %H:%M:%S} UTC")
    if view.documents:
        print(f"  documents    {', '.join(view.documents)}")


def _progress(orders: int) -> None:
    if sys.stderr.isatty():
        print(f"\r {orders} orders …", end="\r", file=sys.stderr, flush=True)


def _with(data: Path | None, work: Callable[[LocalSession], Awaitable[T]]) -> T:
    from service.app import local

    async def run() -> T:
        async with local.open_local(data) as opened:
            return await work(opened)

    return asyncio.run(run())
