"""The console in a browser: every page at every width, hostile values, and troubles that end."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Literal

import msgspec
import pytest
from msgspec.structs import replace
from playwright.sync_api import Browser, Page, expect

from schemas.order.canonical import Address, Customer, Order
from tests.browser.visits import Visit, meanwhile, visiting
from tests.integration.test_reviews_whole import NOTE, RULES, placed, published, waiting
from tests.integration.whole import CHANNEL, Whole

HOSTILE = "\"><img src=x onerror=alert(1)><script>alert(2)</script>'{{7*7}}"
LONG = "W" * 200
"""A word without a place to break it."""


@pytest.fixture(scope="module")
def stories(whole: Whole) -> dict[str, str]:
    """An order that has left, one that is stuck, and a message in quarantine, all of hostile
    values: the paths of their pages."""
    left = hostile(whole)
    address = Address(
        name=LONG, lines=(HOSTILE, LONG), city=HOSTILE, country="US", region="KY",
        postal_code="40003", company=HOSTILE,
    )  # fmt: skip
    held = replace(hostile(whole), ship_to=address)
    broken = msgspec.json.encode(whole.order()).replace(b'"USD"', msgspec.json.encode(HOSTILE))
    placed = [
        meanwhile(whole.place(one, X_Orderwright_Channel=CHANNEL))["order_id"]
        for one in (left, held)
    ]
    meanwhile(whole.publish("place", "broken", broken))
    meanwhile(whole.until(left.ref, "shipped", "delivered", "closed", seconds=60))
    meanwhile(whole.until(held.ref, "placed"))
    return {"left": f"/orders/{placed[0]}", "held": f"/orders/{placed[1]}", "ref": left.ref}


def hostile(whole: Whole) -> Order:
    """An order that can be sent, and says hostile and endless things wherever it may."""
    order = replace(
        whole.order(),
        number=HOSTILE[:64],
        customer=Customer(name=HOSTILE, email="hostile@example.com"),
        note=f"{HOSTILE} {LONG}",
        gift_message=HOSTILE,
        payment_method=HOSTILE,
    )
    lines = tuple(replace(one, title=f"{HOSTILE} {LONG}"[:250]) for one in order.lines)
    return replace(order, lines=lines)


def item_of(visit: Visit) -> str:
    """The path of the newest message in quarantine."""
    visit.go("/quarantine")
    link = visit.page.get_by_role("region", name="Newest messages").get_by_role("link").first
    return str(link.get_attribute("href"))


@pytest.mark.parametrize(
    ("width", "scheme"), [(320, "light"), (320, "dark"), (1280, "light"), (1920, "dark")]
)
def test_every_page_is_whole_and_accessible(
    browser: Browser,
    whole: Whole,
    axe: str,
    stories: dict[str, str],
    width: int,
    scheme: Literal["light", "dark"],
) -> None:
    """No page of hostile and endless values runs anything, is refused anything, fails, or is wider
    than the window; axe finds nothing at any of them."""
    order, held = stories["left"], stories["held"]
    with visiting(browser, whole, width=width, scheme=scheme) as visit:
        item = item_of(visit)
        paths = (
            *("/", "/orders", "/orders?q=stge:open", "/orders?q=sku:none", "/quarantine", item),
            *("/incidents", "/partners", "/reviews", "/reviews?overdue=yes", order),
            *(f"{order}/customer", f"{order}/address", f"{order}/do/cancel"),
            *(held, f"{held}/customer", f"{held}/address", f"{held}/do/release"),
            f"/orders?q=%22{stories['ref']}%22",
        )
        found: list[str] = []
        for path in paths:
            found += visit.faults_at(path, axe)
        visit.go(order)
        visit.page.get_by_role("link", name=re.compile("what was said")).first.click()
        visit.is_well()
        found += visit.violations(axe)
        visit.go("/incidents")
        visit.page.get_by_role("region", name="Incidents").get_by_role("link").first.click()
        visit.is_well()
        found += visit.violations(axe)
        assert found == [], "\n".join(found)


def test_the_sign_in_is_accessible(browser: Browser, whole: Whole, axe: str) -> None:
    """Also after a wrong password, which is said beside the field that has the focus."""
    window = browser.new_context()
    visit = Visit(window.new_page(), whole.world.url)
    visit.go("/sign-in")
    visit.is_accessible(axe)
    visit.page.keyboard.type("stranger")
    visit.page.keyboard.press("Tab")
    visit.page.keyboard.type("a wrong password")
    visit.page.keyboard.press("Enter")
    expect(visit.page.get_by_role("alert")).to_contain_text("don't belong together")
    expect(visit.page.get_by_label("Password")).to_be_focused()
    visit.is_accessible(axe)
    window.close()


def clicks_to(page: Page, *names: str) -> None:
    """Click visible names, one after the other."""
    for name in names:
        page.get_by_role("link", name=re.compile(name)).first.click()


def test_a_stuck_order_is_found_and_unstuck_in_three_clicks(browser: Browser, whole: Whole) -> None:
    """From the first page, by visible names alone: what needs a person, the order, try again."""
    whole.erp.quoting = True
    try:
        order = whole.order()
        meanwhile(whole.place(order, X_Orderwright_Channel=CHANNEL))
        with visiting(browser, whole, "agatha", "agent") as visit:
            page = visit.page
            page.goto(f"{visit.url}/")
            expect(page.get_by_role("link", name=re.compile("need a person [1-9]"))).to_be_visible(
                timeout=40_000
            )
            clicks_to(page, "Orders that need a person", f"^{order.number}$")
            expect(page.get_by_role("heading", name="For a person")).to_be_visible()
            whole.erp.quoting = False
            clicks_to(page, "^Try again$")
            page.get_by_label("Reason").fill("the ERP takes orders again")
            page.get_by_role("button", name="Try again").click()
            expect(page.get_by_text("the ERP takes orders again")).to_be_visible(timeout=30_000)
            expect(page.get_by_role("heading", name="For a person")).to_have_count(
                0, timeout=30_000
            )
    finally:
        whole.erp.quoting = False


def test_a_label_is_downloaded_by_one_click(
    browser: Browser, whole: Whole, stories: dict[str, str]
) -> None:
    """What the carrier sold is what is saved."""
    with visiting(browser, whole, "agatha", "agent") as visit:
        visit.go(stories["left"])
        with visit.page.expect_download() as download:
            visit.page.get_by_role("link", name="Download label of K1").click()
        assert download.value.suggested_filename.startswith("label-")
        assert download.value.path().stat().st_size > 0


def test_the_keyboard_is_enough(browser: Browser, whole: Whole, stories: dict[str, str]) -> None:
    """The first stop skips to the content; Ctrl K finds; arrows go from row to row; Enter opens; a
    filter is completed as it is typed."""
    with visiting(browser, whole) as visit:
        page = visit.page
        visit.go("/orders")
        page.keyboard.press("Tab")
        expect(page.get_by_role("link", name="Skip to the content")).to_be_focused()
        page.keyboard.press("Control+k")
        page.keyboard.type("stage:sh")
        page.get_by_role("button", name="stage:shipped").click()
        expect(page.get_by_label("Filter orders")).to_have_value("stage:shipped ")
        visit.go("/orders")
        rows = page.locator("tbody tr")
        rows.first.get_by_role("link").focus()
        page.keyboard.press("ArrowDown")
        expect(rows.nth(1).get_by_role("link")).to_be_focused()
        page.keyboard.press("ArrowUp")
        page.keyboard.press("Enter")
        expect(page.get_by_role("heading", level=1)).to_contain_text("Order")


def test_pages_live(browser: Browser, whole: Whole) -> None:
    """A new order comes into an open list by itself, and an order's page follows it."""
    with visiting(browser, whole) as visit:
        visit.go("/orders")
        order = whole.order()
        meanwhile(whole.place(order, X_Orderwright_Channel=CHANNEL))
        link = visit.page.get_by_role("link", name=order.number, exact=True)
        expect(link).to_be_visible(timeout=20_000)
        link.click()
        chip = visit.page.locator("h1 + .chip")
        expect(chip).to_have_text(re.compile("shipped|delivered|closed"), timeout=60_000)


def test_a_reviewer_claims_and_approves_an_order(
    browser: Browser, whole: Whole, axe: str, tmp_path: Path
) -> None:
    """From the queue by visible names: open, claim, and approve with a reason. The pages are whole
    with a hostile order; a viewer sees them and decides nothing."""
    meanwhile(published(whole, tmp_path, RULES))
    try:
        order = replace(hostile(whole), note=NOTE)
        review = meanwhile(waiting(whole, meanwhile(placed(whole, order))))
        with visiting(browser, whole, "agatha", "agent") as visit:
            page = visit.page
            visit.go("/reviews")
            visit.is_accessible(axe)
            page.locator(f"a[href='/reviews/{review['id']}']").click()
            visit.is_well()
            visit.is_accessible(axe)
            expect(page.get_by_text("warehouse and carrier wait")).to_be_visible()
            page.get_by_role("button", name="Claim").click()
            expect(page.get_by_role("status")).to_contain_text("Claimed")
            page.get_by_label("Reason").fill("looked at it")
            page.get_by_role("button", name="Approve").click()
            expect(page.get_by_role("status")).to_contain_text("Approved")
        with visiting(browser, whole, "victor", "viewer") as visit:
            visit.go("/reviews")
            expect(visit.page.get_by_role("heading", name="Reviews")).to_be_visible()
        meanwhile(whole.until(order.ref, "shipped", "delivered", "closed", seconds=60))
    finally:
        meanwhile(published(whole, tmp_path, ""))
