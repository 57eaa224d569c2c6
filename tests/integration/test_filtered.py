"""Lists by a filter, read from a real journal."""

from __future__ import annotations

from collections.abc import AsyncIterator

import msgspec
import pytest
from msgspec.structs import replace

from adapters.postgres import filtered
from adapters.postgres.journal import PostgresJournal
from adapters.postgres.leases import Leases
from adapters.postgres.migrate import migrate
from adapters.postgres.order_filter import FIELDS, parse
from adapters.postgres.pool import Pool
from adapters.postgres.views import Views
from schemas.messages.codec import encode
from schemas.order.customers import email_of
from tests.appends import CHANNEL, SEALING, append, minutes
from tests.orders import an_order

HOSTILE = """'); DROP TABLE orders; --"\\%_\u2028<script>\U0001f600"""
NOW = minutes(60)


class Shop:
    """A journal with orders in it, and lists of them."""

    def __init__(self, pool: Pool, leases: Leases) -> None:
        self.journal = PostgresJournal(pool, leases, SEALING)
        self.views = Views(pool, SEALING)

    async def place(
        self, ref: str, minute: float, *, sku: str = "SKU-1", hold: str = "", **row: object
    ) -> None:
        """Place an order that long after noon."""
        state = {"lines": [["1", sku, "", {}]], "holds": [[hold, "why", "O"]] if hold else []}
        order = an_order(ref=ref)
        one = append(ref, state=msgspec.json.encode(state), body=encode(order), at=minutes(minute))
        bodies = tuple(replace(one, email=email_of(order.customer.email)) for one in one.bodies)
        one = replace(one, bodies=bodies)
        row = {"attention": bool(hold), **row}
        assert (await self.journal.append(replace(one, row=replace(one.row, **row)))).kind == (
            "committed"
        )

    async def found(self, text: str, **asked: object) -> list[str]:
        """The references that a filter finds, newest first."""
        known = {"known": (CHANNEL,), "now": NOW, **asked}
        page = await self.views.matching(parse(text), **known)  # type: ignore[arg-type]  # of a test
        return [row.ref for row in page.rows]


@pytest.fixture
async def shop(database: str) -> AsyncIterator[Shop]:
    await migrate(database)
    pool = Pool(database, deadline_seconds=10, by_key=False)
    leases = Leases(pool, "test")
    await leases.acquire()
    yield Shop(pool, leases)
    await leases.release()
    await pool.close()


async def test_each_field_finds_its_orders(shop: Shop) -> None:
    """What is stored is what is found, whatever the field, alone, turned round and together."""
    await shop.place("A1", 0, stage="open", progress="packed", total_minor=50_001)
    await shop.place("A2", 10, stage="open", progress="picked", sku="MUG", hold="address-7")
    await shop.place("A3", 20, stage="closed", progress="closed", final=True, currency="JPY")
    assert await shop.found("") == ["A3", "A2", "A1"]
    assert await shop.found("channel:acme-us") == ["A3", "A2", "A1"]
    assert await shop.found("channel:other") == []
    assert await shop.found("stage:packed") == ["A1"]
    assert await shop.found("stage:packed,closed") == ["A3", "A1"]
    assert await shop.found("-stage:open") == ["A3"]
    assert await shop.found("is:attention") == ["A2"]
    assert await shop.found("is:open") == ["A2", "A1"]
    assert await shop.found("is:final,attention") == ["A3", "A2"]
    assert await shop.found("hold:address") == ["A2"]
    assert await shop.found("hold:dress") == []
    assert await shop.found("-hold:address") == ["A3", "A1"]
    assert await shop.found("age:>45m") == ["A2", "A1"]
    assert await shop.found("age:<45m age:>=40m") == ["A3"]
    assert await shop.found("total:>500") == ["A3", "A1"], "404.95 in dollars, 40,495 in yen"
    assert await shop.found("total:40495 currency:jpy") == ["A3"]
    assert await shop.found("total:404.95") == ["A2"]
    assert await shop.found("sku:MUG") == ["A2"]
    assert await shop.found("-sku:MUG is:open") == ["A1"]
    assert await shop.found("#A1") == ["A1"]
    assert await shop.found("number:A1,A3") == ["A3", "A1"]
    assert await shop.found("email:Steve@Example.com") == ["A3", "A2", "A1"]
    assert await shop.found("email:steve@example.com channel:other") == []
    assert await shop.found("email:no@example.com") == []


async def test_a_filter_shows_no_other_channels(shop: Shop) -> None:
    """Whoever may see one channel finds nothing of another, by no field."""
    await shop.place("A1", 0)
    for text in ("", "A1", "channel:acme-us", "email:steve@example.com", "-channel:other"):
        assert await shop.found(text, only=("other",)) == []
        assert await shop.found(text, only=(CHANNEL,)) == ["A1"]


async def test_hostile_values_are_looked_for_like_others(shop: Shop) -> None:
    """Whatever a value says, it is compared, and nothing else comes of it."""
    await shop.place("A1", 0, sku=HOSTILE.replace('"', "'"), hold=HOSTILE.replace('"', "'"))
    value = HOSTILE.replace('"', "'")
    assert await shop.found(f'sku:"{value}"') == ["A1"]
    assert await shop.found(f'hold:"{value}"') == ["A1"]
    assert await shop.found("hold:%") == []
    for name, field in FIELDS.items():
        if not field.choices and not field.compares and name != "currency":
            await shop.found(f'{name}:"{value}@\x00\ud800"')
    assert await shop.found("") == ["A1"]


async def test_pages_go_on_where_a_scan_ended(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    """A filter that nearly nothing fits compares so many orders a page, and the next page goes on:
    together they find each order once."""
    monkeypatch.setattr(filtered, "SCANNED", 4)
    wanted = []
    for number in range(18):
        await shop.place(f"R{number}", number, sku="RARE" if number % 5 == 0 else "SKU")
        wanted.append(f"R{number}")
    wanted = [f"R{number}" for number in (15, 10, 5, 0)]
    for limit in (1, 2, 50):
        seen: list[str] = []
        cursor: str | None = ""
        pages = 0
        while cursor is not None:
            page = await shop.views.matching(
                parse("sku:RARE"), now=NOW, known=(), cursor=cursor or None, limit=limit
            )
            seen += [row.ref for row in page.rows]
            cursor = page.next_cursor
            pages += 1
        assert seen == wanted
        assert pages >= 4
