"""What `orderwright orders import` refuses before it asks any service, and how it prints."""

from __future__ import annotations

import csv
import io
import shlex
from pathlib import Path

import pytest
import typer

from adapters.channels.csv.columns import MAX_COLUMNS, drawn, template
from adapters.channels.csv.orders import MAX_APART, MAX_LINES, MAX_ROWS
from adapters.channels.csv.rows import MAX_ROW_CHARACTERS
from schemas.contracts.checks import MAX_GOODS
from service.app.errors import OperatorError
from service.imports import api
from service.imports.cli import Shown, words_of
from service.imports.local import MAX_FILE_BYTES, Progress
from service.imports.service import Counts, Entry
from tests.commands import run_command
from tests.csv_files import a_file, a_row


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ("", "Name the file and its channel"),
        ("{good}", "Name the file and its channel"),
        ("{folder}/none.csv --channel x", "can't be opened: No such file"),
        ("{good} --channel x --report {folder}/no/report.csv", "can't be opened"),
        ("{good} --channel x --report {good}", "would overwrite the file itself"),
        ("{good} --channel x --timezone Berlin", "No time zone is called 'Berlin'"),
        ("{good} --channel x --timezone ../x", "No time zone is called '../x'"),
        ("{good} --channel x --decimal-comma", "so they can't have decimal commas"),
        ("{bad} --channel x", 'bad.csv is refused as a whole: The header has the column "price"'),
        ("{good} --channel x --data {folder}", "No service runs with the data directory"),
    ],
)
def test_a_wrong_command_says_what_to_do(words: str, told: str, tmp_path: Path) -> None:
    """Each is one sentence and a way out."""
    good, bad = tmp_path / "good.csv", tmp_path / "bad.csv"
    good.write_bytes(a_file(a_row()))
    bad.write_bytes(b"ref,price\nA,1\n")
    typed = shlex.split(words.format(good=good, bad=bad, folder=tmp_path))
    answer = run_command("orders", "import", *typed)
    assert isinstance(answer.exception, OperatorError)
    assert answer.exception.exit_code in {1, 10}
    assert told in str(answer.exception)


def test_the_template_is_printed() -> None:
    """A header and the two rows of an order."""
    answer = run_command("orders", "import", "--template")
    assert tuple(map(tuple, csv.reader(io.StringIO(answer.output)))) == template()


class Terminal(io.StringIO):
    """A text that takes itself for a terminal."""

    def isatty(self) -> bool:
        return True


def test_progress_and_refusals_at_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """Progress is one line that is written over; refusals stand, at most a screen of them, and
    what a file says can't command the terminal."""
    seen, printed = Terminal(), io.StringIO()
    monkeypatch.setattr("sys.stderr", seen)
    monkeypatch.setattr("sys.stdout", printed)
    shown, counts = Shown(as_json=False), Counts(orders=50, accepted=20, refused=30)
    for row in range(30):
        entry = Entry(first_row=row, last_row=row, ref="\x1b[2J", outcome="refused", why=("No.",))
        shown.tell(entry, Progress(counts, 200))
    assert "50 of 200 orders (25 %): 20 accepted, 30 refused" in seen.getvalue()
    with pytest.raises(OperatorError, match="30 of 50 were not taken"):
        shown.end(counts, None)
    lines = printed.getvalue().splitlines()
    assert lines[0] == "row 0 (�[2J): refused. No."
    assert lines[20:] == [
        "10 more were not taken; --report FILE names them all.",
        "50 orders: 20 accepted, 30 refused.",
    ]
    with pytest.raises(OperatorError, match=r"the import stopped; r\.csv says why"):
        Shown(as_json=False).end(Counts(orders=1, not_sent=1, stopped=True), Path("r.csv"))
    with pytest.raises(typer.Exit):
        Shown(as_json=True).end(Counts(stopped=True), None)


def test_counts_in_words() -> None:
    """Only what there is, with thousands parted."""
    assert words_of(Counts(accepted=1_234, refused=2)) == "1,234 accepted, 2 refused"
    assert words_of(Counts()) == "none"


def test_the_page_shows_the_columns_and_bounds() -> None:
    """docs/csv-import.md has every column as the table has it, and every bound."""
    page = (Path(__file__).resolve().parents[2] / "docs" / "csv-import.md").read_text("utf-8")
    assert drawn() in page, "put the answer of adapters.channels.csv.columns.drawn() there"
    for name, most in (
        ("rows of a file", f"{MAX_ROWS:,}"),
        ("bytes of a file", f"{MAX_FILE_BYTES // 1024**3} GiB"),
        ("columns", str(MAX_COLUMNS)),
        ("characters of a row", f"{MAX_ROW_CHARACTERS:,}"),
        ("lines of an order", f"{MAX_LINES}, of which {MAX_GOODS} are goods"),
        ("orders whose rows are not adjacent", f"{MAX_APART:,}"),
    ):
        assert f"| {name} | {most} |" in page
    assert f"At most {api.MAX_ROWS:,} rows" in page
