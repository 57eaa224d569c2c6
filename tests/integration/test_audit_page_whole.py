"""The console's page of the audit: found by person, verb, thing and time, a page at a time."""

from __future__ import annotations

import asyncio
import re
from datetime import timedelta

from adapters.postgres.audit import Audit
from service.app.sessions import open_reports
from tests.given import NOON
from tests.integration.console import Visitor, a_user
from tests.integration.whole import CANARY, CHANNEL, OUTLET, Whole

ROWS = 120


async def visitor(whole: Whole, name: str, role: str, *words: str) -> Visitor:
    """A person who has signed in."""
    await asyncio.to_thread(a_user, whole, name, role, *words)
    found = Visitor(whole)
    await found.sign_in(name)
    return found


async def written(
    whole: Whole,
    *,
    person: str = "zed (console)",
    action: str = "test.done",
    target: str = "test:1",
    channel: str = "",
    reason: str = "why",
) -> None:
    """Write a row of the audit, at a time of old."""
    async with open_reports(whole.world.runtime().postgres_dsn) as pool:
        await Audit(pool).record(
            at=NOON, person=person, action=action, target=target, channel=channel, reason=reason
        )


def ids_of(page: str) -> list[int]:
    """The entries of a page."""
    return [int(one) for one in re.findall(r'<tr><th scope="row">(\d+)</th>', page)]


async def test_every_row_is_reached_a_page_at_a_time(whole: Whole) -> None:
    """Newest first, none twice and none left out, also while rows are added; by person, verb, thing
    and day."""
    async with open_reports(whole.world.runtime().postgres_dsn) as pool:
        for number in range(ROWS):
            await Audit(pool).record(
                at=NOON + timedelta(days=number),
                person="yan (console)",
                action="test.paged",
                target=f"paged:{number}",
                reason="x",
            )
    ada = await visitor(whole, "ada", "admin")
    found, path = [], "/audit?person=yan"
    while path:
        page = await ada.page(path)
        found += ids_of(page)
        await written(whole, person="yan (console)")
        following = re.search(r'href="(/audit\?[^"]+)" rel="next"', page)
        path = following[1].replace("&amp;", "&") if following else ""
    assert len(found) == ROWS
    assert found == sorted(found, reverse=True)
    assert ids_of(await ada.page("/audit?action=test.paged&about=paged:7")) == [found[-8]]
    day = f"{NOON + timedelta(days=3):%Y-%m-%d}"
    assert ids_of(
        await ada.page(f"/audit?person=yan&action=test.paged&since={day}&until={day}")
    ) == [found[-4]]
    for asked in ("since=yesterday", "about=no-such-order"):
        answer = await ada.get(f"/audit?{asked}")
        assert answer.status == 200
        assert b'role="alert"' in answer.body
    assert (await ada.get("/audit?cursor=x")).status == 400


async def test_an_order_s_rows_are_found_by_its_number(whole: Whole) -> None:
    """And lead to it. An auditor reads who did it and why, without mail addresses, telephone
    numbers, and the customer's own name; an admin reads all of it."""
    order = whole.order()
    placed = await whole.place(order, X_Orderwright_Channel=CHANNEL)
    await whole.until(order.ref, "open", "completed", "closed")
    assert order.customer is not None
    name = order.customer.name.split()[0]
    reason = f"{name} called from +49 171 2345678 and jo@example.com about {order.number}"
    target = f"order:{placed['order_id']}"
    await written(whole, target=target, channel=CHANNEL, reason=reason)
    ada = await visitor(whole, "ada", "admin")
    page = await ada.page(f"/audit?about={order.number}")
    assert reason in page
    assert f'href="/orders/{placed["order_id"]}"' in page
    audrey = await visitor(whole, "audrey", "auditor")
    page = await audrey.page(f"/audit?about={order.number}")
    assert "zed (console)" in page
    assert f"*** called from *** and *** about {order.number}" in page
    assert CANARY not in page


async def test_rows_of_other_channels_are_not_seen(whole: Whole) -> None:
    """Who serves one channel sees what was done there, and nothing of the installation's own."""
    await written(whole, target="there:1", channel=OUTLET, reason="of the outlet")
    await written(whole, target="there:2", channel=CHANNEL, reason="of the other")
    await written(whole, target="there:3", reason="of all")
    otto = await visitor(whole, "audit-otto", "auditor", "--channel", OUTLET)
    page = await otto.page("/audit?person=zed")
    assert "of the outlet" in page
    assert "of the other" not in page
    assert "of all" not in page
