"""How this process comes to its share of the orders, beside others, and gives up what is above it.

Each round (0.8 s) it says that it lives and sees who else does. What a dead one held is free, and
those who hold less than their share take it; who holds more than its share gives the rest up, some
partitions at a time: it takes up nothing new of them, what is under way ends, and then they are
free. There is no leader, and only who must move anything does.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Collection, Coroutine, Iterable, Mapping, Sequence

from actors.runtime.dispatcher import Dispatcher
from actors.runtime.errors import JournalUnavailable
from actors.runtime.lane import LONGEST_WISH_SECONDS
from actors.runtime.registry import Registry
from actors.runtime.runtime import Runtime
from actors.runtime.share import Share
from adapters.nats.connection import NatsUnusable
from adapters.nats.whispers import Whisper, Whispers
from adapters.postgres.leases import JOBS
from adapters.postgres.shared_leases import BEAT_SECONDS, SharedLeases, Standing
from schemas.order.ids import PARTITIONS
from service.wiring.store import Store
from service.wiring.wire import Wire

log = logging.getLogger(__name__)

MOST_MOVED = 16
"""Partitions that a process takes, or gives up, in one round."""

LEAVE_SECONDS = 25.0
"""How long what is under way of a partition may take to end before it is given up all the same: who
takes it over looks up what was called, as after a death."""

MOST_FORGOTTEN = 500
"""Orders named in one whisper, some 30 kB."""

TURN_SECONDS = 5.0
"""How long a turn is where fewer calls are allowed at a time than there are processes."""

BETWEEN_SECONDS = 1.5
"""The first part of a turn, in which no call begins: the others learn of it in this time, and calls
of the turn before mostly end."""


def share_of(owner: str, held: int, others: Mapping[str, int]) -> int:
    """Return how many partitions a member should hold, of PARTITIONS. `held` is how many it holds,
    `others` how many each other member does. The shares differ by one at most; the larger ones
    go to those who hold most already, so that few move."""
    all_held = {**others, owner: held}
    least, remainder = divmod(PARTITIONS, len(all_held))
    by_held = sorted(all_held, key=lambda name: (-all_held[name], name))
    return least + (by_held.index(owner) < remainder)


class Sharing:
    """Runs the rounds. `members` is how many live processes share the orders, as last seen."""

    def __init__(
        self,
        runtime: Runtime,
        registry: Registry,
        dispatcher: Dispatcher,
        wire: Wire,
        store: Store,
        leases: SharedLeases,
    ) -> None:
        self._leases = leases
        self._runtime = runtime
        self._lanes = runtime.lanes
        self._registry = registry
        self._messages = wire.messages
        self._dispatcher = dispatcher
        self._suspensions = store.suspensions
        self._whispers = Whispers(wire.connection, leases.owner, self._heard)
        self._monotonic = runtime.clock.monotonic
        self._leaving: dict[int, float] = {}
        self._fresh: set[int] = set()
        self._due = asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()
        self._pauses: dict[str, float] = {}
        self._stopping = False
        self._shut_out = False
        self.members = 1

    async def begin(self) -> None:
        """Listen to the others, and go round once."""
        await self._whispers.start()
        await self.round()

    async def run(self) -> None:
        """Go round until cancelled."""
        while True:
            await asyncio.sleep(BEAT_SECONDS)
            await self.round()
            await self._tell_pauses()

    async def round(self) -> None:
        """Go round once. A database that is away is waited for: no error of it leaves this."""
        try:
            standing = await self._leases.beat()
            self._divide(standing)
            await self._give_up()
            if not self._stopping:
                await self._balance(standing)
        except JournalUnavailable as error:
            log.warning("Sharing the orders waits for the database: %s", error)
        self._due.set()

    async def follow(self) -> None:
        """Read the messages of the partitions held, and take up what they have open, until
        cancelled. It comes after each round, beside them: with many channels it may take longer
        than a lease does, and what failed is tried again."""
        while True:
            await self._due.wait()
            self._due.clear()
            try:
                await self._messages.hold(self._read())
                if self._fresh:
                    await self._take_up(sorted(self._fresh))
            except (JournalUnavailable, NatsUnusable) as error:
                log.warning("What came here is taken up later: %s", error)

    def stop(self) -> None:
        """Take nothing more: the process is about to end. What it holds is its own until then."""
        self._stopping = True

    def lost(self, partitions: Sequence[int]) -> None:
        """Others took these over: do nothing more for them. Called from the event loop."""
        orders = [partition for partition in partitions if partition != JOBS]
        for partition in orders:
            self._leaving.pop(partition, None)
        self._drop(orders)

    def works(self) -> tuple[Coroutine[None, None, None], ...]:
        """Return what goes on in the background."""
        return self.run(), self.follow()

    def forget(self, order_ids: Iterable[str]) -> None:
        """Drop orders from memory, here and soon in the others, whose data was erased."""
        ids = tuple(order_ids)
        self._registry.forget(ids)
        for begin in range(0, len(ids), MOST_FORGOTTEN):
            some = ids[begin : begin + MOST_FORGOTTEN]
            task = asyncio.create_task(self._whispers.say(forget=some))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _tell_pauses(self) -> None:
        """Tell the others which partners asked to be left alone, once each time."""
        now = self._monotonic()
        for lane in self._lanes:
            until = lane.paused_until
            if until > now and until > self._pauses.get(lane.name, 0.0):
                self._pauses[lane.name] = until
                await self._whispers.say(lane=lane.name, pause_seconds=until - now)

    def _heard(self, told: Whisper) -> None:
        self._registry.forget(told.forget)
        for lane in self._lanes if told.lane else ():
            if lane.name == told.lane:
                pause = max(0.0, min(told.pause_seconds, LONGEST_WISH_SECONDS))
                lane.pause_until(self._monotonic() + pause)
                self._pauses[lane.name] = lane.paused_until

    def _divide(self, standing: Standing) -> None:
        """Keep to our share of what partners allow."""
        names = sorted([self._leases.owner, *standing.others])
        turn, passed = divmod(standing.at, TURN_SECONDS)
        if len(names) != self.members:
            log.info("%d processes share the orders now.", len(names))
        self.members = len(names)
        share = Share(rank=names.index(self._leases.owner), workers=len(names))
        if len(names) > 1:
            share = Share(
                rank=share.rank,
                workers=share.workers,
                turn=int(turn) % len(names),
                between=passed < BETWEEN_SECONDS,
            )
        self._lanes.share(share)

    async def _give_up(self) -> None:
        """Let others have those of which nothing is under way any more."""
        now = self._monotonic()
        free = [
            partition
            for partition, deadline in self._leaving.items()
            if now >= deadline
            or not (self._registry.works_on(partition) or self._lanes.works_on(partition))
        ]
        if free:
            self._drop(free)
            await self._leases.release(free)
            for partition in free:
                del self._leaving[partition]
            self._runtime.leave(self._leaving.keys())

    async def _balance(self, standing: Standing) -> None:
        """Take what is missing to our share, or begin to give up what is above it."""
        held = [p for p in self._leases.epochs if p != JOBS and p not in self._leaving]
        surplus = len(held) - share_of(self._leases.owner, len(held), standing.others)
        room = MOST_MOVED - len(self._leaving)
        if surplus > 0 and room > 0:
            self._begin_to_leave(sorted(held)[-min(surplus, room) :])
        free = [p for p in standing.free if p not in self._leases.epochs]
        self._say_if_shut_out(held, standing)
        if surplus >= 0 or not free:
            return
        # Each begins elsewhere, so that several who come at once don't ask for the same.
        begin = hash_of(self._leases.owner) % len(free)
        wanted = (*free[begin:], *free[:begin])[: min(-surplus, MOST_MOVED)]
        taken = await self._leases.take_free(wanted)
        # At once: nothing of them may be called for before it has settled.
        self._runtime.gain(taken)
        self._fresh.update(taken)
        log.info("Partitions %s are ours from now on.", taken)

    def _say_if_shut_out(self, held: Sequence[int], standing: Standing) -> None:
        """Say once that there is no work here, and why."""
        was, shut_out = self._shut_out, not (held or standing.free or any(standing.others.values()))
        self._shut_out = shut_out
        if shut_out and not was:
            log.warning(
                "A process that does not share the orders holds all of them, so this one waits: "
                "stop it, or set workers.shared there as well."
            )

    def _begin_to_leave(self, partitions: Collection[int]) -> None:
        log.info("Partitions %s are given up to others.", sorted(partitions))
        deadline = self._monotonic() + LEAVE_SECONDS
        self._leaving.update(dict.fromkeys(partitions, deadline))
        self._messages.let_go(partitions)
        self._runtime.leave(self._leaving.keys())

    async def _take_up(self, partitions: Sequence[int]) -> None:
        """What a newer version may know better is tried again, and each partner has a lane."""
        await self._suspensions.resume([p for p in partitions if p in self._leases.epochs])
        await self._dispatcher.find_lanes()
        self._fresh.difference_update(partitions)

    def _read(self) -> dict[int, int]:
        return {
            partition: epoch
            for partition, epoch in self._leases.epochs.items()
            if partition != JOBS and partition not in self._leaving
        }

    def _drop(self, partitions: Collection[int]) -> None:
        if partitions:
            self._messages.let_go(partitions)
            self._registry.drop(partitions)
            self._lanes.drop(partitions)


def hash_of(owner: str) -> int:
    """Return a number that differs between processes and is the same each time."""
    return sum(place * byte for place, byte in enumerate(owner.encode(), start=1))


def sharing_of(
    runtime: Runtime, registry: Registry, dispatcher: Dispatcher, wire: Wire, store: Store
) -> Sharing | None:
    """Build it; None where one process holds all orders."""
    leases = store.leases
    if not isinstance(leases, SharedLeases):
        return None
    return Sharing(runtime, registry, dispatcher, wire, store, leases)
