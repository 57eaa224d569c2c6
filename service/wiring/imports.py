"""The part of the composition root that names what an import of orders reads and asks."""

from __future__ import annotations

from adapters.channels.csv.cells import Reading
from adapters.channels.csv.columns import template
from adapters.channels.csv.orders import Found, Survey, orders_of, survey
from adapters.channels.csv.rows import Encoding, Sheet, open_sheet
from adapters.postgres.audit import Audit
from adapters.postgres.imported import Aside, Imported, Known

__all__ = [
    "Aside",
    "Audit",
    "Encoding",
    "Found",
    "Imported",
    "Known",
    "Reading",
    "Sheet",
    "Survey",
    "open_sheet",
    "orders_of",
    "survey",
    "template",
]
