"""What of a partner's limits one of several processes may use, so that all together keep to
them."""

from __future__ import annotations

from aiolimiter import AsyncLimiter
from msgspec import Struct

from actors.runtime.breaker import Breaker
from actors.runtime.call_policy import CallPolicy


class Share(Struct, frozen=True, kw_only=True):
    """This process is number `rank` (from 0) of `workers` live ones. `turn` counts up in time,
    alike in all of them, and `between` is true while one turn ends and the next begins: where fewer
    calls are allowed at a time than there are processes, they take turns."""

    rank: int = 0
    workers: int = 1
    turn: int = 0
    between: bool = False

    def calls(self, policy: CallPolicy) -> int:
        """Return how many calls may be under way here: the limit divided, what remains given to the
        first ones. 0: another process's turn."""
        most, remainder = divmod(policy.concurrency, self.workers)
        if most:
            return most + (self.rank < remainder)
        if self.between:
            return 0
        place = (self.rank - self.turn * remainder) % self.workers
        return 1 if place < remainder else 0

    def limiter(self, policy: CallPolicy) -> AsyncLimiter:
        """Return what keeps to this share of the rate. It allows a tenth of a second's worth at
        once, so that a burst stays near the rate."""
        rate = policy.rate_per_second / self.workers
        burst = max(1.0, rate / 10)
        return AsyncLimiter(burst, burst / rate)

    def breaker(self, policy: CallPolicy) -> Breaker:
        """Return a closed breaker that opens after this share of the failures, rounded up: together
        they ask a dead partner about as often as one would."""
        made = Breaker(
            failures=policy.breaker_failures,
            open_seconds=policy.breaker_open_seconds,
            concurrency=policy.concurrency,
        )
        self.fit(made, policy)
        return made

    def fit(self, breaker: Breaker, policy: CallPolicy) -> None:
        """Have a breaker keep to this share; it stays open or closed."""
        breaker.resize(
            failures=-(-policy.breaker_failures // self.workers),
            concurrency=max(1, self.calls(policy)),
        )


ALONE = Share()
"""The share of a process that no other one is beside."""
