"""`orderwright incidents …`: failures by category, how often they occur, and how to fix them."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from service.app.clock import SystemClock
from service.app.errors import OperatorError
from service.cli.tables import age, print_json, print_table
from service.cli.tables import print_plain as print

if TYPE_CHECKING:
    from adapters.postgres.incident_views import Hour, IncidentView
    from service.app.local import LocalSession

application = typer.Typer(help="Show failures by category, and how often they occur.")

T = TypeVar("T")

Data = Annotated[Path | None, typer.Option("--data", help="The running service's data directory.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Channel = Annotated[str | None, typer.Option(help="Only failures on this channel.")]

BAR = "▁▂▃▄▅▆▇█"
SHOWN_HOURS = 48


class NoSuchIncident(OperatorError):
    """No incident has this category."""

    exit_code = 11


@application.callback(invoke_without_command=True)
def incidents(context: typer.Context) -> None:
    """Show failures by category, and how often they occur; without a command, list them."""
    if context.invoked_subcommand is None:
        list_incidents()


@application.command("list")
def list_incidents(
    only_open: Annotated[bool, typer.Option("--open", help="Only open ones.")] = False,
    channel: Channel = None,
    as_json: AsJson = False,
    data: Data = None,
) -> None:
    """List the categories that have occurred, open ones first, with their trend."""
    now = SystemClock().now()
    channels = None if channel is None else (channel,)
    rows = _with(
        data,
        lambda session: session.incidents.list_incidents(
            now, is_open=True if only_open else None, channels=channels
        ),
    )
    if as_json:
        print_json(rows)
        return
    print_table(
        ("category", "", "in all", "hour", "day", "week", "share", "waiting", "last", "what"),
        [
            (
                row.category,
                "open" if row.open else "",
                str(row.occurrences),
                *(f"{one.now} ({one.now - one.before:+})" for one in (row.hour, row.day, row.week)),
                "" if row.share is None else f"{row.share:.1%}",
                str(row.waiting),
                age(row.last_at),
                row.words,
            )
            for row in rows
        ],
    )


@application.command()
def show(
    category: Annotated[str, typer.Argument(help="A category from `incidents list`.")],
    channel: Channel = None,
    as_json: AsJson = False,
    data: Data = None,
) -> None:
    """Show one category: what to do, its trend, the newest orders, and when it was open."""
    now = SystemClock().now()
    channels = None if channel is None else (channel,)
    found = _with(data, lambda session: session.incidents.show(category, now, channels=channels))
    if found is None:
        raise NoSuchIncident(
            f"No failure of the category {category!r} has occurred; `orderwright incidents list`"
            " shows those that have."
        )
    if as_json:
        print_json(found)
    else:
        _print(found)


@application.command()
def rebuild(data: Data = None) -> None:
    """Rebuild all counts from the events; the running service does so in the background."""
    _with(data, lambda session: session.counting.forget())
    print("The counts are reset; the running service rebuilds them from the first event on.")


def _print(view: IncidentView) -> None:
    row = view.incident
    print(f"{row.category}: {row.words}")
    print(f"  who acts    {row.who}")
    print(f"  how         {row.fix}")
    print(f"  runbook     {row.runbook}")
    state = "open" if row.open else f"resolved {age(row.resolved_at or row.last_at)}"
    again = f", {row.reopened} times re-opened" if row.reopened else ""
    print(f"  state       {state}, opened {age(row.opened_at)}{again}; {row.waiting} wait")
    for name, one in (("hour", row.hour), ("day", row.day), ("week", row.week)):
        print(f"  this {name:<6} {one.now} ({one.before} in the one before)")
    if row.share is not None:
        print(f"  share       {row.share:.1%} ({row.affected} of {row.placed} of the last day)")
    print(f"  seen        first {age(row.first_at)}, last {age(row.last_at)}")
    print(f"  channels    {', '.join(row.channels)}")
    print(f"  by hour     {_bars(by_hour(view.series, SystemClock().now()))}")
    if view.orders:
        print("  newest orders")
        for order_id in view.orders:
            print(f"    {order_id}")
    if view.quarantined:
        print(f"  in quarantine {', '.join(map(str, view.quarantined))}")
    for time in view.episodes:
        end = "now" if time.resolved_at is None else f"{time.resolved_at:%Y-%m-%d %H:%M}"
        print(
            f"  was open    {time.opened_at:%Y-%m-%d %H:%M} to {end} UTC, {time.occurrences} times"
        )


def by_hour(series: Sequence[Hour], now: datetime) -> list[int]:
    """Return the counts of the last 48 hours, the current hour last; most are zero."""
    this = now.replace(minute=0, second=0, microsecond=0)
    counts = [0] * SHOWN_HOURS
    for hour in series:
        back = (this - hour.at) // timedelta(hours=1)
        if 0 <= back < SHOWN_HOURS:
            counts[-1 - back] += hour.occurrences
    return counts


def _bars(counts: list[int]) -> str:
    most = max(counts, default=0) or 1
    return "".join(BAR[round(count / most * (len(BAR) - 1))] for count in counts)


def _with(data: Path | None, work: Callable[[LocalSession], Awaitable[T]]) -> T:
    from service.app import local

    async def run() -> T:
        async with local.open_local(data) as opened:
            return await work(opened)

    return asyncio.run(run())
