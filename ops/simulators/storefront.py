"""`python -m ops.simulators.storefront`: a Shopify shop that sends its webhooks until taken."""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
from pathlib import Path

import uvloop

from ops.simulators.lifetime import die_with_parent, end_at_signals, say_ready, watch_process
from ops.simulators.shop_run import Plan, ShopRun
from ops.simulators.shop_template import Moment, Recipe, build_order, payload
from ops.simulators.webhooks import sign

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


async def run(given: argparse.Namespace) -> None:
    """Sends everything, or until a signal, and writes the report either way."""
    ended = asyncio.Event()
    end_at_signals(ended)
    watch_process(given.parent_pid, ended)
    plan = Plan(
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
    )
    shop = ShopRun(plan, given.url, given.secret, given.book)
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
    given = _parser().parse_args()
    die_with_parent(given.parent_pid)
    uvloop.run(run(given))


if __name__ == "__main__":
    main()
