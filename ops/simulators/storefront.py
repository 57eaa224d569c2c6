"""`python -m ops.simulators.storefront`: a Shopify shop that sends its webhooks until taken."""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
from pathlib import Path

import uvloop

from ops.simulators.lifetime import die_with_parent, end_at_signals, say_ready, watch_process
from ops.simulators.shop_fates import Plan
from ops.simulators.shop_run import ShopRun
from ops.simulators.shop_template import Moment, Recipe, build_order, payload
from ops.simulators.webhooks import sign

MAX_SPAN = 600_000.0
"""Ten minutes in milliseconds; in seconds, a week."""

__all__ = ["Moment", "Plan", "Recipe", "ShopRun", "build_order", "payload", "sign"]


def _share(value: str) -> float:
    share = float(value)
    if not 0 <= share <= 1:
        raise argparse.ArgumentTypeError(f"{value} is not a share: it must be from 0 to 1.")
    return share


def _range(value: str) -> tuple[int, int]:
    low, _, high = value.partition("-")
    try:
        found = (int(low), int(high or low))
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{value} must look like 1-5.") from error
    if not 1 <= found[0] <= found[1] <= 90:
        raise argparse.ArgumentTypeError(f"{value} must lie within 1-90.")
    return found


def _span(value: str) -> tuple[float, float]:
    low, _, high = value.partition("-")
    try:
        found = (float(low), float(high or low))
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{value} must look like 5 or 0-5.") from error
    if not 0 <= found[0] <= found[1] <= MAX_SPAN:
        raise argparse.ArgumentTypeError(f"{value} must lie within 0-{MAX_SPAN:g}.")
    return found


def _add_changes(parser: argparse.ArgumentParser) -> None:
    """What may happen to orders, as shares, and when."""
    add = parser.add_argument
    add("--edit-address", type=_share, default=0.0, help="share with a new address later on")
    add("--edit-add-line", type=_share, default=0.0, help="share that gets one more line")
    add("--edit-remove-line", type=_share, default=0.0, help="share that loses a line or a piece")
    add("--edit-after-seconds", type=_span, default=(0.0, 5.0), help="when, such as 0-5")
    add("--cancel-late", type=_share, default=0.0, help="share cancelled at a random time")
    add("--cancel-after-seconds", type=_span, default=(0.0, 30.0), help="when, such as 0-30")
    add("--cod", type=_share, default=0.0, help="share paid in cash on delivery")
    add("--terms", type=_share, default=0.0, help="share paid within thirty days")
    add("--split", type=_share, default=0.0, help="share with lines at two locations")
    add("--multi-parcel", type=_share, default=0.0, help="share with the tag two-parcels")
    add("--split-later", type=_share, default=0.0, help="share with the tag split-later")
    add("--short-pick", type=_share, default=0.0, help="share with the tag short-pick")
    add(
        "--echo-ms",
        type=_span,
        default=None,
        help="have the shop send webhooks of what is done through its API, so much later",
    )
    add("--news", action="store_true", help="send all webhooks of a placed order, not one")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m ops.simulators.storefront",
        description=__doc__,
        allow_abbrev=False,
        # A secret on a command line is there for everybody to see.
        fromfile_prefix_chars="@",
    )
    add = parser.add_argument
    add("--url", required=True, help="where the webhooks go, such as http://127.0.0.1:8080/hooks/x")
    add("--secret", required=True, help="signs them")
    add("--shop", default="acme-us.myshopify.com", help="the shop's domain")
    add("--orders", type=int, default=0, help="how many; 0 goes on until SIGTERM")
    add("--rate", type=float, default=0.0, help="orders a second; 0: as fast as they are taken")
    add("--seed", type=int, default=1, help="seed of every random draw")
    add("--first-number", type=int, default=1001, help="number of the first order")
    add("--lines", type=_range, default=(1, 5), help="fewest and most lines, such as 1-5")
    add("--paid-later", type=_share, default=0.1, help="share paid after they were placed")
    add("--cancel", type=_share, default=0.03, help="share cancelled soon after")
    add("--update", type=_share, default=0.05, help="share changed soon after")
    add("--duplicate", type=_share, default=0.05, help="share whose create is delivered twice")
    add("--bad", type=_share, default=0.0, help="share whose payload is corrupted")
    add("--concurrency", type=int, default=64, help="webhooks under way at once")
    add("--give-up-seconds", type=float, default=120.0, help="how long one webhook is retried")
    add("--report", type=Path, default=None, help="where to write the JSON report")
    add("--drop", type=_share, default=0.0, help="share of orders no one is told of")
    add("--book", default="", help="where the simulators listen: the shop's API knows the orders")
    _add_changes(parser)
    add("--quiet", action="store_true", help="no progress line")
    add("--ready-file", type=Path, default=None, help="where to write JSON with the pid")
    add("--parent-pid", type=int, default=None, help="end with this process; 0: outlive the parent")
    return parser


async def _tell_progress(run: ShopRun) -> None:
    loop = asyncio.get_running_loop()
    started, next_at = loop.time(), loop.time() + 1
    while True:
        await asyncio.sleep(max(0.0, next_at - loop.time()))
        next_at += 1
        print(f"{loop.time() - started:6.0f} s  {run.progress()}", file=sys.stderr, flush=True)


def _plan(given: argparse.Namespace) -> Plan:
    return Plan(
        recipe=Recipe(given.seed, given.shop, given.lines),
        orders=given.orders,
        rate=given.rate,
        first_number=given.first_number,
        paid_later=given.paid_later,
        cancel=given.cancel,
        update=given.update,
        duplicate=given.duplicate,
        bad=given.bad,
        drop=given.drop,
        concurrency=given.concurrency,
        give_up_seconds=given.give_up_seconds,
        edit_address=given.edit_address,
        edit_add_line=given.edit_add_line,
        edit_remove_line=given.edit_remove_line,
        edit_after=given.edit_after_seconds,
        cancel_late=given.cancel_late,
        cancel_after=given.cancel_after_seconds,
        cod=given.cod,
        terms=given.terms,
        split=given.split,
        multi_parcel=given.multi_parcel,
        split_later=given.split_later,
        short_pick=given.short_pick,
        echo_ms=given.echo_ms,
        news=given.news,
    )


async def run(given: argparse.Namespace) -> None:
    """Sends everything, or until a signal, and writes the report either way."""
    ended = asyncio.Event()
    end_at_signals(ended)
    watch_process(given.parent_pid, ended)
    shop = ShopRun(_plan(given), given.url, given.secret, given.book)
    say_ready(given.ready_file, {"pid": os.getpid()})
    work = asyncio.create_task(shop.run())
    stop = asyncio.create_task(ended.wait())
    talk = None if given.quiet else asyncio.create_task(_tell_progress(shop))
    await asyncio.wait((work, stop), return_when=asyncio.FIRST_COMPLETED)
    for task in (work, stop, talk):
        if task is not None and not task.done():
            task.cancel()
    await asyncio.gather(work, return_exceptions=True)
    shop.close()
    shop.write_report(given.report)
    print(f"done      {shop.progress()}", file=sys.stderr, flush=True)
    if work.done() and not work.cancelled():
        work.result()


def main() -> None:
    """The command."""
    parser = _parser()
    given = parser.parse_args()
    if _plan(given).is_live and not given.book:
        parser.error("Edits, split orders and echoes need the shop's book: give --book.")
    die_with_parent(given.parent_pid)
    uvloop.run(run(given))


if __name__ == "__main__":
    main()
