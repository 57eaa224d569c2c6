"""Reconciliation in a browser: the books compared, a difference found and accepted by people."""

from __future__ import annotations

import json
import re
from typing import Literal

import pytest
from playwright.sync_api import Browser, expect

from ops.simulators.storefront import Moment, Recipe, payload
from tests.browser.test_console import HOSTILE, LONG
from tests.browser.visits import meanwhile, visiting
from tests.e2e.world import SHOP
from tests.integration.channels import deliver
from tests.integration.test_recon_console import a_difference, a_run
from tests.integration.whole import CHANNEL, OUTLET, Whole
from tests.waiting import eventually

DOMAIN = f"{SHOP}.myshopify.com"
NUMBER = 930_001
ENDED_MS = 60_000


async def unknown_to_the_shop(whole: Whole) -> str:
    """An order that the shop told of, and has no more: its reference."""
    body = payload(Recipe(seed=93, shop=DOMAIN), NUMBER, Moment())
    ref = str(json.loads(body)["id"])
    assert await deliver(whole.world, "orders/create", body, f"create-{ref}") == 200

    async def there() -> bool:
        asked = "SELECT FROM orders WHERE ref = $1 AND stage <> 'expected'"
        return bool(await whole.world.rows(asked, ref))

    await eventually(there, 30.0)
    return ref


def test_a_difference_is_found_and_accepted(browser: Browser, whole: Whole, axe: str) -> None:
    """From the list of runs with the keyboard alone: the books are compared with progress, the
    order that the shop has no more is found under its root cause, its two documents are read, and
    it is accepted with a reason, which counts no more and is audited."""
    ref = meanwhile(unknown_to_the_shop(whole))
    with visiting(browser, whole, "fiona", "finance") as visit:
        page = visit.page
        visit.go("/recon")
        page.get_by_role("link", name="Compare the books").focus()
        page.keyboard.press("Enter")
        expect(page.get_by_role("heading", level=1)).to_have_text("Compare the books")
        visit.is_accessible(axe)
        page.get_by_role("checkbox", name=SHOP).focus()
        page.keyboard.press("Space")
        page.get_by_label("Reason").fill(f"the close {HOSTILE}")
        page.get_by_label("Reason").press("Tab")
        page.keyboard.press("Enter")
        expect(page.locator("h1 + .chip")).to_have_text("ended", timeout=ENDED_MS)
        expect(page.get_by_text("lists read")).to_be_visible()
        visit.is_well()
        visit.is_accessible(axe)
        found = page.get_by_role("region", name="Differences by channel and root cause")
        line = found.get_by_role("row", name=re.compile("^order not in shop"))
        expect(line).to_contain_text("The shop does not have this order any more")
        expect(line).to_contain_text(re.compile(r"\d\.\d{4} %"))
        line.get_by_role("cell").get_by_role("link").first.click()
        expect(page.get_by_role("heading", level=1)).to_have_text("Differences")
        visit.is_accessible(axe)
        row = page.get_by_role("row").filter(has=page.locator(f'[title="{ref}"]'))
        row.get_by_role("link").first.click()
        expect(page.get_by_role("heading", name="Our order")).to_be_visible()
        expect(page.get_by_role("heading", name="The shop's order")).to_be_visible()
        expect(page.get_by_text("an order in the shop").first).to_be_visible()
        visit.is_accessible(axe)
        page.get_by_label("Reason").fill("deleted by the shop on purpose")
        page.get_by_label("Reason").press("Tab")
        page.keyboard.press("Enter")
        expect(page.get_by_role("status")).to_contain_text("Accepted")
        expect(page.locator("h1 + .chip")).to_have_text("accepted")
        visit.is_well()
        visit.is_accessible(axe)
        page.get_by_role("link", name=re.compile("^run ")).click()
        expect(page.get_by_role("link", name="1 accepted")).to_be_visible()
    told = meanwhile(
        whole.world.rows("SELECT person, reason FROM audit WHERE action = $1", "recon.accept")
    )
    assert ("fiona (console)", "deleted by the shop on purpose") in [tuple(one) for one in told]


@pytest.mark.parametrize(
    ("width", "scheme"), [(320, "light"), (320, "dark"), (1280, "light"), (1920, "dark")]
)
def test_the_pages_are_whole_and_accessible(
    browser: Browser, whole: Whole, axe: str, width: int, scheme: Literal["light", "dark"]
) -> None:
    """No page of reconciliation with hostile and endless values runs anything, is refused anything,
    or is wider than the window; axe finds nothing."""
    run = meanwhile(a_run(whole, CHANNEL, OUTLET))
    number = f"{HOSTILE}{width}{scheme}"
    one = meanwhile(a_difference(whole, run, CHANNEL, number, f"{HOSTILE} {LONG}"))
    meanwhile(a_difference(whole, run, OUTLET, f"{LONG}{scheme}{width}", LONG))
    with visiting(browser, whole, width=width, scheme=scheme) as visit:
        found: list[str] = []
        paths = (
            *("/recon", "/recon/new", f"/recon/runs/{run}", "/recon/differences"),
            f"/recon/differences?run={run}&cause=goods_booked_differently&state=open",
            f"/recon/differences?channel={CHANNEL}&state=resolved",
            f"/recon/differences/{one}",
        )
        for path in paths:
            found += visit.faults_at(path, axe)
        assert found == [], "\n".join(found)
