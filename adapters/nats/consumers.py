"""The durable consumers that the intake pulls from: one for each stream, so that what waits
unacknowledged of one channel holds nothing of another back.

Processes that share the orders have one for each stream and partition instead, named after the
lease's epoch. Who takes a partition over deletes the consumer of the one before and makes a new
one: it begins with the oldest message that was not acknowledged, so that one order's messages keep
their order, and a process that was stopped and goes on gets nothing more.
"""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import Coroutine, Mapping, Sequence

import nats.errors
from msgspec import Struct
from nats.js import JetStreamContext, api
from nats.js.errors import APIError, NotFoundError

from adapters.nats.connection import Connection, NatsUnusable
from adapters.nats.names import consumer_names
from adapters.nats.streams import UNROUTABLE

ACK_WAIT_SECONDS = 12.0
"""The stream delivers a message again that was neither acknowledged, given back nor said to be in
progress for this long. So this is how long the inputs wait that a killed process had in flight. A
message is said to be in progress three times as often: a shorter time costs more traffic. One that
was given back is delivered again after its own delay instead, `LONGEST_AWAY_SECONDS` (30 s) of
`service.inbound.intake` at most; if that process dies with it, 42 s pass between two attempts."""

_INTAKE, _PREFIX = "intake", "intake-"
_OF_PARTITION = re.compile(r"intake-p(\d+)-(\d+)")
_AT_ONCE = 16
_UNROUTABLE_NAME = "intake-strays"
_UNROUTABLE_AT_ONCE = 16

PREFETCH_OF_PARTITION = 32
"""What a process that shares the orders requests of one stream's partition at a time."""

_UNBOUNDED = -1  # the intake counts deliveries itself: the server gives up silently

log = logging.getLogger(__name__)


class ConsumerPlan(Struct, frozen=True, kw_only=True):
    """The wanted configuration of one stream's consumer. `prefetch` bounds what one process
    requests at a time. `partition` is the only one it delivers, None: all."""

    stream: str
    name: str
    prefetch: int
    max_ack_pending: int
    ack_wait_seconds: float
    partition: int | None = None

    @property
    def subject(self) -> str:
        """What it delivers; "" for all."""
        return "" if self.partition is None else f"orders.p.{self.partition}.>"


def plans(
    streams: Sequence[str],
    max_ack_pending: int,
    ack_wait_seconds: float,
    held: Mapping[int, int] | None = None,
) -> list[ConsumerPlan]:
    """Plan a consumer for each of these streams of inputs, and the one for unroutable messages.
    `held` are the partitions of a process that shares the orders, with their epochs: then one for
    each stream and partition."""
    names = {_INTAKE: None} if held is None else {_name(p, e): p for p, e in sorted(held.items())}
    made = [
        ConsumerPlan(
            stream=stream,
            name=name,
            prefetch=max_ack_pending if partition is None else PREFETCH_OF_PARTITION,
            max_ack_pending=max_ack_pending,
            ack_wait_seconds=ack_wait_seconds,
            partition=partition,
        )
        for stream in streams
        for name, partition in names.items()
    ]
    unroutable = ConsumerPlan(
        stream=UNROUTABLE,
        name=_UNROUTABLE_NAME,
        prefetch=_UNROUTABLE_AT_ONCE,
        max_ack_pending=4 * _UNROUTABLE_AT_ONCE,
        ack_wait_seconds=ack_wait_seconds,
    )
    return [*made, unroutable]


def _name(partition: int, epoch: int) -> str:
    return f"{_PREFIX}p{partition}-{epoch}"


async def ensure_consumers(
    connection: Connection, wanted: Sequence[ConsumerPlan]
) -> frozenset[str]:
    """Create the consumers, and delete those of ours that deliver the same: a work queue's must not
    overlap. Of a partition's consumers one of a later epoch is left alone, and then ours is not
    made: the partition is another process's by now. Returns the names of those not made.

    Nothing is lost: unacknowledged messages of a deleted consumer are delivered again. Raises
    NatsUnusable when the server refuses.
    """
    later: set[str] = set()
    by_stream: dict[str, list[ConsumerPlan]] = {}
    for plan in wanted:
        by_stream.setdefault(plan.stream, []).append(plan)
    try:
        for stream, planned in by_stream.items():
            present = await consumer_names(connection, stream)
            later |= await _ensure(connection.jetstream, stream, planned, present)
    except (APIError, nats.errors.Error, TimeoutError) as error:
        raise NatsUnusable(f"JetStream refused a consumer of intake: {error}") from error
    return frozenset(later)


async def _ensure(
    jetstream: JetStreamContext, stream: str, wanted: list[ConsumerPlan], present: Sequence[str]
) -> set[str]:
    later = {plan.name for plan in wanted for name in present if _is_later(name, plan)}
    if later:
        log.warning("Partitions of %s are read by another process by now: %s.", stream, later)
    wanted = [plan for plan in wanted if plan.name not in later]
    in_the_way = [name for name in present if any(_overlaps(name, plan) for plan in wanted)]
    await _in_turn([jetstream.delete_consumer(stream, name) for name in in_the_way])
    await _in_turn([jetstream.add_consumer(stream, _configuration(plan)) for plan in wanted])
    return later


async def _in_turn(calls: Sequence[Coroutine[object, object, object]]) -> None:
    """Carry them out, some at a time. Raises what the first failed with, after all of its turn."""
    left = list(calls)
    try:
        while left:
            some, left = left[:_AT_ONCE], left[_AT_ONCE:]
            ended = await asyncio.gather(*some, return_exceptions=True)
            for one in ended:
                if isinstance(one, BaseException) and not isinstance(one, NotFoundError):
                    raise one
    finally:
        for call in left:
            call.close()


def _is_later(name: str, plan: ConsumerPlan) -> bool:
    found, own = _OF_PARTITION.fullmatch(name), _OF_PARTITION.fullmatch(plan.name)
    if found is None or own is None or found[1] != own[1]:
        return False
    return int(found[2]) > int(own[2])


def _overlaps(name: str, plan: ConsumerPlan) -> bool:
    """Whether a consumer is of ours, is not the one planned, and delivers some of the same."""
    if name == plan.name or not (name == _INTAKE or name.startswith(_PREFIX)):
        return False
    found = _OF_PARTITION.fullmatch(name)
    return plan.partition is None or found is None or int(found[1]) == plan.partition


def _configuration(plan: ConsumerPlan) -> api.ConsumerConfig:
    return api.ConsumerConfig(
        durable_name=plan.name,
        description="Orderwright's intake.",
        deliver_policy=api.DeliverPolicy.ALL,
        ack_policy=api.AckPolicy.EXPLICIT,
        ack_wait=plan.ack_wait_seconds,
        max_deliver=_UNBOUNDED,
        max_ack_pending=plan.max_ack_pending,
        filter_subject=plan.subject or None,
    )
