"""The console's pages of an order's past, over HTTP: who may see them, and what they show."""

from __future__ import annotations

from schemas.messages import inputs as i
from service.orders.earlier import MAX_DECIDED
from service.orders.earlier_pages import INPUTS
from tests.integration.console import Visitor, a_user
from tests.integration.whole import CANARY, CHANNEL, OUTLET, Whole
from tests.waiting import eventually

MORE = """
INSERT INTO events (order_id, version, type, body, at)
SELECT e.order_id, $2 + 1 + 2 * n + (e.version - $2 + 1), e.type, e.body, e.at + n * interval '1 ms'
FROM events e, generate_series(0, $3::int - 1) n WHERE e.order_id = $1 AND e.version > $2 - 2
"""

RAISED = """
UPDATE orders SET version = $2::bigint, state = convert_to(regexp_replace(
    convert_from(state, 'UTF8'), '"version":[0-9]+', '"version":' || $2::bigint), 'UTF8')
WHERE order_id = $1
"""
"""The state that these events give, so that a replay of all orders finds it."""


async def a_long_order(whole: Whole, events: int = 10_000) -> str:
    """An order that was held and released that often, and waits for its payment: its id."""
    order = whole.order(payment="pending")
    placed = await whole.place(order, X_Orderwright_Channel=OUTLET)
    order_id = str(placed["order_id"])
    await whole.until(order_id, "placed")
    version = await _version(whole, order_id)
    for verb in ("hold", "release"):
        answer = await whole.api(
            "POST",
            f"/api/v1/orders/{order_id}/actions/{verb}",
            body=b'{"reason": "again and again"}',
            Idempotency_Key=f"{verb}-{order_id}",
        )
        assert answer.status == 202, answer.body
        version += 1

        async def done(wanted: int = version) -> bool:
            return await _version(whole, order_id) == wanted

        await eventually(done, 30.0)
    await whole.world.rows(MORE, order_id, version, events // 2)
    await whole.world.rows(RAISED, order_id, version + events)
    return order_id


async def _version(whole: Whole, order_id: str) -> int:
    asked = "SELECT version FROM orders WHERE order_id = $1"
    ((version,),) = await whole.world.rows(asked, order_id)
    return int(version)


async def _signed_in(whole: Whole, name: str, role: str, *words: str) -> Visitor:
    a_user(whole, name, role, *words)
    visitor = Visitor(whole)
    await visitor.sign_in(name)
    return visitor


async def test_an_order_is_shown_as_it_was(whole: Whole) -> None:
    """By version and by time: what was decided last, its parts then, and what came next; a viewer
    sees it, and no one's name. What is asked wrongly is answered with what there is."""
    order = whole.order()
    placed = await whole.place(order, X_Orderwright_Channel=CHANNEL)
    await whole.until(order.number, "closed", seconds=120.0)
    one = f"/orders/{placed['order_id']}"
    victor = await _signed_in(whole, "victor", "viewer")
    last = await _version(whole, str(placed["order_id"]))
    assert f"{one}/past" in await victor.page(one)
    first = await victor.page(f"{one}/past?at=1")
    assert f"After event 1 of {last}" in first
    assert "<b>Next</b>" in first
    assert "Nothing was planned yet." in first
    assert CANARY not in first
    end = await victor.page(f"{one}/past?at={last}")
    assert "This is the order as it is now." in end
    assert await victor.page(f"{one}/past") == end
    assert f"After event {last} of {last}" in await victor.page(
        f"{one}/past?until=2100-01-01T00:00:00"
    )
    before = await victor.page(f"{one}/past?until=2020-01-01T00:00")
    assert "Nothing was known of the order then." in before
    assert "A time is written such as" in await victor.page(f"{one}/past?until=yesterday")
    for asked in ("0", "-3", "9" * 30, "1e9", "'"):
        assert "After event" in await victor.page(f"{one}/past?at={asked}")
    assert (await victor.page(f"{one}/past/now?at=1")).startswith('<div id="past">')


async def test_what_would_be_decided_today_is_said_in_words(whole: Whole) -> None:
    """Of an order that the same rules decided nothing differs, and nothing of it is done; one with
    a longer past than is decided here leads to the command line."""
    order = whole.order()
    placed = await whole.place(order, X_Orderwright_Channel=CHANNEL)
    await whole.until(order.number, "closed", seconds=120.0)
    one = f"/orders/{placed['order_id']}"
    victor = await _signed_in(whole, "victor", "viewer")
    before = whole.cli("orders", "timeline", order.number)
    page = await victor.page(f"{one}/what-if")
    assert "would be the same today." in page
    assert whole.cli("orders", "timeline", order.number) == before
    long = await a_long_order(whole, 2 * MAX_DECIDED)
    assert "orders replay" in await victor.page(f"/orders/{long}/what-if")


async def test_the_past_of_other_channels_is_not_there(whole: Whole) -> None:
    """No page of it, for who sees one channel alone; who has not signed in is led to the
    sign-in."""
    placed = await whole.place(whole.order(), X_Orderwright_Channel=CHANNEL)
    otto = await _signed_in(whole, "otto", "operator", "--channel", OUTLET)
    for path in ("past", "past?at=1", "past/now?at=1", "what-if", "timeline?before=3"):
        there = f"/orders/{placed['order_id']}/{path}"
        assert (await otto.get(there)).status == 404, path
        assert (await Visitor(whole).get(there)).status == 303, path


async def test_a_long_timeline_comes_in_parts(whole: Whole) -> None:
    """Of ten thousand events the order's page has the newest two hundred, and leads to those
    before, up to the first."""
    order_id = await a_long_order(whole)
    ada = await _signed_in(whole, "ada", "admin")
    one = f"/orders/{order_id}"
    page = await ada.page(one)
    assert page.count('<li class="decided"') <= 200
    assert f'href="{one}/timeline?before=' in page
    first = await ada.page(f"{one}/timeline?before=3")
    assert "What happened before that" not in first
    assert 'id="entry-1"' in first
    assert "After event 5,000 of" in await ada.page(f"{one}/past?at=5000")
    assert (await ada.get(f"{one}/timeline")).status == 400
    assert (await ada.get(f"{one}/timeline?before=x")).status == 400


def test_every_input_that_is_decided_again_has_its_words() -> None:
    """No technical name is shown for one."""
    again = (
        i.PlaceOrder, i.ActOnOrder, i.EffectDone, i.EffectRefused, i.EffectGivenUp, i.TimerFired
    )  # fmt: skip
    assert set(INPUTS) == {one.__struct_config__.tag for one in again}
