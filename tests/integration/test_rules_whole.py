"""Rules as people meet them: checked, tried, published while orders are in flight, and returned to
what they were."""

from __future__ import annotations

import json
from pathlib import Path

from msgspec.structs import replace

from schemas.messages.codec import encode
from schemas.order.canonical import Customer, Order
from tests.integration.whole import CHANNEL, Whole
from tests.waiting import eventually

ON_CHANNEL = {"X_Orderwright_Channel": CHANNEL}
RULES = """
[[ship]]
name = "high-value"
when = "order.totals.total_minor >= 50000"
carrier = "fedex"
tag = "premium"

[[approve]]
name = "by-hand"
when = 'order.note == "a person decides"'
hold = "the customer asked for a person"
"""
NONE = ""
FIRST_ORDER = """
[[review]]
name = "first-order"
when = "has(customer.orders) && customer.orders == 0"
hold = "a first order"
pick = true
"""


async def in_use(whole: Whole, version: int) -> None:
    """Wait until the running service decides by a version."""

    async def there() -> bool:
        metrics = (await whole.ask("GET", "/metrics")).body.decode()
        return f"orderwright_rules_version {version}.0" in metrics

    await eventually(there, 20.0)


def dear(order: Order) -> Order:
    """Return the order at 900 dollars more."""
    first, *rest = order.lines
    more = 90_000
    lines = (replace(first, total_minor=first.total_minor + more), *rest)
    totals = replace(
        order.totals,
        subtotal_minor=order.totals.subtotal_minor + more,
        total_minor=order.totals.total_minor + more,
    )
    return replace(order, lines=lines, totals=totals)


async def test_rules_decide_while_orders_are_in_flight(whole: Whole, tmp_path: Path) -> None:
    """A published version decides about the next order, with its rule in the timeline; orders
    before it keep theirs; the return to no rules needs no restart."""
    file, empty = tmp_path / "rules.toml", tmp_path / "empty.toml"
    file.write_text(RULES)
    empty.write_text(NONE)
    before = whole.order()
    await whole.place(before, **ON_CHANNEL)
    assert "2 rules, 0 tables: 0 errors" in whole.cli("rules", "lint", str(file))
    assert "+ ship high-value" in whole.cli("rules", "diff", str(file))
    told = whole.cli("rules", "publish", str(file), "--reason", "premium goes by FedEx")
    version = int(told.split()[1])
    await in_use(whole, version)
    order = dear(whole.order())
    await whole.place(order, **ON_CHANNEL)
    await whole.until(order.number, "closed")
    shown = whole.cli("orders", "show", order.number)
    assert "ship: high-value → carrier fedex, tag premium" in shown
    timeline = whole.cli("orders", "timeline", order.number)
    assert "is bought from FedEx" in timeline
    assert f"Rules, version {version}: ship: high-value, carrier fedex" in timeline
    assert "(because order.totals.total_minor is" in timeline
    assert "approve: no rule matched" in timeline
    assert "rules " not in whole.cli("orders", "show", before.number)
    held = replace(whole.order(), note="a person decides")
    await whole.place(held, **ON_CHANNEL)
    await whole.until(held.number, "placed")
    assert "rule-approve-by-hand: the customer asked for" in whole.cli(
        "orders", "show", held.number
    )
    whole.cli("orders", "release", held.number, "--hold", "rule-approve-by-hand", "--reason", "ok")
    await whole.until(held.number, "closed")
    again = whole.cli("rules", "publish", str(empty), "--reason", "the sale is over")
    await in_use(whole, int(again.split()[1]))
    whole.cli("rules", "rollback", str(version), "--reason", "not yet")
    await in_use(whole, version)
    whole.cli("rules", "rollback", again.split()[1], "--reason", "now it is")
    await in_use(whole, int(again.split()[1]))
    history = whole.cli("rules", "history")
    assert "premium goes by FedEx" in history
    assert "(in use)" in history
    assert json.loads(whole.cli("rules", "show", str(version), "--json"))["version"] == version
    assert "high-value" in whole.cli("rules", "show", str(version))
    refused = whole.cli("rules", "approve", str(version), "--reason", "mine", code=1)
    assert "another person has to approve it" in refused
    verified = whole.cli("orders", "replay", "--verify")
    assert "every one gives its stored state" in verified


async def test_a_first_order_is_reviewed_and_the_next_is_not(whole: Whole, tmp_path: Path) -> None:
    """The history is read for the rule that asks for it; its numbers stand in the timeline, and the
    past is evaluated by them."""
    file, empty = tmp_path / "rules.toml", tmp_path / "empty.toml"
    file.write_text(FIRST_ORDER)
    empty.write_text(NONE)
    told = whole.cli("rules", "publish", str(file), "--reason", "look at new ones")
    await in_use(whole, int(told.split()[1]))
    who = Customer(name="Nora New", email="nora.new@example.com")
    first, second = (whole.order(customer=who) for _ in range(2))
    await whole.place(first, **ON_CHANNEL)
    hold = "rule-elevated-first-order"

    async def held() -> bool:
        return hold in whole.cli("orders", "show", first.number)

    await eventually(held, 30.0)
    timeline = whole.cli("orders", "timeline", first.number)
    assert "(because customer.orders is 0)" in timeline
    await whole.place(second, **ON_CHANNEL)
    await whole.until(second.number, "closed")
    assert hold not in whole.cli("orders", "show", second.number)
    whole.cli("orders", "release", first.number, "--hold", hold, "--reason", "known by now")
    await whole.until(first.number, "closed")
    again = whole.cli("rules", "publish", str(empty), "--reason", "enough of them")
    await in_use(whole, int(again.split()[1]))
    found = json.loads(whole.cli("rules", "backtest", str(file), "--last", "1d", "--json"))
    assert found["not_evaluable"] < found["orders"]
    assert first.number in [x["number"] for x in found["samples"]]
    assert second.number not in [x["number"] for x in found["samples"]]


async def test_rules_are_tried_on_the_past(whole: Whole, tmp_path: Path) -> None:
    """Which orders would go another way, and which rules never decide; nothing is changed."""
    order, other = dear(whole.order()), whole.order()
    for one in (order, other):
        await whole.place(one, **ON_CHANNEL)
    for one in (order, other):
        await whole.until(one.number, "closed")
    file = tmp_path / "rules.toml"
    file.write_text(RULES)
    before = whole.cli("rules", "history", "--json")
    found = json.loads(whole.cli("rules", "backtest", str(file), "--last", "1d", "--json"))
    assert 0 < found["differ"] < found["orders"]
    changes = dict(found["changes"])
    assert changes["nothing → ship: carrier fedex, ship: tag premium"] >= 1
    assert order.number in [x["number"] for x in found["samples"]]
    told = whole.cli("rules", "backtest", str(file), "--last", "1d")
    assert f"{found['differ']} would go another way" in told
    counted = json.loads(whole.cli("rules", "coverage", str(file), "--last", "1d", "--json"))
    fired = {x["rule"]: x for x in counted["rules"]}
    dear_ones = fired["high-value"]["decided"]
    assert dear_ones + fired["by-hand"]["decided"] == found["differ"]
    # Other tests leave orders of which only news came: there is nothing to evaluate.
    evaluable = counted["orders"] - counted["not_evaluable"]
    assert counted["unmatched"]["ship"] == evaluable - dear_ones
    assert "high-value" in whole.cli("rules", "coverage", str(file), "--last", "12h")
    refused = whole.cli("rules", "coverage", "--last", "a week", code=1)
    assert "is not a span: write 90min, 12h or 30d." in refused
    assert whole.cli("rules", "history", "--json") == before


def test_rules_are_tried_on_an_order_in_a_file(whole: Whole, tmp_path: Path) -> None:
    """What they would decide, and what no rule matches, without a service."""
    file, order = tmp_path / "rules.toml", tmp_path / "order.json"
    file.write_text(RULES)
    order.write_bytes(encode(dear(whole.order())))
    told = whole.cli("rules", "test", str(file), str(order), running=False)
    assert "high-value" in told
    assert "(no rule matched)" in told
    known = tmp_path / "known.json"
    known.write_text('{"customer": {"orders": 0}}')
    file.write_text(FIRST_ORDER)
    with_it = ("rules", "test", str(file), str(order), "--known", str(known))
    assert "customer.orders 0" in whole.cli(*with_it, running=False)
    assert "(no rule matched)" in whole.cli(*with_it[:4], running=False)
    known.write_text('{"customer": {"orders": "none"}}')
    assert "does not say what is known" in whole.cli(*with_it, running=False, code=1)
    order.write_text("{}")
    refused = whole.cli("rules", "test", str(file), str(order), running=False, code=1)
    assert "is not an order as order.v1 describes it" in refused


def test_a_bad_file_is_refused_with_its_lines(whole: Whole, tmp_path: Path) -> None:
    """Neither lint nor publish lets it pass, and nothing of it is stored."""
    file = tmp_path / "rules.toml"
    file.write_text(RULES.replace("fedex", "fedx").replace("order.note", "order.notes"))
    before = whole.cli("rules", "history", "--json")
    told = whole.cli("rules", "lint", str(file), code=1)
    assert f"{file}:5: error: ship high-value: There is no carrier 'fedx'. Do you mean fed" in told
    assert f"{file}:10:15: error: approve by-hand: order has no field notes. Do you mean" in told
    refused = whole.cli("rules", "publish", str(file), "--reason", "in a hurry", code=1)
    assert "Nothing is published" in refused
    assert whole.cli("rules", "history", "--json") == before


def test_facts_and_costs_are_listed(whole: Whole) -> None:
    """A person who writes rules sees what to ask for, and what it costs here."""
    assert "order.totals.total_minor" in whole.cli("rules", "facts", running=False)
    assert "200" in whole.cli("rules", "bench", running=False)
