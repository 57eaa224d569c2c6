"""The rules' pages in a browser: edited, linted as one types, tried on the past, published, and
returned from, by visible names."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.test_console import HOSTILE, LONG
from tests.browser.visits import meanwhile, visiting
from tests.integration.test_reviews_whole import published
from tests.integration.test_rules_whole import dear, in_use
from tests.integration.whole import CHANNEL, Whole

DONE_MS = 60_000

RULES = f"""
[[ship]]
name = "high-value"
when = "order.totals.total_minor >= 50000"
carrier = "fedex"
why = '''{HOSTILE.replace("'", "")} {LONG}'''

[[review]]
name = "by-note"
when = '''order.note == "{LONG}<script>alert(3)</script>" '''
hold = "{LONG}"

[[notify]]
name = "by-country"
when = 'has(order.ship_to) && lookup("quiet", order.ship_to.country, "") != ""'
mails = []

[tables]
quiet = "quiet.csv"
"""
TABLE = f'country,why\nDE,"<img src=x onerror=alert(4)>{LONG}"\n'
ADDED = """
[[ship]]
name = "small"
when = "order.totals.total_minr < 50000"
carrier = "fedex"
"""


@pytest.fixture
def ruled(whole: Whole, tmp_path: Path) -> Iterator[Whole]:
    """The service with rules of hostile and endless texts; afterwards it has none."""
    (tmp_path / "quiet.csv").write_text(TABLE)
    meanwhile(published(whole, tmp_path, RULES))
    yield whole
    meanwhile(published(whole, tmp_path, ""))


@pytest.mark.parametrize(
    ("width", "scheme"), [(320, "light"), (320, "dark"), (1280, "light"), (1920, "dark")]
)
def test_the_pages_are_whole_and_accessible(
    browser: Browser, ruled: Whole, axe: str, width: int, scheme: Literal["light", "dark"]
) -> None:
    """No page of hostile rules runs anything, is refused anything, or is wider than the window; axe
    finds nothing."""
    with visiting(browser, ruled, width=width, scheme=scheme) as visit:
        visit.go("/rules/history")
        versions = [x.inner_text() for x in visit.page.locator("tbody th a").all()[:2]]
        paths = ["/rules", "/rules/findings", "/rules/history", "/rules/edit"]
        paths += [f"/rules/versions/{version}" for version in versions]
        found = [fault for path in paths for fault in visit.faults_at(path, axe)]
        visit.go("/rules/edit")
        visit.page.get_by_label("Rules", exact=True).fill("[[ship]]\nname = \n")
        expect(visit.page.get_by_role("link", name="Line 2")).to_be_visible()
        found += [*visit.too_wide(), *visit.violations(axe)]
        assert found == [], "\n".join(found)


def write(page: Page, text: str) -> None:
    """Type at the end of the rules, as a person does."""
    field = page.get_by_label("Rules", exact=True)
    field.evaluate("field => { field.focus(); field.setSelectionRange(0, 0); }")
    page.keyboard.insert_text(text)


def test_a_rule_is_edited_linted_tried_and_published(
    browser: Browser, ruled: Whole, axe: str
) -> None:
    """A slip is told with its line while one types, and the line leads there; corrected, the rule
    is tried on the past with samples, published with a reason by the keyboard alone, decides, and
    is returned from."""
    order = ruled.order()
    meanwhile(ruled.place(order, X_Orderwright_Channel=CHANNEL))
    meanwhile(ruled.until(order.ref, "shipped", "delivered", "closed", seconds=60))
    with visiting(browser, ruled) as visit:
        page = visit.page
        visit.go("/rules")
        page.get_by_role("link", name="Edit").click()
        write(page, ADDED.lstrip())
        finding = page.get_by_role("link", name="Line 3, column")
        expect(finding).to_be_visible()
        expect(page.locator("#findings")).to_contain_text("total_minor")
        visit.is_accessible(axe)
        finding.focus()
        page.keyboard.press("Enter")
        expect(page.get_by_label("Rules", exact=True)).to_be_focused()
        chosen = "field => field.value.slice(field.selectionStart, field.selectionEnd)"
        text = page.get_by_label("Rules", exact=True)
        assert "total_minr" in text.evaluate(chosen)
        text.fill(text.input_value().replace("total_minr", "total_minor"))
        expect(page.get_by_text("Nothing is wrong so far.")).to_be_visible()
        page.get_by_role("button", name="Check").click()
        expect(page.get_by_role("heading", name="What it would change")).to_be_visible()
        differs = page.get_by_role("region", name="Differences from the rules in use")
        expect(differs).to_contain_text("+ ship small")
        visit.is_accessible(axe)
        page.get_by_label("Orders of the last").select_option("1")
        page.get_by_role("button", name="Backtest").click()
        samples = page.get_by_role("region", name="Samples")
        expect(samples).to_contain_text("carrier fedex", timeout=DONE_MS)
        expect(page.get_by_label("Rules", exact=True)).to_have_value(
            text.input_value(), timeout=1_000
        )
        visit.is_well()
        visit.is_accessible(axe)
        page.get_by_role("button", name="Publish").click()
        expect(page.get_by_role("alert")).to_contain_text("Say why")
        page.get_by_label("Reason").focus()
        page.keyboard.type(f"small ones too {HOSTILE}")
        page.keyboard.press("Tab")
        page.keyboard.press("Enter")
        expect(page.get_by_role("status")).to_contain_text("in use within seconds")
        version = int(page.locator("h1 + .chip").inner_text().split()[1])
        visit.is_well()
        meanwhile(in_use(ruled, version))
        order = ruled.order()
        meanwhile(ruled.place(order, X_Orderwright_Channel=CHANNEL))
        meanwhile(ruled.until(order.ref, "shipped", "delivered", "closed", seconds=60))
        assert "ship: small" in ruled.cli("orders", "timeline", order.ref)
        assert "ada (console)" in ruled.cli("rules", "history")
        page.get_by_role("link", name="History").click()
        page.get_by_role("link", name=str(version - 1), exact=True).click()
        page.get_by_label("Reason").fill("back")
        page.get_by_role("button", name=f"Return to version {version - 1}").click()
        expect(page.get_by_role("status")).to_contain_text("in use again")
        meanwhile(in_use(ruled, version - 1))


def test_rules_that_fire_are_counted(browser: Browser, ruled: Whole, axe: str) -> None:
    """A press counts in the background; the page comes again by itself, with a number at each rule
    and what never matched; a table is edited beside the rules."""
    order = dear(ruled.order())
    meanwhile(ruled.place(order, X_Orderwright_Channel=CHANNEL))
    meanwhile(ruled.until(order.ref, "shipped", "delivered", "closed", seconds=60))
    with visiting(browser, ruled) as visit:
        page = visit.page
        visit.go("/rules")
        page.get_by_role("button", name="Count the last 30 days").click()
        row = page.get_by_role("row", name="high-value")
        expect(row.get_by_role("cell").nth(2)).to_have_text("1", timeout=DONE_MS)
        expect(page.get_by_role("row", name="by-note")).to_contain_text("never matched")
        visit.is_well()
        visit.is_accessible(axe)
        page.get_by_role("link", name="Edit").click()
        page.get_by_label("Table file quiet.csv").fill("country,why\nDE,a\nDE,b\n")
        expect(page.locator("#findings")).to_contain_text("DE")
        visit.is_well()
