"""Telling a sales channel what it may sell: how many units of each SKU are free at each place.

One small interface that a storefront implements beside its partner. It is told figures, compares
them with what the channel shows, and changes what differs; when and which is decided in
`service/stock/offering.py`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Literal, Protocol

from msgspec import Struct

MAX_OFFERED = 100
"""Figures of one call."""

Outcome = Literal["told", "same", "unknown", "refused", "stale"]


class Offers(Struct, frozen=True, kw_only=True):
    """What a channel is told: of which of our places, how many units of each SKU are kept back at
    each, and how many seconds at least lie between two figures of one SKU and place."""

    places: tuple[str, ...]
    buffer: int
    every_seconds: float


class TellsStock(Protocol):
    """Settings of a channel that may be told, as `StockBuffer` and `StockSeconds` have them."""

    @property
    def stock_buffer(self) -> int:
        """Units that are kept back at each place."""
        ...

    @property
    def stock_every_seconds(self) -> float:
        """Seconds between two figures."""
        ...


def offers_from(places: Iterable[str], settings: TellsStock) -> Offers | None:
    """Return what a channel is told of these places of ours, None where there are none."""
    named = tuple(places)
    if not named:
        return None
    return Offers(
        places=named, buffer=settings.stock_buffer, every_seconds=settings.stock_every_seconds
    )


class Offered(Struct, frozen=True, kw_only=True):
    """Units of an SKU that may be sold from a place."""

    place: str
    sku: str
    units: int


class Heard(Struct, frozen=True, kw_only=True):
    """What became of a figure: it was `told`, the channel showed the `same` already, it does not
    know the SKU there (`unknown`), it `refused` it, or its own figure changed meanwhile (`stale`:
    ask again later). `why` is a sentence for a person, "" where none is needed."""

    outcome: Outcome
    why: str = ""


class StockTeller(Protocol):
    """Somebody who tells one channel."""

    async def tell(self, figures: Sequence[Offered]) -> list[Heard]:
        """Tell at most MAX_OFFERED figures, and return what became of each. Raises PartnerError
        when the channel can't be asked; then what became of them is not known."""
        ...
