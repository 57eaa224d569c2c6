"""Which order a command means, and what it can still do, as a person types it."""

from __future__ import annotations

import asyncio
import json
from typing import Any

from service.orders import cli_decisions
from tests.integration.whole import CHANNEL, OUTLET, Whole

ON_CHANNEL = {"X_Orderwright_Channel": CHANNEL}


AT_ANY_TIME = {"refund", "refetch"}
"""Money is given back, and the order looked at again, also after its end."""

MORE = {
    "edit": ("--note", "x"),
    "codes": ("--parcel", "K1", "--line", "1", "--code", "AZ:1"),
}
"""What a command needs beside the order and the reason."""
EDITS: dict[str, dict[str, object]] = {
    "edit": {"note": "x"},
    "codes": {"codes": [{"parcel": "K1", "line_id": "1", "codes": ["AZ:1"]}]},
}
"""What goes to the address of edits, and with what."""


async def test_a_number_of_two_shops_is_refused_until_the_channel_is_named(whole: Whole) -> None:
    """Every command for one order refuses the number 7002 of two shops and names both; with
    `--channel` it does what it should to that shop's order alone."""
    ours = whole.order(payment="pending", number="#7002")
    theirs = whole.order(payment="pending", number="#7002")
    await whole.place(ours, **ON_CHANNEL)
    await whole.place(theirs, X_Orderwright_Channel=OUTLET)
    for order in (ours, theirs):
        await whole.until(order.ref, "placed")
    named = [json.loads(whole.cli("orders", "show", one.ref, "--json")) for one in (ours, theirs)]
    why = ("--reason", "customer rang")
    commands: list[tuple[str, ...]] = [
        (verb, "7002", *why, *MORE.get(verb, ())) for verb in cli_decisions.COMMANDS
    ]
    commands += [("show", "7002"), ("timeline", "7002"), ("exchange", "7002", "1")]
    commands += [("label", "7002", "--out", "label.gif")]
    for words in commands:
        said = whole.cli("orders", *words, code=11)
        assert said.startswith("orderwright: '7002' names several orders:"), words
        for view, channel in zip(named, (CHANNEL, OUTLET), strict=True):
            assert f"#7002 of {channel} (order id {view['row']['order_id']})" in said, words
    said = whole.cli("orders", "cancel", "7002", "--channel", CHANNEL, *why)
    assert f"`orderwright orders timeline 7002 --channel {CHANNEL}` shows its end." in said
    await whole.until(ours.ref, "cancelled")
    assert await whole.progress(theirs.ref) == "placed"
    said = whole.cli("orders", "show", "7002", "--channel", "acme-uk", code=11)
    assert "No order is known as '7002' on the channel acme-uk." in said
    assert "The channels are: " in said


async def test_a_finished_order_takes_no_action_and_says_why(whole: Whole) -> None:
    """Every verb on a closed order is refused at once, with the stage in words, over the command
    line and the API, and on a cancelled one; nothing reaches the order."""
    closed, cancelled = whole.order(), whole.order(payment="pending")
    for order in (closed, cancelled):
        await whole.place(order, **ON_CHANNEL)
    await whole.until(cancelled.ref, "placed")
    whole.cli("orders", "cancel", cancelled.ref, "--reason", "customer rang", "--wait")
    await whole.until(closed.ref, "closed")
    for order, stage in ((closed, "closed"), (cancelled, "cancelled")):
        before = happened(whole, order.ref)
        for verb in set(cli_decisions.COMMANDS) - AT_ANY_TIME:
            words = MORE.get(verb, ())
            if order is closed or verb == "cancel":  # each command takes a second
                said = whole.cli("orders", verb, order.ref, "--reason", "late", *words, code=1)
                assert said.startswith(f"orderwright: The order is {stage}"), (verb, said)
            path = "edit" if verb in EDITS else f"actions/{verb}"
            body = json.dumps({"reason": "late", **EDITS.get(verb, {})}).encode()
            key = {"Idempotency_Key": f"late-{verb}-{order.ref}"}
            answer = await whole.api("POST", f"/api/v1/orders/{order.ref}/{path}", body=body, **key)
            assert answer.status == 409
            assert str(answer.json()["detail"]).startswith(f"The order is {stage}")
        assert happened(whole, order.ref) == before


def happened(whole: Whole, ref: str) -> list[Any]:
    """An order's timeline without what was said to partners, which is written down a moment
    later."""
    told = json.loads(whole.cli("orders", "timeline", ref, "--json"))
    return [one for one in told if one["kind"] != "exchange"]


async def test_wait_returns_at_the_end(whole: Whole) -> None:
    """`--wait` comes back when the order is cancelled, whole or partly done before, and shows the
    decision and the end; an edit comes back when it is decided."""
    order = whole.order()
    for warehouse in ("warehouse-east", "warehouse-west"):
        await whole.world.fault(warehouse, "create_task", down=True)
    try:
        await whole.place(order, **ON_CHANNEL)
        await whole.until(order.ref, "reserved")
        said = await asyncio.to_thread(
            whole.cli, "orders", "edit", order.ref, "--note", "ring", "--reason", "asked", "--wait"
        )
        assert "changed the note" in said
        assert f"{order.number} of {CHANNEL} is open, and waits for" in said
        cancelling = asyncio.create_task(
            asyncio.to_thread(
                whole.cli, "orders", "cancel", order.ref, "--reason", "customer rang", "--wait"
            )
        )
        await whole.until(order.ref, "cancelling")
        assert not cancelling.done()
    finally:
        await whole.world.ask("DELETE", "/_sim/faults")
    said = await cancelling
    assert "cancels the order: customer rang." in said
    owed = "waits for a person: 22.50 USD are owed to the customer"
    assert f"{order.number} of {CHANNEL} is cancelling, and {owed}" in said
    unpaid = whole.order(payment="pending")
    await whole.place(unpaid, **ON_CHANNEL)
    await whole.until(unpaid.ref, "placed")
    cancel = ("orders", "cancel", unpaid.ref, "--reason", "customer rang", "--wait")
    said = await asyncio.to_thread(whole.cli, *cancel)
    assert said.endswith(f"{unpaid.number} of {CHANNEL} is cancelled.\n")
