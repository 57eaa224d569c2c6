"""`python -m ops.simulators`: starts every simulated partner in one process."""

from __future__ import annotations

import argparse
import asyncio
import os
from pathlib import Path

import uvloop

from ops.simulators.app import DEFAULT_CALLBACK_SECRET, Options, Simulators
from ops.simulators.faults import BadKnob
from ops.simulators.lifetime import die_with_parent, end_at_signals, say_ready, watch_process
from ops.simulators.shapes import NotUnderstood, parse_object
from ops.simulators.warehouse_habits import CALLBACK_KINDS, Habits, read_habits


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m ops.simulators",
        description=__doc__,
        allow_abbrev=False,
        # A secret on a command line is there for everybody to see.
        fromfile_prefix_chars="@",
    )
    add = parser.add_argument
    add("--host", default="127.0.0.1", help="address to listen on (loopback by default)")
    add("--port", type=int, default=0, help="HTTP port; 0 takes a free one")
    add("--smtp-port", type=int, default=0, help="SMTP port; 0 takes a free one")
    add("--seed", type=int, default=1, help="seed of every random draw")
    add("--latency-ms", type=float, default=5.0, help="how long every answer takes")
    add("--callback-secret", default=DEFAULT_CALLBACK_SECRET, help="signs the warehouse's news")
    add("--callbacks", default="packed", help=f"news to send: any of {','.join(CALLBACK_KINDS)}")
    add("--pack-after-seconds", type=float, default=0.0, help="from task to packed")
    add(
        "--hand-over-after-seconds",
        type=float,
        default=3600.0,
        help="from packed to too late to cancel",
    )
    add("--short-pick-share", type=float, default=0.0, help="share of tasks that lack one piece")
    add(
        "--warehouse-habits",
        default="{}",
        help="JSON with more habits of all warehouses, such as '{\"split_share\": 0.1}'",
    )
    add("--deliver-after-seconds", type=float, default=0.0, help="from label to delivered")
    add(
        "--deliver-when-told",
        action="store_true",
        help="no parcel moves before `POST /_sim/parcels` says how it ends",
    )
    add("--ledger", type=Path, default=None, help="keep the ledger in this file, too")
    add(
        "--ready-file", type=Path, default=None, help="where to write JSON with url, smtp_port, pid"
    )
    add("--parent-pid", type=int, default=None, help="end with this process; 0: outlive the parent")
    return parser


def _options(given: argparse.Namespace, parser: argparse.ArgumentParser) -> Options:
    kinds = tuple(kind for kind in given.callbacks.split(",") if kind)
    if unknown := [kind for kind in kinds if kind not in CALLBACK_KINDS]:
        parser.error(f"--callbacks knows {','.join(CALLBACK_KINDS)}, but not {','.join(unknown)}.")
    usual = Habits(
        callbacks=kinds,
        pack_after_seconds=given.pack_after_seconds,
        hand_over_after_seconds=given.hand_over_after_seconds,
        short_pick_share=given.short_pick_share,
    )
    try:
        habits = read_habits(parse_object(given.warehouse_habits.encode()), usual)
    except (BadKnob, NotUnderstood) as error:
        parser.error(f"--warehouse-habits: {error}")
    return Options(
        host=given.host,
        port=given.port,
        smtp_port=given.smtp_port,
        seed=given.seed,
        latency_ms=given.latency_ms,
        callback_secret=given.callback_secret,
        deliver_after_seconds=given.deliver_after_seconds,
        deliver_when_told=given.deliver_when_told,
        warehouse=habits,
        ledger_file=given.ledger,
    )


async def run(options: Options, ready_file: Path | None, parent_pid: int | None) -> None:
    """Serves until a signal or the parent's end."""
    ended = asyncio.Event()
    end_at_signals(ended)
    watch_process(parent_pid, ended)
    simulators = Simulators(options)
    await simulators.start()
    say_ready(
        ready_file,
        {
            "http": f"http://{options.host}:{simulators.port}",
            "smtp_port": simulators.smtp_port,
            "pid": os.getpid(),
        },
    )
    await ended.wait()
    await simulators.stop()


def main() -> None:
    """The command."""
    parser = _parser()
    given = parser.parse_args()
    die_with_parent(given.parent_pid)
    uvloop.run(run(_options(given, parser), given.ready_file, given.parent_pid))


if __name__ == "__main__":
    main()
