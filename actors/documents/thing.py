"""An ERP document as it is kept."""

from __future__ import annotations

from msgspec import Struct

VERSION = 1
"""Of the struct below; a stored state of another one is rebuilt from the events."""

WANTED, POSTED, CANCELLED = "wanted", "posted", "cancelled"
REFUSED, SKIPPED, KEPT = "refused", "skipped", "kept"


class Document(Struct, frozen=True, array_like=True):
    """`erp_id` and `number` are the ERP's. `told` is the revision of the order that it says."""

    stage: str
    lane: str
    erp_id: str = ""
    number: str = ""
    told: int = 0
