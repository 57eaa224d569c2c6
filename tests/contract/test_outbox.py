"""One contract for what every journal keeps of effects and timers, and who may write of them."""

from __future__ import annotations

import asyncio
from datetime import datetime

import pytest
from msgspec.structs import replace

from actors.runtime.errors import AppendRefused, LeaseLost
from actors.runtime.ports import EffectNote, RecordedEffect
from schemas.messages.effects import BuyLabel, PublishFulfilment
from schemas.order.ids import partition_of
from schemas.order.things import ORDER, Key
from tests.appends import (
    CARRIER,
    CHANNEL,
    ERP,
    NOON,
    POST,
    RESERVE,
    STOCK,
    THING,
    append,
    id_of,
    minutes,
    reference_of,
)
from tests.contract.stores import ALL, Store, dsn, servers, store

__all__ = ["dsn", "servers", "store"]


async def test_an_open_effect_carries_what_its_call_needs(store: Store) -> None:
    """The dispatcher gets the effect with its thing, its order's names, body, trace and epoch."""
    label = BuyLabel(fulfilment=THING, place="WH1", parcels=())
    change = append("1001", record={1: (CARRIER, label)}, body=b"{}")
    await store.committed(change)
    (found,) = await store.open_effects(CARRIER, due_before=NOON)
    assert (found.order_id, found.number, found.effect) == (id_of("1001"), 1, label)
    assert (found.channel, found.ref, found.key) == (CHANNEL, "1001", THING)
    assert (found.reference, found.partition) == (reference_of("1001"), partition_of("1001"))
    assert (found.lane, found.attempts, found.due_at) == (CARRIER, 0, NOON)
    assert (found.body, found.trace, found.written_by) == (b"{}", change.trace, 1)


async def test_open_effects_come_oldest_first_and_bounded(store: Store) -> None:
    """Each partner's own, due ones only, at most `limit`, without those already in hand."""
    for n in (3, 1, 2):
        change = append(str(n), at=minutes(n), record={1: RESERVE, 2: POST})
        await store.committed(change)
    found = await store.open_effects(STOCK, due_before=minutes(2), limit=9)
    assert [one.ref for one in found] == ["1", "2"]
    in_hand = [(id_of("1"), 1), (id_of("2"), 2)]
    found = await store.open_effects(STOCK, limit=1, exclude=in_hand)
    assert [one.ref for one in found] == ["2"]


@pytest.mark.parametrize("how", ["done", "refused", "person"])
async def test_a_settled_effect_is_no_longer_open(store: Store, how: str) -> None:
    """However an effect ends, it ends with the append that says so; others stay."""
    await store.committed(append("1001", record={1: RESERVE, 2: RESERVE}))
    stale = append("1001", 9, settled=((2, how),))
    assert (await store.journal.append(stale)).kind == "conflict"
    await store.committed(append("1001", 1, settled=((1, how),)))
    assert await store.open_numbers(STOCK) == [2]


async def test_a_sought_effect_is_read_until_its_search_is_over(store: Store) -> None:
    """What a person went on without is looked up at its times, is not counted as open, and a late
    answer ends it like any other."""
    await store.committed(append("1001", record={1: POST, 2: POST, 3: POST}))
    await store.committed(append("1001", 1, settled=((1, "sought"), (2, "sought")), at=minutes(5)))
    found = await store.open_effects(ERP)
    assert [(x.number, x.sought_since) for x in found] == [
        (1, minutes(5)), (2, minutes(5)), (3, None),
    ]  # fmt: skip
    for after, due, numbers in ((600.0, 14, [3]), (600.0, 15, [1, 2, 3]), (None, 99, [3])):
        found = await store.open_effects(ERP, due_before=minutes(due), sought_after_seconds=after)
        assert [one.number for one in found] == numbers
    assert (await store.outbox.effect_counts(ALL))[ERP][0] == 1
    note = EffectNote(order_id=id_of("1001"), number=1, attempts=1, due_at=minutes(20), error="")
    await store.outbox.note(note)
    found = await store.open_effects(ERP, due_before=minutes(19))
    assert [one.number for one in found] == [2, 3]
    await store.outbox.note(replace(note, is_over=True))
    await store.committed(append("1001", 2, settled=((2, "done"),)))
    await store.outbox.note(replace(note, number=2, is_over=True))
    await store.outbox.note(replace(note, number=3, is_over=True))
    assert await store.open_numbers(ERP) == [3]


async def test_a_lane_with_nothing_but_searches_is_known(store: Store) -> None:
    """So that a partner that was removed has a lane, in which they end; none of them is open."""
    await store.committed(append("1001", record={1: POST}))
    await store.committed(append("1001", 1, settled=((1, "sought"),), at=minutes(5)))
    assert await store.outbox.effect_counts(ALL) == {ERP: (0, 0.0)}
    note = EffectNote(order_id=id_of("1001"), number=1, attempts=1, due_at=minutes(9), error="")
    await store.outbox.note(replace(note, is_over=True))
    assert await store.outbox.effect_counts(ALL) == {}


async def test_an_effect_may_start_with_an_attempt(store: Store) -> None:
    """What a person tries again may have acted before: it is looked up first, also after a
    restart."""
    again = RecordedEffect(number=2, key=THING, lane=STOCK, effect=RESERVE[1], attempts=1)
    await store.committed(append("1001", record={1: RESERVE}))
    given_up = append("1001", 1, settled=((1, "person"),), at=minutes(5))
    await store.committed(replace(given_up, effects=(again,)))
    (found,) = await store.open_effects(STOCK, due_before=minutes(9), limit=9)
    assert (found.number, found.attempts, found.due_at) == (2, 1, minutes(5))


async def test_that_a_partner_declined_late_is_remembered(store: Store) -> None:
    """Over a restart, too: whether it may be tried once more is known by the store alone."""
    await store.committed(append("1001", record={1: RESERVE, 2: RESERVE}))
    note = EffectNote(
        order_id=id_of("1001"), number=1, attempts=0, due_at=NOON, error="451", declined=True
    )
    await store.outbox.note(note)
    await store.outbox.note(replace(note, number=2, declined=False))
    assert [one.declined for one in await store.open_effects(STOCK)] == [True, False]


async def test_effects_are_told_apart_by_lane(store: Store) -> None:
    """One noisy shop's backlog is not read for another shop."""
    publish = PublishFulfilment(fulfilment=THING, parcels=())
    await store.committed(append("1001", record={1: ("acme-us", publish)}))
    for lane, numbers in (("acme-us", [1]), ("acme-ca", [])):
        assert await store.open_numbers(lane) == numbers


async def test_what_another_process_holds_is_not_read(store: Store) -> None:
    """Effects, counts and timers are read for the partitions that were asked for alone."""
    other = next(str(n) for n in range(99) if partition_of(str(n)) != partition_of("1001"))
    for ref in ("1001", other):
        timer = (ORDER, f"of {ref}", NOON)
        await store.committed(append(ref, record={1: RESERVE}, set_timers=(timer,)))
    mine = [partition_of(other)]
    assert [one.ref for one in await store.open_effects(STOCK, partitions=mine)] == [other]
    assert await store.due(partitions=mine) == [(ORDER, f"of {other}", NOON)]
    assert (await store.outbox.effect_counts(mine))[STOCK][0] == 1
    assert await store.open_effects(STOCK, partitions=[]) == []
    assert await store.outbox.effect_counts([]) == {}


async def test_an_effect_s_number_is_never_used_for_another(store: Store) -> None:
    """Recording an open effect again is refused whole: it would be sent once instead of twice."""
    await store.committed(append("1001", record={1: RESERVE}))
    with pytest.raises(AppendRefused, match=id_of("1001")):
        await store.journal.append(append("1001", 1, record={1: RESERVE}))
    assert (await store.loaded("1001")).version == 1


async def test_a_note_moves_an_open_effect(store: Store) -> None:
    """Attempts and the next due time are kept; a note about an ended effect changes nothing."""
    await store.committed(append("1001", record={1: RESERVE, 2: RESERVE}))
    notes = [
        EffectNote(order_id=id_of("1001"), number=n, attempts=2, due_at=minutes(7), error="50\x000")
        for n in (1, 2)
    ]
    await store.committed(append("1001", 1, settled=((2, "done"),)))
    await asyncio.gather(*map(store.outbox.note, notes))
    assert await store.open_effects(STOCK, due_before=minutes(6), limit=9) == []
    (found,) = await store.open_effects(STOCK, due_before=minutes(7), limit=9)
    assert (found.number, found.attempts, found.due_at) == (1, 2, minutes(7))


async def test_open_effects_are_counted_by_lane(store: Store) -> None:
    """Every lane with open effects has their number and an age; others are absent."""
    await store.committed(append("1001", record={1: RESERVE, 2: POST, 3: RESERVE}))
    await store.committed(append("1001", 1, settled=((2, "done"),)))
    counts = await store.outbox.effect_counts(ALL)
    assert {lane: count for lane, (count, _) in counts.items()} == {STOCK: 2}
    assert ERP not in counts


async def test_timers_are_set_moved_and_cleared(store: Store) -> None:
    """A timer has one due time by thing and name; setting it again moves it, clearing it ends
    it."""
    parcel = Key("K1")
    timers = ((ORDER, "a", minutes(3)), (parcel, "a", minutes(1)))
    await store.committed(append("1", set_timers=timers))
    await store.committed(append("2", set_timers=((parcel, "a", minutes(2)),)))
    assert await store.due(minutes(3)) == [
        (parcel, "a", minutes(1)),
        (parcel, "a", minutes(2)),
        (ORDER, "a", minutes(3)),
    ]
    never = (Key("K2"), "never set")
    moved = ((ORDER, "a", minutes(9)),)
    await store.committed(append("1", 1, set_timers=moved, clear_timers=((parcel, "a"), never)))
    assert await store.due(exclude=((id_of("2"), parcel, "a"),)) == [(ORDER, "a", minutes(9))]


async def suspended(store: Store, ref: str) -> list[tuple[str, str, datetime]]:
    """Suspend an order's timer that is due, and return what is due then."""
    found = await store.timers.due_timers(
        partitions=ALL, due_before=minutes(60), limit=9, exclude=()
    )
    (timer,) = [one for one in found if one.order_id == id_of(ref)]
    await store.suspensions.suspend_timer(timer, "no one knows\x00 what it means")
    return await store.due()


async def test_a_suspended_timer_is_not_due_until_it_is_resumed(store: Store) -> None:
    """It is set aside alone; other timers stay due, and a newer version may try it once more."""
    for ref in ("1", "2"):
        await store.committed(append(ref, set_timers=((ORDER, ref, NOON),)))
    assert await suspended(store, "1") == [(ORDER, "2", NOON)]
    assert await store.suspensions.resume([]) == 0
    assert await store.suspensions.resume(ALL) == 1
    assert len(await store.due()) == 2


async def test_a_suspended_timer_that_is_set_again_fires(store: Store) -> None:
    """A decision about its thing sets it again, so it may be decided then."""
    await store.committed(append("1", set_timers=((ORDER, "a", NOON),)))
    assert await suspended(store, "1") == []
    await store.committed(append("1", 1, set_timers=((ORDER, "a", minutes(1)),)))
    assert await store.due() == [(ORDER, "a", minutes(1))]


async def test_a_suspended_effect_is_not_open_until_it_is_resumed(store: Store) -> None:
    """It may have acted, so it is looked up when it is taken up again."""
    await store.committed(append("1", record={1: RESERVE, 2: RESERVE}))
    await store.suspensions.suspend_effect(id_of("1"), 1, "its answer can't be decided")
    assert await store.open_numbers(STOCK) == [2]
    assert await store.suspensions.resume(ALL) == 1
    found = await store.open_effects(STOCK, due_before=minutes(10**6))
    assert sorted((one.number, one.attempts) for one in found) == [(1, 1), (2, 0)]


async def test_of_many_open_effects_the_oldest_come_first(store: Store) -> None:
    """What is left undone resumes in the order of its age, however the orders are named."""
    for number, minute in enumerate((4, 1, 5, 3, 0, 2)):
        await store.committed(append(str(number), record={1: RESERVE}, at=minutes(minute)))
    found = await store.open_effects(STOCK, due_before=minutes(9), limit=3)
    assert [one.order_id for one in found] == [id_of("4"), id_of("1"), id_of("5")]


async def test_channels_take_turns_in_what_was_left_open(store: Store) -> None:
    """However much one channel left undone before, the next one's oldest comes second."""
    of = {"loud": (0, 1, 2, 3), "quiet": (7, 5), "calm": (6,)}
    for channel, opened in of.items():
        for minute in opened:
            change = append(f"{channel}-{minute}", record={1: RESERVE}, at=minutes(minute))
            await store.committed(replace(change, row=replace(change.row, channel=channel)))
    found = await store.open_effects(STOCK, due_before=minutes(9), limit=5)
    assert [one.order_id for one in found] == [
        id_of(ref) for ref in ("loud-0", "quiet-5", "calm-6", "loud-1", "quiet-7")
    ]
    assert [one.channel for one in found] == ["loud", "quiet", "calm", "loud", "quiet"]
    found = await store.open_effects(STOCK, due_before=minutes(4), limit=9)
    assert [one.order_id for one in found] == [id_of(f"loud-{minute}") for minute in range(4)]


async def test_a_timer_set_twice_keeps_the_last_time(store: Store) -> None:
    """One append may clear and set, or set twice: what is set last holds."""
    timers = ((ORDER, "a", minutes(1)), (ORDER, "a", minutes(2)))
    await store.committed(append("1", set_timers=timers, clear_timers=((ORDER, "a"),)))
    assert await store.due() == [(ORDER, "a", minutes(2))]


async def test_a_lost_partition_fails_its_own_orders_only(store: Store) -> None:
    """Appends and notes of a partition that another process owns are refused, others go on."""
    await store.committed(append("1", record={1: RESERVE}))
    other = next(str(n) for n in range(2, 99) if partition_of(str(n)) != partition_of("1"))
    store.lose(partition_of("1"))
    answers = await asyncio.gather(
        store.journal.append(append("1", 1)),
        store.journal.append(append(other)),
        return_exceptions=True,
    )
    assert isinstance(answers[0], LeaseLost)
    assert not isinstance(answers[1], BaseException)
    note = EffectNote(order_id=id_of("1"), number=1, attempts=1, due_at=NOON, error="")
    with pytest.raises(LeaseLost):
        await store.outbox.note(note)
    with pytest.raises(LeaseLost):
        await store.suspensions.suspend_effect(id_of("1"), 1, "it is not ours")
