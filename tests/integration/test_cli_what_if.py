"""What today's code and rules would make of an order's past, at the command line."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

from tests.integration.test_rules_whole import in_use
from tests.integration.whole import CHANNEL, Whole

ON_CHANNEL = {"X_Orderwright_Channel": CHANNEL}
RULES = """
[[review]]
name = "everything"
when = 'order.totals.total_minor > 0'
hold = "the rules came later"
"""


async def test_an_order_decided_by_the_same_rules_differs_in_nothing(
    whole: Whole, tmp_path: Path
) -> None:
    """Of an order that went all the way many inputs are decided again and nothing differs. A rule
    that came after it would have held it; what it says is shown, and nothing of it is done."""
    order = whole.order()
    await whole.place(order, **ON_CHANNEL)
    await whole.until(order.number, "closed", seconds=120.0)
    ask = ("orders", "replay", order.number, "--what-if")
    found = json.loads(whole.cli(*ask, "--json"))
    assert found["differences"] == []
    assert found["decided"] >= 5
    assert "order.placed.v2" not in found["unknown"]
    assert "all would lead to the same today." in whole.cli(*ask)
    file = tmp_path / "rules.toml"
    file.write_text(RULES)
    words = ("rules", "publish", str(file), "--reason", "a test")
    await in_use(whole, int((await asyncio.to_thread(whole.cli, *words)).split()[1]))
    try:
        said = whole.cli(*ask)
        assert "would lead elsewhere today." in said
        assert "would be  The order is held (rule-review-everything)" in said
        assert "the rules came later" not in whole.cli("orders", "timeline", order.number)
    finally:
        file.write_text("")
        said = await asyncio.to_thread(whole.cli, *words)
        await in_use(whole, int(said.split()[1]))
    assert "whole past" in whole.cli(*ask, "--until", "1", code=1)
