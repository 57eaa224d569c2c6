"""What people see of orders, read from a real journal."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from msgspec.structs import replace

from actors.runtime.errors import JournalUnavailable
from actors.runtime.ports import Append, Document, EffectNote
from adapters.postgres.journal import PostgresJournal
from adapters.postgres.leases import Leases
from adapters.postgres.migrate import migrate
from adapters.postgres.outbox import PostgresOutbox
from adapters.postgres.pool import Pool
from adapters.postgres.views import CursorRefused, Views
from schemas.messages import events as e
from schemas.messages.effects import CreateWarehouseTask, PostSalesOrder, ReserveStock
from schemas.order.ids import OrderId
from tests.appends import SEALING, append, correlation_id_of, id_of, minutes

TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
LABEL = Document(name="label-1.png", content_type="image/png", content=b"\x89PNG\x00")


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


async def a_story(shop: Shop) -> OrderId:
    """Placed, stock reserved, the warehouse's task failing, the ERP's order waiting for a
    person."""
    first = append(
        "1042",
        record={1: ReserveStock()},
        set_timers=(("stock", minutes(60)),),
        body=b"{}",
    )
    reserved = replace(
        append(
            "1042",
            1,
            record={2: PostSalesOrder(), 3: CreateWarehouseTask()},
            settled=((1, "done"),),
            clear_timers=("stock",),
            set_timers=(("pack", minutes(600)),),
            documents=(LABEL,),
            at=minutes(1),
        ),
        events=(e.StockReserved(rule="reserve", settles=1, place="main"),),
        trace=TRACE,
    )
    stuck = replace(
        append("1042", 2, settled=((2, "person"),), at=minutes(2)),
        events=(
            e.GivenToPerson(
                rule="give_up", settles=2, effect=2, kind="erp.post_sales_order.v1", reason="Why."
            ),
        ),
    )
    stuck = replace(stuck, row=replace(stuck.row, attention=True, stage="reserved"))
    await shop.tell(replace(first, trace=TRACE), reserved, stuck)
    await shop.outbox.note(
        EffectNote(
            order_id=id_of("1042"),
            number=3,
            attempts=2,
            due_at=minutes(5),
            error="The warehouse answered 503.",
        )
    )
    return id_of("1042")


async def test_a_timeline_tells_everything_in_order(shop: Shop) -> None:
    """Events with their rules, effects with their ends and failures, and what is due."""
    order_id = await a_story(shop)
    told = await shop.views.timeline(order_id)
    assert [(entry.kind, entry.text) for entry in told] == [
        (
            "event",
            "Order #1042 placed on acme-us: 2 pieces of 1 SKU(s), 404.95 USD, payment paid.",
        ),
        ("effect", "Reserve the stock: asked"),
        ("effect", "Reserve the stock: done"),
        ("event", "Every line is reserved at main."),
        ("effect", "Post the sales order to the ERP: asked"),
        ("effect", "Give the warehouse its task: called 2 times, not ended yet"),
        ("effect", "Post the sales order to the ERP: given to a person"),
        ("event", "Post the sales order to the ERP: a person must see to it: Why."),
        ("timer", "Due: pack."),
    ]
    assert [entry.at for entry in told] == sorted(entry.at for entry in told)
    waiting = told[5]
    assert (waiting.partner, waiting.attempts) == ("warehouse", 2)
    assert waiting.error == "The warehouse answered 503."
    assert waiting.due_at == minutes(5)
    assert waiting.trace_id == TRACE[3:35]
    assert told[3].rule == "reserve"
    assert await shop.views.timeline(OrderId("nobody")) == ()


async def test_one_order_with_what_is_under_way(shop: Shop) -> None:
    """Only effects that have not ended well, timers, and names of files."""
    order_id = await a_story(shop)
    view = await shop.views.show(order_id)
    assert view is not None
    assert [(one.number, one.status, one.attempts) for one in view.effects] == [
        (2, "person", 0),
        (3, "open", 2),
    ]
    assert [(one.name, one.due_at) for one in view.timers] == [("pack", minutes(600))]
    assert view.documents == (LABEL.name,)
    assert view.row.attention
    assert view.row.next_due_at == minutes(600)
    assert await shop.views.document(order_id, LABEL.name) == LABEL
    assert await shop.views.document(order_id, "other") is None
    assert await shop.views.show(OrderId("nobody\x00")) is None


async def test_an_order_is_found_by_every_name_it_has(shop: Shop) -> None:
    """Order id, correlation id, reference and people's number, with or without the hash sign."""
    await shop.an_order("820982911946154508", number="#1042")
    order_id = id_of("820982911946154508")
    names = ["1042", "#1042", " 1042 ", "820982911946154508", order_id]
    names.append(correlation_id_of("820982911946154508"))
    for name in names:
        assert await shop.views.find(name) == order_id, name
    for name in ("104", "", "#", "' OR 1=1 --", "\x00\ud800", "x" * 10_000):
        assert await shop.views.find(name) is None


async def test_lists_are_filtered_and_paged_newest_first(shop: Shop) -> None:
    """Every filter alone and together; pages neither repeat nor miss, also at equal times."""
    for number in range(10):
        stage = "closed" if number % 5 == 4 else "backordered" if number % 2 else "placed"
        await shop.an_order(
            f"r{number}",
            number // 2,
            stage=stage,
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
    assert {row.ref for row in (await listed(stage="backordered")).rows} == {"r1", "r3", "r5", "r7"}
    assert [row.ref for row in (await listed(attention=True)).rows] == ["r3"]
    assert len((await listed(attention=False, stage="backordered")).rows) == 3
    assert [row.ref for row in (await listed(channel="beta-eu")).rows] == ["r6"]
    assert [row.ref for row in (await listed(text="r7", stage="backordered")).rows] == ["r7"]
    assert (await listed(text="r7", stage="closed")).rows == ()
    assert await shop.views.attention(minutes(9)) == (1, 8 * 60.0)


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
