"""Takes the pictures of the documentation from a demo: `python -m tests.browser.pictures`."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

from playwright.sync_api import Page, expect, sync_playwright

from tests.browser.chromium import chromium

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "docs" / "pictures"
WIDTH, HEIGHT = 1280, 800

PATIENCE_MS = 180_000
"""Until the demo has had its broken payload and its failing carrier: a minute, on a busy machine
three."""


def take(page: Page, name: str) -> None:
    """Save what the window shows, once all of it is there."""
    page.wait_for_load_state("load")
    page.screenshot(path=FOLDER / f"{name}.png")
    sys.stderr.write(f" ✔ docs/pictures/{name}.png\n")


def tour(page: Page, link: str, folder: str) -> None:
    """Go from page to page, as a person does."""
    page.goto(link)
    page.get_by_role("button", name="Sign in").click()
    home = page.url
    expect(page.get_by_text("json malformed").first).to_be_visible(timeout=PATIENCE_MS)
    expect(page.get_by_text("not called since").first).to_be_visible(timeout=PATIENCE_MS)
    take(page, "overview")
    page.emulate_media(color_scheme="dark")
    take(page, "overview-dark")
    page.emulate_media(color_scheme="light")
    page.goto(f"{home}partners")
    take(page, "partners")
    page.goto(f"{home}orders?q=is:open%20age:%3C1d")
    take(page, "orders")
    page.goto(f"{home}orders?q=stage:shipped")
    page.locator("tbody th a").first.click()
    take(page, "order")
    page.goto(f"{page.url}/past?at=9")
    take(page, "past")
    batch(page, home)
    books(page, home)
    page.goto(f"{home}warehouse")
    page.locator("tbody th a").first.click()
    take(page, "task")
    page.goto(f"{home}quarantine")
    page.get_by_role("region", name="Newest messages").get_by_role("link").first.click()
    take(page, "quarantine")
    page.goto(f"{home}incidents")
    page.get_by_role("region", name="Incidents").get_by_role("link").first.click()
    take(page, "incident")
    rules(page, home)
    mappings(page, home, folder)
    page.goto(f"{home}audit")
    take(page, "audit")
    page.set_viewport_size({"width": 390, "height": 780})
    page.goto(home)
    take(page, "phone")


def batch(page: Page, home: str) -> None:
    """Act on all that match, and watch it."""
    page.goto(f"{home}batches/new?q=is:open%20stage:shipped")
    page.get_by_role("radio", name=re.compile("^Fetch again")).check()
    page.get_by_label("Reason").fill("the shop changed its shipping methods")
    take(page, "batch-preview")
    page.get_by_role("button", name="Start with").click()
    expect(page.locator("h1 + .chip")).to_have_text("ended", timeout=PATIENCE_MS)
    take(page, "batch")


def books(page: Page, home: str) -> None:
    """Compare the books, and see what differs."""
    page.goto(f"{home}recon/new")
    page.get_by_role("button", name="Begin the run").click()
    expect(page.locator("h1 + .chip")).to_have_text("ended", timeout=PATIENCE_MS)
    page.goto(f"{home}recon")
    take(page, "recon")


RULES = """\
[[ship]]
name = "high-value"
when = "order.totals.total_minor >= 20000"
carrier = "fedex"
tag = "premium"
why = "Insured, and signed for."

[[review]]
name = "large"
when = "units > 10"
hold = "more than ten units"

[[notify]]
name = "quiet"
when = 'has(order.ship_to) && lookup("quiet", order.ship_to.country, "") != ""'
mails = []

[tables]
quiet = "quiet.csv"
"""


def rules(page: Page, home: str) -> None:
    """Write rules with a slip, correct it, try them, publish them, and count how often they
    fire."""
    page.goto(f"{home}rules/edit")
    page.get_by_label("Rules", exact=True).fill(RULES.replace("total_minor", "total_minr"))
    page.get_by_role("button", name="Check").click()
    page.get_by_label("Table file quiet.csv").fill("country,why\nDE,asked for it\n")
    expect(page.get_by_text("1 finding", exact=True)).to_be_visible()
    page.get_by_role("heading", level=1).scroll_into_view_if_needed()
    take(page, "rules-edit")
    page.get_by_label("Rules", exact=True).fill(RULES)
    page.get_by_label("Orders of the last").select_option("1")
    page.get_by_role("button", name="Backtest").click()
    expect(page.get_by_text("would go another way")).to_be_visible(timeout=PATIENCE_MS)
    take(page, "rules-backtest")
    page.get_by_label("Reason").fill("dear orders are insured")
    page.get_by_role("button", name="Publish").click()
    page.get_by_role("button", name="Count the last 30 days").click()
    expect(page.get_by_role("button", name="Count the last 30 days")).to_be_visible(
        timeout=PATIENCE_MS
    )
    expect(page.get_by_text("Nothing: each can be reached")).to_be_visible(timeout=PATIENCE_MS)
    take(page, "rules")


def mappings(page: Page, home: str, folder: str) -> None:
    """Close the table of SKUs, so that orders wait for what it does not list."""
    file = Path(folder) / "mappings.json"
    known = [f"SKU-{number:03d}" for number in range(4, 1_000)]
    file.write_text(json.dumps({"channels": {"*": {"skus": {"known": known}}}}))
    words = [sys.executable, "-m", "service.cli", "mappings", "load", str(file)]
    subprocess.run(
        [*words, "--reason", "the autumn range", "--data", f"{folder}/demo"], cwd=ROOT, check=True
    )
    page.goto(f"{home}mappings")
    expect(page.get_by_role("link", name="Name SKU-003").first).to_be_visible(timeout=PATIENCE_MS)
    take(page, "mappings")


def main() -> None:
    """Run a demo, and take its pictures."""
    FOLDER.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="orderwright-pictures-") as folder:
        Path(folder).chmod(0o711)
        words = [sys.executable, "-m", "service.cli", "demo", "--data", f"{folder}/demo"]
        demo = subprocess.Popen(
            [*words, "--port", "0", "--rate", "6"], cwd=ROOT, stderr=subprocess.PIPE, text=True
        )
        try:
            assert demo.stderr is not None
            lines = (re.search(r"Console\s+(\S+)", line) for line in demo.stderr)
            link = next(found[1] for found in lines if found)
            with sync_playwright() as playwright:
                program = chromium()
                browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
                page = browser.new_page(viewport={"width": WIDTH, "height": HEIGHT})
                tour(page, link, folder)
                browser.close()
        finally:
            demo.send_signal(signal.SIGTERM)
            demo.communicate()


if __name__ == "__main__":
    main()
