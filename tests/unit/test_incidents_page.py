"""The table of incidents: its page in the docs, and the reasons that the intake gives."""

from __future__ import annotations

from pathlib import Path

from schemas.contracts import incidents as c
from schemas.contracts import incidents_page, refusals

DOCS = Path(__file__).resolve().parents[2] / "docs"


def test_the_page_shows_the_table() -> None:
    """docs/incidents.md shows every category as the table has it."""
    page = (DOCS / "incidents.md").read_text("utf-8")
    between = page.partition("<!-- drawn -->\n")[2].partition("\n<!-- end -->")[0]
    assert between == incidents_page.drawn(), (
        "put schemas.contracts.incidents_page.drawn() between the marks"
    )


def test_every_reason_of_the_intake_is_a_category() -> None:
    """A message that is put aside after it was read is counted under words that say who acts."""
    told = c.CATEGORIES
    found = [refusals.ORDER_UNKNOWN, refusals.UNDECIDABLE, refusals.UNREADABLE]
    assert {told[reason].counted_from for reason in found} == {c.EDGE}
    assert told[refusals.UNREADABLE].who == told[c.SIGNATURE_INVALID].who
