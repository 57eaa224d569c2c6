"""Orders from CSV files at a whole running service: by command line and over HTTP."""

from __future__ import annotations

import csv
import json
import os
import re
import signal
from pathlib import Path
from typing import Any

from adapters.postgres.views import STAGES
from schemas.order.ids import order_id_for
from service.imports.api import MAX_ROWS
from tests.csv_files import a_file, a_row, another
from tests.integration.whole import CHANNEL, Whole
from tests.waiting import eventually

ON_CHANNEL = {"X_Orderwright_Channel": CHANNEL, "Content_Type": "text/csv"}
PAGE = Path(__file__).resolve().parents[2] / "docs" / "csv-import.md"
SKUS = {"sku": "SKU-001"}


def report_of(path: Path) -> list[dict[str, str]]:
    """The lines of a report."""
    return list(csv.DictReader(path.read_text("utf-8-sig").splitlines()))


def lines_of(said: str) -> list[dict[str, Any]]:
    """What `--json` printed."""
    return [json.loads(line) for line in said.splitlines() if line.startswith("{")]


async def test_the_example_of_the_page(whole: Whole, tmp_path: Path) -> None:
    """The file that docs/csv-import.md shows is taken as it stands, and the page shows what is
    printed; the template is taken too."""
    shown = re.findall(r"```csv\n(.*?)```", PAGE.read_text(), re.S)
    file = tmp_path / "orders.csv"
    file.write_text(shown[0])
    said = whole.cli("orders", "import", str(file), "--channel", CHANNEL, code=1)
    printed = re.search(
        r"\$ orderwright orders import orders.csv.*?\n(.*?)```", PAGE.read_text(), re.S
    )
    assert printed is not None
    assert said == printed[1]
    template = tmp_path / "template.csv"
    template.write_text(whole.cli("orders", "import", "--template"))
    words = ("orders", "import", str(template), "--dry-run", "--channel")
    assert whole.cli(*words, CHANNEL) == "1 order: 1 would be accepted.\n"
    assert "has no channel 'nobody'; it has: " in whole.cli(*words, "nobody", code=1)


async def test_a_file_by_command_line(whole: Whole, tmp_path: Path) -> None:
    """Each order closes like any other; a repeat places nothing; what differs is refused; report,
    audit and incidents tell it."""
    file, report = tmp_path / "orders.csv", tmp_path / "report.csv"
    rows = [a_row("C-1", **SKUS), a_row("=C-2", payment="pending", **SKUS), a_row("C-3", total="1")]
    file.write_bytes(a_file(*rows))
    words = ("orders", "import", str(file), "--channel", CHANNEL, "--report", str(report))
    said = whole.cli(*words, "--wait", code=1)
    assert said.splitlines()[-2] == "3 orders: 2 accepted, 1 refused."
    assert f"1 of 3 were not taken; {report} says why." in said
    first, second, third = report_of(report)
    assert (first["rows"], first["ref"], first["outcome"]) == ("2", "C-1", "accepted")
    assert first["order_id"] == order_id_for(CHANNEL, "C-1")
    assert first["became"].split(",")[0] in STAGES  # it may have come far meanwhile
    assert second["ref"] == "'=C-2"
    assert second["became"] == "placed, waits for the customer's payment"
    assert (third["outcome"], third["reason"]) == ("refused", "total_mismatch")
    await whole.until("C-1", "closed", seconds=60.0)

    file.write_bytes(a_file(*rows, delimiter=";"))
    again = lines_of(whole.cli(*words, "--json", code=1))
    assert [one.get("outcome") for one in again[:-1]] == ["already there"] * 2 + ["refused"]
    assert again[-1]["counts"]["already_there"] == 2
    file.write_bytes(a_file(a_row("C-1", quantity="1", total="17.45", **SKUS)))
    assert "an import changes no order" in whole.cli(*words, code=1)
    assert report_of(report)[0]["reason"] == "order_differs"

    audited = await whole.world.rows("SELECT action, after FROM audit WHERE action LIKE 'import.%'")
    assert {row["action"] for row in audited} == {"import.begin", "import.end"}
    counted = await whole.world.rows(
        "SELECT category FROM incidents WHERE category = ANY ($1)",
        ["order_differs", "total_mismatch"],
    )
    assert len(counted) == 2
    whole.cli("orders", "cancel", "=C-2", "--reason", "test over")


async def test_an_interrupt_leaves_a_true_report(whole: Whole, tmp_path: Path) -> None:
    """Ctrl-C ends with 130; what the report calls accepted is in the stream, and a rerun takes the
    rest."""
    file, report = tmp_path / "orders.csv", tmp_path / "report.csv"
    refs = [f"I-{number}" for number in range(3_000)]
    file.write_bytes(a_file(*[a_row(ref, payment="pending", **SKUS) for ref in refs]))
    words = ["orders", "import", str(file), "--channel", CHANNEL, "--report", str(report)]
    running = whole.world.process(
        "import", "service.cli", [*words, "--data", str(whole.world.data)]
    )
    await eventually(lambda: report.exists() and len(report.read_text()) > 10_000, 30.0)
    os.kill(running.pid, signal.SIGINT)
    assert await running.ended() == 130
    assert "Run it again" in running.log.read_text()
    taken = report_of(report)
    assert 64 <= len(taken) < len(refs)
    assert {one["outcome"] for one in taken} == {"accepted"}
    file.write_bytes(
        a_file(*[a_row(ref, payment="pending", **SKUS) for ref in refs[: len(taken) + 64]])
    )
    whole.cli(*words, "--wait")
    outcomes = [one["outcome"] for one in report_of(report)]
    assert outcomes.count("already there") >= len(taken)
    assert outcomes[-1] == "accepted"
    counted = await whole.world.rows("SELECT count(*) AS n FROM orders WHERE ref LIKE 'I-%'")
    assert counted[0]["n"] == len(taken) + 64


async def test_a_file_over_http(whole: Whole) -> None:
    """The answer is the report; a repeat of the request gets it again, another finds the orders."""
    raw = a_file(
        a_row("H-1", payment="pending", total="37.95"), another("H-1"), a_row("H-2", tax="x")
    )
    path = "/api/v1/orders/import"

    async def post(body: bytes, key: str = "", query: str = "", **more: str) -> tuple[int, Any]:
        named = {"Idempotency_Key": key} if key else {}
        headers = {**ON_CHANNEL, **named, **more}
        answer = await whole.api("POST", path + query, body=body, **headers)
        return answer.status, answer.json()

    status, told = await post(raw, query="?dry_run=true")
    assert (status, told["counts"]["would_be_accepted"]) == (200, 1)
    status, told = await post(raw, "import-1")
    assert status == 200
    first, second = told["orders"]
    assert (first["ref"], first["first_row"], first["last_row"]) == ("H-1", 2, 3)
    assert (first["outcome"], first["order_id"]) == ("accepted", order_id_for(CHANNEL, "H-1"))
    assert second["outcome"] == "refused"
    assert second["why"][0].startswith('The tax in row 4 is "x"')
    await whole.until("H-1", "placed")
    assert await post(raw, "import-1") == (200, told)
    status, again = await post(raw, "import-2")
    assert [one["outcome"] for one in again["orders"]] == ["already there", "refused"]

    assert (await post(raw))[0] == 400
    assert (await post(a_file(a_row("H-9")), "import-1"))[0] == 422
    assert (await post(raw, "import-3", Content_Type="text/plain"))[0] == 415
    assert (await post(raw, "import-3", "?timezone=Nowhere"))[0] == 422
    assert (await post(raw, "import-3", "?limit=1"))[0] == 422
    assert (await post(raw, "import-3", "?dry_run=maybe"))[0] == 422
    assert (await post(raw, "import-3", "?decimal_comma=true"))[0] == 422
    status, problem = await post(b"ref,price\nA,1\n", "import-3")
    assert status == 422
    assert problem["type"].endswith(":csv_malformed")
    assert len(problem["errors"]) > 3
    lines = a_file(a_row("H-8")) + b"\n" * MAX_ROWS + b"x"
    assert (await post(lines, "import-3"))[0] == 413
    whole.cli("orders", "cancel", "H-1", "--reason", "test over")


async def test_an_order_under_a_damaged_reference_is_not_placed_again(
    whole: Whole, tmp_path: Path
) -> None:
    """What an earlier version took as `7001.0` keeps that name; its file, by the command line and
    over HTTP, is refused for it and names both orders."""
    order = whole.order(ref="7001.0", number="7001.0", payment="pending")
    placed = await whole.place(order, X_Orderwright_Channel=CHANNEL)
    order_id = str(placed["order_id"])
    await whole.until("7001.0", "placed")
    file, report = tmp_path / "orders.csv", tmp_path / "report.csv"
    file.write_bytes(a_file(a_row("7001.0", **SKUS)))
    words = ("orders", "import", str(file), "--channel", CHANNEL, "--report", str(report))
    whole.cli(*words, code=1)
    (line,) = report_of(report)
    assert (line["ref"], line["reason"]) == ("7001", "order_differs")
    assert order_id in line["why"]
    answer = await whole.api(
        "POST", "/api/v1/orders/import", body=file.read_bytes(), Idempotency_Key="damaged",
        **ON_CHANNEL,
    )  # fmt: skip
    entries: Any = answer.json()["orders"]
    entry = entries[0]
    assert (entry["outcome"], entry["order_id"]) == ("refused", order_id_for(CHANNEL, "7001"))
    assert order_id in entry["why"][0]
    whole.cli("orders", "cancel", "7001.0", "--reason", "test over")
