"""The audit in a browser: found with the keyboard, whole with hostile values."""

from __future__ import annotations

from typing import Literal

import pytest
from playwright.sync_api import Browser, expect

from tests.browser.test_console import HOSTILE, LONG
from tests.browser.visits import meanwhile, visiting
from tests.integration.test_audit_page_whole import written
from tests.integration.whole import CHANNEL, Whole


@pytest.fixture(scope="module")
def audited(whole: Whole) -> Whole:
    """A service whose audit holds hostile and endless values, and more than a page."""
    meanwhile(_write(whole))
    return whole


async def _write(whole: Whole) -> None:
    for _ in range(55):
        await written(whole, person="patient (console)", target="rules:1", reason="again")
    hostile = f"{HOSTILE} {LONG}"
    await written(
        whole, person=hostile, action="test.hostile", target=f"x:{hostile}", reason=hostile * 3
    )


@pytest.mark.parametrize(
    ("width", "scheme"), [(320, "light"), (320, "dark"), (1280, "light"), (1920, "dark")]
)
def test_the_page_is_whole_and_accessible(
    browser: Browser, audited: Whole, axe: str, width: int, scheme: Literal["light", "dark"]
) -> None:
    """With hostile values, with a fault, empty, and for an auditor: nothing runs, nothing is wider
    than the window, axe finds nothing."""
    paths = ("/audit", "/audit?since=x", "/audit?person=unknown", "/audit?action=test.hostile")
    for name, role in (("ada", "admin"), ("audrey", "auditor")):
        with visiting(browser, audited, name, role, width=width, scheme=scheme) as visit:
            found = [fault for path in paths for fault in visit.faults_at(path, axe)]
            assert found == [], "\n".join(found)


def test_an_auditor_finds_who_did_what_with_the_keyboard(browser: Browser, audited: Whole) -> None:
    """By person and verb, page by page, and to what a row is about; what was looked for stays in
    the form. An agent is not offered the page."""
    with visiting(browser, audited, "audrey", "auditor") as visit:
        page = visit.page
        visit.go("/")
        page.get_by_role("navigation", name="Pages").get_by_role("link", name="Audit").click()
        page.get_by_label("Person").focus()
        page.keyboard.type("patient")
        page.keyboard.press("Tab")
        page.keyboard.type("test.done")
        page.get_by_label("Person").press("Enter")
        rows = page.locator("tbody tr")
        expect(rows).to_have_count(50)
        expect(page.get_by_label("Person")).to_have_value("patient")
        page.get_by_role("link", name="Older entries").focus()
        page.keyboard.press("Enter")
        expect(rows).to_have_count(5)
        expect(page.get_by_label("What was done")).to_have_value("test.done")
        visit.is_well()
    with visiting(browser, audited, "agatha", "agent") as visit:
        visit.go("/")
        pages = visit.page.get_by_role("navigation", name="Pages")
        expect(pages.get_by_role("link", name="Audit")).to_have_count(0)


def test_what_a_decision_left_is_found(browser: Browser, audited: Whole) -> None:
    """A look at a customer stands there with who looked, found by the order's number."""
    order = audited.order()
    placed = meanwhile(audited.place(order, X_Orderwright_Channel=CHANNEL))
    with visiting(browser, audited, "agatha", "agent") as visit:
        visit.go(f"/orders/{placed['order_id']}/customer")
    with visiting(browser, audited) as visit:
        page = visit.page
        visit.go("/audit")
        page.get_by_label("Order, or another thing").fill(order.ref)
        page.get_by_role("button", name="Find").click()
        row = page.get_by_role("row", name="order.customer_seen")
        expect(row).to_contain_text("agatha (console)")
        row.get_by_role("link").click()
        expect(page.get_by_role("heading", level=1)).to_contain_text(order.number)
        visit.is_well()
