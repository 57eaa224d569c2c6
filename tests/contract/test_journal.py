"""One contract for every journal: Postgres and its twin in memory keep the same promises."""

from __future__ import annotations

import asyncio

import pytest
from msgspec.structs import replace

from actors.runtime.errors import AppendRefused
from actors.runtime.ports import Document, Loaded
from schemas.messages import events as e
from schemas.order.ids import partition_of
from schemas.order.things import ORDER, Key
from tests.appends import (
    CHANNEL,
    NOON,
    RESERVE,
    STOCK,
    append,
    id_of,
    minutes,
    reference_of,
)
from tests.contract.stores import Store, dsn, servers, store

__all__ = ["dsn", "servers", "store"]


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
        progress="0 of 1",
        progress_since=NOON,
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


async def test_it_is_known_since_when_an_order_is_that_far(store: Store) -> None:
    """Only a change of progress moves that time."""
    later = append("1", 2, at=minutes(9))
    for change, since in (
        (append("1"), NOON),
        (append("1", 1, at=minutes(4)), NOON),
        (replace(later, row=replace(later.row, progress="1 of 1")), minutes(9)),
    ):
        await store.committed(change)
        assert (await store.loaded("1")).progress_since == since


async def test_documents_are_kept_by_name(store: Store) -> None:
    """Files come back whole, by name; the same name replaces."""
    zpl = Document(
        name="label-L1", key=Key("L1"), content_type="application/zpl", content=b"^XA\x00^XZ"
    )
    pdf = Document(name="invoice", content_type="application/pdf", content=b"%PDF")
    await store.committed(append("1", documents=(zpl,)))
    await store.committed(append("1", 1, documents=(pdf, zpl)))
    assert await store.documents(id_of("1")) == [pdf, zpl]


@pytest.mark.parametrize("where", ["row", "event"])
async def test_a_poisoned_append_is_refused_alone(store: Store, where: str) -> None:
    """One order's unstorable text fails that order's append; the others of its commit are kept."""
    changes = [append(str(n)) for n in range(9)]
    if where == "row":
        changes[3] = append("3", waiting_for="a\x00b")
    else:
        half = e.Held(rule="hold", hold_id="short", reason="half of a \ud83d")
        changes[3] = replace(changes[3], events=(*changes[3].events, half))
    answers = await asyncio.gather(*map(store.journal.append, changes), return_exceptions=True)
    assert isinstance(answers[3], AppendRefused)
    assert id_of("3") in str(answers[3])
    assert sum(isinstance(answer, Exception) for answer in answers) == 1
    assert await store.journal.load(id_of("3")) is None
    assert (await store.loaded("8")).version == 1
