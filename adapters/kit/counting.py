"""How much lies at a place by a partner's own count: one is asked, another one reports by itself.

Small interfaces beside a partner's adapter. What is done with the figures is decided in
`service/stock/counting.py` (of who is asked) and `service/stock/reporting.py` (of who reports).
"""

from __future__ import annotations

from datetime import datetime
from typing import Protocol

from msgspec import Struct

MAX_COUNTED = 1_000
"""Figures of one page."""

MAX_FAULTS = 20
"""Sentences of one page."""


class Counted(Struct, frozen=True, kw_only=True):
    """Units of an SKU that a partner has."""

    sku: str
    units: int


class CountsPage(Struct, frozen=True, kw_only=True):
    """At most MAX_COUNTED figures. `cursor` is given back to get the next page; "" says that there
    is none. `faults` tell of figures that can't be, which are not among `counts`; at most
    MAX_FAULTS."""

    counts: tuple[Counted, ...]
    cursor: str = ""
    faults: tuple[str, ...] = ()


class CountsReport(Struct, frozen=True, kw_only=True):
    """What a partner reports by itself: its figures of the moment `at`, at one of our places ("":
    the only one that it counts). `enters_new`: SKUs that were never seen here are entered, too;
    else they refuse the report."""

    place: str
    at: datetime
    counts: tuple[Counted, ...]
    enters_new: bool


class StockCounter(Protocol):
    """Somebody who can be asked. `in_capitals`: it knows SKUs in capital letters alone."""

    in_capitals: bool

    async def counted(self, place: str, cursor: str) -> CountsPage:
        """Return a page of what it has at a place of ours, from `cursor` on ("": the first one).
        Raises PartnerError."""
        ...
