"""What is beyond a stream, for decisions that ask for it (`schemas.order.world`)."""

from __future__ import annotations

from typing import Protocol

from schemas.order.ids import OrderId
from schemas.order.world import World, WorldAsked

MAX_QUESTIONS = 4
"""How often one decision may ask: there are fewer parts to ask for."""


class Knowing(Protocol):
    """Finds out what a decision asks for."""

    async def answer(self, order_id: OrderId, channel: str, asked: WorldAsked) -> World:
        """Return what is known of the parts asked for, within a time of its own, and that they were
        asked; what no one could tell by then is missing. Raises nothing."""
        ...


class Ignorance:
    """Knows nothing: for streams whose decisions ask for nothing."""

    async def answer(self, order_id: OrderId, channel: str, asked: WorldAsked) -> World:
        """Return that nothing is known."""
        return World(asked=tuple(sorted(asked.parts)))
