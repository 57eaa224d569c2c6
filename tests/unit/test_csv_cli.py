"""What `orderwright orders import` refuses before it asks any service, and how it prints."""

from __future__ import annotations

import csv
import io
import shlex
from pathlib import Path

import pytest
from typer.testing import CliRunner

from adapters.channels.csv_columns import MAX_COLUMNS, drawn, template
from adapters.channels.csv_orders import MAX_APART, MAX_LINES, MAX_ROWS
from adapters.channels.csv_rows import MAX_ROW_CHARACTERS
from service import csv_api
from service.cli.commands import application
from service.cli.imports import words_of
from service.csv_at_hand import MAX_FILE_BYTES
from service.csv_import import Counts
from service.errors import OperatorError
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
    answer = CliRunner().invoke(application, ["orders", "import", *typed])
    assert isinstance(answer.exception, OperatorError)
    assert answer.exception.exit_code in {1, 10}
    assert told in str(answer.exception)


def test_the_template_is_printed() -> None:
    """A header and the two rows of an order."""
    answer = CliRunner().invoke(application, ["orders", "import", "--template"])
    assert tuple(map(tuple, csv.reader(io.StringIO(answer.output)))) == template()


def test_counts_in_words() -> None:
    """Only what there is, with thousands parted."""
    assert words_of(Counts(accepted=1_234, refused=2)) == "1,234 accepted, 2 refused"
    assert words_of(Counts()) == "none"


def test_the_page_shows_the_columns_and_bounds() -> None:
    """docs/csv-import.md has every column as the table has it, and every bound."""
    page = (Path(__file__).resolve().parents[2] / "docs" / "csv-import.md").read_text("utf-8")
    assert drawn() in page, "put the answer of adapters.channels.csv_columns.drawn() there"
    for name, most in (
        ("rows of a file", f"{MAX_ROWS:,}"),
        ("bytes of a file", f"{MAX_FILE_BYTES // 1024**3} GiB"),
        ("columns", str(MAX_COLUMNS)),
        ("characters of a row", f"{MAX_ROW_CHARACTERS:,}"),
        ("lines of an order", str(MAX_LINES)),
        ("orders whose rows stand apart", f"{MAX_APART:,}"),
    ):
        assert f"| {name} | {most} |" in page
    assert f"At most {csv_api.MAX_ROWS:,} rows" in page
