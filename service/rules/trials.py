"""Rules tried on the stored past inside the running service: in small steps, with rests between
them, so that orders go on meanwhile."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import datetime

import msgspec
from msgspec import Struct

from actors.rules.compiled import Compiled
from actors.runtime.ending import end_all
from actors.runtime.errors import JournalUnavailable
from adapters.postgres.past import Past, PastOrder
from adapters.postgres.rule_trials import Kind, RuleTrials, Trial
from adapters.postgres.rules import PostgresRules
from schemas.contracts.rules import Rules, RulesRefused
from service.app.clock import SystemClock
from service.rules.past import Backtest, Coverage, Homes, Tell, backtest, coverage

log = logging.getLogger(__name__)

PAGE = 20
"""Orders of one step: some milliseconds, in which no other order goes on."""

REST = 4
"""After a step it rests this many times as long as the step took: at most a fifth of a core."""

BEAT_SECONDS = 2.0
"""How often its progress is noted."""

_Beat = Callable[[], Awaitable[bool]]
_Work = Callable[["_Resting", Tell], Awaitable[Struct]]


class TrialShown(Struct, frozen=True, kw_only=True):
    """A trial as a program sees it: `state` is running, done or failed; `result` is there once it
    is done."""

    id: int
    at: datetime
    person: str
    since: datetime
    version: int
    total: int
    done: int
    state: str
    told: str
    result: Backtest | None


class Counted(Struct, frozen=True, kw_only=True):
    """The last count of how often the rules of a version matched; `running` and `failed` are of the
    newest one, which may be a later one. Without a `result` none has been done."""

    version: int = 0
    since: datetime | None = None
    at: datetime | None = None
    result: Coverage | None = None
    running: Trial | None = None
    failed: str = ""


class Stopped(Exception):
    """Another process took the trial for ended."""


class Trials:
    """Runs at most one trial at a time, of all processes of an installation."""

    def __init__(
        self, store: RuleTrials, rules: PostgresRules, past: Past, clock: SystemClock
    ) -> None:
        self._store = store
        self._rules = rules
        self._past = past
        self._clock = clock
        self._tasks: set[asyncio.Task[None]] = set()

    async def begin(
        self, rules: Rules, homes: Homes, since: datetime, person: str
    ) -> TrialShown | None:
        """Begin to compare rules with those in use, over the orders since a moment; None while
        another trial runs. Raises RulesRefused and JournalUnavailable."""
        used = await self._rules.in_use()

        async def work(past: _Resting, tell: Tell) -> Backtest:
            # A second for hundreds of rules, in which orders go on.
            old = await asyncio.to_thread(Compiled, used.rules, used.version)
            new = await asyncio.to_thread(Compiled, rules, 0)
            return await backtest(past, homes, old, new, since, tell)

        return await self._begin("backtest", used.version, since, person, work)

    async def count(self, homes: Homes, since: datetime, person: str) -> TrialShown | None:
        """Begin to count how often each rule in use matches and decides, over the orders since a
        moment; None while another trial runs. Raises RulesRefused and JournalUnavailable."""
        used = await self._rules.in_use()

        async def work(past: _Resting, tell: Tell) -> Coverage:
            compiled = await asyncio.to_thread(Compiled, used.rules, used.version)
            return await coverage(past, homes, compiled, since, tell)

        return await self._begin("coverage", used.version, since, person, work)

    async def counted(self) -> Counted:
        """Return the last count that was done, and how far the newest one is."""
        last = await self._store.latest("coverage")
        if last is None:
            return Counted()
        running = last if last.state == "running" else None
        failed = last.told if last.state == "failed" else ""
        done = last if last.state == "done" else await self._store.latest("coverage", "done")
        if done is None or done.result is None:
            return Counted(running=running, failed=failed)
        found = msgspec.json.decode(done.result, type=Coverage)
        words = {x: getattr(done, x) for x in ("version", "since", "at")}
        return Counted(**words, result=found, running=running, failed=failed)

    async def shown(self, trial: int) -> TrialShown | None:
        """Return how far a backtest is, None for one that isn't there (any more)."""
        found = await self._store.one(trial)
        return None if found is None or found.kind != "backtest" else _shown(found)

    async def stop(self) -> None:
        """End what runs; it is noted as failed."""
        await end_all(set(self._tasks))

    async def _begin(
        self, kind: Kind, version: int, since: datetime, person: str, work: _Work
    ) -> TrialShown | None:
        trial = await self._store.begin(
            at=self._clock.now(),
            person=person,
            since=since,
            version=version,
            total=await self._past.count(since),
            kind=kind,
        )
        if trial is None:
            return None
        task = asyncio.create_task(self._run(trial, work), name=f"trial {trial} of rules")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        found = await self._store.one(trial)
        assert found is not None, "it was begun just now"
        return _shown(found)

    async def _run(self, trial: int, work: _Work) -> None:
        done = 0

        def tell(orders: int) -> None:
            nonlocal done
            done = orders

        try:
            past = _Resting(self._past, self._clock, lambda: self._store.beat(trial, done))
            found = await work(past, tell)
            await self._store.end(trial, "done", done, result=msgspec.json.encode(found))
        except Stopped:
            log.warning("Trial %d of rules took too long between two steps and is given up.", trial)
        except JournalUnavailable as error:
            # Whoever asks hears that it has ended once it has said nothing for a minute.
            log.warning("Trial %d of rules ends: %s", trial, error)
        except asyncio.CancelledError:
            await self._failed(trial, done, "The service was stopped; begin another one.")
            raise
        except RulesRefused as error:
            await self._failed(trial, done, str(error))
        except Exception:
            log.exception("Trial %d of rules failed.", trial)
            told = "It failed for a reason that the log says; tell whoever runs Orderwright."
            await self._failed(trial, done, told)

    async def _failed(self, trial: int, done: int, told: str) -> None:
        try:
            await self._store.end(trial, "failed", done, told=told)
        except JournalUnavailable as error:
            log.warning("How trial %d of rules ended is not noted: %s", trial, error)


class _Resting:
    """The past, with rests between its pages."""

    def __init__(self, past: Past, clock: SystemClock, beat: _Beat) -> None:
        self._past = past
        self._clock = clock
        self._beat = beat

    async def pages(
        self, since: datetime, *, decided: bool = False
    ) -> AsyncIterator[list[PastOrder]]:
        """Yield pages of orders, as `Pages`. Raises Stopped."""
        began = beaten = self._clock.monotonic()
        async for page in self._past.pages(since, decided=decided):
            yield page
            now = self._clock.monotonic()
            if now - beaten >= BEAT_SECONDS:
                beaten = now
                if not await self._beat():
                    raise Stopped
            await asyncio.sleep(REST * (self._clock.monotonic() - began))
            began = self._clock.monotonic()


def _shown(found: Trial) -> TrialShown:
    result = None
    if found.result is not None and found.kind == "backtest":
        result = msgspec.json.decode(found.result, type=Backtest)
    words = {x: getattr(found, x) for x in TrialShown.__struct_fields__ if x != "result"}
    return TrialShown(**words, result=result)
