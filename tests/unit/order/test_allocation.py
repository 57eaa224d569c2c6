"""Which place sends what, where places have costs, and when orders wait for all of it."""

from __future__ import annotations

from pathlib import Path

from msgspec.structs import replace

from actors.kernel.setup import Place
from actors.stock.plan import PLAIN, How, OpenLine, Planned, how_of, plan
from schemas.messages import effects as f
from schemas.messages import events as e
from service.settings import load
from service.settings.roles import setup_of
from tests.given import SETUP, Story, a_line, given_placed, order_of

CUPS, JARS = OpenLine(0, "CUP", "parcel", 3), OpenLine(1, "JAR", "parcel", 1)
NEAR, FAR, SLOW = (500, 0, 4), (900, 0, 4), (500, 0, 48)


def seen(**places: str) -> tuple[f.Seen, ...]:
    """What places have: `A="CUP 3, JAR 0"`."""
    rows = [(place, *one.split()) for place, told in places.items() for one in told.split(", ")]
    return tuple(f.Seen(place, sku, int(units)) for place, sku, units in rows)


def placed(how: How, **places: str) -> list[tuple[str, tuple[tuple[int, int], ...]]]:
    """Which place sends what."""
    made = plan((CUPS, JARS), tuple(places), seen(**places), how)
    return [(one.place, one.units) for one in made if not one.waits]


def test_fewest_parcels_come_before_cost() -> None:
    """One dear place that has everything is better than two cheap ones."""
    how = How(costs={"A": (1, 0, 0), "B": (1, 0, 0), "C": (9_000, 99, 99)})
    there = {"A": "CUP 3, JAR 0", "B": "CUP 0, JAR 1", "C": "CUP 3, JAR 1"}
    assert placed(how, **there) == [("C", ((0, 3), (1, 1)))]


def test_then_cost_then_time_then_preference() -> None:
    """Of places that have everything the cheapest sends, of these the one that is soonest, of these
    the preferred one."""
    everything = "CUP 9, JAR 9"
    there = dict.fromkeys("ABC", everything)
    assert placed(How(costs={"A": FAR, "B": NEAR, "C": FAR}), **there)[0][0] == "B"
    assert placed(How(costs={"A": SLOW, "B": NEAR, "C": SLOW}), **there)[0][0] == "B"
    assert placed(How(costs={"A": NEAR, "B": NEAR, "C": NEAR}), **there)[0][0] == "A"


def test_the_greedy_plan_of_before_is_not_the_best_there_is() -> None:
    """Most units first takes three parcels where two do; without costs it stays as it was."""
    lines = [OpenLine(n, f"S{n}", "parcel", 1) for n in range(6)]

    def has(*numbers: int) -> str:
        return ", ".join(f"S{n} {int(n in numbers)}" for n in range(6))

    there = seen(A=has(0, 1, 2), B=has(3, 4, 5), C=has(0, 1, 3, 4))
    costs = dict.fromkeys("ABC", (100, 0, 0))
    assert len(plan(lines, "ABC", there)) == 3
    weighed = plan(lines, "ABC", there, How(costs=costs))
    assert [one.place for one in weighed] == ["A", "B"]


def test_what_is_not_counted_is_always_there_and_the_rest_waits() -> None:
    """With costs as without."""
    how = How(costs={"A": NEAR, "B": FAR})
    made = plan((CUPS, JARS), "AB", seen(A="CUP -1, JAR 0", B="CUP 1, JAR 0"), how)
    assert made == (
        Planned("A", "parcel", ((0, 3),)), Planned("A", "parcel", ((1, 1),), waits=True),
    )  # fmt: skip


def test_all_of_it_waits_where_that_is_wanted() -> None:
    """Unless together the places have everything."""
    for costs in ({}, {"A": NEAR, "B": FAR}):
        how = How(costs=costs, whole=True)
        made = plan((CUPS, JARS), "AB", seen(A="CUP 3, JAR 0", B="CUP 0, JAR 0"), how)
        assert made == (Planned("A", "parcel", ((0, 3), (1, 1)), waits=True),)
        assert len(placed(how, A="CUP 3, JAR 0", B="CUP 0, JAR 1")) == 2


def test_the_settings_say_how(tmp_path: Path) -> None:
    """Costs and hours of places, and what a channel's orders wait for."""
    config = tmp_path / "orderwright.toml"
    config.write_text(
        '[channels.shop]\nkind = "canonical"\nwhen_short = "whole"\n'
        '[places.east]\nwarehouse = ""\ncarrier = ""\nparcel_cost_minor = 450\n'
        "unit_cost_minor = 20\nleaves_after_hours = 24\n"
        '[places.west]\nwarehouse = ""\ncarrier = ""\n'
    )
    how = how_of(setup_of(load({}, config), "shop"))
    assert how == How(costs={"east": (450, 20, 24), "west": (0, 0, 0)}, whole=True)
    assert how_of(SETUP) == PLAIN


def test_an_order_waits_for_all_of_it() -> None:
    """The place has one of two lines: nothing leaves, and both wait together."""
    setup = replace(SETUP, when_short="whole")
    order = order_of(a_line("1", 2), a_line("2", 1))
    story = given_placed(Story(setup=setup), lines=order.lines, totals=order.totals)
    short = f.StockShort(
        skus=("SKU-2",), seen=(f.Seen("WH1", "SKU-1", 9), f.Seen("WH1", "SKU-2", 0))
    )
    story.done(f.ReserveStock, short)
    assert [type(x) for x in story.events if isinstance(x, e.Backordered | e.StockReplanned)] == [
        e.Backordered
    ]
    assert [x.stage for x in story.state.fulfilments.values()] == ["short"]


def test_an_order_leaves_from_the_cheapest_places() -> None:
    """A place that is out of stock hands over to the cheaper of the others."""
    places = tuple(
        Place(name=name, warehouse="wms", parcel_minor=cost)
        for name, cost in (("WH1", 1), ("WH2", 900), ("WH3", 500))
    )
    story = given_placed(Story(setup=replace(SETUP, places=places)))
    skus = ("SKU-1", "SKU-2")
    have = [f.Seen(p.name, sku, 0 if p.name == "WH1" else 9) for p in places for sku in skus]
    story.done(f.ReserveStock, f.StockShort(skus=skus, seen=tuple(have)))
    assert [x.place for x in story.state.fulfilments.values()] == ["WH3"]
