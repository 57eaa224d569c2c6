"""The console's pages of reconciliation, over HTTP: who may see which run and difference, and what
becomes of forms."""

from __future__ import annotations

from datetime import UTC, datetime

from tests.integration.console import Visitor, a_user, hidden_of
from tests.integration.whole import CHANNEL, OUTLET, Whole

AT = datetime(2026, 11, 20, tzinfo=UTC)
BEGIN = """
INSERT INTO recon_runs (channels, since, until, person, reason, steps, step, state, created_at,
    ended_at)
VALUES ($1, $2::timestamptz, $2::timestamptz + interval '1 day', 'ann',
    'a test', '{a,b}', 2, 'ended', now(), now())
RETURNING id
"""
DIFFER = """
INSERT INTO recon_differences (identity, channel, order_id, ref, number, placed_at, type, cause,
    sides, currency, expected_minor, found_minor, expected, found, about, first_run, last_run,
    first_seen_at, last_seen_at)
VALUES ($1, $2, '', $3, $4, $5, 'amount', 'goods_booked_differently', 'journal-erp', 'USD', 1000,
    850, '', '', $6, $7, $7, $5, $5)
RETURNING id
"""
TOTAL = """
INSERT INTO recon_totals (run_id, channel, currency, orders, gross_minor) VALUES ($1, $2, 'USD', 3,
    30000)
"""


async def a_run(whole: Whole, *channels: str) -> int:
    """A run over these channels that has ended: its id."""
    ((number,),) = await whole.world.rows(BEGIN, list(channels), AT)
    for channel in channels:
        await whole.world.rows(TOTAL, number, channel)
    return int(number)


async def a_difference(
    whole: Whole, run: int, channel: str, number: str = "#77", about: str = "S-1"
) -> int:
    """A difference of 1.50 USD that a run found: its id."""
    told = f"{channel} {run} {number}", channel, "R-77", number, AT, about, run
    ((found,),) = await whole.world.rows(DIFFER, *told)
    return int(found)


async def _as(whole: Whole, name: str, role: str, *words: str) -> Visitor:
    a_user(whole, name, role, *words)
    visitor = Visitor(whole)
    await visitor.sign_in(name)
    return visitor


async def test_only_finance_and_admins_see_the_books(whole: Whole) -> None:
    """No other role sees a page of reconciliation or its link, or sends its forms; finance decides
    about no order."""
    run = await a_run(whole, CHANNEL)
    one = f"/recon/differences/{await a_difference(whole, run, CHANNEL)}"
    paths = ("/recon", "/recon/new", "/recon/differences", one, f"/recon/runs/{run}")
    for role in ("viewer", "warehouse", "agent", "operator"):
        other = await _as(whole, f"only-{role}", role)
        for path in (*paths, f"/recon/runs/{run}/now"):
            assert (await other.get(path)).status == 403, (role, path)
        for path in ("/recon/runs", f"/recon/runs/{run}/stop", f"{one}/accept", f"{one}/correct"):
            assert (await other.post(path, reason="x")).status == 403, (role, path)
        assert 'href="/recon"' not in await other.page("/")
    fiona = await _as(whole, "fiona", "finance")
    for path in paths:
        assert 'href="/recon"' in await fiona.page(path)
    placed = await whole.place(whole.order(), X_Orderwright_Channel=CHANNEL)
    order = f"/orders/{placed['order_id']}"
    assert (await fiona.get(f"{order}/do/cancel")).status == 403
    assert (await fiona.get(f"{order}/customer")).status == 403
    assert (await fiona.get("/quarantine")).status == 403


async def test_runs_and_differences_of_other_channels_are_not_there(whole: Whole) -> None:
    """Whoever sees one channel sees neither a difference of another one nor a run over both, and
    compares only their own."""
    both, run = await a_run(whole, CHANNEL, OUTLET), await a_run(whole, CHANNEL)
    mine = await a_difference(whole, both, OUTLET, "#MINE")
    theirs = await a_difference(whole, run, CHANNEL, "#THEIRS")
    otto = await _as(whole, "ottilie", "finance", "--channel", OUTLET)
    assert (await otto.get(f"/recon/differences/{mine}")).status == 200
    assert (await otto.get(f"/recon/differences/{theirs}")).status == 404
    assert (await otto.post(f"/recon/differences/{theirs}/accept", reason="x")).status == 404
    for number in (both, run):
        for path in ("", "/now"):
            assert (await otto.get(f"/recon/runs/{number}{path}")).status == 404
        assert (await otto.post(f"/recon/runs/{number}/stop", reason="x")).status == 404
    for query in ("", f"?channel={CHANNEL}", f"?run={run}", "?state=open"):
        page = await otto.page(f"/recon/differences{query}")
        assert "#THEIRS" not in page, query
    assert "#MINE" in await otto.page("/recon/differences")
    page = await otto.page("/recon/new")
    assert f"channel:{OUTLET}" in page
    assert f"channel:{CHANNEL}" not in page
    fields = {**hidden_of(page), "since": "2026-11-20", f"channel:{CHANNEL}": "yes"}
    assert "that you may compare" in (await otto.post("/recon/runs", **fields)).body.decode()


async def test_a_decision_needs_a_reason_and_is_audited(whole: Whole) -> None:
    """It is carried out once, kept with its reason and the name; what is decided already is said so
    and an unknown word is not found."""
    run = await a_run(whole, CHANNEL)
    number = await a_difference(whole, run, CHANNEL)
    one, fiona = f"/recon/differences/{number}", await _as(whole, "fiona", "finance")
    assert b"Say why" in (await fiona.post(f"{one}/accept", reason=" ")).body
    answer = await fiona.post(f"{one}/accept", reason="the bank rounds")
    assert answer.headers["location"] == f"{one}?said=accept"
    assert (await fiona.post(f"{one}/accept", reason="twice")).status == 409
    assert (await fiona.post(f"{one}/resolve", reason="x")).status in (404, 405)
    assert "the bank rounds" in await fiona.page(one)
    page = await fiona.page(f"/recon/runs/{run}")
    assert "1 accepted" in page
    assert (await fiona.post(f"{one}/correct", reason="changed in the ERP")).status == 303
    asked = "SELECT person, action, reason FROM audit WHERE target = $1 ORDER BY id"
    told = [tuple(x) for x in await whole.world.rows(asked, f"recon-difference:{number}")]
    assert told == [
        ("fiona (console)", "recon.accept", "the bank rounds"),
        ("fiona (console)", "recon.correct", "changed in the ERP"),
    ]
    page = await fiona.page(f"/recon/runs/{run}")
    assert "1.50 USD" in page
    assert "0.5000 %" in page


async def test_a_form_begins_one_run_and_says_what_is_wrong_with_it(whole: Whole) -> None:
    """Sent twice it begins once; a day that is none, an empty window and a form without its page's
    value are refused in words."""
    fiona = await _as(whole, "fiona", "finance")
    fields = {**hidden_of(await fiona.page("/recon/new")), f"channel:{CHANNEL}": "yes"}
    wrong = await fiona.post("/recon/runs", **fields, since="yesterday")
    assert "is a day such as 2026-11-27" in wrong.body.decode()
    empty = await fiona.post("/recon/runs", **fields, since="2026-11-20", until="2026-11-20")
    assert "The window is empty" in empty.body.decode()
    assert (await fiona.post("/recon/runs", since="2026-11-20")).status == 400
    begun = [await fiona.post("/recon/runs", **fields, since="2026-11-20") for _ in range(2)]
    assert len({answer.headers["location"] for answer in begun}) == 1
    there = begun[0].headers["location"].partition("?")[0]
    page = await fiona.page(there)
    assert CHANNEL in page
    await fiona.post(f"{there}/stop", reason="enough")
    run = int(there.rpartition("/")[2])
    asked = "SELECT action FROM audit WHERE target = $1 ORDER BY id"
    (first, *_) = [row["action"] for row in await whole.world.rows(asked, f"recon:{run}")]
    assert first == "recon.start"
