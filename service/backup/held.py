"""What is held since a restoration, and what a person decides about all of it at once."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from adapters.postgres.restorations import Held, Restoration, Restorations
from schemas.messages.codec import encode
from schemas.messages.inputs import ActOnOrder
from service.app.clock import SystemClock
from service.app.errors import OperatorError
from service.app.local import LocalSession, open_local
from service.app.sessions import open_publisher

VERBS = {"send": "retry", "drop": "skip"}
"""What a person says of the batch, and what is said to each order."""

MAX_BATCH = 100_000
"""Decisions of one command; the next one goes on."""


class NothingRestored(OperatorError):
    """The database was never put back."""

    exit_code = 11


class HeldBatch:
    """One service's."""

    def __init__(self, session: LocalSession) -> None:
        self._session = session
        self._restorations = Restorations(session.pool)

    async def restoration(self) -> Restoration:
        """Return the last restoration. Raises NothingRestored."""
        last = await self._restorations.latest()
        if last is None:
            raise NothingRestored("This database was never restored, so nothing is held.")
        return last

    async def held(self, orders: Sequence[str] = ()) -> AsyncIterator[Held]:
        """Yield what is held, of these orders by number (none: of all)."""
        after = ("", 0)
        while page := await self._restorations.held(after):
            for one in page:
                if not orders or one.order_number in orders:
                    yield one
            after = (page[-1].order_id, page[-1].effect)

    async def decide(self, verb: str, orders: Sequence[str], person: str, reason: str) -> int:
        """Have what is held done (`send`) or left undone (`drop`); return how much. Each decision
        has a name of its own, so a repeated command decides nothing twice. Raises
        NothingRestored."""
        await self.restoration()
        session = self._session
        count = 0
        async with open_publisher(session.nats_url, session.settings, session.folder) as publisher:
            async for one in self.held(orders):
                act = ActOnOrder(
                    ref=one.ref,
                    verb=VERBS[verb],
                    person=person[:256],
                    reason=reason[:5000],
                    target=str(one.effect),
                )
                await publisher.publish(
                    one.channel,
                    "act",
                    one.ref,
                    encode(act),
                    delivery_id=f"restored:{one.order_id}:{one.effect}",
                    source="canonical",
                    topic="act",
                )
                count += 1
                if count >= MAX_BATCH:
                    break
        return count

    async def end(self, person: str, reason: str) -> bool:
        """Hold nothing more from now on; return whether anything was to end."""
        await self.restoration()
        return await self._restorations.end(SystemClock().now(), person, reason)


@asynccontextmanager
async def open_held(data: Path | None = None) -> AsyncIterator[HeldBatch]:
    """Open the batch of the service that runs in a data directory. Raises as `open_local` does."""
    async with open_local(data) as session:
        yield HeldBatch(session)
