"""The console's pages of the mappings over HTTP: what is missing, by how many orders, and the entry
that frees them."""

from __future__ import annotations

import asyncio
import json
import re
from pathlib import Path

from msgspec.structs import replace

from schemas.order.canonical import Order
from tests.integration.console import Visitor, a_user
from tests.integration.test_mappings_whole import ON_CHANNEL, closed, in_use
from tests.integration.whole import CHANNEL, Whole
from tests.waiting import eventually

__all__ = ["closed"]


async def visitor(whole: Whole, name: str, role: str) -> Visitor:
    """A person who has signed in."""
    await asyncio.to_thread(a_user, whole, name, role)
    found = Visitor(whole)
    await found.sign_in(name)
    return found


async def lacking(whole: Whole, *skus: str) -> list[Order]:
    """Place an order of each SKU, and wait until they wait for it."""
    orders = []
    for sku in skus:
        order = whole.order()
        lines = (replace(order.lines[0], sku=sku), *order.lines[1:])
        orders.append(replace(order, lines=lines))
        await whole.place(orders[-1], **ON_CHANNEL)
    for order in orders:
        await whole.until(order.number, "placed")
    return orders


def waiting_for(page: str, value: str) -> int:
    """How many orders wait for a value, 0 where it is not missing."""
    row = re.search(rf'<th scope="row">{value}</th>.*?class="number">(\d+)</td>', page, re.DOTALL)
    return int(row[1]) if row else 0


async def test_what_is_missing_is_counted_named_and_goes_on(whole: Whole, closed: Path) -> None:
    """By value, most wanted first; a look changes nothing; what is stored once, with its reason and
    its person, frees exactly the orders that wait for it."""
    await in_use(whole)
    one, two, other = await lacking(whole, "PG-1", "PG-1", "PG-2")
    oscar = await visitor(whole, "oscar", "operator")

    async def counted() -> str:
        page = await oscar.page("/mappings")
        return page if waiting_for(page, "PG-1") == 2 else ""

    page = await eventually(counted, 20.0)
    assert waiting_for(page, "PG-2") == 1
    assert page.index("PG-1") < page.index("PG-2")
    assert one.number in page
    fields = {"kind": "sku", "channel": CHANNEL, "theirs": "PG-1", "ours": "SKU-001"}
    before = json.loads(whole.cli("mappings", "show"))["version"]
    looked = await oscar.post("/mappings/add", **fields, then="look")
    assert b"<b>2 orders</b>" in looked.body
    assert b"Say why" in (await oscar.post("/mappings/add", **fields, reason=" ")).body
    for wrong, words in (
        ({"ours": ""}, b"what we call it"),
        ({"channel": "elsewhere"}, b"Choose a channel"),
        ({"kind": "colour"}, b"Choose what kind"),
        ({"ours": "x\ny"}, b"invalid"),
    ):
        answer = await oscar.post("/mappings/add", **{**fields, **wrong, "reason": "x"})
        assert words in answer.body, (wrong, answer.body)
    for _ in range(2):
        answer = await oscar.post("/mappings/add", **fields, reason="a new <b>name</b>")
        assert answer.headers["location"] == "/mappings?saved"
    assert json.loads(whole.cli("mappings", "show"))["version"] == before + 1
    for order in (one, two):
        await whole.until(order.number, "closed", seconds=60.0)
    await whole.until(other.number, "placed")
    history = await oscar.page("/mappings/history")
    assert "a new &lt;b&gt;name&lt;/b&gt;" in history
    assert "oscar (console)" in history
    ada = await visitor(whole, "ada", "admin")
    audit = await ada.page("/audit?action=mappings.save&person=oscar")
    assert f"mappings:{before + 1}" in audit
    page = await oscar.page("/mappings?q=pg-1")
    assert '<th scope="row">PG-1</th><td>SKU-001</td>' in page
    assert "No entry has that" in await oscar.page("/mappings?q=nowhere")


async def test_a_name_that_is_ours_already_is_known(whole: Whole, closed: Path) -> None:
    """Said to be the same, it is listed as it is, and its order goes on."""
    await in_use(whole)
    (order,) = await lacking(whole, "SKU-003")
    oscar = await visitor(whole, "oscar", "operator")
    fields = {"kind": "sku", "channel": CHANNEL, "theirs": "SKU-003", "ours": "SKU-003"}
    assert (await oscar.post("/mappings/add", **fields, reason="ours")).status == 303
    await whole.until(order.number, "closed", "backordered", "accepted", "open", seconds=60.0)
    known = json.loads(whole.cli("mappings", "show"))["mappings"]["channels"][CHANNEL]["skus"]
    assert "SKU-003" in known["known"]
