"""One contract for every journal: what an append reserves itself, it reserves or is not written."""

from __future__ import annotations

import asyncio

import pytest

from actors.runtime.errors import LeaseLost
from actors.runtime.partner import Call
from actors.runtime.ports import Append
from schemas.messages.effects import ReserveStock, StockReserved, StockShort, Units
from schemas.order.ids import partition_of
from tests.appends import CHANNEL, ERP, POST, STOCK, THING, append, id_of, reference_of
from tests.contract.stores import MAIN, Store, dsn, servers, store

__all__ = ["dsn", "servers", "store"]


def reserve(wanted: dict[str, int], place: str = MAIN) -> ReserveStock:
    """What is asked, each SKU as a line of its own."""
    units = tuple(Units(f"line {sku}", sku, count) for sku, count in wanted.items())
    return ReserveStock(place=place, units=units, places=(place, MAIN))


def reserving(
    ref: str,
    wanted: dict[str, int],
    version: int = 0,
    *,
    inside: bool = True,
    inputs: tuple[str, ...] | None = None,
    place: str = MAIN,
) -> Append:
    """An append that asks for stock with its first effect, and reserves it itself."""
    return append(
        ref,
        version,
        count=2,
        inputs=inputs,
        record={1: (STOCK, reserve(wanted, place)), 2: POST},
        settled=((1, "done"),) if inside else (),
        inside=((1, "done:1"),) if inside else (),
    )


def call(ref: str, wanted: dict[str, int], place: str = MAIN) -> Call:
    """The same, asked of the partner."""
    return Call(
        order_id=id_of(ref),
        channel=CHANNEL,
        ref=ref,
        key=THING,
        reference=reference_of(ref),
        order_reference=reference_of(ref),
        number=1,
        effect=reserve(wanted, place),
        order=None,
        idempotency_key=f"reserve-{ref}",
        attempt=0,
    )


async def test_what_is_reserved_inside_has_ended_with_the_append(store: Store) -> None:
    """The units are taken, the reply is one of the inputs seen, and no lane is offered the effect;
    what else was asked is open."""
    await store.put({"A": 5, "B": 5})
    await store.committed(reserving("1001", {"A": 2, "B": 1}))
    assert await store.free() == {"A": 3, "B": 4}
    assert (await store.loaded("1001")).seen == {"in-1001-0", "done:1"}
    assert (await store.open_numbers(STOCK), await store.open_numbers(ERP)) == ([], [2])
    again = append("1001", 2, inputs=("done:1",))
    assert (await store.journal.append(again)).kind == "duplicate"
    assert await store.stock.look_up(call("1001", {"A": 2, "B": 1})) == StockReserved(place=MAIN)


async def test_without_stock_nothing_of_the_append_is_written(store: Store) -> None:
    """All or nothing, of the order as of its lines. Then the same decision without the reservation
    is taken, and the partner says what is short."""
    await store.put({"A": 5, "B": 0})
    wanted = {"A": 2, "B": 1}
    assert (await store.journal.append(reserving("1001", wanted))).kind == "short"
    assert await store.journal.load(id_of("1001")) is None
    assert await store.free() == {"A": 5, "B": 0}
    await store.committed(reserving("1001", wanted, inside=False))
    assert await store.open_numbers(STOCK) == [1]
    answer = await store.stock.perform(call("1001", wanted))
    assert isinstance(answer, StockShort)
    assert answer.skus == ("B",)
    assert await store.free() == {"A": 5, "B": 0}


async def test_a_sku_that_is_not_counted_holds_nothing_up(store: Store) -> None:
    """What has no figure is reserved inside as well, and found there."""
    await store.committed(reserving("1001", {"NEW": 7}))
    assert await store.free() == {}
    assert await store.stock.look_up(call("1001", {"NEW": 7})) == StockReserved(place=MAIN)


async def test_a_sku_that_is_counted_elsewhere_is_not_there(store: Store) -> None:
    """What one place counts, another one that does not has none of; what no place counts is not
    held up beside it."""
    await store.put({"A": 5})
    there = {"A": 1, "NEW": 2}
    assert (await store.journal.append(reserving("1001", there, place="west"))).kind == "short"
    await store.committed(reserving("1001", there, inside=False, place="west"))
    answer = await store.stock.perform(call("1001", there, "west"))
    assert isinstance(answer, StockShort)
    assert answer.skus == ("A",)
    assert {(x.place, x.sku): x.available for x in answer.seen} == {
        ("west", "A"): 0, ("west", "NEW"): -1, (MAIN, "A"): 5, (MAIN, "NEW"): -1,
    }  # fmt: skip
    assert await store.free() == {"A": 5}
    await store.committed(reserving("1002", {"NEW": 2}, place="west"))


async def test_a_repeat_reserves_once(store: Store) -> None:
    """After an unknown outcome the same append comes again, also twice at once."""
    await store.put({"A": 5})
    change = reserving("1001", {"A": 2})
    await store.committed(change)
    outcomes = await asyncio.gather(*(store.journal.append(change) for _ in range(2)))
    assert [outcome.kind for outcome in outcomes] == ["duplicate"] * 2
    assert await store.free() == {"A": 3}


async def test_a_known_input_reserves_nothing(store: Store) -> None:
    """A repeat among what is new leaves the stock alone."""
    await store.put({"A": 5})
    await store.committed(append("1001", inputs=("a",)))
    repeat = reserving("1001", {"A": 2}, 1, inputs=("new", "a"))
    assert (await store.journal.append(repeat)).kind == "duplicate"
    assert await store.free() == {"A": 5}


@pytest.mark.parametrize("version", [0, 1])
async def test_a_stale_decision_is_a_conflict_and_reserves_nothing(
    store: Store, version: int
) -> None:
    """It numbers its effects as others are, so it bears the id of a reply that was heard: that must
    not make its own, new input a repeat."""
    await store.put({"A": 5})
    await store.committed(reserving("1001", {"A": 1}))
    stale = reserving("1001", {"A": 2}, version, inputs=("another delivery",))
    assert (await store.journal.append(stale)).kind == "conflict"
    assert await store.free() == {"A": 4}
    assert "another delivery" not in (await store.loaded("1001")).seen


async def test_a_lost_lease_reserves_nothing(store: Store) -> None:
    """Who may not write the order may not take its goods either."""
    await store.put({"A": 5})
    store.lose(partition_of("1001"))
    with pytest.raises(LeaseLost):
        await store.journal.append(reserving("1001", {"A": 2}))
    assert await store.free() == {"A": 5}


async def test_who_comes_first_is_served_and_no_other_order_is_disturbed(store: Store) -> None:
    """Of two orders of one commit only one fits: the other is told so. Those that need something
    else, or nothing, are written."""
    await store.put({"A": 3, "B": 100})
    changes = [
        reserving("1", {"A": 2}),
        reserving("2", {"B": 1, "A": 2}),
        *(reserving(str(n), {"B": 2}) for n in range(3, 20)),
        append("20"),
    ]
    outcomes = await asyncio.gather(*map(store.journal.append, changes))
    assert [outcome.kind for outcome in outcomes] == ["committed", "short", *["committed"] * 18]
    assert await store.free() == {"A": 1, "B": 66}
    assert await store.journal.load(id_of("2")) is None
