"""The ledger keeps what happened, with its details, and gives it back whole and by order."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from ops.simulators.ledger import MAX_DETAIL_BYTES, Ledger
from ops.simulators.shapes import JsonObject, dump
from ops.simulators.wire import MAX_BODY_BYTES
from service.demo import report
from tests.contract.simulated import Client, Json, Running, calling, started

ORDER_A = "1" + "A" * 19
ORDER_B = "1" + "B" * 19


def reference(order: str, thing: str) -> str:
    """A reference as the product signs them; the signature is not what is tested here."""
    return f"{order}{thing}ABCDEFGHJK"


@pytest.fixture(scope="module")
def running() -> Iterator[Running]:
    with started() as found:
        yield found


@pytest.fixture
async def sim(running: Running) -> AsyncIterator[Client]:
    async with calling(running) as client:
        yield client


def _read(value: JsonObject) -> Json:
    found: Json = json.loads(dump(value))
    return found


def test_an_old_ledger_file_is_still_read(tmp_path: Path) -> None:
    """Entries written before details existed come back, and new ones follow with theirs."""
    file = tmp_path / "ledger.jsonl"
    old = {
        "seq": 1,
        "at": "2026-11-22T11:49:21.759Z",
        "kind": "label",
        "partner": "carrier",
        "reference": "R-1",
        "id": "1Z1",
    }
    file.write_text(json.dumps(old) + "\n")
    ledger = Ledger(lambda: 1.0, file)
    ledger.record("parcel", "warehouse", "R-1", "T/1", {"lines": [{"line_id": "1"}]})
    ledger.close()
    again = Ledger(lambda: 1.0, file)
    first, second = _read(again.page("", 0, 10))["entries"]
    assert first == old
    assert second["detail"] == {"lines": [{"line_id": "1"}]}
    again.close()


def test_a_detail_is_bounded() -> None:
    """A detail that is too large is left out, and the entry says how large it was."""
    ledger = Ledger(lambda: 1.0)
    ledger.record("label", "carrier", "R-1", "1Z1", {"text": "x" * MAX_DETAIL_BYTES})
    (entry,) = _read(ledger.page("", 0, 10))["entries"]
    assert entry["detail"] == {"omitted_bytes": MAX_DETAIL_BYTES + len('{"text":""}')}


def test_what_may_repeat_is_no_duplicate() -> None:
    """Two parcels of one fulfilment and two amendments of one document are ordinary."""
    ledger = Ledger(lambda: 1.0)
    for kind in ("parcel", "parcel_handed_over", "erp_order_update", "fulfilment"):
        ledger.record(kind, "p", "R-1", "1")
        ledger.record(kind, "p", "R-1", "2")
    ledger.record("fulfilment_cancel", "p", "R-1", "1")
    assert _read(ledger.summary())["duplicates"] == [
        {"kind": "fulfilment", "reference": "R-1", "count": 2, "undone": 1}
    ]


async def test_entries_are_grouped_by_order(sim: Client) -> None:
    """References that share their first 20 characters belong to one order."""
    for order, thing in [(ORDER_A, "L0001"), (ORDER_B, "L0001"), (ORDER_A, "L0002")]:
        await sim.ship(reference(order, thing))
    await sim.ship("UNSIGNED")
    listed = (await sim.call("GET", "/_sim/ledger/orders")).json
    assert [one["order"] for one in listed["orders"]] == [ORDER_A, ORDER_B, "UNSIGNED"]
    assert listed["next"] is None
    whole = reference(ORDER_A, "F0007")
    for prefix in (ORDER_A, whole, "1AAA"):
        (one,) = (await sim.call("GET", f"/_sim/ledger/orders?prefix={prefix}")).json["orders"]
        things = [entry["reference"][20:25] for entry in one["entries"]]
        assert things == ["L0001", "L0002"]
    assert (await sim.call("GET", "/_sim/ledger/summary")).json["orders"] == 3


async def test_orders_are_read_in_bounded_pages(sim: Client) -> None:
    """`after` and `limit` page through the orders; `next` is null at the end."""
    for number in range(5):
        await sim.ship(f"P{number}")
    first = (await sim.call("GET", "/_sim/ledger/orders?prefix=P&limit=3")).json
    assert [one["order"] for one in first["orders"]] == ["P0", "P1", "P2"]
    asked = f"/_sim/ledger/orders?prefix=P&limit=3&after={first['next']}"
    rest = (await sim.call("GET", asked)).json
    assert [one["order"] for one in rest["orders"]] == ["P3", "P4"]
    assert rest["next"] is None
    assert (await sim.call("GET", "/_sim/ledger/orders?after=x")).status == 400


async def test_a_long_run_s_report_is_judged_in_parts(
    running: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It has more megabytes than the simulators read at once; its last order is judged too, and
    found to be lost."""
    monkeypatch.setattr(report, "SETTLING_SECONDS", 0.0)
    rows = [
        {
            "ref": f"gid://shopify/Order/{2_458_000_000_000 + number}",
            "name": f"#{number}",
            "accepted": number == 9_999,
            "expected": {"lines": [{"line_item_id": str(number), "quantity": 1}] * 8},
            "changes": [{"what": "note", "applied": False}] * 4,
        }
        for number in range(10_000)
    ]
    assert len(json.dumps(rows)) > MAX_BODY_BYTES
    verdict = await report.judged(running.http, {"refs": rows}, {})
    assert verdict["wrong"] == ["#9999 was accepted and is not known."]
