"""The console's pages of the rules over HTTP: who may see and change them, and what twice means."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from html import unescape
from pathlib import Path

import pytest

from tests.integration.console import Visitor, a_user, hidden_of
from tests.integration.test_reviews_whole import published
from tests.integration.test_rules_whole import RULES
from tests.integration.whole import OUTLET, Whole
from tests.waiting import eventually

TABLED = """
[[ship]]
name = "by-country"
when = "has(order.ship_to)"
method = '=has(order.ship_to) ? lookup("ways", order.ship_to.country, "") : ""'

[tables]
ways = "ways.csv"
"""
WAYS = "country,method\nUS,standard\n"


async def visitor(whole: Whole, name: str, role: str, *words: str) -> Visitor:
    """A person who has signed in."""
    await asyncio.to_thread(a_user, whole, name, role, *words)
    found = Visitor(whole)
    await found.sign_in(name)
    return found


@pytest.fixture
async def ada(whole: Whole, tmp_path: Path) -> AsyncIterator[Visitor]:
    """An admin at rules of this test alone; afterwards there are none."""
    await published(whole, tmp_path, RULES)
    yield await visitor(whole, "ada", "admin")
    async with asyncio.timeout(60):
        text = (await (await visitor(whole, "ada", "admin")).page("/rules")).lower()
    if "high-value" in text or "by-country" in text:
        await published(whole, tmp_path, "")


async def fields_of(person: Visitor, **more: str) -> dict[str, str]:
    """The editor's form as it is sent."""
    page = await person.page("/rules/edit")
    text = re.search(r'<textarea id="toml"[^>]*>\n(.*?)</textarea>', page, re.DOTALL)
    assert text is not None
    return {**hidden_of(page), "toml": unescape(text[1]), **more}


async def test_what_is_in_use_is_shown_as_it_was_written(whole: Whole, ada: Visitor) -> None:
    """Set by set and as text, which reads as the same rules: publishing it again changes nothing,
    and says so."""
    page = await ada.page("/rules")
    assert "high-value" in page
    assert "order.totals.total_minor &gt;= 50000" in page
    assert "not counted" in page
    fields = await fields_of(ada)
    checked = await ada.post("/rules/edit", **fields)
    assert b"Nothing differs from the rules in use." in checked.body
    again = await ada.post("/rules/publish", **fields, reason="the same")
    assert b"in use already" in again.body
    assert (await ada.get("/rules/versions/999999")).status == 404
    assert (await ada.get("/rules/backtests/999999")).status == 404


async def test_a_form_that_is_sent_twice_publishes_once(whole: Whole, ada: Visitor) -> None:
    """And what someone else stored meanwhile is told before it is replaced; a table is edited
    beside its rules, and downloaded as its file."""
    fields = await fields_of(ada, toml=TABLED, reason="by country")
    asked = await ada.post("/rules/edit", **fields)
    assert b'name="file:ways.csv"' in asked.body, "a new table gets its field"
    fields["file:ways.csv"] = WAYS
    stale = await fields_of(ada)
    first, second = [await ada.post("/rules/publish", **fields) for _ in range(2)]
    assert first.status == second.status == 303
    assert first.headers["location"] == second.headers["location"]
    version = first.headers["location"].rpartition("=")[2]
    table = await ada.get(f"/rules/versions/{version}/tables/ways")
    assert table.body.decode() == WAYS
    assert (await ada.get(f"/rules/versions/{version}/tables/none")).status == 404
    late = await ada.post("/rules/publish", **{**stale, "toml": "", "reason": "late"})
    assert f"version {version} was stored since you began".encode() in late.body
    history = await ada.page("/rules/history")
    assert "by country" in history
    assert "late" not in history
    one = await ada.page(f"/rules/versions/{int(version) - 1}")
    assert "was in use" in one
    back = await ada.post(f"/rules/versions/{int(version) - 1}/rollback", reason="wrong")
    assert back.headers["location"].startswith("/rules?said=back")
    refused = await ada.post(f"/rules/versions/{int(version) - 1}/rollback", reason="wrong")
    assert b"in use already" in refused.body


async def test_what_is_wrong_is_said_with_its_line(whole: Whole, ada: Visitor) -> None:
    """As one types, when one checks, and when one publishes; text that is not TOML has a line
    too."""
    wrong = '[[ship]]\nname = "x"\nwhen = "unitz > 3"\ncarrier = "fedex"\n'
    fields = await fields_of(ada, toml=wrong, reason="x")
    for path in ("lint", "edit", "publish", "backtests"):
        answer = await ada.post(f"/rules/{path}", **fields)
        assert b'data-line="3"' in answer.body, path
        assert b"units" in answer.body, path
    answer = await ada.post("/rules/lint", **{**fields, "toml": "[[ship]]\nname = \n"})
    assert b'data-line="2"' in answer.body
    answer = await ada.post("/rules/lint", **{**fields, "toml": "x" * 1_100_000})
    assert b"larger than" in answer.body
    answer = await ada.post("/rules/publish", **{**fields, "toml": "", "reason": ""})
    assert b"Say why" in answer.body


async def test_a_second_person_approves(whole: Whole, ada: Visitor) -> None:
    """Where the setting asks for it who stored a version can't have it used, and another admin
    can."""
    config = whole.world.config
    before = config.read_text()
    config.write_text(f"rules_need_second_person = true\n{before}")
    await asyncio.to_thread(whole.cli, "reload")
    try:
        fields = await fields_of(ada, toml="", reason="none any more")
        stored = await ada.post("/rules/publish", **fields)
        path = stored.headers["location"].partition("?")[0]
        page = await ada.page(stored.headers["location"])
        assert "once another person approves it" in page
        assert "You stored it" in page
        assert b"another person has to" in (await ada.post(f"{path}/approve", reason="me")).body
        assert "is not in use yet" in await ada.page("/rules")
        bea = await visitor(whole, "bea", "admin")
        assert "Approve and use it" in await bea.page(path)
        assert b"Say why" in (await bea.post(f"{path}/approve", reason=" ")).body
        done = await bea.post(f"{path}/approve", reason="looked at it")
        assert done.headers["location"].startswith("/rules?said=used")
        assert "approved by bea (console)" in await bea.page("/rules/history")
    finally:
        config.write_text(before)
        await asyncio.to_thread(whole.cli, "reload")


async def test_how_often_rules_fire_is_counted(whole: Whole, ada: Visitor) -> None:
    """In the background, of stored orders, once however often the button is pressed at a time."""
    assert (await ada.post("/rules/coverage")).status == 303

    async def counted() -> str:
        page = await ada.page("/rules")
        return page if "Counted" in page and "not counted" not in page else ""

    page = await eventually(counted, 60.0)
    assert "since" in page
    assert (await ada.get("/rules/coverage")).headers["location"] == "/rules"
    found = await ada.page("/rules/findings")
    assert "What is wrong with the rules in use" in found


async def test_rules_are_seen_by_operators_of_all_channels(whole: Whole, ada: Visitor) -> None:
    """They see and try, and change nothing; an agent, and whoever serves some channels, get no page
    of them."""
    fields = await fields_of(ada, reason="x")
    oscar = await visitor(whole, "oscar", "operator")
    page = await oscar.page("/rules/edit")
    assert "Publish" not in page
    for path in ("publish", "versions/1/approve", "versions/1/rollback"):
        assert (await oscar.post(f"/rules/{path}", **fields)).status == 403
    agatha = await visitor(whole, "agatha", "agent")
    otto = await visitor(whole, "otto-of-one", "admin", "--channel", OUTLET)
    for person in (agatha, otto):
        assert "/rules" not in await person.page("/")
        for path in ("", "/history", "/edit", "/findings", "/coverage", "/versions/1"):
            assert (await person.get(f"/rules{path}")).status == 403
        for path in ("edit", "lint", "backtests", "publish", "coverage", "versions/1/rollback"):
            assert (await person.post(f"/rules/{path}", **fields)).status == 403
