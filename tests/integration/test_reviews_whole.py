"""The review queue as people meet it: by command line and API, on a running service."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from msgspec.structs import replace

from schemas.order.canonical import Address, Order
from tests.integration.test_rules_whole import dear, in_use
from tests.integration.whole import CHANNEL, Whole
from tests.waiting import eventually

NOTE = "a reviewer decides"
RULES = f"""
[[review]]
name = "by-note"
when = 'order.note == "{NOTE}"'
hold = "the customer wants to be called"

[[review]]
name = "billed-elsewhere"
when = '''
order.attributes.size() > 0 && has(order.bill_to) && has(order.ship_to) &&
order.bill_to.city != order.ship_to.city
'''
hold = "billed to another address"
pick = true
"""


async def published(whole: Whole, tmp_path: Path, text: str) -> None:
    """Have the service decide by these rules."""
    file = tmp_path / "rules.toml"
    file.write_text(text)
    said = await asyncio.to_thread(whole.cli, "rules", "publish", str(file), "--reason", "a test")
    await in_use(whole, int(said.split()[1]))


@pytest.fixture
async def ruled(whole: Whole, tmp_path: Path) -> AsyncIterator[Whole]:
    """The service with rules that send some orders to a person; afterwards it has none."""
    await published(whole, tmp_path, RULES)
    yield whole
    await published(whole, tmp_path, "")


async def placed(whole: Whole, order: Order) -> str:
    """Place an order; return its id."""
    return str((await whole.place(order, X_Orderwright_Channel=CHANNEL))["order_id"])


async def waiting(whole: Whole, order_id: str) -> dict[str, Any]:
    """The review of an order, once it is in the queue."""

    async def found() -> dict[str, Any]:
        rows = await queue(whole)
        return next((row for row in rows if row["order_id"] == order_id), {})

    return await eventually(found, 30.0)


async def queue(whole: Whole) -> list[dict[str, Any]]:
    """Everything in the queue, in its order."""
    answer = await whole.api("GET", "/api/v1/reviews?limit=200")
    assert answer.status == 200, answer.body
    rows: list[dict[str, Any]] = msgspec.json.decode(answer.body)["reviews"]
    return rows


async def decide(whole: Whole, review: dict[str, Any], verb: str, reason: str) -> int:
    """Decide over the API; return the status."""
    path = f"/api/v1/reviews/{review['id']}/{verb}"
    body = msgspec.json.encode({"reason": reason})
    return (await whole.api("POST", path, body=body)).status


async def test_the_queue_has_the_highest_value_first_and_the_evidence(ruled: Whole) -> None:
    """Two orders of one customer are held; the dearer one is first. What is shown names the rule
    with its facts, the customer's other orders, the stock and who has claimed it."""
    cheap, high = ruled.order(note=NOTE), dear(ruled.order(note=NOTE))
    ids = [await placed(ruled, one) for one in (cheap, high)]
    for order_id in ids:
        await waiting(ruled, order_id)
    rows = [row for row in await queue(ruled) if row["order_id"] in ids]
    assert [row["order_id"] for row in rows] == [ids[1], ids[0]]
    review = rows[0]
    assert review["reason"] == "the customer wants to be called"
    answer = await ruled.api("GET", f"/api/v1/reviews/{review['id']}")
    evidence: Any = answer.json()["evidence"]
    assert evidence["rule"]["rule"] == "by-note"
    assert "by-note" in evidence["facts"]
    assert evidence["history"]["orders"] >= 1
    assert evidence["picking"] is False
    shown = ruled.cli("reviews", "show", str(review["id"]))
    assert "the customer wants to be called" in shown
    assert "nothing goes on" in shown
    assert "is yours" in ruled.cli("reviews", "claim", str(review["id"]))
    assert await decide(ruled, review, "approve", "I want it") == 409
    mine = json.loads(ruled.cli("reviews", "list", "--mine", "--json"))
    assert [row["id"] for row in mine] == [review["id"]]
    assert "waits for the answer" in ruled.cli("reviews", "ask", str(review["id"]), "which size?")
    assert "asked: which size?" in ruled.cli("reviews", "list", "--channel", CHANNEL)
    said = ruled.cli("reviews", "approve", str(review["id"]), "--reason", "they called")
    assert "goes on in a moment" in said
    await ruled.until(high.number, "shipped", "delivered", "closed", seconds=60.0)
    assert await decide(ruled, rows[1], "reject", "it is a fraud") == 200
    await ruled.until(cheap.number, "cancelling", "cancelled", seconds=60.0)
    left = [row for row in await queue(ruled) if row["order_id"] in ids]
    assert await eventually(lambda: _gone(ruled, ids), 20.0), left
    timeline = ruled.cli("orders", "timeline", high.number)
    assert "they called" in timeline
    ruled.cli("reviews", "approve", str(review["id"]), "--reason", "again", code=11)
    ruled.cli("reviews", "show", "999999", code=11)


async def _gone(whole: Whole, ids: list[str]) -> bool:
    return not [row for row in await queue(whole) if row["order_id"] in ids]


async def test_a_buyer_billed_elsewhere_is_picked_while_the_label_waits(ruled: Whole) -> None:
    """The warehouse picks and packs at once; nothing leaves before a person has approved."""
    there = Address(
        name="Someone", lines=("1 Other St",), city="Austin", region="TX", postal_code="78701",
        country="US",
    )  # fmt: skip
    order = ruled.order(bill_to=there, attributes={"gift": "no"})
    habits = {"warehouse": "*", "order": order.ref, "fetch_labels": True}
    await ruled.world.ask("POST", "/_sim/warehouse/habits", habits)
    order_id = await placed(ruled, order)
    review = await waiting(ruled, order_id)
    assert review["hold_id"] == "rule-elevated-billed-elsewhere"
    await ruled.until(order.number, "packed", seconds=60.0)
    shown = ruled.cli("reviews", "show", str(review["id"]))
    assert "the warehouse picks" in shown
    assert json.loads(ruled.cli("orders", "show", order.number, "--json"))["files"] == []
    ruled.cli("reviews", "reject", "999999", "--reason", "none", code=11)
    assert await decide(ruled, review, "approve", "both addresses are known") == 200
    await ruled.until(order.number, "shipped", "delivered", "closed", seconds=60.0)


async def test_an_order_without_a_note_is_not_reviewed(ruled: Whole) -> None:
    """The rules send no one else's order to a person."""
    order = replace(ruled.order(), note="")
    order_id = await placed(ruled, order)
    await ruled.until(order.number, "shipped", "delivered", "closed", seconds=60.0)
    assert await _gone(ruled, [order_id])
