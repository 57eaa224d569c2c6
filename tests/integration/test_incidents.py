"""Incidents counted from a real journal: each failure once, whatever dies, and again the same."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import asyncpg
import pytest
from msgspec.structs import replace

from actors.runtime.errors import JournalUnavailable
from actors.runtime.ports import Append, Quarantined
from adapters.postgres.incident_views import IncidentViews, Trend
from adapters.postgres.incidents import Incidents, Told
from adapters.postgres.migrate import FOLDER as MIGRATIONS
from adapters.postgres.quarantine import PostgresQuarantine
from adapters.postgres.statements import parse
from schemas.messages import effects as f
from schemas.messages import events as e
from schemas.messages.codec import encode
from schemas.messages.effects import tag_of
from schemas.messages.events import OrderEvent
from schemas.order.things import Key
from tests.appends import NOON, SEALING, append, id_of, minutes, placed
from tests.integration.journals import (
    Bench,
    events_read,
    lock_is_waited_for,
)
from tests.waiting import eventually

FOLDER = MIGRATIONS.parent
TABLES = ("incidents", "incident_episodes", "incident_channels", "incident_hours",
          "incident_placed", "incident_orders")  # fmt: skip
STUCK = e.GivenToPerson(
    rule="elevate", settles=1, effect=1, kind=tag_of(f.PostSalesOrder), reason="Refused."
)
RETRIED = e.Retried(rule="retry", effect=1, person="ann")
HELD = e.Held(rule="hold", hold_id="short-pick-3", reason="short")


@pytest.fixture
def incidents(bench: Bench) -> Incidents:
    """The projection of that journal."""
    return Incidents(bench.pool, page=7)


def told(ref: str, version: int, *events: OrderEvent, minute: float) -> Append:
    """An append of these events."""
    return replace(append(ref, version, at=minutes(minute)), events=events)


async def a_story(bench: Bench, orders: int = 12) -> None:
    """Orders are placed; every one gets stuck, is retried, gets stuck again; some are held."""
    for number in range(orders):
        ref = str(number)
        await bench.journal.append(append(ref, at=minutes(number)))
        await bench.journal.append(told(ref, 1, STUCK, minute=number + 1))
        if number % 3 == 0:
            await bench.journal.append(told(ref, 2, RETRIED, HELD, minute=number + 2))
        else:
            await bench.journal.append(told(ref, 2, RETRIED, STUCK, minute=number + 2))


async def count_all(incidents: Incidents) -> None:
    """Count until nothing is left."""
    while (await incidents.count_events()).read:
        pass
    while (await incidents.count_quarantine()).read:
        pass


async def rows(bench: Bench) -> dict[str, list[tuple[object, ...]]]:
    """Everything that was counted."""
    return {
        name: sorted(
            (tuple(row) for row in await bench.pool.fetch(f"SELECT * FROM {name}")),
            key=repr,
        )
        for name in TABLES
    }


async def occurrences(bench: Bench) -> dict[str, int]:
    """Occurrences by category, by the hourly counts."""
    found = await bench.pool.fetch(
        "SELECT category, sum(occurrences)::int FROM incident_hours GROUP BY category"
    )
    return dict(map(tuple, found))


async def test_failures_are_counted_by_category(bench: Bench, incidents: Incidents) -> None:
    """Counts, trend, share, channels and samples say what happened."""
    await a_story(bench)
    await count_all(incidents)
    assert await occurrences(bench) == {"erp_refused": 20, "short_picked": 4}
    views = IncidentViews(bench.pool)
    listed = {one.category: one for one in await views.list_incidents(minutes(30))}
    erp = listed["erp_refused"]
    assert (erp.open, erp.occurrences, erp.waiting, erp.affected) == (True, 20, 8, 12)
    assert (erp.placed, erp.share) == (12, 1.0)
    assert (erp.hour, erp.day) == (Trend(20, 0), Trend(20, 0))
    assert erp.channels == ("acme-us",)
    assert (erp.first_at, erp.last_at) == (minutes(1), minutes(13))
    later = {one.category: one for one in await views.list_incidents(minutes(25 * 60))}
    assert (later["erp_refused"].hour, later["erp_refused"].day) == (Trend(0, 0), Trend(0, 20))
    shown = await views.show("short_picked", minutes(30))
    assert shown is not None
    assert shown.orders == tuple(id_of(str(n)) for n in (9, 6, 3, 0))
    assert [hour.occurrences for hour in shown.series] == [4]
    assert await views.show("short_picked", minutes(30), channels=["another"]) is None
    assert await views.list_incidents(minutes(30), channels=["another"]) == ()


async def test_counting_twice_counts_once(bench: Bench, incidents: Incidents) -> None:
    """Two who count at the same time, and one who begins again, count each event once."""
    await a_story(bench)
    await asyncio.gather(*(count_all(Incidents(bench.pool, page=3)) for _ in range(4)))
    once = await rows(bench)
    await count_all(Incidents(bench.pool))
    assert await rows(bench) == once
    assert await occurrences(bench) == {"erp_refused": 20, "short_picked": 4}


async def test_a_server_process_killed_in_the_middle_changes_nothing(
    bench: Bench, incidents: Incidents
) -> None:
    """What was counted and not committed when its connection died is counted again, once."""
    await a_story(bench)
    other = await asyncpg.connect(bench.dsn)
    blocking = other.transaction()
    await blocking.start()
    # The write of the counts waits for this lock: the transaction is in its middle then.
    await other.execute("LOCK TABLE incident_hours IN SHARE MODE")
    counting = asyncio.create_task(incidents.count_events())
    await eventually(lambda: lock_is_waited_for(bench.dsn))
    await other.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE NOT granted AND pid IS NOT NULL"
    )
    with pytest.raises(JournalUnavailable):
        await counting
    await blocking.rollback()
    await other.close()
    assert await occurrences(bench) == {}
    await count_all(incidents)
    assert await occurrences(bench) == {"erp_refused": 20, "short_picked": 4}


async def test_a_late_commit_is_not_skipped(bench: Bench, incidents: Incidents) -> None:
    """While a writer is between its insert and its commit, nothing after it is counted."""
    connection = await asyncpg.connect(bench.dsn)
    late = connection.transaction()
    await late.start()
    body = encode(e.Held(rule="hold", hold_id="money-gone-1", reason="x"))
    await connection.execute(
        "INSERT INTO events (order_id, version, type, body, at)"
        " VALUES ('late', 1, 'order.held.v2', $1, $2)",
        body,
        NOON,
    )
    await a_story(bench, 1)
    await count_all(incidents)
    assert await occurrences(bench) == {}
    assert await incidents.oldest_unread() == NOON
    await late.commit()
    await connection.close()
    await count_all(incidents)
    counted = await occurrences(bench)
    assert counted == {"erp_refused": 1, "payment_withdrawn": 1, "short_picked": 1}
    assert await incidents.oldest_unread() is None


async def test_counting_again_gives_the_same(bench: Bench, incidents: Incidents) -> None:
    """A rebuild ends with the same rows, whatever the pages and whenever it was resolved."""
    await a_story(bench)
    await PostgresQuarantine(bench.pool, SEALING).keep(refused_item(1))
    await incidents.count_told([Told("signature_invalid", "acme-us", 5, minutes(3))])
    await count_all(Incidents(bench.pool, page=1))
    await bench.journal.append(told("1", 4, RETRIED, minute=20))
    await count_all(incidents)
    await incidents.resolve(minutes(600))
    await bench.journal.append(append("99", at=minutes(700)))
    await bench.journal.append(told("99", 1, HELD, minute=701))
    await count_all(incidents)
    await incidents.resolve(minutes(710))
    before = await rows(bench)
    assert len(before["incidents"]) == 4
    assert await Incidents(bench.pool, page=11).rebuild(minutes(710)) > 30
    assert await rows(bench) == before


PROGRESS = "incident_progress"
YOUNGER = 40
"""Transactions that the restored cluster has to count to reach those of the dump."""


async def as_restored(bench: Bench) -> None:
    """Leave the database as a dump's restore in a cluster does that has made fewer transactions."""
    connection = await asyncpg.connect(bench.dsn)
    try:
        # Switches off the trigger that protects events.
        await connection.execute("SET session_replication_role = replica")
        columns = [(PROGRESS, column) for column in ("xid", "resume", "began")]
        for table, column in (("events", "xid"), *columns):
            moved = f"({column}::text::bigint + {YOUNGER})::text::xid8"
            await connection.execute(f'UPDATE "{table}" SET {column} = {moved}')
    finally:
        await connection.close()


async def test_a_restored_database_counts_on(bench: Bench, incidents: Incidents) -> None:
    """In a cluster that counts its transactions from the beginning, what the dump had counted is
    not counted again, and what it had not, and what is decided from then on, is: also when the
    count comes to the dump's, after further starts, and after a rebuild."""
    assert not await incidents.begin()
    await bench.journal.append(append("1"))
    await bench.journal.append(told("1", 1, STUCK, minute=1))
    await count_all(incidents)
    await bench.journal.append(told("1", 2, RETRIED, HELD, minute=2))
    await as_restored(bench)
    after = Incidents(bench.pool)
    assert await after.begin()
    await bench.journal.append(append("2"))
    await bench.journal.append(told("2", 1, STUCK, minute=3))
    assert await after.oldest_unread() == minutes(2)
    pages = [await after.count_events(), await after.count_events()]
    assert [page.read for page in pages] == [2, 2]
    assert pages[1].place > pages[0].place, "metrics are told of what is new alone"
    assert await occurrences(bench) == {"erp_refused": 2, "short_picked": 1}
    assert await after.oldest_unread() is None
    for _ in range(2 * YOUNGER):
        await bench.pool.fetch("SELECT pg_current_xact_id()")
    assert not await after.begin()
    await bench.journal.append(told("2", 2, RETRIED, STUCK, minute=4))
    await count_all(after)
    counted = {"erp_refused": 3, "short_picked": 1}
    assert await occurrences(bench) == counted
    before = await rows(bench)
    await Incidents(bench.pool, page=3).rebuild(minutes(5))
    assert await occurrences(bench) == counted
    assert (await rows(bench))["incident_orders"] == before["incident_orders"]


async def test_a_start_looks_at_no_event_that_was_counted(bench: Bench) -> None:
    """However many there are, and also after a restore: a start must not take longer with each."""
    await a_story(bench)
    await Incidents(bench.pool).rebuild(minutes(60))
    assert await read_by_begin(bench) == 0
    await as_restored(bench)
    await Incidents(bench.pool).begin()
    await count_all(Incidents(bench.pool))
    assert await read_by_begin(bench) == 0


async def read_by_begin(bench: Bench) -> int:
    """How many rows of events the statement `begin` reads."""
    statement = parse((FOLDER / "incidents.sql").read_text())["begin"]
    return await events_read(bench, statement)


async def test_an_incident_resolves_and_opens_again(bench: Bench, incidents: Incidents) -> None:
    """An hour of quiet is not enough while an order waits; a recurrence is a new episode."""
    await bench.journal.append(append("1"))
    await bench.journal.append(told("1", 1, STUCK, minute=1))
    await count_all(incidents)
    assert await incidents.resolve(minutes(600)) == 1
    await bench.journal.append(told("1", 2, RETRIED, minute=610))
    await count_all(incidents)
    assert await incidents.resolve(minutes(611)) == 0
    await bench.journal.append(told("1", 3, STUCK, minute=700))
    await count_all(incidents)
    shown = await IncidentViews(bench.pool).show("erp_refused", minutes(701))
    assert shown is not None
    assert shown.incident.reopened == 1
    assert [(one.opened_at, one.resolved_at, one.occurrences) for one in shown.episodes] == [
        (minutes(700), None, 1),
        (minutes(1), minutes(610), 1),
    ]


def refused_item(number: int) -> Quarantined:
    """A payload that did not pass the edge."""
    return Quarantined(
        delivery_id=f"delivery-{number}",
        channel="acme-us",
        kind="place",
        ref=str(number),
        source="shopify",
        reason="json_malformed",
        sentences=("At line 1 the text ends too early.",),
        headers={},
        original=b"{",
        at=minutes(number),
    )


async def test_the_edge_is_counted(bench: Bench, incidents: Incidents) -> None:
    """What is in quarantine and what was answered and not kept is counted once."""
    quarantine = PostgresQuarantine(bench.pool, SEALING)
    await asyncio.gather(*(quarantine.keep(refused_item(n)) for n in range(25)))
    await incidents.count_told([Told("signature_invalid", "acme-us", 7, minutes(2))])
    await incidents.count_told([Told("signature_invalid", "acme-us", 1, minutes(4))])
    while (await incidents.count_quarantine(limit=10)).read:
        pass
    assert await occurrences(bench) == {"json_malformed": 25, "signature_invalid": 8}
    shown = await IncidentViews(bench.pool).show("json_malformed", minutes(30))
    assert shown is not None
    assert len(shown.quarantined) == 10
    assert shown.incident.affected == 25
    assert shown.incident.share is None


async def test_tracking_answers_are_told_apart(bench: Bench, incidents: Incidents) -> None:
    """An obstacle and a return are failures until the parcel arrives; where it is, is none."""
    await bench.journal.append(append("1"))
    parcel = Key("K1")
    answers = (
        e.InTransit(rule="move", key=parcel),
        e.DeliveryFailed(rule="fail", key=parcel),
        e.Tracked(rule="tracked", key=parcel, status="exception", detail='"?"'),
        e.InTransit(rule="move", key=parcel),
        e.DeliveryFailed(rule="fail", key=parcel),
        e.Returned(rule="return", key=parcel),
    )
    await bench.journal.append(told("1", 1, *answers, minute=1))
    await count_all(incidents)
    assert await occurrences(bench) == {"delivery_exception": 2, "parcel_returned": 1}
    assert await incidents.resolve(minutes(90)) == 1, "the exception ended when it was returned"
    await bench.journal.append(told("1", 7, e.Delivered(rule="deliver", key=parcel), minute=100))
    await count_all(incidents)
    assert await incidents.resolve(minutes(101)) == 0


async def test_doubts_are_counted(bench: Bench, incidents: Incidents) -> None:
    """An order placed with a doubt is counted; the others are not brought over."""
    for number in range(5):
        event = placed(str(number))
        if number == 3:
            event = replace(event, doubts=("address_format_invalid",))
        await bench.journal.append(told(str(number), 0, event, minute=number))
    await count_all(incidents)
    assert await occurrences(bench) == {"address_format_invalid": 1}
    (row,) = await IncidentViews(bench.pool).list_incidents(minutes(10))
    assert (row.affected, row.placed, row.waiting) == (1, 5, 1)


async def test_a_busy_quarantine_is_counted_later(bench: Bench, incidents: Incidents) -> None:
    """While somebody works on the quarantine for long, counting does not stand in line."""
    await PostgresQuarantine(bench.pool, SEALING).keep(refused_item(1))
    connection = await asyncpg.connect(bench.dsn)
    busy = connection.transaction()
    await busy.start()
    await connection.execute("UPDATE quarantine SET kind = kind")
    assert (await incidents.count_quarantine()).read == 0
    await busy.commit()
    await connection.close()
    assert (await incidents.count_quarantine()).read == 1


async def test_what_waits_in_quarantine_keeps_an_incident_open(
    bench: Bench, incidents: Incidents
) -> None:
    """It is resolved when the last item was released or discarded, not after an hour of quiet."""
    quarantine = PostgresQuarantine(bench.pool, SEALING)
    await quarantine.keep(refused_item(1))
    await count_all(incidents)
    assert await incidents.resolve(minutes(500)) == 1
    await quarantine.keep(refused_item(600))
    await count_all(incidents)
    views = IncidentViews(bench.pool)
    shown = await views.show("json_malformed", minutes(601))
    assert shown is not None
    assert (shown.incident.reopened, shown.incident.waiting) == (0, 2)
    await bench.pool.fetch("UPDATE quarantine SET state = 'discarded', state_at = $1", minutes(700))
    assert await incidents.resolve(minutes(701)) == 0
    shown = await views.show("json_malformed", minutes(701))
    assert shown is not None
    assert (shown.incident.resolved_at, shown.incident.waiting) == (minutes(700), 0)


async def test_what_is_kept_is_bounded(bench: Bench, incidents: Incidents) -> None:
    """After the retention hourly counts and settled orders go; an order that waits stays."""
    await a_story(bench)
    await count_all(incidents)
    await incidents.prune(NOON + timedelta(days=91))
    left = await rows(bench)
    assert left["incident_hours"] == []
    assert left["incident_placed"] == []
    assert len(left["incident_orders"]) == 12


async def test_channels_are_bounded(bench: Bench, incidents: Incidents) -> None:
    """A sender that makes names up fills no table: beyond a hundred they share one count."""
    given = [Told("signature_invalid", f"shop-{n}", 1, NOON) for n in range(130)]
    await incidents.count_told([*given, Told("signature_invalid", "né \x01", 1, NOON)])
    found = await bench.pool.fetch("SELECT channel, occurrences FROM incident_channels")
    assert len(found) == 101
    assert dict(map(tuple, found))["other"] == 31
