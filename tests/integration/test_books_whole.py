"""The accounting export of a whole service: its orders by command line and over HTTP."""

from __future__ import annotations

import asyncio
import csv
import io
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec

from tests.integration.test_api_whole import ON_CHANNEL
from tests.integration.whole import CHANNEL, Answer, Whole
from tests.waiting import eventually

DAYS = "from=2020-01-01&to=2020-12-31"


def entries(text: str, number: str) -> list[dict[str, str]]:
    """The entries of one order."""
    return [row for row in csv.DictReader(io.StringIO(text)) if row["order"] == number]


def balance(rows: list[dict[str, str]]) -> dict[str, Decimal]:
    """What is on each account."""
    found: dict[str, Decimal] = {}
    for row in rows:
        amount = Decimal(row["debit"] or 0) - Decimal(row["credit"] or 0)
        found[row["account"]] = found.get(row["account"], Decimal(0)) + amount
    return {name: amount for name, amount in found.items() if amount}


async def export(whole: Whole, query: str = DAYS) -> Answer:
    """Ask over HTTP."""
    return await whole.api("GET", f"/api/v1/books/export?{query}")


async def journal(whole: Whole) -> str:
    """The CSV over HTTP; "" while orders of the past are being entered."""
    answer = await export(whole)
    assert answer.status in (200, 503), answer.body
    return answer.body.decode() if answer.status == 200 else ""


async def test_an_order_is_exported(whole: Whole, tmp_path: Path) -> None:
    """Sale and payment on the day on which it was placed; the file and the API say the same, and
    an export that is repeated as well. A cancelled order comes to nothing."""
    order = whole.order(placed_at="2020-02-29T23:59:59+02:00")
    await whole.place(order, **ON_CHANNEL)
    await whole.until(order.number, "closed")

    async def entered() -> list[dict[str, str]]:
        return entries(await journal(whole), order.number)

    rows: list[dict[str, str]] = await eventually(entered, 30.0)
    total = Decimal(order.totals.total_minor).scaleb(-2)
    assert {row["date"] for row in rows} == {"2020-02-29"}
    assert {row["kind"] for row in rows} >= {"sale", "payment"}
    assert sum(balance(rows).values()) == 0
    assert balance([row for row in rows if row["kind"] == "sale"])["Accounts receivable"] == total
    assert balance(rows).get("Accounts receivable", Decimal(0)) == 0

    file = tmp_path / "books.csv"
    words = "books", "export", "--from", "2020-02-29", "--to", "2020-02-29"
    said = await asyncio.to_thread(whole.cli, *words, "--channel", CHANNEL, "--output", str(file))
    assert "documents" in said
    assert entries(file.read_text("utf-8"), order.number) == rows
    assert entries(await asyncio.to_thread(whole.cli, *words), order.number) == rows
    assert entries(await journal(whole), order.number) == rows


async def test_the_journal_as_requests_of_quickbooks(whole: Whole) -> None:
    """A document a line, each with the name that it has in the CSV."""
    order = whole.order(placed_at="2020-03-01T12:00:00+00:00")
    await whole.place(order, **ON_CHANNEL)
    await whole.until(order.number, "closed")

    async def entered() -> set[str]:
        return {row["document"] for row in entries(await journal(whole), order.number)}

    names: set[str] = await eventually(entered, 30.0)
    answer = await export(whole, f"{DAYS}&format=quickbooks")
    assert answer.headers["content-type"].startswith("application/x-ndjson")
    sent = [msgspec.json.decode(line) for line in answer.body.splitlines()]
    assert names <= {one["requestid"] for one in sent}
    words = "books", "export", "--from", "2020-03-01", "--to", "2020-03-01"
    typed = await asyncio.to_thread(whole.cli, *words, "--format", "quickbooks")
    assert names <= {msgspec.json.decode(line)["requestid"] for line in typed.splitlines()}


async def test_days_that_are_none_are_refused(whole: Whole) -> None:
    """What is not a day, a window that is empty or too long, a form and a cursor of none."""
    asked: dict[str, int] = {
        "from=2020-01-01": 400,
        "from=yesterday&to=2020-01-01": 400,
        f"{DAYS}&cursor=1": 400,
        f"{DAYS}&format=iif": 400,
        "from=2020-01-02&to=2020-01-01": 422,
        "from=2020-01-01&to=2021-01-01": 422,
    }
    for query, status in asked.items():
        answer = await export(whole, query)
        told: dict[str, Any] = msgspec.json.decode(answer.body)
        assert answer.status == told["status"] == status, query
