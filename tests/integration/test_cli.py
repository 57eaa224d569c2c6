"""Every command a person may type, at a running service, judged by what it says and does."""

from __future__ import annotations

import json
import os
import re
import signal
import tomllib
from pathlib import Path
from typing import Any

import msgspec
import pytest
from msgspec.structs import replace

from schemas.order.canonical import Order
from tests.integration.whole import CHANNEL, Whole
from tests.waiting import eventually

ON_CHANNEL = {"X_Orderwright_Channel": CHANNEL}


@pytest.fixture
async def closed(whole: Whole) -> Order:
    """An order that went all the way."""
    order = whole.order()
    await whole.place(order, **ON_CHANNEL)
    await whole.until(order.number, "closed")
    return order


async def stuck_at_the_erp(whole: Whole) -> Order:
    """An order whose sales order the ERP refuses, so that a person must see to it."""
    order = whole.order()
    await whole.world.fault("erp", "create_order", refuse_rate=1.0)
    try:
        await whole.place(order, **ON_CHANNEL)

        def waits() -> bool:
            rows = parsed(whole.cli("orders", "list", "--attention", "--json"))["rows"]
            return order.number in {row["number"] for row in rows}

        await eventually(waits, 30.0)
    finally:
        await whole.world.ask("DELETE", "/_sim/faults")
    return order


def parsed(text: str) -> Any:
    """Return what `--json` printed."""
    return json.loads(text)


async def test_orders_list_shows_pages(whole: Whole) -> None:
    """Orders come newest first, a page at a time; filters and JSON agree with the table."""
    orders = [whole.order(payment="pending") for _ in range(3)]
    for order in orders:
        await whole.place(order, **ON_CHANNEL)
        await whole.until(order.number, "placed")
    page = whole.cli("orders", "list", "--stage", "placed", "--limit", "2")
    head, first, second, more = page.splitlines()
    assert head.split() == ["number", "channel", "stage", "waits", "for", "total", "placed"]
    assert (first.split()[0], second.split()[0]) == (orders[2].number, orders[1].number)
    assert "the customer's payment" in first
    assert "22.50 USD" in first
    cursor = more.removeprefix("More: add ").split()
    after = whole.cli("orders", "list", "--stage", "placed", "--limit", "2", *cursor)
    assert after.splitlines()[1].split()[0] == orders[0].number
    found = parsed(whole.cli("orders", "list", "--channel", CHANNEL, "--limit", "1", "--json"))
    assert found["rows"][0]["ref"] == orders[2].ref
    assert whole.cli("orders", "list", "--channel", "acme-ca").endswith("(none)\n")
    assert "There is no stage 'palced'" in whole.cli("orders", "list", "--stage", "palced", code=1)
    assert "cursor" in whole.cli("orders", "list", "--cursor", "nonsense", code=1)
    whole.cli("orders", "cancel", orders[0].number, "--reason", "test over")


async def test_orders_list_watches(whole: Whole, closed: Order) -> None:
    """`--watch` shows the list again and again, until Ctrl-C ends it with 130."""
    words = ["orders", "list", "--watch", "--data", str(whole.world.data)]
    watching = whole.world.process("watching", "service.cli", words)
    await eventually(lambda: watching.log.read_text().count("\x1b[H\x1b[2Jnumber") >= 2, 30.0)
    assert closed.number in watching.log.read_text()
    os.kill(watching.pid, signal.SIGINT)
    assert await watching.ended() == 130
    assert "Traceback" not in watching.log.read_text()


async def test_orders_show_tells_where_it_stands(whole: Whole, closed: Order) -> None:
    """Number, stage, whom it waits for, ids and documents, by any of the order's names."""
    told = whole.cli("orders", "show", closed.number)
    assert f"{closed.number} of {CHANNEL} ({closed.ref}), 22.50 USD" in told
    assert re.search(r"stage +closed\n", told)
    assert "no one: it is final" in told
    assert "label-1Z" in told
    view = parsed(whole.cli("orders", "show", closed.ref, "--json"))
    assert view["row"]["stage"] == "closed"
    for name in (view["row"]["order_id"], view["row"]["correlation_id"]):
        assert parsed(whole.cli("orders", "show", name, "--json"))["row"] == view["row"]
    said = whole.cli("orders", "show", "no-such-order", code=11)
    assert said.startswith("orderwright: No order is known as 'no-such-order'.")


async def test_orders_timeline_tells_the_story(whole: Whole, closed: Order) -> None:
    """Each line has a time, words, and the rule or trace; the story runs from placed to closed."""
    lines = whole.cli("orders", "timeline", closed.number).splitlines()
    assert re.fullmatch(r"\d{4}-\d\d-\d\d \(UTC\)", lines[0])
    assert all(re.match(r"  \d\d:\d\d:\d\d\.\d{3}  [●→←…◷] \S", line) for line in lines[1:])
    whole_text = "\n".join(lines)
    steps = ["placed on", "Accepted", "reserved at main", "sales order S-", "Packed into 1 parcel"]
    steps += ["Label bought from UPS", "Shipped", "Delivered", "storefront shows", "Closed"]
    places = [whole_text.index(step) for step in steps]
    assert places[0] < places[1] < places[2] < min(places[3:])
    assert places[-1] == max(places)
    assert "[place]" in lines[1]
    assert re.search(r"→ Reserve the stock: asked   effect 1 · trace [0-9a-f]{32}", whole_text)
    entries = parsed(whole.cli("orders", "timeline", closed.number, "--json"))
    assert len(entries) == len(lines) - 1


async def test_orders_replay_verify(whole: Whole, closed: Order) -> None:
    """Every stream replays to its stored state; asked for anything else it says what it can."""
    said = whole.cli("orders", "replay", "--verify")
    assert re.match(r"\d+ orders, \d+ events replayed; every one gives its stored state\.", said)
    assert "--verify" in whole.cli("orders", "replay", code=1)


async def test_orders_cancel(whole: Whole) -> None:
    """An unpaid order is cancelled; who said so and why is in its timeline permanently."""
    order = whole.order(payment="pending")
    await whole.place(order, **ON_CHANNEL)
    await whole.until(order.number, "placed")
    assert "--reason" in whole.cli("orders", "cancel", order.number, code=2)
    assert "Say why" in whole.cli("orders", "cancel", order.number, "--reason", " ", code=1)
    said = whole.cli("orders", "cancel", order.number, "--reason", "customer rang")
    assert "on its way" in said
    await whole.until(order.number, "cancelled")
    told = whole.cli("orders", "timeline", order.number)
    assert "customer rang" in told
    again = whole.cli("orders", "cancel", order.number, "--reason", "twice")
    assert "on its way" in again


async def test_orders_release(whole: Whole) -> None:
    """A hold waits for a person; released, the order goes on and closes."""
    order = whole.order()
    await whole.world.fault("warehouse", "create_task", down=True)
    try:
        await whole.place(order, **ON_CHANNEL)
        await whole.until(order.number, "reserved")
        first, *others = order.lines
        changed = replace(order, lines=(replace(first, title="Bigger cup", sku="SKU-009"), *others))
        changed = replace(changed, updated_at="2026-11-27T12:30:00Z")
        body = json.dumps({"type": "order.update.v1", "order": _plain(changed)}).encode()
        await whole.publish("update", order.ref, body)

        def held() -> bool:
            return "Held (changed-" in whole.cli("orders", "timeline", order.number)

        await eventually(held, 20.0)
    finally:
        await whole.world.ask("DELETE", "/_sim/faults")
    listed = whole.cli("orders", "list", "--attention")
    assert re.search(rf"{order.number} .* ! ", listed)
    whole.cli("orders", "release", order.number, "--reason", "the change is only a title")
    await whole.until(order.number, "closed")
    assert "released the hold changed-" in whole.cli("orders", "timeline", order.number)


async def test_orders_retry(whole: Whole) -> None:
    """A refused effect is shown with the partner's words; retried, the order closes."""
    order = await stuck_at_the_erp(whole)
    told = whole.cli("orders", "show", order.number)
    assert "(needs a person)" in told
    assert re.search(r"waits for +a person: Business Central refused", told), told
    whole.cli("orders", "retry", order.number, "--reason", "the ERP is fixed")
    await whole.until(order.number, "closed")
    assert "tried again: the ERP is fixed" in whole.cli("orders", "timeline", order.number)


async def test_orders_skip(whole: Whole) -> None:
    """Going on without the refused effect is a person's word, and the order closes without it."""
    order = await stuck_at_the_erp(whole)
    whole.cli("orders", "skip", order.number, "--reason", "booked by hand")
    await whole.until(order.number, "closed")
    told = whole.cli("orders", "timeline", order.number)
    assert "said to go on without: Post the sales order to the ERP: booked by hand" in told
    assert "The ERP has it" not in told


async def test_keys(whole: Whole) -> None:
    """A key is shown once, works for its scope and channel, and is refused once revoked."""
    words = ("--scope", "orders:read", "--channel", CHANNEL)
    token = whole.cli("keys", "create", "billing", *words).strip()
    assert re.fullmatch(r"ow_[0-9a-f]{12}_\S+", token)
    key_id = token.split("_")[1]
    answer = await whole.ask("GET", "/api/v1/orders", Authorization=f"Bearer {token}")
    assert answer.status == 200
    listed = whole.cli("keys", "list")
    assert re.search(rf"{key_id} +billing +orders:read +{CHANNEL} +\d+ s ago +valid", listed)
    assert token.split("_", 2)[2] not in listed
    assert {key["name"] for key in parsed(whole.cli("keys", "list", "--json"))} >= {"billing"}
    assert f"{key_id} is revoked." in whole.cli("keys", "revoke", key_id)
    assert re.search(rf"{key_id} .*revoked \d+ s ago", whole.cli("keys", "list"))
    assert "no valid key" in whole.cli("keys", "revoke", "0" * 12, code=1)
    wrong = whole.cli("keys", "create", "x", "--scope", "orders:eat", "--channel", "*", code=1)
    assert "orders:eat" in wrong


async def test_quarantine(whole: Whole) -> None:
    """What did not pass the edge is listed with its reason, and shown whole, byte for byte."""
    original = b'{"type": "order.place.v1", "order": {"ref": "Q-1"}, "extra": true}'
    await whole.publish("place", "Q-1", original)

    def there() -> Any:
        return parsed(whole.cli("quarantine", "list", "--json"))

    item = (await eventually(there, 20.0))[0]
    listed = whole.cli("quarantine", "list", "--limit", "1")
    assert re.search(rf"{item['id']} +{CHANNEL} +place +schema_mismatch", listed)
    assert f"--before {item['id']}" in listed
    older = whole.cli("quarantine", "list", "--before", str(item["id"]), "--json")
    assert all(one["id"] < item["id"] for one in parsed(older))
    assert whole.cli("quarantine", "list", "--reason", "none_such").endswith("(none)\n")
    shown = whole.cli("quarantine", "show", str(item["id"]))
    assert "schema_mismatch" in shown
    assert original.decode() in shown
    assert whole.cli("quarantine", "show", str(item["id"]), "--original") == original.decode()
    assert "has the id 999999" in whole.cli("quarantine", "show", "999999", code=11)


async def test_config_show_masks_secrets(whole: Whole) -> None:
    """Every setting is told with its value; no secret of the configuration is."""
    said = whole.cli("config", "show", "--config", str(whole.world.config))
    table = tomllib.loads(whole.world.config.read_text())
    assert f'erp.base_url = "{table["erp"]["base_url"]}"' in said
    assert "erp.client_secret = ••••" in said
    for secret in (
        table["erp"]["client_secret"],
        table["warehouse"]["token"],
        table["warehouse"]["callback_secrets"][0],
        table["channels"]["acme-us"]["access_token"],
    ):
        assert secret not in said


async def test_spec_schemas_and_version(whole: Whole) -> None:
    """The contracts are JSON Schemas; one by its name, or all; the version is one line."""
    assert parsed(whole.cli("spec", "schemas", "order.v1"))["$id"] == (
        "urn:orderwright:schemas:order.v1"
    )
    assert "order.fulfilled.v1" in parsed(whole.cli("spec", "schemas"))
    assert "There is no schema order.v9" in whole.cli("spec", "schemas", "order.v9", code=1)
    assert re.fullmatch(r"orderwright \S.*\n", whole.cli("version", running=False))


async def test_doctor(whole: Whole, empty: Path) -> None:
    """At a healthy service all is ticked; what is wrong is said in words, and the code is 1."""
    good = whole.cli("doctor", "--config", str(whole.world.config))
    assert "✘" not in good
    for what in ("data", "disk", "partners", "service", "postgres", "nats", "schema", "clock"):
        assert f" ✔ {what}: " in good
    wrong = {"ORDERWRIGHT_NATS_URL": "nats://127.0.0.1:1", "ORDERWRIGHT_NATS_ULR": "x"}
    bad = whole.cli("doctor", code=1, environ=wrong, cwd=empty, running=False)
    assert " ✘ nats: " in bad
    assert "did you mean ORDERWRIGHT_NATS_URL" in bad
    assert "not configured: channels, erp, warehouse, carrier, mail" in bad
    assert bad.strip().splitlines()[-1] == (
        "orderwright: Doctor found 3 faults; the lines above say which."
    )


def _plain(order: Order) -> Any:
    return msgspec.to_builtins(order)
