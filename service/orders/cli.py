"""`orderwright orders …`: list, show, timeline, label, replay, and what a person may decide."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from service.app.errors import OperatorError
from service.cli.tables import print_json, print_over, print_timeline
from service.cli.tables import print_plain as print
from service.orders import cli_decisions
from service.orders.cli_decisions import At, Channel, Data, Which, with_orders
from service.orders.cli_view import print_page, print_view

if TYPE_CHECKING:
    from adapters.postgres.views import Page
    from service.orders.local import LocalOrders

application = typer.Typer(help="Look at orders, and decide about them.", no_args_is_help=True)
cli_decisions.add_to(application)

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]

WATCH_SECONDS = 2.0
"""Between two looks of `--watch`: a page of orders costs the database about a millisecond."""


@application.command("list")
def list_orders(
    stage: Annotated[str | None, typer.Option(help="Only this stage, such as open.")] = None,
    progress: Annotated[
        str | None, typer.Option(help="Only those that got this far, such as backordered.")
    ] = None,
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

    async def page(orders: LocalOrders) -> Page:
        return await orders.list_orders(
            stage=stage,
            progress=progress,
            channel=channel,
            attention=attention,
            cursor=cursor,
            limit=limit,
        )

    async def watching(orders: LocalOrders) -> None:
        while True:
            found = await page(orders)
            sys.stdout.write("\x1b[H\x1b[2J")  # our own: what is printed is written out
            print_page(found, more=False)
            sys.stdout.flush()  # whoever reads it through a pipe watches, too
            await asyncio.sleep(WATCH_SECONDS)

    if watch:
        with_orders(At(data), watching)
    elif as_json:
        print_json(with_orders(At(data), page))
    else:
        print_page(with_orders(At(data), page), more=True)


@application.command()
def show(which: Which, as_json: AsJson = False, channel: Channel = "", data: Data = None) -> None:
    """Show one order: where it stands, its lines, fulfilments and parcels, and what waits."""
    view = with_orders(At(data, channel), lambda orders: orders.show(which))
    if as_json:
        print_json(view)
        return
    print_view(view)


@application.command()
def timeline(
    which: Which, as_json: AsJson = False, channel: Channel = "", data: Data = None
) -> None:
    """Show everything that happened to an order, by which rule, and what is due (times in UTC)."""
    entries = with_orders(At(data, channel), lambda orders: orders.timeline(which))
    if as_json:
        print_json(entries)
    else:
        print_timeline(entries)


@application.command()
def exchange(
    which: Which,
    number: Annotated[int, typer.Argument(help="Its number, as the timeline shows it.")],
    channel: Channel = "",
    data: Data = None,
) -> None:
    """Show what we and a partner said in one call: request and answer, without credentials."""
    kept = with_orders(At(data, channel), lambda orders: orders.exchange(which, number))
    one = kept.exchange
    print(f"{one.method} {one.url}")
    print(
        f"  of effect {one.effect} for {one.key} at {one.partner}, {one.at:%Y-%m-%d %H:%M:%S} UTC"
    )
    print(f"  {f'answered {one.status}' if one.status else one.error} after {one.duration_ms:,} ms")
    for name, body in (("request", one.request), ("answer", one.response)):
        if body:
            print(f"\n{name}:\n{body.decode('utf-8', 'replace')}")


@application.command()
def label(
    which: Which,
    out: Annotated[Path, typer.Option("--out", help="Where to write it.", dir_okay=False)],
    parcel: Annotated[
        str, typer.Option(help="The parcel's key, such as K1; left out: the only one.")
    ] = "",
    channel: Channel = "",
    data: Data = None,
) -> None:
    """Write the label of a parcel to a file, as the carrier sold it."""
    found = with_orders(At(data, channel), lambda orders: orders.label(which, parcel))
    try:
        out.write_bytes(found.content)
    except OSError as error:
        raise OperatorError(f"{out} can't be written ({error.strerror}).") from error
    print(f"{found.words} ({found.content_type}, {len(found.content):,} bytes) is in {out}.")


@application.command()
def replay(
    verify: Annotated[bool, typer.Option("--verify", help="Compare with what is stored.")] = False,
    data: Data = None,
) -> None:
    """Replay every order's events, without side effects, and compare with its stored state."""
    if not verify:
        raise OperatorError("Replay compares only, for now: orderwright orders replay --verify.")
    result = with_orders(At(data), lambda orders: orders.verify(_progress))
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


def _progress(orders: int) -> None:
    if sys.stderr.isatty():
        print_over(f" {orders} orders …", end="\r")
