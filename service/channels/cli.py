"""`orderwright channels …`: status of the sales channels, and backfill of what was missed."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from service.app.person import this_person
from service.cli.tables import age, print_json, print_table
from service.cli.tables import print_plain as print

if TYPE_CHECKING:
    from service.channels.backfill import Found
    from service.channels.service import ChannelsService

application = typer.Typer(
    help="Show the status of the sales channels, and fetch what was missed.", no_args_is_help=True
)

kind = typer.Typer(help="Write a new kind of channel.", no_args_is_help=True)

T = TypeVar("T")

Data = Annotated[Path | None, typer.Option("--data", help="The running service's data directory.")]
Config = Annotated[Path | None, typer.Option("--config", help="The configuration file (TOML).")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Name = Annotated[str, typer.Argument(help="The channel's name in the configuration.")]
Why = Annotated[str, typer.Option("--reason", help="Why; the audit log keeps it.")]
_FORMATS = ["%Y-%m-%d", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%dT%H:%M:%SZ"]


@application.command("list")
def list_channels(as_json: AsJson = False, data: Data = None, config: Config = None) -> None:
    """List the channels and their status."""
    rows = _with(data, config, lambda service: service.views())
    if as_json:
        print_json(rows)
        return
    if not rows:
        print("No channel is configured here. Name the configuration file with --config.")
        return
    print_table(
        ("channel", "kind", "API version", "missed", "status"),
        [
            (row.name, row.kind, row.api_version, str(sum(j.missed for j in row.jobs)), row.words)
            for row in rows
        ],
    )


@application.command()
def show(name: Name, as_json: AsJson = False, data: Data = None, config: Config = None) -> None:
    """Show one channel: each job, when it last succeeded, and its last report."""
    row = _with(data, config, lambda service: service.show(name))
    if as_json:
        print_json(row)
        return
    print(f"{row.name} ({row.kind}): {row.words}")
    if row.api_version:
        print(f"  API version {row.api_version}; drift shows in `orderwright incidents list`")
    for job in row.jobs:
        done = age(job.succeeded_at) if job.succeeded_at else "never"
        print(f"  {job.job}: last success {done}, {job.missed} missed so far")
        print(f"    {job.outcome}")


@application.command()
def check(name: Name, as_json: AsJson = False, data: Data = None, config: Config = None) -> None:
    """Compare the channel's recent changes with ours; changes nothing."""
    _print(_with(data, config, lambda service: service.check(name)), as_json=as_json)


@application.command()
def backfill(
    name: Name,
    reason: Why,
    since: Annotated[
        datetime | None, typer.Option("--from", formats=_FORMATS, help="Start of the window, UTC.")
    ] = None,
    until: Annotated[
        datetime | None, typer.Option("--to", formats=_FORMATS, help="End of the window, UTC.")
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Print what is missing; fetch nothing.")
    ] = False,
    as_json: AsJson = False,
    data: Data = None,
    config: Config = None,
) -> None:
    """Compare a window of the channel with ours, and fetch what is missing."""
    found = _with(
        data,
        config,
        lambda service: service.backfill(
            name,
            since.replace(tzinfo=UTC) if since else None,
            until.replace(tzinfo=UTC) if until else None,
            dry_run=dry_run,
            person=this_person(),
            reason=reason,
        ),
    )
    _print(found, as_json=as_json)


@application.command()
def reimport(
    name: Name,
    ref: Annotated[str, typer.Argument(help="The channel's own reference of the order.")],
    reason: Why,
    data: Data = None,
    config: Config = None,
) -> None:
    """Fetch one order again from its channel."""
    order_id = _with(
        data,
        config,
        lambda service: service.reimport(name, ref, person=this_person(), reason=reason),
    )
    print(f"Order {order_id} will be fetched again; `orderwright orders timeline` shows it.")


@kind.command()
def new(
    name: Annotated[str, typer.Argument(help="The kind's name: small letters, digits, _.")],
    into: Annotated[
        Path | None, typer.Option("--into", help="A folder that does not exist yet.")
    ] = None,
) -> None:
    """Write the skeleton of a new kind of channel, as a package of its own."""
    from service.channels.skeleton import write_skeleton

    folder = into or Path(f"orderwright-{name}")
    for path in write_skeleton(name, folder):
        print(path)
    print(f"It runs as it is: `cd {folder}`, `pip install --editable '.[test]'`, `pytest`.")
    print("Then replace it, file by file, with your storefront's; see docs/add-a-channel.md.")


def _print(found: Found, *, as_json: bool) -> None:
    if as_json:
        print_json(found)
        return
    print(found.words())
    for ref in found.refs:
        print(f"  {ref}")


def _with(
    data: Path | None, config: Path | None, work: Callable[[ChannelsService], Awaitable[T]]
) -> T:
    from service.channels import local

    async def run() -> T:
        async with local.open_channels(data, config) as service:
            return await work(service)

    return asyncio.run(run())
