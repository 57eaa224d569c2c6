"""Every event ever stored is read permanently; older forms become today's."""

from __future__ import annotations

from pathlib import Path
from typing import get_args

import msgspec
import pytest
from msgspec import Struct

from schemas.contracts.upcasting import MAX_STEPS, UPCASTS, Json, reader, upcast
from schemas.messages.codec import decode_event, encode
from schemas.messages.effects import tag_of
from schemas.messages.events import OrderEvent

EVENTS = Path(__file__).resolve().parents[1] / "corpus" / "events"
KEPT = sorted(EVENTS.glob("*.json"))


@pytest.mark.parametrize("path", KEPT, ids=lambda path: str(path.stem))
def test_a_stored_event_is_read_permanently(path: Path) -> None:
    """It is decoded, and what is encoded again says all it said."""
    raw = path.read_bytes()
    event = decode_event(raw)
    stored: Json = msgspec.json.decode(raw)
    again: Json = msgspec.json.decode(encode(event))
    if stored["type"] in UPCASTS:
        stored = upcast(stored)
    assert {name: again.get(name) for name in stored} == stored


def test_the_corpus_has_one_of_each_event() -> None:
    """A new event is kept from its first day on: run `python -m tests.corpus` and commit."""
    assert {tag_of(kind) for kind in get_args(OrderEvent)} <= {path.stem for path in KEPT}


class Kept(Struct, frozen=True, tag="thing.kept.v3"):
    """An event of today that had two earlier forms."""

    place: str
    count: int = 0


OLDER = {
    "thing.kept.v1": lambda old: {"type": "thing.kept.v2", "where": old["where"], "n": 1},
    "thing.kept.v2": lambda old: {
        "type": "thing.kept.v3",
        "place": old["where"],
        "count": old["n"],
    },
}


def test_older_forms_are_lifted_step_by_step() -> None:
    """The first form goes through the second into today's; today's is read as it is."""
    read = reader(msgspec.json.Decoder(Kept).decode, Kept, OLDER)
    assert read(b'{"type":"thing.kept.v3","place":"WH1"}') == Kept("WH1")
    assert read(b'{"type":"thing.kept.v2","where":"WH1","n":4}') == Kept("WH1", 4)
    assert read(b'{"type":"thing.kept.v1","where":"WH1"}') == Kept("WH1", 1)


def test_what_no_table_knows_is_left_to_the_reader() -> None:
    """A newer version's event raises as before, and so does a broken one of today."""
    read = reader(msgspec.json.Decoder(Kept).decode, Kept, OLDER)
    for raw in (b'{"type":"thing.kept.v9"}', b'{"type":"thing.kept.v3"}', b'{"n":1}'):
        with pytest.raises(msgspec.ValidationError):
            read(raw)


def test_a_circle_of_forms_is_a_programmers_error() -> None:
    """A table that leads nowhere is noticed at once."""
    with pytest.raises(AssertionError, match="cycle"):
        upcast({"type": "a"}, {"a": lambda old: {"type": "a", "steps": MAX_STEPS}})
