"""The tax that a comment line of a sales order tells, as a tenant's tax engine adds it."""

from __future__ import annotations

import re
from typing import Final

from ops.simulators.shapes import JsonObject, objects, text

_TAX: Final = re.compile(r"\btax of ([0-9.]+) ")


def told_tax(sent: JsonObject) -> float:
    """The tax in the document's own currency; 0 where no comment line tells one."""
    for line in objects(sent, "salesOrderLines"):
        found = _TAX.search(text(line, "description"))
        if text(line, "lineType") == "Comment" and found is not None:
            return float(found[1])
    return 0.0
