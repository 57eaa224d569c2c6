"""Plain tables and short words for people at a terminal."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, TextIO

import msgspec

from adapters.kit.fitting import visible
from schemas.order.money import decimal_text
from service.app.clock import SystemClock

if TYPE_CHECKING:
    from adapters.postgres.timeline import Entry

KINDS = {"event": "●", "exchange": "⇄"}
MARKS = {"asked": "→", "open": "…", "due": "◷"}
"""The mark of an effect or timer by status; any other status is an answer."""

MAX_CELL = 48
"""Characters of one cell; longer text ends in an ellipsis, so that a row stays one line."""


def print_plain(
    *values: object, end: str = "\n", file: TextIO | None = None, flush: bool = False
) -> None:
    """Print as `print` does, `visible`. Each module of commands imports it as `print`, so that none
    can forget it: numbers, reasons and partners' words are written by strangers."""
    print(*(visible(str(value)) for value in values), end=end, file=file, flush=flush)


def print_over(line: str, *, end: str = "", clear: bool = False) -> None:
    """Print a line of progress over the last one; `clear` removes what is left of that."""
    before = "\r\x1b[K" if clear else "\r"
    print(f"{before}{visible(line)}", end=end, file=sys.stderr, flush=True)


def print_table(
    head: Sequence[str], rows: Sequence[Sequence[str]], *, most: int = MAX_CELL
) -> None:
    """Print rows under a head; each column is as wide as its longest cell, at most `most`
    characters."""
    cells = [[_short(cell, most) for cell in row] for row in (head, *rows)]
    widths = [max(len(row[i]) for row in cells) for i in range(len(head))]
    for row in cells:
        padded = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        print("  ".join(padded).rstrip())
    if not rows:
        print("(none)")


def print_json(value: object) -> None:
    """Print any struct as one line of JSON, in which JSON's own escapes stand for what a terminal
    would obey."""
    print(json_line(msgspec.json.encode(value).decode()))


def json_line(text: str) -> str:
    """Return JSON with the characters escaped that `visible` writes out."""
    return text if text.isascii() and text.isprintable() else "".join(map(_json_sign, text))


def _json_sign(sign: str) -> str:
    return sign if visible(sign) == sign else json.dumps(sign)[1:-1]


def money(total_minor: int, currency: str) -> str:
    """Return an amount for people; nothing where no one has said yet what the order costs."""
    if not currency:
        return ""
    return f"{decimal_text(total_minor, currency)} {currency}"


def age(moment: datetime) -> str:
    """Return how long ago a moment was."""
    seconds = int((SystemClock().now() - moment).total_seconds())
    for name, size in (("d", 86_400), ("h", 3_600), ("min", 60)):
        if seconds >= 2 * size:
            return f"{seconds // size} {name} ago"
    return f"{max(0, seconds)} s ago"


def _short(text: str, most: int) -> str:
    line = visible(" ".join(text.split()))
    return line if len(line) <= most else line[: most - 1] + "…"


def print_timeline(entries: Sequence[Entry]) -> None:
    """Print one line per entry: time, mark, words, then the rule or the trace.

    `●` decided, `→` asked of a partner, `⇄` one call of it, `←` answered, `…` not answered yet,
    `◷` due.
    """
    day = ""
    for entry in entries:
        if f"{entry.at:%Y-%m-%d}" != day:
            day = f"{entry.at:%Y-%m-%d}"
            print(f"{day} (UTC)")
        mark = KINDS.get(entry.kind) or MARKS.get(entry.status, "←")
        print(
            f"  {entry.at:%H:%M:%S.%f}"[:-3]
            + f"  {mark} {visible(' '.join(entry.text.split()))}{visible(_aside(entry))}"
        )


def _aside(entry: Entry) -> str:
    told = []
    if entry.rule:
        told.append(f"[{entry.rule}]")
    if entry.status in {"asked", "open"}:
        told.append(f"effect {entry.effect} at {entry.lane}")
        if entry.trace_id:
            told.append(f"trace {entry.trace_id}")
    if entry.exchange:
        told.append(f"exchange {entry.exchange}")
    if entry.attempts > 1:
        told.append(f"after {entry.attempts} tries")
    if entry.error and entry.status in {"open", "person", "suspended"}:
        told.append(f"lastly: {entry.error}")
    if entry.status == "open" and entry.due_at is not None:
        told.append(f"next try at {entry.due_at:%H:%M:%S}")
    return f"   {' · '.join(told)}" if told else ""
