"""`python -m tests.corpus`: keep one of each event that the corpus doesn't have yet."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import get_args

import msgspec

from schemas.contracts.published import all_schemas
from schemas.messages import events as e
from schemas.messages.codec import encode
from schemas.messages.effects import tag_of
from tests.instances import whole

EVENTS = Path(__file__).with_name("events")


def an_event(kind: type[e.Event]) -> e.Event:
    """Return one with every field set."""
    made = whole(all_schemas()[tag_of(kind)])
    return msgspec.convert(made | {"type": tag_of(kind)}, kind)


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
