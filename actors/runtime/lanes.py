"""All lanes by name: where the effects of a commit go, before and while the dispatcher works."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

from actors.runtime.call_policy import CallPolicy
from actors.runtime.item import Item
from actors.runtime.lane import Lane
from actors.runtime.partner import Partner
from actors.runtime.ports import Append, RecordedEffect
from actors.runtime.share import ALONE, Share
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
        self._leaving: Collection[int] = ()
        self._share = ALONE
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

    def use(self, name: str, partner: Partner, policy: CallPolicy) -> asyncio.Event:
        """Call this partner for the lane of this name from now on. A new name gets a lane; one that
        effects named before anyone configured it is theirs from now on. What is returned is set
        when the calls of the one before have ended."""
        lane = self._lanes.get(name)
        if lane is not None:
            return lane.use(partner, policy)
        self._most += 1
        lane = self._lanes[name] = Lane(name, partner, policy)
        lane.share(self._share)
        self._new.put_nowait(lane)
        ended = asyncio.Event()
        ended.set()
        return ended

    def submit(self, append: Append, epoch: int, body: Any) -> None:
        """Take the effects of an append that is on disk, written under this lease epoch, but those
        that it has carried out itself."""
        effects: Sequence[RecordedEffect] = append.effects
        if self._leaving and append.partition in self._leaving:
            return  # they wait in the store for who takes the partition over
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

    def leave(self, partitions: Collection[int]) -> None:
        """Start no more calls for these partitions, and for no others."""
        self._leaving = partitions
        self.drop(partitions)

    def gain(self, now: float) -> None:
        """Partitions came here: look for what they have open when it has settled."""
        for lane in self._lanes.values():
            lane.wake_at(now + lane.policy.settle_seconds)

    def works_on(self, partition: int) -> bool:
        """Whether a call for this partition is under way, or its answer on its way back."""
        return any(lane.works_on(partition) for lane in self._lanes.values())

    def share(self, share: Share) -> None:
        """Call partners by this share of what they allow, until another is told."""
        if share != self._share:
            self._share = share
            for lane in self._lanes.values():
                lane.share(share)

    def known(self, name: str) -> Lane | None:
        """Return the lane of this name, None where there is none; makes none."""
        return self._lanes.get(name)

    def find(self, name: str) -> Lane | None:
        """Return the lane of this name, making one for a name that no one configured; None beyond
        MAX_UNCONFIGURED of those, because senders choose the channels' names."""
        lane = self._lanes.get(name)
        if lane is None and len(self._lanes) < self._most:
            log.error("Effects wait for %s, and no such partner is configured.", name)
            lane = self._lanes[name] = Lane(name, Unconfigured(name), POLICY)
            lane.share(self._share)
            self._new.put_nowait(lane)
        return lane
