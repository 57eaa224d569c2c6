"""One lane: what waits in memory for one partner instance, how fast it is called, when it rests."""

from __future__ import annotations

import asyncio
import heapq
from collections.abc import Callable, Collection, Sequence

from actors.runtime.call_policy import CallPolicy
from actors.runtime.fair_queue import FairQueue
from actors.runtime.item import Item
from actors.runtime.partner import Partner
from actors.runtime.ports import EffectName
from actors.runtime.share import ALONE, Share
from actors.runtime.standing import Standing
from actors.runtime.unconfigured import Unconfigured
from actors.runtime.under_way import UnderWay

MAX_COUNTED = 20_000
"""Effects whose failed tries are counted per partner, about 3 MB; beyond it the one that failed
longest ago is forgotten and gets all its tries again."""

LOOK_SECONDS = 0.25
"""How often a lane looks into the store while more waits there."""

SWEEP_SECONDS = 5.0
"""How often a lane looks into the store even when it believes it knows everything."""

LONGEST_WISH_SECONDS = 3600.0
"""A partner's own wish to be left alone counts up to an hour."""

SHORTEST_PAUSE_SECONDS = 0.01
"""A lane that waits for a moment just passed still lets others run."""


class Lane:
    """State of one partner's queue. Nothing here calls anybody: the dispatcher starts calls, the
    executor says how they end, and both only tell the lane.

    The backlog is bounded: beyond it effects stay in the store, which the lane remembers. Channels
    take turns, and a full backlog has a quarter more room for those with little in it. It knows
    every effect in memory: waiting, under way or on its way back. Moments are monotonic seconds.
    """

    def __init__(self, name: str, partner: Partner, policy: CallPolicy) -> None:
        self.name = name
        self.partner = partner
        self.policy = policy
        self._backlog = FairQueue()
        self._held: dict[EffectName, Item] = {}
        self._settled: set[EffectName] = set()
        self._let_go: set[EffectName] | None = None
        self._tries: dict[EffectName, int] = {}
        self._refused: dict[EffectName, int] = {}
        self._done = 0
        self._under_way = UnderWay()
        self._more_in_store = True
        self._next_look_at = 0.0
        self._looked_at = 0.0
        self._not_before = 0.0  # no look into the store before, whatever is due
        self._paused_until = 0.0
        self._asked_to_slow_down = 0
        self.standing = Standing()
        self._wakes: list[float] = []
        self._wake = asyncio.Event()
        self._share = ALONE
        self.most_calls = policy.concurrency
        self._limiter, self._breaker = ALONE.limiter(policy), ALONE.breaker(policy)

    # --- how it stands ----------------------------------------------------------------------------

    @property
    def waiting(self) -> int:
        """How many effects wait in memory."""
        return len(self._backlog)

    @property
    def held(self) -> int:
        """How many effects are in memory: waiting, under way, or on their way back."""
        return len(self._held)

    @property
    def under_way(self) -> int:
        """How many calls are under way."""
        return len(self._under_way)

    @property
    def breaker_state(self) -> str:
        """`closed`, `open` or `half_open`."""
        return self._breaker.state

    @property
    def resting(self) -> bool:
        """Whether the partner is taken for down, so that no effect's own tries are burnt."""
        return self._breaker.state != "closed"

    @property
    def paused_until(self) -> float:
        """No call starts before this moment."""
        return self._paused_until

    @property
    def more_in_store(self) -> bool:
        """Whether effects may wait in the store that memory does not hold."""
        return self._more_in_store

    @property
    def next_look_at(self) -> float:
        """When the store is asked the next time."""
        return self._next_look_at

    @property
    def trouble(self) -> str:
        """Why the partner is not called, in a sentence; "" when it is."""
        return self.standing.trouble

    # --- what was committed -----------------------------------------------------------------------

    def offer(self, item: Item) -> None:
        """Take an effect that was just recorded; at the bound or at rest the store keeps it. A look
        into the store may have been quicker than the answer to the commit: then it is here."""
        if item.name in self._held:
            return
        if self.resting or self._is_full_for(item.channel):
            self._more_in_store = True
            if not self.resting:
                self._next_look_at = min(self._next_look_at, self._looked_at + LOOK_SECONDS)
            return
        self._hold(item)
        self._wake.set()

    def settle(self, name: EffectName) -> None:
        """The effect has ended, by whatever said so, and if it waits here it is never started. The
        answer of a call under way is still brought to its stream."""
        if self._let_go is not None:
            self._let_go.add(name)
        if name in self._held:
            self._settled.add(name)

    def recheck(self) -> None:
        """Something may wait in the store that memory does not know of."""
        self._more_in_store = True

    def use(self, partner: Partner, policy: CallPolicy) -> asyncio.Event:
        """Call this partner by this policy from now on, and what rested because of the one before
        at once. Calls under way end as they began; what is returned is set when they have."""
        self.partner, self.policy = partner, policy
        self.most_calls = self._share.calls(policy)
        self._limiter, self._breaker = self._share.limiter(policy), self._share.breaker(policy)
        self._refused.clear()
        self._paused_until = self._next_look_at = 0.0
        self._more_in_store = True
        self._wake.set()
        return self._under_way.ended()

    def share(self, share: Share) -> None:
        """Keep to this share of the partner's limits from now on; an open breaker stays open."""
        before, most = self._share.workers, self.most_calls
        self._share, self.most_calls = share, share.calls(self.policy)
        if share.workers != before:
            self._limiter = share.limiter(self.policy)
        if (share.workers, self.most_calls) != (before, most):
            share.fit(self._breaker, self.policy)
            self._wake.set()

    def works_on(self, partition: int) -> bool:
        """Whether memory holds an effect of this partition."""
        return any(item.partition == partition for item in self._held.values())

    def drop(self, partitions: Collection[int]) -> None:
        """Forget what waits of partitions that belong to another process now."""
        kept = [item for item in self._backlog if item.partition not in partitions]
        for item in self._backlog:
            if item.partition in partitions:
                self.release(item)
        self._backlog = FairQueue(kept)

    @property
    def sought_after_seconds(self) -> float | None:
        """How long after a person went on without an effect it is looked up first; None: never. Of
        a partner that is no longer configured that is the last time, and ends the search."""
        times = self.policy.sought_seconds
        if times and isinstance(self.partner, Unconfigured):
            return times[-1]
        return times[0] if times and self.partner.can_look_up else None

    # --- looks into the store ---------------------------------------------------------------------

    def begin(self, now: float) -> None:
        """The process begins: a call that a dead one had under way may still act at the partner."""
        self._next_look_at = self._not_before = now + self.policy.settle_seconds

    def begin_look(self, now: float) -> tuple[int, list[EffectName]] | None:
        """Return how many effects to read from the store, and which to leave out because memory
        holds them; None when it is not time to look, or not at rest."""
        if now < self._next_look_at or (self._backlog and not self._more_in_store):
            return None
        if now < self._not_before:
            self._next_look_at = self._not_before
            return None
        self._next_look_at = self._next_wake(now)
        opens_at = self._breaker.opens_again_at
        if opens_at is not None and now < opens_at:
            self._next_look_at = opens_at
            return None
        room = 1 if opens_at is not None else self.policy.backlog - len(self._backlog)
        if room <= 0:
            self._next_look_at = now + LOOK_SECONDS
            return None
        self._looked_at = now
        self._more_in_store = False  # unless something is left to it while we look
        self._let_go = set()  # what the look may still show as open and never called
        return room, list(self._held)

    def end_look(self, items: Sequence[Item], *, more: bool, now: float) -> None:
        """Take what the look found and memory has not had since it began. `more`: there is more."""
        let_go, self._let_go = self._let_go or set(), None
        for item in items:
            if item.name not in self._held and item.name not in let_go:
                self._hold(item)
        self._more_in_store = self._more_in_store or more
        if self._more_in_store:
            self._next_look_at = now + LOOK_SECONDS

    def fail_look(self, again_at: float) -> None:
        """The store could not be read."""
        self._let_go = None
        self._more_in_store = True
        self._next_look_at = again_at

    # --- calls ------------------------------------------------------------------------------------

    async def take_turn(self) -> None:
        """Wait until the partner's rate allows one more call."""
        await self._limiter.acquire()

    def may_start(self, now: float) -> bool:
        """Whether a call may start now."""
        self._skip_settled()
        return (
            bool(self._backlog)
            and now >= self._paused_until
            and len(self._under_way) < self.most_calls
            and self._breaker.may_call(len(self._under_way), now)
        )

    def start_call(self) -> Item:
        """Count a call as under way and return for what it is; `may_start` was true."""
        item = self._backlog.popleft()
        self._under_way.begin(item.name)
        self._breaker.started()
        return item

    def finish_call(self, item: Item, now: float) -> None:
        """A call is over, however it ended."""
        self._under_way.end(item.name)
        if self._breaker.state == "half_open":
            self._breaker.undecided(now)
        if self._backlog:
            self._wake.set()

    def answered(self) -> bool:
        """The partner answered sensibly. Returns True when this closed the breaker: then what waits
        is released step by step."""
        self.standing.answered()
        closed = self._breaker.succeeded()
        if closed:
            self._more_in_store = True
            self._next_look_at = 0.0
            self._wake.set()
        return closed

    def count_done(self) -> None:
        """The partner did what was asked."""
        self._done += 1

    def failed(self, now: float, why: str = "") -> bool:
        """The partner failed. Returns True when this opened the breaker; while that is not closed,
        the store keeps what waits."""
        self.standing.failed(why)
        opened = self._breaker.failed(now)
        if self.resting:
            while self._backlog:
                self.release(self._backlog.popleft())
            self._more_in_store = True
            self._next_look_at = self._breaker.opens_again_at or 0.0
        return opened

    def end(self, item: Item) -> None:
        """The effect's call has led to an answer: forget how often it was tried."""
        self._tries.pop(item.name, None)
        self._refused.pop(item.name, None)
        self._asked_to_slow_down = 0

    def release(self, item: Item) -> None:
        """The effect has ended, or rests in the store."""
        self._held.pop(item.name, None)
        self._settled.discard(item.name)
        if self._let_go is not None:
            self._let_go.add(item.name)

    def rest(self, item: Item, until: float) -> None:
        """The effect rests in the store until that moment."""
        self.release(item)
        self.wake_at(until)

    # --- patience ---------------------------------------------------------------------------------

    def slow_down(self, now: float, asked: float | None) -> None:
        """The partner asked everybody to slow down: rest as long as it asked for, or twice as long
        each time when it named no time. What comes meanwhile belongs to the same request."""
        if now >= self._paused_until:
            self._asked_to_slow_down += 1
        times = max(self._asked_to_slow_down - 1, 0)
        pause = asked if asked is not None else self._doubled(times)
        self._paused_until = max(self._paused_until, now + min(pause, LONGEST_WISH_SECONDS))

    def pause_until(self, moment: float) -> None:
        """Start no call before this moment, nor before one that the partner asked for."""
        self._paused_until = max(self._paused_until, moment)
        self._wake.set()

    def retry_delay(self, item: Item, asked: float | None) -> float:
        """Return how long to wait before the next try: doubling, or what the partner asked for."""
        own = self._doubled(self._tries.get(item.name, 0))
        return own if asked is None else max(own, min(asked, LONGEST_WISH_SECONDS))

    def count_try(self, item: Item) -> int:
        """Count a failed try; the count lives as long as the process does."""
        tries = self._tries.pop(item.name, 0) + 1
        self._tries[item.name] = tries
        if len(self._tries) > MAX_COUNTED:
            del self._tries[next(iter(self._tries))]
        return tries

    def others_got_in(self, item: Item) -> bool:
        """Our credential was refused for this effect: whether it was good for others since it was
        refused for this one the last time. Then it is this effect that is refused."""
        before = self._refused.get(item.name)
        if before is not None or len(self._refused) < self.policy.backlog:
            self._refused[item.name] = self._done
        return before is not None and self._done > before

    # --- waiting ----------------------------------------------------------------------------------

    def wake(self) -> None:
        """See at once whether something is to be done."""
        self._wake.set()

    def wake_at(self, moment: float) -> None:
        """Something in the store is due at this moment."""
        if len(self._wakes) < self.policy.backlog:
            heapq.heappush(self._wakes, moment)
        self._next_look_at = min(self._next_look_at, moment)
        self._more_in_store = True
        self._wake.set()

    async def wait(self, now: Callable[[], float]) -> None:
        """Return when something may be to be done: it was woken, or the next moment has come."""
        self._wake.clear()
        moment = now()
        pause = max(SHORTEST_PAUSE_SECONDS, self._next_look_at - moment)
        if self._backlog and self._paused_until > moment:
            pause = min(pause, max(SHORTEST_PAUSE_SECONDS, self._paused_until - moment))
        try:
            async with asyncio.timeout(pause):
                await self._wake.wait()
        except TimeoutError:
            return

    def _hold(self, item: Item) -> None:
        self._held[item.name] = item
        self._backlog.append(item)

    def _is_full_for(self, channel: str) -> bool:
        waiting, most = len(self._backlog), self.policy.backlog
        return waiting >= most and (
            waiting >= most + most // 4 or self._backlog.count_of(channel) >= max(1, most // 16)
        )

    def _skip_settled(self) -> None:
        while self._backlog and self._backlog.head().name in self._settled:
            self.release(self._backlog.popleft())

    def _next_wake(self, now: float) -> float:
        while self._wakes and self._wakes[0] <= now:
            heapq.heappop(self._wakes)
        latest = now + SWEEP_SECONDS
        return min(self._wakes[0], latest) if self._wakes else latest

    def _doubled(self, times: int) -> float:
        pause: float = self.policy.retry_first_seconds * 2 ** min(times, 20)
        return min(pause, self.policy.retry_most_seconds)
