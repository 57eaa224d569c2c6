"""The demo's count: it must not come out well when an order is lost or something was done twice."""

from __future__ import annotations

import socket
import sys
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest
from aiohttp import web
from msgspec.structs import replace

from ops.simulators.judge import Verdict
from service.cli import main
from service.demo import run as demo
from service.demo.report import Report, count_up
from service.embedded.supervisor import EmbeddedServers
from tests.appends import CHANNEL, append
from tests.contract.partner_calls import stubbed
from tests.integration.journals import Bench, journal_on, migrated_database

SENT = {"sent": 2, "accepted": 2, "webhook_ms": {"p50": 1.0, "p99": 2.0}}
TWICE = "label k1order 2 times"


@pytest.fixture
async def bench(servers: EmbeddedServers) -> AsyncIterator[Bench]:
    """A journal without orders."""
    async with journal_on(migrated_database(servers)) as one:
        yield one


async def counted(bench: Bench, final: tuple[str, ...], *doubled: str) -> Report:
    """The report on two accepted orders, of which those named are final in the store."""
    for ref in ("1", "2"):
        one = append(ref)
        ends = replace(one.row, stage="closed", final=True) if ref in final else one.row
        assert (await bench.journal.append(replace(one, row=ends))).kind == "committed"
    sent = {**SENT, "refs": [{"ref": f"gid://shop/Order/{ref}"} for ref in ("1", "2")]}
    verdict = Verdict(doubled=list(doubled)).as_json()
    async with stubbed(web.json_response(verdict)) as ledger:
        return await count_up(bench.pool, CHANNEL, sent, ledger.url)


async def test_all_final_and_nothing_twice_is_good(bench: Bench) -> None:
    """Then, and only then, the demo ends with 0."""
    report = await counted(bench, ("1", "2"))
    assert report.good
    assert (report.closed, report.lost, report.duplicate_consequences) == (2, 0, 0)


async def test_an_order_that_never_ended_is_lost(bench: Bench) -> None:
    """It is counted and named."""
    report = await counted(bench, ("1",))
    assert not report.good
    assert report.lost == 1
    assert "Lost, for example: 2" in report.in_words(Path())


async def test_orders_of_an_earlier_run_are_not_counted(bench: Bench) -> None:
    """The folder may hold them; the report is about this run: counts, speed and times."""
    early = append("0")
    row = replace(early.row, stage="closed", final=True, attention=True)
    long_ago = early.at - timedelta(days=1)
    await bench.journal.append(replace(early, row=row, at=long_ago))
    report = await counted(bench, ("1", "2"))
    assert (report.sent, report.closed, report.cancelled, report.attention) == (2, 2, 0, 0)
    assert report.orders_per_second == 0.0, "both were placed and ended in one moment"


async def test_what_the_ledger_has_twice_is_a_duplicate(bench: Bench) -> None:
    """It is counted and named, though every order is final."""
    report = await counted(bench, ("1", "2"), TWICE)
    assert not report.good
    assert report.duplicate_consequences == 1
    assert "label k1order" in report.in_words(Path())


async def test_what_needs_a_person_is_said_with_where_it_is(bench: Bench) -> None:
    """The demo has ended: its orders are shown when it runs again with the same data."""
    report = replace(await counted(bench, ("1", "2")), attention=2)
    told = report.in_words(Path("here/demo"))
    assert "2 orders need a person: while `orderwright demo --data here/demo` runs" in told
    assert "`orderwright orders list --attention --data here/demo`" in told


def test_a_bad_count_ends_the_command_with_one(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The exit code says it too, in a sentence and without a traceback."""

    async def bad(options: demo.Options, say: demo.Say) -> bool:
        return False

    monkeypatch.setattr(demo, "run", bad)
    monkeypatch.setattr(sys, "argv", ["orderwright", "demo", "--orders", "1"])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 1
    assert "lost or doubled something" in capsys.readouterr().err


def test_what_would_end_the_demo_late_is_said_first(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """A port that is taken and a report that can't be written are one sentence each, with what to
    do, before anything starts."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen(1)
        port = str(taken.getsockname()[1])
        for words, code, told in (
            (["--port", port], 9, "give the demo another one with --port; 0 takes a free one."),
            (["--port", "0", "--report", str(tmp_path)], 1, "can't be written to"),
        ):
            line = ["orderwright", "demo", "--orders", "1", *words]
            monkeypatch.setattr(sys, "argv", line)
            with pytest.raises(SystemExit) as ended:
                main()
            said = capsys.readouterr().err
            assert (ended.value.code, said.count("\n")) == (code, 1)
            assert told in said
