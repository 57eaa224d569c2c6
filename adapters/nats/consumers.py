"""The durable consumers that the intake pulls from: a few share the partitions, and one has the
unroutable messages."""

from __future__ import annotations

import nats.errors
from msgspec import Struct
from nats.js import api
from nats.js.errors import APIError

from adapters.nats.connection import Connection, NatsUnusable
from adapters.nats.streams import ORDERS, UNROUTABLE
from schemas.order.ids import PARTITIONS

ACK_WAIT_SECONDS = 12.0
"""The stream delivers a message again that was neither acknowledged, given back nor said to be in
progress for this long. So this is how long the inputs wait that a killed process had in flight. A
message is said to be in progress three times as often: a shorter time costs more traffic. One that
was given back is delivered again after its own delay instead, `LONGEST_AWAY_SECONDS` (30 s) of
`service.inbound.intake` at most; if that process dies with it, 42 s pass between two attempts."""

_PREFIX = "intake-"
_UNROUTABLE_AT_ONCE = 16
_UNBOUNDED = -1  # the intake counts deliveries itself: the server gives up silently


class ConsumerPlan(Struct, frozen=True, kw_only=True):
    """The wanted configuration of one consumer. `prefetch` bounds what one process requests at a
    time; no filters means the whole stream."""

    stream: str
    name: str
    filters: tuple[str, ...]
    prefetch: int
    max_ack_pending: int
    ack_wait_seconds: float


def plans(count: int, max_ack_pending: int, ack_wait_seconds: float) -> list[ConsumerPlan]:
    """Spread the partitions evenly over `count` consumers, 1 to 32, and add the one for unroutable
    messages.

    The filters of a work queue's consumers must not overlap, and together must cover every
    partition.
    """
    if not 1 <= count <= PARTITIONS:
        raise ValueError(f"There are {PARTITIONS} partitions: use 1 to {PARTITIONS} consumers.")
    made = [
        ConsumerPlan(
            stream=ORDERS,
            name=f"{_PREFIX}{index}-of-{count}",
            filters=tuple(f"orders.p.{n}.>" for n in range(index, PARTITIONS, count))
            if count > 1
            else (),
            prefetch=max_ack_pending,
            max_ack_pending=max_ack_pending,
            ack_wait_seconds=ack_wait_seconds,
        )
        for index in range(count)
    ]
    unroutable = ConsumerPlan(
        stream=UNROUTABLE,
        name=f"{_PREFIX}strays",
        filters=(),
        prefetch=_UNROUTABLE_AT_ONCE,
        max_ack_pending=4 * _UNROUTABLE_AT_ONCE,
        ack_wait_seconds=ack_wait_seconds,
    )
    return [*made, unroutable]


async def ensure_consumers(connection: Connection, wanted: list[ConsumerPlan]) -> None:
    """Create the consumers, and delete those of another spread, whose filters would overlap.

    Nothing is lost: unacknowledged messages of a deleted consumer are delivered again. Raises
    NatsUnusable when the server refuses.
    """
    jetstream = connection.jetstream
    names = {plan.name for plan in wanted}
    try:
        for present in await jetstream.consumers_info(ORDERS):
            if present.name.startswith(_PREFIX) and present.name not in names:
                await jetstream.delete_consumer(ORDERS, present.name)
        for plan in wanted:
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
        filter_subjects=list(plan.filters) or None,
    )
