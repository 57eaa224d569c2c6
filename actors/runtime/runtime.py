"""What every live order shares: the ports, the policy, and where committed work goes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime

from actors.order.normalise import NO_TABLES, Tables
from actors.order.policy import Policy
from actors.order.state import State
from actors.runtime.observer import Observer
from actors.runtime.ports import Append, Clock, Journal
from schemas.order.canonical import Order
from schemas.order.ids import CorrelationId, OrderId, sign_correlation_id


class Runtime:
    """Wired once at start. `submit` gets every committed append that has effects; `timer_set` the
    due time of every timer; `recheck` asks the dispatcher to look into the store; `lost` is told
    when another process owns the orders. `mappings` may be exchanged at any time."""

    def __init__(
        self,
        *,
        journal: Journal,
        clock: Clock,
        policy: Policy,
        observer: Observer,
        correlation_keys: Mapping[str, bytes],
        active_key: str,
    ) -> None:
        self.journal = journal
        self.clock = clock
        self.policy = policy
        self.observer = observer
        self.correlation_keys = correlation_keys
        self.active_key = active_key
        self.stopping = False
        self.mappings: Tables = NO_TABLES
        self.submit: Callable[[Append, State, Order | None], None] = lambda *_: None
        self.timer_set: Callable[[datetime], None] = lambda _: None
        self.recheck: Callable[[], None] = lambda: None
        self.lost: Callable[[str], None] = lambda _: None

    def correlation_id(self, order_id: OrderId) -> CorrelationId:
        """Sign a new order's correlation id with the active key."""
        return sign_correlation_id(order_id, self.active_key, self.correlation_keys)
