"""Carries batches out, while this process holds the lease on the jobs: a round tells each batch's
next orders, and notes how those decided that were told before.

What an order is told is noted before it is sent, under a name that the order knows again: killed at
any point, the next process sends the same once more, and an order that has taken it ignores it.
Orders are told through the same stream as every message. What was told and not decided is bounded,
so a batch slows down by itself while the service is busy with other messages.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime, timedelta

from prometheus_client import CollectorRegistry, Gauge

from actors.order.stream import StateOutdated, decode_state
from actors.runtime.errors import StreamUnavailable
from actors.runtime.ports import Clock
from adapters.postgres.batches import Batches, Next, Told, UnderWay
from adapters.postgres.imported import Imported
from adapters.postgres.leases import JOBS
from adapters.postgres.views import Views
from schemas.messages import codec
from schemas.messages.effects import tag_of
from schemas.messages.events import ActionRefused, CancelRefused
from schemas.messages.inputs import ActOnOrder
from schemas.order.ids import OrderId
from service.app.common import Common
from service.app.rounds import in_rounds
from service.batches.targets import Impossible, needs_state, targets_of
from service.inbound.edge import Stream
from service.wiring.store import Store

log = logging.getLogger(__name__)

PERIOD_SECONDS = 1.0
"""Between two rounds; a batch's rate is that of a round."""

ROUND_ORDERS = 500
"""Orders told in a round, by all batches together."""

UNDECIDED_ROUNDS = 4
"""A batch has at most so many rounds' orders under way: told, and not decided."""

TOGETHER = 50
"""Messages on their way to the stream at once: a tenth of what the publisher takes."""

LOOKED_AT = 2_000
"""Orders of a batch that a round asks about; more than can be under way."""

AGAIN_SECONDS = 60.0
"""An order that has not taken what it was told by then is told the same again."""

MAX_TRIES = 30
"""Half an hour; after it the order counts as failed, though it may decide yet."""

PRUNE_SECONDS, KEPT_DAYS = 600.0, 90
SOURCE = "canonical"
"""Decisions speak our own shape, as other services do over NATS."""

_REFUSED = (tag_of(ActionRefused), tag_of(CancelRefused))


class BatchMetrics:
    """Metrics of batches."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.running = Gauge(
            "orderwright_batches_running", "Batches not at their end.", registry=registry
        )


class BatchWork:
    """Works in rounds. `may` returns whether this process does the jobs. What was told before this
    process began is told again at once: whoever told it may have ended before it was sent."""

    def __init__(
        self,
        batches: Batches,
        views: Views,
        imported: Imported,
        stream: Stream,
        clock: Clock,
        metrics: BatchMetrics,
        *,
        may: Callable[[], bool],
    ) -> None:
        self._batches = batches
        self._views = views
        self._imported = imported
        self._stream = stream
        self._clock = clock
        self._metrics = metrics
        self._may = may
        self._began = clock.now()
        self._pruned = float("-inf")

    async def run(self) -> None:
        """Work until cancelled."""
        await in_rounds(
            self.round, every_seconds=PERIOD_SECONDS, may=self._may, log=log, what="A batch"
        )

    async def round(self) -> None:
        """Note what was decided, and tell the next orders. Raises JournalUnavailable."""
        under_way = await self._batches.under_way()
        self._metrics.running.set(len(under_way))
        left = ROUND_ORDERS
        for at, one in enumerate(under_way):
            undecided = one.sent - await self._settle(one)
            if one.state == "running":
                share = max(1, left // (len(under_way) - at))
                room = UNDECIDED_ROUNDS * one.per_second - undecided
                left -= await self._tell(one, max(0, min(one.per_second, share, room)))
            await self._batches.end(one.id, self._clock.now())
        await self._prune()

    # --- telling ----------------------------------------------------------------------------------

    async def _tell(self, batch: UnderWay, most: int) -> int:
        """Tell the next orders, at most so many; return how many there were."""
        if most <= 0:
            return 0
        orders = await self._batches.next(batch.id, most, with_state=needs_state(batch.verb))
        targets: dict[str, tuple[str, ...]] = {}
        impossible: dict[str, str] = {}
        for one in orders:
            try:
                targets[one.order_id] = await self._targets(batch, one)
            except Impossible as error:
                impossible[one.order_id] = str(error)
        if impossible:
            await self._batches.settle(batch.id, impossible)
        if not targets:
            return len(orders)
        now = self._clock.now()
        await self._batches.note(batch.id, targets, now)
        await self._send(
            batch,
            [
                Told(
                    order_id=one.order_id,
                    channel=one.channel,
                    ref=one.ref,
                    targets=targets[one.order_id],
                    sent_at=now,
                )
                for one in orders
                if one.order_id in targets
            ],
        )
        return len(orders)

    async def _targets(self, batch: UnderWay, one: Next) -> tuple[str, ...]:
        if one.state is None:
            return targets_of(batch.verb, batch.target, None)
        try:
            state = decode_state(one.state)
        except StateOutdated:
            state = await self._views.state(OrderId(one.order_id))
        return targets_of(batch.verb, batch.target, state)

    async def _send(self, batch: UnderWay, orders: Sequence[Told]) -> None:
        """Publish what orders are told. What the stream does not take now is told again later."""
        messages = [(one, at) for one in orders for at in range(len(one.targets))]
        for begin in range(0, len(messages), TOGETHER):
            part = messages[begin : begin + TOGETHER]
            sending = (self._publish(batch, one, at) for one, at in part)
            ends = await asyncio.gather(*sending, return_exceptions=True)
            failed = [end for end in ends if end is not None]
            for end in failed:
                if not isinstance(end, StreamUnavailable):
                    raise end
            if failed:
                log.info("Orders of batch %d are told later: %s", batch.id, failed[0])

    async def _publish(self, batch: UnderWay, one: Told, at: int) -> None:
        act = ActOnOrder(
            ref=one.ref,
            verb=batch.verb,
            person=person_of(batch),
            reason=batch.reason,
            target=one.targets[at],
        )
        await self._stream.publish(
            one.channel,
            "act",
            one.ref,
            codec.encode(act),
            delivery_id=_delivery(batch, one, at),
            source=SOURCE,
            topic="",
        )

    # --- settling ---------------------------------------------------------------------------------

    async def _settle(self, batch: UnderWay) -> int:
        """Note how orders decided; return how many did. What was not taken in time is sent
        again."""
        if not batch.sent:
            return 0
        told = await self._batches.sent(batch.id, LOOKED_AT)
        inputs = {
            _input(batch, one, at): one.order_id for one in told for at in range(len(one.targets))
        }
        taken = await self._batches.taken(inputs)
        missing = [one for one in inputs if one not in taken]
        versions: dict[str, int] = {}
        for name, version in taken.items():
            versions[inputs[name]] = max(version, versions.get(inputs[name], 0))
        for name in missing:
            versions.pop(inputs[name], None)
        ends = dict.fromkeys(versions, "")
        ends.update(await self._refused(batch, versions))
        ends.update(await self._quarantined(missing, inputs))
        ends.update(_given_up(told, {inputs[name] for name in missing}, self._clock.now()))
        if ends:
            await self._batches.settle(batch.id, ends)
        await self._again(batch, [one for one in told if one.order_id not in ends])
        return len(ends)

    async def _refused(self, batch: UnderWay, versions: Mapping[str, int]) -> dict[str, str]:
        """Return why orders refused; their refusals name this batch."""
        found: dict[str, str] = {}
        if not versions:
            return found
        for order_id, body in await self._batches.refusals(versions, _REFUSED):
            event = codec.decode_event(body)
            match event:
                case ActionRefused(person=person, reason=reason):
                    pass
                case CancelRefused(requested_by=person, reason=reason):
                    pass
                case _:
                    continue
            if person == person_of(batch):
                found[order_id] = reason or "The order refused it."
        return found

    async def _quarantined(
        self, missing: Sequence[str], inputs: Mapping[str, str]
    ) -> dict[str, str]:
        if not missing:
            return {}
        aside = await self._imported.quarantined(missing)
        return {
            inputs[name]: f"The decision is in quarantine ({one.reason}): `orderwright quarantine"
            f" show {one.id}` says why."
            for name, one in aside.items()
        }

    async def _again(self, batch: UnderWay, undecided: Sequence[Told]) -> None:
        now = self._clock.now()
        before: datetime = max(self._began, now - timedelta(seconds=AGAIN_SECONDS))
        late = [one for one in undecided if one.sent_at < before][: batch.per_second]
        if late:
            await self._batches.sent_again(batch.id, [one.order_id for one in late], now)
            await self._send(batch, late)

    async def _prune(self) -> None:
        passed = self._clock.monotonic()
        if passed - self._pruned >= PRUNE_SECONDS:
            self._pruned = passed
            await self._batches.prune(self._clock.now() - timedelta(days=KEPT_DAYS))


def _given_up(told: Sequence[Told], missing: Collection[str], now: datetime) -> dict[str, str]:
    """Return the orders that have taken nothing however often they were told."""
    before = now - timedelta(seconds=AGAIN_SECONDS)
    why = "The order has not taken it for half an hour. Its timeline shows it if it still does."
    return {
        one.order_id: why
        for one in told
        if one.order_id in missing and one.tries >= MAX_TRIES and one.sent_at < before
    }


def person_of(batch: UnderWay) -> str:
    """Return whom the orders' timelines name."""
    return f"{batch.person}, batch {batch.id}"


def _delivery(batch: UnderWay, one: Told, at: int) -> str:
    return f"batch:{batch.id}:{one.order_id}:{at}"


def _input(batch: UnderWay, one: Told, at: int) -> str:
    """Return how the order knows the delivery."""
    return f"{one.channel}/act/{_delivery(batch, one, at)}"


def batch_work(common: Common, store: Store, stream: Stream) -> BatchWork:
    """Return the work of a running service."""
    return BatchWork(
        Batches(store.reports, store.sealing),
        store.views,
        Imported(store.reports),
        stream,
        common.clock,
        BatchMetrics(common.metrics.registry),
        may=lambda: store.leases.surely_holds(JOBS),
    )
