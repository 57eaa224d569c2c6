"""`python -m ops.bench.backtest`: how fast rules are tried on the stored past, and whether the
answer is right.

Orders are stored by real actors and the real journal (`ops.bench.fill`), `--intake` of them by a
running service that takes them from the simulated storefront; one rule differs between
the two versions. A sample is decided again one by one, from what the order's own page shows.
"""

from __future__ import annotations

import argparse
import json
import resource
import secrets
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

import uvloop

from actors.rules.compiled import Compiled
from adapters.postgres.past import Past
from adapters.postgres.pool import Pool
from adapters.postgres.views import Views
from ops.bench.fill import CHANNEL, SETUP, fill, varied
from ops.bench.load import Target, partners, send
from ops.bench.sides import product
from schemas.contracts.rules import Rule, Rules
from service.app.sealing_keys import sealing_of
from service.embedded.supervisor import embedded_servers
from service.rules.bench import rules_of
from service.rules.past import Homes, backtest
from service.settings import Settings

SAMPLE = 200
SINCE = datetime(2000, 1, 1, tzinfo=UTC)
ODD = Rule(name="odd", when='order.number.endsWith("7")', place="main", tag="odd")


async def measure(data: Path, rules: int) -> dict[str, float | int]:
    """Backtest one changed rule among so many over all orders of a data directory."""
    old = rules_of(rules - 1)
    new = Rules(
        accept=old.accept, review=old.review, route=(*old.route, ODD), ship=old.ship,
        notify=old.notify, approve=old.approve,
    )  # fmt: skip
    was, would_be = Compiled(old, 1), Compiled(new, 2)
    async with embedded_servers(data, channels=(CHANNEL,)) as servers:
        pool = Pool(servers.postgres_dsn, max_connections=4, deadline_seconds=60.0)
        sealing = sealing_of(Settings(data_dir=str(data)), servers.data)
        past, homes = Past(pool, sealing), Homes({CHANNEL: SETUP})
        begun, cpu = time.perf_counter(), time.process_time()
        found = await backtest(past, homes, was, would_be, SINCE, lambda _: None)
        seconds, cpu = time.perf_counter() - begun, time.process_time() - cpu
        wrong = await _checked(past, Views(pool, sealing), would_be)
        await pool.close()
    return {
        "orders": found.orders,
        "rules": rules,
        "differ": found.differ,
        "not_evaluable": found.not_evaluable,
        "orders_a_second": round(found.orders / seconds),
        "cpu_microseconds_an_order": round(cpu / max(1, found.orders) * 1e6),
        "peak_memory_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
        "sample": SAMPLE,
        "sample_wrong": wrong,
    }


async def _checked(past: Past, views: Views, rules: Compiled) -> int:
    """Decide a sample again one by one; return how many come out other than their number says."""
    wrong = checked = 0
    async for page in past.pages(SINCE):
        for one in page:
            if checked == SAMPLE:
                return wrong
            checked += 1
            order = await views.order(one.order_id)
            if order is None:
                continue
            hits = [rules.name_of(at)[1] for at in rules.matching(order, one.channel, "unknown")]
            wrong += ("odd" in hits) is not order.number.endswith("7")
    return wrong


async def taken_in(home: Path, orders: int) -> None:
    """Have a running service take orders of the simulated storefront, to their end."""
    async with partners(home, secrets.token_urlsafe(24)) as world, product(home, world) as running:
        target = Target(running.url, running.secret, running.process)
        await send(home, world, target, orders, first=1, rate=0.0)


async def run(home: Path, orders: int, rules: int, intake: int) -> dict[str, float | int]:
    """Store orders in a new data directory, so many of them by webhook and the rest varied, then
    measure."""
    if intake:
        await taken_in(home, intake)
    await fill(home / "data", orders - intake, varied)
    return {**await measure(home / "data", rules), "by_intake": intake}


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(prog="python -m ops.bench.backtest", description=__doc__)
    parser.add_argument("--orders", type=int, default=10_000)
    parser.add_argument("--rules", type=int, default=20)
    parser.add_argument(
        "--intake", type=int, default=0, help="orders that a running service takes in, of these"
    )
    command = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="orderwright-bench-") as folder:
        Path(folder).chmod(0o711)  # the user of the embedded servers has to reach what is inside
        found = uvloop.run(run(Path(folder), command.orders, command.rules, command.intake))
    print(json.dumps(found), flush=True)


if __name__ == "__main__":
    main()
