"""An order's past in a browser: the slider, pages without scripts, what would be decided today, and
a timeline of ten thousand events."""

from __future__ import annotations

import re
from typing import Literal

import pytest
from playwright.sync_api import Browser, expect

from tests.browser.test_console import hostile
from tests.browser.visits import meanwhile, visiting
from tests.integration.test_earlier_console import a_long_order
from tests.integration.whole import CHANNEL, Whole

MOVED_MS = 20_000


@pytest.fixture(scope="module")
def sent(whole: Whole) -> str:
    """An order of hostile values that has left: the path of its page."""
    order = hostile(whole)
    placed = meanwhile(whole.place(order, X_Orderwright_Channel=CHANNEL))
    meanwhile(whole.until(order.ref, "shipped", "delivered", "closed", seconds=60))
    return f"/orders/{placed['order_id']}"


@pytest.fixture(scope="module")
def long(whole: Whole) -> str:
    """An order of ten thousand events: the path of its page."""
    return f"/orders/{meanwhile(a_long_order(whole))}"


@pytest.fixture(scope="module")
def paths(sent: str, long: str) -> tuple[str, ...]:
    """Every page of an order's past, of a short one and a long one."""
    return (
        *(f"{sent}/past", f"{sent}/past?at=1", f"{sent}/past?at=12", f"{sent}/past?until=x"),
        *(f"{sent}/what-if", f"{long}/what-if", f"{sent}/timeline?before=9"),
        *(long, f"{long}/timeline?before=900", f"{long}/past?at=77"),
    )


def test_the_slider_goes_from_event_to_event(
    browser: Browser, whole: Whole, axe: str, sent: str
) -> None:
    """From the order's page with the keyboard alone: the slider moves the page to any event, keeps
    the focus, and says what came next; a time is asked for as well."""
    with visiting(browser, whole, "victor", "viewer") as visit:
        page = visit.page
        visit.go(sent)
        page.get_by_role("link", name="The order at an earlier moment").focus()
        page.keyboard.press("Enter")
        told = page.get_by_role("status")
        expect(page.get_by_text("This is the order as it is now.")).to_be_visible()
        visit.is_accessible(axe)
        slider = page.get_by_role("slider")
        slider.focus()
        page.keyboard.press("Home")
        expect(told).to_contain_text("After event 1 of", timeout=MOVED_MS)
        expect(page.get_by_text("Nothing was planned yet.")).to_be_visible()
        page.keyboard.press("ArrowRight")
        expect(told).to_contain_text("After event 2 of", timeout=MOVED_MS)
        expect(slider).to_be_focused()
        expect(page.get_by_text(re.compile("^Next, "))).to_be_visible()
        visit.is_well()
        visit.is_accessible(axe)
        page.get_by_role("link", name="Later").focus()
        page.keyboard.press("Enter")
        expect(told).to_contain_text("After event 3 of")
        expect(slider).to_have_value("3")
        page.get_by_label("At a time, in UTC").fill("2030-01-01T00:00:00")
        page.get_by_role("button", name="Show that time").click()
        expect(page.get_by_text("This is the order as it is now.")).to_be_visible()


def test_the_past_is_shown_without_scripts(browser: Browser, whole: Whole, sent: str) -> None:
    """Links and forms do what the slider does."""
    with visiting(browser, whole, "victor", "viewer") as visit:
        kept = visit.page.context.storage_state()
    window = browser.new_context(java_script_enabled=False, storage_state=kept)
    try:
        page = window.new_page()
        page.goto(f"{whole.world.url}{sent}/past")
        page.get_by_role("link", name="First").click()
        expect(page.get_by_role("status")).to_contain_text("After event 1 of")
        page.get_by_role("link", name="Later").click()
        expect(page.get_by_role("status")).to_contain_text("After event 2 of")
        page.get_by_role("slider").focus()
        page.keyboard.press("ArrowRight")
        page.get_by_role("button", name="Show", exact=True).click()
        expect(page.get_by_role("status")).to_contain_text("After event 3 of")
    finally:
        window.close()


def test_what_would_be_decided_today_is_read(
    browser: Browser, whole: Whole, axe: str, sent: str
) -> None:
    """In a sentence, from the order's page."""
    with visiting(browser, whole, "victor", "viewer") as visit:
        page = visit.page
        visit.go(sent)
        page.get_by_role("link", name="What would be decided today").click()
        expect(page.get_by_role("status")).to_contain_text("would be the same today.")
        visit.is_well()
        visit.is_accessible(axe)


def test_ten_thousand_events_are_read_in_parts(
    browser: Browser, whole: Whole, axe: str, long: str
) -> None:
    """The page of such an order holds two hundred entries, answers the keyboard, and leads back to
    the first event; the slider reaches one in the middle."""
    with visiting(browser, whole, "victor", "viewer") as visit:
        page = visit.page
        visit.go(long)
        entries = page.locator(".timeline > li")
        assert page.locator(".timeline > .decided").count() <= 200
        visit.is_accessible(axe)
        page.get_by_role("link", name="What happened before").focus()
        page.keyboard.press("Enter")
        expect(page.get_by_role("heading", level=1)).to_have_text("What happened before")
        expect(entries).to_have_count(200)
        visit.is_accessible(axe)
        page.get_by_role("link", name="What happened before that").click()
        expect(entries).to_have_count(200)
        visit.go(f"{long}/past?at=5000")
        expect(page.get_by_role("status")).to_contain_text("After event 5,000 of")
        page.get_by_role("slider").focus()
        page.keyboard.press("ArrowLeft")
        expect(page.get_by_role("status")).to_contain_text("After event 4,999", timeout=MOVED_MS)


@pytest.mark.parametrize(
    ("width", "scheme"), [(320, "light"), (320, "dark"), (1280, "light"), (1920, "dark")]
)
def test_the_pages_are_whole_and_accessible(
    browser: Browser, whole: Whole, axe: str, paths: tuple[str, ...], width: int,
    scheme: Literal["light", "dark"],
) -> None:  # fmt: skip
    """No page of an order's past with hostile and endless values runs anything, is refused
    anything, or is wider than the window; axe finds nothing."""
    with visiting(browser, whole, width=width, scheme=scheme) as visit:
        found: list[str] = []
        for path in paths:
            found += visit.faults_at(path, axe)
        assert found == [], "\n".join(found)
