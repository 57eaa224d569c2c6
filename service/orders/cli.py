"""`orderwright orders …`: list, show, timeline, label, replay, and what a person may decide."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from service.app.errors import OperatorError
from service.cli.filters import Terms
from service.cli.tables import print_json, print_over, print_timeline
from service.cli.tables import print_plain as print
from service.orders import cli_decisions
from service.orders.cli_decisions import At, Channel, Data, Which, with_orders
from service.orders.cli_view import print_page, print_view

if TYPE_CHECKING:
    from adapters.postgres.views import Page
    from service.orders.local import LocalOrders
    from service.orders.replaying import Past
    from service.orders.what_if import WhatIf

application = typer.Typer(help="Look at orders, and decide about them.", no_args_is_help=True)
cli_decisions.add_to(application)

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]

WATCH_SECONDS = 2.0
"""Between two looks of `--watch`: a page of orders costs the database about a millisecond."""


@application.command("list")
def list_orders(
    filter_words: Terms = None,
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
    """List orders, newest first; `!` marks those that need a person.

    A filter is of terms such as channel:acme-us, stage:packed, is:attention, hold:address,
    age:>2d, total:>=500, sku:MUG-01 and email:jo@example.com; docs/command-line.md explains it.
    The options are shorthands for its terms.
    """
    from adapters.postgres.order_filter import with_shorthands

    words = " ".join(filter_words or ())
    if words:
        words = with_shorthands(
            words,
            stage=stage or "",
            progress=progress or "",
            channel=channel or "",
            attention=attention or None,
        )

    async def page(orders: LocalOrders) -> Page:
        if words:
            return await orders.matching(words, cursor=cursor, limit=limit)
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
    if as_json:
        print_json(with_orders(At(data, channel), lambda orders: orders.show(which)))
        return
    print_view(*with_orders(At(data, channel), lambda orders: orders.show_addressed(which)))


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
    which: Annotated[str, typer.Argument(help="Order id, reference or number.")] = "",
    until: Annotated[
        str, typer.Option(help="A version, or a time in UTC; left out: the latest.")
    ] = "",
    verify: Annotated[
        bool, typer.Option("--verify", help="Compare all orders with what is stored.")
    ] = False,
    what_if: Annotated[
        bool, typer.Option("--what-if", help="Show what would be decided otherwise today.")
    ] = False,
    as_json: AsJson = False,
    channel: Channel = "",
    data: Data = None,
) -> None:
    """Replay an order's events, without side effects, and show what was known then; or what today's
    code, settings, mappings and rules would make of its inputs (--what-if); or compare what every
    order's events give with its stored state (--verify)."""
    if bool(which) == verify:
        raise OperatorError("Name one order to see it as it was, or all of them with --verify.")
    if what_if:
        if until or verify:
            raise OperatorError("--what-if is asked of the whole past of one order.")
        found = with_orders(At(data, channel), lambda orders: orders.what_if(which))
        if as_json:
            print_json(found)
        else:
            _print_what_if(found)
        return
    if which:
        past = with_orders(At(data, channel), lambda orders: orders.past(which, until))
        if as_json:
            print_json(past)
        else:
            _print_past(past)
        return
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


def _print_past(past: Past) -> None:
    print(f"After event {past.version} ({past.last}) at {past.at:%Y-%m-%d %H:%M:%S.%f} UTC:")
    print(f"  {past.stage}, {past.progress}" if past.progress else f"  {past.stage}")
    if past.waiting_for:
        print(f"  waits for {past.waiting_for}")
    for part in past.parts:
        print(f"  {part.key}  {part.kind}: {part.stage.replace('_', ' ')}")


def _print_what_if(found: WhatIf) -> None:
    differ = len(found.differences)
    told = (
        f"{differ} would lead elsewhere today." if differ else "all would lead to the same today."
    )
    print(f"{found.decided} inputs were decided again: {told}")
    for one in found.differences:
        print(f"Before event {one.version} at {one.at:%Y-%m-%d %H:%M:%S} UTC, {one.input}:")
        for mark, words in (("was", one.was), ("would be", one.would_be)):
            for each in words or ("nothing",):
                print(f"  {mark:<8}  {each}")
    if found.unknown:
        counts = ", ".join(f"{count} × {name}" for name, count in found.unknown.items())
        print(f"Not decided again, because what was said then is not kept: {counts}.")


def _progress(orders: int) -> None:
    if sys.stderr.isatty():
        print_over(f" {orders} orders …", end="\r")
