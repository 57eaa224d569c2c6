"""`python -m ops.bench.fill`: fills a data directory with orders that wait for a parcel, or that
are closed.

Real actors decide, and the real journal stores their decisions; only the partners' answers are
invented. At the end each open order is shipped and published, and has a timer that asks the carrier
hours later. A directory can be filled several times, each time from another number.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import asyncpg
import uvloop
from msgspec.structs import replace

from actors.kernel.setup import Place, Setup
from actors.order.policy import Policy
from actors.runtime.alarm import Alarm
from actors.runtime.lanes import Lanes
from actors.runtime.mailbox import COMMITTED, Envelope
from actors.runtime.observer import Blind
from actors.runtime.references import References
from actors.runtime.registry import Registry
from actors.runtime.runtime import Runtime
from adapters.postgres.journal import PostgresJournal
from adapters.postgres.leases import Leases
from adapters.postgres.migrate import migrate
from adapters.postgres.pool import Pool
from adapters.postgres.sealing_keys import agree
from schemas.messages import effects as f
from schemas.messages import inputs as i
from schemas.order.canonical import Address, Customer, Line, Order, Totals
from schemas.order.ids import order_id_for
from schemas.order.things import FULFILMENT, PARCEL, key_of
from service.app import collector
from service.app.clock import SystemClock
from service.app.sealing_keys import sealing_of
from service.embedded.supervisor import EmbeddedServers, embedded_servers
from service.settings import Settings
from service.wiring.order_stream import OrderStream

AT_ONCE = 1_000
"""Orders in flight: one batch is written while the next one is decided."""

MAX_BATCH = 500
CHANNEL = "acme-us"
PLACED_AT = "2026-11-27T12:00:00Z"
DAY = 86_400.0
Make = Callable[[int], Order]
FIRST_FULFILMENT, FIRST_PARCEL = key_of(FULFILMENT, 1), key_of(PARCEL, 1)

STOCK, TASK, ERP, MAIL, LABEL, PUBLISH, TRACK = range(1, 8)
"""The numbers of an order's effects here, as the family of machines asks for them."""

SETUP = Setup(
    channel=CHANNEL,
    storefront=f"storefront:{CHANNEL}",
    erp="erp",
    mail="mail",
    places=(Place(name="main", warehouse="warehouse", carrier="ups"),),
)
"""A seller with every role, none of which is called: answers are invented."""


def an_order(number: int) -> Order:
    """Return a paid order of two lines."""
    home = Address(
        name="Steve Shipper",
        lines=("123 Shipping Street", "Apt 4"),
        city="Shippington",
        country="US",
        region="KY",
        postal_code="40003",
        phone="5025550123",
    )
    lines = tuple(
        Line(
            line_id=f"{number}{place}",
            sku=f"SKU-{place:03d}",
            title="A thing of middling name",
            quantity=2,
            unit_price_minor=1250,
            total_minor=2500,
            weight_grams=300,
        )
        for place in (1, 2)
    )
    return Order(
        ref=f"gid://shopify/Order/{number:013d}",
        number=f"#{number}",
        placed_at=PLACED_AT,
        updated_at=PLACED_AT,
        currency="USD",
        payment="paid",
        lines=lines,
        totals=Totals(
            subtotal_minor=5000, discount_minor=0, shipping_minor=500, tax_minor=0, total_minor=5500
        ),
        customer=Customer(name="Steve Shipper", email="steve.shipper@example.com"),
        ship_to=home,
        bill_to=home,
        shipping_method="Standard",
    )


_COUNTRIES = (
    ("US", "KY", "40003"),
    ("DE", "", "10115"),
    ("FR", "", "75002"),
    ("GB", "", "LS1 1AA"),
)
_METHODS = ("Standard", "Express", "")


def varied(number: int) -> Order:
    """Return an order of its own: other goods, countries, totals and customers than its neighbours,
    the same each time. Bounds: one to four lines of one to five units, 5,000 customers."""
    usual = an_order(number)
    country, region, code = _COUNTRIES[number * 7 % len(_COUNTRIES)]
    home = usual.ship_to
    assert home is not None, "the usual order is delivered"
    there = replace(home, country=country, region=region, postal_code=code)
    lines = tuple(
        replace(
            usual.lines[0],
            line_id=f"{number}{at}",
            sku=f"SKU-{(number * 13 + at) % 500:03d}",
            quantity=(units := 1 + number * at % 5),
            unit_price_minor=(price := 500 + number * 31 % 20_000),
            total_minor=units * price,
            weight_grams=100 + number % 3_000,
        )
        for at in range(1, 2 + number % 4)
    )
    goods = sum(line.total_minor for line in lines)
    totals = replace(usual.totals, subtotal_minor=goods, total_minor=goods + 500)
    who = Customer(name="Steve Shipper", email=f"steve.{number % 5_000}@example.com")
    return replace(
        usual,
        lines=lines,
        totals=totals,
        customer=who,
        ship_to=there,
        bill_to=there if number % 3 else home,
        shipping_method=_METHODS[number % len(_METHODS)],
        subscription_ref=f"sub-{number}" if number % 10 == 0 else "",
    )


def story(
    number: int, make: Make = an_order, *, closed: bool = False
) -> Iterator[tuple[tuple[str, i.Input], ...]]:
    """Yield the inputs of one commit after the other: an effect can only be answered once it is on
    disk. The parcel of a closed order has arrived."""

    def done(effect: int, result: f.Result) -> tuple[str, i.Input]:
        return f"done:{effect}", i.EffectDone(number=effect, result=result)

    order = make(number)
    task, tracking = f"WT-{number:010d}", f"1ZA1B2C303{number:08d}"
    units = tuple(f.Units(line.line_id, "", line.quantity) for line in order.lines)
    parcel = i.ReportedParcel(parcel_id="1", units=units, weight_grams=1200)
    bought = f.BoughtLabel(parcel=FIRST_PARCEL, tracking_number=tracking)
    yield (("place", i.PlaceOrder(order=order)),)
    yield (done(STOCK, f.StockReserved(place="main")),)
    yield (
        done(TASK, f.TaskCreated(task_id=task)),
        done(ERP, f.SalesOrderPosted(erp_id=f"{number:036d}", number=f"S-ORD{number}")),
        done(MAIL, f.MailSent(message_id=f"<{number}@acme.example>")),
        (
            "packed",
            i.ReportPacked(
                ref=order.ref, fulfilment=FIRST_FULFILMENT, task_id=task, parcels=(parcel,)
            ),
        ),
    )
    yield (
        done(LABEL, f.LabelBought(shipment_id=tracking, carrier="UPS", labels=(bought,))),
        (
            "handed-over",
            i.ReportHandedOver(ref=order.ref, fulfilment=FIRST_FULFILMENT, task_id=task),
        ),
    )
    shown = (f"gid://shopify/Fulfillment/{number}",)
    yield (done(PUBLISH, f.FulfilmentPublished(outside_ids=shown)),)
    if closed:
        yield (("track", i.TimerFired(name="track", key=FIRST_PARCEL)),)
        yield (done(TRACK, f.Tracked(status="delivered")),)


class _Together:
    """Waits until the inputs of one commit have ended."""

    def __init__(self, count: int) -> None:
        self._waiting = count
        self.ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def told(self, outcome: str, reason: str) -> None:
        """One of them ended."""
        self._waiting -= 1
        if self.ended.done():
            return
        if outcome != COMMITTED:
            self.ended.set_exception(RuntimeError(f"An input ended as {outcome}: {reason}"))
        elif not self._waiting:
            self.ended.set_result(None)


async def live(
    registry: Registry, number: int, make: Make = an_order, *, closed: bool = False
) -> None:
    """Take one order through its inputs."""
    ref = make(number).ref
    for inputs in story(number, make, closed=closed):
        together = _Together(len(inputs))
        for input_id, command in inputs:
            envelope = Envelope(
                command, input_id, together.told, channel=CHANNEL, ref=ref, fresh=True
            )
            registry.post(order_id_for(CHANNEL, ref), envelope)
        await together.ended


COUNTED = """
SELECT (SELECT count(*) FROM orders o JOIN timers t ON t.order_id = o.order_id
        WHERE o.progress = 'shipped' AND t.name = 'track' AND t.due_at > now() + interval '1 hour')
        AS open,
    (SELECT count(*) FROM orders WHERE final) AS closed,
    (SELECT count(*) FROM events) AS events
"""


async def fill(
    data: Path, orders: int, make: Make = an_order, *, first: int = 1, closed: bool = False
) -> dict[str, float]:
    """Write this many orders into a data directory, from that number on. Return how many open and
    closed ones and events it holds then, and the seconds that it took."""
    async with embedded_servers(data, channels=(CHANNEL,)) as servers:
        began = time.monotonic()
        await migrate(servers.postgres_dsn)
        pool = Pool(servers.postgres_dsn, max_connections=4, deadline_seconds=600.0)
        before = (await pool.fetch(COUNTED))[0]
        leases = Leases(pool, servers.data.instance_id)
        await leases.acquire()
        registry = await _registry(data, servers, pool, leases)
        collector.settle()
        numbers = iter(range(first, first + orders))

        async def work() -> None:
            for number in numbers:
                await live(registry, number, make, closed=closed)
                if number % 10_000 == 0:
                    print(f"  {number} orders are written", file=sys.stderr, flush=True)

        await asyncio.gather(*(work() for _ in range(AT_ONCE)))
        seconds = time.monotonic() - began
        await _tidy(servers.postgres_dsn)
        after = (await pool.fetch(COUNTED))[0]
        await leases.release()
        await pool.close()
    kind = "closed" if closed else "open"
    if after[kind] - before[kind] != orders:
        raise RuntimeError(f"{after[kind] - before[kind]} orders are {kind}, not {orders}.")
    return {**dict(after), "seconds": round(seconds, 1)}


async def _registry(data: Path, servers: EmbeddedServers, pool: Pool, leases: Leases) -> Registry:
    sealing = sealing_of(Settings(data_dir=str(data)), servers.data)
    await agree(pool, sealing)
    clock = SystemClock()
    runtime = Runtime(
        journal=PostgresJournal(pool, leases, sealing, max_batch=MAX_BATCH),
        leases=leases,
        clock=clock,
        observer=Blind(),
        references=References({"1": servers.data.secret("correlation-key").encode()}, "1"),
        lanes=Lanes({}),
        alarm=Alarm(clock),
    )
    policy = Policy(first_track_seconds=DAY, track_every_seconds=DAY)
    stream = OrderStream(policy=policy, setups={CHANNEL: SETUP})
    return Registry(runtime, stream, live_orders=AT_ONCE)


async def _tidy(dsn: str) -> None:
    """Do at once what the server's autovacuum does to tables that grow as slowly as real ones."""
    connection = await asyncpg.connect(dsn)
    try:
        await connection.execute("VACUUM (ANALYZE)")
        await connection.execute("CHECKPOINT")
    finally:
        await connection.close()


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(prog="python -m ops.bench.fill", description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="a data directory")
    parser.add_argument("--orders", type=int, default=100_000)
    parser.add_argument("--first", type=int, default=1, help="number of the first order")
    parser.add_argument("--closed", action="store_true", help="orders whose parcels have arrived")
    given = parser.parse_args()
    found = uvloop.run(fill(given.data, given.orders, first=given.first, closed=given.closed))
    print(json.dumps(found), flush=True)


if __name__ == "__main__":
    main()
