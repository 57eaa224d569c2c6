"""A label as it is kept."""

from __future__ import annotations

from msgspec import Struct

from schemas.order.things import Key

VERSION = 1
"""Of the struct below; a stored state of another one is rebuilt from the events."""

WANTED, BOUGHT, VOIDED = "wanted", "bought", "voided"
REFUSED, SKIPPED, DROPPED, KEPT = "refused", "skipped", "dropped", "kept"


class Label(Struct, frozen=True, array_like=True):
    """`lane` is the carrier it is bought from. `stop` says that it shall be voided. `told` is the
    revision of the address that it was bought for, `collect` the amount to collect that it
    carries."""

    stage: str
    fulfilment: Key
    parcels: tuple[Key, ...]
    lane: str
    shipment: str = ""
    numbers: tuple[str, ...] = ()
    stop: bool = False
    told: int = 0
    collect: int = 0
