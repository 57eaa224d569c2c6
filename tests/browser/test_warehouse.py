"""The warehouse's pages in a browser, at a place where no system but a person packs."""

from __future__ import annotations

import asyncio
import re
import tomllib
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any, Literal

import pytest
from msgspec.structs import replace
from playwright.sync_api import Browser, Page, expect

from schemas.order.canonical import Order
from service.demo.world import toml
from tests.browser.test_console import HOSTILE, hostile
from tests.browser.visits import Visit, meanwhile, visiting
from tests.e2e.world import World
from tests.integration.servers import temporary_home
from tests.integration.whole import CHANNEL, Whole
from tests.waiting import eventually

MOVED_MS = 60_000
PLACE = "east"


@pytest.fixture(scope="module")
def whole() -> Iterator[Whole]:
    """A service whose first place has no warehouse that takes tasks, and a carrier that sells us
    its labels. The browser begins after it, as after the whole that other modules share."""
    with ExitStack() as stack:
        home = stack.enter_context(temporary_home())
        processes = stack.enter_context(ExitStack())
        world = World(home, processes)
        asyncio.run(world.start_partners("--deliver-after-seconds", "600"))
        table: dict[str, Any] = tomllib.loads(world.config.read_text())
        table["channels"][CHANNEL] = {"kind": "canonical"}
        table["places"][PLACE]["warehouse"] = ""
        world.config.write_text(toml(table))
        world.start_service()
        asyncio.run(_begin(world))
        there: Any = None  # neither its ERP nor its spans are looked at
        running = Whole(world, there, there)
        words = [part for x in ("orders:write", "orders:read") for part in ("--scope", x)]
        running.token = running.cli("keys", "create", "tests", *words, "--channel", "*").strip()
        yield running
        assert asyncio.run(world.service.terminated()) == 0, world.service.last_words()


async def _begin(world: World) -> None:
    await world.ready()
    await world.seed_stock()


def released(whole: Whole, order: Order) -> str:
    """Place an order, and wait until a person has to pack it; return its task's path."""
    placed = meanwhile(whole.place(order, X_Orderwright_Channel=CHANNEL))
    meanwhile(whole.until(order.ref, "released"))
    return f"/warehouse/{placed['order_id']}/F1"


def chip(page: Page) -> Any:
    """How far the task is, as its page says."""
    return page.locator("h1 + .chip")


def test_an_order_is_picked_packed_labelled_and_handed_over_by_a_person(
    browser: Browser, whole: Whole, axe: str
) -> None:
    """From the list by visible names: picked, a first parcel, the rest by the keyboard, a label in
    one click for each, handed over. A rest that no one explains is asked about; the audit says who
    reported."""
    order = hostile(whole)
    path = released(whole, order)
    with visiting(browser, whole, "walter", "warehouse") as visit:
        page = visit.page
        visit.go(f"/warehouse?place={PLACE}")
        visit.is_accessible(axe)
        page.locator(f"tbody th a[href='{path}']").click()
        visit.is_accessible(axe)
        page.get_by_role("button", name="All of it is picked").click()
        expect(chip(page)).to_have_text("picked", timeout=MOVED_MS)
        many = page.get_by_label("In this parcel of SKU-001")
        wanted = int(many.input_value())
        many.fill("0")
        page.get_by_label("Weight in grams").fill("900")
        page.get_by_role("button", name="Packed").click()
        expect(page.get_by_role("alert")).to_contain_text(f"{wanted} × SKU-001 would be in no")
        expect(page.get_by_label("In this parcel of SKU-001")).to_have_value("0")
        expect(page.get_by_label("Weight in grams")).to_have_value("900")
        page.get_by_label("Another parcel follows").check()
        page.get_by_role("button", name="Packed").click()
        expect(page.get_by_role("link", name="Label of K1")).to_be_visible(timeout=MOVED_MS)
        visit.is_accessible(axe)
        page.get_by_label("Weight in grams").focus()
        page.keyboard.type("1200")
        page.keyboard.press("Enter")
        label = page.get_by_role("link", name="Label of K2")
        expect(label).to_be_visible(timeout=MOVED_MS)
        with page.expect_download() as download:
            label.click()
        assert download.value.path().stat().st_size > 0
        page.get_by_role("button", name="Handed over").click()
        expect(page.get_by_role("status")).to_contain_text("have left")
        visit.is_well()
    meanwhile(whole.until(order.ref, "shipped", seconds=60))
    audited = meanwhile(told(whole, path))
    assert audited[0] == ("walter (console)", "warehouse.picked")
    assert audited[-1] == ("walter (console)", "warehouse.handed-over")
    assert [action for _, action in audited].count("warehouse.packed") == 2


async def told(whole: Whole, path: str) -> list[tuple[str, str]]:
    """Who reported what of an order, as the audit has it."""
    told = "action LIKE 'warehouse.%' ORDER BY id"
    sql = f"SELECT person, action FROM audit WHERE target = $1 AND {told}"
    rows = await whole.world.rows(sql, f"order:{path.split('/')[2]}")
    return [(row["person"], row["action"]) for row in rows]


def test_what_is_missing_is_reported_and_decided(browser: Browser, whole: Whole) -> None:
    """A short pick of everything as it was wanted is none; one of less reaches the order, whose
    page then asks a person, or says what the policy decided."""
    order = whole.order()
    path = released(whole, order)
    with visiting(browser, whole, "walter", "warehouse") as visit:
        page = visit.page
        visit.go(path)
        page.get_by_role("button", name="Report a short pick").click()
        expect(page.get_by_role("alert")).to_contain_text("Nothing is missing")
        page.get_by_label("Found of SKU-001").fill("0")
        page.get_by_role("button", name="Report a short pick").click()
        expect(page.get_by_role("status")).to_contain_text("what is missing is decided")
        visit.is_well()
    assert meanwhile(told(whole, path)) == [("walter (console)", "warehouse.short")]
    meanwhile(short(whole, order.ref))


async def short(whole: Whole, ref: str) -> None:
    """Wait until the order knows."""

    async def there() -> bool:
        return "short" in whole.cli("orders", "timeline", ref).lower()

    await eventually(there, 30.0)


def test_papers_are_printed_and_looks_are_kept(browser: Browser, whole: Whole, axe: str) -> None:
    """The packing slip has the address, the lines and the gift's message, the pick list has the
    pieces by SKU; a viewer gets no slip and no button, and sees no name."""
    order = hostile(whole)
    path = released(whole, order)
    assert order.ship_to is not None
    with visiting(browser, whole, "walter", "warehouse") as visit:
        page = visit.page
        visit.go(path)
        page.get_by_role("link", name="Packing slip").click()
        expect(page.get_by_role("article")).to_contain_text(order.ship_to.city)
        expect(page.get_by_role("article")).to_contain_text(HOSTILE)
        visit.is_well()
        visit.is_accessible(axe)
        page.emulate_media(media="print")
        expect(page.get_by_role("navigation", name="Pages")).to_be_hidden()
        page.emulate_media(media="screen")
        visit.go(f"/warehouse/pick-list?place={PLACE}")
        expect(page.get_by_role("row", name=re.compile("^SKU-001 [1-9]"))).to_be_visible()
        visit.is_accessible(axe)
    with visiting(browser, whole, "victor", "viewer") as visit:
        page = visit.page
        visit.go(path)
        expect(page.get_by_role("link", name="Packing slip")).to_have_count(0)
        expect(page.get_by_role("button")).to_have_text(["Sign out"])
        assert order.ship_to.name not in page.content()
        page.goto(f"{visit.url}{path}/slip")
        expect(page.get_by_role("heading", name="Not for your role")).to_be_visible()
        visit.faults.clear()  # Chromium tells of each 403 in its console
    sql = "SELECT count(*) FROM audit WHERE target = $1 AND reason = 'packing slip printed'"
    assert meanwhile(whole.world.rows(sql, f"order:{path.split('/')[2]}"))[0][0] == 1


@pytest.mark.parametrize(
    ("width", "scheme"), [(320, "light"), (320, "dark"), (1280, "light"), (1920, "dark")]
)
def test_the_pages_are_whole_and_accessible(
    browser: Browser, whole: Whole, axe: str, width: int, scheme: Literal["light", "dark"]
) -> None:
    """No page of hostile values runs anything, is refused anything, or is wider than the window;
    axe finds nothing."""
    order = replace(hostile(whole), ship_by="2026-01-01T00:00:00Z")
    path = released(whole, order)
    with visiting(browser, whole, "walter", "warehouse", width=width, scheme=scheme) as visit:
        assert (
            whole_at(visit, axe, "/warehouse", path, f"{path}/slip", "/warehouse/pick-list") == ""
        )


def whole_at(visit: Visit, axe: str, *paths: str) -> str:
    """What is wrong at any of these pages."""
    return "\n".join(fault for path in paths for fault in visit.faults_at(path, axe))
