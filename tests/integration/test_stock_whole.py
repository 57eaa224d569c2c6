"""Stock at a running service: counted by file, command and API, consumed when goods leave, and
given to those who wait for it."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
from msgspec.structs import replace

from adapters.kit.offering import Heard, Offered
from adapters.postgres.migrate import migrate
from adapters.postgres.stock import StockPartner
from adapters.postgres.stock_ledger import Figure, StockLedger
from adapters.postgres.stock_offers import StockOffers
from adapters.postgres.stock_reports import Report, StockReports
from schemas.order.canonical import Order
from service.app.sessions import open_reports
from service.app.stock_checks import stock_known
from service.settings import load
from tests.integration.test_rules_whole import in_use
from tests.integration.test_stock import call
from tests.integration.whole import CHANNEL, Whole
from tests.waiting import eventually

ON_CHANNEL = {"X_Orderwright_Channel": CHANNEL}
WHY = ("--reason", "a test")


def ordering(whole: Whole, sku: str, quantity: int = 2) -> Order:
    """An order of one line that asks for so many of an SKU."""
    order = whole.order()
    (line, *_) = order.lines
    changed = replace(line, sku=sku)
    assert line.quantity == quantity
    others = tuple(replace(one, sku="SKU-001") for one in order.lines[1:])
    return replace(order, lines=(changed, *others))


def balances(whole: Whole, sku: str) -> dict[str, dict[str, Any]]:
    """An SKU's balances by place."""
    found = json.loads(whole.cli("stock", "show", sku, "--json"))
    return {one["place"]: one for one in found["balances"]}


def written(folder: Path, *rows: str) -> str:
    """Write a file of counts; return its name."""
    path = folder / "counts.csv"
    path.write_text("\n".join(("sku,place,on_hand,safety", *rows)) + "\n")
    return str(path)


async def test_a_file_is_entered_whole(whole: Whole, tmp_path: Path) -> None:
    """`stock import` enters all rows, says which balances changed, and can only check."""
    assert whole.cli("stock", "import", "--template").splitlines()[0] == "sku,place,on_hand,safety"
    file = written(tmp_path, "FILE-1,east,10,2", "FILE-2,west,7,")
    said = whole.cli("stock", "import", file, "--dry-run")
    assert "2 rows are good; nothing was entered" in said
    whole.cli("stock", "show", "FILE-1", code=11)
    said = whole.cli("stock", "import", file, "--reason", "the yearly count")
    assert "2 rows are entered, 2 balances differ" in said
    told = whole.cli("stock", "show", "FILE-1")
    assert "the yearly count" in told
    assert balances(whole, "FILE-1")["east"]["safety"] == 2
    listed = whole.cli("stock", "list", "--place", "west", "--cursor", "FILE-1 west")
    assert listed.splitlines()[1].split()[:6] == ["FILE-2", "west", "7", "0", "0", "7"]
    assert "every balance is the sum of its movements" in whole.cli("stock", "verify")


async def test_one_broken_row_of_many_and_nothing_is_entered(whole: Whole, tmp_path: Path) -> None:
    """The row is named by its number, with what is wrong with it; of the 99,999 others none is
    there."""
    rows = [f"MANY-{n},east,{n % 50}," for n in range(99_999)]
    rows.insert(70_000, "MANY-BAD,east,-1,")
    said = whole.cli("stock", "import", written(tmp_path, *rows), code=1)
    assert "refused, and nothing of it was entered: 1 row is wrong" in said
    assert "row 70002: on_hand '-1' is not a whole number of at least 0." in said
    whole.cli("stock", "show", "MANY-1", code=11)
    wrong = written(
        tmp_path, f"X,east,{10**12},", "X,nowhere,1,", "X,east,1.5,", "Y,east,1,", "Y,east,2,",
        "Z,east,1,-3", ",east,1,", "W,east,1,2,3",
    )  # fmt: skip
    said = whole.cli("stock", "import", wrong, code=1)
    for sentence in (
        "row 2: on_hand 1000000000000 is more than 1,000,000,000",
        "row 3: no place is called 'nowhere'; the places are: ",
        "row 4: on_hand '1.5' is not a whole number",
        "row 6: Y at east is in row 5 already",
        "row 7: safety '-3' is not a whole number",
        "row 8: the SKU ''",
        "row 9: it has 5 cells",
    ):
        assert sentence in said
    whole.cli("stock", "show", "Y", code=11)
    rows.remove("MANY-BAD,east,-1,")
    said = whole.cli("stock", "import", written(tmp_path, *rows))
    assert "99,999 rows are entered" in said


async def test_single_changes_are_entered_with_their_reason(whole: Whole) -> None:
    """`stock adjust` counts, adds and takes off; `stock move` moves what is free; what can't be is
    a sentence."""
    east = ("--place", "east")
    whole.cli("stock", "adjust", "ONE-1", "--to", "10", "--safety", "1", *east, *WHY)
    whole.cli("stock", "adjust", "ONE-1", "--by", "5", "--received", *east, *WHY)
    whole.cli("stock", "adjust", "ONE-1", "--by", "-2", *east, *WHY)
    whole.cli("stock", "adjust", "ONE-1", "--by", "1", "--returned", *east, *WHY)
    whole.cli("stock", "move", "ONE-1", "--units", "4", "--from", "east", "--to", "west", *WHY)
    found = balances(whole, "ONE-1")
    assert {place: one["on_hand"] for place, one in found.items()} == {"east": 10, "west": 4}
    said = whole.cli("stock", "adjust", "ONE-1", "--by", "-11", *east, *WHY, code=1)
    assert "Only 10 of ONE-1 are at east" in said
    too_many = ("--units", "11", "--from", "east", "--to", "west")
    assert "no more can be" in whole.cli("stock", "move", "ONE-1", *too_many, *WHY, code=1)
    assert "Say at which place" in whole.cli("stock", "adjust", "ONE-1", "--to", "1", *WHY, code=1)
    assert "either" in whole.cli("stock", "adjust", "ONE-1", *east, *WHY, code=1)
    whole.cli("stock", "untrack", "--sku", "GIFT-CARD", *WHY)
    assert "GIFT-CARD  *" in whole.cli("stock", "list", "--untracked")
    assert "ONE-1 is counted at" in whole.cli("stock", "untrack", "--sku", "ONE-1", *WHY, code=1)


async def test_the_api_counts_and_moves(whole: Whole) -> None:
    """Counts and movements over the API, once for each key; refusals are problem details."""

    async def post(path: str, body: dict[str, Any], key: str) -> tuple[int, Any]:
        raw = msgspec.json.encode({"reason": "a test", **body})
        answer = await whole.api("POST", f"/api/v1/stock/{path}", body=raw, Idempotency_Key=key)
        return answer.status, answer.json()

    counts = [{"sku": "API-1", "place": "east", "on_hand": 9}]
    for _ in range(2):
        status, told = await post("counts", {"counts": counts}, "api-count")
        assert status == 200, told
        assert (told["rows"], told["changed"]) == (1, 1)
    entry = {"kind": "received", "sku": "API-1", "place": "east", "units": 3}
    for _ in range(2):
        assert (await post("movements", entry, "api-received"))[0] == 200
    moved = {"kind": "moved", "sku": "API-1", "place": "east", "to": "west", "units": 2}
    assert (await post("movements", moved, "api-moved"))[0] == 200
    answer = await whole.api("GET", "/api/v1/stock/API-1")
    told = json.loads(answer.body)
    assert [one["on_hand"] for one in told["balances"]] == [10, 2]
    refused: tuple[tuple[str, dict[str, Any], str], ...] = (
        ("counts", {"counts": [{**counts[0], "on_hand": -1}]}, "less than none"),
        ("counts", {"counts": [{**counts[0], "on_hand": 10**12}]}, "taken for a slip"),
        ("counts", {"counts": [{**counts[0], "place": "nowhere"}]}, "No place is called"),
        ("counts", {"counts": counts, "counted_at": "2199-01-01T00:00:00Z"}, "in the future"),
        ("movements", {**entry, "units": -1}, "can't be received"),
        ("movements", {**moved, "units": 11}, "can"),
    )
    for number, (path, body, said) in enumerate(refused):
        status, problem = await post(path, body, f"api-refused-{number}")
        assert status == 422, problem
        assert said in problem["detail"]
    page = await whole.api("GET", "/api/v1/stock?place=east&limit=1")
    assert page.json()["next_cursor"]
    assert (await whole.api("GET", "/api/v1/stock/NOTHING")).status == 404


async def test_goods_that_left_are_not_on_hand_any_more(whole: Whole) -> None:
    """An order that went all the way took its units from what is reserved and from what is on
    hand, once; one that no one counted is named."""
    whole.cli("stock", "adjust", "LEAVES", "--to", "10", "--place", "east", *WHY)
    order = ordering(whole, "LEAVES")
    await whole.place(order, **ON_CHANNEL)
    await whole.until(order.number, "closed")

    def is_gone() -> bool:
        one = balances(whole, "LEAVES")["east"]
        return (one["on_hand"], one["reserved"]) == (8, 0)

    await eventually(is_gone, 20.0)
    assert "consumed" in whole.cli("stock", "show", "LEAVES")
    assert "every balance is the sum of its movements" in whole.cli("stock", "verify")
    uncounted = ordering(whole, "ANY-SKU")
    await whole.place(uncounted, **ON_CHANNEL)
    await whole.until(uncounted.number, "closed")
    await eventually(lambda: "ANY-SKU" in whole.cli("stock", "list", "--uncounted"), 20.0)
    settings, dsn = load(path=whole.world.config), whole.world.runtime().postgres_dsn
    kept, left = await stock_known(settings, dsn)
    assert (kept.good, "balances are kept" in kept.words) == (True, True)
    assert "ANY-SKU at east" in left.words


async def test_a_fresh_installation_says_that_no_stock_is_known(
    whole: Whole, database: str
) -> None:
    """Until something is counted or declared, `doctor` says that whatever is ordered counts as
    there; when more is promised than was counted, it says that, too."""
    await migrate(database)
    settings = load(path=whole.world.config)
    (said,) = await stock_known(settings, database)
    assert not said.good
    assert "none is known, so whatever is ordered counts as there" in said.words
    async with open_reports(database) as pool:
        ledger = StockLedger(pool)
        await ledger.put(
            [Figure(place="east", sku="A", units=5)],
            kind="counted",
            person="someone",
            reason="a test",
        )
        await StockPartner(pool).perform(call("r1", {"A": 4}, place="east"))
        assert [one.good for one in await stock_known(settings, database)] == [True]
        await ledger.put(
            [Figure(place="east", sku="A", units=3)],
            kind="counted",
            person="someone",
            reason="a test",
        )
    assert [one.good for one in await stock_known(settings, database)] == [True, False]


async def test_what_channels_were_told_is_listed(whole: Whole) -> None:
    """Page by page, and only what a channel does not know."""
    heard = Heard(outcome="unknown", why="Shopify has no variant with the SKU B.")
    figures = [Offered(place="east", sku=sku, units=3) for sku in ("A", "B")]
    told = list(zip(figures, (Heard(outcome="told"), heard), strict=True))
    async with open_reports(whole.world.runtime().postgres_dsn) as pool:
        await StockOffers(pool).heard("listed", datetime.now(UTC), told)
    said = whole.cli("stock", "offered", "--limit", "1", "--cursor", "listed")
    assert "More: add --cursor 'listed east A'" in said
    said = whole.cli("stock", "offered", "--cursor", "listed east A")
    assert said.splitlines()[1].split()[:4] == ["listed", "east", "B", "3"]
    found = json.loads(whole.cli("stock", "offered", "--faults", "--json"))
    assert [one["why"] for one in found if one["channel"] == "listed"] == [heard.why]


async def test_whose_units_are_missing_is_named(whole: Whole, tmp_path: Path) -> None:
    """Two orders that wait for a person hold four units, and three are counted: the younger one
    lacks one, in the command and the API. Once it is cancelled, no one lacks anything."""
    file = tmp_path / "rules.toml"
    file.write_text("[[review]]\nname = 'look'\nwhen = 'order.note == \"lacks\"'\nhold = 'look'\n")
    told = whole.cli("rules", "publish", str(file), *WHY)
    await in_use(whole, int(told.split()[1]))
    whole.cli("stock", "adjust", "LACKS", "--to", "4", "--place", "east", *WHY)
    orders = [replace(ordering(whole, "LACKS"), note="lacks") for _ in range(2)]
    for order in orders:
        await whole.place(order, **ON_CHANNEL)
    await eventually(lambda: balances(whole, "LACKS")["east"]["reserved"] == 4, 20.0)
    assert "not there" not in whole.cli("stock", "show", "LACKS")
    said = whole.cli("stock", "adjust", "LACKS", "--to", "3", "--place", "east", *WHY)
    assert "1 of LACKS at east are promised to orders and were not counted" in said
    assert "`orderwright stock show LACKS` names the orders." in said
    numbers = {order.number for order in orders}
    answer = json.loads((await whole.api("GET", "/api/v1/stock/LACKS")).body)
    assert {one["number"] for one in answer["promised"]} == numbers
    assert [(one["units"], one["lacking"]) for one in answer["promised"]] == [(2, 0), (2, 1)]
    lacking = answer["promised"][1]["number"]
    rows = [x.split() for x in whole.cli("stock", "show", "LACKS").splitlines()]
    assert [x[-1] for x in rows if x[:1] == [lacking]] == ["1"]
    whole.cli("orders", "cancel", lacking, *WHY)
    await eventually(lambda: balances(whole, "LACKS")["east"]["missing"] == 0, 20.0)
    assert (await whole.api("GET", "/api/v1/stock/LACKS")).json()["promised"] == []
    file.write_text("")
    told = whole.cli("rules", "publish", str(file), *WHY)
    await in_use(whole, int(told.split()[1]))
    for order in orders:
        if order.number != lacking:
            hold = ("--hold", "rule-review-look")
            whole.cli("orders", "release", order.number, *hold, *WHY)
            await whole.until(order.number, "closed")


async def test_reports_of_partners_are_listed(whole: Whole) -> None:
    """Each place with what came of its last report."""
    one = Report(
        place="east", partner="erp", at=datetime.now(UTC), figures=12, changed=3, stale=1,
        missing=2, fault="It was away.",
    )  # fmt: skip
    async with open_reports(whole.world.runtime().postgres_dsn) as pool:
        await StockReports(pool).keep(one)
    row = whole.cli("stock", "reports").splitlines()[1]
    assert row.split()[:2] == ["east", "erp"]
    assert row.endswith("It was away.")
    (told,) = json.loads(whole.cli("stock", "reports", "--json"))
    assert (told["figures"], told["changed"], told["stale"], told["missing"]) == (12, 3, 1, 2)
