"""An import tells the truth about every order, whatever the stream and the store do meanwhile."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Mapping, Sequence

import pytest
from msgspec.structs import replace

from actors.order.mapping import digest
from actors.runtime.errors import JournalUnavailable, StreamUnavailable
from adapters.channels.csv.orders import Found
from adapters.postgres.imported import Aside, Known
from schemas.order.ids import OrderId, order_id_for
from service.imports import service
from service.imports.report import Report, harmless
from service.imports.service import CsvImport, Entry
from tests.csv_files import a_file, a_row, read

CHANNEL = "wholesale"
PLACED = Known(stage="placed", waiting_for="a mapping", attention=False, delivered=True)


class Stream:
    """Takes orders; `away` of the calls fail first, as while NATS starts again."""

    def __init__(self, away: int = 0) -> None:
        self.away = away
        self.taken: list[tuple[str, str]] = []

    async def publish(
        self, channel: str, kind: str, ref: str, raw: bytes, *, delivery_id: str, source: str,
        topic: str, trace: str = "",
    ) -> None:  # fmt: skip
        if self.away:
            self.away -= 1
            raise StreamUnavailable("The message stream is away.", retry_after_seconds=0)
        assert (channel, kind, source, topic) == (CHANNEL, "place", "canonical", "csv")
        self.taken.append((ref, delivery_id))


class Here:
    """What is known. `fails` looks fail first; an order is decided at the look after it came."""

    def __init__(self, known: Mapping[str, Known] | None = None, fails: int = 0) -> None:
        self.orders = dict(known or {})
        self.aside: dict[str, Aside] = {}
        self.fails = fails
        self.looks = 0

    async def known(
        self, order_ids: Sequence[OrderId], delivery_ids: Sequence[str]
    ) -> Mapping[OrderId, Known]:
        self.looks += 1
        if self.looks > 1 and self.fails:
            self.fails -= 1
            raise JournalUnavailable("away")
        by_id = {order_id_for(CHANNEL, ref): one for ref, one in self.orders.items()}
        return {one: by_id[one] for one in order_ids if one in by_id}

    async def quarantined(self, delivery_ids: Sequence[str]) -> Mapping[str, Aside]:
        return {one: self.aside[one] for one in delivery_ids if one in self.aside}


def orders(*refs: str) -> list[Found]:
    return read(a_file(*[a_row(ref) for ref in refs]))


async def run(work: CsvImport, found: Sequence[Found]) -> list[Entry]:
    told: list[Entry] = []
    counts = await work.run(found, told.append)
    assert counts is work.counts
    assert counts.orders == len(told)
    return told


async def test_new_known_and_different_orders() -> None:
    """What is new is sent; what says the same is there already; what differs is refused."""
    found = read(a_file(*[a_row(ref) for ref in "ABCDE"], a_row("F", quantity="x")))
    same = found[1].order
    assert same is not None
    here = Here({
        "A": PLACED,
        "B": replace(PLACED, delivered=False, body_digest=digest(same)),
        "C": replace(PLACED, delivered=False, body_digest="another"),
        "D": replace(PLACED, delivered=False),  # only its payment is known
    })  # fmt: skip
    stream, refused = Stream(), list[str]()
    told = await run(CsvImport(stream, here, CHANNEL, refused=refused.append), found)
    assert [(one.ref, one.outcome) for one in told] == [
        ("A", "already there"), ("B", "already there"), ("C", "refused"), ("D", "accepted"),
        ("E", "accepted"), ("F", "refused"),
    ]  # fmt: skip
    assert [ref for ref, _ in stream.taken] == ["D", "E"]
    assert stream.taken[0][1] == f"csv:{found[3].digest}"
    assert refused == ["order_differs", "schema_mismatch"]
    assert "an import changes no order" in told[2].why[0]
    assert told[4].order_id == order_id_for(CHANNEL, "E")


@pytest.mark.parametrize("dry_run", [False, True])
@pytest.mark.parametrize(
    ("former", "now", "ref"),
    [
        ("1001.0", "1001.0", "1001"), ("1001.00", "1001", "1001"), ("1001,0", "1001", "1001"),
        ("1001,00", "1001,00", "1001"), ('="1001"', '="1001"', "1001"), ("'1001", "1001", "1001"),
        ('="A-1"', "A-1", "A-1"), ("'7-A", "'7-A", "7-A"),
    ],
)  # fmt: skip
async def test_what_is_here_under_a_damaged_reference_is_not_placed_twice(
    former: str, now: str, ref: str, *, dry_run: bool
) -> None:
    """An earlier version kept what a spreadsheet had made of a reference: the row is refused and
    names both, whether its file was corrected meanwhile or not; others pass."""
    stream = Stream()
    here = Here({former: replace(PLACED, delivered=False, body_digest="x")})
    told = await run(CsvImport(stream, here, CHANNEL, dry_run=dry_run), orders(now, "2002"))
    assert (told[0].ref, told[0].outcome, told[0].reason) == (ref, "refused", "order_differs")
    assert told[0].order_id == order_id_for(CHANNEL, ref)
    assert str(order_id_for(CHANNEL, former)) in told[0].why[0]
    assert f"under the reference {former!r}" in told[0].why[0]
    assert [ref for ref, _ in stream.taken] == ([] if dry_run else ["2002"])


async def test_an_order_under_its_own_reference_is_there_whatever_is_beside_it() -> None:
    """Both are here, so nothing would be placed; what only a payment named has to come yet."""
    here = Here({"1001": PLACED, "1001.0": PLACED, "2002.0": replace(PLACED, delivered=False)})
    told = await run(CsvImport(Stream(), here, CHANNEL), orders("1001", "2002"))
    assert [one.outcome for one in told] == ["already there", "accepted"]


async def test_a_dry_run_sends_nothing() -> None:
    """It looks and checks all the same."""
    stream = Stream()
    told = await run(
        CsvImport(stream, Here({"A": PLACED}), CHANNEL, dry_run=True), orders("A", "B")
    )
    assert [one.outcome for one in told] == ["already there", "would be accepted"]
    assert not stream.taken


async def test_a_stream_that_is_away() -> None:
    """With patience it is tried again; without it the sender is told; beyond it the rest is not
    sent, and the import stops."""
    told = await run(CsvImport(Stream(3), Here(), CHANNEL, patience_seconds=9), orders("A", "B"))
    assert [one.outcome for one in told] == ["accepted", "accepted"]
    with pytest.raises(StreamUnavailable):
        await run(CsvImport(Stream(1), Here(), CHANNEL), orders("A"))
    gone = CsvImport(Stream(10**9), Here(), CHANNEL, patience_seconds=9, stopping=stops_after(1))
    told = await run(gone, orders("A"))
    assert [one.outcome for one in told] == ["not sent"]
    assert told[0].why[0].startswith("The message stream is away.")
    assert gone.counts.stopped


def stops_after(looks: int) -> Callable[[], bool]:
    """Somebody presses Ctrl-C after so many looks."""
    seen = iter(range(10**6))
    return lambda: next(seen) >= looks


async def test_an_interrupt_ends_between_windows(monkeypatch: pytest.MonkeyPatch) -> None:
    """What was taken is told, what was not is neither sent nor told, and a rerun goes on."""
    monkeypatch.setattr(service, "WINDOW", 2)
    stream = Stream()
    work = CsvImport(stream, Here(), CHANNEL, stopping=stops_after(1))
    told = await run(work, orders(*"ABCDE"))
    assert [one.ref for one in told] == ["A", "B"]
    assert work.counts.stopped
    again = CsvImport(stream, Here(dict.fromkeys("AB", PLACED)), CHANNEL)
    told = await run(again, orders(*"ABCDE"))
    assert [one.outcome for one in told] == ["already there"] * 2 + ["accepted"] * 3
    assert [ref for ref, _ in stream.taken] == list("ABCDE")


async def test_what_became_of_them(monkeypatch: pytest.MonkeyPatch) -> None:
    """Decided, in quarantine, or not decided within the time; a store that is away is asked
    again."""
    monkeypatch.setattr(service, "_LOOK_SECONDS", 0.001)
    monkeypatch.setattr(service, "WAIT_SECONDS", 0.01)
    found = orders("A", "B", "C")
    here = Here(fails=2)
    here.aside[f"{CHANNEL}/place/csv:{found[1].digest}"] = Aside(17, "undecidable")

    class Deciding(Stream):
        async def publish(self, channel: str, kind: str, ref: str, raw: bytes, **more: str) -> None:
            if ref == "A":
                here.orders["A"] = replace(PLACED, attention=True)

    work = CsvImport(Deciding(), here, CHANNEL, wait=True)
    told = await run(work, found)
    assert [one.became for one in told] == [
        "placed, waits for a mapping (needs a person)", "in quarantine as 17: undecidable",
        "not decided yet",
    ]  # fmt: skip
    assert work.counts.quarantined == 1


def test_a_report_is_harmless_in_a_spreadsheet() -> None:
    """What a spreadsheet would run gets an apostrophe; each line is there at once."""
    file = io.StringIO()
    report = Report(file)
    report.write(
        Entry(first_row=2, last_row=3, ref='=HYPERLINK("x")', outcome="refused", why=("It, is.",))
    )
    head, row = csv.reader(io.StringIO(file.getvalue()))
    assert head[:3] == ["rows", "ref", "outcome"]
    assert row == ["2 to 3", '\'=HYPERLINK("x")', "refused", "", "", "", "It, is."]
    for cell in ("=1", "+1", "-1", "@SUM", " =1", "＝1"):
        assert harmless(cell) == f"'{cell}"
    assert harmless("A-1") == "A-1"
