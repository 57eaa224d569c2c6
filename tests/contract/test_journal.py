"""One contract for every journal: Postgres and its twin in memory keep the same promises."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

import pytest
from msgspec.structs import replace

from actors.runtime.errors import AppendRefused, LeaseLost
from actors.runtime.ports import (
    Append,
    Document,
    EffectName,
    EffectNote,
    Journal,
    Loaded,
    OpenEffect,
    Outbox,
    RecordedEffect,
    Suspensions,
    TimerName,
    Timers,
)
from adapters.memory.journal import MemoryJournal
from adapters.postgres.journal import PostgresJournal
from adapters.postgres.leases import Leases
from adapters.postgres.outbox import PostgresOutbox
from adapters.postgres.pool import Pool
from adapters.postgres.suspensions import PostgresSuspensions
from adapters.postgres.timers import PostgresTimers
from schemas.messages.effects import BuyLabel, PublishFulfilment
from schemas.order.ids import PARTITIONS, OrderId, partition_of
from schemas.order.things import ORDER, Key
from service.embedded.supervisor import EmbeddedServers
from tests.appends import (
    CARRIER,
    CHANNEL,
    ERP,
    NOON,
    POST,
    RESERVE,
    SEALING,
    STOCK,
    THING,
    append,
    id_of,
    minutes,
    reference_of,
)
from tests.integration.journals import empty, migrated_database
from tests.integration.servers import servers

__all__ = ["servers"]

ALL = tuple(range(PARTITIONS))
LATER = minutes(60)


@dataclass
class Store:
    """What a backend offers, and how to take a partition from it."""

    journal: Journal
    outbox: Outbox
    timers: Timers
    suspensions: Suspensions
    documents: Callable[[OrderId], Awaitable[list[Document]]]
    lose: Callable[[int], None]

    async def loaded(self, ref: str) -> Loaded:
        """The order as stored; fails the test when there is none."""
        found = await self.journal.load(id_of(ref))
        assert found is not None
        return found

    async def committed(self, change: Append) -> None:
        """Append and expect success."""
        assert (await self.journal.append(change)).kind == "committed"

    async def open_effects(
        self,
        lane: str,
        *,
        due_before: datetime = LATER,
        limit: int = 100,
        exclude: Sequence[EffectName] = (),
        partitions: Sequence[int] = ALL,
    ) -> list[OpenEffect]:
        """A lane's open effects, as the dispatcher gets them."""
        return await self.outbox.open_effects(
            lane, partitions=partitions, due_before=due_before, limit=limit, exclude=exclude
        )

    async def open_numbers(self, lane: str) -> list[int]:
        """The numbers of a lane's open effects."""
        return [one.number for one in await self.open_effects(lane)]

    async def due(
        self,
        before: datetime = LATER,
        *,
        exclude: Sequence[TimerName] = (),
        partitions: Sequence[int] = ALL,
    ) -> list[tuple[str, str, datetime]]:
        """Timers that are due, as key, name and time."""
        found = await self.timers.due_timers(
            partitions=partitions, due_before=before, limit=9, exclude=exclude
        )
        return [(one.key, one.name, one.due_at) for one in found]


@pytest.fixture(scope="module")
def dsn(servers: EmbeddedServers) -> str:
    """A database with our tables."""
    return migrated_database(servers)


@pytest.fixture(params=["memory", "postgres"])
async def store(request: pytest.FixtureRequest) -> AsyncIterator[Store]:
    """A fresh journal of each kind."""
    if request.param == "memory":
        memory = MemoryJournal()
        yield Store(memory, memory, memory, memory, memory.documents, memory.leases.lose)
        return
    dsn = request.getfixturevalue("dsn")
    await empty(dsn)
    pool = Pool(dsn)
    leases = Leases(pool, "test")
    await leases.acquire()
    journal = PostgresJournal(pool, leases, SEALING)
    yield Store(
        journal,
        PostgresOutbox(pool, leases, SEALING),
        PostgresTimers(pool),
        PostgresSuspensions(pool, leases),
        journal.documents,
        lambda partition: leases.report_lost([partition]),
    )
    await leases.release()
    await pool.close()


async def test_a_new_order_is_stored_whole(store: Store) -> None:
    """What was appended comes back: state, version, body and the inputs it has seen."""
    assert await store.journal.load(id_of("1001")) is None
    change = append("1001", count=2, body=b'{"a":1}', stated=b'{"a":2}', inputs=("a", "b"))
    await store.committed(change)
    assert await store.loaded("1001") == Loaded(
        order_id=id_of("1001"),
        reference=reference_of("1001"),
        partition=partition_of("1001"),
        channel=CHANNEL,
        ref="1001",
        stage="placed",
        stage_since=NOON,
        version=2,
        state=b"state 2",
        body=b'{"a":1}',
        stated=b'{"a":2}',
        seen=frozenset({"a", "b"}),
    )
    assert tuple(await store.journal.history(id_of("1001"), 2)) == change.events


async def test_versions_count_events_and_the_body_stays_until_amended(store: Store) -> None:
    """Each append continues where the last ended; without a new body the old one is kept."""
    await store.committed(append("1001", body=b"first"))
    await store.committed(append("1001", 1, count=3))
    kept = await store.loaded("1001")
    assert (kept.version, kept.body) == (4, b"first")
    await store.committed(append("1001", 4, body=b"second"))
    await store.committed(append("1001", 5, stated=b"third"))
    kept = await store.loaded("1001")
    assert (kept.body, kept.stated) == (b"second", b"third")


async def test_an_orders_own_reference_never_changes(store: Store) -> None:
    """It says which key signs the names of the order's things, so it stays as it began."""
    await store.committed(append("1001"))
    await store.committed(replace(append("1001", 1), reference=reference_of("other")))
    assert (await store.loaded("1001")).reference == reference_of("1001")


async def test_history_ends_at_the_version_asked_for(store: Store) -> None:
    """Events that came after the state was read are not part of it."""
    await store.committed(append("1001", count=5))
    assert len(await store.journal.history(id_of("1001"), 3)) == 3
    assert not await store.journal.history(id_of("none"), 3)


async def test_a_known_input_changes_nothing(store: Store) -> None:
    """A repeat is told as duplicate, even among new inputs and at the right version."""
    await store.committed(append("1001", inputs=("a",)))
    before = await store.loaded("1001")
    repeat = append("1001", 1, inputs=("new", "a"), set_timers=((ORDER, "due", NOON),))
    assert (await store.journal.append(repeat)).kind == "duplicate"
    assert await store.loaded("1001") == before
    assert await store.due(NOON) == []


async def test_a_repeat_of_a_landed_append_is_a_duplicate(store: Store) -> None:
    """After an unknown outcome the same append comes again: duplicate, not conflict."""
    change = append("1001")
    await store.committed(change)
    assert (await store.journal.append(change)).kind == "duplicate"


async def test_a_stale_decision_leaves_no_trace(store: Store) -> None:
    """A conflict writes nothing at all, so the same input may be decided again."""
    await store.committed(append("1001"))
    for version in (0, 2):
        change = append(
            "1001",
            version,
            inputs=("late",),
            record={1: RESERVE},
            set_timers=((ORDER, "due", NOON),),
        )
        assert (await store.journal.append(change)).kind == "conflict"
    assert (await store.loaded("1001")).seen == {"in-1001-0"}
    assert await store.open_numbers(STOCK) == []
    assert await store.due(NOON) == []
    await store.committed(append("1001", 1, inputs=("late",)))


async def test_an_unknown_order_can_not_be_continued(store: Store) -> None:
    """A version that was never written conflicts; it doesn't make an order without a beginning."""
    assert (await store.journal.append(append("1001", 7))).kind == "conflict"
    assert await store.journal.load(id_of("1001")) is None


async def test_orders_of_one_commit_don_t_disturb_one_another(store: Store) -> None:
    """Among many concurrent appends each conflict and duplicate concerns its own order only."""
    refs = [str(n) for n in range(40)]
    await asyncio.gather(*(store.committed(append(ref)) for ref in refs))
    changes = [append(ref, 5) if n % 4 == 0 else append(ref, 1) for n, ref in enumerate(refs)]
    changes[1] = append("1", 1, inputs=("in-1-0",))
    outcomes = await asyncio.gather(*map(store.journal.append, changes))
    kinds = ["conflict" if n % 4 == 0 else "committed" for n in range(40)]
    kinds[1] = "duplicate"
    assert [outcome.kind for outcome in outcomes] == kinds
    versions = [(await store.loaded(ref)).version for ref in refs]
    assert versions == [2 if kind == "committed" else 1 for kind in kinds]


async def test_appends_of_one_order_are_taken_one_after_another(store: Store) -> None:
    """Two changes of one order submitted together don't meet in one statement."""
    outcomes = await asyncio.gather(
        *(store.journal.append(append("1001", version)) for version in range(5))
    )
    assert {outcome.kind for outcome in outcomes} == {"committed"}
    assert (await store.loaded("1001")).version == 5


async def test_an_ignored_input_is_remembered(store: Store) -> None:
    """An append without events records its inputs and timers, and the version stays."""
    await store.committed(append("1001"))
    timer = (ORDER, "due", minutes(5))
    quiet = append("1001", 1, count=0, inputs=("x",), set_timers=(timer,))
    await store.committed(quiet)
    assert (await store.journal.append(quiet)).kind == "duplicate"
    kept = await store.loaded("1001")
    assert (kept.version, kept.seen) == (1, frozenset({"in-1001-0", "x"}))
    assert await store.due(minutes(5)) == [timer]


async def test_nothing_decided_about_an_unknown_order_makes_no_order(store: Store) -> None:
    """An input ignored before the order exists is deduplicated, yet no list shows an order."""
    quiet = append("1001", 0, count=0, inputs=("x",))
    await store.committed(quiet)
    assert (await store.journal.append(quiet)).kind == "duplicate"
    assert await store.journal.load(id_of("1001")) is None
    await store.committed(append("1001"))
    late = append("1001", 0, count=0, inputs=("y",))
    assert (await store.journal.append(late)).kind == "conflict"


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


async def test_an_effect_may_start_with_an_attempt(store: Store) -> None:
    """What a person tries again may have acted before: it is looked up first, also after a
    restart."""
    again = RecordedEffect(number=2, key=THING, lane=STOCK, effect=RESERVE[1], attempts=1)
    await store.committed(append("1001", record={1: RESERVE}))
    given_up = append("1001", 1, settled=((1, "person"),), at=minutes(5))
    await store.committed(replace(given_up, effects=(again,)))
    (found,) = await store.open_effects(STOCK, due_before=minutes(9), limit=9)
    assert (found.number, found.attempts, found.due_at) == (2, 1, minutes(5))


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
    """A decision about its thing sets it anew, so it may be decided then."""
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


async def test_it_is_known_since_when_an_order_is_in_its_stage(store: Store) -> None:
    """Only a change of stage moves that time."""
    later = append("1", 2, at=minutes(9))
    for change, since in (
        (append("1"), NOON),
        (append("1", 1, at=minutes(4)), NOON),
        (replace(later, row=replace(later.row, stage="accepted")), minutes(9)),
    ):
        await store.committed(change)
        assert (await store.loaded("1")).stage_since == since


async def test_a_timer_set_twice_keeps_the_last_time(store: Store) -> None:
    """One append may clear and set, or set twice: what is set last holds."""
    timers = ((ORDER, "a", minutes(1)), (ORDER, "a", minutes(2)))
    await store.committed(append("1", set_timers=timers, clear_timers=((ORDER, "a"),)))
    assert await store.due() == [(ORDER, "a", minutes(2))]


async def test_documents_are_kept_by_name(store: Store) -> None:
    """Files come back whole, by name; the same name replaces."""
    zpl = Document(
        name="label-L1", key=Key("L1"), content_type="application/zpl", content=b"^XA\x00^XZ"
    )
    pdf = Document(name="invoice", content_type="application/pdf", content=b"%PDF")
    await store.committed(append("1", documents=(zpl,)))
    await store.committed(append("1", 1, documents=(pdf, zpl)))
    assert await store.documents(id_of("1")) == [pdf, zpl]


async def test_a_poisoned_append_is_refused_alone(store: Store) -> None:
    """One order's unstorable text fails that order's append; the others of its commit are kept."""
    changes = [append(str(n), waiting_for="a\x00b" if n == 3 else "stock") for n in range(9)]
    answers = await asyncio.gather(*map(store.journal.append, changes), return_exceptions=True)
    assert isinstance(answers[3], AppendRefused)
    assert id_of("3") in str(answers[3])
    assert sum(isinstance(answer, Exception) for answer in answers) == 1
    assert await store.journal.load(id_of("3")) is None
    assert (await store.loaded("8")).version == 1


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
