"""All lanes by name: where the effects of a commit go, before and while the dispatcher works."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

from actors.runtime.call_policy import CallPolicy
from actors.runtime.item import Item
from actors.runtime.lane import Lane
from actors.runtime.ports import Append, Partner, RecordedEffect
from actors.runtime.unconfigured import POLICY, Unconfigured

log = logging.getLogger(__name__)

MAX_UNCONFIGURED = 64
"""Lanes that effects name and no one configured; more is a sender who makes channels up."""


class Lanes:
    """One lane for each partner instance, and one for each name that effects bear and that no one
    configured: its effects go to a person in the end."""

    def __init__(self, partners: Mapping[str, tuple[Partner, CallPolicy]]) -> None:
        self._lanes = {name: Lane(name, *partner) for name, partner in partners.items()}
        self._most = len(self._lanes) + MAX_UNCONFIGURED
        self._new: asyncio.Queue[Lane] = asyncio.Queue()
        for lane in self._lanes.values():
            self._new.put_nowait(lane)

    def __iter__(self) -> Iterator[Lane]:
        return iter(tuple(self._lanes.values()))

    def __getitem__(self, name: str) -> Lane:
        return self._lanes[name]

    async def next_new(self) -> Lane:
        """Return the next lane that no one drives yet, waiting for one."""
        return await self._new.get()

    def is_ready(self, name: str, partner: Partner, now: float) -> bool:
        """Whether a lane is this partner's, and would call it at that moment."""
        lane = self._lanes.get(name)
        return (
            lane is not None
            and lane.partner is partner
            and not lane.resting
            and lane.paused_until <= now
        )

    def use(self, name: str, partner: Partner, policy: CallPolicy) -> None:
        """Call this partner for the lane of this name from now on. A new name gets a lane; one that
        effects named before anyone configured it is theirs from now on."""
        lane = self._lanes.get(name)
        if lane is not None:
            lane.use(partner, policy)
            return
        self._most += 1
        lane = self._lanes[name] = Lane(name, partner, policy)
        self._new.put_nowait(lane)

    def submit(self, append: Append, epoch: int, body: Any) -> None:
        """Take the effects of an append that is on disk, written under this lease epoch, but those
        that it has carried out itself."""
        effects: Sequence[RecordedEffect] = append.effects
        if append.inside:
            inside = dict(append.inside)
            effects = [one for one in effects if one.number not in inside]
        for recorded in effects:
            lane = self.find(recorded.lane)
            if lane is None:
                continue  # it waits in the store
            lane.offer(
                Item(
                    order_id=append.order_id,
                    number=recorded.number,
                    key=recorded.key,
                    channel=append.row.channel,
                    ref=append.row.ref,
                    partition=append.partition,
                    epoch=epoch,
                    reference=append.reference,
                    effect=recorded.effect,
                    attempts=recorded.attempts,
                    maybe_done=recorded.attempts > 0,
                    body=body,
                    trace=append.trace,
                )
            )

    def settle(self, append: Append) -> None:
        """Start no call for what ended with an append that is on disk."""
        for number, _ in append.settled:
            for lane in self._lanes.values():
                lane.settle((append.order_id, number))

    def recheck(self) -> None:
        """Something may wait in the store that memory does not know of."""
        for lane in self._lanes.values():
            lane.recheck()

    def drop(self, partitions: Collection[int]) -> None:
        """Forget what waits of partitions that belong to another process now."""
        for lane in self._lanes.values():
            lane.drop(partitions)

    def find(self, name: str) -> Lane | None:
        """Return the lane of this name, making one for a name that no one configured; None beyond
        MAX_UNCONFIGURED of those, because senders choose the channels' names."""
        lane = self._lanes.get(name)
        if lane is None and len(self._lanes) < self._most:
            log.error("Effects wait for %s, and no such partner is configured.", name)
            lane = self._lanes[name] = Lane(name, Unconfigured(name), POLICY)
            self._new.put_nowait(lane)
        return lane
