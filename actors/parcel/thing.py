"""A parcel as it is kept."""

from __future__ import annotations

from msgspec import Struct

from schemas.messages.base import Parts
from schemas.order.things import Key

VERSION = 5
"""Of the struct below; a stored state of another one is rebuilt from the events."""

PACKED, HANDED_OVER, IN_TRANSIT, EXCEPTION = "packed", "handed_over", "in_transit", "exception"
DELIVERED, COLLECTED, LOST, RETURNED = "delivered", "collected", "lost", "returned"
UNTRACKED, UNPACKED = "untracked", "unpacked"


class Parcel(Struct, frozen=True, array_like=True):
    """`parcel_id` is the warehouse's own id; `size` grams, length, width and height in millimetres.
    `label` is the label that is wanted or bought for it, `lane` the carrier that can be asked where
    it is. `shown` says that the channel was told of it; `asked` that the carrier was asked once;
    `sequence` is the place of the report that told of it among those of its task, 0 where that is
    not known, and `numbered` that of the latest that told its number. `codes` are those of single
    pieces, by line. `late` is a carrier and number that came while the channel was being told of
    the parcel without; `others` are numbers that were told after it had left under its own."""

    stage: str
    fulfilment: Key
    units: Parts
    parcel_id: str = ""
    size: tuple[int, int, int, int] = (0, 0, 0, 0)
    label: str = ""
    lane: str = ""
    carrier: str = ""
    number: str = ""
    shown: bool = False
    asked: bool = False
    instead: tuple[tuple[int, str], ...] = ()
    sequence: int = 0
    codes: tuple[tuple[int, tuple[str, ...]], ...] = ()
    numbered: int = 0
    late: tuple[str, ...] = ()
    others: tuple[str, ...] = ()
