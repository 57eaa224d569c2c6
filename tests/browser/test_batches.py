"""Saved views and batches in a browser: found, kept, begun, stopped and begun again by people."""

from __future__ import annotations

import re
from typing import Literal

import msgspec
import pytest
from msgspec.structs import replace
from playwright.sync_api import Browser, Page, expect

from schemas.order.canonical import Order
from tests.browser.test_console import HOSTILE, LONG, hostile
from tests.browser.visits import Visit, meanwhile, visiting
from tests.integration.whole import CHANNEL, Whole

ENDED_MS = 60_000


def unpaid(whole: Whole, count: int) -> list[Order]:
    """Orders that will wait for their payment, of hostile values."""
    return [replace(hostile(whole), payment="pending") for _ in range(count)]


async def waiting(whole: Whole, orders: list[Order]) -> None:
    """Place orders, and wait until they wait."""
    for order in orders:
        await whole.place(order, X_Orderwright_Channel=CHANNEL)
    for order in orders:
        await whole.until(order.ref, "placed")


def named(orders: list[Order]) -> str:
    """A filter that finds these orders."""
    return f"number:{','.join(one.ref for one in orders)}"


async def cancelled(whole: Whole, ref: str) -> None:
    """Cancel an order, and wait for it."""
    body = msgspec.json.encode({"reason": "a test"})
    key = {"Idempotency_Key": f"cancel-{ref}"}
    answer = await whole.api("POST", f"/api/v1/orders/{ref}/actions/cancel", body=body, **key)
    assert answer.status == 202, answer.body
    await whole.until(ref, "cancelled")


def begin(page: Page, verb: str, reason: str) -> None:
    """Fill the form of a batch with the keyboard alone, and start."""
    page.get_by_role("radio", name=re.compile(f"^{verb}")).focus()
    page.keyboard.press("Space")
    page.get_by_label("Reason").fill(reason)
    page.get_by_label("Reason").press("Tab")
    page.keyboard.press("Enter")


def test_a_view_is_saved_shared_used_and_removed(browser: Browser, whole: Whole, axe: str) -> None:
    """An agent keeps a filter under a hostile name and shares it; a viewer uses it, can neither
    share nor remove one, and keeps one of its own; an address is refused beside the field."""
    name = HOSTILE[:40]
    with visiting(browser, whole, "agatha", "agent") as visit:
        page = visit.page
        visit.go("/orders?q=is:open%20age:%3C9d")
        page.get_by_role("link", name="Save this view").click()
        visit.is_accessible(axe)
        page.get_by_label("Name", exact=True).fill(name)
        page.get_by_label("Filter", exact=True).fill("email:jo@example.com")
        page.get_by_role("button", name="Save").click()
        expect(page.get_by_role("alert")).to_contain_text("can't hold an e-mail address")
        visit.is_accessible(axe)
        page.get_by_label("Filter", exact=True).fill("is:open age:<9d")
        page.get_by_label("Everybody sees it").check()
        page.get_by_role("button", name="Save").click()
        expect(page.get_by_role("link", name=name, exact=True)).to_have_attribute(
            "aria-current", "true"
        )
        visit.is_well()
    with visiting(browser, whole, "victor", "viewer") as visit:
        page = visit.page
        visit.go("/orders")
        page.get_by_role("link", name=name, exact=True).click()
        expect(page.get_by_label("Filter orders")).to_have_value("is:open age:<9d")
        expect(page.get_by_role("link", name="Act on all that match")).to_have_count(0)
        page.get_by_role("link", name="Saved views").click()
        expect(page.get_by_label("Everybody sees it")).to_have_count(0)
        expect(page.get_by_role("button", name=f"Remove the view {name}")).to_have_count(0)
        page.get_by_label("Name", exact=True).fill("Mine")
        page.get_by_label("Filter", exact=True).fill("stage:shipped")
        page.get_by_role("button", name="Save").click()
        expect(page.get_by_role("link", name="Mine", exact=True)).to_be_visible()
        visit.is_well()
    with visiting(browser, whole, "agatha", "agent") as visit:
        page = visit.page
        visit.go("/orders/views")
        expect(page.get_by_role("link", name="Mine", exact=True)).to_have_count(0)
        page.get_by_role("button", name=f"Remove the view {name}").click()
        expect(page.get_by_role("status")).to_contain_text("removed")
        expect(page.get_by_role("link", name=name, exact=True)).to_have_count(0)


def test_a_batch_is_previewed_begun_and_begun_again_with_its_failures(
    browser: Browser, whole: Whole, axe: str
) -> None:
    """From the list by visible names and the keyboard: what matches is counted, all of it is held,
    the one that can't be is told in a sentence and tried once more; the orders keep who began it.
    A viewer sees it and begins nothing."""
    orders = unpaid(whole, 4)
    meanwhile(waiting(whole, orders))
    meanwhile(cancelled(whole, orders[0].ref))
    with visiting(browser, whole, "agatha", "agent") as visit:
        page = visit.page
        visit.go(f"/orders?q={named(orders)}")
        page.get_by_role("link", name="Act on all that match").click()
        expect(page.get_by_role("heading", name="with 4 orders")).to_be_visible()
        visit.is_accessible(axe)
        begin(page, "Hold", f"a recall {HOSTILE}")
        expect(page.get_by_role("status")).to_contain_text("begun")
        expect(page.get_by_role("heading", level=1)).to_have_text("Hold: 4 orders")
        expect(page.locator("h1 + .chip")).to_have_text("ended", timeout=ENDED_MS)
        failures = page.get_by_role("region", name="What failed")
        expect(failures).to_contain_text("An order that is cancelled can't be held.")
        visit.is_well()
        visit.is_accessible(axe)
        page.get_by_label("Reason to begin again").fill("the same again")
        page.get_by_role("button", name="Begin again with the failures").click()
        expect(page.get_by_role("heading", level=1)).to_have_text("Hold: 1 order")
        expect(page.locator("h1 + .chip")).to_have_text("ended", timeout=ENDED_MS)
        page.get_by_role("link", name="Batches").first.click()
        visit.is_accessible(axe)
        path = str(page.locator("tbody th a").nth(1).get_attribute("href"))
    told = whole.cli("orders", "timeline", orders[1].ref)
    assert f"agatha (console), batch {path.rpartition('/')[2]}" in told
    with visiting(browser, whole, "victor", "viewer") as visit:
        visit.go(path)
        expect(visit.page.get_by_role("heading", name="What failed")).to_be_visible()
        expect(visit.page.get_by_role("button", name="Begin again")).to_have_count(0)
        visit.page.goto(f"{visit.url}/batches/new?q=currency:CAD")
        expect(visit.page.get_by_role("heading", name="Not for your role")).to_be_visible()
        visit.faults.clear()  # Chromium tells of each 403 in its console


def test_a_slow_batch_is_stopped(browser: Browser, whole: Whole) -> None:
    """Its progress moves by itself; stopped with a reason it tells no further order, and says how
    many were not told."""
    orders = unpaid(whole, 12)
    meanwhile(waiting(whole, orders))
    with visiting(browser, whole, "agatha", "agent") as visit:
        page = visit.page
        visit.go(f"/batches/new?q={named(orders)}")
        page.get_by_label("Orders told in a second").fill("1")
        begin(page, "Hold", "slowly")
        page.get_by_label("Reason to stop").fill("enough")
        page.get_by_role("button", name="Stop the batch").click()
        expect(page.get_by_role("status")).to_contain_text("stopped")
        expect(page.locator("h1 + .chip")).to_have_text("stopped", timeout=ENDED_MS)
        expect(page.get_by_text("not told any more")).to_be_visible()
        visit.is_well()


def test_more_orders_than_were_shown_are_not_begun_with(browser: Browser, whole: Whole) -> None:
    """When many more match than the preview counted, whoever starts sees the new count first, and
    what was typed is still there."""
    orders = unpaid(whole, 12)
    meanwhile(waiting(whole, orders[:1]))
    with visiting(browser, whole, "agatha", "agent") as visit:
        page = visit.page
        visit.go(f"/batches/new?q={named(orders)}")
        meanwhile(waiting(whole, orders[1:]))
        begin(page, "Hold", "all of them")
        expect(page.get_by_role("alert")).to_contain_text("12 match now")
        expect(page.get_by_label("Reason")).to_have_value("all of them")
        expect(page.get_by_role("button", name="Start with 12 orders")).to_be_visible()
        page.get_by_role("button", name="Start with 12 orders").click()
        expect(page.locator("h1 + .chip")).to_have_text("ended", timeout=ENDED_MS)


@pytest.mark.parametrize(
    ("width", "scheme"), [(320, "light"), (320, "dark"), (1280, "light"), (1920, "dark")]
)
def test_the_pages_are_whole_and_accessible(
    browser: Browser, whole: Whole, axe: str, width: int, scheme: Literal["light", "dark"]
) -> None:
    """No page of views or batches with endless and hostile words runs anything, is refused
    anything, or is wider than the window; axe finds nothing."""
    orders = unpaid(whole, 1)
    meanwhile(waiting(whole, orders))
    words = f'{named(orders)} -number:"{LONG}"'
    with visiting(browser, whole, width=width, scheme=scheme) as visit:
        page = visit.page
        save(visit, f"{LONG[:20]}{HOSTILE[:20]}", words)
        found: list[str] = []
        for path in ("/orders?q=is:open", "/orders/views", f"/orders/views?q={LONG}"):
            found += visit.faults_at(path, axe)
        page.goto(f"{visit.url}/batches/new")
        page.get_by_role("searchbox").fill(words)
        page.get_by_role("button", name="Count again").click()
        found += [*visit.too_wide(), *visit.violations(axe)]
        begin(page, "Fetch again", f"{HOSTILE} {LONG}")
        expect(page.locator("h1 + .chip")).to_have_text("ended", timeout=ENDED_MS)
        found += [*visit.too_wide(), *visit.violations(axe)]
        found += visit.faults_at("/batches", axe)
        assert found == [], "\n".join(found)


def save(visit: Visit, name: str, words: str) -> None:
    """Save a view."""
    visit.go("/orders/views")
    visit.page.get_by_label("Name", exact=True).fill(name)
    visit.page.get_by_label("Filter", exact=True).fill(words)
    visit.page.get_by_role("button", name="Save").click()
    visit.is_well()
