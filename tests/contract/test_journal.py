"""One contract for every journal: Postgres and its twin in memory keep the same promises."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass

import pytest
from msgspec.structs import replace

from actors.runtime.errors import AppendRefused, LeaseLost
from actors.runtime.ports import (
    Append,
    Document,
    EffectNote,
    Journal,
    Loaded,
    Outbox,
    RecordedEffect,
    Timers,
)
from adapters.memory.journal import MemoryJournal
from adapters.postgres.journal import PostgresJournal
from adapters.postgres.leases import Leases
from adapters.postgres.outbox import PostgresOutbox
from adapters.postgres.pool import Pool
from adapters.postgres.timers import PostgresTimers
from schemas.messages.effects import CARRIER, ERP, STOCK, BuyLabel, PublishFulfilment
from schemas.order.ids import OrderId, partition_of
from service.embedded.supervisor import EmbeddedServers
from tests.appends import (
    CHANNEL,
    NOON,
    POST,
    RESERVE,
    SEALING,
    append,
    correlation_id_of,
    id_of,
    minutes,
)
from tests.integration.journals import empty, migrated_database
from tests.integration.servers import servers

__all__ = ["servers"]


@dataclass
class Store:
    """What a backend offers, and how to take a partition from it."""

    journal: Journal
    outbox: Outbox
    timers: Timers
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

    async def open_numbers(self, partner: str) -> list[int]:
        """The numbers of a partner's open effects, as the dispatcher gets them."""
        found = await self.outbox.open_effects(
            partner, due_before=minutes(60), limit=100, exclude=()
        )
        return [one.number for one in found]


@pytest.fixture(scope="module")
def dsn(servers: EmbeddedServers) -> str:
    """A database with our tables."""
    return migrated_database(servers)


@pytest.fixture(params=["memory", "postgres"])
async def store(request: pytest.FixtureRequest) -> AsyncIterator[Store]:
    """A fresh journal of each kind."""
    if request.param == "memory":
        memory = MemoryJournal()
        yield Store(memory, memory, memory, memory.documents, memory.lost.add)
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
        journal.documents,
        lambda partition: leases.report_lost([partition]),
    )
    await leases.release()
    await pool.close()


async def test_a_new_order_is_stored_whole(store: Store) -> None:
    """What was appended comes back: state, version, body and the inputs it has seen."""
    assert await store.journal.load(id_of("1001")) is None
    await store.committed(append("1001", count=2, body=b'{"a":1}', inputs=("a", "b")))
    assert await store.loaded("1001") == Loaded(
        order_id=id_of("1001"),
        version=2,
        state=b"state 2",
        body=b'{"a":1}',
        seen=frozenset({"a", "b"}),
        stage_since=NOON,
    )


async def test_versions_count_events_and_the_body_stays_until_amended(store: Store) -> None:
    """Each append continues where the last ended; without a new body the old one is kept."""
    await store.committed(append("1001", body=b"first"))
    await store.committed(append("1001", 1, count=3))
    kept = await store.loaded("1001")
    assert (kept.version, kept.body) == (4, b"first")
    await store.committed(append("1001", 4, body=b"second"))
    assert (await store.loaded("1001")).body == b"second"


async def test_a_known_input_changes_nothing(store: Store) -> None:
    """A repeat is told as duplicate, even among new inputs and at the right version."""
    await store.committed(append("1001", inputs=("a",)))
    before = await store.loaded("1001")
    repeat = append("1001", 1, inputs=("new", "a"), set_timers=(("due", NOON),))
    assert (await store.journal.append(repeat)).kind == "duplicate"
    assert await store.loaded("1001") == before
    assert await store.timers.due_timers(due_before=NOON, limit=9, exclude=()) == []


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
            "1001", version, inputs=("late",), record={1: RESERVE}, set_timers=(("due", NOON),)
        )
        assert (await store.journal.append(change)).kind == "conflict"
    assert (await store.loaded("1001")).seen == {"in-1001-0"}
    assert await store.open_numbers(STOCK) == []
    assert await store.timers.due_timers(due_before=NOON, limit=9, exclude=()) == []
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
    timer = ("due", minutes(5))
    quiet = append("1001", 1, count=0, inputs=("x",), set_timers=(timer,))
    await store.committed(quiet)
    assert (await store.journal.append(quiet)).kind == "duplicate"
    kept = await store.loaded("1001")
    assert (kept.version, kept.seen) == (1, frozenset({"in-1001-0", "x"}))
    assert len(await store.timers.due_timers(due_before=minutes(5), limit=9, exclude=())) == 1


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
    """The dispatcher gets the effect with its order's names, body, trace and epoch."""
    label = BuyLabel(parcels=())
    change = append("1001", record={1: label}, body=b"{}")
    await store.committed(change)
    (found,) = await store.outbox.open_effects(CARRIER, due_before=NOON, limit=9, exclude=())
    assert (found.order_id, found.number, found.effect) == (id_of("1001"), 1, label)
    assert (found.channel, found.ref) == (CHANNEL, "1001")
    assert found.correlation_id == correlation_id_of("1001")
    assert (found.partner, found.attempts, found.due_at) == (CARRIER, 0, NOON)
    assert (found.body, found.trace, found.written_by) == (b"{}", change.trace, 1)


async def test_open_effects_come_oldest_first_and_bounded(store: Store) -> None:
    """Each partner's own, due ones only, at most `limit`, without those already in hand."""
    for n in (3, 1, 2):
        change = append(str(n), at=minutes(n), record={1: RESERVE, 2: POST})
        await store.committed(change)
    found = await store.outbox.open_effects(STOCK, due_before=minutes(2), limit=9, exclude=())
    assert [one.ref for one in found] == ["1", "2"]
    in_hand = [(id_of("1"), 1), (id_of("2"), 2)]
    found = await store.outbox.open_effects(STOCK, due_before=minutes(9), limit=1, exclude=in_hand)
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
    """What a person has tried again may have acted before: it is looked up first, also after a
    restart."""
    again = RecordedEffect(number=2, effect=RESERVE, attempts=1)
    await store.committed(append("1001", record={1: RESERVE}))
    given_up = append("1001", 1, settled=((1, "person"),), at=minutes(5))
    await store.committed(replace(given_up, effects=(again,)))
    (found,) = await store.outbox.open_effects(STOCK, due_before=minutes(9), limit=9, exclude=())
    assert (found.number, found.attempts, found.due_at) == (2, 1, minutes(5))


async def test_a_storefront_s_effects_are_told_apart_by_channel(store: Store) -> None:
    """One noisy shop's backlog is not read for another shop."""
    publish = PublishFulfilment(tracking_number="1Z", carrier="UPS")
    await store.committed(append("1001", record={1: publish}))
    for lane, numbers in (("storefront:acme-us", [1]), ("storefront:acme-ca", [])):
        found = await store.outbox.open_effects(lane, due_before=NOON, limit=9, exclude=())
        assert [effect.number for effect in found] == numbers


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
    assert await store.outbox.open_effects(STOCK, due_before=minutes(6), limit=9, exclude=()) == []
    (found,) = await store.outbox.open_effects(STOCK, due_before=minutes(7), limit=9, exclude=())
    assert (found.number, found.attempts, found.due_at) == (1, 2, minutes(7))


async def test_open_effects_are_counted_by_partner(store: Store) -> None:
    """Every partner with open effects has their number and an age; others are absent."""
    await store.committed(append("1001", record={1: RESERVE, 2: POST, 3: RESERVE}))
    await store.committed(append("1001", 1, settled=((2, "done"),)))
    counts = await store.outbox.effect_counts()
    assert {partner: count for partner, (count, _) in counts.items()} == {STOCK: 2}
    assert ERP not in counts


async def test_timers_are_set_moved_and_cleared(store: Store) -> None:
    """A timer has one due time by name; setting it again moves it, clearing it ends it."""
    await store.committed(append("1", set_timers=(("a", minutes(3)), ("b", minutes(1)))))
    await store.committed(append("2", set_timers=(("a", minutes(2)),)))
    due = await store.timers.due_timers(due_before=minutes(3), limit=9, exclude=())
    assert [(one.order_id, one.name, one.due_at) for one in due] == [
        (id_of("1"), "b", minutes(1)),
        (id_of("2"), "a", minutes(2)),
        (id_of("1"), "a", minutes(3)),
    ]
    moved = append("1", 1, set_timers=(("a", minutes(9)),), clear_timers=("b", "never set"))
    await store.committed(moved)
    due = await store.timers.due_timers(
        due_before=minutes(9), limit=9, exclude=((id_of("2"), "a"),)
    )
    assert [(one.name, one.due_at) for one in due] == [("a", minutes(9))]


async def test_of_many_open_effects_the_oldest_come_first(store: Store) -> None:
    """What is left undone resumes in the order of its age, however the orders are named."""
    for number, minute in enumerate((4, 1, 5, 3, 0, 2)):
        await store.committed(append(str(number), record={1: RESERVE}, at=minutes(minute)))
    found = await store.outbox.open_effects(STOCK, due_before=minutes(9), limit=3, exclude=())
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
    timers = (("a", minutes(1)), ("a", minutes(2)))
    await store.committed(append("1", set_timers=timers, clear_timers=("a",)))
    due = await store.timers.due_timers(due_before=minutes(9), limit=9, exclude=())
    assert [one.due_at for one in due] == [minutes(2)]


async def test_documents_are_kept_by_name(store: Store) -> None:
    """Files come back whole, by name; the same name replaces."""
    zpl = Document(name="label", content_type="application/zpl", content=b"^XA\x00^XZ")
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
