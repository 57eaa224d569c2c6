"""Lineage as a page: docs/lineage.md, made from what was found by trying it out."""

from __future__ import annotations

from collections.abc import Iterable

from service.lineage.declared import REACHES_NO_ONE
from service.lineage.probing import Found
from service.lineage.ways import Lineage

_HEAD = """# Where every field goes

<!-- Found by service/lineage; a test compares. Make it again: python -m service.lineage -->

No one keeps these tables by hand. A full example of each source is translated again and again, each
time with one field changed, and what comes out differently depends on that field; the same is done
with the canonical order and the request that each partner's adapter makes of it. So a field is
listed where it *has an effect*, also where it only decides, as `requires_shipping` decides which
lines a warehouse is sent. Our own stock, which keeps lines by SKU and quantity, isn't a partner
here.

`orderwright lineage shopify business_central` prints both steps in one, for one source and one
partner.
"""

_NO_ONE = """## Fields that reach no partner

A test fails when a field reaches no one and has no reason here, and when one that is here reaches
somebody.

| field of the canonical order | why |
|---|---|
"""


def markdown(lineage: Lineage) -> str:
    """Return docs/lineage.md."""
    parts = [_HEAD]
    parts += [_source(name, found) for name, found in lineage.sources.items()]
    parts += [_partner(name, found) for name, found in lineage.reached.items()]
    no_one = "\n".join(f"| `{field}` | {why} |" for field, why in REACHES_NO_ONE.items())
    return "\n".join([*parts, _NO_ONE + no_one]) + "\n"


def _source(name: str, found: dict[str, Found]) -> str:
    read = {field: to for field, to in found.items() if to.paths}
    checked = [field for field, to in found.items() if to.checked]
    unread = [field for field, to in found.items() if not to.paths and not to.checked]
    text = f"## From {name}\n\n"
    if all(to.paths == (field,) for field, to in read.items()):
        text += f"Each of the {len(read)} fields becomes itself.\n"
    else:
        text += _table(f"field of {name}", "field of the canonical order", read)
    if checked:
        text += f"\nOnly checked, and refused when wrong ({len(checked)}): {_codes(checked)}.\n"
    if unread:
        text += f"\nNot carried ({len(unread)}): {_codes(unread)}.\n"
    return text


def _partner(name: str, found: dict[str, Found]) -> str:
    read = {field: to for field, to in found.items() if to.paths}
    return f"## To {name}\n\n" + _table("field of the canonical order", "field sent", read)


def _table(left: str, right: str, rows: dict[str, Found]) -> str:
    text = f"| {left} | {right} | only |\n|---|---|---|\n"
    for field, to in rows.items():
        text += f"| `{field}` | {_codes(to.paths)} | {to.when} |\n"
    return text


def _codes(names: Iterable[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)
