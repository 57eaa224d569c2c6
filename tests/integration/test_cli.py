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
    assert head.split() == [
        "number", "channel", "stage", "progress", "waits", "for", "total", "placed"
    ]  # fmt: skip
    assert (first.split()[0], second.split()[0]) == (orders[2].number, orders[1].number)
    assert "the customer's payment" in first
    assert "22.50 USD" in first
    cursor = more.removeprefix("More: add ").split()
    after = whole.cli("orders", "list", "--stage", "placed", "--limit", "2", *cursor)
    assert after.splitlines()[1].split()[0] == orders[0].number
    found = parsed(whole.cli("orders", "list", "--channel", CHANNEL, "--limit", "1", "--json"))
    assert found["rows"][0]["ref"] == orders[2].ref
    assert "The channels are: acme-" in whole.cli("orders", "list", "--channel", "acem", code=1)
    assert "There is no stage 'palced'" in whole.cli("orders", "list", "--stage", "palced", code=1)
    wrong = whole.cli("orders", "list", "--progress", "labelled", code=1)
    assert "There is no progress 'labelled'; use one of: expected, placed" in wrong
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
    """Number, stage, whom it waits for, ids, lines, parcels and files, by any of its names."""
    told = whole.cli("orders", "show", closed.number)
    assert f"{closed.number} of {CHANNEL} ({closed.ref}), 22.50 USD" in told
    assert re.search(r"stage +closed\n", told)
    assert "no one: it is final" in told
    assert re.search(r"line +1, SKU-001: \d ordered, \d delivered", told), told
    assert re.search(r"K1 +ended: delivered, of F1: \d × SKU-001, \d × SKU-002 \(1Z", told), told
    assert re.search(r"files +label-", told)
    view = parsed(whole.cli("orders", "show", closed.ref, "--json"))
    assert view["row"]["stage"] == "closed"
    for name in (view["row"]["order_id"], view["row"]["reference"]):
        assert parsed(whole.cli("orders", "show", name, "--json"))["row"] == view["row"]
    assert "ship to" not in told, "where an order went that is at its end is no one's business"
    said = whole.cli("orders", "show", "no-such-order", code=11)
    assert said.startswith("orderwright: No order is known as 'no-such-order'.")


async def test_orders_timeline_tells_the_story(whole: Whole, closed: Order) -> None:
    """Each line has a time, words, and rule, lane or trace; the story runs from placed to closed,
    and each call of a partner in it can be looked up."""
    lines = whole.cli("orders", "timeline", closed.number).splitlines()
    assert re.fullmatch(r"\d{4}-\d\d-\d\d \(UTC\)", lines[0])
    assert all(re.match(r"  \d\d:\d\d:\d\d\.\d{3}  [●→⇄←…◷] \S", line) for line in lines[1:])
    whole_text = "\n".join(lines)
    steps = ["placed on", "Accepted", "Fulfilment F1: 3 units of 2 lines leave", "is reserved at"]
    steps += ["sales order S-", "is packed: parcel K1", "Label L1 is bought from UPS"]
    steps += ["F1 has left whole", "K1 is delivered", "storefront shows parcel K1", "Closed"]
    places = [whole_text.index(step) for step in steps]
    assert places[:4] == sorted(places[:4])
    assert places[3] < min(places[4:])
    assert places[-1] == max(places)
    assert "[place]" in lines[1]
    asked = (
        r"→ Reserve the stock of fulfilment F1: asked\.   effect 1 at stock · trace [0-9a-f]{32}"
    )
    assert re.search(asked, whole_text)
    answered = r"⇄ \S+ answered 201 after \d+ ms: POST .*salesOrders\..*exchange (\d+)"
    call = re.search(answered, whole_text)
    assert call is not None
    said = whole.cli("orders", "exchange", closed.number, call[1])
    assert "of effect" in said
    assert "request:" in said
    missing = whole.cli("orders", "exchange", closed.number, "999999999", code=1)
    assert "has no exchange 999999999" in missing

    def as_many() -> bool:  # what was asked of partners beside it may still be written down
        shown = whole.cli("orders", "timeline", closed.number).splitlines()
        entries = parsed(whole.cli("orders", "timeline", closed.number, "--json"))
        return len(entries) == len(shown) - 1

    await eventually(as_many)


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
    again = whole.cli("orders", "cancel", order.number, "--reason", "twice", code=1)
    assert "The order is cancelled already." in again


async def test_orders_release(whole: Whole) -> None:
    """A hold waits for a person; released, the order goes on and closes."""
    order = whole.order(payment="pending")
    await whole.place(order, **ON_CHANNEL)
    await whole.until(order.number, "placed")
    note = {
        "type": "order.note_report.v1",
        "ref": order.ref,
        "source": "erp",
        "topic": "credit",
        "words": "the customer's credit is used up",
        "hold": "before_hand_over",
    }
    await whole.publish("note", order.ref, json.dumps(note).encode())

    def held() -> bool:
        return "is held" in whole.cli("orders", "timeline", order.number)

    await eventually(held, 20.0)
    listed = whole.cli("orders", "list", "--attention")
    assert re.search(rf"{order.number} .* ! ", listed)
    assert "Nothing of the order is" not in whole.cli("orders", "show", order.number)
    missing = whole.cli(
        "orders", "release", order.number, "--hold", "none", "--reason", "x", code=1
    )  # fmt: skip
    assert "'none' is not the id of a hold that waits for a decision." in missing
    whole.cli("orders", "release", order.number, "--reason", "they paid")
    whole.cli("orders", "accept", order.number, "--reason", "they pay by invoice")
    await whole.until(order.number, "closed")
    told = whole.cli("orders", "timeline", order.number)
    assert "released the hold" in told
    assert "Accepted by" in told
    refused = whole.cli("orders", "release", order.number, "--reason", "again", code=1)
    assert "Nothing of the order is held." in refused


async def test_orders_edit(whole: Whole) -> None:
    """A person corrects the address and takes a unit away before the warehouse packs; partners and
    customer follow, the money owed is a person's task, and what can't be is refused in words."""
    order = whole.order()
    place = order.ship_to
    assert place is not None
    for warehouse in ("warehouse-east", "warehouse-west"):
        await whole.world.fault(warehouse, "create_task", down=True)
    try:
        await whole.place(order, **ON_CHANNEL)
        await whole.until(order.number, "reserved")
        first, *_ = order.lines
        edit = ("orders", "edit", order.number, "--reason", "customer rang")
        assert "changes nothing" in whole.cli(*edit, code=1)
        assert "is not LINE=QTY" in whole.cli(*edit, "--line", "1", code=1)
        assert "has no line 99" in whole.cli(*edit, "--line", "99=0", code=1)
        for more in ("999", f"000000000{first.quantity + 1}"):
            refused = whole.cli(*edit, "--line", f"{first.line_id}={more}", code=1)
            assert "none can be added" in refused
        for option in ("--note", "--ship-to", "--line"):
            assert "is not UTF-8 text" in whole.cli(*edit, option, "\udcff=1", code=1)
        refund = ("orders", "refund", order.number, "--reason", "late")
        assert "is not LINE=QTY" in whole.cli(*refund, "--line", "1", code=1)
        assert "has no line 99" in whole.cli(*refund, "--line", "99=1", code=1)
        assert "ISO 3166-1" in whole.cli(*edit, "--country", "XX", code=1)
        assert "is not JSON" in whole.cli(*edit, "--ship-to", "{", code=1)
        words = ("--postal-code", "40299", "--line", f"{first.line_id}={first.quantity - 1}")
        assert "on its way" in whole.cli(*edit, *words, "--note", "ring twice")

        def edited() -> bool:
            return "changed the address, the note" in whole.cli("orders", "timeline", order.number)

        await eventually(edited, 20.0)
    finally:
        await whole.world.ask("DELETE", "/_sim/faults")
    # What was paid for the unit is owed, until a person says that it was given back.
    await whole.until(order.number, "delivered")
    shown = whole.cli("orders", "show", order.ref)
    assert re.search(r"task +money: 5.00 USD are owed", shown)
    assert re.search(r'→ orderwright orders done \w+ --task money --reason "…"', shown)
    assert re.search(
        r"\d\d-\d\d \d\d:\d\d +\w+ changed the address, the note and the lines", shown
    ), shown
    whole.cli("orders", "done", order.number, "--task", "money", "--reason", "refunded by hand")
    await whole.until(order.number, "closed")
    told = whole.cli("orders", "timeline", order.number)
    assert "closed task money: refunded by hand." in told
    assert f"1 × {first.sku} no longer wanted: customer rang." in told
    tasks = [x for x in await whole.world.ledger() if x["kind"] == "warehouse_task"]
    assert any(one["detail"]["postal_code"] == "40299" for one in tasks)


async def test_orders_short_picks(whole: Whole) -> None:
    """What the warehouse did not find is planned again, or dropped and owed, as a person decides;
    where nothing is missing, there is nothing to decide."""

    async def short() -> Order:
        order = whole.order()
        habit = {"warehouse": "east", "order": order.ref, "short_pick_share": 1}
        await whole.world.ask("POST", "/_sim/warehouse/habits", habit)
        await whole.place(order, **ON_CHANNEL)

        def missing() -> bool:
            return "short of 1 × " in whole.cli("orders", "show", order.number)

        await whole.until(order.number, "picked", "packed")
        await eventually(missing, 20.0)
        return order

    first, second = await short(), await short()
    wrong = ("--fulfilment", "F7", "--reason", "x")
    said = whole.cli("orders", "ship-short", first.number, *wrong, code=1)
    assert "'F7' is not the key of a fulfilment that waits for a decision. These do: F1." in said
    whole.cli("orders", "ship-short", first.number, "--reason", "it is somewhere")
    whole.cli("orders", "drop", second.number, "--fulfilment", "F1", "--reason", "sold out")
    await whole.until(first.number, "closed")
    assert "F1 goes without 1 × SKU-002" in whole.cli("orders", "timeline", first.number)
    await whole.until(second.number, "delivered")
    whole.cli("orders", "done", second.number, "--reason", "refunded by hand")
    await whole.until(second.number, "closed")
    assert "1 cancelled" in whole.cli("orders", "show", second.number)
    said = whole.cli("orders", "backorder", first.number, "--reason", "x", code=1)
    assert "No short pick of the order waits for a decision." in said


async def test_orders_label(whole: Whole, closed: Order, empty: Path) -> None:
    """The label of an order's parcel is written to a file; what there is none of is said."""
    out = empty / "label.bin"
    said = whole.cli("orders", "label", closed.number, "--out", str(out))
    assert re.match(r"The label of parcel K1, UPS 1Z\S+ \(image/gif, [\d,]+ bytes\) is in ", said)
    assert out.read_bytes().startswith(b"GIF")
    other = ("orders", "label", closed.number, "--out", str(out), "--parcel")
    assert "no label for parcel K9; it has: K1 (UPS 1Z" in whole.cli(*other, "K9", code=1)
    assert "is in" in whole.cli(*other, "k1")
    nowhere = str(empty / "none" / "x")
    wrong = whole.cli("orders", "label", closed.number, "--out", nowhere, code=1)
    assert "can't be written" in wrong


async def test_orders_retry(whole: Whole) -> None:
    """A refused effect is shown with the partner's words; retried, the order closes."""
    order = await stuck_at_the_erp(whole)
    told = whole.cli("orders", "show", order.number)
    assert "(needs a person)" in told
    assert re.search(r"ship to +\w.+, \w+ .*, (US|CA|DE|GB|FR|AT|NL)", told), told
    assert re.search(
        r"waits for +a person \(finance\) to retry or skip: .* Business Central \(bc\) refused",
        told,
    ), told
    whole.cli("orders", "retry", order.number, "--reason", "the ERP is fixed")
    await whole.until(order.number, "closed")
    assert ": the ERP is fixed." in whole.cli("orders", "timeline", order.number)


async def test_orders_skip(whole: Whole) -> None:
    """Going on without the refused effect is a person's word, and the order closes without it."""
    order = await stuck_at_the_erp(whole)
    whole.cli("orders", "skip", order.number, "--reason", "booked by hand")
    await whole.until(order.number, "closed")
    told = whole.cli("orders", "timeline", order.number)
    assert "(Post sales order D1 to the ERP): booked by hand." in told
    assert "D1 is posted" not in told


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
    original = b'{"type": "order.place.v2", "order": {"ref": "Q-1"}, "extra": true}'
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
    partners = table["partners"]
    assert f'partners.bc.base_url = "{partners["bc"]["base_url"]}"' in said
    assert "partners.bc.client_secret = ••••" in said
    for secret in (
        partners["bc"]["client_secret"],
        partners["warehouse-east"]["token"],
        partners["warehouse-east"]["callback_secrets"][0],
        table["channels"]["acme-us"]["access_token"],
    ):
        assert secret not in said


async def test_spec_schemas_and_version(whole: Whole) -> None:
    """The contracts are JSON Schemas; one by its name, or all; the version is one line."""
    assert parsed(whole.cli("spec", "schemas", "order.v1"))["$id"] == (
        "urn:orderwright:schemas:order.v1"
    )
    assert "order.fulfilled.v2" in parsed(whole.cli("spec", "schemas"))
    assert "There is no schema order.v9" in whole.cli("spec", "schemas", "order.v9", code=1)
    assert re.fullmatch(r"orderwright \S.*\n", whole.cli("version", running=False))


def _plain(order: Order) -> Any:
    return msgspec.to_builtins(order)
