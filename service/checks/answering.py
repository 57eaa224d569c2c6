"""Finds out what a decision asks for, each part beside the others and within a deadline. What no
one could tell by then is missing; an order never waits longer for it. An answer that comes later is
kept, and whoever waits for it is told, so that it is used.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from prometheus_client import CollectorRegistry, Counter

from actors.runtime.errors import JournalUnavailable, PartnerError
from actors.runtime.partner import Partner
from actors.runtime.ports import Clock
from adapters.kit.accounts import TellsAccounts
from adapters.kit.deliverability import TellsDeliverability
from adapters.postgres.customers import Customers
from adapters.postgres.sealing import Sealing
from schemas.order.canonical import Address, Order
from schemas.order.ids import OrderId
from schemas.order.world import Account, Deliverability, World, WorldAsked

log = logging.getLogger(__name__)

DEADLINE_SECONDS = 2.0
"""How long a decision waits: a channel's webhook is answered before it is decided."""
LONGEST_SECONDS = 120.0
"""How long a late answer is waited for; no call takes longer."""
KEPT_SECONDS = 60.0
"""How long a late answer is kept for whoever waits for it; after that it is asked for again."""
MAX_ASKING = 16
"""Questions that ERPs are asked at once."""
MAX_LATE = 1_000
"""Late answers that are waited for or kept; further ones are given up and asked for again."""

Tell = Callable[[OrderId, str, Order], Awaitable[Any]]
Told = Callable[[OrderId, str, Order], None]


class CheckMetrics:
    """Metrics of what is asked."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.asked = Counter(
            "orderwright_checks_total",
            "Questions about the world that decisions asked, by part and how they ended.",
            ["part", "outcome"],
            registry=registry,
        )


class Answering:
    """Implements actors.runtime.knowing.Knowing. `tell` says who answers which part of World; a
    part that no one answers is missing. `told` hears of each late answer."""

    def __init__(
        self,
        tell: Mapping[str, Tell],
        metrics: CheckMetrics,
        *,
        deadline_seconds: float = DEADLINE_SECONDS,
        kept_seconds: float = KEPT_SECONDS,
    ) -> None:
        self._tell = tell
        self._metrics = metrics
        self._deadline = deadline_seconds
        self._kept = kept_seconds
        self._late: dict[tuple[OrderId, str], tuple[asyncio.Task[Any], Order]] = {}
        self.told: Told = _untold

    @property
    def waited_for(self) -> int:
        """How many late answers are waited for, or kept."""
        return len(self._late)

    async def answer(self, order_id: OrderId, channel: str, asked: WorldAsked) -> World:
        """Return what is known by the deadline."""
        parts = sorted(asked.parts & self._tell.keys())
        found = await asyncio.gather(
            *(self._one(part, order_id, channel, asked.order) for part in parts)
        )
        told = {part: one for part, one in zip(parts, found, strict=True) if one is not None}
        return World(**told, asked=tuple(sorted(asked.parts)))

    async def _one(self, part: str, order_id: OrderId, channel: str, order: Order) -> Any:
        task, of = self._late.pop((order_id, part), (None, order))
        if task is None or _asked_about(of) != _asked_about(order):
            task = asyncio.create_task(self._told(part, order_id, channel, order))
        await asyncio.wait([task], timeout=self._deadline)
        if task.done():
            outcome, found = task.result()
        else:
            outcome, found = "late", None
            self._wait_for(task, part, order_id, channel, order)
        self._metrics.asked.labels(part, outcome).inc()
        return found

    def _wait_for(
        self, task: asyncio.Task[Any], part: str, order_id: OrderId, channel: str, order: Order
    ) -> None:
        while len(self._late) >= MAX_LATE:
            self._late.pop(next(iter(self._late)))[0].cancel()
        self._late[order_id, part] = task, order

        def ended(task: asyncio.Task[Any]) -> None:
            asyncio.get_running_loop().call_later(self._kept, self._forget, order_id, part, task)
            if not task.cancelled() and task.result()[0] == "told":
                self.told(order_id, channel, order)

        task.add_done_callback(ended)

    def _forget(self, order_id: OrderId, part: str, task: asyncio.Task[Any]) -> None:
        if self._late.get((order_id, part), (None, None))[0] is task:
            del self._late[order_id, part]

    async def _told(
        self, part: str, order_id: OrderId, channel: str, order: Order
    ) -> tuple[str, Any]:
        try:
            async with asyncio.timeout(LONGEST_SECONDS):
                return "told", await self._tell[part](order_id, channel, order)
        except (JournalUnavailable, PartnerError, TimeoutError) as error:
            log.warning("The check %s was not made; the order goes on without it: %s", part, error)
        except Exception:  # a service that is away must not hold up an order
            log.exception("The check %s was not made; the order goes on without it.", part)
        return "failed", None


def _asked_about(order: Order) -> tuple[object, ...]:
    """Return what answers depend on: an answer about another one is of no use."""
    return order.customer, order.currency, order.ship_to


def _untold(order_id: OrderId, channel: str, order: Order) -> None:
    """Tell no one."""


def history_teller(customers: Customers, sealing: Sealing, clock: Clock) -> Tell:
    """Return who tells what else a customer has with the shop."""

    async def tell(order_id: OrderId, channel: str, order: Order) -> Any:
        return await customers.beside(order_id, channel, order, sealing, clock.now())

    return tell


def account_teller(erp_of: Callable[[str], Partner | None]) -> Tell:
    """Return who tells how a customer's account stands. `erp_of` gives a channel's ERP. Of a flood
    of orders MAX_ASKING ask at a time: an ERP takes so many calls, and orders are posted there,
    too."""
    turn = asyncio.Semaphore(MAX_ASKING)

    async def tell(order_id: OrderId, channel: str, order: Order) -> Any:
        erp: object = erp_of(channel)
        if not isinstance(erp, TellsAccounts):
            return Account()
        async with turn:
            return await erp.account(order)

    return tell


def address_teller(checker_of: Callable[[str, Address], Partner | None]) -> Tell:
    """Return who tells whether an order's address can be delivered to. `checker_of` gives the
    service that knows a channel's address; where none does the answer says that no one was
    asked. MAX_ASKING ask at a time."""
    turn = asyncio.Semaphore(MAX_ASKING)

    async def tell(order_id: OrderId, channel: str, order: Order) -> Any:
        at = order.ship_to
        checker: object = None if at is None else checker_of(channel, at)
        if at is None or not isinstance(checker, TellsDeliverability):
            return Deliverability()
        async with turn:
            return await checker.deliverability(at)

    return tell
