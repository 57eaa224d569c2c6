"""One partner's lane: what waits for it in memory, how fast it is called, and when it rests."""

from __future__ import annotations

import asyncio
import heapq
from collections import deque

from aiolimiter import AsyncLimiter
from msgspec import Struct

from actors.runtime.breaker import Breaker
from actors.runtime.observer import BLIND, Trace
from actors.runtime.ports import Partner
from schemas.messages.codec import decode_order
from schemas.messages.effects import Effect
from schemas.order.canonical import Order
from schemas.order.ids import CorrelationId, OrderId

Key = tuple[str, int]

MAX_COUNTED = 20_000
"""Effects whose failed tries are counted per partner, about 3 MB; beyond it the one that failed
longest ago is forgotten and gets its tries again."""

LOOK_SECONDS = 0.25
"""How often a lane looks into the store while more waits there."""

LONGEST_WISH_SECONDS = 3600.0
"""A partner's own wish to be left alone counts up to an hour."""


class CallPolicy(Struct, frozen=True, kw_only=True):
    """How gently a partner is called, and how long its failures are borne.

    `settle_seconds` is how long an unknown outcome rests before it is looked up, so that a slow
    partner has finished. `rest_seconds` is the pause after a refused credential.
    """

    rate_per_second: float = 50.0
    concurrency: int = 32
    timeout_seconds: float = 15.0
    retry_first_seconds: float = 1.0
    retry_most_seconds: float = 300.0
    retry_attempts: int = 20
    breaker_failures: int = 5
    breaker_open_seconds: float = 15.0
    settle_seconds: float = 5.0
    rest_seconds: float = 60.0
    backlog: int = 1_000


class Item:
    """One effect on its way to a partner."""

    __slots__ = (
        "_body",
        "attempts",
        "channel",
        "correlation_id",
        "effect",
        "maybe_done",
        "number",
        "order",
        "order_id",
        "ref",
        "trace",
        "watched",
    )

    def __init__(
        self,
        *,
        order_id: OrderId,
        number: int,
        channel: str,
        ref: str,
        correlation_id: CorrelationId,
        effect: Effect,
        attempts: int,
        maybe_done: bool,
        order: Order | None,
        body: bytes = b"",
        trace: str = "",
    ) -> None:
        self.order_id = order_id
        self.number = number
        self.channel = channel
        self.ref = ref
        self.correlation_id = correlation_id
        self.effect = effect
        self.attempts = attempts
        self.maybe_done = maybe_done
        self.order = order
        self._body = body
        self.trace = trace
        self.watched: Trace = BLIND
        """The call that is under way, so that what its answer causes is linked to it."""

    @property
    def key(self) -> Key:
        """The effect's name permanently."""
        return (self.order_id, self.number)

    def whole_order(self) -> Order | None:
        """Return the canonical order, decoded when it came from the store; None if there is none
        there."""
        if self.order is None and self._body:
            self.order = decode_order(self._body)
        return self.order


class Lane:
    """State of one partner's queue. The dispatcher drives it; nothing here waits.

    `backlog` is bounded: beyond it effects stay in the store and `more_in_store` says so. `held`
    names every effect that is in memory, waiting, under way or on its way back to its order.
    """

    def __init__(self, name: str, partner: Partner, policy: CallPolicy) -> None:
        self.name = name
        self.partner = partner
        self.policy = policy
        self.backlog: deque[Item] = deque()
        self.held: set[Key] = set()
        self.tries: dict[Key, int] = {}
        self.done = 0
        self._refused: dict[Key, int] = {}
        self._let_go: set[Key] | None = None
        self.under_way = 0
        self.more_in_store = True
        self.next_look_at = 0.0
        self.looked_at = 0.0
        self.not_before = 0.0  # no look into the store before, whatever is due
        self.paused_until = 0.0
        self.asked_to_slow_down = 0
        self._wakes: list[float] = []
        self.wake = asyncio.Event()
        self.limiter = _limiter(policy.rate_per_second)
        self.breaker = Breaker(
            failures=policy.breaker_failures,
            open_seconds=policy.breaker_open_seconds,
            concurrency=policy.concurrency,
        )

    def offer(self, item: Item) -> None:
        """Take an effect that was just recorded; at the bound or at rest the store keeps it. A look
        into the store may have been quicker than the answer to the commit: then it is here."""
        if item.key in self.held:
            return
        if len(self.backlog) >= self.policy.backlog or self.breaker.state != "closed":
            self.more_in_store = True
            if self.breaker.state == "closed":
                self.next_look_at = min(self.next_look_at, self.looked_at + LOOK_SECONDS)
            return
        self.held.add(item.key)
        self.backlog.append(item)
        self.wake.set()

    def begin_look(self) -> list[Key]:
        """A look into the store begins: return what memory holds, and remember what it lets go of
        meanwhile, because the look may still show that as open and never called."""
        self._let_go = set()
        return list(self.held)

    def end_look(self, items: list[Item]) -> None:
        """The look is over: take what it found and memory has not had since it began."""
        let_go, self._let_go = self._let_go or set(), None
        for item in items:
            if item.key not in self.held and item.key not in let_go:
                self.held.add(item.key)
                self.backlog.append(item)

    def release(self, item: Item) -> None:
        """The effect has ended or rests in the store."""
        self.held.discard(item.key)
        if self._let_go is not None:
            self._let_go.add(item.key)

    def empty_backlog(self) -> None:
        """Leave what waits to the store: the partner rests."""
        while self.backlog:
            self.release(self.backlog.popleft())
        self.more_in_store = True

    def may_start(self, now: float) -> bool:
        """Whether a call may start now."""
        return (
            bool(self.backlog)
            and now >= self.paused_until
            and self.under_way < self.policy.concurrency
            and self.breaker.may_call(self.under_way, now)
        )

    def slow_down(self, now: float, asked: float | None) -> None:
        """The partner asked everybody to slow down: rest as long as it asked for, or twice as long
        each time when it named no time. What comes meanwhile belongs to the same request."""
        if now >= self.paused_until:
            self.asked_to_slow_down += 1
        times = max(self.asked_to_slow_down - 1, 0)
        pause = asked if asked is not None else self._doubled(times)
        self.paused_until = max(self.paused_until, now + min(pause, LONGEST_WISH_SECONDS))

    def _doubled(self, times: int) -> float:
        pause: float = self.policy.retry_first_seconds * 2 ** min(times, 20)
        return min(pause, self.policy.retry_most_seconds)

    def retry_delay(self, item: Item, asked: float | None) -> float:
        """Return how long to wait before the next try: doubling, or what the partner asked for."""
        own = self._doubled(self.tries.get(item.key, 0))
        return own if asked is None else max(own, min(asked, LONGEST_WISH_SECONDS))

    def wake_at(self, moment: float) -> None:
        """Something in the store is due at this moment (monotonic seconds)."""
        if len(self._wakes) < self.policy.backlog:
            heapq.heappush(self._wakes, moment)
        self.next_look_at = min(self.next_look_at, moment)
        self.more_in_store = True
        self.wake.set()

    def next_wake(self, now: float, at_most_seconds: float) -> float:
        """Return the next moment to look into the store after this look."""
        while self._wakes and self._wakes[0] <= now:
            heapq.heappop(self._wakes)
        latest = now + at_most_seconds
        return min(self._wakes[0], latest) if self._wakes else latest

    def others_got_in(self, item: Item) -> bool:
        """Our credential was refused for this effect: whether it was good for others since it was
        refused for this one the last time. Then it is this effect that is refused."""
        before = self._refused.get(item.key)
        if before is not None or len(self._refused) < self.policy.backlog:
            self._refused[item.key] = self.done
        return before is not None and self.done > before

    def forget(self, item: Item) -> None:
        """The effect's call has ended for good."""
        self.tries.pop(item.key, None)
        self._refused.pop(item.key, None)

    def count_try(self, item: Item) -> int:
        """Count a failed try; the count lives as long as the process does."""
        tries = self.tries.pop(item.key, 0) + 1
        self.tries[item.key] = tries
        if len(self.tries) > MAX_COUNTED:
            del self.tries[next(iter(self.tries))]
        return tries


def _limiter(rate_per_second: float) -> AsyncLimiter:
    """Allow a tenth of a second's worth at once, so that a burst stays near the rate."""
    burst = max(1.0, rate_per_second / 10)
    return AsyncLimiter(burst, burst / rate_per_second)
