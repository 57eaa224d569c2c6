"""What strangers wrote reaches a terminal, a log and a spreadsheet as text, never as commands."""

from __future__ import annotations

import ast
import io
import json
import logging
from pathlib import Path

import pytest
from msgspec.structs import replace

from adapters.channels.canonical.source import Canonical
from adapters.kit.fitting import visible
from schemas.contracts.refusals import SCHEMA_MISMATCH, Refused
from schemas.messages.codec import encode
from schemas.messages.inputs import PlaceOrder
from service.cli.tables import print_json, print_over, print_plain, print_table
from service.imports.report import harmless
from service.telemetry.logs import start_logs
from tests.orders import an_order
from tests.shopify_payloads import SHOP, a_payload

SERVICE = Path(__file__).resolve().parents[2] / "service"
OBEYED = "\x1b]0;owned\x07", "\x9b31m", "\x7f", "\x08", "\u202e1.00", "\u2066", "\u2028", "\x00"
"""Escape sequences of both kinds, a deletion, and what turns or parts the text after it."""


def obeys(text: str) -> bool:
    """Whether a terminal would do anything but show this."""
    return any(sign in text for one in OBEYED for sign in one if visible(sign) != sign)


@pytest.mark.parametrize("text", OBEYED)
def test_nothing_printed_is_obeyed(text: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Lines, tables, JSON and progress show what a terminal would obey; JSON says the same."""
    print_plain(f"#1042{text} is held")
    print_table(("number",), [(f"#1042{text}",)])
    print_over(f" {text}")
    said = capsys.readouterr()
    assert not obeys(said.out + said.err.lstrip("\r"))
    assert "#1042" in said.out
    print_json({"number": f"#1042{text}"})
    line = capsys.readouterr().out
    assert not obeys(line)
    assert json.loads(line) == {"number": f"#1042{text}"}


def test_what_people_write_stays_as_it_is() -> None:
    """Accents, other scripts, joined letters, emoji, line breaks and tabs are only text."""
    for text in ("Zoë Ångström", "注文 7", "می\u200cخواهم", "👩\u200d🍳", "a\nb\tc"):
        assert visible(text) == text


def test_every_module_of_commands_prints_so() -> None:
    """None prints with the built-in function, which would pass on what strangers wrote."""
    checked = 0
    for path in (*SERVICE.glob("*/cli*.py"), SERVICE / "cli/commands.py", SERVICE / "cli/keys.py"):
        tree = ast.parse(path.read_text("utf-8"))
        calls = [x for x in ast.walk(tree) if isinstance(x, ast.Name) and x.id == "print"]
        brought = [
            name.asname
            for node in ast.walk(tree)
            if isinstance(node, ast.ImportFrom) and node.module == "service.cli.tables"
            for name in node.names
        ]
        assert not calls or "print" in brought, path.name
        checked += bool(calls)
    assert checked >= 10


@pytest.mark.parametrize("form", ["text", "json"])
def test_a_log_line_is_not_obeyed_and_stays_one(form: str) -> None:
    """Neither a terminal nor a reader of lines is fooled by an order's number."""
    stream = io.StringIO()
    kept = logging.getLogger().handlers[:]
    try:
        start_logs(lambda: 0.0, form=form, stream=stream)
        for text in OBEYED:
            logging.getLogger("orders").warning("The order %s waits.", f"#1{text}\nlevel=info")
    finally:
        logging.getLogger().handlers[:] = kept
    lines = stream.getvalue().split("\n")
    assert len(lines) == len(OBEYED) + 1
    assert not obeys(stream.getvalue())


@pytest.mark.parametrize(
    "text", ["=1+1", "＝1+1", " ＋1", "－1", "＠a", "@a", "\t=1", "\r=1", "\n=1"]
)
def test_no_cell_is_a_formula(text: str) -> None:
    """Full-width signs count as the usual ones, and no cell holds a control character."""
    assert harmless(text).startswith("'")
    assert harmless(text).isprintable()
    assert not obeys(harmless(f"x{OBEYED[0]}"))
    assert harmless("W-1042 ＝ ok") == "W-1042 ＝ ok"


@pytest.mark.parametrize("text", [one for one in OBEYED if one not in ("\u2028", "\x00")])
def test_a_number_has_no_control_characters(text: str) -> None:
    """Our own contract refuses it; a storefront's order is taken, without them."""
    order = encode(PlaceOrder(order=replace(an_order(), number=f"#1042{text}")))
    with pytest.raises(Refused) as caught:
        Canonical().translate("place", "", order)
    assert caught.value.reason == SCHEMA_MISMATCH
    raw = json.dumps(a_payload(name=f"#1042{text}")).encode()
    found = SHOP.translate("place", "orders/create", raw)
    assert isinstance(found, PlaceOrder)
    assert found.order.number.startswith("#1042")
    assert not obeys(found.order.number)
