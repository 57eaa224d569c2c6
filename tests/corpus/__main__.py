"""`python -m tests.corpus`: keep one of each event that the corpus doesn't have yet."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import get_args

import msgspec

from schemas.messages import events as e
from schemas.messages.codec import encode
from schemas.messages.effects import Parcel, tag_of
from schemas.messages.inputs import ShortLine

EVENTS = Path(__file__).with_name("events")
LINE = e.PlacedLine("1", "SKU-1", 2, True)


def a_value(name: str, kind: object) -> object:
    """Return something for a field of this type that is not its default."""
    known: dict[object, object] = {
        str: f"{name} of then",
        int: 7,
        bool: True,
        tuple[str, ...]: ("one", "two"),
        tuple[e.Intent, ...]: (e.Intent(8, "stock.reserve.v1"),),
        tuple[e.PlacedLine, ...]: (LINE,),
        tuple[Parcel, ...]: (Parcel(parcel_id="p1", weight_grams=900),),
        tuple[ShortLine, ...]: (ShortLine(line_id="1", ordered_quantity=2, picked_quantity=1),),
    }
    return known[kind]


def an_event(kind: type[e.Event]) -> e.Event:
    """Return one with every field set."""
    fields = msgspec.structs.fields(kind)
    return msgspec.convert(
        {one.name: a_value(one.name, one.type) for one in fields} | {"type": tag_of(kind)}, kind
    )


def main() -> int:
    """Write what is missing."""
    for kind in get_args(e.OrderEvent):
        path = EVENTS / f"{tag_of(kind)}.json"
        if not path.exists():
            path.write_bytes(msgspec.json.format(encode(an_event(kind)), indent=1) + b"\n")
            sys.stderr.write(f"{path.name}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
