"""How `orderwright stock` prints balances, and whose units are missing."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from service.cli.tables import age, print_table
from service.cli.tables import print_plain as print

if TYPE_CHECKING:
    from adapters.postgres.stock_ledger import Balance, Changed, Promised

SHOWN_MISSING = 20
"""Balances that are named whose units are missing; `stock list --missing` has them all."""


def print_balances(rows: tuple[Balance, ...] | list[Balance]) -> None:
    """Print balances as a table."""
    print_table(
        ("sku", "place", "on hand", "safety", "reserved", "free", "missing", "counted"),
        [
            (
                x.sku, x.place, str(x.on_hand), str(x.safety), str(x.reserved),
                str(max(0, x.available)), str(x.missing) if x.missing else "",
                age(x.counted_at) if x.counted_at else "never",
            )
            for x in rows
        ],
    )  # fmt: skip


def print_promised(promised: Sequence[Promised]) -> None:
    """Show whose units are missing: a person decides which of these orders wait."""
    print_table(
        ("order", "channel", "fulfilment", "place", "placed", "promised", "not there"),
        [
            (
                x.number, x.channel, x.key, x.place, age(x.placed_at), str(x.units),
                str(x.lacking) if x.lacking else "",
            )
            for x in promised
        ],
    )  # fmt: skip


def say_changed(changed: Changed, words: str) -> None:
    """Say what was entered, and whose promises it does not cover."""
    late = (
        f", {changed.stale:,} are older than the last count and left out" if changed.stale else ""
    )
    print(f"{words}{late}.")
    for place, sku, units in changed.missing[:SHOWN_MISSING]:
        print(
            f"{units} of {sku} at {place} are promised to orders and were not counted: nothing more"
            " of it is promised until they are found, or orders are cancelled or leave elsewhere. "
            f"`orderwright stock show {sku}` names the orders."
        )
    if len(changed.missing) > SHOWN_MISSING:
        print("`orderwright stock list --missing` shows more of them.")
