"""A person in front of a page: what goes wrong unseen there is written down."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any, Literal, TypeVar

from playwright.sync_api import Browser, Page

from tests.integration.console import a_user
from tests.integration.whole import Whole

T = TypeVar("T")

VIOLATIONS = """
window.violations = [];
document.addEventListener("securitypolicyviolation", (e) => {
  window.violations.push(e.violatedDirective);
});
"""


def meanwhile(work: Coroutine[Any, Any, T]) -> T:
    """Do asynchronous work: Playwright has this thread's loop."""
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(asyncio.run, work).result()


class Visit:
    """A signed-in person's page. `faults` are messages of the console, errors and dialogs."""

    def __init__(self, page: Page, url: str) -> None:
        self.page = page
        self.url = url
        self.faults: list[str] = []
        page.on("console", lambda told: self.faults.append(f"console: {told.text}"))
        page.on("pageerror", lambda error: self.faults.append(f"error: {error}"))
        page.on("dialog", lambda dialog: self._dialog(dialog.message, dialog))
        page.add_init_script(VIOLATIONS)

    def _dialog(self, message: str, dialog: Any) -> None:
        self.faults.append(f"dialog: {message}")
        dialog.dismiss()

    def go(self, path: str) -> None:
        """Open a page, and see that it is whole."""
        self.page.goto(f"{self.url}{path}")
        self.is_well()

    def faults_at(self, path: str, axe: str) -> list[str]:
        """Open a page; what is too wide there, and what axe finds."""
        self.page.goto(f"{self.url}{path}")
        return [*self.too_wide(), *self.violations(axe)]

    def too_wide(self) -> list[str]:
        """Whether the page is wider than the window, in words; it has its styles by then."""
        self.page.wait_for_load_state("load")
        wide, window = self.page.evaluate(
            "[document.documentElement.scrollWidth, document.documentElement.clientWidth]"
        )
        return [f"{self.page.url} is {wide} wide in {window}"] if wide > window else []

    def is_well(self) -> None:
        """Nothing was refused, nothing failed, nothing is wider than the window."""
        assert self.page.evaluate("window.violations") == []
        assert self.faults == []
        assert self.too_wide() == []

    def is_accessible(self, axe: str) -> None:
        """axe finds nothing: contrast, names, roles, order of headings."""
        told = self.violations(axe)
        assert told == [], "\n".join(told)

    def violations(self, axe: str) -> list[str]:
        """What axe finds at the page."""
        # As an isolated script: the page's own policy lets no other one in.
        self.page.evaluate(axe)
        found = self.page.evaluate(
            "axe.run(document, {runOnly: ['wcag2a', 'wcag2aa', 'wcag21aa', 'wcag22aa',"
            " 'best-practice']})"
        )
        return [
            f"{self.page.url} {one['id']}: {node['html'][:200]} {node['failureSummary'][:300]}"
            for one in found["violations"]
            for node in one["nodes"]
        ]


@contextmanager
def visiting(
    browser: Browser,
    whole: Whole,
    name: str = "ada",
    role: str = "admin",
    *,
    width: int = 1280,
    scheme: Literal["light", "dark"] = "light",
) -> Iterator[Visit]:
    """Sign in by a link, and close the window in the end."""
    a_user(whole, name, role)
    window = browser.new_context(
        viewport={"width": width, "height": 860}, color_scheme=scheme, reduced_motion="reduce"
    )
    try:
        visit = Visit(window.new_page(), whole.world.url)
        visit.page.goto(whole.cli("users", "link", name).strip())
        visit.page.get_by_role("button", name="Sign in").click()
        visit.page.wait_for_url(f"{whole.world.url}/")
        yield visit
        visit.is_well()
    finally:
        window.close()
