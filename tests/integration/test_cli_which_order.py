"""Which order a command means, and what it can still do, as a person types it."""

from __future__ import annotations

import json

from service.orders import cli_decisions
from tests.integration.whole import CHANNEL, Whole

ON_CHANNEL = {"X_Orderwright_Channel": CHANNEL}


async def test_a_number_of_two_shops_is_refused_until_the_channel_is_named(whole: Whole) -> None:
    """Every command for one order refuses the number 7002 of two shops and names both; with
    `--channel` it does what it should to that shop's order alone."""
    ours = whole.order(payment="pending", number="#7002")
    theirs = whole.order(payment="pending", number="#7002")
    await whole.place(ours, **ON_CHANNEL)
    await whole.place(theirs, X_Orderwright_Channel="acme-eu")
    for order in (ours, theirs):
        await whole.until(order.ref, "placed")
    named = [json.loads(whole.cli("orders", "show", one.ref, "--json")) for one in (ours, theirs)]
    why = ("--reason", "customer rang")
    commands: list[tuple[str, ...]] = [(verb, "7002", *why) for verb in cli_decisions.COMMANDS]
    commands += [("show", "7002"), ("timeline", "7002"), ("exchange", "7002", "1")]
    commands += [("label", "7002", "--out", "label.gif")]
    for words in commands:
        said = whole.cli("orders", *words, code=11)
        assert said.startswith("orderwright: '7002' names several orders:"), words
        for view, channel in zip(named, (CHANNEL, "acme-eu"), strict=True):
            assert f"#7002 of {channel} (order id {view['row']['order_id']})" in said, words
    said = whole.cli("orders", "cancel", "7002", "--channel", CHANNEL, *why)
    assert f"`orderwright orders timeline 7002 --channel {CHANNEL}` shows its end." in said
    await whole.until(ours.ref, "cancelled")
    assert await whole.progress(theirs.ref) == "placed"
    said = whole.cli("orders", "show", "7002", "--channel", "acme-uk", code=11)
    assert "No order is known as '7002' on the channel acme-uk." in said
    assert "The channels are: " in said
