"""The quarantine on a real Postgres: whole, once, visible, bounded."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime, timedelta

import msgspec
import pytest
from msgspec.structs import replace

import adapters.postgres.quarantine
from actors.runtime.errors import JournalUnavailable, QuarantineFull
from actors.runtime.ports import Quarantined
from adapters.postgres import quarantine_room
from adapters.postgres.migrate import migrate
from adapters.postgres.pool import Pool
from adapters.postgres.quarantine import PostgresQuarantine, fingerprint_of
from adapters.postgres.quarantine_workflow import (
    Filter,
    HeldItem,
    ListedItem,
    QuarantineWorkflow,
)
from service.app import housekeeping
from service.app.clock import SystemClock
from tests.appends import SEALING

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
NASTY = b'{"note": "\x00 \\ud800 \xff", "note": 1e400000}'


@pytest.fixture
async def pool(database: str) -> AsyncIterator[Pool]:
    await migrate(database)
    pool = Pool(database, deadline_seconds=10)
    yield pool
    await pool.close()


@pytest.fixture
def quarantine(pool: Pool) -> PostgresQuarantine:
    return PostgresQuarantine(pool, SEALING)


@pytest.fixture
def workflow(pool: Pool) -> QuarantineWorkflow:
    return QuarantineWorkflow(pool, SEALING)


def item(
    number: int, *, reason: str = "json_malformed", at: datetime = NOW, original: bytes = NASTY
) -> Quarantined:
    return Quarantined(
        delivery_id=f"delivery-{number}",
        channel="acme-us",
        kind="place",
        ref=str(number),
        source="shopify",
        reason=reason,
        sentences=("At line 1 the text ends too early.", "Send it again, whole."),
        headers={"X-Shopify-Topic": "orders/create"},
        original=original,
        at=at,
    )


def numbers(items: Sequence[ListedItem | HeldItem]) -> list[int]:
    """The numbers that the items were made with."""
    return [int(one.delivery_id.removeprefix("delivery-")) for one in items]


async def test_what_was_refused_is_kept_whole_and_once(
    quarantine: PostgresQuarantine, workflow: QuarantineWorkflow
) -> None:
    """The original comes back byte by byte; a thousand repeats of a delivery are one item."""
    await asyncio.gather(*(quarantine.keep(item(1)) for _ in range(1_000)))
    (listed,) = await workflow.find(Filter())
    assert listed.size_bytes == len(NASTY)
    assert listed.sentences == item(1).sentences
    shown = await workflow.item(listed.id)
    assert shown is not None
    whole = msgspec.structs.asdict(item(1))
    assert {name: getattr(shown, name, "1") for name in whole} == whole
    assert await workflow.item(listed.id + 1) is None


async def test_hostile_texts_are_stored_too(
    quarantine: PostgresQuarantine, workflow: QuarantineWorkflow
) -> None:
    """NUL and lone surrogates in what we derived from a payload can't keep it out."""
    nasty = "a\x00\ud800b"
    await quarantine.keep(
        Quarantined(
            delivery_id=nasty,
            channel=nasty,
            kind=nasty,
            ref=nasty,
            source=nasty,
            reason=nasty,
            sentences=(nasty,),
            headers={nasty: nasty},
            original=NASTY,
            at=NOW,
        )
    )
    (listed,) = await workflow.find(Filter())
    shown = await workflow.item(listed.id)
    assert shown is not None
    assert shown.original == NASTY
    assert shown.kind == "a�?b"


async def test_lists_are_paged_filtered_and_grouped(
    quarantine: PostgresQuarantine, workflow: QuarantineWorkflow
) -> None:
    """Newest first, a bounded page at a time, and counted by fault."""
    for number in range(5):
        await quarantine.keep(item(number, reason="unknown_version" if number == 3 else "schema"))
    first = await workflow.find(Filter(), limit=3)
    assert numbers(first) == [4, 3, 2]
    assert numbers(await workflow.find(Filter(), before=first[-1].id)) == [1, 0]
    assert numbers(await workflow.find(Filter(reason="unknown_version"))) == [3]
    assert numbers(await workflow.find(Filter(channels=("beta-eu", "acme-us")), limit=2)) == [4, 3]
    assert await workflow.find(Filter(channels=("beta-eu",))) == ()
    assert await workflow.find(Filter(since=NOW + timedelta(seconds=1))) == ()
    assert await workflow.find(Filter(until=NOW)) == ()
    most, least = await workflow.groups()
    assert (most.reason, most.items, most.newest_id) == ("schema", 4, first[0].id)
    assert (least.reason, least.items) == ("unknown_version", 1)
    assert await workflow.count(Filter(group=most.group)) == (4, first[0].id)
    assert await workflow.open_reasons() == {"schema": 4, "unknown_version": 1}


@pytest.mark.parametrize(
    ("sentence", "same"),
    [
        ('The quantity of line 3 (lines[2].quantity) is the text "two".', True),
        ('The quantity of line 12 (lines[11].quantity) is the text "a \\" b".', True),
        ('The sku of line 3 (lines[2].sku) is the text "two".', False),
    ],
)
def test_one_fault_has_one_fingerprint(sentence: str, same: bool) -> None:
    """What is quoted and figures don't make another fault; another place does, and another
    channel."""
    known = replace(
        item(1), sentences=('The quantity of line 1 (lines[0].quantity) is the text "".',)
    )
    given = replace(known, sentences=(sentence,))
    assert (fingerprint_of(given) == fingerprint_of(known)) is same
    assert fingerprint_of(replace(known, channel="beta-eu")) != fingerprint_of(known)


async def test_originals_come_oldest_first_within_their_bytes(
    quarantine: PostgresQuarantine, workflow: QuarantineWorkflow
) -> None:
    """A page of originals holds 8 MiB at most, but always one; nothing is passed over."""
    for number in range(4):
        await quarantine.keep(item(number, original=b"x" * (3 * 1024**2 + number)))
    _, upto = await workflow.count(Filter())
    first = await workflow.originals(Filter(), after=0, upto=upto)
    assert numbers(first) == [0, 1]
    assert numbers(await workflow.originals(Filter(), after=first[-1].id, upto=upto)) == [2, 3]
    assert numbers(await workflow.originals(Filter(), after=0, upto=first[0].id)) == [0]


async def test_what_is_kept_is_bounded(
    quarantine: PostgresQuarantine, workflow: QuarantineWorkflow
) -> None:
    """Beyond number or bytes the oldest go that were decided, beyond their age all, and nothing
    else."""
    for number in range(6):
        await quarantine.keep(
            item(number, at=NOW - timedelta(days=6 - number), original=b"x" * 100)
        )
    assert await quarantine.prune(NOW) == 0
    assert await quarantine.prune(NOW, most_bytes=450, most_items=2) == 0
    for one in await workflow.find(Filter()):
        assert await workflow.discard(one.id, person="Ada", reason="a test", now=NOW)
    assert await quarantine.prune(NOW, retention_days=5.5) == 1
    assert await quarantine.prune(NOW, most_bytes=450) == 1
    assert await quarantine.prune(NOW, most_items=2) == 2
    assert numbers(await workflow.find(Filter(state=None))) == [5, 4]


async def test_a_flood_is_taken_away_a_little_at_a_time(
    quarantine: PostgresQuarantine, workflow: QuarantineWorkflow, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each statement takes a bounded part, oldest first, until nothing is beyond the bounds; that
    much has come is known without asking, and forgotten when all is within them."""
    monkeypatch.setattr(adapters.postgres.quarantine, "PRUNED_AT_ONCE", 2)
    monkeypatch.setattr(adapters.postgres.quarantine, "CROWDED_BYTES", 5 * len(NASTY))
    crowded = []
    for number in range(5):
        await quarantine.keep(item(number))
        crowded.append(quarantine.crowded)
    assert crowded == [False, False, False, False, True]
    for one in await workflow.find(Filter()):
        assert await workflow.discard(one.id, person="Ada", reason="a test", now=NOW)
    gone = [await quarantine.prune(NOW, most_items=2) for _ in range(3)]
    assert gone == [2, 1, 0]
    assert numbers(await workflow.find(Filter(state=None))) == [4, 3]
    assert not quarantine.crowded


async def test_one_channels_flood_takes_no_others_place(
    pool: Pool, workflow: QuarantineWorkflow, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At a channel's bound its messages are refused and stay in the stream, while others' are kept;
    nothing that waits is dropped, and room that people make is seen. Channels that are not
    configured share one place. All of it is counted as incidents, before and after."""
    monkeypatch.setattr(quarantine_room, "MAX_ITEMS", 5)
    quarantine = PostgresQuarantine(pool, SEALING, ("acme-us", "beta-eu"))
    told: list[tuple[str, str]] = []

    async def warn() -> list[tuple[str, str]]:
        told.clear()
        clock = SystemClock()
        await housekeeping.warn(quarantine.room, clock, lambda *one: told.append(one))
        return sorted(told)

    now = SystemClock().now()
    for number in range(4):
        await quarantine.keep(item(number, at=now))
    assert await warn() == [("quarantine_filling", "acme-us")]
    await quarantine.keep(item(4, at=now))
    with pytest.raises(QuarantineFull, match="quarantine of the channel acme-us is full"):
        await quarantine.keep(item(5, at=now))
    assert await warn() == [("quarantine_full", "acme-us")]
    await quarantine.keep(replace(item(6, at=now), channel="beta-eu"))
    for number in range(7, 12):
        await quarantine.keep(replace(item(number, at=now), channel=f"made-up-{number}"))
    with pytest.raises(QuarantineFull, match="unknown channels"):
        await quarantine.keep(replace(item(12, at=now), channel="made-up-again"))
    assert await quarantine.prune(now, most_items=1) == 0
    (first, *_) = await workflow.find(Filter(channels=("acme-us",)))
    assert await workflow.discard(first.id, person="Ada", reason="a test", now=now)
    monkeypatch.setattr(quarantine_room, "RECOUNT_SECONDS", 0.0)
    await quarantine.keep(item(5, at=now))
    assert await warn() == [("quarantine_full", ""), ("quarantine_full", "acme-us")]


async def test_what_is_about_to_expire_is_said_before(quarantine: PostgresQuarantine) -> None:
    """Two weeks before something that waits is too old, somebody is told."""
    now = SystemClock().now()
    await quarantine.keep(item(1, at=now - timedelta(days=75)))
    told: list[tuple[str, str]] = []
    await housekeeping.warn(quarantine.room, SystemClock(), lambda *one: told.append(one))
    assert told == []
    await quarantine.keep(item(2, at=now - timedelta(days=77)))
    await housekeeping.warn(quarantine.room, SystemClock(), lambda *one: told.append(one))
    assert told == [("quarantine_filling", "")]


async def test_without_postgres_no_one_is_told_it_was_kept(
    quarantine: PostgresQuarantine, pool: Pool
) -> None:
    """The sender's message stays unacknowledged."""
    await pool.close()
    with pytest.raises(JournalUnavailable):
        await quarantine.keep(item(1))


async def test_other_bytes_under_the_same_id_are_kept_as_well(
    quarantine: PostgresQuarantine, workflow: QuarantineWorkflow
) -> None:
    """A sender that gives one id to two messages: both are kept, each once."""
    for original in (b"one", b"two", b"one", b"two"):
        await quarantine.keep(item(1, original=original))
    kept = await workflow.find(Filter())
    shown = [await workflow.item(one.id) for one in kept]
    assert sorted(one.original for one in shown if one is not None) == [b"one", b"two"]
