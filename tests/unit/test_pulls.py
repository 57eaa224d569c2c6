"""How many messages of one channel may be worked on at once."""

from __future__ import annotations

import asyncio

from nats.aio.msg import Msg

from adapters.nats.consumers import ConsumerPlan
from adapters.nats.pulls import LEAST_OUT, Out, Pull

WAIT_SECONDS, CEILING = 0.25, 256


class Worker:
    """Ends `rate` messages a second of a flood, in the order in which they are handed out."""

    def __init__(self, out: Out) -> None:
        self.out = out
        self.now = 0.0
        self.began: list[float] = []

    def work(self, seconds: float, rate: float) -> None:
        """Hand out as many as may be, and end one after the other, for so long."""
        until = self.now + seconds
        while self.now < until:
            while self.out.count < self.out.most(CEILING):
                self.out.count += 1
                self.began.append(self.now)
            self.now += 1 / rate
            self.out.ended(self.began.pop(0), self.now)

    @property
    def waits_seconds(self) -> float:
        """How long the oldest of them is out."""
        return self.now - self.began[0]


def test_a_flood_waits_in_the_stream_for_what_can_not_be_worked_off_soon() -> None:
    """At a hundred orders a second a quarter of the room would be two seconds and a half, and what
    comes from another channel would wait as long."""
    worker = Worker(Out(WAIT_SECONDS))
    worker.work(10, 100)
    assert worker.out.most(CEILING) < 2 * 100 * WAIT_SECONDS
    assert worker.waits_seconds < 2 * WAIT_SECONDS


def test_a_busy_machine_works_on_no_more_than_it_ends_soon() -> None:
    """At twenty orders a second what another channel sends waits for half a second at most."""
    worker = Worker(Out(WAIT_SECONDS))
    worker.work(10, 20)
    assert worker.waits_seconds < 2 * WAIT_SECONDS


def test_a_fast_machine_uses_all_of_the_room() -> None:
    """Where messages end soon nothing is kept back; it is not before the work slows down."""
    worker = Worker(Out(WAIT_SECONDS))
    worker.work(2, 4_000)
    assert worker.out.most(CEILING) == CEILING
    worker.work(5, 200)
    assert worker.waits_seconds < 2 * WAIT_SECONDS
    worker.work(5, 4_000)
    assert worker.out.most(CEILING) == CEILING


def test_a_quiet_channel_earns_no_room_that_it_does_not_use() -> None:
    """A thousand single messages say nothing of how soon a thousand at once would end."""
    out = Out(WAIT_SECONDS)
    for number in range(1_000):
        out.count += 1
        out.ended(float(number), number + 0.01)
    assert out.most(CEILING) == LEAST_OUT


def test_a_single_channel_is_not_kept_back() -> None:
    """No one waits behind it, so it has all the room, however slow it is."""
    out = Out()
    out.count = 1
    out.ended(0.0, 100.0)
    assert (out.most(CEILING), out.count) == (CEILING, 0)


async def test_room_is_for_whichever_consumer_has_a_message() -> None:
    """Where partitions have consumers of their own, the end of one's last message lets in another's
    at once; what a partition that was given up had fetched wakes no one."""
    out, arrived = Out(WAIT_SECONDS), asyncio.Event()
    first, second, gone = (Pull(plan(n), f"inbox.{n}", 32, out, arrived) for n in range(3))
    first.put(a_message())
    first.take()
    second.put(a_message())
    first.ended(first.now())
    assert arrived.is_set()
    arrived.clear()
    second.take()
    gone.put(a_message())
    gone.forget()
    second.ended(second.now())
    assert not arrived.is_set()


def plan(partition: int) -> ConsumerPlan:
    """The consumer of one partition."""
    return ConsumerPlan(
        stream="ORDERS-a", name=f"intake-p{partition}-1", prefetch=32, max_ack_pending=64,
        ack_wait_seconds=30.0, partition=partition,
    )  # fmt: skip


def a_message() -> Msg:
    """One that a consumer delivered."""
    return Msg(_client=None, data=b"{}")  # type: ignore[arg-type]  # it is never answered
