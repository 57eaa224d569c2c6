"""What people and programs may do to stock, for the API and the command line alike."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Literal

from msgspec import Struct
from msgspec.structs import replace

from adapters.postgres.stock_ledger import (
    EVERY,
    Balance,
    Changed,
    Figure,
    LedgerRefused,
    Movement,
    Promised,
    StockLedger,
)
from service.settings import Settings
from service.settings.roles import places_of

Added = Literal["received", "adjusted", "returned"]
"""What may be added to a balance, or (adjusted) taken off it."""

SHOWN_MOVEMENTS = 50
"""Movements that are shown of an SKU: a screen or two."""


class Shown(Struct, frozen=True, kw_only=True):
    """An SKU: its balance at each place, and its last movements, newest first. Where promised units
    are missing, `promised` says whose they are, the oldest order first."""

    sku: str
    balances: tuple[Balance, ...]
    movements: tuple[Movement, ...]
    promised: tuple[Promised, ...] = ()


def place_names(settings: Settings) -> tuple[str, ...]:
    """Return the places that goods leave from."""
    return tuple(one.name for one in places_of(settings))


async def shown(ledger: StockLedger, sku: str, place: str = "") -> Shown | None:
    """Return what is known of an SKU, None if it is counted nowhere."""
    balances = await ledger.balances(sku, place)
    if not balances:
        return None
    places = [one.place for one in balances]
    movements = await ledger.movements(sku, places, SHOWN_MOVEMENTS)
    promised = [
        whose
        for one in balances
        if one.missing
        for whose in lacking(await ledger.promised(sku, one.place), one.reserved - one.missing)
    ]
    return Shown(
        sku=sku,
        balances=tuple(balances),
        movements=tuple(movements),
        promised=tuple(promised),
    )


def lacking(promised: Sequence[Promised], there: int) -> list[Promised]:
    """Return whose units are not there when `there` units go to the first ones."""
    found, left = [], max(0, there)
    for one in promised:
        has = min(left, one.units)
        left -= has
        found.append(replace(one, lacking=one.units - has))
    return found


async def add(
    ledger: StockLedger, figure: Figure, kind: Added, *, person: str, reason: str
) -> Changed:
    """Add units to a balance, or take them off. Raises LedgerRefused."""
    if figure.units == 0:
        raise LedgerRefused("0 units change nothing; say how many.")
    if kind != "adjusted" and figure.units < 0:
        raise LedgerRefused(f"{figure.units} units can't be {kind}; `adjusted` takes units off.")
    return await ledger.put([figure], kind=kind, person=person, reason=reason)


async def move(
    ledger: StockLedger, sku: str, units: int, source: str, to: str, *, person: str, reason: str
) -> Changed:
    """Move units that are free from one place to another. Raises LedgerRefused."""
    if units < 1:
        raise LedgerRefused(f"{units} units can't be moved; say how many.")
    if source == to:
        raise LedgerRefused(f"They are at {to} already; name two places.")
    figures = [
        Figure(place=source, sku=sku, units=-units), Figure(place=to, sku=sku, units=units),
    ]  # fmt: skip
    return await ledger.put(figures, kind="moved", person=person, reason=reason, keep_promises=True)


async def declare(
    ledger: StockLedger, place: str, sku: str, *, at: datetime, person: str, reason: str
) -> None:
    """Declare that an SKU is not counted at a place, or at all. Raises LedgerRefused."""
    if place == EVERY and sku == EVERY:
        raise LedgerRefused("Name an SKU or a place: nothing at all would be counted.")
    await ledger.declare(place, sku, at=at, person=person, reason=reason)


def unknown_place(name: str, places: Sequence[str], *, every: bool = False) -> str:
    """Return what is wrong with a place, "" for nothing. `every`: EVERY is one, too."""
    if name in places or (every and name == EVERY):
        return ""
    return f"No place is called {name!r}; the places are: {', '.join(places)}."
