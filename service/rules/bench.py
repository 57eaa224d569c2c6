"""What rules cost for one order, measured on this machine."""

from __future__ import annotations

from time import perf_counter

import msgspec
from msgspec import Struct

from actors.rules.compiled import Compiled
from schemas.contracts.rules import SETS, Rule, Rules, SetName
from schemas.order.canonical import Address, Line, Order, Totals

SIZES = (10, 50, 200)
ROUNDS = 2_000

_CONDITIONS = (
    "order.totals.total_minor > {n}00000 && order.currency == 'USD'",
    "has(order.ship_to) && order.ship_to.country in ['DE', 'FR', 'IT'] && units > {n}",
    "order.lines.exists(l, l.quantity > {n} && l.weight_grams > 1000)",
    "order.payment == 'authorized' && order.totals.discount_minor > {n}00",
    "placed_weekday == 7 && size(order.lines) > {n}",
    "order.subscription_ref != '' && order.totals.total_minor < {n}00",
)


class Cost(Struct, frozen=True):
    """What so many rules cost for one order, in microseconds, and how long they took to compile."""

    rules: int
    microseconds: float
    compile_milliseconds: float


def rules_of(count: int) -> Rules:
    """Return so many rules over all sets, of the kinds that sellers write; none matches the order
    that is asked about, so that every one is asked."""
    sets: dict[SetName, list[Rule]] = {name: [] for name in SETS}
    for at in range(count):
        name = SETS[at % len(SETS)]
        when = _CONDITIONS[at // len(SETS) % len(_CONDITIONS)].format(n=at + 10)
        sets[name].append(Rule(name=f"rule-{at}", when=when, tag=f"t{at}"))
    return msgspec.convert(sets, Rules)


def an_order() -> Order:
    """Return an ordinary order of three lines."""
    lines = tuple(
        Line(
            line_id=str(at),
            sku=f"SKU-{at}",
            title="Thing",
            quantity=at,
            unit_price_minor=1_500,
            total_minor=1_500 * at,
        )
        for at in (1, 2, 3)
    )
    totals = Totals(
        subtotal_minor=9_000, discount_minor=0, shipping_minor=500, tax_minor=0, total_minor=9_500
    )
    to = Address(name="A", lines=("Main Street 1",), city="Louisville", country="US", region="KY")
    return Order(
        ref="1", number="1", placed_at="2026-11-27T12:00:00Z", updated_at="2026-11-27T12:00:00Z",
        currency="USD", payment="paid", lines=lines, totals=totals, ship_to=to,
    )  # fmt: skip


def measure() -> list[Cost]:
    """Measure each size; the best of five, because others use the machine as well."""
    order = an_order()
    found = []
    for size in SIZES:
        begun = perf_counter()
        compiled = Compiled(rules_of(size), 1)
        made = perf_counter() - begun
        best = min(_round(compiled, order) for _ in range(5))
        found.append(Cost(size, best * 1e6, made * 1e3))
    return found


def _round(compiled: Compiled, order: Order) -> float:
    begun = perf_counter()
    for _ in range(ROUNDS):
        compiled.decide(order, "acme-us", "home")
    return (perf_counter() - begun) / ROUNDS
