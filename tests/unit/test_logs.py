"""Logs: one JSON line each, bounded, without personal data, whoever wrote them."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest
import structlog

from service.telemetry.logs import MAX_LINE, MAX_REMEMBERED, RepeatLimit, bound, start_logs


class Hands:
    """A clock whose hands the test moves."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def monotonic(self) -> float:
        return self.seconds


class Written:
    """The log's stream, its clock, and what was written as JSON."""

    def __init__(self) -> None:
        self.stream = io.StringIO()
        self.hands = Hands()
        start_logs(self.hands.monotonic, form="json", stream=self.stream, repeats=3)

    @property
    def text(self) -> str:
        return self.stream.getvalue()

    @property
    def lines(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.text.splitlines()]


@pytest.fixture
def written() -> Iterator[Written]:
    root = logging.getLogger()
    level, handlers = root.level, root.handlers[:]
    yield Written()
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.reset_defaults()


def test_a_line_tells_when_who_what_and_for_which_order(written: Written) -> None:
    """Both ids stand in each line written while they are bound, and in none after."""
    log = structlog.get_logger("service.inbound.intake")
    with bound(trace_id="abc", correlation_id="k1order"):
        log.info("input taken", kind="place")
    log.info("idle")
    first, second = written.lines
    assert first.pop("timestamp").endswith("Z")
    assert first == {
        "event": "input taken",
        "kind": "place",
        "level": "info",
        "logger": "service.inbound.intake",
        "trace_id": "abc",
        "correlation_id": "k1order",
    }
    assert "trace_id" not in second


def test_personal_data_and_credentials_stay_out(written: Written) -> None:
    """Fields that may hold them are dropped at any depth, addresses inside texts are masked."""
    log = structlog.get_logger("x")
    log.warning(
        "refused for jane@example.com",
        email="jane@example.com",
        customer={"first_name": "Jane"},
        order={"ref": "1042", "ship_to": {"city": "Springfield"}, "rows": [{"phone": "+1 555"}]},
        error="cannot connect to postgresql://ow:hunter2@db/ow",
        Authorization="Bearer hunter2",
        body=b"Jane",
    )
    try:
        raise ValueError("no such mailbox: jane@example.com")
    except ValueError:
        log.exception("mail failed")
    for canary in ("jane", "Jane", "Springfield", "555", "hunter2"):
        assert canary not in written.text
    assert written.lines[0]["order"] == {"ref": "1042", "rows": [{}]}
    assert "ValueError" in written.lines[1]["exception"]


def test_lines_are_bounded_and_always_json(written: Written) -> None:
    """Huge, hostile or unencodable values become a short line, never two and never none."""
    log = structlog.get_logger("x")
    log.info("long", error="e" * 100_000)
    log.info("wide", **{f"f{number}": "v" * 400 for number in range(100)})
    log.info('hostile\n{"event": "forged"}', lone="\ud800", ring=object(), raw=b"\xff")
    log.info("deep", table={"a": {"b": {"c": {"d": {"e": 1}}}}}, many=list(range(10_000)))
    assert len(written.lines) == 4
    assert all(len(line.encode()) <= MAX_LINE for line in written.text.splitlines())
    assert written.lines[0]["error"].endswith("…")
    assert written.lines[1]["cut"] > MAX_LINE
    assert len(written.lines[3]["many"]) == 40


def test_repeats_are_limited_and_counted(written: Written) -> None:
    """A dead database fills no disk, and the next line tells how many were left out."""
    log = structlog.get_logger("x")
    for _ in range(100):
        log.error("the database does not answer")
    log.error("something else")
    written.hands.seconds = 11
    log.error("the database does not answer")
    events = [line["event"] for line in written.lines]
    assert events.count("the database does not answer") == 4
    assert "something else" in events
    assert written.lines[-1]["suppressed"] == 97


def test_the_memory_of_repeats_is_bounded() -> None:
    """A million different messages leave no more than a thousand behind."""
    limit = RepeatLimit(Hands().monotonic)
    for number in range(MAX_REMEMBERED * 3):
        limit(None, "info", {"event": str(number)})
    assert len(limit._seen) == MAX_REMEMBERED


def test_the_standard_library_speaks_the_same(written: Written) -> None:
    """Lines of libraries are JSON too, limited by their unformatted text."""
    for number in range(10):
        logging.getLogger("some.library").warning("attempt %s by %s", number, "joe@example.com")
    assert [line["event"] for line in written.lines] == [
        f"attempt {number} by •••@" for number in range(3)
    ]
    assert "joe" not in written.text
    logging.getLogger("aiohttp.access").info("GET / 200")
    assert len(written.lines) == 3


def test_levels_and_text_for_people(written: Written) -> None:
    """Below the level nothing is written; text is readable and not JSON."""
    stream = io.StringIO()
    start_logs(written.hands.monotonic, level="warning", form="text", stream=stream)
    log = structlog.get_logger("x")
    log.info("not this")
    log.warning("the carrier's breaker opened", partner="carrier")
    assert "not this" not in stream.getvalue()
    assert "the carrier's breaker opened" in stream.getvalue()
    assert "partner=carrier" in stream.getvalue()
    assert not stream.getvalue().startswith("{")
    assert written.text == ""
