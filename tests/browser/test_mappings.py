"""The mappings in a browser: a missing value is named, and its order goes on by itself."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import pytest
from msgspec.structs import replace
from playwright.sync_api import Browser, expect

from schemas.order.canonical import Order
from tests.browser.test_console import HOSTILE, hostile
from tests.browser.visits import meanwhile, visiting
from tests.integration.test_mappings_whole import closed, in_use
from tests.integration.whole import CHANNEL, Whole

__all__ = ["closed"]

GONE_MS = 60_000


@pytest.fixture
def lacking(whole: Whole, closed: Path) -> tuple[Whole, Order]:
    """An order of hostile values that waits for a SKU of such a name."""
    meanwhile(in_use(whole))
    order = hostile(whole)
    named = f"{order.ref}{HOSTILE}"[:120]
    order = replace(order, lines=(replace(order.lines[0], sku=named), *order.lines[1:]))
    meanwhile(whole.place(order, X_Orderwright_Channel=CHANNEL))
    meanwhile(whole.until(order.ref, "placed"))
    return whole, order


@pytest.mark.parametrize(
    ("width", "scheme"), [(320, "light"), (320, "dark"), (1280, "light"), (1920, "dark")]
)
def test_the_pages_are_whole_and_accessible(
    browser: Browser,
    lacking: tuple[Whole, Order],
    axe: str,
    width: int,
    scheme: Literal["light", "dark"],
) -> None:
    """No page of hostile values runs anything, is refused anything, or is wider than the window;
    axe finds nothing."""
    whole, order = lacking
    with visiting(browser, whole, "oscar", "operator", width=width, scheme=scheme) as visit:
        paths = ("/mappings", "/mappings?q=SKU", "/mappings/history", "/mappings/add")
        found = [fault for path in paths for fault in visit.faults_at(path, axe)]
        visit.go("/mappings")
        visit.page.get_by_role("link", name=f"Name {order.ref}").click()
        visit.is_well()
        found += visit.violations(axe)
        assert found == [], "\n".join(found)


def test_a_missing_value_is_named_and_its_order_goes_on(
    browser: Browser, lacking: tuple[Whole, Order], axe: str
) -> None:
    """From the page of the mappings with the keyboard: what it would change, a reason, stored; the
    row disappears by itself, and the order leaves."""
    whole, order = lacking
    with visiting(browser, whole, "oscar", "operator") as visit:
        page = visit.page
        visit.go("/mappings")
        link = page.get_by_role("link", name=f"Name {order.ref}")
        link.focus()
        page.keyboard.press("Enter")
        page.get_by_label("We call it").focus()
        page.keyboard.type("SKU-001")
        page.get_by_role("button", name="See what it changes").click()
        expect(page.get_by_role("status")).to_contain_text("would go on")
        visit.is_accessible(axe)
        page.get_by_role("button", name="Store it").click()
        expect(page.get_by_role("alert")).to_contain_text("Say why")
        page.get_by_label("Reason").fill(f"a new article {HOSTILE}")
        page.get_by_label("Reason").press("Tab")
        page.keyboard.press("Enter")
        expect(page.get_by_role("status")).to_contain_text("It is stored")
        expect(link).to_have_count(0, timeout=GONE_MS)
        visit.is_well()
    meanwhile(whole.until(order.ref, "shipped", "delivered", "closed", seconds=60))
    with visiting(browser, whole, "agatha", "agent") as visit:
        visit.page.goto(f"{visit.url}/mappings")
        expect(visit.page.get_by_role("heading", name="Not for your role")).to_be_visible()
        visit.faults.clear()  # Chromium tells of each 403 in its console
