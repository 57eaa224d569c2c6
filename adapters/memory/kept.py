"""What the journal's twin in memory keeps of an order, an effect and a timer."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from msgspec import Struct

from actors.runtime.ports import RecordedEffect, Row
from schemas.order.ids import Reference


class KeptOrder(Struct, kw_only=True):
    """An order as the latest append left it, with its whole stream."""

    reference: Reference
    partition: int
    version: int
    row: Row
    state: bytes
    bodies: dict[str, bytes]
    events: list[Any]
    progress_since: datetime


class KeptEffect(Struct, kw_only=True):
    """An effect, and how far it is."""

    recorded: RecordedEffect
    due_at: datetime
    at: datetime
    trace: str
    written_by: int
    attempts: int
    status: str = "open"
    error: str = ""
    settled_at: datetime | None = None
    declined: bool = False


class KeptTimer(Struct, kw_only=True):
    """A timer; one with an error fires no more."""

    due_at: datetime
    error: str = ""
