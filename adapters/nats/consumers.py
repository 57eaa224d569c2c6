"""The durable consumers that the intake pulls from: one for each stream, so that what waits
unacknowledged of one channel holds nothing of another back."""

from __future__ import annotations

from collections.abc import Sequence

import nats.errors
from msgspec import Struct
from nats.js import api
from nats.js.errors import APIError

from adapters.nats.connection import Connection, NatsUnusable
from adapters.nats.streams import UNROUTABLE

ACK_WAIT_SECONDS = 12.0
"""The stream delivers a message again that was neither acknowledged, given back nor said to be in
progress for this long. So this is how long the inputs wait that a killed process had in flight. A
message is said to be in progress three times as often: a shorter time costs more traffic. One that
was given back is delivered again after its own delay instead, `LONGEST_AWAY_SECONDS` (30 s) of
`service.inbound.intake` at most; if that process dies with it, 42 s pass between two attempts."""

_INTAKE, _PREFIX = "intake", "intake-"
_UNROUTABLE_NAME = "intake-strays"
_UNROUTABLE_AT_ONCE = 16
_UNBOUNDED = -1  # the intake counts deliveries itself: the server gives up silently


class ConsumerPlan(Struct, frozen=True, kw_only=True):
    """The wanted configuration of one stream's consumer. `prefetch` bounds what one process
    requests at a time."""

    stream: str
    name: str
    prefetch: int
    max_ack_pending: int
    ack_wait_seconds: float


def plans(
    streams: Sequence[str], max_ack_pending: int, ack_wait_seconds: float
) -> list[ConsumerPlan]:
    """Plan a consumer for each of these streams of inputs, and the one for unroutable messages."""
    made = [
        ConsumerPlan(
            stream=stream,
            name=_INTAKE,
            prefetch=max_ack_pending,
            max_ack_pending=max_ack_pending,
            ack_wait_seconds=ack_wait_seconds,
        )
        for stream in streams
    ]
    unroutable = ConsumerPlan(
        stream=UNROUTABLE,
        name=_UNROUTABLE_NAME,
        prefetch=_UNROUTABLE_AT_ONCE,
        max_ack_pending=4 * _UNROUTABLE_AT_ONCE,
        ack_wait_seconds=ack_wait_seconds,
    )
    return [*made, unroutable]


async def ensure_consumers(connection: Connection, wanted: list[ConsumerPlan]) -> None:
    """Create the consumers, and delete others of ours: a work queue's must not overlap.

    Nothing is lost: unacknowledged messages of a deleted consumer are delivered again. Raises
    NatsUnusable when the server refuses.
    """
    jetstream = connection.jetstream
    try:
        for plan in wanted:
            for present in await jetstream.consumers_info(plan.stream):
                if present.name.startswith(_PREFIX) and present.name != plan.name:
                    await jetstream.delete_consumer(plan.stream, present.name)
            await jetstream.add_consumer(plan.stream, _configuration(plan))
    except (APIError, nats.errors.Error, TimeoutError) as error:
        raise NatsUnusable(f"JetStream refused a consumer of intake: {error}") from error


def _configuration(plan: ConsumerPlan) -> api.ConsumerConfig:
    return api.ConsumerConfig(
        durable_name=plan.name,
        description="Orderwright's intake.",
        deliver_policy=api.DeliverPolicy.ALL,
        ack_policy=api.AckPolicy.EXPLICIT,
        ack_wait=plan.ack_wait_seconds,
        max_deliver=_UNBOUNDED,
        max_ack_pending=plan.max_ack_pending,
    )
