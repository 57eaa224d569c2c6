"""The streams, created or updated at every start and after the store was lost.

`ORDERS-<channel>` holds inputs of a channel until their order has them: each channel has a stream
of its own, so that one that is full, or whose publisher floods, takes nothing from another.
`ORDERS` holds those of channels that are not configured. `UNROUTABLE` holds messages published
under a subject with too few or too many tokens, so that a sender's mistake is kept and visible.
`EVENTS` holds published events for a week.

All but the last are work queues: an acknowledged message leaves the disk. Their size is therefore
the backlog, never history, and a full stream means that processing is behind, which senders must
learn (discard new: 503). With limits retention, acknowledged messages would fill the stream until
it refuses new ones (discard new) or would push out unprocessed ones (discard old). Replays come
from the journal, not from here.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence

import nats.errors
from msgspec import Struct
from nats.js import JetStreamContext, api
from nats.js.errors import (
    APIError,
    BadRequestError,
    NotFoundError,
    ServerError,
    ServiceUnavailableError,
)

from adapters.nats.connection import (
    HEADER_ROOM_BYTES,
    LARGEST_RAW_BYTES,
    Connection,
    NatsUnusable,
)
from adapters.nats.names import stream_names
from schemas.order.ids import PARTITIONS, ref_token

ORDERS, UNROUTABLE, EVENTS = "ORDERS", "UNROUTABLE", "EVENTS"

# The third token after `orders.in` is the reference. It determines the partition and is then
# dropped, so that the server tracks few subjects, however many orders pass.
ORDER_SUBJECTS = "orders.in.*.*.*"
PARTITIONED = f"orders.p.{{{{partition({PARTITIONS},3)}}}}.{{{{wildcard(1)}}}}.{{{{wildcard(2)}}}}"
OTHER_SUBJECTS = "orders.other.*.*.*"
"""Where we publish for a channel without a stream, such as a warehouse's report on an order of a
channel that was removed: subjects of two streams must not overlap."""
UNROUTABLE_SUBJECTS = ["orders.in", "orders.in.*", "orders.in.*.*", "orders.in.*.*.*.>"]

EVENT_SUBJECTS = "orders.out.>"
_EVENTS_BYTES = 256 * 1024 * 1024  # the last half million, at half a kilobyte each
_EVENTS_BYTES_OF_ONE, _MOST_EVENTS_BYTES = 64 * 1024 * 1024, 1024**3  # with many channels
_EVENT_KINDS = 20  # subjects of one channel: a fact each, and the published events
_EVENT_BYTES = 1024  # twice a usual one
_EVENTS_SECONDS = 7 * 86_400.0  # a reader that was down over a long weekend misses nothing
_EVENTS_WINDOW_SECONDS = 600.0  # longer than any pause between two attempts of an effect (300 s)

_READER_WAITING = 1_000  # events that a channel's readers may have had and not acknowledged
_READER_SECONDS = 30.0  # after which the stream hands such an event out again

_SMALLEST_BYTES = 16 * 1024 * 1024
_INSUFFICIENT_STORAGE = {10023, 10028, 10047, 10052}
_TOO_FEW_SERVERS = {10005, 10074}

_PAUSES_SECONDS = (0.1, 0.2, 0.4, 0.8, 1.6)
"""Between attempts while the server itself fails: it removes a deleted stream's files after it has
answered, and can't create one of the same name until they are gone."""

_log = logging.getLogger(__name__)


class StreamLimits(Struct, frozen=True, kw_only=True):
    """Bounds of the streams. `orders_max_bytes` is shared out equally to the channels: at two
    kilobytes a message it is a backlog of about a million messages. A share is halved until it fits
    the server's store.

    Within the window, in seconds, the stream drops any message whose id it has seen, whoever sent
    it and whatever it contains, and acknowledges it as stored. Two services that number their
    messages from one would lose orders that way, so the window is as short as the server allows.
    The inbox catches repeats permanently, and knows whose id it is."""

    orders_max_bytes: int = 2 * 1024**3
    unroutable_max_bytes: int = 64 * 1024**2
    duplicate_window_seconds: float = 0.1


def stream_of(channel: str) -> str:
    """Return the name of the stream that holds a configured channel's inputs."""
    return f"{ORDERS}-{channel}"


async def ensure_streams(
    connection: Connection, limits: StreamLimits | None = None, channels: Sequence[str] = ()
) -> list[str]:
    """Create or update the streams of inputs, and return their names: those of the channels, of
    channels that were configured once, and ORDERS. Without any channel ORDERS takes the inputs of
    all. Raises NatsUnusable when the server refuses."""
    limits = limits or StreamLimits()
    present = sorted(x for x in await stream_names(connection) if x.startswith(f"{ORDERS}-"))
    # Those that are there first: they may have to leave room for a new one.
    names = [*present, *sorted({stream_of(channel) for channel in channels} - set(present))]
    share = limits.orders_max_bytes
    if names:
        share = max(share // len(names), _SMALLEST_BYTES)
    # The one for the others before all: it leaves the channels' subjects to their own streams.
    told = "Inputs of channels without a stream, until their order has them."
    subject = OTHER_SUBJECTS if names else ORDER_SUBJECTS
    most = min(share, limits.unroutable_max_bytes) if names else share
    wanted = [_inputs(ORDERS, told, subject, limits, most)]
    for name in names:
        channel = name.removeprefix(f"{ORDERS}-")
        told = f"Inputs of orders of the channel {channel}, until their order has them."
        wanted.append(_inputs(name, told, f"orders.in.{channel}.*.*", limits, share))
    await _ensure_alike(connection, wanted)
    unroutable = _work_queue(UNROUTABLE, limits, limits.unroutable_max_bytes)
    unroutable.description = "Messages under a subject that names no order."
    unroutable.subjects = list(UNROUTABLE_SUBJECTS)
    await ensure_stream(connection, unroutable)
    return [*names, ORDERS]


def _inputs(
    name: str, description: str, subject: str, limits: StreamLimits, max_bytes: int
) -> api.StreamConfig:
    config = _work_queue(name, limits, max_bytes)
    config.description = description
    config.subjects = [subject]
    # `wildcard(n)` counts wildcards, so a channel that is named stands in the destination as it is.
    channel = subject.split(".")[2]
    destination = (
        PARTITIONED
        if channel == "*"
        else f"orders.p.{{{{partition({PARTITIONS},2)}}}}.{channel}.{{{{wildcard(1)}}}}"
    )
    config.subject_transform = api.SubjectTransform(src=subject, dest=destination)
    return config


def _work_queue(name: str, limits: StreamLimits, max_bytes: int) -> api.StreamConfig:
    return api.StreamConfig(
        name=name,
        max_bytes=max_bytes,
        max_msgs_per_subject=-1,
        retention=api.RetentionPolicy.WORK_QUEUE,
        storage=api.StorageType.FILE,
        discard=api.DiscardPolicy.NEW,
        max_msg_size=LARGEST_RAW_BYTES + HEADER_ROOM_BYTES,
        duplicate_window=limits.duplicate_window_seconds,
    )


def reader_of(channel: str) -> str:
    """Return the name of the durable consumer through which a channel's readers catch up."""
    return f"channel-{channel}"


async def ensure_events(connection: Connection, channels: Sequence[str] = ()) -> None:
    """Create or update the stream of published events, a bounded history that drops the oldest
    first, and each channel's durable consumer of it. Of one subject only so many are kept that all
    fit: one channel's flood drops its own events of that kind. Raises NatsUnusable when the server
    refuses."""
    most_bytes = min(max(_EVENTS_BYTES, len(channels) * _EVENTS_BYTES_OF_ONE), _MOST_EVENTS_BYTES)
    most_of_one = most_bytes // (max(1, len(channels)) * _EVENT_KINDS * _EVENT_BYTES)
    config = api.StreamConfig(
        name=EVENTS,
        description="Published events about orders, for other services.",
        subjects=[EVENT_SUBJECTS],
        retention=api.RetentionPolicy.LIMITS,
        storage=api.StorageType.FILE,
        discard=api.DiscardPolicy.OLD,
        max_bytes=most_bytes,
        max_msgs_per_subject=max(most_of_one, 1),
        max_age=_EVENTS_SECONDS,
        max_msg_size=LARGEST_RAW_BYTES + HEADER_ROOM_BYTES,
        duplicate_window=_EVENTS_WINDOW_SECONDS,
    )
    await ensure_stream(connection, config)
    for channel in channels:
        await _ensure_reader(connection.jetstream, channel)


async def _ensure_reader(jetstream: JetStreamContext, channel: str) -> None:
    config = api.ConsumerConfig(
        durable_name=reader_of(channel),
        description=f"What was published about orders of the channel {channel}, for its services.",
        filter_subject=f"orders.out.{ref_token(channel)}.>",
        deliver_policy=api.DeliverPolicy.ALL,
        ack_policy=api.AckPolicy.EXPLICIT,
        ack_wait=_READER_SECONDS,
        max_ack_pending=_READER_WAITING,
        max_deliver=-1,
    )
    try:
        await jetstream.add_consumer(EVENTS, config)
    except (APIError, nats.errors.Error, TimeoutError) as error:
        raise NatsUnusable(
            f"JetStream refused the consumer {config.durable_name} of the stream {EVENTS}: {error}."
        ) from error


async def ensure_stream(connection: Connection, config: api.StreamConfig) -> None:
    """Create or update one, kept by as many servers as the connection says. Raises NatsUnusable."""
    await _ensure_alike(connection, [config])


async def _ensure_alike(connection: Connection, configs: Sequence[api.StreamConfig]) -> None:
    """What the store refuses is halved, of all of them alike, until it fits, and once more: the
    next streams need room."""
    jetstream = connection.jetstream
    for config in configs:
        config.num_replicas = connection.replicas
    too_large = False
    while not await _all_fit(jetstream, configs):
        too_large = True
        if not _halve(configs):
            raise NatsUnusable(
                f"JetStream's store has no room for {len(configs)} streams like "
                f"{configs[0].name} of {configs[0].max_bytes} bytes: make its `max_file_store`, or "
                "the disk, larger."
            )
    if too_large:
        if _halve(configs):
            await _all_fit(jetstream, configs)
        _log.warning(
            "JetStream's store is small; %d streams like %s get %d bytes each.",
            *(len(configs), configs[-1].name, configs[-1].max_bytes),
        )


def _halve(configs: Sequence[api.StreamConfig]) -> bool:
    """Halve the bytes of each; False when all have the least."""
    halved = False
    for config in configs:
        assert config.max_bytes is not None
        if config.max_bytes > _SMALLEST_BYTES:
            config.max_bytes = max(_SMALLEST_BYTES, config.max_bytes // 2)
            halved = True
    return halved


async def _all_fit(jetstream: JetStreamContext, configs: Sequence[api.StreamConfig]) -> bool:
    """Create or update them; False when the store has no room for one."""
    for config in configs:
        try:
            await _make_patiently(jetstream, config)
        except (BadRequestError, ServerError) as error:
            if error.err_code in _INSUFFICIENT_STORAGE:
                return False
            raise NatsUnusable(
                f"JetStream refused the stream {config.name}: {error.description}. "
                f"{_remedy(error, config)}"
            ) from error
        except (APIError, nats.errors.Error, TimeoutError) as error:
            raise NatsUnusable(
                f"JetStream did not answer about the stream {config.name} ({error}); is it enabled "
                f"for this account?"
            ) from error
    return True


def _remedy(error: APIError, config: api.StreamConfig) -> str:
    if error.err_code in _TOO_FEW_SERVERS:
        return (
            f"`nats_replicas` wants {config.num_replicas} servers of a cluster to keep it: are so "
            "many up, with JetStream?"
        )
    if isinstance(error, ServerError):
        return "Its own log says why; look at its disk and the rights of its store."
    return "If someone else created a stream of that name, remove it or use another account."


async def _make_patiently(jetstream: JetStreamContext, config: api.StreamConfig) -> None:
    """Create or update it, again after a pause where the server failed for another reason than
    room, and where a cluster has just lost the server that leads."""
    for pause_seconds in _PAUSES_SECONDS:
        try:
            await _make_or_update(jetstream, config)
        except (ServerError, ServiceUnavailableError) as error:
            if error.err_code in _INSUFFICIENT_STORAGE | _TOO_FEW_SERVERS:
                raise
            _log.info("JetStream failed at the stream %s (%s).", config.name, error.description)
            await asyncio.sleep(pause_seconds)
        else:
            return
    await _make_or_update(jetstream, config)


async def _make_or_update(jetstream: JetStreamContext, config: api.StreamConfig) -> None:
    assert config.name is not None
    try:
        present = (await jetstream.stream_info(config.name)).config
    except NotFoundError:
        await jetstream.add_stream(config)
        return
    if not _same(present, config):
        await jetstream.update_stream(config)


def _same(present: api.StreamConfig, wanted: api.StreamConfig) -> bool:
    names = (
        "subjects retention storage discard max_bytes max_msgs_per_subject max_msg_size "
        "duplicate_window num_replicas"
    ).split()
    return all(getattr(present, name) == getattr(wanted, name) for name in names) and (
        _transform(present) == _transform(wanted)
    )


def _transform(config: api.StreamConfig) -> tuple[str, str] | None:
    found = config.subject_transform
    if found is None:
        return None
    return found.src, found.dest
