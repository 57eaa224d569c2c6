"""`orderwright recon …`: our books compared with those of the partners."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from schemas.order.money import decimal_text
from service.app.clock import SystemClock
from service.app.errors import OperatorError
from service.app.person import this_person
from service.cli.tables import age, print_json, print_table
from service.cli.tables import print_plain as print

if TYPE_CHECKING:
    from adapters.postgres.recon import KeptDifference, Run, State
    from service.recon.service import ReconService, Report

application = typer.Typer(
    help="Our books compared with the storefronts', the gateways' and the ERP's.",
    no_args_is_help=True,
)

T = TypeVar("T")

USUAL_DAYS = 31
LOOK_SECONDS = 1.0

Data = Annotated[Path | None, typer.Option("--data", help="The running service's data directory.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
RunId = Annotated[int, typer.Argument(help="An id from `recon list`.", min=1)]
DifferenceId = Annotated[int, typer.Argument(help="An id from `recon diff`.", min=1)]
Why = Annotated[str, typer.Option("--reason", help="Why; it is audited.")]
Cursor = Annotated[int | None, typer.Option(help="The last id of the page before.")]
Limit = Annotated[int, typer.Option(help="Rows of a page.", min=1, max=200)]
Day = Annotated[
    datetime | None, typer.Option(formats=["%Y-%m-%d", "%Y-%m-%dT%H:%M:%S"], help="In UTC.")
]


class ReconNotDone(OperatorError):
    """There is no such run or difference, or it can't be begun, stopped or decided."""

    exit_code = 11


@application.command()
def run(
    since: Day = None,
    until: Day = None,
    channel: Annotated[
        list[str] | None, typer.Option(help="A channel; may be repeated. Left out: all.")
    ] = None,
    reason: Annotated[str, typer.Option("--reason", help="Why; it is kept with the run.")] = "",
    wait: Annotated[bool, typer.Option(help="Wait for its end, and show what it found.")] = True,
    as_json: AsJson = False,
    data: Data = None,
) -> None:
    """Compare the orders that were placed in a window: the last 31 days, unless it is said. The
    service works on it by itself, also after a restart."""
    from service.recon.service import Asked

    async def work(service: ReconService) -> Report:
        now = SystemClock().now()
        end = until.replace(tzinfo=UTC) if until is not None else now
        begin = since.replace(tzinfo=UTC) if since is not None else end - timedelta(days=USUAL_DAYS)
        asked = Asked(
            channels=tuple(channel or ()),
            since=begin,
            until=end,
            person=this_person(),
            reason=reason,
        )
        found = await service.start(asked, now)
        while wait and found.ended_at is None:
            await asyncio.sleep(LOOK_SECONDS)
            found = await _run(service, found.id)
        return await service.report(found)

    found = _with(data, work)
    _show(found, as_json=as_json)
    require_ended(found.run)


@application.command()
def status(run_id: RunId, as_json: AsJson = False, data: Data = None) -> None:
    """Show how far a run is, and what it found."""

    async def work(service: ReconService) -> Report:
        return await service.report(await _run(service, run_id))

    _show(_with(data, work), as_json=as_json)


@application.command()
def stop(run_id: RunId, reason: Why, data: Data = None) -> None:
    """End a run before its end; what it found so far stays."""

    async def work(service: ReconService) -> Run:
        now = SystemClock().now()
        return await service.stop(await _run(service, run_id), this_person(), reason, now)

    print(f"Run {_with(data, work).id} is stopped.")


@application.command("list")
def list_runs(
    limit: Limit = 20, cursor: Cursor = None, as_json: AsJson = False, data: Data = None
) -> None:
    """List runs, the newest first."""
    rows = _with(data, lambda service: service.recon.runs(None, before=cursor, limit=limit))
    if as_json:
        print_json(rows)
        return
    print_table(
        ("id", "state", "since", "until", "channels", "entries", "begun", "by"),
        [
            (
                str(one.id),
                one.state,
                f"{one.since:%Y-%m-%d %H:%M}",
                f"{one.until:%Y-%m-%d %H:%M}",
                ", ".join(one.channels),
                f"{one.entries:,}",
                age(one.created_at),
                one.person,
            )
            for one in rows
        ],
    )
    if len(rows) == limit:
        print(f"More: add --cursor {rows[-1].id}")


@application.command()
def diff(
    state: Annotated[
        str, typer.Option(help="open, accepted, corrected, resolved; empty: any.")
    ] = "open",
    type_: Annotated[str, typer.Option("--type", help="Such as missing, tax or refund.")] = "",
    cause: Annotated[str, typer.Option(help="A root cause.")] = "",
    channel: Annotated[str, typer.Option(help="Of one channel.")] = "",
    run_id: Annotated[int | None, typer.Option("--run", help="Those of a run.", min=1)] = None,
    limit: Limit = 50,
    cursor: Cursor = None,
    as_json: AsJson = False,
    data: Data = None,
) -> None:
    """List differences, the newest first, each with its root cause."""
    from adapters.postgres.recon import Which

    which = Which(
        channels=(channel,) if channel else None, state=state, type=type_, cause=cause, run=run_id
    )
    rows = _with(data, lambda service: service.recon.differences(which, before=cursor, limit=limit))
    if as_json:
        print_json(rows)
        return
    print_table(
        ("id", "channel", "order", "type", "cause", "expected", "found", "about", "state"),
        [
            (
                str(one.id),
                one.channel,
                one.number or one.ref,
                one.type,
                one.cause,
                one.expected or decimal_text(one.expected_minor, one.currency),
                one.found or decimal_text(one.found_minor, one.currency),
                one.about,
                one.state,
            )
            for one in rows
        ],
    )
    if len(rows) == limit:
        print(f"More: add --cursor {rows[-1].id}")


@application.command()
def show(difference_id: DifferenceId, as_json: AsJson = False, data: Data = None) -> None:
    """Show a difference: its root cause, both sides, and what to do."""
    from service.recon.service import words_of

    one = _with(data, lambda service: _difference(service, difference_id))
    if as_json:
        print_json(one)
        return
    print(f"Difference {one.id} ({one.state}): {one.type} of {one.number or one.ref}")
    print(f"  {words_of(one)}")
    money = (decimal_text(x, one.currency) for x in (one.expected_minor, one.found_minor))
    expected, found = (f"{x} {one.currency}" for x in money)
    print(f"  sides     {one.sides}, {one.channel}; {one.about}")
    print(f"  expected  {one.expected or expected}")
    print(f"  found     {one.found or found}")
    print(f"  seen      {age(one.first_seen_at)}, last in run {one.last_run}")
    if one.decided_by:
        print(f"  decided   by {one.decided_by}: {one.decided_why}")


@application.command()
def accept(difference_id: DifferenceId, reason: Why, data: Data = None) -> None:
    """Accept a difference as it is: it counts no more, unless it comes to something else."""
    _decide(difference_id, "accepted", reason, data)


@application.command()
def correct(difference_id: DifferenceId, reason: Why, data: Data = None) -> None:
    """Note that the wrong books were corrected: the next run shows whether they are right."""
    _decide(difference_id, "corrected", reason, data)


def _decide(difference_id: int, state: State, reason: str, data: Path | None) -> None:
    async def work(service: ReconService) -> KeptDifference:
        one = await _difference(service, difference_id)
        return await service.decide(one, state, this_person(), reason, SystemClock().now())

    print(f"Difference {_with(data, work).id} is {state}.")


def _show(report: Report, *, as_json: bool) -> None:
    if as_json:
        print_json(report)
        return
    found = report.run
    print(f"Run {found.id}: {found.state}, {found.step} of {len(found.steps)} lists read")
    print(f"  window   {found.since:%Y-%m-%d %H:%M} to {found.until:%Y-%m-%d %H:%M} UTC")
    print(f"  entries  {found.entries:,}")
    if found.fault:
        print(f"  fault    {found.fault}")
    for step, words in found.absent.items():
        print(f"  absent   {step}: {words}")
    print_table(
        ("channel", "currency", "orders", "gross", "differences", "off", "variance %"),
        [
            (
                one.channel,
                one.currency,
                f"{one.orders:,}",
                decimal_text(one.gross_minor, one.currency),
                f"{one.differences:,}",
                decimal_text(one.off_minor, one.currency),
                "" if one.variance_percent is None else f"{one.variance_percent:.4f}",
            )
            for one in report.totals
        ],
    )
    if report.causes:
        print_table(
            ("channel", "type", "cause", "differences"),
            [(one.channel, one.type, one.cause, f"{one.count:,}") for one in report.causes],
        )
        print(f"`orderwright recon diff --run {found.id}` lists them.")


def require_ended(found: Run) -> None:
    """Raise ReconNotDone for a run that came to no end: what it shows is not all."""
    if found.state == "failed":
        raise ReconNotDone(
            f"Run {found.id} has failed, so what it shows is not all: {found.fault} Correct that, "
            "and begin another one."
        )
    if found.state == "stopped":
        raise ReconNotDone(f"Run {found.id} was stopped, so what it shows is not all.")


async def _run(service: ReconService, run_id: int) -> Run:
    found = await service.recon.find(run_id)
    if found is None:
        raise ReconNotDone(f"There is no run {run_id}; `orderwright recon list` shows them.")
    return found


async def _difference(service: ReconService, difference_id: int) -> KeptDifference:
    found = await service.recon.difference(difference_id)
    if found is None:
        raise ReconNotDone(
            f"There is no difference {difference_id}; `orderwright recon diff` shows them."
        )
    return found


def _with(data: Path | None, work: Callable[[ReconService], Awaitable[T]]) -> T:
    from adapters.postgres.recon import Recon, ReconRefused
    from service.app import local
    from service.recon.reading import plan
    from service.recon.service import ReconService

    async def run_it() -> T:
        async with local.open_local(data) as session:
            try:
                return await work(ReconService(Recon(session.pool), plan(session.settings)))
            except ReconRefused as error:
                raise ReconNotDone(str(error)) from error

    return asyncio.run(run_it())
