"""What can't be decided is set aside, and its order's row says so until it is resumed or ended."""

from __future__ import annotations

from collections.abc import Sequence

from actors.runtime.errors import LeaseLost
from actors.runtime.ports import DueTimer
from adapters.postgres.audit import text_of
from adapters.postgres.leases import Leases
from adapters.postgres.pool import Pool
from adapters.postgres.statements import statements
from schemas.order.ids import OrderId

MAX_WORDS = 500
"""Characters of a reason that are kept."""


class PostgresSuspensions:
    """Implements actors.runtime.ports.Suspensions. Raises JournalUnavailable."""

    def __init__(self, pool: Pool, leases: Leases) -> None:
        self._pool = pool
        self._leases = leases

    async def suspend_timer(self, timer: DueTimer, why: str) -> None:
        """Let a timer fire no more; see the port. One that was set again meanwhile is left."""
        why = text_of(why)[:MAX_WORDS]
        shown = f"a person: the timer {timer.name} of {timer.key} can't be decided: {why}"
        name = (timer.order_id, timer.key, timer.name, timer.due_at)
        await self._pool.fetch(statements()["suspend_timer"], *name, why or "unknown", shown)

    async def suspend_effect(self, order_id: OrderId, number: int, why: str) -> None:
        """Call for an effect no more; see the port."""
        epochs = self._leases.epochs
        held = sorted(epochs)
        why = text_of(why)[:MAX_WORDS]
        shown = f"a person: what effect {number} led to can't be recorded: {why}"
        rows = await self._pool.fetch(
            statements()["suspend_effect"],
            held,
            [epochs[partition] for partition in held],
            order_id,
            number,
            why,
            shown,
        )
        if rows:
            self._leases.report_lost([row["partition"] for row in rows])
            raise LeaseLost(f"Another process owns order {order_id} now.")

    async def resume(self, partitions: Sequence[int]) -> int:
        """Try all that is suspended once more; see the port."""
        (row,) = await self._pool.fetch(statements()["resume"], partitions)
        return int(row["resumed"])
