"""The part of the composition root that names what an import of orders reads and asks."""

from __future__ import annotations

from adapters.channels.csv_cells import Reading
from adapters.channels.csv_columns import template
from adapters.channels.csv_orders import Found, Survey, orders_of, survey
from adapters.channels.csv_rows import Encoding, Sheet, open_sheet
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
