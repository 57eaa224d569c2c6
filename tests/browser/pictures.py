"""Takes the pictures of the documentation from a demo: `python -m tests.browser.pictures`."""

from __future__ import annotations

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


def tour(page: Page, link: str) -> None:
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
                tour(page, link)
                browser.close()
        finally:
            demo.send_signal(signal.SIGTERM)
            demo.communicate()


if __name__ == "__main__":
    main()
