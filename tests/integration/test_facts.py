"""Facts for other services, read from a real journal: none is missed and none invented."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import asyncpg
import pytest
from msgspec.structs import replace
from prometheus_client import CollectorRegistry

from actors.runtime.errors import Retryable
from actors.runtime.ports import Append, Quarantined
from adapters.postgres.facts import PAGE, FactReader
from adapters.postgres.migrate import FOLDER as MIGRATIONS
from adapters.postgres.quarantine import PostgresQuarantine
from adapters.postgres.statements import parse
from schemas.messages import events as e
from schemas.messages.fulfilment_events import ParcelNumber
from schemas.messages.label_events import ParcelLabel
from schemas.order.things import Key
from service.app.clock import SystemClock
from service.facts.run import FactMetrics, Facts
from tests.appends import CHANNEL, NOON, SEALING, append, id_of
from tests.integration.journals import Bench, events_read

Json = dict[str, Any]
FOLDER = MIGRATIONS.parent


class Stream:
    """Where facts are published: keeps them, or takes nothing while it is `full`."""

    def __init__(self) -> None:
        self.kept: dict[str, tuple[str, Json]] = {}
        self.full = False

    async def publish(
        self, subject: str, body: bytes, *, message_id: str, content_type: str, trace: str
    ) -> None:
        """Keep one, as a stream does: the same id once."""
        if self.full:
            raise Retryable("The stream is full.")
        self.kept.setdefault(message_id, (subject, json.loads(body)["data"]))

    def names(self) -> list[str]:
        """What was published, in order."""
        return [data["fact"] for _, data in self.kept.values()]


def publishing(bench: Bench, stream: Stream, *channels: str) -> Facts:
    """What publishes facts of these channels."""
    metrics = FactMetrics(CollectorRegistry())
    reader = FactReader(bench.pool)
    return Facts(reader, stream, channels, SystemClock(), metrics, may=lambda: True)


def with_events(ref: str, version: int, *events: e.Event) -> Append:
    """An append of these events, by one message of the channel and one answer of a partner."""
    inputs = (f"{CHANNEL}/update/{ref}-{version}", f"effect-{version}")
    return replace(append(ref, version, inputs=inputs), events=events)


async def test_what_the_stream_did_not_take_is_published_later(bench: Bench) -> None:
    """While the stream takes nothing the cursor stays; then every fact is published, once, also by
    a process that knows of no earlier one."""
    stream = Stream()
    facts = publishing(bench, stream, CHANNEL)
    await facts.begin()
    stream.full = True
    await bench.journal.append(append("1"))
    for _ in range(2):
        with pytest.raises(Retryable):
            await facts.round()
    await bench.journal.append(append("2"))
    stream.full = False
    await publishing(bench, stream, CHANNEL).round()
    await facts.round()
    assert stream.names() == ["placed", "placed"]
    assert {data["ref"] for _, data in stream.kept.values()} == {"1", "2"}


async def test_a_fact_bears_what_a_publisher_needs(bench: Bench) -> None:
    """The messages that led to it, without partners' answers; carrier and number of each parcel
    from wherever they were told."""
    stream = Stream()
    facts = publishing(bench, stream, CHANNEL)
    await facts.begin()
    await bench.journal.append(append("1"))
    label = e.LabelBought(
        rule="buy",
        key=Key("L1"),
        shipment_id="S",
        carrier="UPS",
        labels=(ParcelLabel(Key("K1"), "1Z1"),),
    )
    left = e.HandedOver(
        rule="hand-over",
        key=Key("F1"),
        left=(Key("K1"), Key("K2"), Key("K3")),
        numbers=(ParcelNumber(Key("K2"), "DHL", "JJD2"),),
    )
    await bench.journal.append(with_events("1", 1, label))
    await bench.journal.append(with_events("1", 2, left, e.Delivered(rule="x", key=Key("K2"))))
    await facts.round()
    assert stream.names() == ["placed", "shipped", "delivered"]
    subjects = [subject for subject, _ in stream.kept.values()]
    assert subjects[1] == f"orders.out.{CHANNEL}.fact.shipped"
    _, shipped, delivered = (data for _, data in stream.kept.values())
    assert shipped["messages"] == [f"{CHANNEL}/update/1-2"]
    assert shipped["sequence"] == 3
    assert shipped["order_id"] == id_of("1")
    assert [(p["carrier"], p["tracking_number"]) for p in shipped["parcels"]] == [
        ("UPS", "1Z1"),
        ("DHL", "JJD2"),
        ("", ""),
    ]
    assert delivered["parcels"] == [shipped["parcels"][1]]


async def test_a_channel_is_told_of_what_happens_from_then_on(bench: Bench) -> None:
    """What happened before a channel's facts were turned on is not told, neither of orders nor of
    the quarantine; other channels' facts stay away."""
    stream = Stream()
    keep = PostgresQuarantine(bench.pool, SEALING).keep
    await bench.journal.append(append("old"))
    await keep(refused("old"))
    facts = publishing(bench, stream, CHANNEL)
    await facts.begin()
    await bench.journal.append(append("new"))
    await keep(refused("new"))
    await keep(refused("another", channel="another"))
    await facts.round()
    assert {data["ref"] for _, data in stream.kept.values()} == {"new"}
    assert sorted(stream.names()) == ["placed", "quarantined"]
    await publishing(bench, stream, CHANNEL, "another").begin()
    await facts.round()
    assert len(stream.kept) == 2


async def test_a_message_that_changed_nothing_is_not_named(bench: Bench) -> None:
    """Neither one that was decided with another, nor one that came alone afterwards."""
    stream = Stream()
    facts = publishing(bench, stream, CHANNEL)
    await facts.begin()
    names = tuple(f"{CHANNEL}/place/{name}" for name in ("repeat", "real", "echo"))
    await bench.journal.append(replace(append("1", inputs=names), events_of=(0, 1, 0)))
    alone = append("1", 1, inputs=(f"{CHANNEL}/update/late",), count=0)
    await bench.journal.append(alone)
    await facts.round()
    ((_, told),) = stream.kept.values()
    assert told["messages"] == [f"{CHANNEL}/place/real"]


PROGRESS = "fact_progress"
YOUNGER = 40
"""Transactions that the restored cluster has to count to reach those of the dump."""


async def test_a_restored_database_tells_nothing_twice_and_misses_nothing(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    """In a cluster that counts its transactions from the beginning, what the dump had told is not
    told again, what it had not told yet is, and what is decided from then on: also when the count
    comes to the dump's, and after further starts."""
    stream = Stream()
    facts = publishing(bench, stream, CHANNEL)
    await facts.begin()
    for ref in ("told-1", "told-2"):
        await bench.journal.append(append(ref))
    await facts.round()
    await bench.journal.append(append("untold"))
    await as_restored(bench, YOUNGER)
    assert len(stream.kept) == 2
    after = Stream()
    for start in range(2):
        facts = publishing(bench, after, CHANNEL)
        await facts.begin()
        await bench.journal.append(append(f"new-{start}"))
        if start == 0:
            after.full = True
            with pytest.raises(Retryable):
                await facts.round()
            after.full = False
    await facts.round()
    assert "was restored from a dump" in caplog.text
    assert [data["ref"] for _, data in after.kept.values()] == ["untold", "new-0", "new-1"]
    for _ in range(2 * YOUNGER):
        await bench.pool.fetch("SELECT pg_current_xact_id()")
    await bench.journal.append(append("last"))
    facts = publishing(bench, after, CHANNEL)
    await facts.begin()
    await facts.round()
    assert [data["ref"] for _, data in after.kept.values()][3:] == ["last"]


async def as_restored(bench: Bench, transactions: int) -> None:
    """Leave the database as a dump's restore in a cluster does that has made fewer transactions."""
    connection = await asyncpg.connect(bench.dsn)
    try:
        # Switches off the trigger that protects events.
        await connection.execute("SET session_replication_role = replica")
        for table, column in (("events", "xid"), *((PROGRESS, x) for x in ("xid", "resume"))):
            moved = f"({column}::text::bigint + {transactions})::text::xid8"
            await connection.execute(f'UPDATE "{table}" SET {column} = {moved}')
    finally:
        await connection.close()


async def test_a_second_restore_and_no_channel_meanwhile(bench: Bench) -> None:
    """A dump of a restored database that is restored again goes on as well; and who tells of no
    channel when it is restored, and of one later, tells of nothing old."""
    stream = Stream()
    facts = publishing(bench, stream, CHANNEL)
    await facts.begin()
    await bench.journal.append(append("first"))
    await facts.round()
    for number in range(2):
        await bench.journal.append(append(f"untold-{number}"))
        await as_restored(bench, YOUNGER)
        facts = publishing(bench, stream, CHANNEL)
        await facts.begin()
        await bench.journal.append(append(f"new-{number}"))
        await facts.round()
    told = [data["ref"] for _, data in stream.kept.values()]
    assert sorted(told) == ["first", "new-0", "new-1", "untold-0", "untold-1"]
    await publishing(bench, stream).begin()
    await as_restored(bench, YOUNGER)
    await publishing(bench, stream).begin()
    facts = publishing(bench, stream, CHANNEL)
    await facts.begin()
    await bench.journal.append(append("last"))
    await facts.round()
    assert [data["ref"] for _, data in stream.kept.values()][5:] == ["last"]


async def test_a_start_looks_at_no_event_that_was_told(bench: Bench) -> None:
    """However many there are, and also after a restore: a start must not take longer with each."""
    stream = Stream()
    statement = parse((FOLDER / "facts.sql").read_text())["begin"]
    facts = publishing(bench, stream, CHANNEL)
    await facts.begin()
    for number in range(20):
        await bench.journal.append(append(str(number), count=3))
    await facts.round()
    assert await events_read(bench, statement, [CHANNEL]) == 0
    await as_restored(bench, YOUNGER)
    await facts.begin()
    await facts.round()
    assert await events_read(bench, statement, [CHANNEL]) == 0


async def test_more_than_a_page_is_told_whole(bench: Bench) -> None:
    """Pages end between events of which something is told, and nothing falls between them."""
    stream = Stream()
    facts = publishing(bench, stream, CHANNEL)
    await facts.begin()
    appends = [append(str(number), count=3) for number in range(PAGE // 3 + 50)]
    await asyncio.gather(*[bench.journal.append(one) for one in appends])
    await facts.round()
    assert len(stream.kept) == len(appends)
    assert set(stream.names()) == {"placed"}


def refused(ref: str, channel: str = CHANNEL) -> Quarantined:
    """A message that was not understood."""
    return Quarantined(
        delivery_id=f"{channel}/place/{ref}",
        channel=channel,
        kind="place",
        ref=ref,
        source="canonical",
        reason="schema_mismatch",
        sentences=("It is wrong.",),
        headers={},
        original=b"{}",
        at=NOON,
    )
