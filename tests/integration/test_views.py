"""What people see of orders, read from a real journal."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
from msgspec.structs import replace

from actors.order.table import FINAL, NEW, TABLE
from actors.order.words import WORDS
from actors.runtime.errors import JournalUnavailable
from actors.runtime.ports import Append, Document, EffectNote
from adapters.kit.exchanges import Exchange, ExchangePolicy
from adapters.postgres.cursors import CursorRefused
from adapters.postgres.exchanges import PostgresExchanges
from adapters.postgres.journal import PostgresJournal
from adapters.postgres.leases import Leases
from adapters.postgres.migrate import migrate
from adapters.postgres.order_names import Ambiguous
from adapters.postgres.order_parts import UnitView
from adapters.postgres.outbox import PostgresOutbox
from adapters.postgres.pool import Pool
from adapters.postgres.views import MAX_ENTRIES, PROGRESS, STAGES, Views
from schemas.messages import events as e
from schemas.messages.effects import Effect, PostSalesOrder, PublishFulfilment, tag_of
from schemas.order.ids import OrderId
from schemas.order.things import Key
from tests.appends import SEALING, append, id_of, minutes, reference_of
from tests.order_streams import D1, F1, F2, K1, L1, Stream, planned, split
from tests.orders import an_order

TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
LABEL = Document(name="label-L1-K1", key=L1, content_type="image/png", content=b"\x89PNG\x00")


class Shop:
    """A journal with stories told into it, and the views on it."""

    def __init__(self, pool: Pool, leases: Leases) -> None:
        self.pool = pool
        self.journal = PostgresJournal(pool, leases, SEALING)
        self.outbox = PostgresOutbox(pool, leases, SEALING)
        self.views = Views(pool, SEALING)

    async def tell(self, *appends: Append) -> None:
        for one in appends:
            assert (await self.journal.append(one)).kind == "committed"

    async def an_order(self, ref: str, minute: float = 0, **row: object) -> None:
        one = append(ref, at=minutes(minute))
        await self.tell(replace(one, row=replace(one.row, **row)))


@pytest.fixture
async def shop(database: str) -> AsyncIterator[Shop]:
    await migrate(database)
    pool = Pool(database, deadline_seconds=10, by_key=False)
    leases = Leases(pool, "test")
    await leases.acquire()
    yield Shop(pool, leases)
    await leases.release()
    await pool.close()


async def a_story(shop: Shop) -> Stream:
    """An order of two fulfilments: F1 is packed and labelled, and the ERP refused its order."""
    stream = Stream()
    publish = PublishFulfilment(fulfilment=F1, parcels=())
    asked: dict[int, tuple[Key, str, Effect]] = {
        1: (D1, "erp-here", PostSalesOrder(units=())),
        2: (F1, "acme-us", publish),
    }
    first = stream.tell(
        *split(stream),
        effects=asked,
        timers=((F1, "due", minutes(600)),),
        documents=(LABEL,),
        order=an_order(ref=stream.ref),
    )
    stuck = stream.tell(
        e.GivenToPerson(
            rule="elevate",
            key=D1,
            settles=1,
            effect=1,
            kind=tag_of(PostSalesOrder),
            reason="The ERP knows no LAMP-2.",
            refused=True,
        ),
        settled=((1, "person"),),
        at=minutes(1),
    )
    await shop.tell(first, stuck)
    note = EffectNote(
        order_id=stream.order_id,
        number=2,
        attempts=2,
        due_at=minutes(5),
        error="The shop answered 503.",
    )
    await shop.outbox.note(note)
    return stream


async def test_a_timeline_tells_everything_in_order(shop: Shop) -> None:
    """Events with their rules and things, effects with their ends and failures, and what is
    due."""
    stream = await a_story(shop)
    told = await shop.views.timeline(stream.order_id)
    assert [(entry.kind, entry.key, entry.text) for entry in told] == [
        (
            "event",
            "O",
            "Order #1042 placed on acme-us: 3 units of 2 lines, 22.50 USD, payment paid.",
        ),
        ("event", "O", "Accepted: the order may be worked on (paid)."),
        ("event", F1, "Fulfilment F1: 2 units of 1 line leave main."),
        ("event", F2, "Fulfilment F2: 1 unit of 1 line leaves north."),
        ("event", F1, "Fulfilment F1: every unit is reserved at main."),
        ("event", F1, "Fulfilment F1: the warehouse has it as task WT-1."),
        ("event", F1, "Fulfilment F1 is packed: parcel K1."),
        ("event", L1, "Label L1 is to be bought from ups-here for parcel K1 of fulfilment F1."),
        ("event", L1, "Label L1 is bought from UPS, tracking 1Z1."),
        ("effect", D1, "Post sales order D1 to the ERP: asked."),
        (
            "effect",
            F1,
            "Tell the storefront what left with fulfilment F1: called 2 times, not ended yet.",
        ),
        ("effect", D1, "Post sales order D1 to the ERP: a person must act."),
        (
            "event",
            D1,
            "Post sales order D1 to the ERP: a person must act: The ERP knows no LAMP-2.",
        ),
        ("timer", F1, "Fulfilment F1: an alarm is raised unless it has moved on."),
    ]
    assert [entry.at for entry in told] == sorted(entry.at for entry in told)
    waiting = told[10]
    assert (waiting.lane, waiting.effect, waiting.attempts) == ("acme-us", 2, 2)
    assert (waiting.error, waiting.due_at) == ("The shop answered 503.", minutes(5))
    assert waiting.trace_id == TRACE[3:35]
    assert told[2].rule == "plan"
    assert await shop.views.timeline(OrderId("nobody")) == ()


@pytest.mark.parametrize("how", ["done", "refused"])
async def test_the_error_of_an_earlier_attempt_ends_with_the_effect(shop: Shop, how: str) -> None:
    """What was done or refused in the end shows no earlier failure beside it; how often it was
    tried stays."""
    stream = await a_story(shop)
    told = e.Published(rule="answers", key=F1, settles=2, parcels=(Key("K1"),))
    await shop.tell(stream.tell(told, settled=((2, how),), at=minutes(6)))
    entries = await shop.views.timeline(stream.order_id)
    (ended,) = [one for one in entries if one.effect == 2 and one.status == how]
    assert (ended.effect, ended.attempts, ended.error) == (2, 2, "")


async def test_one_order_with_its_parts(shop: Shop) -> None:
    """Lines with their ledger, fulfilments, parcels, labels, what is stuck, and what is due."""
    stream = await a_story(shop)
    view = await shop.views.show(stream.order_id)
    assert view is not None
    mugs, lamp = view.lines
    assert (mugs.sku, mugs.wanted, mugs.accounts) == ("MUG-1", 2, {"ordered": 2, "allocated": 2})
    assert (lamp.wanted, lamp.leaving) == (1, 0)
    first, second = view.fulfilments
    assert (first.key, first.stage, first.place, first.task_id) == (F1, "packed", "main", "WT-1")
    assert (second.key, second.stage) == (F2, "planned")
    assert second.waiting_for == "the stock reservation"
    assert second.units == (UnitView("2", "LAMP-2", 1),)
    (parcel,) = view.parcels
    assert (parcel.key, parcel.tracking_number, parcel.carrier) == (K1, "1Z1", "UPS")
    assert parcel.units == (UnitView("1", "MUG-1", 2),)
    (label,) = view.labels
    assert (label.key, label.stage, label.shipment_id) == (L1, "bought", "S-1Z1")
    (stuck,) = view.stuck
    assert (stuck.effect, stuck.key, stuck.refused) == (1, D1, True)
    assert stuck.words == "Post sales order D1 to the ERP"
    assert [(one.number, one.status, one.attempts) for one in view.effects] == [(2, "open", 2)]
    assert [(one.key, one.name, one.due_at) for one in view.timers] == [(F1, "due", minutes(600))]
    assert [(one.name, one.key) for one in view.files] == [(LABEL.name, L1)]
    assert view.row.attention
    assert view.row.next_due_at == minutes(600)
    assert (view.row.stage, view.row.progress) == ("open", "accepted")
    assert await shop.views.document(stream.order_id, LABEL.name) == LABEL
    assert await shop.views.document(stream.order_id, "other") is None
    assert await shop.views.order(stream.order_id) == an_order(ref=stream.ref)
    assert await shop.views.show(OrderId("nobody\x00")) is None
    assert await shop.views.order(OrderId("nobody")) is None


async def test_exchanges_with_partners_stand_on_the_timeline(shop: Shop) -> None:
    """Each call with its partner, answer and time, without its query; what was said is apart."""
    stream = await a_story(shop)
    exchanges = PostgresExchanges(shop.pool, SEALING, ExchangePolicy())
    call = Exchange(
        order_id=stream.order_id,
        key=F1,
        effect=2,
        partner="acme-us",
        method="POST",
        url="https://shop.example/admin/graphql.json?who=jane",
        at=minutes(0.5),
        duration_ms=1234,
        status=503,
        request=b"{}",
        response=b"busy",
    )
    exchanges.record(call)
    exchanges.record(replace(call, status=0, error="time-out", at=minutes(0.6)))
    assert await exchanges.flush() == 2
    told = [one for one in await shop.views.timeline(stream.order_id) if one.kind == "exchange"]
    assert [(one.key, one.effect, one.lane) for one in told] == [(F1, 2, "acme-us")] * 2
    assert [one.text for one in told] == [
        "acme-us answered 503 after 1,234 ms: POST /admin/graphql.json.",
        "acme-us did not answer (time-out) after 1,234 ms: POST /admin/graphql.json.",
    ]
    kept = await shop.views.exchange(stream.order_id, told[0].exchange)
    assert kept is not None
    assert kept.exchange == call
    assert await shop.views.exchange(stream.order_id, 999) is None
    assert await shop.views.exchange(OrderId("nobody"), told[0].exchange) is None


async def test_a_state_of_other_machines_is_built_from_the_events(shop: Shop) -> None:
    """After an update the stored state may be of another version; what is shown is the same."""
    stream = await a_story(shop)
    before = await shop.views.show(stream.order_id)
    await shop.pool.fetch(
        "UPDATE orders SET state = convert_to(replace(convert_from(state, 'UTF8'),"
        " '\"family\":\"', '\"family\":\"Z9'), 'UTF8')"
    )
    assert await shop.views.show(stream.order_id) == before


async def test_labels_are_named_by_parcel(shop: Shop) -> None:
    """Which label a parcel has, and under which name its image is kept."""
    stream = await a_story(shop)
    (one,) = await shop.views.labels(stream.order_id)
    assert (one.label, one.parcel, one.tracking_number) == (L1, K1, "1Z1")
    assert (one.carrier, one.file) == ("UPS", LABEL.name)
    assert await shop.views.labels(OrderId("nobody")) == ()


async def test_an_order_is_found_by_every_name_it_has(shop: Shop) -> None:
    """Order id, signed reference, the channel's reference and people's number, with or without the
    hash sign."""
    await shop.an_order("820982911946154508", number="#1042")
    order_id = id_of("820982911946154508")
    signed = reference_of("820982911946154508")
    names = ["1042", "#1042", " 1042 ", "820982911946154508", order_id, order_id.lower()]
    names += [signed, signed.lower()]
    for name in names:
        assert await shop.views.find(name) == order_id, name
    for name in ("104", "", "#", "' OR 1=1 --", "\x00\ud800", "x" * 10_000):
        assert await shop.views.find(name) is None


async def test_a_number_of_two_shops_is_refused_and_both_are_named(shop: Shop) -> None:
    """Two shops count alike: which one is meant is asked, not guessed."""
    ours, theirs = Stream("a-1", number="#1042"), Stream("b-1", channel="beta-eu", number="1042")
    await shop.tell(ours.tell(ours.placed()), theirs.tell(theirs.placed()))
    with pytest.raises(Ambiguous) as refused:
        await shop.views.find("1042")
    for told in (f"#1042 of acme-us (order id {ours.order_id})", "1042 of beta-eu (order id"):
        assert told in str(refused.value)
    assert {(one.channel, one.order_id) for one in refused.value.found} == {
        ("acme-us", ours.order_id),
        ("beta-eu", theirs.order_id),
    }
    assert await shop.views.find("1042", ["beta-eu"]) == theirs.order_id
    assert await shop.views.find("1042", []) is None
    assert await shop.views.find(ours.order_id) == ours.order_id
    assert await shop.views.find("b-1") == theirs.order_id


async def test_a_number_never_hides_another_order_s_id_or_reference(shop: Shop) -> None:
    """An order whose number is another's reference or id is not found by it; two channels' equal
    references are asked about, and both named."""
    meant = Stream("700123", number="#1")
    hiding = [
        Stream(f"h-{count}", number=number)
        for count, number in enumerate(("700123", "#700123", str(meant.order_id)))
    ]
    await shop.tell(*(one.tell(one.placed()) for one in (meant, *hiding)))
    assert await shop.views.find("700123") == meant.order_id
    assert await shop.views.find(f" {meant.order_id} ") == meant.order_id
    twin = Stream("700123", channel="beta-eu", number="#2")
    await shop.tell(twin.tell(twin.placed()))
    with pytest.raises(Ambiguous) as refused:
        await shop.views.find("700123")
    for one in (meant, twin):
        assert f"(order id {one.order_id})" in str(refused.value)
    for one in hiding:
        assert str(one.order_id) not in str(refused.value)
    assert await shop.views.find("700123", ["beta-eu"]) == twin.order_id


async def test_lists_are_filtered_and_paged_newest_first(shop: Shop) -> None:
    """Every filter alone and together; pages neither repeat nor miss, also at equal times."""
    for number in range(10):
        stage = "closed" if number % 5 == 4 else "open" if number % 2 else "placed"
        await shop.an_order(
            f"r{number}",
            number // 2,
            stage=stage,
            progress="backordered" if number == 7 else stage,
            final=stage == "closed",
            attention=number == 3,
            channel="beta-eu" if number == 6 else "acme-us",
        )
    seen: list[str] = []
    cursor = None
    for _ in range(4):
        page = await shop.views.list_orders(limit=3, cursor=cursor)
        seen += [row.ref for row in page.rows]
        cursor = page.next_cursor
    assert cursor is None
    assert sorted(seen) == sorted(f"r{number}" for number in range(10))
    times = [int(ref[1:]) // 2 for ref in seen]
    assert times == sorted(times, reverse=True)
    listed = shop.views.list_orders
    assert {row.ref for row in (await listed(stage="closed")).rows} == {"r4", "r9"}
    assert {row.ref for row in (await listed(stage="open")).rows} == {"r1", "r3", "r5", "r7"}
    assert [row.ref for row in (await listed(progress="backordered")).rows] == ["r7"]
    assert [row.ref for row in (await listed(attention=True)).rows] == ["r3"]
    assert len((await listed(attention=False, stage="open")).rows) == 3
    assert [row.ref for row in (await listed(channel="beta-eu")).rows] == ["r6"]
    assert [row.ref for row in (await listed(text="r7", stage="open")).rows] == ["r7"]
    assert (await listed(text="r7", stage="closed")).rows == ()
    assert await shop.views.attention(minutes(9)) == (1, 8 * 60.0)


def test_every_stage_and_progress_can_be_asked_for() -> None:
    """What the machines say of an order's stage and progress is what lists can be filtered by."""
    assert {one for one in TABLE.stages if one != NEW} < set(STAGES)
    assert {*WORDS.values(), *FINAL} < set(PROGRESS)


async def test_an_order_that_was_replanned_shows_its_ended_things(shop: Shop) -> None:
    """A fulfilment that was cancelled stays visible by its key and end, its units are open."""
    stream = Stream()
    events = (
        stream.placed(),
        e.Accepted(rule="accept", basis="paid"),
        planned(F1, "main", (0, 2)),
        e.FulfilmentCancelled(rule="cancelled", key=F1, moves=(e.Move(0, 2, "allocated", "open"),)),
    )
    await shop.tell(stream.tell(*events))
    view = await shop.views.show(stream.order_id)
    assert view is not None
    assert view.fulfilments == ()
    assert [(one.key, one.stage) for one in view.ended] == [(F1, "cancelled")]
    assert view.lines[0].accounts == {"ordered": 2, "open": 2}


async def test_an_order_of_a_hundred_thousand_events_is_shown_in_bounded_time(shop: Shop) -> None:
    """The timeline has the newest thousand, and neither it nor the order reads the rest."""
    stream = await a_story(shop)
    await shop.pool.fetch(
        "INSERT INTO events (order_id, version, type, body, at)"
        " SELECT order_id, n, type, body, at FROM events, generate_series(1001, 101000) AS n"
        " WHERE order_id = $1 AND version = 1",
        stream.order_id,
    )
    clock = asyncio.get_running_loop().time
    began = clock()
    told = await shop.views.timeline(stream.order_id)
    assert (await shop.views.show(stream.order_id)) is not None
    assert clock() - began < 2.0
    versions = [entry.version for entry in told if entry.kind == "event"]
    assert versions == list(range(101_000 - MAX_ENTRIES + 1, 101_001))


async def test_a_forged_cursor_is_refused_in_words(shop: Shop) -> None:
    """Whatever somebody puts there, it is a refusal and no failure."""
    for cursor in ("", "x", "bnVsbA==", "WzFlOTk5LCAieCJd", "é", "WzAs" * 200):
        with pytest.raises(CursorRefused, match="start again"):
            await shop.views.list_orders(cursor=cursor)
    with pytest.raises(CursorRefused):
        await shop.views.list_orders(cursor="WzkyMjMzNzIwMzY4NTQ3NzU4MDcsICJ4Il0=")


async def test_without_postgres_views_say_so(shop: Shop) -> None:
    """A view never hangs and never shows an empty list for a database that is gone."""
    views = Views(Pool("postgresql://nobody@127.0.0.1:1/none", deadline_seconds=0.2), SEALING)
    with pytest.raises(JournalUnavailable):
        await views.list_orders()
    assert (await shop.views.list_orders()).rows == ()
