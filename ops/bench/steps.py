"""`python -m ops.bench.steps`: what one decision costs, and how large an order's state grows.

Orders of 1, 50 and 500 lines go their whole way in up to 50 fulfilments, and are changed 200 times
meanwhile. Only the machines run: no server, no network, and one core.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections import deque
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from msgspec import Struct
from msgspec.structs import replace

from actors.kernel.setup import Place, Setup
from actors.order.decision import Context, Intended
from actors.order.policy import Policy
from actors.order.stream import INITIAL, State, decide, encode_state, replay
from schemas.messages import effects as f
from schemas.messages import events as e
from schemas.messages import inputs as i
from schemas.order.canonical import Address, Customer, Line, Order, Totals
from schemas.order.things import Key

PLACES = 50
"""As many as an order may have fulfilments at work."""
EDITS = 200
SIZES = (1, 50, 500)
POLICY = Policy()
"""One for all steps, as in a service: what was read off a state for it is remembered."""

NOON = datetime(2026, 11, 27, 12, 0, tzinfo=UTC)


class Figures(Struct):
    """One order's life. Bytes are of the encoded state; microseconds are means over the steps of
    one kind, and the longest of all."""

    lines: int
    fulfilments: int = 0
    steps: int = 0
    events: int = 0
    mean_us: float = 0.0
    edit_us: float = 0.0
    longest_us: float = 0.0
    encode_us: float = 0.0
    replay_us_per_event: float = 0.0
    most_bytes: int = 0
    last_bytes: int = 0


class Life:
    """One order, driven through its life; every decision is timed. With one place it is an ordinary
    order, which is not split."""

    def __init__(self, lines: int, *, places: int = PLACES) -> None:
        named = tuple(
            Place(name=f"P{n:02d}", warehouse=f"w{n:02d}", carrier="ups") for n in range(places)
        )
        self.setup = Setup(channel="shop", storefront="shop", erp="erp", places=named)
        self.order = an_order(lines)
        self.body: Order | None = None
        self.stated: Order | None = None
        self.state: State = INITIAL
        self.now = NOON
        self.events: list[e.OrderEvent] = []
        self.waiting: deque[Intended] = deque()
        self.times: list[float] = []
        self.edits: list[float] = []
        self.encoding: list[float] = []
        self.most = 0

    def give(self, given: i.Input, *, edit: bool = False) -> None:
        """Decide, keep what was decided, and measure both."""
        self.now += timedelta(seconds=1)
        context = Context(
            now=self.now,
            policy=POLICY,
            setup=self.setup,
            channel="shop",
            ref=self.order.ref,
            reference="1" + "0" * 34,
            order=self.body,
            stated=self.stated,
        )
        started = time.perf_counter()
        decision = decide(self.state, given, context)
        ended = time.perf_counter()
        stored = encode_state(decision.state)
        self.encoding.append(time.perf_counter() - ended)
        self.times.append(ended - started)
        if edit:
            self.edits.append(ended - started)
        self.most = max(self.most, len(stored))
        self.state = decision.state
        self.events += decision.events
        self.body = decision.body or self.body
        self.stated = decision.stated or self.stated
        self.waiting += decision.effects

    def answer_all(self, *kinds: type) -> None:
        """Let partners answer what is under way: these kinds alone, or all."""
        for _ in range(len(self.waiting) * 4 + 1_000):
            ready = [x for x in self.waiting if not kinds or isinstance(x.effect, kinds)]
            if not ready:
                return
            self.waiting.remove(ready[0])
            number = ready[0].number
            self.give(i.EffectDone(number=number, result=self.result(ready[0])))

    def result(self, one: Intended) -> f.Result:
        """Return what a partner answers. The first reservation splits the order over all places."""
        match one.effect:
            case f.ReserveStock(place=place, units=units, places=places):
                if one.number == 1 and len(units) * units[0].quantity > 1 and len(places) > 1:
                    return f.StockShort(skus=(units[0].sku,), seen=tuple(split(units, places)))
                return f.StockReserved(place=place)
            case f.PostSalesOrder():
                return f.SalesOrderPosted(erp_id="e", number="S")
            case f.AmendSalesOrder(digest=digest):
                return f.SalesOrderAmended(digest=digest)
            case f.CreateTask():
                return f.TaskCreated(task_id=f"t-{one.key}")
            case f.BuyLabel(parcels=parcels):
                labels = tuple(
                    f.BoughtLabel(parcel=x.parcel, tracking_number=f"1Z{x.parcel}") for x in parcels
                )
                return f.LabelBought(shipment_id=f"S{one.key}", carrier="UPS", labels=labels)
            case f.TrackParcel():
                return f.Tracked(status="delivered")
            case f.PublishFulfilment():
                return f.FulfilmentPublished(outside_ids=(f"gid-{one.key}",))
        return f.Undone()

    def edit(self, count: int) -> None:
        """Let the shop change the order: its customer's telephone, each tenth time a quantity."""
        at = NOON + timedelta(minutes=count + 1)
        customer = Customer(name="Sam", phone=f"20755501{count % 100:02d}")
        lines = self.order.lines
        if count % 10 == 9:
            first = replace(lines[0], quantity=lines[0].quantity + 1)
            lines = (first, *lines[1:])
        stamp = f"{at:%Y-%m-%dT%H:%M:%SZ}"
        self.order = replace(self.order, customer=customer, lines=lines, updated_at=stamp)
        self.give(i.UpdateOrder(order=self.order), edit=True)

    def live(self) -> Figures:
        """Live the whole life."""
        self.begin()
        for count in range(EDITS):
            self.edit(count)
            self.answer_all()
        for _ in range(3):  # what was stopped and planned again is packed in its turn
            for key in list(self.state.fulfilments):
                self.send(key)
        self.deliver()
        return self.figures()

    def begin(self) -> None:
        """Place the order and hand it to its warehouses."""
        self.give(i.PlaceOrder(order=self.order))
        self.answer_all(f.ReserveStock, f.PostSalesOrder, f.CreateTask)

    def deliver(self) -> None:
        """Let every parcel be tracked, and arrive."""
        for key in list(self.state.parcels):
            self.give(i.TimerFired(name="track", key=key))
            self.answer_all()

    def send(self, key: Key) -> None:
        """Let a warehouse pack and hand over one fulfilment."""
        thing = self.state.fulfilments.get(key)
        if thing is None or thing.stage != "released" or thing.stop:
            return
        box = i.ReportedParcel(parcel_id=f"{key}-1", weight_grams=500)
        named = {"ref": self.order.ref, "fulfilment": key, "task_id": thing.task}
        self.give(i.ReportPacked(**named, parcels=(box,)))  # type: ignore[arg-type]  # names are checked there
        self.answer_all()
        self.give(i.ReportHandedOver(**named))  # type: ignore[arg-type]  # as above
        self.answer_all()

    def figures(self) -> Figures:
        """Return what it cost."""
        started = time.perf_counter()
        again = replay(self.events)
        seconds = time.perf_counter() - started
        stored = encode_state(self.state)
        if encode_state(again) != stored:
            raise AssertionError("Replaying the events gives another state.")
        return Figures(
            lines=len(self.order.lines),
            fulfilments=self.state.numbers.get("F", 0),
            steps=len(self.times),
            events=len(self.events),
            mean_us=_mean_us(self.times),
            edit_us=_mean_us(self.edits),
            longest_us=round(max(self.times) * 1e6, 1),
            encode_us=_mean_us(self.encoding),
            replay_us_per_event=round(seconds / len(self.events) * 1e6, 1),
            most_bytes=self.most,
            last_bytes=len(stored),
        )


def an_order(lines: int) -> Order:
    """Return a paid order of so many lines, with units for every place."""
    each = max(1, PLACES // lines)
    goods = tuple(
        Line(
            line_id=f"{13370000000000 + n}", sku=f"SKU-{n:05d}", title=f"Thing {n}", quantity=each,
            unit_price_minor=500, total_minor=500 * each,
        )
        for n in range(lines)
    )  # fmt: skip
    total = sum(line.total_minor for line in goods)
    return Order(
        ref="820982911946154508",
        number="#1042",
        placed_at="2026-11-27T11:59:00Z",
        updated_at="2026-11-27T11:59:00Z",
        currency="USD",
        payment="paid",
        lines=goods,
        totals=Totals(
            subtotal_minor=total, discount_minor=0, shipping_minor=0, tax_minor=0, total_minor=total
        ),
        ship_to=Address(
            name="Sam",
            lines=("12 Oak Street",),
            city="Lexington",
            country="US",
            region="KY",
            postal_code="40502",
        ),
    )


def split(units: tuple[f.Units, ...], places: tuple[str, ...]) -> Iterator[f.Seen]:
    """Yield stock that makes every place send a part."""
    for at, unit in enumerate(units):
        if len(units) == 1:
            yield from (f.Seen(place, unit.sku, 1) for place in places)
        else:
            here = places[at % len(places)]
            yield from (f.Seen(p, unit.sku, unit.quantity if p == here else 0) for p in places)


def _mean_us(times: list[float]) -> float:
    return round(sum(times) / max(1, len(times)) * 1e6, 1)


def main() -> None:
    """Print the figures, as a table or with `--json` as JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    found = [Life(lines).live() for lines in SIZES]
    if options.json:
        json.dump([{n: getattr(x, n) for n in x.__struct_fields__} for x in found], sys.stdout)
        return
    for name in Figures.__struct_fields__:
        print(f"{name:22}" + "".join(f"{getattr(one, name):>12}" for one in found))


if __name__ == "__main__":
    main()
