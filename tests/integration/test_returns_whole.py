"""Goods that come back, at a running service: by the command line, by the API, and in the stock."""

from __future__ import annotations

import json
from typing import Any

import msgspec

from schemas.order.canonical import Order
from tests.integration.test_facts_whole import facts as every_fact
from tests.integration.whole import CHANNEL, Whole
from tests.waiting import eventually

ON_CHANNEL = {"X_Orderwright_Channel": CHANNEL}
WHY = ("--reason", "customer rang")


async def closed(whole: Whole) -> Order:
    """Return an order that went all the way."""
    order = whole.order()
    await whole.place(order, **ON_CHANNEL)
    await whole.until(order.number, "closed")
    return order


def returns_of(whole: Whole, order: Order) -> list[dict[str, Any]]:
    """Return the order's returns as `orders show` has them."""
    found = json.loads(whole.cli("orders", "show", order.number, "--json"))["returns"]
    assert isinstance(found, list)
    return found


async def stands(whole: Whole, order: Order, stage: str) -> dict[str, Any]:
    """Wait until the order's first return is in a stage."""

    def there() -> bool:
        found = returns_of(whole, order)
        return bool(found) and found[0]["stage"] == stage

    await eventually(there, 20.0)
    return returns_of(whole, order)[0]


def on_hand(whole: Whole, sku: str, place: str) -> int:
    """Return how many units of a SKU lie at a place."""
    found = json.loads(whole.cli("stock", "show", sku, "--json"))
    return int(next(x["on_hand"] for x in found["balances"] if x["place"] == place))


async def test_a_return_by_the_command_line(whole: Whole) -> None:
    """From the wish to the stock: each step is typed, shown, and told in the timeline; what can't
    be is refused in words."""
    order = await closed(whole)
    line = order.lines[0]
    one = f"{line.line_id}=1"
    asked = ("returns", "request", order.number, *WHY)
    assert "is not LINE=QTY" in whole.cli(*asked, "--line", "1", code=1)
    assert "has no line 99" in whole.cli(*asked, "--line", "99=1", code=1)
    many = whole.cli(*asked, "--line", f"{line.line_id}=999", "--wait", code=1)
    assert "can come back" in many
    whole.cli(*asked, "--line", f"{one}:too_small", "--wait")
    shown = whole.cli("orders", "show", order.number)
    assert "requested: 1 × SKU-001" in shown
    assert "authorise or decline it" in shown
    assert "→ orderwright returns authorise | decline" in shown
    whole.cli("returns", "authorise", order.number, *WHY, "--wait")
    whole.cli("returns", "send", order.number, "--tracking", "1ZBACK", *WHY, "--wait")
    assert "no return T9" in whole.cli(
        "returns", "receive", order.number, "--key", "t9", *WHY, code=1
    )
    assert "no place nowhere" in whole.cli(
        "returns", "receive", order.number, "--place", "nowhere", *WHY, "--wait", code=1
    )
    before = on_hand(whole, line.sku, "east")
    whole.cli("returns", "receive", order.number, "--place", "east", *WHY, "--wait")
    whole.cli("returns", "inspect", order.number, "--line", f"{one}:restock", *WHY, "--wait")
    found = await stands(whole, order, "closed")
    assert (found["stock"], found["money"], found["tracking_number"]) == ("done", "asked", "1ZBACK")
    assert found["lines"][0]["reasons"] == ["too_small"]
    assert on_hand(whole, line.sku, "east") == before + 1
    assert "every balance is the sum of its movements" in whole.cli("stock", "verify")
    told = whole.cli("orders", "timeline", order.number)
    for words in ("are to be sent back (too_small)", "came back at east", "is closed: its goods"):
        assert words in told, told
    whole.cli("orders", "done", order.number, "--task", "return-money-T1", *WHY, "--wait")
    whole.cli(*asked, "--line", one, "--wait")
    whole.cli("returns", "decline", order.number, *WHY, "--wait")
    whole.cli(*asked, "--line", one, "--wait")
    whole.cli("returns", "cancel", order.number, "--key", "T3", *WHY, "--wait")
    stages = [found["stage"] for found in returns_of(whole, order)]
    assert stages == ["closed", "declined", "cancelled"]
    assert whole.cli("orders", "replay", "--verify")


async def test_a_return_by_the_api(whole: Whole) -> None:
    """A key with the scope of returns alone takes its steps, once for each Idempotency-Key; another
    key may not, and what can't be meant is said at once."""
    order = await closed(whole)
    line = {"line_id": order.lines[0].line_id, "quantity": 1}
    words = ("keys", "create", "returns", "--scope", "returns:act")
    token = next(x for x in whole.cli(*words, "--channel", CHANNEL).split() if x.startswith("ow_"))
    path = f"/api/v1/orders/{order.ref}/returns"

    async def post(step: str, told: dict[str, object], key: str) -> tuple[int, str]:
        answer = await whole.ask(
            "POST", f"{path}/{step}", body=msgspec.json.encode(told),
            Authorization=f"Bearer {token}", Idempotency_Key=key,
        )  # fmt: skip
        return answer.status, answer.body.decode()

    told: dict[str, object]
    for _ in range(2):
        told = {"reason": "unannounced", "lines": [line], "source": "warehouse", "place": "east"}
        assert (await post("receive", told, "first"))[0] == 202
    await stands(whole, order, "received")
    wrong_ones: tuple[tuple[str, dict[str, object], int, str], ...] = (
        ("keep", {"reason": "x"}, 404, "steps of a return"),
        ("request", {"reason": "x"}, 422, "names no lines"),
        ("receive", {"reason": "x", "source": "channel"}, 422, "tells of its returns itself"),
        ("inspect", {"reason": "x", "lines": [line]}, 422, "no disposition"),
        ("inspect", {"reason": ""}, 422, "reason"),
        ("inspect", {"reason": "x", "key": "T7"}, 409, "no return T7"),
    )
    for number, (step, wrong, status, said) in enumerate(wrong_ones):
        found = await post(step, wrong, f"wrong-{number}")
        assert (found[0], said in found[1]) == (status, True), found
    inspected = [{**line, "disposition": "damaged"}]
    told = {"reason": "broken", "lines": inspected, "refund": "none", "key": "T1"}
    assert (await post("inspect", told, "second"))[0] == 202
    found_there = await stands(whole, order, "closed")
    assert (found_there["money"], found_there["source"]) == ("none", "warehouse")
    assert len(returns_of(whole, order)) == 1
    facts = [x["data"] for x in await every_fact(whole, CHANNEL) if x["subject"] == order.ref]
    assert [x["returned"] for x in facts if x.get("fact") == "returned"] == ["T1"]
    refused = await whole.api(
        "POST", f"{path}/receive", body=b'{"reason": "x"}', Idempotency_Key="other"
    )
    assert refused.status == 403
