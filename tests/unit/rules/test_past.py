"""Rules tried on orders of the past: what would differ, what never decides, what can't be asked."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import datetime
from typing import Any

from msgspec.structs import replace

from actors.kernel.setup import Place
from actors.rules.compiled import NO_RULES, Compiled
from adapters.postgres.past import PastOrder
from schemas.contracts.rules import Rule, Rules
from schemas.messages.rule_events import RulesDecided
from schemas.order.canonical import Order
from schemas.order.ids import OrderId
from schemas.order.world import History, World
from service.rules.past import Fired, Homes, Sample, backtest, coverage
from tests.given import NOON, SETUP, an_order

RULES = Rules(
    route=(
        Rule(name="big", when="units > 5", place="east"),
        Rule(name="all", when="true", place="west"),
        Rule(name="late", when="units > 3", place="north"),
    ),
    review=(Rule(name="never", when="channel == 'other'", hold="look"),),
)


class Kept:
    """Orders that are kept in memory, two a page; None for one that was erased."""

    def __init__(self, *orders: Order | None, **decided: RulesDecided) -> None:
        self._decided = {f"#{name[1:]}": one for name, one in decided.items()}
        self._orders = [
            PastOrder(OrderId(str(at)), "acme-us", f"#{at}", order)
            for at, order in enumerate(orders)
        ]

    async def pages(
        self, since: datetime, *, decided: bool = False
    ) -> AsyncIterator[list[PastOrder]]:
        """Yield pages."""
        assert since == NOON
        for at in range(0, len(self._orders), 2):
            page = self._orders[at : at + 2]
            yield [replace(x, decided=self._decided.get(x.number)) if decided else x for x in page]


def of_units(count: int) -> Order:
    """Return an order of so many units."""
    order = an_order()
    return replace(order, lines=(replace(order.lines[0], quantity=count),))


PAST: Any = Kept(of_units(1), of_units(4), None, of_units(9), of_units(9))
HOMES = Homes({"acme-us": SETUP})


async def test_what_would_differ_is_counted_and_shown() -> None:
    """By what would differ, with samples; an erased order is not evaluable, and never guessed."""
    told: list[int] = []
    new = Compiled(Rules(route=RULES.route))
    found = await backtest(PAST, HOMES, NO_RULES, new, NOON, told.append)
    assert (found.orders, found.differ, found.not_evaluable) == (5, 4, 1)
    assert found.changes == (
        ("nothing → route: place west", 2),
        ("nothing → route: place east", 2),
    )
    assert found.samples[0] == Sample("#0", "acme-us", "nothing", "route: place west")
    assert told == [2, 4, 5]
    same = await backtest(PAST, HOMES, new, new, NOON, told.append)
    assert same.differ == 0


async def test_what_it_would_cost_or_save_is_summed() -> None:
    """Of orders that would leave from another place, by what a parcel and its units cost from each;
    a place without a cost is not compared, and an order that goes the same way costs the same."""
    setup = replace(
        SETUP,
        places=(
            Place(name="west", parcel_minor=500, unit_minor=20),
            Place(name="east", parcel_minor=300), Place(name="north"),
        ),
    )  # fmt: skip
    homes = Homes({"acme-us": setup})
    found = await backtest(
        PAST, homes, NO_RULES, Compiled(Rules(route=RULES.route)), NOON, _unheard
    )
    assert (found.costed, found.cost_minor) == (2, 2 * (300 - (500 + 9 * 20)))
    north = Rules(route=(Rule(name="north", when="true", place="north"),))
    found = await backtest(PAST, homes, NO_RULES, Compiled(north), NOON, _unheard)
    assert (found.differ, found.costed, found.cost_minor) == (4, 0, 0)


def _unheard(done: int) -> None:
    """No one looks at the progress."""


async def test_each_rule_is_counted_alone_and_as_it_decides() -> None:
    """Never, always and shadowed are told apart, and no match is counted for each set."""
    found = await coverage(PAST, HOMES, Compiled(RULES), NOON, lambda _: None)
    assert {x.rule: x for x in found.rules} == {
        "big": Fired(set="route", rule="big", matched=2, decided=2, verdict=""),
        "all": Fired(set="route", rule="all", matched=4, decided=2, verdict="always"),
        "late": Fired(set="route", rule="late", matched=3, decided=0, verdict="shadowed"),
        "never": Fired(set="review", rule="never", matched=0, decided=0, verdict="never"),
    }
    assert found.unmatched == {"review": 4, "route": 0}
    assert (found.orders, found.not_evaluable) == (5, 1)


def decided(orders: int | None, *asked: str) -> RulesDecided:
    """Return a decision that knew of so many orders."""
    world = World(customer=History(orders=orders), asked=asked)
    return RulesDecided(rule="rules", version=1, world=world)


async def test_facts_of_the_world_are_those_of_the_decision() -> None:
    """What was recorded then is taken; an order of which nothing was asked is not evaluable, and
    one whose customer no one knew is asked without the fact."""
    past: Any = Kept(
        *(of_units(1) for _ in range(4)),
        n0=decided(0, "customer"),
        n1=decided(7, "customer"),
        n2=decided(None, "customer"),
        n3=decided(None),
    )
    first = "has(customer.orders) && customer.orders == 0"
    new = Compiled(Rules(review=(Rule(name="first", when=first, hold="a first"),)))
    found = await backtest(past, HOMES, NO_RULES, new, NOON, lambda _: None)
    assert (found.orders, found.differ, found.not_evaluable) == (4, 1, 1)
    assert [x.number for x in found.samples] == ["#0"]
    fired = await coverage(past, HOMES, new, NOON, lambda _: None)
    assert (fired.rules[0].matched, fired.not_evaluable) == (1, 1)
